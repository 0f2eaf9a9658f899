/* Asking what a plan would take; see dry_run.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/xalloc.h"
#include "ctl/dry_run.h"

struct asking {
	const struct plan	*plan;
	struct dry_run		*f;
	struct client_error	*error;
};

static int
refuse(struct asking *a, const char *text, const char *hint)
{
	a->error->code = 0;
	(void)snprintf(a->error->text, sizeof a->error->text, "%s", text);
	(void)snprintf(a->error->hint, sizeof a->error->hint, "%s", hint);
	return -EPROTO;
}

static int
add_row(struct asking *a, const struct msg_plan_row *m)
{
	struct dry_run	*f = a->f;

	if (m->index >= a->plan->ntests || f->n == a->plan->ntests)
		return refuse(a, "the supervisor answered about tests that are not in the plan", "");
	if (f->n == f->cap) {
		f->cap = f->cap > 0 ? f->cap * 2 : 64;
		f->rows = xreallocarray(f->rows, f->cap, sizeof *f->rows);
	}
	f->rows[f->n++] = (struct dry_run_row){
		.index = (uint32_t)m->index, .known = m->known, .start_us = m->start_us,
		.expected_us = m->expected_us, .spread_us = m->spread_us, .fail_ppm = m->fail_ppm,
	};
	return 0;
}

static int
on_forecast(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct asking	*a = arg;

	(void)id;
	switch (type) {
	case MSG_PLAN_ROW:
		return add_row(a, &m->plan_row);
	case MSG_PLAN_OK:
		a->f->makespan_us = m->plan_ok.makespan_us;
		a->f->bound_us = m->plan_ok.bound_us;
		a->f->known = m->plan_ok.known;
		a->f->jobs = m->plan_ok.jobs;
		return 1;
	case MSG_RUN_OK:	/* it has begun the run; closing the connection cancels it */
		return refuse(a, "the supervisor is too old to plan without running",
		    "paratestctl shutdown ends it, and the next command starts a new one");
	default:
		return 0;
	}
}

int
dry_run_ask(struct client *c, const struct plan *p, const struct submit *s, struct dry_run *f,
    struct client_error *e)
{
	struct msg_run_commit	commit = { .tests = p->ntests, .dry = true };
	struct asking		a = { p, f, e };
	struct submit		dry = *s;
	int			r;

	dry.detach = false;	/* nothing of it is to outlive the connection */
	r = submit_open(c, p, &dry, e);
	return r == 0 ? client_request(c, MSG_RUN_COMMIT, &commit, on_forecast, &a, e) : r;
}

void
dry_run_free(struct dry_run *f)
{
	free(f->rows);
	*f = (struct dry_run){ .rows = NULL };
}
