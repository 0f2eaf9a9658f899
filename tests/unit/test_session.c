/*
 * Following a run over a supervisor that is lost, against one that plays a script:
 * a process that lets clients in, says what it is told and closes.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "common/event.h"
#include "ctl/session.h"

#define RUN	"5f3a9c1e0d7b4826a1c2e3f405162738"
#define LIMIT	60	/* seconds, for each process */

/* What the server does with one connection. */
struct visit {
	uint64_t	first, last;	/* events that it sends, 0: none */
	uint64_t	since;		/* that the watch must ask for */
	bool		own;
	bool		unknown;	/* it has no such run */
	bool		over;		/* END, and the client leaves */
	bool		cancel;		/* a RUN_CANCEL comes and no watch */
	bool		deaf;		/* it is lost before it answers at all */
	bool		lagged;		/* ERROR: the client read too slowly */
	uint64_t	hole, hole_to;	/* LAGGED: these are left out, and asked for */
};

/* What a client asked. */
struct request {
	enum msg_type	type;
	uint32_t	id;
	uint64_t	since;
	bool		own, no_follow;
	char		run[64];
};

struct rig {
	char	dir[64], path[96];
	pid_t	server;
};

static int
has_come(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct request	*got = arg;

	got->type = type;
	got->id = id;
	if (type == MSG_RUN_WATCH) {
		got->since = m->run_watch.since;
		got->own = m->run_watch.own;
		got->no_follow = m->run_watch.no_follow;
		(void)snprintf(got->run, sizeof got->run, SV_FMT, SV_ARG(m->run_watch.run));
	} else if (type == MSG_RUN_CANCEL) {
		(void)snprintf(got->run, sizeof got->run, SV_FMT, SV_ARG(m->run_cancel.run));
	}
	return 1;
}

/* The next message of the client. */
static void
await(int fd, struct evbuffer *in, struct msg_reader *reader, struct request *got)
{
	const char	*why;
	int		 r;

	while ((r = msg_drain(in, MSG_DIR_C2S, reader, has_come, got, &why)) == 0) {
		if (evbuffer_read(in, fd, -1) <= 0)
			_exit(3);
	}
	if (r != 1)
		_exit(4);
}

static void
send_all(int fd, struct evbuffer *out)
{
	while (evbuffer_get_length(out) > 0) {
		if (evbuffer_write(out, fd) < 0)
			_exit(5);
	}
}

/* Events 1 to 6 are a run of two tests. */
static void
put_event(struct evbuffer *out, uint32_t id, uint64_t seq)
{
	struct msg_event	ev = { .seq = seq, .t_ms = 1000 + seq, .run = SV_LIT(RUN) };

	ev.test = seq == 2 || seq == 3 ? SV_LIT("a") : SV_LIT("b");
	ev.index = seq == 2 || seq == 3 ? 0 : 1;
	ev.attempt = 1;
	ev.type = seq == 1 ? EVENT_RUN_STARTED : seq == 6 ? EVENT_RUN_FINISHED :
	    seq % 2 == 0 ? EVENT_ATTEMPT_FINISHED : EVENT_TEST_FINISHED;
	ev.total = 2;
	ev.passed = 2;
	ev.status = ev.type == EVENT_RUN_FINISHED ? (uint64_t)RUN_PASSED : (uint64_t)TEST_PASS;
	if (msg_put_event(out, id, &ev) != 0)
		_exit(6);
}

/* The hole is filled after the end of the watch that it is in. */
static void
serve_hole(int fd, struct evbuffer *in, struct evbuffer *out, struct msg_reader *reader,
    const struct visit *v)
{
	struct msg_end_of	end = { .has = 0 };
	struct request		got;

	send_all(fd, out);
	await(fd, in, reader, &got);
	if (got.type != MSG_RUN_WATCH || got.since != v->hole || !got.no_follow || got.own)
		_exit(12);
	for (uint64_t seq = v->hole; seq <= v->hole_to; seq++)
		put_event(out, got.id, seq);
	(void)msg_put_end_of(out, got.id, &end);
}

static void
put_events(struct evbuffer *out, uint32_t id, const struct visit *v)
{
	struct msg_lagged	lagged = { .run = SV_LIT(RUN), .from = v->hole, .to = v->hole_to };

	for (uint64_t seq = v->first; seq != 0 && seq <= v->last; seq++) {
		if (seq == v->hole)
			(void)msg_put_lagged(out, 0, &lagged);
		if (seq < v->hole || seq > v->hole_to)
			put_event(out, id, seq);
	}
}

