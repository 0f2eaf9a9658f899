/* Samples and tables; see table.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/table.h"
#include "common/xalloc.h"

#define TABLE_COLS	12

void
samples_add(struct samples *s, double v)
{
	if (s->n < SAMPLES_MAX)
		s->v[s->n++] = v;
}

static int
by_value(const void *pa, const void *pb)
{
	const double	*a = pa, *b = pb;

	return (*a > *b) - (*a < *b);
}

double
samples_rank(const struct samples *s, double percent)
{
	struct samples	sorted = *s;
	size_t		i = (size_t)((double)s->n * percent / 100);

	if (s->n == 0)
		return 0;
	qsort(sorted.v, sorted.n, sizeof sorted.v[0], by_value);
	return sorted.v[i < s->n ? i : s->n - 1];
}

void
table_row(struct table *t, const char *fmt, ...)
{
	char	text[512];
	va_list	ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	t->rows = xreallocarray(t->rows, t->n + 1, sizeof *t->rows);
	t->rows[t->n++] = xstrdup(text);
}

/* Characters, not bytes. */
static int
width(const char *s, size_t n)
{
	int	w = 0;

	for (size_t i = 0; i < n; i++)
		w += ((unsigned char)s[i] & 0xc0) != 0x80;
	return w;
}

static const char *
next_cell(const char *s, size_t *ret_n)
{
	*ret_n = strcspn(s, "|");
	return s[*ret_n] == '|' ? s + *ret_n + 1 : NULL;
}

static void
print_row(const char *row, const int widths[TABLE_COLS])
{
	const char	*next;
	size_t		 n;
	int		 pad;

	for (int col = 0; row != NULL; col++, row = next) {
		next = next_cell(row, &n);
		pad = col < TABLE_COLS ? widths[col] - width(row, n) : 0;
		if (next != NULL || n > 0)
			(void)fputs("  ", stdout);
		if (next == NULL)
			(void)printf("%.*s", (int)n, row);
		else if (col == 0)
			(void)printf("%.*s%*s", (int)n, row, pad, "");
		else
			(void)printf("%*s%.*s", pad, "", (int)n, row);
	}
	(void)putchar('\n');
}

void
table_print(struct table *t, const char *title)
{
	int		 widths[TABLE_COLS] = { 0 }, w;
	const char	*s, *next;
	size_t		 n;

	for (size_t i = 0; i < t->n; i++) {
		s = t->rows[i];
		for (int col = 0; s != NULL && col < TABLE_COLS; col++, s = next) {
			next = next_cell(s, &n);
			w = width(s, n);
			if (w > widths[col])
				widths[col] = w;
		}
	}
	(void)printf("\n%s\n", title);
	for (size_t i = 0; i < t->n; i++) {
		print_row(t->rows[i], widths);
		free(t->rows[i]);
	}
	(void)fflush(stdout);
	free(t->rows);
	t->rows = NULL;
	t->n = 0;
}

static const char *
verdict(const char *sign, double bar, const char *unit, int met)
{
	static char	text[64];

	(void)snprintf(text, sizeof text, "bar %s %g%s: %s", sign, bar, unit,
	    met ? "met" : "missed");
	return text;
}

const char *
table_at_most(double value, double bar, const char *unit)
{
	return verdict("\xe2\x89\xa4", bar, unit, value <= bar);
}

const char *
table_at_least(double value, double bar, const char *unit)
{
	return verdict("\xe2\x89\xa5", bar, unit, value >= bar);
}
