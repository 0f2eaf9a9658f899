/* Descriptors; see fdutil.h. */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/fdutil.h"

int
fd_socketpair(int ret_fds[2])
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ret_fds) == -1)
		return -errno;
	return 0;
}

int
fd_nonblock(int fd, int on)
{
	int	flags = fcntl(fd, F_GETFL);

	if (flags == -1)
		return -errno;
	flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	return fcntl(fd, F_SETFL, flags) == -1 ? -errno : 0;
}

int
fd_peer(int fd, uid_t *ret_uid, gid_t *ret_gid, pid_t *ret_pid)
{
	struct ucred	c;
	socklen_t	n = sizeof c;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &n) == -1)
		return -errno;
	*ret_uid = c.uid;
	*ret_gid = c.gid;
	*ret_pid = c.pid;
	return 0;
}

void
fd_close(int *fd)
{
	if (*fd != -1)
		(void)close(*fd);
	*fd = -1;
}
