/* A run that is taken up again after its supervisor was lost: see sched.h.  Pure. */
#include "supervisor/policy/life.h"
#include "supervisor/policy/queue.h"
#include "supervisor/policy/retrier.h"

/* Its verdict was told; or, for a test that never runs, is known and was told. */
static void
recall_done(struct sched *s, uint32_t t, const struct sched_past *past)
{
	struct entry *e = &s->e[t];

	if (e->life == DONE) {
		s->nfailed -= life_is_bad((enum test_status)e->status);
	} else {
		s->nqueued--;
		s->ndone++;
	}
	e->life = DONE;
	e->recalled = true;
	e->status = (uint8_t)past->status;
	e->flaky = past->flaky;
	s->nfailed += life_is_bad(past->status);
	s->ntold++;
}

/* Its result came, and what follows from it was not told. */
static void
recall_open(struct sched *s, const struct sched_in *last)
{
	struct entry *e = &s->e[last->test];

	e->life = OPEN;
	s->nqueued++;
	e->outcome = (uint8_t)last->outcome;
	e->says = (uint8_t)last->says;
	e->fingerprint = last->fingerprint;
	e->resource_like = last->resource_like;
}

void
sched_recall(struct sched *s, uint32_t t, const struct sched_past *past)
{
	struct entry *e = &s->e[t];
	struct sched_in last = past->last;
	uint32_t lost;

	if (!s->unlined)
		queue_clear(s->queue);
	s->unlined = true;
	retrier_recall(s->retrier, t, past);
	e->attempts = past->attempts;
	s->spent += past->attempts;
	e->retries = past->retries;
	lost = past->lost - past->evicted;
	e->lost = (uint8_t)(lost < SCHED_LOST_MAX ? lost : SCHED_LOST_MAX);
	e->failed = past->failed;
	e->fails = (uint16_t)past->fails;
	e->passes = (uint16_t)past->passes;
	e->extra = (uint16_t)past->extra;
	e->condition = past->condition;
	if (s->flake.on)
		detect_place(s, t);
	if (past->done) {
		recall_done(s, t, past);
		return;
	}
	if (e->life == DONE || past->attempts == 0)
		return;
	s->nqueued--;
	e->late = e->failed && sched_retry_of(&s->tests[t])->where != WHERE_NOW;
	s->nlate += e->late;
	last.test = t;
	if (past->open && last.outcome != OUTCOME_LOST) {
		recall_open(s, &last);
	} else if (past->granted) {
		life_retry(s, &last);
	} else {
		e->after_loss = true;
		life_wait(s, t);
	}
}

/* The first step after sched_recall(): the queue is filled, in falling order of the
 * plan, which is that of ranks or does as well; then what is open is settled. */
void
recall_line_up(struct sched *s)
{
	struct sched_in in = { .type = SCHED_IN_DONE };
	struct entry *e;
	uint32_t t;

	s->unlined = false;
	for (t = s->n; t-- > 0;)
		if (s->e[t].life == QUEUED)
			queue_push(s->queue, t);
	for (t = 0; t < s->n; t++) {
		e = &s->e[t];
		if (e->life != OPEN)
			continue;
		in.test = t;
		in.attempt = e->attempts;
		in.outcome = (enum outcome)e->outcome;
		in.says = (enum retry_says)e->says;
		in.fingerprint = e->fingerprint;
		in.resource_like = e->resource_like;
		s->nqueued--;
		life_settle(s, &in);
		life_withdraw(s);
	}
}
