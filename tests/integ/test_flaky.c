/* Flake detection through the programs as they are. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <jansson.h>

#include "common/xalloc.h"
#include "tests/integ/service.h"

/* What each test does is known: every fourth attempt of one of them fails. */
static const char suite[] =
    "name: kinds\n"
    "defaults: { retry: 2 }\n"
    "tests:\n"
    "  - { name: steady, run: 'true' }\n"
    "  - { name: sometimes, run: 'echo deadlock; test $((PARATEST_ATTEMPT % 4)) -ne 0' }\n"
    "  - { name: never, run: 'exit 3' }\n"
    "  - { name: skipped, run: 'exit 77' }\n"
    "  - { name: gone, run: [/nowhere/program] }\n";

static json_t *
report(json_t *doc, const char *name)
{
	json_t	*all = json_object_get(json_object_get(doc, "flaky"), "reports"), *t;
	size_t	 i;

	json_array_foreach(all, i, t) {
		if (strcmp(json_string_value(json_object_get(t, "testName")), name) == 0)
			return t;
	}
	return NULL;
}

static void
assert_report(json_t *doc, const char *name, const char *verdict, json_int_t passes,
    json_int_t failures)
{
	json_t	*t = report(doc, name);

	assert_non_null(t);
	assert_string_equal(json_string_value(json_object_get(t, "verdict")), verdict);
	assert_int_equal(json_integer_value(json_object_get(t, "passes")), passes);
	assert_int_equal(json_integer_value(json_object_get(t, "failures")), failures);
}

/* As many runs as it takes, and not one more. */
static void
each_test_runs_until_it_is_decided(void **state)
{
	struct service	*s = *state;
	const char	*file = service_file(s, "kinds.yaml", suite);
	struct ran	 r;
	json_t		*doc, *t, *interval;

	CTL(s, &r, NULL, "flaky", "--json", file);
	assert_int_equal(r.code, 1);
	doc = ran_document(&r);
	assert_report(doc, "steady", "stable", 60, 0);
	assert_report(doc, "never", "broken", 0, 60);
	/* The second failure, after six passes, is beyond doubt. */
	assert_report(doc, "sometimes", "flaky", 6, 2);
	t = report(doc, "sometimes");
	assert_true(json_is_true(json_object_get(t, "isFlaky")));
	assert_true(json_is_true(json_object_get(t, "confirmed")));
	interval = json_object_get(t, "interval");
	assert_true(json_number_value(json_object_get(interval, "low")) > 0.001);
	assert_true(json_number_value(json_object_get(interval, "low")) < 0.25);
	assert_true(json_number_value(json_object_get(interval, "high")) > 0.25);
	json_decref(doc);
	ran_free(&r);
}

/* The original's rule, when it is asked for. */
static void
a_fixed_number_of_runs(void **state)
{
	struct service	*s = *state;
	const char	*file = service_file(s, "kinds.yaml", suite);
	struct ran	 r;
	json_t		*doc;

	CTL(s, &r, NULL, "flaky", "--json", "--runs", "10", "-E",
	    "name(=sometimes) or name(=steady)", file);
	assert_int_equal(r.code, 1);
	doc = ran_document(&r);
	assert_report(doc, "steady", "stable", 10, 0);
	assert_report(doc, "sometimes", "flaky", 8, 2);
	json_decref(doc);
	ran_free(&r);
	CTL(s, &r, NULL, "flaky", "--json", "--runs", "10", "--threshold", "0.3", "-E",
	    "name(=sometimes)", file);
	assert_int_equal(r.code, 0);
	doc = ran_document(&r);
	assert_report(doc, "sometimes", "suspect", 8, 2);
	json_decref(doc);
	ran_free(&r);
	CTL(s, &r, NULL, "flaky", "--json", "--runs", "16", "--threshold", "0", "-E",
	    "name(=sometimes)", file);
	assert_int_equal(r.code, 1);
	doc = ran_document(&r);
	assert_report(doc, "sometimes", "flaky", 12, 4);
	assert_true(json_number_value(json_object_get(report(doc, "sometimes"), "threshold")) == 0);
	json_decref(doc);
	ran_free(&r);
}

