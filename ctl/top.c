/* What a supervisor does at a moment; see top.h. */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/outcome.h"
#include "common/spec.h"
#include "common/xalloc.h"
#include "ctl/top.h"

/* ---- asking ---- */

static void
copy(char *buf, size_t size, struct sv s)
{
	(void)snprintf(buf, size, SV_FMT, SV_ARG(s));
}

/* His name, or his number where he has none. */
static void
name_of(uid_t uid, char buf[TOP_USER])
{
	const struct passwd	*pw = getpwuid(uid);

	if (pw != NULL)
		(void)snprintf(buf, TOP_USER, "%s", pw->pw_name);
	else
		(void)snprintf(buf, TOP_USER, "%u", (unsigned)uid);
}

static void
add_user(struct top *t, const struct msg_share_row *m)
{
	struct top_user	*u;

	t->users = xreallocarray(t->users, t->nusers + 1, sizeof *t->users);
	u = &t->users[t->nusers++];
	*u = (struct top_user){ .uid = (uid_t)m->uid, .weight = m->weight, .share = m->share,
	    .used = m->used, .running = m->running, .queued = m->queued, .runs = m->runs,
	    .clients = m->clients, .memory = m->memory };
	name_of(u->uid, u->name);
}

static void
add_run(struct top *t, const struct msg_run_row *m)
{
	struct top_run	*r;

	if (m->status != RUN_RUNNING)
		return;
	t->runs = xreallocarray(t->runs, t->nruns + 1, sizeof *t->runs);
	r = &t->runs[t->nruns++];
	*r = (struct top_run){ .label = xstrndup(m->name.p, m->name.n), .uid = (uid_t)m->uid,
	    .priority = spec_priority(m->priority), .total = m->total,
	    .done = m->passed + m->failed + m->skipped + m->timed_out + m->errored + m->cancelled,
	    .running = m->running, .queued = m->queued, .age_us = m->duration_us };
	copy(r->run, sizeof r->run, m->run);
	name_of(r->uid, r->user);
}

static void
add_test(struct top *t, const struct msg_worker_row *m)
{
	struct top_test	*one;

	if (m->test.n == 0)
		return;
	t->tests = xreallocarray(t->tests, t->ntests + 1, sizeof *t->tests);
	one = &t->tests[t->ntests++];
	*one = (struct top_test){ .name = xstrndup(m->test.p, m->test.n), .slot = m->slot,
	    .attempt = m->attempt, .age_us = m->age_us, .cpu_us = m->cpu_us,
	    .memory = m->memory };
	copy(one->run, sizeof one->run, m->run);
	if (MSG_HAS(m, worker_row, uid))
		name_of((uid_t)m->uid, one->user);
}

static int
on_answer(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct top			*t = arg;
	const struct msg_status_ok	*s = &m->status_ok;

	(void)id;
	switch (type) {
	case MSG_STATUS_OK:
		copy(t->program, sizeof t->program, s->program);
		copy(t->state, sizeof t->state, s->state);
		t->uptime_us = s->uptime_us;
		t->capacity = s->capacity;
		t->busy = s->workers_busy;
		t->own = s->own;
		t->queued = s->tests_queued;
		t->completed = s->tests_completed;
		t->memory = s->memory;
		return 1;
	case MSG_SHARE_ROW:
		add_user(t, &m->share_row);
		return 0;
	case MSG_RUN_ROW:
		add_run(t, &m->run_row);
		return 0;
	case MSG_WORKER_ROW:
		add_test(t, &m->worker_row);
		return 0;
	default:
		return 0;
	}
}

static int
by_use(const void *a, const void *b)
{
	const struct top_user	*x = a, *y = b;

	if (x->used != y->used)
		return x->used < y->used ? 1 : -1;
	return (x->uid > y->uid) - (x->uid < y->uid);
}

static int
by_age(const void *a, const void *b)
{
	const struct top_test	*x = a, *y = b;

	return (x->age_us < y->age_us) - (x->age_us > y->age_us);
}

int
top_ask_users(struct client *c, struct top *t, struct client_error *e)
{
	struct msg_shares	m = { .has = 0 };
	int			r;

	memset(t, 0, sizeof *t);
	r = client_request(c, MSG_SHARES, &m, on_answer, t, e);
	if (t->nusers > 0)
		qsort(t->users, t->nusers, sizeof *t->users, by_use);
	return r;
}

int
top_ask(struct client *c, struct top *t, struct client_error *e)
{
	struct msg_status	status = { .has = 0 };
	struct msg_run_list	runs = { .active = true };
	struct msg_workers	workers = { .has = 0 };
	int			r = top_ask_users(c, t, e);

	if (r == 0)
		r = client_request(c, MSG_STATUS, &status, on_answer, t, e);
	if (r == 0)
		r = client_request(c, MSG_RUN_LIST, &runs, on_answer, t, e);
	if (r == 0)
		r = client_request(c, MSG_WORKERS, &workers, on_answer, t, e);
	if (t->ntests > 0)
		qsort(t->tests, t->ntests, sizeof *t->tests, by_age);
	return r;
}

void
top_free(struct top *t)
{
	for (size_t i = 0; i < t->nruns; i++)
		free(t->runs[i].label);
	for (size_t i = 0; i < t->ntests; i++)
		free(t->tests[i].name);
	free(t->users);
	free(t->runs);
	free(t->tests);
	memset(t, 0, sizeof *t);
}
