/* The cause of a flaky test, out of what was counted: ctl/flaky_cause.c. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "ctl/flaky_cause.h"

#define AT(c, k, n)	[FLAKE_##c] = { .fails = (k), .runs = (n) }
#define NOTHING		.stretches = 1, .rhythm = 1, .slower_p = 1

#define NONE		{ 0, 0 }
#define CALM(k, n)	{ .fails = (k), .runs = (n) }

static const struct {
	const char		*what;
	enum flaky_category	 want;
	enum flake_condition	 next;
	struct flaky_condition	 calm;	/* under all conditions that are not in e */
	struct flaky_evidence	 e;
} cases[] = {
	{ "waits for a fixed time", FLAKY_TIMING, FLAKE_PAUSED, NONE,
	    { .at = { AT(PLAIN, 1, 60), AT(PAUSED, 13, 40), AT(ONE_CPU, 1, 20),
	    AT(LOW_PRIORITY, 0, 20), AT(LOADED, 2, 20), AT(STRESSED, 2, 20), AT(FEW_FILES, 0, 20),
	    AT(ZONE, 0, 20), AT(SEEDS, 0, 20), AT(COPIES, 8, 20), AT(FIXED_LAYOUT, 0, 20) },
	    NOTHING } },
	{ "has a time limit of its own", FLAKY_TIMING, FLAKE_PAUSED, NONE,
	    { .at = { AT(PLAIN, 0, 40), AT(PAUSED, 9, 20), AT(ONE_CPU, 0, 10),
	    AT(LOW_PRIORITY, 0, 10) }, .marks = { [FLAKY_MARK_LATE] = 9 },
	    .stretches = 1, .rhythm = 1, .slower = 2.5, .slower_p = 0.001 } },
	{ "two threads and no lock", FLAKY_TIMING, FLAKE_LOADED, NONE,
	    { .at = { AT(PLAIN, 0, 60), AT(PAUSED, 3, 20), AT(ONE_CPU, 0, 20), AT(LOADED, 9, 20),
	    AT(STRESSED, 0, 20), AT(COPIES, 1, 20), AT(ZONE, 0, 20), AT(SEEDS, 0, 20) },
	    NOTHING } },
	{ "never on one CPU", FLAKY_TIMING, FLAKE_LOADED, NONE,
	    { .at = { AT(PLAIN, 20, 60), AT(PAUSED, 14, 20), AT(ONE_CPU, 0, 20),
	    AT(LOADED, 14, 20), AT(ZONE, 7, 20), AT(SEEDS, 6, 20) }, NOTHING } },
	/* One condition up, one down, none of them for certain: together they are. */
	{ "seldom on one CPU", FLAKY_TIMING, FLAKE_PAUSED, NONE,
	    { .at = { AT(PLAIN, 4, 73), AT(PAUSED, 14, 72), AT(ONE_CPU, 0, 51),
	    AT(LOW_PRIORITY, 8, 50), AT(ZONE, 1, 50), AT(SEEDS, 4, 50) }, NOTHING } },
	{ "spins for the other one", FLAKY_TIMING, FLAKE_ONE_CPU, NONE,
	    { .at = { AT(PLAIN, 0, 40), AT(PAUSED, 0, 15), AT(ONE_CPU, 12, 15), AT(LOADED, 0, 15),
	    AT(ZONE, 0, 15) }, NOTHING } },
	{ "a fixed file", FLAKY_CONCURRENCY, FLAKE_COPIES, CALM(0, 15),
	    { .at = { AT(PLAIN, 1, 60), AT(COPIES, 14, 15) }, NOTHING } },
	{ "a fixed port", FLAKY_CLASH, FLAKE_COPIES, CALM(0, 15),
	    { .at = { AT(PLAIN, 1, 60), AT(COPIES, 14, 15) },
	    .marks = { [FLAKY_MARK_IN_USE] = 15 }, NOTHING } },
	{ "a port of its neighbours", FLAKY_CLASH, FLAKE_PLAIN, CALM(1, 15),
	    { .at = { AT(PLAIN, 5, 60) }, .marks = { [FLAKY_MARK_IN_USE] = 18 }, NOTHING } },
	{ "opens many files", FLAKY_STARVATION, FLAKE_FEW_FILES, CALM(0, 15),
	    { .at = { AT(PLAIN, 0, 60), AT(FEW_FILES, 15, 15) }, NOTHING } },
	{ "needs memory", FLAKY_STARVATION, FLAKE_STRESSED, CALM(0, 15),
	    { .at = { AT(PLAIN, 1, 60), AT(STRESSED, 8, 15) },
	    .marks = { [FLAKY_MARK_MEMORY] = 8 }, NOTHING } },
	{ "another day elsewhere", FLAKY_TIME, FLAKE_ZONE, CALM(0, 15),
	    { .at = { AT(PLAIN, 0, 60), AT(ZONE, 9, 15) }, NOTHING } },
	{ "after midnight", FLAKY_TIME, FLAKE_CLOCK, CALM(0, 15),
	    { .at = { AT(PLAIN, 1, 60), AT(CLOCK, 7, 15) }, NOTHING } },
	{ "reads messages", FLAKY_ENVIRONMENT, FLAKE_LOCALE, CALM(0, 15),
	    { .at = { AT(PLAIN, 0, 60), AT(LOCALE, 15, 15) }, NOTHING } },
	{ "a blank in a path", FLAKY_ENVIRONMENT, FLAKE_TMPDIR, CALM(0, 15),
	    { .at = { AT(PLAIN, 0, 60), AT(TMPDIR, 15, 15) }, NOTHING } },
	{ "chance", FLAKY_RANDOMNESS, FLAKE_PLAIN, CALM(3, 20),
	    { .at = { AT(PLAIN, 9, 60) }, NOTHING } },
	{ "an address", FLAKY_RANDOMNESS, FLAKE_PLAIN, CALM(6, 20),
	    { .at = { AT(PLAIN, 20, 60), AT(FIXED_LAYOUT, 0, 20) }, NOTHING } },
	{ "each fourth time", FLAKY_LEAK, FLAKE_PLAIN, CALM(5, 20),
	    { .at = { AT(PLAIN, 15, 60) }, .stretches = 1, .rhythm = 1e-9, .slower_p = 1 } },
	{ "a quota of its own", FLAKY_STARVATION, FLAKE_PLAIN, CALM(1, 15),
	    { .at = { AT(PLAIN, 4, 60) }, .marks = { [FLAKY_MARK_FILES] = 16 }, NOTHING } },
	{ "a lock that was left", FLAKY_LEAK, FLAKE_COPIES, CALM(1, 15),
	    { .at = { AT(PLAIN, 4, 60), AT(COPIES, 6, 15) }, .marks = { [FLAKY_MARK_EXISTS] = 20 },
	    NOTHING } },
	{ "a name that others use, too", FLAKY_CLASH, FLAKE_COPIES, CALM(1, 15),
	    { .at = { AT(PLAIN, 4, 60), AT(COPIES, 15, 15) }, NOTHING } },
	{ "after another test", FLAKY_ORDER, FLAKE_PLAIN, CALM(6, 15),
	    { .at = { AT(PLAIN, 25, 60) }, NOTHING, .after = { .test = "leaves it",
	    .not = "clears it", .v = { CALM(25, 28), CALM(0, 30), 1e-7 } } } },
	{ "while another test runs", FLAKY_CLASH, FLAKE_PLAIN, CALM(2, 15),
	    { .at = { AT(PLAIN, 9, 60) }, NOTHING, .along = { .test = "writes it",
	    .v = { CALM(8, 9), CALM(1, 50), 1e-5 } } } },
	{ "the end of a second", FLAKY_TIME, FLAKE_PLAIN, CALM(1, 15),
	    { .at = { AT(PLAIN, 5, 60) }, NOTHING, .clock = { .period_ms = 1000, .from = 0.9,
	    .to = 1, .v = { CALM(12, 15), CALM(2, 140), 1e-6 } } } },
	{ "a server that is away for a while", FLAKY_INFRASTRUCTURE, FLAKE_PLAIN, CALM(1, 15),
	    { .at = { AT(PLAIN, 12, 60) }, NOTHING, .again = { CALM(8, 12), CALM(4, 48), 2e-4 },
	    .marks = { [FLAKY_MARK_NETWORK] = 22 } } },
	{ "its machine is ill", FLAKY_INFRASTRUCTURE, FLAKE_PLAIN, CALM(2, 15),
	    { .at = { AT(PLAIN, 8, 60) }, .lost = 5, .stretches = 1e-5, .rhythm = 1,
	    .slower_p = 1, .beside = { .fails = 6, .runs = 9 },
	    .apart = { .fails = 2, .runs = 51 } } },
	{ "the network was gone", FLAKY_INFRASTRUCTURE, FLAKE_PLAIN, CALM(2, 15),
	    { .at = { AT(PLAIN, 8, 60) }, .marks = { [FLAKY_MARK_NETWORK] = 30 },
	    .stretches = 1e-5, .rhythm = 1, .slower_p = 1, .beside = { .fails = 8, .runs = 9 },
	    .apart = { .fails = 0, .runs = 51 } } },
};

