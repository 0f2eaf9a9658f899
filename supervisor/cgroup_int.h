/* The parts of supervisor/cgroup.h, for its own files. */
#ifndef SUPERVISOR_CGROUP_INT_H
#define SUPERVISOR_CGROUP_INT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/cgroup_part.h"

#define CGROUP_PREFIX	"paratest-"	/* groups beside the machine's own */

/* Where they are mounted; "": nowhere. */
struct cgroup_mounts {
	char	v2[PATH_MAX], v1[CGROUP_PARTS][PATH_MAX];
};

/* 0 or -errno. */
int	cgroup_find_mounts(struct cgroup_mounts *);

/* Are all words of `wanted` among those of the file `name` in dir? */
bool	cgroup_has_words(const char *dir, const char *name, const char *wanted);

/* Writes a short text to a file of a group: 0 or -errno. */
int	cgroup_write(const char *dir, const char *name, const char *text);

/* Kills all that is in a group and below it. */
void	cgroup_kill_all(const char *dir);

/* Removes a group with all below it, which nobody is in.  0 or -errno. */
int	cgroup_remove(const char *dir);

/* Makes a group that is ours as long as *ret_lock is open.  0 or -errno. */
int	cgroup_make_base(const char *base, int *ret_lock);

/* Removes the groups of this kind in MOUNT that nobody holds.  Whether some are left. */
bool	cgroup_remove_stale(const char *mount);

#endif
