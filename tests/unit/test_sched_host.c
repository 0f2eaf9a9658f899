/* Unit tests of what the host has left, through sched.h: memory, eviction, wide plans. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "supervisor/policy/memory.h"
#include "supervisor/policy/sched.h"
#include "supervisor/policy/share.h"
#include "supervisor/policy/width.h"

#define MIB(n)	((uint64_t)(n) << 20)
#define TESTS	64

static struct sched_test	t[TESTS];
static struct sched_out		out;

static const struct sched_host	unbounded = { .memory = UINT64_MAX, .share_milli = WIDTH_CPU };

/* All tests alike. */
static void
fill(struct sched_test test)
{
	for (size_t i = 0; i < TESTS; i++)
		t[i] = test;
}

static struct sched *
make(uint32_t n, uint32_t jobs, uint32_t wide, uint32_t cpus)
{
	struct sched	*s = sched_new(&(struct sched_plan){ .tests = t, .ntests = n, .jobs = jobs,
	    .wide = wide, .cpus = cpus }, 0);

	assert_non_null(s);
	return s;
}

/* One step; how many tests it started. */
static uint32_t
step(struct sched *s, const struct sched_host *host, uint32_t limit, struct sched_in in)
{
	uint32_t	n = 0;

	sched_bound(s, host);
	sched_step(s, 0, limit, &in, &out);
	for (uint32_t i = 0; i < out.n; i++)
		n += out.v[i].type == SCHED_ACT_START;
	return n;
}

static uint32_t
tick(struct sched *s, const struct sched_host *host, uint32_t limit)
{
	return step(s, host, limit, (struct sched_in){ .type = SCHED_IN_TICK });
}

static struct sched_in
passed(uint32_t test, uint32_t attempt)
{
	return (struct sched_in){ .type = SCHED_IN_DONE, .test = test, .attempt = attempt,
	    .outcome = OUTCOME_PASS };
}

/* ---- memory ---- */

static void
what_fits_starts(void **state)
{
	struct sched_host	host = { .memory = MIB(250), .share_milli = WIDTH_CPU };
	struct sched		*s;

	(void)state;
	fill((struct sched_test){ .weight = 1, .memory = MIB(100) });
	s = make(4, 4, 0, 0);
	assert_int_equal(tick(s, &host, 4), 2);
	assert_int_equal(sched_lacks(s), memory_need(MIB(100)));
	host.memory = MIB(103);
	assert_int_equal(tick(s, &host, 4), 0);
	host.memory = MIB(104);
	assert_int_equal(tick(s, &host, 4), 1);
	assert_int_equal(tick(s, &unbounded, 4), 1);
	assert_int_equal(sched_lacks(s), 0);
	sched_free(s);
}

/* Always one; none when others run. */
static void
something_runs(void **state)
{
	struct sched_host	host = { .memory = 0, .closed = true, .beside = true,
	    .share_milli = WIDTH_CPU };
	struct sched		*s;

	(void)state;
	fill((struct sched_test){ .weight = 1, .memory = MIB(100) });
	for (int closed = 0; closed < 2; closed++) {
		s = make(3, 4, 0, 0);
		host.closed = closed != 0;
		host.beside = true;
		assert_int_equal(tick(s, &host, 4), 0);
		assert_true(sched_lacks(s) > 0);
		host.beside = false;
		assert_int_equal(tick(s, &host, 4), 1);
		assert_int_equal(tick(s, &host, 4), 0);
		assert_int_equal(step(s, &host, 4, passed(0, 1)), 1);
		assert_int_equal(step(s, &host, 4, passed(1, 1)), 1);
		(void)step(s, &host, 4, passed(2, 1));
		assert_int_equal(out.v[out.n - 1].type, SCHED_ACT_RUN_DONE);
		sched_free(s);
	}
}

/* Small ones go past a large one so often and no more. */
static void
a_large_one_has_its_turn(void **state)
{
	struct sched_host	host = { .memory = MIB(100), .share_milli = WIDTH_CPU };
	struct sched		*s;
	uint32_t		 n;

	(void)state;
	fill((struct sched_test){ .weight = 1 });
	t[1].memory = MIB(200);
	s = make(TESTS, 2, 0, 0);
	assert_int_equal(tick(s, &host, 2), 2);		/* 0 and 2 */
	for (n = 0; n < TESTS && step(s, &host, 2, passed(n + 2, 1)) == 1; n++)
		;
	assert_true(n <= SCHED_BYPASS_MAX);
	assert_int_equal(sched_lacks(s), memory_need(MIB(200)));
	assert_int_equal(step(s, &host, 2, passed(0, 1)), 1);	/* alone now */
	assert_int_equal(out.v[1].test, 1);
	sched_free(s);
}

