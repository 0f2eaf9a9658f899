/*
 * Bytes that the children of this process have moved.  The kernel adds the account
 * of each child that is reaped (and of those it has reaped) to ours: what our whole
 * process has, less what our only thread has moved itself, is theirs.  Costs two
 * system calls a question, and none for each process.
 */
#ifndef WORKER_IOCOUNT_H
#define WORKER_IOCOUNT_H

#include <stdint.h>

struct iocount {
	int		whole_fd, own_fd;	/* -1: the kernel keeps no such account */
	uint64_t	read, written;		/* until the last question */
};

/* For a process with one thread. */
void	iocount_open(struct iocount *);
void	iocount_close(struct iocount *);

/*
 * What the children that were reaped since the last call have moved with read and
 * write calls of all kinds (files, pipes, terminals; from the cache too), in bytes.
 * Sockets count where they are read and written like files.  0 0 when it is unknown.
 */
void	iocount_take(struct iocount *, uint64_t *ret_read, uint64_t *ret_written);

#endif
