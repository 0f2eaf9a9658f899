/*
 * Answers of the tools: results into JSON that fits a reader with little room.  The
 * sentence comes first, failures before the rest, equal ones once; what does not fit
 * is counted and named, with where to read it.  Pure functions; members and their
 * meaning are those of mcpsrv/schemas/.
 *
 * Everything foreign in them is cleaned (clean.h) and free of secrets.
 */
#ifndef MCPSRV_ANSWER_H
#define MCPSRV_ANSWER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctl/metrics.h"
#include "ctl/results.h"

#define ANSWER_BUDGET	8192	/* bytes of an answer, unless said otherwise */
#define ANSWER_BUDGET_MIN 4096
#define ANSWER_BUDGET_MAX 32768
#define ANSWER_TAIL	2048	/* bytes of one test's output in it */
#define ANSWER_CURSOR	32

struct runlist_row;
struct secrets;

enum answer_detail { DETAIL_SUMMARY, DETAIL_FAILURES, DETAIL_ALL };

struct answer_view {
	enum answer_detail	 detail;
	size_t			 limit;		/* entries */
	size_t			 offset;	/* of the first entry: pages */
	size_t			 output_lines;
	size_t			 budget;	/* bytes */
	const char		*pattern;	/* names that contain it; NULL: all */
	bool			 has_status;
	enum test_status	 status;	/* only these, with has_status */
	const struct secrets	*secrets;	/* may be NULL */
	uint64_t		 now_ms;	/* since the epoch */
};

/* What a run of tests came to, or is by now.  `config` (may be NULL) is taken over. */
json_t	*answer_run(const struct results *, const struct answer_view *, json_t *config);

/* Of a retry; not_retried: tests that were left out by what was asked. */
json_t	*answer_retry(const struct results *, const struct answer_view *, uint64_t not_retried);

/* Of flake detection: `threshold` as asked for, stable tests too when asked for. */
json_t	*answer_flaky(const struct results *, const struct answer_view *, double threshold,
	    bool stable_too);

/* A run told of by its id alone: as answer_run(), and what it has found when it detects
 * flaky tests. */
json_t	*answer_found(const struct results *, const struct answer_view *);

/* Metrics from row `offset` of `m`, at most `limit` of them. */
json_t	*answer_metrics(const struct metrics *m, const struct answer_view *);

/* A run as console_list_test_runs tells of it. */
json_t	*answer_row(const struct runlist_row *);

/* Counts of a run: {total, passed, ...}. */
json_t	*answer_summary(const struct results *);

/* One line while it runs: "37/120 done, 2 failed, running: parser_fuzz (12 s)". */
void	answer_progress(const struct results *, uint64_t now_ms, struct text *);

/* The blocks of content that go with an answer: links to the report and to outputs of
 * the failing tests that it names, out of its resources. */
json_t	*answer_links(const json_t *answer);

/* A page's cursor, and back; false: it is none of ours. */
void	 answer_cursor(char buf[ANSWER_CURSOR], enum answer_detail, size_t offset);
bool	 answer_cursor_parse(const char *, enum answer_detail *, size_t *offset);

/* ---- for the answers themselves ---- */

/* Foreign text as clean_line() makes it. */
json_t	*answer_line(const struct secrets *, const char *, size_t n, size_t max);
/* Adds a name or a label, cleaned, NULL: "". */
void	answer_text(json_t *o, const char *key, const char *, size_t max);
void	answer_ratio(json_t *o, const char *key, double);	/* four digits behind the point */
void	answer_time(json_t *o, const char *key, uint64_t ms);
size_t	answer_size(const json_t *);	/* bytes, as it is sent */
void	answer_append(json_t *array, json_t *);

/* "paratest://runs/ID/tests/INDEX/output" */
void	answer_output_uri(char *buf, size_t size, const char *run, uint64_t index);
/* {uri, name, mimeType} in `resources` */
void	answer_resource(json_t *list, const char *uri, const char *name, const char *mime);

/* Tests by how much they matter: failures, timeouts, errors, cancelled, what passed on
 * a retry, skipped, passed; of failures that are alike the first comes before, the
 * others behind the rest.  Returns n indices, to be freed; *ret_alike as
 * answer_alike(), NULL: it is not wanted. */
uint64_t *answer_order(const struct results *, const struct answer_view *, size_t *ret_n,
	    uint64_t **ret_alike);

/* One test, its output in at most `tail` bytes (0: none, and the rest of it shortened, too),
 * cleaned.  `same_as`: the name of a test that failed alike and is told of before; NULL: none. */
json_t	*answer_test(const struct results *, uint64_t index, const struct answer_view *,
	    size_t tail, const char *same_as);

/*
 * For each test the first one in `order` that failed alike, when that is another, as
 * its index plus one; 0: none.  To be freed.
 */
uint64_t *answer_alike(const struct results *, const uint64_t *order, size_t n);

#endif
