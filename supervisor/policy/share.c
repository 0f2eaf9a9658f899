/* Fair shares of the pool: see share.h.  Pure. */
#include <stdbool.h>

#include "supervisor/policy/share.h"

/* A level is units for each unit of weight, in fractions of 2^20: for weights that add up to
 * a million it divides all but a part of a unit. */
#define LEVEL_SHIFT	20
#define TESTS_AHEAD	4	/* tests that a user may be ahead: more is not held against him */

/* ---- one level: up to `want` more for each than its `base`, into `got` ---- */

/* In fractions: where units could be divided at will. */
static uint64_t
at_level(const struct share_claim *c, uint64_t level)
{
	uint64_t	v = level * c->weight, base = (uint64_t)c->base << LEVEL_SHIFT,
			want = (uint64_t)c->want << LEVEL_SHIFT;

	v = v > base ? v - base : 0;
	return v < want ? v : want;
}

static uint64_t
total(const struct share_claim *c, uint32_t n, uint64_t level)
{
	uint64_t	sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += at_level(&c[i], level);
	return sum;
}

/* The highest level that `units` allow, where they are not enough for all. */
static uint64_t
water_level(uint32_t units, const struct share_claim *c, uint32_t n)
{
	uint64_t	low = 0, high = 0, mid;

	for (uint32_t i = 0; i < n; i++)
		high = c[i].base > high ? c[i].base : high;
	high = (high + units + 1) << LEVEL_SHIFT;	/* that is enough for all, or too much */
	while (high - low > 1) {
		mid = low + (high - low) / 2;
		if (total(c, n, mid) <= (uint64_t)units << LEVEL_SHIFT)
			low = mid;
		else
			high = mid;
	}
	return low;
}

static bool
is_hungry(const struct share_claim *c)
{
	return c->got < c->want;
}

static uint32_t
hungry_below(const struct share_claim *c, uint32_t n, uint64_t served)
{
	uint32_t	k = 0;

	for (uint32_t i = 0; i < n; i++)
		k += is_hungry(&c[i]) && c[i].served <= served;
	return k;
}

/* A unit more for each of the `left` least served of those that want one, who are more. */
static void
give_rest(uint32_t left, struct share_claim *c, uint32_t n)
{
	uint64_t	low = 0, high = 0, mid, served = 0;
	uint32_t	below;

	for (uint32_t i = 0; i < n; i++)
		high = is_hungry(&c[i]) && c[i].served > high ? c[i].served : high;
	while (low < high) {
		mid = low + (high - low) / 2;
		if (hungry_below(c, n, mid) >= left)
			high = mid;
		else
			low = mid + 1;
	}
	served = low;
	below = served > 0 ? hungry_below(c, n, served - 1) : 0;
	left -= below;			/* for those that are served as much as the last */
	for (uint32_t i = 0; i < n; i++) {
		if (!is_hungry(&c[i]) || c[i].served > served)
			continue;
		if (c[i].served < served) {
			c[i].got++;
		} else if (left > 0) {
			c[i].got++;
			left--;
		}
	}
}

/* Returns how much was given. */
static uint32_t
fill(uint32_t units, struct share_claim *c, uint32_t n)
{
	uint64_t	wanted = 0, level;
	uint32_t	given = 0;

	for (uint32_t i = 0; i < n; i++)
		wanted += c[i].want;
	if (wanted <= units) {
		for (uint32_t i = 0; i < n; i++)
			c[i].got = c[i].want;
		return (uint32_t)wanted;
	}
	level = water_level(units, c, n);
	for (uint32_t i = 0; i < n; i++) {
		c[i].got = (uint32_t)(at_level(&c[i], level) >> LEVEL_SHIFT);
		given += c[i].got;
	}
	if (given < units)
		give_rest(units - given, c, n);
	return units;
}

/* ---- both levels ---- */

/* Each priority gets what those above it left. */
static void
fill_runs(uint32_t units, struct share_claim *runs, uint32_t n)
{
	uint32_t	i, k;

	for (i = 0; i < n; i += k) {
		for (k = 1; i + k < n && runs[i + k].priority == runs[i].priority; k++)
			;
		units -= fill(units, runs + i, k);
	}
}

static void
fill_all(uint32_t units, struct share_claim *users, uint32_t nusers, struct share_claim *runs)
{
	(void)fill(units, users, nusers);
	for (uint32_t i = 0; i < nusers; runs += users[i++].nruns)
		fill_runs(users[i].got, runs, users[i].nruns);
}

static uint32_t
at_most(uint64_t v, uint32_t most)
{
	return v < most ? (uint32_t)v : most;
}

static void
want_missing(struct share_claim *c, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		c[i].base = c[i].used;
		c[i].want = c[i].share > c[i].used ? c[i].share - c[i].used : 0;
	}
}

static void
add_up(struct share_claim *user, struct share_claim *runs)
{
	uint64_t	demand = 0, used = 0;

	for (uint32_t i = 0; i < user->nruns; i++) {
		runs[i].base = 0;
		runs[i].want = runs[i].demand;
		demand += runs[i].demand;
		used += runs[i].used;
	}
	user->used = at_most(used, UINT32_MAX);
	user->demand = at_most(demand, user->most != 0 ? user->most : UINT32_MAX);
	user->base = 0;
	user->want = user->demand;
}

static void
keep_shares(struct share_claim *c, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		c[i].share = c[i].got;
}

/* Who has all he wants is level with the least served of the others at least, and nobody
 * is ahead of that one by more than a few tests, which is what it takes to come out even. */
static void
forgive(struct share_claim *users, uint32_t n)
{
	uint64_t	least = UINT64_MAX, step = 0;

	for (uint32_t i = 0; i < n; i++) {
		step = users[i].step > step ? users[i].step : step;
		if (users[i].share < users[i].demand && users[i].served < least)
			least = users[i].served;
	}
	for (uint32_t i = 0; i < n && least != UINT64_MAX; i++) {
		if (users[i].share == users[i].demand && users[i].served < least)
			users[i].served = least;
		if (users[i].served > least && users[i].served - least > step * TESTS_AHEAD)
			users[i].served = least + step * TESTS_AHEAD;
	}
}

static void
set_limits(struct share_claim *c, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		c[i].limit = c[i].share > c[i].used ? c[i].used + c[i].got : c[i].share;
}

void
share_out(uint32_t capacity, struct share_claim *users, uint32_t nusers,
    struct share_claim *runs)
{
	uint32_t	nruns = 0;
	uint64_t	used = 0;

	for (uint32_t i = 0; i < nusers; nruns += users[i++].nruns) {
		add_up(&users[i], runs + nruns);
		used += users[i].used;
	}
	fill_all(capacity, users, nusers, runs);
	keep_shares(users, nusers);
	keep_shares(runs, nruns);
	forgive(users, nusers);
	/* Then what nobody holds, for those that hold the least below their shares. */
	want_missing(users, nusers);
	want_missing(runs, nruns);
	fill_all(used < capacity ? (uint32_t)(capacity - used) : 0, users, nusers, runs);
	set_limits(users, nusers);
	set_limits(runs, nruns);
}
