/* Unit tests of common/size.c: sizes as they are written, in both directions. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "common/size.h"

#define K	UINT64_C(1024)

static void
reads(void **state)
{
	static const struct { const char *text; uint64_t want; } cases[] = {
		{ "0", 0 }, { "1", 1 }, { "0K", 0 }, { "65536", 65536 }, { "64K", 64 * K },
		{ "512M", 512 * K * K }, { "2G", 2 * K * K * K }, { "1024T", K * K * K * K * K },
		{ "18446744073709551615", UINT64_MAX }, { "007", 7 },
	};
	uint64_t	v;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		if (size_parse(sv_from(cases[i].text), &v) != 0)
			fail_msg("'%s' is refused", cases[i].text);
		assert_int_equal(v, cases[i].want);
	}
	/* The text may go on behind it. */
	assert_int_equal(size_parse((struct sv){ "64Kmore", 3 }, &v), 0);
	assert_int_equal(v, 64 * K);
}

static void
refuses(void **state)
{
	static const char *const	cases[] = {
		"", "K", "1KB", "1k", "1m", "1.5G", "-1", "+1", " 1", "1 ", "0x10", "1P", "M1",
		"18446744073709551616", "99999999999999999999999", "16777216T",
	};
	uint64_t			v;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		if (size_parse(sv_from(cases[i]), &v) != -EINVAL)
			fail_msg("'%s' is taken as %llu", cases[i], (unsigned long long)v);
	}
	assert_int_equal(size_parse((struct sv){ "1\0", 2 }, &v), -EINVAL);
}

static void
writes(void **state)
{
	static const struct { uint64_t v; const char *exact, *words, *brief; } cases[] = {
		{ 0, "0", "0 bytes", "0" },
		{ 1, "1", "1 byte", "1B" },
		{ 1023, "1023", "1023 bytes", "1023B" },
		{ K, "1K", "1 KiB", "1.0K" },
		{ 1536, "1536", "1.5 KiB", "1.5K" },
		{ 64 * K * K, "64M", "64 MiB", "64M" },
		{ 67842867, "67842867", "64.7 MiB", "65M" },
		/* What would be rounded up to 1024 is 1 of the next. */
		{ K * K - 1, "1048575", "1.0 MiB", "1.0M" },
		{ 1023 * K + 600, "1048152", "1023.6 KiB", "1.0M" },
		{ 2 * K * K * K, "2G", "2 GiB", "2.0G" },
		{ K * K * K * K * K, "1024T", "1024 TiB", "1024T" },
		{ UINT64_MAX, "18446744073709551615", "16777216 TiB", "16777216T" },
	};
	char				 buf[SIZE_TEXT];
	uint64_t			 v;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_string_equal(size_exact(cases[i].v, buf), cases[i].exact);
		assert_int_equal(size_parse(sv_from(buf), &v), 0);
		assert_int_equal(v, cases[i].v);
		assert_string_equal(size_words(cases[i].v, buf), cases[i].words);
		assert_string_equal(size_short(cases[i].v, buf), cases[i].brief);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads), cmocka_unit_test(refuses), cmocka_unit_test(writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
