/*
 * The supervisor and its store die by SIGKILL, at any moment and between any two steps:
 * no process is left, nothing finished runs twice, nothing is lost, and whoever watches
 * sees one sequence of events without a gap.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "tests/integ/service.h"

#define STEPS_MAX	2000	/* more than any scenario takes */

/* ---- runs ---- */

/* A suite of n tests; each leaves a line in a file of its own whenever it starts, and
 * takes `millis`. */
static const char *
suite(struct service *s, int n, int millis)
{
	char	*text = xstrdup("name: crash\ntests:\n"), *more;

	for (int i = 0; i < n; i++) {
		more = xasprintf("%s  - name: t%d\n    run: 'echo $PARATEST_ATTEMPT >> "
		    "%s/mark.t%d; echo out of t%d; sleep %d.%03d'\n", text, i, s->dir, i, i,
		    millis / 1000, millis % 1000);
		free(text);
		text = more;
	}
	more = xstrdup(service_file(s, "crash.yaml", text));
	free(text);
	return more;
}

static int
marks(struct service *s, int test)
{
	char	*path = xasprintf("%s/mark.t%d", s->dir, test), line[64];
	FILE	*f = fopen(path, "re");
	int	 n = 0;

	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		n++;
	if (f != NULL)
		(void)fclose(f);
	free(path);
	return n;
}

static char *
submit(struct service *s, const char *file)
{
	struct ran	 r;
	char		*id;

	CTL(s, &r, NULL, "run", "--detach", "-j", "2", file);
	assert_int_equal(r.code, 0);
	id = xstrdup(r.out);
	id[strcspn(id, "\n")] = '\0';
	ran_free(&r);
	return id;
}

static json_t *
document(struct service *s, const char *id)
{
	struct ran	 r;
	json_t		*doc;

	CTL(s, &r, NULL, "show", id, "--json");
	doc = r.code == 0 || r.code == 1 ? ran_document(&r) : NULL;
	ran_free(&r);
	return doc;
}

struct waiting {
	struct service	*s;
	const char	*id;
	json_int_t	 passed;
};

static int
has_passed(void *arg)
{
	struct waiting	*w = arg;
	json_t		*doc = document(w->s, w->id);
	int		 yes = doc != NULL && ran_summary(doc, "passed") >= w->passed;

	json_decref(doc);
	return yes;
}

static int
is_over(void *arg)
{
	struct waiting	*w = arg;
	json_t		*doc = document(w->s, w->id);
	const char	*status = doc != NULL ?
	    json_string_value(json_object_get(doc, "status")) : NULL;
	int		 yes = status != NULL && strcmp(status, "running") != 0;

	json_decref(doc);
	return yes;
}

/* Each test passed, once, however often it was begun. */
static void
assert_complete(struct service *s, const char *id, int n)
{
	json_t	*doc = document(s, id), *results, *r, *a;
	size_t	 i, k;

	assert_non_null(doc);
	assert_string_equal(json_string_value(json_object_get(doc, "status")), "passed");
	assert_int_equal(ran_summary(doc, "passed"), n);
	results = json_object_get(doc, "results");
	assert_int_equal(json_array_size(results), n);
	json_array_foreach(results, i, r) {
		json_t	*attempts = json_object_get(r, "attemptsDetail");
		int	 passed = 0, begun = marks(s, atoi(json_string_value(
		    json_object_get(r, "name")) + 1));

		json_array_foreach(attempts, k, a) {
			const char	*o = json_string_value(json_object_get(a, "outcome"));

			passed += strcmp(o, "pass") == 0;
			assert_true(strcmp(o, "pass") == 0 || strcmp(o, "lost") == 0);
		}
		assert_int_equal(passed, 1);
		assert_in_range(begun, 1, json_array_size(attempts));
		assert_int_equal(json_integer_value(json_object_get(r, "retries")), 0);
	}
	json_decref(doc);
}

/* ---- the supervisor ---- */

static void
a_detached_run_is_finished_by_the_next_supervisor(void **state)
{
	struct service	*s = *state;
	const char	*file = suite(s, 8, 150);
	char		*id = submit(s, file);
	struct waiting	 w = { s, id, 2 };

	service_until(has_passed, &w, "two tests do not pass");
	service_crash(s);	/* and waits until no process of it is left */
	service_again(s);
	service_until(is_over, &w, "the run does not end");
	assert_complete(s, id, 8);
	free(id);
	free((char *)(uintptr_t)file);
}

