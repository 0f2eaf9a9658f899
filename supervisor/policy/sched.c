/*
 * The scheduler of one run: see sched.h.  Owns its steps and what is told in them; the
 * life of a test is life.c's, who starts next queue.c's, whether a failure is tried
 * again retrier.c's.  Pure.
 */
#include <stdlib.h>

#include "supervisor/policy/life.h"
#include "supervisor/policy/order.h"
#include "supervisor/policy/queue.h"
#include "supervisor/policy/retrier.h"

static void
on_cancel(struct sched *s, bool now)
{
	uint8_t kill = now ? KILL_NOW : KILL_GRACE;

	life_stop(s, SCHED_STOP_CANCEL);
	if (s->kill < kill)
		s->kill = kill;
}

/* ---- what is to be told; each continues where the last step had no room ---- */

static bool
has_room(const struct sched_out *out)
{
	return out->n < SCHED_ACT_MAX;
}

static struct sched_act *
act_add(struct sched_out *out, enum sched_act_type type, uint32_t test)
{
	struct sched_act *a = &out->v[out->n++];

	*a = (struct sched_act){ .type = type, .test = test };
	return a;
}

static void
tell_verdict(struct sched *s, uint32_t t, struct sched_out *out)
{
	const struct entry *e = &s->e[t];
	struct sched_act *a;

	a = act_add(out, SCHED_ACT_VERDICT, t);
	a->attempt = e->attempts;
	a->status = (enum test_status)e->status;
	a->flaky = e->flaky;
	a->lost_for_good = e->lost_for_good;
	a->fails = e->fails;
	a->passes = e->passes;
	s->ntold++;
}

/* Retries, refusals and verdicts. */
static void
tell_untold(struct sched *s, struct sched_out *out)
{
	struct sched_act *a;
	struct entry *e;
	uint32_t t;

	while (s->untold != NO_TEST && has_room(out)) {
		t = s->untold;
		e = &s->e[t];
		if (e->life != DONE) {
			a = act_add(out, SCHED_ACT_RETRY, t);
			a->attempt = e->attempts;
			a->delay_ms = e->delay_ms;
			a->where = sched_retry_of(&s->tests[t])->where;
			a->decision = RETRY_GRANTED;
		} else if (e->refused) {
			a = act_add(out, SCHED_ACT_REFUSED, t);
			a->attempt = e->attempts;
			retrier_explain(s->retrier, a);
			e->refused = false;
			continue;
		} else if (!e->recalled) {
			tell_verdict(s, t, out);
		}
		e->untold = false;
		s->untold = e->tell_next;
	}
}

static void
tell_breakers(struct sched *s, struct sched_out *out)
{
	while (has_room(out) && retrier_next_event(s->retrier, &out->v[out->n]))
		out->n++;
}

static void
tell_kills(struct sched *s, struct sched_out *out)
{
	struct sched_act *a;
	uint32_t t;

	for (t = s->running; t != NO_TEST && has_room(out); t = s->e[t].next) {
		if (s->e[t].kill_told >= s->kill)
			continue;
		s->e[t].kill_told = s->kill;
		a = act_add(out, SCHED_ACT_KILL, t);
		a->attempt = s->e[t].attempts;
		a->kill = s->kill == KILL_NOW;
		a->timeout = s->kill_timeout;
	}
}

static void
tell_cancelled(struct sched *s, struct sched_out *out)
{
	for (; s->cursor < s->n && has_room(out); s->cursor++) {
		if (s->e[s->cursor].life == QUEUED)
			s->nqueued--;
		else if (s->e[s->cursor].life == DELAYED || s->e[s->cursor].life == HELD)
			s->ndelayed--;
		else
			continue;
		life_end(s, s->cursor, TEST_CANCELLED);
		tell_untold(s, out);
	}
}

static void
tell_start(struct sched *s, uint32_t t, struct sched_out *out)
{
	const struct entry *e = &s->e[t];
	struct sched_act *a = act_add(out, SCHED_ACT_START, t);

	a->delay_ms = e->after_loss ? 0 : e->delay_ms;
	life_start(s, t);
	a->attempt = e->attempts;
	if (s->flake.on) {
		provoke_choose(s, t);
		a->condition = (enum flake_condition)e->condition;
	}
}

static bool
start(struct sched *s, uint32_t limit, uint32_t *ret_test)
{
	return s->flake.on ? provoke_start(s, limit, ret_test) :
	    queue_start(s->queue, limit, ret_test);
}

/* A refused start is taken back and the round begun anew: what was passed over for
 * its sake may fit now, and it may be the last for which others were held. */
static void
tell_starts(struct sched *s, uint32_t limit, struct sched_out *out)
{
	uint32_t t;

	life_open_gate(s);
	while (has_room(out) && !detect_is_spent(s) && start(s, limit, &t)) {
		s->nqueued--;
		if (life_may_start(s, t)) {
			tell_start(s, t, out);
			continue;
		}
		queue_release(s->queue, t);
		s->held_milli -= s->e[t].held_milli;
		s->e[t].held_milli = 0;
		if (s->alone == t)
			s->alone = NO_TEST;
		life_refuse(s, t);
		tell_untold(s, out);
		life_check_failures(s);
		if (s->stop != SCHED_STOP_NONE)
			return;
		life_open_gate(s);
	}
}

