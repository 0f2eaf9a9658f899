/*
 * The text buffer and what makes foreign bytes fit to be shown; see text.h.
 * Opens nothing, knows no run.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

#include "common/xalloc.h"
#include "ctl/text.h"

static void
text_grow(struct text *t, size_t n)
{
	size_t	cap = t->cap < 256 ? 256 : t->cap;

	while (cap - t->n <= n)
		cap += cap / 2;
	t->p = xreallocarray(t->p, cap, 1);
	t->cap = cap;
}

/* Room for n bytes and a NUL: mostly there, since pieces are small. */
static inline char *
text_room(struct text *t, size_t n)
{
	if (t->cap - t->n <= n)
		text_grow(t, n);
	return t->p + t->n;
}

void
text_add(struct text *t, const void *p, size_t n)
{
	char	*to = text_room(t, n);

	if (n > 0)
		memcpy(to, p, n);
	to[n] = '\0';
	t->n += n;
}

void
text_puts(struct text *t, const char *s)
{
	text_add(t, s, strlen(s));
}

void
text_addf(struct text *t, const char *fmt, ...)
{
	va_list	 ap;
	int	 n;

	text_room(t, 128);
	va_start(ap, fmt);
	n = vsnprintf(t->p + t->n, t->cap - t->n, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n >= t->cap - t->n) {
		text_room(t, (size_t)n);
		va_start(ap, fmt);
		(void)vsnprintf(t->p + t->n, t->cap - t->n, fmt, ap);
		va_end(ap);
	}
	t->n += (size_t)n;
}

void
text_repeat(struct text *t, const char *s, size_t times)
{
	while (times-- > 0)
		text_puts(t, s);
}

void
text_clear(struct text *t)
{
	t->n = 0;
}

void
text_free(struct text *t)
{
	free(t->p);
	*t = (struct text){ 0 };
}

void
text_write(struct text *t, FILE *f)
{
	if (t->n > 0) {
		(void)fwrite(t->p, 1, t->n, f);
		(void)fflush(f);
	}
	text_clear(t);
}

int
text_finish(FILE *f)
{
	errno = 0;
	if (fflush(f) != 0)
		return errno != 0 ? -errno : -EIO;
	return ferror(f) ? -EIO : 0;
}

/* Length of a character by its first byte, and which second bytes are allowed:
 * this is what excludes overlong forms, surrogates and what is past U+10FFFF. */
static size_t
lead(unsigned char b, unsigned char *ret_low, unsigned char *ret_high)
{
	*ret_low = b == 0xe0 ? 0xa0 : b == 0xf0 ? 0x90 : 0x80;
	*ret_high = b == 0xed ? 0x9f : b == 0xf4 ? 0x8f : 0xbf;
	if (b >= 0xc2 && b <= 0xdf)
		return 2;
	if (b >= 0xe0 && b <= 0xef)
		return 3;
	return b >= 0xf0 && b <= 0xf4 ? 4 : 0;
}

size_t
text_decode(const char *s, size_t n, uint32_t *ret_c)
{
	const unsigned char	*p = (const unsigned char *)s;
	unsigned char		 low, high;
	size_t			 len, i;
	uint32_t		 c;

	if (p[0] < 0x80) {
		*ret_c = p[0];
		return 1;
	}
	*ret_c = TEXT_BAD;
	len = lead(p[0], &low, &high);
	if (len == 0)
		return 1;
	c = p[0] & (0x7fu >> len);
	for (i = 1; i < len; i++) {
		if (i >= n || p[i] < low || p[i] > high)
			return i;
		c = c << 6 | (p[i] & 0x3f);
		low = 0x80;
		high = 0xbf;
	}
	*ret_c = c;
	return len;
}

bool
text_is_utf8(const char *p, size_t n)
{
	uint32_t	c;

	for (size_t i = 0; i < n;) {
		i += text_decode(p + i, n - i, &c);
		if (c == TEXT_BAD)
			return false;
	}
	return true;
}

void
text_utf8(struct text *t, const char *p, size_t n)
{
	size_t		from = 0, len;
	uint32_t	c;

	for (size_t i = 0; i < n; i += len) {
		len = text_decode(p + i, n - i, &c);
		if (c != TEXT_BAD)
			continue;
		text_add(t, p + from, i - from);
		text_puts(t, "\xef\xbf\xbd");
		from = i + len;
	}
	text_add(t, p + from, n - from);
}

