/*
 * The descendants of a process, from procfs.  A snapshot: what forks meanwhile
 * may be missed, so that a caller who must be sure repeats until nothing is left.
 */
#ifndef COMMON_PROCTREE_H
#define COMMON_PROCTREE_H

#include <stddef.h>
#include <sys/types.h>

struct proc_entry {
	pid_t	 pid;
	pid_t	 parent;
	char	*argv;	/* words joined by blanks, owned; "" when unreadable */
};

/* The pids of all descendants of root, parents before their children.
 * *ret_pids is malloc'ed.  0, or -errno. */
int	proctree_pids(pid_t root, pid_t **ret_pids, size_t *ret_n);
/* The same without one of them (0: nobody) and its descendants. */
int	proctree_pids_but(pid_t root, pid_t but, pid_t **ret_pids, size_t *ret_n);

/* Both with what each runs.  Free with proctree_free(). */
int	proctree_list(pid_t root, struct proc_entry **ret, size_t *ret_n);
int	proctree_list_but(pid_t root, pid_t but, struct proc_entry **ret, size_t *ret_n);
void	proctree_free(struct proc_entry *, size_t n);

/* Signals every descendant of root.  How many got it, or -errno. */
int	proctree_kill(pid_t root, int sig);

#endif
