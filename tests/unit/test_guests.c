/* Unit tests of supervisor/guests.c: what one user may take of the loop. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "supervisor/guests.h"

#define START	UINT64_C(5000000)

/* One burst is free, and is so again later. */
static void
a_burst_is_not_waited_for(void **state)
{
	struct guest	g = { .uid = 1 };

	(void)state;
	guest_used(&g, GUEST_DEBT_US, START);
	assert_false(guest_owes(&g, START));
	assert_int_equal(g.used_us, GUEST_DEBT_US);
	guest_used(&g, 1, START);
	assert_true(guest_owes(&g, START));
	assert_true(guest_owes(&g, START + GUEST_PART - 1));
	assert_false(guest_owes(&g, START + GUEST_PART));
	guest_used(&g, GUEST_DEBT_US, START + GUEST_PART * (uint64_t)GUEST_DEBT_US);
	assert_true(g.debt_us <= GUEST_DEBT_US + 1);
}

/* Who asks whenever he may has his part of the time, however often it is looked. */
static void
who_never_stops_has_a_part(void **state)
{
	static const uint64_t	steps[] = { 1, 3, 100, 10000 };

	(void)state;
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		struct guest	g = { .uid = 1 };
		uint64_t	end = START + 40 * (uint64_t)GUEST_DEBT_US, used = 0;

		if (steps[i] < 100)
			end = START + 8 * (uint64_t)GUEST_DEBT_US;
		for (uint64_t now = START; now < end; now += steps[i]) {
			if (guest_owes(&g, now))
				continue;
			guest_used(&g, steps[i], now);
			used += steps[i];
		}
		assert_in_range(used, (end - START) / GUEST_PART, (end - START) / GUEST_PART +
		    GUEST_DEBT_US + 2 * steps[i]);
	}
}

/* Leaving and coming back begins nothing anew. */
static void
a_debt_stays(void **state)
{
	struct guests	 gs = LIST_HEAD_INITIALIZER(gs);
	struct guest	*g = guests_enter(&gs, 1);

	(void)state;
	assert_non_null(g);
	guest_used(g, 2 * GUEST_DEBT_US, START);
	guests_leave(g);
	guests_turn(&gs, START);
	assert_ptr_equal(guests_enter(&gs, 1), g);
	assert_true(guest_owes(g, START));
	guests_leave(g);
	guests_turn(&gs, START + 2 * GUEST_PART * (uint64_t)GUEST_DEBT_US);
	assert_null(guests_find(&gs, 1));
	guests_free(&gs);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_burst_is_not_waited_for),
		cmocka_unit_test(who_never_stops_has_a_part),
		cmocka_unit_test(a_debt_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
