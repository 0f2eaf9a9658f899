/*
 * The control groups of this supervisor: a group a slot, which its attempts are in.
 *
 *	version 2, delegated to us	OWN/main		us
 *	(a unit with Delegate=yes)	OWN/jobs/slot-N/worker	its worker
 *					OWN/jobs/slot-N/test	the test, with the limits
 *	version 2, as root		MOUNT/paratest-PID/slot-N/... likewise
 *	version 1, as root		MOUNT/paratest-PID/slot-N in memory, pids and cpu
 *
 * In version 2 each worker is started into its group, and the kernel starts its tests into
 * theirs at no cost.  In version 1 entering a group costs a test more than that, and only
 * those with limits do it: nothing is made before the first of them.
 *
 * Groups that are not below our own are beside those of the machine, and locked as long as
 * we live: whoever can lock one removes it.
 */
#ifndef SUPERVISOR_CGROUP_H
#define SUPERVISOR_CGROUP_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/limits.h"

struct cgroup;
struct identity;

/*
 * Looks for groups that can be had, by making them, and removes what dead supervisors
 * left.  service: the workers are users of their own.  NULL: there are none, or no memory.
 */
struct cgroup	*cgroup_new(bool service);
/* Removes them; nothing is in there any more.  Takes NULL. */
void		 cgroup_free(struct cgroup *);

/* Which of them it is, for the log: "cgroup v2 in /sys/fs/cgroup/..."; NULL: none. */
const char	*cgroup_name(const struct cgroup *);

/* Is every test in a group (version 2), and not only one that needs it?  NULL: no. */
bool		 cgroup_for_all(const struct cgroup *);

/* Does a group hold tests to that limit?  NULL: no. */
bool		 cgroup_holds(const struct cgroup *, enum limit);

#define CGROUP_WHY	200	/* bytes of an error's text */

/* Can all of these be enforced, by a group or otherwise, on tests that are root or not?
 * 0, or -ENOTSUP with one line in why. */
int		 cgroup_can(const struct cgroup *, const struct limits *, bool root,
		    char why[CGROUP_WHY]);

/*
 * A worker of `who` (NULL: ours) is about to start in this slot: what it is told of its
 * groups (borrowed until the next call), NULL: nothing.  What is left of the last one in
 * there is killed.
 */
const char	*cgroup_worker(struct cgroup *, unsigned slot, const struct identity *who);

/* The next attempt in this slot has these limits.  0 or -errno: it would be without. */
int		 cgroup_limit(struct cgroup *, unsigned slot, const struct limits *);

/* Kills all that is in the groups of a slot.  Takes NULL. */
void		 cgroup_kill(struct cgroup *, unsigned slot);

/* Removes what could not be removed so far.  To be called now and then.  Takes NULL. */
void		 cgroup_tidy(struct cgroup *);

#endif
