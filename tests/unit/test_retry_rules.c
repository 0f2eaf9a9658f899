/* Unit tests of worker/retry_rules.c: what a test's rules say of its failure. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/spec.h"
#include "common/xalloc.h"
#include "worker/retry_rules.h"

static unsigned	alive;

static void
on_alive(void *arg)
{
	(void)arg;
	alive++;
}

/* A list of rules that ends with NULL. */
static struct svs
list(const char *const *rules, struct sv v[SPEC_RULES_MAX])
{
	uint32_t	n = 0;

	for (; rules[n] != NULL; n++)
		v[n] = sv_from(rules[n]);
	return (struct svs){ v, n };
}

struct failed {
	enum outcome	 outcome;
	int		 code, signal;
	bool		 please;
	const char	*text;
};

static const struct failed
	plain = { OUTCOME_FAIL, 3, 0, false, "exit code 3, expected 0\nStart\nConnection "
	    "Refused by peer\nEnd" },
	timeout = { OUTCOME_TIMEOUT, -1, 0, false, "timed out after 2 s\n" },
	crash = { OUTCOME_CRASH, -1, 11, false, "killed by SIGSEGV\n" },
	oom = { OUTCOME_OOM, -1, 9, false, "\n" },
	no_start = { OUTCOME_EXEC_ERROR, -1, 0, false, "cannot start x: Text file busy\n" },
	please = { OUTCOME_FAIL, 75, 0, true, "exit code 75, expected 0\n" };

