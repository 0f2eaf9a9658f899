/* Unit tests of supervisor/policy/share.c. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "supervisor/policy/order.h"
#include "supervisor/policy/share.h"

#define N	12

/* The runs of one user, who is alone. */
static void
share_fill(uint32_t capacity, struct share_claim *c, uint32_t n)
{
	struct share_claim user = { .nruns = n, .weight = 1 };
	uint32_t i;

	for (i = 0; i < n; i++)
		c[i].weight = 1;
	share_out(capacity, &user, 1, c);
}

static void
fixed_cases(void **state)
{
	static const struct {
		const char *name;
		uint32_t capacity, n;
		uint32_t demand[N];
		uint64_t served[N];
		uint32_t want[N];
	} cases[] = {
		{ "nobody", 8, 0, { 0 }, { 0 }, { 0 } },
		{ "no capacity", 0, 2, { 3, 3 }, { 0 }, { 0, 0 } },
		{ "alone", 8, 1, { 5 }, { 9 }, { 5 } },
		{ "alone, all of it", 8, 1, { 50 }, { 9 }, { 8 } },
		{ "no demand", 8, 2, { 0, 9 }, { 0, 5 }, { 0, 8 } },
		{ "equal", 8, 2, { 9, 9 }, { 0, 100 }, { 4, 4 } },
		{ "the modest one gets all, the rest goes on", 8, 3, { 1, 9, 9 },
		    { 50, 50, 50 }, { 1, 4, 3 } },
		{ "filling in steps", 10, 4, { 1, 2, 9, 9 }, { 0 }, { 1, 2, 4, 3 } },
		{ "left over goes to the least served", 7, 2, { 9, 9 }, { 5, 4 }, { 3, 4 } },
		{ "two left over", 5, 3, { 9, 9, 9 }, { 3, 1, 2 }, { 1, 2, 2 } },
		{ "more claims than units: a newcomer first", 2, 4, { 9, 9, 9, 9 },
		    { 10, 20, 0, 30 }, { 1, 0, 1, 0 } },
		{ "equally served: the first", 1, 3, { 1, 1, 1 }, { 7, 7, 7 }, { 1, 0, 0 } },
		{ "left over only to whom it helps", 7, 3, { 2, 9, 9 }, { 0, 9, 8 },
		    { 2, 2, 3 } },
		{ "enough for all", 100, 3, { 2, 3, 4 }, { 0 }, { 2, 3, 4 } },
		{ "largest", UINT32_MAX, 2, { UINT32_MAX, UINT32_MAX }, { 1, 0 },
		    { UINT32_MAX / 2, UINT32_MAX / 2 + 1 } },
		{ "most served", 3, 2, { 9, 9 }, { UINT64_MAX, UINT64_MAX - 1 }, { 1, 2 } },
	};
	struct share_claim c[N];
	size_t i;
	uint32_t k;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (k = 0; k < cases[i].n; k++)
			c[k] = (struct share_claim){ .demand = cases[i].demand[k],
			    .served = cases[i].served[k], .limit = 77 };
		share_fill(cases[i].capacity, c, cases[i].n);
		for (k = 0; k < cases[i].n; k++)
			if (c[k].limit != cases[i].want[k] || c[k].share != cases[i].want[k])
				fail_msg("%s: claim %u has %u", cases[i].name, k, c[k].limit);
	}
}

/* What makes an assignment max-min fair, on random claims. */
static void
every_share_is_fair(void **state)
{
	struct share_claim c[N];
	uint64_t rng = 1, sum, wanted;
	uint32_t n, i, j, capacity;
	int round;

	(void)state;
	for (round = 0; round < 20000; round++) {
		n = order_below(&rng, N + 1);
		capacity = order_below(&rng, 40);
		for (i = 0; i < n; i++)
			c[i] = (struct share_claim){ .demand = order_below(&rng, 12),
			    .served = order_below(&rng, 5) };
		share_fill(capacity, c, n);
		for (i = 0, sum = 0, wanted = 0; i < n; i++) {
			assert_true(c[i].limit <= c[i].demand);
			sum += c[i].limit;
			wanted += c[i].demand;
		}
		assert_true(sum == (wanted < capacity ? wanted : capacity));
		for (i = 0; i < n; i++) {
			for (j = 0; j < n; j++) {
				if (c[i].limit == c[i].demand)
					break;
				/* i goes without: nobody has two more, and who
				 * has one more was not served more. */
				assert_true(c[j].limit <= c[i].limit + 1);
				if (c[j].limit == c[i].limit + 1)
					assert_true(c[j].served <= c[i].served);
			}
		}
	}
}

