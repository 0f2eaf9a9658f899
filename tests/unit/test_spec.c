/* Unit tests of common/spec.c: what a test may say. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/outcome.h"
#include "common/spec.h"

static struct sv	 words[8];
static struct sv	 many[SPEC_ARGV_MAX + 1];
static struct sv	 rules[SPEC_RULES_MAX + 1];
static char		*big;

#define TEXT(s)	{ (s), sizeof(s) - 1 }

static struct msg_test_add
good(void)
{
	words[0] = SV_LIT("/bin/true");
	return (struct msg_test_add){ .name = SV_LIT("a test"), .argv = { words, 1 },
	    .cwd = SV_LIT("/tmp") };
}

/* ---- one change to a good test each ---- */

static void plain(struct msg_test_add *t) { (void)t; }
static void no_name(struct msg_test_add *t) { t->name.n = 0; }
static void long_name(struct msg_test_add *t) { t->name = (struct sv){ big, 513 }; }
static void longest_name(struct msg_test_add *t) { t->name = (struct sv){ big, 512 }; }
static void no_command(struct msg_test_add *t) { t->argv.n = 0; }
static void empty_command(struct msg_test_add *t) { words[0].n = 0; t->argv.n = 1; }
static void long_command(struct msg_test_add *t) { t->argv = (struct svs){ many, 4097 }; }
static void longest_command(struct msg_test_add *t) { t->argv = (struct svs){ many, 4096 }; }
static void long_hook(struct msg_test_add *t) { t->teardown = (struct svs){ many, 4097 }; }
static void no_cwd(struct msg_test_add *t) { t->cwd.n = 0; }
static void relative_cwd(struct msg_test_add *t) { t->cwd = SV_LIT("tmp"); }
static void long_skip(struct msg_test_add *t) { t->skip = (struct sv){ big, 4097 }; }
static void long_source(struct msg_test_add *t) { t->source = (struct sv){ big, 4097 }; }
static void longest_skip(struct msg_test_add *t) { t->skip = (struct sv){ big, 4096 }; }
static void long_timeout(struct msg_test_add *t) { t->timeout_ms = SPEC_TIMEOUT_MAX_MS + 1; }
static void longest_timeout(struct msg_test_add *t) { t->timeout_ms = SPEC_TIMEOUT_MAX_MS; }
static void long_grace(struct msg_test_add *t) { t->grace_ms = UINT64_MAX; }
static void long_setup(struct msg_test_add *t) { t->setup_timeout_ms = UINT64_MAX; }
static void long_teardown(struct msg_test_add *t) { t->teardown_timeout_ms = UINT64_MAX; }
static void long_delay(struct msg_test_add *t) { t->retry_delay_ms = UINT64_MAX; }
static void long_max_delay(struct msg_test_add *t) { t->retry_max_delay_ms = UINT64_MAX; }
static void heavy(struct msg_test_add *t) { t->weight = 1025; }
static void heaviest(struct msg_test_add *t) { t->weight = 1024; }
static void format(struct msg_test_add *t) { t->format = FORMAT_COUNT; }
static void retries(struct msg_test_add *t) { t->retry_count = 101; }
static void jitter(struct msg_test_add *t) { t->retry_jitter = JITTER_COUNT; }
static void multiplier(struct msg_test_add *t) { t->retry_multiplier_milli = 1000001; }
static void output(struct msg_test_add *t) { t->output_limit = SPEC_OUTPUT_MAX + 1; }

static void small_memory(struct msg_test_add *t) { t->memory = 1048575; }
static void least_memory(struct msg_test_add *t) { t->memory = 1048576; }
static void many_processes(struct msg_test_add *t) { t->processes = 4194305; }
static void little_cpu(struct msg_test_add *t) { t->cpu_milli = 9; }
static void few_files(struct msg_test_add *t) { t->open_files = 7; }
static void large_files(struct msg_test_add *t) { t->file_size = UINT64_MAX; }

static void long_suite(struct msg_test_add *t) { t->suite = (struct sv){ big, 513 }; }
static void longest_suite(struct msg_test_add *t) { t->suite = (struct sv){ big, 512 }; }
static void where(struct msg_test_add *t) { t->retry_where = WHERE_COUNT; }
static void last_where(struct msg_test_add *t) { t->retry_where = WHERE_COUNT - 1; }
static void many_on(struct msg_test_add *t) { t->retry_on = (struct svs){ rules, 65 }; }
static void most_on(struct msg_test_add *t) { t->retry_on = (struct svs){ rules, 64 }; }
static void many_never(struct msg_test_add *t) { t->retry_never = (struct svs){ rules, 65 }; }

