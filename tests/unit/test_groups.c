/* Failures that are alike, and what results and reports say of retries, figures,
 * forecasts and a supervisor that was lost. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>

#include "common/figures.h"
#include "ctl/groups.h"
#include "tests/unit/events_fixture.h"

#define FIRST	UINT64_C(0x8000000000000001)	/* more than a JSON number holds */
#define SECOND	UINT64_C(2)

/* `refused`: why it is not retried, NULL: nothing is said. */
static void
fails_like(struct fx *fx, uint64_t index, uint64_t fingerprint, const char *failure,
    const char *refused)
{
	char	name[32];

	(void)snprintf(name, sizeof(name), "t%d", (int)index);
	fx_attempt(fx, index, name, 1);
	fx_attempt_done(fx, index, name, 1, OUTCOME_FAIL, (struct msg_event){ .exit_code = 1,
	    .fingerprint = fingerprint, .failure = sv_from(failure),
	    .error_message = SV_LIT("its own words") });
	if (refused != NULL)
		fx_feed(fx, EVENT_RETRY_REFUSED, (struct msg_event){ .test = sv_from(name),
		    .index = index, .attempt = 1, .decision = RETRY_BREAKER,
		    .message = sv_from(refused) });
	fx_test_done(fx, index, name, TEST_FAIL, (struct msg_event){ .attempts = 1 });
}

static void
alike_is_one_group(void **state)
{
	struct groups	g;
	struct fx	fx;

	(void)state;
	fx_open(&fx);
	groups_of(&fx.results, &g);
	assert_int_equal(g.n, 0);
	fx_started(&fx, 9);
	fails_like(&fx, 5, SECOND, "two", NULL);
	fails_like(&fx, 1, FIRST, "one", NULL);
	fails_like(&fx, 4, FIRST, "one", NULL);
	fails_like(&fx, 0, FIRST, "one", NULL);
	fails_like(&fx, 2, SECOND, "two", NULL);
	fails_like(&fx, 3, 0, "", NULL);	/* nothing is known of this one */
	/* Healed: its failure is in no group. */
	fx_attempt_done(&fx, 6, "t6", 1, OUTCOME_FAIL, (struct msg_event){ .fingerprint = FIRST });
	fx_attempt_done(&fx, 6, "t6", 2, OUTCOME_PASS, (struct msg_event){ 0 });
	fx_test_done(&fx, 6, "t6", TEST_PASS, (struct msg_event){ .flaky = true });
	/* The last failed attempt decides, also before one that was lost. */
	fx_attempt_done(&fx, 7, "t7", 1, OUTCOME_FAIL, (struct msg_event){ .fingerprint = FIRST });
	fx_attempt_done(&fx, 7, "t7", 2, OUTCOME_FAIL, (struct msg_event){ .fingerprint = SECOND });
	fx_attempt_done(&fx, 7, "t7", 3, OUTCOME_LOST, (struct msg_event){ 0 });
	fx_test_done(&fx, 7, "t7", TEST_ERROR, (struct msg_event){ .attempts = 3 });
	/* Not over yet. */
	fx_attempt_done(&fx, 8, "t8", 1, OUTCOME_FAIL, (struct msg_event){ .fingerprint = FIRST });
	groups_of(&fx.results, &g);
	assert_int_equal(g.n, 2);
	/* Of the same size: the first in the plan is first. */
	assert_int_equal(g.v[0].fingerprint, FIRST);
	assert_string_equal(g.v[0].failure, "one");
	assert_int_equal(g.v[0].n, 3);
	assert_int_equal(g.v[0].tests[0], 0);
	assert_int_equal(g.v[0].tests[2], 4);
	assert_int_equal(g.v[1].n, 3);
	assert_int_equal(g.v[1].tests[2], 7);
	groups_free(&g);
	fx_close(&fx);
}

