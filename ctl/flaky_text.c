/* The table of flake detection, for people: a block for each test, the worst first; see
 * flaky.h. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "ctl/flaky.h"
#include "ctl/text_view.h"

#define SURE		99.0	/* %: nothing is surer than that */
#define PATTERNS_SHOWN	3
#define MESSAGE_COLUMNS	200
#define PIECES_SHOWN	5
#define ROWS_SHOWN	50	/* tests that are told of in full */
#define INDENT		11	/* columns of what stands in front of each line */
#define HANGING		2	/* of the lines at the end */
#define NARROW		64	/* lines are not broken on less */
#define LIKELY		0.1	/* shares of causes that are worth a word */
#define TELLING		1.2	/* a ratio of figures that is worth a word */

struct page {
	struct text		*t;
	const struct text_style	*style;
	size_t			 columns;	/* 0: lines are not broken */
};

/* ---- lines ---- */

/* Columns up to the next blank. */
static size_t
word_columns(const char *p, size_t n)
{
	size_t		columns = 0, len;
	uint32_t	c;

	for (size_t i = 0; i < n && p[i] != ' '; i += len) {
		len = text_decode(p + i, n - i, &c);
		columns += text_columns(c);
	}
	return columns;
}

static void
put_label(const struct page *page, const char *label)
{
	text_puts(page->t, "  ");
	text_ink(page->t, page->style, INK_DIM, label);
	text_repeat(page->t, " ", INDENT - 2 - strlen(label));
}

/* A line that is fit to be shown, from column `indent` on, broken at blanks to lines that
 * begin there. */
static void
put(const struct page *page, size_t indent, const struct text *line)
{
	struct text	*t = page->t;
	size_t		 at = indent, i = 0, from;
	bool		 fresh = true;

	while (i < line->n) {
		size_t	width = word_columns(line->p + i, line->n - i);

		if (page->columns >= NARROW && !fresh && at + 1 + width > page->columns) {
			text_addf(t, "\n%*s", (int)indent, "");
			at = indent;
			fresh = true;
		}
		text_puts(t, fresh ? "" : " ");
		at += width + !fresh;
		fresh = false;
		for (from = i; i < line->n && line->p[i] != ' '; i++)
			;
		text_add(t, line->p + from, i - from);
		i += i < line->n;
	}
	text_puts(t, "\n");
}

/* The same behind a word for what it is ("": as the one above); lets go of the text. */
static void
put_away(const struct page *page, const char *label, struct text *line)
{
	put_label(page, label);
	put(page, INDENT, line);
	text_free(line);
}

/* ---- a block ---- */

/* "failed 13/100: 13% (4..31%), false with p <= 3e-07, confirmed" */
static void
put_rate(const struct page *page, const struct flaky_test *f)
{
	const struct flake_result	*r = &f->test->flake;
	struct text			 line = { 0 };

	text_addf(&line, "%" PRIu64 "/%" PRIu64 ": %.3g%% (%.3g..%.3g%%)", r->fails, f->runs,
	    100.0 * (double)r->fails / (double)f->runs, (double)r->low_ppm / 1e4,
	    (double)r->high_ppm / 1e4);
	if (r->verdict == FLAKE_FLAKY)
		text_addf(&line, ", false with p <= %.1g%s", exp(-(double)r->evidence_milli / 1000),
		    r->confirmed ? ", confirmed" : "");
	put_away(page, "failed", &line);
}

/* "timing 45%, race 30%": those that are likely enough but for one, the likeliest first; the
 * words stand in front of the first. */
static void
put_likely(struct text *t, const struct flaky_cause *c, enum flaky_category but, const char *words)
{
	double		share[FLAKY_CATEGORY_COUNT];
	const char	*between = words;

	memcpy(share, c->share, sizeof share);
	share[FLAKY_UNKNOWN] = share[but] = 0;
	for (;;) {
		unsigned	best = FLAKY_UNKNOWN;

		for (unsigned i = 0; i < FLAKY_CATEGORY_COUNT; i++)
			best = share[i] > share[best] ? i : best;
		if (share[best] < LIKELY)
			return;
		text_addf(t, "%s %s %.0f%%", between, flaky_category_name(best), 100 * share[best]);
		share[best] = 0;
		between = ",";
	}
}

