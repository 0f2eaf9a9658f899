/*
 * The scheduler of one run: which test starts next, when a retry is due, when
 * the run is over.  Pure: the time, the limit and every result come in as
 * values, decisions and the next wake-up go out.
 *
 * States of a test:
 *
 *	           start                     pass, fail for good
 *	QUEUED ───────────► RUNNING ─────────────────────────────► DONE
 *	 ▲ ▲ ▲                │  │                                   ▲
 *	 │ │ └──── lost ──────┘  │ fail, a retry is granted          │
 *	 │ │                     ▼                                   │
 *	 │ └──── due ───────── DELAYED ──── cancel, refused ─────────┤
 *	 │                       │ due, and to run at the end        │
 *	 │                       ▼                                   │
 *	 └──── its turn ─────── HELD ────── cancel, refused ─────────┘
 *	(QUEUED ── cancel, refused ──► DONE; a skipped test is DONE from the start;
 *	RUNNING ── passed or failed, not decided ──► QUEUED: see detect.c)
 *
 * One that is lost because it was evicted is HELD until there is the memory that it had.
 * A retry that is to run at the end, or alone, is HELD until every test that is not
 * such a retry is DONE; one that is to run alone, until nothing runs or is queued,
 * and nothing is queued beside it.
 *
 * Whether a failed attempt is tried again is retrier.h's.  When a breaker opens, the
 * retries that it stops and that are DELAYED or HELD are refused at once; one that is
 * QUEUED is when it would start.
 *
 * A test takes `weight` units, its locks and its slots all at once or not at
 * all.  Waiting and delayed tests hold nothing.  Tests start in the order that
 * queue.h says; one that does not fit is passed over, and after SCHED_BYPASS_MAX
 * starts past it what it needs is reserved, so that it starts as soon as those
 * that run have ended.
 */
#ifndef POLICY_SCHED_H
#define POLICY_SCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/outcome.h"
#include "supervisor/policy/breaker.h"
#include "supervisor/policy/budget.h"
#include "supervisor/policy/flake.h"

#define SCHED_ACT_MAX	64	/* actions one step gives at most */
#define SCHED_LOST_MAX	3	/* a lost attempt runs again so often */
#define SCHED_BYPASS_MAX 16	/* starts past a waiting test before it reserves */
#define SCHED_NEVER	UINT64_MAX

/* What a test needs of one named resource of its run. */
struct sched_need {
	uint32_t	resource;	/* index into sched_plan.resources */
	uint32_t	count;
};

/* How a test is tried again. */
struct sched_retry {
	uint32_t	count;		/* retries after the first attempt */
	bool		on_request;	/* no count was stated: a test may ask itself */
	bool		auto_delay;	/* no delay was stated: only where it may help */
	enum retry_where where;
	uint64_t	delay_ms;
	uint32_t	multiplier_milli; /* 0 or 1000: fixed */
	uint64_t	max_delay_ms;	/* 0: no ceiling */
	enum retry_jitter jitter;
};

/* There are many of them: in an order that leaves no gaps.  What it points to is borrowed
 * for the sched's life. */
struct sched_test {
	const struct sched_retry *retry;	/* most tests of a plan share one; NULL: never */
	const struct sched_need *needs;
	const uint32_t	*tags;		/* below sched_plan.ntags, none twice */
	uint32_t	nneeds, ntags;
	uint64_t	expected_us;	/* duration, with the spread on top; 0: unknown */
	uint64_t	memory;		/* bytes at its peak, 0: unknown */
	uint32_t	fail_ppm;	/* chance of a failure, in a million */
	uint32_t	cpu_milli;	/* of a CPU that it keeps busy, in thousandths: where the
					 * width follows that, see width.h; 0: unknown */
	uint32_t	weight;		/* units, at least 1 */
	bool		serial;		/* nothing else of the run beside it */
	bool		skip;		/* never runs */
};

static inline const struct sched_retry *
sched_retry_of(const struct sched_test *t)
{
	static const struct sched_retry never;

	return t->retry != NULL ? t->retry : &never;
}

struct sched_plan {
	const struct sched_test *tests;	/* borrowed for the sched's life */
	uint32_t	ntests;
	const uint32_t	*resources;	/* how many there are of each; copied */
	uint32_t	nresources;
	uint32_t	ntags;		/* that a budget or a breaker knows */
	const struct budget_limit *budgets;	/* ntags + 1, copied; the last: the
					 * run's.  NULL: no budgets */
	struct breaker_policy breaker;
	struct flake_policy flake;	/* on: tests run again until it has decided, and
					 * nothing is retried; of flake_defaults() */
	const struct flake_record *records;	/* of each test, borrowed; NULL: none */
	bool		by_history;	/* order by expected_us and fail_ppm */
	uint32_t	jobs;		/* units of this run at the most */
	uint32_t	wide;		/* not 0: the limit of a step counts CPUs, and units are
					 * held while these are not busy, at most so many for
					 * each: see width.h */
	uint32_t	crowd;		/* flake: attempts for each unit at times, see provoke.c; then
					 * `jobs` has room for them, and the limit of a step counts
					 * what is held by one that is in no crowd.  0: none */
	uint32_t	cpus;		/* wide, crowd: that it may use at the most */
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
	enum retry_says	says;		/* its own rules, about a failure */
	uint64_t	fingerprint;	/* of the failure, 0: none */
	bool		resource_like;	/* waiting may help */
	bool		evicted;	/* LOST, to make room: any number of times */
	uint64_t	memory;		/* evicted: bytes that it had */
	uint64_t	elapsed_ms;	/* of the attempt, for budgets of time */
	uint32_t	cpu_milli;	/* of a CPU that it kept busy, in thousandths; 0: not known */
	bool		kill;
};

