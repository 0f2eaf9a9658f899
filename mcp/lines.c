/* Bytes into lines; see lines.h. */
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "mcp/lines.h"

#define LINES_KEEP	((size_t)64 << 10)	/* a buffer larger than this is given back */

void
lines_init(struct lines *l, size_t max)
{
	*l = (struct lines){ .max = max };
}

void
lines_free(struct lines *l)
{
	free(l->buf);
	*l = (struct lines){ .max = l->max };
}

static void
emit(struct lines *l, const char *line, size_t n, lines_fn *fn, void *arg)
{
	if (n > 0 && line[n - 1] == '\r')
		n--;
	if (n > l->max)
		fn(arg, NULL, 0);
	else if (n > 0)
		fn(arg, line, n);
}

/* Keeps the start of a line.  One byte more than max may be its "\r". */
static void
keep(struct lines *l, const char *p, size_t n, lines_fn *fn, void *arg)
{
	if (l->dropping)
		return;
	if (n > l->max + 1 - l->len) {
		lines_free(l);
		l->dropping = true;
		fn(arg, NULL, 0);
		return;
	}
	if (l->len + n > l->size) {
		size_t	size = l->len + n < 4096 ? 4096 : (l->len + n) * 2;

		if (size > l->max + 1)
			size = l->max + 1;
		if (size < l->len + n)
			size = l->len + n;
		l->buf = xreallocarray(l->buf, size, 1);
		l->size = size;
	}
	memcpy(l->buf + l->len, p, n);
	l->len += n;
}

/* The kept start of a line is all of it. */
static void
emit_kept(struct lines *l, lines_fn *fn, void *arg)
{
	size_t	n = l->len;

	l->len = 0;
	emit(l, l->buf, n, fn, arg);
	if (l->size > LINES_KEEP)
		lines_free(l);
}

void
lines_feed(struct lines *l, const char *p, size_t n, lines_fn *fn, void *arg)
{
	const char	*nl;
	size_t		 k;

	while (n > 0) {
		nl = memchr(p, '\n', n);
		k = nl != NULL ? (size_t)(nl - p) : n;
		if (nl != NULL && l->len == 0 && !l->dropping) {
			emit(l, p, k, fn, arg);
		} else {
			if (k > 0)
				keep(l, p, k, fn, arg);
			if (nl != NULL && !l->dropping)
				emit_kept(l, fn, arg);
			if (nl != NULL)
				l->dropping = false;
		}
		k += nl != NULL;
		p += k;
		n -= k;
	}
}

void
lines_end(struct lines *l, lines_fn *fn, void *arg)
{
	if (l->len > 0)
		emit_kept(l, fn, arg);
	lines_free(l);
}
