/*
 * Unit tests of the control plane, supervisor/control_ops.c: what clients ask about
 * runs, output and the supervisor.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/control_fixture.h"

/* ---- runs ---- */

static void
a_run_is_cancelled_by_a_prefix(void **state)
{
	struct sx		*sx = *state;
	struct sx_client	*c = sx_greeted(sx, SX_UID);
	char			*run = sx_submit(sx, c, 2, false), prefix[9] = "";
	const struct msg_event	*ev;

	memcpy(prefix, run, 8);
	cancel(c, prefix);
	sx_turn(sx);
	(void)expect(c, MSG_OK);
	cancel(c, prefix);	/* once more is fine */
	sx_turn(sx);
	(void)expect(c, MSG_OK);
	watch(c, 6, run, 1, false);
	sx_turn(sx);
	assert_int_equal(expect(c, MSG_EVENT)->event.type, EVENT_RUN_STARTED);
	assert_int_equal(expect(c, MSG_EVENT)->event.type, EVENT_RUN_CANCELLING);
	for (int i = 0; i < 2; i++) {
		ev = &expect(c, MSG_EVENT)->event;
		assert_int_equal(ev->type, EVENT_TEST_FINISHED);
		assert_int_equal(ev->status, TEST_CANCELLED);
		assert_int_equal(ev->attempts, 0);	/* no worker ever had it */
		assert_true(sv_is(ev->message, "it was not started"));
	}
	ev = &expect(c, MSG_EVENT)->event;
	assert_int_equal(ev->type, EVENT_RUN_FINISHED);
	assert_int_equal(ev->status, RUN_CANCELLED);
	assert_int_equal(ev->cancelled, 2);
	assert_int_equal(expect(c, MSG_END_OF)->end_of.count, 5);
	free(run);
}

static void
a_prefix_must_be_of_one_run(void **state)
{
	struct sx		*sx = *state;
	struct sx_client	*c = sx_greeted(sx, SX_UID);
	char			*first[16] = { NULL }, *run, prefix[2] = "";
	const char		*digits = "0123456789abcdef";
	unsigned		 n = 0;
	struct run		*newest;

	/* Seventeen runs: two of them begin with the same digit. */
	while (prefix[0] == '\0') {
		run = sx_submit(sx, c, 1, false);
		assert_non_null(run);
		n++;
		if (first[strchr(digits, run[0]) - digits] != NULL) {
			prefix[0] = run[0];
			free(run);
		} else {
			first[strchr(digits, run[0]) - digits] = run;
		}
	}
	cancel(c, prefix);
	cancel(c, "x");
	cancel(c, "00112233445566778899aabbccddeeff0");
	sx_turn(sx);
	expect_error(c, MSG_ERR_NOT_FOUND, "several runs begin with");
	expect_error(c, MSG_ERR_NOT_FOUND, "there is no run 'x'");
	expect_error(c, MSG_ERR_NOT_FOUND, "there is no run '0011");
	assert_int_equal(sx->server.runs.nactive, n);
	assert_int_equal(runs_find(&sx->server.runs, SV_LIT("latest"), SX_UID, &newest), 0);
	assert_ptr_equal(newest, TAILQ_FIRST(&sx->server.runs.list));
	for (int i = 0; i < 16; i++)
		free(first[i]);
}

static void
a_watch_begins_where_it_is_told_to(void **state)
{
	struct sx		*sx = *state;
	struct sx_client	*c = sx_greeted(sx, SX_UID);
	char			*run = sx_submit(sx, c, 3, false);
	const struct sx_frame	*f;

	cancel(c, run);
	sx_turn(sx);
	(void)expect(c, MSG_OK);
	/* run.started, run.cancelling, three verdicts, run.finished */
	for (uint64_t since = 1; since <= 8; since++) {
		watch(c, 100 + (uint32_t)since, run, since, since % 2);
		sx_turn(sx);
		for (uint64_t seq = since; seq <= 6; seq++)
			assert_int_equal(expect(c, MSG_EVENT)->event.seq, seq);
		f = sx_next(c);
		assert_non_null(f);
		assert_int_equal(f->type, MSG_END_OF);
		assert_int_equal(f->id, 100 + since);
		assert_int_equal(f->body.end_of.count, since <= 6 ? 7 - since : 0);
	}
	free(run);
}

