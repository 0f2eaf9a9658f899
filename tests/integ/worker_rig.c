/* The supervisor's side of one worker, for tests; see worker_rig.h. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "tests/integ/worker_rig.h"

extern char	**environ;

/* ---- words ---- */

struct svs
rig_list(const char *const *words)
{
	static struct sv	lists[8][16];
	static unsigned		at;
	struct sv		*v = lists[at++ % 8];
	uint32_t		n = 0;

	for (; words[n] != NULL; n++) {
		assert_true(n < 16);
		v[n] = sv_from(words[n]);
	}
	return (struct svs){ v, n };
}

static const char *
built(const char *name)
{
	static char	 paths[8][4200];
	static unsigned	 at;
	char		 dir[4096];
	const char	*bin = getenv("BIN");
	char		*p = paths[at++ % 8];

	assert_non_null(realpath(bin != NULL ? bin : "build", dir));
	(void)snprintf(p, sizeof paths[0], "%s/%s", dir, name);
	return p;
}

const char *
rig_helper(const char *name)
{
	char	path[128];

	(void)snprintf(path, sizeof path, "tests/helpers/%s", name);
	return built(path);
}

const char *
rig_line(const char *line)
{
	static char	lines[8][8192];
	static unsigned	at;
	const char	*dir = built("tests/helpers/");
	char		*p = lines[at++ % 8], *o = p;

	for (; *line != '\0'; line++) {
		int	n = *line == '@' ? snprintf(o, 4200, "%s", dir) : 1;

		if (*line != '@')
			*o = *line;
		o += n;
		assert_true(o < p + 3000);
	}
	*o = '\0';
	return p;
}

struct msg_test_add
rig_test(struct svs argv)
{
	return (struct msg_test_add){ .name = SV_LIT("a test"), .argv = argv,
	    .cwd = SV_LIT("/") };
}

void
rig_assert_contains(const char *text, const char *part)
{
	if (text == NULL || strstr(text, part) == NULL)
		fail_msg("\"%s\" does not contain \"%s\"", text != NULL ? text : "(none)", part);
}

void
rig_assert_outcome(const struct rig *g, enum outcome want, enum error_category category)
{
	if (g->r.m.outcome != want || g->r.m.error_category != category)
		fail_msg("%s, category \"%s\": %s", outcome_name(g->r.m.outcome),
		    error_category_name(g->r.m.error_category), g->r.message);
}

pid_t
rig_pid(const char *text)
{
	int	pid;

	assert_non_null(text);
	assert_int_equal(sscanf(text, "%d", &pid), 1);
	return (pid_t)pid;
}

/* ---- what comes ---- */

static void
append(struct rig_bytes *b, struct sv s)
{
	b->p = xreallocarray(b->p, b->n + s.n + 1, 1);
	if (s.n > 0)
		memcpy(b->p + b->n, s.p, s.n);
	b->n += s.n;
	b->p[b->n] = '\0';
}

static void
take_output(struct rig_result *r, unsigned stream, struct sv data)
{
	assert_in_range(stream, 1, 2);
	append(&r->streams[0], data);
	append(&r->streams[stream], data);
}

static char **
copy_list(struct svs list)
{
	char	**v = xcalloc(list.n + 1, sizeof *v);

	for (uint32_t i = 0; i < list.n; i++)
		v[i] = xstrndup(list.v[i].p, list.v[i].n);
	return v;
}

