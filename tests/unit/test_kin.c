/* Unit tests of which tests of a plan are taken for kin: supervisor/kin.c. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "supervisor/kin.h"

#define N	9

static void
by_class_or_by_suite(void **state)
{
	static const char *const	names[N] = { "a/b.c::x", "a/b.c::y", "a/b.c::z", "lone.sh",
	    "other::x", "plain", "a/b.c::x", "", "deep/er/x" };
	static const int		second[N] = { [6] = 1 };	/* of the other suite */
	struct manifest_test		tests[N] = { { .over = false } };
	struct manifest			plan = { .tests = tests, .ntests = N };
	struct flake_record		v[N];

	(void)state;
	for (int i = 0; i < N; i++) {
		tests[i].name = sv_from(names[i]);
		tests[i].suite = sv_from(second[i] ? "two" : "one");
	}
	assert_int_equal(kin_number(&plan, v), 0);
	assert_int_equal(v[0].group, v[1].group);
	assert_int_equal(v[0].group, v[2].group);
	/* Too few of their name: with their suite, but apart from a class that is one. */
	assert_int_equal(v[3].group, v[4].group);
	assert_int_equal(v[3].group, v[5].group);
	assert_int_equal(v[3].group, v[7].group);
	assert_int_equal(v[3].group, v[8].group);
	assert_int_not_equal(v[3].group, v[0].group);
	/* The same name in another suite is another test. */
	assert_int_not_equal(v[6].group, v[0].group);
	assert_int_not_equal(v[6].group, v[3].group);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(by_class_or_by_suite) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
