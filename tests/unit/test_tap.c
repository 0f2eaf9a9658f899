/* The Test Anything Protocol: a table of what programs print and what it means. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/tap.h"

static const struct tap_case {
	const char	*name, *text;
	int		 exit_code;
	unsigned	 total, passed, failed, skipped, todo;
	const char	*problem;	/* a part of it; NULL: it is a pass */
} cases[] = {
	{ "plan first", "1..2\nok 1\nok 2\n", 0, 2, 2, 0, 0, 0, NULL },
	{ "plan last", "ok 1\nok 2\n1..2\n", 0, 2, 2, 0, 0, 0, NULL },
	{ "no newline at the end", "1..2\nok 1\nok 2", 0, 2, 2, 0, 0, 0, NULL },
	{ "CR LF", "1..2\r\nok 1\r\nok 2 - x\r\n", 0, 2, 2, 0, 0, 0, NULL },
	{ "version 12", "TAP version 12\n1..1\nok\n", 0, 1, 1, 0, 0, 0, NULL },
	{ "version 13", "TAP version 13\n1..1\nok\n", 0, 1, 1, 0, 0, 0, NULL },
	{ "version 14", "TAP version 14\n1..1\nok\n", 0, 1, 1, 0, 0, 0, NULL },
	{ "version 15", "TAP version 15\n1..1\nok\n", 0, 1, 1, 0, 0, 0, "version 15" },
	{ "no numbers", "1..3\nok\nok - b\nok c\n", 0, 3, 3, 0, 0, 0, NULL },
	{ "some numbers", "1..3\nok 1\nok\nok 3\n", 0, 3, 3, 0, 0, 0, NULL },
	{ "any order", "1..3\nok 3\nok 1\nok 2\n", 0, 3, 3, 0, 0, 0, NULL },
	{ "a failure", "1..2\nok 1\nnot ok 2 - sums up\n", 0, 2, 1, 1, 0, 0,
	    "1 of 2 test points failed: 2 - sums up" },
	{ "failures", "1..5\nnot ok 1\nnot ok 2 - b\nnot ok 3\nnot ok 4\nnot ok 5\n", 5, 5, 0,
	    5, 0, 0, "5 of 5 test points failed: 1, 2 - b, 3 and 2 more" },
	{ "skip", "1..2\nok 1 # SKIP no network\nok 2 # skipped\n", 0, 2, 0, 0, 2, 0, NULL },
	{ "a skip that is not ok", "1..1\nnot ok 1 # SKIP\n", 0, 1, 0, 1, 0, 0, "1 of 1" },
	{ "todo", "1..2\nnot ok 1 # TODO later\nok 2 # todo done\n", 0, 2, 0, 0, 0, 2, NULL },
	{ "no blank before a directive", "1..1\nnot ok 1 a#TODO\n", 0, 1, 0, 0, 0, 1, NULL },
	{ "no directive", "1..1\nnot ok 1 - use # todos\n", 0, 1, 0, 1, 0, 0, "use # todos" },
	{ "an escaped directive", "1..1\nnot ok 1 - a \\# TODO b\n", 0, 1, 0, 1, 0, 0,
	    "a # TODO b" },
	{ "an escaped backslash, a directive", "1..1\nnot ok 1 - a \\\\# TODO b\n", 0, 1, 0, 0,
	    0, 1, NULL },
	{ "a comment, a directive", "1..1\nnot ok 1 - issue #7 # TODO b\n", 0, 1, 0, 0, 0, 1,
	    NULL },
	{ "skip all", "1..0 # SKIP no database\n", 0, 0, 0, 0, 0, 0, NULL },
	{ "skip all, no reason", "1..0\n", 0, 0, 0, 0, 0, 0, NULL },
	{ "skip all, but a point", "1..0 # SKIP x\nok 1\n", 0, 1, 1, 0, 0, 0, "planned 0" },
	{ "skip all, but exit 1", "1..0 # SKIP x\n", 1, 0, 0, 0, 0, 0, "exit code 1" },
	{ "subtests", "1..1\n    1..2\n    ok 1\n    not ok 2\nnot ok 1 - parent\n", 0, 1, 0, 1,
	    0, 0, "1 - parent" },
	{ "a child fails, its parent does not", "1..1\n    1..1\n    not ok 1\nok 1\n", 0, 1, 1,
	    0, 0, 0, NULL },
	{ "a subtest bails out", "1..1\n    Bail out!\nok 1\n", 0, 1, 1, 0, 0, 0, NULL },
	{ "YAML", "1..2\nok 1\n  ---\n  not ok: 1\n  1..9\n  ...\nok 2\n", 0, 2, 2, 0, 0, 0,
	    NULL },
	{ "YAML without an end", "1..2\nok 1\n  ---\nok 2\n", 0, 2, 2, 0, 0, 0, NULL },
	{ "bail out", "1..3\nok 1\nBail out! disk full\nok 2\n", 1, 1, 1, 0, 0, 0,
	    "bailed out: disk full" },
	{ "bail out after a failure", "1..3\nnot ok 1\nbail out!\n", 1, 1, 0, 1, 0, 0,
	    "bailed out" },
	{ "pragma, comments, other words", "pragma +strict\n1..1\n# hello\nokay\nnot okay\n"
	    "ok_1\nhello\n\nok 1\n", 0, 1, 1, 0, 0, 0, NULL },
	{ "no plan", "ok 1\nok 2\n", 0, 2, 2, 0, 0, 0, "no plan" },
	{ "nothing", "", 0, 0, 0, 0, 0, 0, "no test point" },
	{ "words only", "all is well\n", 0, 0, 0, 0, 0, 0, "no test point" },
	{ "too few", "1..3\nok 1\nok 2\n", 0, 2, 2, 0, 0, 0, "planned 3 test points, but 2" },
	{ "too many", "1..1\nok 1\nok 2\n", 0, 2, 2, 0, 0, 0, "planned 1 test points, but 2" },
	{ "out of range", "1..2\nok 1\nok 3\n", 0, 2, 2, 0, 0, 0, "3 is not in the plan 1..2" },
	{ "zero", "1..1\nok 0\n", 0, 1, 1, 0, 0, 0, "out of range" },
	{ "a huge number", "1..1\nok 99999999999999999999999\n", 0, 1, 1, 0, 0, 0,
	    "out of range" },
	{ "twice", "1..2\nok 1\nok 1\n", 0, 2, 2, 0, 0, 0, "point 1 came twice" },
	{ "two plans", "1..1\nok 1\n1..1\n", 0, 1, 1, 0, 0, 0, "more than one plan" },
	{ "the plan in the middle", "ok 1\n1..2\nok 2\n", 0, 2, 2, 0, 0, 0, "neither at the" },
	{ "a huge plan", "1..99999999999999999999\nok 1\n", 0, 1, 1, 0, 0, 0, "too large" },
	{ "a plan that is none", "1..x\nok 1\n", 0, 1, 1, 0, 0, 0, "no plan" },
	{ "dubious", "1..2\nok 1\nok 2\n", 3, 2, 2, 0, 0, 0,
	    "exit code 3, though no test point failed" },
	{ "exit code and failure", "1..1\nnot ok 1\n", 1, 1, 0, 1, 0, 0, "1 of 1" },
	{ "a name that starts with digits", "1..1\nok 3rd time\n", 0, 1, 1, 0, 0, 0, NULL },
	{ "control characters", "1..1\nnot ok 1 - a\tb\033[m\xff\n", 0, 1, 0, 1, 0, 0,
	    "a\\tb\\x1b[m\\xff" },
};

