/*
 * The suite loader: what YAML and JSON say becomes tests, field for field, and
 * several suites one plan.  What is refused is in test_suite_errors.c.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/xalloc.h"
#include "ctl/suite.h"
#include "tests/unit/put_fixture.h"

#define DIR	"/d"

/* Everything about a test that is not as it is when nothing is said. */
static void
put_test(FILE *f, const struct plan_test *t)
{
	(void)fprintf(f, "%s", t->name);
	put_list(f, "run", &t->argv);
	if (t->description != NULL)
		(void)fprintf(f, " about=%s", t->description);
	if (strcmp(t->cwd, DIR) != 0)
		(void)fprintf(f, " cwd=%s", t->cwd);
	if (strcmp(t->suite, "s") != 0)
		(void)fprintf(f, " suite=%s", t->suite);
	put_list(f, "env", &t->env);
	if (t->stdin_data != NULL)
		(void)fprintf(f, " stdin=%.*s/%zu", (int)strnlen(t->stdin_data, t->stdin_len),
		    t->stdin_data, t->stdin_len);
	put_number(f, "timeout", t->has_timeout, t->timeout_ms);
	put_number(f, "grace", t->has_grace, t->grace_ms);
	put_list(f, "tags", &t->tags);
	put_list(f, "setup", &t->setup.argv);
	put_number(f, "within", t->setup.timeout_ms > 0, t->setup.timeout_ms);
	put_list(f, "teardown", &t->teardown.argv);
	put_number(f, "within", t->teardown.timeout_ms > 0, t->teardown.timeout_ms);
	put_list(f, "expect", &t->expect);
	put_list(f, "locks", &t->locks);
	put_list(f, "slots", &t->slots);
	put_number(f, "weight", t->weight != 1, t->weight);
	put_number(f, "serial", t->serial, 1);
	put_number(f, "format", t->format > 0, t->format);
	if (t->skip != NULL)
		(void)fprintf(f, " skip=%s", t->skip);
	put_retry(f, &t->retry);
	put_number(f, "limit", t->output_limit > 0, t->output_limit);
	for (unsigned i = 0; i < LIMIT_COUNT; i++)
		put_number(f, limit_keys[i], t->limits.has & 1u << i, t->limits.limits.v[i]);
}

