/*
 * Unit tests of supervisor/ask.c and history.c: the link to a store that answers, and to
 * one that is late, silent, mad, or dead.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/store_link_fixture.h"

/* ---- questions ---- */

static void
an_answer_comes_page_by_page_with_the_uid_of_the_kernel(void **state)
{
	struct lx		*lx = lx_up("");
	struct sx_client	*c = sx_greeted(&lx->sx, SX_OTHER);

	(void)state;
	lx_ask(c, 5);
	LX_UNTIL(lx, c->n - c->next == 4);
	for (uint64_t i = 1; i <= 3; i++)
		assert_int_equal(expect(c, MSG_ATTEMPT_ROW)->attempt_row.attempt, i);
	(void)expect(c, MSG_END_OF);
	assert_int_equal(lx_noted(lx, "ask history uid 2000"), 3);
	assert_true(TAILQ_EMPTY(&lx->sx.server.asks.list));
	lx_close(lx);
}

/* A client that does not read is not asked on for. */
static void
an_endless_answer_waits_for_its_reader(void **state)
{
	struct lx		*lx = lx_up("endless");
	struct sx_client	*c = sx_greeted(&lx->sx, SX_UID);
	size_t			 pending = 0;
	msec_t			 end = now_ms() + LX_DEADLINE_MS;

	(void)state;
	lx_ask(c, 5);
	for (int still = 0; still < 20;) {
		assert_true(now_ms() < end);
		lx_turn(lx);
		still = peer_pending(c->conn->peer) == pending && pending > 0 ? still + 1 : 0;
		pending = peer_pending(c->conn->peer);
		/* Not all of 256 KiB of rows: the rest is as good as it. */
		if (pending > 0 && pending < ASK_FULL)
			(void)evbuffer_add(peer_buffer(c->conn->peer), lx, sizeof *lx);
	}
	assert_in_range(pending, ASK_FULL, ASK_FULL + (1 << 20));
	(void)evbuffer_drain(peer_buffer(c->conn->peer), pending);
	lx_close(lx);
}

static void
a_store_that_floods_is_cut_off(void **state)
{
	struct lx		*lx = lx_up("flood");
	struct sx_client	*c = sx_greeted(&lx->sx, SX_UID);
	msec_t			 end = now_ms() + LX_DEADLINE_MS;

	(void)state;
	lx_ask(c, 5);
	while (TAILQ_EMPTY(&lx->sx.server.asks.list) == false) {
		assert_true(now_ms() < end);
		lx_turn(lx);
	}
	assert_true(peer_pending(c->conn->peer) < (20 << 20));
	(void)evbuffer_drain(peer_buffer(c->conn->peer), peer_pending(c->conn->peer));
	lx_close(lx);
}

static void
a_connection_asks_a_few_questions_at_a_time(void **state)
{
	struct lx		*lx = lx_up("mute");
	struct sx_client	*c = sx_greeted(&lx->sx, SX_UID);

	(void)state;
	for (uint32_t i = 0; i < ASK_PER_PEER + 3; i++)
		lx_ask(c, 10 + i);
	LX_UNTIL(lx, c->n - c->next == 3);
	for (int i = 0; i < 3; i++)
		expect_error(c, MSG_ERR_LIMIT, "asks too much at a time");
	/* A store that hangs holds nobody up for longer than this. */
	lx_skew_ms += ASK_WAIT_MS + 1000;
	LX_UNTIL(lx, c->n - c->next == ASK_PER_PEER);
	for (uint32_t i = 0; i < ASK_PER_PEER; i++)
		expect_error(c, MSG_ERR_INTERNAL, "the history does not answer");
	lx_close(lx);
}

static void
a_store_that_goes_ends_what_was_asked_and_comes_again(void **state)
{
	static const char *const	deaths[] = { "bites", "garbage" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct lx		*lx = lx_up(deaths[i]);
		struct sx_client	*c = sx_greeted(&lx->sx, SX_UID);

		lx_ask(c, 5);
		lx_ask(c, 6);
		LX_UNTIL(lx, c->n - c->next == 2);
		expect_error(c, MSG_ERR_INTERNAL, "the history was lost");
		expect_error(c, MSG_ERR_INTERNAL, "the history was lost");
		assert_true(TAILQ_EMPTY(&lx->sx.server.asks.list));
		lx_script(lx, "");
		LX_UNTIL(lx, history_up(lx->sx.server.history));
		lx_ask(c, 7);
		LX_UNTIL(lx, c->n - c->next == 4);
		(void)expect(c, MSG_ATTEMPT_ROW);
		lx_close(lx);
	}
}

static void
a_client_that_goes_takes_its_questions_along(void **state)
{
	struct lx		*lx = lx_up("endless");
	struct sx_client	*c = sx_greeted(&lx->sx, SX_UID);

	(void)state;
	lx_ask(c, 5);
	sx_feed(c, "\xff\xff\xff\xff\0\2\0\0\0\0\0\1", 12);
	LX_UNTIL(lx, c->conn == NULL);
	assert_true(TAILQ_EMPTY(&lx->sx.server.asks.list));
	for (int i = 0; i < 5; i++)
		lx_step(lx);
	lx_close(lx);
}

