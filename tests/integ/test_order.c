/* Runs in an order from a file: one test after the other, in a folder that they share and
 * that outlives whoever dies under them, and is gone when the run is over. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/xalloc.h"
#include "tests/integ/service.h"

/* Each adds its name to a list in the folder, and what it finds there is its output. */
static const char suite[] =
    "name: order\n"
    "defaults: { retry: 2 }\n"
    "tests:\n"
    "  - { name: a, run: 'echo a >>$TMPDIR/list; cat $TMPDIR/list', serial: true }\n"
    "  - { name: b, run: 'echo b >>$TMPDIR/list; cat $TMPDIR/list; exit 75', weight: 9 }\n"
    "  - { name: c, run: 'echo c >>$TMPDIR/list; cat $TMPDIR/list', resources: { lock: [l] } }\n"
    "  - { name: d, run: 'echo d >>$TMPDIR/list; cat $TMPDIR/list', resources: { lock: [l] } }\n"
    "  - { name: e, run: 'echo e >>$TMPDIR/list; cat $TMPDIR/list', serial: true }\n"
    "  - { name: gone, run: [/nowhere/program] }\n";

static json_t *
result(json_t *doc, const char *name)
{
	json_t	*r;
	size_t	 i;

	json_array_foreach(json_object_get(doc, "results"), i, r) {
		if (strcmp(json_string_value(json_object_get(r, "name")), name) == 0)
			return r;
	}
	return NULL;
}

static void
assert_printed(json_t *doc, const char *name, const char *want)
{
	json_t	*r = result(doc, name);

	assert_non_null(r);
	assert_string_equal(json_string_value(json_object_get(r, "output")), want);
}

/* Folders that runs share, in the supervisor's. */
static int
shared_folders(struct service *s)
{
	char		*path = xasprintf("%s/paratest-%u/s.%d", s->dir, (unsigned)geteuid(),
	    (int)s->pid);
	DIR		*dir = opendir(path);
	struct dirent	*e;
	int		 n = 0;

	assert_non_null(dir);
	while ((e = readdir(dir)) != NULL)
		n += strncmp(e->d_name, "r.", 2) == 0;
	(void)closedir(dir);
	free(path);
	return n;
}

static int
no_shared_folder(void *arg)
{
	return shared_folders(arg) == 0;
}

static char *
file_of(struct service *s, const char *name, const char *text)
{
	return xstrdup(service_file(s, name, text));
}

static void
the_order_holds_whatever_tests_say(void **state)
{
	struct service	*s = *state;
	char		*file = file_of(s, "suite.yaml", suite);
	char		*order = file_of(s, "plan", "# backwards\nd\nc\nb\n\na\n");
	char		*dotted = xasprintf("--order=%s", order);
	struct ran	 r;
	json_t		*doc;

	CTL(s, &r, NULL, "run", "--json", dotted, file);
	assert_int_equal(r.code, 1);
	doc = ran_document(&r);
	assert_int_equal(ran_summary(doc, "total"), 4);
	assert_printed(doc, "d", "d\n");
	assert_printed(doc, "c", "d\nc\n");
	assert_printed(doc, "b", "d\nc\nb\n");
	assert_printed(doc, "a", "d\nc\nb\na\n");
	/* It asked for a retry and stated one. */
	assert_int_equal(json_integer_value(json_object_get(result(doc, "b"), "attempts")), 1);
	json_decref(doc);
	ran_free(&r);
	service_until(no_shared_folder, s, "the folder of the run stays");

	/* Filters select, and leave the order. */
	CTL(s, &r, NULL, "run", "--json", dotted, "-E", "name(=a) or name(=c) or name(=e)", file);
	assert_int_equal(r.code, 0);
	doc = ran_document(&r);
	assert_int_equal(ran_summary(doc, "total"), 2);
	assert_printed(doc, "a", "c\na\n");
	json_decref(doc);
	ran_free(&r);

	/* A list of lines in the place of a suite; without an order each has its own folder. */
	CTL(s, &r, "a\nb\nc\nd\n", "run", "--json", dotted, "--each",
	    "sh -c 'echo $0 >>$TMPDIR/list; cat $TMPDIR/list' {}");
	doc = ran_document(&r);
	assert_printed(doc, "a", "d\nc\nb\na\n");
	json_decref(doc);
	ran_free(&r);
	CTL(s, &r, NULL, "run", "--json", "-E", "name(=a) or name(=c)", file);
	doc = ran_document(&r);
	assert_printed(doc, "a", "a\n");
	json_decref(doc);
	ran_free(&r);
	free(file);
	free(order);
	free(dotted);
}

