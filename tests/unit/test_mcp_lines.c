/* Bytes into lines: however they are cut, whatever is in them, however long they are. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "mcp/lines.h"

struct seen {
	char	 text[256];	/* each line and a '|'; '!' for one that was too long */
	size_t	 len;
};

static void
on_line(void *arg, const char *line, size_t n)
{
	struct seen	*s = arg;

	assert_true(s->len + n + 2 < sizeof(s->text));
	if (line == NULL)
		s->text[s->len++] = '!';
	else
		memcpy(s->text + s->len, line, n);
	s->len += n;
	s->text[s->len++] = '|';
}

static void
sees_n(const char *bytes, size_t n, size_t piece, size_t max, bool end, const char *want,
    size_t want_n)
{
	struct lines	l;
	struct seen	s = { .len = 0 };

	lines_init(&l, max);
	for (size_t i = 0; i < n; i += piece) {
		size_t	k = n - i < piece ? n - i : piece;
		char	*exact = xmemdup(bytes + i, k);	/* a read past it is found */

		lines_feed(&l, exact, k, on_line, &s);
		free(exact);
	}
	if (end)
		lines_end(&l, on_line, &s);
	lines_free(&l);
	assert_int_equal(s.len, want_n);
	assert_memory_equal(s.text, want, s.len);
}

static void
sees(const char *bytes, size_t n, size_t piece, size_t max, bool end, const char *want)
{
	sees_n(bytes, n, piece, max, end, want, strlen(want));
}

static void
cut_anywhere(void **state)
{
	static const char	bytes[] = "one\ntwo\r\n\n\r\nthree\nrest";

	(void)state;
	for (size_t piece = 1; piece <= sizeof(bytes); piece++) {
		sees(bytes, sizeof(bytes) - 1, piece, 100, false, "one|two|three|");
		sees(bytes, sizeof(bytes) - 1, piece, 100, true, "one|two|three|rest|");
	}
}

static void
too_long(void **state)
{
	static const char	bytes[] = "12345\n123456\n1234567\r\n12345\r\n12345678\n1\n";

	(void)state;
	for (size_t piece = 1; piece <= sizeof(bytes); piece++) {
		sees(bytes, sizeof(bytes) - 1, piece, 5, false, "12345|!|!|12345|!|1|");
		/* What ends a long line is not there yet: it is told before. */
		sees("1234567", 7, piece, 5, true, "!|");
	}
}

static void
any_byte(void **state)
{
	(void)state;
	for (size_t piece = 1; piece < 10; piece++)
		sees_n("a\0b\n\xff\n\r\r\n", 9, piece, 5, false, "a\0b|\xff|\r|", 8);
}

static void
memory_is_given_back(void **state)
{
	struct lines	 l;
	struct seen	 s = { .len = 0 };
	size_t		 n = 1 << 20;
	char		*big = xcalloc(n, 1);

	(void)state;
	memset(big, 'x', n);
	lines_init(&l, n);
	lines_feed(&l, big, n, on_line, &s);
	assert_true(l.size >= n);
	lines_feed(&l, "y\nz", 3, on_line, &s);
	/* The long line was one byte too long, and is gone with its memory. */
	assert_string_equal(s.text, "!|");
	assert_true(l.size < 8192);
	lines_free(&l);
	free(big);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(too_long),
		cmocka_unit_test(any_byte),
		cmocka_unit_test(memory_is_given_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
