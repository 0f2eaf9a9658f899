/*
 * Unit tests of what the attempts of flake detection are run under: supervisor/policy/provoke.c
 * with detect.c, through sched.h.
 */
#include "tests/unit/sched_fixture.h"

/* ---- conditions ---- */

/* One test, by itself: what its attempts are run under when it fails as `fails` says. */
static void
conditions(const struct sched_plan *plan, bool (*fails)(uint32_t attempt, enum flake_condition),
    enum flake_condition *ret, uint32_t n)
{
	struct sched		*s = sched_new(plan, 0);
	struct sched_in		 in = { .type = SCHED_IN_TICK };
	struct sched_out	 out;

	assert_non_null(s);
	for (uint32_t i = 0; i < n; i++) {
		sched_step(s, i, 1, &in, &out);
		assert_int_equal(out.v[0].type, SCHED_ACT_START);
		ret[i] = out.v[0].condition;
		in = (struct sched_in){ .type = SCHED_IN_DONE, .attempt = i + 1,
		    .outcome = fails(i + 1, ret[i]) ? OUTCOME_FAIL : OUTCOME_PASS };
	}
	sched_free(s);
}

static bool
once_when_paused(uint32_t attempt, enum flake_condition c)
{
	static bool	did;
	bool		now = c == FLAKE_PAUSED && !did;

	(void)attempt;
	did = did || now;
	return now;
}

static void
half_of_the_attempts_stay_plain(void **state)
{
	static const struct sched_test	t[] = { { .weight = 1 } };
	struct flake_policy		p = { .on = true, .provoke = true,
	    .conditions = 1u << FLAKE_PAUSED | 1u << FLAKE_ONE_CPU | 1u << FLAKE_ZONE |
	    1u << FLAKE_SEEDS };
	struct sched_plan		plan = { .tests = t, .ntests = 1, .jobs = 1, .seed = 9 };
	enum flake_condition		v[59];
	const uint32_t			loads = 1u << FLAKE_PAUSED | 1u << FLAKE_ONE_CPU;
	uint32_t			seen[FLAKE_CONDITION_COUNT] = { 0 }, first = 0;

	(void)state;
	plan.flake = flake_defaults(&p);
	conditions(&plan, never, v, 59);
	for (uint32_t i = 0; i < 59; i++) {
		assert_int_equal(v[i] == FLAKE_PLAIN, (i + 1) / 2 % 2 == 0);
		seen[v[i]]++;
	}
	for (uint32_t c = 0; c < FLAKE_CONDITION_COUNT; c++)
		assert_int_equal(seen[c] > 0, c == FLAKE_PLAIN ||
		    (plan.flake.conditions >> c & 1) != 0);
	/* What provokes comes, each once before any does again; every third time it is the
	 * others, until each has come once, and another zone twice in a row: see condition.c. */
	assert_int_equal(1u << v[1] | 1u << v[2], loads);
	for (uint32_t i = 1; i < 59; i++) {
		if (v[i] != FLAKE_ZONE && v[i] != FLAKE_SEEDS)
			continue;
		assert_true(i % 12 == 9 || i % 12 == 10);
		assert_true(v[i] == FLAKE_SEEDS || v[i % 12 == 9 ? i + 1 : i - 1] == FLAKE_ZONE);
	}
	assert_int_equal(seen[FLAKE_SEEDS], 1);
	assert_int_equal(seen[FLAKE_ZONE], 2);
	/* Where it has failed it is tried again, beside plain. */
	conditions(&plan, once_when_paused, v, 50);
	while (v[first] != FLAKE_PAUSED)
		first++;
	for (uint32_t i = first + 1; i < 50; i++)
		assert_int_equal(v[i], (i + 1) / 2 % 2 == 0 ? FLAKE_PLAIN : FLAKE_PAUSED);
	/* Only when it is asked for. */
	plan.flake.provoke = false;
	conditions(&plan, never, v, 50);
	for (uint32_t i = 0; i < 50; i++)
		assert_int_equal(v[i], FLAKE_PLAIN);
}

