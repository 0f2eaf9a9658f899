/* A raw client of paratest-mcp; see mcp_rig.h. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "tests/integ/mcp_rig.h"

#define META	"io.modelcontextprotocol/"

static void
launch(struct mcp_rig *m, const struct service *s, const char *option, const char *value)
{
	posix_spawn_file_actions_t	 fa;
	const char			*run = getenv("XDG_RUNTIME_DIR"),
	    *asan = getenv("ASAN_OPTIONS");
	char				*argv[8], *env[12], log[160];
	int				 in[2], out[2], n = 0, k = 0;

	argv[n++] = xstrdup("paratest-mcp");
	if (s->socket[0] != '\0') {
		argv[n++] = xstrdup("--socket");
		argv[n++] = xstrdup(s->socket);
	}
	if (option != NULL) {
		argv[n++] = xstrdup(option);
		argv[n++] = xstrdup(value);
	}
	argv[n] = NULL;
	env[k++] = xasprintf("HOME=%s", s->dir);
	env[k++] = xstrdup("LOGNAME=somebody");
	env[k++] = xstrdup("PATH=/usr/local/bin:/usr/bin:/bin");
	env[k++] = xstrdup("SHELL=/bin/sh");
	env[k++] = xstrdup("TERM=dumb");
	env[k++] = xstrdup("USER=somebody");
	if (s->socket[0] == '\0' && run != NULL)
		env[k++] = xasprintf("XDG_RUNTIME_DIR=%s", run);
	if (asan != NULL)
		env[k++] = xasprintf("ASAN_OPTIONS=%s", asan);
	env[k] = NULL;
	(void)snprintf(log, sizeof log, "%s/mcp.log", s->dir);
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	(void)posix_spawn_file_actions_init(&fa);
	(void)posix_spawn_file_actions_adddup2(&fa, in[0], 0);
	(void)posix_spawn_file_actions_adddup2(&fa, out[1], 1);
	(void)posix_spawn_file_actions_addopen(&fa, 2, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	assert_int_equal(posix_spawn(&m->pid, service_program("paratest-mcp"), &fa, NULL,
	    argv, env), 0);
	(void)posix_spawn_file_actions_destroy(&fa);
	(void)close(in[0]);
	(void)close(out[1]);
	m->in = in[1];
	m->out = out[0];
	while (n > 0)
		free(argv[--n]);
	while (k > 0)
		free(env[--k]);
}

/* ---- lines ---- */

static void
write_line(struct mcp_rig *m, json_t *message)
{
	char	*text = json_dumps(message, JSON_COMPACT), *line = xasprintf("%s\n", text);
	size_t	 n = strlen(line), done = 0;

	while (done < n) {
		ssize_t	w = write(m->in, line + done, n - done);

		assert_true(w > 0);
		done += (size_t)w;
	}
	free(line);
	free(text);
	json_decref(message);
}

/* Reads what comes within `ms`.  False at the end of it. */
static bool
read_more(struct mcp_rig *m, int ms)
{
	struct pollfd	p = { .fd = m->out, .events = POLLIN };
	ssize_t		n;

	if (poll(&p, 1, ms) <= 0)
		return true;
	if (m->cap - m->n < 65536)
		m->buf = xreallocarray(m->buf, m->cap = m->cap * 2 + 65536, 1);
	n = read(m->out, m->buf + m->n, m->cap - m->n);
	if (n > 0)
		m->n += (size_t)n;
	return n > 0;
}

/* Nothing but messages may be on it: one a line, each a valid one. */
static void
take_lines(struct mcp_rig *m)
{
	char	*nl;

	while ((nl = m->n > 0 ? memchr(m->buf, '\n', m->n) : NULL) != NULL) {
		size_t		 n = (size_t)(nl - m->buf);
		json_error_t	 e;
		json_t		*v = json_loadb(m->buf, n, JSON_REJECT_DUPLICATES, &e);

		if (v == NULL || json_object_get(v, "jsonrpc") == NULL)
			fail_msg("no message: %.*s", n > 200 ? 200 : (int)n, m->buf);
		(void)json_array_append_new(json_object_get(v, "method") != NULL ? m->notes :
		    m->answers, v);
		m->n -= n + 1;
		memmove(m->buf, nl + 1, m->n);
	}
}

static json_t *
take_answer(struct mcp_rig *m, int id)
{
	json_t	*v;
	size_t	 i;

	json_array_foreach(m->answers, i, v) {
		if (json_integer_value(json_object_get(v, "id")) != id)
			continue;
		json_incref(v);
		(void)json_array_remove(m->answers, i);
		return v;
	}
	return NULL;
}

