/*
 * When memory is short: whether more tests may start, and which one makes room.  Pure.
 *
 *	OPEN ── less than `reserve` is available, or tasks stall for it ──► CLOSED
 *	  ▲                                                                   │
 *	  └── a quarter more than that is, and they stall half as much ───────┘
 *
 * While it is CLOSED nothing starts.  While it is OPEN a test starts when what it is
 * expected to need is left, beside the reserve and beside what those that run are expected
 * to grow by.  When nothing runs one starts in any case.
 *
 * When less than `critical` is available, twice in a row, one of those that run is to end
 * and to run again later: the largest, of equals the youngest, but never the one that has
 * run for longest, so that something comes to its end.  Then it is looked at anew, after
 * that one is gone.
 *
 * "Available" is what the kernel says can be had without swapping.  Of a small host the
 * bounds are an eighth and a sixteenth at most.
 */
#ifndef POLICY_MEMORY_H
#define POLICY_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#define MEMORY_LEAST	(UINT64_C(32) << 20)	/* counted for any test */
#define MEMORY_LOOK_MS	200	/* between two looks at the host */
#define MEMORY_SOON_MS	50	/* when it is critical */
#define MEMORY_NONE	UINT32_MAX

/* What is counted for a test of such a peak (0: unknown): rounded up by an eighth at most,
 * so that few different ones are left. */
uint64_t	memory_need(uint64_t peak);

struct memory_policy {
	uint64_t	reserve;	/* 0: memory is not looked at */
	uint64_t	critical;	/* 0: nothing is ever ended for it */
	uint32_t	stall_milli;	/* of the time something waits for memory (PSI "some"),
					 * smoothed, that is too much; 0: it does not matter */
};

struct memory_seen {
	uint64_t	total, available;
	uint32_t	stall_milli;	/* since the last time */
};

/* A test that runs. */
struct memory_task {
	uint64_t	expected;	/* bytes at its peak, by memory_need() */
	uint64_t	used;		/* by what is known last; 0: not yet */
	uint64_t	age_us;
	bool		leaving;	/* it is being ended for this */
};

struct memory {
	bool		closed;
	bool		stalled;	/* that is why */
	uint32_t	stall_milli;	/* smoothed */
	uint32_t	critical;	/* looks in a row */
	uint64_t	available;	/* as seen last */
	uint64_t	reserve;	/* of this host */
	uint64_t	left;		/* for new tests; UINT64_MAX: no bound */
};

void		memory_init(struct memory *);

/* A look at the host and at the n tests that run.  Which of them is to end; MEMORY_NONE. */
uint32_t	memory_look(struct memory *, const struct memory_policy *,
		    const struct memory_seen *, const struct memory_task *, uint32_t n);

/* In how many ms to look again. */
uint64_t	memory_next(const struct memory *);

/* A test of that need started since. */
void		memory_took(struct memory *, uint64_t need);

#endif
