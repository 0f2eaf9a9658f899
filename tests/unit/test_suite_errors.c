/*
 * The suite loader: what is wrong in YAML and JSON is refused with its place, in
 * one line, and adds nothing to the plan.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "ctl/suite.h"

#define DIR	"/d"

/* The error of a text, allocated; there must be one. */
static char *
read_as(const char *file, const char *text, size_t len)
{
	struct suite_error e = { "" };
	struct plan	 p = { 0 };
	/* Exactly the bytes, so that a reader beyond them is found out. */
	char		*copy = xmemdup(text, len);

	assert_int_equal(suite_parse(&p, file, DIR, copy, len, &e), -EINVAL);
	assert_int_equal(p.ntests, 0);
	assert_null(p.name);
	free(copy);
	return xstrdup(e.text);
}

struct suite_case {
	const char	*text, *want;
};

static void
check_cases(const char *file, const struct suite_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char	*got = read_as(file, cases[i].text, strlen(cases[i].text));

		print_message("%s\n", cases[i].text);
		assert_string_equal(got, cases[i].want);
		free(got);
	}
}

#define CHECK(file, cases)	check_cases(file, cases, sizeof(cases) / sizeof((cases)[0]))
/* A suite with one test of these keys. */
#define Y(keys)			"tests:\n- name: t\n" keys
#define RUN			"  run: x\n"

static void
refuses_wrong_yaml(void **state)
{
	static const struct suite_case cases[] = {
		{ "", "s.yaml: the file is empty: write at least one test" },
		{ "# only this\n", "s.yaml: the file is empty: write at least one test" },
		{ "---\n", "s.yaml:2:1: a suite is a mapping with 'tests', or a list of tests" },
		{ "tests: []\n", "s.yaml: there are no tests: write them as a list below 'tests'" },
		{ "name: x\n", "s.yaml: there are no tests: write them as a list below 'tests'" },
		{ "just text\n",
		  "s.yaml:1:1: a suite is a mapping with 'tests', or a list of tests" },
		{ "isolation: pit\n" Y(RUN), "s.yaml:1:12: 'isolation' must be one of auto, "
		  "process, pid, cgroup, sandbox, not 'pit': did you mean 'pid'?" },
		{ "isolation: {level: pid, network: none}\n" Y(RUN), "s.yaml:1:25: 'network' is a "
		  "sandbox's, and the level is pid: write level: sandbox" },
		{ "isolation: {network: lan}\n" Y(RUN), "s.yaml:1:22: 'network' must be one of "
		  "host, loopback, none, not 'lan'" },
		{ "isolation: {read-only: maybe}\n" Y(RUN), "s.yaml:1:24: 'read-only' must be true "
		  "or false, not 'maybe'" },
		{ "isolation: {net: none}\n" Y(RUN), "s.yaml:1:13: unknown key 'net': the keys "
		  "here are level, network, read-only" },
		{ Y(RUN "  isolation: pid\n"), "s.yaml:4:3: 'isolation' is of all tests of a "
		  "suite: write it beside 'tests'" },
		{ "tests: x\n", "s.yaml:1:8: 'tests' must be a list of tests" },
		{ "tests: {a: b}\n", "s.yaml:1:8: 'tests' must be a list of tests" },
		{ "tests:\n- x\n", "s.yaml:2:3: a test is a mapping with 'name' and 'run'" },
		{ Y(RUN) "---\n" Y(RUN), "s.yaml:4:1: a second document: a suite is one document" },
		{ "%YAML 1.1\n---\n" Y(RUN),
		  "s.yaml:1:1: directives ('%...') are not supported: remove the line" },
		{ Y("  run: &a x\n"), "s.yaml:3:8: anchors ('&...') are not supported: repeat the "
		  "value, or put it in quotes" },
		{ Y("  run: *a\n"), "s.yaml:3:8: aliases ('*...') are not supported: repeat the "
		  "value, or put it in quotes" },
		{ Y("  run: !!str x\n"),
		  "s.yaml:3:8: tags ('!...') are not supported: write the text in quotes" },
		{ Y("  run: !x y\n"),
		  "s.yaml:3:8: tags ('!...') are not supported: write the text in quotes" },
		{ Y("  <<: {run: x}\n"),
		  "s.yaml:3:3: merge keys ('<<') are not supported: repeat the values" },
		{ Y("  ? [a]\n  : b\n"), "s.yaml:3:5: a key must be text" },
		{ Y("\trun: x\n"), "s.yaml:3:1: a tab indents this line: YAML takes only spaces" },
		{ Y("  run: a: b\n"),
		  "s.yaml:3:9: not valid YAML: mapping values are not allowed in "
		  "this context: put text that holds ': ' in quotes" },
		{ Y("  run: @x\n"),
		  "s.yaml:3:8: not valid YAML: while scanning for the next token, "
		  "found character that cannot start any token: put the text in quotes" },
		{ Y("  run: x\xff\n"), "s.yaml:3:9: not UTF-8 text: invalid leading UTF-8 octet" },
		{ Y("  run: \"\\0\"\n"), "s.yaml:3:8: 'run' holds a NUL byte" },
		{ Y(RUN RUN), "s.yaml:4:3: 'run' is here twice: also in line 3" },
		{ Y(RUN) "tests: []\n", "s.yaml:4:1: 'tests' is here twice: also in line 1" },
		{ "a: {b: {c: {a: {b: {c: {a: {b: {c: {a: {b: {c: {a: {b: {c: {a: {b: "
		  "1}}}}}}}}}}}}}}}}}",
		  "s.yaml:1:1: unknown key 'a': the keys here are paratest, name, description, "
		  "tags, "
		  "env, defaults, resources, config, retry_budget, isolation, tests" },
		{ "env: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
		  "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
		  "s.yaml:1:39: nested too deeply" },
	};

	(void)state;
	CHECK("s.yaml", cases);
}

