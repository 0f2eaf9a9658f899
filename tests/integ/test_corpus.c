/*
 * The corpus of flaky programs (tests/flaky) is what it says: each flaky one can pass and
 * can fail, each sound one passes, also under every changed condition.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "common/clock.h"
#include "common/flake.h"
#include "common/rmtree.h"
#include "common/xalloc.h"
#include "ctl/plan.h"
#include "ctl/suite.h"
#include "tests/integ/service.h"

struct corpus {
	struct plan	 plan;
	json_t		*truth;
	char		 dir[64];	/* what they share, and their TMPDIR */
};

static int
load(void **state)
{
	struct corpus		*c = xcalloc(1, sizeof *c);
	struct suite_error	 e;
	json_error_t		 je;
	char			*bin = xasprintf("%s/tests/flaky", service_program(""));

	if (suite_load(&c->plan, "tests/flaky/corpus.yaml", &e) != 0)
		fail_msg("%s", e.text);
	c->truth = json_load_file("tests/flaky/truth.json", 0, &je);
	if (c->truth == NULL)
		fail_msg("truth.json:%d: %s", je.line, je.text);
	assert_int_equal(setenv("FLAKY_BIN", bin, 1), 0);
	assert_int_equal(unsetenv("FLAKY_P"), 0);
	free(bin);
	*state = c;
	return 0;
}

static int
unload(void **state)
{
	struct corpus	*c = *state;

	plan_free(&c->plan);
	json_decref(c->truth);
	free(c);
	return 0;
}

/* A new folder for each test. */
static void
enter(struct corpus *c)
{
	(void)snprintf(c->dir, sizeof c->dir, "/tmp/paratest-corpus.XXXXXX");
	assert_non_null(mkdtemp(c->dir));
	assert_int_equal(setenv("FLAKY_SHARED", c->dir, 1), 0);
	assert_int_equal(setenv("TMPDIR", c->dir, 1), 0);
}

static void
leave(struct corpus *c)
{
	assert_int_equal(rmtree_at(AT_FDCWD, c->dir), 0);
}

static json_t *
truth_of(const struct corpus *c, const char *name)
{
	json_t	*e;
	size_t	 i;

	json_array_foreach(json_object_get(c->truth, "tests"), i, e) {
		if (strcmp(json_string_value(json_object_get(e, "name")), name) == 0)
			return e;
	}
	fail_msg("truth.json says nothing of '%s'", name);
	return NULL;
}

