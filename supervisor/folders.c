/* Users' folders after a restart; see folders.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/identity.h"
#include "common/log.h"
#include "supervisor/folders.h"
#include "supervisor/runs.h"

#define FOLDERS_OLD	"o."	/* put aside: a new one may be made meanwhile */

static bool
goes_on(const struct runs *rs, uid_t uid)
{
	const struct run	*run;

	TAILQ_FOREACH(run, &rs->list, entry) {
		if (!run->over && run->uid == uid)
			return true;
	}
	return false;
}

/* One folder in `dirfd`, which nobody but us can change. */
static void
sweep(struct runs *rs, const char *scratch, int dirfd, const char *name)
{
	struct identity	*who;
	struct stat	 st;
	char		*old = NULL, *path = NULL;
	bool		 aside = strncmp(name, FOLDERS_OLD, 2) == 0;	/* by one before us */

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == -1 || !S_ISDIR(st.st_mode))
		return;
	if (st.st_uid == geteuid()) {	/* made, and never given away */
		(void)unlinkat(dirfd, name, AT_REMOVEDIR);
		return;
	}
	if (!aside && goes_on(rs, st.st_uid))
		return;
	who = identity_new(st.st_uid, st.st_gid, NULL, 0);
	if (asprintf(&old, FOLDERS_OLD "%u.%d", (unsigned)st.st_uid, (int)getpid()) < 0)
		old = NULL;
	if (who == NULL || old == NULL || asprintf(&path, "%s/%s", scratch, aside ? name : old) < 0)
		path = NULL;
	if (path == NULL || (!aside && renameat(dirfd, name, dirfd, old) == -1))
		log_warn("pool", "%s/%s is left: %s", scratch, name, strerror(errno));
	else
		pool_remove(rs->pool, path, who);
	free(path);
	free(old);
	free(who);
}

void
folders_sweep(struct runs *rs, const char *scratch)
{
	struct dirent	**names;
	int		  n, fd;

	fd = open(scratch, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return;
	n = scandirat(fd, ".", &names, NULL, NULL);
	for (int i = 0; i < n; i++) {
		if (strncmp(names[i]->d_name, POOL_USER, 2) == 0 ||
		    strncmp(names[i]->d_name, FOLDERS_OLD, 2) == 0)
			sweep(rs, scratch, fd, names[i]->d_name);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	(void)close(fd);
}
