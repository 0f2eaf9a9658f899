/*
 * A screen for tests: takes what is written to a terminal, knows only the codes
 * that we use and fails on any other.  Endless downwards, as wide as it is told.
 */
#ifndef TESTS_UNIT_SCREEN_FIXTURE_H
#define TESTS_UNIT_SCREEN_FIXTURE_H

#include <string.h>

#include "ctl/text.h"

#define SCREEN_ROWS	4000
#define SCREEN_COLUMNS	240

struct screen {
	uint32_t	cells[SCREEN_ROWS][SCREEN_COLUMNS];	/* 0: blank */
	unsigned	columns, row, col;
	unsigned	wraps;		/* rows that were too long */
};

static inline void
screen_put(struct screen *s, uint32_t c)
{
	unsigned	w = text_columns(c);

	if (s->col + w > s->columns) {
		s->wraps++;
		s->row++;
		s->col = 0;
	}
	assert_true(s->row < SCREEN_ROWS);
	if (w > 0)
		s->cells[s->row][s->col] = c;
	if (w > 1)
		s->cells[s->row][s->col + 1] = 0;
	s->col += w;
}

/* An escape sequence after ESC; only the few that we write are known. */
static inline size_t
screen_escape(struct screen *s, const char *p)
{
	unsigned	n = 0;
	size_t		i = 1;

	assert_int_equal(p[0], '[');
	for (; (p[i] >= '0' && p[i] <= '9') || p[i] == ';'; i++)
		n = p[i] == ';' ? 0 : n * 10 + (unsigned)(p[i] - '0');
	if (p[i] == 'A') {
		assert_true(n > 0 && n <= s->row);
		s->row -= n;
	} else if (p[i] == 'K' || p[i] == 'J') {
		assert_int_equal(n, 0);
		memset(&s->cells[s->row][s->col], 0,
		    (SCREEN_COLUMNS - s->col) * sizeof(s->cells[0][0]));
		for (unsigned r = s->row + 1; p[i] == 'J' && r < s->row + 40; r++) {
			assert_true(r < SCREEN_ROWS);
			memset(s->cells[r], 0, sizeof(s->cells[r]));
		}
	} else if (p[i] != 'm') {
		fail_msg("unknown sequence [%u%c", n, p[i]);
	}
	return i + 1;
}

static inline void
screen_write(struct screen *s, const char *p, size_t n)
{
	for (size_t i = 0; i < n;) {
		uint32_t	c;

		i += text_decode(p + i, n - i, &c);
		assert_int_not_equal(c, TEXT_BAD);
		if (c == '\n') {
			s->row++;
			s->col = 0;
		} else if (c == '\r') {
			s->col = 0;
		} else if (c == 0x1b) {
			i += screen_escape(s, p + i);
		} else {
			assert_true(c >= 0x20);
			screen_put(s, c);
		}
	}
}

static inline void
add_utf8(struct text *t, uint32_t c)
{
	char	buf[4];
	size_t	n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (size_t i = n; i-- > 1; c >>= 6)
		buf[i] = (char)(0x80 | (c & 0x3f));
	buf[0] = (char)(n == 1 ? c : ((0xf00u >> n) & 0xff) | c);
	text_add(t, buf, n);
}

/* What is on it, without blanks at the ends of rows. */
static inline void
screen_text(const struct screen *s, struct text *t)
{
	text_clear(t);
	text_puts(t, "");
	for (unsigned row = 0; row <= s->row; row++) {
		unsigned	end = s->columns;

		while (end > 0 && (s->cells[row][end - 1] == 0 || s->cells[row][end - 1] == ' '))
			end--;
		for (unsigned col = 0; col < end; col++) {
			uint32_t	c = s->cells[row][col];

			if (c != 0)
				add_utf8(t, c);
			else if (col == 0 || text_columns(s->cells[row][col - 1]) < 2)
				text_puts(t, " ");
		}
		if (row < s->row)
			text_puts(t, "\n");
	}
}

#endif
