/*
 * The rules of sched.h written as plainly as they can be, with linear scans over the
 * tests.  Part of sim_sched_ref.c, which alone includes it.
 */
#ifndef SIM_REF_SCHED_H
#define SIM_REF_SCHED_H

#include <stdint.h>
#include <string.h>

#include "supervisor/policy/retry.h"
#include "supervisor/policy/sched.h"

#define TESTS_MAX	60
#define RES_MAX		3
#define TAGS_MAX	3
#define PRINTS_MAX	6
#define BREAKERS_MAX	(1 + TAGS_MAX + PRINTS_MAX)
#define NONE		UINT32_MAX

enum ref_life { WAITS, DELAYED, HELD, RUNS, OVER };

struct rtest {
	enum ref_life	life;
	uint32_t	rank, kind, attempt, retries, losses;
	uint64_t	due, delay, print, retried_ms;
	bool		failed, lost_last, has_result, is_bad;
	enum test_status status;	/* OVER, or if its retry is refused */
	struct sched_in	last;		/* what its retry is for */
	int		kill;
};

/* A breaker by what it is for. */
struct rbreaker {
	enum breaker_scope scope;
	uint64_t	key;
	struct breaker	b;
	enum breaker_state told;
	enum retry_decision why;
};

struct ref {
	const struct sched_plan *p;
	struct rtest	t[TESTS_MAX];
	uint32_t	passed[TESTS_MAX];	/* by kind */
	uint32_t	reserver;		/* kind */
	uint32_t	nfailed;
	enum sched_stop	stop;
	int		kill;
	bool		kill_timeout, ended, mass;
	uint64_t	start;
	struct rbreaker	breakers[BREAKERS_MAX];
	uint32_t	nbreakers;
	uint64_t	spent[TAGS_MAX + 1], spent_ms[TAGS_MAX + 1];
};

/* What one step says, without bound on its length; starts in their order, the
 * rest is compared as sets. */
struct said {
	uint64_t	now;
	uint32_t	starts[TESTS_MAX * 2], nstarts;
	int		verdict[TESTS_MAX];	/* status + 1; 10 more: flaky; 20: for good */
	int		kill[TESTS_MAX];	/* 1 grace, 2 at once; 10 more: timeout */
	uint64_t	delay[TESTS_MAX];
	uint64_t	again[TESTS_MAX];	/* 1 + delay, where as the highest byte */
	uint64_t	refused[TESTS_MAX][4];	/* decision, scope, tag, fingerprint */
	uint64_t	breakers[BREAKERS_MAX];	/* a word for each change, sorted */
	uint32_t	nbreakers;
	enum sched_stop	stop;
	bool		ended;
};

static uint32_t
weight_of(const struct ref *r, uint32_t t)
{
	uint32_t w = r->p->tests[t].weight;

	w = w == 0 ? 1 : w;
	return w < r->p->jobs ? w : r->p->jobs;
}

static uint32_t
need_of(const struct ref *r, uint32_t t, uint32_t resource)
{
	uint32_t k, sum = 0;

	for (k = 0; k < r->p->tests[t].nneeds; k++)
		if (r->p->tests[t].needs[k].resource == resource)
			sum += r->p->tests[t].needs[k].count;
	return sum;
}

static uint32_t
used(const struct ref *r)
{
	uint32_t t, sum = 0;

	for (t = 0; t < r->p->ntests; t++)
		sum += r->t[t].life == RUNS ? weight_of(r, t) : 0;
	return sum;
}

static uint32_t
free_of(const struct ref *r, uint32_t resource)
{
	uint32_t t, left = r->p->resources[resource];

	for (t = 0; t < r->p->ntests; t++)
		left -= r->t[t].life == RUNS ? need_of(r, t, resource) : 0;
	return left;
}

static uint32_t
running(const struct ref *r, bool serial_only)
{
	uint32_t t, n = 0;

	for (t = 0; t < r->p->ntests; t++)
		n += r->t[t].life == RUNS && (!serial_only || r->p->tests[t].serial);
	return n;
}

static bool
fits(const struct ref *r, uint32_t t, uint32_t limit)
{
	uint32_t i;

	if (limit == 0)
		return false;
	if (running(r, false) == 0)
		return true;
	if (running(r, true) > 0 || r->p->tests[t].serial ||
	    used(r) + weight_of(r, t) > limit)
		return false;
	for (i = 0; i < r->p->nresources; i++)
		if (need_of(r, t, i) > free_of(r, i))
			return false;
	return true;
}

/* The test of that kind that waits and has the lowest rank. */
static uint32_t
head_of(const struct ref *r, uint32_t kind)
{
	uint32_t t, best = NONE;

	for (t = 0; t < r->p->ntests; t++)
		if (r->t[t].life == WAITS && r->t[t].kind == kind &&
		    (best == NONE || r->t[t].rank < r->t[best].rank))
			best = t;
	return best;
}

