/* What is made of the results of flake detection: ctl/flaky.c, its table and its JSON. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "common/outcome.h"
#include "common/xalloc.h"
#include "ctl/document.h"
#include "ctl/filter.h"
#include "ctl/flaky.h"
#include "ctl/text_view.h"

static const struct text_style	plain_style;

static void
assert_near(double got, double want)
{
	if (!(fabs(got - want) < 1e-8))
		fail_msg("%.12g, not %.12g", got, want);
}

/* ---- a run of five tests ---- */

static void
add(struct test_result *t, enum outcome outcome, enum flake_condition c, uint64_t fingerprint)
{
	t->full = xreallocarray(t->full, t->nattempts + 1, sizeof *t->full);
	t->full[t->nattempts] = (struct attempt_result){ .number = t->nattempts + 1,
	    .finished = true, .outcome = outcome, .condition = c, .duration_us = 1000,
	    .fingerprint = fingerprint, .error_category = outcome == OUTCOME_FAIL ?
	    CATEGORY_ASSERTION : CATEGORY_NONE,
	    .failure = outcome == OUTCOME_PASS ? NULL : xstrdup(fingerprint == 7 ?
	    "connect: Connection refused" : "a is <n>") };
	t->nattempts++;
	t->flake.passes += outcome == OUTCOME_PASS;
	t->flake.fails += outcome == OUTCOME_FAIL;
}

static void
set(struct test_result *t, const char *name, enum flake_verdict verdict, bool confirmed)
{
	t->name = xstrdup(name);
	t->done = true;
	t->flake.verdict = verdict;
	t->flake.confirmed = confirmed;
	t->flake.low_ppm = 10000;
	t->flake.high_ppm = 500000;
	t->flake.evidence_milli = verdict == FLAKE_FLAKY ? 6000 : 0;
}

static void
make(struct results *r)
{
	*r = (struct results){ .total = 5, .tests = xcalloc(5, sizeof *r->tests) };
	set(&r->tests[0], "sound", FLAKE_STABLE, false);
	set(&r->tests[1], "red", FLAKE_BROKEN, false);
	set(&r->tests[2], "it's (not) \\ easy", FLAKE_FLAKY, true);
	set(&r->tests[3], "seldom", FLAKE_SUSPECT, false);
	set(&r->tests[4], "missing", FLAKE_UNSURE, false);
	for (int i = 0; i < 60; i++) {
		add(&r->tests[0], OUTCOME_PASS, FLAKE_PLAIN, 0);
		add(&r->tests[1], OUTCOME_FAIL, FLAKE_PLAIN, 3);
	}
	for (int i = 0; i < 20; i++) {
		add(&r->tests[2], OUTCOME_PASS, FLAKE_PLAIN, 0);
		add(&r->tests[2], i < 10 ? OUTCOME_FAIL : OUTCOME_PASS, FLAKE_PAUSED,
		    i < 8 ? 7 : i < 10 ? 8 : 0);
		add(&r->tests[3], i == 3 ? OUTCOME_FAIL : OUTCOME_PASS, FLAKE_PLAIN, 8);
	}
	add(&r->tests[2], OUTCOME_LOST, FLAKE_PLAIN, 0);
	add(&r->tests[4], OUTCOME_EXEC_ERROR, FLAKE_PLAIN, 0);
}

