/* What attempts show beside how often they failed: ctl/flaky_figures.c, flaky_lines.c,
 * flaky_when.c, flaky_attempt.c. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/outcome.h"
#include "common/xalloc.h"
#include "ctl/flaky_attempt.h"
#include "ctl/flaky_figures.h"
#include "ctl/flaky_lines.h"
#include "ctl/flaky_when.h"

static struct attempt_result *
add(struct test_result *t, enum outcome outcome, enum flake_condition c, const char *output)
{
	struct attempt_result	*a;

	t->full = xreallocarray(t->full, t->nattempts + 1, sizeof *t->full);
	a = &t->full[t->nattempts++];
	*a = (struct attempt_result){ .number = t->nattempts, .finished = true, .outcome = outcome,
	    .condition = c, .fingerprint = outcome == OUTCOME_PASS ? 0 : 7 };
	if (output != NULL) {
		a->output = xstrdup(output);
		a->output_len = strlen(output);
	}
	t->flake.passes += outcome == OUTCOME_PASS;
	t->flake.fails += outcome == OUTCOME_FAIL;
	return a;
}

static void
release(struct test_result *t)
{
	for (size_t i = 0; i < t->nattempts; i++) {
		free(t->full[i].output);
		free(t->full[i].failure);
	}
	free(t->full);
	*t = (struct test_result){ .name = NULL };
}

/* ---- figures ---- */

/* Slow because it was paused is no slower than another one that was paused. */
static void
like_is_compared_with_like(void **state)
{
	struct test_result	t = { .name = NULL };
	struct flaky_figures	f;

	(void)state;
	for (uint64_t i = 0; i < 10; i++) {
		add(&t, OUTCOME_PASS, FLAKE_PLAIN, NULL)->duration_us = 1000 + i;
		add(&t, i < 6 ? OUTCOME_FAIL : OUTCOME_PASS, FLAKE_PAUSED, NULL)->duration_us =
		    (i < 6 ? 80000 : 40000) + i;
	}
	add(&t, OUTCOME_FAIL, FLAKE_PLAIN, NULL);
	flaky_figures_of(&t, &f);
	assert_int_equal(f.condition, FLAKE_PAUSED);
	assert_int_equal(f.fails, 6);
	assert_int_equal(f.passes, 4);
	assert_true(fabs(flaky_figure_ratio(&f, FLAKY_FIGURE_DURATION) - 2) < 0.001);
	/* 2 of 210 ways to choose 4 of 10, by Holm over the figures. */
	assert_true(fabs(f.v[FLAKY_FIGURE_DURATION].p - 2.0 / 210 * FLAKY_FIGURE_COUNT) < 1e-9);
	/* What was not measured does not differ. */
	assert_true(f.v[FLAKY_FIGURE_MEMORY].p >= 1);
	assert_true(flaky_figure_ratio(&f, FLAKY_FIGURE_MEMORY) <= 0);
	release(&t);
}

/* Each condition has its own durations; beside copies they are the copies'. */
static void
slower_whatever_the_condition(void **state)
{
	struct test_result	t = { .name = NULL };

	(void)state;
	for (uint64_t i = 0; i < 30; i++) {
		enum flake_condition	c = (enum flake_condition)(i % 3);

		add(&t, i % 5 == 4 ? OUTCOME_FAIL : OUTCOME_PASS, c, NULL)->duration_us =
		    (i % 5 == 4 ? 1500 : 1000) * (c + 1) + i;
	}
	assert_true(flaky_slower_p(&t) < 0.001);
	for (size_t i = 0; i < t.nattempts; i++)
		t.full[i].condition = FLAKE_COPIES;
	assert_true(flaky_slower_p(&t) >= 1);
	release(&t);
}

static void
too_few_to_compare(void **state)
{
	struct test_result	t = { .name = NULL };
	struct flaky_figures	f;

	(void)state;
	for (int i = 0; i < 20; i++)
		add(&t, i < 2 ? OUTCOME_FAIL : OUTCOME_PASS, FLAKE_PLAIN, NULL);
	flaky_figures_of(&t, &f);
	assert_int_equal(f.fails, 0);
	release(&t);
}

/* ---- lines ---- */

