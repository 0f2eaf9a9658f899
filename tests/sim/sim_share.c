/*
 * Is the pool shared fairly?  Users with weights come, submit runs of many tests, go and
 * come again; each turn of the virtual clock the policy says what may start.  What each
 * user got is held against the fluid ideal, in which units can be divided at will and
 * taken away at once.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "supervisor/policy/order.h"
#include "supervisor/policy/share.h"

#define USERS_MAX	64
#define RUNS_MAX	8		/* active, of one user */
#define MEAN		60		/* ticks that a test takes; at most twice that */
#define LONGEST		(2 * MEAN)
#define WINDOW		(100 * MEAN)	/* over which errors are looked at */
#define STEP		(10 * MEAN)	/* windows start so often */
#define STEPS		(WINDOW / STEP)

struct setup {
	const char	*name;
	uint32_t	users, slots, tests;
	uint32_t	run;		/* tests of a run, about */
	uint32_t	pause;		/* ticks between two visits of a user, about */
};

struct run {
	uint32_t	left, used;
	int		priority;
	uint64_t	served;
};

struct user {
	struct run	runs[RUNS_MAX];
	uint32_t	nruns, weight;
	uint64_t	served, step, back_at;	/* NEVER: he is here */
	uint32_t	used, demand, share, least;	/* least: share since the last arrival */
	double		got, due, ideal;	/* unit-ticks so far; units now */
	double		past_got[STEPS], past_due[STEPS];
	uint64_t	hungry_since, waits_since;
};

#define NEVER	UINT64_MAX

struct node {
	struct node	*next;
	struct run	*run;
	struct user	*user;
	uint32_t	length;
};

static struct world {
	struct setup	s;
	struct user	users[USERS_MAX];
	struct share_claim claims[USERS_MAX], runs[USERS_MAX * RUNS_MAX];
	uint32_t	active[USERS_MAX], nactive, nruns;	/* in claims */
	struct node	*ends[LONGEST + 1], *nodes, *unused;
	uint64_t	now, rng, arrived_at, turns, busy;
	uint32_t	submitted, done;
	bool		even;			/* all tests are of one length */
	/* what is asked for */
	double		worst;			/* error in a window */
	uint64_t	windows, settled, longest_wait;
} w;

/* ---- the ideal ---- */

static int
by_ratio(const void *a, const void *b)
{
	const struct user *x = &w.users[*(const uint32_t *)a], *y = &w.users[*(const uint32_t *)b];
	double p = (double)x->demand / x->weight, q = (double)y->demand / y->weight;

	return (p > q) - (p < q);
}

/* Weighted max-min with real numbers: the most modest first. */
static void
set_ideal(void)
{
	uint32_t order[USERS_MAX];
	double left = w.s.slots, weights = 0, part;

	memcpy(order, w.active, sizeof order);
	qsort(order, w.nactive, sizeof *order, by_ratio);
	for (uint32_t i = 0; i < w.nactive; i++)
		weights += w.users[order[i]].weight;
	for (uint32_t i = 0; i < w.nactive; i++) {
		struct user *u = &w.users[order[i]];

		part = left * u->weight / weights;
		u->ideal = u->demand < part ? u->demand : part;
		left -= u->ideal;
		weights -= u->weight;
	}
}

/* ---- what happens ---- */

static void
end_tests(void)
{
	struct node *n, **list = &w.ends[w.now % (LONGEST + 1)];

	while ((n = *list) != NULL) {
		*list = n->next;
		n->run->used--;
		n->run->served += n->length;
		n->user->served += (uint64_t)n->length * 1000 / n->user->weight;
		n->user->step -= n->user->step / 8;
		if ((uint64_t)n->length * 1000 / n->user->weight > n->user->step)
			n->user->step = (uint64_t)n->length * 1000 / n->user->weight;
		w.done++;
		n->next = w.unused;
		w.unused = n;
	}
}