static void
bad_on(struct msg_test_add *t)
{
	words[1] = SV_LIT("timeout");
	words[2] = SV_LIT("exit:256");
	t->retry_on = (struct svs){ words + 1, 2 };
}

static void
bad_never(struct msg_test_add *t)
{
	words[1] = SV_LIT("text:a\nb");	/* fine, whatever it looks for */
	words[2] = SV_LIT("crashed\n");
	t->retry_never = (struct svs){ words + 1, 2 };
}

static void
empty_hook(struct msg_test_add *t)
{
	words[1] = SV_LIT("");
	t->setup = (struct svs){ words + 1, 1 };
}

static void
resources(struct msg_test_add *t)
{
	t->locks = (struct svs){ many, 65 };
}

static void
unnamed_lock(struct msg_test_add *t)
{
	words[1] = SV_LIT("");
	t->locks = (struct svs){ words + 1, 1 };
}

static void
slot_of_none(struct msg_test_add *t)
{
	words[1] = SV_LIT("db=0");
	t->slots = (struct svs){ words + 1, 1 };
}

static void
slot_without_count(struct msg_test_add *t)
{
	words[1] = SV_LIT("db");
	t->slots = (struct svs){ words + 1, 1 };
}

static void
env_without_name(struct msg_test_add *t)
{
	words[1] = SV_LIT("=x");
	t->env = (struct svs){ words + 1, 1 };
}

static void
env_without_value(struct msg_test_add *t)
{
	words[1] = SV_LIT("A=1");
	words[2] = SV_LIT("NAME");
	t->env = (struct svs){ words + 1, 2 };
}

static void
env_empty(struct msg_test_add *t)
{
	words[1] = SV_LIT("A=");	/* a value may be */
	t->env = (struct svs){ words + 1, 1 };
}

static void
expect(struct msg_test_add *t, struct sv type, struct sv target, uint32_t n)
{
	words[1] = type;
	words[2] = target;
	words[3] = SV_LIT("x");
	words[4] = SV_LIT("");
	t->expect = (struct svs){ words + 1, n };
}

static void
expect_good(struct msg_test_add *t)
{
	expect(t, SV_LIT("output_contains"), SV_LIT("stderr"), 4);
}

static void
expect_three(struct msg_test_add *t)
{
	expect(t, SV_LIT("exit_code"), SV_LIT(""), 3);
}

static void
expect_type(struct msg_test_add *t)
{
	expect(t, SV_LIT("output_has"), SV_LIT(""), 4);
}

static void
expect_target(struct msg_test_add *t)
{
	expect(t, SV_LIT("output_equals"), SV_LIT("log"), 4);
}

