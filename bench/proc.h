/* Processes of the benchmark: started, waited for with a deadline, accounted. */
#ifndef BENCH_PROC_H
#define BENCH_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "bench/bench.h"

struct proc {
	const char *const	*argv;	/* looked up in the PATH; ends with NULL */
	const char		*in, *out, *err;	/* files; NULL: the null device */
	const char		*dir;	/* to be in, NULL: ours */
	int			 ready_fd;	/* becomes descriptor 3; 0: none */
};

struct proc_usage {
	uint64_t	wall_us;
	uint64_t	cpu_us;		/* user + system, with all that it waited for */
	int		code;		/* exit code, or 128 + signal */
};

/* Starts it in a process group of its own.  0 or -errno, printed. */
int	proc_start(const struct proc *, pid_t *ret_pid);

/*
 * Waits; after the timeout, or when a signal ends the benchmark, kills its group and
 * reaps it.  Sets cpu_us and code.  0, -ETIMEDOUT or -EINTR, printed.
 */
int	proc_wait(struct bench *, pid_t, unsigned timeout_ms, struct proc_usage *);

/* Both. */
int	proc_run(struct bench *, const struct proc *, unsigned timeout_ms, struct proc_usage *);

/* Is there such a program in the PATH? */
bool	proc_installed(const char *name);

/* The largest resident set that the process has had, bytes; 0 when it is gone.
 * Not getrusage's, which a child inherits from the one that it was cloned from. */
uint64_t	proc_peak(pid_t);

/* CPU time of the process alone, ns, from its schedstat; 0: it does not say. */
uint64_t	proc_cpu_ns(pid_t);

#endif
