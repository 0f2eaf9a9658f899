/*
 * How far this worker's tests are kept apart.  Whoever started it has made the namespaces;
 * here is seen to what comes of them.
 *
 * What the tests in one sandbox could leave to each other, as they have it one after the
 * other: files in its /tmp, shared memory, semaphores and message queues of either kind,
 * and what a test of root's changed in it.  Looked at after each attempt, and emptied when
 * something is there; what cannot be emptied is replaced with the worker.
 */
#ifndef WORKER_ROOM_H
#define WORKER_ROOM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "common/isolation.h"

#define ROOM_NAME	65	/* bytes of a host's name */

/* One of its own file systems as it was when it was empty. */
struct room_place {
	int		 fd;		/* its root; -1: there is none */
	uint64_t	 inodes;
	struct stat	 made;
};

struct room {
	bool		 on;		/* false: no sandbox */
	const char	*scratch;	/* borrowed: a folder that is none of it */
	struct stat	 scratch_made;
	struct room_place tmp, shm, mqueue;
	int		 mounts_fd;	/* what says that something was mounted; -1: nobody may */
	char		 host[ROOM_NAME];
};

/* Which level of what was asked for (as isolation.h has it written; NULL: nothing) has been
 * reached in truth, by what the kernel says.  grouped: our tests are in a control group. */
enum isolation	room_level(const char *asked, bool grouped);

/* Remembers how the sandbox is.  `scratch` may be in its /tmp.  0, or -1 with errno. */
int	room_open(struct room *, const char *scratch);
void	room_close(struct room *);

/* As it was, or emptied; false: it cannot be, and no test is to find it so.  Some system
 * calls when it is, none without a sandbox. */
bool	room_empty(struct room *);

#endif
