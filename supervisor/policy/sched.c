/*
 * The scheduler of one run: see sched.h.  Owns the life of every test and what
 * is told about it; who starts next is queue.c's.  Pure.
 */
#include <stdlib.h>

#include "supervisor/policy/heap.h"
#include "supervisor/policy/order.h"
#include "supervisor/policy/queue.h"
#include "supervisor/policy/retry.h"
#include "supervisor/policy/sched.h"

#define NO_TEST	UINT32_MAX

enum life { QUEUED, DELAYED, RUNNING, DONE };
enum { KILL_NONE, KILL_GRACE, KILL_NOW };

struct entry {
	uint64_t	delay_ms;	/* waited by its last retry */
	uint32_t	prev, next;	/* RUNNING: list; DONE: list of the untold */
	uint32_t	attempts;	/* started */
	uint32_t	retries;
	uint8_t		life;
	uint8_t		status;		/* DONE */
	uint8_t		lost;		/* attempts */
	uint8_t		kill_told;
	bool		failed;		/* an attempt did, and was retried */
	bool		after_loss;	/* its next start replaces a lost one */
	bool		flaky;
	bool		lost_for_good;
};

struct sched {
	const struct sched_test *tests;	/* borrowed */
	uint32_t	 n;
	struct entry	*e;
	struct heap_node *nodes;	/* QUEUED in `queue`, DELAYED below */
	struct queue	*queue;
	uint32_t	 delayed;	/* heap by due time */
	uint32_t	 running;	/* list */
	uint32_t	 untold, untold_last; /* list of verdicts to give */
	uint32_t	 cursor;	/* stopped: tests before it have no wait */
	uint32_t	 max_fail;
	uint64_t	 seed;
	uint64_t	 now;
	uint64_t	 deadline;	/* of the run */
	uint32_t	 nqueued, ndelayed, nrunning, ndone, ntold, nfailed;
	enum sched_stop	 stop;
	bool		 stop_told, over_told;
	uint8_t		 kill;		/* what running tests are to get */
	bool		 kill_timeout;	/* it is the run's timeout that kills */
};

/* ---- from state to state ---- */

static void
test_enqueue(struct sched *s, uint32_t t)
{
	s->e[t].life = QUEUED;
	s->nqueued++;
	queue_push(s->queue, t);
}

/* As outcome_status() of common/outcome.h, which a unit test holds it to; not
 * called, since policy links nothing. */
static enum test_status
status_of(enum outcome o)
{
	switch (o) {
	case OUTCOME_PASS:
		return TEST_PASS;
	case OUTCOME_FAIL:
	case OUTCOME_CRASH:
	case OUTCOME_OOM:
		return TEST_FAIL;
	case OUTCOME_TIMEOUT:
		return TEST_TIMEOUT;
	case OUTCOME_SKIP:
		return TEST_SKIP;
	case OUTCOME_CANCELLED:
		return TEST_CANCELLED;
	case OUTCOME_EXEC_ERROR:
	case OUTCOME_LOST:
	case OUTCOME_COUNT:
		break;
	}
	return TEST_ERROR;
}

/* A test in no list has its verdict, which is to be told. */
static void
test_end(struct sched *s, uint32_t t, enum test_status status)
{
	struct entry *e = &s->e[t];

	e->life = DONE;
	e->status = (uint8_t)status;
	e->flaky = status == TEST_PASS && e->failed;
	s->ndone++;
	if (status == TEST_FAIL || status == TEST_TIMEOUT || status == TEST_ERROR)
		s->nfailed++;
	e->next = NO_TEST;
	if (s->untold == NO_TEST)
		s->untold = t;
	else
		s->e[s->untold_last].next = t;
	s->untold_last = t;
}

static void
test_retry(struct sched *s, uint32_t t)
{
	struct entry *e = &s->e[t];

	e->failed = true;
	e->retries++;
	e->delay_ms = retry_delay(&s->tests[t].retry, s->seed, t, e->retries,
	    e->delay_ms);
	if (e->delay_ms == 0) {
		test_enqueue(s, t);
		return;
	}
	e->life = DELAYED;
	s->ndelayed++;
	s->nodes[t].due = s->now + e->delay_ms;
	s->delayed = heap_push(s->nodes, s->delayed, t);
}

/* The attempt of a test that no longer runs ended so. */
static void
test_settle(struct sched *s, uint32_t t, enum outcome o)
{
	struct entry *e = &s->e[t];

	if (o == OUTCOME_LOST && s->stop != SCHED_STOP_NONE) {
		test_end(s, t, TEST_CANCELLED);
	} else if (o == OUTCOME_LOST && e->lost < SCHED_LOST_MAX) {
		e->lost++;
		e->after_loss = true;
		test_enqueue(s, t);
	} else if (o == OUTCOME_LOST) {
		e->lost_for_good = true;
		test_end(s, t, TEST_ERROR);
	} else if (s->stop == SCHED_STOP_NONE && retry_wanted(o) &&
	    e->retries < s->tests[t].retry.count) {
		test_retry(s, t);
	} else {
		test_end(s, t, status_of(o));
	}
}

