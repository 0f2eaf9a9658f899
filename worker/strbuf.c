/* Escaping and shortening; see strbuf.h. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "worker/strbuf.h"

/* Room for n more bytes and a NUL. */
static void
reserve(struct strbuf *t, size_t n)
{
	size_t	cap = t->cap > 0 ? t->cap : 64;

	if (n > SIZE_MAX / 4 || t->n > SIZE_MAX / 4)
		fatal("strbuf", "out of memory");
	while (cap < t->n + n + 1)
		cap *= 2;
	if (cap != t->cap)
		t->p = xreallocarray(t->p, cap, 1);
	t->cap = cap;
}

void
strbuf_add(struct strbuf *t, const void *p, size_t n)
{
	reserve(t, n);
	if (n > 0)
		memcpy(t->p + t->n, p, n);
	t->n += n;
	t->p[t->n] = '\0';
}

void
strbuf_addf(struct strbuf *t, const char *fmt, ...)
{
	va_list	ap;
	int	n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	reserve(t, (size_t)n);
	va_start(ap, fmt);
	(void)vsnprintf(t->p + t->n, (size_t)n + 1, fmt, ap);
	va_end(ap);
	t->n += (size_t)n;
}

char *
strbuf_folded(struct sv s)
{
	char	*p = xcalloc(1, s.n + 1);

	for (size_t i = 0; i < s.n; i++)
		p[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] - 'A' + 'a') : s.p[i];
	return p;
}

size_t
strbuf_utf8(const char *p, size_t n)
{
	const unsigned char	*b = (const unsigned char *)p;
	uint32_t		 c, least;
	size_t			 len;

	if (n == 0)
		return 0;
	if (b[0] < 0x80)
		return 1;
	if (b[0] >= 0xc2 && b[0] <= 0xdf) {
		len = 2;
		least = 0x80;
	} else if ((b[0] & 0xf0) == 0xe0) {
		len = 3;
		least = 0x800;
	} else if (b[0] >= 0xf0 && b[0] <= 0xf4) {
		len = 4;
		least = 0x10000;
	} else {
		return 0;
	}
	if (n < len)
		return 0;
	c = b[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((b[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (b[i] & 0x3f);
	}
	return c < least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ? 0 : len;
}

bool
strbuf_is_utf8(struct sv s, bool *ret_ascii)
{
	bool	ascii = true;

	for (size_t i = 0, len; i < s.n; i += len) {
		len = strbuf_utf8(s.p + i, s.n - i);
		if (len == 0)
			return false;
		if (len > 1)
			ascii = false;
	}
	*ret_ascii = ascii;
	return true;
}

static void
add_char(struct strbuf *t, const char *p, size_t len)
{
	unsigned char	c = (unsigned char)*p;

	if (len == 0)
		strbuf_addf(t, "\\x%02x", c);
	else if (len == 2 && c == 0xc2 && (unsigned char)p[1] < 0xa0)
		strbuf_addf(t, "\\xc2\\x%02x", (unsigned char)p[1]);	/* C1 controls */
	else if (len > 1 || (c >= 0x20 && c < 0x7f && c != '\\'))
		strbuf_add(t, p, len);
	else if (c == '\n')
		strbuf_add(t, "\\n", 2);
	else if (c == '\t')
		strbuf_add(t, "\\t", 2);
	else if (c == '\r')
		strbuf_add(t, "\\r", 2);
	else if (c == '\\')
		strbuf_add(t, "\\\\", 2);
	else
		strbuf_addf(t, "\\x%02x", c);
}

static void
add_all(struct strbuf *t, const char *p, size_t n)
{
	for (size_t i = 0, len; i < n; i += len > 0 ? len : 1) {
		len = strbuf_utf8(p + i, n - i);
		add_char(t, p + i, len);
	}
}

/* Moves a cut so that it does not fall into a character. */
static size_t
whole_chars(struct sv s, size_t at)
{
	for (size_t back = 0; back < 4 && back < at; back++) {
		size_t	len = strbuf_utf8(s.p + at - back, s.n - at + back);

		if (len > 0)
			return len > back ? at - back : at;
	}
	return at;
}

void
strbuf_add_escaped(struct strbuf *t, struct sv s, size_t max)
{
	size_t	head, tail;

	if (s.n <= max) {
		add_all(t, s.p, s.n);
		return;
	}
	head = whole_chars(s, max / 2);
	tail = whole_chars(s, s.n - max / 2);
	add_all(t, s.p, head);
	strbuf_addf(t, "[... %zu bytes ...]", tail - head);
	add_all(t, s.p + tail, s.n - tail);
}

void
strbuf_add_quoted(struct strbuf *t, struct sv s)
{
	strbuf_add(t, "\"", 1);
	strbuf_add_escaped(t, s, STRBUF_SHOWN);
	strbuf_add(t, "\"", 1);
}

struct sv
strbuf_line(struct sv s, size_t from, bool with_newline)
{
	const char	*nl = from < s.n ? memchr(s.p + from, '\n', s.n - from) : NULL;
	size_t		 n = nl != NULL ? (size_t)(nl - s.p) - from + with_newline : s.n - from;

	return (struct sv){ s.p + from, n };
}

size_t
strbuf_line_number(struct sv s, size_t at)
{
	size_t	n = 1;

	for (size_t i = 0; i < at && i < s.n; i++)
		n += s.p[i] == '\n';
	return n;
}

void
strbuf_add_where(struct strbuf *t, struct sv s, size_t at)
{
	while (at > 0 && s.p[at - 1] != '\n')
		at--;
	strbuf_addf(t, " in line %zu: ", strbuf_line_number(s, at));
	strbuf_add_quoted(t, strbuf_line(s, at, false));
}