static void
serve(int fd, const struct visit *v)
{
	struct request		 got;
	struct evbuffer		*in = evbuffer_new(), *out = evbuffer_new();
	struct msg_reader	*reader = msg_reader_new();
	struct msg_hello_ok	 hello = { .version = MSG_VERSION, .program = SV_LIT("x"),
	    .pid = 1 };
	struct msg_error	 error = { .code = MSG_ERR_NOT_FOUND,
	    .text = SV_LIT("no such run") };
	struct msg_error	 lagged = { .code = MSG_ERR_LAGGED, .text = SV_LIT("slow") };
	struct msg_ok		 ok = { .has = 0 };
	struct msg_end_of	 end = { .has = 0 };

	await(fd, in, reader, &got);
	if (got.type != MSG_HELLO)
		_exit(7);
	(void)msg_put_hello_ok(out, got.id, &hello);
	send_all(fd, out);
	await(fd, in, reader, &got);
	if (got.type != (v->cancel ? MSG_RUN_CANCEL : MSG_RUN_WATCH) || strcmp(got.run, RUN) != 0)
		_exit(8);
	if (!v->cancel && (got.since != v->since || got.own != v->own))
		_exit(9);
	if (v->cancel)
		(void)msg_put_ok(out, got.id, &ok);
	if (v->unknown)
		(void)msg_put_error(out, got.id, &error);
	put_events(out, got.id, v);
	if (v->lagged)
		(void)msg_put_error(out, got.id, &lagged);
	if (v->over)
		(void)msg_put_end_of(out, got.id, &end);
	if (v->hole != 0)
		serve_hole(fd, in, out, reader, v);
	send_all(fd, out);
	/* Until the client has it all, when it is to leave by itself. */
	if ((v->over || v->unknown || v->cancel) && evbuffer_read(in, fd, -1) > 0)
		_exit(10);
	close(fd);
	msg_reader_free(reader);
	evbuffer_free(in);
	evbuffer_free(out);
}

