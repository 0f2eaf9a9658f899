/*
 * What an attempt of a run that detects flaky tests is run under.  Pure.
 *
 * Half of the attempts are under a changed condition: the one under which their test has failed
 * before, else one that is drawn, of those that provoke rather than of the others, by what
 * has paid in this run so far.  No condition helps every cause, and some hurt: so half stay
 * plain.  Or all of them are run under one that is given.
 *
 * What brings a failure about cheapest is a crowd: several attempts a CPU, all of them of use,
 * so that it costs hardly more than one after the other, while a load that is made for one
 * attempt costs its CPU and slows down what runs beside it.  Attempts come in rounds, so that
 * all that are about load come together, and the plain ones after them meet none: before
 * each start the first that waits says whether it is to be in a crowd.  With a budget there
 * are no rounds, and every so many starts are crowded.  Where tests do not run beside each
 * other, or few are left, the load is made.
 *
 * Where there are crowds, plain attempts of tests that mostly wait, and those under conditions
 * that are not about load, are run wider than one a CPU, too: as long as what they keep busy, by
 * what their earlier ones did, is no more than the CPUs.  So none has to wait for one.
 */
#include <stddef.h>

#include "supervisor/policy/life.h"
#include "supervisor/policy/order.h"
#include "supervisor/policy/queue.h"

#define WEIGHT	1000000

/* What makes a failure likelier, the more often it is tried; under the others a test fails
 * each time, or never. */
#define LOADS	(1u << FLAKE_PAUSED | 1u << FLAKE_ONE_CPU | 1u << FLAKE_LOW_PRIORITY |	\
		1u << FLAKE_LOADED | 1u << FLAKE_STRESSED)
/* In a crowd.  Who has the lowest priority there gives way to all others. */
#define CROWDS	(1u << FLAKE_CROWDED | 1u << FLAKE_LOW_PRIORITY | 1u << FLAKE_PAUSED)
#define OTHERS	3	/* every so many changed attempts it is one of the others */
#define PROBES	2	/* attempts for the cause, to one of an open test: those beside whom or after
			 * whom a test fails are there only as long as they are open */
#define CROWD_STARTS 8	/* with a budget: for each unit, in a crowd and then in none */

void
provoke_begin(struct sched *s, const struct sched_plan *plan)
{
	s->crowd = plan->crowd > 1 ? plan->crowd : 1;
	s->least_crowd = 2 * plan->cpus;
}

/* Can there be crowds?  Else what is about load has to make it. */
static bool
can_crowd(const struct sched *s)
{
	return s->crowd > 1 && s->n - s->ndone >= s->least_crowd;
}

/* ---- rounds ---- */

static bool
is_changed_round(uint64_t round)
{
	return (round + 1) / 2 % 2 == 1;
}

static bool
is_round_of_others(uint64_t round)
{
	return (round + 1) / 4 % OTHERS == OTHERS - 1;
}

/* What a decided test is run under next, but for what comes at once after a failure. */
static enum flake_condition
probe(const struct sched *s, uint32_t t)
{
	uint32_t asked = s->flake.conditions;

	if (detect_decide(s, t) != FLAKE_FLAKY || s->trials == NULL)
		return FLAKE_COPIES;
	if (!can_crowd(s))
		asked &= ~(1u << FLAKE_CROWDED);
	return probe_next(s->trials[t], asked, s->e[t].extra);
}

/*
 * The place of the next attempt among those of all tests: round after round, in each of them
 * anywhere.  Those for the cause are evenly spread, so that each comes after others and beside
 * others, over the rounds that are crowded or over those that are not: of four rounds the two in
 * the middle are.
 */
uint64_t
provoke_rank(struct sched *s, uint32_t t)
{
	struct entry *e = &s->e[t];
	uint64_t round = (uint64_t)e->fails + e->passes, state = s->seed ^ ((round + e->extra) << 32 | t);
	uint64_t part = 2 * PROBES, at;

	if (detect_is_open(s, t))
		return round * s->n + order_below(&state, s->n);
	e->probe = (uint8_t)probe(s, t) & 0xf;
	at = round * PROBES + e->extra;
	round = at / part * 2;
	if (can_crowd(s) && (CROWDS >> e->probe & 1) != 0)
		round += round / 2 % 2 == 0 ? 1 : 0;
	else
		round += round / 2 % 2;
	return (round * part + at % part) * s->n / part + order_below(&state, s->n / (uint32_t)part + 1);
}