static bool
spares_the_reserver(const struct ref *r, uint32_t t, uint32_t limit)
{
	uint32_t h, i, want;

	if (r->reserver == NONE || r->reserver == r->t[t].kind)
		return true;
	h = head_of(r, r->reserver);
	want = weight_of(r, h) < limit ? weight_of(r, h) : limit;
	if (r->p->tests[h].serial || r->p->tests[t].serial ||
	    used(r) + weight_of(r, t) + want > limit)
		return false;
	for (i = 0; i < r->p->nresources; i++)
		if (need_of(r, t, i) > 0 && need_of(r, h, i) > 0 &&
		    free_of(r, i) < need_of(r, t, i) + need_of(r, h, i))
			return false;
	return true;
}

static uint32_t
lowest_starved(const struct ref *r)
{
	uint32_t t, best = NONE;

	for (t = 0; t < r->p->ntests; t++)
		if (r->t[t].life == WAITS && head_of(r, r->t[t].kind) == t &&
		    r->passed[r->t[t].kind] >= SCHED_BYPASS_MAX &&
		    (best == NONE || r->t[t].rank < r->t[best].rank))
			best = t;
	return best == NONE ? NONE : r->t[best].kind;
}

static void
ref_verdict(struct ref *r, uint32_t t, enum test_status status, int more,
    struct said *said)
{
	r->t[t].life = OVER;
	r->t[t].status = status;
	r->nfailed += status == TEST_FAIL || status == TEST_TIMEOUT ||
	    status == TEST_ERROR;
	said->verdict[t] = (int)status + 1 + more;
}

static bool
is_fail(enum outcome o)
{
	return o == OUTCOME_FAIL || o == OUTCOME_TIMEOUT || o == OUTCOME_CRASH ||
	    o == OUTCOME_OOM;
}

#include "tests/sim/ref_retry.h"

static uint32_t
ref_left(const struct ref *r)
{
	uint32_t t, n = 0;

	for (t = 0; t < r->p->ntests; t++)
		n += r->t[t].life != OVER;
	return n;
}

static void
ref_stop(struct ref *r, enum sched_stop why, struct said *said)
{
	if (r->stop == SCHED_STOP_NONE && ref_left(r) > 0)
		r->stop = said->stop = why;
}

static uint32_t
count_in(const struct ref *r, enum ref_life life)
{
	uint32_t t, n = 0;

	for (t = 0; t < r->p->ntests; t++)
		n += r->t[t].life == life;
	return n;
}

static bool
is_late(const struct ref *r, uint32_t t)
{
	return r->t[t].failed && r->p->tests[t].retry->where != WHERE_NOW;
}

/* Held retries go to those that wait when all others are over; one that is to be alone
 * when nothing waits or runs, and then nobody else. */
static void
ref_gate(struct ref *r)
{
	uint32_t t, best = NONE;

	for (t = 0; t < r->p->ntests; t++) {
		if (r->t[t].life != OVER && !is_late(r, t))
			return;
		if ((r->t[t].life == WAITS || r->t[t].life == RUNS) &&
		    r->p->tests[t].retry->where == WHERE_ALONE)
			return;
	}
	for (t = 0; t < r->p->ntests; t++)
		if (r->t[t].life == HELD && r->p->tests[t].retry->where == WHERE_END)
			r->t[t].life = WAITS;
	if (count_in(r, WAITS) > 0 || count_in(r, RUNS) > 0)
		return;
	for (t = 0; t < r->p->ntests; t++)
		if (r->t[t].life == HELD && (best == NONE ||
		    r->t[t].rank < r->t[best].rank))
			best = t;
	if (best != NONE)
		r->t[best].life = WAITS;
}

static void
ref_starts(struct ref *r, uint64_t now, uint32_t limit, struct said *said)
{
	uint32_t t, best, kind;

	limit = limit < r->p->jobs ? limit : r->p->jobs;
	for (;;) {
		ref_gate(r);
		if (r->reserver == NONE)
			r->reserver = lowest_starved(r);
		best = NONE;
		for (t = 0; t < r->p->ntests; t++)
			if (r->t[t].life == WAITS && fits(r, t, limit) &&
			    spares_the_reserver(r, t, limit) &&
			    (best == NONE || r->t[t].rank < r->t[best].rank))
				best = t;
		if (best == NONE)
			return;
		for (kind = 0; kind < r->p->ntests; kind++) {
			t = head_of(r, kind);
			if (t != NONE && r->t[t].rank < r->t[best].rank)
				r->passed[kind]++;
		}
		r->passed[r->t[best].kind] = 0;
		if (r->reserver == r->t[best].kind)
			r->reserver = NONE;
		if (r->t[best].failed && !r->t[best].lost_last &&
		    !ref_may_start(r, now, best)) {
			ref_refuse_granted(r, best, said);
			if (r->p->max_fail > 0 && r->nfailed >= r->p->max_fail) {
				ref_stop(r, SCHED_STOP_MAX_FAIL, said);
				return;
			}
			continue;
		}
		r->t[best].life = RUNS;
		r->t[best].attempt++;
		said->delay[best] = r->t[best].lost_last ? 0 : r->t[best].delay;
		r->t[best].lost_last = false;
		said->starts[said->nstarts++] = best;
	}
}

