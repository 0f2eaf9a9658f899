/*
 * Is -j auto as fast as the CPUs allow?  Suites run by the scheduler itself in virtual
 * time on CPUs that those share who want one.  Shares of sleeping tests are those of a
 * study with 400 log-normal tests; what it is held against is the time that no order can
 * beat, and one test a CPU.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/policy/order.h"
#include "supervisor/policy/sched.h"
#include "supervisor/policy/width.h"

#define TESTS	400
#define WIDE	8
#define LOOK_US	200000
#define TICK_US	1000.0	/* virtual time goes on in steps of at most so much */
#define SLEEPS	0.05	/* of a CPU, that a sleeping test takes */

struct setup {
	uint32_t	cpus;
	unsigned	sleeping;	/* percent of the tests */
	bool		known;		/* by a record */
	double		error;		/* of its shares, a factor at most */
	bool		wide;
	double		others;		/* CPUs that somebody else keeps busy */
	double		spread;		/* of the logarithm of durations; 0: 1 */
};

struct test {
	double		wall_us, cpu_us;	/* alone on a CPU: all of it, and that */
	double		left_us;		/* of wall_us, while it runs */
	bool		runs;
};

static struct world {
	struct setup	 s;
	struct test	 t[TESTS];
	struct sched_test plan[TESTS];
	struct sched	*sched;
	struct width	 width;
	struct sched_host host;
	double		 now_us, busy_us, stall_us, looked_us;
	uint32_t	 running, widest, started, done;
	uint32_t	 turns;		/* of the width, up and down again */
	int		 way;
	bool		 over;
} w;

static double
uniform(uint64_t *rng)
{
	return (double)(order_random(rng) >> 11) / 9007199254740992.0;
}

static double
normal(uint64_t *rng)
{
	return sqrt(-2 * log(1 - uniform(rng))) * cos(6.283185307179586 * uniform(rng));
}

static void
make(const struct setup *s, uint64_t seed)
{
	uint64_t	rng = seed;

	memset(&w, 0, sizeof w);
	w.s = *s;
	width_init(&w.width);
	for (uint32_t i = 0; i < TESTS; i++) {
		bool	sleeps = order_below(&rng, 100) < s->sleeping;
		double	share = sleeps ? SLEEPS : 1, off = exp((2 * uniform(&rng) - 1) *
		    log(s->error));

		w.t[i].wall_us = exp(log(400000) + s->spread * normal(&rng));
		w.t[i].cpu_us = w.t[i].wall_us * share;
		w.plan[i] = (struct sched_test){ .weight = 1, .expected_us = s->known ?
		    (uint64_t)w.t[i].wall_us + 1 : 0, .fail_ppm = 1000 };
		if (s->known && s->wide)
			w.plan[i].cpu_milli = width_share((uint64_t)(w.t[i].cpu_us * off),
			    (uint64_t)w.t[i].wall_us);
	}
}

static double
bound_us(void)
{
	double	cpu = 0, longest = 0, wall = 0;

	for (uint32_t i = 0; i < TESTS; i++) {
		cpu += w.t[i].cpu_us;
		wall += w.t[i].wall_us;
		longest = fmax(longest, w.t[i].wall_us);
	}
	cpu = fmax(cpu / w.s.cpus, wall / (w.s.cpus * WIDE));
	return fmax(cpu, longest);
}

static void
step(struct sched_in in)
{
	struct sched_out	out;

	do {
		sched_bound(w.sched, &w.host);
		sched_step(w.sched, (uint64_t)(w.now_us / 1000), w.s.cpus, &in, &out);
		for (uint32_t i = 0; i < out.n; i++) {
			struct test	*t = &w.t[out.v[i].test];

			if (out.v[i].type == SCHED_ACT_START) {
				t->runs = true;
				t->left_us = t->wall_us;
				w.running++;
				w.started++;
			}
			w.over |= out.v[i].type == SCHED_ACT_RUN_DONE;
		}
		in = (struct sched_in){ .type = SCHED_IN_TICK };
	} while (out.next <= (uint64_t)(w.now_us / 1000));
	w.widest = w.running > w.widest ? w.running : w.widest;
}

