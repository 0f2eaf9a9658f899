/* What tests cost; see answer.h. */
#include <string.h>

#include "common/outcome.h"
#include "ctl/json_value.h"
#include "mcpsrv/answer.h"

#define TAIL_OF_METRICS	200	/* bytes kept for the cursor and counts */

static json_t *
entry(const struct metric *m)
{
	const uint64_t	*d = m->stats[METRIC_DURATION];
	json_t		*o = json_object();

	answer_text(o, "testName", m->test, 512);
	json_value_put(o, "duration", json_value_ms(d[STAT_LAST]));
	json_value_put(o, "memoryUsed", json_value_u64(m->max_rss));
	json_value_put(o, "cpuTime", json_value_ms(m->stats[METRIC_CPU][STAT_LAST]));
	json_value_put(o, "peakMemory", json_value_u64(m->stats[METRIC_MEMORY][STAT_LAST]));
	json_value_put(o, "sessionCount", json_value_u64(m->sessions));
	json_value_put(o, "runs", json_value_u64(m->attempts));
	answer_ratio(o, "passRate", metrics_pass_rate(m->passes, m->attempts));
	json_value_put(o, "averageDuration", json_value_ms(d[STAT_MEAN]));
	json_value_put(o, "p95Duration", json_value_ms(d[STAT_P95]));
	if (m->last_outcome < OUTCOME_COUNT)
		json_value_put(o, "lastStatus", json_value_text(test_status_name(
		    outcome_status((enum outcome)m->last_outcome))));
	if (m->last_run[0] != '\0')
		json_value_put(o, "lastRunId", json_value_text(m->last_run));
	return o;
}

static json_t *
summary(const struct msg_metric_sum *s)
{
	uint64_t	 n = s->tests > 0 ? s->tests : 1;
	json_t		*o = json_object();

	json_value_put(o, "totalTests", json_value_u64(s->tests));
	json_value_put(o, "totalDuration", json_value_ms(s->last_us));
	json_value_put(o, "averageDuration", json_value_ms(s->last_us / n));
	json_value_put(o, "totalMemory", json_value_u64(s->last_memory));
	json_value_put(o, "averageMemory", json_value_u64(s->last_memory / n));
	json_value_put(o, "peakMemory", json_value_u64(s->peak_memory));
	json_value_put(o, "totalSessions", json_value_u64(s->sessions));
	json_value_put(o, "totalRuns", json_value_u64(s->runs));
	answer_ratio(o, "passRate", metrics_pass_rate(s->passes, s->attempts));
	return o;
}

json_t *
answer_metrics(const struct metrics *m, const struct answer_view *v)
{
	json_t	*o = json_object(), *list = json_array(), *one;
	size_t	 used, i;
	char	 cursor[ANSWER_CURSOR];

	json_value_put(o, "success", json_true());
	json_value_put(o, "message", json_value_text(""));	/* it comes first */
	json_value_put(o, "summary", summary(&m->sum));
	answer_time(o, "timestamp", v->now_ms);
	used = answer_size(o) + TAIL_OF_METRICS;
	for (i = v->offset; i < m->n && i - v->offset < v->limit; i++) {
		one = entry(&m->v[i]);
		used += answer_size(one) + 1;
		if (used > v->budget && i > v->offset) {
			json_decref(one);
			break;
		}
		answer_append(list, one);
	}
	json_value_put(o, "message", m->sum.tests == 0 ? json_value_text("No test is on record "
	    "yet: run some with console_run_test_parallel.") : json_sprintf("%zu of %llu tests on "
	    "record.", json_array_size(list), (unsigned long long)m->sum.tests));
	json_value_put(o, "metrics", list);
	if (i < m->n || m->truncated) {
		if (m->sum.tests > i)
			json_value_put(o, "metricsOmitted", json_value_u64(m->sum.tests - i));
		answer_cursor(cursor, DETAIL_ALL, i);
		json_value_put(o, "nextCursor", json_value_text(cursor));
	}
	return o;
}
