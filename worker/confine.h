/*
 * What holds one attempt to its limits, and what it did to them.
 *
 *	limit		by a control group	else
 *	memory		the kernel's OOM	the sampler kills a tree that has more;
 *						RLIMIT_DATA of twice as much a process
 *	processes	pids.max		RLIMIT_NPROC, for who is not root
 *	cpu		cpu.max			whole numbers: so many CPUs
 *	open-files	-			RLIMIT_NOFILE
 *	file-size	-			RLIMIT_FSIZE
 */
#ifndef WORKER_CONFINE_H
#define WORKER_CONFINE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/limits.h"
#include "worker/exec.h"
#include "worker/groups.h"

struct usage;

struct confine {
	struct limits		 limits;
	struct groups		*groups;	/* borrowed */
	bool			 any;		/* there is something to hold it to */
	bool			 watched;	/* memory: by the sampler */
	bool			 killed;	/* for its memory, by us */
	struct exec_limits	 exec;
	struct groups_use	 use;		/* by confine_end() */
	/* Likewise; malloc'ed, NULL: nothing. */
	char			*oom;		/* it ran out of memory */
	char			*note;		/* what else its limits did to it */
};

/*
 * The limits of a test, for the attempt in this slot, by these groups and what else there
 * is.  NULL; or why one of them cannot
 * be enforced here, malloc'ed: nothing of it may run then.
 */
char	*confine_begin(struct confine *, struct groups *, const struct msg_test_add *,
	    uint64_t slot);
void	 confine_clear(struct confine *);	/* frees what it holds */

/* All is over.  tree_peak: bytes that its processes had together, as far as known. */
void	 confine_end(struct confine *, const struct usage *, uint64_t tree_peak);

#endif