/* All tests with " ; " between them, or the error. */
static char *
read_as(const char *file, const char *text, size_t len)
{
	struct suite_error e = { "" };
	struct plan	 p = { 0 };
	size_t		 size;
	char		*out = NULL;
	FILE		*f = open_memstream(&out, &size);
	/* Exactly the bytes, so that a reader beyond them is found out. */
	char		*copy = xmemdup(text, len);

	assert_non_null(f);
	if (suite_parse(&p, file, DIR, copy, len, &e) < 0)
		(void)fprintf(f, "%s", e.text);
	for (size_t i = 0; i < p.ntests; i++) {
		(void)fprintf(f, "%s", i > 0 ? " ; " : "");
		put_test(f, &p.tests[i]);
	}
	(void)fclose(f);
	free(copy);
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
#define SH			"t run[/bin/sh][-c][x]"

static void
reads_what_to_run(void **state)
{
	static const struct suite_case cases[] = {
		{ Y("  run: echo  'a b'\n"), "t run[/bin/sh][-c][echo  'a b']" },
		{ Y("  run: [echo, a b, 1, true, 010, '']\n"), "t run[echo][a b][1][true][010][]" },
		{ Y("  run: {shell: x}\n"), SH },
		{ Y("  run: {argv: [x, y]}\n"), "t run[x][y]" },
		{ Y("  run: {argv: [x], cwd: sub, env: {A: 1}, stdin: in}\n"),
		  "t run[x] cwd=/d/sub env[A=1] stdin=in/2" },
		{ Y("  command: x\n"), SH },
		{ Y("  argv: [x, y]\n"), "t run[x][y]" },
		{ Y("  command: x\n  recording: name\n"), SH },
		{ Y("  run: |\n    a\n    b\n"), "t run[/bin/sh][-c][a\nb\n]" },
		{ Y(RUN "  description: why not\n"), SH " about=why not" },
		{ Y(RUN "  description: \"\"\n"), SH " about=" },
		{ Y(RUN "  cwd: /abs\n"), SH " cwd=/abs" },
		{ Y(RUN "  cwd: sub/dir\n"), SH " cwd=/d/sub/dir" },
		{ Y(RUN "  cwd: ./sub\n"), SH " cwd=/d/sub" },
		{ Y(RUN "  cwd: .\n"), SH },
		{ Y(RUN "  stdin: |\n    one\n    two\n"), SH " stdin=one\ntwo\n/8" },
		{ Y(RUN "  stdin: \"a\\0b\"\n"), SH " stdin=a/3" },
		{ Y(RUN "  stdin: \"\"\n"), SH " stdin=/0" },
		{ Y(RUN "  env: {A: b c, N: 1.10, T: 12:30, E: '', Z: no}\n"),
		  SH " env[A=b c][N=1.10][T=12:30][E=][Z=no]" },
		{ Y("  env: {A: 1, B: 2}\n  run: {shell: x, env: {A: 3, C: 4}}\n"),
		  SH " env[A=3][B=2][C=4]" },
		{ Y("  run: {shell: x, env: {A: 3, C: 4}}\n  env: {A: 1, B: 2}\n"),
		  SH " env[A=3][C=4][B=2]" },
		{ Y(RUN "  setup: a\n  teardown: [b, c]\n"),
		  SH " setup[/bin/sh][-c][a] teardown[b][c]" },
		{ Y(RUN "  setup: {run: a, timeout: 2s}\n  teardown: {run: [b], timeout: 1m}\n"),
		  SH " setup[/bin/sh][-c][a] within=2000 teardown[b] within=60000" },
	};

	(void)state;
	CHECK("s.yaml", cases);
}

static void
reads_policy(void **state)
{
	static const struct suite_case cases[] = {
		{ Y(RUN "  timeout: 1.5s\n  grace: 0\n"), SH " timeout=1500 grace=0" },
		{ Y(RUN "  timeout: 0\n"), SH " timeout=0" },
		{ Y(RUN "  timeout: '2m'\n"), SH " timeout=120000" },
		{ Y(RUN "  tags: [a, b c]\n"), SH " tags[a][b c]" },
		{ Y(RUN "  tags: one\n"), SH " tags[one]" },
		{ Y(RUN "  skip: false\n"), SH },
		{ Y(RUN "  skip: true\n"), SH " skip=skipped by its suite" },
		{ Y(RUN "  skip: needs a display\n"), SH " skip=needs a display" },
		{ Y(RUN "  skip: 'no'\n"), SH " skip=no" },
		{ Y(RUN "  retry: 3\n"), SH " retry=3" },
		{ Y(RUN "  retry: {count: 3, backoff: 1s, multiplier: 1.5, jitter: full, max: "
		  "1m}\n"),
		  SH " retry=3 delay=1000 times=1500 jitter=1 max=60000" },
		{ Y(RUN "  retry: {count: 1, multiplier: 2, jitter: decorrelated}\n"),
		  SH " retry=1 times=2000 jitter=3" },
		{ Y(RUN "  serial: true\n  weight: 4\n  format: tap\n"),
		  SH " weight=4 serial=1 format=1" },
		{ Y(RUN "  format: exit\n  serial: false\n"), SH },
		{ Y(RUN "  output_limit: 10M\n"), SH " limit=10485760" },
		{ Y(RUN "  output_limit: 64K\n"), SH " limit=65536" },
		{ Y(RUN "  output_limit: 100\n"), SH " limit=100" },
		{ Y(RUN "  limits: { memory: 512M, processes: 50, cpu: 1.5, open-files: 256, "
		    "file-size: 100M }\n"),
		  SH " memory=536870912 processes=50 cpu=1500 open-files=256 file-size=104857600" },
		{ Y(RUN "  limits: { memory: 0, cpu: 2 }\n"), SH " memory=0 cpu=2000" },
		{ Y(RUN "  resources: {lock: port}\n"), SH " locks[port]" },
		{ "resources: {db: 2}\n" Y(RUN "  resources: {lock: [a, b], slots: {db: 2}}\n"),
		  SH " locks[a][b] slots[db=2]" },
		/* what the tests need may come after them */
		{ Y(RUN "  resources: {slots: {db: 1}}\n") "resources: {db: 1}\n",
		  SH " slots[db=1]" },
	};

	(void)state;
	CHECK("s.yaml", cases);
}

static void
reads_expectations(void **state)
{
	static const struct suite_case cases[] = {
		{ Y(RUN "  expect: {exit: 3}\n"), SH " expect[exit_code][][3][]" },
		{ Y(RUN "  expect: {exit: [0, 3, 255]}\n"), SH " expect[exit_code][][0,3,255][]" },
		{ Y(RUN "  expect: {exit: {not: 0}}\n"), SH " expect[exit_code][][!0][]" },
		{ Y(RUN "  expect: {exit: {signal: SEGV}}\n"),
		  SH " expect[exit_code][][signal:SEGV][]" },
		{ Y(RUN "  expect: {exit: {signal: SIGTERM}}\n"),
		  SH " expect[exit_code][][signal:TERM][]" },
		{ Y(RUN "  expect: {exit: {signal: 9}}\n"),
		  SH " expect[exit_code][][signal:KILL][]" },
		{ Y(RUN "  expect: {stdout: \"a\\n\"}\n"),
		  SH " expect[output_equals][stdout][a\n][]" },
		{ Y(RUN "  expect: {stderr: ''}\n"), SH " expect[output_equals][stderr][][]" },
		{ Y(RUN "  expect: {stdout: 1.10}\n"),
		  SH " expect[output_equals][stdout][1.10][]" },
		{ Y(RUN "  expect: {output: {equals: a, starts: b, ends: c}}\n"),
		  SH " expect[output_equals][output][a][][output_starts][output][b][]"
		  "[output_ends][output][c][]" },
		{ Y(RUN "  expect: {stderr: {empty: true}, stdout: {empty: false}}\n"),
		  SH " expect[output_empty][stderr][true][][output_empty][stdout][false][]" },
		{ Y(RUN "  expect: {output: {contains: [a, /b/], not_contains: c}}\n"),
		  SH " expect[output_contains][output][a][][output_contains][output][/b/][]"
		  "[output_not_contains][output][c][]" },
		{ Y(RUN "  expect: {output: {matches: '/^a\\w+$/im', not_matches: [/x/, y]}}\n"),
		  SH " expect[output_matches][output][/^a\\w+$/im][]"
		  "[output_not_matches][output][/x/][][output_not_contains][output][y][]" },
		{ Y(RUN "  expect: {output: {matches: plain (text}}\n"),
		  SH " expect[output_contains][output][plain (text][]" },
		{ Y(RUN "  expect: {output: {matches: /a/b/}}\n"),
		  SH " expect[output_matches][output][/a/b/][]" },
		{ Y(RUN "  expect: {no_errors: true}\n"), SH " expect[no_errors][][][]" },
		{ Y(RUN "  expect: {no_errors: false}\n"), SH },
		{ Y(RUN "  expect: {no_errors: {ignore: [/x+/i, a.b], patterns: oops}}\n"),
		  SH " expect[no_errors][][-/x+/i\n-/a\\.b/\n+/oops/][]" },
		{ Y(RUN "  expect: {}\n"), SH },
	};

	(void)state;
	CHECK("s.yaml", cases);
}

static void
reads_suites(void **state)
{
	static const struct suite_case cases[] = {
		{ "paratest: 1\nname: demo\ndescription: d\n" Y(RUN), SH " suite=demo" },
		{ "---\n" Y(RUN), SH },
		{ "\xef\xbb\xbf" Y(RUN), SH },
		{ "- name: a\n  run: x\n- name: b\n  run: y\n",
		  "a run[/bin/sh][-c][x] ; b run[/bin/sh][-c][y]" },
		{ "name: t\nrun: x\ntimeout: 3s\n", SH " timeout=3000" },
		{ "tags: [all]\n" Y(RUN "  tags: own\n"), SH " tags[own][all]" },
		{ "env: {A: 1, B: 2}\n" Y(RUN "  env: {A: 3}\n"), SH " env[A=3][B=2]" },
		{ "defaults: {timeout: 5s, retry: 2, cwd: w, expect: {exit: 3}, env: {A: 1}}\n"
		  "tests:\n- {name: a, run: [x]}\n"
		  "- {name: b, run: [y], timeout: 1s, expect: {stdout: z}, env: {B: 2}}\n",
		  "a run[x] cwd=/d/w env[A=1] timeout=5000 expect[exit_code][][3][] retry=2 ; "
		  "b run[y] cwd=/d/w env[B=2][A=1] timeout=1000 "
		  "expect[output_equals][stdout][z][] retry=2" },
		{ "defaults: {cwd: a, stdin: b}\n" Y("  run: {shell: x, cwd: c, stdin: d}\n"),
		  SH " cwd=/d/c stdin=d/1" },
		{ "env: {A: suite, B: suite}\ndefaults: {env: {A: default}}\n" Y(RUN),
		  SH " env[A=default][B=suite]" },
		/* after the tests as well as before */
		{ Y(RUN) "defaults: {timeout: 5s}\ntags: z\nenv: {A: 1}\n",
		  SH " env[A=1] timeout=5000 tags[z]" },
		{ "resources: {db: 1}\ndefaults: {resources: {slots: {db: 1}}}\n" Y(RUN),
		  SH " slots[db=1]" },
		{ "config: {timeout: 7s, retry: 1, verbose: true}\n" Y(RUN),
		  SH " timeout=7000 retry=1" },
		{ "defaults: {limits: {memory: 64M, processes: 5}}\n"
		  Y(RUN "  limits: {memory: 1G, cpu: 1}\n"),
		  SH " memory=1073741824 processes=5 cpu=1000" },
		{ "config: {timeout: 7s}\ndefaults: {timeout: 1s}\n" Y(RUN), SH " timeout=1000" },
		/* the original's form, in YAML */
		{ "tests:\n- name: t\n  command: x\n  timeout: 2500\n  assertions:\n"
		  "  - {type: exit_code, expected: 1}\n"
		  "  - {type: output_contains, expected: a, message: m}\n",
		  SH " timeout=2500 expect[exit_code][][1][][output_contains][][a][m]" },
	};

	(void)state;
	CHECK("s.yaml", cases);
}

static void
reads_json(void **state)
{
	static const struct suite_case cases[] = {
		{ "{\"tests\": [{\"name\": \"t\", \"run\": \"x\", \"timeout\": 1500}]}",
		  SH " timeout=1500" },
		{ "[{\"name\":\"t\",\"run\":[\"x\",1],\"timeout\":\"2s\",\"serial\":true}]",
		  "t run[x][1] timeout=2000 serial=1" },
		{ "{\"name\":\"t\",\"command\":\"x\",\"skip\":false,\"tags\":[],\"retry\":2}",
		  SH " retry=2" },
		{ "{\"name\":\"t\",\"command\":\"x\",\"assertions\":["
		  "{\"type\":\"exit_code\",\"expected\":0},"
		  "{\"type\":\"output_contains\",\"expected\":\"a\"},"
		  "{\"type\":\"output_not_contains\",\"expected\":\"b\"},"
		  "{\"type\":\"output_matches\",\"expected\":\"^a/\\\\d$\",\"message\":\"m\"},"
		  "{\"type\":\"stdout_equals\",\"expected\":\"\"},"
		  "{\"type\":\"no_errors\",\"expected\":true},{\"type\":\"no_errors\"}]}",
		  SH " expect[exit_code][][0][][output_contains][][a][]"
		  "[output_not_contains][][b][][output_matches][][/^a/\\d$/m][m]"
		  "[stdout_equals][stdout][][][no_errors][][][][no_errors][][][]" },
		{ "{\"name\":\"t\",\"argv\":[\"x\"],\"recording\":\"r\",\"setup\":{"
		  "\"type\":\"setup\",\"run\":[\"a\"],\"timeout\":500},\"timeout\":100}",
		  "t run[x] timeout=100 setup[a] within=500" },
		/* text that YAML would read in another way */
		{ "{\"name\":\"\\ud83d\\ude00 \xc2\x85 \\u2028\\/\",\"run\":[\"x\"]}",
		  "\xf0\x9f\x98\x80 \xc2\x85 \xe2\x80\xa8/ run[x]" },
		{ "\t{\"tests\"\n:\t[ {\"name\":\"t\" , \"run\":[\"x\"]}\n] }\n", "t run[x]" },
		{ "{\"tests\":[{\"name\":\"t\",\"run\":[\"x\"],"
		  "\"env\":{\"A\":1.50,\"B\":true,\"C\":\"no\"}}],\"name\":\"late\"}",
		  "t run[x] suite=late env[A=1.50][B=true][C=no]" },
	};

	(void)state;
	CHECK("s.json", cases);
}

/* Without the name of a JSON file it can only be told by its first sign. */
static void
tells_json_by_its_first_sign(void **state)
{
	static const struct suite_case cases[] = {
		{ " \n[{\"name\":\"t\",\"run\":[\"x\"],\"timeout\":5}]", "t run[x] timeout=5" },
		{ "{tests: []}", "s:1:2: not valid JSON: a key in double quotes expected "
		  "(text that starts with { or [ is read as JSON)" },
	};

	(void)state;
	CHECK("s", cases);
}

static void
parse_ok(struct plan *p, const char *file, const char *text)
{
	struct suite_error	e = { "" };

	if (suite_parse(p, file, DIR, text, strlen(text), &e) != 0)
		fail_msg("%s", e.text);
}

static void
parse_fails(struct plan *p, const char *file, const char *text, const char *want)
{
	struct suite_error	e = { "" };
	size_t			before = p->ntests, slots = p->slots.n;

	assert_int_equal(suite_parse(p, file, DIR, text, strlen(text), &e), -EINVAL);
	assert_string_equal(e.text, want);
	assert_int_equal(p->ntests, before);
	assert_int_equal(p->slots.n, slots);
}

static void
several_suites_make_one_plan(void **state)
{
	struct plan	p = { 0 };

	(void)state;
	parse_ok(&p, "a.yaml", "name: one\nresources: {db: 2}\nconfig: {max_workers: 4}\n" Y(RUN));
	assert_string_equal(p.name, "one");
	assert_int_equal(p.jobs, 4);
	assert_int_equal(p.max_fail, 0);
	parse_fails(&p, "b.yaml", "tests:\n- name: u\n  run: x\n- name: t\n  run: x\n",
	    "b.yaml:4:9: a second test 't': the first is at a.yaml:5");
	parse_fails(&p, "b.yaml", "resources: {db: 3}\ntests: [{name: u, run: x}]\n",
	    "b.yaml: resource 'db' is 3 here and 2 in an earlier suite");
	parse_fails(&p, "b.yaml", "name: b\nconfig: {bail: true}\ntests: [{name: u}]\n",
	    "b.yaml:3:9: test 'u' has nothing to run: write 'run'");
	assert_string_equal(p.name, "one");
	assert_int_equal(p.max_fail, 0);
	parse_ok(&p, "b.yaml", "name: two\nresources: {db: 2, gpu: 1}\n"
	    "config: {parallel: false, bail: true}\ntests: [{name: u, run: x}]\n");
	assert_int_equal(p.ntests, 2);
	assert_string_equal(p.name, "one");
	assert_string_equal(p.tests[0].suite, "one");
	assert_string_equal(p.tests[1].suite, "two");
	assert_string_equal(p.tests[0].source, "a.yaml:5");
	assert_int_equal(p.slots.n, 2);
	assert_string_equal(p.slots.v[1], "gpu=1");
	assert_int_equal(p.jobs, 1);
	assert_int_equal(p.max_fail, 1);
	plan_free(&p);
}

static void
assert_isolation(const struct plan *p, const char *want)
{
	char	text[ISOLATION_TEXT];

	assert_string_equal(isolation_format(&p->isolation, text), want);
}

static void
suites_ask_for_isolation(void **state)
{
	struct plan	p = { 0 };

	(void)state;
	parse_ok(&p, "a.yaml", "tests: [{name: a, run: x}]\n");
	assert_isolation(&p, "auto");
	parse_ok(&p, "b.yaml", "isolation: pid\ntests: [{name: b, run: x}]\n");
	assert_isolation(&p, "pid");
	parse_ok(&p, "c.yaml", "isolation: {network: none}\ntests: [{name: c, run: x}]\n");
	assert_isolation(&p, "sandbox,network=none");
	parse_ok(&p, "d.json", "{\"isolation\": {\"level\": \"sandbox\", \"read-only\": true}, "
	    "\"tests\": [{\"name\": \"d\", \"run\": \"x\"}]}");
	assert_isolation(&p, "sandbox,network=none,read-only");
	parse_fails(&p, "e.yaml", "isolation: {level: sandbox, network: host}\n"
	    "tests: [{name: e, run: x}]\n", "e.yaml:1:12: 'isolation' asks for network host here, "
	    "and for none in an earlier suite: run them one by one, or give --isolation");
	assert_isolation(&p, "sandbox,network=none,read-only");
	plan_free(&p);
}

/* Names differ in their last letters only; all of them are found and kept. */
static void
reads_many_tests(void **state)
{
	struct plan	 p = { 0 };
	size_t		 size;
	char		*text = NULL, want[32];
	FILE		*f = open_memstream(&text, &size);

	(void)state;
	(void)fprintf(f, "defaults: {timeout: 3s}\ntests:\n");
	for (int i = 0; i < 5000; i++)
		(void)fprintf(f, "- {name: test %d, run: [echo, '%d']}\n", i, i);
	(void)fclose(f);
	parse_ok(&p, "s.yaml", text);
	assert_int_equal(p.ntests, 5000);
	for (size_t i = 0; i < p.ntests; i++) {
		(void)snprintf(want, sizeof(want), "s.yaml:%zu", i + 3);
		assert_string_equal(p.tests[i].source, want);
		assert_int_equal(p.tests[i].timeout_ms, 3000);
	}
	assert_string_equal(p.tests[4999].argv.v[1], "4999");
	plan_free(&p);
	free(text);
}

static void
loads_files(void **state)
{
	char		 folder[] = "/tmp/paratest-suite-XXXXXX", *path, *real;
	struct suite_error e = { "" };
	struct plan	 p = { 0 };
	FILE		*f;

	(void)state;
	assert_non_null(mkdtemp(folder));
	path = xasprintf("%s/my.suite.yaml", folder);
	assert_int_equal(suite_load(&p, path, &e), -ENOENT);
	assert_non_null(strstr(e.text, path));
	assert_int_equal(suite_load(&p, folder, &e), -EISDIR);
	f = fopen(path, "w");
	assert_non_null(f);
	(void)fputs(Y(RUN), f);
	(void)fclose(f);
	assert_int_equal(suite_load(&p, path, &e), 0);
	assert_int_equal(p.ntests, 1);
	real = realpath(folder, NULL);
	assert_string_equal(p.tests[0].cwd, real);
	assert_string_equal(p.tests[0].suite, "my.suite");
	assert_int_equal(strncmp(p.tests[0].source, path, strlen(path)), 0);
	plan_free(&p);
	free(real);
	(void)unlink(path);
	(void)rmdir(folder);
	free(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_to_run),
		cmocka_unit_test(reads_policy),
		cmocka_unit_test(reads_expectations),
		cmocka_unit_test(reads_suites),
		cmocka_unit_test(reads_json),
		cmocka_unit_test(tells_json_by_its_first_sign),
		cmocka_unit_test(several_suites_make_one_plan),
		cmocka_unit_test(suites_ask_for_isolation),
		cmocka_unit_test(reads_many_tests),
		cmocka_unit_test(loads_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
