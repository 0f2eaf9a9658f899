/*
 * Reaping, and what dead workers leave.  The supervisor is a sub-reaper, so that
 * the tree of a worker that was killed comes to it; a child of ours that is no
 * worker can only be such an orphan, and is killed with all under it.
 */
#ifndef SUPERVISOR_ORPHANS_H
#define SUPERVISOR_ORPHANS_H

#include <stdbool.h>
#include <sys/types.h>

struct event_base;
struct orphans;

typedef void	orphans_exit_fn(void *arg, pid_t, int status);
typedef bool	orphans_known_fn(void *arg, pid_t);

/* `exited` is told of every child that ended, `known` says which are ours to keep.
 * NULL: no memory. */
struct orphans	*orphans_new(struct event_base *, orphans_exit_fn *exited,
		    orphans_known_fn *known, void *arg);
void		 orphans_free(struct orphans *);

/* Reaps all that has ended, then kills orphans, again from a timer until none is
 * left. */
void	orphans_reap(struct orphans *);
bool	orphans_none(const struct orphans *);

#endif
