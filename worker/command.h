/*
 * A command between the message that carries it and execve: its words, its input,
 * and what to say when it cannot be started.
 */
#ifndef WORKER_COMMAND_H
#define WORKER_COMMAND_H

#include "common/sv.h"
#include "worker/exec.h"

/* A list for execve; one allocation. */
char	**command_words(struct svs);

/* A file in memory with the input, at its start: no pipe that could fill up.
 * *ret_fd is -1 without input.  0 or -errno. */
int	  command_input(struct sv data, int *ret_fd);

/* One line that names what could not be done, and why; malloc'ed. */
char	 *command_describe_failure(struct sv file, const char *cwd, enum exec_where, int error);

#endif
