/*
 * Unit tests of the control plane, supervisor/control.c and control_ops.c: greeting,
 * rights, plans and bounds, with clients in memory and a pool that starts nothing.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/clock.h"
#include "common/fdutil.h"
#include "tests/unit/control_fixture.h"

#define DEADLINE_MS	30000

/* ---- greeting and rights ---- */

static void
nothing_is_said_before_hello(void **state)
{
	struct sx		*sx = *state;
	struct sx_client	*c = sx_connect(sx, SX_UID), *ok = sx_greeted(sx, SX_UID);
	struct msg_ping		 m = { 0 };

	sx_send(c, MSG_PING, 1, &m);
	sx_turn(sx);
	expect_nothing(c);
	assert_null(c->conn);
	assert_int_equal(control_count(sx->server.control), 1);
	assert_true(still_served(sx, ok));
}

/* A client sends its whole request at once: the reason must come all the same. */
static void
another_version_is_told_so(void **state)
{
	struct sx		*sx = *state;
	struct sx_client	*c = sx_connect(sx, SX_UID);
	struct msg_hello	 hello = { .version = 4711 };
	struct msg_run_begin	 begin = { 0 };
	struct evbuffer		*b = evbuffer_new();

	sx_frame(b, MSG_HELLO, 1, &hello);
	sx_frame(b, MSG_RUN_BEGIN, 2, &begin);
	sx_feed_buffer(c, b);
	sx_feed(c, "garbage", 7);
	sx_turn(sx);
	expect_error(c, MSG_ERR_VERSION, "4711");
	expect_nothing(c);
	assert_null(c->conn);
}

static void
hello_comes_once(void **state)
{
	struct sx		*sx = *state;
	struct sx_client	*c = sx_greeted(sx, SX_UID);
	struct msg_hello	 m = { .version = MSG_VERSION };

	sx_send(c, MSG_HELLO, 3, &m);
	sx_turn(sx);
	expect_error(c, MSG_ERR_DENIED, "may not");
	assert_true(still_served(sx, c));
}

static void
bad_bytes_close_that_client_only(void **state)
{
	static const struct {
		const char	*why, *data;
		size_t		 len;
	} cases[] = {
		{ "an unknown type", "\0\0\0\1\0\x7f\0\0\0\0\0\1\x80", 13 },
		{ "a message in the wrong direction", "\0\0\0\1\0\x22\0\0\0\0\0\1\x80", 13 },
		{ "too long for its type", "\xff\xff\xff\xff\0\2\0\0\0\0\0\1", 12 },
		{ "not one sound msgpack map", "\0\0\0\1\0\2\0\0\0\0\0\1\xc1", 13 },
		{ "in the wrong direction", "\0\0\0\1\0\x52\0\0\0\0\0\1\x80", 13 },
	};
	struct sx		*sx = *state;
	struct sx_client	*ok = sx_greeted(sx, SX_UID);

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct sx_client	*c = sx_greeted(sx, SX_UID);

		sx_begin(c, false);	/* a plan is open and goes with it */
		sx_add(c, "a");
		sx_feed(c, cases[i].data, cases[i].len);
		sx_turn(sx);
		if (c->conn != NULL)
			fail_msg("%s: still open", cases[i].why);
		expect_error(c, MSG_ERR_BAD, cases[i].why);
		assert_true(still_served(sx, ok));
	}
	assert_int_equal(runs_on_show(sx, ok), 0);
}

static void
what_is_for_the_owner_is_denied_to_others(void **state)
{
	static const struct {
		uid_t	uid;
		bool	may;
	} cases[] = { { SX_OTHER, false }, { SX_UID, true }, { 0, true } };
	struct msg_config_set	 m = { .key = SV_LIT("jobs"), .value = SV_LIT("3") };
	struct msg_drain	 drain = { 0 };
	struct sx		*sx = *state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct sx_client	*c = sx_greeted(sx, cases[i].uid);

		sx->server.config.jobs = 0;
		sx->server.phase = SERVER_READY;
		sx_send(c, MSG_CONFIG_SET, 5, &m);
		sx_send(c, MSG_DRAIN, 6, &drain);
		sx_turn(sx);
		if (cases[i].may) {
			(void)expect(c, MSG_CONFIG_ROW);
			(void)expect(c, MSG_END_OF);
			(void)expect(c, MSG_OK);
		} else {
			expect_error(c, MSG_ERR_DENIED, "may not");
			expect_error(c, MSG_ERR_DENIED, "may not");
		}
		assert_int_equal(sx->server.config.jobs, cases[i].may ? 3 : 0);
		assert_int_equal(sx->server.phase, cases[i].may ? SERVER_DRAINING : SERVER_READY);
	}
}

