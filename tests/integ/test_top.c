/*
 * Sharing through the programs: what top and status show, priorities that survive a
 * crash, and two users of one supervisor (root alone can have a second one: a private
 * supervisor is open to its user and to root).
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/integ/service.h"

#define NOBODY	65534
#define CROWD	4000		/* tests of one user: far more than run while the other's do */

static json_t *
top(struct service *s)
{
	struct ran	 r;
	json_t		*doc;

	CTL(s, &r, NULL, "top", "--json");
	assert_int_equal(r.code, 0);
	doc = ran_document(&r);
	ran_free(&r);
	return doc;
}

/* The object of an array in which `key` is this text, or NULL. */
static json_t *
named(json_t *doc, const char *array, const char *key, const char *text)
{
	json_t	*o;
	size_t	 i;

	json_array_foreach(json_object_get(doc, array), i, o) {
		if (strcmp(json_string_value(json_object_get(o, key)), text) == 0)
			return o;
	}
	return NULL;
}

static json_int_t
number(json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

/* ---- what is shown ---- */

static int
has_figures(void *arg)
{
	json_t	*doc = top(arg), *t = named(doc, "tests", "test", "busy");
	int	 ok = t != NULL && number(t, "memory") > 0 &&
	    json_number_value(json_object_get(t, "cpuTime")) > 0;

	json_decref(doc);
	return ok;
}

static void
top_shows_what_runs(void **state)
{
	struct service	*s = *state;
	const char	*file = service_file(s, "busy.yaml", "name: load\ntests:\n"
	    "  - name: busy\n    run: 'while :; do :; done'\n"
	    "  - name: last\n    run: 'true'\n");
	struct ran	 r;
	json_t		*doc, *o;

	CTL(s, &r, NULL, "run", "--detach", "-j", "1", "--order", "plan", "--priority", "-4", file);
	assert_int_equal(r.code, 0);
	ran_free(&r);
	service_until(has_figures, s, "figures of a test that runs");
	doc = top(s);
	o = named(doc, "runs", "name", "load");
	assert_non_null(o);
	assert_int_equal(number(o, "priority"), -4);
	assert_int_equal(number(o, "totalTests"), 2);
	assert_int_equal(number(o, "queuedTests"), 1);
	o = json_array_get(json_object_get(doc, "users"), 0);
	assert_int_equal(number(o, "uid"), getuid());
	assert_int_equal(number(o, "used"), 1);
	json_decref(doc);
	CTL(s, &r, NULL, "status", "--json");
	doc = ran_document(&r);
	o = json_array_get(json_object_get(doc, "users"), 0);
	assert_int_equal(number(o, "activeRuns"), 1);
	assert_int_equal(number(o, "weight"), 1);
	json_decref(doc);
	ran_free(&r);
	/* Plain where it is no terminal, as often as was asked for. */
	CTL(s, &r, NULL, "top", "-n", "2", "-d", "100ms");
	assert_int_equal(r.code, 0);
	assert_null(strchr(r.out, '\033'));
	assert_non_null(strstr(r.out, "  busy\n"));
	assert_non_null(strstr(strstr(r.out, "USER ") + 1, "\n\nparatestd "));
	ran_free(&r);
	CTL(s, &r, NULL, "top", "--once", "too", "many");
	assert_int_equal(r.code, 2);
	ran_free(&r);
	CTL(s, &r, NULL, "top", "-d", "1");
	assert_int_equal(r.code, 2);
	assert_non_null(strstr(r.err, "not a duration"));
	ran_free(&r);
}

static void
a_priority_survives_a_crash(void **state)
{
	struct service	*s = *state;
	struct ran	 r;
	json_t		*doc;

	CTL(s, &r, NULL, "run", "--detach", "--priority", "7", "--name", "first", "--", "sleep",
	    "1000");
	assert_int_equal(r.code, 0);
	ran_free(&r);
	service_crash(s);
	service_again(s);
	doc = top(s);
	assert_int_equal(number(named(doc, "runs", "name", "first"), "priority"), 7);
	json_decref(doc);
	CTL(s, &r, NULL, "run", "--priority", "eleven", "--", "true");
	assert_int_equal(r.code, 2);
	assert_non_null(strstr(r.err, "from -10 to 10"));
	ran_free(&r);
}

/* ---- two users ---- */

/* A program as another user; what it says is not looked at.  state: where it may keep
 * something; input: the path of its standard input; ready: its descriptor 3, -1: none. */
static pid_t
run_as_nobody(const char *state, const char *input, int ready, const char *const *argv)
{
	pid_t	pid = fork();
	int	in, out;

	if (pid != 0)
		return pid;
	in = open(input, O_RDONLY | O_CLOEXEC);
	out = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (in == -1 || out == -1 || dup2(in, 0) == -1 || dup2(out, 1) == -1 ||
	    (ready != -1 && dup2(ready, 3) == -1) || setgroups(0, NULL) == -1 ||
	    setgid(NOBODY) == -1 || setuid(NOBODY) == -1 ||
	    setenv("XDG_STATE_HOME", state, 1) == -1 || chdir("/") == -1)
		_exit(99);
	(void)execv(argv[0], (char *const *)(uintptr_t)argv);
	_exit(98);
}

static void
start_as_nobody(struct service *s)
{
	char			 program[4096], c;
	const char		*argv[] = { program, "--socket", s->socket, "--ready-fd", "3",
	    "--isolation", "process", NULL };
	struct pollfd		 p;
	int			 fds[2];

	memset(s, 0, sizeof *s);
	(void)snprintf(program, sizeof program, "%s", service_program("paratestd"));
	(void)snprintf(s->dir, sizeof s->dir, "/tmp/paratest-integ.XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	assert_int_equal(chown(s->dir, NOBODY, NOBODY), 0);
	(void)snprintf(s->socket, sizeof s->socket, "%s/sock", s->dir);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	s->pid = run_as_nobody(s->dir, "/dev/null", fds[1], argv);
	(void)close(fds[1]);
	p = (struct pollfd){ .fd = fds[0], .events = POLLIN };
	assert_int_equal(poll(&p, 1, SERVICE_DEADLINE_MS), 1);
	assert_int_equal(read(fds[0], &c, 1), 1);
	(void)close(fds[0]);
}

/* Can somebody else start what was built? */
static int
others_may_run(void)
{
	char		 program[4096];
	const char	*argv[] = { program, "--help", NULL };
	int		 status;
	pid_t		 pid;

	(void)snprintf(program, sizeof program, "%s", service_program("paratestd"));
	pid = run_as_nobody("/", "/dev/null", -1, argv);
	return waitpid(pid, &status, 0) == pid && status == 0;
}

static void
a_crowd_does_not_delay_another_user(void **state)
{
	char		 program[4096];
	struct service	 s;
	const char	*argv[] = { program, "--socket", s.socket, "run", "--detach", "--name",
	    "crowd", "-j", "2", "--each", "true {}", NULL };
	struct ran	 r;
	json_t		*doc, *run;
	FILE		*f;
	char		*words;
	size_t		 size;
	pid_t		 pid;
	int		 status;

	(void)state;
	if (getuid() != 0 || !others_may_run()) {
		print_message("skipped: it needs root, and a build that another user may run\n");
		skip();
	}
	start_as_nobody(&s);
	(void)snprintf(program, sizeof program, "%s", service_program("paratestctl"));
	f = open_memstream(&words, &size);
	assert_non_null(f);
	for (int i = 0; i < CROWD; i++)
		(void)fprintf(f, "%d\n", i);
	(void)fclose(f);
	pid = run_as_nobody(s.dir, service_file(&s, "list", words), -1, argv);
	free(words);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	CTL(&s, &r, "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n", "run", "--name", "few", "-j", "2", "--each",
	    "true {}");
	assert_int_equal(r.code, 0);
	ran_free(&r);
	/* The few are over, and most of the crowd waits. */
	doc = top(&s);
	assert_null(named(doc, "runs", "name", "few"));
	run = named(doc, "runs", "name", "crowd");
	assert_non_null(run);
	assert_int_equal(number(run, "uid"), NOBODY);
	assert_true(number(run, "queuedTests") > 0);
	json_decref(doc);
	CTL(&s, &r, NULL, "status");
	assert_non_null(strstr(r.out, "SHARE"));
	ran_free(&r);
	service_stop(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(top_shows_what_runs, service_setup,
		    service_teardown),
		cmocka_unit_test_setup_teardown(a_priority_survives_a_crash, service_setup,
		    service_teardown),
		cmocka_unit_test(a_crowd_does_not_delay_another_user),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
