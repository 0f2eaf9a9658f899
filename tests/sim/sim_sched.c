/*
 * Simulation of the supervisor's policy on a virtual clock: several runs on a
 * pool of workers that start late, hang, die and lie, under a supervisor that
 * lags and limits that move.  What must hold is checked at every step.
 *
 * SIM_SEEDS (or the first argument): how many seeds, 1000 else.  SIM_SEED: only
 * this one.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/policy/share.h"
#include "tests/sim/says.h"
#include "tests/sim/world.h"

/* ---- workers ---- */

static void	feed(struct run *, const struct sched_in *);

static void
note_done(struct run *r, uint32_t test, uint32_t attempt, enum outcome o)
{
	struct mtest *m = &r->m[test];
	uint32_t k;

	CHECK(m->running && m->attempt == attempt);
	m->running = false;
	m->last = o;
	m->over_at = sim.now;
	m->losses += o == OUTCOME_LOST;
	m->fails += o == OUTCOME_FAIL || o == OUTCOME_TIMEOUT || o == OUTCOME_CRASH ||
	    o == OUTCOME_OOM;
	r->running--;
	r->used -= units(r, test);
	r->nserial -= r->tests[test].serial;
	for (k = 0; k < r->tests[test].nneeds; k++)
		r->avail[r->needs[test][k].resource] += r->needs[test][k].count;
	m->in = (struct sched_in){ .type = SCHED_IN_DONE, .test = test,
	    .attempt = attempt, .outcome = o, .fingerprint = rnd(PRINTS_MAX + 1),
	    .says = chance(90) ? SAYS_RETRY : (enum retry_says)rnd(SAYS_COUNT),
	    .resource_like = chance(50), .elapsed_ms = rnd(1000) };
	if (m->retries > 0 && o != OUTCOME_LOST)
		m->retried_ms += m->in.elapsed_ms;
}

static void
feed_done(struct run *r, uint32_t test, uint32_t attempt, enum outcome o)
{
	note_done(r, test, attempt, o);
	feed(r, &r->m[test].in);
}

/* A result that nobody waits for must change nothing. */
static void
feed_forged(struct run *r, uint32_t test, uint32_t attempt)
{
	struct sched_in in = { .type = SCHED_IN_DONE, .test = test,
	    .attempt = attempt, .outcome = (enum outcome)rnd(OUTCOME_COUNT) };
	struct sched_count before, after;
	struct sched_out out;

	if (r->s == NULL || r->next <= sim.now ||
	    (test < r->plan.ntests && r->m[test].running && r->m[test].attempt == attempt))
		return;
	sched_count(r->s, &before);
	sched_step(r->s, sim.now, r->limit, &in, &out);
	count_step();
	sched_count(r->s, &after);
	CHECK(out.n == 0 && out.next == r->next);
	CHECK(memcmp(&before, &after, sizeof(before)) == 0);
}

static void
silence(struct worker *w)
{
	w->ready_at = w->beat_at = w->die_at = w->hang_at = w->done_at = NEVER;
}

static void
slot(struct worker *w, enum slot_in in)
{
	enum slot_state was = w->f.state;
	struct slot_out out;

	slot_step(&w->f, sim.now, sim.lag - w->lag_mark, in, &out);
	count_step();
	if (in == SIN_SPAWNED || w->f.heard_at == sim.now)
		w->lag_mark = sim.lag;
	w->next = out.next;
	CHECK(w->f.has_attempt == (w->f.state == SLOT_BUSY));
	CHECK(in != SIN_TICK || out.next > sim.now);
	CHECK(!(out.acts & SACT_KILL) || w->f.state == SLOT_KILLED);
	CHECK(!(out.acts & SACT_LOST) || was == SLOT_BUSY);
	CHECK(!(out.acts & SACT_REPLACED) || (in == SIN_EXIT && was != SLOT_RETIRING));
	CHECK(was != SLOT_BUSY || w->f.state == SLOT_BUSY || in == SIN_DONE ||
	    (out.acts & SACT_LOST));
	if (out.acts & SACT_KILL) {
		CHECK(w->sick && w->alive);
		silence(w);
		if (was == SLOT_BUSY && chance(30))
			w->late_at = soon(3);
		w->exit_at = soon(5);
	}
	if (out.acts & SACT_SEND_RETIRE) {
		w->sick = chance(10);
		w->exit_at = w->sick ? NEVER : soon(20);
	}
	if (out.acts & SACT_LOST)
		feed_done(w->run, w->test, w->attempt, OUTCOME_LOST);
}

