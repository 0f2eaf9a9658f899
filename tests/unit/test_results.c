/* Events into results: what is gathered, what is refused, the exit codes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/events_fixture.h"

static void
gathers_everything(void **state)
{
	const struct attempt_result	*a;
	const struct test_result	*t;
	struct fx			 fx;

	(void)state;
	fx_open(&fx);
	fx_demo(&fx);
	assert_string_equal(fx.results.run, FX_RUN);
	assert_string_equal(fx.results.name, "demo");
	assert_int_equal(fx.results.total, 6);
	assert_int_equal(fx.results.done, 6);
	assert_int_equal(fx.results.running, 0);
	assert_int_equal(fx.results.passed, 2);
	assert_int_equal(fx.results.failed, 1);
	assert_int_equal(fx.results.skipped, 1);
	assert_int_equal(fx.results.timed_out, 1);
	assert_int_equal(fx.results.cancelled, 1);
	assert_int_equal(fx.results.flaky, 1);
	assert_true(fx.results.finished);
	assert_int_equal(fx.results.status, RUN_FAILED);
	t = &fx.results.tests[1];
	assert_string_equal(t->name, "adds # up");
	assert_string_equal(t->source, "demo.yaml:12");
	assert_int_equal(t->status, TEST_FAIL);
	assert_int_equal(t->nattempts, 1);
	a = &t->full[0];
	assert_true(a->finished && a->has_exit_code && !a->has_signal);
	assert_int_equal(a->exit_code, 3);
	assert_int_equal(a->timeout_ms, 30000);
	assert_int_equal(a->error_category, CATEGORY_ASSERTION);
	assert_string_equal(a->error_message, "1 of 2 failed");
	assert_int_equal(a->assertions.n, 6);
	assert_string_equal(a->leaked.v[1], "sleep 1000");
	assert_true(a->output_truncated);
	assert_int_equal(a->output_bytes, 100);
	assert_int_equal(a->output_len, 26);
	t = &fx.results.tests[2];
	assert_int_equal(t->nattempts, 2);
	assert_true(t->full[0].has_signal && !t->full[0].has_exit_code);
	assert_int_equal(t->full[0].signal, 11);
	assert_true(t->flaky);
	assert_string_equal(fx.results.tests[3].message, "needs root");
	fx_close(&fx);
}

static void
counts_while_it_runs(void **state)
{
	struct fx	fx;

	(void)state;
	fx_open(&fx);
	fx_started(&fx, 3);
	fx_attempt(&fx, 0, "a", 1);
	fx_attempt(&fx, 1, "b", 1);
	assert_int_equal(fx.results.running, 2);
	fx_attempt_done(&fx, 0, "a", 1, OUTCOME_FAIL, (struct msg_event){ 0 });
	assert_int_equal(fx.results.running, 1);
	assert_int_equal(fx.results.done, 0);
	fx_attempt(&fx, 0, "a", 2);
	assert_int_equal(fx.results.running, 2);
	/* An old attempt that ends late is not the one that runs. */
	fx_attempt_done(&fx, 0, "a", 1, OUTCOME_LOST, (struct msg_event){ 0 });
	assert_int_equal(fx.results.running, 2);
	assert_int_equal(fx.results.tests[0].full[0].outcome, OUTCOME_FAIL);
	fx_attempt_done(&fx, 0, "a", 2, OUTCOME_PASS, (struct msg_event){ 0 });
	fx_test_done(&fx, 0, "a", TEST_PASS, (struct msg_event){ .flaky = true });
	fx_feed(&fx, EVENT_RUN_CANCELLING, (struct msg_event){ .message = SV_LIT("enough") });
	fx_feed(&fx, EVENT_WARNING, (struct msg_event){ .message = SV_LIT("slow disk") });
	assert_int_equal(fx.results.running, 1);
	assert_int_equal(fx.results.done, 1);
	assert_int_equal(fx.results.flaky, 1);
	assert_true(fx.results.cancelling);
	assert_false(fx.results.finished);
	assert_int_equal(fx.results.warnings.n, 1);
	fx_close(&fx);
}

