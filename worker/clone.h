/* clone() as vfork has it, into a control group. */
#ifndef WORKER_CLONE_H
#define WORKER_CLONE_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Calls fn(arg) in a child on that stack, which shares our memory while we wait for its
 * execve or its end, and which is in the group (an open folder) from its first moment.
 * Its pid, or -1 with errno.
 */
pid_t	clone_into(int (*fn)(void *), char *stack, size_t size, void *arg, int group);

#endif
