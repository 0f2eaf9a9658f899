/*
 * Limits of tests, end to end: what is over them ends and says so, what is beside it does
 * not notice, and no control group is left behind.  With groups: skipped where we are not
 * root, or there are none.  Without: as users of a service that has none.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/xalloc.h"
#include "tests/integ/users.h"

#define THE(state)	(*(state) != NULL ? *(struct users **)(state) :	\
			    (skip(), (struct users *)NULL))

/* Four hundred processes at most, for a second; 1: not all of them could be had. */
#define BOMB	"n=0; while [ $n -lt 400 ]; do sleep 1 & n=$((n+1)); done; wait"

static struct service	*s;

/* A group is the only thing that can hold root to a number of processes. */
static void
needs_groups(void **state)
{
	struct ran	 r;
	int		 code;

	s = *state;
	if (geteuid() != 0)
		skip();
	CTL(s, &r, NULL, "run", "--processes", "50", "--", "true");
	code = r.code;
	if (code != 0 && strstr(r.err, "cannot be enforced") == NULL)
		fail_msg("%d: %s", code, r.err);
	ran_free(&r);
	if (code != 0)
		skip();
}

static char *
helper(const char *name)
{
	return xasprintf("%s", service_program(name));
}

static json_t *
result(json_t *doc, const char *name)
{
	json_t	*o;
	size_t	 i;

	json_array_foreach(json_object_get(doc, "results"), i, o) {
		if (strcmp(json_string_value(json_object_get(o, "name")), name) == 0)
			return o;
	}
	fail_msg("no result of %s", name);
	return NULL;
}

static const char *
text(json_t *o, const char *key)
{
	const char	*v = json_string_value(json_object_get(o, key));

	return v != NULL ? v : "";
}

static void
has(const char *where, const char *what)
{
	if (strstr(where, what) == NULL)
		fail_msg("\"%s\" does not contain \"%s\"", where, what);
}

/* Groups named so that are there now. */
static size_t
groups(const char *pattern)
{
	glob_t	g;
	size_t	n = glob(pattern, 0, NULL, &g) == 0 ? g.gl_pathc : 0;

	globfree(&g);
	return n;
}

/* Whoever can open one can lock it, and keep it from being removed, or from being made. */
static void
nobody_else_may_open(const char *pattern)
{
	struct stat	st;
	glob_t		g;

	assert_int_equal(glob(pattern, 0, NULL, &g), 0);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		assert_int_equal(stat(g.gl_pathv[i], &st), 0);
		assert_int_equal(st.st_mode & 0066, 0);
	}
	globfree(&g);
}

/* Those of this supervisor, in any hierarchy. */
static char *
pattern_of(pid_t pid)
{
	return xasprintf("/sys/fs/cgroup/*/paratest-%d-*", (int)pid);
}

static void
memory(void **state)
{
	char		*hog, *suite;
	json_t		*doc, *o;
	struct ran	 r;

	needs_groups(state);
	hog = helper("tests/helpers/hog");
	suite = xasprintf("name: m\ndefaults: { timeout: 50s }\ntests:\n"
	    "- { name: hog, run: [%s, '200'], limits: { memory: 64M } }\n"
	    "- { name: tree, run: '%s 40 & %s 40 & wait', limits: { memory: 64M } }\n"
	    "- { name: fits, run: [%s, '200'], limits: { memory: 300M } }\n"
	    "- { name: neighbour, run: [%s, '200'] }\n"
	    "- { name: child, run: '%s 200; true', limits: { memory: 64M } }\n", hog, hog, hog,
	    hog, hog, hog);
	CTL(s, &r, NULL, "run", "-j", "2", "--json", service_file(s, "m.yaml", suite));
	free(suite);
	free(hog);
	doc = ran_document(&r);
	o = result(doc, "hog");
	assert_string_equal(text(o, "outcome"), "oom");
	assert_string_equal(text(o, "status"), "fail");
	assert_string_equal(text(json_object_get(o, "error"), "category"), "resource");
	has(text(json_object_get(o, "error"), "message"),
	    "out of memory: its limit is 64 MiB, it had 6");
	assert_string_equal(text(o, "treePeakSource"), "cgroup");
	/* A test that does not mind the end of its child was out of memory all the same. */
	assert_string_equal(text(result(doc, "child"), "outcome"), "oom");
	assert_string_equal(text(result(doc, "fits"), "outcome"), "pass");
	assert_string_equal(text(result(doc, "neighbour"), "outcome"), "pass");
	json_decref(doc);
	ran_free(&r);
}