static void
put_cause(const struct page *page, const struct flaky_test *f)
{
	const struct flaky_cause	*c = &f->cause;
	struct text			 line = { 0 };

	text_puts(&line, flaky_category_text(c->category));
	if (c->category != FLAKY_UNKNOWN) {
		text_addf(&line, " (%.0f%% sure", fmin(100 * c->certainty, SURE));
		if (c->category == FLAKY_TIMING)
			text_addf(&line, ", a race rather than a wait %.0f%%",
			    100 * c->race / c->certainty);
		put_likely(&line, c, c->category, "; else");
		text_puts(&line, ")");
	} else {
		put_likely(&line, c, FLAKY_UNKNOWN, "; it may be");
	}
	put_away(page, "cause", &line);
	for (size_t i = 0; i < c->npieces && i < PIECES_SHOWN; i++) {
		flaky_piece_text(f, &c->pieces[i], &line);
		put_away(page, "", &line);
	}
}

static void
put_condition(const struct page *page, const struct flaky_test *f, unsigned c, const char *label)
{
	struct text			*t = page->t;
	const struct flaky_condition	*v = &f->evidence.at[c];
	const struct flaky_effect	*e = &f->cause.effects[c];
	char				 counts[48];

	(void)snprintf(counts, sizeof counts, "%" PRIu64 "/%" PRIu64, v->fails, v->runs);
	put_label(page, label);
	text_addf(t, "%-12s %9s %4.0f%% (%.0f..%.0f%%)", flake_condition_name(c), counts,
	    100 * (double)v->fails / (double)v->runs, 100 * flaky_low(v),
	    100 * flaky_high(v));
	if (e->more || e->less)
		text_addf(t, " %s, p %.1g", e->more ? "more" : "less", e->p);
	text_puts(t, "\n");
}

/* Plain and what differs from it a row each, then all others. */
static void
put_conditions(const struct page *page, const struct flaky_test *f)
{
	const char	*label = "under";
	struct text	 rest = { 0 };

	for (unsigned c = 0; c < FLAKE_CONDITION_COUNT; c++) {
		const struct flaky_effect	*e = &f->cause.effects[c];

		if (f->evidence.at[c].runs == 0)
			continue;
		if (c == FLAKE_PLAIN || e->more || e->less) {
			put_condition(page, f, c, label);
			label = "";
			continue;
		}
		text_addf(&rest, "%s %s %" PRIu64 "/%" PRIu64, rest.n > 0 ? "," :
		    "no certain difference:", flake_condition_name(c), f->evidence.at[c].fails,
		    f->evidence.at[c].runs);
	}
	if (rest.n > 0)
		put_away(page, label, &rest);
}

static void
put_patterns(const struct page *page, const struct flaky_test *f)
{
	struct text	line = { 0 };

	for (size_t i = 0; i < f->npatterns && i < PATTERNS_SHOWN; i++) {
		const struct flaky_pattern	*p = &f->patterns[i];

		text_addf(&line, "%" PRIu64 " x %s: ", p->count, p->category);
		(void)text_show(&line, p->message, strlen(p->message), page->style->flags | TEXT_OUTPUT,
		    MESSAGE_COLUMNS);
		put_away(page, i == 0 ? "failures" : "", &line);
	}
	if (f->npatterns > PATTERNS_SHOWN) {
		text_addf(&line, "and %zu other ways", f->npatterns - PATTERNS_SHOWN);
		put_away(page, "", &line);
	}
}

static void
put_lines(const struct page *page, const struct flaky_line *v, size_t n, const char *label,
    const char *what)
{
	struct text	line = { 0 };

	for (size_t i = 0; i < n; i++) {
		text_addf(&line, "%s (%zu of %zu) | ", what, v[i].at, v[i].of);
		(void)text_show(&line, v[i].text, strlen(v[i].text), page->style->flags | TEXT_OUTPUT,
		    MESSAGE_COLUMNS);
		put_away(page, i == 0 ? label : "", &line);
	}
}

/* What differs, or all that were compared when nothing does. */
static void
put_figures(const struct page *page, const struct flaky_test *f)
{
	const struct flaky_figures	*v = &f->figures;
	struct text			 line = { 0 };
	const char			*between = "";

	if (v->fails == 0)
		return;
	text_addf(&line, "failing (%zu) to passing (%zu) %s: ", v->fails, v->passes,
	    flaky_condition_text(v->condition));
	for (unsigned i = 0; i < FLAKY_FIGURE_COUNT; i++) {
		double	ratio = flaky_figure_ratio(v, (enum flaky_figure)i);

		if (i > FLAKY_FIGURE_MEMORY && (v->v[i].p >= FLAKY_BELIEF || ratio <= 0 ||
		    (ratio < TELLING && ratio > 1 / TELLING)))
			continue;
		text_addf(&line, "%s%s %.2gx", between, flaky_figure_text((enum flaky_figure)i), ratio);
		if (v->v[i].p < FLAKY_BELIEF)
			text_addf(&line, " (p %.1g)", v->v[i].p);
		between = ", ";
	}
	put_away(page, "figures", &line);
}