unsigned
text_columns(uint32_t c)
{
	int	w;

	if (c < 0x7f)
		return 1;
	w = wcwidth((wchar_t)c);
	/* Unknown to this C library: rather leave a blank than wrap a line. */
	return w < 0 ? 2 : (unsigned)w;
}

/* Control characters, line separators, marks of direction, not characters. */
static bool
is_shown(uint32_t c)
{
	if (c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == TEXT_BAD)
		return false;
	if (c < 0x200e)
		return c != 0x061c;
	if (c <= 0x200f || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f))
		return false;
	if (c == 0xfeff || (c >= 0xfdd0 && c <= 0xfdef) || (c >= 0xfff9 && c <= 0xfffb))
		return false;
	return (c & 0xfffe) != 0xfffe && !(c >= 0xe0000 && c <= 0xe0fff);
}

/* A picture of one character of `len` bytes at p; returns its columns. */
static size_t
picture(struct text *t, const char *p, size_t len, uint32_t c)
{
	size_t	before = t->n;

	if (c == '\n' || c == '\t' || c == '\r') {
		text_puts(t, c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r");
	} else if (c != TEXT_BAD && c >= 0x80) {
		text_addf(t, "\\u{%x}", (unsigned)c);
	} else {
		for (size_t i = 0; i < len; i++)
			text_addf(t, "\\x%02x", (unsigned)(unsigned char)p[i]);
	}
	return t->n - before;
}

/* Length of the string (OSC, DCS, ...) at p with its terminator, or 0. */
static size_t
escape_string(const char *p, size_t n)
{
	for (size_t i = 2; i < n; i++) {
		if (p[i] == '\a')
			return i + 1;
		if (p[i] == '\033')
			return i + 1 < n && p[i + 1] == '\\' ? i + 2 : 0;
	}
	return 0;
}

/* Length of the escape sequence at p (which is ESC), 0: it is none. */
static size_t
escape_len(const char *p, size_t n)
{
	size_t	i = 2;

	if (n < 2)
		return n;
	if (strchr("]PX^_", p[1]) != NULL && p[1] != '\0')
		return escape_string(p, n);
	if (p[1] == '[') {
		while (i < n && p[i] >= 0x30 && p[i] <= 0x3f)
			i++;
	} else if (p[1] < 0x20 || p[1] > 0x2f) {
		return p[1] >= 0x30 && p[1] <= 0x7e ? 2 : 0;
	}
	while (i < n && p[i] >= 0x20 && p[i] <= 0x2f)
		i++;
	if (i == n)
		return n;
	return p[i] >= 0x30 && p[i] <= 0x7e ? i + 1 : 0;
}

/* One thing of a line: added as it is to be seen; *ret_cols of columns. */
static size_t
show_one(struct text *t, const char *p, size_t n, unsigned flags, size_t col, size_t *ret_cols)
{
	uint32_t	c;
	size_t		len = text_decode(p, n, &c);

	*ret_cols = 0;
	if ((flags & TEXT_OUTPUT) != 0) {
		size_t	esc = c == 0x1b ? escape_len(p, n) : 0;

		if (esc > 0)
			return esc;
		if (c == '\t') {
			*ret_cols = 8 - col % 8;
			text_repeat(t, " ", *ret_cols);
			return len;
		}
	}
	if (!is_shown(c) || (c >= 0x80 && (flags & TEXT_ASCII) != 0)) {
		*ret_cols = picture(t, p, len, c);
	} else {
		text_add(t, p, len);
		*ret_cols = text_columns(c);
	}
	return len;
}

/* Of "10%\r50%\r100%\r" a terminal shows the last. */
static void
overwritten(const char **p, size_t *n)
{
	const char	*cr;

	while (*n > 0 && (*p)[*n - 1] == '\r')
		(*n)--;
	cr = *n > 0 ? memrchr(*p, '\r', *n) : NULL;
	if (cr != NULL) {
		*n -= (size_t)(cr + 1 - *p);
		*p = cr + 1;
	}
}

size_t
text_show(struct text *t, const char *p, size_t n, unsigned flags, size_t max)
{
	bool		 three = (flags & (TEXT_ASCII | TEXT_DOTS)) != 0;
	const char	*dots = three ? "..." : "\xe2\x80\xa6";
	size_t		 dot_cols = three ? 3 : 1;
	size_t		 col = 0, fits = t->n, fit_cols = 0, cols;

	if ((flags & TEXT_OUTPUT) != 0)
		overwritten(&p, &n);
	while (n > 0) {
		size_t	len = show_one(t, p, n, flags, col, &cols);

		col += cols;
		if (max > 0 && col > max) {
			t->n = fits;
			text_puts(t, max >= dot_cols ? dots : "");
			return fit_cols + (max >= dot_cols ? dot_cols : 0);
		}
		if (col + dot_cols <= max) {
			fits = t->n;
			fit_cols = col;
		}
		p += len;
		n -= len;
	}
	return col;
}

size_t
text_show_name(struct text *t, const char *p, size_t n, unsigned flags, size_t max)
{
	size_t		 dot_cols = flags & (TEXT_ASCII | TEXT_DOTS) ? 3 : 1;
	size_t		 head, cols, drop, i = 0;
	struct text	 all = { 0 };
	uint32_t	 c;

	cols = text_show(&all, p, n, flags, 0);
	if (max == 0 || cols <= max || max < dot_cols + 4) {
		text_free(&all);
		return text_show(t, p, n, flags, max);
	}
	head = text_show(t, all.p, all.n, flags, (max - dot_cols) / 3 + dot_cols);
	for (drop = cols - (max - head); drop > 0 && i < all.n;) {
		i += text_decode(all.p + i, all.n - i, &c);
		drop -= text_columns(c) < drop ? text_columns(c) : drop;
	}
	while (i < all.n) {
		size_t	len = text_decode(all.p + i, all.n - i, &c);

		/* A mark that belongs to what was dropped goes with it. */
		if (text_columns(c) > 0)
			break;
		i += len;
	}
	cols = head + text_show(t, all.p + i, all.n - i, flags, 0);
	text_free(&all);
	return cols;
}

size_t
text_tail(const char *p, size_t n, size_t lines)
{
	size_t	end = n;

	if (end > 0 && p[end - 1] == '\n')
		end--;
	while (end > 0 && lines > 0) {
		const char	*nl = memrchr(p, '\n', end);

		if (nl == NULL)
			return 0;
		end = (size_t)(nl - p);
		if (--lines == 0)
			return end + 1;
	}
	return lines == 0 ? n : 0;
}

size_t
text_line(const char **p, size_t *n)
{
	const char	*nl = *n > 0 ? memchr(*p, '\n', *n) : NULL;
	size_t		 len = nl != NULL ? (size_t)(nl - *p) : *n;
	size_t		 step = nl != NULL ? len + 1 : len;

	*p += step;
	*n -= step;
	return len;
}

/* What XML has for an ASCII character, NULL: nothing special. */
static const char *
xml_entity(uint32_t c, bool attribute)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return attribute ? "&quot;" : "\"";
	case '\n':
		return attribute ? "&#10;" : "\n";
	case '\t':
		return attribute ? "&#9;" : "\t";
	default:
		return NULL;
	}
}

