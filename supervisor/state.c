/* The folder of what is kept; see state.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fdutil.h"
#include "supervisor/state.h"

void
state_none(struct state *st)
{
	*st = (struct state){ .path = NULL, .fd = -1, .journals = -1, .lock = -1 };
}

void
state_close(struct state *st)
{
	free(st->path);
	fd_close(&st->fd);
	fd_close(&st->journals);
	fd_close(&st->lock);
	state_none(st);
}

char *
state_default(void)
{
	const char	*xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	char		*path = NULL;

	if (xdg != NULL && xdg[0] == '/')
		return asprintf(&path, "%s/paratest", xdg) < 0 ? NULL : path;
	if (home != NULL && home[0] == '/')
		return asprintf(&path, "%s/.local/state/paratest", home) < 0 ? NULL : path;
	return NULL;
}

/* Makes the folders above `path`, which belong to the user and not to us: 0700 as the
 * XDG specification wants them. */
static int
make_parents(const char *path)
{
	char	*copy = strdup(path);
	int	 r = 0;

	if (copy == NULL)
		return -ENOMEM;
	for (char *p = strchr(copy + 1, '/'); p != NULL && r == 0; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(copy, 0700) == -1 && errno != EEXIST && errno != EISDIR)
			r = -errno;
		*p = '/';
	}
	free(copy);
	return r;
}

/* A folder of ours that only we can use.  Its descriptor or -errno. */
static int
private_folder(int at, const char *path)
{
	struct stat	st;
	int		fd, r = 0;

	if (mkdirat(at, path, 0700) == -1 && errno != EEXIST)
		return -errno;
	fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return errno == ELOOP || errno == ENOTDIR ? -EPERM : -errno;
	if (fstat(fd, &st) == -1)
		r = -errno;
	else if (st.st_uid != geteuid() || (st.st_mode & 077) != 0)
		r = -EPERM;
	if (r == 0)
		return fd;
	(void)close(fd);
	return r;
}

/* The pid in the lock file is for whoever reads the error; the lock is flock's. */
static int
take_lock(struct state *st, long *ret_holder)
{
	char	text[32] = "";
	ssize_t	n;

	st->lock = openat(st->fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (st->lock == -1)
		return -errno;
	if (flock(st->lock, LOCK_EX | LOCK_NB) == -1) {
		n = pread(st->lock, text, sizeof text - 1, 0);
		*ret_holder = n > 0 ? strtol(text, NULL, 10) : 0;
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	}
	(void)snprintf(text, sizeof text, "%ld\n", (long)getpid());
	if (ftruncate(st->lock, 0) == -1 || pwrite(st->lock, text, strlen(text), 0) == -1)
		return -errno;
	return 0;
}

int
state_open(const char *path, struct state *ret, char why[STATE_WHY])
{
	long	holder = 0;
	int	r;

	state_none(ret);
	r = make_parents(path);
	if (r == 0) {
		r = ret->fd = private_folder(AT_FDCWD, path);
		if (r == -EPERM)
			(void)snprintf(why, STATE_WHY, "%.400s is not a folder of mine that only I "
			    "can use", path);
	}
	if (r >= 0)
		r = take_lock(ret, &holder);
	if (r == -EBUSY)
		(void)snprintf(why, STATE_WHY, "%.400s is used by another supervisor, pid %ld",
		    path, holder);
	if (r >= 0)
		r = ret->journals = private_folder(ret->fd, "journal");
	if (r >= 0) {
		ret->path = strdup(path);
		r = ret->path != NULL ? 0 : -ENOMEM;
	}
	if (r == 0)
		return 0;
	if (r != -EBUSY && r != -EPERM)
		(void)snprintf(why, STATE_WHY, "cannot use %.400s: %s", path, strerror(-r));
	state_close(ret);
	return r;
}
