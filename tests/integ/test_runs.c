/* Runs through supervisor, workers and client, as users have them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "tests/integ/service.h"

static struct service	service;

static int
start(void **state)
{
	(void)state;
	service_start(&service);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	service_stop(&service);
	return 0;
}

/* The result of a test by its name. */
static json_t *
result(json_t *doc, const char *name)
{
	json_t	*results = json_object_get(doc, "results"), *r;
	size_t	 i;

	json_array_foreach(results, i, r) {
		if (strcmp(json_string_value(json_object_get(r, "name")), name) == 0)
			return r;
	}
	fail_msg("no result of %s", name);
	return NULL;
}

static const char *
text(json_t *o, const char *key)
{
	const char	*s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "(none)";
}

/* ---- one command ---- */

static void
test_command(void **state)
{
	static const struct {
		const char	*script;
		int		 code;
	} cases[] = {
		{ "exit 0", 0 }, { "exit 1", 1 }, { "exit 77", 0 }, { "kill -SEGV $$", 1 },
	};
	struct ran	r;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		CTL(&service, &r, NULL, "run", "--", "sh", "-c", cases[i].script);
		if (r.code != cases[i].code)
			fail_msg("%s: exit %d: %s%s", cases[i].script, r.code, r.out, r.err);
		ran_free(&r);
	}
	CTL(&service, &r, NULL, "run", "--json", "--", "/no/such/program");
	assert_int_equal(r.code, 1);
	json_t	*doc = ran_document(&r), *t = json_array_get(json_object_get(doc, "results"), 0);

	assert_string_equal(text(t, "status"), "error");
	assert_string_equal(text(t, "outcome"), "exec_error");
	json_decref(doc);
	ran_free(&r);
}

/* ---- what a test finds ---- */

static void
test_environment(void **state)
{
	const char	*suite =
	    "env: { FROM_SUITE: a b }\n"
	    "tests:\n"
	    "  - name: surroundings\n"
	    "    cwd: /usr\n"
	    "    run: |\n"
	    "      test \"$PWD\" = /usr && test \"$FROM_SUITE\" = 'a b' &&\n"
	    "      test -d \"$TMPDIR\" && test \"$(ls -A $TMPDIR)\" = '' && touch $TMPDIR/left;\n"
	    "      test \"$PARATEST_TEST_NAME\" = surroundings && test \"$PARATEST_ATTEMPT\" = 1 "
	    "&&\n"
	    "      test -n \"$PARATEST_RUN_ID\" && test -n \"$PARATEST_SLOT\" && test -n "
	    "\"$PARATEST_SEED\" &&\n"
	    "      test \"$(ls /proc/self/fd | wc -l)\" = 4 && ! read line && echo fine $TMPDIR\n"
	    "    expect: { output: { contains: fine } }\n";
	struct ran	 r;
	struct stat	 st;
	json_t		*doc;
	char		 dir[256];

	(void)state;
	CTL(&service, &r, NULL, "run", "--json", service_file(&service, "s.yaml", suite));
	doc = ran_document(&r);
	assert_int_equal(r.code, 0);
	assert_int_equal(sscanf(text(result(doc, "surroundings"), "output"), "fine %255s", dir), 1);
	assert_int_equal(stat(dir, &st), -1);	/* its TMPDIR is gone */
	json_decref(doc);
	ran_free(&r);
}

/* ---- parallel, resources, order ---- */

/* A suite whose tests note when each begins and ends. */
static char *
noted_suite(const char *tests)
{
	return xasprintf("resources: { db: 2 }\ntests:\n%s", tests);
}

#define NOTED(name, extra)						\
	"  - name: " name "\n"						\
	"    run: 'echo + " name " >> $NOTES; sleep 0.05; echo - " name " >> $NOTES'\n"	\
	extra

static void
check_notes(const char *path, unsigned most_db, bool serial_alone)
{
	FILE		*f = fopen(path, "re");
	char		 sign, name[64];
	unsigned	 db = 0, lock = 0, all = 0, serial = 0;
	unsigned	 n = 0;

	assert_non_null(f);
	while (fscanf(f, " %c %63s", &sign, name) == 2) {
		int	d = sign == '+' ? 1 : -1;

		n++;
		all = (unsigned)((int)all + d);
		if (strncmp(name, "db", 2) == 0)
			db = (unsigned)((int)db + d);
		if (strncmp(name, "lock", 4) == 0)
			lock = (unsigned)((int)lock + d);
		if (strncmp(name, "serial", 6) == 0)
			serial = (unsigned)((int)serial + d);
		assert_true(db <= most_db);
		assert_true(lock <= 1);
		if (serial_alone && serial > 0)
			assert_int_equal(all, 1);
	}
	(void)fclose(f);
	assert_int_equal(all, 0);
	assert_true(n > 0);
}