static void
tell(struct sched *s, uint32_t limit, struct sched_out *out)
{
	tell_breakers(s, out);
	tell_untold(s, out);
	if (s->stop == SCHED_STOP_NONE) {
		tell_starts(s, limit, out);
		tell_breakers(s, out);
		tell_untold(s, out);
	}
	if (s->stop != SCHED_STOP_NONE) {
		if (!s->stop_told && has_room(out)) {
			act_add(out, SCHED_ACT_STOPPING, 0)->reason = s->stop;
			s->stop_told = true;
		}
		tell_kills(s, out);
		tell_cancelled(s, out);
	}
	if (s->ntold == s->n && !s->over_told && has_room(out)) {
		(void)act_add(out, SCHED_ACT_RUN_DONE, 0);
		s->over_told = true;
	}
}

static uint64_t
next_step(const struct sched *s, const struct sched_out *out)
{
	uint64_t next = SCHED_NEVER;

	if (s->over_told)
		return SCHED_NEVER;
	if (!has_room(out))
		return s->now;
	if (s->delayed != HEAP_NONE)
		next = s->nodes[s->delayed].due;
	if (life_has_deadline(s) && s->deadline < next)
		next = s->deadline;
	if (s->budget_due < next && s->nqueued > 0)
		next = s->budget_due;
	return next;
}

/* ---- the interface ---- */

/* Sets the ranks; the tests wait, but for those that never run. */
static bool
line_up(struct sched *s, const struct sched_plan *plan)
{
	uint32_t *order = calloc((size_t)s->n + 1, sizeof(*order));
	uint32_t i, t;

	if (order == NULL)
		return false;
	order_fill(order, s->n, plan->shuffle, plan->seed);
	for (i = 0; i < s->n; i++) {
		s->nodes[order[i]].rank = i;
		if (s->allot != NULL)
			detect_place(s, order[i]);
		if (s->tests[i].skip)
			life_end(s, i, TEST_SKIP);
		else if (!queue_possible(s->queue, i))
			life_end(s, i, TEST_ERROR);
	}
	for (i = s->n; i > 0; i--) {
		t = order[i - 1];
		if (s->e[t].life != DONE)
			life_enqueue(s, t);
	}
	free(order);
	return true;
}

struct sched *
sched_new(const struct sched_plan *plan, uint64_t now)
{
	struct sched *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->tests = plan->tests;
	s->n = plan->ntests;
	s->max_fail = plan->max_fail;
	s->seed = plan->seed;
	s->flake = plan->flake;
	s->now = now;
	s->deadline = s->budget_due = SCHED_NEVER;
	if (plan->timeout_ms > 0 && plan->timeout_ms < SCHED_NEVER - now)
		s->deadline = now + plan->timeout_ms;
	s->delayed = s->ends = s->alones = s->evicted = HEAP_NONE;
	s->running = s->untold = s->alone = NO_TEST;
	s->e = calloc((size_t)s->n + 1, sizeof(*s->e));
	s->nodes = calloc((size_t)s->n + 1, sizeof(*s->nodes));
	if (s->nodes != NULL)
		s->queue = queue_new(plan, s->nodes);
	s->retrier = retrier_new(plan);
	if (s->e == NULL || s->queue == NULL || s->retrier == NULL ||
	    (s->flake.on && !detect_begin(s, plan)) || !line_up(s, plan)) {
		sched_free(s);
		return NULL;
	}
	return s;
}

void
sched_free(struct sched *s)
{
	if (s == NULL)
		return;
	queue_free(s->queue);
	retrier_free(s->retrier);
	allot_free(s->allot);
	free(s->trials);
	free(s->nodes);
	free(s->e);
	free(s);
}

void
sched_step(struct sched *s, uint64_t now, uint32_t limit, const struct sched_in *in,
    struct sched_out *out)
{
	out->n = 0;
	if (now > s->now)
		s->now = now;
	if (s->unlined)
		recall_line_up(s);
	switch (in->type) {
	case SCHED_IN_TICK:
		break;
	case SCHED_IN_DONE:
		life_result(s, in);
		break;
	case SCHED_IN_CANCEL:
		on_cancel(s, in->kill);
		break;
	}
	life_pass_time(s);
	if (s->flake.on)
		detect_check_budget(s);
	tell(s, limit, out);
	out->next = next_step(s, out);
}

void
sched_count(const struct sched *s, struct sched_count *ret)
{
	*ret = (struct sched_count){
		.queued = s->nqueued, .delayed = s->ndelayed,
		.running = s->nrunning, .done = s->ndone,
		.used = queue_used(s->queue), .demand = queue_demand(s->queue),
	};
}

void
sched_bound(struct sched *s, const struct sched_host *host)
{
	queue_bound(s->queue, host);
}

uint64_t
sched_lacks(const struct sched *s)
{
	uint64_t lacks = queue_lacks(s->queue);

	if (s->stop != SCHED_STOP_NONE)
		return 0;
	return lacks > 0 || s->evicted == HEAP_NONE ? lacks : s->nodes[s->evicted].due;
}

uint64_t
sched_cpu_milli(const struct sched *s, uint32_t *ret_unknown)
{
	return queue_cpu_milli(s->queue, ret_unknown);
}
