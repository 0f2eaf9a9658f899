/*
 * Starting one command.  The child shares our memory until its execve (a clone
 * with CLONE_VM and CLONE_VFORK): its cost does not grow with ours, and the errno
 * of a failure comes back as a variable.
 */
#ifndef WORKER_EXEC_H
#define WORKER_EXEC_H

#include <stdint.h>
#include <sys/types.h>

#include "common/flake.h"

#define EXEC_STACK	65536	/* bytes */
/* LOW_PRIORITY, LOADED: beside others that fill the CPUs a tenth of one is left, so that
 * a test is slow and not at a stand. */
#define EXEC_NICE	10
/* FEW_FILES: the limit that macOS gives each process, so that portable programs live with
 * it.  Only the soft one: what knows that it needs more, and asks for it, is sound. */
#define EXEC_FEW_FILES	256

enum exec_where { EXEC_CLONE, EXEC_CONFINE, EXEC_CHDIR, EXEC_EXEC };

#define EXEC_RLIMITS	5
#define EXEC_PROCS	3

struct exec_rlimit {
	int		resource;
	uint64_t	most;		/* lowers what it has, and never raises it */
};

/* What the child and all under it are held to. */
struct exec_limits {
	struct exec_rlimit	rlimits[EXEC_RLIMITS];
	unsigned		nrlimits;
	unsigned		cpus;		/* it may use so many of ours; 0: all */
	unsigned		first_cpu;	/* counted round */
	/* Control groups: the folder of the one it is started in (v2; 0: none), and the
	 * cgroup.procs of those that it enters (v1). */
	int			group;
	int			procs[EXEC_PROCS];
	unsigned		nprocs;
};

struct exec_command {
	char *const	*argv;		/* [0]: looked up in the PATH of envp */
	char *const	*envp;
	const char	*cwd;
	int		 in, out, err;	/* in -1: our own descriptor 0 */
	/* Its part of ONE_CPU, LOW_PRIORITY, LOADED, FEW_FILES, FIXED_LAYOUT. */
	enum flake_condition condition;
	unsigned	 cpu;		/* ONE_CPU: which of those that we may use */
	const struct exec_limits *limits;	/* NULL: none */
	char		*stack;		/* EXEC_STACK bytes for the child, until its execve */
};

/*
 * Starts it as leader of a session of its own, with the three descriptors and no
 * others, no signal blocked, and killed when we die.  The caller has every signal
 * at its default disposition.  0, or -errno and *ret_where.
 */
int	exec_start(const struct exec_command *, pid_t *ret_pid, enum exec_where *ret_where);

#endif
