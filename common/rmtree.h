/*
 * Removes a folder and all that is in it.  Never follows a symbolic link, never
 * leaves the file system's subtree, makes folders writable that a test left
 * read-only.
 */
#ifndef COMMON_RMTREE_H
#define COMMON_RMTREE_H

/* `name` in the folder `dirfd` (AT_FDCWD).  0, also when it does not exist;
 * else the -errno of the first thing that could not be removed. */
int	rmtree_at(int dirfd, const char *name);

/* All that is in the folder `path`, which stays.  Likewise. */
int	rmtree_contents(const char *path);

#endif
