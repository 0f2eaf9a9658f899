/*
 * What the levels of isolation promise, seen from inside and from outside.  All of it runs
 * as whoever starts it: as root by the host's own namespaces, else, and once more when root
 * starts it, as an ordinary user through user namespaces.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/proctree.h"
#include "common/xalloc.h"
#include "tests/integ/users.h"

#define NOBODY	65534

/* A service that has what its runs ask for, or is skipped where the kernel has it not. */
static int
setup(void **state)
{
	struct service	*s = xcalloc(1, sizeof *s);

	service_start_at(s, "auto");
	*state = s;
	return 0;
}

static struct service *
the(void **state, const char *level)
{
	struct service	*s = *state;
	struct ran	 r;
	int		 code;

	CTL(s, &r, NULL, "run", "--isolation", level, "--", "true");
	code = r.code;
	if (code == 2)
		print_message("skipped: %s", r.err);
	else if (code != 0)
		fail_msg("%s: %d: %s%s", level, code, r.out, r.err);
	ran_free(&r);
	if (code == 2)
		skip();
	return s;
}

/* Runs a suite one test at a time, so that one worker has all of them. */
static json_t *
run_suite(struct service *s, const char *isolation, const char *tests, int code)
{
	char		*text = xasprintf("isolation: %s\ndefaults: { cwd: /, timeout: 50s }\n"
			    "tests:\n%s", isolation, tests);
	struct ran	 r;
	json_t		*doc;

	CTL(s, &r, text, "run", "-j1", "--json", "--order", "plan", "-");
	free(text);
	if (r.code != code)
		fail_msg("%d: %s%s", r.code, r.out, r.err);
	doc = ran_document(&r);
	ran_free(&r);
	return doc;
}

static json_t *
result(json_t *doc, size_t i)
{
	return json_array_get(json_object_get(doc, "results"), i);
}

static const char *
word(json_t *o, const char *key)
{
	const char	*text = json_string_value(json_object_get(o, key));

	return text != NULL ? text : "";
}

static void
assert_says(json_t *o, const char *part)
{
	if (strstr(word(o, "output"), part) == NULL)
		fail_msg("<%s> is not in <%s>: %s", part, word(o, "output"),
		    word(json_object_get(o, "error"), "message"));
}

/* ---- what is said of it ---- */

static void
show_says_what_was_asked_for_and_what_it_was(void **state)
{
	struct service	*s = the(state, "sandbox");
	struct ran	 r;

	CTL(s, &r, NULL, "run", "--isolation", "sandbox,network=none", "--", "true");
	assert_int_equal(r.code, 0);
	assert_null(strstr(r.out, "isolation"));
	ran_free(&r);
	CTL(s, &r, NULL, "show");
	assert_int_equal(r.code, 0);
	assert_non_null(strstr(r.out, "\n  isolation sandbox, asked for: sandbox,network=none\n"));
	ran_free(&r);
	CTL(s, &r, NULL, "run", "--", "true");
	ran_free(&r);
	CTL(s, &r, NULL, "show");
	assert_non_null(strstr(r.out, "\n  isolation "));
	assert_null(strstr(r.out, "asked for"));
	ran_free(&r);
}

/* ---- pid ---- */

static void
a_test_sees_itself_alone(void **state)
{
	struct service	*s = the(state, "pid");
	char		*tests = xasprintf("- name: alone\n  run: 'exec 2>/dev/null; echo pid $$; "
			    "echo seen $(ls -d /proc/[0-9]* | wc -l); kill -0 %d || "
			    "echo no signal; kill -0 %d || echo no signal; "
			    "cat /proc/[0-9]*/comm | grep -x paratestd || echo no supervisor; "
			    "kill -KILL -1; echo still here'\n", (int)s->pid, (int)getpid());
	json_t		*doc = run_suite(s, "pid", tests, 0), *o = result(doc, 0);
	int		 pid, seen;
	const char	*at;

	free(tests);
	assert_string_equal(word(o, "isolation"), "pid");
	at = strstr(word(o, "output"), "pid ");
	assert_non_null(at);
	assert_int_equal(sscanf(at, "pid %d\nseen %d", &pid, &seen), 2);
	assert_in_range(pid, 2, 100);
	assert_in_range(seen, 2, 8);	/* its worker, itself, what it starts */
	assert_says(o, "no signal\nno signal\nno supervisor\nstill here\n");
	json_decref(doc);
}