/* A run in which everything that is new happens. */
static void
play(struct fx *fx, const uint64_t figures[FIGURE_COUNT])
{
	fx_feed(fx, EVENT_RUN_STARTED, (struct msg_event){ .total = 45, .jobs = 4,
	    .parent = SV_LIT("77aa9c1e0d7b4826a1c2e3f405162738"), .expected_us = 800000,
	    .bound_us = 700000 });
	for (uint64_t i = 0; i < 40; i++)
		fails_like(fx, i, FIRST, "connection refused to HOST", "breaker open");
	fx_feed(fx, EVENT_BREAKER_CHANGED, (struct msg_event){ .name = SV_LIT("run"),
	    .decision = BREAKER_OPEN, .message = SV_LIT("8 of 8 failed") });
	fails_like(fx, 40, SECOND, "alone", NULL);
	fx_attempt(fx, 41, "heals", 1);
	fx_attempt_done(fx, 41, "heals", 1, OUTCOME_FAIL, (struct msg_event){ .exit_code = 1,
	    .figures = { figures, FIGURE_COUNT } });
	fx_feed(fx, EVENT_RETRY_SCHEDULED, (struct msg_event){ .test = SV_LIT("heals"),
	    .index = 41, .attempt = 1, .decision = RETRY_GRANTED, .delay_ms = 250,
	    .message = SV_LIT("looks like a resource's") });
	fx_feed(fx, EVENT_RUN_RESUMED, (struct msg_event){ .message = SV_LIT("lost") });
	fx_attempt_done(fx, 41, "heals", 2, OUTCOME_PASS, (struct msg_event){
	    .figures = { figures, FIGURE_SESSIONS } });
	fx_test_done(fx, 41, "heals", TEST_PASS, (struct msg_event){ .flaky = true,
	    .attempts = 2, .retries = 1 });
	fx_feed(fx, EVENT_WARNING, (struct msg_event){ .message = SV_LIT("history: disk full") });
	for (uint64_t i = 42; i < 45; i++)
		fx_test(fx, i, "fine", OUTCOME_PASS, (struct msg_event){ 0 });
	fx_finished(fx, RUN_FAILED);
}

static void
fill(uint64_t figures[FIGURE_COUNT])
{
	for (uint64_t i = 0; i < FIGURE_COUNT; i++)
		figures[i] = 1000 + i;
	figures[FIGURE_TREE_SOURCE] = SOURCE_CGROUP;
}

static void
results_keep_it(void **state)
{
	uint64_t			 figures[FIGURE_COUNT];
	const struct attempt_result	*a;
	struct fx			 fx;

	(void)state;
	fill(figures);
	fx_open(&fx);
	play(&fx, figures);
	a = &fx.results.tests[41].full[0];
	assert_int_equal(a->decision, RETRY_GRANTED);
	assert_int_equal(a->retry_delay_ms, 250);
	assert_string_equal(a->reason, "looks like a resource's");
	assert_int_equal(a->nfigures, FIGURE_COUNT);
	assert_int_equal(a->figures[FIGURE_QUEUED_US], 1000 + FIGURE_QUEUED_US);
	a = &fx.results.tests[41].full[1];
	assert_int_equal(a->nfigures, FIGURE_SESSIONS);	/* the rest reads as 0 */
	assert_int_equal(a->figures[FIGURE_SESSIONS], 0);
	assert_int_equal(fx.results.refused, 40);
	assert_int_equal(fx.results.nbreakers, 1);
	assert_int_equal(fx.results.resumed, 1);
	assert_string_equal(fx.results.parent, "77aa9c1e0d7b4826a1c2e3f405162738");
	/* Numbers that this client does not know change nothing. */
	fx_feed(&fx, EVENT_BREAKER_CHANGED, (struct msg_event){ .decision = 99 });
	fx_feed(&fx, EVENT_RETRY_SCHEDULED, (struct msg_event){ .test = SV_LIT("heals"),
	    .index = 41, .attempt = 2, .decision = 99 });
	fx_feed(&fx, EVENT_RETRY_REFUSED, (struct msg_event){ .index = 4711, .attempt = 1 });
	assert_int_equal(fx.results.nbreakers, 1);
	assert_int_equal(fx.results.tests[41].full[1].decision, RETRY_NONE);
	fx_close(&fx);
}