static void
spawn(struct worker *w)
{
	if (!slot_may_spawn(&w->f, sim.now))
		return;
	CHECK(!w->alive);
	if (chance(sim.death_percent)) {
		slot(w, SIN_SPAWN_FAILED);
		CHECK(w->f.not_before > sim.now);
		return;
	}
	silence(w);
	w->exit_at = w->late_at = NEVER;
	w->alive = true;
	w->sick = false;
	w->ready_at = soon(50) + (chance(sim.death_percent) ? 15000 : 0);
	w->sick = w->ready_at > sim.now + SLOT_SPAWN_MS;
	if (chance(sim.death_percent * 2))
		w->die_at = soon(10000);
	if (chance(sim.death_percent * 2))
		w->hang_at = soon(10000);
	slot(w, SIN_SPAWNED);
}

static void
worker_dies(struct worker *w)
{
	w->sick = true;
	silence(w);
	if (chance(50))
		slot(w, SIN_BAD);
	w->exit_at = soon(5);
}

/* What the process does at this moment; the first of several. */
static bool
worker_event(struct worker *w)
{
	if (w->late_at <= sim.now) {
		w->late_at = NEVER;
		slot(w, SIN_DONE);
		feed_forged(w->run, w->test, w->attempt);
	} else if (w->exit_at <= sim.now) {
		silence(w);
		w->exit_at = NEVER;
		w->alive = false;
		slot(w, SIN_EXIT);
	} else if (w->die_at <= sim.now) {
		worker_dies(w);
	} else if (w->hang_at <= sim.now) {
		w->sick = true;
		silence(w);
	} else if (w->ready_at <= sim.now) {
		w->ready_at = NEVER;
		w->beat_at = sim.now + SLOT_HEARTBEAT_MS;
		slot(w, SIN_READY);
	} else if (w->beat_at <= sim.now) {
		w->beat_at += SLOT_HEARTBEAT_MS;
		slot(w, SIN_HEARD);
	} else if (w->done_at <= sim.now) {
		w->done_at = NEVER;
		slot(w, SIN_DONE);
		feed_done(w->run, w->test, w->attempt, w->outcome);
	} else {
		return false;
	}
	return true;
}

static uint64_t
worker_next(const struct worker *w)
{
	uint64_t t[] = { w->next, w->late_at, w->exit_at, w->die_at, w->hang_at,
	    w->ready_at, w->beat_at, w->done_at };
	uint64_t min = NEVER;
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		min = t[i] < min ? t[i] : min;
	return min;
}

/* ---- the loop ---- */

/* What a run may hold: its share of one user's, but no more than is free, since others may
 * hold more than theirs. */
static uint32_t
limit_of(struct run *r)
{
	struct share_claim claims[RUNS_MAX] = { { 0 } }, user = { .weight = 1 };
	struct sched_count count;
	uint32_t i, capacity = 0, sum = 0;

	for (i = 0; i < sim.nworkers; i++)
		capacity += sim.workers[i].f.state == SLOT_IDLE ||
		    sim.workers[i].f.state == SLOT_BUSY;
	for (i = 0; i < sim.nruns; i++) {
		claims[i].weight = 1;
		if (sim.runs[i].s == NULL)
			continue;
		sched_count(sim.runs[i].s, &count);
		claims[i].demand = count.demand;
		claims[i].used = sim.runs[i].used;
		claims[i].served = sim.runs[i].served;
	}
	user.nruns = sim.nruns;
	share_out(capacity, &user, 1, claims);
	for (i = 0; i < sim.nruns; i++)
		sum += claims[i].share;
	CHECK(sum <= capacity);
	r->share = claims[r - sim.runs].share;
	return claims[r - sim.runs].limit;
}

static void
check_counts(const struct run *r)
{
	struct sched_count c;
	uint32_t i;

	sched_count(r->s, &c);
	CHECK(c.queued + c.delayed + c.running + c.done == r->plan.ntests);
	CHECK(c.running == r->running && c.used == r->used && c.done == r->ntold);
	CHECK(c.demand >= c.used && c.demand <= r->plan.jobs);
	CHECK(r->limit < r->plan.jobs || c.demand == c.used);
	CHECK(c.running > 0 || c.queued == 0 || c.demand > 0);
	CHECK(c.running > 0 || c.queued == 0 || r->limit == 0);
	CHECK(r->over == (c.done == r->plan.ntests));
	if (r->over)
		return;
	CHECK(r->stopped || !(r->cancelled || r->timed_out ||
	    (r->plan.max_fail > 0 && r->nfailed >= r->plan.max_fail)));
	for (i = 0; i < r->plan.ntests; i++)
		CHECK(!r->m[i].running || r->m[i].kills >= (r->killed ? 2 :
		    r->cancelled || r->timed_out ? 1 : 0));
}

