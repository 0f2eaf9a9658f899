/*
 * What tests have cost, gathered from METRIC_ROWs and a METRIC_SUM: the one model
 * behind the table, JSON, CSV and OpenMetrics.
 */
#ifndef CTL_METRICS_H
#define CTL_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/history.h"
#include "common/msg.h"
#include "ctl/text_view.h"

/* Sizes in bytes, times in microseconds or, _ms, milliseconds since the epoch. */
struct metric {
	char		*test, *suite, *last_run;	/* "" when not said */
	uint64_t	 attempts, passes, failures, flaky;
	uint64_t	 last_ms, last_outcome;
	uint64_t	 stats[METRIC_KIND_COUNT][STAT_COUNT];
	uint64_t	 max_rss, sessions, processes;	/* of the last attempt */
	uint64_t	 wasted_us, total_us;
	uint64_t	 regressed;	/* bits: 1 << enum metric_kind */
};

struct metrics {
	struct metric		*v;	/* in the order of the answer */
	size_t			 n, cap;
	struct msg_metric_sum	 sum;	/* over all tests, not only these */
	bool			 truncated;	/* there are more than these */
};

/* An answer to METRICS, as a msg_fn over a struct metrics.  Dies without memory. */
int	metrics_answer(void *metrics, enum msg_type, uint32_t id, const union msg_body *);
void	metrics_free(struct metrics *);

/* "duration" "cpuTime" "peakMemory" "outputBytes". */
const char	*metrics_kind_name(enum metric_kind);

/* How far the newest attempts are from the test's own past: 0.25 is a quarter more.
 * False while too little is known. */
bool	metrics_trend(const struct metric *, enum metric_kind, double *ret);

/* Share of attempts that passed, from 0 to 1. */
double	metrics_pass_rate(uint64_t passes, uint64_t attempts);

/* For people; `columns` of the terminal, 0: nothing is cut. */
void	metrics_put_sum(struct text *, const struct text_style *, const struct metrics *);
/* At most `rows`; sorted by what was wasted, that is in the place of the trend. */
void	metrics_put_table(struct text *, const struct text_style *, const struct metrics *,
	    enum metric_sort, size_t rows, unsigned columns);
void	metrics_put_details(struct text *, const struct text_style *, const struct metric *,
	    uint64_t now_ms);
void	metrics_put_regressions(struct text *, const struct text_style *,
	    const struct metrics *, unsigned columns);

/* One document; `success` as it is to be said. */
void	metrics_put_json(struct text *, const struct metrics *, bool success, uint64_t now_ms);

/* RFC 4180 with a header; a line for each test. */
void	metrics_put_csv(struct text *, const struct metrics *);

/* OpenMetrics 1.0, which as written here is Prometheus' own format too. */
void	metrics_put_openmetrics(struct text *, const struct metrics *);

/* Replaces the file as a whole, so that who collects it never reads half of it.  The
 * text is kept.  0 or -errno. */
int	metrics_textfile(const char *path, const struct text *);

#endif
