/* `flaky --bisect` in a small repository of git, with a command whose failures are known. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "common/xalloc.h"
#include "tests/integ/service.h"

#define COMMITS	20

static bool	has_git;

/* Does a line of shell in the repository end well? */
static int __attribute__((format(printf, 1, 2)))
shell(const char *fmt, ...)
{
	char	line[4096];
	va_list	ap;
	int	n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	assert_true(n > 0 && (size_t)n < sizeof line);
	return system(line) == 0;
}

/*
 * Twenty commits; from the thirteenth on every third run of t.sh fails.  Each leaves its
 * number in a file that git does not know, so that the test sees when one runs.
 */
static void
repository(struct service *s)
{
	if (!has_git)
		skip();
	assert_int_equal(chdir(s->dir), 0);
	assert_true(shell("git init -q -b main repo && cd repo && echo marks >.git/info/exclude && "
	    "for i in $(seq %d); do "
	    "  t='exit 0'; [ $i -lt 13 ] || t='test $((PARATEST_ATTEMPT %% 3)) -ne 0'; "
	    "  printf 'commit refs/heads/main\ncommitter a <a@example.org> %%d +0000\n' $i; "
	    "  printf 'data <<E\nchange %%d\nE\nM 644 inline n\ndata <<E\n%%d\nE\n' $i $i; "
	    "  printf 'M 644 inline t.sh\ndata <<E\necho x >>marks; %%s\nE\n' \"$t\"; "
	    "done | git fast-import --quiet && git reset -q --hard", COMMITS));
	assert_int_equal(chdir("repo"), 0);
}

/* The tree is as it was: on its branch, at its commit, clean, no bisect under way. */
static void
assert_untouched(void)
{
	assert_true(shell("test \"$(git symbolic-ref --short HEAD)\" = main && "
	    "test \"$(git log -1 --format=%%s)\" = 'change %d' && "
	    "test -z \"$(git status --porcelain)\" && ! test -e .git/BISECT_START", COMMITS));
}

static int
teardown(void **state)
{
	return chdir("/") != 0 ? -1 : service_teardown(state);
}

static json_t *
member(json_t *doc, const char *one, const char *two)
{
	json_t	*o = json_object_get(doc, one);

	return two != NULL ? json_object_get(o, two) : o;
}

static void
the_commit_is_found(void **state)
{
	struct service	*s = *state;
	struct ran	 r;
	json_t		*doc;

	repository(s);
	CTL(s, &r, NULL, "flaky", "--bisect", "--json", "--good", "HEAD~19", "--", "sh", "t.sh");
	assert_int_equal(r.code, 0);
	doc = ran_document(&r);
	assert_string_equal(json_string_value(member(doc, "firstBad", "subject")), "change 13");
	assert_true(json_is_true(member(doc, "success", NULL)));
	/* Ten failures, the last of them at run 30. */
	assert_int_equal(json_integer_value(member(doc, "measured", "failures")), 10);
	assert_int_equal(json_integer_value(member(doc, "measured", "runs")), 30);
	assert_int_equal(json_integer_value(member(doc, "commits", NULL)), 19);
	assert_true(json_number_value(member(doc, "confidence", NULL)) >= 0.95);
	assert_true(json_number_value(member(doc, "rate", NULL)) < 1.0 / 3);
	json_decref(doc);
	ran_free(&r);
	assert_untouched();
	/* With a rate that is given, each good commit is run as often as that asks for:
	 * ln(0.01 / 6) / ln(0.7) = 17.9. */
	CTL(s, &r, NULL, "flaky", "--bisect", "--json", "--good", "HEAD~19", "--rate", "0.3",
	    "--error", "0.01", "--", "sh", "t.sh");
	assert_int_equal(r.code, 0);
	doc = ran_document(&r);
	assert_string_equal(json_string_value(member(doc, "firstBad", "subject")), "change 13");
	assert_int_equal(json_integer_value(member(doc, "repeats", NULL)), 18);
	assert_true(json_is_null(member(doc, "measured", NULL)));
	json_decref(doc);
	ran_free(&r);
	assert_untouched();
}