/* Descendants of the supervisor, without itself, that have this word in their argv. */
static size_t
count_processes(const struct service *s, const char *part)
{
	struct proc_entry	*v;
	size_t			 n, found = 0;

	assert_int_equal(proctree_list(s->pid, &v, &n), 0);
	for (size_t i = 0; i < n; i++)
		found += strstr(v[i].argv, part) != NULL;
	proctree_free(v, n);
	return found;
}

/* They fork faster than anybody walks a tree, in sessions of their own. */
static void
what_forks_on_is_gone_with_its_test(void **state)
{
	struct service	*s = the(state, "pid");
	const char	*forker = service_program("tests/helpers/forker");
	char		*tests = xasprintf(
	    "- name: one\n  run: 'for i in 1 2 3 4; do setsid %s chain >/dev/null & done;"
	    " setsid %s tree 20 >/dev/null & (setsid sleep 1000 &) ; usleep 1 || sleep 0.2'\n"
	    "- name: two\n  run: 'ls -d /proc/[0-9]* | wc -l; cat /proc/[0-9]*/comm'\n",
	    forker, forker);
	json_t		*doc = run_suite(s, "pid", tests, 0);

	free(tests);
	assert_int_equal(count_processes(s, "forker"), 0);
	assert_int_equal(count_processes(s, "sleep"), 0);
	assert_true(json_array_size(json_object_get(result(doc, 0), "leaked")) > 0);
	assert_null(strstr(word(result(doc, 1), "output"), "forker"));
	json_decref(doc);
}

/* The worker with a test, as its supervisor's host sees it. */
static int
busy_worker(void *arg)
{
	struct service	*s = arg;
	struct ran	 r;
	json_t		*rows, *row;
	size_t		 i;
	int		 pid = 0;

	CTL(s, &r, NULL, "workers", "--json");
	rows = json_loads(r.out, 0, NULL);
	json_array_foreach(rows, i, row) {
		if (strcmp(word(row, "state"), "busy") == 0)
			pid = (int)json_integer_value(json_object_get(row, "pid"));
	}
	json_decref(rows);
	ran_free(&r);
	return pid;
}

static int
are_two_there(void *arg)
{
	return count_processes(arg, "sleep 4711") >= 2 && busy_worker(arg) != 0;
}

static struct service *
with_a_family(void **state)
{
	struct service	*s = the(state, "pid");
	struct ran	 r;

	CTL(s, &r, NULL, "run", "--detach", "--isolation", "pid", "--", "sh", "-c",
	    "setsid setsid sleep 4711 & exec sleep 4711");
	assert_int_equal(r.code, 0);
	ran_free(&r);
	service_until(are_two_there, s, "the test and its daemon");
	return s;
}

static void
a_worker_takes_its_namespace_along(void **state)
{
	struct service		*s = with_a_family(state);
	pid_t			 worker = busy_worker(s);
	struct proc_entry	*v;
	size_t			 n, i;
	struct ran		 r;

	assert_int_equal(proctree_list(worker, &v, &n), 0);
	assert_true(n >= 2);
	assert_int_equal(kill(worker, SIGKILL), 0);
	/* The kernel reaps all of the namespace before its init can be reaped. */
	for (i = 0; i < n; i++) {
		for (int tries = 0; service_alive(v[i].pid) && tries < 20000; tries++)
			(void)poll(NULL, 0, 2);
		assert_false(service_alive(v[i].pid));
	}
	proctree_free(v, n);
	CTL(s, &r, NULL, "cancel", "--kill", "-");
	ran_free(&r);
}