/* Steps until it has no more to say. */
static void
feed(struct run *r, const struct sched_in *in)
{
	static const struct sched_in tick = { .type = SCHED_IN_TICK };
	struct sched_out out;

	/* Before `next`, and with nothing new, nothing happens. */
	if (in->type == SCHED_IN_TICK && sim.now < r->next && chance(20)) {
		sched_step(r->s, sim.now, r->limit, &tick, &out);
		count_step();
		CHECK(out.n == 0 && out.next == r->next);
	}
	r->limit = limit_of(r);
	if (r->plan.timeout_ms > 0 && sim.now - r->start_at >= r->plan.timeout_ms)
		r->timed_out = true;
	do {
		sched_step(r->s, sim.now, r->limit, in, &out);
		count_step();
		in = &tick;
		CHECK(out.next >= sim.now);
		r->next = out.next;
		on_acts(r, &out);
	} while (out.next == sim.now);
	check_counts(r);
}

static void
run_event(struct run *r)
{
	struct sched_in in = { .type = SCHED_IN_TICK };

	if (r->over || r->start_at > sim.now)
		return;
	if (r->s == NULL) {
		r->start_at = r->next = sim.now;
		r->s = sched_new(&r->plan, sim.now);
		assert_non_null(r->s);
	}
	if (r->kill_at <= sim.now) {
		r->kill_at = NEVER;
		in = (struct sched_in){ .type = SCHED_IN_CANCEL, .kill = true };
		r->killed = r->cancelled = true;
	} else if (r->cancel_at <= sim.now) {
		r->cancel_at = NEVER;
		in.type = SCHED_IN_CANCEL;
		r->cancelled = true;
	}
	feed(r, &in);
	if (chance(5))
		feed_forged(r, rnd(r->plan.ntests + 1), rnd(4));
}

/* The supervisor was lost: what was told is known, what ran is lost or, sometimes, was
 * over and nothing was told of it. */
static void
recall(struct run *r)
{
	uint32_t i;

	sched_free(r->s);
	r->s = sched_new(&r->plan, sim.now);
	assert_non_null(r->s);
	r->start_at = r->next = sim.now;
	r->of_run = BREAKER_CLOSED;
	memset(r->of_tag, 0, sizeof(r->of_tag));
	memset(r->of_print, 0, sizeof(r->of_print));
	for (i = 0; i < r->plan.ntests; i++) {
		struct mtest *m = &r->m[i];
		bool open = m->running && chance(20);

		if (m->running)
			note_done(r, i, m->attempt, open ? draw_outcome(r) : OUTCOME_LOST);
		m->passed = 0;
		sched_recall(r->s, i, &(struct sched_past){ .attempts = m->attempt,
		    .retries = m->retries, .lost = m->losses, .failed = m->retried,
		    .done = m->told, .status = m->status, .flaky = m->flaky,
		    .open = open, .granted = m->granted, .last = m->in,
		    .retried_ms = m->retried_ms });
	}
}

static void
crash(void)
{
	struct worker *w;
	uint32_t i;

	for (i = 0; i < sim.nruns; i++)
		if (sim.runs[i].stopped && !sim.runs[i].over)
			return;
	sim.crashes++;
	for (w = sim.workers; w < sim.workers + sim.nworkers; w++) {
		*w = (struct worker){ .next = NEVER, .late_at = NEVER, .exit_at = NEVER };
		slot_init(&w->f);
		silence(w);
	}
	for (i = 0; i < sim.nruns; i++)
		if (sim.runs[i].s != NULL && !sim.runs[i].over)
			recall(&sim.runs[i]);
}