static void
check(const struct tap_case *c, size_t step)
{
	size_t			 n = strlen(c->text);
	struct tap		*t = tap_new();
	struct tap_result	 r;

	for (size_t at = 0; at < n; at += step)
		tap_feed(t, c->text + at, n - at < step ? n - at : step);
	tap_finish(t, c->exit_code, &r);
	if (r.total != c->total || r.passed != c->passed || r.failed != c->failed ||
	    r.skipped != c->skipped || r.todo != c->todo)
		fail_msg("%s: %llu = %llu + %llu + %llu + %llu", c->name,
		    (unsigned long long)r.total, (unsigned long long)r.passed,
		    (unsigned long long)r.failed, (unsigned long long)r.skipped,
		    (unsigned long long)r.todo);
	if ((r.problem == NULL) != (c->problem == NULL) ||
	    (r.problem != NULL && strstr(r.problem, c->problem) == NULL))
		fail_msg("%s: %s", c->name, r.problem != NULL ? r.problem : "a pass");
	tap_free(t);
}

static void
what_programs_print(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		check(&cases[i], SIZE_MAX);
		check(&cases[i], 1);	/* it comes as it comes */
		check(&cases[i], 7);
	}
}

static void
finish(struct tap **ret, const char *text, struct tap_result *r)
{
	*ret = tap_new();
	tap_feed(*ret, text, strlen(text));
	tap_finish(*ret, 0, r);
}

static void
reasons_and_names(void **state)
{
	struct tap_result	 r;
	struct tap		*t;

	(void)state;
	finish(&t, "1..0 # Skipped: no database\n", &r);
	assert_true(r.skip_all);
	assert_string_equal(r.skip_reason, "no database");
	tap_free(t);
	finish(&t, "1..0 # SKIP no database\n", &r);
	assert_string_equal(r.skip_reason, "no database");
	tap_free(t);
	finish(&t, "1..0\n", &r);
	assert_true(r.skip_all);
	assert_string_equal(r.skip_reason, "");
	tap_free(t);
	finish(&t, "1..4\nnot ok 1 - a\nnot ok 2\nok 3 # TODO\nnot ok 4 d # TODO\n", &r);
	assert_false(r.skip_all);
	assert_int_equal(r.todo_passed, 1);
	assert_int_equal(r.n_failures, 2);
	assert_int_equal(r.failures[0].number, 1);
	assert_string_equal(r.failures[0].name, "a");
	assert_int_equal(r.failures[1].number, 2);
	assert_string_equal(r.failures[1].name, "");
	tap_free(t);
	tap_free(NULL);
}

/* A hundred thousand failures and a line of 10 MiB: 64 names, and no more of it. */
static void
bounds(void **state)
{
	size_t			 n = 10 << 20;
	char			*line = malloc(n), text[32];
	struct tap		*t = tap_new();
	struct tap_result	 r;

	(void)state;
	assert_non_null(line);
	memset(line, 'x', n);
	tap_feed(t, "not ok 1 - ", 11);
	tap_feed(t, line, n);
	for (int i = 2; i <= 100000; i++) {
		int	len = snprintf(text, sizeof text, "\nnot ok %d", i);

		tap_feed(t, text, (size_t)len);
	}
	tap_feed(t, "\n1..100000\n", 11);
	tap_finish(t, 0, &r);
	assert_int_equal(r.total, 100000);
	assert_int_equal(r.failed, 100000);
	assert_int_equal(r.n_failures, TAP_FAILURES_MAX);
	assert_true(strlen(r.failures[0].name) < 1000);
	assert_true(strlen(r.problem) < 1000);
	tap_free(t);
	free(line);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(what_programs_print),
		cmocka_unit_test(reasons_and_names),
		cmocka_unit_test(bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
