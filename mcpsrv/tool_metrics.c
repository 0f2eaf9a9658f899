/* console_get_execution_metrics: what tests have cost. */
#include <string.h>

#include "common/history.h"
#include "mcpsrv/answer.h"
#include "mcpsrv/call.h"
#include "mcpsrv/tools.h"

#define LIMIT	50
#define ROWS_MAX	100000	/* that a cursor may lead to */

struct asking {
	struct call		call;
	struct metrics		metrics;
	struct answer_view	view;
};

static void
asking_free(struct call *c)
{
	metrics_free(&((struct asking *)c)->metrics);
}

static int
on_answer(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	return metrics_answer(&((struct asking *)arg)->metrics, type, id, m);
}

static void
on_done(void *arg, int r, const struct client_error *e)
{
	struct asking	*a = arg;
	const char	*test = call_text(&a->call, "testName");

	if (r != 0)
		call_lost(&a->call, e);
	else if (test != NULL && a->metrics.n == 0)
		call_failed(&a->call, "test '%.200s' is not on record%s; call without testName "
		    "to see those that are", test, call_has(&a->call, "runId") ? " in that "
		    "run" : "");
	else
		call_answer(&a->call, answer_metrics(&a->metrics, &a->view));
}

static enum metric_sort
sort_of(const char *name)
{
	static const char *const	names[METRIC_SORT_COUNT] = {
#define X(N, s)	s,
		METRIC_SORT_LIST(X)
#undef X
	};
	unsigned			i = 0;

	while (name != NULL && i < METRIC_SORT_COUNT && strcmp(names[i], name) != 0)
		i++;
	return name == NULL || i == METRIC_SORT_COUNT ? METRIC_SORT_DURATION : (enum metric_sort)i;
}

void
tool_metrics(struct mcp_request *req, void *arg)
{
	struct asking		*a = call_new(sizeof *a, arg, req, "console_get_execution_metrics");
	struct srv		*s = arg;
	const char		*cursor = call_text(&a->call, "cursor");
	enum answer_detail	 ignored;
	struct msg_metrics	 m = { .sort = sort_of(call_text(&a->call, "sortBy")),
	    .run = sv_from(call_text(&a->call, "runId")),
	    .test = sv_from(call_text(&a->call, "testName")) };

	a->call.free = asking_free;
	a->call.simple = true;
	a->view = (struct answer_view){ .limit = call_number(&a->call, "limit", LIMIT),
	    .budget = s->budget, .now_ms = wall_ms() };
	if (cursor != NULL && (!answer_cursor_parse(cursor, &ignored, &a->view.offset) ||
	    a->view.offset > ROWS_MAX)) {
		call_failed(&a->call, "cursor '%.40s' is none that this server gave: take "
		    "nextCursor of the answer before, or leave it out for the first page", cursor);
		return;
	}
	if (m.test.p != NULL)
		m.has = MSG_BIT(metrics, test);
	m.limit = a->view.offset + a->view.limit;
	call_ask(&a->call, MSG_METRICS, &m, on_answer, on_done, a);
}
