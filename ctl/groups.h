/*
 * Failures that are alike: the tests of a run that did not pass, by the fingerprint
 * of their last failed attempt.
 */
#ifndef CTL_GROUPS_H
#define CTL_GROUPS_H

#include <stddef.h>
#include <stdint.h>

struct results;

struct group {
	uint64_t	 fingerprint;
	const char	*failure;	/* what was alike; borrowed from the results */
	uint64_t	*tests;		/* indices in the plan, in order */
	size_t		 n;		/* of them, at least 1 */
};

struct groups {
	struct group	*v;		/* the largest first, then in order of the plan */
	size_t		 n;
	uint64_t	*indices;	/* what the groups point into */
};

/* Groups what is known so far; borrows from the results.  Dies without memory. */
void	groups_of(const struct results *, struct groups *ret);
void	groups_free(struct groups *);

#endif
