/*
 * Starts by what the host has left, through the programs as they are: the supervisor looks
 * at a folder, in which these tests write what the kernel would say.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "supervisor/cpus.h"
#include "tests/integ/service.h"

#define TOTAL_MIB	1024	/* so that 128 are kept, and 64 are critical */
#define PLENTY_MIB	900
#define SHORT_MIB	100
#define CRITICAL_MIB	20

/* Replaces a file of the host, so that nobody reads half of it. */
static void
write_host(struct service *s, const char *name, const char *text)
{
	char	*path = xasprintf("%s/host/proc/%s", s->dir, name),
	    *tmp = xasprintf("%s.new", path);
	FILE	*f = fopen(tmp, "we");

	assert_non_null(f);
	(void)fputs(text, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(rename(tmp, path), 0);
	free(path);
	free(tmp);
}

static void
set_memory(struct service *s, unsigned mib)
{
	char	*text = xasprintf("MemTotal: %u kB\nMemFree: 0 kB\nMemAvailable: %u kB\n",
	    TOTAL_MIB << 10, mib << 10);

	write_host(s, "meminfo", text);
	free(text);
}

static void
launch(struct service *s)
{
	char		*host = xasprintf("PARATEST_HOST_ROOT=%s/host", s->dir);
	const char	*env[] = { host, NULL };

	assert_true(service_again_with(s, env));
	free(host);
}

static int
setup(void **state)
{
	static const char *const	dirs[] = { "host", "host/proc", "host/proc/pressure" };
	struct service			*s;

	if (service_setup(state) != 0)
		return -1;
	s = *state;
	service_crash(s);
	for (size_t i = 0; i < sizeof dirs / sizeof dirs[0]; i++) {
		char	*path = xasprintf("%s/%s", s->dir, dirs[i]);

		assert_int_equal(mkdir(path, 0700), 0);
		free(path);
	}
	set_memory(s, PLENTY_MIB);
	launch(s);
	return 0;
}

/* ---- what is there ---- */

/* A member of status, 0 when it is not there; the text of `waiting` in *ret_why, which the
 * caller frees; NULL: it does not wait. */
static json_int_t
status(struct service *s, const char *key, char **ret_why)
{
	struct ran	 r;
	json_t		*doc, *why;
	json_int_t	 v;

	CTL(s, &r, NULL, "status", "--json");
	assert_int_equal(r.code, 0);
	doc = ran_document(&r);
	v = json_integer_value(json_object_get(doc, key));
	why = json_object_get(doc, "waiting");
	if (ret_why != NULL)
		*ret_why = why != NULL ? xstrdup(json_string_value(why)) : NULL;
	json_decref(doc);
	ran_free(&r);
	return v;
}

/* The file `started.N` is there so often as there were attempts of test N: a line each. */
static unsigned
starts(struct service *s, int test)
{
	char		*path = xasprintf("%s/started.%d", s->dir, test);
	FILE		*f = fopen(path, "re");
	unsigned	 n = 0;
	int		 c;

	while (f != NULL && (c = getc(f)) != EOF)
		n += c == '\n';
	if (f != NULL)
		(void)fclose(f);
	free(path);
	return n;
}

static void
touch(struct service *s, const char *name)
{
	free(xstrdup(service_file(s, name, "")));
}

/* n tests that each run until there is the file go.N or go. */
static char *
make_suite(struct service *s, int n)
{
	char	*text = xstrdup("name: held\ntests:\n"), *more, *file;

	for (int i = 1; i <= n; i++) {
		more = xasprintf("%s  - name: t%d\n    run: 'echo >>%s/started.%d; while ! [ -e "
		    "%s/go -o -e %s/go.%d ]; do sleep 0.05; done'\n", text, i, s->dir, i, s->dir,
		    s->dir, i);
		free(text);
		text = more;
	}
	file = xstrdup(service_file(s, "held.yaml", text));
	free(text);
	return file;
}

/* Waits until `cond` holds. */
#define UNTIL(cond)	do {						\
	msec_t	end_ = now_ms() + SERVICE_DEADLINE_MS;			\
	while (!(cond)) {						\
		if (now_ms() > end_)					\
			fail_msg("not within the deadline: %s", #cond);	\
		(void)poll(NULL, 0, 20);				\
	}								\
} while (0)

static int
waits(struct service *s)
{
	char	*why;

	(void)status(s, "queuedTests", &why);
	if (why == NULL)
		return 0;
	assert_non_null(strstr(why, "waiting for memory: "));
	free(why);
	return 1;
}

static int
waits_with(struct service *s, const char *words)
{
	char	*why;
	int	 has;

	(void)status(s, "queuedTests", &why);
	has = why != NULL && strstr(why, words) != NULL;
	free(why);
	return has;
}

static json_t *
finish(struct service *s, pid_t pid, json_int_t passed)
{
	struct ran	 r;
	json_t		*doc;

	service_wait(s, pid, &r);
	assert_int_equal(r.code, 0);
	doc = ran_document(&r);
	assert_int_equal(ran_summary(doc, "passed"), passed);
	assert_int_equal(ran_summary(doc, "failed"), 0);
	assert_int_equal(ran_summary(doc, "errored"), 0);
	assert_int_equal(ran_summary(doc, "flaky"), 0);
	ran_free(&r);
	return doc;
}

/* ---- the tests ---- */

static void
nothing_starts_while_memory_is_short(void **state)
{
	struct service	*s = *state;
	char		*file = make_suite(s, 4), *why;
	const char	*words[] = { "run", "--json", "--order", "plan", "-j", "2", file, NULL };
	pid_t		 pid = service_spawn(s, NULL, words);

	UNTIL(starts(s, 1) == 1 && starts(s, 2) == 1);
	set_memory(s, SHORT_MIB);
	UNTIL(waits(s));
	touch(s, "go.1");
	UNTIL(status(s, "completedTests", NULL) == 1);
	assert_int_equal(status(s, "queuedTests", &why), 2);
	assert_string_equal(why, "waiting for memory: 100 MiB available, 160 MiB needed");
	free(why);
	assert_int_equal(starts(s, 3), 0);
	/* Over the bound, but not by a quarter. */
	set_memory(s, 140);
	UNTIL(waits_with(s, "140 MiB"));
	assert_int_equal(starts(s, 3), 0);
	set_memory(s, PLENTY_MIB);
	UNTIL(starts(s, 3) == 1);
	assert_false(waits(s));
	touch(s, "go");
	json_decref(finish(s, pid, 4));
	free(file);
}

/* However little there is, one test at a time gets on. */
static void
one_runs_in_any_case(void **state)
{
	struct service	*s = *state;
	char		*file = make_suite(s, 3);
	const char	*words[] = { "run", "--json", "-j", "3", file, NULL };
	pid_t		 pid;

	set_memory(s, 1);
	touch(s, "go");
	pid = service_spawn(s, NULL, words);
	json_decref(finish(s, pid, 3));
	free(file);
}

static void
nothing_starts_while_others_wait_for_memory(void **state)
{
	struct service	*s = *state;
	char		*file = make_suite(s, 3), *text, *why = NULL;
	const char	*words[] = { "run", "--json", "--order", "plan", "-j", "2", file, NULL };
	uint64_t	 total = 1;
	pid_t		 pid;

	write_host(s, "pressure/memory", "some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n");
	pid = service_spawn(s, NULL, words);
	UNTIL(starts(s, 1) == 1 && starts(s, 2) == 1);
	for (msec_t end = now_ms() + SERVICE_DEADLINE_MS; why == NULL; now_ms()) {
		assert_true(now_ms() < end);
		total += 100000000;
		text = xasprintf("some avg10=0.00 avg60=0.00 avg300=0.00 total=%llu\n",
		    (unsigned long long)total);
		write_host(s, "pressure/memory", text);
		free(text);
		(void)status(s, "queuedTests", &why);
	}
	assert_non_null(strstr(why, "something waits for it"));
	free(why);
	/* And when they wait no more it goes on. */
	touch(s, "go.1");
	UNTIL(starts(s, 3) == 1);
	touch(s, "go");
	json_decref(finish(s, pid, 3));
	free(file);
}

/* As often as it takes, and it counts as nothing but made room. */
static void
an_evicted_attempt_runs_again(void **state)
{
	struct service	*s = *state;
	char		*file = make_suite(s, 2);
	const char	*words[] = { "run", "--json", "--order", "plan", "-j", "2", file, NULL };
	pid_t		 pid = service_spawn(s, NULL, words);
	json_t		*doc, *t, *all, *a;
	size_t		 i;

	UNTIL(starts(s, 1) == 1);
	for (unsigned n = 1; n <= 5; n++) {
		UNTIL(starts(s, 2) == n);
		set_memory(s, CRITICAL_MIB);
		UNTIL(waits(s));	/* it is queued again, and not let in */
		assert_int_equal(starts(s, 1), 1);	/* the oldest stays */
		assert_int_equal(status(s, "runningTests", NULL), 0);
		set_memory(s, PLENTY_MIB);
	}
	UNTIL(starts(s, 2) == 6);
	touch(s, "go");
	doc = finish(s, pid, 2);
	assert_int_equal(ran_summary(doc, "evicted"), 5);
	t = json_array_get(json_object_get(doc, "results"), 1);
	assert_string_equal(json_string_value(json_object_get(t, "name")), "t2");
	assert_int_equal(json_integer_value(json_object_get(t, "retries")), 0);
	all = json_object_get(t, "attemptsDetail");
	assert_int_equal(json_array_size(all), 6);
	json_array_foreach(all, i, a)
		assert_string_equal(json_string_value(json_object_get(a, "outcome")),
		    i < 5 ? "lost" : "pass");
	json_decref(doc);
	free(file);
}

/* The supervisor is lost when two were evicted and one runs. */
static void
an_eviction_survives_the_supervisor(void **state)
{
	struct service	*s = *state;
	char		*file = make_suite(s, 3);
	struct ran	 r;
	json_t		*doc;

	CTL(s, &r, NULL, "run", "--detach", "--order", "plan", "-j", "3", file);
	assert_int_equal(r.code, 0);
	ran_free(&r);
	UNTIL(starts(s, 1) == 1 && starts(s, 2) == 1 && starts(s, 3) == 1);
	set_memory(s, CRITICAL_MIB);
	UNTIL(status(s, "queuedTests", NULL) == 2);
	service_crash(s);
	set_memory(s, PLENTY_MIB);
	touch(s, "go");
	launch(s);
	CTL(s, &r, NULL, "watch");
	assert_int_equal(r.code, 0);
	ran_free(&r);
	CTL(s, &r, NULL, "show", "--json");
	doc = ran_document(&r);
	assert_int_equal(ran_summary(doc, "passed"), 3);
	assert_int_equal(ran_summary(doc, "evicted"), 2);
	ran_free(&r);
	json_decref(doc);
	free(file);
}

/* By their history each of them needs 64 MiB and more: it starts beside nothing else when
 * there are 62 beside the reserve. */
static void
an_expected_peak_waits_for_room(void **state)
{
	struct service	*s = *state;
	char		*text, *file, *one;
	struct ran	 r;
	json_t		*doc;

	one = xasprintf("run: 'mkdir %s/busy || exit 9; head -c 64M /dev/zero | tail -c 64M "
	    ">/dev/null; sleep 0.3; rmdir %s/busy'", s->dir, s->dir);
	text = xasprintf("name: large\ntests:\n  - { name: a, %s }\n  - { name: b, %s }\n"
	    "  - { name: c, %s }\n", one, one, one);
	file = xstrdup(service_file(s, "large.yaml", text));
	for (int i = 0; i < 2; i++) {
		CTL(s, &r, NULL, "run", "--json", "-j", i == 0 ? "1" : "3", file);
		assert_int_equal(r.code, 0);
		doc = ran_document(&r);
		assert_int_equal(ran_summary(doc, "passed"), 3);
		json_decref(doc);
		ran_free(&r);
		set_memory(s, 190);
	}
	free(text);
	free(one);
	free(file);
}

/* Writes that the CPUs have been idle for so long. */
static void
set_idle(struct service *s, msec_t ms)
{
	char	*text = xstrdup("cpu 0 0 0 0 0 0 0 0\n"), *more;

	for (unsigned i = 0; i < 256; i++) {
		more = xasprintf("%scpu%u 0 0 0 %llu 0 0 0 0 0 0\n", text, i,
		    (unsigned long long)ms / 10);
		free(text);
		text = more;
	}
	write_host(s, "stat", text);
	free(text);
}

static unsigned
all_starts(struct service *s, int n)
{
	unsigned	sum = 0;

	for (int i = 1; i <= n; i++)
		sum += starts(s, i) > 0;
	return sum;
}

/* Tests that only wait leave the CPUs idle, so that more of them start; how many of eight
 * for each CPU do, with these words.  They run until all have looked wide enough. */
static unsigned
width_of(struct service *s, const char *jobs, const char *auto_jobs, bool until_all)
{
	const int	 n = 8;
	char		*file = make_suite(s, n), path[128];
	const char	*words[] = { "run", "--json", "-j", jobs, file, NULL };
	unsigned	 seen = 0, looks = 0;
	json_int_t	 width = 0;
	struct ran	 r;
	pid_t		 pid;
	msec_t		 start = now_ms();

	CTL(s, &r, NULL, "config", "set", "auto-jobs", auto_jobs);
	assert_int_equal(r.code, 0);
	ran_free(&r);
	pid = service_spawn(s, NULL, words);
	/* Where it is not to grow: for as long as growing takes. */
	while (until_all ? seen < (unsigned)n : looks++ < 100) {
		assert_true(now_ms() < start + SERVICE_DEADLINE_MS);
		set_idle(s, now_ms() - start);
		seen = all_starts(s, n);
		(void)poll(NULL, 0, 20);
	}
	width = status(s, "width", NULL);
	assert_int_equal(width > 0, strcmp(jobs, "auto") == 0 && strcmp(auto_jobs, "1") != 0);
	touch(s, "go");
	json_decref(finish(s, pid, n));
	(void)snprintf(path, sizeof path, "%s/go", s->dir);
	assert_int_equal(unlink(path), 0);
	for (int i = 1; i <= n; i++) {
		(void)snprintf(path, sizeof path, "%s/started.%d", s->dir, i);
		assert_int_equal(unlink(path), 0);
	}
	free(file);
	return seen;
}

static void
tests_that_wait_run_wider(void **state)
{
	struct service	*s = *state;
	uint32_t	 cpus = cpus_auto();

	if (cpus > 7) {
		print_message("needs a host of fewer CPUs, or taskset\n");
		skip();
	}
	assert_int_equal(width_of(s, "auto", "8", true), 8);
	assert_int_equal(width_of(s, "2", "8", false), 2);
	assert_int_equal(width_of(s, "auto", "1", false), cpus);
}

#define CASE(f)	cmocka_unit_test_setup_teardown(f, setup, service_teardown)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		CASE(nothing_starts_while_memory_is_short),
		CASE(one_runs_in_any_case),
		CASE(nothing_starts_while_others_wait_for_memory),
		CASE(an_evicted_attempt_runs_again),
		CASE(an_eviction_survives_the_supervisor),
		CASE(an_expected_peak_waits_for_room),
		CASE(tests_that_wait_run_wider),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
