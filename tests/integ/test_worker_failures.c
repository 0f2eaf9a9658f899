/* A real worker: what it says of a failed test beside the outcome. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "common/spec.h"
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

static const struct rule_case {
	const char	*line, *on, *never;	/* one rule each, NULL: none */
	enum outcome	 outcome;
	enum retry_says	 says;
	const char	*rule;
} rule_cases[] = {
	{ "true", "fail", "fail", OUTCOME_PASS, SAYS_NOTHING, "" },
	{ "exit 77", "fail", NULL, OUTCOME_SKIP, SAYS_NOTHING, "" },
	{ "exit 3", NULL, NULL, OUTCOME_FAIL, SAYS_NOTHING, "" },
	{ "exit 3", "exit:3", NULL, OUTCOME_FAIL, SAYS_RETRY, "exit:3" },
	{ "exit 3", "exit:4", NULL, OUTCOME_FAIL, SAYS_NEVER, "" },
	{ "exit 3", "text:EXIT CODE", NULL, OUTCOME_FAIL, SAYS_RETRY, "text:EXIT CODE" },
	{ "echo out; echo Broken Pipe >&2; exit 3", "text:broken pipe", NULL, OUTCOME_FAIL,
	    SAYS_RETRY, "text:broken pipe" },
	{ "echo out; exit 3", NULL, "match:^out$", OUTCOME_FAIL, SAYS_NEVER, "match:^out$" },
	{ "exec @segv", "signal:SEGV", NULL, OUTCOME_CRASH, SAYS_RETRY, "signal:SEGV" },
	{ "exec @segv", "crash", "signal:SEGV", OUTCOME_CRASH, SAYS_NEVER, "signal:SEGV" },
	{ "exit 75", NULL, NULL, OUTCOME_FAIL, SAYS_PLEASE, "" },
	{ "exit 75", "timeout", "crash", OUTCOME_FAIL, SAYS_PLEASE, "" },
	{ "exit 75", NULL, "exit:75", OUTCOME_FAIL, SAYS_NEVER, "exit:75" },
	{ "exec @hang", "timeout", NULL, OUTCOME_TIMEOUT, SAYS_RETRY, "timeout" },
	/* The signal was ours. */
	{ "exec @hang", "signal:TERM", NULL, OUTCOME_TIMEOUT, SAYS_NEVER, "" },
	{ "exec @hang", "match:a(", NULL, OUTCOME_TIMEOUT, SAYS_NEVER, "" },
};

static void
rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rule_cases / sizeof rule_cases[0]; i++) {
		const struct rule_case	*c = &rule_cases[i];
		struct msg_test_add	 t = rig_test(SH(rig_line(c->line)));
		struct rig_options	 o = { .timeout_ms = strstr(c->line, "hang") ? 200 : 0 };

		if (c->on != NULL)
			t.retry_on = LIST(c->on);
		if (c->never != NULL)
			t.retry_never = LIST(c->never);
		rig_run(&g, &t, &o);
		if (g.r.m.outcome != c->outcome || g.r.m.retry_says != c->says ||
		    strcmp(g.r.retry_rule, c->rule) != 0)
			fail_msg("case %zu: %s, says %d: %s", i, outcome_name(g.r.m.outcome),
			    (int)g.r.m.retry_says, g.r.retry_rule);
		assert_int_equal(g.r.m.fingerprint != 0, c->outcome != OUTCOME_PASS &&
		    c->outcome != OUTCOME_SKIP);
		assert_int_equal(*g.r.failure != '\0', g.r.m.fingerprint != 0);
	}
}

/* Exit code 75 that was expected is no request, whatever else is wrong. */
static void
an_expected_75_asks_for_nothing(void **state)
{
	static const char *const	codes[] = { "75", "0,75", "!0" };
	struct msg_test_add		t = rig_test(SH("exit 75"));

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		t.expect = LIST("exit_code", "", codes[i], "");
		rig_run(&g, &t, NULL);
		rig_assert_outcome(&g, OUTCOME_PASS, CATEGORY_NONE);
		assert_int_equal(g.r.m.retry_says, SAYS_NOTHING);
		t.expect = LIST("exit_code", "", codes[i], "", "output_contains", "", "x", "");
		rig_run(&g, &t, NULL);
		rig_assert_outcome(&g, OUTCOME_FAIL, CATEGORY_ASSERTION);
		assert_int_equal(g.r.m.retry_says, SAYS_NOTHING);
	}
	t.expect = LIST("exit_code", "", "0", "");
	rig_run(&g, &t, NULL);
	assert_int_equal(g.r.m.retry_says, SAYS_PLEASE);
}

