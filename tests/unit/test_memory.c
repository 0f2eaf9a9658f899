/* Unit tests of supervisor/policy/memory.c: bounds, hysteresis, growth, who makes room. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "supervisor/policy/memory.h"

#define MIB(n)	((uint64_t)(n) << 20)

static const struct memory_policy policy = { .reserve = MIB(128), .critical = MIB(64),
	.stall_milli = 100 };

static uint32_t
look(struct memory *m, uint64_t available, uint32_t stall, const struct memory_task *v, uint32_t n)
{
	const struct memory_seen	seen = { .total = MIB(8192), .available = available,
	    .stall_milli = stall };

	return memory_look(m, &policy, &seen, v, n);
}

static void
needs(void **state)
{
	(void)state;
	assert_int_equal(memory_need(0), MIB(32));
	assert_int_equal(memory_need(MIB(32)), MIB(32));
	assert_int_equal(memory_need(MIB(32) + 1), MIB(36));
	assert_int_equal(memory_need(MIB(64)), MIB(64));
	assert_int_equal(memory_need(MIB(64) + 1), MIB(72));
	for (uint64_t peak = 1; peak < (uint64_t)1 << 60; peak = peak * 3 + 1) {
		assert_true(memory_need(peak) >= peak);
		assert_true(peak < MIB(32) || memory_need(peak) - 1 <= peak + peak / 8);
		assert_int_equal(memory_need(memory_need(peak)), memory_need(peak));
	}
	assert_int_equal(memory_need(UINT64_MAX), (uint64_t)1 << 60);
}

static void
closes_and_opens(void **state)
{
	static const struct {
		uint64_t	mib;
		uint32_t	stall;
		bool		closed;
	} script[] = {
		{ 128, 0, false }, { 127, 0, true }, { 159, 0, true }, { 160, 0, false },
		{ 159, 0, false },
		/* smoothed: half of what is new each time */
		{ 4000, 150, false }, { 4000, 150, true }, { 4000, 100, true }, { 4000, 60, true },
		{ 4000, 40, true }, { 4000, 20, false }, { 4000, 90, false },
	};
	struct memory	m;

	(void)state;
	memory_init(&m);
	assert_int_equal(m.left, UINT64_MAX);
	for (size_t i = 0; i < sizeof script / sizeof script[0]; i++) {
		assert_int_equal(look(&m, MIB(script[i].mib), script[i].stall, NULL, 0),
		    MEMORY_NONE);
		assert_int_equal(m.closed, script[i].closed);
		assert_true(!m.stalled || script[i].stall > 0);
	}
}

/* Beside what runs is what that may grow by; what starts is counted until the next look. */
static void
what_is_left(void **state)
{
	static const struct memory_task	v[] = {
		{ .expected = MIB(512), .used = MIB(100), .age_us = 2 },
		{ .expected = MIB(32), .used = MIB(64), .age_us = 1 },
	};
	struct memory	m;

	(void)state;
	memory_init(&m);
	(void)look(&m, MIB(1024), 0, v, 2);
	assert_int_equal(m.left, MIB(1024 - 128 - 412));
	memory_took(&m, MIB(400));
	assert_int_equal(m.left, MIB(84));
	memory_took(&m, MIB(400));
	assert_int_equal(m.left, 0);
	(void)look(&m, MIB(300), 0, v, 2);
	assert_int_equal(m.left, 0);
}

static void
small_and_off(void **state)
{
	const struct memory_task v[] = { { .used = 9, .age_us = 9 }, { .used = 9, .age_us = 8 } };
	struct memory_policy	 off = policy;
	struct memory_seen	 seen = { .total = MIB(512), .available = MIB(64) };
	struct memory		 m;

	(void)state;
	memory_init(&m);
	(void)memory_look(&m, &policy, &seen, v, 2);
	assert_false(m.closed);
	assert_int_equal(m.reserve, MIB(64));	/* an eighth */
	off.reserve = 0;
	seen.available = 0;
	for (int i = 0; i < 5; i++)
		assert_int_equal(memory_look(&m, &off, &seen, v, 2), MEMORY_NONE);
	assert_int_equal(m.left, UINT64_MAX);
	off = policy;
	off.critical = 0;
	for (int i = 0; i < 5; i++)
		assert_int_equal(memory_look(&m, &off, &seen, v, 2), MEMORY_NONE);
	assert_true(m.closed);
	memory_took(&m, 1);
	seen.total = 0;				/* the kernel does not say */
	assert_int_equal(memory_look(&m, &policy, &seen, v, 2), MEMORY_NONE);
	assert_false(m.closed);
}

static void
who_makes_room(void **state)
{
	static const struct {
		struct memory_task	v[3];
		uint32_t		n, victim;
	} cases[] = {
		{ { { 0, 100, 5, false } }, 1, MEMORY_NONE },
		{ { { 0, 100, 5, false }, { 0, 50, 4, false } }, 2, 1 },	/* not the oldest */
		{ { { 0, 100, 5, false }, { 0, 50, 3, false }, { 0, 60, 4, false } }, 3, 2 },
		{ { { 0, 0, 3, false }, { 0, 0, 5, false }, { 0, 0, 4, false } }, 3, 0 },
		{ { { 0, 1, 5, false }, { 0, 1, 5, false } }, 2, 1 },
		{ { { 0, 1, 5, false }, { 0, 1, 4, true }, { 0, 1, 3, false } }, 3, MEMORY_NONE },
	};
	struct memory	m;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		memory_init(&m);
		assert_int_equal(look(&m, MIB(63), 0, cases[i].v, cases[i].n), MEMORY_NONE);
		assert_int_equal(memory_next(&m), MEMORY_SOON_MS);
		assert_int_equal(look(&m, MIB(63), 0, cases[i].v, cases[i].n), cases[i].victim);
	}
	/* Anew after each, and only while it lasts. */
	assert_int_equal(look(&m, MIB(64), 0, cases[1].v, 2), MEMORY_NONE);
	assert_int_equal(memory_next(&m), MEMORY_LOOK_MS);
	assert_int_equal(look(&m, MIB(63), 0, cases[1].v, 2), MEMORY_NONE);
	assert_int_equal(look(&m, MIB(63), 0, cases[1].v, 2), 1);
	assert_int_equal(look(&m, MIB(63), 0, cases[1].v, 2), MEMORY_NONE);
	assert_int_equal(look(&m, MIB(63), 0, cases[1].v, 2), 1);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(needs),
		cmocka_unit_test(closes_and_opens),
		cmocka_unit_test(what_is_left),
		cmocka_unit_test(small_and_off),
		cmocka_unit_test(who_makes_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
