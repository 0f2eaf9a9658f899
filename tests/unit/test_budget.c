/*
 * Unit tests of supervisor/policy/budget.c: a table, and random use of it beside a
 * second one that is as plain as it can be.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "supervisor/policy/budget.h"
#include "supervisor/policy/order.h"

static void
shares(void **state)
{
	static const struct {
		uint64_t ppm, n, want;
	} cases[] = {
		{ 0, 0, 0 }, { 0, 1000, 0 }, { 0, UINT64_MAX, 0 },
		{ 20000, 1000, 20 },		/* 2% */
		{ 20000, 2000, 40 },
		{ 20000, 99, 1 },		/* down */
		{ 20000, 149, 2 },
		{ 20000, 49, 1 },		/* but at least one */
		{ 1, 1, 1 }, { 1, 0, 1 },
		{ 1000000, 7, 7 }, { 3000000, 7, 21 },
		{ 1, 5000000, 5 },
		{ 500000, 3000001, 1500000 },
		{ 1000000, UINT64_MAX, UINT64_MAX },
		{ 1000001, UINT64_MAX, UINT64_MAX },
		{ UINT64_MAX, 1000000, UINT64_MAX },
		{ UINT64_MAX, 999999, UINT64_MAX },
		{ UINT64_MAX, UINT64_MAX, UINT64_MAX },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (budget_share(cases[i].ppm, cases[i].n) != cases[i].want)
			fail_msg("case %zu: %llu", i, (unsigned long long)
			    budget_share(cases[i].ppm, cases[i].n));
}

static void
limits(void **state)
{
	struct budget none = { { 0, 0 }, 0, 0 };
	struct budget no_time = { { UINT64_MAX, 0 }, 0, 0 };
	struct budget unlimited = { BUDGET_UNLIMITED, 0, 0 };
	struct budget two = { { 2, UINT64_MAX }, 0, 0 };
	struct budget ten_ms = { { UINT64_MAX, 10 }, 0, 0 };

	(void)state;
	assert_false(budget_has(&none));
	assert_false(budget_has(&no_time));
	budget_take(&unlimited);
	budget_spend(&unlimited, UINT64_MAX / 2);
	assert_true(budget_has(&unlimited));

	budget_take(&two);
	assert_true(budget_has(&two));
	budget_take(&two);
	assert_false(budget_has(&two));
	budget_give_back(&two);
	assert_true(budget_has(&two));

	budget_spend(&ten_ms, 9);
	assert_true(budget_has(&ten_ms));
	budget_spend(&ten_ms, 1);
	assert_false(budget_has(&ten_ms));
	budget_spend(&ten_ms, UINT64_MAX);	/* no overflow to little */
	budget_spend(&ten_ms, UINT64_MAX);
	assert_false(budget_has(&ten_ms));
	budget_give_back(&none);		/* nothing was taken */
	assert_false(budget_has(&none));
}

/* The second one counts down what is left. */
static void
as_a_purse_that_empties(void **state)
{
	uint64_t rng = 5, ms;
	uint32_t round, i;

	(void)state;
	for (round = 0; round < 2000; round++) {
		int64_t coins = order_below(&rng, 12), time = order_below(&rng, 100);
		struct budget b = { { (uint64_t)coins, (uint64_t)time }, 0, 0 };
		uint32_t out = 0;

		for (i = 0; i < 30; i++) {
			assert_int_equal(budget_has(&b), coins > 0 && time > 0);
			switch (order_below(&rng, 3)) {
			case 0:
				budget_take(&b);
				coins--;
				out++;
				break;
			case 1:
				if (out == 0)
					break;
				budget_give_back(&b);
				coins++;
				out--;
				break;
			case 2:
				ms = order_below(&rng, 20);
				budget_spend(&b, ms);
				time -= (int64_t)ms;
				break;
			}
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares),
		cmocka_unit_test(limits),
		cmocka_unit_test(as_a_purse_that_empties),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