static void
a_number_seen_is_refused(void **state)
{
	struct msg_event	ev = { .seq = 5, .type = EVENT_WARNING, .run = SV_LIT(FX_RUN),
	    .message = SV_LIT("once") };
	struct results		r = { 0 };

	(void)state;
	assert_true(results_event(&r, &ev));
	assert_false(results_event(&r, &ev));
	ev.seq = 9;	/* a gap */
	assert_true(results_event(&r, &ev));
	assert_false(results_event(&r, &ev));
	assert_int_equal(r.last_seq, 9);
	assert_int_equal(r.warnings.n, 2);
	ev.seq = 10;
	ev.run = SV_LIT("another run");
	assert_false(results_event(&r, &ev));
	ev.seq = 0;
	ev.run = SV_LIT(FX_RUN);
	assert_false(results_event(&r, &ev));
	assert_int_equal(r.warnings.n, 2);
	results_free(&r);
	results_free(&r);
}

/* What a slow client was not sent comes later; each number counts once. */
static void
gaps_are_filled_once(void **state)
{
	unsigned	seed = 5;

	(void)state;
	for (int round = 0; round < 50; round++) {
		bool			seen[300] = { false };
		struct msg_event	ev = { .type = EVENT_WARNING, .run = SV_LIT(FX_RUN) };
		struct results		r = { 0 };

		for (int i = 0; i < 2000; i++) {
			ev.seq = 1 + (uint64_t)rand_r(&seed) % 299;
			assert_int_equal(results_event(&r, &ev), !seen[ev.seq]);
			seen[ev.seq] = true;
		}
		results_free(&r);
	}
	/* More gaps than are kept: none is ever counted twice. */
	for (int round = 0; round < 3; round++) {
		bool			seen[4000] = { false };
		struct msg_event	ev = { .type = EVENT_WARNING, .run = SV_LIT(FX_RUN) };
		struct results		r = { 0 };

		for (ev.seq = 2; ev.seq < 4000; ev.seq += 2)
			seen[ev.seq] = results_event(&r, &ev);
		for (int i = 0; i < 20000; i++) {
			ev.seq = 1 + (uint64_t)rand_r(&seed) % 3999;
			if (results_event(&r, &ev)) {
				assert_false(seen[ev.seq]);
				seen[ev.seq] = true;
			}
		}
		assert_true(seen[3999] && seen[3801]);
		results_free(&r);
	}
}

static void
hostile_values_are_harmless(void **state)
{
	struct fx	fx;

	(void)state;
	fx_open(&fx);
	/* Before run.started nothing is known of any test. */
	fx_test(&fx, 0, "early", OUTCOME_PASS, (struct msg_event){ 0 });
	assert_int_equal(fx.results.done, 0);
	assert_null(fx.results.tests);
	fx_started(&fx, 2);
	fx_started(&fx, 1000);
	assert_int_equal(fx.results.total, 2);
	fx_test(&fx, 2, "past", OUTCOME_PASS, (struct msg_event){ 0 });
	fx_test(&fx, UINT64_MAX, "far past", OUTCOME_PASS, (struct msg_event){ 0 });
	assert_int_equal(fx.results.done, 0);
	assert_int_equal(fx.results.running, 0);
	fx_attempt(&fx, 0, "a", 0);
	fx_attempt(&fx, 0, "a", UINT64_MAX);
	fx_attempt_done(&fx, 0, "a", 3, (enum outcome)99, (struct msg_event){
	    .error_category = 1000, .assertions = { (struct sv[]){ { "x", 1 } }, 1 } });
	assert_int_equal(fx.results.tests[0].nattempts, 2);
	assert_int_equal(fx.results.tests[0].full[0].number, 3);
	assert_int_equal(fx.results.tests[0].full[0].outcome, OUTCOME_LOST);
	assert_int_equal(fx.results.tests[0].full[0].assertions.n, 0);
	fx_test_done(&fx, 0, "a", (enum test_status)99, (struct msg_event){ 0 });
	fx_test_done(&fx, 0, "a", TEST_PASS, (struct msg_event){ 0 });
	assert_int_equal(fx.results.tests[0].status, TEST_ERROR);
	assert_int_equal(fx.results.done, 1);
	assert_int_equal(fx.results.errored, 1);
	assert_int_equal(fx.results.passed, 0);
	fx_feed(&fx, (enum event_type)200, (struct msg_event){ 0 });
	fx_finished(&fx, (enum run_status)77);
	assert_int_equal(fx.results.status, RUN_ERROR);
	fx_close(&fx);

	fx_open(&fx);
	fx_started(&fx, UINT64_MAX);
	assert_int_equal(fx.results.total, 10000000);
	fx_close(&fx);
}