static void
all_attempts_under_one(void **state)
{
	static const struct sched_test	t[] = { { .weight = 1 } };
	struct flake_policy		p = { .on = true, .provoke = true, .under = 1 +
	    FLAKE_COPIES };
	struct sched_plan		plan = { .tests = t, .ntests = 1, .jobs = 1, .seed = 9 };
	enum flake_condition		v[20];

	(void)state;
	plan.flake = flake_defaults(&p);
	conditions(&plan, never, v, 20);
	for (uint32_t i = 0; i < 20; i++)
		assert_int_equal(v[i], FLAKE_COPIES);
	p.under = 1 + FLAKE_PLAIN;
	plan.flake = flake_defaults(&p);
	conditions(&plan, never, v, 20);
	for (uint32_t i = 0; i < 20; i++)
		assert_int_equal(v[i], FLAKE_PLAIN);
}

/* ---- crowds ---- */

#define TESTS	24
#define CPUS	2u
#define CROWD	4u
#define ATTEMPTS 4000	/* of all of them, at the most */

struct seen {
	enum flake_condition	condition;
	uint32_t		beside;		/* that ran when it started */
};

struct stage {
	uint32_t		running[CPUS * CROWD], attempt[TESTS], n;
	struct seen		v[ATTEMPTS];
	uint32_t		nv, over;
};

/* No test fails; the one that started first ends first.  Each keeps a CPU busy for so much of
 * its time. */
static void
stage_busy(struct stage *g, const struct flake_policy *policy, uint32_t ntests, uint32_t crowd,
    uint32_t cpu_milli)
{
	static struct sched_test	t[TESTS];
	struct sched_plan		plan = { .tests = t, .ntests = ntests,
	    .jobs = CPUS * (crowd > 0 ? crowd : 1), .crowd = crowd, .cpus = CPUS, .seed = 4,
	    .flake = flake_defaults(policy) };
	struct sched_in			in = TICK;
	struct sched_out		out;
	struct sched			*s;

	*g = (struct stage){ .n = 0 };
	for (uint32_t i = 0; i < ntests; i++)
		t[i].weight = 1;
	s = sched_new(&plan, 0);
	assert_non_null(s);
	for (;;) {
		sched_step(s, 0, CPUS, &in, &out);
		for (uint32_t i = 0; i < out.n; i++) {
			const struct sched_act	*a = &out.v[i];

			g->over += a->type == SCHED_ACT_VERDICT;
			if (a->type != SCHED_ACT_START)
				continue;
			assert_true(g->n < plan.jobs && g->nv < ATTEMPTS);
			g->v[g->nv++] = (struct seen){ a->condition, g->n };
			g->attempt[a->test] = a->attempt;
			g->running[g->n++] = a->test;
		}
		if (g->n == 0)
			break;
		in = (struct sched_in)OVER(g->running[0], g->attempt[g->running[0]], PASS);
		in.cpu_milli = cpu_milli;
		memmove(g->running, g->running + 1, --g->n * sizeof g->running[0]);
	}
	assert_int_equal(g->over, ntests);
	sched_free(s);
}

static void
stage(struct stage *g, const struct flake_policy *policy, uint32_t ntests, uint32_t crowd)
{
	stage_busy(g, policy, ntests, crowd, 1000);
}

static bool
is_crowds(enum flake_condition c)
{
	return c == FLAKE_CROWDED || c == FLAKE_LOW_PRIORITY || c == FLAKE_PAUSED ||
	    c == FLAKE_LOADED;
}

/* How many of them started under such a condition, and how many beside CPUS others or more. */
static uint32_t
count(const struct stage *g, bool crowds, uint32_t *ret_beside)
{
	uint32_t	n = 0;

	*ret_beside = 0;
	for (uint32_t i = 0; i < g->nv; i++) {
		if (is_crowds(g->v[i].condition) != crowds)
			continue;
		n++;
		*ret_beside += g->v[i].beside >= CPUS;
	}
	return n;
}

static void
what_is_about_load_comes_in_crowds(void **state)
{
	static struct stage	g;
	struct flake_policy	p = { .on = true, .provoke = true };
	uint32_t		n, beside, plain = 0, full = 0;

	(void)state;
	stage(&g, &p, TESTS, CROWD);
	n = count(&g, true, &beside);
	for (uint32_t i = 0; i < g.nv; i++) {
		plain += g.v[i].condition == FLAKE_PLAIN;
		full += g.v[i].beside == CPUS * CROWD - 1;
	}
	assert_int_equal(plain, g.nv / 2);
	assert_true(n > g.nv / 4);
	/* But for those that begin one. */
	assert_true(beside > n * 3 / 4);
	assert_true(full > n / 2);
	/* The others never have more beside them than there are CPUs. */
	n = count(&g, false, &beside);
	assert_true(n > g.nv / 2);
	assert_int_equal(beside, 0);
}