/* Runs that are over go, from the last on, as nodes point to those before. */
static void
drop_runs(struct user *u)
{
	while (u->nruns > 0 && u->runs[u->nruns - 1].left + u->runs[u->nruns - 1].used == 0)
		u->nruns--;
	if (u->nruns == 0 && u->back_at == NEVER)
		u->back_at = w.now + 1 + order_below(&w.rng, 2 * w.s.pause);
}

static uint64_t
least_served(void)
{
	uint64_t least = NEVER;

	for (uint32_t i = 0; i < w.s.users; i++) {
		if (w.users[i].nruns > 0 && w.users[i].served < least)
			least = w.users[i].served;
	}
	return least;
}

static void
arrive(struct user *u)
{
	uint32_t n = 1 + order_below(&w.rng, 3), tests;
	uint64_t least = least_served();

	if (w.submitted >= w.s.tests)
		return;
	if (least != NEVER && u->served < least)
		u->served = least;
	for (uint32_t i = 0; i < n; i++) {
		tests = 1 + order_below(&w.rng, 2 * w.s.run);
		if (tests > w.s.tests - w.submitted)
			tests = w.s.tests - w.submitted;
		w.submitted += tests;
		u->runs[u->nruns++] = (struct run){ .left = tests, .priority = 5 - (int)i / 2 };
	}
	u->back_at = NEVER;
	u->hungry_since = u->waits_since = w.now;
	memset(u->past_got, 0, sizeof u->past_got);
	w.arrived_at = w.now;
	for (uint32_t i = 0; i < w.s.users; i++)
		w.users[i].least = UINT32_MAX;
}

static void
start_tests(struct user *u, struct run *r, uint32_t n)
{
	struct node *node;

	while (n-- > 0) {
		node = w.unused;
		assert_non_null(node);
		w.unused = node->next;
		node->run = r;
		node->user = u;
		node->length = w.even ? LONGEST : 1 + order_below(&w.rng, LONGEST);
		node->next = w.ends[(w.now + node->length) % (LONGEST + 1)];
		w.ends[(w.now + node->length) % (LONGEST + 1)] = node;
		r->left--;
		r->used++;
	}
}

static void
make_claims(void)
{
	w.nactive = w.nruns = 0;
	for (uint32_t i = 0; i < w.s.users; i++) {
		struct user *u = &w.users[i];

		u->demand = 0;
		if (u->nruns == 0)
			continue;
		w.active[w.nactive] = i;
		w.claims[w.nactive++] = (struct share_claim){ .weight = u->weight,
		    .served = u->served, .step = u->step, .nruns = u->nruns };
		for (uint32_t k = 0; k < u->nruns; k++) {
			const struct run *r = &u->runs[k];

			w.runs[w.nruns++] = (struct share_claim){ .weight = 1, .used = r->used,
			    .demand = r->used + r->left, .priority = r->priority,
			    .served = r->served };
			u->demand += r->used + r->left;
		}
	}
}

static void
apply(void)
{
	uint64_t used = 0, wanted = 0;
	uint32_t at = 0;

	for (uint32_t i = 0; i < w.nactive; i++) {
		struct user *u = &w.users[w.active[i]];

		u->served = w.claims[i].served;
		u->share = w.claims[i].share;
		u->least = u->share < u->least ? u->share : u->least;
		u->used = 0;
		for (uint32_t k = 0; k < u->nruns; k++, at++) {
			struct run *r = &u->runs[k];

			if (w.runs[at].limit > r->used)
				start_tests(u, r, w.runs[at].limit - r->used);
			u->used += r->used;
		}
		used += u->used;
		wanted += u->demand;
	}
	/* Work conservation: no unit is free that somebody wants. */
	assert_int_equal(used, wanted < w.s.slots ? wanted : w.s.slots);
	w.busy += used;
}

/* ---- what is asked for ---- */

/* Everybody who wants more has his share, when the tests that ran as the last user came
 * are over. */
static void
check_settled(void)
{
	if (w.now < w.arrived_at + LONGEST)
		return;
	for (uint32_t i = 0; i < w.nactive; i++) {
		const struct user *u = &w.users[w.active[i]];

		if (u->used < u->demand && u->used + 1 < u->least)
			fail_msg("%s: at %llu user %u has %u, and %u are his due", w.s.name,
			    (unsigned long long)w.now, w.active[i], u->used, u->least);
		w.settled++;
	}
}

