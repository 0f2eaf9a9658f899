/*
 * A server of the MCP core in this process, on two pipes: lines are said to it, and what
 * it answers is read line by line.  Its tool "hold" answers when the test wants it to.
 */
#ifndef TESTS_UNIT_MCP_FIXTURE_H
#define TESTS_UNIT_MCP_FIXTURE_H

#include <event2/event.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "mcp/core.h"
#include "mcp/mcp.h"

#define RIG_DEADLINE_MS	10000

/* What handlers saw; one rig at a time. */
static struct {
	struct mcp_request	*held[MCP_TASKS + 2];
	size_t			 nheld;
	char			 reason[100];	/* of the last cancel */
	char			 subscribed[200];	/* "+uri" and "-uri" */
} seen;

struct rig {
	struct event_base	*base;
	struct mcp_server	*server;
	int			 in[2], out[2];
	char			*text;		/* read and not handed out */
	size_t			 len;
};

static inline void
on_held_cancel(void *arg, const char *reason)
{
	(void)arg;
	(void)snprintf(seen.reason, sizeof(seen.reason), "%s", reason);
}

static inline void
call_hold(struct mcp_request *q, void *arg)
{
	(void)arg;
	mcp_on_cancel(q, on_held_cancel, NULL);
	seen.held[seen.nheld++] = q;
}

static inline void
call_double(struct mcp_request *q, void *arg)
{
	(void)arg;
	mcp_reply_structured(q, json_pack("{s:I}", "n",
	    2 * json_integer_value(json_object_get(mcp_arguments(q), "n"))), NULL,
	    json_pack("[{s:s, s:s, s:s}]", "type", "resource_link", "uri", "x://1", "name", "one"));
}

static inline void
list_one(struct mcp_request *q, void *arg)
{
	(void)arg;
	if (mcp_cursor(q) != NULL && strcmp(mcp_cursor(q), "2") != 0)
		mcp_reply_bad_cursor(q);
	else
		mcp_reply_list(q, json_pack("[{s:s, s:s, s:s}]", "uri", "x://1", "name", "one",
		    "title", "One"), mcp_cursor(q) == NULL ? "2" : NULL, 1000);
}

static inline void
read_one(struct mcp_request *q, void *arg)
{
	(void)arg;
	if (strcmp(mcp_uri(q), "x://1") == 0)
		mcp_reply_resource(q, json_pack("[{s:s, s:s}]", "uri", "x://1", "text", "1"), 0);
	else
		mcp_reply_no_resource(q);
}

static inline void
get_prompt(struct mcp_request *q, void *arg)
{
	(void)arg;
	mcp_reply_prompt(q, NULL, json_pack("[{s:s, s:{s:s, s:O}}]", "role", "user", "content",
	    "type", "text", "text", json_object_get(mcp_arguments(q), "who")));
}

static inline void
complete_many(struct mcp_request *q, void *arg)
{
	json_t	*v = json_array();

	(void)arg;
	for (int i = 0; i < 101; i++)
		(void)json_array_append_new(v, json_string("v"));
	mcp_reply_completion(q, v, 101);
}

static inline bool
on_subscribe(void *arg, const char *uri, bool on)
{
	size_t	len = strlen(seen.subscribed);

	(void)arg;
	if (strncmp(uri, "x://", 4) != 0)
		return false;
	(void)snprintf(seen.subscribed + len, sizeof(seen.subscribed) - len, "%c%s",
	    on ? '+' : '-', uri);
	return true;
}

static const struct mcp_tool rig_tools[] = {
	{ .name = "double", .title = "Double", .description = "A number, doubled.",
	    .input_schema = "{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\"}},"
	    "\"required\":[\"n\"],\"additionalProperties\":false}",
	    .output_schema = "{\"type\":\"object\"}", .annotations = "{\"readOnlyHint\":true}",
	    .meta = "{\"x/y\":true}", .call = call_double },
	{ .name = "hold", .description = "Waits.", .input_schema = "{\"type\":\"object\"}",
	    .call = call_hold, .task_after_ms = 1 },
};
static const struct mcp_template rig_templates[] = {
	{ .uri_template = "x://{id}", .name = "thing" },
};
static const struct mcp_prompt_argument rig_arguments[] = {
	{ "who", "Whom to greet.", true }, { "how", "In which words.", false },
};
static const struct mcp_prompt rig_prompts[] = {
	{ .name = "greet", .description = "Greets.", .arguments = rig_arguments, .narguments = 2,
	    .get = get_prompt },
};
static const struct mcp_offer rig_offer = {
	.name = "rig", .title = "Rig", .version = "1", .instructions = "Use it.",
	.tools = rig_tools, .ntools = 2, .templates = rig_templates, .ntemplates = 1,
	.prompts = rig_prompts, .nprompts = 1,
	.list_resources = list_one, .read_resource = read_one, .complete = complete_many,
	.subscribe = on_subscribe, .changing = MCP_LIST_RESOURCES, .logs = true,
};

