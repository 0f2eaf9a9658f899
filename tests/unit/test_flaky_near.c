/* What ran before and beside failures, when they come, and whether they come again at once:
 * ctl/flaky_near.c, flaky_clock.c, flaky_when.c. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "common/outcome.h"
#include "common/xalloc.h"
#include "ctl/flaky.h"
#include "ctl/flaky_clock.h"
#include "ctl/flaky_near.h"
#include "ctl/flaky_when.h"
#include "supervisor/policy/order.h"

#define TESTS	6
#define ROUNDS	40

static const char *const	names[TESTS] = { "victim", "leaves it", "takes it away", "one",
	"two", "three" };

static void
add(struct test_result *t, bool failed, enum flake_condition c, uint64_t start, uint64_t end)
{
	t->full = xreallocarray(t->full, t->nattempts + 1, sizeof *t->full);
	t->full[t->nattempts++] = (struct attempt_result){ .number = t->nattempts + 1,
	    .finished = true, .outcome = failed ? OUTCOME_FAIL : OUTCOME_PASS, .condition = c,
	    .start_ms = start, .end_ms = end };
	t->flake.passes += !failed;
	t->flake.fails += failed;
}

static struct results
new_run(void)
{
	struct results	r = { .total = TESTS, .tests = xcalloc(TESTS, sizeof *r.tests) };

	for (int i = 0; i < TESTS; i++)
		r.tests[i].name = xstrdup(names[i]);
	return r;
}

static void
release(struct results *r)
{
	for (int i = 0; i < TESTS; i++) {
		free(r->tests[i].name);
		free(r->tests[i].full);
	}
	free(r->tests);
}

/* Does the first test fail in this round?  `since`: "one" ran since it ran last. */
typedef bool	fails_fn(uint64_t round, bool left, bool since);

/* Rounds of all tests, each in an order of its own, one after the other.  What the second
 * one leaves is there until the third one has run. */
static void
play(struct results *r, fails_fn *fails)
{
	uint64_t	seed = 7, ms = 1000000;
	bool		left = false, since = false;

	for (uint64_t round = 0; round < ROUNDS; round++) {
		unsigned	at[TESTS];

		for (unsigned i = 0; i < TESTS; i++)
			at[i] = i;
		for (unsigned i = TESTS - 1; i > 0; i--) {
			unsigned	k = order_below(&seed, i + 1), t = at[i];

			at[i] = at[k];
			at[k] = t;
		}
		for (unsigned i = 0; i < TESTS; i++, ms += 100) {
			add(&r->tests[at[i]], at[i] == 0 && fails(round, left, since), FLAKE_PLAIN,
			    ms, ms + 20);
			left = at[i] == 1 ? true : at[i] == 2 ? false : left;
			since = at[i] == 3 ? true : at[i] == 0 ? false : since;
		}
	}
}

static bool
what_is_left(uint64_t round, bool left, bool since)
{
	(void)since;
	(void)round;
	return left;
}

static bool
by_chance(uint64_t round, bool left, bool since)
{
	uint64_t	state = round * 77;

	(void)since;
	(void)left;
	return order_below(&state, 3) == 0;
}

static bool
since_one(uint64_t round, bool left, bool since)
{
	(void)round;
	(void)left;
	return since;
}

static struct flaky_evidence
seen_of(const struct results *r)
{
	struct flaky_evidence	 e = { .at = { [FLAKE_PLAIN] = { .runs = r->tests[0].nattempts,
	    .fails = r->tests[0].flake.fails } } };
	struct flaky_trail	*trail = flaky_trail_of(r);

	flaky_near(trail, r, 0, &e);
	flaky_trail_free(trail);
	return e;
}

/* The one that leaves something and the one that takes it away are named. */
static void
after_another_test(void **state)
{
	struct results		r = new_run();
	struct flaky_evidence	e;

	(void)state;
	play(&r, what_is_left);
	e = seen_of(&r);
	assert_string_equal(e.after.test, "leaves it");
	assert_string_equal(e.after.not, "takes it away");
	assert_false(e.after.less);
	assert_true(e.after.v.p < 1e-6);
	assert_int_equal(e.after.v.seen.fails, e.after.v.seen.runs);
	assert_int_equal(e.after.v.against.fails, 0);
	release(&r);
}

