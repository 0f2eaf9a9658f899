/* A real worker and tests with setup and teardown. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>

#include "tests/integ/worker_rig.h"

static struct rig	g;

static int
start(void **state)
{
	(void)state;
	rig_start(&g, 1000, 60000);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	rig_stop(&g);
	return 0;
}

static const struct hook_case {
	const char	*name, *setup, *line, *teardown;
	uint64_t	 timeout_ms, setup_timeout_ms, teardown_timeout_ms;
	enum outcome	 outcome;
	enum error_category category;
	const char	*message, *output;
} hooks[] = {
	{ "all well", "echo s", "echo t", "echo d", 0, 0, 0, OUTCOME_PASS, CATEGORY_NONE, "",
	    "s\nt\nd\n" },
	{ "setup fails", "echo s; exit 4", "echo t", "echo d", 0, 0, 0, OUTCOME_FAIL,
	    CATEGORY_SETUP, "setup failed: exit code 4", "s\nd\n" },
	{ "setup fails alone", "exit 4", "echo t", NULL, 0, 0, 0, OUTCOME_FAIL,
	    CATEGORY_SETUP, "setup failed", "" },
	{ "setup takes too long", "exec @ignore_term", "echo t", "echo d", 0, 2000, 0,
	    OUTCOME_FAIL, CATEGORY_SETUP, "setup timed out after 2 s", "up\nterm\nd\n" },
	{ "setup crashes", "exec @segv", "echo t", "echo d", 0, 0, 0, OUTCOME_FAIL,
	    CATEGORY_SETUP, "SIGSEGV", "d\n" },
	{ "test fails", "echo s", "echo t; exit 1", "echo d", 0, 0, 0, OUTCOME_FAIL,
	    CATEGORY_ASSERTION, "exit code 1", "s\nt\nd\n" },
	{ "test times out", "echo s", "exec @hang", "echo d", 2000, 0, 0, OUTCOME_TIMEOUT,
	    CATEGORY_TIMEOUT, "timed out", "s\nup\nd\n" },
	{ "test crashes, teardown fails", NULL, "exec @segv", "exit 1", 0, 0, 0,
	    OUTCOME_CRASH, CATEGORY_CRASH, "SIGSEGV", "" },
	{ "teardown fails", NULL, "echo t", "echo d; exit 9", 0, 0, 0, OUTCOME_FAIL,
	    CATEGORY_TEARDOWN, "teardown failed: exit code 9", "t\nd\n" },
	{ "teardown takes too long", NULL, "echo t", "exec @hang", 0, 0, 2000, OUTCOME_FAIL,
	    CATEGORY_TEARDOWN, "teardown timed out", "t\nup\n" },
	{ "the test's timeout is its own", "sleep 2.1", "echo t", NULL, 2000, 0, 0,
	    OUTCOME_PASS, CATEGORY_NONE, "", "t\n" },
	{ "same folder and variables", "pwd >\"$TMPDIR/x\"; echo $T_X >>\"$TMPDIR/x\"",
	    "cat \"$TMPDIR/x\"", "cat \"$TMPDIR/x\"", 0, 0, 0, OUTCOME_PASS, CATEGORY_NONE, "",
	    "/usr\n5\n/usr\n5\n" },
};

static void
setup_and_teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof hooks / sizeof hooks[0]; i++) {
		const struct hook_case	*c = &hooks[i];
		struct msg_test_add	 t = rig_test(SH(rig_line(c->line)));
		struct rig_options	 o = { .timeout_ms = c->timeout_ms, .grace_ms = 100 };

		t.cwd = SV_LIT("/usr");
		t.env = LIST("T_X=5");
		if (c->setup != NULL)
			t.setup = SH(rig_line(c->setup));
		if (c->teardown != NULL)
			t.teardown = SH(rig_line(c->teardown));
		t.setup_timeout_ms = c->setup_timeout_ms;
		t.teardown_timeout_ms = c->teardown_timeout_ms;
		rig_run(&g, &t, &o);
		print_message("hooks: %s\n", c->name);
		rig_assert_outcome(&g, c->outcome, c->category);
		rig_assert_contains(g.r.message, c->message);
		assert_string_equal(g.r.streams[1].p, c->output);
	}
}

static void
hooks_that_cannot_be_started(void **state)
{
	struct msg_test_add	t = rig_test(LIST("/bin/echo", "t"));

	(void)state;
	t.setup = LIST("/nowhere/setup");
	t.teardown = SH("echo d");
	rig_run(&g, &t, NULL);
	rig_assert_outcome(&g, OUTCOME_FAIL, CATEGORY_SETUP);
	rig_assert_contains(g.r.message, "setup: cannot start /nowhere/setup");
	assert_string_equal(g.r.streams[1].p, "d\n");

	t.setup = LIST("/bin/true");
	t.teardown = LIST("/nowhere/teardown");
	rig_run(&g, &t, NULL);
	rig_assert_outcome(&g, OUTCOME_FAIL, CATEGORY_TEARDOWN);

	t.teardown = SH("echo d");
	t.argv = LIST("/nowhere/test");
	rig_run(&g, &t, NULL);
	rig_assert_outcome(&g, OUTCOME_EXEC_ERROR, CATEGORY_EXECUTION);
	assert_string_equal(g.r.streams[1].p, "d\n");
}

/* What setup starts serves test and teardown; it is not the test's output, and not
 * what its expectations look at. */