void
text_xml(struct text *t, const char *p, size_t n, bool attribute)
{
	size_t	len, from = 0;

	for (size_t i = 0; i < n; i += len) {
		const char	*entity;
		uint32_t	 c;

		len = text_decode(p + i, n - i, &c);
		entity = xml_entity(c, attribute);
		if (entity == NULL && is_shown(c))
			continue;
		text_add(t, p + from, i - from);
		from = i + len;
		if (entity != NULL)
			text_puts(t, entity);
		else if (c != '\r' || i + 1 == n || p[i + 1] != '\n')
			picture(t, p + i, len, c);
	}
	text_add(t, p + from, n - from);
}

const char *
text_signal(uint64_t sig, char *buf, size_t size)
{
	const char	*name = sig < 64 ? sigabbrev_np((int)sig) : NULL;

	if (name != NULL)
		(void)snprintf(buf, size, "SIG%s", name);
	else if (sig >= (uint64_t)SIGRTMIN && sig <= (uint64_t)SIGRTMAX)
		(void)snprintf(buf, size, "SIGRTMIN+%d", (int)sig - SIGRTMIN);
	else
		(void)snprintf(buf, size, "signal %llu", (unsigned long long)sig);
	return buf;
}

void
text_time(struct text *t, uint64_t ms, bool fraction)
{
	time_t		sec = (time_t)(ms / 1000);
	struct tm	tm;
	char		buf[64];

	/* Past the year 9999 there is no agreed way to write it. */
	if (ms > UINT64_C(253402300799999) || gmtime_r(&sec, &tm) == NULL)
		tm = (struct tm){ .tm_year = 70, .tm_mday = 1 };
	(void)strftime(buf, sizeof(buf), "%Y-%m-%dT%H:%M:%S", &tm);
	text_puts(t, buf);
	if (fraction)
		text_addf(t, ".%03u", (unsigned)(ms % 1000));
	text_puts(t, "Z");
}