static void
only_the_owner_shuts_down(void **state)
{
	struct sx		*sx = *state;
	struct sx_client	*other = sx_greeted(sx, SX_OTHER), *c = sx_greeted(sx, SX_UID);
	struct msg_shutdown	 m = { 0 };
	struct msg_run_begin	 begin = { 0 };
	char			*run = sx_submit(sx, c, 1, true);

	sx_send(other, MSG_SHUTDOWN, 5, &m);
	sx_turn(sx);
	expect_error(other, MSG_ERR_DENIED, "may not");
	assert_int_equal(sx->server.runs.nactive, 1);
	sx_send(c, MSG_SHUTDOWN, 5, &m);
	sx_turn(sx);
	(void)expect(c, MSG_OK);
	assert_int_equal(sx->server.phase, SERVER_LEAVING);
	assert_int_equal(sx->server.runs.nactive, 0);	/* cancelled */
	sx_send(c, MSG_RUN_BEGIN, 6, &begin);
	sx_turn(sx);
	expect_error(c, MSG_ERR_DRAINING, "no new runs");
	free(run);
}

/* The text of the next answer, an error, with `run` in it replaced by X. */
static void
error_about(struct sx_client *c, const char *run, char *buf, size_t size)
{
	const struct msg_error	*e = &expect(c, MSG_ERROR)->error;
	const char		*at = memmem(e->text.p, e->text.n, run, strlen(run));
	int			 before = at != NULL ? (int)(at - e->text.p) : 0;
	int			 after = (int)e->text.n - before - (int)strlen(run);

	assert_non_null(at);
	(void)snprintf(buf, size, "%llu %.*sX%.*s " SV_FMT, (unsigned long long)e->code, before,
	    e->text.p, after, at + strlen(run), SV_ARG(e->hint));
}

static void
another_users_run_looks_like_none(void **state)
{
	static const char	 nowhere[] = "00112233445566778899aabbccddeeff";
	struct sx		*sx = *state;
	struct sx_client	*owner = sx_greeted(sx, SX_UID), *c = sx_greeted(sx, SX_OTHER);
	struct sx_client	*root = sx_greeted(sx, 0);
	char			*run = sx_submit(sx, owner, 1, true);
	char			 real[400], none[400];
	const char		*ids[] = { run, nowhere };

	assert_non_null(run);
	for (int verb = 0; verb < 3; verb++) {
		for (int i = 0; i < 2; i++) {
			struct msg_output_read	read = { .run = sv_from(ids[i]),
			    .test = SV_LIT("t0") };

			if (verb == 0)
				cancel(c, ids[i]);
			else if (verb == 1)
				watch(c, 5, ids[i], 0, false);
			else
				sx_send(c, MSG_OUTPUT_READ, 5, &read);
			sx_turn(sx);
			error_about(c, ids[i], i == 0 ? real : none, sizeof real);
		}
		assert_string_equal(real, none);
	}
	watch(c, 6, "", 0, false);	/* the newest: not that one */
	sx_turn(sx);
	expect_error(c, MSG_ERR_NOT_FOUND, "there is no run yet");
	assert_int_equal(runs_on_show(sx, c), 0);
	assert_int_equal(sx->server.runs.nactive, 1);
	assert_int_equal(runs_on_show(sx, owner), 1);
	assert_int_equal(runs_on_show(sx, root), 1);
	cancel(root, run);
	sx_turn(sx);
	(void)expect(root, MSG_OK);
	assert_int_equal(sx->server.runs.nactive, 0);
	free(run);
}

/* ---- plans ---- */