static void
the_worst_come_first(void **state)
{
	struct results		r;
	struct flaky_report	f;

	(void)state;
	make(&r);
	flaky_report_of(&r, "a.yaml", &f);
	assert_int_equal(f.n, 5);
	assert_ptr_equal(f.tests[0].test, &r.tests[2]);
	assert_ptr_equal(f.tests[1].test, &r.tests[3]);
	assert_ptr_equal(f.tests[2].test, &r.tests[1]);
	assert_ptr_equal(f.tests[3].test, &r.tests[4]);
	assert_ptr_equal(f.tests[4].test, &r.tests[0]);
	assert_int_equal(f.confirmed, 1);
	assert_int_equal(f.attempts, 60 + 60 + 41 + 20 + 1);
	assert_int_equal(flaky_report_code(&f), EXIT_TESTS_FAILED);
	/* Its failures, the most frequent first; the condition that they come under. */
	assert_int_equal(f.tests[0].runs, 40);
	assert_int_equal(f.tests[0].errors, 1);
	assert_int_equal(f.tests[0].npatterns, 2);
	assert_int_equal(f.tests[0].patterns[0].count, 8);
	assert_string_equal(f.tests[0].patterns[0].category, "Connection Error");
	assert_string_equal(f.tests[0].patterns[1].category, "Assertion Failure");
	assert_true(f.tests[0].cause.effects[FLAKE_PAUSED].more);
	assert_true(f.tests[0].cause.effects[FLAKE_PAUSED].p < 0.01);
	assert_int_equal(f.tests[0].cause.category, FLAKY_TIMING);
	assert_non_null(strstr(f.tests[0].advice, "10 of 20 times when paused, 0 of 20 plainly"));
	assert_int_equal(f.tests[1].cause.category, FLAKY_UNKNOWN);
	flaky_report_free(&f);
	results_free(&r);
}

/* Broken and unsure ones by how bad they are, or can be; errors are not what was skipped or
 * cancelled. */
static void
how_bad_it_is(void **state)
{
	static const char *const	want[] = { "surely red", "red", "no idea", "may be red",
	    "may be sound" };
	struct results		 r = { .total = 5, .tests = xcalloc(5, sizeof *r.tests) };
	struct flaky_report	 f;

	(void)state;
	set(&r.tests[0], "may be sound", FLAKE_UNSURE, false);
	set(&r.tests[1], "may be red", FLAKE_UNSURE, false);
	set(&r.tests[2], "red", FLAKE_BROKEN, false);
	set(&r.tests[3], "surely red", FLAKE_BROKEN, false);
	set(&r.tests[4], "no idea", FLAKE_UNSURE, false);
	r.tests[0].flake.low_ppm = r.tests[1].flake.low_ppm = 0;
	r.tests[1].flake.high_ppm = 900000;
	r.tests[3].flake.low_ppm = 20000;
	add(&r.tests[4], OUTCOME_SKIP, FLAKE_PLAIN, 0);
	add(&r.tests[4], OUTCOME_CANCELLED, FLAKE_PLAIN, 0);
	add(&r.tests[4], OUTCOME_LOST, FLAKE_PLAIN, 0);
	add(&r.tests[4], OUTCOME_EXEC_ERROR, FLAKE_PLAIN, 0);
	flaky_report_of(&r, "a.yaml", &f);
	for (size_t i = 0; i < 5; i++)
		assert_string_equal(f.tests[i].test->name, want[i]);
	assert_int_equal(f.tests[2].errors, 2);
	flaky_report_free(&f);
	results_free(&r);
}

static int
code_of(enum flake_verdict verdict, enum test_status status, const char *ended)
{
	struct results		r = { .total = 1, .finished = true, .status = RUN_PASSED,
	    .tests = xcalloc(1, sizeof *r.tests), .message = ended != NULL ? xstrdup(ended) :
	    NULL };
	struct flaky_report	f;
	int			code;

	set(&r.tests[0], "a", verdict, false);
	add(&r.tests[0], status == TEST_FAIL ? OUTCOME_FAIL : OUTCOME_PASS, FLAKE_PLAIN, 3);
	if (status == TEST_ERROR)	/* of a setup */
		r.tests[0].full[0].error_category = CATEGORY_SETUP;
	r.tests[0].status = status;
	r.failed = status == TEST_FAIL;
	r.errored = status == TEST_ERROR;
	flaky_report_of(&r, "a.yaml", &f);
	code = flaky_report_code(&f);
	flaky_report_free(&f);
	results_free(&r);
	return code;
}

