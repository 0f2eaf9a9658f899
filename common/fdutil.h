/* Descriptors: made close-on-exec, moved, asked who is at the other end. */
#ifndef COMMON_FDUTIL_H
#define COMMON_FDUTIL_H

#include <sys/types.h>

/* A connected pair of stream sockets, close-on-exec, both non-blocking.
 * 0 or -errno. */
int	fd_socketpair(int ret_fds[2]);

/* Makes `fd` blocking or not.  0 or -errno. */
int	fd_nonblock(int fd, int on);

/* Who connected (SO_PEERCRED).  0 or -errno. */
int	fd_peer(int fd, uid_t *ret_uid, gid_t *ret_gid, pid_t *ret_pid);

/* Closes what is open and sets it to -1. */
void	fd_close(int *fd);

#endif