static void
ref_result(struct ref *r, uint64_t now, const struct sched_in *in, struct said *said)
{
	uint32_t n = in->test;
	struct rtest *t = &r->t[n];

	if (in->outcome == OUTCOME_LOST && r->stop == SCHED_STOP_NONE &&
	    t->losses < SCHED_LOST_MAX) {
		t->losses++;
		t->lost_last = true;
		t->life = is_late(r, n) ? HELD : WAITS;
		return;
	}
	if (r->stop == SCHED_STOP_NONE)
		ref_ended(r, now, in);
	if (r->stop == SCHED_STOP_NONE && is_fail(in->outcome) &&
	    ref_decide(r, now, in, said))
		return;
	if (in->outcome == OUTCOME_LOST && r->stop != SCHED_STOP_NONE)
		ref_verdict(r, n, TEST_CANCELLED, 0, said);
	else
		ref_verdict(r, n, outcome_status(in->outcome),
		    in->outcome == OUTCOME_PASS && t->failed ? 10 :
		    in->outcome == OUTCOME_LOST ? 20 : 0, said);
}

/* Skipped and impossible tests have their verdict with the first step. */
static void
ref_never_run(struct ref *r, struct said *said)
{
	uint32_t t, i;

	for (t = 0; t < r->p->ntests; t++) {
		if (r->t[t].life != WAITS || r->t[t].attempt > 0)
			continue;
		if (r->p->tests[t].skip)
			ref_verdict(r, t, TEST_SKIP, 0, said);
		for (i = 0; r->t[t].life == WAITS && i < r->p->nresources; i++)
			if (need_of(r, t, i) > r->p->resources[i])
				ref_verdict(r, t, TEST_ERROR, 0, said);
	}
}

static void
ref_end_what_remains(struct ref *r, struct said *said)
{
	uint32_t t;

	for (t = 0; t < r->p->ntests; t++) {
		if (r->t[t].life == WAITS || r->t[t].life == DELAYED ||
		    r->t[t].life == HELD)
			ref_verdict(r, t, TEST_CANCELLED, 0, said);
		if (r->t[t].life == RUNS && r->t[t].kill < r->kill) {
			r->t[t].kill = r->kill;
			said->kill[t] = r->kill + (r->kill_timeout ? 10 : 0);
		}
	}
}

static void
ref_step(struct ref *r, uint64_t now, uint32_t limit, const struct sched_in *in,
    struct said *said)
{
	uint32_t t;

	said->now = now;
	ref_never_run(r, said);
	if (in->type == SCHED_IN_DONE && in->test < r->p->ntests &&
	    r->t[in->test].life == RUNS && r->t[in->test].attempt == in->attempt)
		ref_result(r, now, in, said);
	if (r->stop == SCHED_STOP_NONE)
		ref_withdraw(r, now, said);
	if (in->type == SCHED_IN_CANCEL) {
		ref_stop(r, SCHED_STOP_CANCEL, said);
		r->kill = in->kill ? 2 : r->kill == 0 ? 1 : r->kill;
	}
	for (t = 0; t < r->p->ntests; t++)
		if (r->t[t].life == DELAYED && r->t[t].due <= now)
			r->t[t].life = is_late(r, t) ? HELD : WAITS;
	if (r->p->max_fail > 0 && r->nfailed >= r->p->max_fail)
		ref_stop(r, SCHED_STOP_MAX_FAIL, said);
	if (r->p->timeout_ms > 0 && now - r->start >= r->p->timeout_ms && r->kill == 0 &&
	    ref_left(r) > 0) {
		ref_stop(r, SCHED_STOP_TIMEOUT, said);
		r->kill = 1;
		r->kill_timeout = true;
	}
	if (r->stop == SCHED_STOP_NONE)
		ref_starts(r, now, limit, said);
	if (r->stop != SCHED_STOP_NONE)
		ref_end_what_remains(r, said);
	ref_tell_breakers(r, said);
	if (ref_left(r) == 0 && !r->ended)
		r->ended = said->ended = true;
}

#endif
