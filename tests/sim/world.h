/*
 * The world of the simulation: runs with random plans, workers, one virtual
 * clock and one source of chance.  Part of sim_sched.c, which alone includes it.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "supervisor/policy/order.h"
#include "supervisor/policy/retry.h"
#include "supervisor/policy/sched.h"
#include "supervisor/policy/slot_fsm.h"

#define NEVER		UINT64_MAX
#define RUNS_MAX	3
#define TESTS_MAX	320
#define WORKERS_MAX	8
#define RES_MAX		3
#define TAGS_MAX	4
#define PRINTS_MAX	4	/* fingerprints, and 0 for none */
#define INSTANT_MAX	100000	/* steps at one virtual instant */

#define CHECK(cond)	do {						\
	if (!(cond))							\
		fail_msg("seed %llu, t=%llu: %s", (unsigned long long)sim.seed,	\
		    (unsigned long long)sim.now, #cond);		\
} while (0)

struct mtest {			/* what a test must look like from outside */
	bool		running, told, running_at_stop;
	bool		granted;	/* a retry was told, and did not start */
	bool		retried;	/* one was granted at all */
	bool		refused;
	uint32_t	attempt, retries, fails, losses;
	struct sched_in	in;		/* its last result */
	uint64_t	retried_ms;
	enum test_status status;	/* told */
	bool		flaky;
	enum outcome	last;
	uint64_t	over_at;	/* its last attempt */
	uint32_t	passed;		/* starts past it */
	uint8_t		kills;
};

struct run {
	struct sched	*s;
	struct sched_plan plan;
	struct sched_test tests[TESTS_MAX];
	struct sched_need needs[TESTS_MAX][2];
	struct sched_retry retries[TESTS_MAX];
	struct mtest	m[TESTS_MAX];
	uint32_t	rank[TESTS_MAX];
	uint32_t	tags[TESTS_MAX][TAGS_MAX];
	struct budget_limit budgets[TAGS_MAX + 1];
	enum breaker_state of_run, of_tag[TAGS_MAX], of_print[PRINTS_MAX + 1];
	uint32_t	resources[RES_MAX], avail[RES_MAX];
	uint32_t	used, running, nserial, nfailed, ntold, limit, share;
	uint32_t	fail_percent;
	uint64_t	start_at, next, cancel_at, kill_at, served;
	bool		over, stopped, cancelled, killed, timed_out, failed_out;
};

struct worker {
	struct slot_fsm	f;
	uint64_t	next;		/* of the slot */
	uint64_t	ready_at, beat_at, die_at, hang_at, done_at, late_at, exit_at;
	uint64_t	lag_mark;
	bool		alive, sick;	/* sick: a kill is deserved */
	struct run	*run;
	uint32_t	test, attempt;
	enum outcome	outcome;
};

static struct {
	uint64_t	seed, rng, now, lag, steps, instant_steps;
	struct run	runs[RUNS_MAX];
	struct worker	workers[WORKERS_MAX];
	uint32_t	nruns, nworkers;
	uint32_t	death_percent, lag_percent;
	uint64_t	retire_at;
	uint32_t	crash_permille;
	uint64_t	crashes, refusals, openings;
} sim;

static uint32_t
rnd(uint32_t below)
{
	return order_below(&sim.rng, below);
}

static bool
chance(uint32_t percent)
{
	return rnd(100) < percent;
}

static uint64_t
soon(uint32_t below)
{
	return sim.now + rnd(below);
}

static void
count_step(void)
{
	sim.steps++;
	CHECK(++sim.instant_steps < INSTANT_MAX);
}

/* ---- plans ---- */

static void
make_test(struct run *r, uint32_t i)
{
	struct sched_test *t = &r->tests[i];
	struct sched_retry *retry = &r->retries[i];
	uint32_t k, res;

	*t = (struct sched_test){
		.weight = chance(80) ? 1 : 1 + rnd(r->plan.jobs + 3),
		.serial = chance(6), .skip = chance(6),
		.needs = r->needs[i], .retry = retry,
	};
	*retry = (struct sched_retry){ .count = rnd(4), .delay_ms = chance(50) ? 0 : rnd(2000),
	    .multiplier_milli = rnd(4) * 1000, .max_delay_ms = chance(50) ? 0 : rnd(5000),
	    .jitter = (enum retry_jitter)rnd(JITTER_COUNT) };
	if (chance(20))
		retry->where = (enum retry_where)rnd(WHERE_COUNT);
	retry->auto_delay = chance(10);
	retry->on_request = retry->count == 0;
	t->tags = r->tags[i];
	for (k = 0; k < r->plan.ntags; k++)
		if (chance(30))
			r->tags[i][t->ntags++] = k;
	if (r->plan.nresources > 0 && chance(50))
		t->nneeds = 1 + rnd(2);
	for (k = 0; k < t->nneeds; k++) {
		res = rnd(r->plan.nresources);
		r->needs[i][k] = (struct sched_need){ .resource = res,
		    .count = chance(95) ? 1 : 1 + rnd(r->resources[res] + 1) };
	}
}

static void
make_run(struct run *r)
{
	uint32_t order[TESTS_MAX], i;

	memset(r, 0, sizeof(*r));
	r->plan = (struct sched_plan){
		.tests = r->tests, .resources = r->resources,
		.ntests = chance(4) ? rnd(TESTS_MAX) : rnd(40),
		.nresources = chance(50) ? 0 : 1 + rnd(RES_MAX),
		.jobs = 1 + rnd(10), .max_fail = chance(70) ? 0 : 1 + rnd(3),
		.timeout_ms = chance(75) ? 0 : 1 + rnd(20000),
		.shuffle = chance(50), .seed = order_random(&sim.rng),
		.ntags = rnd(TAGS_MAX + 1), .budgets = chance(50) ? NULL : r->budgets,
		.breaker = { .off = chance(30), .window = rnd(30),
		    .minimum = rnd(6), .cool_down_ms = rnd(3000) },
	};
	for (i = 0; i <= r->plan.ntags; i++)
		r->budgets[i] = (struct budget_limit){ chance(50) ? UINT64_MAX : rnd(20),
		    chance(80) ? UINT64_MAX : rnd(20000) };
	for (i = 0; i < r->plan.nresources; i++)
		r->resources[i] = r->avail[i] = 1 + rnd(3);
	for (i = 0; i < r->plan.ntests; i++)
		make_test(r, i);
	order_fill(order, r->plan.ntests, r->plan.shuffle, r->plan.seed);
	for (i = 0; i < r->plan.ntests; i++)
		r->rank[order[i]] = i;
	r->fail_percent = (uint32_t[]){ 0, 10, 50 }[rnd(3)];
	r->start_at = soon(3000);
	r->next = NEVER;
	r->cancel_at = chance(70) ? NEVER : r->start_at + rnd(20000);
	r->kill_at = chance(60) ? NEVER : r->start_at + rnd(25000);
	if (r->cancel_at == NEVER)
		r->kill_at = chance(90) ? NEVER : r->kill_at;
}

static bool
impossible(const struct run *r, uint32_t t)
{
	uint32_t sum[RES_MAX] = { 0 }, k;

	for (k = 0; k < r->tests[t].nneeds; k++) {
		sum[r->needs[t][k].resource] += r->needs[t][k].count;
		if (sum[r->needs[t][k].resource] > r->resources[r->needs[t][k].resource])
			return true;
	}
	return false;
}

static uint32_t
units(const struct run *r, uint32_t t)
{
	return r->tests[t].weight < r->plan.jobs ? r->tests[t].weight : r->plan.jobs;
}

#endif
