/*
 * The scheduler of one run: which test starts next, when a retry is due, when
 * the run is over.  Pure: the time, the limit and every result come in as
 * values, decisions and the next wake-up go out.
 *
 * States of a test:
 *
 *	           start                     pass, fail for good
 *	QUEUED ───────────► RUNNING ─────────────────────────────► DONE
 *	  ▲  ▲                │  │                                   ▲
 *	  │  └── lost ────────┘  │ fail, retries left                │
 *	  │                      ▼                                   │
 *	  └────── due ─────── DELAYED ─────────── cancel ────────────┘
 *	(QUEUED ── cancel ──► DONE; a skipped test is DONE from the start)
 *
 * A test takes `weight` units, its locks and its slots all at once or not at
 * all.  Waiting and delayed tests hold nothing.  Tests start in rank order; one
 * that does not fit is passed over, and after SCHED_BYPASS_MAX starts past it
 * what it needs is reserved, so that it starts as soon as those that run have
 * ended.
 */
#ifndef POLICY_SCHED_H
#define POLICY_SCHED_H

#include <stdbool.h>
#include <stdint.h>

#include "common/outcome.h"

#define SCHED_ACT_MAX	64	/* actions one step gives at most */
#define SCHED_LOST_MAX	3	/* a lost attempt runs again so often */
#define SCHED_BYPASS_MAX 16	/* starts past a waiting test before it reserves */
#define SCHED_NEVER	UINT64_MAX

/* What a test needs of one named resource of its run. */
struct sched_need {
	uint32_t	resource;	/* index into sched_plan.resources */
	uint32_t	count;
};

struct sched_retry {
	uint32_t	count;		/* retries after the first attempt */
	uint64_t	delay_ms;
	uint32_t	multiplier_milli; /* 0 or 1000: fixed */
	uint64_t	max_delay_ms;	/* 0: no ceiling */
	enum retry_jitter jitter;
};

struct sched_test {
	uint32_t	weight;		/* units, at least 1 */
	bool		serial;		/* nothing else of the run beside it */
	bool		skip;		/* never runs */
	const struct sched_need *needs;	/* borrowed for the sched's life */
	uint32_t	nneeds;
	struct sched_retry retry;
};

struct sched_plan {
	const struct sched_test *tests;	/* borrowed for the sched's life */
	uint32_t	ntests;
	const uint32_t	*resources;	/* how many there are of each; copied */
	uint32_t	nresources;
	uint32_t	jobs;		/* units of this run at the most */
	uint32_t	max_fail;	/* 0: no limit */
	uint64_t	timeout_ms;	/* of the run, 0: none */
	bool		shuffle;
	uint64_t	seed;
};

enum sched_in_type {
	SCHED_IN_TICK,		/* only the time has passed, or the limit changed */
	SCHED_IN_DONE,		/* test, attempt, outcome */
	SCHED_IN_CANCEL,	/* kill: without grace */
};

struct sched_in {
	enum sched_in_type type;
	uint32_t	test;
	uint32_t	attempt;	/* counted from 1, lost ones included */
	enum outcome	outcome;	/* OUTCOME_LOST: the worker died */
	bool		kill;
};

enum sched_act_type {
	SCHED_ACT_START,	/* test, attempt, delay_ms: start it now */
	SCHED_ACT_KILL,		/* test, attempt, kill, timeout: end it */
	SCHED_ACT_VERDICT,	/* test, status, flaky: its only one */
	SCHED_ACT_STOPPING,	/* reason: nothing starts any more (once) */
	SCHED_ACT_RUN_DONE,	/* every test has its verdict; always the last */
};

enum sched_stop { SCHED_STOP_NONE, SCHED_STOP_CANCEL, SCHED_STOP_MAX_FAIL, SCHED_STOP_TIMEOUT };

struct sched_act {
	enum sched_act_type type;
	uint32_t	test;
	uint32_t	attempt;
	uint64_t	delay_ms;	/* the retry waited so long */
	enum test_status status;
	bool		flaky;		/* passed after a failed attempt */
	bool		lost_for_good;	/* error: SCHED_LOST_MAX was passed */
	bool		kill;		/* no grace */
	bool		timeout;	/* since the run's time is up */
	enum sched_stop	reason;
};

struct sched_out {
	struct sched_act v[SCHED_ACT_MAX];
	uint32_t	n;
	uint64_t	next;	/* step again by then; SCHED_NEVER; now: more to come */
};

struct sched_count {
	uint32_t	queued, delayed, running, done;
	uint32_t	used;	/* units held by running tests */
	uint32_t	demand;	/* units it could use now: used plus what could start */
};

struct sched;

/* A scheduler at time `now`, which starts the run's clock.  NULL: no memory. */
struct sched	*sched_new(const struct sched_plan *, uint64_t now);
void		 sched_free(struct sched *);

/*
 * One step at time `now` (ms, never going back).  `limit`: units this run may
 * hold just now (≤ jobs; may be lower than what it holds; a test wider than the
 * limit starts when it would be alone).  Every decision comes from the state,
 * so that what did not fit into `out` comes with the next step.  A result of an
 * attempt that is not running changes nothing.
 */
void		 sched_step(struct sched *, uint64_t now, uint32_t limit,
		    const struct sched_in *, struct sched_out *);

void		 sched_count(const struct sched *, struct sched_count *);

#endif