static void
test_resources(void **state)
{
	char		*suite = noted_suite(
	    NOTED("plain1", "") NOTED("db1", "    resources: { slots: { db: 1 } }\n")
	    NOTED("db2", "    resources: { slots: { db: 1 } }\n") NOTED("serial1",
	    "    serial: true\n") NOTED("db3", "    resources: { slots: { db: 1 } }\n")
	    NOTED("lock1", "    resources: { lock: [ports] }\n")
	    NOTED("lock2", "    resources: { lock: [ports] }\n")
	    NOTED("wide", "    weight: 4\n") NOTED("plain2", "") NOTED("plain3", "")
	    NOTED("db4", "    resources: { lock: [ports2], slots: { db: 2 } }\n"));
	char		*notes = xasprintf("%s/notes", service.dir);
	struct ran	 r;

	(void)state;
	(void)setenv("NOTES", notes, 1);
	CTL(&service, &r, NULL, "run", "-j4", service_file(&service, "s.yaml", suite));
	if (r.code != 0)
		fail_msg("%d %s %s", r.code, r.out, r.err);
	check_notes(notes, 2, true);
	ran_free(&r);
	free(notes);
	free(suite);
}

static void
test_speedup(void **state)
{
	struct ran	 r;
	json_t		*doc;
	double		 wall, sum;

	(void)state;
	CTL(&service, &r, "1\n2\n3\n4\n5\n6\n7\n8\n", "run", "--json", "-j8", "--each",
	    "sh -c 'sleep 0.5' {}");
	assert_int_equal(r.code, 0);
	doc = ran_document(&r);
	wall = json_number_value(json_object_get(doc, "duration"));
	sum = json_number_value(json_object_get(doc, "sequentialDuration"));
	assert_true(sum >= 8 * 500);
	/* Not how fast, but that they ran beside each other. */
	assert_true(wall < sum / 2);
	assert_int_equal(json_integer_value(json_object_get(doc, "workersUsed")), 8);
	json_decref(doc);
	ran_free(&r);
}

static void
test_fail_fast(void **state)
{
	struct ran	 r;
	json_t		*doc;

	(void)state;
	CTL(&service, &r, "1\n2\n3\n4\n5\n6\n7\n8\n9\n", "run", "--json", "-j1", "--max-fail", "2",
	    "--each", "sh -c 'exit 3' {}");
	assert_int_equal(r.code, 1);
	doc = ran_document(&r);
	assert_int_equal(ran_summary(doc, "failed"), 2);
	assert_int_equal(ran_summary(doc, "cancelled"), 7);
	assert_int_equal(ran_summary(doc, "total"), 9);
	json_decref(doc);
	ran_free(&r);
}

static void
test_shuffle_repeats(void **state)
{
	const char	*list = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n";
	char		*notes[3];
	struct ran	 r;

	(void)state;
	for (int i = 0; i < 3; i++) {
		char	*file = xasprintf("%s/order%d", service.dir, i);

		(void)setenv("NOTES", file, 1);
		CTL(&service, &r, list, "run", "-j1", i < 2 ? "--shuffle=42" : "--shuffle=43",
		    "--each", "sh -c 'echo $0 >> $NOTES' {}");
		if (r.code != 0)
			fail_msg("%s%s", r.out, r.err);
		ran_free(&r);
		CTL(&service, &r, NULL, "run", "--json", "--", "cat", file);
		json_t	*doc = ran_document(&r);

		notes[i] = xstrdup(text(json_array_get(json_object_get(doc, "results"), 0),
		    "output"));
		json_decref(doc);
		ran_free(&r);
		free(file);
	}
	assert_string_equal(notes[0], notes[1]);
	assert_string_not_equal(notes[0], notes[2]);
	assert_string_not_equal(notes[0], list);
	assert_int_equal(strlen(notes[0]), strlen(list));
	for (int i = 0; i < 3; i++)
		free(notes[i]);
}

/* ---- timeouts ---- */

static void
test_timeouts(void **state)
{
	const char	*suite =
	    "tests:\n"
	    "  - { name: own, run: sleep 60, timeout: 300ms }\n"
	    "  - { name: ignores, run: \"trap '' TERM; while :; do sleep 1; done\", timeout: "
	    "300ms, grace: 100ms }\n"
	    "  - { name: fine, run: 'true' }\n";
	struct ran	 r;
	json_t		*doc;

	(void)state;
	CTL(&service, &r, NULL, "run", "--json", "-j3", service_file(&service, "s.yaml", suite));
	assert_int_equal(r.code, 1);
	doc = ran_document(&r);
	assert_string_equal(text(result(doc, "own"), "status"), "timeout");
	assert_string_equal(text(result(doc, "ignores"), "outcome"), "timeout");
	assert_string_equal(text(result(doc, "fine"), "status"), "pass");
	assert_int_equal(ran_summary(doc, "timedOut"), 2);
	json_decref(doc);
	ran_free(&r);
	/* the run's own limit */
	CTL(&service, &r, "1\n2\n3\n", "run", "--json", "-j1", "--run-timeout", "300ms", "--grace",
	    "0", "--each", "sleep 6{}");
	assert_int_equal(r.code, 1);
	doc = ran_document(&r);
	assert_int_equal(ran_summary(doc, "timedOut"), 1);
	assert_int_equal(ran_summary(doc, "cancelled"), 2);
	json_decref(doc);
	ran_free(&r);
	/* the default of the options */
	CTL(&service, &r, NULL, "run", "--json", "--timeout", "200ms", "--grace", "0", "--",
	    "sleep", "60");
	doc = ran_document(&r);
	assert_int_equal(ran_summary(doc, "timedOut"), 1);
	json_decref(doc);
	ran_free(&r);
}