static void
lines_that_differ(void **state)
{
	struct test_result	t = { .name = NULL };
	struct flaky_lines	l;

	(void)state;
	for (int i = 0; i < 4; i++) {
		char	*bad = xasprintf("start %d at 0x7ff%d0\nfolder /tmp/a%dbcd%d\n%s"
			    "cat: %d: gone\ntook %d.%d s\n", i * 17, i, i, i,
			    i == 0 ? "only once\n" : "", i, i, i);
		char	*good = xasprintf("start %d at 0x%dabc\nfolder /tmp/x%dyzw%d\nready\n"
			    "took 9%d s\n", i, i, i, i, i);

		add(&t, OUTCOME_FAIL, FLAKE_PAUSED, bad);
		add(&t, OUTCOME_PASS, FLAKE_PAUSED, good);
		free(bad);
		free(good);
	}
	flaky_lines_of(&t, 7, &l);
	assert_int_equal(l.fails, 4);
	assert_int_equal(l.passes, 4);
	assert_int_equal(l.nfailing, 2);
	assert_string_equal(l.failing[0].text, "cat: 0: gone");
	assert_string_equal(l.failing[1].text, "took 0.0 s");
	assert_int_equal(l.failing[0].at, 4);
	assert_int_equal(l.failing[0].of, 4);
	assert_int_equal(l.npassing, 2);
	assert_string_equal(l.passing[0].text, "ready");
	flaky_lines_free(&l);
	/* Another failure was not there. */
	flaky_lines_of(&t, 8, &l);
	assert_int_equal(l.fails, 0);
	flaky_lines_free(&l);
	release(&t);
}

/* Of many the first, where they part, and the last, which says what it came to. */
static void
the_first_and_the_last(void **state)
{
	struct test_result	t = { .name = NULL };
	struct flaky_lines	l;

	(void)state;
	add(&t, OUTCOME_FAIL, FLAKE_PLAIN, "ok\nodd\na\nb\nc\nd\nerror\n");
	add(&t, OUTCOME_PASS, FLAKE_PLAIN, "ok\n");
	flaky_lines_of(&t, 7, &l);
	assert_int_equal(l.nfailing, 3);
	assert_string_equal(l.failing[0].text, "odd");
	assert_string_equal(l.failing[1].text, "d");
	assert_string_equal(l.failing[2].text, "error");
	flaky_lines_free(&l);
	release(&t);
}

/* Half a line is no line, and a flood costs no more than the rest. */
static void
ends_of_output(void **state)
{
	struct test_result	 t = { .name = NULL };
	struct attempt_result	*a;
	struct flaky_lines	 l;
	char			*flood = xcalloc(10001, 1);

	(void)state;
	memset(flood, '\n', 10000);
	memcpy(flood, "first", 5);
	memcpy(flood + 9990, "\nlast\xff\n", 7);
	add(&t, OUTCOME_FAIL, FLAKE_PLAIN, flood);
	a = add(&t, OUTCOME_PASS, FLAKE_SEEDS, "lf a line\n\nhello");
	a->output_truncated = true;
	flaky_lines_of(&t, 7, &l);
	assert_int_equal(l.nfailing, 1);
	assert_string_equal(l.failing[0].text, "last\xff");
	assert_int_equal(l.npassing, 1);
	assert_string_equal(l.passing[0].text, "hello");
	flaky_lines_free(&l);
	release(&t);
	free(flood);
}

static void
nothing_printed(void **state)
{
	struct test_result	t = { .name = NULL };
	struct flaky_lines	l;

	(void)state;
	add(&t, OUTCOME_FAIL, FLAKE_PLAIN, NULL);
	add(&t, OUTCOME_PASS, FLAKE_PLAIN, NULL);
	flaky_lines_of(&t, 7, &l);
	assert_int_equal(l.nfailing + l.npassing, 0);
	flaky_lines_free(&l);
	release(&t);
}

/* ---- time ---- */

static void
at(struct test_result *t, enum outcome outcome, uint64_t ms)
{
	struct attempt_result	*a = add(t, outcome, FLAKE_PLAIN, NULL);

	a->start_ms = ms;
	a->end_ms = ms + 10;
}

