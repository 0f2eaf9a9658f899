/*
 * The control groups that a worker puts its tests into, which its supervisor has made and
 * named on its command line:
 *
 *	DIR			version 2: the worker is in DIR/worker, its tests in DIR/test
 *	PART:DIR,PART:DIR	version 1: its tests with a limit on memory, pids or cpu
 *
 * Of version 2 every test is in the group, and the kernel starts it there.  Files of
 * version 1 are opened for the first test that needs them: the groups are made for it.
 */
#ifndef WORKER_GROUPS_H
#define WORKER_GROUPS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/cgroup_part.h"
#include "common/limits.h"
#include "worker/exec.h"

struct groups {
	bool		 v2;
	char		*dir[CGROUP_PARTS];	/* owned; v2: all the same one; NULL: none */
	int		 procs[CGROUP_PARTS];	/* v1: cgroup.procs, -1: not open */
	int		 test;			/* v2: the folder DIR/test, or -1 */
	int		 kill;			/* v2: its cgroup.kill, or -1 */
	int		 events[CGROUP_PARTS];	/* where each says what happened, or -1 */
	int		 peak;			/* of memory, or -1 */
	int		 cpu;			/* v2: cpu.stat, or -1 */
	int		 current, stat;		/* v2: of memory, or -1 */
	int		 io;			/* v2: io.stat, or -1 */
	uint64_t	 looked_at;		/* what was in use when its parts were read */
	/* What was there before the attempt, or at the end of the last one. */
	uint64_t	 oom_kills, hits, throttled_us, user_us, system_us, peak_was;
	uint64_t	 device_read, device_written;
};

/* What one attempt did in its groups. */
struct groups_use {
	uint64_t	oom_kills;	/* processes that were killed for memory */
	uint64_t	hits;		/* forks that the limit of processes refused */
	uint64_t	throttled_us;	/* it was held back for so long, by that of the CPU */
	uint64_t	peak;		/* bytes; 0: not known */
	uint64_t	user_us, system_us;	/* v2; 0: not known */
	bool		devices;		/* v2: the next two are known */
	uint64_t	device_read, device_written;	/* bytes */
};

#define GROUPS_LEFT_MOST	(UINT64_C(2) << 20)	/* bytes that a test may leave behind */

/*
 * Version 2: moves this process into its group, before it is somebody else, and opens what
 * kills the group of its tests (-1: it cannot be had).  No user may open that: who still
 * had it open when the group is another user's would kill his tests.  0 or -errno.
 */
int	groups_join(const char *words, int *ret_kill);

/* words: as on the command line; NULL: there are none.  Takes what groups_join() opened. */
void	groups_open(struct groups *, const char *words, int kill);
void	groups_close(struct groups *);

/* Does one of them enforce this limit? */
bool	groups_hold(const struct groups *, enum limit);

/* An attempt with these limits is about to start: where its commands are to be.  0 or
 * -errno. */
int	groups_begin(struct groups *, const struct limits *, struct exec_limits *);

/* It is over. */
void	groups_end(struct groups *, const struct limits *, struct groups_use *);

/*
 * Is nothing left in them that no kill frees: files in memory, shared segments?  They count
 * for the next test, whoever's it is.  To be asked when its folders are empty again.
 */
bool	groups_are_clean(struct groups *);

#endif
