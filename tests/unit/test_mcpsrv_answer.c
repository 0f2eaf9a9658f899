/* Answers: each fits its schema and its budget, with what matters first. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include <jansson.h>

#include "common/figures.h"
#include "common/xalloc.h"
#include "mcp/schema.h"
#include "mcpsrv/answer.h"
#include "mcpsrv/schemas.h"
#include "mcpsrv/secrets.h"
#include "tests/unit/events_fixture.h"

#define LONG	20000	/* bytes of a large output */

static struct answer_view
view(enum answer_detail detail)
{
	return (struct answer_view){ .detail = detail, .limit = 50, .output_lines = 20,
	    .budget = ANSWER_BUDGET, .now_ms = FX_START_MS + 5000 };
}

static void
assert_fits(const char *schema, json_t *answer)
{
	json_t	*s = json_loads(schema, 0, NULL);
	char	 why[500];

	assert_non_null(s);
	assert_non_null(answer);
	if (!schema_check(s, answer, why, sizeof why))
		fail_msg("the answer breaks its own schema: %s", why);
	json_decref(s);
}

static const char *
text(json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static json_t *
result(json_t *answer, size_t i)
{
	return json_array_get(json_object_get(answer, "results"), i);
}

/* The demo: a pass, a failure, a flaky pass, a skip, a timeout, one not started. */
static void
failures_come_first(void **state)
{
	static const char *const	order[] = { "adds # up", "hangs", "late" };
	static const char *const	all[] = { "adds # up", "hangs", "late", "wobbles", "not "
	    "here",
	    "greets" };
	struct answer_view		 v = view(DETAIL_FAILURES);
	struct fx			 fx;
	json_t				*a;

	(void)state;
	fx_open(&fx);
	fx_demo(&fx);
	a = answer_run(&fx.results, &v, NULL);
	assert_fits(schema_run_test_parallel_output, a);
	assert_fits(schema_get_test_run_output, a);
	assert_int_equal(json_array_size(json_object_get(a, "results")), 3);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(text(result(a, i), "name"), order[i]);
	assert_true(json_is_true(json_object_get(a, "success")));
	assert_string_equal(text(a, "status"), "failed");
	assert_string_equal(text(a, "message"), "2 of 6 tests failed, 1 of them by its time limit, "
	    "1 were not run to the end, in 1.00s.");
	/* No colours, and what was cut is said. */
	assert_string_equal(text(result(a, 0), "output"), "[... 74 bytes before this]\n  two "
	    "red\n\nthree\n");
	assert_null(json_object_get(a, "nextCursor"));
	json_decref(a);
	v = view(DETAIL_ALL);
	a = answer_run(&fx.results, &v, json_pack("{s:i}", "maxWorkers", 4));
	assert_fits(schema_run_test_parallel_output, a);
	for (size_t i = 0; i < 6; i++)
		assert_string_equal(text(result(a, i), "name"), all[i]);
	json_decref(a);
	v = view(DETAIL_SUMMARY);
	a = answer_run(&fx.results, &v, NULL);
	assert_fits(schema_run_test_parallel_output, a);
	assert_int_equal(json_array_size(json_object_get(a, "results")), 0);
	json_decref(a);
	fx_close(&fx);
}

static void
only_what_is_looked_for(void **state)
{
	struct answer_view	 v = view(DETAIL_ALL);
	struct fx		 fx;
	json_t			*a;

	(void)state;
	fx_open(&fx);
	fx_demo(&fx);
	v.has_status = true;
	v.status = TEST_PASS;
	a = answer_run(&fx.results, &v, NULL);
	assert_int_equal(json_array_size(json_object_get(a, "results")), 2);
	json_decref(a);
	v = view(DETAIL_ALL);
	v.pattern = "ng";
	a = answer_run(&fx.results, &v, NULL);
	assert_int_equal(json_array_size(json_object_get(a, "results")), 1);
	assert_string_equal(text(result(a, 0), "name"), "hangs");
	json_decref(a);
	fx_close(&fx);
}

/* `n` tests that fail, each with a large output; `kinds` different failures. */
static void
fail_many(struct fx *fx, uint64_t n, uint64_t kinds)
{
	static char	out[LONG];
	char		name[32], why[32];

	for (size_t i = 0; i < LONG; i++)
		out[i] = i % 50 == 49 ? '\n' : (char)('a' + i % 26);
	fx_started(fx, n);
	for (uint64_t i = 0; i < n; i++) {
		(void)snprintf(name, sizeof name, "test-%d", (int)i);
		(void)snprintf(why, sizeof why, "kind %d", (int)(i % kinds));
		fx_attempt(fx, i, name, 1);
		fx_attempt_done(fx, i, name, 1, OUTCOME_FAIL, (struct msg_event){ .exit_code = 1,
		    .output = { out, LONG }, .fingerprint = 1 + i % kinds, .failure = sv_from(why),
		    .error_message = sv_from(why), .error_category = CATEGORY_INFRASTRUCTURE });
		fx_test_done(fx, i, name, TEST_FAIL, (struct msg_event){ .attempts = 1 });
	}
	fx_finished(fx, RUN_FAILED);
}

/* Whatever was printed, an answer has its size, and its pages make the whole. */
static void
an_answer_has_its_size(void **state)
{
	static const size_t	 budgets[] = { ANSWER_BUDGET_MIN, ANSWER_BUDGET,
	    ANSWER_BUDGET_MAX };
	struct answer_view	 v;
	struct fx		 fx;
	json_t			*a;
	size_t			 seen;
	const char		*next;

	(void)state;
	fx_open(&fx);
	fail_many(&fx, 300, 300);
	for (size_t i = 0; i < 3; i++) {
		v = view(DETAIL_FAILURES);
		v.budget = budgets[i];
		seen = 0;
		do {
			a = answer_run(&fx.results, &v, NULL);
			assert_fits(schema_run_test_parallel_output, a);
			assert_true(answer_size(a) <= budgets[i]);
			assert_true(json_array_size(json_object_get(a, "results")) > 0);
			seen += json_array_size(json_object_get(a, "results"));
			assert_int_equal(json_integer_value(json_object_get(a, "resultsOmitted")),
			    300 - seen);
			next = text(a, "nextCursor");
			assert_true((next != NULL) == (seen < 300));
			if (next != NULL)
				assert_true(answer_cursor_parse(next, &v.detail, &v.offset));
			assert_int_equal(v.detail, DETAIL_FAILURES);
			json_decref(a);
		} while (seen < 300);
		assert_int_equal(seen, 300);
	}
	fx_close(&fx);
}

/* Also with names and assertions as long as they may be. */
static void
long_names_have_their_size(void **state)
{
	static const size_t	 budgets[] = { ANSWER_BUDGET_MIN, ANSWER_BUDGET,
	    ANSWER_BUDGET_MAX };
	static const uint64_t	 runs[] = { 1, 12 };
	static char		 name[512], why[400], out[LONG];
	struct sv		 assertions[30];
	struct answer_view	 v;
	struct fx		 fx;
	json_t			*a;

	(void)state;
	memset(name, 'n', sizeof name - 1);
	memset(why, 'w', sizeof why);
	memset(out, 'o', sizeof out);
	for (size_t i = 0; i < 30; i++)
		assertions[i] = i % 3 == 0 ? SV_LIT("output_contains") : i % 3 == 1 ?
		    SV_LIT("fail") : (struct sv){ why, sizeof why };
	for (size_t k = 0; k < 2; k++) {
		fx_open(&fx);
		fx_started(&fx, runs[k]);
		for (uint64_t i = 0; i < runs[k]; i++) {
			(void)snprintf(name, 5, "t%03u", (unsigned)i);
			name[4] = 'n';
			fx_test(&fx, i, name, OUTCOME_FAIL, (struct msg_event){ .exit_code = 1,
			    .output = { out, LONG }, .fingerprint = 1 + i / 2,
			    .failure = { why, sizeof why }, .error_message = { why, sizeof why },
			    .assertions = { assertions, 30 } });
		}
		fx_finished(&fx, RUN_FAILED);
		for (size_t i = 0; i < 3; i++) {
			v = view(DETAIL_FAILURES);
			v.budget = budgets[i];
			a = answer_run(&fx.results, &v, NULL);
			assert_true(answer_size(a) <= budgets[i]);
			assert_true(json_array_size(json_object_get(a, "results")) > 0);
			json_decref(a);
			a = answer_retry(&fx.results, &v, 0);
			assert_true(answer_size(a) <= budgets[i]);
			assert_true(json_array_size(json_object_get(a, "results")) > 0);
			json_decref(a);
		}
		fx_close(&fx);
	}
}

/* Equal failures are told once, the different ones with their outputs before them. */
static void
alike_failures_are_told_once(void **state)
{
	struct answer_view	 v = view(DETAIL_FAILURES);
	struct fx		 fx;
	json_t			*a, *groups;

	(void)state;
	fx_open(&fx);
	fail_many(&fx, 40, 2);
	a = answer_run(&fx.results, &v, NULL);
	assert_fits(schema_run_test_parallel_output, a);
	assert_true(answer_size(a) <= ANSWER_BUDGET);
	groups = json_object_get(a, "failureGroups");
	assert_int_equal(json_array_size(groups), 2);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(groups, 0), "count")),
	    20);
	assert_string_equal(text(result(a, 0), "name"), "test-0");
	assert_string_equal(text(result(a, 1), "name"), "test-1");
	assert_non_null(text(result(a, 0), "output"));
	assert_non_null(text(result(a, 1), "output"));
	assert_string_equal(text(result(a, 2), "sameFailureAs"), "test-0");
	assert_null(text(result(a, 2), "output"));
	/* To callers of the original there is no such category. */
	assert_string_equal(text(json_object_get(result(a, 0), "error"), "category"), "execution");
	json_decref(a);
	fx_close(&fx);
}

