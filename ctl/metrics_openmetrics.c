/*
 * Metrics as OpenMetrics 1.0 text that Prometheus' text format reads too, which is
 * what node_exporter's textfile collector takes.  The two differ where this stays out
 * of the way: a counter's type line names it without _total here and with it there,
 * so that there is none.  A gauge is the truth as well: what retention removes from
 * the history is no longer counted.  The # EOF is a comment there.
 */
#include <inttypes.h>
#include <string.h>

#include "ctl/metrics.h"

static void
put_family(struct text *t, const char *name, const char *type, const char *unit,
    const char *help)
{
	text_addf(t, "# HELP paratest_%s %s\n# TYPE paratest_%s %s\n", name, help, name, type);
	if (unit != NULL)
		text_addf(t, "# UNIT paratest_%s %s\n", name, unit);
}

/* The value of a label: UTF-8, with \\ \" \n. */
static void
put_label(struct text *t, const char *s)
{
	struct text	utf8 = { 0 };

	text_utf8(&utf8, s, strlen(s));
	text_puts(t, "\"");
	for (size_t i = 0; i < utf8.n; i++) {
		if (utf8.p[i] == '\n') {
			text_puts(t, "\\n");
			continue;
		}
		if (utf8.p[i] == '"' || utf8.p[i] == '\\')
			text_puts(t, "\\");
		text_add(t, utf8.p + i, 1);
	}
	text_puts(t, "\"");
	text_free(&utf8);
}

/* paratest_NAME{suite="",test="",KEY="VALUE"}, and a blank. */
static void
put_sample(struct text *t, const char *name, const struct metric *m, const char *key,
    const char *value)
{
	text_addf(t, "paratest_%s{suite=", name);
	put_label(t, m->suite);
	text_puts(t, ",test=");
	put_label(t, m->test);
	if (key != NULL)
		text_addf(t, ",%s=\"%s\"", key, value);
	text_puts(t, "} ");
}

static void
put_count(struct text *t, uint64_t n)
{
	text_addf(t, "%" PRIu64 "\n", n);
}

static void
put_seconds(struct text *t, uint64_t us)
{
	text_addf(t, "%" PRIu64 ".%06" PRIu64 "\n", us / 1000000, us % 1000000);
}

static void
put_durations(struct text *t, const struct metrics *ms)
{
	static const struct {
		const char		*quantile;
		enum metric_stat	 stat;
	} quantiles[] = { { "0.5", STAT_P50 }, { "0.9", STAT_P90 }, { "0.95", STAT_P95 },
	    { "0.99", STAT_P99 } };

	put_family(t, "test_duration_seconds", "summary", "seconds",
	    "Wall time of the attempts of a test; quantiles of the newest.");
	for (size_t i = 0; i < ms->n; i++) {
		const struct metric	*m = &ms->v[i];

		for (size_t q = 0; q < sizeof(quantiles) / sizeof(quantiles[0]); q++) {
			put_sample(t, "test_duration_seconds", m, "quantile",
			    quantiles[q].quantile);
			put_seconds(t, m->stats[METRIC_DURATION][quantiles[q].stat]);
		}
		put_sample(t, "test_duration_seconds_sum", m, NULL, NULL);
		put_seconds(t, m->total_us);
		put_sample(t, "test_duration_seconds_count", m, NULL, NULL);
		put_count(t, m->attempts);
	}
}

static void
put_results(struct text *t, const struct metrics *ms)
{
	put_family(t, "test_attempts", "gauge", NULL,
	    "Attempts of a test on record, by their result.");
	for (size_t i = 0; i < ms->n; i++) {
		const struct metric	*m = &ms->v[i];
		uint64_t		 known = m->passes + m->failures;

		put_sample(t, "test_attempts", m, "result", "pass");
		put_count(t, m->passes);
		put_sample(t, "test_attempts", m, "result", "fail");
		put_count(t, m->failures);
		put_sample(t, "test_attempts", m, "result", "other");
		put_count(t, m->attempts > known ? m->attempts - known : 0);
	}
}