static uint64_t
next_event(void)
{
	uint64_t t = sim.retire_at, at;
	uint32_t i;

	for (i = 0; i < sim.nworkers; i++) {
		at = worker_next(&sim.workers[i]);
		t = at < t ? at : t;
	}
	for (i = 0; i < sim.nruns; i++) {
		const struct run *r = &sim.runs[i];

		if (r->over)
			continue;
		at = r->s == NULL ? r->start_at : r->next;
		at = r->s != NULL && r->cancel_at < at ? r->cancel_at : at;
		at = r->s != NULL && r->kill_at < at ? r->kill_at : at;
		t = at < t ? at : t;
	}
	return t;
}

static void
advance(void)
{
	uint64_t t = next_event(), was = sim.now, late;
	uint32_t i;

	CHECK(t != NEVER);
	if (t > sim.now)
		sim.now = t;
	if (chance(sim.lag_percent)) {
		late = rnd(8000);
		sim.now += late;
		sim.lag += late;
	}
	if (sim.now > was)
		sim.instant_steps = 0;
	for (i = 0; i < sim.nruns; i++)
		sim.runs[i].served += (sim.now - was) * sim.runs[i].used;
}

static bool
all_over(void)
{
	uint32_t i;

	for (i = 0; i < sim.nruns; i++)
		if (!sim.runs[i].over)
			return false;
	return true;
}

static void
turn(void)
{
	struct worker *w;
	uint32_t i;

	advance();
	if (rnd(1000) < sim.crash_permille)
		crash();
	for (i = 0; i < sim.nworkers; i++) {
		w = &sim.workers[i];
		spawn(w);
		if (chance(50))		/* the deadline is looked at first */
			slot(w, SIN_TICK);
		while (worker_event(w))
			;
		slot(w, SIN_TICK);
	}
	if (sim.retire_at <= sim.now) {
		sim.retire_at = soon(20000) + 1;
		slot(&sim.workers[rnd(sim.nworkers)], SIN_RETIRE);
	}
	for (i = 0; i < sim.nruns; i++)
		run_event(&sim.runs[i]);
}

static void
simulate(uint64_t seed)
{
	uint32_t i;
	uint64_t steps = sim.steps;

	memset(sim.workers, 0, sizeof(sim.workers));
	sim.seed = sim.rng = seed;
	sim.now = 1000;
	sim.lag = sim.instant_steps = 0;
	sim.nworkers = 1 + rnd(WORKERS_MAX);
	sim.nruns = 1 + rnd(RUNS_MAX);
	sim.death_percent = (uint32_t[]){ 0, 5, 25 }[rnd(3)];
	sim.lag_percent = rnd(3);
	sim.retire_at = soon(20000);
	sim.crash_permille = chance(70) ? 0 : 1 + rnd(30);
	for (i = 0; i < sim.nworkers; i++) {
		slot_init(&sim.workers[i].f);
		silence(&sim.workers[i]);
		sim.workers[i].exit_at = sim.workers[i].late_at = NEVER;
		sim.workers[i].next = NEVER;
	}
	for (i = 0; i < sim.nruns; i++)
		make_run(&sim.runs[i]);
	while (!all_over()) {
		turn();
		CHECK(sim.steps - steps < 3000000);
	}
	for (i = 0; i < sim.nruns; i++) {
		sched_free(sim.runs[i].s);
		sim.runs[i].s = NULL;
	}
}

static uint64_t
env_number(const char *name, uint64_t fallback)
{
	const char *text = getenv(name), *error = NULL;
	long long v;

	if (text == NULL)
		return fallback;
	v = strtonum(text, 0, INT64_MAX, &error);
	if (error != NULL) {
		(void)fprintf(stderr, "sim_sched: %s=%s: %s\n", name, text, error);
		exit(2);
	}
	return (uint64_t)v;
}

static void
every_seed_ends_well(void **state)
{
	uint64_t seed, n = env_number("SIM_SEEDS", 1000);

	(void)state;
	if (getenv("SIM_SEED") != NULL) {
		simulate(env_number("SIM_SEED", 0));
		return;
	}
	for (seed = 1; seed <= n; seed++)
		simulate(seed);
	if (n >= 1000)
		assert_true(sim.crashes > 100 && sim.refusals > 100 && sim.openings > 100);
	print_message("%llu seeds, %llu steps, %llu crashes, %llu refusals\n",
	    (unsigned long long)n, (unsigned long long)sim.steps,
	    (unsigned long long)sim.crashes, (unsigned long long)sim.refusals);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_seed_ends_well),
	};

	if (argc > 1 && setenv("SIM_SEEDS", argv[1], 1) == -1)
		return 2;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