json_t *
mcp_wait(struct mcp_rig *m, int id)
{
	msec_t	 end = now_ms() + SERVICE_DEADLINE_MS;
	json_t	*v;

	for (;;) {
		take_lines(m);
		v = take_answer(m, id);
		if (v != NULL)
			return v;
		if (now_ms() > end || !read_more(m, 1000))
			fail_msg("no answer to request %d", id);
	}
}

bool
mcp_answered(struct mcp_rig *m, int id)
{
	json_t	*v;
	size_t	 i;

	(void)read_more(m, 0);
	take_lines(m);
	json_array_foreach(m->answers, i, v) {
		if (json_integer_value(json_object_get(v, "id")) == id)
			return true;
	}
	return false;
}

/* ---- requests ---- */

int
mcp_send(struct mcp_rig *m, const char *method, json_t *params)
{
	json_t	*o = json_pack("{s:s, s:i, "
	    "s:s}", "jsonrpc", "2.0", "id", ++m->next, "method", method);
	json_t	*meta;

	if (params == NULL)
		params = json_object();
	if (m->modern) {
		meta = json_object_get(params, "_meta");
		if (meta == NULL)
			(void)json_object_set_new(params, "_meta", meta = json_object());
		(void)json_object_set_new(meta, META "protocolVersion", json_string("2026-07-28"));
		if (json_object_get(meta, META "clientCapabilities") == NULL)
			(void)json_object_set_new(meta, META "clientCapabilities", json_object());
	}
	(void)json_object_set_new(o, "params", params);
	write_line(m, o);
	return m->next;
}

void
mcp_note(struct mcp_rig *m, const char *method, json_t *params)
{
	json_t	*o = json_pack("{s:s, s:s}", "jsonrpc", "2.0", "method", method);

	if (params != NULL)
		(void)json_object_set_new(o, "params", params);
	write_line(m, o);
}

json_t *
mcp_ask(struct mcp_rig *m, const char *method, json_t *params)
{
	json_t	*answer = mcp_wait(m, mcp_send(m, method, params));
	json_t	*result = json_incref(json_object_get(answer, "result"));

	if (result == NULL)
		fail_msg("%s: %s", method, json_dumps(answer, 0));
	json_decref(answer);
	return result;
}

int
mcp_tool_send(struct mcp_rig *m, const char *name, json_t *arguments)
{
	return mcp_send(m, "tools/call", json_pack("{s:s, s:o}", "name", name, "arguments",
	    arguments));
}

json_t *
mcp_structured(json_t *answer)
{
	json_t	*v = json_object_get(json_object_get(answer, "result"), "structuredContent");

	if (v == NULL)
		fail_msg("no structured result: %s", json_dumps(answer, 0));
	json_incref(v);
	json_decref(answer);
	return v;
}

json_t *
mcp_tool(struct mcp_rig *m, const char *name, json_t *arguments)
{
	return mcp_structured(mcp_wait(m, mcp_tool_send(m, name, arguments)));
}

char *
mcp_tool_fails(struct mcp_rig *m, const char *name, json_t *arguments)
{
	json_t	*answer = mcp_wait(m, mcp_tool_send(m, name, arguments));
	json_t	*r = json_object_get(answer, "result");
	char	*text;

	/* Text alone: what a client shows of a failure differs else. */
	if (!json_is_true(json_object_get(r, "isError")) ||
	    json_object_get(r, "structuredContent") != NULL ||
	    json_array_size(json_object_get(r, "content")) != 1)
		fail_msg("%s did not fail: %s", name, json_dumps(answer, 0));
	text = xstrdup(json_string_value(json_object_get(json_array_get(json_object_get(r,
	    "content"), 0), "text")));
	json_decref(answer);
	return text;
}

/* ---- beginning and end ---- */

void
mcp_start(struct mcp_rig *m, const struct service *s, const char *option, const char *value,
    bool modern)
{
	json_t	*r;

	*m = (struct mcp_rig){ .notes = json_array(), .answers = json_array(), .modern = modern };
	launch(m, s, option, value);
	if (modern)
		return;
	r = mcp_ask(m, "initialize", json_pack("{s:s, s:{}, s:{s:s, s:s}}", "protocolVersion",
	    "2025-11-25", "capabilities", "clientInfo", "name", "rig", "version", "1"));
	assert_string_equal(json_string_value(json_object_get(r, "protocolVersion")), "2025-11-25");
	json_decref(r);
	mcp_note(m, "notifications/initialized", NULL);
}

void
mcp_end(struct mcp_rig *m)
{
	msec_t	end = now_ms() + SERVICE_DEADLINE_MS;
	int	status;

	(void)close(m->in);
	while (read_more(m, 100)) {
		take_lines(m);
		if (now_ms() > end)
			fail_msg("it did not end with its input");
	}
	assert_int_equal(waitpid(m->pid, &status, 0), m->pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("it ended with status %#x", status);
	(void)close(m->out);
	json_decref(m->notes);
	json_decref(m->answers);
	free(m->buf);
}