/* How fast a test goes on when those who want a CPU have only this part of one each: what it
 * sleeps takes as long as ever. */
static double
rate(double share, double part)
{
	return 1 / (1 - share + share / part);
}

/* What all take then. */
static double
taken(const uint32_t n[2], double part)
{
	return w.s.others * part + n[0] * rate(1, part) + n[1] * SLEEPS * rate(SLEEPS, part);
}

/* The part of a CPU that each has while it wants one; the CPUs are all taken, if that is
 * less than a whole one. */
static double
part_of_cpu(double *ret_wanted)
{
	uint32_t	n[2] = { 0, 0 };	/* that compute, that sleep */
	double		low = 0, high = 1;

	for (uint32_t i = 0; i < TESTS; i++)
		if (w.t[i].runs)
			n[w.t[i].cpu_us < w.t[i].wall_us]++;
	*ret_wanted = taken(n, 1);
	if (*ret_wanted <= w.s.cpus)
		return 1;
	for (int i = 0; i < 30; i++) {
		double	middle = (low + high) / 2;

		if (taken(n, middle) > w.s.cpus)
			high = middle;
		else
			low = middle;
	}
	return low;
}

static void
look(void)
{
	double			span = w.now_us - w.looked_us;
	struct width_seen	seen = { .cpus = w.s.cpus, .bound_milli = 400 };
	uint32_t		was = w.width.share_milli;
	int			way;

	seen.known_milli = sched_cpu_milli(w.sched, &seen.unknown);
	seen.busy_milli = (uint64_t)(w.busy_us / span * 1000);
	seen.stall_milli = (uint32_t)(w.stall_us / span * 1000);
	width_look(&w.width, &seen);
	way = w.width.share_milli > was ? 1 : w.width.share_milli < was ? -1 : 0;
	w.turns += way != 0 && way == -w.way;
	w.way = way != 0 ? way : w.way;
	w.looked_us = w.now_us;
	w.busy_us = w.stall_us = 0;
	w.host.share_milli = w.width.share_milli;
	w.host.pressed = w.width.pressed;
}

static void
pass(void)
{
	double	wanted, part = part_of_cpu(&wanted), dt = TICK_US;
	/* What is beyond the CPUs waits; tests that compute now and then do so at random. */
	double	waits = wanted > w.s.cpus ? fmin(1, wanted - w.s.cpus) : 0;

	for (uint32_t i = 0; i < TESTS; i++) {
		struct test	*t = &w.t[i];

		if (t->runs)
			t->left_us -= dt * rate(t->cpu_us / t->wall_us, part);
	}
	w.now_us += dt;
	w.busy_us += dt * fmin(wanted, w.s.cpus);
	w.stall_us += dt * waits;
	for (uint32_t i = 0; i < TESTS; i++) {
		if (!w.t[i].runs || w.t[i].left_us > 0)
			continue;
		w.t[i].runs = false;
		w.running--;
		w.done++;
		step((struct sched_in){ .type = SCHED_IN_DONE, .test = i, .attempt = 1,
		    .outcome = OUTCOME_PASS });
	}
	if (w.now_us - w.looked_us >= LOOK_US) {
		look();
		step((struct sched_in){ .type = SCHED_IN_TICK });
	}
}

/* The makespan over the bound. */
static double
run(struct setup s, uint64_t seed)
{
	struct sched_plan	plan = { .tests = w.plan, .ntests = TESTS, .by_history = true,
	    .jobs = s.wide ? s.cpus * WIDE : s.cpus, .wide = s.wide ? WIDE : 0, .cpus = s.cpus };

	s.error = s.error < 1 ? 1 : s.error;
	s.spread = s.spread > 0 ? s.spread : 1;
	make(&s, seed);
	w.sched = sched_new(&plan, 0);
	assert_non_null(w.sched);
	w.host = (struct sched_host){ .memory = UINT64_MAX, .share_milli = WIDTH_CPU };
	step((struct sched_in){ .type = SCHED_IN_TICK });
	while (!w.over) {
		pass();
		assert_true(w.now_us < 1e10);
		assert_true(w.running <= s.cpus * WIDE);
	}
	sched_free(w.sched);
	assert_int_equal(w.done, TESTS);
	return w.now_us / bound_us();
}

