/*
 * Are causes named rightly?  Tests of known causes fail at the rates that were measured
 * for programs of that cause under each condition; of 500 of each the categories are
 * counted.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl/flaky_cause.h"
#include "supervisor/policy/order.h"
#include "supervisor/policy/sched.h"

#define TESTS	500

/* Failure rates: plain, and where they differ from it. */
struct program {
	const char		*name;
	enum flaky_category	 cause, also;
	double			 plain, at[FLAKE_CONDITION_COUNT];
	bool			 never[FLAKE_CONDITION_COUNT];
};

/* The first six as measured (400 attempts a cell), with plain rates of 1 % as they are. */
static const struct program programs[] = {
	{ "waits for a child", FLAKY_TIMING, FLAKY_TIMING, 0.01, { [FLAKE_PAUSED] = 0.13,
	    [FLAKE_LOADED] = 0.018, [FLAKE_STRESSED] = 0.022, [FLAKE_COPIES] = 0.34 }, { 0 } },
	{ "waits for a thread", FLAKY_TIMING, FLAKY_TIMING, 0.008, { [FLAKE_PAUSED] = 0.055,
	    [FLAKE_LOADED] = 0.125, [FLAKE_STRESSED] = 0.075, [FLAKE_ONE_CPU] = 0.068,
	    [FLAKE_COPIES] = 0.02 }, { 0 } },
	{ "update without a lock", FLAKY_TIMING, FLAKY_TIMING, 0.0002, { [FLAKE_PAUSED] = 0.13,
	    [FLAKE_LOADED] = 0.215, [FLAKE_STRESSED] = 0.015, [FLAKE_COPIES] = 0.02 }, { 0 } },
	{ "must be fast", FLAKY_TIMING, FLAKY_TIMING, 0.005, { [FLAKE_PAUSED] = 0.86,
	    [FLAKE_LOADED] = 0.025, [FLAKE_STRESSED] = 0.052, [FLAKE_COPIES] = 0.99 }, { 0 } },
	{ "a fixed file", FLAKY_CONCURRENCY, FLAKY_CLASH, 0.02, { [FLAKE_COPIES] = 0.9 }, { 0 } },
	{ "an address", FLAKY_RANDOMNESS, FLAKY_RANDOMNESS, 0.1, { 0 },
	    { [FLAKE_FIXED_LAYOUT] = true } },
	{ "chance, 5 %", FLAKY_RANDOMNESS, FLAKY_RANDOMNESS, 0.05, { 0 }, { 0 } },
	{ "chance, 30 %", FLAKY_RANDOMNESS, FLAKY_RANDOMNESS, 0.3, { 0 }, { 0 } },
	{ "few files", FLAKY_STARVATION, FLAKY_STARVATION, 0.01, { [FLAKE_FEW_FILES] = 1 }, { 0 } },
	{ "memory", FLAKY_STARVATION, FLAKY_STARVATION, 0.01, { [FLAKE_STRESSED] = 0.5 }, { 0 } },
	{ "zone", FLAKY_TIME, FLAKY_TIME, 0.01, { [FLAKE_ZONE] = 0.6 }, { 0 } },
	{ "hour", FLAKY_TIME, FLAKY_TIME, 0.01, { [FLAKE_CLOCK] = 0.3 }, { 0 } },
	{ "language", FLAKY_ENVIRONMENT, FLAKY_ENVIRONMENT, 0.01, { [FLAKE_LOCALE] = 0.9 }, { 0 } },
	{ "folder", FLAKY_ENVIRONMENT, FLAKY_ENVIRONMENT, 0.01, { [FLAKE_TMPDIR] = 1 }, { 0 } },
};
#define PROGRAMS	(sizeof programs / sizeof programs[0])

static double
rate_of(const struct program *p, enum flake_condition c)
{
	return p->never[c] ? 0 : p->at[c] > 0 ? p->at[c] : p->plain;
}

/* One test, as the scheduler runs it: until it is decided, and then for its cause.  Was it
 * found to be flaky? */
static bool
run(const struct program *p, uint64_t *state, struct flaky_evidence *e)
{
	static const struct sched_test	t = { .weight = 1 };
	struct flake_policy		f = { .on = true, .provoke = true,
	    .diagnose = FLAKE_DIAGNOSE, .conditions = FLAKE_USUAL | FLAKE_ASIDE |
	    1u << FLAKE_CLOCK };
	struct sched_plan		plan = { .tests = &t, .ntests = 1, .jobs = 1,
	    .seed = order_random(state) };
	struct sched_in			in = { .type = SCHED_IN_TICK };
	struct sched_out		out = { .n = 0 };
	struct sched			*s;

	*e = (struct flaky_evidence){ .stretches = 1, .rhythm = 1, .slower_p = 1 };
	plan.flake = flake_defaults(&f);
	s = sched_new(&plan, 0);
	assert_non_null(s);
	for (;;) {
		sched_step(s, 0, UINT32_MAX, &in, &out);
		if (out.v[0].type != SCHED_ACT_START)
			break;
		bool failed = (double)(order_random(state) >> 11) * 0x1p-53 <
		    rate_of(p, out.v[0].condition);

		e->at[out.v[0].condition].runs++;
		e->at[out.v[0].condition].fails += failed;
		in = (struct sched_in){ .type = SCHED_IN_DONE, .attempt = out.v[0].attempt,
		    .outcome = failed ? OUTCOME_FAIL : OUTCOME_PASS };
	}
	sched_free(s);
	return flake_conclude(&plan.flake, out.v[0].fails, out.v[0].passes, 0) == FLAKE_FLAKY;
}

static void
causes_are_named_rightly(void **state)
{
	uint64_t seed = 2026;
	uint32_t right = 0, wrong = 0, seen, missed, counts[FLAKY_CATEGORY_COUNT];

	(void)state;
	for (size_t i = 0; i < PROGRAMS; i++) {
		const struct program *p = &programs[i];
		double sure = 0;

		seen = missed = 0;
		for (unsigned c = 0; c < FLAKY_CATEGORY_COUNT; c++)
			counts[c] = 0;
		while (seen < TESTS) {
			struct flaky_evidence e;
			struct flaky_cause cause;

			if (!run(p, &seed, &e) && ++missed <= 20 * TESTS)
				continue;
			flaky_cause_of(&e, &cause);
			counts[cause.category]++;
			sure += cause.certainty;
			seen++;
		}
		print_message("%-22s (%.2f)", p->name, sure / TESTS);
		for (unsigned c = 0; c < FLAKY_CATEGORY_COUNT; c++) {
			if (counts[c] > 0)
				print_message(" %s %.1f%%", flaky_category_name(c),
				    100.0 * counts[c] / TESTS);
		}
		print_message("\n");
		right += counts[p->cause] + (p->also != p->cause ? counts[p->also] : 0);
		wrong += TESTS - counts[p->cause] - counts[FLAKY_UNKNOWN] -
		    (p->also != p->cause ? counts[p->also] : 0);
	}
	print_message("right %.1f%%, wrong %.1f%%\n", 100.0 * right / (TESTS * PROGRAMS),
	    100.0 * wrong / (TESTS * PROGRAMS));
	assert_true(right >= 0.85 * TESTS * PROGRAMS);
	assert_true(wrong <= 0.05 * TESTS * PROGRAMS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(causes_are_named_rightly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