static void
a_watch_that_does_not_follow_ends_with_what_is_there(void **state)
{
	struct sx		*sx = *state;
	struct sx_client	*c = sx_greeted(sx, SX_UID);
	char			*run = sx_submit(sx, c, 1, false);

	watch(c, 5, run, 0, true);
	sx_turn(sx);
	assert_int_equal(expect(c, MSG_EVENT)->event.seq, 1);
	assert_int_equal(expect(c, MSG_END_OF)->end_of.count, 1);
	assert_int_equal(sx->server.runs.nactive, 1);
	cancel(c, run);
	sx_turn(sx);
	(void)expect(c, MSG_OK);
	expect_nothing(c);
	free(run);
}

static void
output_is_asked_for_by_test_and_attempt(void **state)
{
	static const struct {
		const char	*test;
		uint64_t	 attempt;
		const char	*error;		/* NULL: an empty output */
	} cases[] = {
		{ "t0", 0, NULL },
		{ "t0", 7, "has no attempt 7" },
		{ "t1", 0, "has no test 't1'" },
		{ "", 0, "has no test ''" },
	};
	struct sx		*sx = *state;
	struct sx_client	*c = sx_greeted(sx, SX_UID);
	char			*run = sx_submit(sx, c, 1, false);

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct msg_output_read	m = { .run = sv_from(run), .attempt = cases[i].attempt,
		    .test = sv_from(cases[i].test) };

		sx_send(c, MSG_OUTPUT_READ, 5, &m);
		sx_turn(sx);
		if (cases[i].error != NULL)
			expect_error(c, MSG_ERR_NOT_FOUND, cases[i].error);
		else
			assert_int_equal(expect(c, MSG_END_OF)->end_of.count, 0);
	}
	free(run);
}

static void
one_output_at_a_time_is_followed(void **state)
{
	struct sx		*sx = *state;
	struct sx_client	*c = sx_greeted(sx, SX_UID);
	char			*run = sx_submit(sx, c, 1, false);
	struct msg_output_read	 m = { .test = SV_LIT("t0"), .follow = true };

	sx_send(c, MSG_OUTPUT_READ, 5, &m);
	sx_turn(sx);
	expect_nothing(c);
	sx_send(c, MSG_OUTPUT_READ, 6, &m);
	sx_turn(sx);
	expect_error(c, MSG_ERR_LIMIT, "reads an output already");
	cancel(c, run);
	sx_turn(sx);
	(void)expect(c, MSG_END_OF);	/* the test is over */
	(void)expect(c, MSG_OK);
	free(run);
}

/* ---- the supervisor ---- */

static void
settings_are_shown_and_set(void **state)
{
	struct sx		*sx = *state;
	struct sx_client	*c = sx_greeted(sx, SX_UID);
	struct msg_config_get	 all = { .has = 0 }, one = { .key = SV_LIT("max-runs") };
	struct msg_config_get	 none = { .key = SV_LIT("nope") };
	static const struct {
		struct sv	 key, value;
		const char	*error;		/* NULL: taken */
	} cases[] = {
		{ { "max-runs", 8 }, { "7", 1 }, NULL },
		{ { "max-runs", 8 }, { "0", 1 }, "it must be from 1 to 4096" },
		{ { "max-runs", 8 }, { "x", 1 }, "is no value for it" },
		{ { "nope", 4 }, { "7", 1 }, "there is no setting 'nope'" },
	};
	const struct sx_frame	*f;
	uint64_t		 rows = 0;

	sx_send(c, MSG_CONFIG_GET, 5, &all);
	sx_turn(sx);
	while ((f = sx_next(c)) != NULL && f->type == MSG_CONFIG_ROW)
		rows++;
	assert_non_null(f);
	assert_int_equal(f->body.end_of.count, rows);
	assert_true(rows > 10);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct msg_config_set	m = { .key = cases[i].key, .value = cases[i].value };

		sx_send(c, MSG_CONFIG_SET, 6, &m);
		sx_turn(sx);
		if (cases[i].error != NULL)
			expect_error(c, MSG_ERR_BAD, cases[i].error);
		else {
			(void)expect(c, MSG_CONFIG_ROW);
			(void)expect(c, MSG_END_OF);
		}
	}
	sx_send(c, MSG_CONFIG_GET, 5, &one);
	sx_send(c, MSG_CONFIG_GET, 5, &none);
	sx_turn(sx);
	f = sx_next(c);
	assert_int_equal(f->type, MSG_CONFIG_ROW);
	assert_true(sv_is(f->body.config_row.value, "7"));
	assert_true(sv_is(f->body.config_row.fallback, "64"));
	(void)expect(c, MSG_END_OF);
	expect_error(c, MSG_ERR_BAD, "there is no setting 'nope'");
}