/* Nor is any of them named for a test that fails by chance. */
static void
after_nothing(void **state)
{
	struct results		r = new_run();
	struct flaky_evidence	e;

	(void)state;
	play(&r, by_chance);
	e = seen_of(&r);
	assert_true(e.after.v.seen.runs == 0 || e.after.v.p > FLAKY_CHOSEN);
	assert_true(e.along.v.seen.runs == 0 || e.along.v.p > FLAKY_CHOSEN);
	release(&r);
}

/* Under a condition that matters, which comes late in the run, it is no neighbour. */
static void
a_condition_is_no_neighbour(void **state)
{
	struct results		r = new_run();
	struct flaky_evidence	e;
	struct flaky_trail	*trail;
	uint64_t		 ms = 2000000;

	(void)state;
	play(&r, by_chance);
	r.tests[0].flake.fails = 0;
	for (size_t i = 0; i < r.tests[0].nattempts; i++)
		r.tests[0].full[i].outcome = OUTCOME_PASS;
	for (int i = 0; i < 30; i++, ms += 60) {
		add(&r.tests[1], false, FLAKE_PLAIN, ms, ms + 20);
		add(&r.tests[0], true, FLAKE_PAUSED, ms + 30, ms + 50);
	}
	e = (struct flaky_evidence){ .at = { [FLAKE_PLAIN] = { .runs = ROUNDS },
	    [FLAKE_PAUSED] = { .runs = 30, .fails = 30 } } };
	trail = flaky_trail_of(&r);
	flaky_near(trail, &r, 0, &e);
	flaky_trail_free(trail);
	assert_true(e.after.v.seen.runs == 0 || e.after.v.p > FLAKY_CHOSEN);
	release(&r);
}

/* After one test alone, of which the victim itself takes away what it left. */
static void
since_its_last_attempt(void **state)
{
	struct results		r = new_run();
	struct flaky_evidence	e;

	(void)state;
	play(&r, since_one);
	e = seen_of(&r);
	assert_string_equal(e.after.test, "one");
	assert_true(e.after.v.p < FLAKY_CHOSEN);
	release(&r);
}

/* At the end two are left, beside each other, and nobody takes away what was left. */
static void
the_last_two_are_no_neighbours(void **state)
{
	struct results		r = new_run();
	struct flaky_evidence	e;
	uint64_t		ms = 2000000;

	(void)state;
	for (int i = 0; i < 60; i++, ms += 400) {
		add(&r.tests[0], i % 7 == 0, FLAKE_PLAIN, ms, ms + 50);
		add(&r.tests[1 + i % 5], false, FLAKE_PLAIN, ms + 30, ms + 90);
	}
	for (int i = 0; i < 60; i++, ms += 400) {
		add(&r.tests[0], i % 20 != 0, FLAKE_PLAIN, ms, ms + 50);
		add(&r.tests[3], false, FLAKE_PLAIN, ms + 30, ms + 90);
	}
	e = seen_of(&r);
	assert_true(e.after.v.seen.runs == 0 || e.after.v.p > FLAKY_CHOSEN);
	assert_true(e.along.v.seen.runs == 0 || e.along.v.p > FLAKY_CHOSEN);
	release(&r);
}

/* It fails while another one runs; that one is told from those that run beside it as often. */
static void
beside_another_test(void **state)
{
	struct results		r = new_run();
	struct flaky_evidence	e;
	uint64_t		ms = 1000000;

	(void)state;
	for (unsigned i = 0; i < 60; i++, ms += 50) {
		add(&r.tests[0], i % 3 == 0, FLAKE_PLAIN, ms, ms + 30);
		add(&r.tests[3 + i % 3], false, FLAKE_PLAIN, ms + 10, ms + 40);
	}
	e = seen_of(&r);
	assert_string_equal(e.along.test, "one");
	assert_true(e.along.v.p < 1e-6);
	assert_int_equal(e.along.v.seen.runs, 20);
	release(&r);
}

