/* Change points of a failure rate; see change.h. */
#include <math.h>

#include "store/change.h"

#define PRIOR_FAIL	0.3
#define PRIOR_PASS	0.5
#define TAIL		0.025	/* of the posterior, on each side of the range */

void
change_alarm_init(struct change_alarm *c, double healthy)
{
	double	p0 = healthy > CHANGE_FEWEST_RATE ? healthy : CHANGE_FEWEST_RATE;

	/* What fails as often already is not worth an alarm, and never raises one. */
	p0 = p0 < CHANGE_RATE ? p0 : CHANGE_RATE;
	c->sum = 0;
	c->fail = log(CHANGE_RATE / p0);
	c->pass = log1p(-CHANGE_RATE) - log1p(-p0);
}

bool
change_alarm_add(struct change_alarm *c, bool failed)
{
	c->sum += failed ? c->fail : c->pass;
	if (c->sum < 0)
		c->sum = 0;
	if (c->sum < CHANGE_ALARM)
		return false;
	c->sum = 0;
	return true;
}

/* A part: its counts, and ln of the chance of just these results in this order. */
struct part {
	double	fails, passes, chance;
};

/* By the rule of succession: what the results so far foretell of one more. */
static void
put(struct part *p, bool failed)
{
	p->chance += log(failed ? PRIOR_FAIL + p->fails : PRIOR_PASS + p->passes) -
	    log(PRIOR_FAIL + PRIOR_PASS + p->fails + p->passes);
	*(failed ? &p->fails : &p->passes) += 1;
}

static void
take(struct part *p, bool failed)
{
	*(failed ? &p->fails : &p->passes) -= 1;
	p->chance -= log(failed ? PRIOR_FAIL + p->fails : PRIOR_PASS + p->passes) -
	    log(PRIOR_FAIL + PRIOR_PASS + p->fails + p->passes);
}

/* The places that hold all but TAIL on each side. */
static void
range(const double *factors, size_t n, struct change *c)
{
	double	all = 0, sum = 0;

	for (size_t i = 1; i < n; i++)
		all += exp(factors[i] - c->factor);
	c->low = c->high = c->at;
	for (size_t i = 1; i < n; i++) {
		double	before = sum;

		sum += exp(factors[i] - c->factor);
		if (before < TAIL * all && sum >= TAIL * all)
			c->low = i;
		if (before < (1 - TAIL) * all && sum >= (1 - TAIL) * all)
			c->high = i;
	}
	/* The best place is in it, however flat the rest is. */
	c->low = c->low < c->at ? c->low : c->at;
	c->high = c->high > c->at ? c->high : c->at;
}

bool
change_best(const uint8_t *failed, size_t n, double *work, struct change *ret)
{
	struct part	left = { 0 }, right = { 0 };
	double		whole;

	if (n < 2)
		return false;
	for (size_t i = 0; i < n; i++)
		put(&right, failed[i] != 0);
	whole = right.chance;
	*ret = (struct change){ .factor = -INFINITY };
	for (size_t i = 1; i < n; i++) {
		put(&left, failed[i - 1] != 0);
		take(&right, failed[i - 1] != 0);
		work[i] = left.chance + right.chance - whole;
		if (work[i] > ret->factor) {
			ret->factor = work[i];
			ret->at = i;
		}
	}
	range(work, n, ret);
	return true;
}

/* Those of one part, behind the `found` so far; how many there are then. */
static size_t
find(const uint8_t *failed, size_t from, size_t to, double *work, struct change *ret, size_t found)
{
	struct change	c;
	size_t		at;

	if (found == CHANGE_MAX || !change_best(failed + from, to - from, work, &c) ||
	    c.factor < CHANGE_FACTOR)
		return found;
	at = from + c.at;
	found = find(failed, from, at, work, ret, found);
	if (found < CHANGE_MAX)
		ret[found++] = (struct change){ at, from + c.low, from + c.high, c.factor };
	return find(failed, at, to, work, ret, found);
}

size_t
change_find(const uint8_t *failed, size_t n, double *work, struct change ret[CHANGE_MAX])
{
	return find(failed, 0, n, work, ret, 0);
}