static void
refuses_wrong_keys(void **state)
{
	static const struct suite_case cases[] = {
		{ "tests_:\n- name: t\n",
		  "s.yaml:1:1: unknown key 'tests_': did you mean 'tests'?" },
		{ Y("  rnu: x\n"), "s.yaml:3:3: unknown key 'rnu': did you mean 'run'?" },
		{ Y(RUN "  tmieout: 3s\n"),
		  "s.yaml:4:3: unknown key 'tmieout': did you mean 'timeout'?" },
		{ Y(RUN "  expect: {stdot: x}\n"),
		  "s.yaml:4:12: unknown key 'stdot': did you mean 'stdout'?" },
		{ Y(RUN "  expect: {stdout: {containz: x}}\n"),
		  "s.yaml:4:21: unknown key 'containz': did you mean 'contains'?" },
		{ Y("  sessions: {main: x}\n"), "s.yaml:3:3: 'sessions' is not supported yet" },
		{ Y("  id: x\n"), "s.yaml:3:3: 'id' is not supported yet" },
		{ "vars: {a: b}\n" Y(RUN), "s.yaml:1:1: 'vars' is not supported yet" },
		{ "setup: x\n" Y(RUN), "s.yaml:1:1: 'setup' is not supported yet" },
		{ Y(RUN "  expect: {files: {a: absent}}\n"),
		  "s.yaml:4:12: 'files' is not supported yet" },
		{ Y(RUN "  expect: {stdout: {json: {}}}\n"),
		  "s.yaml:4:21: 'json' is not supported yet" },
		{ Y(RUN "  resources: {share: [a]}\n"),
		  "s.yaml:4:15: 'share' is not supported yet" },
		{ Y("  recording: name\n"),
		  "s.yaml:3:3: 'recording' without 'command' or 'argv' is "
		  "not supported yet" },
		{ Y("  command: x\n  recording: {steps: []}\n"),
		  "s.yaml:4:3: 'recording' is not supported yet" },
		{ Y("  command: x\n  assertions: [{type: state_equals, expected: {}}]\n"),
		  "s.yaml:4:23: 'state_equals' is not supported yet" },
		{ Y("  command: x\n  assertions: [{type: exit_cod, expected: 0}]\n"),
		  "s.yaml:4:23: 'type' must be one of exit_code, output_contains, "
		  "output_not_contains, output_matches, stdout_equals, no_errors, not 'exit_cod': "
		  "did you mean 'exit_code'?" },
		{ Y("  command: x\n  assertions: [{expected: 0}]\n"),
		  "s.yaml:4:16: an assertion needs a 'type'" },
		{ Y("  command: x\n  assertions: [{type: exit_code}]\n"),
		  "s.yaml:4:16: 'exit_code' needs 'expected'" },
		{ "run: x\n" Y(RUN), "s.yaml:1:1: 'run' belongs to a test, below 'tests', or into "
		  "'defaults'" },
		{ "defaults: {name: x}\n" Y(RUN),
		  "s.yaml:1:12: 'name' has no default: write it at each test" },
		{ "defaults: {timeot: 3s}\n" Y(RUN),
		  "s.yaml:1:12: unknown key 'timeot': did you mean 'timeout'?" },
		{ "config: {max_worker: 3}\n" Y(RUN),
		  "s.yaml:1:10: unknown key 'max_worker': did you mean 'max_workers'?" },
	};

	(void)state;
	CHECK("s.yaml", cases);
}

