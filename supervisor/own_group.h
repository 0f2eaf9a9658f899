/* Which control group this process is in. */
#ifndef SUPERVISOR_OWN_GROUP_H
#define SUPERVISOR_OWN_GROUP_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Our group in the hierarchy of version 1 that has this controller (NULL: in that of
 * version 2), as a path below its mount, "" for its root.  root: the folder that /proc is
 * in, "" but in tests.  0; -ENOENT: there is no such hierarchy; another -errno.
 */
int	own_group(const char *root, const char *controller, char *path, size_t size);

/* Is it one of the words of a list with commas, as that of a line or of a mount's options? */
bool	controller_listed(const char *list, const char *controller);

#endif
