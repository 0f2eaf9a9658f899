/*
 * What a scheduler says, checked against what was done and said before it.  Part
 * of sim_sched.c, which alone includes it.
 */
#ifndef SIM_SAYS_H
#define SIM_SAYS_H

#include "tests/sim/world.h"

static void	slot(struct worker *, enum slot_in);

static enum outcome
draw_outcome(const struct run *r)
{
	static const enum outcome bad[] = { OUTCOME_FAIL, OUTCOME_FAIL, OUTCOME_TIMEOUT,
	    OUTCOME_CRASH, OUTCOME_OOM, OUTCOME_EXEC_ERROR, OUTCOME_SKIP };

	return chance(r->fail_percent) ? bad[rnd(sizeof(bad) / sizeof(bad[0]))] :
	    OUTCOME_PASS;
}

/* Where nothing but units keeps a test back that waits for its first start, few may
 * go past it. */
static void
check_bypass(struct run *r, uint32_t started)
{
	struct mtest *m;
	uint32_t i;

	for (i = 0; i < r->plan.ntests; i++) {
		m = &r->m[i];
		if (m->told || m->running || i == started)
			continue;
		if (m->attempt > 0)	/* it may have to wait for its time */
			m->passed = 0;
		else if (r->rank[started] < r->rank[i])
			m->passed = 0;
		else if (!r->tests[i].skip && r->plan.nresources == 0)
			CHECK(++m->passed <= SCHED_BYPASS_MAX + 2);
	}
	r->m[started].passed = 0;
}

static void
check_room(struct run *r, uint32_t t)
{
	uint32_t k;

	CHECK(r->limit > 0 && r->nserial == 0);
	CHECK(r->running == 0 || !r->tests[t].serial);
	CHECK(r->running == 0 || r->used + units(r, t) <= r->limit);
	r->used += units(r, t);
	r->running++;
	r->nserial += r->tests[t].serial;
	for (k = 0; k < r->tests[t].nneeds; k++) {
		CHECK(r->avail[r->needs[t][k].resource] >= r->needs[t][k].count);
		r->avail[r->needs[t][k].resource] -= r->needs[t][k].count;
	}
}

/* Is its next or current attempt a retry that is to run at the end? */
static bool
is_late(const struct run *r, uint32_t t)
{
	return r->m[t].retried && r->tests[t].retry->where != WHERE_NOW;
}

/* A retry for the end has no test before it that is not such a one, and one that is to
 * be alone has no other beside it. */
static void
check_where(const struct run *r, uint32_t t)
{
	uint32_t i;

	for (i = 0; i < r->plan.ntests; i++) {
		CHECK(!is_late(r, t) || r->m[i].told || is_late(r, i));
		CHECK(i == t || !r->m[i].running || !is_late(r, i) ||
		    r->tests[i].retry->where != WHERE_ALONE);
	}
	CHECK(!is_late(r, t) || r->tests[t].retry->where != WHERE_ALONE ||
	    r->running == 0);
}

static void
on_start(struct run *r, const struct sched_act *a)
{
	const struct sched_test *t = &r->tests[a->test];
	struct mtest *m = &r->m[a->test];
	struct worker *w = NULL;
	uint32_t i;

	CHECK(!r->stopped && !m->told && !m->running && !t->skip);
	CHECK(a->attempt == m->attempt + 1);
	CHECK(a->attempt == 1 + m->retries + m->granted + m->losses);
	CHECK(m->attempt == 0 || m->granted || m->last == OUTCOME_LOST);
	check_where(r, a->test);
	m->retries += m->granted;
	m->granted = false;
	CHECK(m->attempt == 0 || sim.now - m->over_at >= a->delay_ms);
	CHECK(a->delay_ms == 0 || (m->fails > 0 && m->last != OUTCOME_LOST));
	check_room(r, a->test);
	check_bypass(r, a->test);
	m->attempt = a->attempt;
	m->running = true;
	m->kills = 0;
	for (i = 0; i < sim.nworkers && w == NULL; i++)
		if (sim.workers[i].f.state == SLOT_IDLE)
			w = &sim.workers[i];
	CHECK(w != NULL);
	w->run = r;
	w->test = a->test;
	w->attempt = a->attempt;
	w->outcome = draw_outcome(r);
	if (w->beat_at != NEVER)	/* it does not hang */
		w->done_at = soon(chance(90) ? 300 : 6000);
	slot(w, SIN_GIVEN);
}

static void
on_kill(struct run *r, const struct sched_act *a)
{
	struct mtest *m = &r->m[a->test];
	struct worker *w;
	uint8_t level = a->kill ? 2 : 1;

	CHECK(m->running && m->attempt == a->attempt && m->kills < level);
	CHECK(r->stopped && (r->cancelled || r->timed_out));
	CHECK(!a->kill || r->killed);
	CHECK(a->timeout ? r->timed_out : r->cancelled);
	m->kills = level;
	for (w = sim.workers; w < sim.workers + sim.nworkers; w++) {
		if (w->f.state != SLOT_BUSY || w->run != r || w->test != a->test ||
		    w->done_at == NEVER)
			continue;
		w->done_at = soon(a->kill ? 3 : 200);
		if (chance(90))
			w->outcome = a->timeout ? OUTCOME_TIMEOUT : OUTCOME_CANCELLED;
	}
}

static enum test_status
expected(const struct run *r, uint32_t t)
{
	const struct mtest *m = &r->m[t];

	if (r->tests[t].skip)
		return TEST_SKIP;
	if (impossible(r, t))
		return TEST_ERROR;
	if (r->stopped && (!m->running_at_stop || m->last == OUTCOME_LOST))
		return TEST_CANCELLED;
	return outcome_status(m->last);
}

