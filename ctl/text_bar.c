/*
 * The rows at the bottom of a terminal: how far the run is, and what runs now.
 * Redrawn in place with the fewest codes: cursor up, erase to the end.  A row is
 * one column narrower than the terminal, so that none ever wraps.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "ctl/text_view.h"

#define BAR_MAX		30	/* columns of the bar itself */
#define BAR_MIN		8
#define BAR_ETA_MS	3000	/* younger runs tell nothing */

/* From most to least that is said in the first row; the first that fits. */
enum bar_level { LEVEL_ALL, LEVEL_NO_ETA, LEVEL_SHORT_ETA, LEVEL_SHORT, LEVEL_NO_PERCENT,
	LEVEL_NO_BAR, LEVEL_LEAST, LEVEL_COUNT };

struct row {
	struct text			*t;
	const struct text_style		*style;
	size_t				 cols;
};

void
text_running_add(struct text_running_list *list, const struct text_running *one)
{
	size_t	at = list->n;

	if (list->n == list->cap) {
		list->cap = list->cap > 0 ? list->cap * 2 : 32;
		list->v = xreallocarray(list->v, list->cap, sizeof(*list->v));
	}
	while (at > 0 && list->v[at - 1].start_ms > one->start_ms) {
		list->v[at] = list->v[at - 1];
		at--;
	}
	list->v[at] = *one;
	list->n++;
}

void
text_running_remove(struct text_running_list *list, uint64_t index)
{
	size_t	i = 0;

	while (i < list->n && list->v[i].index != index)
		i++;
	if (i == list->n)
		return;
	list->n--;
	memmove(&list->v[i], &list->v[i + 1], (list->n - i) * sizeof(*list->v));
}

