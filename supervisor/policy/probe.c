/* The next attempt for the cause; see probe.h. */
#include "supervisor/policy/order.h"
#include "supervisor/policy/probe.h"

#define EACH	4	/* attempts under each condition, before any has more */
#define CLEAR	16	/* square of the deviations that leave no doubt */
#define ENOUGH	60	/* plain attempts; more under a condition have nothing to compare with */
#define COPIES	16	/* beside copies: they cost the most, and either clash or do not */

void
probe_count(struct trial *v, bool failed)
{
	if (v->runs == UINT8_MAX)
		return;
	v->runs++;
	v->fails += failed;
}

static bool
is_asked(uint32_t asked, uint32_t c)
{
	return c != FLAKE_PLAIN && (asked >> c & 1) != 0;
}

/* One of those with the fewest.  In an order that is another each time: what fails every so
 * many attempts would seem to fail under whatever condition comes every so many. */
static enum flake_condition
least_tried(const struct trial *v, uint32_t asked, uint32_t turn)
{
	uint32_t least = v[FLAKE_PLAIN].runs, best = FLAKE_PLAIN, c;
	uint64_t state = turn, ties = 1;

	for (c = 0; c < FLAKE_CONDITION_COUNT; c++) {
		if (!is_asked(asked, c) || v[c].runs > least)
			continue;
		ties = v[c].runs < least ? 1 : ties + 1;
		if (order_below(&state, (uint32_t)ties) == 0)
			best = c;
		least = v[c].runs;
	}
	return (enum flake_condition)best;
}

/* A failure rate after so many attempts, and its variance: the mean of a beta
 * distribution, with half an attempt of each outcome before (Jeffreys). */
static double
rate_of(const struct trial *v, double *ret_variance)
{
	double rate = (v->fails + 0.5) / (v->runs + 1.0);

	*ret_variance = rate * (1 - rate) / (v->runs + 2.0);
	return rate;
}

static enum flake_condition
least_alike(const struct trial *v, uint32_t asked)
{
	double plain_variance, variance, plain = rate_of(&v[FLAKE_PLAIN], &plain_variance);
	double rate, far, most = 0;
	uint32_t best = FLAKE_PLAIN, c;

	for (c = 0; c < FLAKE_CONDITION_COUNT; c++) {
		if (!is_asked(asked, c) || v[c].runs >= (c == FLAKE_COPIES ? COPIES : ENOUGH))
			continue;
		rate = rate_of(&v[c], &variance);
		far = (rate - plain) * (rate - plain) / (variance + plain_variance);
		if (far < CLEAR && far > most) {
			most = far;
			best = c;
		}
	}
	return (enum flake_condition)best;
}

enum flake_condition
probe_next(const struct trial v[FLAKE_CONDITION_COUNT], uint32_t asked, uint32_t turn)
{
	enum flake_condition least = least_tried(v, asked, turn);
	uint64_t coin = ~(uint64_t)turn;

	if (v[least].runs < EACH)
		return least;
	/* Not in turn: what fails every other time, or every twelfth, would seem to fail under
	 * the one of the two. */
	if (order_below(&coin, 2) == 0 && v[FLAKE_PLAIN].runs < ENOUGH)
		return FLAKE_PLAIN;
	return least_alike(v, asked);
}
