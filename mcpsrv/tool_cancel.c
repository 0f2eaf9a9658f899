/* console_cancel_test_run: ends a run, and tells what it came to. */
#include <errno.h>
#include <stdio.h>

#include "common/outcome.h"
#include "ctl/json_value.h"
#include "mcpsrv/answer.h"
#include "mcpsrv/call.h"
#include "mcpsrv/tools.h"

#define GRACE_MS	30000	/* for its processes to end */

struct cancelling {
	struct call	call;
	struct results	results;
	bool		asked;		/* it was running, and is told to end */
	char		run[64];
};

static void
cancelling_free(struct call *c)
{
	results_free(&((struct cancelling *)c)->results);
}

static int
on_event(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct cancelling	*c = arg;

	(void)id;
	if (type == MSG_EVENT) {
		(void)results_event(&c->results, &m->event);
		(void)snprintf(c->run, sizeof c->run, SV_FMT, SV_ARG(m->event.run));
	}
	return 0;
}

static void
answer(struct cancelling *c)
{
	const struct results	*r = &c->results;
	json_t			*o = json_object();

	json_value_put(o, "message", !c->asked ?
	    json_value_text("The run was over before: nothing had to be ended.") : r->finished ?
	    json_value_text("The run and every process of it have ended; what had finished is "
	        "kept.") :
	    json_value_text("The run is being ended; console_get_test_run tells when it is over."));
	json_value_put(o, "runId", json_value_text(c->run));
	json_value_put(o, "status", json_value_text(run_status_name(r->status)));
	json_value_put(o, "cancelled", json_boolean(c->asked));
	json_value_put(o, "summary", answer_summary(r));
	call_answer(&c->call, o);
}

/* It is over, or takes longer than anybody waits. */
static void
on_over(void *arg, int r, const struct client_error *e)
{
	struct cancelling	*c = arg;

	if (r != 0 && r != -ETIMEDOUT)
		call_lost(&c->call, e);
	else
		answer(c);
}

static void
on_told(void *arg, int r, const struct client_error *e)
{
	struct cancelling	*c = arg;
	struct msg_run_watch	 m = { .run = sv_from(c->run),
	    .since = results_next(&c->results, 1) };

	if (r != 0) {
		call_lost(&c->call, e);
		return;
	}
	link_ask(c->call.link, MSG_RUN_WATCH, &m, GRACE_MS, on_event, on_over, c);
}

static void
on_known(void *arg, int r, const struct client_error *e)
{
	struct cancelling	*c = arg;
	struct msg_run_cancel	 m = { .run = sv_from(c->run),
	    .reason = sv_from(call_text(&c->call, "reason")) };

	if (r != 0) {
		call_lost(&c->call, e);
	} else if (c->results.finished) {
		answer(c);
	} else {
		c->asked = true;
		call_ask(&c->call, MSG_RUN_CANCEL, &m, NULL, on_told, c);
	}
}

void
tool_cancel(struct mcp_request *req, void *arg)
{
	struct cancelling	*c = call_new(sizeof *c, arg, req, "console_cancel_test_run");
	struct msg_run_watch	 m = { .no_follow = true, .since = 1 };

	c->call.free = cancelling_free;
	m.run = sv_from(call_text(&c->call, "runId"));
	call_ask(&c->call, MSG_RUN_WATCH, &m, on_event, on_known, c);
}
