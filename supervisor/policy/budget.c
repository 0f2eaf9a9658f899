/* Retry budgets: see budget.h.  Pure. */
#include "supervisor/policy/budget.h"

#define MILLION	1000000

bool
budget_has(const struct budget *b)
{
	return b->retries < b->limit.retries && b->ms < b->limit.ms;
}

void
budget_take(struct budget *b)
{
	b->retries++;
}

void
budget_give_back(struct budget *b)
{
	if (b->retries > 0)
		b->retries--;
}

void
budget_spend(struct budget *b, uint64_t ms)
{
	b->ms = ms < UINT64_MAX - b->ms ? b->ms + ms : UINT64_MAX;
}

/* In two parts, so that n * ppm needs no more than 64 bits. */
uint64_t
budget_share(uint64_t ppm, uint64_t n)
{
	uint64_t whole, rest;

	if (ppm == 0)
		return 0;
	if (n / MILLION > UINT64_MAX / ppm)
		return UINT64_MAX;
	whole = n / MILLION * ppm;
	if (n % MILLION > UINT64_MAX / ppm)
		return UINT64_MAX;
	rest = n % MILLION * ppm / MILLION;
	if (rest > UINT64_MAX - whole)
		return UINT64_MAX;
	return whole + rest > 0 ? whole + rest : 1;
}