static void
a_run_survives_one_crash_after_another(void **state)
{
	struct service	*s = *state;
	const char	*file = suite(s, 8, 100);
	char		*id = submit(s, file);
	struct waiting	 w = { s, id, 0 };

	for (w.passed = 1; w.passed < 8; w.passed += 2) {
		service_until(has_passed, &w, "it does not get on");
		service_crash(s);
		service_again(s);
	}
	service_until(is_over, &w, "the run does not end");
	assert_complete(s, id, 8);
	free(id);
	free((char *)(uintptr_t)file);
}

/* Numbers 1, 2, 3 up to run.finished, in a file of --events. */
static void
assert_gapless(const char *path)
{
	FILE		*f = fopen(path, "re");
	char		*line = NULL, *last = NULL;
	size_t		 cap = 0;
	json_int_t	 seq = 0;
	json_t		*ev;

	assert_non_null(f);
	while (getline(&line, &cap, f) > 0) {
		ev = json_loads(line, 0, NULL);
		assert_non_null(ev);
		assert_int_equal(json_integer_value(json_object_get(ev, "seq")), ++seq);
		free(last);
		last = xstrdup(json_string_value(json_object_get(ev, "type")));
		json_decref(ev);
	}
	assert_non_null(last);
	assert_string_equal(last, "run.finished");
	free(last);
	free(line);
	(void)fclose(f);
}

static int
t1_has_begun(void *arg)
{
	return marks(arg, 1) > 0;
}

static void
a_client_that_follows_sees_every_event_once(void **state)
{
	struct service	*s = *state;
	const char	*file = suite(s, 6, 200);
	char		*events = xasprintf("%s/events", s->dir);
	pid_t		 pid = service_spawn(s, NULL, (const char *const []){ "run", "-j", "2",
	    "--events", events, file, NULL });
	struct ran	 r;

	service_until(t1_has_begun, s, "no test begins");
	assert_int_equal(kill(s->pid, SIGKILL), 0);
	assert_int_equal(waitpid(s->pid, NULL, 0), s->pid);
	s->pid = 0;
	service_again(s);
	service_wait(s, pid, &r);
	assert_int_equal(r.code, 0);
	assert_non_null(strstr(r.out, "6 passed"));
	assert_gapless(events);
	ran_free(&r);
	free(events);
	free((char *)(uintptr_t)file);
}

/* A run whose client died with its supervisor is nobody's: it is cancelled. */
static void
a_run_whose_client_does_not_come_back_is_cancelled(void **state)
{
	struct service	*s = *state;
	const char	*file = suite(s, 2, 60000);
	pid_t		 pid = service_spawn(s, NULL, (const char *const []){ "run", "-j", "2",
	    file, NULL });
	struct waiting	 w = { s, "", 0 };
	struct ran	 r;
	json_t		*doc;

	service_until(t1_has_begun, s, "no test begins");
	CTL(s, &r, NULL, "config", "set", "reattach-timeout", "500ms", "--persist");
	assert_int_equal(r.code, 0);
	ran_free(&r);
	assert_int_equal(kill(pid, SIGSTOP), 0);
	assert_int_equal(kill(s->pid, SIGKILL), 0);
	assert_int_equal(waitpid(s->pid, NULL, 0), s->pid);
	s->pid = 0;
	assert_int_equal(kill(pid, SIGKILL), 0);
	service_wait(s, pid, &r);
	ran_free(&r);
	service_again(s);
	CTL(s, &r, NULL, "runs", "--json");
	doc = ran_document(&r);
	w.id = xstrdup(json_string_value(json_object_get(json_array_get(doc, 0), "runId")));
	json_decref(doc);
	ran_free(&r);
	service_until(is_over, &w, "the run goes on without its client");
	doc = document(s, w.id);
	assert_string_equal(json_string_value(json_object_get(doc, "status")), "cancelled");
	json_decref(doc);
	free((char *)(uintptr_t)w.id);
	free((char *)(uintptr_t)file);
}

/* ---- between any two steps ---- */

/* A sanitizer's own library wants to be the first. */
#if defined(__SANITIZE_ADDRESS__)
#define PRELOAD_WORKS	0
#else
#define PRELOAD_WORKS	1
#endif

