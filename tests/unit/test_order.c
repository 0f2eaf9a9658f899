/* Unit tests of supervisor/policy/order.c. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "supervisor/policy/order.h"

/* The reference values of splitmix64 for this seed. */
static void
generator_is_splitmix64(void **state)
{
	static const uint64_t want[] = {
		UINT64_C(6457827717110365317), UINT64_C(3203168211198807973),
		UINT64_C(9817491932198370423), UINT64_C(4593380528125082431),
		UINT64_C(16408922859458223821),
	};
	uint64_t s = 1234567;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_true(order_random(&s) == want[i]);
}

static void
below_stays_below_and_is_even(void **state)
{
	static const uint32_t bounds[] = { 1, 2, 3, 7, 1000, 0x80000001u, UINT32_MAX };
	uint32_t count[7] = { 0 };
	uint64_t s = 1;
	size_t i;
	int k;

	(void)state;
	assert_int_equal(order_below(&s, 0), 0);
	for (i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++)
		for (k = 0; k < 1000; k++)
			assert_true(order_below(&s, bounds[i]) < bounds[i]);
	for (k = 0; k < 70000; k++)
		count[order_below(&s, 7)]++;
	for (i = 0; i < 7; i++)
		assert_in_range(count[i], 9600, 10400);
}

static void
unshuffled_is_plan_order(void **state)
{
	uint32_t order[100], i;

	(void)state;
	order_fill(order, 100, false, 42);
	for (i = 0; i < 100; i++)
		assert_int_equal(order[i], i);
	order_fill(NULL, 0, true, 42);
}

static void
shuffle_is_a_permutation_fixed_by_its_seed(void **state)
{
	uint32_t a[1000], b[1000], c[1000], i;
	bool seen[1000] = { false };

	(void)state;
	order_fill(a, 1000, true, 42);
	order_fill(b, 1000, true, 42);
	order_fill(c, 1000, true, 43);
	assert_memory_equal(a, b, sizeof(a));
	assert_memory_not_equal(a, c, sizeof(a));
	for (i = 0; i < 1000; i++) {
		assert_true(a[i] < 1000 && !seen[a[i]]);
		seen[a[i]] = true;
	}
}

static void
every_permutation_is_as_likely(void **state)
{
	uint32_t count[27] = { 0 }, o[3], k, used = 0;
	uint64_t seed;

	(void)state;
	for (seed = 0; seed < 60000; seed++) {
		order_fill(o, 3, true, seed);
		count[o[0] * 9 + o[1] * 3 + o[2]]++;
	}
	for (k = 0; k < 27; k++) {
		if (count[k] == 0)
			continue;
		used++;
		assert_in_range(count[k], 9600, 10400);
	}
	assert_int_equal(used, 6);
}

static void
places_by_history(void **state)
{
	const uint64_t day = UINT64_C(24) * 3600 * 1000 * 1000;

	(void)state;
	assert_true(order_by_length(2) < order_by_length(1));
	assert_true(order_by_length(1) < order_by_length(0));
	assert_true(order_by_length(day) == order_by_length(ORDER_LENGTH_MAX));
	assert_true(order_by_length(UINT64_MAX) == order_by_length(ORDER_LENGTH_MAX));

	/* 1 % a second is before 2 % in three, and behind 1 % in half a second. */
	assert_true(order_by_rate(1000000, 10000) < order_by_rate(3000000, 20000));
	assert_true(order_by_rate(500000, 10000) < order_by_rate(1000000, 10000));
	assert_true(order_by_rate(1000000, 10000) == order_by_rate(2000000, 20000));
	assert_true(order_by_rate(1000000, 0) == order_by_rate(1000000, 1));
	assert_true(order_by_rate(0, 0) < order_by_rate(1, 1000000));
	assert_true(order_by_rate(UINT64_MAX, 0) < UINT64_MAX);
}

/* Which length goes first, by the work that remains for so many slots. */
static void
slack(void **state)
{
	static const struct {
		uint64_t work, shortest;
		uint32_t slots;
	} v[] = {
		{ 1000, 900, 1 }, { 1000, 225, 4 }, { 1001, 901, 1 }, { 1009, 909, 1 },
		{ 1010, 909, 1 }, { 10, 9, 1 }, { 9, 9, 1 }, { 1, 1, 1 }, { 0, 1, 1 },
		{ 7, 1, 8 }, { ORDER_LENGTH_MAX, ORDER_LENGTH_MAX / 10 * 9 + 6, 1 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		uint64_t place = order_slack(v[i].work, v[i].slots);

		if (order_by_length(v[i].shortest) >= place ||
		    order_by_length(v[i].shortest - 1) < place)
			fail_msg("row %zu", i);
	}
	/* None is long enough when all that can be told apart are not. */
	assert_true(order_slack(UINT64_MAX, 1) == 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(generator_is_splitmix64),
		cmocka_unit_test(below_stays_below_and_is_even),
		cmocka_unit_test(unshuffled_is_plan_order),
		cmocka_unit_test(shuffle_is_a_permutation_fixed_by_its_seed),
		cmocka_unit_test(every_permutation_is_as_likely),
		cmocka_unit_test(places_by_history),
		cmocka_unit_test(slack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