static void
a_plan_becomes_a_run(void **state)
{
	struct sx		*sx = *state;
	struct sx_client	*c = sx_greeted(sx, SX_UID);
	struct msg_run_begin	 begin = { .name = SV_LIT("nightly"), .jobs = 3, .seed = 42,
	    .shuffle = true };
	const struct msg_run_ok	*ok;
	const struct msg_event	*ev;

	sx_send(c, MSG_RUN_BEGIN, 2, &begin);
	sx_add(c, "a");
	sx_add(c, "b");
	sx_turn(sx);
	expect_nothing(c);
	assert_int_equal(runs_on_show(sx, c), 0);	/* not before it is committed */
	sx_commit(c, 2);
	sx_turn(sx);
	ok = &expect(c, MSG_RUN_OK)->run_ok;
	assert_int_equal(ok->run.n, RUN_ID);
	assert_int_equal(strspn(sx->server.runs.list.tqh_first->id, "0123456789abcdef"), RUN_ID);
	assert_int_equal(ok->jobs, 3);
	assert_int_equal(ok->seed, 42);
	watch(c, 5, "", 0, false);	/* its own, unnamed */
	sx_turn(sx);
	ev = &expect(c, MSG_EVENT)->event;
	assert_int_equal(ev->seq, 1);
	assert_int_equal(ev->type, EVENT_RUN_STARTED);
	assert_int_equal(ev->total, 2);
	assert_int_equal(ev->jobs, 3);
	assert_int_equal(ev->seed, 42);
	assert_true(ev->shuffled);
	assert_true(sv_is(ev->name, "nightly"));
	expect_nothing(c);	/* it runs: no end */
	assert_int_equal(runs_on_show(sx, c), 1);
}

static void
a_plan_without_tests_is_over_at_once(void **state)
{
	struct sx		*sx = *state;
	struct sx_client	*c = sx_greeted(sx, SX_UID);
	char			*run = sx_submit(sx, c, 0, false);

	assert_non_null(run);
	watch(c, 5, run, 0, false);
	sx_turn(sx);
	assert_int_equal(expect(c, MSG_EVENT)->event.type, EVENT_RUN_STARTED);
	assert_int_equal(expect(c, MSG_EVENT)->event.type, EVENT_RUN_FINISHED);
	assert_int_equal(expect(c, MSG_END_OF)->end_of.count, 2);
	free(run);
}

static void
messages_out_of_place_close_the_connection(void **state)
{
	struct sx		*sx = *state;
	struct sx_client	*a = sx_greeted(sx, SX_UID), *b = sx_greeted(sx, SX_UID);

	sx_add(a, "no plan is open");
	sx_commit(b, 0);
	sx_turn(sx);
	assert_null(a->conn);
	assert_null(b->conn);
	expect_error(a, MSG_ERR_BAD, "a message out of place");
	expect_error(b, MSG_ERR_BAD, "a message out of place");
}

static void
one_plan_at_a_time_on_a_connection(void **state)
{
	struct sx		*sx = *state;
	struct sx_client	*c = sx_greeted(sx, SX_UID);

	sx_begin(c, false);
	sx_add(c, "a");
	sx_begin(c, false);
	sx_commit(c, 1);
	sx_turn(sx);
	expect_error(c, MSG_ERR_BAD, "open on this connection");
	(void)expect(c, MSG_RUN_OK);
}

static void
a_wrong_count_is_refused(void **state)
{
	struct sx		*sx = *state;
	struct sx_client	*c = sx_greeted(sx, SX_UID);

	sx_begin(c, false);
	sx_add(c, "a");
	sx_commit(c, 2);
	sx_turn(sx);
	expect_error(c, MSG_ERR_BAD, "2 tests were announced and 1 came");
	assert_int_equal(runs_on_show(sx, c), 0);
}

