/* Plans: lists that grow, shards that add up to the whole, single commands. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/spec.h"
#include "common/xalloc.h"
#include "ctl/filter.h"
#include "ctl/suite.h"

static void
lists_keep_their_own_copies(void **state)
{
	struct strs	s = { 0 };
	char		text[16];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(text, sizeof(text), "%d", i);
		if (i % 2 == 0)
			strs_add(&s, text);
		else
			strs_addf(&s, "<%s>", text);
	}
	assert_int_equal(s.n, 1000);
	assert_string_equal(s.v[0], "0");
	assert_string_equal(s.v[999], "<999>");
	strs_free(&s);
	assert_int_equal(s.n, 0);
	assert_null(s.v);
	strs_free(&s);
}

static void
new_tests_are_empty_and_weigh_one(void **state)
{
	struct plan	 p = { 0 };

	(void)state;
	for (int i = 0; i < 100; i++) {
		struct plan_test *t = plan_add(&p);

		assert_int_equal(t->weight, 1);
		assert_null(t->name);
		assert_int_equal(t->argv.n, 0);
		t->name = xstrdup("x");
		t->weight = 7;
	}
	assert_int_equal(p.ntests, 100);
	assert_int_equal(p.tests[50].weight, 7);
	plan_free(&p);
	assert_int_equal(p.ntests, 0);
	plan_free(&p);
}

static void
fill(struct plan *p, int n)
{
	for (int i = 0; i < n; i++)
		plan_add(p)->name = xasprintf("test %d", i);
}

static void
shards_add_up(void **state)
{
	const unsigned	 n = 4;
	const int	 total = 400;
	char		*seen = xcalloc((size_t)total, 1);
	size_t		 sum = 0;

	(void)state;
	for (unsigned m = 1; m <= n; m++) {
		struct plan	p = { 0 };
		int		last = -1, number;

		fill(&p, total);
		plan_shard(&p, m, n);
		/* Shares of a hash are near to even, never exactly. */
		assert_in_range(p.ntests, total / (int)n / 2, total / (int)n * 2);
		for (size_t i = 0; i < p.ntests; i++) {
			assert_int_equal(sscanf(p.tests[i].name, "test %d", &number), 1);
			assert_true(number > last);
			assert_int_equal(seen[number], 0);
			seen[number] = 1;
			last = number;
		}
		sum += p.ntests;
		plan_free(&p);
	}
	assert_int_equal(sum, total);
	free(seen);
}

/* The tests of each of n parts, by time, as their numbers; the parts with " | ". */
static void
time_shards_are(const uint64_t *us, int total, unsigned n, bool backwards, const char *want)
{
	char	*got = NULL;
	size_t	 size;
	FILE	*f = open_memstream(&got, &size);

	assert_non_null(f);
	for (unsigned m = 1; m <= n; m++) {
		struct plan	p = { 0 };
		uint64_t	expected[16];
		int		number;

		for (int i = 0; i < total; i++) {
			number = backwards ? total - 1 - i : i;
			plan_add(&p)->name = xasprintf("%d", number);
			expected[i] = us[number];
		}
		plan_shard_by_time(&p, m, n, expected);
		(void)fputs(m > 1 ? " |" : "", f);
		for (size_t i = 0; i < p.ntests; i++)
			(void)fprintf(f, " %s", p.tests[backwards ? p.ntests - 1 - i : i].name);
		plan_free(&p);
	}
	(void)fclose(f);
	assert_string_equal(got, want);
	free(got);
}

static void
shards_by_time_are_even(void **state)
{
	static const uint64_t	mixed[] = { 7, 2, 3, 9, 4, 5 }, even[] = { 5, 5, 5, 5, 5 },
	    none[] = { 0, 0, 0, 0, 0, 0 }, big[] = { 100, 1, 1, 1 };

	(void)state;
	for (int backwards = 0; backwards < 2; backwards++) {
		/* 9 4 2 and 7 5 3 */
		time_shards_are(mixed, 6, 2, backwards, " 1 3 4 | 0 2 5");
		time_shards_are(even, 5, 2, backwards, " 0 2 4 | 1 3");
		time_shards_are(none, 6, 3, backwards, " 0 3 | 1 4 | 2 5");
		time_shards_are(big, 4, 2, backwards, " 0 | 1 2 3");
		time_shards_are(big, 4, 1, backwards, " 0 1 2 3");
		time_shards_are(even, 2, 4, backwards, " 0 | 1 | |");
	}
}