static void
nothing_runs_by_a_file_that_is_wrong(void **state)
{
	struct service	*s = *state;
	char		*file = file_of(s, "suite.yaml", suite);
	char		*order = file_of(s, "bad", "a\n\nf\n"), *want;
	struct ran	 r;

	CTL(s, &r, NULL, "run", "--order", order, file);
	assert_int_equal(r.code, 2);
	want = xasprintf("paratestctl: run: %s:3: there is no test 'f'", order);
	assert_non_null(strstr(r.err, want));
	ran_free(&r);
	CTL(s, &r, NULL, "runs", "--json");
	assert_null(strstr(r.out, "order"));
	ran_free(&r);
	free(want);
	free(order);
	free(file);
}

static void
a_worker_that_dies_takes_nothing_with_it(void **state)
{
	struct service	*s = *state;
	char		*file = file_of(s, "dies.yaml", "tests:\n"
	    "  - { name: writes, run: 'touch $TMPDIR/x' }\n"
	    "  - { name: kills, run: 'test $PARATEST_ATTEMPT -gt 1 || kill -9 $PPID; "
	    "stat -c %a $TMPDIR' }\n"
	    "  - { name: reads, run: 'ls $TMPDIR' }\n");
	char		*order = file_of(s, "order", "writes\nkills\nreads\n");
	struct ran	 r;
	json_t		*doc;

	CTL(s, &r, NULL, "run", "--json", "--order", order, file);
	doc = ran_document(&r);
	assert_int_equal(ran_summary(doc, "passed"), 3);
	assert_int_equal(json_integer_value(json_object_get(result(doc, "kills"), "attempts")), 2);
	assert_printed(doc, "kills", "700\n");
	assert_printed(doc, "reads", "x\n");
	json_decref(doc);
	ran_free(&r);
	service_until(no_shared_folder, s, "the folder of the run stays");
	free(order);
	free(file);
}

static int
has_begun(void *arg)
{
	return access(arg, F_OK) == 0;
}

/* The order is the plan's and what was left is there, also when the supervisor changes. */
static void
a_supervisor_that_dies_takes_nothing_with_it(void **state)
{
	struct service	*s = *state;
	char		*text = xasprintf("tests:\n"
	    "  - { name: reads, run: 'echo reads >>$TMPDIR/list; cat $TMPDIR/list' }\n"
	    "  - { name: writes, run: 'echo writes >>$TMPDIR/list' }\n"
	    "  - { name: waits, run: 'touch %s/begun; while ! test -e %s/go; do sleep 0.02; "
	    "done' }\n", s->dir, s->dir);
	char		*file = file_of(s, "waits.yaml", text);
	char		*order = file_of(s, "order", "writes\nwaits\nreads\n");
	char		*begun = xasprintf("%s/begun", s->dir);
	pid_t		 pid = service_spawn(s, NULL, (const char *const []){ "run", "--json",
	    "--order", order, file, NULL });
	struct ran	 r;
	json_t		*doc;

	service_until(has_begun, begun, "the second test does not begin");
	assert_int_equal(shared_folders(s), 1);
	(void)unlink(begun);
	assert_int_equal(kill(s->pid, SIGKILL), 0);
	assert_int_equal(waitpid(s->pid, NULL, 0), s->pid);
	s->pid = 0;
	service_again(s);
	service_until(has_begun, begun, "the second test does not begin again");
	(void)service_file(s, "go", "");
	service_wait(s, pid, &r);
	assert_int_equal(r.code, 0);
	doc = ran_document(&r);
	assert_printed(doc, "reads", "writes\nreads\n");
	json_decref(doc);
	ran_free(&r);
	service_until(no_shared_folder, s, "the folder of the run stays");
	free(text);
	free(file);
	free(order);
	free(begun);
}

