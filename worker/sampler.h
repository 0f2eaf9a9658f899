/*
 * The peak of a tree's memory, sampled from procfs while it runs.
 *
 * The first look comes SAMPLER_FIRST_MS after the start, so that a tiny test is never
 * looked at; the next ones after half of the tree's age, SAMPLER_MAX_MS at most, and
 * soon again while memory grows.  All of it stays below one in SAMPLER_SHARE of the
 * time by the CPU time it takes, even where looks come later for it.
 *
 * A look adds the resident sets of all processes, which counts a page twice that two
 * of them share.  Where the sum would be a new peak and there are several processes,
 * the proportional sets (PSS) are read, which cost the kernel a walk over all pages:
 * they decide.  For a process whose PSS we may not read its resident set counts.
 *
 * It also watches over a limit, where nobody better does.
 */
#ifndef WORKER_SAMPLER_H
#define WORKER_SAMPLER_H

#include <stdbool.h>
#include <stdint.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "worker/usage.h"

#define SAMPLER_FIRST_MS	10
#define SAMPLER_MAX_MS		100
#define SAMPLER_GROWTH_MS	20	/* between looks while memory grows */
#define SAMPLER_SHARE		100	/* 1 % */
/* A tree that has some of its limit is looked at this often, for at most 10 % of the time. */
#define SAMPLER_LIMIT_MS	5
#define SAMPLER_LIMIT_SHARE	10

struct sampler {
	struct event	 timer;
	struct usage	*usage;		/* borrowed: told who was seen */
	pid_t		 beside;	/* no part of the tree; 0: nobody */
	uint64_t	 start_us;
	uint64_t	 spent_us;	/* CPU time, on all looks */
	uint64_t	 last;		/* sum of resident sets, bytes */
	uint64_t	 ticks;		/* of the CPU, of those that lived then */
	uint64_t	 peak;		/* bytes; 0: not known yet */
	uint64_t	 pss_ns_page;	/* what a page of a PSS costs to count */
	/* A tree with more than this (0: none) is told of, at each look. */
	uint64_t	 limit;		/* bytes */
	void		(*over)(void *arg);
	void		*arg;
};

void	sampler_init(struct sampler *, struct event_base *, struct usage *);
/* From now on; our descendants are the tree. */
void	sampler_start(struct sampler *);
void	sampler_stop(struct sampler *);

/* CPU time of the tree so far, as of the last look. */
uint64_t sampler_cpu_us(const struct sampler *);

/* Milliseconds until the next look, which will cost so much, of a tree of that age. */
uint64_t sampler_gap_ms(uint64_t age_us, uint64_t spent_us, uint64_t cost_us, bool grew);

#endif