static void
remove_marks(struct service *s, int n)
{
	for (int t = 0; t < n; t++) {
		char	*mark = xasprintf("%s/mark.t%d", s->dir, t);

		(void)unlink(mark);
		free(mark);
	}
}

/* Asks the supervisor to leave, if it is still there; did it die instead? */
static int
leave(struct service *s)
{
	struct ran	r;
	int		status;

	CTL(s, &r, NULL, "shutdown");
	ran_free(&r);
	assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
	s->pid = 0;
	return WIFSIGNALED(status);
}

/* The run in the history: one passed attempt of the test, others lost. */
static void
assert_recorded(struct service *s, const char *test, const char *id)
{
	struct ran	 r;
	json_t		*doc, *rows, *row;
	size_t		 i;
	int		 passed = 0;

	CTL(s, &r, NULL, "history", test, "--json", "--limit", "1000");
	assert_int_equal(r.code, 0);
	doc = ran_document(&r);
	rows = json_object_get(doc, "attempts");
	assert_true(json_is_array(rows));
	json_array_foreach(rows, i, row) {
		if (strcmp(json_string_value(json_object_get(row, "runId")), id) == 0)
			passed += strcmp(json_string_value(json_object_get(row, "outcome")),
			    "pass") == 0;
	}
	assert_int_equal(passed, 1);
	json_decref(doc);
	ran_free(&r);
}

/* A run while `program` dies at its step n, and another supervisor after it, under which
 * nothing dies.  Did the first supervisor die? */
static int
run_and_die_at(struct service *s, const char *program, unsigned n)
{
	char		*preload = xasprintf("LD_PRELOAD=%s",
	    service_program("tests/preload/die_at.so"));
	char		*who = xasprintf("DIE_PROGRAM=%s", program),
	    *at = xasprintf("DIE_AT=%u", n);
	const char	*const env[] = { preload, who, at, NULL };
	const char	*file = suite(s, 4, 0);
	struct waiting	 w = { s, NULL, 0 };
	struct ran	 r = { .out = NULL };
	int		 died;

	remove_marks(s, 4);
	if (service_again_with(s, env)) {
		CTL(s, &r, NULL, "run", "--detach", "-j", "2", file);
		if (r.code == 0)
			w.id = strtok(r.out, "\n");
	}
	while (w.id != NULL && service_alive(s->pid) && !is_over(&w))
		(void)poll(NULL, 0, 2);
	died = leave(s);
	service_again(s);
	if (w.id != NULL) {
		service_until(is_over, &w, "the run does not end");
		assert_complete(s, w.id, 4);
		assert_recorded(s, "t3", w.id);
	}
	(void)leave(s);
	ran_free(&r);
	free((char *)(uintptr_t)file);
	free(preload);
	free(who);
	free(at);
	return died;
}

static void
between_any_two_steps_of_the_supervisor(void **state)
{
	struct service	*s = *state;
	unsigned	 n = 1;

	if (!PRELOAD_WORKS)
		skip();
	(void)leave(s);
	while (n < STEPS_MAX && run_and_die_at(s, "paratestd", n))
		n++;
	print_message("it took %u steps\n", n);
	assert_in_range(n, 20, STEPS_MAX - 1);
	service_again(s);
}

/* It is started again, and dies again, until it gets no further. */
static void
between_steps_of_the_store(void **state)
{
	static const unsigned	 steps[] = { 1, 2, 3, 4, 5, 7, 9, 12, 15, 19, 24, 30, 37, 45 };
	struct service		*s = *state;

	if (!PRELOAD_WORKS)
		skip();
	(void)leave(s);
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
		assert_int_equal(run_and_die_at(s, "paratest-store", steps[i]), 0);
	service_again(s);
}

#define WITH_SERVICE(f)	cmocka_unit_test_setup_teardown(f, service_setup, service_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVICE(a_detached_run_is_finished_by_the_next_supervisor),
		WITH_SERVICE(a_run_survives_one_crash_after_another),
		WITH_SERVICE(a_client_that_follows_sees_every_event_once),
		WITH_SERVICE(a_run_whose_client_does_not_come_back_is_cancelled),
		WITH_SERVICE(between_any_two_steps_of_the_supervisor),
		WITH_SERVICE(between_steps_of_the_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