/* Three tests fail in the same two seconds; one that always fails says nothing. */
static void
others_that_fail_too(void **state)
{
	struct results		 r = { .total = 4, .tests = xcalloc(4, sizeof *r.tests) };
	struct flaky_moments	*m;
	struct flaky_evidence	 e = { .stretches = 1 };

	(void)state;
	for (uint64_t i = 0; i < 40; i++) {
		for (int k = 0; k < 3; k++)
			at(&r.tests[k], i >= 20 && i < 24 ? OUTCOME_FAIL : OUTCOME_PASS,
			    i * 2000 + 5);
		at(&r.tests[3], OUTCOME_FAIL, i * 2000 + 5);
	}
	m = flaky_moments_of(&r);
	flaky_when(m, &r.tests[0], &e);
	assert_int_equal(e.beside.runs, 4);
	assert_int_equal(e.beside.fails, 4);
	assert_int_equal(e.apart.runs, 36);
	assert_int_equal(e.apart.fails, 0);
	assert_true(e.stretches < 0.001);
	assert_true(e.rhythm >= 1);
	flaky_moments_free(m);
	for (int k = 0; k < 4; k++)
		release(&r.tests[k]);
	free(r.tests);
}

/* Every fifth attempt, whatever it runs under; but not when that is one condition. */
static void
even_distances(void **state)
{
	struct results		 r = { .total = 1, .tests = xcalloc(1, sizeof *r.tests) };
	struct flaky_moments	*m;
	struct flaky_evidence	 e = { .stretches = 1 };

	(void)state;
	for (unsigned i = 0; i < 60; i++)
		add(&r.tests[0], i % 5 == 4 ? OUTCOME_FAIL : OUTCOME_PASS, i % 7, NULL);
	m = flaky_moments_of(&r);
	flaky_when(m, &r.tests[0], &e);
	assert_true(e.rhythm < 1e-6);
	e = (struct flaky_evidence){ .at = { [FLAKE_PAUSED] = { .runs = 12, .fails = 12 } } };
	flaky_when(m, &r.tests[0], &e);
	assert_true(e.rhythm >= 1);
	flaky_moments_free(m);
	release(&r.tests[0]);
	free(r.tests);
}

/* ---- words ---- */

static void
what_failures_speak_of(void **state)
{
	static const struct {
		const char	*text;
		enum flaky_mark	 mark;
		const char	*name;
	} cases[] = {
		{ "bind: Address already in use", FLAKY_MARK_IN_USE, "Unknown" },
		{ "mkdir: cannot create x: File exists", FLAKY_MARK_EXISTS, "Unknown" },
		{ "open: Too many open files", FLAKY_MARK_FILES, "Unknown" },
		{ "std::bad_alloc", FLAKY_MARK_MEMORY, "Unknown" },
		{ "write: No space left on device", FLAKY_MARK_SPACE, "Unknown" },
		{ "connect: ECONNREFUSED", FLAKY_MARK_NETWORK, "Connection Error" },
		{ "it timed out", FLAKY_MARK_LATE, "Unknown" },
		{ "WARNING: ThreadSanitizer: data race", FLAKY_MARK_RACE, "Race Condition" },
	};
	struct attempt_result	a = { .finished = true, .outcome = OUTCOME_FAIL };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		a.failure = (char *)(uintptr_t)cases[i].text;
		if (flaky_marks(&a) != 1u << cases[i].mark)
			fail_msg("%s: %x", cases[i].text, flaky_marks(&a));
		assert_string_equal(flaky_pattern_name(&a), cases[i].name);
	}
	a = (struct attempt_result){ .finished = true, .outcome = OUTCOME_CRASH, .has_signal = true,
	    .signal = 11 };
	assert_int_equal(flaky_marks(&a), 1u << FLAKY_MARK_CRASH);
	assert_string_equal(flaky_pattern_name(&a), "Null/Undefined Error");
	a.outcome = OUTCOME_TIMEOUT;
	assert_int_equal(flaky_marks(&a), 1u << FLAKY_MARK_LATE);
	assert_string_equal(flaky_pattern_name(&a), "Timeout");
	assert_string_equal(flaky_message(&a), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(like_is_compared_with_like),
		cmocka_unit_test(slower_whatever_the_condition),
		cmocka_unit_test(too_few_to_compare),
		cmocka_unit_test(lines_that_differ),
		cmocka_unit_test(the_first_and_the_last),
		cmocka_unit_test(ends_of_output),
		cmocka_unit_test(nothing_printed),
		cmocka_unit_test(others_that_fail_too),
		cmocka_unit_test(even_distances),
		cmocka_unit_test(what_failures_speak_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