/* Runs the test's shell line after `before` (NULL: nothing); did it pass? */
static bool
passes(const struct plan_test *t, const char *before)
{
	char				*line = xasprintf("%s\n%s", before != NULL ? before : ":",
	    t->argv.v[2]);
	char				*argv[] = { xstrdup("/bin/sh"), xstrdup("-c"), line, NULL };
	char				*env[32] = { xstrdup("TZ=UTC"), xstrdup("LC_ALL=C") };
	size_t				 n = 2;
	posix_spawn_file_actions_t	 fa;
	posix_spawnattr_t		 at;
	struct pollfd			 p = { .events = POLLIN };
	pid_t				 pid;
	int				 status;

	for (char **e = environ; *e != NULL && n < 31; e++) {
		if (strncmp(*e, "FLAKY_", 6) == 0 || strncmp(*e, "PATH=", 5) == 0 ||
		    strncmp(*e, "TMPDIR=", 7) == 0)
			env[n++] = *e;
	}
	env[n] = NULL;
	(void)posix_spawn_file_actions_init(&fa);
	(void)posix_spawn_file_actions_addchdir_np(&fa, t->cwd);
	for (int fd = 0; fd < 3; fd++)
		(void)posix_spawn_file_actions_addopen(&fa, fd, "/dev/null", O_RDWR, 0);
	(void)posix_spawnattr_init(&at);
	(void)posix_spawnattr_setflags(&at, POSIX_SPAWN_SETPGROUP);
	assert_int_equal(posix_spawn(&pid, argv[0], &fa, &at, argv, env), 0);
	(void)posix_spawn_file_actions_destroy(&fa);
	(void)posix_spawnattr_destroy(&at);
	p.fd = pidfd_open(pid, 0);
	assert_int_not_equal(p.fd, -1);
	if (poll(&p, 1, SERVICE_DEADLINE_MS) != 1) {
		(void)kill(-pid, SIGKILL);
		fail_msg("'%s' did not end", t->name);
	}
	(void)close(p.fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	for (size_t i = 0; argv[i] != NULL; i++)
		free(argv[i]);
	free(env[0]);
	free(env[1]);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* With the trigger at one end, or what truth.json says has the same effect. */
static void
assert_can(const struct plan_test *t, const char *what, const char *trigger, const char *before,
    bool pass)
{
	msec_t	end = now_ms() + SERVICE_DEADLINE_MS;
	bool	done = false;

	if (before == NULL)
		assert_int_equal(setenv("FLAKY_P", trigger, 1), 0);
	/* A busy machine moves the odds: again, while there is time. */
	while (!done && now_ms() < end)
		done = passes(t, before) == pass;
	(void)unsetenv("FLAKY_P");
	if (!done)
		fail_msg("'%s' does not %s", t->name, what);
}

static void
flaky_ones_can_pass_and_fail(void **state)
{
	struct corpus	*c = *state;
	size_t		 n = 0;

	for (size_t i = 0; i < c->plan.ntests; i++) {
		const struct plan_test	*t = &c->plan.tests[i];
		json_t			*truth = truth_of(c, t->name);

		if (!json_is_true(json_object_get(truth, "flaky")))
			continue;
		n++;
		enter(c);
		assert_can(t, "pass", "0", json_string_value(json_object_get(truth, "passing")),
		    true);
		assert_can(t, "fail", "1", json_string_value(json_object_get(truth, "forced")),
		    false);
		leave(c);
	}
	assert_true(n >= 24);
}

static void
sound_ones_pass(void **state)
{
	struct corpus	*c = *state;
	size_t		 n = 0;

	for (size_t i = 0; i < c->plan.ntests; i++) {
		const struct plan_test	*t = &c->plan.tests[i];

		if (json_is_true(json_object_get(truth_of(c, t->name), "flaky")))
			continue;
		n++;
		enter(c);
		for (int k = 0; k < 3; k++) {
			if (!passes(t, NULL))
				fail_msg("'%s' does not pass", t->name);
		}
		leave(c);
	}
	assert_true(n >= 24);
	/* Each is in both files, and once. */
	assert_int_equal(json_array_size(json_object_get(c->truth, "tests")), c->plan.ntests);
}

/* None fails, whatever it is run under; counts how often each was. */
static void
all_stay_sound(struct service *s, const char *jobs, const char *rate,
    unsigned long runs[FLAKE_CONDITION_COUNT])
{
	struct ran	 r;
	json_t		*doc, *t, *o;
	size_t		 i, k;

	CTL(s, &r, NULL, "flaky", "--json", "--no-history", "-j", jobs, "--rate", rate, "-E",
	    "tag(sound)", "tests/flaky/corpus.yaml");
	doc = ran_document(&r);
	json_array_foreach(json_object_get(json_object_get(doc, "flaky"), "reports"), i, t) {
		if (strcmp(json_string_value(json_object_get(t, "verdict")), "stable") != 0 ||
		    json_integer_value(json_object_get(t, "failures")) != 0)
			fail_msg("'%s': %s", json_string_value(json_object_get(t, "testName")),
			    json_dumps(json_object_get(t, "failurePatterns"), 0));
		json_array_foreach(json_object_get(t, "conditions"), k, o) {
			/* Also beside copies of itself, which is no evidence of a flaky test. */
			if (json_integer_value(json_object_get(o, "failures")) != 0)
				fail_msg("'%s' under '%s'",
				    json_string_value(json_object_get(t, "testName")),
				    json_string_value(json_object_get(o, "condition")));
			for (unsigned f = 0; f < FLAKE_CONDITION_COUNT; f++) {
				if (strcmp(json_string_value(json_object_get(o, "condition")),
				    flake_condition_name(f)) == 0)
					runs[f] += (unsigned long)json_integer_value(
					    json_object_get(o, "runs"));
			}
		}
	}
	assert_int_equal(r.code, 0);
	json_decref(doc);
	ran_free(&r);
}

/* As often as it takes to see that none fails in 10 % of the runs, in crowds; and less often
 * one by one, where a load is made instead. */
static void
sound_ones_pass_under_each_condition(void **state)
{
	struct corpus	*c = *state;
	struct service	 s;
	unsigned long	 runs[FLAKE_CONDITION_COUNT] = { 0 };

	enter(c);
	service_start(&s);
	all_stay_sound(&s, "2", "0.1", runs);
	all_stay_sound(&s, "1", "0.3", runs);
	for (unsigned f = 0; f < FLAKE_CONDITION_COUNT; f++) {
		if ((FLAKE_USUAL >> f & 1) != 0 && runs[f] == 0)
			fail_msg("none was run under '%s'", flake_condition_name(f));
	}
	service_stop(&s);
	leave(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flaky_ones_can_pass_and_fail),
		cmocka_unit_test(sound_ones_pass),
		cmocka_unit_test(sound_ones_pass_under_each_condition),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