/* ---- the rig ---- */

static inline void
rig_start(struct rig *r)
{
	memset(&seen, 0, sizeof(seen));
	*r = (struct rig){ .text = NULL };
	assert_int_equal(pipe2(r->in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(r->out, O_CLOEXEC), 0);
	assert_int_equal(fcntl(r->out[0], F_SETFL, O_NONBLOCK), 0);
	r->base = mcp_base_new();
	r->server = mcp_new(r->base, r->in[0], r->out[1], &rig_offer);
}

static inline void
rig_stop(struct rig *r)
{
	mcp_free(r->server);
	event_base_free(r->base);
	free(r->text);
	(void)close(r->in[0]);
	if (r->in[1] >= 0)
		(void)close(r->in[1]);
	(void)close(r->out[0]);
	(void)close(r->out[1]);
}

static inline void
turn(struct rig *r)
{
	(void)event_base_loop(r->base, EVLOOP_NONBLOCK);
}

static inline void
on_later(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	*(bool *)arg = true;
}

/* Until what was to happen within a few milliseconds has: the loop keeps their order. */
static inline void
later(struct rig *r)
{
	struct timeval	tv = clock_timeval(5);
	bool		came = false;

	assert_int_equal(event_base_once(r->base, -1, EV_TIMEOUT, on_later, &came, &tv), 0);
	while (!came)
		(void)event_base_loop(r->base, EVLOOP_ONCE);
}

static inline void
say_bytes(struct rig *r, const char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t	k = write(r->in[1], bytes, n < 4096 ? n : 4096);

		assert_true(k > 0);
		bytes += k;
		n -= (size_t)k;
		turn(r);
	}
}

static inline void
say(struct rig *r, const char *line)
{
	say_bytes(r, line, strlen(line));
	say_bytes(r, "\n", 1);
}

static inline void
take_output(struct rig *r)
{
	char	buf[4096];
	ssize_t	n;

	while ((n = read(r->out[0], buf, sizeof(buf))) > 0) {
		r->text = xreallocarray(r->text, r->len + (size_t)n + 1, 1);
		memcpy(r->text + r->len, buf, (size_t)n);
		r->len += (size_t)n;
		r->text[r->len] = '\0';
	}
}

/* The next line that is written, without its end; free() it.  Fails when none comes. */
static inline char *
heard(struct rig *r)
{
	msec_t	 deadline = now_ms() + RIG_DEADLINE_MS;
	char	*nl, *line;

	for (;;) {
		take_output(r);
		nl = r->len > 0 ? strchr(r->text, '\n') : NULL;
		if (nl != NULL)
			break;
		if (now_ms() > deadline)
			fail_msg("nothing was said");
		turn(r);
		(void)usleep(1000);
	}
	line = xstrndup(r->text, (size_t)(nl - r->text));
	r->len -= (size_t)(nl + 1 - r->text);
	memmove(r->text, nl + 1, r->len + 1);
	return line;
}

static inline void
hears(struct rig *r, const char *want)
{
	char	*line = heard(r);

	assert_string_equal(line, want);
	free(line);
}

/* Nothing is said before the answer to a ping. */
static inline void
hears_nothing(struct rig *r)
{
	say(r, "{\"jsonrpc\":\"2.0\",\"id\":\"quiet?\",\"method\":\"ping\"}");
	hears(r, "{\"jsonrpc\":\"2.0\",\"id\":\"quiet?\",\"result\":{}}");
}

/* Introduces a legacy client, and drops the answer. */
static inline void
greet(struct rig *r, const char *version, const char *capabilities)
{
	char	*line = xasprintf("{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\","
		    "\"params\":{\"protocolVersion\":\"%s\",\"capabilities\":%s}}", version,
		    capabilities);

	say(r, line);
	free(line);
	free(heard(r));
}

/* params of a modern request: its _meta, and what else. */
#define MODERN(more) "{\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"," \
	"\"io.modelcontextprotocol/clientCapabilities\":{}}" more "}"
#define MODERN_TASKS(more) "{\"_meta\":{" \
	"\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"," \
	"\"io.modelcontextprotocol/clientCapabilities\":{\"extensions\":" \
	"{\"io.modelcontextprotocol/tasks\":{}}}}" more "}"
#define REQUEST(id, method, params) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"" method \
	"\",\"params\":" params "}"
#define SERVER_META "\"_meta\":{\"io.modelcontextprotocol/serverInfo\":{\"name\":\"rig\"," \
	"\"title\":\"Rig\",\"version\":\"1\"}}"

#endif