/* No part is longer than 4/3 of the mean and the longest test. */
static void
many_shards_by_time_add_up(void **state)
{
	enum { TOTAL = 2000, PARTS = 37 };
	uint64_t	*us = xcalloc(TOTAL, sizeof(*us)), sum = 0, load;
	unsigned char	*seen = xcalloc(TOTAL, 1);
	int		 number;

	(void)state;
	for (uint64_t i = 0; i < TOTAL; i++)
		sum += us[i] = (i * i * 7919 + 13) % 10007;
	for (unsigned m = 1; m <= PARTS; m++) {
		struct plan	p = { 0 };

		fill(&p, TOTAL);
		plan_shard_by_time(&p, m, PARTS, us);
		load = 0;
		for (size_t i = 0; i < p.ntests; i++) {
			assert_int_equal(sscanf(p.tests[i].name, "test %d", &number), 1);
			assert_int_equal(seen[number]++, 0);
			load += us[number];
		}
		assert_in_range(load, sum / PARTS * 99 / 100, sum / PARTS * 101 / 100);
		plan_free(&p);
	}
	for (int i = 0; i < TOTAL; i++)
		assert_int_equal(seen[i], 1);
	free(seen);
	free(us);
}

static void
retries_merge_both_ways(void **state)
{
	struct plan_retry	a = { .has = PLAN_RETRY_COUNT | PLAN_RETRY_ON, .count = 1 };
	struct plan_retry	b = { .has = PLAN_RETRY_COUNT | PLAN_RETRY_NEVER | PLAN_RETRY_DELAY,
	    .count = 2 };

	(void)state;
	strs_add(&a.on, "oom");
	strs_add(&b.never, "timeout");
	plan_retry_default(&a, &b);
	assert_int_equal(a.count, 1);
	assert_string_equal(a.on.v[0], "oom");
	assert_string_equal(a.never.v[0], "timeout");
	assert_true(a.has & PLAN_RETRY_DELAY);
	assert_int_equal(a.delay_ms, 0);
	/* An empty list that is stated replaces one. */
	b.has |= PLAN_RETRY_ON;
	plan_retry_override(&a, &b);
	assert_int_equal(a.count, 2);
	assert_int_equal(a.on.n, 0);
	assert_int_equal(a.never.n, 1);
	plan_retry_free(&a);
	plan_retry_free(&b);
	assert_int_equal(a.has, 0);
}

/* A name's shard depends on nothing else in the plan. */
static void
shards_are_stable(void **state)
{
	struct plan	a = { 0 }, b = { 0 };

	(void)state;
	fill(&a, 50);
	fill(&b, 100);
	plan_shard(&a, 1, 3);
	plan_shard(&b, 1, 3);
	assert_true(a.ntests > 0 && b.ntests > a.ntests);
	for (size_t i = 0; i < a.ntests; i++)
		assert_string_equal(a.tests[i].name, b.tests[i].name);
	plan_free(&a);
	plan_free(&b);
	fill(&a, 10);
	plan_shard(&a, 1, 1);
	assert_int_equal(a.ntests, 10);
	plan_free(&a);
}

static void
a_command_is_a_test(void **state)
{
	char		 one[] = "echo", two[] = "a b", three[] = "x\ny";
	char		*argv[] = { one, two, three, NULL };
	struct plan	 p = { 0 };

	(void)state;
	suite_command(&p, argv, "/tmp");
	assert_int_equal(p.ntests, 1);
	assert_string_equal(p.tests[0].name, "echo a b x y");
	assert_int_equal(p.tests[0].argv.n, 3);
	assert_string_equal(p.tests[0].argv.v[2], "x\ny");
	assert_string_equal(p.tests[0].cwd, "/tmp");
	plan_free(&p);
}