/* What failures have in common is what a test printed, too. */
static void
a_group_tells_no_secret(void **state)
{
	struct answer_view	 v = view(DETAIL_FAILURES);
	struct secrets		*secrets = xcalloc(1, sizeof *secrets);
	struct fx		 fx;
	json_t			*a, *group;

	(void)state;
	secrets_add(secrets, "SOME_TOKEN=kind 1");
	v.secrets = secrets;
	fx_open(&fx);
	fail_many(&fx, 40, 2);
	a = answer_run(&fx.results, &v, NULL);
	group = json_array_get(json_object_get(a, "failureGroups"), 1);
	assert_string_equal(text(group, "failure"), "[SOME_TOKEN is hidden]");
	json_decref(a);
	fx_close(&fx);
	secrets_free(secrets);
	free(secrets);
}

static void
a_run_that_goes_on(void **state)
{
	struct answer_view	 v = view(DETAIL_FAILURES);
	struct text		 t = { 0 };
	struct fx		 fx;
	json_t			*a;

	(void)state;
	fx_open(&fx);
	fx_started(&fx, 3);
	fx_test(&fx, 0, "one", OUTCOME_FAIL, (struct msg_event){ .exit_code = 1 });
	fx_attempt(&fx, 1, "two\x1b[31m\xe2\x80\xae", 1);
	a = answer_run(&fx.results, &v, NULL);
	assert_fits(schema_run_test_parallel_output, a);
	assert_string_equal(text(a, "status"), "running");
	assert_non_null(strstr(text(a, "message"), "1 of 3 tests are done, 1 failed so far"));
	assert_non_null(strstr(text(a, "message"), FX_RUN));
	json_decref(a);
	answer_progress(&fx.results, FX_START_MS + 12000, &t);
	assert_string_equal(t.p, "1/3 done, 1 failed, running: two (12 s)");
	text_free(&t);
	fx_close(&fx);
}

