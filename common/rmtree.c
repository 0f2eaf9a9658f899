/* Removal of a tree by descriptors, so that no name is resolved twice. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/rmtree.h"

/* Each level holds a descriptor: what is deeper is moved to the top first. */
#define RMTREE_DEPTH	100

struct rmtree {
	int		 top;		/* the folder that is removed; -1: not open yet */
	unsigned	 moved;		/* folders that were moved there */
};

static int	remove_at(struct rmtree *, int dirfd, const char *name, int depth);

static int
empty(struct rmtree *t, int fd, int depth)
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
	if (depth == 0)
		t->top = fd;
	while ((e = readdir(dir)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		r1 = remove_at(t, fd, e->d_name, depth + 1);
		if (r == 0)
			r = r1;
	}
	(void)closedir(dir);
	return r;
}

static int
move_up(struct rmtree *t, int dirfd, const char *name)
{
	char	to[32];

	(void)snprintf(to, sizeof to, ".rmtree.%u", t->moved);
	/* Its mode counts too, since its ".." changes. */
	if (fchmodat(dirfd, name, 0700, AT_SYMLINK_NOFOLLOW) == -1 ||
	    renameat(dirfd, name, t->top, to) == -1)
		return -errno;
	t->moved++;
	return 0;
}

static int
remove_at(struct rmtree *t, int dirfd, const char *name, int depth)
{
	const int	flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int		fd, r = 0;

	if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	if (errno == ENOTDIR)
		return unlinkat(dirfd, name, 0) == 0 || errno == ENOENT ? 0 : -errno;
	if (errno != ENOTEMPTY && errno != EEXIST)
		return -errno;
	if (depth >= RMTREE_DEPTH)
		return move_up(t, dirfd, name);
	/* A link cannot get here: removing it as a folder gave ENOTDIR. */
	fd = openat(dirfd, name, flags);
	if (fd == -1 && errno == EACCES && fchmodat(dirfd, name, 0700, AT_SYMLINK_NOFOLLOW) == 0)
		fd = openat(dirfd, name, flags);
	if (fd == -1)
		return -errno;
	(void)fchmod(fd, 0700);		/* what fails will fail to be removed */
	r = empty(t, fd, depth);
	if (unlinkat(dirfd, name, AT_REMOVEDIR) == -1 && errno != ENOENT && r == 0)
		r = -errno;
	return r;
}

int
rmtree_at(int dirfd, const char *name)
{
	struct rmtree	t = { -1, 0 };
	unsigned	before;
	int		r;

	do {	/* again for what was moved behind the reader of the top folder */
		before = t.moved;
		r = remove_at(&t, dirfd, name, 0);
	} while (r != 0 && t.moved > before);
	return r;
}

int
rmtree_contents(const char *path)
{
	struct rmtree	t = { -1, 0 };
	unsigned	before;
	int		fd, r;

	do {
		before = t.moved;
		fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd == -1 && errno == EACCES && fchmodat(AT_FDCWD, path, 0700, 0) == 0)
			fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd == -1)
			return errno == ENOENT ? 0 : -errno;
		(void)fchmod(fd, 0700);
		r = empty(&t, fd, 0);
	} while (r != 0 && t.moved > before);
	return r;
}