/* A server for the visits, then gone: exit code 0 when all went as it should. */
static void
start(struct rig *rig, const struct visit *visits, size_t n)
{
	struct sockaddr_un	sa = { .sun_family = AF_UNIX };
	int			fd, client;

	(void)strcpy(rig->dir, "/tmp/paratest-session.XXXXXX");
	assert_non_null(mkdtemp(rig->dir));
	(void)snprintf(rig->path, sizeof rig->path, "%s/s", rig->dir);
	(void)snprintf(sa.sun_path, sizeof sa.sun_path, "%s", rig->path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
	assert_int_equal(listen(fd, 4), 0);
	rig->server = fork();
	assert_true(rig->server >= 0);
	if (rig->server == 0) {
		(void)alarm(LIMIT);
		for (size_t i = 0; i < n; i++) {
			client = accept(fd, NULL, NULL);
			if (client < 0)
				_exit(2);
			/* Who comes back after the last visit finds nobody. */
			if (i + 1 == n && unlink(rig->path) != 0)
				_exit(11);
			if (visits[i].deaf)
				close(client);
			else
				serve(client, &visits[i]);
		}
		_exit(0);
	}
	close(fd);
	(void)alarm(LIMIT);
}

static void
stop(struct rig *rig)
{
	int	status;

	assert_int_equal(waitpid(rig->server, &status, 0), rig->server);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	(void)alarm(0);
	(void)rmdir(rig->dir);
}

/* A reporter that keeps the numbers of what it was given. */
struct seen {
	uint64_t	seqs[32];
	size_t		n;
	unsigned	asides;
	bool		interrupt;	/* SIGINT as soon as the supervisor is lost */
};

static void
seen_event(void *state, const struct msg_event *ev, const struct results *r)
{
	struct seen	*s = state;

	(void)r;
	assert_true(s->n < 32);
	s->seqs[s->n++] = ev->seq;
}

static void
seen_aside(void *state)
{
	struct seen	*s = state;

	s->asides++;
	if (s->interrupt)
		assert_int_equal(kill(getpid(), SIGINT), 0);
}

static int
seen_end(void *state, const struct results *r)
{
	(void)state;
	(void)r;
	return 0;
}

static int
follow(struct rig *rig, struct session *s, struct seen *seen, int signal_fd,
    struct client_error *e)
{
	*e = (struct client_error){ .code = 0 };
	s->client = client_open(rig->path, false, e);
	assert_non_null(s->client);
	s->reporters[0] = (struct reporter){ .state = seen, .event = seen_event,
	    .aside = seen_aside, .end = seen_end };
	s->nreporters = 1;
	return session_follow(s, RUN, signal_fd, e);
}

static void
finish(struct session *s)
{
	assert_int_equal(session_end(s), 0);
	client_close(s->client);
}

static void
assert_gapless(const struct seen *seen, uint64_t last)
{
	assert_int_equal(seen->n, last);
	for (uint64_t i = 0; i < last; i++)
		assert_int_equal(seen->seqs[i], i + 1);
}

static void
goes_on_where_it_was(void **state)
{
	/* The second sends again what came already; the third is lost before a word. */
	static const struct visit	visits[] = {
		{ .first = 1, .last = 3, .since = 1 },
		{ .first = 2, .last = 4, .since = 4, .own = true },
		{ .since = 5, .own = true },
		{ .first = 5, .last = 6, .since = 5, .own = true, .over = true },
	};
	struct session		s = { .owner = true };
	struct client_error	e;
	struct seen		seen = { .n = 0 };
	struct rig		rig;

	(void)state;
	start(&rig, visits, 4);
	assert_int_equal(follow(&rig, &s, &seen, -1, &e), 0);
	assert_gapless(&seen, 6);
	assert_int_equal(seen.asides, 1);	/* said once */
	assert_true(s.lost);
	assert_true(s.results.finished);
	assert_int_equal(results_exit_code(&s.results, false), EXIT_PASSED);
	finish(&s);
	stop(&rig);
}

/* A client that was stopped comes back, and is no worse off. */
static void
one_that_lagged_goes_on(void **state)
{
	static const struct visit	visits[] = {
		{ .first = 1, .last = 2, .since = 1, .lagged = true },
		{ .first = 3, .last = 3, .since = 3, .lagged = true },
		{ .first = 4, .last = 6, .since = 4, .over = true },
	};
	struct session		s = { .owner = true };
	struct client_error	e;
	struct seen		seen = { .n = 0 };
	struct rig		rig;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		s = (struct session){ .owner = true, .no_follow = i == 1 };
		seen = (struct seen){ .n = 0 };
		start(&rig, visits, 3);
		assert_int_equal(follow(&rig, &s, &seen, -1, &e), 0);
		assert_gapless(&seen, 6);
		assert_int_equal(seen.asides, 2);
		assert_false(s.lost);	/* the supervisor was there */
		assert_int_equal(results_exit_code(&s.results, false), EXIT_PASSED);
		finish(&s);
		stop(&rig);
	}
}

static void
what_was_left_out_is_asked_for(void **state)
{
	static const uint64_t		order[] = { 1, 2, 5, 6, 3, 4 };
	static const struct visit	visits[] = {
		{ .first = 1, .last = 6, .since = 1, .hole = 3, .hole_to = 4, .over = true },
	};
	struct session		s = { .owner = true };
	struct client_error	e;
	struct seen		seen = { .n = 0 };
	struct rig		rig;

	(void)state;
	start(&rig, visits, 1);
	assert_int_equal(follow(&rig, &s, &seen, -1, &e), 0);
	assert_int_equal(seen.n, 6);
	assert_memory_equal(seen.seqs, order, sizeof order);
	assert_int_equal(results_next(&s.results, 1), 7);
	assert_int_equal(s.results.tests[1].status, TEST_PASS);
	finish(&s);
	stop(&rig);
}

static void
a_watcher_does_not_own(void **state)
{
	static const struct visit	visits[] = {
		{ .first = 1, .last = 1, .since = 1 },
		{ .first = 2, .last = 6, .since = 2, .over = true },
	};
	struct session		s = { .owner = false };
	struct client_error	e;
	struct seen		seen = { .n = 0 };
	struct rig		rig;

	(void)state;
	start(&rig, visits, 2);
	assert_int_equal(follow(&rig, &s, &seen, -1, &e), 0);
	assert_gapless(&seen, 6);
	finish(&s);
	stop(&rig);
}