/* ---- users ---- */

struct case_run {
	uint32_t demand, used;
	int priority;
	uint32_t share, limit;
};

struct case_user {
	uint32_t weight, most;
	uint64_t served;
	uint32_t nruns;
	struct case_run runs[3];
};

static void
users_share_by_weight_and_runs_by_priority(void **state)
{
	static const struct {
		const char *name;
		uint32_t capacity, n;
		struct case_user users[3];
	} cases[] = {
		{ "runs do not count, users do", 9, 2, {
		    { 1, 0, 0, 2, { { 9, 0, 0, 3, 3 }, { 9, 0, 0, 2, 2 } } },
		    { 1, 0, 0, 1, { { 9, 0, 0, 4, 4 } } } } },
		{ "by weight", 8, 2, {
		    { 3, 0, 0, 1, { { 99, 0, 0, 6, 6 } } },
		    { 1, 0, 0, 1, { { 99, 0, 0, 2, 2 } } } } },
		{ "what the heavy one does not want", 8, 2, {
		    { 1000, 0, 0, 1, { { 1, 0, 0, 1, 1 } } },
		    { 1, 0, 0, 1, { { 99, 0, 0, 7, 7 } } } } },
		{ "an idle host is given whole", 8, 2, {
		    { 1, 0, 0, 0, { { 0, 0, 0, 0, 0 } } },
		    { 1, 0, 0, 1, { { 99, 0, 0, 8, 8 } } } } },
		{ "but for his own bound", 8, 2, {
		    { 1, 3, 0, 2, { { 9, 0, 0, 2, 2 }, { 9, 0, 0, 1, 1 } } },
		    { 1, 0, 0, 1, { { 99, 0, 0, 5, 5 } } } } },
		{ "a higher priority first", 8, 2, {
		    { 1, 0, 0, 3, { { 3, 0, 5, 3, 3 }, { 9, 0, 0, 1, 1 }, { 9, 0, -1, 0, 0 } } },
		    { 1, 0, 0, 1, { { 99, 0, -10, 4, 4 } } } } },
		{ "a newcomer gets what is free, no more", 8, 2, {
		    { 1, 0, 9, 1, { { 99, 6, 0, 4, 4 } } },
		    { 1, 0, 9, 1, { { 99, 0, 0, 4, 2 } } } } },
		{ "nothing is free", 8, 2, {
		    { 1, 0, 9, 1, { { 99, 8, 0, 4, 4 } } },
		    { 1, 0, 9, 1, { { 99, 0, 0, 4, 0 } } } } },
		{ "two newcomers halve what is free", 9, 3, {
		    { 1, 0, 9, 1, { { 99, 5, 0, 3, 3 } } },
		    { 1, 0, 9, 1, { { 99, 0, 0, 3, 2 } } },
		    { 1, 0, 9, 1, { { 99, 0, 0, 3, 2 } } } } },
		{ "who holds his share gives a new run none of another's", 8, 2, {
		    { 1, 0, 0, 2, { { 99, 0, 5, 4, 0 }, { 99, 4, 0, 0, 0 } } },
		    { 1, 0, 0, 1, { { 99, 0, 0, 4, 4 } } } } },
		{ "more is held than there is, since the settings changed", 2, 1, {
		    { 1, 0, 0, 2, { { 9, 3, 0, 1, 1 }, { 9, 0, 0, 1, 0 } } } } },
		{ "fewer units than users: the least served for his weight", 1, 2, {
		    { 1, 0, 5, 1, { { 9, 0, 0, 0, 0 } } },
		    { 1, 0, 4, 1, { { 9, 0, 0, 1, 1 } } } } },
	};
	struct share_claim users[3], runs[9];
	uint32_t i, k, n;
	size_t c;

	(void)state;
	for (c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		for (i = n = 0; i < cases[c].n; i++) {
			const struct case_user *u = &cases[c].users[i];

			users[i] = (struct share_claim){ .weight = u->weight, .most = u->most,
			    .served = u->served, .nruns = u->nruns };
			for (k = 0; k < u->nruns; k++)
				runs[n++] = (struct share_claim){ .demand = u->runs[k].demand,
				    .used = u->runs[k].used, .weight = 1,
				    .priority = u->runs[k].priority };
		}
		share_out(cases[c].capacity, users, cases[c].n, runs);
		for (i = n = 0; i < cases[c].n; i++) {
			for (k = 0; k < users[i].nruns; k++, n++) {
				const struct case_run *r = &cases[c].users[i].runs[k];

				if (runs[n].share != r->share || runs[n].limit != r->limit)
					fail_msg("%s: run %u of user %u has %u of %u",
					    cases[c].name, k, i, runs[n].limit, runs[n].share);
			}
		}
	}
}