static void
a_lost_supervisor_leaves_nothing(void **state)
{
	struct service	*s = with_a_family(state);

	service_crash(s);	/* asserts it */
	service_again(s);
}

static void
what_cannot_be_had_is_refused(void **state)
{
	struct service	*s = *state;
	struct ran	 r;
	const char	*mark = service_file(s, "mark", "");
	char		*line = xasprintf("rm %s", mark);

	CTL(s, &r, NULL, "config", "set", "isolation", "sandbox,network=none");
	assert_int_equal(r.code, 0);
	ran_free(&r);
	CTL(s, &r, NULL, "run", "--isolation", "pid", "--", "sh", "-c", line);
	assert_int_equal(r.code, 2);
	assert_non_null(strstr(r.err, "isolation pid is not what this supervisor gives"));
	ran_free(&r);
	CTL(s, &r, NULL, "run", "--isolation", "network=host", "--", "sh", "-c", line);
	assert_int_equal(r.code, 2);
	ran_free(&r);
	CTL(s, &r, "a\n", "plan", "--isolation", "pid", "--each", "true {}");
	assert_int_equal(r.code, 2);
	assert_non_null(strstr(r.err, "isolation pid is not what this supervisor gives"));
	ran_free(&r);
	CTL(s, &r, "isolation: sandbox\ntests: [{ name: t, run: x, cwd: /tmp/x }]\n", "run", "-");
	assert_int_equal(r.code, 2);
	assert_non_null(strstr(r.err, "test 't' is to be run in /tmp/x, which is not there in a "
	    "sandbox"));
	ran_free(&r);
	CTL(s, &r, NULL, "run", "--isolation", "pit", "--", "sh", "-c", line);
	assert_int_equal(r.code, 2);
	assert_non_null(strstr(r.err, "did you mean 'pid'"));
	ran_free(&r);
	assert_int_equal(access(mark, F_OK), 0);
	free(line);
}

/* ---- sandbox ---- */

/* One test leaves what it can, the next one finds nothing of it. */
static void
a_sandbox_is_empty_for_each_test(void **state)
{
	struct service	*s = the(state, "sandbox");
	json_t		*doc = run_suite(s, "sandbox",
	    "- name: litters\n"
	    "  run: 'mkdir -p /tmp/a/b; echo x > /tmp/a/b/c; chmod 0 /tmp/a/b; echo > /dev/shm/s;"
	    " chmod 700 /tmp; echo $TMPDIR > $TMPDIR/in-it; ipcmk -M 4096; ipcmk -S 3; ipcmk -Q;"
	    " ls /tmp'\n"
	    "- name: looks\n"
	    "  run: 'ls /tmp | grep -v \"^paratest-\"; find /dev/shm -mindepth 1; stat -c %a /tmp;"
	    " ls $TMPDIR; touch $TMPDIR/mine && echo writes;"
	    " tail -qn +2 /proc/sysvipc/shm /proc/sysvipc/sem /proc/sysvipc/msg; echo end'\n", 0);

	assert_string_equal(word(result(doc, 0), "isolation"), "sandbox");
	assert_says(result(doc, 0), "a\n");
	assert_string_equal(word(result(doc, 1), "output"), "1777\nwrites\nend\n");
	assert_int_equal(json_integer_value(json_object_get(result(doc, 0), "worker")),
	    json_integer_value(json_object_get(result(doc, 1), "worker")));
	json_decref(doc);
	assert_int_equal(access("/tmp/a/b", F_OK), -1);
}

