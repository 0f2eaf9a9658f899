/* Plans from messages; see plan_wire.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/spec.h"
#include "common/xalloc.h"
#include "ctl/plan_wire.h"

static char *
text(struct sv s)
{
	return s.n > 0 ? xstrndup(s.p, s.n) : NULL;
}

static void
list(struct strs *to, struct svs from)
{
	for (uint32_t i = 0; i < from.n; i++)
		strs_addf(to, "%.*s", (int)from.v[i].n, from.v[i].p);
}

static void
take_retry(const struct msg_test_add *m, struct plan_retry *r)
{
	r->count = m->retry_count;
	r->delay_ms = m->retry_delay_ms;
	r->multiplier_milli = m->retry_multiplier_milli;
	r->max_delay_ms = m->retry_max_delay_ms;
	r->jitter = m->retry_jitter;
	r->where = m->retry_where;
	list(&r->on, m->retry_on);
	list(&r->never, m->retry_never);
	if (MSG_HAS(m, test_add, retry_count))
		r->has |= PLAN_RETRY_COUNT;
	if (MSG_HAS(m, test_add, retry_delay_ms))
		r->has |= PLAN_RETRY_DELAY;
	/* Of these, absent and zero are the same. */
	if (r->multiplier_milli != 0)
		r->has |= PLAN_RETRY_MULTIPLIER;
	if (r->max_delay_ms != 0)
		r->has |= PLAN_RETRY_MAX;
	if (r->jitter != 0)
		r->has |= PLAN_RETRY_JITTER;
	if (r->where != 0)
		r->has |= PLAN_RETRY_WHERE;
	if (r->on.n > 0)
		r->has |= PLAN_RETRY_ON;
	if (r->never.n > 0)
		r->has |= PLAN_RETRY_NEVER;
}

static void
take_test(const struct msg_test_add *m, struct plan_test *t)
{
	t->name = xstrndup(m->name.p, m->name.n);
	t->suite = text(m->suite);
	t->source = text(m->source);
	list(&t->argv, m->argv);
	t->cwd = xstrndup(m->cwd.p, m->cwd.n);
	list(&t->env, m->env);
	if (MSG_HAS(m, test_add, stdin_data)) {
		t->stdin_data = xcalloc(m->stdin_data.n + 1, 1);
		if (m->stdin_data.n > 0)
			memcpy(t->stdin_data, m->stdin_data.p, m->stdin_data.n);
		t->stdin_len = m->stdin_data.n;
	}
	t->has_timeout = MSG_HAS(m, test_add, timeout_ms);
	t->timeout_ms = m->timeout_ms;
	t->has_grace = MSG_HAS(m, test_add, grace_ms);
	t->grace_ms = m->grace_ms;
	list(&t->tags, m->tags);
	list(&t->setup.argv, m->setup);
	t->setup.timeout_ms = m->setup_timeout_ms;
	list(&t->teardown.argv, m->teardown);
	t->teardown.timeout_ms = m->teardown_timeout_ms;
	list(&t->expect, m->expect);
	list(&t->locks, m->locks);
	list(&t->slots, m->slots);
	t->weight = m->weight;
	t->serial = m->serial;
	t->format = m->format;
	t->skip = text(m->skip);
	t->output_limit = m->output_limit;
	take_retry(m, &t->retry);
	t->limits.limits = limits_of(m);
	for (unsigned i = 0; i < LIMIT_COUNT; i++)
		t->limits.has |= (t->limits.limits.v[i] != 0) << i;
}

int
plan_wire_add(struct plan *p, const void *spec, size_t len, char *why)
{
	struct msg_reader	*reader = msg_reader_new();
	union msg_body		 body;
	const char		*bad = "";
	int			 r = reader != NULL ? 0 : -ENOMEM;

	(void)snprintf(why, CLIENT_WHY, "out of memory");
	if (r == 0)
		r = msg_decode(reader, MSG_TEST_ADD, spec, len, &body, &bad);
	if (r == -EBADMSG)
		(void)snprintf(why, CLIENT_WHY, "a recorded test is unreadable: %s", bad);
	if (r == 0)
		r = spec_check(&body.test_add, why, CLIENT_WHY);
	if (r == 0)
		take_test(&body.test_add, plan_add(p));
	msg_reader_free(reader);
	return r;
}

/* ---- asking ---- */

struct reading {
	struct plan		*plan;
	struct plan_origin	*origin;
	struct client_error	*error;
};

/* NULL: the text is there already. */
static int
broken(struct reading *rd, const char *text)
{
	rd->error->code = 0;
	rd->error->hint[0] = '\0';
	if (text != NULL)
		(void)snprintf(rd->error->text, sizeof rd->error->text, "%s", text);
	return -EPROTO;
}

static int
on_plan(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct reading	*rd = arg;
	char		 why[ISOLATION_WHY];
	int		 r;

	(void)id;
	switch (type) {
	case MSG_PLAN_RUN:
		(void)snprintf(rd->origin->run, sizeof rd->origin->run, SV_FMT,
		    SV_ARG(m->plan_run.run));
		rd->origin->total = m->plan_run.total;
		rd->origin->status = m->plan_run.status;
		rd->plan->name = text(m->plan_run.name);
		list(&rd->plan->slots, m->plan_run.slots);
		if (m->plan_run.isolation.n > 0 &&
		    isolation_parse(m->plan_run.isolation, &rd->plan->isolation, why) != 0)
			return broken(rd, "the record asks for an isolation that is not known");
		return 0;
	case MSG_PLAN_TEST:
		if (rd->plan->ntests == rd->origin->total)
			return broken(rd, "the record has more tests than its run");
		r = plan_wire_add(rd->plan, m->plan_test.spec.p, m->plan_test.spec.n,
		    rd->error->text);
		return r == 0 ? 0 : broken(rd, NULL);
	case MSG_END_OF:
		if (rd->origin->run[0] != '\0' && !m->end_of.truncated)
			return 0;
		return broken(rd, "the record of the run is not whole");
	default:
		return 0;
	}
}

int
plan_wire_read(struct client *c, const char *run, bool open, struct plan *plan,
    struct plan_origin *origin, struct client_error *e)
{
	struct msg_plan_read	m = { .run = sv_from(run), .open = open };
	struct reading		rd = { plan, origin, e };

	memset(origin, 0, sizeof *origin);
	return client_request(c, MSG_PLAN_READ, &m, on_plan, &rd, e);
}