static void
a_person_reads_a_table(void **state)
{
	struct service	*s = *state;
	const char	*file = service_file(s, "kinds.yaml", suite);
	struct ran	 r;

	CTL(s, &r, NULL, "flaky", file);
	assert_int_equal(r.code, 1);
	assert_non_null(strstr(r.out, "sometimes"));
	assert_non_null(strstr(r.out, "2/8"));
	assert_non_null(strstr(r.out, "1 broken"));
	ran_free(&r);
	CTL(s, &r, NULL, "flaky", "--threshold", "0.3", file);
	assert_int_equal(r.code, 2);
	assert_non_null(strstr(r.err, "--runs"));
	ran_free(&r);
}

/* From the record, without the words that it was started with. */
static void
it_is_shown_again(void **state)
{
	struct service	*s = *state;
	const char	*file = service_file(s, "kinds.yaml", suite);
	char		*command = xasprintf("-E 'name(=sometimes)' %s\n", file);
	struct ran	 r;
	json_t		*doc;

	CTL(s, &r, NULL, "flaky", "-q", "--plain", "--threshold", "0.3", "--runs", "8", "--name",
	    "label", file);
	assert_int_equal(r.code, 1);
	ran_free(&r);
	CTL(s, &r, NULL, "show");
	assert_int_equal(r.code, 1);
	assert_non_null(strstr(r.out, "suspect    sometimes\n"));
	assert_non_null(strstr(r.out, command));
	assert_non_null(strstr(r.out, "0 flaky (0 confirmed), 1 suspect, 1 broken, 2 unsure"));
	ran_free(&r);
	CTL(s, &r, NULL, "show", "--json");
	assert_int_equal(r.code, 1);
	doc = ran_document(&r);
	assert_report(doc, "sometimes", "suspect", 6, 2);
	assert_true(json_number_value(json_object_get(report(doc, "sometimes"), "threshold")) >
	    0.29);
	json_decref(doc);
	ran_free(&r);
	free(command);
}

/* What is known by then is told, and no more. */
static void
the_time_is_up(void **state)
{
	struct service	*s = *state;
	const char	*file = service_file(s, "slow.yaml", "tests:\n"
	    "  - { name: slow, run: 'sleep 0.3' }\n");
	struct ran	 r;
	json_t		*doc, *t;

	CTL(s, &r, NULL, "flaky", "--json", "--run-timeout", "1s", file);
	assert_int_equal(r.code, 1);	/* that is no pass */
	doc = ran_document(&r);
	t = report(doc, "slow");
	assert_non_null(t);
	assert_string_equal(json_string_value(json_object_get(t, "verdict")), "unsure");
	assert_int_equal(json_integer_value(json_object_get(t, "failures")), 0);
	assert_true(json_is_false(json_object_get(t, "confirmed")));
	json_decref(doc);
	ran_free(&r);
}

static void
a_setup_that_always_fails(void **state)
{
	struct service	*s = *state;
	const char	*file = service_file(s, "setup.yaml", "tests:\n"
	    "  - { name: no setup, setup: 'false', run: 'true' }\n");
	struct ran	 r;
	json_t		*doc;

	CTL(s, &r, NULL, "flaky", "--json", file);
	assert_int_equal(r.code, 7);
	doc = ran_document(&r);
	assert_report(doc, "no setup", "broken", 0, 60);
	json_decref(doc);
	ran_free(&r);
}

/* ---- the supervisor is lost ---- */

static int
lines(struct service *s)
{
	char	*path = xasprintf("%s/marks", s->dir), line[64];
	FILE	*f = fopen(path, "re");
	int	 n = 0;

	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		n++;
	if (f != NULL)
		(void)fclose(f);
	free(path);
	return n;
}

static int
some_have_run(void *arg)
{
	return lines(arg) >= 20;
}

