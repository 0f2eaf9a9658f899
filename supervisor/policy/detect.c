/*
 * A run that detects flaky tests: each test runs again until flake.h has decided, one
 * attempt of it at a time.  Pure.
 *
 * All tests run before any of them does again, and each such round is in an order of its
 * own, so that a test meets ever other neighbours.  With a budget there is not enough for
 * all: then allot.h says which test is next.
 *
 * Half of the attempts are run under a changed condition, when that is asked for: provoke.c
 * says which.
 *
 * A decided test may run some more, when conditions are changed: a flaky one under each
 * condition, and then where the most is to be learnt, to know the cause; a stable one beside
 * copies of itself, to know whether it bears them.  None of these attempts changes the verdict.
 *
 * Of those for the cause some come at once, before all others: the next after a plain
 * failure is plain, too.  What fails by chance passes then as often as ever; what is in the
 * way for a while (a service that is away, something left behind) still is.
 *
 * What is no evidence (a test that skips, or cannot be started) ends its test at once.
 */
#include <math.h>
#include <stddef.h>
#include <stdlib.h>

#include "supervisor/policy/life.h"
#include "supervisor/policy/order.h"
#include "supervisor/policy/queue.h"
#include "supervisor/policy/retry.h"

_Static_assert(FLAKE_RUNS_MAX <= UINT16_MAX && FLAKE_CONDITION_COUNT <= 16 &&
    FLAKE_DIAGNOSE_MAX <= UINT16_MAX, "an entry has room for as much");

#define BESIDE_COPIES	2	/* attempts of a stable test */
#define AGAINS		16	/* attempts at once after a failure; enough to tell */

bool
detect_begin(struct sched *s, const struct sched_plan *plan)
{
	s->records = plan->records;
	provoke_begin(s, plan);
	if (s->flake.budget_ms > 0 && s->flake.budget_ms < SCHED_NEVER - s->now)
		s->budget_due = s->now + s->flake.budget_ms;
	if (s->flake.budget != 0 || s->budget_due != SCHED_NEVER) {
		s->allot = allot_new(plan);
		return s->allot != NULL;
	}
	if (!s->flake.provoke || s->flake.runs > 0 || s->flake.diagnose == 0)
		return true;
	s->trials = calloc((size_t)s->n + 1, sizeof(*s->trials));
	return s->trials != NULL;
}

enum flake_verdict
detect_decide(const struct sched *s, uint32_t t)
{
	return flake_decide(&s->flake, s->e[t].fails, s->e[t].passes,
	    s->records != NULL ? flake_streak(&s->records[t]) : 0);
}

/*
 * With a budget a flaky test goes on until it is confirmed as one of so many: the bound of
 * e-BH, which each that is found lowers for the others.  Spent there an attempt finds more
 * than anywhere else.  Nor is a stable one done with, as long as nothing else tells more.
 */
bool
detect_is_open(const struct sched *s, uint32_t t)
{
	enum flake_verdict v = detect_decide(s, t);

	return v == FLAKE_OPEN || (s->allot != NULL &&
	    s->e[t].fails + s->e[t].passes < FLAKE_RUNS_MAX && (v != FLAKE_FLAKY ||
	    flake_evidence(&s->flake, s->e[t].fails, s->e[t].passes) <
	    log(s->n / (s->flake.fdr * (s->nflaky > 0 ? s->nflaky : 1)))));
}

/* ---- order ---- */

static void
place(struct sched *s, uint32_t t)
{
	uint64_t rank = s->e[t].again ? 0 : provoke_rank(s, t);

	s->nodes[t].rank = rank < UINT32_MAX ? (uint32_t)rank : UINT32_MAX;
}

/* The tests beside one that was found: they are flaky themselves more often. */
static void
place_group(struct sched *s, uint32_t t)
{
	uint32_t n, i;
	const uint32_t *v = allot_group(s->allot, t, &n);

	for (i = 0; i < n; i++) {
		if (s->e[v[i]].life != QUEUED || s->unlined)
			continue;
		queue_remove(s->queue, v[i]);
		s->nodes[v[i]].rank = allot_rank(s->allot, v[i], s->e[v[i]].fails,
		    s->e[v[i]].passes);
		queue_push(s->queue, v[i]);
	}
}

void
detect_place(struct sched *s, uint32_t t)
{
	struct entry *e = &s->e[t];

	if (s->allot == NULL) {
		place(s, t);
		return;
	}
	if (e->fails + e->passes > 0 && allot_saw(s->allot, t, e->fails, e->passes))
		place_group(s, t);
	s->nodes[t].rank = allot_rank(s->allot, t, e->fails, e->passes);
}

