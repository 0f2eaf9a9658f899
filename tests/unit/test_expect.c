/* Unit tests of supervisor/policy/expect.c. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "supervisor/policy/expect.h"

#define NMAX	9

static void
durations(void **state)
{
	static const struct {
		const char *name;
		uint32_t n, known, suite[NMAX];
		uint64_t us[NMAX], want[NMAX];
	} v[] = {
		{ "no test", 0, 0, { 0 }, { 0 }, { 0 } },
		{ "nothing known", 3, 0, { 1, 1, 2 }, { 0, 0, 0 }, { 0, 0, 0 } },
		{ "all known", 2, 2, { 1, 2 }, { 5, 1 }, { 5, 1 } },
		{ "one known", 2, 1, { 1, 1 }, { 0, 7 }, { 7, 7 } },
		/* Of 10 and 20 the upper quartile is 17.5, of 1 to 5 it is 4. */
		{ "between two", 3, 2, { 1, 1, 1 }, { 20, 0, 10 }, { 20, 17, 10 } },
		{ "one of them", 6, 5, { 0, 0, 0, 0, 0, 0 }, { 5, 3, 0, 1, 4, 2 },
		    { 5, 3, 4, 1, 4, 2 } },
		/* 40 and 80 for suite 9, 100 alone for suite 3; of all three 90. */
		{ "by suite", 7, 3, { 9, 3, 9, 4, 3, 9, UINT32_MAX },
		    { 80, 0, 0, 0, 100, 40, 0 }, { 80, 100, 70, 90, 100, 40, 90 } },
		{ "last suite", 3, 2, { UINT32_MAX, UINT32_MAX, 1 }, { 7, 0, 99 },
		    { 7, 7, 99 } },
		{ "the longest", 3, 2, { 1, 1, 1 }, { UINT64_MAX, 0, UINT64_MAX - 8 },
		    { UINT64_MAX, UINT64_MAX - 2, UINT64_MAX - 8 } },
		{ "far apart", 3, 2, { 1, 1, 1 }, { UINT64_MAX, 0, 1 },
		    { UINT64_MAX, UINT64_MAX / 4 * 3 + 2, 1 } },
	};
	uint64_t us[NMAX];
	uint32_t ppm[NMAX] = { 0 };
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		memcpy(us, v[i].us, sizeof(us));
		if (expect_fill(v[i].suite, us, ppm, v[i].n) != v[i].known)
			fail_msg("%s: not %u known", v[i].name, v[i].known);
		for (k = 0; k < v[i].n; k++)
			if (us[k] != v[i].want[k])
				fail_msg("%s: test %zu takes %llu", v[i].name, k,
				    (unsigned long long)us[k]);
	}
}

static void
chances(void **state)
{
	const uint32_t suite[] = { 0, 0, 0, 0, 0, 0 };
	uint64_t us[] = { 1, 1, 1, 1, 1, 0 };
	uint32_t ppm[] = { 0, 999, 1001, 1000000, 1000001, 500000 };
	const uint32_t want[] = { 1000, 1000, 1001, 1000000, 1000000, 20000 };

	(void)state;
	assert_int_equal(expect_fill(suite, us, ppm, 6), 5);
	assert_memory_equal(ppm, want, sizeof(want));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations),
		cmocka_unit_test(chances),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