enum sched_act_type {
	SCHED_ACT_START,	/* test, attempt, delay_ms, condition: start it now */
	SCHED_ACT_KILL,		/* test, attempt, kill, timeout: end it */
	SCHED_ACT_VERDICT,	/* test, status, flaky, fails, passes: its only one */
	SCHED_ACT_RETRY,	/* test, attempt (that failed), delay_ms, where */
	SCHED_ACT_REFUSED,	/* test, attempt, decision, for a breaker scope; tag or
				 * fingerprint: it stays failed, a verdict follows; also
				 * after a RETRY that did not start */
	SCHED_ACT_BREAKER,	/* scope, tag or fingerprint, state, decision */
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
	uint32_t	fails, passes;	/* evidence, when flaky tests are looked for */
	enum flake_condition condition;
	bool		kill;		/* no grace */
	bool		timeout;	/* since the run's time is up */
	enum sched_stop	reason;
	enum retry_where where;
	enum retry_decision decision;	/* of a breaker: RETRY_BREAKER or MASS_FAILURE */
	enum breaker_scope scope;
	enum breaker_state state;
	uint32_t	tag;		/* below ntags; ntags: the run itself */
	uint64_t	fingerprint;
};

/* What a test had come to when the supervisor was lost: see sched_recall(). */
struct sched_past {
	uint32_t	attempts;	/* that were started */
	uint32_t	retries;	/* of them */
	uint32_t	lost;		/* of them, the interrupted one included */
	uint32_t	evicted;	/* of those */
	bool		failed;		/* one did, and a retry of it was granted */
	bool		done;		/* it has its verdict: status, flaky */
	enum test_status status;
	bool		flaky;
	bool		open;		/* the result `last` came, and nothing more */
	bool		granted;	/* a retry of `last` was told, and did not start */
	struct sched_in	last;
	uint32_t	fails, passes;	/* evidence, but for `last` */
	uint32_t	extra;		/* attempts that are none, likewise */
	enum flake_condition condition;	/* of `last` */
	uint64_t	retried_ms;	/* its retries that ended, `last` too, for budgets */
};

struct sched_out {
	struct sched_act v[SCHED_ACT_MAX];
	uint32_t	n;
	uint64_t	next;	/* step again by then; SCHED_NEVER; now: more to come */
};

struct sched_count {
	uint32_t	queued;
	uint32_t	delayed;	/* retries that wait: for their time, for the end */
	uint32_t	running, done;
	uint32_t	used;	/* units held by running tests; wide: CPUs */
	uint32_t	demand;	/* units it could use now: used plus what could start */
};

/* What the host has left. */
struct sched_host {
	bool		closed;		/* memory is short: nothing starts beside others */
	bool		beside;		/* tests of other runs run */
	uint64_t	memory;		/* bytes for what starts; UINT64_MAX: no bound */
	uint32_t	share_milli;	/* wide: cpu_milli of tests without one, 1..1000 */
	bool		pressed;	/* wide: no more tests than CPUs, but for idle ones */
};

struct sched;

/* A scheduler at time `now`, which starts the run's clock.  NULL: no memory. */
struct sched	*sched_new(const struct sched_plan *, uint64_t now);
void		 sched_free(struct sched *);

/*
 * Before the first step: test `t` is where it was when the supervisor was lost.  An
 * interrupted attempt counts as lost: its test waits again, whatever its count of
 * losses.  A verdict is not told again; an open result is settled by the first step.
 * A granted retry is not told again, and waits anew.  Breakers are closed again.
 */
void		 sched_recall(struct sched *, uint32_t t, const struct sched_past *);

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

/* What holds for the next steps; before the first call there are no bounds, and a test
 * without cpu_milli takes a CPU.  When nothing runs something starts whatever is said. */
void		 sched_bound(struct sched *, const struct sched_host *);

/* Bytes of memory that the next test needs, and that there were not at the last step; 0:
 * none waits for memory alone. */
uint64_t	 sched_lacks(const struct sched *);

/* Of a wide plan, what those that run are expected to take where that is known, in
 * thousandths of a CPU; *ret_unknown: the units of the others. */
uint64_t	 sched_cpu_milli(const struct sched *, uint32_t *ret_unknown);

#endif
