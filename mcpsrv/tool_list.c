/* console_list_test_runs: recent runs, a page at a time. */
#include <string.h>

#include "common/outcome.h"
#include "ctl/json_value.h"
#include "ctl/runlist.h"
#include "mcpsrv/answer.h"
#include "mcpsrv/call.h"
#include "mcpsrv/tools.h"

#define LIMIT	20

struct listing {
	struct call	call;
	struct runlist	runs;
	size_t		offset;
};

static void
listing_free(struct call *c)
{
	runlist_free(&((struct listing *)c)->runs);
}

static int
on_row(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	return runlist_answer(&((struct listing *)arg)->runs, type, id, m);
}

static json_t *
answer(const struct listing *l)
{
	const char	*status = call_text(&l->call, "status");
	size_t		 limit = call_number(&l->call, "limit", LIMIT), i, used = 200, found = 0;
	json_t		*o = json_object(), *list = json_array(), *one;
	char		 cursor[ANSWER_CURSOR];

	for (i = 0; i < l->runs.n; i++) {
		if (status != NULL && strcmp(run_status_name(l->runs.v[i].row.status), status) != 0)
			continue;
		if (found++ < l->offset)
			continue;
		one = answer_row(&l->runs.v[i]);
		used += answer_size(one) + 1;
		if (json_array_size(list) == limit ||
		    (used > l->call.srv->budget && json_array_size(list) > 0)) {
			json_decref(one);
			break;
		}
		answer_append(list, one);
	}
	json_value_put(o, "message", l->runs.n == 0 ? json_value_text("There is no run yet: "
	    "console_run_test_parallel makes one.") : json_sprintf("%zu runs, the newest first%s.",
	    json_array_size(list), i < l->runs.n ? "; nextCursor leads to older ones" : ""));
	if (i < l->runs.n) {
		answer_cursor(cursor, DETAIL_ALL, l->offset + json_array_size(list));
		json_value_put(o, "nextCursor", json_value_text(cursor));
	}
	json_value_put(o, "runs", list);
	return o;
}

static void
on_done(void *arg, int r, const struct client_error *e)
{
	struct listing	*l = arg;

	if (r != 0) {
		call_lost(&l->call, e);
		return;
	}
	runlist_arrange(&l->runs);
	call_answer(&l->call, answer(l));
}

void
tool_list(struct mcp_request *req, void *arg)
{
	struct listing		*l = call_new(sizeof *l, arg, req, "console_list_test_runs");
	const char		*cursor = call_text(&l->call, "cursor");
	enum answer_detail	 ignored;
	struct msg_run_list	 m = { .limit = 0 };	/* all: of every status */

	l->call.free = listing_free;
	l->call.simple = true;
	if (cursor != NULL && !answer_cursor_parse(cursor, &ignored, &l->offset)) {
		call_failed(&l->call, "cursor '%.40s' is none that this server gave: take "
		    "nextCursor of the answer before, or leave it out for the first page", cursor);
		return;
	}
	call_ask(&l->call, MSG_RUN_LIST, &m, on_row, on_done, l);
}
