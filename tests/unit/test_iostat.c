/* Unit tests of worker/iostat.c: the sums over the devices of a group. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "worker/iostat.h"

static void
sums(const char *text, uint64_t want_read, uint64_t want_written)
{
	uint64_t	r = 1, w = 1;

	iostat_sum(text, strlen(text), &r, &w);
	if (r != want_read || w != want_written)
		fail_msg("%llu and %llu of:\n%s", (unsigned long long)r, (unsigned long long)w,
		    text);
}

static void
devices_are_added(void **state)
{
	(void)state;
	sums("", 0, 0);
	sums("8:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n", 4096, 8192);
	sums("8:0 rbytes=1 wbytes=20 rios=9 wios=9 dbytes=9 dios=9\n"
	    "8:16 rbytes=300 wbytes=4000 rios=9 wios=9 dbytes=9 dios=9 cost.usage=7\n"
	    "259:0 rbytes=50000 wbytes=600000 rios=9 wios=9 dbytes=9 dios=9\n", 50301, 604020);
}

static void
what_is_missing_counts_for_nothing(void **state)
{
	(void)state;
	sums("8:0 \n", 0, 0);
	sums("\n\n8:0 rbytes=7\n8:1 wbytes=9\n", 7, 9);
	sums("8:0 dbytes=5 xrbytes=6 wbytes.most=7\n", 0, 0);
}

/* A file that is longer than what is read of it ends within a line, or a number. */
static void
a_line_that_is_cut_counts_for_nothing(void **state)
{
	(void)state;
	sums("8:0 rbytes=5 wbytes=6\n8:16 rbytes=400 wbytes=50", 5, 6);
	sums("8:0 rbytes=5", 0, 0);
}

static void
a_number_that_is_none_counts_for_nothing(void **state)
{
	(void)state;
	sums("8:0 rbytes= wbytes=-3\n8:1 rbytes=12x wbytes=4\n", 0, 4);
	sums("8:0 rbytes=18446744073709551616 wbytes=99999999999999999999999999\n", 0, 0);
	sums("8:0 rbytes=18446744073709551609 wbytes=0\n", UINT64_C(18446744073709551609), 0);
}

static void
an_overlong_line_counts(void **state)
{
	static char	text[3 * IOSTAT_TEXT];
	size_t		n = (size_t)snprintf(text, sizeof text, "8:0 rbytes=3");

	(void)state;
	memset(text + n, ' ', 2 * IOSTAT_TEXT);
	(void)strcpy(text + n + 2 * IOSTAT_TEXT, " wbytes=4\n8:1 rbytes=5\n");
	sums(text, 8, 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(devices_are_added),
		cmocka_unit_test(what_is_missing_counts_for_nothing),
		cmocka_unit_test(a_line_that_is_cut_counts_for_nothing),
		cmocka_unit_test(a_number_that_is_none_counts_for_nothing),
		cmocka_unit_test(an_overlong_line_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