static void
a_bad_test_refuses_the_whole_plan(void **state)
{
	const struct sv		 argv[] = { SV_LIT("/bin/true") };
	struct msg_test_add	 bad = { .name = SV_LIT("lost"), .argv = { argv, 1 },
	    .cwd = SV_LIT("not/absolute") };
	struct sx		*sx = *state;
	struct sx_client	*c = sx_greeted(sx, SX_UID);
	char			*run;

	sx_begin(c, false);
	sx_add(c, "a");
	sx_send(c, MSG_TEST_ADD, 3, &bad);
	sx_add(c, "b");
	sx_commit(c, 3);
	sx_turn(sx);
	expect_error(c, MSG_ERR_BAD, "test 'lost': cwd is not absolute");
	expect_nothing(c);
	assert_int_equal(runs_on_show(sx, c), 0);
	sx_begin(c, false);
	sx_add(c, "a");
	sx_add(c, "a");
	sx_commit(c, 2);
	sx_turn(sx);
	expect_error(c, MSG_ERR_BAD, "two tests have the name 'a'");
	run = sx_submit(sx, c, 2, false);	/* and then a good one */
	assert_non_null(run);
	assert_int_equal(runs_on_show(sx, c), 1);
	free(run);
}

static void
a_plan_goes_with_its_connection(void **state)
{
	struct sx		*sx = *state;
	struct sx_client	*c = sx_greeted(sx, SX_UID), *other = sx_greeted(sx, SX_UID);

	sx_begin(c, true);
	sx_add(c, "a");
	sx_feed(c, "\377\377\377\377\377\377\377\377\377\377\377\377", 12);
	sx_turn(sx);
	assert_null(c->conn);
	assert_int_equal(runs_on_show(sx, other), 0);
	assert_int_equal(sx->server.runs.total, 0);
}

static void
a_run_goes_with_its_client_unless_it_is_detached(void **state)
{
	struct sx		*sx = *state;
	struct sx_client	*c = sx_greeted(sx, SX_UID), *other = sx_greeted(sx, SX_UID);
	char			*kept = sx_submit(sx, c, 1, true),
	    *run = sx_submit(sx, c, 1, false);

	assert_int_equal(sx->server.runs.nactive, 2);
	sx_feed(c, "\377\377\377\377\377\377\377\377\377\377\377\377", 12);
	sx_turn(sx);
	assert_int_equal(sx->server.runs.nactive, 1);
	watch(other, 5, run, 2, false);
	sx_turn(sx);
	assert_int_equal(expect(other, MSG_EVENT)->event.type, EVENT_RUN_CANCELLING);
	watch(other, 6, kept, 2, true);
	sx_turn(sx);
	free(kept);
	free(run);
}

/* ---- bounds ---- */

static void
bounds_give_an_error_to_that_client_only(void **state)
{
	struct sx		*sx = *state;
	struct sx_client	*c = sx_greeted(sx, SX_UID), *other = sx_greeted(sx, SX_OTHER);
	char			*run, *second;

	set(sx, "max-tests", "2");
	assert_null(sx_submit(sx, c, 3, false));
	c->next--;
	expect_error(c, MSG_ERR_LIMIT, "the bound of 2 tests");
	run = sx_submit(sx, other, 2, false);
	assert_non_null(run);
	free(run);
	set(sx, "max-runs", "2");
	run = sx_submit(sx, c, 1, false);
	assert_non_null(run);
	assert_null(sx_submit(sx, c, 1, false));
	c->next--;
	expect_error(c, MSG_ERR_LIMIT, "too many runs are active");
	cancel(c, run);
	sx_turn(sx);
	(void)expect(c, MSG_OK);
	second = sx_submit(sx, c, 1, false);
	assert_non_null(second);
	free(run);
	free(second);
}

static void
a_plan_has_a_bound_in_bytes(void **state)
{
	struct sx		*sx = *state;
	struct sx_client	*c = sx_greeted(sx, SX_UID);
	struct sv		 argv[2] = { SV_LIT("/bin/echo"), { calloc(1, 50000), 50000 } };
	struct msg_test_add	 m = { .name = SV_LIT("x"), .argv = { argv, 2 },
	    .cwd = SV_LIT("/") };
	char			 name[16];

	memset((char *)(uintptr_t)argv[1].p, 'x', 50000);
	set(sx, "max-plan", "64K");
	sx_begin(c, false);
	for (int i = 0; i < 4; i++) {
		(void)snprintf(name, sizeof name, "t%d", i);
		m.name = sv_from(name);
		sx_send(c, MSG_TEST_ADD, 3, &m);
	}
	sx_commit(c, 4);
	sx_turn(sx);
	expect_error(c, MSG_ERR_LIMIT, "65536 bytes");
	assert_int_equal(runs_on_show(sx, c), 0);
	free((char *)(uintptr_t)argv[1].p);
}