static void
refuses_wrong_values(void **state)
{
	static const struct suite_case cases[] = {
		{ "paratest: 2\n" Y(RUN),
		  "s.yaml:1:11: 'paratest' is '2': this program reads version 1" },
		{ Y(""), "s.yaml:2:3: test 't' has nothing to run: write 'run'" },
		{ "tests:\n- run: x\n", "s.yaml:2:3: this test has no 'name'" },
		{ "tests:\n- name: ''\n", "s.yaml:2:9: 'name' is empty" },
		{ "tests:\n- name: [a]\n", "s.yaml:2:9: 'name' must be text, not a list" },
		{ "tests:\n- name:\n  run: x\n",
		  "s.yaml:2:8: 'name' has no value: write one, or '' for empty text" },
		{ Y("  run: ''\n"), "s.yaml:3:8: 'run' is empty" },
		{ Y("  run: []\n"), "s.yaml:3:8: 'run' is an empty list: name a program" },
		{ Y("  run: ['', a]\n"), "s.yaml:3:9: 'run': the program's name is empty" },
		{ Y("  run: [a, [b]]\n"), "s.yaml:3:12: 'run' must be text, not a list" },
		{ Y("  run: {cwd: a}\n"), "s.yaml:3:8: 'run' needs 'shell' or 'argv'" },
		{ Y("  run: {shell: a, argv: [b]}\n"),
		  "s.yaml:3:19: give one of 'shell' and 'argv'" },
		{ Y("  run: {shell: a, cwd: b}\n  cwd: c\n"),
		  "s.yaml:4:3: 'cwd' is here twice: in the test and in its 'run'" },
		{ Y(RUN "  command: y\n"), "s.yaml:4:3: a second command: give one of 'run', "
		  "'command' and 'argv'" },
		{ Y(RUN "  setup: {timeout: 3s}\n"), "s.yaml:4:10: 'setup' needs 'run'" },
		{ Y(RUN "  setup: {fn: x}\n"), "s.yaml:4:11: 'fn': a JavaScript function cannot "
		  "travel: use 'run' with a command" },
		{ Y(RUN "  setup: [{run: x}]\n"), "s.yaml:4:11: several hooks in 'setup' are not "
		  "supported yet: write one command" },
		{ Y(RUN "  timeout: 30\n"),
		  "s.yaml:4:12: 'timeout' is '30' without a unit: write 30s or 30ms" },
		{ Y(RUN "  timeout: soon\n"), "s.yaml:4:12: 'timeout' must be a duration such as "
		  "500ms, 30s, 2m or 1h, not 'soon'" },
		{ Y(RUN "  timeout: 721h\n"),
		  "s.yaml:4:12: 'timeout' must be at most 720h (30 days), not '721h'" },
		{ Y("  command: x\n  retry: {count: 1, backoff: 1000000000000}\n"),
		  "s.yaml:4:30: 'backoff' must be from 0 to 2592000000, not '1000000000000'" },
		{ Y(RUN "  skip: no\n"),
		  "s.yaml:4:9: 'skip' is 'no': write true, false, or a reason in quotes" },
		{ Y(RUN "  skip: Off\n"),
		  "s.yaml:4:9: 'skip' is 'Off': write true, false, or a reason in quotes" },
		{ Y(RUN "  skip:\n"),
		  "s.yaml:4:8: 'skip' has no value: write one, or '' for empty text" },
		{ Y(RUN "  serial: yes\n"),
		  "s.yaml:4:11: 'serial' must be true or false, not 'yes'" },
		{ Y(RUN "  serial: 'true'\n"),
		  "s.yaml:4:11: 'serial' must be true or false without quotes, not 'true'" },
		{ Y(RUN "  retry: many\n"),
		  "s.yaml:4:10: 'retry' must be a whole number, not 'many'" },
		{ Y(RUN "  retry: -1\n"), "s.yaml:4:10: 'retry' must be a whole number, not '-1'" },
		{ Y(RUN "  retry: '1'\n"),
		  "s.yaml:4:10: 'retry' must be a number without quotes, not '1'" },
		{ Y(RUN "  retry: 101\n"),
		  "s.yaml:4:10: 'retry' must be from 0 to 100, not '101'" },
		{ Y(RUN "  retry: {count: 1, jitter: ful}\n"),
		  "s.yaml:4:29: 'jitter' must be one of "
		  "none, full, equal, decorrelated, not 'ful': did you mean 'full'?" },
		{ Y(RUN "  retry: {count: 1, multiplier: 1.2345}\n"),
		  "s.yaml:4:33: 'multiplier' must be a number such as 2 or 1.5, not '1.2345'" },
		{ Y(RUN "  retry: {count: 1, multiplier: 1001}\n"),
		  "s.yaml:4:33: 'multiplier' must be at most 1000" },
		{ Y(RUN "  weight: 0\n"), "s.yaml:4:11: 'weight' must be from 1 to 1024, not '0'" },
		{ Y(RUN "  output_limit: 1T\n"),
		  "s.yaml:4:17: 'output_limit' must be a size such as 65536, 64K or 10M, not "
		  "'1T'" },
		{ Y(RUN "  output_limit: 65M\n"),
		  "s.yaml:4:17: 'output_limit' must be from 1 to 67108864 bytes, not '65M'" },
		{ Y(RUN "  limits: {memory: lots}\n"),
		  "s.yaml:4:20: 'memory' must be a size such as 65536, 64K, 512M or 2G "
		  "(0: no limit), not 'lots'" },
		{ Y(RUN "  limits: {memory: 1K}\n"),
		  "s.yaml:4:20: 'memory' must be from 1 MiB to 1024 TiB, or 0 for no limit, "
		  "not '1K'" },
		{ Y(RUN "  limits: {cpu: 1.2345}\n"),
		  "s.yaml:4:17: 'cpu' must be a number of CPUs such as 2 or 1.5 (0: no limit), "
		  "not '1.2345'" },
		{ Y(RUN "  limits: {procesess: 5}\n"),
		  "s.yaml:4:12: unknown key 'procesess': did you mean 'processes'?" },
		{ Y(RUN "  limits: 512M\n"),
		  "s.yaml:4:11: 'limits' must be a mapping, not '512M'" },
		{ Y(RUN "  format: xml\n"),
		  "s.yaml:4:11: 'format' must be one of exit, tap, not 'xml'" },
		{ Y(RUN "  env: {A=B: c}\n"), "s.yaml:4:9: 'A=B' is no name for a variable" },
		{ Y(RUN "  env: {A: [b]}\n"), "s.yaml:4:12: 'A' must be text, not a list" },
		{ Y(RUN "  env: [A=b]\n"), "s.yaml:4:8: 'env' must be a mapping, not a list" },
		{ Y(RUN "  resources: {slots: {db: 1}}\n"),
		  "s.yaml:4:23: slot 'db' is not declared: "
		  "add 'resources: {db: COUNT}' to the suite" },
		{ "resources: {db: 1}\n" Y(RUN "  resources: {slots: {db: 2}}\n"),
		  "s.yaml:5:23: 2 of slot 'db' are asked for and 'resources' of the suite has 1" },
		{ "defaults: {resources: {slots: {db: 1}}}\n" Y(RUN),
		  "s.yaml:1:32: slot 'db' is not "
		  "declared: add 'resources: {db: COUNT}' to the suite" },
		{ Y(RUN "  expect: {exit: 256}\n"),
		  "s.yaml:4:18: 'exit' must be from 0 to 255, not '256'" },
		{ Y(RUN "  expect: {exit: []}\n"), "s.yaml:4:18: 'exit' must have 1 to 256 codes" },
		{ Y(RUN "  expect: {exit: {signal: FOO}}\n"), "s.yaml:4:27: unknown signal 'FOO': "
		  "write a name such as SEGV, KILL or TERM" },
		{ Y(RUN "  expect: {stdout: [a]}\n"),
		  "s.yaml:4:20: 'stdout' must be text, or a mapping "
		  "such as {contains: ...}" },
		{ Y(RUN "  expect: {stdout: {contains: ''}}\n"),
		  "s.yaml:4:31: 'contains' is empty" },
		{ Y(RUN "  expect: {stdout: {matches: '/a(b/'}}\n"), "s.yaml:4:30: 'matches': the "
		  "pattern /a(b/ is wrong at character 3: missing closing parenthesis" },
		{ Y(RUN "  expect: {stdout: {matches: /a/g}}\n"),
		  "s.yaml:4:30: 'matches': '/a/g' has "
		  "an unknown flag 'g': the flags are i, m, s, x; use 'contains' for plain text" },
		{ Y(RUN "  expect: {stdout: {matches: /abc}}\n"),
		  "s.yaml:4:30: 'matches': '/abc' has "
		  "no '/' at its end: write /pattern/, or use 'contains' for plain text" },
		{ "tests:\n- {name: t, run: x}\n- {name: u, run: x}\n- {name: t, run: y}\n",
		  "s.yaml:4:10: a second test 't': the first is at s.yaml:2" },
	};

	(void)state;
	CHECK("s.yaml", cases);
}

