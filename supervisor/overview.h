/*
 * What the supervisor says of itself: totals, shares, workers.  Of everybody's to whoever
 * sees all (access.h); to anybody else as if nobody but him had ever been here.
 */
#ifndef SUPERVISOR_OVERVIEW_H
#define SUPERVISOR_OVERVIEW_H

#include <stdint.h>

struct conn;

/* Answers STATUS.  0 or -ENOMEM. */
int	 overview_status(struct conn *, uint32_t id);

/* The rows of an answer to SHARES, to WORKERS; returns how many there are. */
uint64_t overview_shares(struct conn *, uint32_t id);
uint64_t overview_workers(struct conn *, uint32_t id);

#endif