/* The run was over and only the end of the answer is missing: nobody is asked. */
static void
a_whole_run_needs_no_more(void **state)
{
	static const struct visit	visits[] = { { .first = 1, .last = 6, .since = 1 } };
	struct session		s = { .owner = true };
	struct client_error	e;
	struct seen		seen = { .n = 0 };
	struct rig		rig;

	(void)state;
	start(&rig, visits, 1);
	assert_int_equal(follow(&rig, &s, &seen, -1, &e), 0);
	assert_gapless(&seen, 6);
	assert_false(s.lost);
	finish(&s);
	stop(&rig);
}

static void
an_unknown_run_is_an_error(void **state)
{
	static const struct visit	visits[] = {
		{ .first = 1, .last = 2, .since = 1 },
		{ .since = 3, .own = true, .unknown = true },
	};
	struct session		s = { .owner = true };
	struct client_error	e;
	struct seen		seen = { .n = 0 };
	struct rig		rig;

	(void)state;
	start(&rig, visits, 2);
	assert_int_equal(follow(&rig, &s, &seen, -1, &e), -EREMOTEIO);
	assert_int_equal(e.code, MSG_ERR_NOT_FOUND);
	assert_true(s.lost);
	finish(&s);
	stop(&rig);
}

/* show has what there is and does not wait for more. */
static void
show_does_not_wait(void **state)
{
	static const struct visit	visits[] = { { .first = 1, .last = 2, .since = 1 } };
	struct session		s = { .no_follow = true };
	struct client_error	e;
	struct seen		seen = { .n = 0 };
	struct rig		rig;

	(void)state;
	start(&rig, visits, 1);
	assert_int_equal(follow(&rig, &s, &seen, -1, &e), -EPIPE);
	assert_gapless(&seen, 2);
	finish(&s);
	stop(&rig);
}

/* None comes: an error, when the time is up. */
static void
patience_ends(void **state)
{
	static const struct visit	visits[] = {
		{ .first = 1, .last = 2, .since = 1 },
		{ .deaf = true },
	};
	struct session		s = { .owner = true, .patience_ms = 150 };
	struct client_error	e;
	struct seen		seen = { .n = 0 };
	struct rig		rig;

	(void)state;
	start(&rig, visits, 2);
	assert_int_equal(follow(&rig, &s, &seen, -1, &e), -ENOENT);
	assert_non_null(strstr(e.text, "none is running"));
	assert_true(s.lost);
	assert_gapless(&seen, 2);
	finish(&s);
	stop(&rig);
}

/* Ctrl-C while a supervisor is waited for that never comes. */
static void
ctrl_c_in_the_gap(void **state)
{
	static const struct visit	visits[] = { { .first = 1, .last = 2, .since = 1 } };
	struct session		s = { .owner = true };
	struct client_error	e;
	struct seen		seen = { .interrupt = true };
	struct rig		rig;
	int			fd = session_signals();

	(void)state;
	assert_true(fd >= 0);
	start(&rig, visits, 1);
	assert_int_equal(follow(&rig, &s, &seen, fd, &e), 0);
	assert_int_equal(s.signal, SIGINT);
	assert_gapless(&seen, 2);
	finish(&s);
	stop(&rig);
	close(fd);
}

/* The same with one that comes: it is told that nobody wants the run any more. */
static void
ctrl_c_cancels(void **state)
{
	static const struct visit	visits[] = {
		{ .first = 1, .last = 2, .since = 1 },
		{ .deaf = true },
		{ .cancel = true },
	};
	struct session		s = { .owner = true };
	struct client_error	e;
	struct seen		seen = { .interrupt = true };
	struct rig		rig;
	int			fd = session_signals();

	(void)state;
	assert_true(fd >= 0);
	start(&rig, visits, 3);
	assert_int_equal(follow(&rig, &s, &seen, fd, &e), 0);
	assert_int_equal(s.signal, SIGINT);
	finish(&s);
	stop(&rig);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(goes_on_where_it_was),
		cmocka_unit_test(one_that_lagged_goes_on),
		cmocka_unit_test(what_was_left_out_is_asked_for),
		cmocka_unit_test(a_watcher_does_not_own),
		cmocka_unit_test(a_whole_run_needs_no_more),
		cmocka_unit_test(an_unknown_run_is_an_error),
		cmocka_unit_test(show_does_not_wait),
		cmocka_unit_test(patience_ends),
		cmocka_unit_test(ctrl_c_in_the_gap),
		cmocka_unit_test(ctrl_c_cancels),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