static void
on_done(struct sched *s, const struct sched_in *in)
{
	struct entry *e;

	if (in->test >= s->n)
		return;
	e = &s->e[in->test];
	if (e->life != RUNNING || e->attempts != in->attempt)
		return;
	if (e->prev == NO_TEST)
		s->running = e->next;
	else
		s->e[e->prev].next = e->next;
	if (e->next != NO_TEST)
		s->e[e->next].prev = e->prev;
	s->nrunning--;
	queue_release(s->queue, in->test);
	test_settle(s, in->test, in->outcome);
}

/* Nothing starts any more; what waits is cancelled by tell_cancelled(). */
static void
stop(struct sched *s, enum sched_stop why)
{
	if (s->stop != SCHED_STOP_NONE || s->ndone == s->n)
		return;
	s->stop = why;
	s->delayed = HEAP_NONE;
	queue_clear(s->queue);
}

static void
on_cancel(struct sched *s, bool now)
{
	uint8_t kill = now ? KILL_NOW : KILL_GRACE;

	stop(s, SCHED_STOP_CANCEL);
	if (s->kill < kill)
		s->kill = kill;
}

/* Does the run still have a time limit to meet? */
static bool
has_deadline(const struct sched *s)
{
	return s->deadline != SCHED_NEVER && s->kill == KILL_NONE && s->ndone < s->n;
}

static void
pass_time(struct sched *s)
{
	uint32_t t;

	while (s->delayed != HEAP_NONE && s->nodes[s->delayed].due <= s->now) {
		t = s->delayed;
		s->delayed = heap_pop(s->nodes, t);
		s->ndelayed--;
		test_enqueue(s, t);
	}
	if (s->max_fail > 0 && s->nfailed >= s->max_fail)
		stop(s, SCHED_STOP_MAX_FAIL);
	if (has_deadline(s) && s->now >= s->deadline) {
		stop(s, SCHED_STOP_TIMEOUT);
		s->kill = KILL_GRACE;
		s->kill_timeout = true;
	}
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
tell_verdicts(struct sched *s, struct sched_out *out)
{
	const struct entry *e;
	struct sched_act *a;

	while (s->untold != NO_TEST && has_room(out)) {
		e = &s->e[s->untold];
		a = act_add(out, SCHED_ACT_VERDICT, s->untold);
		a->attempt = e->attempts;
		a->status = (enum test_status)e->status;
		a->flaky = e->flaky;
		a->lost_for_good = e->lost_for_good;
		s->ntold++;
		s->untold = e->next;
	}
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
		else if (s->e[s->cursor].life == DELAYED)
			s->ndelayed--;
		else
			continue;
		test_end(s, s->cursor, TEST_CANCELLED);
		tell_verdicts(s, out);
	}
}

static void
tell_starts(struct sched *s, uint32_t limit, struct sched_out *out)
{
	struct sched_act *a;
	struct entry *e;
	uint32_t t;

	queue_rewind(s->queue);
	while (has_room(out) && queue_start(s->queue, limit, &t)) {
		e = &s->e[t];
		e->life = RUNNING;
		e->attempts++;
		e->prev = NO_TEST;
		e->next = s->running;
		if (s->running != NO_TEST)
			s->e[s->running].prev = t;
		s->running = t;
		s->nqueued--;
		s->nrunning++;
		a = act_add(out, SCHED_ACT_START, t);
		a->attempt = e->attempts;
		a->delay_ms = e->after_loss ? 0 : e->delay_ms;
		e->after_loss = false;
	}
}

static void
tell(struct sched *s, uint32_t limit, struct sched_out *out)
{
	tell_verdicts(s, out);
	if (s->stop != SCHED_STOP_NONE) {
		if (!s->stop_told && has_room(out)) {
			act_add(out, SCHED_ACT_STOPPING, 0)->reason = s->stop;
			s->stop_told = true;
		}
		tell_kills(s, out);
		tell_cancelled(s, out);
	} else {
		tell_starts(s, limit, out);
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
	if (has_deadline(s) && s->deadline < next)
		next = s->deadline;
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
		if (s->tests[i].skip)
			test_end(s, i, TEST_SKIP);
		else if (!queue_possible(s->queue, i))
			test_end(s, i, TEST_ERROR);
	}
	for (i = s->n; i > 0; i--) {
		t = order[i - 1];
		if (s->e[t].life != DONE)
			test_enqueue(s, t);
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
	s->now = now;
	s->deadline = SCHED_NEVER;
	if (plan->timeout_ms > 0 && plan->timeout_ms < SCHED_NEVER - now)
		s->deadline = now + plan->timeout_ms;
	s->delayed = HEAP_NONE;
	s->running = s->untold = NO_TEST;
	s->e = calloc((size_t)s->n + 1, sizeof(*s->e));
	s->nodes = calloc((size_t)s->n + 1, sizeof(*s->nodes));
	if (s->nodes != NULL)
		s->queue = queue_new(plan, s->nodes);
	if (s->e == NULL || s->queue == NULL || !line_up(s, plan)) {
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
	switch (in->type) {
	case SCHED_IN_TICK:
		break;
	case SCHED_IN_DONE:
		on_done(s, in);
		break;
	case SCHED_IN_CANCEL:
		on_cancel(s, in->kill);
		break;
	}
	pass_time(s);
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
