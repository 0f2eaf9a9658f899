/*
 * Retries in suites: merged member by member, presets, the original's words,
 * budgets, and what is refused, with its place.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "ctl/retry_preset.h"
#include "ctl/suite.h"
#include "tests/unit/put_fixture.h"

/* The retries of each test with " ; " between, then the budgets; or the error. */
static char *
read_as(const char *file, const char *text)
{
	struct suite_error	 e = { "" };
	struct plan		 p = { 0 };
	size_t			 size;
	char			*out = NULL;
	FILE			*f = open_memstream(&out, &size);

	assert_non_null(f);
	if (suite_parse(&p, file, "/d", text, strlen(text), &e) < 0)
		(void)fprintf(f, "%s", e.text);
	for (size_t i = 0; i < p.ntests; i++) {
		(void)fprintf(f, "%s%s", i > 0 ? " ; " : "", p.tests[i].name);
		put_retry(f, &p.tests[i].retry);
	}
	put_list(f, "budgets", &p.budgets);
	(void)fclose(f);
	plan_free(&p);
	return out;
}

struct suite_case {
	const char	*text, *want;
};

static void
check_cases(const char *file, const struct suite_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char	*got = read_as(file, cases[i].text);

		print_message("%s\n", cases[i].text);
		assert_string_equal(got, cases[i].want);
		free(got);
	}
}

#define CHECK(file, cases)	check_cases(file, cases, sizeof(cases) / sizeof((cases)[0]))
#define Y(keys)			"tests:\n- name: t\n  run: x\n" keys
/* The original's form of a test. */
#define O(keys)			"tests:\n- name: t\n  command: x\n" keys

static void
reads_members(void **state)
{
	static const struct suite_case cases[] = {
		{ Y(""), "t" },
		{ Y("  retry: 0\n"), "t retry=0" },
		{ Y("  retry: {}\n"), "t" },
		{ Y("  retry: {backoff: 0}\n"), "t delay=0" },
		{ Y("  retry: {count: 3, backoff: 1s, multiplier: 1.5, max: 1m, jitter: equal, "
		  "on: [timeout], never: [oom], where: alone}\n"),
		  "t retry=3 delay=1000 times=1500 jitter=2 max=60000 on[timeout] never[oom] "
		  "where=2" },
		{ Y("  retry: {on: timeout, where: end}\n"), "t on[timeout] where=1" },
		{ Y("  retry: {where: now}\n"), "t where=0" },
		{ Y("  retry:\n    on: [crash, fail, oom, exit:75, 'exit:0', 'signal:SEGV', "
		  "signal:9]\n"), "t "
		  "on[crash][fail][oom][exit:75][exit:0][signal:SEGV][signal:9]" },
		{ Y("  retry:\n    never:\n    - 'text:a: b'\n    - match:^E[0-9]+$\n    - "
		  "match:/x y/im\n    - signal:SIGINT\n    - match:/usr\n"), "t never[text:a: "
		  "b][match:^E[0-9]+$][match:/x y/im][signal:SIGINT][match:/usr]" },
	};

	(void)state;
	CHECK("s.yaml", cases);
}

