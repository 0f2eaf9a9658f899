/* What is expected of the tests of a plan; see query.h. */
#include <errno.h>
#include <string.h>

#include "common/history.h"
#include "common/outcome.h"
#include "store/estimate.h"
#include "store/query_int.h"
#include "store/recent.h"

static void
take(sqlite3_stmt *st, uint64_t *ret)
{
	struct estimate	e = { .mu = sqlite3_column_double(st, 0), .dev = sqlite3_column_double(st, 1),
	    .fail = sqlite3_column_double(st, 2) };

	e.n = e.dev > 0;	/* the first verdict sets it: attempts alone say nothing */
	ret[ESTIMATE_US] = estimate_us(&e);
	ret[ESTIMATE_SPREAD_US] = estimate_spread_us(&e);
	ret[ESTIMATE_FAIL_PPM] = estimate_fail_ppm(&e);
}

/* By the statistics that are kept of a test. */
static void
take_costs(const void *list, size_t n, uint64_t *ret)
{
	uint64_t	stats[METRIC_KIND_COUNT][STAT_COUNT];

	if (recent_stats(list, n, stats) != 1)
		return;
	ret[COST_CPU_US] = stats[METRIC_CPU][STAT_P50];
	ret[COST_SHORTEST_US] = stats[METRIC_DURATION][STAT_MIN];
	ret[COST_MEMORY] = stats[METRIC_MEMORY][STAT_P95];
}

/* Counts the newest attempts; one that came to no result of its own is none. */
static void
count_recent(const void *list, size_t n, uint64_t *ret)
{
	struct recent_row	v[METRIC_RECENT];
	uint32_t		rows;

	if (recent_read(list, n, v, &rows) != 0)
		return;
	for (uint32_t i = 0; i < rows; i++) {
		enum test_status	status = outcome_status((enum outcome)v[i].outcome);

		ret[ESTIMATE_FAILS] += status == TEST_FAIL || status == TEST_TIMEOUT;
		ret[ESTIMATE_PASSES] += status == TEST_PASS;
	}
}

int
query_estimate(struct db *db, const struct msg_estimate *m, uint64_t *ret_values,
    uint64_t *ret_costs)
{
	struct query	 q = { .db = db, .uid = m->uid };
	sqlite3_stmt	*st = NULL;
	bool		 began;
	int		 r;

	if (m->tests.n % 2 != 0)
		return -EBADMSG;
	memset(ret_values, 0, m->tests.n / 2 * ESTIMATE_STRIDE * sizeof *ret_values);
	memset(ret_costs, 0, m->tests.n / 2 * COST_STRIDE * sizeof *ret_costs);
	/* One transaction: else each test takes and gives back the lock. */
	began = sqlite3_get_autocommit(db->sql) != 0 &&
	    sqlite3_exec(db->sql, "BEGIN", NULL, NULL, NULL) == SQLITE_OK;
	r = query_prepare(&q, m->recent ? "SELECT mu, dev, fail, newest, list FROM tests"
	    " LEFT JOIN recent ON recent.test = tests.id"
	    " WHERE uid = ?1 AND suite = ?2 AND name = ?3" : "SELECT mu, dev, fail, newest FROM tests"
	    " WHERE uid = ?1 AND suite = ?2 AND name = ?3", &st);
	for (uint32_t i = 0; i < m->tests.n && r == 0; i += 2) {
		query_bind_sv(st, 2, m->tests.v[i]);
		query_bind_sv(st, 3, m->tests.v[i + 1]);
		r = query_step(st);
		if (r == 1) {
			take(st, ret_values + i / 2 * ESTIMATE_STRIDE);
			take_costs(sqlite3_column_blob(st, 3), (size_t)sqlite3_column_bytes(st, 3),
			    ret_costs + i / 2 * COST_STRIDE);
		}
		if (r == 1 && m->recent)
			count_recent(sqlite3_column_blob(st, 4), (size_t)sqlite3_column_bytes(st, 4),
			    ret_values + i / 2 * ESTIMATE_STRIDE);
		r = r < 0 ? r : 0;
		(void)sqlite3_reset(st);
	}
	(void)sqlite3_finalize(st);
	if (began)
		(void)sqlite3_exec(db->sql, "COMMIT", NULL, NULL, NULL);
	return r;
}