static void
the_supervisor_sums_up(void **state)
{
	struct fx	fx;

	(void)state;
	fx_open(&fx);
	fx_started(&fx, 3);
	fx_test(&fx, 0, "a", OUTCOME_PASS, (struct msg_event){ 0 });
	fx_feed(&fx, EVENT_RUN_FINISHED, (struct msg_event){ .status = RUN_FAILED, .total = 3,
	    .passed = 2, .failed = 1, .duration_us = 5, .sequential_us = 6,
	    .workers_used = 7, .message = SV_LIT("because") });
	assert_int_equal(fx.results.passed, 2);
	assert_int_equal(fx.results.failed, 1);
	assert_int_equal(fx.results.workers_used, 7);
	assert_string_equal(fx.results.message, "because");
	fx_test(&fx, 1, "b", OUTCOME_PASS, (struct msg_event){ 0 });
	assert_int_equal(fx.results.passed, 2);
	fx_close(&fx);
}

/* One letter a test: p pass, k skip, f fail, t timeout, e error, c cancelled,
 * y flaky, s a setup that failed, i infrastructure, n nothing could start it. */
static void
play(struct fx *fx, const char *tests)
{
	static const char	letters[] = "pkftecysin";
	static const struct {
		enum outcome		outcome;
		enum test_status	status;
		enum error_category	category;
		bool			flaky, ran;
	} what[] = {
		{ OUTCOME_PASS, TEST_PASS, CATEGORY_NONE, false, true },
		{ OUTCOME_SKIP, TEST_SKIP, CATEGORY_NONE, false, true },
		{ OUTCOME_FAIL, TEST_FAIL, CATEGORY_ASSERTION, false, true },
		{ OUTCOME_TIMEOUT, TEST_TIMEOUT, CATEGORY_TIMEOUT, false, true },
		{ OUTCOME_EXEC_ERROR, TEST_ERROR, CATEGORY_EXECUTION, false, true },
		{ OUTCOME_CANCELLED, TEST_CANCELLED, CATEGORY_NONE, false, true },
		{ OUTCOME_PASS, TEST_PASS, CATEGORY_NONE, true, true },
		{ OUTCOME_FAIL, TEST_FAIL, CATEGORY_SETUP, false, true },
		{ OUTCOME_LOST, TEST_ERROR, CATEGORY_INFRASTRUCTURE, false, true },
		{ OUTCOME_LOST, TEST_ERROR, CATEGORY_NONE, false, false },
	};

	fx_started(fx, strlen(tests));
	for (size_t i = 0; tests[i] != '\0'; i++) {
		size_t	k = (size_t)(strchr(letters, tests[i]) - letters);
		char	name[24];

		(void)snprintf(name, sizeof(name), "t%zu", i);
		if (what[k].ran)
			fx_attempt_done(fx, i, name, 1, what[k].outcome,
			    (struct msg_event){ .error_category = what[k].category });
		fx_test_done(fx, i, name, what[k].status,
		    (struct msg_event){ .flaky = what[k].flaky });
	}
}

