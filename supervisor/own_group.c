/* The lines of /proc/self/cgroup; see own_group.h. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/own_group.h"

bool
controller_listed(const char *list, const char *controller)
{
	size_t	n = strlen(controller);

	for (const char *p = list; p != NULL; p = strchr(p, ',')) {
		p += *p == ',';
		if (strncmp(p, controller, n) == 0 && (p[n] == ',' || p[n] == '\0'))
			return true;
	}
	return false;
}

/* The path of a line "ID:CONTROLLERS:PATH", without controllers in version 2; NULL: it is
 * not of that hierarchy. */
static const char *
path_in(char *line, const char *wanted)
{
	char	*controllers = strchr(line, ':'), *path;

	line[strcspn(line, "\n")] = '\0';
	path = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
	if (path == NULL || path[1] != '/')
		return NULL;
	*path++ = '\0';
	controllers++;
	return (wanted != NULL ? controller_listed(controllers, wanted) : *controllers == '\0') ?
	    path : NULL;
}

int
own_group(const char *root, const char *controller, char *path, size_t size)
{
	char		 name[PATH_MAX], *line = NULL;
	const char	*found;
	size_t		 cap = 0;
	int		 r = -ENOENT;
	FILE		*f;

	if (snprintf(name, sizeof name, "%s/proc/self/cgroup", root) >= (int)sizeof name)
		return -ENAMETOOLONG;
	f = fopen(name, "re");
	if (f == NULL)
		return -errno;
	while (r == -ENOENT && getline(&line, &cap, f) != -1) {
		found = path_in(line, controller);
		if (found != NULL)
			r = strlcpy(path, strcmp(found, "/") == 0 ? "" : found, size) < size ? 0 :
			    -ENAMETOOLONG;
	}
	free(line);
	(void)fclose(f);
	return r;
}