/* A worker whose sandbox was changed leaves, and takes nobody's attempt along. */
static void
one_that_leaves_loses_nothing(void **state)
{
	struct service	*s = the(state, "sandbox");
	char		 tests[2048] = "";
	struct ran	 r;
	json_t		*doc;

	if (geteuid() != 0)
		skip();		/* nobody else can change it so */
	for (int i = 0; i < 24; i++)
		(void)snprintf(tests + strlen(tests), sizeof tests - strlen(tests),
		    "- { name: t%d, run: 'hostname h%d' }\n", i, i);
	doc = run_suite(s, "sandbox", tests, 0);
	json_decref(doc);
	CTL(s, &r, NULL, "show", "--json");
	assert_null(strstr(r.out, "\"lost\""));
	doc = ran_document(&r);
	for (size_t i = 0; i < 24; i++)
		assert_int_equal(json_integer_value(json_object_get(result(doc, i),
		    "attempts")), 1);
	json_decref(doc);
	ran_free(&r);
}

static void
the_hosts_tmp_is_out_of_sight(void **state)
{
	struct service	*s = the(state, "sandbox");
	const char	*file = service_file(s, "of the host", "text");
	char		*tests = xasprintf("- name: looks\n  run: 'test ! -e \"%s\"; echo $?'\n",
	    file);
	json_t		*doc = run_suite(s, "sandbox", tests, 0);

	free(tests);
	/* The folder with its TMPDIR is the same; what is beside that is not there. */
	assert_string_equal(word(result(doc, 0), "output"), "0\n");
	json_decref(doc);
}

static void
the_rest_is_read_only(void **state)
{
	struct service	*s = the(state, "sandbox,read-only");
	json_t		*doc = run_suite(s, "{ read-only: true }",
	    "- name: writes\n"
	    "  run: 'for d in /var/tmp /dev/shm /tmp \"$TMPDIR\"; do"
	    " f=$d/paratest-sandbox-$$; (: > $f) 2>/dev/null && echo yes || echo no; rm -f $f;"
	    " done; echo into > /dev/null && echo null'\n", 0);

	assert_string_equal(word(result(doc, 0), "output"), "no\nyes\nyes\nyes\nnull\n");
	json_decref(doc);
}

static void
the_network_is_as_asked(void **state)
{
	static const char *const	words[] = { "none", "loopback" };
	const char	*look = "- name: looks\n"
	    "  run: 'tail -n +3 /proc/net/dev | wc -l; cat /sys/class/net/lo/carrier >/dev/null;"
	    " bash -c \"exec 3<>/dev/udp/127.0.0.1/9\" 2>/dev/null && echo up || echo down;"
	    " readlink /proc/self/ns/net'\n";
	struct service	*s = the(state, "sandbox,network=loopback");
	char		 host[64] = "", *text;
	json_t		*doc;

	assert_true(readlink("/proc/self/ns/net", host, sizeof host - 1) > 0);
	for (size_t i = 0; i < 2; i++) {
		text = xasprintf("{ network: %s }", words[i]);
		doc = run_suite(s, text, look, 0);
		free(text);
		assert_says(result(doc, 0), i == 0 ? "1\ndown\n" : "1\nup\n");
		assert_null(strstr(word(result(doc, 0), "output"), host));
		json_decref(doc);
	}
	doc = run_suite(s, "{ level: sandbox, network: host }", look, 0);
	assert_says(result(doc, 0), host);
	json_decref(doc);
}

/* A retry runs as its run did; what it asks for is on record. */
static void
a_retry_keeps_its_level(void **state)
{
	struct service	*s = the(state, "sandbox");
	json_t		*doc = run_suite(s, "{ network: none }",
	    "- name: fails\n  run: exit 3\n", 1);
	struct ran	 r;

	json_decref(doc);
	CTL(s, &r, NULL, "retry", "--json");
	assert_int_equal(r.code, 1);
	doc = ran_document(&r);
	assert_string_equal(word(result(doc, 0), "isolation"), "sandbox");
	json_decref(doc);
	ran_free(&r);
	CTL(s, &r, NULL, "status", "--json");
	doc = ran_document(&r);
	assert_string_equal(word(doc, "isolation"), geteuid() == 0 ? "pid" : "process");
	json_decref(doc);
	ran_free(&r);
}

/* ---- a service ---- */

