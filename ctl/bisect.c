/* How often to run a command at each commit; see bisect.h. */
#include <math.h>

#include "ctl/bisect.h"
#include "ctl/chance.h"

uint64_t
bisect_steps(uint64_t commits)
{
	uint64_t	steps = 1;

	for (uint64_t left = commits; left > 1; left -= left / 2)
		steps++;
	return steps;
}

struct bisect_plan
bisect_plan(double rate, double error, uint64_t commits)
{
	struct bisect_plan	p = { .rate = rate, .error = error, .steps = bisect_steps(commits) };

	p.repeats = chance_runs(rate, error / (double)p.steps);
	return p;
}

static double
log_beta(double a, double b)
{
	return lgamma(a) + lgamma(b) - lgamma(a + b);
}

/* ln of the chance that m runs all pass, after those. */
static double
log_all_pass(const struct bisect_runs *r, double m)
{
	double	a = (double)r->fails + 0.5, b = (double)r->passes + 0.5;

	return log_beta(a, b + m) - log_beta(a, b);
}

struct bisect_plan
bisect_plan_by(const struct bisect_runs *r, double error, uint64_t commits)
{
	double	miss = log(error / (double)bisect_steps(commits)), low = 0, high = 1, middle;

	while (log_all_pass(r, high) > miss && high < UINT32_MAX)
		high *= 2;
	while (high - low > 1e-3) {
		middle = (low + high) / 2;
		if (log_all_pass(r, middle) > miss)
			low = middle;
		else
			high = middle;
	}
	return bisect_plan(-expm1(miss / high), error, commits);
}

enum bisect_verdict
bisect_decide(const struct bisect_plan *p, const struct bisect_runs *r)
{
	if (r->fails > 0)
		return BISECT_BAD;
	if (r->untestable > 0)
		return BISECT_SKIP;
	return r->passes >= p->repeats ? BISECT_GOOD : BISECT_OPEN;
}

void
bisect_called_good(struct bisect_plan *p, uint64_t passes)
{
	p->wrong += exp((double)passes * log1p(-p->rate));
}
