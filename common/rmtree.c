/* Removal of a tree by descriptors, so that no name is resolved twice. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/rmtree.h"

/* Each level holds a descriptor: deeper is left, with ELOOP. */
#define RMTREE_DEPTH	200

static int	rmtree_depth(int dirfd, const char *name, int depth);

static int
empty(int fd, int depth)
{
	struct dirent	*e;
	DIR		*dir;
	int		 r = 0, r1;

	dir = fdopendir(fd);
	if (dir == NULL) {
		r = -errno;
		(void)close(fd);
		return r;
	}
	while ((e = readdir(dir)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		r1 = rmtree_depth(dirfd(dir), e->d_name, depth + 1);
		if (r == 0)
			r = r1;
	}
	(void)closedir(dir);
	return r;
}

static int
rmtree_depth(int dirfd, const char *name, int depth)
{
	int	fd, r = 0;

	if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	if (errno == ENOTDIR)
		return unlinkat(dirfd, name, 0) == 0 || errno == ENOENT ? 0 : -errno;
	if (errno != ENOTEMPTY && errno != EEXIST)
		return -errno;
	if (depth >= RMTREE_DEPTH)
		return -ELOOP;
	/* A link cannot get here: removing it as a folder gave ENOTDIR. */
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1 && errno == EACCES && fchmodat(dirfd, name, 0700, 0) == 0)
		fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return -errno;
	(void)fchmod(fd, 0700);		/* what fails will fail to be removed */
	r = empty(fd, depth);
	if (unlinkat(dirfd, name, AT_REMOVEDIR) == -1 && errno != ENOENT && r == 0)
		r = -errno;
	return r;
}

int
rmtree_at(int dirfd, const char *name)
{
	return rmtree_depth(dirfd, name, 0);
}