static void
a_retry(void **state)
{
	struct answer_view	 v = view(DETAIL_FAILURES);
	struct fx		 fx;
	json_t			*a, *s;

	(void)state;
	fx_open(&fx);
	fx_demo(&fx);
	a = answer_retry(&fx.results, &v, 2);
	assert_fits(schema_retry_failed_tests_output, a);
	s = json_object_get(a, "statistics");
	assert_int_equal(json_integer_value(json_object_get(s, "totalTests")), 6);
	assert_int_equal(json_integer_value(json_object_get(s, "successAfterRetry")), 2);
	assert_int_equal(json_integer_value(json_object_get(s, "notRetried")), 2);
	assert_string_equal(text(result(a, 0), "finalStatus"), "fail");
	assert_non_null(json_object_get(result(a, 0), "finalResult"));
	assert_string_equal(text(result(a, 3), "name"), "wobbles");
	assert_true(json_is_true(json_object_get(result(a, 3), "recovered")));
	assert_int_equal(json_array_size(json_object_get(result(a, 3), "statuses")), 2);
	assert_null(json_object_get(result(a, 3), "finalResult"));
	json_decref(a);
	fx_close(&fx);
}

static void
flaky_tests(void **state)
{
	static const uint64_t	 flaky[FLAKE_FIG_COUNT] = { FLAKE_FLAKY, 6, 4, 100000, 700000,
	    9000 };
	static const uint64_t	 stable[FLAKE_FIG_COUNT] = { FLAKE_STABLE, 10, 0, 0, 300000, 0 };
	struct answer_view	 v = view(DETAIL_FAILURES);
	struct fx		 fx;
	json_t			*a, *one;

	(void)state;
	fx_open(&fx);
	fx_started(&fx, 2);
	fx_attempt(&fx, 0, "steady", 1);
	fx_attempt_done(&fx, 0, "steady", 1, OUTCOME_PASS, (struct msg_event){ 0 });
	fx_test_done(&fx, 0, "steady", TEST_PASS, (struct msg_event){
	    .flake = { stable, FLAKE_FIG_COUNT } });
	fx_attempt_done(&fx, 1, "wobbly", 1, OUTCOME_FAIL, (struct msg_event){ .exit_code = 1,
	    .fingerprint = 5, .failure = SV_LIT("ECONNRESET") });
	fx_attempt_done(&fx, 1, "wobbly", 2, OUTCOME_PASS, (struct msg_event){ 0 });
	fx_test_done(&fx, 1, "wobbly", TEST_FAIL, (struct msg_event){
	    .flake = { flaky, FLAKE_FIG_COUNT } });
	fx_finished(&fx, RUN_FAILED);
	a = answer_flaky(&fx.results, &v, 0.1, false);
	assert_fits(schema_detect_flaky_tests_output, a);
	assert_int_equal(json_array_size(json_object_get(a, "reports")), 1);
	one = json_array_get(json_object_get(a, "reports"), 0);
	assert_string_equal(text(one, "testName"), "wobbly");
	assert_true(json_is_true(json_object_get(one, "isFlaky")));
	assert_true(json_real_value(json_object_get(one, "flakeRate")) > 0.39);
	assert_string_equal(json_string_value(json_array_get(json_object_get(one,
	    "failurePatterns"), 0)), "1 x Connection Error: ECONNRESET");
	assert_string_equal(text(json_object_get(a, "summary"), "mostFlakyTest"), "wobbly");
	json_decref(a);
	a = answer_flaky(&fx.results, &v, 0.1, true);
	assert_fits(schema_detect_flaky_tests_output, a);
	assert_int_equal(json_array_size(json_object_get(a, "reports")), 2);
	json_decref(a);
	fx_close(&fx);
}

