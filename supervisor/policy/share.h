/*
 * How the units of the pool are shared between the runs that want them:
 * max-min fair (progressive filling, Bertsekas & Gallager, Data Networks, §6.5),
 * work-conserving; units that do not divide go to whoever has been served
 * least.  Pure.
 */
#ifndef POLICY_SHARE_H
#define POLICY_SHARE_H

#include <stdint.h>

struct share_claim {
	uint32_t	demand;		/* units it could use now */
	uint64_t	served_ms;	/* unit-milliseconds it has had */
	uint32_t	limit;		/* out: units it may hold */
};

/* Sets `limit` of each of the n claims so that their sum is at most capacity. */
void	share_fill(uint32_t capacity, struct share_claim *, uint32_t n);

#endif