static void
long_commands_have_short_names(void **state)
{
	char		 word[3 * SPEC_NAME_MAX + 1];
	char		*argv[] = { word, NULL };
	struct plan	 p = { 0 };
	size_t		 n;

	(void)state;
	/* Each character has three bytes, so that a cut may fall within one. */
	for (size_t i = 0; i < SPEC_NAME_MAX; i++)
		memcpy(word + 3 * i, "\xe2\x82\xac", 3);
	word[sizeof(word) - 1] = '\0';
	suite_command(&p, argv, "/");
	n = strlen(p.tests[0].name);
	assert_in_range(n, SPEC_NAME_MAX - 2, SPEC_NAME_MAX);
	assert_string_equal(p.tests[0].name + n - 6, "\xe2\x82\xac...");
	assert_string_equal(p.tests[0].argv.v[0], word);
	plan_free(&p);
}

/* The argv that a command makes of a line, as [word][word]. */
static void
each_makes(const char *command, const char *line, const char *want)
{
	struct suite_error e = { "" };
	struct plan	 p = { 0 };
	char		*got = NULL;
	size_t		 size;
	FILE		*f = open_memstream(&got, &size);

	assert_non_null(f);
	if (suite_each(&p, command, "/d", line, strlen(line), &e) < 0)
		(void)fprintf(f, "%s", e.text);
	for (size_t i = 0; p.ntests == 1 && i < p.tests[0].argv.n; i++)
		(void)fprintf(f, "[%s]", p.tests[0].argv.v[i]);
	(void)fclose(f);
	print_message("%s\n", command);
	assert_string_equal(got, want);
	free(got);
	plan_free(&p);
}