static void
refuses_wrong_json(void **state)
{
	static const struct suite_case cases[] = {
		{ "{", "s.json:1:2: not valid JSON: a key in double quotes expected" },
		{ "{\"tests\": [\n{\"name\": 1}]}",
		  "s.json:2:10: 'name' must be text in double quotes, not '1'" },
		{ "{\"tests\": [{\"name\": \"t\", \"run\": \"x\"\n, \"serial\": \"true\"}]}",
		  "s.json:2:13: 'serial' must be true or false without quotes, not 'true'" },
		{ "[{\"name\":\"t\",\"run\":\"x\",\"retry\":\"1\"}]",
		  "s.json:1:32: 'retry' must be a number without quotes, not '1'" },
		{ "[{\"name\":\"t\",\"run\":\"x\",\"timeout\":1.5}]",
		  "s.json:1:34: 'timeout' must be a whole number, not '1.5'" },
		{ "[{\"name\":\"t\",\"run\":\"x\",\"skip\":null}]",
		  "s.json:1:31: 'skip' is 'null': write true, false, or a reason in quotes" },
		{ "[{\"name\":\"t\",\"run\":[null]}]",
		  "s.json:1:21: 'run' must be text, not 'null'" },
		{ "[{\"name\":\"\xc3\xa9\",\n\"nmae\":1}]",
		  "s.json:2:1: unknown key 'nmae': did you mean 'name'?" },
		{ "[{\"name\":\"t\",\"run\":\"x\"}] x",
		  "s.json:1:26: not valid JSON: more text after the end of the suite" },
		{ "{\"name\":12abc}", "s.json:1:11: not valid JSON: ',' or '}' expected" },
		{ "{\"name\":1,\"name\":2}", "s.json:1:11: 'name' is here twice: also in line 1" },
		{ "[]", "s.json: there are no tests: write them as a list below 'tests'" },
		{ "", "s.json: the file is empty: write at least one test" },
		{ "name: x", "s.json:1:1: not valid JSON: '{' or '[' expected" },
	};

	(void)state;
	CHECK("s.json", cases);
}

