/*
 * Options: what each word of a command line becomes, what is refused and how, and
 * that an option replaces what it names and nothing else.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/outcome.h"
#include "ctl/options.h"
#include "ctl/text.h"
#include "tests/unit/put_fixture.h"

#define WORDS_MAX	16

static const struct cmd_entry	cmd = { "run", "", "", NULL, NULL, 0, NULL };

/* Parses the words of a line, without quotes.  The exit code. */
static int
parse(const char *line, enum options_verb verb, struct options *o, char **ret_copy)
{
	static char	*argv[WORDS_MAX + 2];
	static char	 verb_word[] = "run";
	char		*rest = *ret_copy = strdup(line), *word;
	int		 argc = 1;

	argv[0] = verb_word;
	while ((word = strsep(&rest, " ")) != NULL && argc <= WORDS_MAX) {
		if (*word != '\0')
			argv[argc++] = word;
	}
	argv[argc] = NULL;
	optind = 0;
	return options_parse(&cmd, argc, argv, verb, o);
}

/* What was complained about on standard error. */
static char *
complaint(const char *line, enum options_verb verb)
{
	struct options	 o;
	char		*copy, *text = calloc(1, 1024);
	FILE		*kept = tmpfile();
	int		 saved = dup(STDERR_FILENO);

	assert_true(kept != NULL && saved != -1 && text != NULL);
	(void)fflush(stderr);
	assert_true(dup2(fileno(kept), STDERR_FILENO) != -1);
	assert_int_equal(parse(line, verb, &o, &copy), EXIT_USAGE);
	(void)fflush(stderr);
	assert_true(dup2(saved, STDERR_FILENO) != -1);
	(void)close(saved);
	rewind(kept);
	(void)fread(text, 1, 1023, kept);
	(void)fclose(kept);
	options_free(&o);
	free(copy);
	return text;
}