static void
put_regressed(struct text *t, const struct metrics *ms)
{
	put_family(t, "test_regressed", "gauge", NULL,
	    "1 when the newest attempts of a test are worse than its own past.");
	for (size_t i = 0; i < ms->n; i++) {
		for (size_t k = 0; k < METRIC_KIND_COUNT; k++) {
			put_sample(t, "test_regressed", &ms->v[i], "kind", metrics_kind_name(k));
			put_count(t, ms->v[i].regressed >> k & 1);
		}
	}
}

/* Numbers of each test that need no label of their own. */
static void
put_gauges(struct text *t, const struct metrics *ms)
{
	static const struct {
		const char	*name, *unit, *help;
	} gauges[] = {
		{ "test_last_duration_seconds", "seconds", "Wall time of the last attempt." },
		{ "test_last_cpu_seconds", "seconds",
		    "User and system CPU time of the last attempt's process tree." },
		{ "test_wasted_seconds", "seconds",
		    "Time in attempts of a test that were run again." },
		{ "test_last_run_timestamp_seconds", "seconds",
		    "When the last attempt of a test started." },
		{ "test_last_memory_bytes", "bytes",
		    "Largest memory of the last attempt's process tree." },
		{ "test_last_resident_bytes", "bytes",
		    "Largest resident set of one process of the last attempt." },
		{ "test_last_output_bytes", "bytes", "Bytes that the last attempt printed." },
		{ "test_last_sessions", NULL, "Sessions that the last attempt opened." },
		{ "test_flaky_passes", NULL, "Passes of a test after a failure in the same run." },
	};

	for (size_t g = 0; g < sizeof(gauges) / sizeof(gauges[0]); g++) {
		put_family(t, gauges[g].name, "gauge", gauges[g].unit, gauges[g].help);
		for (size_t i = 0; i < ms->n; i++) {
			const struct metric	*m = &ms->v[i];
			const uint64_t		 values[] = { m->stats[METRIC_DURATION][STAT_LAST],
			    m->stats[METRIC_CPU][STAT_LAST], m->wasted_us, m->last_ms * 1000,
			    m->stats[METRIC_MEMORY][STAT_LAST], m->max_rss,
			    m->stats[METRIC_OUTPUT][STAT_LAST], m->sessions, m->flaky };

			put_sample(t, gauges[g].name, m, NULL, NULL);
			if (gauges[g].unit != NULL && gauges[g].unit[0] == 's')
				put_seconds(t, values[g]);
			else
				put_count(t, values[g]);
		}
	}
}

static void
put_totals(struct text *t, const struct msg_metric_sum *s)
{
	const struct {
		const char	*name, *unit, *help;
		uint64_t	 value;
	} totals[] = {
		{ "tests", NULL, "Tests on record.", s->tests },
		{ "attempts", NULL, "Attempts on record.", s->attempts },
		{ "runs", NULL, "Runs on record.", s->runs },
		{ "passes", NULL, "Attempts on record that passed.", s->passes },
		{ "flaky_tests", NULL, "Tests that passed after a failure in one run.", s->flaky },
		{ "regressed_tests", NULL, "Tests that are worse than their own past.",
		    s->regressed },
		{ "attempts_seconds", "seconds", "Wall time of all attempts on record.",
		    s->total_us },
		{ "wasted_seconds", "seconds", "Time in attempts that were run again.",
		    s->wasted_us },
		{ "idle_seconds", "seconds", "Time in which slots of runs had nothing to do.",
		    s->idle_us },
		{ "memory_peak_bytes", "bytes", "Largest memory of a last attempt.",
		    s->peak_memory },
	};

	for (size_t i = 0; i < sizeof(totals) / sizeof(totals[0]); i++) {
		put_family(t, totals[i].name, "gauge", totals[i].unit, totals[i].help);
		text_addf(t, "paratest_%s ", totals[i].name);
		if (totals[i].unit != NULL && totals[i].unit[0] == 's')
			put_seconds(t, totals[i].value);
		else
			put_count(t, totals[i].value);
	}
}

void
metrics_put_openmetrics(struct text *t, const struct metrics *ms)
{
	put_totals(t, &ms->sum);
	if (ms->n > 0) {
		put_durations(t, ms);
		put_results(t, ms);
		put_gauges(t, ms);
		put_regressed(t, ms);
	}
	text_puts(t, "# EOF\n");
}