static void
exit_codes(void **state)
{
	static const char	late[] = "the time limit of the run is up";

	(void)state;
	assert_int_equal(code_of(FLAKE_STABLE, TEST_PASS, NULL), EXIT_PASSED);
	assert_int_equal(code_of(FLAKE_FLAKY, TEST_PASS, NULL), EXIT_TESTS_FAILED);
	assert_int_equal(code_of(FLAKE_BROKEN, TEST_FAIL, NULL), EXIT_TESTS_FAILED);
	assert_int_equal(code_of(FLAKE_BROKEN, TEST_ERROR, NULL), EXIT_SETUP_FAILED);
	/* As many attempts as were asked for. */
	assert_int_equal(code_of(FLAKE_SUSPECT, TEST_PASS, NULL), EXIT_PASSED);
	assert_int_equal(code_of(FLAKE_UNSURE, TEST_SKIP, NULL), EXIT_PASSED);
	/* Or as many as a budget had. */
	assert_int_equal(code_of(FLAKE_UNSURE, TEST_CANCELLED, NULL), EXIT_PASSED);
	/* Or fewer: what is decided stands, what is not is no pass. */
	assert_int_equal(code_of(FLAKE_STABLE, TEST_PASS, late), EXIT_PASSED);
	assert_int_equal(code_of(FLAKE_UNSURE, TEST_PASS, late), EXIT_TESTS_FAILED);
	assert_int_equal(code_of(FLAKE_UNSURE, TEST_CANCELLED, late), EXIT_TESTS_FAILED);
	assert_int_equal(code_of(FLAKE_SUSPECT, TEST_PASS, late), EXIT_TESTS_FAILED);
}

/* What the run's end cut off timed out, but not by the test's limit. */
static void
cut_off_by_the_end_of_the_run(void **state)
{
	struct results		r = { .total = 1, .tests = xcalloc(1, sizeof *r.tests),
	    .message = xstrdup("the time limit of the run is up") };
	struct flaky_report	f;
	struct text		t = { 0 };

	(void)state;
	set(&r.tests[0], "slow", FLAKE_UNSURE, false);
	add(&r.tests[0], OUTCOME_PASS, FLAKE_PLAIN, 0);
	add(&r.tests[0], OUTCOME_TIMEOUT, FLAKE_PAUSED, 9);
	r.tests[0].status = TEST_CANCELLED;
	flaky_report_of(&r, "a.yaml", &f);
	assert_int_equal(f.tests[0].npatterns, 0);
	assert_int_equal(f.tests[0].again.attempts, 0);
	assert_int_equal(f.tests[0].evidence.at[FLAKE_PAUSED].runs, 0);
	flaky_text(&f, &plain_style, 0, &t);
	assert_non_null(strstr(t.p, "not decided: 1 test, for the run ended early (the time limit "
	    "of the run is up); that is no pass\n"));
	text_free(&t);
	flaky_report_free(&f);
	results_free(&r);
}

static void
a_table_for_people(void **state)
{
	struct results		r;
	struct flaky_report	f;
	struct text		t = { 0 };

	(void)state;
	make(&r);
	flaky_report_of(&r, "a.yaml", &f);
	flaky_text(&f, &plain_style, 0, &t);
	assert_non_null(strstr(t.p, "failed   10/40: 25% (1..50%), false with p <= 0.002, "
	    "confirmed"));
	assert_non_null(strstr(t.p, "8 x Connection Error: connect: Connection refused"));
	assert_non_null(strstr(t.p, "failed   60/60"));
	assert_null(strstr(t.p, "0/0"));
	assert_null(strstr(t.p, "sound"));
	assert_non_null(strstr(t.p, "\n5 tests: 1 flaky (1 confirmed), 1 suspect, 1 broken, 1 "
	    "unsure, 1 stable; 182 attempts\n"));
	text_free(&t);
	flaky_report_free(&f);
	results_free(&r);
}