/* ---- results ---- */

/* How many attempts more a decided test is to have. */
static uint32_t
extras(const struct sched *s, enum flake_verdict v)
{
	if (!s->flake.provoke || s->flake.runs > 0 || s->allot != NULL)
		return 0;
	if (v == FLAKE_FLAKY)
		return s->flake.diagnose;
	return v == FLAKE_STABLE && (s->flake.conditions >> FLAKE_COPIES & 1) != 0 ?
	    BESIDE_COPIES : 0;
}

static bool
wants_more(const struct sched *s, uint32_t t)
{
	return detect_is_open(s, t) || s->e[t].extra < extras(s, detect_decide(s, t));
}

/* What it did says more than what its last attempt did. */
static void
end(struct sched *s, uint32_t t, enum test_status last)
{
	struct entry *e = &s->e[t];

	e->failed = e->fails > 0;
	if (e->passes > 0)
		last = TEST_PASS;
	else if (e->fails > 0 && !life_is_bad(last))
		last = TEST_FAIL;
	life_end(s, t, last);
}

static void
count(struct sched *s, uint32_t t, bool passed)
{
	struct entry *e = &s->e[t];

	if (!detect_is_open(s, t)) {
		e->extra++;
		return;
	}
	e->passes += passed;
	e->fails += !passed;
	if (!passed && e->fails == 1)
		s->found[e->condition]++;
	if (!passed && e->hot == FLAKE_PLAIN)
		e->hot = e->condition;
	if (!e->found && detect_decide(s, t) == FLAKE_FLAKY) {
		e->found = true;
		s->nflaky++;
	}
}

/*
 * Is it to run again at once?  Not one that fails more often than not: it fails again
 * whatever the reason.
 */
static bool
wants_again(const struct sched *s, uint32_t t, bool failed)
{
	const struct entry *e = &s->e[t];
	const struct trial *plain;

	if (s->trials == NULL || !failed || e->condition != FLAKE_PLAIN || e->agains >= AGAINS ||
	    detect_decide(s, t) != FLAKE_FLAKY)
		return false;
	plain = &s->trials[t][FLAKE_PLAIN];
	return plain->fails * 2 <= plain->runs;
}

void
detect_settle(struct sched *s, const struct sched_in *in)
{
	struct entry *e = &s->e[in->test];
	bool stopped = s->stop != SCHED_STOP_NONE;
	bool evident = in->outcome == OUTCOME_PASS || retry_wanted(in->outcome);

	if (stopped && in->outcome == OUTCOME_TIMEOUT) {
		life_end(s, in->test, TEST_CANCELLED);	/* it was the run's time, not its own */
		return;
	}
	if (!evident && detect_decide(s, in->test) == FLAKE_OPEN) {
		e->lost_for_good = in->outcome == OUTCOME_LOST && !stopped;
		life_end(s, in->test, in->outcome == OUTCOME_LOST && stopped ?
		    TEST_CANCELLED : life_status_of(in->outcome));
		return;
	}
	if (evident)
		provoke_learn(s, in);
	if (s->trials != NULL && evident && !e->again)
		probe_count(&s->trials[in->test][e->condition], in->outcome != OUTCOME_PASS);
	count(s, in->test, in->outcome == OUTCOME_PASS);
	e->agains += e->again;
	e->again = evident && wants_again(s, in->test, in->outcome != OUTCOME_PASS);
	if (s->flake.until_fails != 0 && e->fails >= s->flake.until_fails) {
		e->failed = true;
		life_end(s, in->test, life_status_of(in->outcome));
		return;
	}
	if (!stopped && wants_more(s, in->test)) {
		detect_place(s, in->test);
		life_wait(s, in->test);
		return;
	}
	end(s, in->test, life_status_of(in->outcome));
}

/* ---- the budget ---- */

bool
detect_is_spent(const struct sched *s)
{
	return s->allot != NULL && ((s->flake.budget > 0 && s->spent >= s->flake.budget) ||
	    s->now >= s->budget_due);
}

void
detect_check_budget(struct sched *s)
{
	uint32_t t;

	if (!detect_is_spent(s) || s->nqueued == 0 || s->stop != SCHED_STOP_NONE)
		return;
	queue_clear(s->queue);
	for (t = 0; t < s->n; t++) {
		if (s->e[t].life != QUEUED)
			continue;
		s->nqueued--;
		end(s, t, TEST_CANCELLED);
	}
}