static void
a_good_one_is_looked_for(void **state)
{
	struct service	*s = *state;
	struct ran	 r;

	repository(s);
	/* From a folder below the top, copies beside one another. */
	assert_true(shell("mkdir below"));
	assert_int_equal(chdir("below"), 0);
	CTL(s, &r, NULL, "flaky", "--bisect", "-j", "2", "--rate", "0.3", "--", "sh", "-c",
	    "cd .. && sh t.sh");
	assert_int_equal(r.code, 0);
	assert_non_null(strstr(r.out, "first bad commit: "));
	assert_non_null(strstr(r.out, " change 13\n"));
	assert_non_null(strstr(r.err, "14 times"));	/* ln(0.05 / 6) / ln(0.7) = 13.4 */
	ran_free(&r);
	assert_int_equal(chdir(".."), 0);
	assert_untouched();
}

static void
what_cannot_be_tested_is_skipped(void **state)
{
	struct service	*s = *state;
	struct ran	 r;
	json_t		*doc;

	repository(s);
	CTL(s, &r, NULL, "flaky", "--bisect", "--json", "--good", "HEAD~19", "--rate", "0.3", "--",
	    "sh", "-c", "test $(cat n) -ne 10 -a $(cat n) -ne 15 || exit 125; sh t.sh");
	assert_int_equal(r.code, 0);
	doc = ran_document(&r);
	assert_string_equal(json_string_value(member(doc, "firstBad", "subject")), "change 13");
	json_decref(doc);
	ran_free(&r);
	assert_untouched();
	/* It may be one of those that are skipped. */
	CTL(s, &r, NULL, "flaky", "--bisect", "--json", "--good", "HEAD~19", "--rate", "0.3", "--",
	    "sh", "-c", "test $(cat n) -ne 12 -a $(cat n) -ne 13 || exit 125; sh t.sh");
	assert_int_equal(r.code, 1);
	doc = ran_document(&r);
	assert_true(json_is_null(member(doc, "firstBad", NULL)));
	assert_int_equal(json_array_size(member(doc, "candidates", NULL)), 3);
	json_decref(doc);
	ran_free(&r);
	assert_untouched();
}

/* Words of a command line, and what is said about them; the exit code is 2. */
static void
nothing_to_start_from(void **state)
{
	static const struct { const char *words[10], *says; } v[] = {
		{ { "--good", "nope", "--", "true" }, "no revision 'nope'" },
		{ { "--bad", "nope", "--", "true" }, "no revision 'nope'" },
		{ { "--good", "main", "--", "true" }, "the same commit" },
		{ { "--good", "HEAD", "--bad", "HEAD~3", "--", "true" }, "no ancestor" },
		{ { "--good", "HEAD~19" }, "it runs one command" },
		{ { "--good", "HEAD~19", "--max-runs", "9", "--", "true" }, "passed 9 times" },
		{ { "--good", "HEAD~19", "--rate", "0.3", "--", "true" }, "passed 14 times" },
		{ { "--good", "HEAD~19", "--rate", "0.0001", "--", "true" }, "too seldom" },
		{ { "--good", "HEAD~2", "--", "sh", "t.sh" }, "the good revision" },
		{ { "--good", "HEAD~19", "--", "sh", "-c", "exit 125" },
		  "cannot be tested at the bad" },
		{ { "--good", "HEAD~19", "--", "/nowhere/program" },
		  "cannot be tested at the bad" },
		{ { "--good", "HEAD~19", "--", "sh", "-c",
		  "test $(cat n) -eq 20 && exit 1; exit 125" },
		  "cannot be tested at the good" },
		{ { "--", "false" }, "no good revision was found" },
	};
	struct service	*s = *state;
	struct ran	 r;

	repository(s);
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		const char	*args[16] = { "flaky", "--bisect" };

		memcpy(args + 2, v[i].words, sizeof(v[i].words));
		service_ctl(s, &r, NULL, args);
		if (r.code != 2 || strstr(r.err, v[i].says) == NULL)
			fail_msg("case %zu: exit %d: %s", i, r.code, r.err);
		ran_free(&r);
		assert_untouched();
	}
}

