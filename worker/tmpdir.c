/* A folder for each attempt, made once as long as nobody uses it; see tmpdir.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/fdutil.h"
#include "worker/tmpdir.h"

/* No file system counts the time of a change in larger steps: FAT has two seconds. */
#define TMPDIR_COARSE_MS	3000

void
tmpdir_init(struct tmpdir *t, int scratch_fd)
{
	memset(t, 0, sizeof *t);
	t->scratch_fd = scratch_fd;
	t->fd = -1;
}

int
tmpdir_take(struct tmpdir *t)
{
	int	r;

	if (t->fd != -1) {
		t->settled = t->settled || now_ms() > t->made_ms + TMPDIR_COARSE_MS;
		return 0;
	}
	(void)snprintf(t->name, sizeof t->name, "t%llu", (unsigned long long)++t->serial);
	if (mkdirat(t->scratch_fd, t->name, 0700) == -1) {
		r = -errno;
		t->name[0] = '\0';
		return r;
	}
	t->made_ms = now_ms();
	t->settled = false;
	t->fd = openat(t->scratch_fd, t->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	/* The umask of the run may have taken bits of ours. */
	if (t->fd == -1 || fchmod(t->fd, 0700) == -1 || fstat(t->fd, &t->made) == -1)
		fd_close(&t->fd);	/* it can be used, only not again */
	return 0;
}

/* Nothing but "." and ".." in it?  The raw call: a DIR costs memory each time. */
static bool
is_empty(int fd)
{
	char	buf[256];
	long	n;

	/* 24 bytes an entry with so short a name. */
	return lseek(fd, 0, SEEK_SET) == 0 &&
	    (n = syscall(SYS_getdents64, fd, buf, sizeof buf)) >= 0 && n <= 2 * 24;
}

bool
tmpdir_untouched(struct tmpdir *t)
{
	struct stat	now;

	/* The time of change alone is too coarse at first, and says nothing of contents that
	 * came within a tick; the contents alone say nothing of mode and attributes. */
	if (t->fd != -1 && fstat(t->fd, &now) == 0 && now.st_nlink == t->made.st_nlink &&
	    now.st_mode == t->made.st_mode && now.st_uid == t->made.st_uid &&
	    now.st_gid == t->made.st_gid &&
	    now.st_ctim.tv_sec == t->made.st_ctim.tv_sec &&
	    now.st_ctim.tv_nsec == t->made.st_ctim.tv_nsec && (t->settled || is_empty(t->fd)))
		return true;
	fd_close(&t->fd);
	return false;
}

int
tmpdir_share(int fd, const char *run, char *ret_name)
{
	size_t	n = strspn(run, "0123456789abcdef");

	ret_name[0] = '\0';
	if (n == 0 || run[n] != '\0' || n > TMPDIR_NAME - 3)
		return -EINVAL;
	(void)snprintf(ret_name, TMPDIR_NAME, "r.%s", run);
	if (mkdirat(fd, ret_name, 0700) == -1)
		return errno == EEXIST ? 0 : -errno;
	/* The umask of the run may have taken bits of ours. */
	return fchmodat(fd, ret_name, 0700, 0) == -1 ? -errno : 0;
}

void
tmpdir_free(struct tmpdir *t)
{
	fd_close(&t->fd);
}
