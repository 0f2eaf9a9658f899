/*
 * What the processes of an attempt have used, by the kernel's account of each one
 * that was reaped: an account that holds those a process has reaped itself.  What
 * nobody waited for (SIGCHLD ignored) is missing.  Pure; dies without memory.
 */
#ifndef WORKER_USAGE_H
#define WORKER_USAGE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct rusage;

#define USAGE_IDS_MAX	65536

/* A set of process or session ids, sorted. */
struct usage_ids {
	pid_t	*v;
	size_t	 n, cap;
};

struct usage {
	uint64_t	 user_us, system_us;
	uint64_t	 max_rss;		/* of the largest process, bytes */
	uint64_t	 minor_faults, major_faults;
	uint64_t	 voluntary, involuntary;	/* context switches */
	uint64_t	 processes, sessions;	/* that were seen */
	struct usage_ids pids;			/* seen alive and not yet reaped by us */
	struct usage_ids sids;			/* of the sessions */
};

/* {0} has seen nothing. */
void	usage_clear(struct usage *);		/* frees what it holds; {0} again */

/* A process was reaped, with its account. */
void	usage_reaped(struct usage *, pid_t, const struct rusage *);
/* A process is alive, in that session. */
void	usage_saw(struct usage *, pid_t, pid_t session);
/* A session was opened; what was started there is seen when it is reaped. */
void	usage_saw_session(struct usage *, pid_t session);

#endif