static void
take_done(struct rig_result *r, const struct msg_attempt_done *m)
{
	const unsigned char	*p = (const unsigned char *)m->output.p;

	for (size_t at = 0; at < m->output.n;) {
		size_t	n = (size_t)p[at + 1] << 24 | (size_t)p[at + 2] << 16 |
			    (size_t)p[at + 3] << 8 | p[at + 4];

		assert_true(at + 5 + n <= m->output.n);
		take_output(r, p[at], (struct sv){ m->output.p + at + 5, n });
		at += 5 + n;
	}
	r->m = *m;
	r->message = xstrndup(m->error_message.p != NULL ? m->error_message.p : "",
	    m->error_message.n);
	r->skip_reason = xstrndup(m->skip_reason.p != NULL ? m->skip_reason.p : "",
	    m->skip_reason.n);
	r->retry_rule = xstrndup(m->retry_rule.p != NULL ? m->retry_rule.p : "", m->retry_rule.n);
	r->failure = xstrndup(m->failure.p != NULL ? m->failure.p : "", m->failure.n);
	for (int i = 0; i < FIGURE_COUNT; i++)
		r->figures[i] = figure_of(m->figures, (enum figure)i);
	r->assertions = copy_list(m->assertions);
	r->leaked = copy_list(m->leaked);
	r->failures = copy_list(m->sub_failures);
	for (int i = 0; i < 3; i++)
		append(&r->streams[i], (struct sv){ "", 0 });
	r->done = true;
}

static int
on_frame(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct rig	*g = arg;
	uint64_t	 now = now_ms();

	(void)id;
	if (now - g->last_ms > g->max_silence_ms)
		g->max_silence_ms = (unsigned)(now - g->last_ms);
	g->last_ms = now;
	switch (type) {
	case MSG_READY:
		assert_int_equal(m->ready.version, MSG_VERSION);
		assert_true(sv_is(m->ready.isolation, "process"));
		assert_true(m->ready.host.n > 0);
		g->ready_pid = m->ready.pid;
		g->readys++;
		return 0;
	case MSG_HEARTBEAT:
		g->heartbeats++;
		return 0;
	case MSG_OUTPUT:
		assert_true(m->output.data.n <= 65536);
		if (m->output.live)
			append(&g->r.live, m->output.data);
		else
			take_output(&g->r, (unsigned)m->output.stream, m->output.data);
		g->r.frames += !m->output.live;
		return 0;
	case MSG_ATTEMPT_DONE:
		assert_int_equal(m->attempt_done.attempt_id, g->next_id);
		assert_false(g->r.done);
		take_done(&g->r, &m->attempt_done);
		return 0;
	case MSG_LOG:
		print_message("worker: " SV_FMT "\n", SV_ARG(m->log.text));
		return 0;
	default:
		return -EBADMSG;
	}
}

static void
read_some(struct rig *g, uint64_t end_ms)
{
	struct pollfd	 p = { .fd = g->fd, .events = POLLIN };
	uint64_t	 now = now_ms();
	const char	*why = "?";
	int		 n;

	if (now >= end_ms)
		fail_msg("the worker did not answer within %d ms", RIG_DEADLINE_MS);
	if (poll(&p, 1, (int)(end_ms - now)) != 1)
		return;
	n = evbuffer_read(g->in, g->fd, 1 << 20);
	if (n <= 0) {
		g->eof = true;
		return;
	}
	if (msg_drain(g->in, MSG_DIR_W2S, g->reader, on_frame, g, &why) != 0)
		fail_msg("the worker sent a bad frame: %s", why);
}

void
rig_until(struct rig *g, bool (*ok)(const struct rig *))
{
	uint64_t	end = now_ms() + RIG_DEADLINE_MS;

	while (!ok(g)) {
		if (g->eof)
			fail_msg("the worker has gone");
		read_some(g, end);
	}
}

void
rig_until_live(struct rig *g, const char *text)
{
	uint64_t	end = now_ms() + RIG_DEADLINE_MS;

	while (g->r.live.p == NULL || strstr(g->r.live.p, text) == NULL) {
		if (g->eof || g->r.done)
			fail_msg("\"%s\" was not printed", text);
		read_some(g, end);
	}
}

/* ---- what is sent ---- */

