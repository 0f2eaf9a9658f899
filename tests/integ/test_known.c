/* Flakiness over time, out of ordinary runs, through the programs as they are. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "common/xalloc.h"
#include "tests/integ/service.h"

/* One of each kind: what heals, what never fails, what never passes. */
static const char suite[] =
    "name: kinds\n"
    "tests:\n"
    "  - { name: steady, run: 'true' }\n"
    "  - { name: wobbly, run: 'echo connection refused; test $PARATEST_ATTEMPT -ge 2' }\n"
    "  - { name: broken, run: 'echo bug; exit 3' }\n";

/* A run with retries that hardly wait. */
static void
run(struct service *s, const char *file, const char *revision, int code)
{
	struct ran	r;

	CTL(s, &r, NULL, "run", "--quiet", "--retries", "1", "--backoff", "1ms", "--revision",
	    revision, file);
	assert_int_equal(r.code, code);
	ran_free(&r);
}

/* The document of flaky --known. */
static json_t *
known(struct service *s)
{
	struct ran	 r;
	json_t		*doc;

	CTL(s, &r, NULL, "flaky", "--known", "--json");
	assert_int_equal(r.code, 0);
	doc = ran_document(&r);
	ran_free(&r);
	return doc;
}

static json_t *
only(json_t *doc)
{
	json_t	*tests = json_object_get(doc, "tests");

	assert_int_equal(json_array_size(tests), 1);
	return json_array_get(tests, 0);
}

static void
assert_text(json_t *o, const char *key, const char *want)
{
	assert_non_null(json_object_get(o, key));
	assert_string_equal(json_string_value(json_object_get(o, key)), want);
}

static json_int_t
count(json_t *o, const char *key)
{
	assert_true(json_is_integer(json_object_get(o, key)));
	return json_integer_value(json_object_get(o, key));
}

static void
what_a_retry_heals_is_known(void **state)
{
	struct service	*s = *state;
	const char	*file = service_file(s, "kinds.yaml", suite);
	struct ran	 r;
	json_t		*doc, *t;
	double		 lost;

	for (int i = 0; i < 5; i++)
		run(s, file, "r1", 1);
	doc = known(s);
	t = only(doc);
	assert_text(t, "testName", "wobbly");
	assert_text(t, "suite", "kinds");
	assert_text(t, "state", "flaky");
	assert_int_equal(count(t, "runs"), 5);
	assert_int_equal(count(t, "seen"), 5);
	assert_int_equal(count(t, "healed"), 5);
	assert_int_equal(count(t, "failures"), 5);
	assert_int_equal(count(t, "results"), 10);
	assert_non_null(strstr(json_string_value(json_object_get(json_object_get(t, "failure"),
	    "message")), "connection refused"));
	assert_true(json_is_null(json_object_get(t, "began")));
	lost = json_number_value(json_object_get(t, "timeLost"));
	assert_true(lost > 0);
	json_decref(doc);
	/* The costs add up. */
	run(s, file, "r1", 1);
	doc = known(s);
	assert_true(json_number_value(json_object_get(only(doc), "timeLost")) > lost);
	json_decref(doc);
	/* A person reads the same, and of a test that is none that it is none. */
	CTL(s, &r, NULL, "flaky", "--known");
	assert_int_equal(r.code, 0);
	assert_non_null(strstr(r.out, "wobbly (kinds)"));
	assert_non_null(strstr(r.out, "6/6"));
	assert_non_null(strstr(r.out, "6 of 6 failures: "));
	assert_non_null(strstr(r.out, "1 flaky, 0 no more, 0 suspect"));
	assert_null(strstr(r.out, "broken"));
	ran_free(&r);
	CTL(s, &r, NULL, "flaky", "--known", "steady");
	assert_int_equal(r.code, 0);
	assert_non_null(strstr(r.out, "not known to be flaky"));
	ran_free(&r);
}