static void
a_test_is_checked(void **state)
{
	static const struct {
		const char	*name;
		void		(*change)(struct msg_test_add *);
		const char	*why;	/* NULL: it is fine */
	} cases[] = {
#define CASE(change, why)	{ #change, change, why }
		CASE(plain, NULL),
		CASE(no_name, "the name is empty"),
		CASE(long_name, "the name is longer than 512 bytes"),
		CASE(longest_name, NULL),
		CASE(no_command, "there is no command"),
		CASE(empty_command, "there is no command"),
		CASE(long_command, "a command has more than 4096 words"),
		CASE(longest_command, NULL),
		CASE(long_hook, "a command has more than 4096 words"),
		CASE(empty_hook, "a hook's command is empty"),
		CASE(no_cwd, "cwd is not absolute"),
		CASE(relative_cwd, "cwd is not absolute"),
		CASE(long_skip, "skip or source is longer than 4096 bytes"),
		CASE(long_source, "skip or source is longer than 4096 bytes"),
		CASE(longest_skip, NULL),
		CASE(env_without_name, "env has an entry that is not NAME=VALUE"),
		CASE(env_without_value, "env has an entry that is not NAME=VALUE"),
		CASE(env_empty, NULL),
		CASE(long_timeout, "a duration is longer than 30 days"),
		CASE(longest_timeout, NULL),
		CASE(long_grace, "a duration is longer than 30 days"),
		CASE(long_setup, "a duration is longer than 30 days"),
		CASE(long_teardown, "a duration is longer than 30 days"),
		CASE(long_delay, "a duration is longer than 30 days"),
		CASE(long_max_delay, "a duration is longer than 30 days"),
		CASE(heavy, "weight is above 1024"),
		CASE(heaviest, NULL),
		CASE(format, "the format is unknown"),
		CASE(retries, "more than 100 retries"),
		CASE(jitter, "the jitter is unknown"),
		CASE(multiplier, "the backoff multiplier is above 1000"),
		CASE(output, "output_limit is above 64 MiB"),
		CASE(small_memory, "the limit memory cannot be 1.0 MiB"),
		CASE(least_memory, NULL),
		CASE(many_processes, "the limit processes cannot be 4194305"),
		CASE(little_cpu, "the limit cpu cannot be 0.009"),
		CASE(few_files, "the limit open-files cannot be 7"),
		CASE(large_files, "the limit file-size cannot be 16777216 TiB"),
		CASE(resources, "more than 64 resources"),
		CASE(unnamed_lock, "a lock has no name"),
		CASE(slot_of_none, "slots has an entry that is not NAME=COUNT"),
		CASE(slot_without_count, "slots has an entry that is not NAME=COUNT"),
		CASE(long_suite, "the suite's name is longer than 512 bytes"),
		CASE(longest_suite, NULL),
		CASE(where, "the place of the retries is unknown"),
		CASE(last_where, NULL),
		CASE(many_on, "more than 64 retry rules of a kind"),
		CASE(many_never, "more than 64 retry rules of a kind"),
		CASE(most_on, NULL),
		CASE(bad_on, "test 'a test': retry rule 'exit:256': an exit code is"),
		CASE(bad_never, "test 'a test': retry rule 'crashed?': is none of timeout"),
		CASE(expect_good, NULL),
		CASE(expect_three, "expect is not in groups of four"),
		CASE(expect_type, "expect has an unknown type"),
		CASE(expect_target, "expect has an unknown target"),
	};
	char	why[256];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct msg_test_add	t = good();
		int			r;

		why[0] = '\0';
		cases[i].change(&t);
		r = spec_check(&t, why, sizeof why);
		if (r != (cases[i].why != NULL ? -EINVAL : 0))
			fail_msg("%s: %d %s", cases[i].name, r, why);
		if (cases[i].why != NULL && strstr(why, cases[i].why) == NULL)
			fail_msg("%s: %s", cases[i].name, why);
		if (r != 0)
			assert_null(strchr(why, '\n'));
	}
}

static void
each_known_expectation_is_taken(void **state)
{
	char	why[256];

	(void)state;
	for (size_t i = 0; spec_expect_types[i] != NULL; i++) {
		struct msg_test_add	t = good();

		expect(&t, sv_from(spec_expect_types[i]), SV_LIT("output"), 4);
		assert_int_equal(spec_check(&t, why, sizeof why), 0);
	}
}

static void
the_reason_fits_any_buffer(void **state)
{
	struct msg_test_add	t = good();
	char			why[16];

	(void)state;
	t.name = (struct sv){ big, 400 };
	t.cwd.n = 0;
	assert_int_equal(spec_check(&t, why, sizeof why), -EINVAL);
	assert_int_equal(strlen(why), sizeof why - 1);
}

static void
a_slot_is_a_name_and_a_count(void **state)
{
	static const struct {
		struct sv	text;
		int		r;
		const char	*name;
		uint32_t	count;
	} cases[] = {
		{ TEXT("db=1"), 0, "db", 1 },
		{ TEXT("a=b=12"), 0, "a=b", 12 },
		{ TEXT("x=4294967295"), 0, "x", UINT32_MAX },
		{ TEXT("x=0"), 0, "x", 0 },
		{ TEXT("x=4294967296"), -EINVAL, NULL, 0 },
		{ TEXT("x=99999999999999999999"), -EINVAL, NULL, 0 },
		{ TEXT(""), -EINVAL, NULL, 0 },
		{ TEXT("x"), -EINVAL, NULL, 0 },
		{ TEXT("x="), -EINVAL, NULL, 0 },
		{ TEXT("=1"), -EINVAL, NULL, 0 },
		{ TEXT("x=-1"), -EINVAL, NULL, 0 },
		{ TEXT("x= 1"), -EINVAL, NULL, 0 },
		{ TEXT("x=1x"), -EINVAL, NULL, 0 },
		{ { NULL, 0 }, -EINVAL, NULL, 0 },
	};
	struct sv	name;
	uint32_t	count;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(spec_slot(cases[i].text, &name, &count), cases[i].r);
		if (cases[i].r != 0)
			continue;
		assert_true(sv_is(name, cases[i].name));
		assert_int_equal(count, cases[i].count);
	}
}

