/* One test until it fails: `flaky --repro`, with the condition out of a run on record. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "tests/integ/service.h"

static const char suite[] =
    "name: kinds\n"
    "tests:\n"
    "  - { name: steady, run: 'true' }\n"
    "  - { name: sometimes, run: 'echo \"was $PARATEST_ATTEMPT\"; test $PARATEST_ATTEMPT -ne 4' }\n"
    "  - { name: homesick, run: 'test -z \"$TZ\"' }\n"
    "  - { name: gone, run: [/nowhere/program] }\n";

static json_t *
reproduction(const struct ran *r, json_t **ret_doc)
{
	*ret_doc = ran_document(r);
	assert_true(json_is_object(json_object_get(*ret_doc, "reproduction")));
	return json_object_get(*ret_doc, "reproduction");
}

static void
it_ends_with_the_first_failure(void **state)
{
	struct service	*s = *state;
	const char	*file = service_file(s, "kinds.yaml", suite);
	struct ran	 r;
	json_t		*doc, *o;

	CTL(s, &r, NULL, "flaky", "--json", "--repro", "sometimes", file);
	assert_int_equal(r.code, 1);
	o = reproduction(&r, &doc);
	assert_true(json_is_true(json_object_get(o, "reproduced")));
	assert_int_equal(json_integer_value(json_object_get(o, "attempt")), 4);
	assert_int_equal(json_integer_value(json_object_get(o, "runs")), 4);
	/* Nothing is known of it: so many show a rate of 0.05 with 95 %. */
	assert_int_equal(json_integer_value(json_object_get(o, "maxRuns")), 59);
	assert_string_equal(json_string_value(json_object_get(o, "output")), "was 4\n");
	assert_string_equal(json_string_value(json_object_get(o, "condition")), "plain");
	json_decref(doc);
	ran_free(&r);
	CTL(s, &r, NULL, "flaky", "--repro", "sometimes", "--shuffle=77", file);
	assert_int_equal(r.code, 1);
	assert_non_null(strstr(r.out, "was 4"));
	assert_non_null(strstr(r.out, "failed 1 of 4 times, at attempt 4, condition plain, "
	    "seed 77"));
	ran_free(&r);
}

static void
what_did_not_fail_is_bounded(void **state)
{
	struct service	*s = *state;
	const char	*file = service_file(s, "kinds.yaml", suite);
	struct ran	 r;

	CTL(s, &r, NULL, "flaky", "--repro", "steady", "--max-runs", "30", file);
	assert_int_equal(r.code, 0);
	/* 1 - 0.05^(1/30) */
	assert_non_null(strstr(r.out, "passed 30 of 30 times"));
	assert_non_null(strstr(r.out, "a failure rate of 9.5% or more is excluded with 95%"));
	ran_free(&r);
	CTL(s, &r, NULL, "flaky", "--repro", "gone", file);
	assert_int_equal(r.code, 4);
	assert_non_null(strstr(r.out, "nothing can be said"));
	ran_free(&r);
}

static void
under_what_it_has_failed_under(void **state)
{
	struct service	*s = *state;
	const char	*file = service_file(s, "kinds.yaml", suite);
	struct ran	 r;
	json_t		*doc, *o;

	CTL(s, &r, NULL, "flaky", "-E", "name(=homesick)", file);
	ran_free(&r);
	CTL(s, &r, NULL, "flaky", "--json", "--repro", "homesick");
	assert_int_equal(r.code, 1);
	o = reproduction(&r, &doc);
	assert_string_equal(json_string_value(json_object_get(o, "condition")), "zone");
	assert_int_equal(json_integer_value(json_object_get(o, "attempt")), 1);
	assert_true(json_integer_value(json_object_get(json_object_get(o, "known"),
	    "failures")) > 0);
	json_decref(doc);
	ran_free(&r);
	/* The user knows better. */
	CTL(s, &r, NULL, "flaky", "--repro", "homesick", "--from", "latest", "--under", "plain",
	    "--max-runs", "5");
	assert_int_equal(r.code, 0);
	assert_non_null(strstr(r.out, "passed 5 of 5 times, condition plain"));
	ran_free(&r);
}

static void
a_name_that_is_not_there(void **state)
{
	struct service	*s = *state;
	const char	*file = service_file(s, "kinds.yaml", suite);
	struct ran	 r;

	CTL(s, &r, NULL, "flaky", "--repro", "sometime", file);
	assert_int_equal(r.code, 2);
	assert_non_null(strstr(r.err, "did you mean 'sometimes'?"));
	ran_free(&r);
	CTL(s, &r, NULL, "flaky", "--repro", "stedy", file);
	assert_int_equal(r.code, 2);
	assert_non_null(strstr(r.err, "did you mean 'steady'?"));
	ran_free(&r);
	CTL(s, &r, NULL, "flaky", "--repro", "o", file);
	assert_int_equal(r.code, 2);
	assert_non_null(strstr(r.err, "3 have it in their names: 'sometimes', 'homesick', 'gone'"));
	ran_free(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(it_ends_with_the_first_failure, service_setup,
		    service_teardown),
		cmocka_unit_test_setup_teardown(what_did_not_fail_is_bounded, service_setup,
		    service_teardown),
		cmocka_unit_test_setup_teardown(under_what_it_has_failed_under, service_setup,
		    service_teardown),
		cmocka_unit_test_setup_teardown(a_name_that_is_not_there, service_setup,
		    service_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