#define SEEDS	3

static double
mean(struct setup s)
{
	double	sum = 0;

	for (uint64_t i = 1; i <= SEEDS; i++)
		sum += run(s, i * 77);
	return sum / SEEDS;
}

/* As many times as fast as one test a CPU, least of the seeds. */
static double
speed(struct setup s)
{
	double	worst = HUGE_VAL, narrow;

	for (uint64_t i = 1; i <= SEEDS; i++) {
		s.wide = false;
		narrow = run(s, i * 77);
		s.wide = true;
		worst = fmin(worst, narrow / run(s, i * 77));
	}
	return worst;
}

static void
table(void **state)
{
	(void)state;
	print_message("sleeping   one a CPU   with a record   off by 1.35   without\n");
	for (unsigned p = 0; p <= 90; p += p == 75 ? 15 : 25) {
		struct setup	s = { .cpus = 8, .sleeping = p };
		double		narrow = mean(s), known, off, unknown;

		s.wide = s.known = true;
		known = mean(s);
		s.error = 1.35;
		off = mean(s);
		s.known = false;
		unknown = mean(s);
		print_message("%6u %%   %8.2f   %13.2f   %11.2f   %7.2f\n", p, narrow, known, off,
		    unknown);
		assert_true(known < 1.10);
		assert_true(off < 1.10);
		assert_true(unknown < 1.75 && unknown < narrow + 0.01);
	}
}

static void
three_quarters_sleep(void **state)
{
	(void)state;
	for (uint32_t cpus = 2; cpus <= 8; cpus *= 2) {
		struct setup	s = { .cpus = cpus, .sleeping = 75, .spread = 0.5 };
		double		unknown = speed(s), known;

		s.known = true;
		known = speed(s);

		print_message("%u CPUs: %.2f x, without a record %.2f x\n", cpus, known, unknown);
		assert_true(known >= 3.0);
		assert_true(unknown >= 2.5);
	}
}

/* Bound to the CPUs it is one test a CPU, to 3 %. */
static void
all_compute(void **state)
{
	(void)state;
	for (uint32_t cpus = 1; cpus <= 32; cpus *= 4) {
		for (int known = 0; known < 2; known++) {
			double	x = speed((struct setup){ .cpus = cpus, .known = known != 0 });

			print_message("%u CPUs, %s: %.3f x\n", cpus,
			    known ? "known" : "unknown", x);
			assert_true(x > 0.97);
			assert_true(w.widest <= cpus + (cpus + 19) / 20);
		}
	}
}

/* The host is full of others: no wider than one a CPU, but for those that sleep. */
static void
others_compute(void **state)
{
	struct setup	s = { .cpus = 8, .sleeping = 75, .others = 8, .wide = true };

	(void)state;
	(void)run(s, 5);
	assert_true(w.widest <= 8);
}

/* The share of unknown tests finds its place, and does not swing. */
static void
settles(void **state)
{
	struct width		width;
	struct width_seen	s = { .cpus = 8, .bound_milli = 400 };
	uint32_t		turns = 0, was, share = 0;
	int			way = -1;

	(void)state;
	width_init(&width);
	for (int i = 0; i < 200; i++) {
		/* Each takes a quarter of a CPU; the more of them, the more wait. */
		uint32_t	n = 8 * 1050 / width.share_milli;

		s.unknown = n < 64 ? n : 64;
		s.busy_milli = s.unknown * 250 < 8000 ? s.unknown * 250 : 8000;
		s.stall_milli = s.unknown > 24 ? (s.unknown - 24) * 40 : 0;
		was = width.share_milli;
		width_look(&width, &s);
		turns += way != 0 && ((width.share_milli > was && way < 0) ||
		    (width.share_milli < was && way > 0));
		way = width.share_milli > was ? 1 : width.share_milli < was ? -1 : way;
		if (i == 20)
			share = width.share_milli;
	}
	assert_in_range(share, 150, 350);
	assert_in_range(width.share_milli, 150, 350);
	assert_true(turns <= 4);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(three_quarters_sleep),
		cmocka_unit_test(all_compute),
		cmocka_unit_test(others_compute),
		cmocka_unit_test(settles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