static void
a_tree_that_is_in_use(void **state)
{
	struct service	*s = *state;
	struct ran	 r;

	repository(s);
	assert_true(shell("echo more >>n"));
	CTL(s, &r, NULL, "flaky", "--bisect", "--good", "HEAD~19", "--", "sh", "t.sh");
	assert_int_equal(r.code, 2);
	assert_non_null(strstr(r.err, "n is changed and not committed"));
	ran_free(&r);
	assert_true(shell("grep -q more n && git checkout -q n"));
	/* Another bisect is not ended by ours. */
	assert_true(shell("git bisect start >/dev/null"));
	CTL(s, &r, NULL, "flaky", "--bisect", "--good", "HEAD~19", "--", "sh", "t.sh");
	assert_int_equal(r.code, 2);
	assert_non_null(strstr(r.err, "a bisect is under way"));
	ran_free(&r);
	assert_true(shell("test -e .git/BISECT_START && git bisect reset 2>/dev/null"));
	/* The command itself changes what git tracks: nothing is thrown away. */
	CTL(s, &r, NULL, "flaky", "--bisect", "--good", "HEAD~19", "--", "sh", "-c",
	    "echo more >>n; sh t.sh");
	assert_int_equal(r.code, 2);
	assert_non_null(strstr(r.err, "the command has changed n"));
	ran_free(&r);
	assert_true(shell("grep -q more n && git checkout -q n"));
	assert_untouched();
	assert_int_equal(chdir("/"), 0);
	CTL(s, &r, NULL, "flaky", "--bisect", "--", "true");
	assert_int_equal(r.code, 2);
	assert_non_null(strstr(r.err, "it works in a git work tree"));
	ran_free(&r);
}

static int
has_run(void *arg)
{
	(void)arg;
	return access("marks", F_OK) == 0 && access(".git/BISECT_START", F_OK) == 0;
}

static void
a_signal_leads_back(void **state)
{
	struct service	*s = *state;
	struct ran	 r;
	pid_t		 pid;

	repository(s);
	pid = service_spawn(s, NULL, (const char *const []){ "flaky", "--bisect", "--bad", "HEAD~1",
	    "--good", "HEAD~19", "--", "sh", "-c", "sh t.sh; sleep 100", NULL });
	service_until(has_run, NULL, "the command does not run");
	assert_int_equal(kill(pid, SIGINT), 0);
	service_wait(s, pid, &r);
	assert_int_equal(r.code, 128 + SIGINT);
	assert_non_null(strstr(r.err, "the tree is where it was"));
	ran_free(&r);
	assert_untouched();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_commit_is_found, service_setup, teardown),
		cmocka_unit_test_setup_teardown(a_good_one_is_looked_for, service_setup, teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_tested_is_skipped, service_setup,
		    teardown),
		cmocka_unit_test_setup_teardown(nothing_to_start_from, service_setup, teardown),
		cmocka_unit_test_setup_teardown(a_tree_that_is_in_use, service_setup, teardown),
		cmocka_unit_test_setup_teardown(a_signal_leads_back, service_setup, teardown),
	};
	const char	*bin = getenv("BIN");
	char		*real = realpath(bin != NULL ? bin : "build", NULL);

	/* These tests change their folder. */
	if (real == NULL || setenv("BIN", real, 1) != 0)
		return 1;
	free(real);
	(void)setenv("GIT_CONFIG_GLOBAL", "/dev/null", 1);
	(void)setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
	has_git = shell("git --version >/dev/null 2>&1");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