static void
status_counts_what_is_there(void **state)
{
	struct sx			*sx = *state;
	struct sx_client		*c = sx_greeted(sx, SX_UID);
	char				*run = sx_submit(sx, c, 5, false);
	struct msg_status		 m = { 0 };
	struct msg_workers		 w = { 0 };
	const struct msg_status_ok	*s;

	sx_send(c, MSG_STATUS, 5, &m);
	sx_send(c, MSG_WORKERS, 6, &w);
	sx_turn(sx);
	s = &expect(c, MSG_STATUS_OK)->status_ok;
	assert_true(sv_is(s->state, "ready"));
	assert_int_equal(s->runs_active, 1);
	assert_int_equal(s->runs_total, 1);
	assert_int_equal(s->clients, 1);
	assert_int_equal(s->workers_total, 0);
	assert_int_equal(s->tests_queued, 3);	/* of five, two were given out */
	assert_int_equal(s->pid, getpid());
	assert_int_equal(expect(c, MSG_END_OF)->end_of.count, 0);
	free(run);
}

static void
a_draining_supervisor_takes_no_new_run(void **state)
{
	struct sx		*sx = *state;
	struct sx_client	*c = sx_greeted(sx, SX_UID), *late = sx_greeted(sx, SX_UID);
	char			*run = sx_submit(sx, c, 1, false);
	struct msg_drain	 m = { 0 };

	sx_send(c, MSG_DRAIN, 5, &m);
	sx_turn(sx);
	(void)expect(c, MSG_OK);
	sx_begin(late, false);
	sx_add(late, "a");		/* sent before the answer came */
	sx_commit(late, 1);
	sx_turn(sx);
	expect_error(late, MSG_ERR_DRAINING, "no new runs");
	expect_error(late, MSG_ERR_DRAINING, "no new runs");	/* of the commit */
	assert_int_equal(sx->server.runs.nactive, 1);
	assert_true(still_served(sx, late));
	free(run);
}

static void
finished_runs_go_when_there_are_too_many(void **state)
{
	struct sx		*sx = *state;
	struct sx_client	*c = sx_greeted(sx, SX_UID);

	set(sx, "keep-runs", "2");
	for (int i = 0; i < 6; i++) {
		char	*run = sx_submit(sx, c, 1, false);

		assert_non_null(run);
		cancel(c, run);
		sx_turn(sx);
		(void)expect(c, MSG_OK);
		free(run);
	}
	assert_int_equal(sx->server.runs.total, 6);
	assert_true(runs_on_show(sx, c) <= 3);
}

/* A folder that others can use too is no place for a history, and stays one. */
static void
a_lasting_fault_is_said_with_what_follows_from_it(void **state)
{
	struct sx		 sx;
	struct sx_client	*c;
	char			 dir[] = "/tmp/paratest-unit.XXXXXX";
	const struct msg_error	*e;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chmod(dir, 0755), 0);
	sx_open_state(&sx, dir);
	c = sx_greeted(&sx, SX_UID);
	sx_send(c, MSG_HISTORY, 5, &(struct msg_history){ .test = SV_LIT("t") });
	sx_turn(&sx);
	e = &expect(c, MSG_ERROR)->error;
	assert_int_equal(e->code, MSG_ERR_NOT_FOUND);
	assert_true(e->text.n > 0 && memmem(e->text.p, e->text.n, dir, strlen(dir)) != NULL);
	assert_memory_equal(e->text.p, "no history is kept: ", 20);
	assert_int_equal(e->hint.n, 0);		/* to ask again is of no use */
	sx_close(&sx);
	assert_int_equal(rmdir(dir), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVER(a_run_is_cancelled_by_a_prefix),
		WITH_SERVER(a_prefix_must_be_of_one_run),
		WITH_SERVER(a_watch_begins_where_it_is_told_to),
		WITH_SERVER(a_watch_that_does_not_follow_ends_with_what_is_there),
		WITH_SERVER(output_is_asked_for_by_test_and_attempt),
		WITH_SERVER(one_output_at_a_time_is_followed),
		WITH_SERVER(settings_are_shown_and_set),
		WITH_SERVER(status_counts_what_is_there),
		WITH_SERVER(a_draining_supervisor_takes_no_new_run),
		WITH_SERVER(finished_runs_go_when_there_are_too_many),
		cmocka_unit_test(a_lasting_fault_is_said_with_what_follows_from_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
