/* Metrics as JSON: the members of the original's, and beyond them. */
#include "common/outcome.h"
#include "ctl/json_put.h"
#include "ctl/metrics.h"

static void
put_amount(struct text *t, const char *key, enum metric_kind kind, uint64_t v)
{
	if (kind == METRIC_DURATION || kind == METRIC_CPU)
		json_put_ms(t, key, v);
	else
		json_put_count(t, key, v);
}

/* "statistics":{"duration":{"last":..., "median":...}}; with the test's own past
 * once that is known. */
static void
put_statistics(struct text *t, const struct metric *m)
{
	static const struct {
		enum metric_stat	stat;
		const char		*name;
	} stats[] = {
		{ STAT_LAST, "last" }, { STAT_MEAN, "average" }, { STAT_MIN, "min" },
		{ STAT_P50, "p50" }, { STAT_P90, "p90" }, { STAT_P95, "p95" },
		{ STAT_P99, "p99" }, { STAT_MAX, "max" },
	};
	double	change;

	json_put_key(t, "statistics");
	text_puts(t, "{");
	for (size_t k = 0; k < METRIC_KIND_COUNT; k++) {
		const uint64_t	*v = m->stats[k];

		json_put_key(t, metrics_kind_name(k));
		text_puts(t, "{");
		for (size_t i = 0; i < sizeof(stats) / sizeof(stats[0]); i++)
			put_amount(t, stats[i].name, k, v[stats[i].stat]);
		if (metrics_trend(m, k, &change)) {
			json_put_key(t, "trend");
			text_puts(t, "{");
			put_amount(t, "median", k, v[STAT_BASE]);
			put_amount(t, "mad", k, v[STAT_MAD]);
			put_amount(t, "recentMedian", k, v[STAT_NEW]);
			json_put_ratio(t, "change", change);
			json_put_bool(t, "regressed", (m->regressed >> k & 1) != 0);
			text_puts(t, "}");
		}
		text_puts(t, "}");
	}
	text_puts(t, "}");
}

static void
put_metric(struct text *t, const struct metric *m)
{
	const uint64_t	*d = m->stats[METRIC_DURATION];

	json_put_key(t, NULL);
	text_puts(t, "\n{");
	json_put_text(t, "testName", m->test);
	json_put_text(t, "suite", m->suite);
	json_put_ms(t, "duration", d[STAT_LAST]);
	json_put_count(t, "memoryUsed", m->max_rss);
	json_put_ms(t, "cpuTime", m->stats[METRIC_CPU][STAT_LAST]);
	json_put_count(t, "peakMemory", m->stats[METRIC_MEMORY][STAT_LAST]);
	json_put_count(t, "sessionCount", m->sessions);
	json_put_count(t, "processes", m->processes);
	json_put_count(t, "outputBytes", m->stats[METRIC_OUTPUT][STAT_LAST]);
	json_put_count(t, "runs", m->attempts);
	json_put_count(t, "attempts", m->attempts);
	json_put_count(t, "passes", m->passes);
	json_put_count(t, "failures", m->failures);
	json_put_count(t, "flakyPasses", m->flaky);
	json_put_ratio(t, "passRate", metrics_pass_rate(m->passes, m->attempts));
	json_put_ms(t, "averageDuration", d[STAT_MEAN]);
	json_put_ms(t, "p95Duration", d[STAT_P95]);
	json_put_ms(t, "totalDuration", m->total_us);
	json_put_ms(t, "wastedTime", m->wasted_us);
	if (m->last_outcome < OUTCOME_COUNT) {
		json_put_text(t, "lastStatus",
		    test_status_name(outcome_status((enum outcome)m->last_outcome)));
		json_put_text(t, "lastOutcome", outcome_name(m->last_outcome));
	}
	json_put_text(t, "lastRunId", m->last_run);
	json_put_count(t, "lastTime", m->last_ms);
	json_put_key(t, "regressions");
	text_puts(t, "[");
	for (size_t k = 0; k < METRIC_KIND_COUNT; k++) {
		if ((m->regressed >> k & 1) != 0)
			json_put_text(t, NULL, metrics_kind_name(k));
	}
	text_puts(t, "]");
	put_statistics(t, m);
	text_puts(t, "}");
}

static void
put_summary(struct text *t, const struct msg_metric_sum *s)
{
	uint64_t	n = s->tests > 0 ? s->tests : 1;

	json_put_key(t, "summary");
	text_puts(t, "{");
	json_put_count(t, "totalTests", s->tests);
	json_put_ms(t, "totalDuration", s->last_us);
	json_put_ms(t, "averageDuration", s->last_us / n);
	json_put_count(t, "totalMemory", s->last_memory);
	json_put_count(t, "averageMemory", s->last_memory / n);
	json_put_count(t, "peakMemory", s->peak_memory);
	json_put_count(t, "totalSessions", s->sessions);
	json_put_count(t, "totalRuns", s->runs);
	json_put_count(t, "totalAttempts", s->attempts);
	json_put_ratio(t, "passRate", metrics_pass_rate(s->passes, s->attempts));
	json_put_ms(t, "attemptsDuration", s->total_us);
	json_put_ms(t, "wastedTime", s->wasted_us);
	json_put_ms(t, "idleTime", s->idle_us);
	json_put_count(t, "regressions", s->regressed);
	json_put_count(t, "flakyTests", s->flaky);
	text_puts(t, "}");
}

void
metrics_put_json(struct text *t, const struct metrics *ms, bool success, uint64_t now_ms)
{
	struct text	at = { 0 };

	text_puts(t, "{");
	json_put_bool(t, "success", success);
	json_put_key(t, "metrics");
	text_puts(t, "[");
	for (size_t i = 0; i < ms->n; i++)
		put_metric(t, &ms->v[i]);
	text_puts(t, "]");
	if (ms->truncated)
		json_put_bool(t, "truncated", true);
	put_summary(t, &ms->sum);
	text_time(&at, now_ms, true);
	json_put_text(t, "timestamp", at.p);
	text_puts(t, "}\n");
	text_free(&at);
}
