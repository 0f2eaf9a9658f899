/*
 * For how long history is kept.  Where several users have some, whoever is beyond his own
 * bound makes room first, then whoever has most.  His oldest runs go first, only such that
 * are over, while nothing else is to be done, a bounded piece of work a step.  With a run go
 * its attempts, its events, and the definitions and outputs that no other run refers to.
 * What a test came to over all its runs stays for as long as one of them does.
 *
 * A run that is being removed loses its attempts before its row, so that a death in the
 * middle leaves a run that the next step goes on with.
 */
#ifndef STORE_RETAIN_H
#define STORE_RETAIN_H

#include <stdint.h>

struct db;

struct retain {
	uint64_t	keep_ms, keep_runs, keep_bytes;	/* 0: no bound */
	uint64_t	keep_user_bytes, owner;	/* of each user but root and him; 0: no bound */
	unsigned	folder;		/* of outputs that is swept next; 256: all were */
};

/* Begins anew: the next steps look at everything. */
void	retain_init(struct retain *, uint64_t keep_ms, uint64_t keep_runs, uint64_t keep_bytes);

/* Also a bound for each user but root and `owner`.  After retain_init(). */
void	retain_users(struct retain *, uint64_t keep_bytes, uint64_t owner);

/* A step, at `now_ms` since the epoch.  1: there may be more to do; 0: nothing; or
 * -errno. */
int	retain_step(struct db *, struct retain *, uint64_t now_ms);

#endif