/* What a hook printed is looked at too, but its 75 is not the test's. */
static void
hooks_count(void **state)
{
	struct msg_test_add	t = rig_test(LIST("/bin/true"));
	uint64_t		setup;

	(void)state;
	t.setup = SH("echo no database; exit 75");
	t.retry_on = LIST("text:No Database");
	rig_run(&g, &t, NULL);
	rig_assert_outcome(&g, OUTCOME_FAIL, CATEGORY_SETUP);
	assert_int_equal(g.r.m.retry_says, SAYS_RETRY);
	rig_assert_contains(g.r.failure, "no database");
	setup = g.r.m.fingerprint;

	t.teardown = t.setup;
	t.setup = (struct svs){ NULL, 0 };
	t.retry_on = (struct svs){ NULL, 0 };
	rig_run(&g, &t, NULL);
	rig_assert_outcome(&g, OUTCOME_FAIL, CATEGORY_TEARDOWN);
	assert_int_equal(g.r.m.retry_says, SAYS_NOTHING);
	rig_assert_contains(g.r.failure, "no database");
	assert_int_not_equal(g.r.m.fingerprint, setup);
}

/* Streams race, numbers and folders differ: one failure all the same. */
static void
equal_failures_have_one_fingerprint(void **state)
{
	struct msg_test_add	t = rig_test(SH("echo \"pid $$ in $TMPDIR\"; echo 'up' >&2; "
				    "echo \"took 0.$$ s\" >&2; echo 'Connection refused'; exit 1"));
	uint64_t		first = 0;

	(void)state;
	for (int i = 0; i < 10; i++) {
		rig_run(&g, &t, NULL);
		rig_assert_outcome(&g, OUTCOME_FAIL, CATEGORY_ASSERTION);
		if (first == 0)
			first = g.r.m.fingerprint;
		if (g.r.m.fingerprint != first)
			fail_msg("%s", g.r.failure);
		assert_true(g.r.m.resource_like);
	}
	t.argv = SH("echo 'disk on fire'; exit 1");
	rig_run(&g, &t, NULL);
	assert_int_not_equal(g.r.m.fingerprint, first);
	assert_false(g.r.m.resource_like);
	assert_string_equal(g.r.failure, "exit code 1, expected <n> | disk on fire");
	/* Nor do the files that its command names. */
	t.argv = SH("echo no module at t/one.t; exit 1");
	rig_run(&g, &t, NULL);
	first = g.r.m.fingerprint;
	assert_string_equal(g.r.failure, "exit code 1, expected <n> | no module at <test>");
	t.argv = SH("echo no module at xt/two.t; exit 1");
	rig_run(&g, &t, NULL);
	assert_int_equal(g.r.m.fingerprint, first);
}

/* The last lines are found behind a gap and around the ring's end. */
static void
the_end_of_long_output_counts(void **state)
{
	struct msg_test_add	t = rig_test(SH("i=0; while [ $i -lt 3000 ]; do echo line $i; "
				    "i=$((i + 1)); done; echo the end; exit 1"));
	struct rig_options	o = { .output_limit = 5000 };

	(void)state;
	rig_run(&g, &t, &o);
	assert_true(g.r.m.truncated);
	assert_string_equal(g.r.failure,
	    "exit code 1, expected <n> | line <n> | line <n> | the end");
	o.output_limit = 0;
	rig_run(&g, &t, &o);
	assert_false(g.r.m.truncated);
	assert_string_equal(g.r.failure,
	    "exit code 1, expected <n> | line <n> | line <n> | the end");
}

static void
a_cancelled_test_has_not_failed(void **state)
{
	struct msg_test_add	t = rig_test(LIST(rig_helper("hang")));
	uint64_t		id;

	(void)state;
	t.retry_on = LIST("fail");
	id = rig_begin(&g, &t, &(struct rig_options){ .follow = true });
	rig_until_live(&g, "up");
	rig_abort(&g, id, true, false);
	rig_finish(&g);
	rig_assert_outcome(&g, OUTCOME_CANCELLED, CATEGORY_NONE);
	assert_int_equal(g.r.m.retry_says, SAYS_NOTHING);
	assert_int_equal(g.r.m.fingerprint, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules),
		cmocka_unit_test(an_expected_75_asks_for_nothing),
		cmocka_unit_test(hooks_count),
		cmocka_unit_test(equal_failures_have_one_fingerprint),
		cmocka_unit_test(the_end_of_long_output_counts),
		cmocka_unit_test(a_cancelled_test_has_not_failed),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
