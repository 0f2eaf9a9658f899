/* Socket, lock and scratch folder; see listen.h. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/rmtree.h"
#include "supervisor/listen.h"
#include "supervisor/pool.h"

#define LISTEN_BACKLOG	64
#define LISTEN_WAIT_MS	15000	/* for a supervisor that is leaving */
#define LISTEN_LOOK_MS	10

/* Does anybody listen there? */
static bool
is_served(const struct sockaddr_un *sa)
{
	int	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool	yes;

	yes = fd != -1 && connect(fd, (const struct sockaddr *)sa, sizeof *sa) == 0;
	if (fd != -1)
		(void)close(fd);
	return yes;
}

/*
 * The lock is held until the process ends: the descriptor stays open on purpose.  Who
 * has it and does not listen is about to, or is leaving: that is waited for.
 */
static int
lock(const struct sockaddr_un *sa)
{
	char	name[sizeof sa->sun_path + 8];
	msec_t	deadline = now_ms() + LISTEN_WAIT_MS;
	int	fd, r = 0;

	(void)snprintf(name, sizeof name, "%s.lock", sa->sun_path);
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd == -1)
		return -errno;
	while (r == 0 && flock(fd, LOCK_EX | LOCK_NB) == -1) {
		if (errno != EWOULDBLOCK)
			r = -errno;
		else if (is_served(sa) || now_ms() > deadline)
			r = -EADDRINUSE;
		else
			(void)poll(NULL, 0, LISTEN_LOOK_MS);
	}
	if (r != 0)
		(void)close(fd);
	return r;
}

/* 0, or -ENAMETOOLONG. */
static int
address(const char *path, struct sockaddr_un *sa)
{
	if (strlen(path) >= sizeof sa->sun_path)
		return -ENAMETOOLONG;
	memset(sa, 0, sizeof *sa);
	sa->sun_family = AF_UNIX;
	memcpy(sa->sun_path, path, strlen(path) + 1);
	return 0;
}

int
listen_lock(const char *path)
{
	struct sockaddr_un	sa;
	int			r = address(path, &sa);

	return r != 0 ? r : lock(&sa);
}

static int
listen_with(const char *path, mode_t mode)
{
	struct sockaddr_un	sa;
	mode_t			mask;
	int			fd, r = address(path, &sa);

	if (r == 0)
		r = lock(&sa);
	if (r != 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return -errno;
	/* Who holds the lock is the only supervisor here: what is there is old. */
	(void)unlink(path);
	mask = umask(0777 & ~mode);
	r = bind(fd, (struct sockaddr *)&sa, sizeof sa) == -1 ||
	    listen(fd, LISTEN_BACKLOG) == -1 ? -errno : 0;
	(void)umask(mask);
	if (r != 0) {
		(void)close(fd);
		return r;
	}
	return fd;
}

int
listen_on(const char *path)
{
	return listen_with(path, 0600);
}

int
listen_for_all(const char *path)
{
	char		*copy = strdup(path), *dir;
	struct stat	 st;
	int		 r = 0;

	if (copy == NULL)
		return -ENOMEM;
	dir = dirname(copy);
	if (mkdir(dir, 0700) == 0)
		r = chmod(dir, 0755) == -1 ? -errno : 0;	/* whatever our umask is */
	else if (errno != EEXIST)
		r = -errno;
	if (r == 0 && lstat(dir, &st) == -1)
		r = -errno;
	if (r == 0 && (!S_ISDIR(st.st_mode) || (st.st_uid != geteuid() && st.st_uid != 0) ||
	    (st.st_mode & 022) != 0))
		r = -EPERM;
	free(copy);
	return r == 0 ? listen_with(path, 0666) : r;
}

/* Folders are named after the process: "s." and its pid, "n." while it is made.  Is this
 * one of a supervisor that is gone? */
static bool
is_old(const char *name)
{
	const char	*why;
	pid_t		 pid;

	if ((strncmp(name, "s.", 2) != 0 && strncmp(name, "n.", 2) != 0) ||
	    !isdigit((unsigned char)name[2]))
		return false;
	pid = (pid_t)strtonum(name + 2, 1, INT32_MAX, &why);
	if (why != NULL)
		return false;
	return pid == getpid() ? name[0] == 's' : kill(pid, 0) == -1 && errno == ESRCH;
}

/* What runs shared that may go on with us. */
static void
inherit(int from, int to)
{
	struct dirent	*e;
	DIR		*dir = from != -1 ? fdopendir(from) : NULL;

	if (dir == NULL)
		return;
	while ((e = readdir(dir)) != NULL) {
		if (strncmp(e->d_name, POOL_SHARED, strlen(POOL_SHARED)) == 0)
			(void)renameat(dirfd(dir), e->d_name, to, e->d_name);
	}
	(void)closedir(dir);
}

static void
remove_old(int base, int own)
{
	struct dirent	*e;
	DIR		*dir = fdopendir(dup(base));

	if (dir == NULL)
		return;
	while ((e = readdir(dir)) != NULL) {
		if (!is_old(e->d_name))
			continue;
		inherit(openat(base, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
		    own);
		(void)rmtree_at(base, e->d_name);
	}
	(void)closedir(dir);
}

/* Makes the folder of this process in `base`. */
static int
make_own(int base, char name[32])
{
	char	made[32];
	int	own, r = 0;

	(void)snprintf(made, sizeof made, "n.%d", (int)getpid());
	(void)snprintf(name, 32, "s.%d", (int)getpid());
	(void)rmtree_at(base, made);	/* of one that had our pid */
	if (mkdirat(base, made, 0700) == -1)
		return -errno;
	own = openat(base, made, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (own == -1)
		return -errno;
	remove_old(base, own);
	if (renameat(base, made, base, name) == -1)
		r = -errno;
	(void)close(own);
	return r;
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
	if (r == 0)
		r = make_own(fd, name);
	if (r == 0 && asprintf(ret, "%s/%s", base, name) < 0)
		r = -ENOMEM;
	(void)close(fd);
	return r;
}

int
listen_scratch_for_all(const char *path)
{
	struct stat	st;
	int		fd, r = 0;

	if (mkdir(path, 0711) == -1 && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return errno == ELOOP || errno == ENOTDIR ? -EPERM : -errno;
	if (fstat(fd, &st) == -1)
		r = -errno;
	else if (st.st_uid != geteuid() || (st.st_mode & 022) != 0)
		r = -EPERM;
	else if (fchmod(fd, 0711) == -1)
		r = -errno;
	else if (flock(fd, LOCK_EX | LOCK_NB) == -1)
		r = errno == EWOULDBLOCK ? -EBUSY : -errno;
	if (r != 0)	/* else it stays open: that is the lock */
		(void)close(fd);
	return r;
}