void
text_age(struct text *t, uint64_t ms)
{
	uint64_t	s = ms / 1000;

	if (s < 60)
		text_addf(t, "%" PRIu64 "s", s);
	else if (s < 3600)
		text_addf(t, "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
	else
		text_addf(t, "%" PRIu64 "h%02" PRIu64 "m", s / 3600, s / 60 % 60);
}

/* Adds ASCII or one of our marks, which is one column each character. */
static void
row_add(struct row *row, enum text_ink ink, const char *s)
{
	for (const char *p = s; *p != '\0'; p++)
		row->cols += ((unsigned char)*p & 0xc0) != 0x80;
	text_ink(row->t, row->style, ink, s);
}

static void
row_count(struct row *row, bool brief, enum text_ink ink, uint64_t n, const char *word,
    enum text_mark mark)
{
	char	buf[64];

	if (n == 0)
		return;
	if (brief)
		(void)snprintf(buf, sizeof(buf), "%" PRIu64 "%s", n, text_mark(row->style, mark));
	else
		(void)snprintf(buf, sizeof(buf), "%" PRIu64 " %s", n, word);
	row_add(row, INK_NONE, brief ? " " : "  ");
	row_add(row, ink, buf);
}

static void
row_counts(struct row *row, bool brief, const struct results *r)
{
	row_count(row, brief, INK_GREEN, r->passed, "passed", MARK_PASS);
	if (brief) {
		row_count(row, true, INK_RED, r->failed + r->timed_out + r->errored, "",
		    MARK_FAIL);
	} else {
		row_count(row, false, INK_RED, r->failed, "failed", MARK_FAIL);
		row_count(row, false, INK_RED, r->timed_out, "timed out", MARK_FAIL);
		row_count(row, false, INK_RED, r->errored, r->errored == 1 ? "error" : "errors",
		    MARK_FAIL);
	}
	row_count(row, brief, INK_YELLOW, r->flaky, "flaky", MARK_FLAKY);
	row_count(row, brief, INK_DIM, r->skipped + r->cancelled,
	    r->cancelled > 0 ? "not run" : "skipped", MARK_SKIP);
}

/* Milliseconds left, 0: nothing sensible can be said. */
static uint64_t
eta(const struct results *r, uint64_t elapsed)
{
	uint64_t	left;

	if (r->cancelling || elapsed < BAR_ETA_MS || r->done < 3 || r->done * 20 < r->total)
		return 0;
	left = (uint64_t)((double)elapsed * (double)(r->total - r->done) / (double)r->done);
	return left < 1000 ? 0 : left;
}

/* All of the first row but the bar, at a level of detail. */
static void
row_rest(struct row *row, const struct results *r, uint64_t elapsed, enum bar_level level)
{
	bool		brief = level >= LEVEL_SHORT_ETA;
	uint64_t	left = level == LEVEL_ALL || level == LEVEL_SHORT_ETA ? eta(r, elapsed) : 0;
	struct text	age = { 0 };
	char		buf[64];

	(void)snprintf(buf, sizeof(buf), " %" PRIu64 "/%" PRIu64, r->done, r->total);
	row_add(row, INK_BOLD, buf);
	if (level < LEVEL_NO_PERCENT) {
		(void)snprintf(buf, sizeof(buf), " %3" PRIu64 "%%",
		    r->total > 0 ? r->done * 100 / r->total : 100);
		row_add(row, INK_NONE, buf);
	}
	if (level < LEVEL_LEAST)
		row_counts(row, brief, r);
	text_puts(&age, brief ? " " : "  ");
	text_age(&age, elapsed);
	row_add(row, INK_DIM, age.p);
	text_clear(&age);
	if (left > 0) {
		text_puts(&age, ", ");
		text_age(&age, left);
		text_puts(&age, " left");
		row_add(row, INK_DIM, age.p);
	}
	text_free(&age);
	if (r->cancelling && level < LEVEL_NO_BAR)
		row_add(row, INK_YELLOW, brief ? " ending" : "  cancelling");
}

static void
row_bar(struct row *row, const struct results *r, size_t cols)
{
	uint64_t	done = r->total > 0 ? (uint64_t)cols * r->done / r->total : cols;
	bool		bad = r->failed + r->timed_out + r->errored > 0;
	struct text	bar = { 0 };

	text_puts(&bar, "");
	text_repeat(&bar, text_mark(row->style, MARK_BAR_DONE), done);
	row_add(row, bad ? INK_RED : INK_GREEN, bar.p);
	text_clear(&bar);
	text_puts(&bar, "");
	text_repeat(&bar, text_mark(row->style, MARK_BAR_REST), cols - done);
	row_add(row, INK_DIM, bar.p);
	text_free(&bar);
}

/* Returns the columns of the row. */
static size_t
first_row(struct text *t, const struct text_style *style, const struct results *r,
    uint64_t elapsed, size_t max)
{
	struct text	rest = { 0 };
	struct row	whole = { t, style, 0 };

	for (enum bar_level level = LEVEL_ALL; level < LEVEL_COUNT; level++) {
		struct row	row = { &rest, style, 0 };
		size_t		least = level < LEVEL_NO_BAR ? BAR_MIN : 0;

		text_clear(&rest);
		row_rest(&row, r, elapsed, level);
		if (row.cols + least > max)
			continue;
		if (least > 0)
			row_bar(&whole, r, max - row.cols < BAR_MAX ? max - row.cols : BAR_MAX);
		text_add(t, rest.p, rest.n);
		whole.cols += row.cols;
		break;
	}
	text_free(&rest);
	return whole.cols;
}

/* One test that runs: its age, its name, how soon its time is up. */
static size_t
running_row(struct text *t, const struct text_style *style, const struct results *r,
    const struct text_running *one, uint64_t wall, size_t max)
{
	uint64_t	age = wall > one->start_ms ? wall - one->start_ms : 0;
	struct text	word = { 0 };
	struct row	row = { t, style, 0 };
	size_t		limit = 0;

	text_age(&word, age);
	for (size_t n = word.n; n < 6 && max > 30; n++)
		row_add(&row, INK_NONE, " ");
	row_add(&row, INK_DIM, word.p);
	row_add(&row, INK_NONE, " ");
	text_clear(&word);
	if (one->timeout_ms > 0 && age >= one->timeout_ms / 2) {
		text_puts(&word, age < one->timeout_ms ? "  timeout in " : "  over its time");
		if (age < one->timeout_ms)
			text_age(&word, one->timeout_ms - age);
		limit = word.n;
	}
	if (row.cols + limit + 4 > max)
		limit = 0;
	row.cols += text_view_name(t, style, r->tests[one->index].name, max - row.cols - limit);
	if (limit > 0)
		row_add(&row, INK_YELLOW, word.p);
	text_free(&word);
	return row.cols;
}

/* Back to the first column of the first row.  A terminal that became narrower has
 * wrapped what was drawn. */
static void
go_up(struct text *t, const struct text_bar *bar, unsigned columns)
{
	size_t	up = 0;

	if (bar->rows == 0)
		return;
	for (size_t i = 0; i < bar->rows; i++)
		up += bar->widths[i] > columns ? (bar->widths[i] + columns - 1) / columns : 1;
	text_puts(t, "\r");
	if (up > 1)
		text_addf(t, "\033[%zuA", up - 1);
}

void
text_bar_erase(struct text *t, struct text_bar *bar, unsigned columns)
{
	if (bar->rows == 0)
		return;
	go_up(t, bar, columns);
	text_puts(t, "\033[J");
	bar->rows = 0;
}

static void
end_row(struct text *t, struct text_bar *bar, size_t cols, bool last)
{
	bar->widths[bar->rows++] = (unsigned)cols;
	text_puts(t, last ? "\033[J" : "\033[K\n");
}

void
text_bar_draw(struct text *t, struct text_bar *bar, const struct text_style *style,
    const struct results *r, const struct text_running_list *running, uint64_t wall,
    unsigned columns, unsigned rows)
{
	uint64_t	elapsed = wall > r->start_ms ? wall - r->start_ms : 0;
	size_t		max = columns > 9 ? columns - 1 : 8;
	size_t		room = rows / 3 < 8 ? rows / 3 : 8, shown = running->n;
	bool		alone = r->total == 1;

	go_up(t, bar, columns);
	bar->rows = 0;
	if (room == 0)
		room = alone;
	if (shown > room)
		shown = room > 0 ? room - 1 : 0;
	/* One command needs no bar that says 0 of 1. */
	if (!alone)
		end_row(t, bar, first_row(t, style, r, elapsed, max), shown == 0);
	else if (shown == 0)
		text_puts(t, "\033[J");
	for (size_t i = 0; i < shown; i++) {
		size_t	cols = running_row(t, style, r, &running->v[i], wall, max);

		end_row(t, bar, cols, i + 1 == running->n);
	}
	if (shown > 0 && shown < running->n) {
		char		buf[64];
		struct row	row = { t, style, 0 };

		(void)snprintf(buf, sizeof(buf), "%sand %zu more", max > 30 ? "       " : "",
		    running->n - shown);
		row_add(&row, INK_DIM, strlen(buf) <= max ? buf : "");
		end_row(t, bar, row.cols, true);
	}
}