/* ---- retries and flaky tests ---- */

static void
test_retry(void **state)
{
	char		*mark = xasprintf("%s/mark", service.dir);
	const char	*suite = "tests:\n"
	    "  - name: second time\n"
	    "    run: 'test -e $MARK || { touch $MARK; exit 1; }'\n"
	    "    retry: { count: 2, backoff: 50ms }\n"
	    "  - { name: never, run: exit 1, retry: 1 }\n";
	struct ran	 r;
	json_t		*doc, *t;

	(void)state;
	(void)setenv("MARK", mark, 1);
	CTL(&service, &r, NULL, "run", "--json", service_file(&service, "s.yaml", suite));
	assert_int_equal(r.code, 1);
	doc = ran_document(&r);
	t = result(doc, "second time");
	assert_string_equal(text(t, "status"), "pass");
	assert_true(json_is_true(json_object_get(t, "flaky")));
	assert_int_equal(json_integer_value(json_object_get(t, "attempts")), 2);
	assert_int_equal(json_array_size(json_object_get(t, "attemptsDetail")), 2);
	t = result(doc, "never");
	assert_string_equal(text(t, "status"), "fail");
	assert_int_equal(json_integer_value(json_object_get(t, "retries")), 1);
	json_decref(doc);
	ran_free(&r);
	(void)unlink(mark);
	CTL(&service, &r, NULL, "run", "--flaky-result", "fail", "-E", "name(second)",
	    service_file(&service, "s.yaml", suite));
	assert_int_equal(r.code, 6);
	ran_free(&r);
	free(mark);
}

/* ---- output of running tests ---- */

static int
has_line(void *path)
{
	struct stat	st;

	return stat(path, &st) == 0 && st.st_size > 0;
}

/* A run whose first test waits for the file $GO; the words follow it, or its test. */
static void
follow(const char *const *args, struct ran *r)
{
	const char	*suite = "tests:\n"
	    "  - name: first\n"
	    "    run: 'echo before; while ! test -e $GO; do sleep 0.02; done; echo after'\n"
	    "  - { name: second, run: echo later }\n";
	char		*go = xasprintf("%s/go", service.dir), *seen;
	pid_t		 pid;

	(void)unlink(go);
	(void)setenv("GO", go, 1);
	CTL(&service, r, NULL, "run", "--detach", "-j1", "--order", "plan",
	    service_file(&service, "s.yaml", suite));
	assert_int_equal(r->code, 0);
	ran_free(r);
	pid = service_spawn(&service, NULL, args);
	seen = xasprintf("%s/out.%d", service.dir, (int)pid);
	service_until(has_line, seen, "what was printed before is shown");
	(void)fclose(fopen(go, "we"));
	service_wait(&service, pid, r);
	free(seen);
	free(go);
}

/* Who follows sees what was printed before, and all that comes after. */
static void
test_follow(void **state)
{
	const char	*one[] = { "output", "--follow", "first", NULL };
	const char	*all[] = { "watch", "--live", NULL };
	struct ran	 r;

	(void)state;
	follow(one, &r);
	assert_string_equal(r.out, "before\nafter\n");
	ran_free(&r);
	follow(all, &r);
	assert_int_equal(r.code, 0);
	assert_non_null(strstr(r.out, "[first] before\n"));
	assert_non_null(strstr(r.out, "[first] after\n"));
	assert_non_null(strstr(r.out, "[second] later\n"));
	ran_free(&r);
}

/* ---- many tests, no result lost ---- */

static void
test_two_thousand(void **state)
{
	char		*list = xcalloc(1, 2000 * 6), *p = list;
	struct ran	 r;
	json_t		*doc;

	(void)state;
	for (int i = 0; i < 2000; i++)
		p += snprintf(p, 7, "%d\n", i);
	CTL(&service, &r, list, "run", "--json", "-j4", "--each", "true {}");
	assert_int_equal(r.code, 0);
	doc = ran_document(&r);
	assert_int_equal(json_array_size(json_object_get(doc, "results")), 2000);
	assert_int_equal(ran_summary(doc, "passed"), 2000);
	json_decref(doc);
	ran_free(&r);
	free(list);
}

int
main(void)
{
#define TEST(f)	cmocka_unit_test_setup_teardown(f, start, stop)
	const struct CMUnitTest	tests[] = {
		TEST(test_command), TEST(test_environment), TEST(test_resources),
		TEST(test_speedup), TEST(test_fail_fast), TEST(test_shuffle_repeats),
		TEST(test_timeouts), TEST(test_retry), TEST(test_follow), TEST(test_two_thousand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