/* ---- plans ---- */

static void
a_plan_waits_only_a_moment_for_what_is_expected(void **state)
{
	static const char *const	stores[] = { "mute", "short", "twice", "huge", "deaf",
	    "silent" };

	(void)state;
	for (size_t i = 0; i < sizeof stores / sizeof stores[0]; i++) {
		struct lx		*lx = lx_open(stores[i]);
		struct sx_client	*c;
		msec_t			 from;

		if (strcmp(stores[i], "silent") != 0)
			LX_UNTIL(lx, history_up(lx->sx.server.history));
		c = sx_greeted(&lx->sx, SX_UID);
		sx_begin(c, true);
		sx_add(c, "a");
		sx_add(c, "b");
		sx_commit(c, 2);
		from = now_ms();
		/* No other event wakes the loop than those of the wait itself. */
		while (c->n == c->next) {
			assert_true(now_ms() - from < LX_DEADLINE_MS);
			(void)event_base_loop(lx->sx.server.base, EVLOOP_ONCE);
			server_turn(&lx->sx.server);
			sx_collect(&lx->sx, c);
		}
		(void)expect(c, MSG_RUN_OK);
		assert_int_equal(lx->sx.server.runs.nactive, 1);
		lx_close(lx);
	}
}

static void
a_client_that_goes_takes_its_plan_along(void **state)
{
	struct lx		*lx = lx_up("mute");
	struct sx_client	*c = sx_greeted(&lx->sx, SX_UID);

	(void)state;
	sx_begin(c, false);
	sx_add(c, "a");
	sx_commit(c, 1);
	assert_non_null(c->conn->commit);
	sx_add(c, "b");			/* there is no such message now: it is put out */
	LX_UNTIL(lx, c->conn == NULL);
	assert_true(TAILQ_EMPTY(&lx->sx.server.asks.list));
	assert_int_equal(lx->sx.server.runs.nactive, 0);
	lx_close(lx);
}

static void
a_leaving_supervisor_starts_no_run(void **state)
{
	struct lx		*lx = lx_up("mute");
	struct sx_client	*c = sx_greeted(&lx->sx, SX_UID);

	(void)state;
	sx_begin(c, false);
	sx_add(c, "a");
	sx_commit(c, 1);
	server_leave(&lx->sx.server, false);
	LX_UNTIL(lx, c->n > c->next);
	expect_error(c, MSG_ERR_DRAINING, "leaving");
	assert_int_equal(lx->sx.server.runs.total, 0);
	lx_close(lx);
}

/* A dry run: rows in the order of starts, and nothing is left of it. */
static void
a_dry_run_tells_the_order_and_leaves_nothing(void **state)
{
	struct lx		*lx = lx_up("");
	struct sx_client	*c = sx_greeted(&lx->sx, SX_UID);
	struct msg_run_commit	 m = { .tests = 3, .dry = true };
	const struct msg_plan_ok *sum;

	(void)state;
	sx_begin(c, false);
	sx_add(c, "a");
	sx_add(c, "b");
	sx_add(c, "c");
	sx_send(c, MSG_RUN_COMMIT, 4, &m);
	LX_UNTIL(lx, c->n - c->next == 4);
	for (uint64_t i = 0; i < 3; i++) {
		/* The longest first: each is expected to take longer than the last. */
		const struct msg_plan_row	*row = &expect(c, MSG_PLAN_ROW)->plan_row;

		assert_int_equal(row->index, 2 - i);
		assert_true(row->known);
	}
	sum = &expect(c, MSG_PLAN_OK)->plan_ok;
	assert_int_equal(sum->known, 3);
	assert_true(sum->makespan_us >= sum->bound_us && sum->bound_us > 0);
	assert_int_equal(lx->sx.server.runs.total, 0);
	assert_null(c->conn->draft);
	lx_close(lx);
}

/* ---- journals ---- */

static bool
journal_is_there(const struct lx *lx, const char *run)
{
	char	path[160];

	(void)snprintf(path, sizeof path, "%s/journal/%s", lx->state, run);
	return access(path, F_OK) == 0;
}

/* Commits a run and cancels it; its id. */
static char *
run_to_its_end(struct lx *lx, struct sx_client *c)
{
	char	*run;

	sx_begin(c, false);
	sx_add(c, "a");
	sx_commit(c, 1);
	LX_UNTIL(lx, c->n > c->next);
	run = strndup(sx_next(c)->body.run_ok.run.p, RUN_ID);
	cancel(c, run);
	LX_UNTIL(lx, c->n > c->next);
	(void)expect(c, MSG_OK);
	return run;
}

static void
a_journal_goes_when_all_of_it_is_stored(void **state)
{
	struct lx		*lx = lx_up("");
	char			*run = run_to_its_end(lx, sx_greeted(&lx->sx, SX_UID));

	(void)state;
	LX_UNTIL(lx, !journal_is_there(lx, run));
	assert_true(history_settled(lx->sx.server.history));
	free(run);
	lx_close(lx);
}