/* A row: what defaults say, what the test says, what comes of it. */
static void
merges_member_by_member(void **state)
{
	static const struct { const char *defaults, *test, *want; } rows[] = {
		{ "1", NULL, "t retry=1" },
		{ "1", "2", "t retry=2" },
		{ "1", "0", "t retry=0" },
		{ "1", "{}", "t retry=1" },
		{ "{count: 1, backoff: 2s}", "3", "t retry=3 delay=2000" },
		{ "{count: 1, backoff: 2s}", "{backoff: 0}", "t retry=1 delay=0" },
		{ "{multiplier: 2, jitter: full, max: 9s}", "{count: 4, jitter: none}",
		  "t retry=4 times=2000 jitter=0 max=9000" },
		/* a list is one member: replaced whole, also by an empty one */
		{ "{count: 1, on: [timeout, crash]}", "{on: [oom]}", "t retry=1 on[oom]" },
		{ "{count: 1, on: [timeout], never: [oom]}", "{on: []}", "t retry=1 never[oom]" },
		{ "{where: alone}", "{where: now}", "t where=0" },
		{ "{where: end}", "1", "t retry=1 where=1" },
		/* a preset names what it consists of, on either side */
		{ "{preset: conservative}", NULL,
		  "t retry=2 delay=2000 times=2000 never[timeout]" },
		{ "{preset: conservative}", "{count: 9}",
		  "t retry=9 delay=2000 times=2000 never[timeout]" },
		{ "{count: 9, never: [oom], jitter: full}", "{preset: aggressive}",
		  "t retry=5 delay=500 times=1500 jitter=1" },
		{ "{preset: network}", "{preset: conservative}",
		  "t retry=2 delay=2000 times=2000 never[timeout]" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char	*text = xasprintf("defaults: {retry: %s}\ntests:\n- name: t\n  run: "
		    "x\n%s%s\n", rows[i].defaults, rows[i].test != NULL ? "  retry: " : "",
		    rows[i].test != NULL ? rows[i].test : "");
		char	*got = read_as("s.yaml", text);

		print_message("%s\n", text);
		assert_string_equal(got, rows[i].want);
		free(got);
		free(text);
	}
}

static void
defaults_come_before_config(void **state)
{
	static const struct suite_case cases[] = {
		{ "config: {retry: {count: 3, where: end}}\ndefaults: {retry: {count: 2, backoff: "
		  "1s}}\n"
		  Y("  retry: 1\n") "- name: u\n  run: x\n",
		  "t retry=1 delay=1000 where=1 ; u retry=2 delay=1000 where=1" },
	};

	(void)state;
	CHECK("s.yaml", cases);
}

static void
presets_have_the_originals_numbers(void **state)
{
	static const struct suite_case cases[] = {
		{ Y("  retry: {preset: aggressive}\n"), "t retry=5 delay=500 times=1500" },
		{ Y("  retry: {preset: conservative}\n"),
		  "t retry=2 delay=2000 times=2000 never[timeout]" },
		{ Y("  retry: {preset: network}\n"), "t retry=3 delay=1000 times=2000 on[timeout]"
		  "[text:ECONNREFUSED][text:ETIMEDOUT][text:ENOTFOUND][text:network]"
		  "[text:timeout]" },
		/* what is beside it wins, in whatever order */
		{ Y("  retry: {count: 1, preset: aggressive, backoff: 3s, never: [crash]}\n"),
		  "t retry=1 delay=3000 times=1500 never[crash]" },
		{ Y("  retry: {preset: network, on: []}\n"), "t retry=3 delay=1000 times=2000" },
	};

	(void)state;
	CHECK("s.yaml", cases);
	/* An empty rule list of a preset is stated too. */
	for (uint64_t i = 0; retry_presets[i] != NULL; i++) {
		struct plan_retry	r = { .has = 0 };

		retry_preset(&r, i);
		assert_true(r.has & PLAN_RETRY_ON);
		assert_true(r.has & PLAN_RETRY_NEVER);
		plan_retry_free(&r);
	}
}

static void
takes_the_originals_words(void **state)
{
	static const struct suite_case yaml[] = {
		{ O("  retry: 2\n"), "t retry=2" },
		{ O("  retry: {maxRetries: 5, backoffMs: 250, backoffMultiplier: 1.5}\n"),
		  "t retry=5 delay=250 times=1500" },
		/* its defaults, where nothing else is said */
		{ O("  retry: {retryOnTimeout: true}\n"), "t retry=3 delay=1000 times=2000" },
		{ "defaults: {retry: {count: 1, backoff: 0}}\n"
		  O("  retry: {retryOnTimeout: false}\n"),
		      "t retry=1 delay=0 times=2000 never[timeout]" },
		{ O("  retry: {maxRetries: 1, retryOnErrors: [ECONNRESET, Busy]}\n"),
		  "t retry=1 delay=1000 times=2000 on[timeout][text:ECONNRESET][text:Busy]" },
		{ O("  retry: {maxRetries: 1, retryOnErrors: [a], retryOnTimeout: false}\n"),
		  "t retry=1 delay=1000 times=2000 on[text:a] never[timeout]" },
		/* ours go with them */
		{ O("  retry: {maxRetries: 1, backoffMs: 0, jitter: full, where: end}\n"),
		  "t retry=1 delay=0 times=2000 jitter=1 where=1" },
		{ O("  retry: {count: 1}\n"), "t retry=1" },
	};
	static const struct suite_case json[] = {
		{ "{\"name\":\"t\",\"command\":\"x\",\"retry\":{\"maxRetries\":4,\"backoffMs\":10,"
		  "\"backoffMultiplier\":3,\"retryOnTimeout\":true,\"retryOnErrors\":[\"E1\"]}}",
		  "t retry=4 delay=10 times=3000 on[timeout][text:E1]" },
		{ "{\"tests\":[{\"name\":\"t\",\"run\":\"x\"}],\"config\":{\"retry\":"
		  "{\"maxRetries\":1,\"backoffMs\":0}}}", "t retry=1 delay=0 times=2000" },
		{ "{\"tests\":[{\"name\":\"t\",\"run\":\"x\"}],\"retry_budget\":20}",
		  "t budgets[][20]" },
	};

	(void)state;
	CHECK("s.yaml", yaml);
	CHECK("s.json", json);
}

static void
refuses_wrong_retries(void **state)
{
	static const struct suite_case cases[] = {
		{ Y("  retry: {cuont: 1}\n"), "s.yaml:4:11: unknown key 'cuont': did you mean "
		  "'count'?" },
		{ Y("  retry: {maxRetries: 1}\n"), "s.yaml:4:11: unknown key 'maxRetries': the "
		  "keys here are count, backoff, multiplier, jitter, max, on, never, where, "
		  "preset" },
		{ Y("  retry: {where: lone}\n"), "s.yaml:4:18: 'where' must be one of now, end, "
		  "alone, not 'lone': did you mean 'alone'?" },
		{ Y("  retry: {preset: agressive}\n"), "s.yaml:4:19: 'preset' must be one of "
		  "aggressive, conservative, network, not 'agressive': did you mean "
		  "'aggressive'?" },
		{ Y("  retry: {on: {a: b}}\n"),
		  "s.yaml:4:15: 'on' must be text or a list of texts, not a mapping" },
		{ Y("  retry: {on: ''}\n"), "s.yaml:4:15: 'on' is empty" },
		{ Y("  retry:\n    on:\n    - timeout\n    - tiemout\n"),
		  "s.yaml:7:7: 'on': 'tiemout' is no rule: did you mean 'timeout'?" },
		{ Y("  retry: {never: [exti:3]}\n"),
		  "s.yaml:4:19: 'never': 'exti:3' is no rule: did you mean 'exit:...'?" },
		{ Y("  retry: {on: ECONNRESET}\n"), "s.yaml:4:15: 'on': 'ECONNRESET' is no rule: "
		  "write text:ECONNRESET for a text, or timeout, crash, fail, oom, exit:CODE, "
		  "signal:NAME, text:SUBSTRING or match:REGEX" },
		{ Y("  retry: {on: ['text:']}\n"),
		  "s.yaml:4:16: 'on': retry rule 'text:': there is nothing to look for" },
		{ Y("  retry: {on: ['exit:256']}\n"),
		  "s.yaml:4:16: 'on': retry rule 'exit:256': an exit code is a number from 0 "
		  "to 255" },
		{ Y("  retry: {on: ['exit: 3']}\n"),
		  "s.yaml:4:16: 'on': retry rule 'exit: 3': an exit code is a number from 0 "
		  "to 255" },
		{ Y("  retry: {on: ['signal:SEGFAULT']}\n"), "s.yaml:4:16: 'on': retry rule "
		  "'signal:SEGFAULT': there is no such signal" },
		{ Y("  retry: {on: ['match:a(b']}\n"),
		  "s.yaml:4:16: 'on': 'match:a(b': the expression is wrong at character 3: missing "
		  "closing parenthesis" },
		{ Y("  retry: {on: ['match:/a/q']}\n"),
		  "s.yaml:4:16: 'on': retry rule 'match:/a/q': the flags of a pattern are i "
		  "m s x" },
		{ Y("  retry: {on: ['match:/(/i']}\n"), "s.yaml:4:16: 'on': 'match:/(/i': the "
		  "expression is wrong at character 1: missing closing parenthesis" },
		{ Y("") "defaults: {retry: {on: [x]}}\n",
		  "s.yaml:4:25: 'on': 'x' is no rule: write text:x for a text, or timeout, crash, "
		  "fail, oom, exit:CODE, signal:NAME, text:SUBSTRING or match:REGEX" },
		{ O("  retry: {count: 1, maxRetries: 2}\n"),
		  "s.yaml:4:21: 'maxRetries' says again what another key of this 'retry' says: "
		  "keep one" },
		{ O("  retry: {on: [oom], retryOnErrors: [x]}\n"),
		  "s.yaml:4:22: 'retryOnErrors' says again what another key of this 'retry' says: "
		  "keep one" },
		{ O("  retry: {retryOnTimeout: 1}\n"),
		  "s.yaml:4:27: 'retryOnTimeout' must be true or false, not '1'" },
	};

	(void)state;
	CHECK("s.yaml", cases);
}

static void
bounds_rules(void **state)
{
	char	rule[1200], text[1300], many[1000] = "", *got;

	(void)state;
	memset(rule, 'x', sizeof(rule));
	memcpy(rule, "text:", 5);
	rule[1024] = '\0';
	(void)snprintf(text, sizeof(text), Y("  retry: {on: '%s'}\n"), rule);
	got = read_as("s.yaml", text);
	assert_int_equal(strncmp(got, "t on[text:xxx", 13), 0);
	free(got);
	rule[1024] = 'x';
	rule[1025] = '\0';
	(void)snprintf(text, sizeof(text), Y("  retry: {on: '%s'}\n"), rule);
	got = read_as("s.yaml", text);
	assert_non_null(strstr(got, "s.yaml:4:15: 'on': retry rule 'text:xxx"));
	assert_non_null(strstr(got, "is longer than 1024 bytes"));
	free(got);
	for (int i = 0; i < 65; i++)
		(void)strlcat(many, "oom, ", sizeof(many));
	(void)snprintf(text, sizeof(text), Y("  retry: {on: [%s]}\n"), many);
	got = read_as("s.yaml", text);
	assert_string_equal(got, "s.yaml:4:15: 'on' has more than 64 elements");
	free(got);
}

static void
reads_budgets(void **state)
{
	static const struct suite_case cases[] = {
		{ "retry_budget: 2%\n" Y(""), "t budgets[][2%]" },
		{ "retry_budget: {run: 20, tags: {db: 10m, net: 0.5%}}\n" Y(""),
		  "t budgets[][20][db][10m][net][0.5%]" },
		{ "retry_budget: {tags: {db: 0}}\n" Y(""), "t budgets[db][0]" },
		{ "retry_budget: lots\n" Y(""), "s.yaml:1:15: 'retry_budget': 'lots' is no limit: "
		  "write a share of the tests (2%), a number of retries (20) or the time they may "
		  "take (10m)" },
		{ "retry_budget: {run: 101%}\n" Y(""), "s.yaml:1:21: 'retry_budget': '101%' is no "
		  "limit: write a share of the tests (2%), a number of retries (20) or the time "
		  "they may take (10m)" },
		{ "retry_budget: {runs: 1}\n" Y(""),
		  "s.yaml:1:16: unknown key 'runs': did you mean 'run'?" },
		{ "retry_budget: {tags: 3}\n" Y(""),
		  "s.yaml:1:22: 'tags' must be a mapping, not '3'" },
		{ "retry_budget: {tags: {'': 3}}\n" Y(""), "s.yaml:1:23: a tag needs a name" },
		{ "retry_budget: [3]\n" Y(""), "s.yaml:1:15: 'retry_budget' must be text, not a "
		  "list" },
	};

	(void)state;
	CHECK("s.yaml", cases);
}

static void
two_suites_agree_on_budgets(void **state)
{
	static const char	a[] = "retry_budget: {run: 2%, tags: {x: 1}}\ntests: [{name: a, "
	    "run: x}]";
	static const char	b[] = "retry_budget: {run: 2%, tags: {y: 3}}\ntests: [{name: b, "
	    "run: x}]";
	static const char	c[] = "retry_budget: {tags: {x: 2}}\ntests: [{name: c, run: x}]";
	struct suite_error	e = { "" };
	struct plan		p = { 0 };

	(void)state;
	assert_int_equal(suite_parse(&p, "a.yaml", "/d", a, strlen(a), &e), 0);
	assert_int_equal(suite_parse(&p, "b.yaml", "/d", b, strlen(b), &e), 0);
	assert_string_equal(plan_budget(&p, ""), "2%");
	assert_string_equal(plan_budget(&p, "x"), "1");
	assert_string_equal(plan_budget(&p, "y"), "3");
	assert_null(plan_budget(&p, "z"));
	assert_true(suite_parse(&p, "c.yaml", "/d", c, strlen(c), &e) < 0);
	assert_string_equal(e.text, "c.yaml: 'retry_budget' of tag x is 2 here and 1 in an earlier "
	    "suite");
	assert_int_equal(p.ntests, 2);
	plan_free(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_members),
		cmocka_unit_test(merges_member_by_member),
		cmocka_unit_test(defaults_come_before_config),
		cmocka_unit_test(presets_have_the_originals_numbers),
		cmocka_unit_test(takes_the_originals_words),
		cmocka_unit_test(refuses_wrong_retries),
		cmocka_unit_test(bounds_rules),
		cmocka_unit_test(reads_budgets),
		cmocka_unit_test(two_suites_agree_on_budgets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
