/* Which tests `flaky` looks at: those of a run on record, those that are new; and one
 * condition for all attempts. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "tests/integ/service.h"

static const char suite[] =
    "name: kinds\n"
    "tests:\n"
    "  - { name: steady, run: 'true' }\n"
    "  - { name: healed, retry: 1, run: 'test $((PARATEST_ATTEMPT % 2)) -eq 0' }\n"
    "  - { name: never, run: 'exit 3' }\n"
    "  - { name: skipped, run: 'exit 77' }\n";

/* Are these, and no others, in the report? */
static void
assert_tests(const struct ran *r, const char *const *names)
{
	json_t	*doc = ran_document(r);
	json_t	*all = json_object_get(json_object_get(doc, "flaky"), "reports"), *t;
	size_t	 n = 0, i;

	for (; names[n] != NULL; n++) {
		bool	found = false;

		json_array_foreach(all, i, t)
			found |= strcmp(json_string_value(json_object_get(t, "testName")),
			    names[n]) == 0;
		if (!found)
			fail_msg("no test '%s'", names[n]);
	}
	assert_int_equal(json_array_size(all), n);
	json_decref(doc);
}

#define TESTS(r, ...)	assert_tests(r, (const char *const []){ __VA_ARGS__, NULL })

static void
what_went_wrong_in_a_run(void **state)
{
	struct service	*s = *state;
	const char	*file = service_file(s, "kinds.yaml", suite);
	char		 run[9] = "";
	struct ran	 r;
	json_t		*doc;

	CTL(s, &r, NULL, "run", "--json", file);
	doc = ran_document(&r);
	(void)snprintf(run, sizeof run, "%.8s", json_string_value(json_object_get(doc, "runId")));
	json_decref(doc);
	ran_free(&r);
	/* The record has it all. */
	assert_int_equal(unlink(file), 0);
	CTL(s, &r, NULL, "flaky", "--json", "--from", run);
	assert_int_equal(r.code, 1);
	TESTS(&r, "healed", "never");
	ran_free(&r);
	/* The run before this one was of two tests. */
	CTL(s, &r, NULL, "flaky", "--json", "--from", "latest", "-E", "name(=never)");
	assert_int_equal(r.code, 1);
	TESTS(&r, "never");
	ran_free(&r);
	/* A filter chooses among all of them. */
	CTL(s, &r, NULL, "flaky", "--json", "--from", run, "-E", "not name(=never)");
	assert_int_equal(r.code, 1);
	TESTS(&r, "steady", "healed", "skipped");
	ran_free(&r);
}

static void
nothing_went_wrong(void **state)
{
	struct service	*s = *state;
	struct ran	 r;

	CTL(s, &r, NULL, "run", "--", "true");
	ran_free(&r);
	CTL(s, &r, NULL, "flaky", "--from", "latest");
	assert_int_equal(r.code, 4);
	assert_non_null(strstr(r.err, "nothing went wrong"));
	ran_free(&r);
	CTL(s, &r, NULL, "flaky", "--from", "0123");
	assert_int_equal(r.code, 2);
	assert_non_null(strstr(r.err, "there is no run '0123'"));
	ran_free(&r);
}

static void
tests_without_a_history(void **state)
{
	struct service	*s = *state;
	const char	*file = service_file(s, "kinds.yaml", "name: kinds\ntests:\n"
	    "  - { name: old, run: 'exit 1' }\n");
	struct ran	 r;

	CTL(s, &r, NULL, "run", file);
	ran_free(&r);
	file = service_file(s, "kinds.yaml", "name: kinds\ntests:\n"
	    "  - { name: old, run: 'exit 1' }\n  - { name: fresh, run: 'true' }\n");
	CTL(s, &r, NULL, "flaky", "--json", "--new", file);
	assert_int_equal(r.code, 0);
	TESTS(&r, "fresh");
	ran_free(&r);
	CTL(s, &r, NULL, "flaky", "--new", file);
	assert_int_equal(r.code, 4);
	assert_non_null(strstr(r.err, "no test is new"));
	ran_free(&r);
	/* The same names in another suite are other tests. */
	file = service_file(s, "others.yaml", "name: others\ntests:\n"
	    "  - { name: old, run: 'true' }\n");
	CTL(s, &r, NULL, "flaky", "--json", "--new", file);
	TESTS(&r, "old");
	ran_free(&r);
}

/* Then TZ is set in each attempt, so that this fails each time. */
static void
all_attempts_under_one_condition(void **state)
{
	struct service	*s = *state;
	struct ran	 r;

	CTL(s, &r, NULL, "flaky", "--json", "--under", "zone", "--runs", "4", "--", "sh", "-c",
	    "test -z \"$TZ\"");
	assert_int_equal(r.code, 1);
	assert_non_null(strstr(r.out, "\"broken\""));
	ran_free(&r);
	CTL(s, &r, NULL, "flaky", "--json", "--under", "plain", "--runs", "4", "--", "sh", "-c",
	    "test -z \"$TZ\"");
	assert_int_equal(r.code, 0);
	ran_free(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_went_wrong_in_a_run, service_setup,
		    service_teardown),
		cmocka_unit_test_setup_teardown(nothing_went_wrong, service_setup,
		    service_teardown),
		cmocka_unit_test_setup_teardown(tests_without_a_history, service_setup,
		    service_teardown),
		cmocka_unit_test_setup_teardown(all_attempts_under_one_condition, service_setup,
		    service_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