void
rig_send(struct rig *g, enum msg_type type, const void *body)
{
	struct evbuffer	*out = evbuffer_new();
	size_t		 n;
	unsigned char	*p;

	assert_int_equal(msg_put(out, type, 0, body), 0);
	n = evbuffer_get_length(out);
	p = evbuffer_pullup(out, -1);
	for (size_t at = 0; at < n;) {
		ssize_t	w = send(g->fd, p + at, n - at, MSG_NOSIGNAL);

		assert_true(w > 0 || errno == EPIPE);
		if (w <= 0)
			break;
		at += (size_t)w;
	}
	evbuffer_free(out);
}

void
rig_context(struct rig *g, uint64_t id, struct svs env, uint64_t mask)
{
	struct msg_context	m = { .has = MSG_BIT(context, umask), .context = id,
				    .run = SV_LIT("0123abcd"), .env = env, .umask = mask,
				    .seed = 42 };

	rig_send(g, MSG_CONTEXT, &m);
}

static void
forget(struct rig *g)
{
	struct rig_result	*r = &g->r;
	char			**lists[] = { r->assertions, r->leaked, r->failures };

	for (size_t i = 0; i < 3; i++) {
		for (char **s = lists[i]; s != NULL && *s != NULL; s++)
			free(*s);
		free(lists[i]);
		free(r->streams[i].p);
	}
	free(r->live.p);
	free(r->message);
	free(r->skip_reason);
	free(r->retry_rule);
	free(r->failure);
	memset(r, 0, sizeof *r);
}

uint64_t
rig_begin(struct rig *g, const struct msg_test_add *t, const struct rig_options *o)
{
	static const struct rig_options	none;
	struct msg_attempt		m = { .context = 1, .slot = 3 };
	char				*spec;
	size_t				 n;

	if (o == NULL)
		o = &none;
	forget(g);
	assert_int_equal(msg_encode(MSG_TEST_ADD, t, &spec, &n), 0);
	m.attempt_id = ++g->next_id;
	m.spec = (struct sv){ spec, n };
	m.timeout_ms = o->timeout_ms;
	m.grace_ms = o->grace_ms;
	m.follow = o->follow;
	m.condition = o->condition;
	m.usual_ms = o->usual_ms;
	m.number = o->number != 0 ? o->number : 1;
	m.output_limit = o->output_limit > 0 ? o->output_limit : 10 << 20;
	g->last_ms = now_ms();
	g->max_silence_ms = 0;
	rig_send(g, MSG_ATTEMPT, &m);
	free(spec);
	return m.attempt_id;
}

static bool
is_done(const struct rig *g)
{
	return g->r.done;
}