/* Its slot is its own, also when another one has become free. */
static void
all_of_it_is_in_one_slot(void **state)
{
	struct service	*s = *state;
	char		*text = xasprintf("tests:\n"
	    "  - { name: other, run: 'touch %s/begun; while ! test -e %s/let; do sleep 0.02; "
	    "done' }\n", s->dir, s->dir);
	char		*other = file_of(s, "other.yaml", text), *mine, *order, *begun;
	pid_t		 pid, pid2;
	struct ran	 r;
	json_t		*doc;

	begun = xasprintf("%s/begun", s->dir);
	pid = service_spawn(s, NULL, (const char *const []){ "run", "-j2", other, NULL });
	service_until(has_begun, begun, "the other run does not begin");
	(void)unlink(begun);
	free(text);
	text = xasprintf("tests:\n"
	    "  - { name: one, run: 'echo $PARATEST_SLOT; touch %s/let %s/begun; "
	    "while ! test -e %s/go; do sleep 0.02; done' }\n"
	    "  - { name: two, run: 'echo $PARATEST_SLOT' }\n"
	    "  - { name: three, run: 'echo $PARATEST_SLOT; test $PARATEST_ATTEMPT -gt 1 || "
	    "kill -9 $PPID' }\n", s->dir, s->dir, s->dir);
	mine = file_of(s, "mine.yaml", text);
	order = file_of(s, "order", "one\ntwo\nthree\n");
	pid2 = service_spawn(s, NULL, (const char *const []){ "run", "--json", "--order", order,
	    mine, NULL });
	service_until(has_begun, begun, "the run does not begin");
	service_wait(s, pid, &r);	/* the first slot is free from now on */
	assert_int_equal(r.code, 0);
	ran_free(&r);
	(void)service_file(s, "go", "");
	service_wait(s, pid2, &r);
	assert_int_equal(r.code, 0);
	doc = ran_document(&r);
	assert_printed(doc, "one", "2\n");
	assert_printed(doc, "two", "2\n");
	assert_printed(doc, "three", "2\n");
	json_decref(doc);
	ran_free(&r);
	free(begun);
	free(text);
	free(other);
	free(mine);
	free(order);
}

/* A cancelled run leaves nothing, and a folder of what cannot be read goes too. */
static void
what_tests_leave_is_removed(void **state)
{
	struct service	*s = *state;
	char		*file = file_of(s, "leave.yaml", "tests:\n"
	    "  - { name: deep, run: 'mkdir -p $TMPDIR/a/b; touch $TMPDIR/a/b/c; chmod 500 "
	    "$TMPDIR/a' }\n"
	    "  - { name: away, run: 'chmod 000 $TMPDIR' }\n"
	    "  - { name: fails, run: 'exit 1' }\n"
	    "  - { name: never, run: 'sleep 1000' }\n");
	char		*order = file_of(s, "order", "deep\naway\nfails\nnever\n");
	struct ran	 r;

	CTL(s, &r, NULL, "run", "--fail-fast", "--order", order, file);
	assert_int_equal(r.code, 1);
	ran_free(&r);
	service_until(no_shared_folder, s, "the folder of the run stays");
	free(order);
	free(file);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_order_holds_whatever_tests_say, service_setup,
		    service_teardown),
		cmocka_unit_test_setup_teardown(nothing_runs_by_a_file_that_is_wrong, service_setup,
		    service_teardown),
		cmocka_unit_test_setup_teardown(a_worker_that_dies_takes_nothing_with_it,
		    service_setup, service_teardown),
		cmocka_unit_test_setup_teardown(a_supervisor_that_dies_takes_nothing_with_it,
		    service_setup, service_teardown),
		cmocka_unit_test_setup_teardown(all_of_it_is_in_one_slot, service_setup,
		    service_teardown),
		cmocka_unit_test_setup_teardown(what_tests_leave_is_removed, service_setup,
		    service_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