static void
account(void)
{
	for (uint32_t i = 0; i < w.nactive; i++) {
		struct user *u = &w.users[w.active[i]];

		u->got += u->used;
		u->due += u->ideal;
		if (u->demand - u->used == 0)
			u->hungry_since = w.now + 1;	/* he has all he wants */
		if (u->used > 0 || u->demand == 0)
			u->waits_since = w.now + 1;
		else if (w.now + 1 - u->waits_since > w.longest_wait)
			w.longest_wait = w.now + 1 - u->waits_since;
	}
}

/* Whoever wanted more all the time got what was his due, but for 5 %. */
static void
look_back(void)
{
	uint64_t at = w.now / STEP % STEPS;
	double got, due, error;

	for (uint32_t i = 0; i < w.s.users; i++) {
		struct user *u = &w.users[i];

		if (w.now >= WINDOW && u->nruns > 0 && u->hungry_since + WINDOW <= w.now) {
			got = u->got - u->past_got[at];
			due = u->due - u->past_due[at];
			error = fabs(got - due) / due;
			w.worst = error > w.worst ? error : w.worst;
			w.windows++;
		}
		u->past_got[at] = u->got;
		u->past_due[at] = u->due;
	}
}

static void
open_world(const struct setup *s)
{
	memset(&w, 0, sizeof w);
	w.s = *s;
	w.nodes = calloc(s->slots, sizeof *w.nodes);
	assert_non_null(w.nodes);
	for (uint32_t i = 0; i < s->slots; i++) {
		w.nodes[i].next = w.unused;
		w.unused = &w.nodes[i];
	}
	for (uint32_t i = 0; i < s->users; i++) {
		w.users[i].weight = i % 10 == 9 ? 3 : 1;
		w.users[i].back_at = order_below(&w.rng, s->pause);
	}
}

static double
play(const struct setup *s)
{
	clock_t start = clock();

	open_world(s);
	for (; w.done < s->tests; w.now++) {
		if (w.now % STEP == 0)
			look_back();
		end_tests();
		for (uint32_t i = 0; i < s->users; i++) {
			drop_runs(&w.users[i]);
			if (w.users[i].nruns == 0 && w.users[i].back_at <= w.now)
				arrive(&w.users[i]);
		}
		make_claims();
		share_out(s->slots, w.claims, w.nactive, w.runs);
		set_ideal();
		apply();
		check_settled();
		account();
		w.turns++;
	}
	free(w.nodes);
	return (double)(clock() - start) / CLOCKS_PER_SEC;
}

static void
report(const struct setup *s, double seconds)
{
	print_message("%s: %u tests of %u users on %u slots, %llu turns, %.0f %% busy: error at "
	    "most %.2f %% in %llu windows; longest wait for a slot %.2f tests; %.2f s\n", s->name,
	    s->tests, s->users, s->slots, (unsigned long long)w.turns,
	    100.0 * (double)w.busy / (double)w.turns / s->slots, 100 * w.worst,
	    (unsigned long long)w.windows, (double)w.longest_wait / LONGEST, seconds);
}

