/*
 * A plan while a client sends it, and then the tests of its run: each specification
 * is kept as the bytes of its TEST_ADD, which travel on to the worker as they are.
 */
#ifndef SUPERVISOR_MANIFEST_H
#define SUPERVISOR_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>

#include "common/msg.h"
#include "supervisor/arena.h"
#include "supervisor/config.h"
#include "supervisor/policy/sched.h"
#include "supervisor/strmap.h"

#define MANIFEST_WHY	512	/* bytes of an error's text */

/* Output of one attempt that is kept; in the plan's arena. */
struct manifest_extent {
	struct manifest_extent	*next;
	uint64_t		 at;	/* in the run's spool */
	uint32_t		 len;
	unsigned		 stream; /* 1 stdout, 2 stderr */
};

struct manifest_output {
	struct manifest_output	*next;	/* of an earlier attempt */
	uint32_t		 attempt;
	bool			 cut;	/* some of it could not be kept */
	struct manifest_extent	*first, **last;
};

struct manifest_test {
	struct sv		 spec;		/* body of its TEST_ADD */
	struct sv		 name, source;	/* in spec */
	uint64_t		 timeout_ms;	/* 0: none */
	uint64_t		 limit_ms;	/* with hooks and graces, 0: none */
	uint32_t		 grace_ms, output_limit;
	uint32_t		 attempts, lost, delay_ms;
	bool			 over;		/* has its verdict */
	bool			 follow;	/* somebody wants its output as it comes */
	uint64_t		 duration_us;	/* of the last attempt */
	struct manifest_output	*outputs;	/* newest first */
	struct sv		 skip;
};

struct manifest {
	struct arena		 arena;
	struct strmap		 names, lock_names, slot_names;
	struct msg_reader	*reader;
	struct manifest_test	*tests;
	struct sched_test	*sched;		/* the same, as the scheduler wants them */
	uint32_t		 ntests, cap;
	uint32_t		*resources;	/* how many of each there are */
	uint32_t		 nresources;
	/* of RUN_BEGIN, copied */
	char			*label;		/* NULL: none */
	struct msg_context	 context;
	uint32_t		 jobs, max_fail;
	uint64_t		 timeout_ms, test_timeout_ms, grace_ms, seed;
	bool			 shuffle, detach, live;
};

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

/* Nothing more is added: gives back what only building needs. */
void	manifest_close(struct manifest *);

/* Takes zeroed and half-built ones. */
void	manifest_free(struct manifest *);

/* Bytes it holds, about. */
uint64_t manifest_memory(const struct manifest *);

#endif