/* A command is one line, whatever its width: it is there to be copied. */
static void
put_next(const struct page *page, const struct flaky_test *f)
{
	struct text	line = { 0 };
	bool		explained = f->test->flake.verdict == FLAKE_FLAKY;

	text_puts(&line, explained ? flaky_look_at(f) : f->advice);
	put_away(page, "next", &line);
	if (f->command == NULL || f->test->flake.verdict == FLAKE_BROKEN)
		return;
	text_addf(&line, "it fails again (%s) with a chance of %.0f%% or more:",
	    flake_condition_name(f->again.under), 100 * f->again.chance);
	put_away(page, "", &line);
	text_addf(page->t, "%*s%s\n", INDENT, "", f->command);
}

static void
put_test(const struct page *page, const struct flaky_test *f)
{
	static const enum text_ink	inks[FLAKE_VERDICT_COUNT] = { [FLAKE_FLAKY] =
	    INK_BOLD_YELLOW, [FLAKE_SUSPECT] = INK_YELLOW, [FLAKE_BROKEN] = INK_BOLD_RED };
	enum flake_verdict		verdict = f->test->flake.verdict;

	text_ink(page->t, page->style, inks[verdict], flake_verdict_name(verdict));
	text_repeat(page->t, " ", INDENT - strlen(flake_verdict_name(verdict)));
	(void)text_view_name(page->t, page->style, f->test->name, 0);
	text_puts(page->t, "\n");
	if (f->runs > 0)
		put_rate(page, f);
	if (verdict == FLAKE_FLAKY || verdict == FLAKE_SUSPECT) {
		put_cause(page, f);
		put_conditions(page, f);
	}
	put_patterns(page, f);
	put_lines(page, f->lines.failing, f->lines.nfailing, "output", "only when it fails");
	put_lines(page, f->lines.passing, f->lines.npassing,
	    f->lines.nfailing > 0 ? "" : "output", "only when it passes");
	put_figures(page, f);
	put_next(page, f);
}

/* What there is beside the tests that were told of. */
static void
put_end(const struct page *page, const struct flaky_report *r, size_t left)
{
	struct text	line = { 0 };

	if (left > 0)
		text_addf(page->t, "and %zu more, all in --json\n", left);
	if (r->ended != NULL && flaky_report_undecided(r) > 0) {
		text_addf(&line, "not decided: %" PRIu64 " test%s, for the run ended early (",
		    flaky_report_undecided(r), flaky_report_undecided(r) == 1 ? "" : "s");
		(void)text_show(&line, r->ended, strlen(r->ended), page->style->flags, MESSAGE_COLUMNS);
		text_puts(&line, "); that is no pass");
		put(page, HANGING, &line);
		text_clear(&line);
	}
	if (r->open > 0)
		text_addf(page->t, "not over: %" PRIu64 " test%s\n", r->open, r->open == 1 ? "" : "s");
	text_addf(&line, "%zu test%s: %" PRIu64 " flaky (%" PRIu64 " confirmed), %" PRIu64
	    " suspect, %" PRIu64 " broken, %" PRIu64 " unsure, %" PRIu64 " stable; %" PRIu64
	    " attempts", r->n, r->n == 1 ? "" : "s", r->counts[FLAKE_FLAKY], r->confirmed,
	    r->counts[FLAKE_SUSPECT], r->counts[FLAKE_BROKEN], r->counts[FLAKE_UNSURE],
	    r->counts[FLAKE_STABLE], r->attempts);
	put(page, HANGING, &line);
	text_free(&line);
}

void
flaky_text(const struct flaky_report *r, const struct text_style *style, size_t columns,
    struct text *t)
{
	struct page	page = { .t = t, .style = style, .columns = columns };
	size_t		shown = 0, left = 0;

	for (size_t i = 0; i < r->n; i++) {
		if (!flaky_is_told(&r->tests[i]))
			continue;
		if (shown == ROWS_SHOWN) {
			left++;
			continue;
		}
		text_puts(t, "\n");
		shown++;
		put_test(&page, &r->tests[i]);
	}
	text_puts(t, shown > 0 ? "\n" : "");
	put_end(&page, r, left);
}
