/* Text made harmless; see clean.h. */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "mcpsrv/clean.h"
#include "mcpsrv/secrets.h"

#define ESC	0x1b
#define STRING_MAX	4096	/* bytes of a control string that is looked for its end */

/* Not seen, or seen elsewhere than where it stands. */
static bool
is_hidden(uint32_t c)
{
	static const struct { uint32_t first, last; } ranges[] = {
		{ 0x00ad, 0x00ad },	/* soft hyphen */
		{ 0x034f, 0x034f },	/* joiner */
		{ 0x061c, 0x061c },	/* Arabic letter mark */
		{ 0x115f, 0x1160 }, { 0x3164, 0x3164 }, { 0xffa0, 0xffa0 },	/* fillers */
		{ 0x17b4, 0x17b5 }, { 0x180b, 0x180f },
		{ 0x200b, 0x200f },	/* zero width, marks of direction */
		{ 0x202a, 0x202e },	/* embeddings and overrides of direction */
		{ 0x2060, 0x206f },	/* invisible operators, isolates */
		{ 0xfeff, 0xfeff }, { 0xfff9, 0xfffb },
		{ 0xe0000, 0xe0fff },	/* tags and selectors: ASCII that is not seen */
	};

	for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	}
	return false;
}

/* Bytes of ESC [ ... final, after the [. */
static size_t
csi_length(const char *p, size_t n)
{
	size_t	i = 0;

	while (i < n && (unsigned char)p[i] >= 0x20 && (unsigned char)p[i] <= 0x3f)
		i++;
	return i < n && (unsigned char)p[i] >= 0x40 && (unsigned char)p[i] <= 0x7e ? i + 1 : i;
}

/* Bytes of a control string with its end, BEL or ESC \; one without an end is no
 * reason to lose the rest of the text. */
static size_t
string_length(const char *p, size_t n)
{
	size_t	most = n < STRING_MAX ? n : STRING_MAX;

	for (size_t i = 0; i < most; i++) {
		if (p[i] == '\a')
			return i + 1;
		if (p[i] == ESC)
			return i + 1 < n && p[i + 1] == '\\' ? i + 2 : i;
		if (p[i] == '\n')
			break;
	}
	return 0;
}

/* Bytes of the sequence at p, which begins with ESC. */
static size_t
escape_length(const char *p, size_t n)
{
	size_t	i = 1;

	if (n < 2)
		return n;
	if (p[1] == '[')
		return 2 + csi_length(p + 2, n - 2);
	if (strchr("]PX^_", p[1]) != NULL)
		return 2 + string_length(p + 2, n - 2);
	while (i < n && (unsigned char)p[i] >= 0x20 && (unsigned char)p[i] <= 0x2f)
		i++;
	return i < n && (unsigned char)p[i] >= 0x30 && (unsigned char)p[i] <= 0x7e ? i + 1 : i;
}

/* A carriage return: what stands on the line is about to be written over, unless the
 * line ends here. */
static void
carriage_return(struct text *t, size_t start, const char *p, size_t n)
{
	size_t	i = 0;

	while (i < n && p[i] == '\r')
		i++;
	if (i == n || p[i] == '\n')
		return;
	while (t->n > start && t->p[t->n - 1] != '\n')
		t->n--;
}

void
clean_text(struct text *t, const char *p, size_t n)
{
	static const char	bad[] = "\xef\xbf\xbd";
	size_t			start = t->n, len;
	uint32_t		c;

	text_puts(t, "");
	for (; n > 0; p += len, n -= len) {
		len = text_decode(p, n, &c);
		if (c == TEXT_BAD)
			text_puts(t, bad);
		else if (c == ESC)
			len = escape_length(p, n);
		else if (c == 0x9b)
			len += csi_length(p + len, n - len);
		else if (c == '\r')
			carriage_return(t, start, p + 1, n - 1);
		else if (c == 0x2028 || c == 0x2029)
			text_puts(t, "\n");
		else if (c == '\n' || c == '\t' || (c >= 0x20 && !(c >= 0x7f && c <= 0x9f) &&
		    !is_hidden(c)))
			text_add(t, p, len);
	}
	text_add(t, "", 1);
	t->n--;
}

/* At most max bytes from p, and no half character. */
static size_t
whole_characters(const char *p, size_t n, size_t max)
{
	if (n <= max)
		return n;
	while (max > 0 && ((unsigned char)p[max] & 0xc0) == 0x80)
		max--;
	return max;
}

void
clean_line(struct text *t, const struct secrets *secrets, const char *p, size_t n, size_t max)
{
	struct text	s = { 0 };
	size_t		start = t->n, len;
	bool		blank = true;	/* none at the beginning */

	clean_text(&s, p, n);
	secrets_hide(secrets, &s);
	text_puts(t, "");
	for (size_t i = 0; i < s.n; i++) {
		bool	space = strchr(" \t\n", s.p[i]) != NULL;

		if (!space)
			text_add(t, s.p + i, 1);
		else if (!blank)
			text_puts(t, " ");
		blank = space;
	}
	text_free(&s);
	len = whole_characters(t->p + start, t->n - start, max);
	if (len < t->n - start) {
		len = whole_characters(t->p + start, t->n - start, max > 3 ? max - 3 : 0);
		t->n = start + len;
		text_puts(t, "...");
	}
	while (t->n > start && t->p[t->n - 1] == ' ')
		t->n--;
	text_add(t, "", 1);
	t->n--;
}

size_t
clean_tail(struct text *t, const struct secrets *secrets, const char *p, size_t n, size_t total,
    size_t lines, size_t max)
{
	struct text	s = { 0 };
	size_t		from, before;

	if (lines == 0 || max == 0)
		return total;
	/* Cleaned as a whole, so that no sequence is cut in two. */
	clean_text(&s, p, n);
	secrets_hide(secrets, &s);
	from = text_tail(s.p, s.n, lines);
	if (s.n - from > max) {
		from = s.n - max;
		while (from < s.n && ((unsigned char)s.p[from] & 0xc0) == 0x80)
			from++;
	}
	before = from + (total > n ? total - n : 0);
	if (before > 0)
		text_addf(t, "[... %zu bytes before this]\n", before);
	text_add(t, s.p + from, s.n - from);
	text_free(&s);
	return before;
}
