/*
 * What the kernel says of this host: memory that is available, CPUs that were idle, and
 * for how long something waited for either.  The one place that reads it.
 *
 * Memory is that of the host or of the control groups that we are in, whichever leaves
 * less.  CPUs are those that we may run on.
 */
#ifndef SUPERVISOR_PRESSURE_H
#define SUPERVISOR_PRESSURE_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

struct pressure {
	const char	*root;		/* borrowed: of /proc and /sys; "": of this host */
	cpu_set_t	 cpus;
	char		 group[512];	/* ours, of memory; "": none or the root */
	bool		 group_v1;
	uint64_t	 tick_us;
};

struct pressure_seen {
	uint64_t	at_us;		/* monotonic */
	uint64_t	memory_total, memory_available;	/* bytes; total 0: not known */
	uint64_t	idle_us;	/* of our CPUs together, since the start */
	uint32_t	cpus;		/* of ours that are there; 0: not known */
	uint64_t	memory_stall_us, cpu_stall_us;	/* PSI "some", likewise; 0: no PSI */
	uint64_t	load_milli;	/* tasks that run or want to, of the last minute */
};

/* `root` is put before every path: $PARATEST_HOST_ROOT, where tests have a folder. */
void	pressure_init(struct pressure *, const char *root);

/* As it is now.  What cannot be read is 0. */
void	pressure_look(const struct pressure *, struct pressure_seen *);

#endif