static void
metrics_are_paged(void **state)
{
	struct answer_view	 v = view(DETAIL_FAILURES);
	struct metrics		 m = { .n = 500, .sum = { .tests = 700 }, .truncated = true };
	json_t			*a;

	(void)state;
	m.v = calloc(m.n, sizeof *m.v);
	for (size_t i = 0; i < m.n; i++) {
		m.v[i].test = strdup("a test");
		m.v[i].suite = strdup("");
		m.v[i].last_run = strdup(FX_RUN);
		m.v[i].attempts = 3;
		m.v[i].passes = 1;
	}
	v.limit = 500;
	a = answer_metrics(&m, &v);
	assert_fits(schema_get_execution_metrics_output, a);
	assert_true(answer_size(a) <= ANSWER_BUDGET);
	assert_int_equal(json_array_size(json_object_get(a, "metrics")) +
	    (size_t)json_integer_value(json_object_get(a, "metricsOmitted")), 700);
	assert_true(answer_cursor_parse(text(a, "nextCursor"), &v.detail, &v.offset));
	assert_int_equal(v.offset, json_array_size(json_object_get(a, "metrics")));
	json_decref(a);
	metrics_free(&m);
	a = answer_metrics(&m, &v);
	assert_fits(schema_get_execution_metrics_output, a);
	assert_null(text(a, "nextCursor"));
	json_decref(a);
}

static void
cursors_are_ours_or_none(void **state)
{
	static const char *const	wrong[] = { "", "f", "x5", "f-1", "f5x",
	    "f99999999999", "5" };
	enum answer_detail		detail;
	char				buf[ANSWER_CURSOR];
	size_t				offset;

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_false(answer_cursor_parse(wrong[i], &detail, &offset));
	answer_cursor(buf, DETAIL_ALL, 120);
	assert_true(answer_cursor_parse(buf, &detail, &offset));
	assert_int_equal(detail, DETAIL_ALL);
	assert_int_equal(offset, 120);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(failures_come_first),
		cmocka_unit_test(only_what_is_looked_for),
		cmocka_unit_test(an_answer_has_its_size),
		cmocka_unit_test(long_names_have_their_size),
		cmocka_unit_test(alike_failures_are_told_once),
		cmocka_unit_test(a_group_tells_no_secret),
		cmocka_unit_test(a_run_that_goes_on),
		cmocka_unit_test(a_retry),
		cmocka_unit_test(flaky_tests),
		cmocka_unit_test(metrics_are_paged),
		cmocka_unit_test(cursors_are_ours_or_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