static void
a_rule_and_the_reports(void **state)
{
	char		*hog, *junit;
	struct ran	 r;
	json_t		*doc;

	needs_groups(state);
	hog = helper("tests/helpers/hog");
	junit = xasprintf("%s/j.xml", s->dir);
	CTL(s, &r, NULL, "run", "--memory", "64M", "--retries", "1", "--retry-on", "oom", "--junit",
	    junit, "--json", "--", hog, "200");
	doc = ran_document(&r);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(json_object_get(doc,
	    "results"), 0), "attempts")), 2);
	json_decref(doc);
	ran_free(&r);
	assert_int_equal(access(junit, R_OK), 0);
	CTL(s, &r, NULL, "run", "--memory", "64M", "--tap", "-", "--", hog, "200");
	assert_int_equal(r.code, 1);
	has(r.out, "outcome: oom");
	has(r.err, "out of memory: its limit is 64 MiB");
	ran_free(&r);
	free(junit);
	free(hog);
}

static void
processes(void **state)
{
	char		*bomb, *suite;
	json_t		*doc, *o;
	struct ran	 r;

	needs_groups(state);
	bomb = helper("tests/helpers/bomb");
	suite = xasprintf("name: p\ntests:\n"
	    "- { name: bomb, run: [%s, '300'], limits: { processes: 20 } }\n"
	    "- { name: quiet, run: '%s 300; true', limits: { processes: 20 } }\n"
	    "- { name: fits, run: [%s, '15'], limits: { processes: 20 } }\n"
	    "- { name: neighbour, run: [%s, '40'] }\n", bomb, bomb, bomb, bomb);
	CTL(s, &r, NULL, "run", "-j", "2", "--json", service_file(s, "p.yaml", suite));
	free(suite);
	free(bomb);
	doc = ran_document(&r);
	o = result(doc, "bomb");
	assert_string_equal(text(o, "outcome"), "fail");
	has(text(json_object_get(o, "error"), "message"), "its limit of 20 processes was reached ");
	assert_string_equal(text(o, "output"), "19\n");
	o = json_array_get(json_object_get(result(doc, "quiet"), "assertions"), 0);
	has(text(o, "message"), "its limit of 20 processes was reached ");
	assert_string_equal(text(result(doc, "fits"), "outcome"), "pass");
	assert_int_equal(json_array_size(json_object_get(result(doc, "fits"), "assertions")), 0);
	assert_string_equal(text(result(doc, "neighbour"), "outcome"), "pass");
	json_decref(doc);
	ran_free(&r);
}

/* It is held back: the kernel says so, whatever the clock does. */
static void
cpu(void **state)
{
	struct ran	 r;
	char		*burn;

	needs_groups(state);
	burn = helper("tests/helpers/burn_cpu");
	CTL(s, &r, NULL, "run", "--cpus", "0.05", "--timeout", "50s", "--json", "--", burn, "300");
	assert_int_equal(r.code, 0);
	has(r.out, "its limit of 0.05 CPUs held it back for ");
	ran_free(&r);
	free(burn);
}

/* Who is next in the same slot is not held to them. */
static void
gone_with_the_test(void **state)
{
	struct ran	 r;
	char		*bomb;

	needs_groups(state);
	bomb = helper("tests/helpers/bomb");
	CTL(s, &r, NULL, "run", "-j", "1", "--processes", "10", "--", bomb, "5");
	assert_int_equal(r.code, 0);
	ran_free(&r);
	CTL(s, &r, NULL, "run", "-j", "1", "--memory", "256M", "--", bomb, "40");
	assert_int_equal(r.code, 0);
	ran_free(&r);
	free(bomb);
}

static int
no_groups(void *arg)
{
	return groups(arg) == 0;
}

static void
nothing_left(void **state)
{
	struct ran	 r;
	char		*pattern;
	int		 status;

	needs_groups(state);
	pattern = pattern_of(s->pid);
	assert_true(groups(pattern) > 0);
	nobody_else_may_open(pattern);
	CTL(s, &r, NULL, "shutdown");
	assert_int_equal(r.code, 0);
	ran_free(&r);
	assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
	s->pid = 0;
	assert_int_equal(status, 0);
	assert_int_equal(groups(pattern), 0);
	service_again(s);
	CTL(s, &r, NULL, "run", "--", "true");	/* without limits it makes none of version 1 */
	ran_free(&r);
	free(pattern);
}

/* A crash leaves them; whoever comes next takes them away, with what is in there. */
static void
nothing_left_of_a_crash(void **state)
{
	struct ran	 r;
	char		*pattern, *mark;

	needs_groups(state);
	mark = xasprintf("touch %s/began; sleep 50", s->dir);
	CTL(s, &r, NULL, "run", "--detach", "--memory", "64M", "--", "sh", "-c", mark);
	assert_int_equal(r.code, 0);
	ran_free(&r);
	pattern = pattern_of(s->pid);
	assert_true(groups(pattern) > 0);
	service_crash(s);
	service_again(s);
	service_until(no_groups, pattern, "the groups of a dead supervisor are still there");
	free(pattern);
	free(mark);
}

