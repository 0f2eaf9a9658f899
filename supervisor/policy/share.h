/*
 * How the units of the pool are shared: between the users that want them by weight,
 * between the runs of a user by priority, between runs of one priority evenly.
 *
 * Each level is max-min fair (Bertsekas & Gallager, Data Networks, §6.5) and conserves
 * work: what one does not want the others get.  Units that do not divide go to whoever has
 * been served least, so that over time those are even too.  That is all that is ever owed:
 * what a user did not want is not, and what he held too much, as others came, is not taken
 * from him later but for a few tests.  Nothing that runs is taken away: who holds more than
 * his share gives back as his tests end, and what is free goes to those furthest below
 * theirs, so that a newcomer has his share when the tests that ran as he came are over.
 *
 * A lower priority gets what the higher ones of the same user leave, which is nothing for
 * as long as they want it all; what other users get does not depend on it.
 *
 * The cost is a fixed number of passes over n claims, mostly less than 50.  Pure.
 */
#ifndef POLICY_SHARE_H
#define POLICY_SHARE_H

#include <stdint.h>

#define SHARE_WEIGHT_MAX	1000

/* Of a run, or of a user. */
struct share_claim {
	uint32_t	demand;		/* units it could use now, those it holds included;
					 * of a user: worked out from his runs */
	uint32_t	used;		/* units it holds; likewise */
	uint32_t	most;		/* of a user: units at a time, 0: no bound */
	uint32_t	nruns;		/* of a user */
	uint32_t	weight;		/* 1..SHARE_WEIGHT_MAX, against those beside it */
	int		priority;	/* of a run */
	uint64_t	served;		/* what it has had, divided by its weight; of a user
					 * also out: without what is not owed */
	uint64_t	step;		/* of a user: what a test of his adds to it */
	uint32_t	share;		/* out: units that are its due */
	uint32_t	limit;		/* out: units it may hold now; used + free of them, or
					 * its share where it holds as much or more */
	uint32_t	base, want, got;	/* scratch */
};

/*
 * Shares and limits of all.  `runs` has those of the first user, then those of the next;
 * of each the highest priority first.  The shares of all add up to what is wanted, or to
 * capacity where that is less, and so do the limits with what is held beyond a share.  Of
 * equals the first in order goes first.
 */
void	share_out(uint32_t capacity, struct share_claim *users, uint32_t nusers,
	    struct share_claim *runs);

#endif
