/* Foreign bytes made fit to be shown: UTF-8, widths, cuts, pictures, XML. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/text.h"

#define LIT(s)	(s), sizeof(s) - 1

static void
utf8(void **state)
{
	static const struct {
		const char	*in;
		size_t		 n;
		const char	*out;
	} cases[] = {
		{ LIT(""), "" },
		{ LIT("plain"), "plain" },
		{ LIT("gr\xc3\xb6\xc3\x9f" "e \xe6\x97\xa5 \xf0\x9f\x98\x80"),
		  "gr\xc3\xb6\xc3\x9f" "e \xe6\x97\xa5 \xf0\x9f\x98\x80" },
		{ LIT("a\xff" "b"), "a\xef\xbf\xbd" "b" },
		{ LIT("\xc0\xaf"), "\xef\xbf\xbd\xef\xbf\xbd" },		/* overlong */
		{ LIT("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" }, /* surrogate */
		{ LIT("\xf4\x90\x80\x80"),
		  "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		/* The start of a character is one, whatever was missing. */
		{ LIT("\xe6\x97"), "\xef\xbf\xbd" },
		{ LIT("\xf0\x9f\x98!"), "\xef\xbf\xbd!" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct text	t = { 0 };

		text_utf8(&t, cases[i].in, cases[i].n);
		assert_string_equal(t.p, cases[i].out);
		assert_true(text_is_utf8(t.p, t.n));
		assert_int_equal(text_is_utf8(cases[i].in, cases[i].n),
		    t.n == cases[i].n && memcmp(t.p, cases[i].in, t.n) == 0);
		text_free(&t);
	}
}

static void
shown(void **state)
{
	static const struct {
		const char	*in;
		size_t		 n;
		unsigned	 flags;
		size_t		 max;
		const char	*out;
		size_t		 cols;
	} cases[] = {
		{ LIT("plain"), 0, 0, "plain", 5 },
		{ LIT("plain"), 0, 5, "plain", 5 },
		{ LIT("plain"), 0, 4, "pla…", 4 },
		{ LIT("plain"), TEXT_ASCII, 4, "p...", 4 },
		{ LIT("plain"), TEXT_DOTS, 4, "p...", 4 },
		{ LIT("日本語"), 0, 0, "日本語", 6 },
		{ LIT("日本語"), 0, 5, "日本…", 5 },
		{ LIT("日本語"), 0, 4, "日…", 3 },
		{ LIT("日"), TEXT_ASCII, 0, "\\u{65e5}", 8 },
		{ LIT("a\nb\tc\rd"), 0, 0, "a\\nb\\tc\\rd", 10 },
		{ LIT("\x1b[31mred\x1b[0m"), 0, 0, "\\x1b[31mred\\x1b[0m", 18 },
		{ LIT("\0\x7f\xff\xe6\x97"), 0, 0, "\\x00\\x7f\\xff\\xe6\\x97", 20 },
		{ LIT("a\xe2\x80\xae" "b\xc2\x9b" "c"), 0, 0, "a\\u{202e}b\\u{9b}c", 17 },
		{ LIT("\x1b[1;31mred\x1b[0m"), TEXT_OUTPUT, 0, "red", 3 },
		{ LIT("\x1b]0;title\x07" "a\x1b]8;;x\x1b\\b\x1b(Bc\x1b" "7"), TEXT_OUTPUT, 0,
		  "abc", 3 },
		{ LIT("a\x1b]0;never ends"), TEXT_OUTPUT, 0, "a\\x1b]0;never ends", 18 },
		{ LIT("cut\x1b[3"), TEXT_OUTPUT, 0, "cut", 3 },
		{ LIT("a\tb"), TEXT_OUTPUT, 0, "a       b", 9 },
		{ LIT("10%\r100%\r"), TEXT_OUTPUT, 0, "100%", 4 },
		{ LIT("dos\r"), TEXT_OUTPUT, 0, "dos", 3 },
		{ LIT("\r\r"), TEXT_OUTPUT, 0, "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct text	t = { 0 };
		size_t		cols;

		text_puts(&t, ">");
		cols = text_show(&t, cases[i].in, cases[i].n, cases[i].flags, cases[i].max);
		assert_string_equal(t.p + 1, cases[i].out);
		assert_int_equal(cols, cases[i].cols);
		text_free(&t);
	}
}

/* Cut in the middle: all the columns are used, both ends are seen. */
static void
names(void **state)
{
	static const struct {
		const char	*in;
		unsigned	 flags;
		size_t		 max;
		const char	*out;
	} cases[] = {
		{ "suite::short", 0, 20, "suite::short" },
		{ "suite::short", 0, 12, "suite::short" },
		{ "suite::short", 0, 0, "suite::short" },
		{ "module/integration/network::opens", 0, 20, "module…etwork::opens" },
		{ "module/integration/network::opens", TEXT_ASCII, 20, "modul...twork::opens" },
		{ "日本語日本語日本語", 0, 10, "日…日本語" },
		{ "abcdefgh", 0, 3, "ab…" },
		{ "", 0, 10, "" },
	};
	struct text	t = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		text_clear(&t);
		text_puts(&t, "");
		text_show_name(&t, cases[i].in, strlen(cases[i].in), cases[i].flags, cases[i].max);
		assert_string_equal(t.p, cases[i].out);
	}
	text_free(&t);
}

static void
lines(void **state)
{
	static const char	in[] = "one\ntwo\n\nfour";
	const char		*p = in;
	size_t			 n = sizeof(in) - 1;

	(void)state;
	assert_int_equal(text_tail(in, n, 0), n);
	assert_int_equal(text_tail(in, n, 1), 9);
	assert_int_equal(text_tail(in, n, 2), 8);
	assert_int_equal(text_tail(in, n, 3), 4);
	assert_int_equal(text_tail(in, n, 4), 0);
	assert_int_equal(text_tail(in, n, 99), 0);
	assert_int_equal(text_tail(in, 8, 1), 4);	/* "one\ntwo\n" */
	assert_int_equal(text_tail(in, 0, 3), 0);
	assert_int_equal(text_line(&p, &n), 3);
	assert_int_equal(text_line(&p, &n), 3);
	assert_int_equal(text_line(&p, &n), 0);
	assert_string_equal(p, "four");
	assert_int_equal(text_line(&p, &n), 4);
	assert_int_equal(n, 0);
}

static void
xml(void **state)
{
	struct text	t = { 0 };

	(void)state;
	text_xml(&t, LIT("a<b> & \"c\" ]]>\n\tx\r\ny\rz\x1b[0m\xff\0"), false);
	assert_string_equal(t.p, "a&lt;b&gt; &amp; \"c\" ]]&gt;\n\tx\ny\\rz\\x1b[0m\\xff\\x00");
	text_clear(&t);
	text_xml(&t, LIT("\"a\"\n\tgr\xc3\xb6\xc3\x9f\xef\xbf\xbe"), true);
	assert_string_equal(t.p, "&quot;a&quot;&#10;&#9;gr\xc3\xb6\xc3\x9f\\u{fffe}");
	text_free(&t);
}

static void
small_things(void **state)
{
	struct text	t = { 0 };
	char		buf[40];

	(void)state;
	assert_string_equal(text_signal(11, buf, sizeof(buf)), "SIGSEGV");
	assert_string_equal(text_signal(15, buf, sizeof(buf)), "SIGTERM");
	assert_string_equal(text_signal(0, buf, sizeof(buf)), "signal 0");
	assert_string_equal(text_signal(UINT64_MAX, buf, sizeof(buf)),
	    "signal 18446744073709551615");
	text_time(&t, UINT64_C(1700000000042), true);
	text_puts(&t, " ");
	text_time(&t, UINT64_C(1700000000042), false);
	text_puts(&t, " ");
	text_time(&t, UINT64_MAX, false);
	assert_string_equal(t.p,
	    "2023-11-14T22:13:20.042Z 2023-11-14T22:13:20Z 1970-01-01T00:00:00Z");
	text_free(&t);
}

/* Whatever the bytes: no control character gets through, the columns hold, and
 * what comes out is UTF-8. */
static void
random_bytes(void **state)
{
	static const char	hard[] = "\x1b[]\\\x07\r\n\t\xe2\x80\xae\xf0\x9f\xc3;m";
	unsigned		seed = 42;
	struct text		t = { 0 };

	(void)state;
	for (int round = 0; round < 20000; round++) {
		char		in[40];
		size_t		n = (size_t)rand_r(&seed) % sizeof(in), max, cols;
		unsigned	flags = (unsigned)rand_r(&seed) % 8;

		for (size_t i = 0; i < n; i++)
			in[i] = rand_r(&seed) % 2 == 0 ? (char)rand_r(&seed) :
			    hard[(size_t)rand_r(&seed) % (sizeof(hard) - 1)];
		max = (size_t)rand_r(&seed) % 30;
		text_clear(&t);
		cols = round % 2 == 0 ? text_show(&t, in, n, flags, max) :
		    text_show_name(&t, in, n, flags, max);
		assert_true(max == 0 || cols <= max);
		assert_true(text_is_utf8(t.p, t.n));
		for (size_t i = 0; i < t.n; i++) {
			unsigned char	c = (unsigned char)t.p[i];

			assert_true(c >= 0x20 && c != 0x7f);
			assert_true((flags & TEXT_ASCII) == 0 || c < 0x7f);
		}
		text_clear(&t);
		text_xml(&t, in, n, round % 3 == 0);
		assert_true(text_is_utf8(t.p, t.n));
		for (size_t i = 0; i < t.n; i++)
			assert_true((unsigned char)t.p[i] >= 0x20 || t.p[i] == '\n' ||
			    t.p[i] == '\t');
	}
	text_free(&t);
}

static int
use_utf8(void **state)
{
	(void)state;
	return setlocale(LC_CTYPE, "C.UTF-8") != NULL ? 0 : -1;
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(utf8),
		cmocka_unit_test(shown),
		cmocka_unit_test(names),
		cmocka_unit_test(lines),
		cmocka_unit_test(xml),
		cmocka_unit_test(small_things),
		cmocka_unit_test(random_bytes),
	};

	return cmocka_run_group_tests(tests, use_utf8, NULL);
}