static void
setup_may_start_a_server(void **state)
{
	struct msg_test_add	t = rig_test(SH("kill -0 $(cat \"$TMPDIR/pid\") && echo t"));
	pid_t			pid;

	(void)state;
	t.setup = SH(rig_line("@daemon >\"$TMPDIR/pid\"; echo setup"));
	t.teardown = SH("kill -0 $(cat \"$TMPDIR/pid\") && kill $(cat \"$TMPDIR/pid\") && "
	    "cat \"$TMPDIR/pid\"");
	t.expect = LIST("output_equals", "stdout", "t\n", "");
	rig_run(&g, &t, NULL);
	rig_assert_outcome(&g, OUTCOME_PASS, CATEGORY_NONE);
	assert_null(g.r.leaked[0]);
	assert_memory_equal(g.r.streams[1].p, "setup\nt\n", 8);
	rig_until_dead(rig_pid(g.r.streams[1].p + 8));

	/* a leak of the test is ended before the teardown, the server is not */
	t.argv = SH(rig_line("@setsid_child >\"$TMPDIR/leak\"; echo t"));
	t.teardown = SH("! kill -0 $(cat \"$TMPDIR/leak\") 2>/dev/null && "
	    "kill $(cat \"$TMPDIR/pid\")");
	rig_run(&g, &t, NULL);
	rig_assert_outcome(&g, OUTCOME_PASS, CATEGORY_NONE);
	rig_assert_contains(g.r.leaked[1], "setsid_child");
	assert_null(g.r.leaked[2]);

	/* a server that holds the streams and that nobody ends is a leak */
	t.setup = SH(rig_line("@ignore_term & echo $! >&2"));
	t.argv = LIST("/bin/echo", "t");
	t.teardown = LIST("/bin/true");
	rig_run(&g, &t, NULL);
	rig_assert_outcome(&g, OUTCOME_PASS, CATEGORY_NONE);
	rig_assert_contains(g.r.leaked[1], "ignore_term");
	pid = rig_pid(g.r.streams[2].p);
	assert_int_equal(kill(pid, 0), -1);
	assert_true(g.r.m.elapsed_us < 10000000);

	t.teardown = (struct svs){ NULL, 0 };
	rig_run(&g, &t, NULL);
	rig_assert_outcome(&g, OUTCOME_PASS, CATEGORY_NONE);
	rig_assert_contains(g.r.leaked[1], "ignore_term");
	t.argv = LIST("/nowhere");	/* and with no stage after the setup's */
	rig_run(&g, &t, NULL);
	rig_assert_outcome(&g, OUTCOME_EXEC_ERROR, CATEGORY_EXECUTION);
	rig_assert_contains(g.r.leaked[1], "ignore_term");
}

static void
cancelled_with_hooks(void **state)
{
	struct msg_test_add	t = rig_test(LIST(rig_helper("hang")));
	struct rig_options	o = { .grace_ms = 30000, .follow = true };
	uint64_t		id;

	(void)state;
	t.setup = SH("echo s");
	t.teardown = SH("echo d");
	id = rig_begin(&g, &t, &o);
	rig_until_live(&g, "up\n");
	rig_abort(&g, id, false, false);
	rig_finish(&g);
	rig_assert_outcome(&g, OUTCOME_CANCELLED, CATEGORY_NONE);
	assert_string_equal(g.r.streams[1].p, "s\nup\nd\n");

	/* at once: no teardown */
	id = rig_begin(&g, &t, &o);
	rig_until_live(&g, "up\n");
	rig_abort(&g, id, true, false);
	rig_finish(&g);
	rig_assert_outcome(&g, OUTCOME_CANCELLED, CATEGORY_NONE);
	assert_string_equal(g.r.streams[1].p, "s\nup\n");

	/* in the setup: the test does not run, the teardown does */
	t.setup = LIST(rig_helper("hang"));
	t.argv = SH("echo t");
	id = rig_begin(&g, &t, &o);
	rig_until_live(&g, "up\n");
	rig_abort(&g, id, false, false);
	rig_finish(&g);
	rig_assert_outcome(&g, OUTCOME_CANCELLED, CATEGORY_NONE);
	assert_string_equal(g.r.streams[1].p, "up\nd\n");

	/* in the teardown: it goes on, until all is to be killed */
	t.setup = (struct svs){ NULL, 0 };
	t.teardown = LIST(rig_helper("ignore_term"));
	id = rig_begin(&g, &t, &o);
	rig_until_live(&g, "up\n");
	rig_abort(&g, id, false, false);
	rig_abort(&g, id, true, false);
	rig_finish(&g);
	rig_assert_outcome(&g, OUTCOME_CANCELLED, CATEGORY_NONE);
	assert_string_equal(g.r.streams[1].p, "t\nup\n");
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup_teardown(setup_and_teardown, start, stop),
		cmocka_unit_test_setup_teardown(hooks_that_cannot_be_started, start, stop),
		cmocka_unit_test_setup_teardown(setup_may_start_a_server, start, stop),
		cmocka_unit_test_setup_teardown(cancelled_with_hooks, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
