/* Secrets out of definitions on record; see learn.h. */
#include <stdio.h>
#include <string.h>

#include "ctl/plan.h"
#include "ctl/plan_wire.h"
#include "mcpsrv/learn.h"

void
learn_known(struct srv *s, const char *run)
{
	(void)snprintf(s->known_runs[s->next_known], sizeof s->known_runs[0], "%s", run);
	s->next_known = (s->next_known + 1) % KNOWN_RUNS;
}

static bool
is_known(const struct srv *s, const char *run)
{
	for (size_t i = 0; run != NULL && i < KNOWN_RUNS; i++) {
		if (strcmp(s->known_runs[i], run) == 0)
			return true;
	}
	return false;
}

static int
on_plan(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct call	*c = arg;
	struct plan	 one = { .name = NULL };
	char		 why[CLIENT_WHY];

	(void)id;
	if (type != MSG_PLAN_TEST)
		return 0;
	/* One that is damaged is told of by whoever wants to run it. */
	(void)plan_wire_add(&one, m->plan_test.spec.p, m->plan_test.spec.n, why);
	for (size_t i = 0; i < one.ntests; i++) {
		for (size_t k = 0; k < one.tests[i].env.n; k++)
			secrets_add(&c->srv->secrets, one.tests[i].env.v[k]);
	}
	plan_free(&one);
	return 0;
}

static void
on_read(void *arg, int r, const struct client_error *e)
{
	struct call	*c = arg;

	(void)e;
	if (r == 0 && c->learning != NULL)
		learn_known(c->srv, c->learning);
	c->learned(c);
}

void
learn_run(struct call *c, const char *run, void (*then)(struct call *))
{
	struct msg_plan_read	m = { .run = sv_from(run) };

	if (is_known(c->srv, run)) {
		then(c);
		return;
	}
	c->learning = run;
	c->learned = then;
	call_ask(c, MSG_PLAN_READ, &m, on_plan, on_read, c);
}
