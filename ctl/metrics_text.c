/* Metrics as a person reads them: a table, one test in detail, what got worse. */
#include <inttypes.h>
#include <string.h>

#include "common/outcome.h"
#include "common/size.h"
#include "ctl/duration.h"
#include "ctl/human.h"
#include "ctl/metrics.h"

#define TABLE_COLUMNS	60	/* of a row before the name */
#define TABLE_OMITTED	16	/* of them, of what a narrow terminal does not show */
#define TABLE_NARROW	100	/* columns of a terminal: fewer are needed for names */
#define NAME_COLUMNS	19	/* at the least, however narrow the terminal is */
#define TREND_STEADY	0.05	/* less is no trend */

static const char *
amount(enum metric_kind kind, uint64_t v, char *buf, size_t size)
{
	return kind == METRIC_DURATION || kind == METRIC_CPU ? duration_text(v, buf, size) :
	    size_short(v, buf);
}

/* Never 100% while anything failed. */
static unsigned
percent(uint64_t passes, uint64_t attempts)
{
	return attempts > 0 ? (unsigned)((double)passes * 100 / (double)attempts) : 0;
}

/* "+25%", "=" for steady, "-" while too little is known. */
static const char *
trend(const struct metric *m, enum metric_kind kind, char *buf, size_t size)
{
	double	change;

	if (!metrics_trend(m, kind, &change))
		return "-";
	if (change > -TREND_STEADY && change < TREND_STEADY)
		return "=";
	if (change >= 10)
		(void)snprintf(buf, size, ">10x");
	else
		(void)snprintf(buf, size, "%+.0f%%", change * 100);
	return buf;
}

static void
put_trend(struct text *t, const struct text_style *style, const struct metric *m,
    enum metric_kind kind)
{
	bool	worse = (m->regressed >> kind & 1) != 0;
	char	buf[32], padded[40];

	(void)snprintf(padded, sizeof(padded), " %6s", trend(m, kind, buf, sizeof(buf)));
	text_ink(t, style, worse ? INK_RED : INK_NONE, padded);
}

/* Names need their suite only where there is more than one. */
static bool
many_suites(const struct metrics *ms)
{
	for (size_t i = 1; i < ms->n; i++) {
		if (strcmp(ms->v[i].suite, ms->v[0].suite) != 0)
			return true;
	}
	return false;
}

static void
put_name(struct text *t, const struct text_style *style, const struct metric *m, bool suite,
    unsigned columns, size_t before)
{
	size_t	room = columns == 0 ? 0 : columns > before + NAME_COLUMNS + 1 ?
	    columns - before - 1 : NAME_COLUMNS;
	size_t	took = text_view_name(t, style, m->test, room);

	if (!suite || m->suite[0] == '\0' || (room > 0 && took + 8 > room))
		return;
	text_puts(t, " (");
	text_view_name(t, style, m->suite, room > 0 ? room - took - 3 : 0);
	text_puts(t, ")");
}

void
metrics_put_table(struct text *t, const struct text_style *style, const struct metrics *ms,
    enum metric_sort sort, size_t rows, unsigned columns)
{
	bool	suite = many_suites(ms), wasted = sort == METRIC_SORT_WASTED;
	bool	narrow = columns > 0 && columns < TABLE_NARROW;

	text_addf(t, "%7s %7s%s %6s %5s %5s %6s  %s\n", "LAST", "MEDIAN",
	    narrow ? "" : "     P95     CPU", "MEMORY", "PASS", "TRIES",
	    wasted ? "WASTED" : "TREND", "TEST");
	for (size_t i = 0; i < ms->n && i < rows; i++) {
		const struct metric	*m = &ms->v[i];
		const uint64_t		*d = m->stats[METRIC_DURATION];
		char			 b[4][DURATION_TEXT], size[SIZE_TEXT], pass[16];

		text_addf(t, "%7s %7s", duration_text(d[STAT_LAST], b[0], DURATION_TEXT),
		    duration_text(d[STAT_P50], b[1], DURATION_TEXT));
		if (!narrow)
			text_addf(t, " %7s %7s", duration_text(d[STAT_P95], b[2], DURATION_TEXT),
			    duration_text(m->stats[METRIC_CPU][STAT_LAST], b[3], DURATION_TEXT));
		text_addf(t, " %6s ",
		    size_short(m->stats[METRIC_MEMORY][STAT_LAST], size));
		(void)snprintf(pass, sizeof(pass), "%4u%%", percent(m->passes, m->attempts));
		text_ink(t, style, m->passes < m->attempts ? INK_YELLOW : INK_NONE, pass);
		text_addf(t, " %5" PRIu64, m->attempts);
		if (wasted)
			text_addf(t, " %6s", duration_text(m->wasted_us, b[0], DURATION_TEXT));
		else
			put_trend(t, style, m, METRIC_DURATION);
		text_puts(t, "  ");
		put_name(t, style, m, suite, columns, narrow ? TABLE_COLUMNS - TABLE_OMITTED :
		    TABLE_COLUMNS);
		text_puts(t, "\n");
	}
}