static void
exit_codes(void **state)
{
	static const struct {
		const char	*tests;
		enum run_status	 status;	/* RUN_RUNNING: it never ended */
		bool		 flaky_fails;
		int		 code;
	} cases[] = {
		{ "ppp", RUN_PASSED, false, 0 },
		{ "pkk", RUN_PASSED, true, 0 },
		{ "kk", RUN_PASSED, false, 0 },
		{ "pf", RUN_FAILED, false, 1 },
		{ "pt", RUN_FAILED, false, 1 },
		{ "pe", RUN_FAILED, false, 1 },
		{ "pfcc", RUN_FAILED, false, 1 },
		{ "pcc", RUN_CANCELLED, false, 1 },
		{ "cc", RUN_FAILED, false, 1 },
		{ "", RUN_CANCELLED, false, 1 },
		{ "", RUN_PASSED, false, 4 },
		{ "py", RUN_PASSED, false, 0 },
		{ "py", RUN_PASSED, true, 6 },
		{ "pyf", RUN_FAILED, true, 1 },
		{ "ps", RUN_FAILED, false, 7 },
		{ "pscc", RUN_FAILED, false, 7 },
		{ "sc", RUN_CANCELLED, false, 1 },
		{ "ssf", RUN_FAILED, false, 1 },
		{ "sst", RUN_FAILED, false, 1 },
		{ "si", RUN_FAILED, false, 1 },
		{ "pi", RUN_FAILED, false, 8 },
		{ "pin", RUN_ERROR, false, 8 },
		{ "ppncc", RUN_ERROR, false, 8 },
		{ "if", RUN_FAILED, false, 1 },
		{ "ie", RUN_FAILED, false, 1 },
		{ "pp", RUN_ERROR, false, 8 },
		{ "pp", RUN_RUNNING, false, 8 },
		{ "pf", RUN_RUNNING, false, 8 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fx	fx;
		int		code;

		fx_open(&fx);
		play(&fx, cases[i].tests);
		if (cases[i].status != RUN_RUNNING)
			fx_finished(&fx, cases[i].status);
		code = results_exit_code(&fx.results, cases[i].flaky_fails);
		if (code != cases[i].code)
			fail_msg("'%s' %s: %d, not %d", cases[i].tests,
			    run_status_name(cases[i].status), code, cases[i].code);
		fx_close(&fx);
	}
}

static void
a_failure_that_was_not_seen_counts(void **state)
{
	struct fx	fx;

	(void)state;
	fx_open(&fx);
	play(&fx, "ps");
	fx_feed(&fx, EVENT_RUN_FINISHED, (struct msg_event){ .status = RUN_FAILED, .total = 3,
	    .passed = 1, .failed = 2 });
	assert_int_equal(results_exit_code(&fx.results, false), 1);
	fx_close(&fx);
	fx_open(&fx);
	assert_int_equal(results_exit_code(&fx.results, false), 8);
	fx_close(&fx);
}

/* Events in any order, with any numbers, do no harm and count nothing twice. */
static void
any_order(void **state)
{
	unsigned	seed = 20231114;

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct fx	fx;

		fx_open(&fx);
		for (int i = 0; i < 200; i++) {
			struct msg_event	ev = {
				.index = (uint64_t)rand_r(&seed) % 5,
				.attempt = (uint64_t)rand_r(&seed) % 4,
				.outcome = (uint64_t)rand_r(&seed) % (OUTCOME_COUNT + 2),
				.status = (uint64_t)rand_r(&seed) % (TEST_STATUS_COUNT + 2),
				.total = (uint64_t)rand_r(&seed) % 5,
				.test = SV_LIT("name"), .output = SV_LIT("x"),
			};
			enum event_type		type = (enum event_type)(rand_r(&seed) %
			    (round % 2 == 0 ? EVENT_RUN_FINISHED : EVENT_TYPE_COUNT + 1));

			fx_feed(&fx, type, ev);
			assert_true(fx.results.done <= fx.results.total);
			assert_true(fx.results.running + fx.results.done <= fx.results.total);
		}
		(void)results_exit_code(&fx.results, true);
		fx_close(&fx);
	}
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(gathers_everything),
		cmocka_unit_test(counts_while_it_runs),
		cmocka_unit_test(a_number_seen_is_refused),
		cmocka_unit_test(gaps_are_filled_once),
		cmocka_unit_test(hostile_values_are_harmless),
		cmocka_unit_test(the_supervisor_sums_up),
		cmocka_unit_test(exit_codes),
		cmocka_unit_test(a_failure_that_was_not_seen_counts),
		cmocka_unit_test(any_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