static void
a_rule_is_taken_apart(void **state)
{
	static const struct {
		struct sv	rule;
		const char	*why;	/* NULL: it is fine */
		unsigned	kind, value;
		const char	*text;
	} cases[] = {
		{ TEXT("timeout"), NULL, RULE_OUTCOME, OUTCOME_TIMEOUT, "" },
		{ TEXT("crash"), NULL, RULE_OUTCOME, OUTCOME_CRASH, "" },
		{ TEXT("fail"), NULL, RULE_OUTCOME, OUTCOME_FAIL, "" },
		{ TEXT("oom"), NULL, RULE_OUTCOME, OUTCOME_OOM, "" },
		{ TEXT("exit:0"), NULL, RULE_EXIT, 0, "" },
		{ TEXT("exit:255"), NULL, RULE_EXIT, 255, "" },
		{ TEXT("signal:SEGV"), NULL, RULE_SIGNAL, 11, "" },
		{ TEXT("signal:sigsegv"), NULL, RULE_SIGNAL, 11, "" },
		{ TEXT("signal:9"), NULL, RULE_SIGNAL, 9, "" },
		{ TEXT("text:x: y"), NULL, RULE_TEXT, 0, "x: y" },
		{ TEXT("text: "), NULL, RULE_TEXT, 0, " " },
		{ TEXT("match:a.c"), NULL, RULE_MATCH, 0, "a.c" },
		{ TEXT("match:/a/c/imsx"), NULL, RULE_MATCH, 0, "/a/c/imsx" },
		{ TEXT("match:/etc"), NULL, RULE_MATCH, 0, "/etc" },
		{ TEXT("match:/"), NULL, RULE_MATCH, 0, "/" },
		{ TEXT(""), "retry rule '': is none of", 0, 0, NULL },
		{ { NULL, 0 }, "retry rule '': is none of", 0, 0, NULL },
		{ TEXT("Timeout"), "is none of", 0, 0, NULL },
		{ TEXT("pass"), "is none of", 0, 0, NULL },
		{ TEXT("timeout "), "is none of", 0, 0, NULL },
		{ TEXT("exit:"), "an exit code is", 0, 0, NULL },
		{ TEXT("exit:-1"), "an exit code is", 0, 0, NULL },
		{ TEXT("exit:256"), "an exit code is", 0, 0, NULL },
		{ TEXT("exit:18446744073709551617"), "an exit code is", 0, 0, NULL },
		{ TEXT("signal:"), "no such signal", 0, 0, NULL },
		{ TEXT("signal:0"), "no such signal", 0, 0, NULL },
		{ TEXT("signal:65"), "no such signal", 0, 0, NULL },
		{ TEXT("signal:FOO"), "no such signal", 0, 0, NULL },
		{ TEXT("text:"), "nothing to look for", 0, 0, NULL },
		{ TEXT("match:"), "nothing to look for", 0, 0, NULL },
		{ TEXT("match:/a/g"), "flags of a pattern", 0, 0, NULL },
		{ TEXT("match:/a/i\0"), "flags of a pattern", 0, 0, NULL },
	};
	struct spec_rule	r;
	char			why[256];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int	e = spec_rule_parse(cases[i].rule, &r, why, sizeof why);

		if (e != (cases[i].why != NULL ? -EINVAL : 0) ||
		    spec_rule(cases[i].rule, why, sizeof why) != e)
			fail_msg("\"%.*s\": %d", SV_ARG(cases[i].rule), e);
		if (e != 0) {
			assert_non_null(strstr(why, cases[i].why));
			assert_null(strchr(why, '\n'));
			continue;
		}
		assert_int_equal(r.kind, cases[i].kind);
		assert_int_equal(r.value, cases[i].value);
		assert_true(sv_is(r.text, cases[i].text));
	}
	assert_int_equal(spec_rule((struct sv){ big, 1025 }, why, sizeof why), -EINVAL);
	assert_non_null(strstr(why, "...': is longer than 1024 bytes"));
}

