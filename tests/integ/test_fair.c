/*
 * A service shares between its users: a crowd of one delays another's few by no more than
 * a test, and who reaches a bound is told so alone.  Real users; skipped where we are not
 * root.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integ/users.h"

#define THE(state)							\
	(*(state) != NULL ? *(struct users **)(state) : (skip(), (struct users *)NULL))
#define CROWD	4000

/* A suite of n tests that do nothing, in his home. */
static const char *
suite(struct users *u, const struct user *user, const char *name, unsigned n)
{
	const char	*path;
	char		*text;
	size_t		 size;
	FILE		*f = open_memstream(&text, &size);

	assert_non_null(f);
	(void)fprintf(f, "name: %s\ntests:\n", name);
	for (unsigned i = 0; i < n; i++)
		(void)fprintf(f, "  - { name: t%u, run: 'true' }\n", i);
	(void)fclose(f);
	path = users_file(u, user, name, text);
	free(text);
	return path;
}

static json_t *
run_named(json_t *doc, const char *name)
{
	json_t	*o;
	size_t	 i;

	json_array_foreach(json_object_get(doc, "runs"), i, o) {
		if (strcmp(json_string_value(json_object_get(o, "name")), name) == 0)
			return o;
	}
	return NULL;
}

static json_t *
top_of(struct users *u, const struct user *user)
{
	struct ran	 r;
	json_t		*doc;

	AS(u, user, &r, "top", "--json");
	assert_int_equal(r.code, 0);
	doc = ran_document(&r);
	ran_free(&r);
	return doc;
}

static void
a_crowd_does_not_delay_another_user(void **state)
{
	struct users	*u = THE(state);
	struct ran	 r;
	json_t		*doc, *run;

	AS(u, &alice, &r, "run", "--detach", "-j", "2", suite(u, &alice, "crowd.yaml", CROWD));
	assert_int_equal(r.code, 0);
	ran_free(&r);
	AS(u, &bob, &r, "run", "-j", "2", suite(u, &bob, "few.yaml", 10));
	assert_int_equal(r.code, 0);
	ran_free(&r);
	/* The few are over, and most of the crowd waits: root sees that. */
	doc = top_of(u, &root_user);
	run = run_named(doc, "crowd.yaml");
	assert_non_null(run);
	assert_int_equal(json_integer_value(json_object_get(run, "uid")), alice.uid);
	assert_true(json_integer_value(json_object_get(run, "queuedTests")) > 0);
	json_decref(doc);
	/* The others see nothing of him. */
	doc = top_of(u, &bob);
	assert_int_equal(json_array_size(json_object_get(doc, "runs")), 0);
	assert_int_equal(json_array_size(json_object_get(doc, "tests")), 0);
	assert_int_equal(json_array_size(json_object_get(doc, "users")), 0);
	json_decref(doc);
}

static void
who_reaches_a_bound_is_told_alone(void **state)
{
	struct users	*u = THE(state);
	struct ran	 r;

	AS(u, &root_user, &r, "config", "set", "user-runs", "1");
	assert_int_equal(r.code, 0);
	ran_free(&r);
	AS(u, &alice, &r, "run", "--detach", "--", "sleep", "1000");
	assert_int_equal(r.code, 0);
	ran_free(&r);
	AS(u, &alice, &r, "run", "--", "true");
	assert_int_not_equal(r.code, 0);
	assert_non_null(strstr(r.err, "1 active runs, which is what user-runs allows one user"));
	ran_free(&r);
	AS(u, &bob, &r, "run", "--", "true");
	assert_int_equal(r.code, 0);
	ran_free(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_crowd_does_not_delay_another_user, users_setup,
		    users_teardown),
		cmocka_unit_test_setup_teardown(who_reaches_a_bound_is_told_alone, users_setup,
		    users_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
