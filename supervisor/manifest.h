/*
 * A plan while a client sends it, and then the tests of its run: each specification
 * is kept as the bytes of its TEST_ADD, which travel on to the worker as they are.
 */
#ifndef SUPERVISOR_MANIFEST_H
#define SUPERVISOR_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>

#include "common/limits.h"
#include "common/msg.h"
#include "supervisor/arena.h"
#include "supervisor/config.h"
#include "supervisor/policy/sched.h"
#include "supervisor/strmap.h"

#define MANIFEST_WHY	512	/* bytes of an error's text */

#define MANIFEST_ATTEMPTS_MAX	30000000	/* of flake detection: each is on record */

/* Output of one attempt that is kept; in the plan's arena. */
struct manifest_extent {
	struct manifest_extent	*next;
	uint64_t		 at;	/* in the run's journal */
	uint32_t		 len;
	unsigned		 stream; /* 1 stdout, 2 stderr */
};

struct manifest_output {
	struct manifest_output	*next;	/* of an earlier attempt */
	uint32_t		 attempt;
	bool			 cut;	/* some of it could not be kept */
	struct manifest_extent	*first, **last;
};

/* What bounds the attempts of a test. */
struct manifest_bounds {
	uint64_t		 timeout_ms;	/* 0: none */
	uint64_t		 limit_ms;	/* with hooks and graces, 0: none */
	uint32_t		 grace_ms, output_limit;
	const struct limits	*limits;	/* NULL: none; in the arena */
};

/* There are many of them: in an order that leaves no gaps. */
struct manifest_test {
	struct sv		 spec;		/* body of its TEST_ADD */
	struct sv		 name, source, suite, skip;	/* in spec */
	const struct manifest_bounds *bounds;	/* in the arena; most tests share one */
	struct manifest_output	*outputs;	/* newest first */
	uint64_t		 ready_us;	/* since when it could start, monotonic */
	uint64_t		 queued_us;	/* its last attempt waited so long for a slot */
	uint64_t		 duration_us;	/* of the last attempt */
	uint64_t		 held;		/* bytes of an attempt that made room; 0: none */
	uint32_t		 left_mib;	/* of memory, when it was decided that it leaves */
	uint32_t		 attempts, lost, delay_ms;
	uint32_t		 plain_ms;	/* of the last attempt under no condition; 0: not known */
	uint32_t		 forgotten;	/* output of attempts up to this one is only in
						 * the history */
	uint16_t		 fails, passes;	/* with its verdict, in flake detection */
	uint8_t			 status;	/* enum test_status, with its verdict */
	uint8_t			 condition;	/* enum flake_condition, of the last attempt */
	bool			 over;		/* has its verdict */
	bool			 flaky;		/* likewise */
	bool			 follow;	/* somebody wants its output as it comes */
	bool			 leaving;	/* its attempt is being ended to make room */
};

struct manifest_tag {
	struct sv		 name;
	uint32_t		 tests;	/* that have it */
};

struct manifest {
	struct arena		 arena;
	struct strmap		 names, lock_names, slot_names, tag_names;
	struct msg_reader	*reader;
	struct manifest_extent	*spare;		/* in the arena, of outputs that are forgotten */
	struct manifest_test	*tests;
	struct sched_test	*sched;		/* the same, as the scheduler wants them */
	struct flake_record	*records;	/* of each, when flaky tests are looked for;
						 * NULL: not known */
	uint32_t		 ntests, cap;
	uint32_t		*resources;	/* how many of each there are */
	uint32_t		 nresources;
	struct manifest_tag	*tags;
	uint32_t		 ntags;
	struct budget_limit	*budgets;	/* of each tag, then the run's; by
						 * manifest_close() */
	/* of RUN_BEGIN, copied */
	char			*label;		/* NULL: none */
	char			*parent;	/* NULL: none */
	char			*revision;	/* NULL: not said */
	struct svs		 budget_words;	/* 2 each: tag, limit */
	struct svs		 slot_words;	/* NAME=COUNT */
	struct breaker_policy	 breaker;
	struct flake_policy	 flake;
	struct msg_context	 context;
	uint32_t		 jobs, max_fail;
	uint32_t		 wide, crowd, cpus;	/* as in the plan of the scheduler */
	int			 priority;	/* among the runs of its user */
	uint64_t		 timeout_ms, test_timeout_ms, grace_ms, seed;
	bool			 shuffle, detach, live, plan_order;
	struct isolation_want	 asked;		/* as RUN_BEGIN has it */
	struct isolation_want	 isolation;	/* what it gets: see levels.h; AUTO: not known */
	bool			 shared;	/* one at a time, in the order of the plan, all of
						 * them with one TMPDIR, and nothing again */
};

/* A time limit of a test as it holds for its last attempt, ms: longer under a changed
 * condition. */
static inline uint64_t
manifest_limit(const struct manifest_test *t, uint64_t ms)
{
	return t->condition != FLAKE_PLAIN ? ms * FLAKE_SLOWDOWN : ms;
}

/*
 * A plan as RUN_BEGIN describes it, with the settings' defaults; `hash_key` is
 * random.  0, or -EINVAL, -ENOSPC (a bound), -ENOMEM with one line in why; the plan
 * is to be freed either way.
 */
int	manifest_begin(struct manifest *, const struct msg_run_begin *, const struct config *,
	    uint32_t cpus, uint64_t hash_key, char why[MANIFEST_WHY]);

/* Adds a test.  Errors as manifest_begin(). */
int	manifest_add(struct manifest *, const struct msg_test_add *, const struct config *,
	    char why[MANIFEST_WHY]);

/* Nothing more is added: works out the budgets, and gives back what only building
 * needs.  0 or -ENOMEM. */
int	manifest_close(struct manifest *);

/* The plan as the scheduler wants it; borrows from it. */
struct sched_plan manifest_plan(const struct manifest *);

/* Attempts that may run at a time: as many as the run has jobs, or more in a crowd. */
uint32_t manifest_most(const struct manifest *);

/* Takes zeroed and half-built ones. */
void	manifest_free(struct manifest *);

/* Bytes it holds, about. */
uint64_t manifest_memory(const struct manifest *);

#endif