static void
a_budget_is_a_share_a_number_or_a_time(void **state)
{
	static const struct {
		struct sv		text;
		enum spec_budget_kind	kind;	/* BUDGET_NONE: it is refused */
		uint64_t		value;
	} cases[] = {
		{ TEXT("2%"), BUDGET_PPM, 20000 },
		{ TEXT("0.5%"), BUDGET_PPM, 5000 },
		{ TEXT("0.0001%"), BUDGET_PPM, 1 },
		{ TEXT("12.25%"), BUDGET_PPM, 122500 },
		{ TEXT("100%"), BUDGET_PPM, 1000000 },
		{ TEXT("100.0%"), BUDGET_PPM, 1000000 },
		{ TEXT("0%"), BUDGET_PPM, 0 },
		{ TEXT("20"), BUDGET_RETRIES, 20 },
		{ TEXT("0"), BUDGET_RETRIES, 0 },
		{ TEXT("4294967295"), BUDGET_RETRIES, UINT32_MAX },
		{ TEXT("10m"), BUDGET_MS, 600000 },
		{ TEXT("500ms"), BUDGET_MS, 500 },
		{ TEXT("30s"), BUDGET_MS, 30000 },
		{ TEXT("1h"), BUDGET_MS, 3600000 },
		{ TEXT("1m30s"), BUDGET_MS, 90000 },
		{ TEXT("1.5s"), BUDGET_MS, 1500 },
		{ TEXT("720h"), BUDGET_MS, SPEC_TIMEOUT_MAX_MS },
		{ TEXT(""), BUDGET_NONE, 0 },
		{ { NULL, 0 }, BUDGET_NONE, 0 },
		{ TEXT("%"), BUDGET_NONE, 0 },
		{ TEXT(".5%"), BUDGET_NONE, 0 },
		{ TEXT("1.%"), BUDGET_NONE, 0 },
		{ TEXT("0.00001%"), BUDGET_NONE, 0 },
		{ TEXT("100.0001%"), BUDGET_NONE, 0 },
		{ TEXT("101%"), BUDGET_NONE, 0 },
		{ TEXT("-1%"), BUDGET_NONE, 0 },
		{ TEXT("2 %"), BUDGET_NONE, 0 },
		{ TEXT("2%%"), BUDGET_NONE, 0 },
		{ TEXT("-1"), BUDGET_NONE, 0 },
		{ TEXT("4294967296"), BUDGET_NONE, 0 },
		{ TEXT("20.5"), BUDGET_NONE, 0 },
		{ TEXT("10x"), BUDGET_NONE, 0 },
		{ TEXT("10m\0"), BUDGET_NONE, 0 },
		{ TEXT("721h"), BUDGET_NONE, 0 },
		{ TEXT("ten"), BUDGET_NONE, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct spec_budget	b = { BUDGET_NONE, 0 };
		int			r = spec_budget(cases[i].text, &b);

		if (r != (cases[i].kind == BUDGET_NONE ? -EINVAL : 0) ||
		    b.kind != cases[i].kind || b.value != cases[i].value)
			fail_msg("\"%.*s\": %d, kind %d, %llu", SV_ARG(cases[i].text), r,
			    (int)b.kind, (unsigned long long)b.value);
	}
	assert_int_equal(spec_budget((struct sv){ big, 100 }, &(struct spec_budget){ 0 }),
	    -EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_test_is_checked),
		cmocka_unit_test(each_known_expectation_is_taken),
		cmocka_unit_test(the_reason_fits_any_buffer),
		cmocka_unit_test(a_slot_is_a_name_and_a_count),
		cmocka_unit_test(a_rule_is_taken_apart),
		cmocka_unit_test(a_budget_is_a_share_a_number_or_a_time),
	};
	int	r;

	big = malloc(5000);
	if (big == NULL)
		return 1;
	memset(big, 'n', 5000);
	for (size_t i = 0; i < sizeof many / sizeof many[0]; i++)
		many[i] = SV_LIT("w");
	for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
		rules[i] = SV_LIT("fail");
	r = cmocka_run_group_tests(tests, NULL, NULL);
	free(big);
	return r;
}
