/*
 * Retry budgets: how many retries, or how much time in them, a run and each tag
 * may spend.  Used up means no more retries, and that is said.  Pure.
 */
#ifndef POLICY_BUDGET_H
#define POLICY_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

/* UINT64_MAX: no limit of that kind; 0 of either kind: nothing may be spent. */
struct budget_limit {
	uint64_t	retries;
	uint64_t	ms;
};

#define BUDGET_UNLIMITED	((struct budget_limit){ UINT64_MAX, UINT64_MAX })

struct budget {
	struct budget_limit	limit;
	uint64_t		retries, ms;	/* spent */
};

/*
 * May one more retry be granted?  Time is spent when a retry is over: those that
 * are on their way when it is used up still end.
 */
bool	budget_has(const struct budget *);

/* A retry is granted; one that was granted will not start; one took so long. */
void	budget_take(struct budget *);
void	budget_give_back(struct budget *);
void	budget_spend(struct budget *, uint64_t ms);

/*
 * Retries for a share, in millionths, of n tests: rounded down, at least one when
 * the share is not 0, at most UINT64_MAX.
 */
uint64_t budget_share(uint64_t ppm, uint64_t n);

#endif
