/* What is expected of a test; see estimate.h. */
#include <math.h>

#include "store/estimate.h"

#define MU_GAIN		0.125
#define DEV_GAIN	0.25
#define DEV_FIRST	0.09531017980432493	/* ln 1.1 */
#define FAIL_KEEP	0.9	/* of the past, with each result */
#define FAIL_FLOOR	0.001
#define US_MAX		1e15	/* 31 years: what an exp() of a damaged number may come to */

void
estimate_add(struct estimate *e, uint64_t duration_us, bool failed)
{
	double	x = log((double)(duration_us > 0 ? duration_us : 1)), off = x - e->mu;

	if (e->n == 0 || !isfinite(e->mu) || !isfinite(e->dev) || !isfinite(e->fail)) {
		*e = (struct estimate){ .mu = x, .dev = DEV_FIRST, .fail = 0, .n = e->n };
	} else {
		e->dev += (fabs(off) - e->dev) * DEV_GAIN;
		e->mu += off * MU_GAIN;
	}
	e->fail = e->fail * FAIL_KEEP + (failed ? 1 - FAIL_KEEP : 0);
	e->n++;
}

/* Whole microseconds, within bounds; 0 for what is no number. */
static uint64_t
whole_us(double us, double least)
{
	if (isnan(us))
		return 0;
	us = us < least ? least : us > US_MAX ? US_MAX : us;
	return (uint64_t)(us + 0.5);
}

uint64_t
estimate_us(const struct estimate *e)
{
	return e->n > 0 ? whole_us(exp(e->mu + e->dev / 2), 1) : 0;
}

uint64_t
estimate_spread_us(const struct estimate *e)
{
	return e->n > 0 ? whole_us(exp(e->mu) * expm1(e->dev), 0) : 0;
}

uint32_t
estimate_fail_ppm(const struct estimate *e)
{
	double	p = e->fail + FAIL_FLOOR;

	if (e->n == 0 || isnan(p))
		return 0;
	return (uint32_t)((p < 0 ? 0 : p > 1 ? 1 : p) * 1e6 + 0.5);
}