static bool
is_changed(const struct sched *s, uint32_t t)
{
	return s->flake.provoke && is_changed_round((uint64_t)s->e[t].fails + s->e[t].passes);
}

/* Conditions that may come in a crowd, and outside of it. */
static uint32_t
loads(const struct sched *s)
{
	if (s->crowded)
		return s->flake.conditions & CROWDS;
	return can_crowd(s) ? 0 : s->flake.conditions & LOADS;
}

/* Those that the test has not had and that are not about load, or not about one that a
 * crowd makes; for its turn among its changed attempts. */
static uint32_t
others(const struct sched *s, uint32_t t)
{
	uint32_t all = s->flake.conditions & ~(1u << FLAKE_PLAIN | FLAKE_ASIDE | 1u << FLAKE_CROWDED);
	bool second = (s->e[t].fails + s->e[t].passes) % 4 == 2;	/* of two that are changed */

	/* Another zone is the one or the other by turns: a test is to have both. */
	if (second && s->e[t].condition == FLAKE_ZONE)
		return 1u << FLAKE_ZONE;
	if (second)
		all &= ~(1u << FLAKE_ZONE);
	all &= ~(can_crowd(s) ? CROWDS | 1u << FLAKE_LOADED : LOADS);
	return all & ~(uint32_t)s->e[t].seen;
}

static bool
is_turn_of_others(const struct sched *s, uint32_t t)
{
	return is_round_of_others((uint64_t)s->e[t].fails + s->e[t].passes) && others(s, t) != 0;
}

/* ---- crowds ---- */

/* Is the next attempt of the test to be in a crowd? */
static bool
is_for_crowd(const struct sched *s, uint32_t t)
{
	if (!detect_is_open(s, t))
		return !s->e[t].again && (CROWDS >> s->e[t].probe & 1) != 0;
	if (!is_changed(s, t))
		return false;
	if (s->e[t].hot != FLAKE_PLAIN)
		return (CROWDS >> s->e[t].hot & 1) != 0;
	return !is_turn_of_others(s, t);
}

static bool
wants_crowd(const struct sched *s)
{
	uint32_t t;

	if (s->flake.under != 0)
		return s->flake.under == 1 + FLAKE_CROWDED;
	if (s->allot != NULL)
		return s->spent / (s->least_crowd * CROWD_STARTS) % 2 == 1;
	return queue_first(s->queue, &t) && is_for_crowd(s, t);
}

#define WHOLE	1000	/* a CPU */

/* An attempt of an open test that is not about load, of which it is known what it needs? */
static bool
is_known(const struct sched *s, uint32_t t)
{
	return s->flake.under == 0 && s->allot == NULL && s->e[t].cpu_milli > 0 &&
	    detect_is_open(s, t) && (!is_changed(s, t) || is_turn_of_others(s, t));
}

/* Does the next one fit beside what runs, though there is one for each CPU already? */
static bool
leaves_idle(const struct sched *s, uint32_t limit)
{
	uint32_t t;

	return queue_first(s->queue, &t) && is_known(s, t) &&
	    s->held_milli + s->e[t].cpu_milli <= (uint64_t)limit * WHOLE;
}

bool
provoke_start(struct sched *s, uint32_t limit, uint32_t *ret_test)
{
	bool wide;

	if (s->crowd == 1)
		return queue_start(s->queue, limit, ret_test);
	s->crowded = can_crowd(s) && wants_crowd(s);
	wide = s->crowded || (can_crowd(s) && leaves_idle(s, limit));
	queue_crowd(s->queue, wide ? s->crowd : 1);
	if (!queue_start(s->queue, limit, ret_test))
		return false;
	s->e[*ret_test].held_milli = !s->crowded && is_known(s, *ret_test) ?
	    s->e[*ret_test].cpu_milli : WHOLE;
	s->held_milli += s->e[*ret_test].held_milli;
	return true;
}

void
provoke_learn(struct sched *s, const struct sched_in *in)
{
	struct entry *e = &s->e[in->test];

	if (e->condition == FLAKE_PLAIN && in->cpu_milli > e->cpu_milli)
		e->cpu_milli = in->cpu_milli < WHOLE ? (uint16_t)in->cpu_milli : WHOLE;
}

/* ---- which ---- */

/* Tests that each is taken to have found in 50 attempts before it was tried, as far as was
 * measured with eight programs: a low priority alone does little where nothing else runs. */
