/* What running failed tests again came to; see answer.h. */
#include <inttypes.h>
#include <stdlib.h>

#include "common/outcome.h"
#include "ctl/attempts.h"
#include "ctl/json_value.h"
#include "ctl/retry_stats.h"
#include "ctl/text.h"
#include "mcpsrv/answer.h"

#define TAIL_OF_RETRY	500	/* bytes kept for what follows the results */

static json_t *
statuses_of(const struct test_result *t)
{
	json_t	*list = json_array();

	for (size_t i = 0; i < t->nattempts && i < 20; i++)
		answer_append(list, json_value_text(test_status_name(
		    outcome_status(attempts_of(t)[i].outcome))));
	return list;
}

static json_t *
entry(const struct results *r, uint64_t index, const struct answer_view *v, size_t tail)
{
	const struct test_result	*t = &r->tests[index];
	json_t				*o = json_object();
	uint64_t			 all_us = 0;

	for (size_t i = 0; i < t->nattempts; i++)
		all_us += attempts_of(t)[i].duration_us;
	answer_text(o, "name", t->name, 512);
	json_value_put(o, "attempts", json_value_u64(t->nattempts));
	json_value_put(o, "finalStatus", json_value_text(test_status_name(t->status)));
	json_value_put(o, "recovered", json_boolean(t->status == TEST_PASS));
	json_value_put(o, "statuses", statuses_of(t));
	if (t->status != TEST_PASS || v->detail == DETAIL_ALL)
		json_value_put(o, "finalResult", answer_test(r, index, v, tail, NULL));
	json_value_put(o, "totalDuration", json_value_ms(all_us));
	return o;
}

/* Bytes that the first n need with such tails. */
static json_t *
entries(const struct results *r, const uint64_t *order, size_t n, const struct answer_view *v,
    size_t tail, size_t room, size_t *ret_last)
{
	json_t	*list = json_array(), *one;
	size_t	 used = 0, i;

	for (i = v->offset; i < n && i - v->offset < v->limit; i++) {
		one = entry(r, order[i], v, tail);
		used += answer_size(one) + 1;
		if (used > room && i > v->offset) {
			json_decref(one);
			break;
		}
		answer_append(list, one);
	}
	*ret_last = i;
	return list;
}

static void
put_results(json_t *o, const struct results *r, const struct answer_view *v)
{
	static const size_t	 tails[] = { ANSWER_TAIL, 512, 200, 0 };
	struct answer_view	 all = *v;
	size_t			 n, last = 0, room = answer_size(o) + TAIL_OF_RETRY;
	uint64_t		*order;
	json_t			*list = NULL;
	char			 cursor[ANSWER_CURSOR];

	/* Each that was run again is told of, unless only counts are wanted. */
	if (v->detail == DETAIL_FAILURES)
		all.detail = DETAIL_ALL;
	order = answer_order(r, &all, &n, NULL);
	room = v->budget > room ? v->budget - room : 0;
	for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
		json_decref(list);
		list = entries(r, order, n, v, tails[i], room, &last);
		if ((last == n || last - v->offset == v->limit) && answer_size(list) <= room)
			break;
	}
	free(order);
	json_value_put(o, "results", list);
	if (last >= n)
		return;
	json_value_put(o, "resultsOmitted", json_value_u64(n - last));
	answer_cursor(cursor, DETAIL_ALL, last);
	json_value_put(o, "nextCursor", json_value_text(cursor));
}

static json_t *
statistics(const struct results *r, const struct retry_stats *s, uint64_t not_retried)
{
	json_t	*o = json_object();
	double	 n = s->tests > 0 ? (double)s->tests : 1;

	json_value_put(o, "totalTests", json_value_u64(s->tests));
	json_value_put(o, "successAfterRetry", json_value_u64(s->success));
	json_value_put(o, "failedAfterRetry", json_value_u64(r->finished ? s->failed :
	    r->done - s->success));
	json_value_put(o, "notRetried", json_value_u64(not_retried));
	answer_ratio(o, "successRate", (double)s->success / n);
	answer_ratio(o, "averageAttempts", (double)s->attempts / n);
	json_value_put(o, "totalDuration", json_value_ms(s->duration_us));
	return o;
}

json_t *
answer_retry(const struct results *r, const struct answer_view *v, uint64_t not_retried)
{
	json_t			*o = json_object(), *list = json_array();
	struct retry_stats	 s;
	struct text		 t = { 0 };
	char			 uri[128];

	retry_stats_of(r, &s);
	if (!r->finished)
		text_addf(&t, "Running: %" PRIu64 " of %" PRIu64 " tests are done, %" PRIu64
		    " passed; wait for the rest with console_get_test_run {\"runId\": \"%s\", "
		    "\"waitMs\": "
		    "60000}.", r->done, r->total, s.success, r->run != NULL ? r->run : "");
	else if (s.tests == 0)
		text_puts(&t, "There was nothing to run again.");
	else
		text_addf(&t, "%" PRIu64 " of %" PRIu64 " failed tests passed now, %" PRIu64
		    " did not%s.", s.success, s.tests, s.failed,
		    r->status == RUN_CANCELLED ? " (the run was cancelled)" : "");
	json_value_put(o, "success", json_true());
	json_value_put(o, "message", json_value_bytes(t.p, t.n));
	text_free(&t);
	json_value_put(o, "runId", json_value_text(r->run));
	json_value_put(o, "status", json_value_text(run_status_name(r->status)));
	json_value_put(o, "statistics", statistics(r, &s, not_retried));
	json_value_put(o, "duration", json_value_ms(r->duration_us));
	answer_time(o, "timestamp", v->now_ms);
	put_results(o, r, v);
	if (r->run != NULL) {
		(void)snprintf(uri, sizeof uri, "paratest://runs/%.40s/report.json", r->run);
		answer_resource(list, uri, "full report", "application/json");
	}
	json_value_put(o, "resources", list);
	return o;
}