static void
what_rules_say(void **state)
{
	static const struct {
		const struct failed	*failed;
		const char		*on[4], *never[4];
		enum retry_says		 says;
		const char		*rule;
	} cases[] = {
		{ &plain, { 0 }, { 0 }, SAYS_NOTHING, "" },
		{ &plain, { "fail" }, { 0 }, SAYS_RETRY, "fail" },
		{ &plain, { "timeout", "crash", "oom" }, { 0 }, SAYS_NEVER, "" },
		{ &timeout, { "fail", "timeout" }, { 0 }, SAYS_RETRY, "timeout" },
		{ &crash, { "crash" }, { 0 }, SAYS_RETRY, "crash" },
		{ &oom, { "oom" }, { 0 }, SAYS_RETRY, "oom" },
		{ &no_start, { "fail", "crash" }, { 0 }, SAYS_NEVER, "" },
		{ &no_start, { "text:text file busy" }, { 0 }, SAYS_RETRY, "text:text file busy" },
		/* how it ended */
		{ &plain, { "exit:3" }, { 0 }, SAYS_RETRY, "exit:3" },
		{ &plain, { "exit:4", "exit:0" }, { 0 }, SAYS_NEVER, "" },
		{ &crash, { "exit:0", "exit:255", "exit:11" }, { 0 }, SAYS_NEVER, "" },
		{ &crash, { "signal:SEGV" }, { 0 }, SAYS_RETRY, "signal:SEGV" },
		{ &crash, { "signal:sigsegv" }, { 0 }, SAYS_RETRY, "signal:sigsegv" },
		{ &crash, { "signal:11" }, { 0 }, SAYS_RETRY, "signal:11" },
		{ &crash, { "signal:ABRT" }, { 0 }, SAYS_NEVER, "" },
		{ &plain, { "signal:HUP" }, { 0 }, SAYS_NEVER, "" },
		/* text, in the error and in the output */
		{ &plain, { "text:connection refused" }, { 0 }, SAYS_RETRY,
		    "text:connection refused" },
		{ &plain, { "text:EXIT CODE 3" }, { 0 }, SAYS_RETRY, "text:EXIT CODE 3" },
		{ &plain, { "text:refused  by" }, { 0 }, SAYS_NEVER, "" },
		{ &plain, { "text:.*" }, { 0 }, SAYS_NEVER, "" },
		/* patterns */
		{ &plain, { "match:Refused by \\w+$" }, { 0 }, SAYS_RETRY,
		    "match:Refused by \\w+$" },
		{ &plain, { "match:^start$" }, { 0 }, SAYS_NEVER, "" },
		{ &plain, { "match:/^start$/i" }, { 0 }, SAYS_RETRY, "match:/^start$/i" },
		{ &plain, { "match:start.*end", "match:/Start.*End/s" }, { 0 }, SAYS_RETRY,
		    "match:/Start.*End/s" },
		{ &plain, { "match:^exit code \\d" }, { 0 }, SAYS_RETRY, "match:^exit code \\d" },
		/* never goes first */
		{ &plain, { "fail" }, { "exit:3" }, SAYS_NEVER, "exit:3" },
		{ &plain, { "fail" }, { "timeout", "text:CONNECTION" }, SAYS_NEVER,
		    "text:CONNECTION" },
		{ &plain, { "fail" }, { "timeout", "exit:4" }, SAYS_RETRY, "fail" },
		{ &plain, { 0 }, { "fail" }, SAYS_NEVER, "fail" },
		{ &plain, { 0 }, { "crash" }, SAYS_NOTHING, "" },
		/* the test asks */
		{ &please, { 0 }, { 0 }, SAYS_PLEASE, "" },
		{ &please, { "timeout" }, { 0 }, SAYS_PLEASE, "" },
		{ &please, { "fail" }, { "crash" }, SAYS_PLEASE, "" },
		{ &please, { "exit:75" }, { "exit:75" }, SAYS_NEVER, "exit:75" },
		{ &please, { 0 }, { "fail" }, SAYS_NEVER, "fail" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct failed	*t = cases[i].failed;
		struct retry_facts	 f = { .outcome = t->outcome, .code = t->code,
					    .signal = t->signal, .please = t->please,
					    .text = sv_from(t->text) };
		struct strbuf		 problems = { NULL, 0, 0 };
		struct sv		 on[SPEC_RULES_MAX], never[SPEC_RULES_MAX], rule;
		enum retry_says		 says;

		says = retry_rules_judge(list(cases[i].on, on), list(cases[i].never, never), &f,
		    &rule, &problems);
		if (says != cases[i].says || !sv_is(rule, cases[i].rule) || problems.n > 0)
			fail_msg("case %zu: %d \"%.*s\" %s", i, (int)says, SV_ARG(rule),
			    problems.n > 0 ? problems.p : "");
	}
}

/* A rule that cannot be used says nothing, and that is said. */
static void
bad_rules_do_not_match(void **state)
{
	static const char *const	on[] = { "match:a(", "nonsense", "exit:3", NULL };
	struct retry_facts		f = { .outcome = OUTCOME_FAIL, .code = 3,
					    .text = SV_LIT("a(") };
	struct strbuf			problems = { NULL, 0, 0 };
	struct sv			v[SPEC_RULES_MAX], rule;

	(void)state;
	assert_int_equal(retry_rules_judge(list(on, v), (struct svs){ NULL, 0 }, &f, &rule,
	    &problems), SAYS_RETRY);
	assert_true(sv_is(rule, "exit:3"));
	assert_non_null(strstr(problems.p, "the pattern a( cannot be used: "));
	assert_non_null(strstr(problems.p, "\nretry rules: retry rule 'nonsense': is none of"));
	free(problems.p);
}

/* All patterns together have a second, and the heart beats between them. */
static void
patterns_do_not_hang(void **state)
{
	static const char	slow[] = "match:/(a+)+$/";
	const char		*on[SPEC_RULES_MAX + 1];
	size_t			 n = 400000;
	char			*text = malloc(n);
	struct retry_facts	 f = { .outcome = OUTCOME_FAIL, .code = 1, .alive = on_alive };
	struct strbuf		 problems = { NULL, 0, 0 };
	struct sv		 v[SPEC_RULES_MAX], rule;
	uint64_t		 cpu;

	(void)state;
	assert_non_null(text);
	memset(text, 'a', n);
	text[n - 1] = '!';
	for (size_t i = 0; i < SPEC_RULES_MAX; i++)
		on[i] = slow;
	on[SPEC_RULES_MAX - 1] = "exit:1";
	on[SPEC_RULES_MAX] = NULL;
	f.text = (struct sv){ text, n };
	alive = 0;
	cpu = cpu_us();
	assert_int_equal(retry_rules_judge(list(on, v), (struct svs){ NULL, 0 }, &f, &rule,
	    &problems), SAYS_RETRY);
	assert_true(sv_is(rule, "exit:1"));
	assert_int_equal(alive, SPEC_RULES_MAX - 1);
	assert_true(cpu_us() - cpu < 5 * RETRY_RULES_US);
	assert_non_null(strstr(problems.p, "gave up on the pattern"));
	free(problems.p);
	free(text);
}

static void
text_is_only_gathered_when_it_is_looked_at(void **state)
{
	static const char *const	ends[] = { "fail", "exit:3", "signal:9", NULL };
	static const char *const	text[] = { "fail", "text:x", NULL };
	static const char *const	match[] = { "match:x", NULL };
	struct sv			a[SPEC_RULES_MAX], b[SPEC_RULES_MAX];
	struct svs			none = { NULL, 0 };

	(void)state;
	assert_false(retry_rules_want_text(none, none));
	assert_false(retry_rules_want_text(list(ends, a), list(ends, b)));
	assert_true(retry_rules_want_text(list(text, a), none));
	assert_true(retry_rules_want_text(list(ends, a), list(match, b)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_rules_say),
		cmocka_unit_test(bad_rules_do_not_match),
		cmocka_unit_test(patterns_do_not_hang),
		cmocka_unit_test(text_is_only_gathered_when_it_is_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