static void
an_evicted_test_runs_again(void **state)
{
	struct sched_host	host = { .memory = MIB(100), .share_milli = WIDTH_CPU };
	struct sched_in		lost = { .type = SCHED_IN_DONE, .test = 1, .outcome = OUTCOME_LOST,
	    .evicted = true, .memory = MIB(150) };
	struct sched		*s;
	struct sched_count	 c;

	(void)state;
	fill((struct sched_test){ .weight = 1 });
	s = make(2, 2, 0, 0);
	assert_int_equal(tick(s, &host, 2), 2);
	for (lost.attempt = 1; lost.attempt <= 4 * SCHED_LOST_MAX; lost.attempt++) {
		host.memory = MIB(100);
		assert_int_equal(step(s, &host, 2, lost), 0);
		assert_int_equal(out.n, 0);		/* neither a retry nor a verdict */
		assert_int_equal(sched_lacks(s), MIB(150));
		sched_count(s, &c);
		assert_int_equal(c.delayed, 1);
		host.memory = MIB(200);
		assert_int_equal(tick(s, &host, 2), 1);
		assert_int_equal(out.v[0].attempt, lost.attempt + 1);
	}
	(void)step(s, &host, 2, passed(1, lost.attempt));
	assert_int_equal(out.v[0].type, SCHED_ACT_VERDICT);
	assert_int_equal(out.v[0].status, TEST_PASS);
	assert_false(out.v[0].flaky);
	assert_false(out.v[0].lost_for_good);
	(void)step(s, &host, 2, passed(0, 1));
	assert_int_equal(out.v[1].type, SCHED_ACT_RUN_DONE);
	sched_free(s);
}

/* The last that is left does not wait for memory, and a cancel ends it where it is. */
static void
an_evicted_test_is_not_forgotten(void **state)
{
	struct sched_host	host = { .memory = 0, .share_milli = WIDTH_CPU };
	struct sched_in		lost = { .type = SCHED_IN_DONE, .test = 1, .attempt = 1,
	    .outcome = OUTCOME_LOST, .evicted = true, .memory = MIB(150) };

	(void)state;
	fill((struct sched_test){ .weight = 1 });
	for (int cancel = 0; cancel < 2; cancel++) {
		struct sched	*s = make(2, 2, 0, 0);

		assert_int_equal(tick(s, &unbounded, 2), 2);
		assert_int_equal(step(s, &host, 2, lost), 0);
		if (cancel) {
			(void)step(s, &host, 2, (struct sched_in){ .type = SCHED_IN_CANCEL });
			assert_int_equal(sched_lacks(s), 0);
			(void)step(s, &host, 2, passed(0, 1));
		} else {
			assert_int_equal(step(s, &host, 2, passed(0, 1)), 1);
			(void)step(s, &host, 2, passed(1, 2));
		}
		assert_int_equal(out.v[out.n - 1].type, SCHED_ACT_RUN_DONE);
		sched_free(s);
	}
}

/* Evictions of before do not count as losses. */
static void
recalled(void **state)
{
	struct sched_past	past = { .attempts = 7, .lost = 7, .evicted = 6 };
	struct sched_in		lost = { .type = SCHED_IN_DONE, .outcome = OUTCOME_LOST };
	struct sched		*s;

	(void)state;
	fill((struct sched_test){ .weight = 1 });
	s = make(1, 1, 0, 0);
	sched_recall(s, 0, &past);
	assert_int_equal(tick(s, &unbounded, 1), 1);
	for (lost.attempt = 8; lost.attempt < 8 + SCHED_LOST_MAX - 1; lost.attempt++)
		assert_int_equal(step(s, &unbounded, 1, lost), 1);
	assert_int_equal(step(s, &unbounded, 1, lost), 0);
	assert_true(out.v[0].lost_for_good);
	sched_free(s);
}

/* ---- wide plans ---- */