static uint32_t
taken_to_find(const struct sched *s, uint32_t c)
{
	if (c == FLAKE_LOW_PRIORITY)
		return s->crowded ? 6 : 1;
	return c == FLAKE_CROWDED ? 8 : c == FLAKE_PAUSED || c == FLAKE_LOADED ? 4 :
	    c == FLAKE_STRESSED || c == FLAKE_ONE_CPU ? 2 : 1;
}

/*
 * Those that may come next: what provokes timing and races, since most flaky tests are about
 * these (two thirds of 201 that were mended: Q. Luo and others, FSE 2014), and what has
 * found a test in this run; first those that the test has not had.  Every few attempts it is
 * one of the others, until the test has had each.
 */
static uint32_t
in_question(const struct sched *s, uint32_t t)
{
	uint32_t all = s->flake.conditions & ~(1u << FLAKE_PLAIN | FLAKE_ASIDE), c;
	uint32_t some = loads(s), fresh;

	all &= s->crowded ? CROWDS : ~(1u << FLAKE_CROWDED);
	fresh = all & ~(uint32_t)s->e[t].seen;
	if (!s->crowded && others(s, t) != 0 && (is_turn_of_others(s, t) || some == 0))
		return others(s, t);
	for (c = 0; c < FLAKE_CONDITION_COUNT; c++)
		some |= s->found[c] > 0 ? all & 1u << c : 0;
	if (some == 0)
		some = all;
	return (some & fresh) != 0 ? some & fresh : some;
}

/*
 * By the share of its attempts that found a test: each has a part of the draws, the more
 * the more it found, and none is given up.
 */
static enum flake_condition
drawn(const struct sched *s, uint32_t t, uint64_t *state)
{
	uint32_t weight[FLAKE_CONDITION_COUNT], sum = 0, at, c, left = in_question(s, t);

	for (c = 0; c < FLAKE_CONDITION_COUNT; c++) {
		weight[c] = 0;
		if ((left >> c & 1) == 0)
			continue;
		weight[c] = (uint32_t)(WEIGHT * (taken_to_find(s, c) + (uint64_t)s->found[c]) /
		    (50 + (uint64_t)s->tried[c]));
		if (weight[c] < WEIGHT / 1000)
			weight[c] = WEIGHT / 1000;
		sum += weight[c];
	}
	at = order_below(state, sum);
	for (c = 0; c < FLAKE_CONDITION_COUNT - 1 && at >= weight[c]; c++)
		at -= weight[c];
	return (enum flake_condition)c;
}

/* Without a crowd a load that is made for it does instead. */
static enum flake_condition
alone(const struct sched *s, enum flake_condition c)
{
	return c == FLAKE_CROWDED && (s->flake.conditions >> FLAKE_LOADED & 1) != 0 ? FLAKE_LOADED : c;
}

/* Of an open test. */
static enum flake_condition
next(const struct sched *s, uint32_t t)
{
	uint64_t state = ~s->seed ^ ((uint64_t)s->e[t].attempts << 32 | t);
	enum flake_condition hot = (enum flake_condition)s->e[t].hot;
	bool about_crowds = (CROWDS >> hot & 1) != 0;

	if (s->crowded)
		return about_crowds ? hot : drawn(s, t, &state);
	if (!is_changed(s, t))
		return FLAKE_PLAIN;
	if (s->allot != NULL && can_crowd(s) && others(s, t) == 0)
		return about_crowds ? FLAKE_PLAIN : hot;
	return hot != FLAKE_PLAIN ? alone(s, hot) : drawn(s, t, &state);
}

/* Of a decided test. */
static enum flake_condition
probed(const struct sched *s, uint32_t t)
{
	enum flake_condition c = (enum flake_condition)s->e[t].probe;

	if (s->e[t].again)
		return FLAKE_PLAIN;
	return s->crowded ? c : alone(s, c);
}

void
provoke_choose(struct sched *s, uint32_t t)
{
	bool open = detect_is_open(s, t);
	enum flake_condition c = FLAKE_PLAIN;
	struct entry *e = &s->e[t];

	s->spent++;
	if (s->flake.under != 0) {
		c = (enum flake_condition)((s->flake.under - 1) & 0xf);
		c = s->crowded ? c : alone(s, c);
	} else if (!open) {
		c = probed(s, t);
	} else if (s->flake.provoke) {
		c = next(s, t);
	}
	e->condition = (uint8_t)c & 0xf;
	if (!open && s->flake.under == 0)
		return;
	e->seen |= (uint16_t)(1u << c);
	s->tried[c]++;
}