static void
shares_are_fair_while_users_come_and_go(void **state)
{
	static const struct setup setups[] = {
		{ "large", 50, 10000, 4000000, 40000, 20 * MEAN },
		{ "long", 50, 1000, 1000000, 8000, 100 * MEAN },
		{ "small", 50, 100, 200000, 2000, 100 * MEAN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof setups / sizeof setups[0]; i++) {
		report(&setups[i], play(&setups[i]));
		assert_true(w.windows > 10);
		assert_true(w.settled > 1000);
		assert_true(w.worst < 0.05);
		assert_true(w.longest_wait <= LONGEST);	/* nobody starves */
	}
}

/* ---- the promise ---- */

#define CROWD	100000		/* tests of one user that wait */
#define FEW	10		/* of the other */

/* When the newcomer's first started and his last ended, in ticks after he came, with
 * tests of one length, while another has had all slots for `age` of a test. */
static void
newcomer(uint32_t slots, uint32_t age, uint64_t *ret_first, uint64_t *ret_last)
{
	struct setup s = { "newcomer", 2, slots, CROWD + FEW, 1, 1 };
	uint64_t came = LONGEST * 3 + age;

	open_world(&s);
	w.even = true;
	w.users[0].weight = w.users[1].weight = 1;
	w.users[0].back_at = w.users[1].back_at = NEVER;
	w.users[0].runs[0] = (struct run){ .left = CROWD };
	w.users[0].nruns = 1;
	*ret_first = *ret_last = NEVER;
	for (; *ret_last == NEVER; w.now++) {
		end_tests();
		if (w.now == came) {
			w.users[1].served = w.users[0].served;
			w.users[1].runs[0] = (struct run){ .left = FEW };
			w.users[1].nruns = 1;
		}
		make_claims();
		share_out(slots, w.claims, w.nactive, w.runs);
		apply();
		if (w.users[1].runs[0].used > 0 && *ret_first == NEVER)
			*ret_first = w.now - came;
		if (w.now > came && w.users[1].runs[0].left + w.users[1].runs[0].used == 0)
			*ret_last = w.now - came;
	}
	free(w.nodes);
}

/* It takes what it would on half of the host, and one test more at most. */
static void
a_crowd_delays_a_few_by_one_test(void **state)
{
	static const uint32_t slots[] = { 1, 2, 3, 8, 16, 64 };
	uint64_t first, last, alone;
	uint32_t half;

	(void)state;
	for (size_t i = 0; i < sizeof slots / sizeof slots[0]; i++) {
		half = slots[i] > 1 ? slots[i] / 2 : 1;
		/* With one slot they take turns. */
		alone = (uint64_t)((FEW + half - 1) / half) * LONGEST * (slots[i] > 1 ? 1 : 2);
		for (uint32_t age = 0; age < LONGEST; age += 7) {
			newcomer(slots[i], age, &first, &last);
			assert_true(first <= LONGEST);
			if (last > alone + LONGEST)
				fail_msg("%u slots, age %u: %llu, and alone %llu", slots[i], age,
				    (unsigned long long)last, (unsigned long long)alone);
		}
	}
}

/* ---- the cost ---- */

/* Figures only: what a division costs a claim, and a test in all. */
static void
cost_grows_with_the_number(void **state)
{
	static struct share_claim users[4096], runs[65536];
	static const struct setup tests[] = {
		{ "250k", 50, 10000, 250000, 5000, MEAN },
		{ "500k", 50, 10000, 500000, 10000, MEAN },
		{ "1M", 50, 10000, 1000000, 20000, MEAN },
	};
	uint64_t rng = 1;
	clock_t start;
	uint32_t n, i;

	(void)state;
	for (n = 256; n <= 65536; n *= 16) {
		for (i = 0; i < n / 16; i++)
			users[i] = (struct share_claim){ .weight = 1 + order_below(&rng, 3),
			    .nruns = 16, .served = order_below(&rng, 100000) };
		for (i = 0; i < n; i++)
			runs[i] = (struct share_claim){ .weight = 1,
			    .demand = order_below(&rng, 50), .served = order_below(&rng, 100000) };
		start = clock();
		share_out(n, users, n / 16, runs);
		print_message("%u runs of %u users: %.0f ns a run\n", n, n / 16,
		    1e9 * (double)(clock() - start) / CLOCKS_PER_SEC / n);
	}
	for (i = 0; i < sizeof tests / sizeof tests[0]; i++)
		print_message("%s tests: %.0f ns a test\n", tests[i].name,
		    1e9 * play(&tests[i]) / tests[i].tests);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares_are_fair_while_users_come_and_go),
		cmocka_unit_test(a_crowd_delays_a_few_by_one_test),
		cmocka_unit_test(cost_grows_with_the_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
