/* Unit tests of supervisor/policy/share.c. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "supervisor/policy/order.h"
#include "supervisor/policy/share.h"

#define N	5

static void
fixed_cases(void **state)
{
	static const struct {
		const char *name;
		uint32_t capacity, n;
		uint32_t demand[N];
		uint64_t served[N];
		uint32_t want[N];
	} cases[] = {
		{ "nobody", 8, 0, { 0 }, { 0 }, { 0 } },
		{ "no capacity", 0, 2, { 3, 3 }, { 0 }, { 0, 0 } },
		{ "alone", 8, 1, { 5 }, { 9 }, { 5 } },
		{ "alone, all of it", 8, 1, { 50 }, { 9 }, { 8 } },
		{ "no demand", 8, 2, { 0, 9 }, { 0, 5 }, { 0, 8 } },
		{ "equal", 8, 2, { 9, 9 }, { 0, 100 }, { 4, 4 } },
		{ "the modest one gets all, the rest goes on", 8, 3, { 1, 9, 9 },
		    { 50, 50, 50 }, { 1, 4, 3 } },
		{ "filling in steps", 10, 4, { 1, 2, 9, 9 }, { 0 }, { 1, 2, 4, 3 } },
		{ "left over goes to the least served", 7, 2, { 9, 9 }, { 5, 4 }, { 3, 4 } },
		{ "two left over", 5, 3, { 9, 9, 9 }, { 3, 1, 2 }, { 1, 2, 2 } },
		{ "more claims than units: a newcomer first", 2, 4, { 9, 9, 9, 9 },
		    { 10, 20, 0, 30 }, { 1, 0, 1, 0 } },
		{ "equally served: the first", 1, 3, { 1, 1, 1 }, { 7, 7, 7 }, { 1, 0, 0 } },
		{ "left over only to whom it helps", 7, 3, { 2, 9, 9 }, { 0, 9, 8 },
		    { 2, 2, 3 } },
		{ "enough for all", 100, 3, { 2, 3, 4 }, { 0 }, { 2, 3, 4 } },
		{ "largest", UINT32_MAX, 2, { UINT32_MAX, UINT32_MAX }, { 1, 0 },
		    { UINT32_MAX / 2, UINT32_MAX / 2 + 1 } },
	};
	struct share_claim c[N];
	size_t i;
	uint32_t k;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (k = 0; k < cases[i].n; k++)
			c[k] = (struct share_claim){ .demand = cases[i].demand[k],
			    .served_ms = cases[i].served[k], .limit = 77 };
		share_fill(cases[i].capacity, c, cases[i].n);
		for (k = 0; k < cases[i].n; k++)
			if (c[k].limit != cases[i].want[k])
				fail_msg("%s: claim %u has %u", cases[i].name, k, c[k].limit);
	}
}

/* What makes an assignment max-min fair, on random claims. */
static void
every_share_is_fair(void **state)
{
	struct share_claim c[12];
	uint64_t rng = 1, sum, wanted;
	uint32_t n, i, j, capacity;
	int round;

	(void)state;
	for (round = 0; round < 20000; round++) {
		n = order_below(&rng, 13);
		capacity = order_below(&rng, 40);
		for (i = 0; i < n; i++)
			c[i] = (struct share_claim){ .demand = order_below(&rng, 12),
			    .served_ms = order_below(&rng, 5) };
		share_fill(capacity, c, n);
		for (i = 0, sum = 0, wanted = 0; i < n; i++) {
			assert_true(c[i].limit <= c[i].demand);
			sum += c[i].limit;
			wanted += c[i].demand;
		}
		assert_true(sum == (wanted < capacity ? wanted : capacity));
		for (i = 0; i < n; i++) {
			for (j = 0; j < n; j++) {
				if (c[i].limit == c[i].demand)
					break;
				/* i goes without: nobody has two more, and who
				 * has one more was not served more. */
				assert_true(c[j].limit <= c[i].limit + 1);
				if (c[j].limit == c[i].limit + 1)
					assert_true(c[j].served_ms <= c[i].served_ms);
			}
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fixed_cases),
		cmocka_unit_test(every_share_is_fair),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