/* Nothing of a test is left: at most an empty folder waits for the next one. */
static void
assert_clean(const struct rig *g)
{
	char		 path[400];
	DIR		*dir = opendir(g->scratch);
	struct dirent	*e;
	unsigned	 n = 0;

	assert_non_null(dir);
	while ((e = readdir(dir)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		(void)snprintf(path, sizeof path, "%s/%s", g->scratch, e->d_name);
		assert_int_equal(rig_count_entries(path), 0);
		n++;
	}
	(void)closedir(dir);
	assert_in_range(n, 0, 1);
}

void
rig_until_done(struct rig *g)
{
	rig_until(g, is_done);
}

void
rig_finish(struct rig *g)
{
	rig_until_done(g);
	assert_clean(g);
}

void
rig_run(struct rig *g, const struct msg_test_add *t, const struct rig_options *o)
{
	(void)rig_begin(g, t, o);
	rig_finish(g);
}

void
rig_abort(struct rig *g, uint64_t id, bool kill_now, bool timeout)
{
	struct msg_abort	m = { .attempt_id = id, .kill = kill_now, .timeout = timeout };

	rig_send(g, MSG_ABORT, &m);
}

void
rig_follow(struct rig *g, uint64_t id, bool on)
{
	struct msg_follow	m = { .attempt_id = id, .on = on };

	rig_send(g, MSG_FOLLOW, &m);
}

/* ---- processes and folders ---- */

bool
rig_alive(pid_t pid)
{
	char	 path[64], buf[512], *p;
	FILE	*f;
	size_t	 n;

	(void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	n = fread(buf, 1, sizeof buf - 1, f);
	(void)fclose(f);
	buf[n] = '\0';
	p = strrchr(buf, ')');
	return p != NULL && p[1] == ' ' && p[2] != 'Z' && p[2] != 'X';
}

void
rig_until_dead(pid_t pid)
{
	uint64_t	end = now_ms() + RIG_DEADLINE_MS;

	while (rig_alive(pid)) {
		if (now_ms() > end)
			fail_msg("process %d is alive", (int)pid);
		(void)poll(NULL, 0, 2);
	}
}

unsigned
rig_count_entries(const char *path)
{
	DIR		*dir = opendir(path);
	struct dirent	*e;
	unsigned	 n = 0;

	assert_non_null(dir);
	while ((e = readdir(dir)) != NULL)
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	(void)closedir(dir);
	return n;
}

unsigned
rig_count_fds(pid_t pid)
{
	char	path[64];

	(void)snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	return rig_count_entries(path);
}

/* ---- the worker ---- */

static bool
is_ready(const struct rig *g)
{
	return g->readys > 0;
}

void
rig_start(struct rig *g, uint64_t heartbeat_ms, uint64_t lease_ms)
{
	struct msg_config		 config = { .version = MSG_VERSION,
					    .heartbeat_ms = heartbeat_ms, .lease_ms = lease_ms };
	posix_spawn_file_actions_t	 fa;
	int				 fds[2];

	memset(g, 0, sizeof *g);
	/* What a worker leaves behind would become our child, and be seen. */
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	(void)snprintf(g->dir, sizeof g->dir, "/tmp/paratest-rig-XXXXXX");
	assert_non_null(mkdtemp(g->dir));
	(void)snprintf(g->scratch, sizeof g->scratch, "%s/slot", g->dir);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(posix_spawn_file_actions_init(&fa), 0);
	assert_int_equal(posix_spawn_file_actions_adddup2(&fa, fds[1], 3), 0);
	assert_int_equal(posix_spawn(&g->pid, built("paratest-worker"), &fa, NULL,
	    (char *const []){ (char[]){ "paratest-worker" }, (char[]){ "--scratch" }, g->scratch,
	    NULL }, environ), 0);
	(void)posix_spawn_file_actions_destroy(&fa);
	(void)close(fds[1]);
	g->fd = fds[0];
	g->in = evbuffer_new();
	g->reader = msg_reader_new();
	rig_until(g, is_ready);
	assert_int_equal(g->ready_pid, g->pid);
	rig_send(g, MSG_CONFIG, &config);
	rig_context(g, 1, LIST("PATH=/usr/local/bin:/usr/bin:/bin", "T_RUN=1"), 022);
}

int
rig_wait_end(struct rig *g)
{
	uint64_t	end = now_ms() + RIG_DEADLINE_MS;
	struct stat	st;
	int		status;

	while (!g->eof && g->fd != -1)
		read_some(g, end);
	while (waitpid(g->pid, &status, WNOHANG) == 0) {
		if (now_ms() > end)
			fail_msg("the worker has closed its socket and does not end");
		(void)poll(NULL, 0, 2);
	}
	g->pid = 0;
	/* No process and no folder of it is left. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(stat(g->scratch, &st), -1);
	assert_int_equal(rmdir(g->dir), 0);
	if (g->fd != -1)
		(void)close(g->fd);
	forget(g);
	evbuffer_free(g->in);
	msg_reader_free(g->reader);
	return status;
}

void
rig_stop(struct rig *g)
{
	struct msg_retire	m = { .has = 0 };
	int			status;

	rig_send(g, MSG_RETIRE, &m);
	status = rig_wait_end(g);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}