/* What two users' tests, apart from each other, can do to each other and to those who
 * started them; the attacks succeed where nothing forbids them, see test_identity.c. */
static void
users_are_out_of_each_others_sight(void **state)
{
	struct users	*u = *state;
	struct ran	 r;
	json_t		*doc;
	char		*line;

	if (u == NULL)
		skip();
	line = xasprintf("id -u; %s/bin/attack %d; %s/bin/attack 1 signal; grep -E '^(Cap|Groups)' "
	    "/proc/1/status; ls -d /proc/[0-9]* | wc -l; exit 1", u->dir, (int)u->pid, u->dir);
	AS(u, &bob, &r, "run", "--json", "--", "sh", "-c", line);
	free(line);
	assert_int_equal(r.code, 1);
	doc = ran_document(&r);
	assert_string_equal(word(result(doc, 0), "isolation"), "pid");
	/* Nothing was done to either, and its worker has nothing left, not even a set that
	 * bounds it.  (It may be signalled: it is the same user.) */
	assert_says(result(doc, 0),
	    "4002\nno such process\nGroups:\t4002 \nCapInh:\t0000000000000000\n"
	    "CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nCapBnd:\t0000000000000000\n"
	    "CapAmb:\t0000000000000000\n");
	json_decref(doc);
	ran_free(&r);
}

static void
a_service_without_capabilities_refuses(void **state)
{
	struct users	*u = *state;
	struct ran	 r;

	if (u == NULL)
		skip();
	AS(u, &alice, &r, "run", "--isolation", "pid", "--", "touch", "ran");
	assert_int_equal(r.code, 2);
	assert_non_null(strstr(r.err, "isolation pid cannot be had here: the service lacks the "
	    "capability SYS_ADMIN"));
	ran_free(&r);
	AS(u, &alice, &r, "run", "--", "ls");
	assert_int_equal(r.code, 0);
	ran_free(&r);
}

#define ONE(test)	cmocka_unit_test_setup_teardown(test, setup, service_teardown)

static int
run_all(const char *name)
{
	const struct CMUnitTest tests[] = {
		ONE(show_says_what_was_asked_for_and_what_it_was),
		ONE(a_test_sees_itself_alone),
		ONE(what_forks_on_is_gone_with_its_test),
		ONE(a_worker_takes_its_namespace_along),
		ONE(a_lost_supervisor_leaves_nothing),
		ONE(what_cannot_be_had_is_refused),
		ONE(a_sandbox_is_empty_for_each_test),
		ONE(one_that_leaves_loses_nothing),
		ONE(the_hosts_tmp_is_out_of_sight),
		ONE(the_rest_is_read_only),
		ONE(the_network_is_as_asked),
		ONE(a_retry_keeps_its_level),
		cmocka_unit_test_setup_teardown(users_are_out_of_each_others_sight,
		    users_setup_apart, users_teardown),
		cmocka_unit_test_setup_teardown(a_service_without_capabilities_refuses, users_setup,
		    users_teardown),
	};

	return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

/* All of it again, as somebody whom the host gives nothing. */
static int
run_as_nobody(void)
{
	pid_t	pid = fork();
	int	status;

	if (pid == 0) {
		if (setgroups(0, NULL) == -1 || setgid(NOBODY) == -1 || setuid(NOBODY) == -1)
			_exit(99);
		if (access(service_program("paratestd"), X_OK) == -1) {
			print_message("skipped: an ordinary user cannot run what was built\n");
			_exit(0);
		}
		_exit(run_all("in a user namespace"));
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int
main(void)
{
	const char	*bin = getenv("BIN");
	char		 path[PATH_MAX];
	int		 failed;

	/* A sandbox may not see the folder that we are in. */
	if (realpath(bin != NULL ? bin : "build", path) == NULL || setenv("BIN", path, 1) == -1 ||
	    chdir("/") == -1)
		return 1;
	failed = run_all("isolation");
	return geteuid() == 0 ? failed + run_as_nobody() : failed;
}