/* It is on record, in the plan that a supervisor takes up again, and in every list. */
static void
a_revision_is_shown(void **state)
{
	struct service	*s = *state;
	const char	*file = service_file(s, "one.yaml", "tests:\n"
	    "  - { name: one, run: 'true' }\n  - { name: two, run: 'true' }\n");
	struct ran	 r;
	json_t		*doc;

	for (int again = 0; again < 2; again++) {
		if (again) {
			service_crash(s);
			service_again(s);
		} else {
			run(s, file, "v1.2-3-gabcdef", 0);
		}
		CTL(s, &r, NULL, "runs", "--json");
		doc = ran_document(&r);
		assert_text(json_array_get(doc, 0), "revision", "v1.2-3-gabcdef");
		json_decref(doc);
		ran_free(&r);
		CTL(s, &r, NULL, "show", "--json");
		doc = ran_document(&r);
		assert_text(doc, "revision", "v1.2-3-gabcdef");
		json_decref(doc);
		ran_free(&r);
		CTL(s, &r, NULL, "runs");
		assert_non_null(strstr(r.out, "REVISION"));
		assert_non_null(strstr(r.out, "v1.2-3-gabcdef"));
		ran_free(&r);
		CTL(s, &r, NULL, "show");
		assert_non_null(strstr(r.out, "of revision v1.2-3-gabcdef"));
		ran_free(&r);
	}
	/* By the environment, unless it is said. */
	assert_int_equal(setenv("PARATEST_REVISION", "from-env", 1), 0);
	CTL(s, &r, NULL, "run", "--json", file);
	doc = ran_document(&r);
	assert_text(doc, "revision", "from-env");
	json_decref(doc);
	ran_free(&r);
	CTL(s, &r, NULL, "run", "--quiet", "--", "false");
	ran_free(&r);
	CTL(s, &r, NULL, "retry", "--json", "--revision", "retried");
	doc = ran_document(&r);
	assert_text(doc, "revision", "retried");
	json_decref(doc);
	ran_free(&r);
	run(s, file, "said", 0);
	CTL(s, &r, NULL, "show", "--json");
	doc = ran_document(&r);
	assert_text(doc, "revision", "said");
	json_decref(doc);
	ran_free(&r);
	assert_int_equal(setenv("PARATEST_REVISION", "two\nlines", 1), 0);
	CTL(s, &r, NULL, "run", file);
	assert_int_equal(r.code, 2);
	assert_non_null(strstr(r.err, "PARATEST_REVISION: the revision has characters"));
	ran_free(&r);
	assert_int_equal(unsetenv("PARATEST_REVISION"), 0);
	CTL(s, &r, NULL, "run", "--revision", "", file);
	assert_int_equal(r.code, 2);
	ran_free(&r);
}

/* Sound in many runs, and flaky from one revision on. */
static void
it_began_with_a_revision(void **state)
{
	struct service	*s = *state;
	const char	*text = "tests: [{ name: late, run: 'test $PARATEST_ATTEMPT -ge 2 || "
			    "! grep -q new %s/code' }]\n";
	char		*file, *body = xasprintf(text, s->dir);
	json_t		*doc, *t, *began;

	file = xstrdup(service_file(s, "late.yaml", body));
	(void)service_file(s, "code", "old\n");
	for (int i = 0; i < 20; i++)
		run(s, file, "r1", 0);
	(void)service_file(s, "code", "new\n");
	for (int i = 0; i < 5; i++)
		run(s, file, "r2", 0);
	doc = known(s);
	t = only(doc);
	assert_text(t, "state", "flaky");
	began = json_object_get(t, "began");
	assert_text(json_object_get(began, "at"), "revision", "r2");
	assert_text(json_object_get(began, "before"), "revision", "r1");
	assert_text(json_object_get(began, "lastSound"), "revision", "r1");
	assert_true(json_number_value(json_object_get(began, "failureRateBefore")) == 0);
	json_decref(doc);
	free(file);
	free(body);
}