static void
on_verdict(struct run *r, const struct sched_act *a)
{
	const struct sched_test *t = &r->tests[a->test];
	struct mtest *m = &r->m[a->test];

	uint32_t most = t->retry->on_request ? RETRY_PLEASE_MAX : t->retry->count;

	CHECK(!m->told && !m->running);
	CHECK(a->attempt == m->attempt);
	if (m->attempt == 0 && !r->stopped)
		CHECK(t->skip || impossible(r, a->test));
	/* Those that have their verdict before STOPPING was said. */
	CHECK(a->status == expected(r, a->test));
	CHECK(a->flaky == (a->status == TEST_PASS && m->fails > 0));
	CHECK(a->lost_for_good == (a->status == TEST_ERROR && m->attempt > 0 &&
	    m->last == OUTCOME_LOST));
	CHECK(!a->lost_for_good || m->losses > SCHED_LOST_MAX);
	CHECK(!m->granted || r->stopped);
	if (!r->stopped && m->attempt > 0 && (m->last == OUTCOME_FAIL ||
	    m->last == OUTCOME_TIMEOUT || m->last == OUTCOME_CRASH ||
	    m->last == OUTCOME_OOM))
		CHECK(m->refused || (m->fails == m->retries + 1 &&
		    m->retries >= t->retry->count));
	CHECK(m->fails <= most + 1);
	m->told = true;
	m->status = a->status;
	m->flaky = a->flaky;
	r->ntold++;
	r->nfailed += a->status == TEST_FAIL || a->status == TEST_TIMEOUT ||
	    a->status == TEST_ERROR;
}

static bool
is_fail(enum outcome o)
{
	return o == OUTCOME_FAIL || o == OUTCOME_TIMEOUT || o == OUTCOME_CRASH ||
	    o == OUTCOME_OOM;
}

static void
on_retry(struct run *r, const struct sched_act *a)
{
	struct mtest *m = &r->m[a->test];

	CHECK(!m->told && !m->running && !m->granted && !m->refused && !r->stopped);
	CHECK(a->attempt == m->attempt && is_fail(m->last));
	CHECK(a->where == r->tests[a->test].retry->where);
	CHECK(a->decision == RETRY_GRANTED);
	CHECK(m->in.says != SAYS_NEVER);
	m->granted = m->retried = true;
}

static void
on_refused(struct run *r, const struct sched_act *a)
{
	struct mtest *m = &r->m[a->test];
	uint32_t i;

	CHECK(!m->told && !m->running && !m->refused);
	CHECK(a->attempt == m->attempt && is_fail(m->last));
	CHECK(a->decision > RETRY_GRANTED && a->decision < RETRY_DECISION_COUNT);
	CHECK(!m->granted || a->decision == RETRY_BREAKER ||
	    a->decision == RETRY_MASS_FAILURE);
	CHECK(a->tag <= r->plan.ntags);
	m->refused = true;
	m->granted = false;
	sim.refusals++;
	/* It may have had its turn, and no others before. */
	for (i = 0; i < r->plan.ntests; i++)
		if (r->rank[i] > r->rank[a->test])
			r->m[i].passed = 0;
}

static void
on_breaker(struct run *r, const struct sched_act *a)
{
	enum breaker_state *state = a->scope == BREAKER_RUN ? &r->of_run :
	    a->scope == BREAKER_TAG ? &r->of_tag[a->tag] : &r->of_print[a->fingerprint];

	CHECK(!r->plan.breaker.off);
	CHECK(*state == BREAKER_CLOSED ? a->state == BREAKER_OPEN :
	    *state == BREAKER_OPEN ? a->state == BREAKER_HALF_OPEN :
	    a->state != BREAKER_HALF_OPEN);
	CHECK(a->decision == RETRY_BREAKER || (a->decision == RETRY_MASS_FAILURE &&
	    a->scope == BREAKER_RUN));
	*state = a->state;
	sim.openings += a->state == BREAKER_OPEN;
}

static void
on_stopping(struct run *r, const struct sched_act *a)
{
	uint32_t i;

	CHECK(!r->stopped && r->ntold < r->plan.ntests);
	r->stopped = true;
	for (i = 0; i < r->plan.ntests; i++)
		r->m[i].running_at_stop = r->m[i].running;
	if (a->reason == SCHED_STOP_CANCEL)
		CHECK(r->cancelled);
	else if (a->reason == SCHED_STOP_MAX_FAIL)
		CHECK(r->plan.max_fail > 0 && r->nfailed >= r->plan.max_fail);
	else
		CHECK(a->reason == SCHED_STOP_TIMEOUT && r->timed_out);
}

static void
on_acts(struct run *r, const struct sched_out *out)
{
	uint32_t i;

	CHECK(out->n <= SCHED_ACT_MAX);
	for (i = 0; i < out->n; i++) {
		const struct sched_act *a = &out->v[i];

		CHECK(!r->over && a->test < r->plan.ntests + 1);
		switch (a->type) {
		case SCHED_ACT_START:
			on_start(r, a);
			break;
		case SCHED_ACT_KILL:
			on_kill(r, a);
			break;
		case SCHED_ACT_VERDICT:
			on_verdict(r, a);
			break;
		case SCHED_ACT_RETRY:
			on_retry(r, a);
			break;
		case SCHED_ACT_REFUSED:
			on_refused(r, a);
			break;
		case SCHED_ACT_BREAKER:
			on_breaker(r, a);
			break;
		case SCHED_ACT_STOPPING:
			on_stopping(r, a);
			break;
		case SCHED_ACT_RUN_DONE:
			CHECK(r->ntold == r->plan.ntests && r->running == 0);
			r->over = true;
			break;
		}
	}
}

#endif