/* Who wanted little is not owed the difference. */
static void
what_was_not_wanted_is_not_owed(void **state)
{
	struct share_claim users[2] = { { .weight = 1, .nruns = 1, .served = 10 },
	    { .weight = 1, .nruns = 1, .served = 700 } };
	struct share_claim runs[2] = { { .demand = 1, .weight = 1 }, { .demand = 9, .weight = 1 } };

	(void)state;
	share_out(4, users, 2, runs);
	assert_int_equal(users[0].served, 700);
	assert_int_equal(users[1].served, 700);
	runs[0].demand = 9;
	users[0].served = 10;
	share_out(4, users, 2, runs);	/* now it is his due */
	assert_int_equal(users[0].served, 10);
}

/* Random users and runs: what holds for whatever was held before. */
static void
every_division_holds(void **state)
{
	struct share_claim users[5], runs[5 * 4];
	uint64_t rng = 3, wanted, due, held, free_units, given;
	uint32_t n, nruns, i, k, capacity, want, r;
	int round;

	(void)state;
	for (round = 0; round < 20000; round++) {
		n = 1 + order_below(&rng, 5);
		capacity = order_below(&rng, 60);
		for (i = nruns = 0; i < n; i++) {
			users[i] = (struct share_claim){ .weight = 1 + order_below(&rng, 4),
			    .most = order_below(&rng, 4) == 0 ? 1 + order_below(&rng, 9) : 0,
			    .nruns = order_below(&rng, 5), .served = order_below(&rng, 9) };
			for (k = 0; k < users[i].nruns; k++) {
				want = order_below(&rng, 15);
				runs[nruns++] = (struct share_claim){ .demand = want, .weight = 1,
				    .used = order_below(&rng, want + 1),
				    .priority = 2 - (int)k / 2 };
			}
		}
		share_out(capacity, users, n, runs);
		for (i = r = 0, wanted = due = held = given = 0; i < n; i++) {
			uint32_t sum = 0;

			wanted += users[i].demand;
			due += users[i].share;
			held += users[i].used;
			for (k = 0; k < users[i].nruns; k++, r++) {
				sum += runs[r].share;
				if (runs[r].limit <= runs[r].used)
					continue;
				given += runs[r].limit - runs[r].used;
				assert_true(runs[r].limit <= runs[r].share);
			}
			assert_int_equal(sum, users[i].share);
			assert_true(users[i].most == 0 || users[i].share <= users[i].most);
		}
		assert_true(due == (wanted < capacity ? wanted : capacity));
		/* All that is free is given, unless nobody below his share wants it. */
		free_units = held < capacity ? capacity - held : 0;
		assert_true(given <= free_units);
		if (wanted >= capacity)
			assert_true(given == free_units);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fixed_cases),
		cmocka_unit_test(every_share_is_fair),
		cmocka_unit_test(users_share_by_weight_and_runs_by_priority),
		cmocka_unit_test(what_was_not_wanted_is_not_owed),
		cmocka_unit_test(every_division_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
