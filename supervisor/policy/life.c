/* The tests of a run and how they go from state to state: see life.h.  Pure. */
#include "supervisor/policy/life.h"
#include "supervisor/policy/queue.h"
#include "supervisor/policy/retrier.h"
#include "supervisor/policy/retry.h"

/* Something about a test is to be told. */
static void
to_tell(struct sched *s, uint32_t t)
{
	if (s->e[t].untold)
		return;
	s->e[t].untold = true;
	s->e[t].tell_next = NO_TEST;
	if (s->untold == NO_TEST)
		s->untold = t;
	else
		s->e[s->untold_last].tell_next = t;
	s->untold_last = t;
}

void
life_enqueue(struct sched *s, uint32_t t)
{
	s->e[t].life = QUEUED;
	s->nqueued++;
	if (!s->unlined)
		queue_push(s->queue, t);
}

void
life_wait(struct sched *s, uint32_t t)
{
	uint32_t *heap = sched_retry_of(&s->tests[t])->where == WHERE_ALONE ? &s->alones : &s->ends;

	if (!s->e[t].late) {
		life_enqueue(s, t);
		return;
	}
	s->e[t].life = HELD;
	s->ndelayed++;
	s->nodes[t].due = 0;
	*heap = heap_push(s->nodes, *heap, t);
}

/* As outcome_status() of common/outcome.h, which a unit test holds it to; not
 * called, since policy links nothing. */
enum test_status
life_status_of(enum outcome o)
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

bool
life_is_bad(enum test_status status)
{
	return status == TEST_FAIL || status == TEST_TIMEOUT || status == TEST_ERROR;
}

void
life_end(struct sched *s, uint32_t t, enum test_status status)
{
	struct entry *e = &s->e[t];

	e->life = DONE;
	e->status = (uint8_t)status;
	e->flaky = status == TEST_PASS && e->failed;
	s->ndone++;
	s->nlate -= e->late;
	if (life_is_bad(status))
		s->nfailed++;
	to_tell(s, t);
}

void
life_refuse(struct sched *s, uint32_t t)
{
	s->e[t].refused = true;
	life_end(s, t, (enum test_status)s->e[t].status);
}

void
life_retry(struct sched *s, const struct sched_in *in)
{
	uint32_t t = in->test;
	struct sched_retry how = retry_policy(sched_retry_of(&s->tests[t]), in->resource_like);
	struct entry *e = &s->e[t];

	e->failed = true;
	e->status = (uint8_t)life_status_of(in->outcome);
	if (!e->late && how.where != WHERE_NOW) {
		e->late = true;
		s->nlate++;
	}
	e->retries++;
	e->delay_ms = retry_delay(&how, s->seed, t, e->retries, e->delay_ms);
	if (e->delay_ms == 0) {
		life_wait(s, t);
		return;
	}
	e->life = DELAYED;
	s->ndelayed++;
	s->nodes[t].due = s->now + e->delay_ms;
	s->delayed = heap_push(s->nodes, s->delayed, t);
}

/* The failure of a test that no longer runs. */
static void
settle_failure(struct sched *s, const struct sched_in *in)
{
	struct entry *e = &s->e[in->test];

	e->status = (uint8_t)life_status_of(in->outcome);
	switch (retrier_ask(s->retrier, s->now, in, e->retries)) {
	case RETRY_NONE:
		life_end(s, in->test, life_status_of(in->outcome));
		break;
	case RETRY_GRANTED:
		life_retry(s, in);
		to_tell(s, in->test);
		break;
	case RETRY_RULE:
	case RETRY_BUDGET:
	case RETRY_TAG_BUDGET:
	case RETRY_BREAKER:
	case RETRY_MASS_FAILURE:
	case RETRY_DECISION_COUNT:
		life_refuse(s, in->test);
		break;
	}
}

/* It made room for others: it runs again when there is as much as it had.  A late one
 * waits for its turn anyway. */
static void
evict(struct sched *s, const struct sched_in *in)
{
	uint32_t t = in->test;

	s->e[t].after_loss = true;
	if (s->e[t].late) {
		life_wait(s, t);
		return;
	}
	s->e[t].life = HELD;
	s->ndelayed++;
	s->nodes[t].due = in->memory;
	s->evicted = heap_push(s->nodes, s->evicted, t);
}