static void
the_seventeenth_watch_is_refused(void **state)
{
	struct sx		*sx = *state;
	struct sx_client	*c = sx_greeted(sx, SX_UID);
	char			*run = sx_submit(sx, c, 1, false);

	for (uint32_t i = 0; i < CONTROL_WATCHES; i++)
		watch(c, 100 + i, run, 2, false);
	sx_turn(sx);
	expect_nothing(c);
	watch(c, 200, run, 1, false);
	sx_turn(sx);
	expect_error(c, MSG_ERR_LIMIT, "too many runs are watched");
	cancel(c, run);
	sx_turn(sx);
	free(run);
}

/* Asks much, reads nothing; then reads it all. */
static void
answers_that_are_not_read_stop_the_questions(void **state)
{
	struct sx		*sx = *state;
	struct msg_config_get	 m = { .has = 0 };
	struct msg_hello	 hello = { .version = MSG_VERSION };
	struct evbuffer		*out = evbuffer_new(), *in = evbuffer_new();
	struct sx_client	 seen = { .conn = NULL };
	struct conn		*conn;
	const uint32_t		 questions = 10000;
	msec_t			 end = now_ms() + DEADLINE_MS;
	size_t			 most = 0;
	int			 fds[2];

	assert_int_equal(fd_socketpair(fds), 0);
	conn = control_add(sx->server.control, fds[0], SX_UID, 1);
	assert_non_null(conn);
	sx_frame(out, MSG_HELLO, 0, &hello);
	for (uint32_t i = 1; i <= questions; i++)
		sx_frame(out, MSG_CONFIG_GET, i, &m);
	/* How much a turn answers is a matter of time: until it was put to the test. */
	for (int after = 0; after < 200; after += most > (size_t)4 << 20) {
		assert_true(now_ms() < end);
		(void)evbuffer_write(out, fds[1]);
		sx_step(sx);
		if (peer_pending(conn->peer) > most)
			most = peer_pending(conn->peer);
	}
	assert_true(most < (size_t)9 << 20);
	while (seen.n == 0 || seen.frames[seen.n - 1]->id != questions ||
	    seen.frames[seen.n - 1]->type != MSG_END_OF) {
		(void)evbuffer_write(out, fds[1]);
		sx_step(sx);
		(void)evbuffer_read(in, fds[1], 1 << 20);
		/* Only the last answer is kept. */
		while (seen.n > 0)
			sx_drop(&seen);
		assert_int_equal(msg_drain(in, MSG_DIR_S2C, sx->reader, sx_keep, &seen, NULL), 0);
	}
	while (seen.n > 0)
		sx_drop(&seen);
	free(seen.frames);
	(void)close(fds[1]);
	evbuffer_free(out);
	evbuffer_free(in);
	sx_turn(sx);
	assert_int_equal(control_count(sx->server.control), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVER(nothing_is_said_before_hello),
		WITH_SERVER(another_version_is_told_so),
		WITH_SERVER(hello_comes_once),
		WITH_SERVER(bad_bytes_close_that_client_only),
		WITH_SERVER(what_is_for_the_owner_is_denied_to_others),
		WITH_SERVER(only_the_owner_shuts_down),
		WITH_SERVER(another_users_run_looks_like_none),
		WITH_SERVER(a_plan_becomes_a_run),
		WITH_SERVER(a_plan_without_tests_is_over_at_once),
		WITH_SERVER(messages_out_of_place_close_the_connection),
		WITH_SERVER(one_plan_at_a_time_on_a_connection),
		WITH_SERVER(a_wrong_count_is_refused),
		WITH_SERVER(a_bad_test_refuses_the_whole_plan),
		WITH_SERVER(a_plan_goes_with_its_connection),
		WITH_SERVER(a_run_goes_with_its_client_unless_it_is_detached),
		WITH_SERVER(bounds_give_an_error_to_that_client_only),
		WITH_SERVER(a_plan_has_a_bound_in_bytes),
		WITH_SERVER(the_seventeenth_watch_is_refused),
		WITH_SERVER(answers_that_are_not_read_stop_the_questions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