static void
the_cause(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct flaky_evidence	e = cases[i].e;
		struct flaky_cause	c;
		double			sum = 0;

		for (unsigned k = 0; k < FLAKE_CONDITION_COUNT; k++) {
			if (e.at[k].runs == 0)
				e.at[k] = cases[i].calm;
		}
		flaky_cause_of(&e, &c);
		for (unsigned k = 0; k < FLAKY_CATEGORY_COUNT; k++)
			sum += c.share[k];
		if (c.category != cases[i].want || c.next != cases[i].next)
			fail_msg("%s: %s (%s %.2f), under %s", cases[i].what,
			    flaky_category_name(c.category), flaky_category_name(c.likely),
			    c.certainty, flake_condition_name(c.next));
		if (c.npieces == 0)
			fail_msg("%s: no evidence", cases[i].what);
		assert_true(fabs(sum - 1) < 1e-6);
		assert_true(c.certainty > 0.3 && c.certainty <= 1);
	}
}

/* Too little is said to be too little. */
static void
unknown_is_said(void **state)
{
	static const struct flaky_evidence	weak[] = {
		{ NOTHING },
		{ .at = { AT(PLAIN, 40, 80) }, NOTHING, .marks = { [FLAKY_MARK_LATE] = 40 } },
		{ .at = { AT(PLAIN, 2, 60), AT(PAUSED, 0, 10) }, NOTHING },
		{ .at = { AT(PLAIN, 0, 10), AT(PAUSED, 1, 3), AT(ONE_CPU, 1, 3) }, NOTHING },
		/* In a row: something that is left, or the time. */
		{ .at = { AT(PLAIN, 8, 60), AT(PAUSED, 2, 15), AT(ONE_CPU, 2, 15),
		    AT(LOADED, 2, 15) },
		    .stretches = 1e-5, .rhythm = 1, .slower_p = 1,
		    .apart = { .fails = 8, .runs = 60 } },
		/* Words alone are no cause. */
		{ .at = { AT(PLAIN, 1, 20), AT(PAUSED, 1, 5), AT(LOADED, 1, 5) }, NOTHING,
		    .marks = { [FLAKY_MARK_RACE] = 3 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof weak / sizeof weak[0]; i++) {
		struct flaky_cause	c;

		flaky_cause_of(&weak[i], &c);
		if (c.category != FLAKY_UNKNOWN)
			fail_msg("%zu: %s %.2f", i, flaky_category_name(c.category), c.certainty);
	}
}

/* What differs from plain is told, with its chance by accident, whichever way. */
static void
pieces_of_evidence(void **state)
{
	const struct flaky_evidence	 e = { .at = { AT(PLAIN, 20, 60), AT(PAUSED, 18, 20),
	    AT(ONE_CPU, 0, 20), AT(LOADED, 15, 20), AT(ZONE, 7, 20) }, NOTHING };
	struct flaky_cause		 c;
	size_t				 more = 0, less = 0;

	(void)state;
	flaky_cause_of(&e, &c);
	for (size_t i = 0; i < c.npieces; i++) {
		more += c.pieces[i].kind == FLAKY_MORE;
		less += c.pieces[i].kind == FLAKY_LESS;
	}
	assert_int_equal(more, 2);
	assert_int_equal(less, 1);
	assert_int_equal(c.pieces[0].conditions, 1u << FLAKE_PAUSED);
	/* 4 times Fisher's 1.36e-05, both sides, which Python has counted. */
	assert_true(fabs(c.pieces[0].p - 5.421862045e-05) < 1e-8);
	assert_true(c.effects[FLAKE_ONE_CPU].less);
	assert_false(c.effects[FLAKE_ZONE].more || c.effects[FLAKE_ZONE].less);
	assert_true(c.effects[FLAKE_SEEDS].p >= 1);
}

/* What is left out of the counts, since it came of one spell, has spoken all the same. */
static void
a_spell_is_left_out(void **state)
{
	const struct flaky_evidence	 e = { .at = { AT(PLAIN, 12, 60), AT(PAUSED, 1, 15),
	    AT(LOADED, 1, 15), AT(ZONE, 1, 15) }, NOTHING, .again = { CALM(8, 12), CALM(4, 48),
	    2e-4 }, .marks = { [FLAKY_MARK_NETWORK] = 15 } };
	struct flaky_cause		 c;
	bool				 said = false;

	(void)state;
	flaky_cause_of(&e, &c);
	assert_int_equal(c.category, FLAKY_INFRASTRUCTURE);
	for (size_t i = 0; i < c.npieces; i++) {
		if (c.pieces[i].kind != FLAKY_SAYS)
			continue;
		said = true;
		assert_int_equal(c.pieces[i].seen.fails, 15);
		assert_int_equal(c.pieces[i].seen.runs, 15);
	}
	assert_true(said);
}

/* It is likely by what it fails under, but none of that is certain: that failing attempts
 * take longer is. */
static void
being_slower_is_enough(void **state)
{
	struct flaky_evidence	 e = { .at = { AT(PLAIN, 7, 56), AT(PAUSED, 16, 60),
	    AT(LOW_PRIORITY, 2, 6), AT(ONE_CPU, 0, 4), AT(LOADED, 0, 4), AT(STRESSED, 0, 4),
	    AT(ZONE, 1, 5), AT(SEEDS, 2, 11), AT(CROWDED, 1, 5) }, NOTHING,
	    .marks = { [FLAKY_MARK_LATE] = 29 } };
	struct flaky_cause	 c;

	(void)state;
	flaky_cause_of(&e, &c);
	assert_int_equal(c.likely, FLAKY_TIMING);
	assert_int_equal(c.category, FLAKY_UNKNOWN);
	e.slower = 9.7;
	e.slower_p = 1e-9;
	flaky_cause_of(&e, &c);
	assert_int_equal(c.category, FLAKY_TIMING);
}

static void
names(void **state)
{
	(void)state;
	assert_string_equal(flaky_category_name(FLAKY_CLASH), "clash");
	assert_non_null(strstr(flaky_category_text(FLAKY_CLASH), "port or file clash"));
	assert_string_equal(flaky_mark_text(FLAKY_MARK_SPACE), "no space left");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_cause),
		cmocka_unit_test(unknown_is_said),
		cmocka_unit_test(pieces_of_evidence),
		cmocka_unit_test(a_spell_is_left_out),
		cmocka_unit_test(being_slower_is_enough),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
