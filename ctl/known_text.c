/* A test that is known to be flaky, as a person reads it; see known_row.h. */
#include <inttypes.h>
#include <string.h>

#include "ctl/duration.h"
#include "ctl/human.h"
#include "ctl/known_row.h"

#define NAME_COLUMNS	19	/* at the least, however narrow the terminal is */
#define ROW_COLUMNS	66	/* of a row before the name */
#define INDENT		"           "	/* of what is said below it */
#define RUN_DIGITS	8
#define FAILURE_COLUMNS	40	/* before what is said of a failure */

const char *
known_state_name(uint64_t state)
{
	static const char *const	names[FLAKY_STATE_COUNT] = {
#define X(N, s)	[FLAKY_STATE_##N] = s,
		FLAKY_STATE_LIST(X)
#undef X
	};

	return state < FLAKY_STATE_COUNT ? names[state] : "?";
}

bool
known_row_began(const struct msg_flaky_row *r)
{
	return r->began_runs.n > FLAKY_BEGAN && r->began_runs.v[FLAKY_BEGAN].n > 0;
}

void
known_row_head(struct text *t)
{
	text_addf(t, "%-9s %5s %6s %-13s %9s  %-12s %7s  %s\n", "STATE", "SCORE", "FAILS",
	    "(95%)", "SEEN", "LAST", "LOST", "TEST");
}

/* "12%", "0.5%". */
static const char *
percent(double share, char buf[16])
{
	(void)snprintf(buf, 16, share < 0.0995 ? "%.1f%%" : "%.0f%%", share * 100);
	return buf;
}

static void
put_sv(struct text *t, const struct text_style *style, const char *before, struct sv s, size_t max)
{
	if (s.n == 0)
		return;
	text_puts(t, before);
	text_view_line(t, style, s.p, s.n, max);
}

/* "Nov 24 18:04, run 0123abcd, revision r7" */
static void
put_place(struct text *t, const struct text_style *style, const struct msg_flaky_row *r,
    enum flaky_place at, uint64_t now_ms)
{
	char	when[HUMAN_TEXT];

	text_puts(t, human_when(nums_at(r->began_ms, at), now_ms, when, sizeof when));
	if (at < r->began_runs.n && r->began_runs.v[at].n >= RUN_DIGITS)
		text_addf(t, ", run %.*s", RUN_DIGITS, r->began_runs.v[at].p);
	if (at < r->began_revisions.n)
		put_sv(t, style, ", revision ", r->began_revisions.v[at], 0);
}

/* Since when, and what that is known to. */
static void
put_began(struct text *t, const struct text_style *style, const struct msg_flaky_row *r,
    uint64_t now_ms)
{
	const struct sv	*rev = r->began_revisions.v;
	char		 buf[2][HUMAN_TEXT];

	if (!known_row_began(r))
		return;
	text_puts(t, INDENT "since ");
	put_place(t, style, r, FLAKY_BEGAN, now_ms);
	text_addf(t, " (95%%: %s to %s)\n", human_when(nums_at(r->began_ms, FLAKY_EARLIEST), now_ms,
	    buf[0], sizeof buf[0]), human_when(nums_at(r->began_ms, FLAKY_LATEST), now_ms, buf[1],
	    sizeof buf[1]));
	if (r->began_revisions.n < FLAKY_PLACE_COUNT || rev[FLAKY_SOUND].n == 0 ||
	    rev[FLAKY_LATEST].n == 0 || sv_eq(rev[FLAKY_SOUND], rev[FLAKY_LATEST]))
		return;
	put_sv(t, style, INDENT "changed after revision ", rev[FLAKY_SOUND], 0);
	put_sv(t, style, ", and no later than ", rev[FLAKY_LATEST], 0);
	text_puts(t, "\n");
}

static enum text_ink
ink_of(uint64_t state)
{
	return state == FLAKY_STATE_IS ? INK_BOLD_YELLOW : state == FLAKY_STATE_WAS ? INK_DIM :
	    INK_NONE;
}

static void
put_name(struct text *t, const struct text_style *style, const struct msg_flaky_row *r,
    unsigned columns)
{
	size_t	room = columns == 0 ? 0 : columns > ROW_COLUMNS + NAME_COLUMNS + 1 ?
	    columns - ROW_COLUMNS - 1 : NAME_COLUMNS;

	(void)text_show_name(t, r->test.p, r->test.n, style->flags, room);
	if (r->suite.n > 0) {
		text_puts(t, " (");
		(void)text_show_name(t, r->suite.p, r->suite.n, style->flags, room);
		text_puts(t, ")");
	}
	text_puts(t, "\n");
}

void
known_row_text(struct text *t, const struct text_style *style, const struct msg_flaky_row *r,
    uint64_t now_ms, unsigned columns)
{
	char	b[3][16], range[32], state[16], seen[48], when[HUMAN_TEXT], lost[DURATION_TEXT];
	double	rate = r->rate_results > 0 ? (double)r->rate_failures / (double)r->rate_results : 0;

	(void)snprintf(range, sizeof range, "%s-%s", percent((double)r->rate_low_ppm / 1e6, b[0]),
	    percent((double)r->rate_high_ppm / 1e6, b[1]));
	(void)snprintf(seen, sizeof seen, "%" PRIu64 "/%" PRIu64, r->seen, r->runs);
	(void)snprintf(state, sizeof state, "%-9s", known_state_name(r->state));
	text_ink(t, style, ink_of(r->state), state);
	text_addf(t, " %5.1f %6s %-13s %9s  %-12s %7s  ", (double)r->score_milli / 1000,
	    percent(rate, b[2]), range, seen, human_when(r->last_ms, now_ms, when, sizeof when),
	    duration_text(r->lost_us, lost, sizeof lost));
	put_name(t, style, r, columns);
	put_began(t, style, r, now_ms);
	if (r->failure.n > 0) {
		text_addf(t, INDENT "%" PRIu64 " of %" PRIu64 " failures: ", r->alike, r->failures);
		text_view_line(t, style, r->failure.p, r->failure.n,
		    columns > FAILURE_COLUMNS ? columns - FAILURE_COLUMNS : 0);
		text_puts(t, "\n");
	}
}