/* Sound by itself, and not beside copies of itself: that is no flakiness, but is told. */
static void
it_does_not_bear_copies(void **state)
{
	struct results		r = { .total = 1, .tests = xcalloc(1, sizeof *r.tests) };
	struct flaky_report	f;
	struct text		t = { 0 };

	(void)state;
	set(&r.tests[0], "fixed port", FLAKE_STABLE, false);
	for (int i = 0; i < 60; i++)
		add(&r.tests[0], OUTCOME_PASS, FLAKE_PLAIN, 0);
	add(&r.tests[0], OUTCOME_FAIL, FLAKE_COPIES, 7);
	add(&r.tests[0], OUTCOME_PASS, FLAKE_COPIES, 0);
	r.tests[0].flake.passes = 60;
	r.tests[0].flake.fails = 0;
	flaky_report_of(&r, "a.yaml", &f);
	flaky_text(&f, &plain_style, 0, &t);
	assert_non_null(strstr(t.p, "stable     fixed port\n"));
	assert_non_null(strstr(t.p, "failed 1 of 2 times beside copies of itself: look for"));
	assert_non_null(strstr(t.p, "flaky --under copies --runs"));
	text_free(&t);
	flaky_report_free(&f);
	results_free(&r);
}

/* No line is wider than the terminal but the commands, which are to be copied. */
static void
lines_fit_the_terminal(void **state)
{
	static const size_t	widths[] = { 80, 120, 64 };
	struct results		r;
	struct flaky_report	f;
	struct text		t = { 0 };
	size_t			n, left;
	const char		*p;

	(void)state;
	make(&r);
	flaky_report_of(&r, "a.yaml", &f);
	for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
		text_clear(&t);
		flaky_text(&f, &plain_style, widths[i], &t);
		for (p = t.p, left = t.n; left > 0;) {
			const char	*line = p;

			n = text_line(&p, &left);
			if (n > widths[i] && memmem(line, n, "paratestctl", 11) == NULL)
				fail_msg("%zu: %.*s", widths[i], (int)n, line);
		}
	}
	text_free(&t);
	flaky_report_free(&f);
	results_free(&r);
}

/* What it says to type selects that test and no other. */
static void
a_command_that_can_be_typed(void **state)
{
	static const char	*const wanted = "paratestctl flaky --under paused --runs 9 -E "
	    "'name(=it'\\''s \\(not\\) \\\\ easy)' a.yaml";
	struct results		r;
	struct flaky_report	f;
	struct filter		*filter;
	struct plan_test	 t = { .name = NULL };
	char			*command, why[512];

	(void)state;
	make(&r);
	flaky_report_of(&r, "a.yaml", &f);
	command = flaky_command(&f.tests[0], "a.yaml");
	assert_string_equal(command, wanted);
	filter = filter_parse("name(=it's \\(not\\) \\\\ easy)", why, sizeof why);
	if (filter == NULL)
		fail_msg("%s", why);
	t.name = r.tests[2].name;
	assert_true(filter_match(filter, &t));
	t.name = r.tests[0].name;
	assert_false(filter_match(filter, &t));
	filter_free(filter);
	free(command);
	assert_null(flaky_command(&f.tests[4], "a.yaml"));
	/* 1 of 20, all plain: the rate that is counted on is far below 5 %. */
	command = flaky_command(&f.tests[1], "a.yaml");
	assert_non_null(strstr(command, "flaky --runs 1169 -E"));
	free(command);
	assert_near(f.tests[1].again.low, 0.002561379);
	flaky_report_free(&f);
	results_free(&r);
}

/* A failure that is seldom as it is, but not under a condition: that is what to type, unless
 * it happens as it is nearly as often. */
static void
the_condition_to_see_it_under(void **state)
{
	static const struct { int plain, paused; enum flake_condition want; } cases[] = {
		{ 1, 10, FLAKE_PAUSED }, { 5, 10, FLAKE_PLAIN }, { 5, 0, FLAKE_PLAIN },
	};
	struct results		r;
	struct flaky_report	f;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		r = (struct results){ .total = 1, .tests = xcalloc(1, sizeof *r.tests) };
		set(&r.tests[0], "a", FLAKE_FLAKY, false);
		for (int k = 0; k < 20; k++) {
			add(&r.tests[0], k < cases[i].plain ? OUTCOME_FAIL : OUTCOME_PASS,
			    FLAKE_PLAIN, 7);
			add(&r.tests[0], k < cases[i].paused ? OUTCOME_FAIL : OUTCOME_PASS,
			    FLAKE_PAUSED, 7);
		}
		flaky_report_of(&r, "a.yaml", &f);
		assert_int_equal(f.tests[0].again.under, cases[i].want);
		assert_true(f.tests[0].again.chance >= 0.95);
		flaky_report_free(&f);
		results_free(&r);
	}
}