static int
is_there(void *arg)
{
	return access(arg, F_OK) == 0;
}

/* They are of the test, and so of whatever runs it again after a crash. */
static void
kept_through_a_crash(void **state)
{
	struct ran	 r;
	char		*line, *began, *go;

	s = *state;
	began = xasprintf("%s/began", s->dir);
	go = xasprintf("%s/go", s->dir);
	line = xasprintf("ulimit -n; touch %s; test -e %s || sleep 50", began, go);
	CTL(s, &r, NULL, "run", "--detach", "--open-files", "61", "--", "sh", "-c", line);
	assert_int_equal(r.code, 0);
	ran_free(&r);
	service_until(is_there, began, "the test has not begun");
	(void)service_file(s, "go", "");
	service_crash(s);
	service_again(s);
	CTL(s, &r, NULL, "watch");
	ran_free(&r);
	CTL(s, &r, NULL, "show", "--json");
	has(r.out, "\"output\":\"61\\n\"");
	ran_free(&r);
	free(line);
	free(began);
	free(go);
}

/* ---- without groups, as somebody who is not root ---- */

static void
a_users_processes(void **state)
{
	struct users	*u = THE(state);
	struct ran	 r;

	AS(u, &alice, &r, "run", "--processes", "20", "--", "sh", "-c", BOMB);
	assert_int_equal(r.code, 1);
	has(r.out, "exit code 2");
	has(r.out, "Cannot fork");
	ran_free(&r);
	AS(u, &bob, &r, "run", "--processes", "20", "--", "sh", "-c", "sleep 0 & sleep 0 & wait");
	assert_int_equal(r.code, 0);
	ran_free(&r);
}

/* His others count with the kernel, and a worker in a PID namespace does not see them. */
static void
beside_a_users_own(void **state)
{
	struct users	*u = THE(state);
	struct ran	 r;
	pid_t		 pid;
	char		*began;

	began = xasprintf("%s/began", users_home(u, &alice));
	pid = users_spawn(u, &alice, users_home(u, &alice), "/bin/sh", (const char *const []){
	    "-c", "n=0; while [ $n -lt 50 ]; do sleep 90 & p=\"$p $!\"; n=$((n+1)); done\n"
	    "touch began; until test -e over; do sleep 0.1; done; kill $p", NULL });
	service_until(is_there, began, "her processes have not begun");
	AS(u, &alice, &r, "run", "--processes", "20", "--", "sh", "-c", "sleep 0 & sleep 0 & wait");
	assert_int_equal(r.code, 0);
	ran_free(&r);
	AS(u, &alice, &r, "run", "--processes", "20", "--", "sh", "-c", BOMB);
	assert_int_equal(r.code, 1);
	has(r.out, "Cannot fork");
	ran_free(&r);
	(void)users_file(u, &alice, "over", "");
	users_wait(u, pid, &r);
	ran_free(&r);
	free(began);
}

static void
what_cannot_be_had(void **state)
{
	struct users	*u = THE(state);
	struct ran	 r;
	char		*mark = xasprintf("%s/ran", users_home(u, &alice));

	AS(u, &alice, &r, "run", "--cpus", "0.5", "--", "touch", mark);
	assert_int_equal(r.code, 2);
	has(r.err, "its limit of cpu cannot be enforced: for a part of one there must be a control "
	    "group with the cpu controller; give whole CPUs");
	ran_free(&r);
	assert_int_not_equal(access(mark, F_OK), 0);
	AS(u, &alice, &r, "run", "--cpus", "1", "--", "sh", "-c", "test $(nproc) = 1");
	assert_int_equal(r.code, 0);
	ran_free(&r);
	free(mark);
}

#define WITH_SERVICE(f)	cmocka_unit_test_setup_teardown(f, service_setup, service_teardown)
#define WITH_USERS(f)	cmocka_unit_test_setup_teardown(f, users_setup, users_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVICE(memory),
		WITH_SERVICE(a_rule_and_the_reports),
		WITH_SERVICE(processes),
		WITH_SERVICE(cpu),
		WITH_SERVICE(gone_with_the_test),
		WITH_SERVICE(nothing_left),
		WITH_SERVICE(nothing_left_of_a_crash),
		WITH_SERVICE(kept_through_a_crash),
		WITH_USERS(a_users_processes),
		WITH_USERS(what_cannot_be_had),
		WITH_USERS(beside_a_users_own),
		cmocka_unit_test_setup_teardown(beside_a_users_own, users_setup_apart,
		    users_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
