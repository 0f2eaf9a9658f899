/* Unit tests of common/limits.c: limits as they are written, in both directions. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "common/limits.h"

static void
reads(void **state)
{
	static const struct { enum limit which; const char *text; uint64_t want; } cases[] = {
		{ LIMIT_MEMORY, "0", 0 },
		{ LIMIT_MEMORY, "1048576", 1048576 },
		{ LIMIT_MEMORY, "1024K", 1048576 },
		{ LIMIT_MEMORY, "2G", UINT64_C(2) << 30 },
		{ LIMIT_MEMORY, "1024T", UINT64_C(1) << 50 },
		{ LIMIT_FILE_SIZE, "1", 1 },
		{ LIMIT_PROCESSES, "4194304", 4194304 },
		{ LIMIT_CPU, "1", 1000 },
		{ LIMIT_CPU, "1.5", 1500 },
		{ LIMIT_CPU, "0.010", 10 },
		{ LIMIT_CPU, "1024", 1024000 },
		{ LIMIT_OPEN_FILES, "8", 8 },
	};
	char		why[LIMIT_WHY];
	uint64_t	v;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		if (limit_parse(cases[i].which, cases[i].text, &v, why) != 0)
			fail_msg("%s: %s", cases[i].text, why);
		assert_int_equal(v, cases[i].want);
	}
}

static void
refuses(void **state)
{
	static const struct { enum limit which; const char *text; } cases[] = {
		{ LIMIT_MEMORY, "" }, { LIMIT_MEMORY, "K" }, { LIMIT_MEMORY, "1MB" },
		{ LIMIT_MEMORY, "1.5G" }, { LIMIT_MEMORY, "-1" }, { LIMIT_MEMORY, "1048575" },
		{ LIMIT_MEMORY, "1025T" }, { LIMIT_MEMORY, "18446744073709551616" },
		{ LIMIT_MEMORY, "99999999999999999T" }, { LIMIT_PROCESSES, "5K" },
		{ LIMIT_PROCESSES, "4194305" }, { LIMIT_CPU, "1." }, { LIMIT_CPU, ".5" },
		{ LIMIT_CPU, "1.0000" }, { LIMIT_CPU, "0.009" }, { LIMIT_CPU, "1024.001" },
		{ LIMIT_OPEN_FILES, "7" }, { LIMIT_FILE_SIZE, " 1" },
	};
	char		why[LIMIT_WHY];
	uint64_t	v;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		why[0] = '\0';
		if (limit_parse(cases[i].which, cases[i].text, &v, why) != -EINVAL)
			fail_msg("'%s' is taken as %llu", cases[i].text, (unsigned long long)v);
		assert_ptr_equal(strstr(why, "must be "), why);
		assert_non_null(strstr(why, "0"));
	}
}

static void
writes(void **state)
{
	static const struct { enum limit which; uint64_t v; const char *want; } cases[] = {
		{ LIMIT_MEMORY, 1, "1 byte" }, { LIMIT_MEMORY, 1023, "1023 bytes" },
		{ LIMIT_MEMORY, 67108864, "64 MiB" }, { LIMIT_MEMORY, 67842867, "64.7 MiB" },
		{ LIMIT_MEMORY, UINT64_C(1) << 50, "1024 TiB" }, { LIMIT_CPU, 1500, "1.5" },
		{ LIMIT_CPU, 2000, "2" }, { LIMIT_PROCESSES, 50, "50" },
	};
	char	buf[LIMIT_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_string_equal(limit_text(cases[i].which, cases[i].v, buf), cases[i].want);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads), cmocka_unit_test(refuses), cmocka_unit_test(writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