/* A terminal sees none of a name's control characters, a shell all of them. */
static void
a_command_of_a_name_with_escapes(void **state)
{
	struct test_result	 t = { .name = NULL };
	struct flaky_test	 f = { .test = &t, .again = { .attempts = 3 } };
	char			*command;

	(void)state;
	t.name = xstrdup("red \033[31m\n 'it' \\ \xc2\x9b \xff");
	command = flaky_command(&f, "a.yaml");
	assert_string_equal(command, "paratestctl flaky --runs 3 -E $'name(=red \\033[31m\\012 "
	    "\\'it\\' \\\\\\\\ \\302\\233 \\377)' a.yaml");
	free(command);
	free(t.name);
}

static void
the_members_of_the_document(void **state)
{
	struct results		r;
	struct flaky_report	f;
	struct text		t = { 0 };
	json_t			*doc, *first, *sum;

	(void)state;
	make(&r);
	flaky_report_of(&r, "a.yaml", &f);
	flaky_json(&f, &t);
	doc = json_loads(t.p, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(doc);
	assert_int_equal(json_array_size(json_object_get(doc, "reports")), 5);
	assert_int_equal(json_array_size(json_object_get(doc, "recommendations")), 4);
	first = json_array_get(json_object_get(doc, "reports"), 0);
	assert_int_equal(json_integer_value(json_object_get(first, "totalRuns")), 40);
	assert_int_equal(json_integer_value(json_object_get(first, "errors")), 1);
	assert_near(json_number_value(json_object_get(first, "flakeRate")), 0.25);
	assert_string_equal(json_string_value(json_object_get(first, "failsUnder")), "paused");
	assert_int_equal(json_array_size(json_object_get(first, "conditions")), 2);
	sum = json_object_get(doc, "summary");
	assert_int_equal(json_integer_value(json_object_get(sum, "flakyTests")), 1);
	assert_int_equal(json_integer_value(json_object_get(sum, "stableTests")), 1);
	assert_near(json_number_value(json_object_get(sum, "averageFlakeRate")), 0.25);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(sum, "severity"),
	    "moderate")), 1);
	assert_string_equal(json_string_value(json_object_get(sum, "mostFlakyTest")),
	    r.tests[2].name);
	json_decref(doc);
	text_free(&t);
	flaky_report_free(&f);
	results_free(&r);
}

static void
a_run_of_nothing(void **state)
{
	struct results		r = { .finished = true, .status = RUN_PASSED };
	struct flaky_report	f;
	struct text		t = { 0 };

	(void)state;
	flaky_report_of(&r, "a.yaml", &f);
	assert_int_equal(flaky_report_code(&f), EXIT_NO_TESTS);
	flaky_text(&f, &plain_style, 0, &t);
	assert_string_equal(t.p, "0 tests: 0 flaky (0 confirmed), 0 suspect, 0 broken, 0 unsure, "
	    "0 stable; 0 attempts\n");
	assert_int_equal(document_extend("[]", 2, "flaky", &t, stdout), -22);
	text_free(&t);
	flaky_report_free(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_worst_come_first),
		cmocka_unit_test(how_bad_it_is),
		cmocka_unit_test(exit_codes),
		cmocka_unit_test(cut_off_by_the_end_of_the_run),
		cmocka_unit_test(a_table_for_people),
		cmocka_unit_test(it_does_not_bear_copies),
		cmocka_unit_test(lines_fit_the_terminal),
		cmocka_unit_test(a_command_that_can_be_typed),
		cmocka_unit_test(the_condition_to_see_it_under),
		cmocka_unit_test(a_command_of_a_name_with_escapes),
		cmocka_unit_test(the_members_of_the_document),
		cmocka_unit_test(a_run_of_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