static void
shares_of_cpus(void **state)
{
	static const struct {
		uint32_t	share, cpu, cpus, starts;
	} cases[] = {
		{ 1000, 0, 2, 2 }, { 250, 0, 2, 8 }, { 20, 0, 2, 16 }, { 1000, 1000, 2, 2 },
		{ 1000, 501, 2, 2 }, { 1000, 400, 2, 5 }, { 1000, 20, 2, 16 }, { 1000, 60, 1, 8 },
		{ 1000, 60, 0, 0 }, { 500, 0, 1, 2 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct sched_host	host = { .memory = UINT64_MAX,
		    .share_milli = cases[i].share };
		struct sched		*s;

		fill((struct sched_test){ .weight = 1, .cpu_milli = cases[i].cpu });
		s = make(TESTS, 16, 8, 2);
		assert_int_equal(tick(s, &host, cases[i].cpus), cases[i].starts);
		sched_free(s);
	}
}

/* While something waits for CPUs only idle ones start beside as many as there are. */
static void
pressure_on_cpus(void **state)
{
	struct sched_host	host = { .memory = UINT64_MAX, .share_milli = WIDTH_CPU,
	    .pressed = true };
	struct sched		*s;

	(void)state;
	fill((struct sched_test){ .weight = 1, .cpu_milli = 100 });
	s = make(TESTS, 16, 8, 2);
	assert_int_equal(tick(s, &host, 2), 2);
	host.pressed = false;
	assert_int_equal(tick(s, &host, 2), 14);
	sched_free(s);
	for (uint32_t i = 0; i < TESTS; i++)
		t[i].cpu_milli = i % 4 == 0 ? 1000 : 50;
	s = make(TESTS, 16, 8, 2);
	host.pressed = true;
	assert_int_equal(tick(s, &host, 2), 16);
	assert_int_equal(sched_cpu_milli(s, &(uint32_t){ 0 }), 2 * 1000 + 14 * 60);
	sched_free(s);
}

/* A stated weight is not made less of, and a wide test still comes to its turn. */
static void
weights_and_serial(void **state)
{
	struct sched	*s;

	(void)state;
	fill((struct sched_test){ .weight = 1, .cpu_milli = 20 });
	t[0].weight = 2;
	t[1].weight = 8;
	s = make(4, 16, 8, 2);
	assert_int_equal(tick(s, &unbounded, 2), 3);	/* 0, 2, 3 */
	assert_int_equal(step(s, &unbounded, 2, passed(0, 1)), 1);	/* 1, beside idle ones */
	sched_free(s);
	t[0].serial = true;
	s = make(4, 16, 8, 2);
	assert_int_equal(tick(s, &unbounded, 2), 1);
	sched_free(s);
	fill((struct sched_test){ .weight = 1, .cpu_milli = 20, .nneeds = 1,
	    .needs = &(const struct sched_need){ .resource = 0, .count = 1 } });
	s = sched_new(&(struct sched_plan){ .tests = t, .ntests = 8, .jobs = 16, .wide = 8,
	    .cpus = 2, .resources = &(const uint32_t){ 3 }, .nresources = 1 }, 0);
	assert_int_equal(tick(s, &unbounded, 2), 3);
	sched_free(s);
}

/* What it holds and could hold are CPUs, for those it is shared with. */
static void
counts_are_cpus(void **state)
{
	struct sched		*s;
	struct sched_count	 c;

	(void)state;
	fill((struct sched_test){ .weight = 1, .cpu_milli = 50 });
	t[0].cpu_milli = 1000;
	s = make(10, 16, 8, 2);
	sched_count(s, &c);
	assert_int_equal(c.used, 0);
	assert_int_equal(c.demand, 2);			/* 1000 and 9 times 60 */
	assert_int_equal(tick(s, &unbounded, 2), 10);
	sched_count(s, &c);
	assert_int_equal(c.used, 2);
	assert_int_equal(c.running, 10);
	sched_free(s);
}

static struct share_claim
claim_of(const struct sched *s, uint32_t cpus)
{
	struct sched_count	c;

	sched_count(s, &c);
	return (struct share_claim){ .used = c.used, .weight = 1,
	    .demand = c.demand < cpus ? c.demand : cpus };
}

/* Two users on two CPUs: one sleeps, and holds no more of them than the other for it. */
static void
shares_are_of_cpus(void **state)
{
	struct share_claim	users[2], runs[2];
	struct sched		*sleeps, *computes;

	(void)state;
	fill((struct sched_test){ .weight = 1, .cpu_milli = 50 });
	sleeps = make(20, 16, 8, 2);
	fill((struct sched_test){ .weight = 1, .cpu_milli = 1000 });
	computes = make(20, 16, 8, 2);
	for (int turn = 0; turn < 3; turn++) {
		for (int i = 0; i < 2; i++)
			users[i] = (struct share_claim){ .weight = 1, .step = 1, .nruns = 1 };
		runs[0] = claim_of(sleeps, 2);
		runs[1] = claim_of(computes, 2);
		share_out(2, users, 2, runs);
		assert_int_equal(runs[0].limit, 1);
		assert_int_equal(runs[1].limit, 1);
		assert_int_equal(tick(sleeps, &unbounded, runs[0].limit), turn == 0 ? 8 : 0);
		assert_int_equal(tick(computes, &unbounded, runs[1].limit), turn == 0 ? 1 : 0);
	}
	sched_free(sleeps);
	sched_free(computes);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(what_fits_starts),
		cmocka_unit_test(something_runs),
		cmocka_unit_test(a_large_one_has_its_turn),
		cmocka_unit_test(an_evicted_test_runs_again),
		cmocka_unit_test(an_evicted_test_is_not_forgotten),
		cmocka_unit_test(recalled),
		cmocka_unit_test(shares_of_cpus),
		cmocka_unit_test(pressure_on_cpus),
		cmocka_unit_test(weights_and_serial),
		cmocka_unit_test(counts_are_cpus),
		cmocka_unit_test(shares_are_of_cpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