static const char *
text_of(json_t *o, const char *key)
{
	const char	*s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "(none)";
}

static void
the_document_has_it(void **state)
{
	uint64_t	figures[FIGURE_COUNT];
	json_t		*doc, *o, *list;
	struct fx	fx;

	(void)state;
	fill(figures);
	fx_open(&fx);
	report_json(&fx.reporter, fx.out);
	play(&fx, figures);
	assert_int_equal(fx_end(&fx), 0);
	doc = json_loads(fx.written, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(doc);
	assert_string_equal(text_of(doc, "parentRunId"), "77aa9c1e0d7b4826a1c2e3f405162738");
	assert_int_equal(json_integer_value(json_object_get(doc, "expectedDuration")), 800);
	assert_int_equal(json_integer_value(json_object_get(doc, "lowerBound")), 700);
	assert_string_equal(json_string_value(json_array_get(json_object_get(doc, "warnings"), 0)),
	    "history: disk full");
	list = json_object_get(doc, "failureGroups");
	assert_int_equal(json_array_size(list), 2);
	o = json_array_get(list, 0);
	assert_string_equal(text_of(o, "fingerprint"), "8000000000000001");
	assert_string_equal(text_of(o, "failure"), "connection refused to HOST");
	assert_int_equal(json_integer_value(json_object_get(o, "count")), 40);
	assert_int_equal(json_array_size(json_object_get(o, "tests")), 40);
	o = json_array_get(json_object_get(doc, "results"), 41);
	assert_string_equal(text_of(o, "name"), "heals");
	assert_true(json_is_true(json_object_get(o, "flaky")));
	assert_string_equal(text_of(o, "treePeakSource"), "cgroup");
	assert_int_equal(json_integer_value(json_object_get(o, "sessionCount")), 0);
	o = json_array_get(json_object_get(o, "attemptsDetail"), 0);
	/* Each figure by its name, times in milliseconds. */
	assert_true(json_real_value(json_object_get(o, "systemTime")) == 1.001);
	assert_int_equal(json_integer_value(json_object_get(o, "treePeakMemory")), 1002);
	assert_int_equal(json_integer_value(json_object_get(o, "sessionCount")),
	    1000 + FIGURE_SESSIONS);
	assert_true(json_real_value(json_object_get(o, "queuedTime")) ==
	    (1000 + FIGURE_QUEUED_US) / 1000.0);
	assert_int_equal(json_integer_value(json_object_get(o, "deviceBytesWritten")),
	    1000 + FIGURE_DEVICE_WRITE_BYTES);
	o = json_object_get(o, "retry");
	assert_string_equal(text_of(o, "decision"), "granted");
	assert_string_equal(text_of(o, "reason"), "looks like a resource's");
	assert_int_equal(json_integer_value(json_object_get(o, "delay")), 250);
	json_decref(doc);
	fx_close(&fx);
}

/* How often `what` is in `text`. */
static unsigned
times(const char *text, const char *what)
{
	unsigned	n = 0;

	for (; (text = strstr(text, what)) != NULL; text += strlen(what))
		n++;
	return n;
}

static void
people_are_told_once(void **state)
{
	struct report_text_options	opt = { 0 };
	uint64_t			figures[FIGURE_COUNT];
	const char			*end;
	struct fx			fx;

	(void)state;
	fill(figures);
	fx_open(&fx);
	opt.out = fx.out;
	report_text(&fx.reporter, &opt);
	play(&fx, figures);
	assert_int_equal(fx_end(&fx), 0);
	assert_int_equal(times(fx.written, "not retried: breaker open\n"), 1);
	assert_int_equal(times(fx.written, "breaker run open: 8 of 8 failed\n"), 1);
	assert_int_equal(times(fx.written, "resumed: lost\n"), 1);
	end = strstr(fx.written, "\nFailed:\n");
	assert_non_null(end);
	assert_int_equal(times(end, "40 tests failed the same way: connection refused to HOST\n"
	    "      t0, t1, t2, t3, t4 and 35 more\n"), 1);
	assert_int_equal(times(end, "t40: its own words\n"), 1);
	assert_int_equal(times(end, "its own words"), 1);
	assert_int_equal(times(end, "Not retried: 40 tests: breaker open\n"), 1);
	assert_int_equal(times(end, " heals: passed at attempt 2 "), 1);
	assert_int_equal(times(end, "  took 1.00s, expected 800ms (25% more)\n  for 3.91s"), 1);
	assert_int_equal(times(end, "the supervisor was lost"), 1);
	assert_int_equal(times(end, "in run 77aa9c1e\n"), 1);
	assert_int_equal(times(fx.written, "warning: history: disk full\n"), 1);
	fx_close(&fx);
}

static void
every_report_has_the_attempts(void **state)
{
	uint64_t	figures[FIGURE_COUNT];
	struct fx	fx;

	(void)state;
	fill(figures);
	fx_open(&fx);
	report_tap(&fx.reporter, fx.out, 13);
	play(&fx, figures);
	assert_int_equal(fx_end(&fx), 0);
	assert_int_equal(times(fx.written, "# not retried: breaker open\n"), 40);
	assert_int_equal(times(fx.written, "ok 42 - heals\n# flaky: passed at attempt 2\n"
	    "# attempt 1: exit code 1\n"), 1);
	fx_close(&fx);
	fx_open(&fx);
	report_junit(&fx.reporter, fx.out);
	play(&fx, figures);
	assert_int_equal(fx_end(&fx), 0);
	assert_int_equal(times(fx.written, "\nnot retried: breaker open\n"), 40);
	assert_int_equal(times(fx.written, "<flakyFailure message=\"exit code 1\" type=\"fail\">"),
	    1);
	assert_int_equal(times(fx.written, "<property name=\"attempts\" value=\"46\"/>"), 1);
	assert_int_equal(times(fx.written, "<property name=\"treePeakMemory\" value=\"1002\"/>"),
	    1);
	assert_int_equal(times(fx.written, "<property name=\"retriesRefused\" value=\"40\"/>"), 1);
	assert_int_equal(times(fx.written, "name=\"warning\" value=\"history: disk full\""), 1);
	fx_close(&fx);
	fx_open(&fx);
	report_events(&fx.reporter, fx.out);
	play(&fx, figures);
	assert_int_equal(fx_end(&fx), 0);
	assert_int_equal(times(fx.written, "\"type\":\"retry.refused\"," "\"run\":\"" FX_RUN "\","
	    "\"test\":\"t7\",\"index\":7,\"attempt\":1,\"decision\":\"breaker\","
	    "\"message\":\"breaker open\"}\n"), 1);
	assert_int_equal(times(fx.written, "\"decision\":\"granted\",\"delay\":250,"), 1);
	assert_int_equal(times(fx.written, "\"name\":\"run\",\"state\":\"open\",\"message\":"), 1);
	assert_int_equal(times(fx.written, "\"fingerprint\":\"8000000000000001\""), 40);
	assert_int_equal(times(fx.written, "\"processes\":1010"), 2);
	fx_close(&fx);
}

/* What is to be asked for after a gap. */
static void
the_first_that_is_missing(void **state)
{
	struct results		r = { 0 };
	struct msg_event	ev = { .type = EVENT_WARNING, .run = SV_LIT(FX_RUN) };

	(void)state;
	assert_int_equal(results_next(&r, 1), 1);
	for (ev.seq = 1; ev.seq < 6; ev.seq++)
		assert_true(results_event(&r, &ev));
	assert_int_equal(results_next(&r, 1), 6);
	ev.seq = 9;
	assert_true(results_event(&r, &ev));
	assert_int_equal(results_next(&r, 1), 6);
	/* Who wanted no more than the end of it. */
	assert_int_equal(results_next(&r, 20), 20);
	assert_int_equal(results_next(&r, 9), 10);
	results_free(&r);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(alike_is_one_group),
		cmocka_unit_test(results_keep_it),
		cmocka_unit_test(the_document_has_it),
		cmocka_unit_test(people_are_told_once),
		cmocka_unit_test(every_report_has_the_attempts),
		cmocka_unit_test(the_first_that_is_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
