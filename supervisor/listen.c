/* Socket, lock and scratch folder; see listen.h. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/rmtree.h"
#include "supervisor/listen.h"

#define LISTEN_BACKLOG	128

/* The lock is held until the process ends: the descriptor stays open on purpose. */
static int
lock(const char *path)
{
	char	name[sizeof ((struct sockaddr_un *)0)->sun_path + 8];
	int	fd, r = 0;

	(void)snprintf(name, sizeof name, "%s.lock", path);
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd == -1)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) == -1) {
		r = errno == EWOULDBLOCK ? -EADDRINUSE : -errno;
		(void)close(fd);
	}
	return r;
}

int
listen_on(const char *path)
{
	struct sockaddr_un	sa = { .sun_family = AF_UNIX };
	mode_t			mask;
	int			fd, r;

	if (strlen(path) >= sizeof sa.sun_path)
		return -ENAMETOOLONG;
	memcpy(sa.sun_path, path, strlen(path) + 1);
	r = lock(path);
	if (r != 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return -errno;
	/* Who holds the lock is the only supervisor here: what is there is old. */
	(void)unlink(path);
	mask = umask(0177);
	r = bind(fd, (struct sockaddr *)&sa, sizeof sa) == -1 ||
	    listen(fd, LISTEN_BACKLOG) == -1 ? -errno : 0;
	(void)umask(mask);
	if (r != 0) {
		(void)close(fd);
		return r;
	}
	return fd;
}

/* Folders are named after the process: "s." and its pid. */
static void
remove_old(int dirfd)
{
	struct dirent	*e;
	DIR		*dir = fdopendir(dup(dirfd));
	const char	*why;
	pid_t		 pid;

	if (dir == NULL)
		return;
	while ((e = readdir(dir)) != NULL) {
		if (strncmp(e->d_name, "s.", 2) != 0 || !isdigit((unsigned char)e->d_name[2]))
			continue;
		pid = (pid_t)strtonum(e->d_name + 2, 1, INT32_MAX, &why);
		if (why == NULL && kill(pid, 0) == -1 && errno == ESRCH)
			(void)rmtree_at(dirfd, e->d_name);
	}
	(void)closedir(dir);
}

int
listen_scratch(const char *base, char **ret)
{
	struct stat	st;
	char		name[32];
	int		fd, r = 0;

	if (mkdir(base, 0700) == -1 && errno != EEXIST)
		return -errno;
	fd = open(base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return errno == ELOOP || errno == ENOTDIR ? -EPERM : -errno;
	if (fstat(fd, &st) == -1)
		r = -errno;
	else if (st.st_uid != geteuid() || (st.st_mode & 077) != 0)
		r = -EPERM;
	if (r == 0) {
		remove_old(fd);
		(void)snprintf(name, sizeof name, "s.%d", (int)getpid());
		(void)rmtree_at(fd, name);	/* of one that had our pid */
		if (mkdirat(fd, name, 0700) == -1)
			r = -errno;
		else if (asprintf(ret, "%s/%s", base, name) < 0)
			r = -ENOMEM;
	}
	(void)close(fd);
	return r;
}