static void
put_kind(struct text *t, const struct text_style *style, const struct metric *m,
    enum metric_kind kind)
{
	static const enum metric_stat	shown[] = { STAT_LAST, STAT_MEAN, STAT_P50, STAT_P90,
	    STAT_P95, STAT_P99, STAT_MAX };
	static const char *const	names[METRIC_KIND_COUNT] = {
		[METRIC_DURATION] = "duration", [METRIC_CPU] = "CPU", [METRIC_MEMORY] = "memory",
		[METRIC_OUTPUT] = "output",
	};
	char	buf[DURATION_TEXT];

	text_addf(t, "  %-9s", names[kind]);
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		text_addf(t, " %7s", amount(kind, m->stats[kind][shown[i]], buf, sizeof(buf)));
	put_trend(t, style, m, kind);
	text_puts(t, "\n");
}

void
metrics_put_details(struct text *t, const struct text_style *style, const struct metric *m,
    uint64_t now_ms)
{
	struct text	name = { 0 };
	char		a[DURATION_TEXT], b[DURATION_TEXT], when[HUMAN_TEXT];

	text_view_name(&name, style, m->test, 0);
	text_ink(t, style, INK_BOLD, name.p != NULL ? name.p : "");
	text_free(&name);
	if (m->suite[0] != '\0') {
		text_puts(t, "  (suite ");
		text_view_name(t, style, m->suite, 0);
		text_puts(t, ")");
	}
	text_addf(t, "\n  %" PRIu64 " attempt%s: %u%% passed, %" PRIu64 " failed, %" PRIu64
	    " passed after a failure\n", m->attempts, m->attempts == 1 ? "" : "s",
	    percent(m->passes, m->attempts), m->failures, m->flaky);
	text_addf(t, "  %s in all, %s of it in attempts that were run again\n",
	    duration_text(m->total_us, a, sizeof(a)), duration_text(m->wasted_us, b, sizeof(b)));
	text_addf(t, "  last: %s, %s, run %.8s\n", outcome_name(m->last_outcome),
	    human_when(m->last_ms, now_ms, when, sizeof(when)), m->last_run);
	text_addf(t, "  %-9s %7s %7s %7s %7s %7s %7s %7s %6s\n", "", "LAST", "AVERAGE", "MEDIAN",
	    "P90", "P95", "P99", "MAX", "TREND");
	for (size_t k = 0; k < METRIC_KIND_COUNT; k++)
		put_kind(t, style, m, k);
}

void
metrics_put_regressions(struct text *t, const struct text_style *style,
    const struct metrics *ms, unsigned columns)
{
	bool	suite = many_suites(ms);

	text_addf(t, "%-11s %7s %7s %7s %6s  %s\n", "WORSE", "BEFORE", "SPREAD", "NOW", "TREND",
	    "TEST");
	for (size_t i = 0; i < ms->n; i++) {
		const struct metric	*m = &ms->v[i];

		for (size_t k = 0; k < METRIC_KIND_COUNT; k++) {
			const uint64_t	*v = m->stats[k];
			char		 b[3][DURATION_TEXT];

			if ((m->regressed >> k & 1) == 0)
				continue;
			text_addf(t, "%-11s %7s %7s %7s", metrics_kind_name(k),
			    amount(k, v[STAT_BASE], b[0], sizeof(b[0])),
			    amount(k, v[STAT_MAD], b[1], sizeof(b[1])),
			    amount(k, v[STAT_NEW], b[2], sizeof(b[2])));
			put_trend(t, style, m, k);
			text_puts(t, "  ");
			put_name(t, style, m, suite, columns, 44);
			text_puts(t, "\n");
		}
	}
}

void
metrics_put_sum(struct text *t, const struct text_style *style, const struct metrics *ms)
{
	const struct msg_metric_sum	*s = &ms->sum;
	char				 a[DURATION_TEXT], b[DURATION_TEXT], c[SIZE_TEXT];

	text_addf(t, "%" PRIu64 " test%s, %" PRIu64 " attempts in %" PRIu64 " run%s: %u%% passed",
	    s->tests, s->tests == 1 ? "" : "s", s->attempts, s->runs, s->runs == 1 ? "" : "s",
	    percent(s->passes, s->attempts));
	if (s->flaky > 0)
		text_addf(t, ", %" PRIu64 " flaky", s->flaky);
	if (s->regressed > 0) {
		(void)snprintf(a, sizeof(a), "%" PRIu64 " got worse", s->regressed);
		text_puts(t, ", ");
		text_ink(t, style, INK_RED, a);
	}
	text_addf(t, "\nonce each: %s in all; the largest took %s of memory\n",
	    duration_text(s->last_us, a, sizeof(a)), size_short(s->peak_memory, c));
	text_addf(t, "wasted: %s in attempts that were run again, %s in idle slots\n",
	    duration_text(s->wasted_us, a, sizeof(a)), duration_text(s->idle_us, b, sizeof(b)));
}