static void
each_line_becomes_a_command(void **state)
{
	static const struct { const char *command, *line, *want; } cases[] = {
		{ "python3 -m test {}", "test_os", "[python3][-m][test][test_os]" },
		{ "echo", "a b", "[echo][a b]" },
		{ " echo  x\t{} ", "$(id)", "[echo][x][$(id)]" },
		{ "echo --only={} {}", "a", "[echo][--only=a][a]" },
		{ "echo 'a  b' \"c '{}'\" d\\ e ''", "x", "[echo][a  b][c 'x'][d e][]" },
		{ "echo 'a|b$' \"\\\"\" a\\|b a#b {}", "x", "[echo][a|b$][\"][a|b][a#b][x]" },
		{ "echo '", "x", "--each: a quote in the command is not closed" },
		{ "", "x", "--each: the command is empty" },
		{ " \t", "x", "--each: the command is empty" },
		{ "'' a", "x", "--each: the program's name is empty" },
		/* with a shell: the line is $1 and never syntax */
		{ "cat {} | wc", "a;b", "[/bin/sh][-c][cat \"$1\" | wc][sh][a;b]" },
		{ "echo $HOME", "a", "[/bin/sh][-c][echo $HOME \"$1\"][sh][a]" },
		{ "echo \"<{}>\" '{}'x >/dev/null", "a",
		  "[/bin/sh][-c][echo \"<${1}>\" ''\"$1\"''x >/dev/null][sh][a]" },
		{ "X=1 env {}", "a", "[/bin/sh][-c][X=1 env \"$1\"][sh][a]" },
		{ "echo \"$(basename {})\" \"`echo {}`\"", "a",
		  "[/bin/sh][-c][echo \"$(basename \"$1\")\" \"`echo \"$1\"`\"][sh][a]" },
		{ "! true", "a", "[/bin/sh][-c][! true \"$1\"][sh][a]" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		each_makes(cases[i].command, cases[i].line, cases[i].want);
}

/* What a shell makes of a line full of its own signs, wherever {} stands. */
static void
lines_are_never_shell_syntax(void **state)
{
	static const char	line[] = "a' \"b\" $(echo no) `echo no` \\ ; echo no *";
	static const char *const commands[] = {
		"printf %s {}; true", "printf %s \"{}\"; true", "printf %s '{}'; true",
		"printf %s \"$(printf %s {})\"", "printf %s \"`printf %s {}`\"",
		"(printf %s {})", "printf %s \"$(printf %s '{}')\"", "true && printf %s",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		struct suite_error e = { "" };
		struct plan	 p = { 0 };
		char		 got[256] = "";
		size_t		 n;
		FILE		*out;

		assert_int_equal(suite_each(&p, commands[i], "/", line, strlen(line), &e), 0);
		assert_int_equal(p.tests[0].argv.n, 5);
		/* The script is put into the environment, so that nothing quotes it twice. */
		assert_int_equal(setenv("SCRIPT", p.tests[0].argv.v[2], 1), 0);
		assert_int_equal(setenv("LINE", p.tests[0].argv.v[4], 1), 0);
		out = popen("exec /bin/sh -c \"$SCRIPT\" sh \"$LINE\"", "r");
		assert_non_null(out);
		n = fread(got, 1, sizeof(got) - 1, out);
		got[n] = '\0';
		assert_int_equal(pclose(out), 0);
		print_message("%s\n", p.tests[0].argv.v[2]);
		assert_string_equal(got, line);
		plan_free(&p);
	}
}

static void
each_reads_lists(void **state)
{
	static const char list[] = "one\r\n\n  \ntwo words\nthree";
	struct suite_error e = { "" };
	struct plan	 p = { 0 };

	(void)state;
	assert_int_equal(suite_each(&p, "echo", "/d", list, strlen(list), &e), 0);
	assert_int_equal(p.ntests, 3);
	assert_string_equal(p.tests[0].name, "one");
	assert_string_equal(p.tests[1].name, "two words");
	assert_string_equal(p.tests[1].source, "stdin:4");
	assert_string_equal(p.tests[1].cwd, "/d");
	assert_string_equal(p.tests[2].name, "three");
	assert_int_equal(p.tests[0].weight, 1);
	/* the names of another list are taken */
	assert_int_equal(suite_each(&p, "echo", "/d", "four\none\n", 9, &e), -EINVAL);
	assert_string_equal(e.text, "--each: line 2 is the name of another test: 'one'");
	assert_int_equal(p.ntests, 3);
	plan_free(&p);
}

static void
each_refuses_wrong_lists(void **state)
{
	static const char nul[] = "a\nb\0c";
	char		 longest[SPEC_NAME_MAX + 2];
	struct suite_error e = { "" };
	struct plan	 p = { 0 };

	(void)state;
	assert_int_equal(suite_each(&p, "echo", "/", "", 0, &e), -EINVAL);
	assert_string_equal(e.text, "--each: the list is empty: give one test a line");
	assert_int_equal(suite_each(&p, "echo", "/", "\n \n", 3, &e), -EINVAL);
	assert_int_equal(suite_each(&p, "echo", "/", "a\nb\na\n", 6, &e), -EINVAL);
	assert_string_equal(e.text, "--each: line 3 is the same as line 1: 'a'");
	assert_int_equal(suite_each(&p, "echo", "/", nul, sizeof(nul) - 1, &e), -EINVAL);
	assert_string_equal(e.text, "--each: line 2 holds a NUL byte");
	memset(longest, 'x', sizeof(longest));
	assert_int_equal(suite_each(&p, "echo", "/", longest, SPEC_NAME_MAX + 1, &e), -EINVAL);
	assert_int_equal(p.ntests, 0);
	assert_int_equal(suite_each(&p, "echo", "/", longest, SPEC_NAME_MAX, &e), 0);
	plan_free(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_keep_their_own_copies),
		cmocka_unit_test(new_tests_are_empty_and_weigh_one),
		cmocka_unit_test(shards_add_up),
		cmocka_unit_test(shards_are_stable),
		cmocka_unit_test(shards_by_time_are_even),
		cmocka_unit_test(many_shards_by_time_add_up),
		cmocka_unit_test(retries_merge_both_ways),
		cmocka_unit_test(a_command_is_a_test),
		cmocka_unit_test(long_commands_have_short_names),
		cmocka_unit_test(each_line_becomes_a_command),
		cmocka_unit_test(lines_are_never_shell_syntax),
		cmocka_unit_test(each_reads_lists),
		cmocka_unit_test(each_refuses_wrong_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