static void
what_was_counted_survives(void **state)
{
	struct service	*s = *state;
	char		*text = xasprintf("tests:\n"
	    "  - { name: steady, run: 'echo x >>%s/marks; sleep 0.02' }\n", s->dir);
	const char	*file = service_file(s, "marks.yaml", text);
	/* Not beside copies of itself, which would leave marks too. */
	pid_t		 pid = service_spawn(s, NULL, (const char *const []){ "flaky", "--json",
			    "--conditions", "paused,zone,seeds", file, NULL });
	struct ran	 r;
	json_t		*doc;

	service_until(some_have_run, s, "the test is not run again");
	assert_int_equal(kill(s->pid, SIGKILL), 0);
	assert_int_equal(waitpid(s->pid, NULL, 0), s->pid);
	s->pid = 0;
	service_again(s);
	service_wait(s, pid, &r);
	assert_int_equal(r.code, 0);
	doc = ran_document(&r);
	assert_report(doc, "steady", "stable", 60, 0);
	/* What was under way ran once more, and nothing else did. */
	assert_in_range(lines(s), 60, 61);
	json_decref(doc);
	ran_free(&r);
	free(text);
}

/* Once known, a sound test needs one attempt more, one with a failure on record all of
 * them again; or all do, when that is asked for. */
static void
what_is_on_record_counts(void **state)
{
	struct service	*s = *state;
	const char	*file = service_file(s, "two.yaml", "name: two\ntests:\n"
	    "  - { name: sound, run: 'true' }\n"
	    "  - { name: once, run: 'test -e $PWD/did || ! touch $PWD/did' }\n");
	struct ran	 r;
	json_t		*doc;

	CTL(s, &r, NULL, "flaky", "--json", "--runs", "64", file);
	assert_int_equal(r.code, 0);
	ran_free(&r);
	CTL(s, &r, NULL, "flaky", "--json", "--plain", file);
	assert_int_equal(r.code, 0);
	doc = ran_document(&r);
	assert_report(doc, "sound", "stable", 1, 0);
	assert_int_equal(json_integer_value(json_object_get(report(doc, "sound"), "onRecord")), 64);
	assert_report(doc, "once", "stable", 60, 0);
	json_decref(doc);
	ran_free(&r);
	CTL(s, &r, NULL, "flaky", "--json", "--plain", "--no-history", file);
	doc = ran_document(&r);
	assert_report(doc, "sound", "stable", 60, 0);
	json_decref(doc);
	ran_free(&r);
}

static void
a_budget_is_kept(void **state)
{
	struct service	*s = *state;
	const char	*file = service_file(s, "kinds.yaml", suite);
	struct ran	 r;
	json_t		*doc, *t;
	json_int_t	 sum = 0;
	size_t		 i;

	CTL(s, &r, NULL, "flaky", "--json", "--budget", "40", file);
	assert_int_equal(r.code, 1);
	doc = ran_document(&r);
	json_array_foreach(json_object_get(json_object_get(doc, "flaky"), "reports"), i, t)
		sum += json_integer_value(json_object_get(t, "attempts"));
	assert_int_equal(sum, 40);
	assert_string_equal(json_string_value(json_object_get(report(doc, "sometimes"), "verdict")),
	    "flaky");
	json_decref(doc);
	ran_free(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_test_runs_until_it_is_decided, service_setup,
		    service_teardown),
		cmocka_unit_test_setup_teardown(a_fixed_number_of_runs, service_setup,
		    service_teardown),
		cmocka_unit_test_setup_teardown(a_person_reads_a_table, service_setup,
		    service_teardown),
		cmocka_unit_test_setup_teardown(it_is_shown_again, service_setup, service_teardown),
		cmocka_unit_test_setup_teardown(the_time_is_up, service_setup, service_teardown),
		cmocka_unit_test_setup_teardown(a_setup_that_always_fails, service_setup,
		    service_teardown),
		cmocka_unit_test_setup_teardown(what_was_counted_survives, service_setup,
		    service_teardown),
		cmocka_unit_test_setup_teardown(what_is_on_record_counts, service_setup,
		    service_teardown),
		cmocka_unit_test_setup_teardown(a_budget_is_kept, service_setup, service_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