void
life_settle(struct sched *s, const struct sched_in *in)
{
	struct entry *e = &s->e[in->test];
	bool stopped = s->stop != SCHED_STOP_NONE;

	if (in->outcome == OUTCOME_LOST && in->evicted && !stopped) {
		evict(s, in);
		return;
	}
	if (in->outcome == OUTCOME_LOST && !stopped && e->lost < SCHED_LOST_MAX) {
		e->lost++;
		e->after_loss = true;
		life_wait(s, in->test);
		return;
	}
	if (s->flake.on) {
		detect_settle(s, in);
		return;
	}
	if (!stopped)
		retrier_ended(s->retrier, s->now, in, e->failed);
	if (!stopped && retry_wanted(in->outcome)) {
		settle_failure(s, in);
	} else if (in->outcome == OUTCOME_LOST && stopped) {
		life_end(s, in->test, TEST_CANCELLED);
	} else {
		e->lost_for_good = in->outcome == OUTCOME_LOST;
		life_end(s, in->test, life_status_of(in->outcome));
	}
}

/* All tests are looked at: a breaker opens seldom. */
void
life_withdraw(struct sched *s)
{
	struct entry *e;
	uint32_t t;

	if (!retrier_opened(s->retrier))
		return;
	for (t = 0; t < s->n && s->ndelayed > 0; t++) {
		e = &s->e[t];
		if ((e->life == DELAYED || e->life == HELD) && !e->after_loss &&
		    !retrier_allows(s->retrier, s->now, t, false)) {
			s->ndelayed--;
			life_refuse(s, t);
		}
	}
}

void
life_result(struct sched *s, const struct sched_in *in)
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
	s->held_milli -= e->held_milli;
	e->held_milli = 0;
	if (s->alone == in->test)
		s->alone = NO_TEST;
	queue_release(s->queue, in->test);
	life_settle(s, in);
	life_withdraw(s);
}

void
life_stop(struct sched *s, enum sched_stop why)
{
	if (s->stop != SCHED_STOP_NONE || s->ndone == s->n)
		return;
	s->stop = why;
	s->delayed = s->ends = s->alones = s->evicted = HEAP_NONE;
	queue_clear(s->queue);
}

bool
life_has_deadline(const struct sched *s)
{
	return s->deadline != SCHED_NEVER && s->kill == KILL_NONE && s->ndone < s->n;
}

void
life_check_failures(struct sched *s)
{
	if (s->max_fail > 0 && s->nfailed >= s->max_fail)
		life_stop(s, SCHED_STOP_MAX_FAIL);
}

void
life_pass_time(struct sched *s)
{
	uint32_t t;

	while (s->delayed != HEAP_NONE && (s->nodes[s->delayed].due <= s->now ||
	    s->e[s->delayed].life != DELAYED)) {
		t = s->delayed;
		s->delayed = heap_pop(s->nodes, t);
		if (s->e[t].life != DELAYED)
			continue;
		s->ndelayed--;
		life_wait(s, t);
	}
	life_check_failures(s);
	if (life_has_deadline(s) && s->now >= s->deadline) {
		life_stop(s, SCHED_STOP_TIMEOUT);
		s->kill = KILL_GRACE;
		s->kill_timeout = true;
	}
}

/* The first of a heap of held tests is queued; false: it has none. */
static bool
let_in(struct sched *s, uint32_t *heap, uint32_t *ret_test)
{
	uint32_t t;

	while (*heap != HEAP_NONE) {
		t = *heap;
		*heap = heap_pop(s->nodes, t);
		if (s->e[t].life != HELD)
			continue;
		s->ndelayed--;
		life_enqueue(s, t);
		*ret_test = t;
		return true;
	}
	return false;
}

void
life_open_gate(struct sched *s)
{
	uint32_t t;

	if (s->evicted != HEAP_NONE && queue_has_memory(s->queue, s->nodes[s->evicted].due))
		(void)let_in(s, &s->evicted, &t);
	if (s->n - s->ndone > s->nlate || s->alone != NO_TEST)
		return;
	while (let_in(s, &s->ends, &t))
		;
	if (s->nqueued == 0 && s->nrunning == 0 && let_in(s, &s->alones, &t))
		s->alone = t;
}

bool
life_may_start(struct sched *s, uint32_t t)
{
	if (!s->e[t].failed || s->e[t].after_loss)
		return true;
	if (!retrier_allows(s->retrier, s->now, t, true))
		return false;
	retrier_started(s->retrier, t);
	return true;
}

void
life_start(struct sched *s, uint32_t t)
{
	struct entry *e = &s->e[t];

	e->life = RUNNING;
	e->attempts++;
	e->after_loss = false;
	e->prev = NO_TEST;
	e->next = s->running;
	if (s->running != NO_TEST)
		s->e[s->running].prev = t;
	s->running = t;
	s->nrunning++;
}