/* Both outcomes of one revision are evidence without a retry; of two they are none. */
static void
one_revision_or_two(void **state)
{
	struct service	*s = *state;
	char		*body = xasprintf("tests: [{ name: %%s, run: 'grep -q good %s/code' }]\n",
	    s->dir);
	char		*one = xasprintf(body, "one"), *two = xasprintf(body, "two"), *files[2];
	struct ran	 r;
	json_t		*doc;

	files[0] = xstrdup(service_file(s, "one.yaml", one));
	files[1] = xstrdup(service_file(s, "two.yaml", two));
	for (int i = 0; i < 8; i++) {
		const char	*revisions[] = { "same", i % 2 ? "bad" : "fine" };

		(void)service_file(s, "code", i % 2 ? "bad\n" : "good\n");
		for (int k = 0; k < 2; k++) {
			CTL(s, &r, NULL, "run", "--quiet", "--revision", revisions[k], files[k]);
			assert_int_equal(r.code, i % 2);
			ran_free(&r);
		}
	}
	doc = known(s);
	assert_text(only(doc), "testName", "one");
	assert_text(only(doc), "state", "flaky");
	json_decref(doc);
	free(files[0]);
	free(files[1]);
	free(one);
	free(two);
	free(body);
}

/* Everything is down for a while: a retry now and then gets through, and the breaker
 * opens. */
static void
an_outage_is_no_evidence(void **state)
{
	struct service	*s = *state;
	char		*body = xstrdup("name: outage\ntests:\n"), *more;
	const char	*file;
	struct ran	 r;
	json_t		*doc;

	for (int i = 0; i < 24; i++) {
		more = xasprintf("%s  - { name: t%d, run: 'echo server is down; test %d -eq 1 -a "
		    "$PARATEST_ATTEMPT -ge 2' }\n", body, i, i % 4);
		free(body);
		body = more;
	}
	file = service_file(s, "outage.yaml", body);
	for (int i = 0; i < 4; i++) {
		CTL(s, &r, NULL, "run", "--json", "--retries", "2", "--backoff", "1ms", "--breaker",
		    "window=8,minimum=4,consecutive=3,mass=1", file);
		assert_int_equal(r.code, 1);
		doc = ran_document(&r);
		assert_true(json_array_size(json_object_get(doc, "breakers")) > 0);
		json_decref(doc);
		ran_free(&r);
	}
	doc = known(s);
	assert_int_equal(json_array_size(json_object_get(doc, "tests")), 0);
	json_decref(doc);
	free(body);
}

/* What flake detection provokes is no evidence, and no failure in the metrics. */
static void
what_is_provoked_is_none(void **state)
{
	struct service	*s = *state;
	const char	*file = service_file(s, "zone.yaml", "tests:\n"
	    "  - { name: zoned, run: 'test -z \"$PYTHONHASHSEED\" -a -z \"$TZ\"' }\n");
	struct ran	 r;
	json_t		*doc;

	CTL(s, &r, NULL, "flaky", "--quiet", "--shuffle=1", file);
	assert_int_equal(r.code, 1);
	ran_free(&r);
	doc = known(s);
	assert_int_equal(json_array_size(json_object_get(doc, "tests")), 0);
	json_decref(doc);
	CTL(s, &r, NULL, "metrics", "--json", "zoned");
	assert_int_equal(r.code, 0);
	doc = ran_document(&r);
	assert_int_equal(count(json_array_get(json_object_get(doc, "metrics"), 0), "failures"), 0);
	json_decref(doc);
	ran_free(&r);
}

static void
wrong_words(void **state)
{
	struct service	*s = *state;
	struct ran	 r;

	CTL(s, &r, NULL, "flaky", "--known", "--since", "soon");
	assert_int_equal(r.code, 2);
	assert_non_null(strstr(r.err, "--since 'soon' is no duration"));
	ran_free(&r);
	CTL(s, &r, NULL, "flaky", "--known", "--limit", "0");
	assert_int_equal(r.code, 2);
	ran_free(&r);
	CTL(s, &r, NULL, "flaky", "--known", "one", "two");
	assert_int_equal(r.code, 2);
	ran_free(&r);
	CTL(s, &r, NULL, "flaky", "--known", "--since", "1h");
	assert_int_equal(r.code, 0);
	assert_string_equal(r.out, "no test is known to be flaky\n");
	ran_free(&r);
}

#define WITH_SERVICE(f)	cmocka_unit_test_setup_teardown(f, service_setup, service_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVICE(what_a_retry_heals_is_known),
		WITH_SERVICE(a_revision_is_shown),
		WITH_SERVICE(it_began_with_a_revision),
		WITH_SERVICE(one_revision_or_two),
		WITH_SERVICE(an_outage_is_no_evidence),
		WITH_SERVICE(what_is_provoked_is_none),
		WITH_SERVICE(wrong_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