/* The report names them, for people and for programs. */
static void
neighbours_are_told(void **state)
{
	struct results		r = new_run();
	struct flaky_report	report;
	struct text		t = { 0 };

	(void)state;
	play(&r, what_is_left);
	r.finished = true;
	for (int i = 0; i < TESTS; i++) {
		r.tests[i].done = true;
		r.tests[i].flake.verdict = i == 0 ? FLAKE_FLAKY : FLAKE_STABLE;
	}
	flaky_report_of(&r, "SUITE", &report);
	assert_int_equal(report.tests[0].cause.category, FLAKY_ORDER);
	assert_non_null(strstr(report.tests[0].advice,
	    "times when 'leaves it' ran before it, and 'takes it away' not since, 0 of "));
	flaky_json(&report, &t);
	assert_non_null(strstr(t.p, "\"kind\":\"after\""));
	assert_non_null(strstr(t.p, "\"test\":\"leaves it\",\"not\":\"takes it away\""));
	text_free(&t);
	flaky_report_free(&report);
	release(&r);
}

/* ---- time ---- */

/* The last twentieth of each second; then the same failures in one second alone. */
static void
a_part_of_the_clock(void **state)
{
	uint64_t	ms[200];
	bool		failed[200];
	struct flaky_arc arc;

	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		ms[i] = 1000000 + i * 437;
		failed[i] = ms[i] % 1000 >= 950;
	}
	flaky_clock(ms, failed, 200, &arc);
	assert_int_equal(arc.period_ms, 1000);
	assert_true(arc.from > 0.94 && arc.to < 1.01);
	assert_true(arc.v.p < 1e-6);
	assert_int_equal(arc.v.against.fails, 0);
	for (unsigned i = 0; i < 200; i++)
		failed[i] = i >= 100 && i < 108;
	flaky_clock(ms, failed, 200, &arc);
	assert_true(arc.v.seen.runs == 0 || arc.v.p > FLAKY_CHOSEN);
	/* Three are too few. */
	for (unsigned i = 0, n = 0; i < 200; i++) {
		failed[i] = ms[i] % 1000 >= 950 && n < 3;
		n += failed[i];
	}
	flaky_clock(ms, failed, 200, &arc);
	assert_int_equal(arc.v.seen.runs, 0);
}

/* A part that goes on in the next second is one. */
static void
over_the_end_of_a_second(void **state)
{
	uint64_t	ms[300];
	bool		failed[300];
	struct flaky_arc arc;

	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		ms[i] = 1000000 + i * 437;
		failed[i] = ms[i] % 1000 >= 950 || ms[i] % 1000 < 50;
	}
	flaky_clock(ms, failed, 300, &arc);
	assert_int_equal(arc.period_ms, 1000);
	assert_true(arc.from > 0.94 && arc.to > 1);
	assert_int_equal(arc.v.against.fails, 0);
}

/* What fails again at once is in a spell; that is no stretch of other attempts. */
static void
again_at_once(void **state)
{
	struct results		 r = new_run();
	struct test_result	*t = &r.tests[0];
	struct flaky_moments	*m;
	struct flaky_evidence	 e = { .stretches = 1 };
	uint64_t		 ms = 1000000;

	(void)state;
	for (unsigned i = 0; i < 60; i++, ms += 5000) {
		add(t, i % 10 == 3, FLAKE_PLAIN, ms, ms + 20);
		if (i % 10 == 3)
			add(t, true, FLAKE_PLAIN, ms + 25, ms + 45);
		/* Under a condition, or later, it is another thing. */
		add(t, false, FLAKE_ZONE, ms + 50, ms + 70);
	}
	m = flaky_moments_of(&r);
	flaky_when(m, t, &e);
	flaky_moments_free(m);
	assert_int_equal(e.again.seen.runs, 6);
	assert_int_equal(e.again.seen.fails, 6);
	assert_int_equal(e.again.against.runs, 60);
	assert_int_equal(e.again.against.fails, 6);
	assert_true(e.again.p < 1e-4);
	assert_true(e.stretches > 0.05);
	release(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(after_another_test),
		cmocka_unit_test(after_nothing),
		cmocka_unit_test(a_condition_is_no_neighbour),
		cmocka_unit_test(since_its_last_attempt),
		cmocka_unit_test(the_last_two_are_no_neighbours),
		cmocka_unit_test(beside_another_test),
		cmocka_unit_test(neighbours_are_told),
		cmocka_unit_test(a_part_of_the_clock),
		cmocka_unit_test(over_the_end_of_a_second),
		cmocka_unit_test(again_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
