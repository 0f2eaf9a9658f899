/* Durations and suggestions: what is read, refused and shown. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "common/suggest.h"
#include "ctl/duration.h"

static void
reads_durations(void **state)
{
	static const struct { const char *text; uint64_t ms; } cases[] = {
		{ "0", 0 }, { "0s", 0 }, { "1ms", 1 }, { "500ms", 500 }, { "30s", 30000 },
		{ "1.5s", 1500 }, { "0.001s", 1 }, { "2m", 120000 }, { "1h", 3600000 },
		{ "0.5h", 1800000 }, { "1m30s", 90000 }, { "1h2m3s4ms", 3723004 },
		{ "2m05s", 125000 }, { "18446744073709551615ms", UINT64_MAX },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t	ms = 77;

		print_message("%s\n", cases[i].text);
		assert_int_equal(duration_parse(cases[i].text, &ms), 0);
		assert_true(ms == cases[i].ms);
	}
}

static void
refuses_what_is_no_duration(void **state)
{
	static const struct { const char *text; int r; } cases[] = {
		{ "", -EINVAL }, { "30", -EINVAL }, { "-1s", -EINVAL }, { "s", -EINVAL },
		{ "1 s", -EINVAL }, { "1S", -EINVAL }, { "1d", -EINVAL }, { "1.s", -EINVAL },
		{ ".5s", -EINVAL }, { "1.5ms", -EINVAL }, { "0.0001s", -EINVAL },
		{ "1s1m", -EINVAL }, { "1s1s", -EINVAL }, { "1s ", -EINVAL }, { "00", -EINVAL },
		{ "1sx", -EINVAL }, { "99999999999999999999s", -ERANGE },
		{ "18446744073709551615s", -ERANGE }, { "18446744073709551615ms1h", -EINVAL },
		{ "5124095576030h99m", -ERANGE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t	ms = 77;

		print_message("'%s'\n", cases[i].text);
		assert_int_equal(duration_parse(cases[i].text, &ms), cases[i].r);
		assert_int_equal(ms, 77);
	}
}

static void
shows_durations(void **state)
{
	static const struct { uint64_t us; const char *text; } cases[] = {
		{ 0, "0ms" }, { 40, "0.0ms" }, { 400, "0.4ms" }, { 1000, "1ms" },
		{ 999, "1ms" }, { 12345, "12ms" }, { 999499, "999ms" }, { 999500, "1.00s" },
		{ 1230000, "1.23s" }, { 59994999, "59.99s" }, { 59995000, "1m00s" },
		{ 125000000, "2m05s" }, { 3599499999, "59m59s" }, { 3599500000, "1h00m" },
		{ 3720000000, "1h02m" }, { 360000000000, "100h00m" },
		{ UINT64_MAX, "5124095576h01m" },
	};
	char	buf[DURATION_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(duration_text(cases[i].us, buf, sizeof(buf)), cases[i].text);
}

static void
suggests_the_nearest_word(void **state)
{
	static const char *const words[] = { "tests", "timeout", "retry", "run", "tags", NULL };
	static const struct { const char *word, *near; } cases[] = {
		{ "tests_", "tests" }, { "test", "tests" }, { "tmieout", "timeout" },
		{ "timeuot", "timeout" }, { "Timeout", "timeout" }, { "rnu", "run" },
		{ "retires", NULL }, { "retyr", "retry" }, { "xyz", NULL }, { "", NULL },
		{ "r", NULL }, { "completely", NULL },
	};
	char	long_word[200], hint[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char	*near = suggest_word(cases[i].word, words);

		print_message("%s\n", cases[i].word);
		if (cases[i].near == NULL)
			assert_null(near);
		else
			assert_string_equal(near, cases[i].near);
	}
	memset(long_word, 'a', sizeof(long_word) - 1);
	long_word[sizeof(long_word) - 1] = '\0';
	assert_null(suggest_word(long_word, words));
	assert_string_equal(suggest_text("tesst", words, hint, sizeof(hint)),
	    ": did you mean 'tests'?");
	assert_string_equal(suggest_text("zzzzz", words, hint, sizeof(hint)), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_durations),
		cmocka_unit_test(refuses_what_is_no_duration),
		cmocka_unit_test(shows_durations),
		cmocka_unit_test(suggests_the_nearest_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
