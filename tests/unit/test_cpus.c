/* Unit tests of supervisor/cpus.c: what cgroup files say. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "supervisor/cpus.h"

static void
a_v2_quota_is_whole_cpus(void **state)
{
	static const struct {
		const char	*text;
		uint32_t	 n;
	} cases[] = {
		{ "max 100000\n", 0 },
		{ "200000 100000\n", 2 },
		{ "150000 100000\n", 2 },	/* rounded up */
		{ "100000 100000", 1 },
		{ "1000 100000\n", 1 },
		{ "0 100000\n", 0 },
		{ "100000 0\n", 0 },
		{ "-1 100000\n", 0 },
		{ "", 0 },
		{ "\n", 0 },
		{ "100000", 0 },
		{ "9223372036854775807 100000", 65536 },
		{ "99999999999999999999 1", 65536 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		if (cpus_quota_v2(cases[i].text) != cases[i].n)
			fail_msg("'%s': %u", cases[i].text, cpus_quota_v2(cases[i].text));
	}
}

static void
a_v1_quota_is_two_files(void **state)
{
	(void)state;
	assert_int_equal(cpus_quota_v1("-1\n", "100000\n"), 0);
	assert_int_equal(cpus_quota_v1("250000\n", "100000\n"), 3);
	assert_int_equal(cpus_quota_v1("50000\n", "100000\n"), 1);
	assert_int_equal(cpus_quota_v1("", "100000\n"), 0);
	assert_int_equal(cpus_quota_v1("50000", ""), 0);
	assert_int_equal(cpus_quota_v1("50000", "0"), 0);
}

static void
there_is_at_least_one(void **state)
{
	(void)state;
	assert_in_range(cpus_auto(), 1, 65536);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_v2_quota_is_whole_cpus),
		cmocka_unit_test(a_v1_quota_is_two_files),
		cmocka_unit_test(there_is_at_least_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