static void
reads_retries(void **state)
{
	static const struct { const char *line, *want; } cases[] = {
		{ "", "" },
		{ "--retries 0", " retry=0" },
		{ "--retries 3 --backoff 2s --backoff-max 1m --backoff-multiplier 1.5 --jitter "
		  "equal", " retry=3 delay=2000 times=1500 jitter=2 max=60000" },
		{ "--retry-on timeout --retry-on exit:75 --retry-never text:a",
		  " on[timeout][exit:75] never[text:a]" },
		{ "--retry-where alone", " where=2" },
		{ "--retry-preset conservative", " retry=2 delay=2000 times=2000 never[timeout]" },
		{ "--retry-preset aggressive --retries 9 --retry-on oom",
		  " retry=9 delay=500 times=1500 on[oom]" },
		{ "--retries 9 --backoff 0 --retry-preset network --retry-on oom",
		  " retry=9 delay=0 times=2000 on[oom]" },
		{ "--retry-budget 2% --retry-budget db=10 --retry-budget a=b=10m",
		  " budgets[][2%][db][10][a=b][10m]" },
		{ "--order plan", " plan" },
		{ "--order plan --order history", "" },
		{ "--order ./plan -j1", " plan file[./plan]" },
		{ "--order f --order plan", " plan" },
		{ "--breaker off", " breaker 1 0 0 0 0 0 0" },
		{ "--breaker consecutive=5,cool-down=30s", " breaker 0 0 0 0 30000 5 0" },
		{ "--breaker window=20,minimum=8,failure=75%,mass=12.5",
		  " breaker 0 20 8 750000 0 0 125000" },
		{ "--shard 2/3 --shard-by time", " shard 2/3 time" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct options	 o;
		char		*copy, *got = NULL;
		size_t		 size;
		FILE		*f = open_memstream(&got, &size);

		print_message("%s\n", cases[i].line);
		assert_int_equal(parse(cases[i].line, OPTIONS_RUN, &o, &copy), 0);
		put_retry(f, &o.retry);
		put_list(f, "budgets", &o.budgets);
		(void)fputs(o.plan_order ? " plan" : "", f);
		if (o.order_file != NULL)
			(void)fprintf(f, " file[%s]", o.order_file);
		for (size_t k = 0; o.has_breaker && k < BREAKER_SET_COUNT; k++)
			(void)fprintf(f, "%s %" PRIu64, k == 0 ? " breaker" : "", o.breaker[k]);
		if (o.shards > 0)
			(void)fprintf(f, " shard %u/%u%s", o.shard, o.shards,
			    o.shard_by_time ? " time" : "");
		(void)fclose(f);
		assert_string_equal(got, cases[i].want);
		options_free(&o);
		free(got);
		free(copy);
	}
}

static void
refuses_with_a_reason(void **state)
{
	static const struct { const char *line, *want; } cases[] = {
		{ "--memory many", "--memory must be a size such as 65536, 64K, 512M or 2G "
		  "(0: no limit), not 'many'" },
		{ "--cpus 2000", "--cpus must be from 0.01 to 1024, or 0 for no limit, not "
		  "'2000'" },
		{ "--open-files 1", "--open-files must be from 8 to 1048576, or 0 for no limit, "
		  "not '1'" },
		{ "--retry-on tiemout", "--retry-on: 'tiemout' is no rule: did you mean "
		  "'timeout'?" },
		{ "--retry-never exit:x",
		  "--retry-never: retry rule 'exit:x': an exit code is a number from 0 to 255" },
		{ "--retry-on match:(", "--retry-on: 'match:(': the expression is wrong at "
		  "character 1: missing closing parenthesis" },
		{ "--retry-where here", "--retry-where: 'here' is not one of now, end, alone" },
		{ "--retry-preset netwrok", "--retry-preset: 'netwrok' is not one of aggressive, "
		  "conservative, network: did you mean 'network'?" },
		{ "--backoff-max 5", "--backoff-max: '5' is not a duration; write it like "
		  "500ms, 30s, 2m" },
		{ "--retry-budget much", "--retry-budget: 'much' is no limit: write a share of the "
		  "tests (2%), a number of retries (20) or the time they may take (10m)" },
		{ "--retry-budget =3", "--retry-budget: '=3' has no tag before the =" },
		{ "--retry-budget db=", "--retry-budget: '' is no limit: write a share of the "
		  "tests (2%), a number of retries (20) or the time they may take (10m)" },
		{ "--breaker on", "--breaker: unknown key 'on': write off, or window, minimum, "
		  "failure, cool-down, consecutive, mass with =VALUE" },
		{ "--breaker cooldown=3s",
		  "--breaker: unknown key 'cooldown': did you mean 'cool-down'?" },
		{ "--breaker window=65",
		  "--breaker: 'window' takes a number of retries from 1 to 64, not '65'" },
		{ "--breaker failure=0",
		  "--breaker: 'failure' takes a share in percent, such as 50, not '0'" },
		{ "--breaker mass=101%",
		  "--breaker: 'mass' takes a share in percent, such as 80, not '101%'" },
		{ "--breaker consecutive=5,",
		  "--breaker: unknown key '': write off, or window, minimum, failure, cool-down, "
		  "consecutive, mass with =VALUE" },
		{ "--breaker cool-down=0",
		  "--breaker: 'cool-down' takes a duration such as 30s, not '0'" },
		{ "--breaker minimum", "--breaker: 'minimum' takes a number of retries from 1 "
		  "to 64, not ''" },
		{ "--order f --shuffle", "--order FILE runs one test after the other and nothing "
		  "again: leave out --shuffle, --jobs and what is about retries" },
		{ "-j2 --order f", "--order FILE runs one test after the other and nothing again: "
		  "leave out --shuffle, --jobs and what is about retries" },
		{ "--order ./plan --retries 1", "--order FILE runs one test after the other and "
		  "nothing again: leave out --shuffle, --jobs and what is about retries" },
		{ "--shard-by time", "--shard-by goes with --shard M/N" },
		{ "--order plan --shuffle", "--order plan and --shuffle contradict each other" },
		{ "--shuffle=7 --order plan", "--order plan and --shuffle contradict each other" },
		{ "--shard 1/2 --shard-by mood", "--shard-by: 'mood' is not one of hash, time" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char	*got = complaint(cases[i].line, OPTIONS_RUN), *want;

		assert_true(asprintf(&want, "paratestctl: run: %s\n  see paratestctl run --help\n",
		    cases[i].want) > 0);
		print_message("%s\n", cases[i].line);
		assert_string_equal(got, want);
		free(want);
		free(got);
	}
}

/* A test's own mapping, with each option that replaces one member of it. */
static void
options_replace_what_they_name(void **state)
{
	static const struct { const char *line, *want; } rows[] = {
		{ "", " retry=1 delay=1000 jitter=1 on[oom] never[crash] where=1" },
		{ "--retries 2", " retry=2 delay=1000 jitter=1 on[oom] never[crash] where=1" },
		{ "--backoff 0", " retry=1 delay=0 jitter=1 on[oom] never[crash] where=1" },
		{ "--backoff-multiplier 2",
		  " retry=1 delay=1000 times=2000 jitter=1 on[oom] never[crash] where=1" },
		{ "--backoff-max 1s",
		  " retry=1 delay=1000 jitter=1 max=1000 on[oom] never[crash] where=1" },
		{ "--jitter none", " retry=1 delay=1000 jitter=0 on[oom] never[crash] where=1" },
		{ "--retry-on fail", " retry=1 delay=1000 jitter=1 on[fail] never[crash] where=1" },
		{ "--retry-never fail", " retry=1 delay=1000 jitter=1 on[oom] never[fail] "
		  "where=1" },
		{ "--retry-where now", " retry=1 delay=1000 jitter=1 on[oom] never[crash] "
		  "where=0" },
		{ "--retry-preset aggressive", " retry=5 delay=500 times=1500 jitter=1 where=1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct options	  o;
		struct plan	  p = { 0 };
		struct plan_test *t = plan_add(&p);
		char		 *copy, *got = NULL;
		size_t		  size;
		FILE		 *f = open_memstream(&got, &size);

		t->name = strdup("t");
		t->retry = (struct plan_retry){ .has = PLAN_RETRY_COUNT | PLAN_RETRY_DELAY |
		    PLAN_RETRY_JITTER | PLAN_RETRY_ON | PLAN_RETRY_NEVER | PLAN_RETRY_WHERE,
		    .count = 1, .delay_ms = 1000, .jitter = JITTER_FULL, .where = WHERE_END };
		strs_add(&t->retry.on, "oom");
		strs_add(&t->retry.never, "crash");
		print_message("%s\n", rows[i].line);
		assert_int_equal(parse(rows[i].line, OPTIONS_RUN, &o, &copy), 0);
		assert_int_equal(options_apply(&cmd, NULL, &o, &p), 0);
		put_retry(f, &t->retry);
		(void)fclose(f);
		assert_string_equal(got, rows[i].want);
		plan_free(&p);
		options_free(&o);
		free(got);
		free(copy);
	}
}

static void
budgets_replace_by_tag(void **state)
{
	struct options	 o;
	struct plan	 p = { 0 };
	char		*copy;

	(void)state;
	plan_add(&p)->name = strdup("t");
	plan_budget_set(&p, "", "2%");
	plan_budget_set(&p, "db", "10");
	assert_int_equal(parse("--retry-budget db=3 --retry-budget net=1m", OPTIONS_RUN, &o,
	    &copy), 0);
	assert_int_equal(options_apply(&cmd, NULL, &o, &p), 0);
	assert_string_equal(plan_budget(&p, ""), "2%");
	assert_string_equal(plan_budget(&p, "db"), "3");
	assert_string_equal(plan_budget(&p, "net"), "1m");
	assert_int_equal(p.budgets.n, 6);
	plan_free(&p);
	options_free(&o);
	free(copy);
}

/* Each verb has its own: what makes no sense there is unknown to getopt, which leaves;
 * what it knows is read. */
static void
verbs_have_their_own_options(void **state)
{
	static const struct { enum options_verb verb; const char *line; } cases[] = {
		{ OPTIONS_LIST, "-E tag(a) --shard 1/2 --shard-by hash" },
		{ OPTIONS_PLAN, "-j 4 --order plan --each x" },
		{ OPTIONS_FLAKY, "-E a -j4 -q --runs 20 --threshold 0.2 --stop-on-stable" },
		{ OPTIONS_FLAKY, "--alpha 0.001 --power 0.99 --rate 0.02 --fdr 0.1 --plain" },
		{ OPTIONS_RUN, "--memory 1G --processes 9 --cpus 1.5 --open-files 64 "
		  "--file-size 0" },
		{ OPTIONS_RETRY, "-E a -j4 -q --memory 1G --retries 3 --timeout 3s --breaker off "
		  "--detach" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct options	 o;
		char		*copy;

		assert_int_equal(parse(cases[i].line, cases[i].verb, &o, &copy), 0);
		options_free(&o);
		free(copy);
	}
}

static void
flake_detection(void **state)
{
	static const struct { const char *line; bool fine; } cases[] = {
		{ "--runs 10 --threshold 0.2", true }, { "--threshold 0.2", false },
		{ "--stop-on-stable", false }, { "--runs 5 --max-runs 9", false },
		{ "--runs 5 --budget 9", false }, { "--budget 9", true },
		{ "--conditions paused,clock", true }, { "--conditions zone --plain", false },
		{ "--conditions zone --runs 5", false }, { "--conditions zone --under paused",
		  false },
		{ "--sequential -j 2", false }, { "--sequential", true },
		{ "-j 2 --parallel", true },
		{ "--under paused", true }, { "--under plain --plain", true },
		{ "--under paused --plain", false }, { "--from latest -E all()", true },
		{ "--from latest --new", false }, { "--new --shard 1/2", true },
		{ "--repro t --from ab --max-runs 9", true }, { "--repro t --runs 9", false },
		{ "--repro t --new", false }, { "--repro t -E all()", false },
		{ "--bisect --good v1 --bad v2 --error 0.01 --rate 0.1 --under paused", true },
		{ "--bisect -E all()", false }, { "--bisect --repro t", false },
		{ "--bisect --junit f", false }, { "--good v1", false }, { "--error 0.01", false },
	};
	struct options	 o;
	char		*copy, *why_text, why[256];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(cases[i].line, OPTIONS_FLAKY, &o, &copy), 0);
		if ((options_flaky_check(&o, why, sizeof why) == 0) != cases[i].fine)
			fail_msg("%s", cases[i].line);
		options_free(&o);
		free(copy);
	}
	assert_int_equal(parse("--alpha 0.02 --power 0.9", OPTIONS_FLAKY, &o, &copy), 0);
	assert_int_equal(options_flaky_check(&o, why, sizeof why), 0);
	assert_int_equal(o.flake[FLAKE_SET_ON], 1);
	assert_int_equal(o.flake[FLAKE_SET_ALPHA_PPM], 20000);
	assert_int_equal(o.flake[FLAKE_SET_POWER_PPM], 900000);
	assert_int_equal(o.flake[FLAKE_SET_PROVOKE], 1);
	options_free(&o);
	free(copy);
	assert_int_equal(parse("--budget 5m --diagnose 0 --no-history", OPTIONS_FLAKY, &o,
	    &copy), 0);
	assert_int_equal(options_flaky_check(&o, why, sizeof why), 0);
	assert_int_equal(o.flake[FLAKE_SET_BUDGET], 0);
	assert_int_equal(o.flake[FLAKE_SET_BUDGET_MS], 300000);
	assert_int_equal(o.flake[FLAKE_SET_RECORD], 0);
	assert_int_equal(o.flake[FLAKE_SET_DIAGNOSE], 0);
	options_free(&o);
	free(copy);
	assert_int_equal(parse("--budget 5m --budget 500", OPTIONS_FLAKY, &o, &copy), 0);
	assert_int_equal(options_flaky_check(&o, why, sizeof why), 0);
	assert_int_equal(o.flake[FLAKE_SET_BUDGET], 500);
	assert_int_equal(o.flake[FLAKE_SET_BUDGET_MS], 0);
	assert_int_equal(o.flake[FLAKE_SET_RECORD], 1);
	assert_int_equal(o.flake[FLAKE_SET_DIAGNOSE], FLAKE_DIAGNOSE);
	options_free(&o);
	free(copy);
	free(complaint("--budget 0", OPTIONS_FLAKY));
	free(complaint("--budget 5x", OPTIONS_FLAKY));
	free(complaint("--budget 0s", OPTIONS_FLAKY));
	free(complaint("--diagnose 1001", OPTIONS_FLAKY));
	assert_int_equal(parse("--under one-cpu", OPTIONS_FLAKY, &o, &copy), 0);
	assert_int_equal(options_flaky_check(&o, why, sizeof why), 0);
	assert_int_equal(o.flake[FLAKE_SET_UNDER], 1 + FLAKE_ONE_CPU);
	assert_int_equal(o.flake[FLAKE_SET_PROVOKE], 0);
	options_free(&o);
	free(copy);
	/* What there is, and what was meant. */
	copy = complaint("--under pasued", OPTIONS_FLAKY);
	assert_non_null(strstr(copy, "did you mean 'paused'?"));
	assert_non_null(strstr(copy, "one-cpu, low-priority"));
	free(copy);
	assert_int_equal(parse("--conditions loaded,copies,tmpdir", OPTIONS_FLAKY, &o, &copy), 0);
	assert_int_equal(o.flake[FLAKE_SET_CONDITIONS], 1u << FLAKE_LOADED | 1u << FLAKE_COPIES |
	    1u << FLAKE_TMPDIR);
	options_free(&o);
	free(copy);
	free(complaint("--conditions copies", OPTIONS_FLAKY));
	free(complaint("--conditions zone,", OPTIONS_FLAKY));
	free(complaint("--conditions plain", OPTIONS_FLAKY));
	why_text = complaint("--conditions zone,load", OPTIONS_FLAKY);
	assert_non_null(strstr(why_text, "'load' is not one of paused, one-cpu,"));
	assert_non_null(strstr(why_text, "copies, fixed-layout"));
	free(why_text);
	/* Any share above 0, as in the original. */
	assert_int_equal(parse("--runs 10 --threshold 0", OPTIONS_FLAKY, &o, &copy), 0);
	assert_int_equal(o.flake[FLAKE_SET_THRESHOLD_PPM], FLAKE_ANY_PPM);
	options_free(&o);
	free(copy);
	free(complaint("--alpha 0", OPTIONS_FLAKY));
	/* Shares are numbers, and a run does not know these words. */
	free(complaint("--alpha 1", OPTIONS_FLAKY));
	free(complaint("--rate x", OPTIONS_FLAKY));
	free(complaint("--fdr 0.05x", OPTIONS_FLAKY));
	free(complaint("--runs 0", OPTIONS_FLAKY));
}

/* What is printed to be typed again means the same to a shell. */
static void
words_for_a_shell(void **state)
{
	static char	verb[] = "flaky", suite[] = "a/b-1.yaml", spaced[] = "my suites/it's.yaml",
			dashes[] = "--", sh[] = "sh", c[] = "-c", script[] = "test $(id -u) -eq 0",
			empty[] = "", each[] = "--each", line[] = "run {}";
	static const struct { char *argv[7]; int argc; const char *want; } cases[] = {
		{ { verb, suite, NULL }, 2, "a/b-1.yaml" },
		{ { verb, suite, spaced, NULL }, 3, "a/b-1.yaml 'my suites/it'\\''s.yaml'" },
		{ { verb, dashes, sh, c, script, empty, NULL }, 6,
		  "-- sh -c 'test $(id -u) -eq 0' ''" },
		{ { verb, each, line, NULL }, 3, "--each 'run {}' <LIST" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct options	 o;
		struct text	 t = { 0 };
		char		*argv[7];

		memcpy(argv, cases[i].argv, sizeof(argv));
		optind = 0;
		assert_int_equal(options_parse(&cmd, cases[i].argc, argv, OPTIONS_FLAKY, &o), 0);
		options_words(&o, cases[i].argc, argv, &t);
		assert_string_equal(t.p, cases[i].want);
		text_free(&t);
		options_free(&o);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_retries),
		cmocka_unit_test(refuses_with_a_reason),
		cmocka_unit_test(options_replace_what_they_name),
		cmocka_unit_test(budgets_replace_by_tag),
		cmocka_unit_test(verbs_have_their_own_options),
		cmocka_unit_test(flake_detection),
		cmocka_unit_test(words_for_a_shell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