static void
a_journal_stays_when_less_of_it_is_stored(void **state)
{
	struct lx		*lx = lx_up("less");
	char			*run = run_to_its_end(lx, sx_greeted(&lx->sx, SX_UID));
	char			 line[64];

	(void)state;
	(void)snprintf(line, sizeof line, "journal %s over", run);
	LX_UNTIL(lx, lx_noted(lx, line) > 0);
	for (int i = 0; i < 5; i++)
		lx_step(lx);
	assert_true(journal_is_there(lx, run));
	assert_false(history_settled(lx->sx.server.history));
	free(run);
	lx_close(lx);
}

/* ---- the process ---- */

static void
changed_bounds_are_told_at_once(void **state)
{
	struct lx		*lx = lx_up("");
	struct sx_client	*c = sx_greeted(&lx->sx, SX_UID);
	struct msg_config_set	 m = { .key = SV_LIT("history-runs"), .value = SV_LIT("7") };

	(void)state;
	sx_send(c, MSG_CONFIG_SET, 5, &m);
	LX_UNTIL(lx, lx_noted(lx, "setup 7") == 1);
	assert_int_equal(lx_noted(lx, "start"), 1);
	lx_close(lx);
}

static void
a_store_that_lives_on_without_its_stream_is_replaced(void **state)
{
	struct lx	*lx = lx_open("closes");

	(void)state;
	LX_UNTIL(lx, lx_noted(lx, "setup") == 1);
	LX_UNTIL(lx, !history_up(lx->sx.server.history) && lx_noted(lx, "start") == 1);
	lx_script(lx, "");
	lx_skew_ms += 10000;
	LX_UNTIL(lx, lx_noted(lx, "start") == 2 && history_up(lx->sx.server.history));
	lx_close(lx);
}

static void
a_store_that_ignores_its_end_is_not_left_behind(void **state)
{
	struct lx	*lx = lx_up("lives");

	(void)state;
	history_stop(lx->sx.server.history);
	LX_UNTIL(lx, !history_up(lx->sx.server.history));
	assert_false(history_gone(lx->sx.server.history));
	lx_close(lx);			/* waits for its end */
}

/* However long it was well before. */
static void
one_that_dies_at_once_each_time_is_left_alone_for_longer(void **state)
{
	struct lx	*lx = lx_up("bites");
	const char	*fault = NULL;
	unsigned	 starts;

	(void)state;
	lx_skew_ms += 120000;
	lx_script(lx, "dies version");
	lx_ask(sx_greeted(&lx->sx, SX_UID), 5);		/* it ends of that */
	LX_UNTIL(lx, (fault = history_fault(lx->sx.server.history)) != NULL &&
	    strstr(fault, "again and again") != NULL);
	starts = lx_noted(lx, "start");
	assert_in_range(starts, 3, 8);
	lx_close(lx);
}

static void
a_store_that_takes_nothing_fills_no_memory(void **state)
{
	struct lx		*lx = lx_up("deaf");
	static char		 long_name[8000];
	struct msg_ask		 m = { .type = MSG_HISTORY,
	    .body = { long_name, sizeof long_name } };
	unsigned		 sent = 0;

	(void)state;
	for (; sent < 2000; sent++) {
		if (history_send(lx->sx.server.history, MSG_ASK, 1, &m) != 0)
			break;
	}
	assert_in_range(sent, 100, 1000);
	lx_close(lx);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_comes_page_by_page_with_the_uid_of_the_kernel),
		cmocka_unit_test(an_endless_answer_waits_for_its_reader),
		cmocka_unit_test(a_store_that_floods_is_cut_off),
		cmocka_unit_test(a_connection_asks_a_few_questions_at_a_time),
		cmocka_unit_test(a_store_that_goes_ends_what_was_asked_and_comes_again),
		cmocka_unit_test(a_client_that_goes_takes_its_questions_along),
		cmocka_unit_test(a_plan_waits_only_a_moment_for_what_is_expected),
		cmocka_unit_test(a_client_that_goes_takes_its_plan_along),
		cmocka_unit_test(a_leaving_supervisor_starts_no_run),
		cmocka_unit_test(a_dry_run_tells_the_order_and_leaves_nothing),
		cmocka_unit_test(a_journal_goes_when_all_of_it_is_stored),
		cmocka_unit_test(a_journal_stays_when_less_of_it_is_stored),
		cmocka_unit_test(changed_bounds_are_told_at_once),
		cmocka_unit_test(a_store_that_lives_on_without_its_stream_is_replaced),
		cmocka_unit_test(a_store_that_ignores_its_end_is_not_left_behind),
		cmocka_unit_test(one_that_dies_at_once_each_time_is_left_alone_for_longer),
		cmocka_unit_test(a_store_that_takes_nothing_fills_no_memory),
	};

	LX_STORE(argc, argv);
	log_init("test_history_link", LOG_LEVEL_ERROR, false);
	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