/* What only jansson knows to say: the place counts, not its words. */
static void
refuses_what_jansson_refuses(void **state)
{
	static const struct { const char *text, *start; } cases[] = {
		{ "[{\"name\":\"t\",\n\"name\":\"u\"}]", "s.json:2:" },
		{ "[{\"name\":\"\\ud83d\"}]", "s.json:1:" },
		{ "[{\"name\":\"\xff\"}]", "s.json:1:" },
		{ "[{\"name\":\"a\\u0000b\"}]", "s.json:1:" },
		{ "[\n\n{\"name\":'t'}]", "s.json:3:" },
		{ "[{\"name\":\"t\"", "s.json:1:" },
		{ "[{\"a\":NaN}]", "s.json:1:" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char	*got = read_as("s.json", cases[i].text, strlen(cases[i].text));

		print_message("%s\n", got);
		assert_int_equal(strncmp(got, cases[i].start, strlen(cases[i].start)), 0);
		assert_non_null(strstr(got, "not valid JSON: "));
		free(got);
	}
}

static void
limits_hold(void **state)
{
	struct plan	 p = { 0 };
	struct suite_error e = { "" };
	size_t		 size;
	char		*text = NULL, name[600];
	FILE		*f = open_memstream(&text, &size);

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[513] = '\0';
	(void)fprintf(f, "tests: [{name: %s, run: x}]\n", name);
	(void)fclose(f);
	assert_int_equal(suite_parse(&p, "s.yaml", DIR, text, size, &e), -EINVAL);
	assert_string_equal(e.text, "s.yaml:1:16: a name has at most 512 bytes, this one 513");
	free(text);
	f = open_memstream(&text, &size);
	(void)fprintf(f, "tests:\n- name: t\n  run: x\n  stdin: '");
	for (int i = 0; i < 1100000; i++)
		(void)fputc('x', f);
	(void)fprintf(f, "'\n");
	(void)fclose(f);
	assert_int_equal(suite_parse(&p, "s.yaml", DIR, text, size, &e), -EINVAL);
	assert_non_null(strstr(e.text, "test 't' is larger than 1000000 bytes"));
	free(text);
	f = open_memstream(&text, &size);
	(void)fprintf(f, "tests:\n- name: t\n  run: x\n  expect: {no_errors: {ignore: [a");
	for (int i = 0; i < 63; i++)
		(void)fprintf(f, ", a%d", i);
	(void)fprintf(f, "]}}\n");
	(void)fclose(f);
	assert_int_equal(suite_parse(&p, "s.yaml", DIR, text, size, &e), -EINVAL);
	assert_string_equal(e.text, "s.yaml:4:32: 'ignore' has more than 63 elements");
	free(text);
	assert_int_equal(p.ntests, 0);
	assert_null(p.tests);
}

/* Neither long values nor control characters of a file reach a message whole. */
static void
messages_stay_on_one_short_line(void **state)
{
	char	*got, text[5000] = "tests:\n- name: t\n  run: x\n  serial: \"\\e[31m\\n";

	(void)state;
	for (int i = 0; i < 500; i++)
		(void)strlcat(text, "\xe2\x82\xac", sizeof(text));
	(void)strlcat(text, "\"\n", sizeof(text));
	got = read_as("s.yaml", text, strlen(text));
	print_message("%s\n", got);
	assert_true(strlen(got) < 200);
	assert_null(strchr(got, '\n'));
	assert_null(strchr(got, '\033'));
	assert_non_null(strstr(got, "\xe2\x82\xac...'"));
	free(got);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_wrong_yaml),
		cmocka_unit_test(refuses_wrong_keys),
		cmocka_unit_test(refuses_wrong_values),
		cmocka_unit_test(refuses_wrong_json),
		cmocka_unit_test(refuses_what_jansson_refuses),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(messages_stay_on_one_short_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
