/* Metrics as CSV (RFC 4180, lines end in LF): a line for each test. */
#include <inttypes.h>
#include <string.h>

#include "common/outcome.h"
#include "ctl/metrics.h"

static const char *const stat_columns[STAT_COUNT] = {
	[STAT_LAST] = "last", [STAT_MEAN] = "mean", [STAT_MIN] = "min", [STAT_P50] = "p50",
	[STAT_P90] = "p90", [STAT_P95] = "p95", [STAT_P99] = "p99", [STAT_MAX] = "max",
	[STAT_BASE] = "base_median", [STAT_MAD] = "base_mad", [STAT_NEW] = "recent_median",
};

static const struct {
	const char	*name, *unit;
} kind_columns[METRIC_KIND_COUNT] = {
	[METRIC_DURATION] = { "duration", "us" }, [METRIC_CPU] = { "cpu", "us" },
	[METRIC_MEMORY] = { "memory", "bytes" }, [METRIC_OUTPUT] = { "output", "bytes" },
};

static void
put_field(struct text *t, const char *s)
{
	const char	*p = s;

	if (s[strcspn(s, ",\"\r\n")] == '\0') {
		text_puts(t, s);
		return;
	}
	text_puts(t, "\"");
	for (; *p != '\0'; p++) {
		if (*p == '"')
			text_puts(t, "\"");
		text_add(t, p, 1);
	}
	text_puts(t, "\"");
}

static void
put_head(struct text *t)
{
	text_puts(t, "suite,test,attempts,passes,failures,flaky_passes,last_run,last_time_ms,"
	    "last_outcome,max_rss_bytes,sessions,processes,total_us,wasted_us");
	for (size_t k = 0; k < METRIC_KIND_COUNT; k++) {
		for (size_t i = 0; i < STAT_COUNT; i++)
			text_addf(t, ",%s_%s_%s", kind_columns[k].name, stat_columns[i],
			    kind_columns[k].unit);
		text_addf(t, ",%s_regressed", kind_columns[k].name);
	}
	text_puts(t, "\n");
}

static void
put_row(struct text *t, const struct metric *m)
{
	put_field(t, m->suite);
	text_puts(t, ",");
	put_field(t, m->test);
	text_addf(t, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",", m->attempts, m->passes,
	    m->failures, m->flaky);
	put_field(t, m->last_run);
	text_addf(t, ",%" PRIu64 ",%s,%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64,
	    m->last_ms, outcome_name(m->last_outcome), m->max_rss, m->sessions, m->processes,
	    m->total_us, m->wasted_us);
	for (size_t k = 0; k < METRIC_KIND_COUNT; k++) {
		for (size_t i = 0; i < STAT_COUNT; i++)
			text_addf(t, ",%" PRIu64, m->stats[k][i]);
		text_addf(t, ",%d", (int)(m->regressed >> k & 1));
	}
	text_puts(t, "\n");
}

void
metrics_put_csv(struct text *t, const struct metrics *ms)
{
	put_head(t);
	for (size_t i = 0; i < ms->n; i++)
		put_row(t, &ms->v[i]);
}