/* Two that wait half of their time fit on a CPU, as long as there are crowds at all. */
static void
what_waits_is_run_wider(void **state)
{
	static struct stage	g;
	struct flake_policy	p = { .on = true, .provoke = true };
	uint32_t		most = 0, wide = 0, plain = 0, others = 0, wide_others = 0, beside;

	(void)state;
	stage_busy(&g, &p, TESTS, CROWD, 500);
	for (uint32_t i = 0; i < g.nv; i++) {
		if (is_crowds(g.v[i].condition))
			continue;
		if (g.v[i].condition != FLAKE_PLAIN) {
			others++;
			wide_others += g.v[i].beside >= CPUS;
			continue;
		}
		/* Of their first attempts nothing is known. */
		assert_true(i >= TESTS || g.v[i].beside < CPUS);
		plain++;
		wide += g.v[i].beside >= CPUS;
		most = g.v[i].beside > most ? g.v[i].beside : most;
	}
	assert_int_equal(most, 2 * CPUS - 1);
	assert_true(wide > plain / 2);
	assert_true(wide_others > others / 2);
	p.provoke = false;
	stage_busy(&g, &p, TESTS, 0, 500);
	(void)count(&g, false, &beside);
	assert_int_equal(beside, 0);
}

static void
without_others_there_is_no_crowd(void **state)
{
	static struct stage	g;
	struct flake_policy	p = { .on = true, .provoke = true };
	uint32_t		n, beside, loaded = 0;

	(void)state;
	/* Too few tests, or a run that has no room for one: the load is made. */
	for (uint32_t i = 0; i < 2; i++) {
		stage(&g, &p, i == 0 ? 2 * CPUS - 1 : TESTS, i == 0 ? CROWD : 0);
		n = count(&g, true, &beside);
		assert_true(n > 0);
		assert_int_equal(beside, 0);
		for (uint32_t k = 0; k < g.nv; k++) {
			assert_int_not_equal(g.v[k].condition, FLAKE_CROWDED);
			loaded += g.v[k].condition == FLAKE_LOADED;
		}
		assert_true(loaded > 0);
	}
}

static void
all_attempts_in_a_crowd(void **state)
{
	static struct stage	g;
	struct flake_policy	p = { .on = true, .provoke = true, .under = 1 + FLAKE_CROWDED };
	uint32_t		beside, crowded = 0;

	(void)state;
	stage(&g, &p, TESTS, CROWD);
	for (uint32_t i = 0; i < g.nv; i++) {
		crowded += g.v[i].condition == FLAKE_CROWDED;
		/* The last ones are too few, and have a load instead. */
		assert_true(g.v[i].condition == FLAKE_CROWDED || g.v[i].condition == FLAKE_LOADED);
	}
	assert_true(crowded > g.nv * 9 / 10);
	assert_int_equal(count(&g, true, &beside), g.nv);
	assert_true(beside > g.nv * 9 / 10);
}

/* Nothing comes in rounds then: every so many starts are a crowd. */
static void
a_budget_is_spent_in_crowds_and_out_of_them(void **state)
{
	static struct stage	g;
	struct flake_policy	p = { .on = true, .provoke = true, .budget = 2000 };
	uint32_t		n, beside, plain = 0;

	(void)state;
	stage(&g, &p, TESTS, CROWD);
	assert_int_equal(g.nv, 2000);
	n = count(&g, true, &beside);
	assert_in_range(n, 900, 1100);
	assert_true(beside > n / 2);
	for (uint32_t i = 0; i < g.nv; i++)
		plain += g.v[i].condition == FLAKE_PLAIN;
	assert_in_range(plain, 600, 1100);
	n = count(&g, false, &beside);
	assert_true(n > 800);
	assert_int_equal(beside, 0);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(half_of_the_attempts_stay_plain),
		cmocka_unit_test(all_attempts_under_one),
		cmocka_unit_test(what_is_about_load_comes_in_crowds),
		cmocka_unit_test(what_waits_is_run_wider),
		cmocka_unit_test(without_others_there_is_no_crowd),
		cmocka_unit_test(all_attempts_in_a_crowd),
		cmocka_unit_test(a_budget_is_spent_in_crowds_and_out_of_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
