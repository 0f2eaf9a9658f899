/* Files, mounts and folders of control groups; see cgroup_int.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "supervisor/cgroup_int.h"
#include "supervisor/own_group.h"

int
cgroup_write(const char *dir, const char *name, const char *text)
{
	char	path[PATH_MAX];
	size_t	len = strlen(text);
	ssize_t	n;
	int	fd, r = 0;

	if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path)
		return -ENAMETOOLONG;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd == -1)
		return -errno;
	n = write(fd, text, len);
	if (n != (ssize_t)len)
		r = n == -1 ? -errno : -EIO;
	(void)close(fd);
	return r;
}

bool
cgroup_has_words(const char *dir, const char *name, const char *wanted)
{
	char	path[PATH_MAX], have[512], *copy, *rest, *word;
	FILE	*f;
	bool	 all = false;

	if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path)
		return false;
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	have[0] = ' ';
	if (fgets(have + 1, (int)sizeof have - 2, f) != NULL) {
		have[strcspn(have, "\n")] = ' ';
		copy = rest = strdup(wanted);
		all = copy != NULL;
		while (all && (word = strsep(&rest, " ")) != NULL) {
			(void)snprintf(path, sizeof path, " %s ", word);
			all = strstr(have, path) != NULL;
		}
		free(copy);
	}
	(void)fclose(f);
	return all;
}

/* ---- where they are ---- */

static void
take_mount(struct cgroup_mounts *m, const char *where, const char *type, const char *options)
{
	if (strcmp(type, "cgroup2") == 0 && m->v2[0] == '\0')
		(void)strlcpy(m->v2, where, sizeof m->v2);
	for (int i = 0; strcmp(type, "cgroup") == 0 && i < CGROUP_PARTS; i++) {
		if (m->v1[i][0] == '\0' && controller_listed(options, cgroup_parts[i].controller))
			(void)strlcpy(m->v1[i], where, sizeof m->v1[i]);
	}
}

/* Only mounts that show a hierarchy from its root on; see proc(5) for the lines. */
int
cgroup_find_mounts(struct cgroup_mounts *m)
{
	FILE	*f = fopen("/proc/self/mountinfo", "re");
	char	*line = NULL, root[256], where[1024], type[32], options[512], *dash;
	size_t	 size = 0;

	memset(m, 0, sizeof *m);
	if (f == NULL)
		return -errno;
	while (getline(&line, &size, f) != -1) {
		dash = strstr(line, " - ");
		if (dash == NULL ||
		    sscanf(line, "%*s %*s %*s %255s %1023s", root, where) != 2 ||
		    sscanf(dash, " - %31s %*s %511s", type, options) != 2)
			continue;
		if (strcmp(root, "/") == 0)
			take_mount(m, where, type, options);
	}
	free(line);
	(void)fclose(f);
	return 0;
}

/* ---- folders ---- */

/* Calls fn with the path of each folder in dir whose name begins so. */
static void
each_folder(const char *dir, const char *prefix, void (*fn)(const char *path, void *arg), void *arg)
{
	char		 path[PATH_MAX];
	DIR		*d = opendir(dir);
	struct dirent	*e;

	while (d != NULL && (e = readdir(d)) != NULL) {
		if (e->d_type == DT_DIR && e->d_name[0] != '.' &&
		    strncmp(e->d_name, prefix, strlen(prefix)) == 0 &&
		    snprintf(path, sizeof path, "%s/%s", dir, e->d_name) < (int)sizeof path)
			fn(path, arg);
	}
	if (d != NULL)
		(void)closedir(d);
}

static void
kill_folder(const char *path, void *arg)
{
	(void)arg;
	cgroup_kill_all(path);
}

/* Who forks meanwhile is seen by the next call. */
void
cgroup_kill_all(const char *dir)
{
	char	 path[PATH_MAX];
	FILE	*f;
	int	 pid;

	if (cgroup_write(dir, "cgroup.kill", "1") == 0)
		return;
	each_folder(dir, "", kill_folder, NULL);
	(void)snprintf(path, sizeof path, "%s/cgroup.procs", dir);
	f = fopen(path, "re");
	while (f != NULL && fscanf(f, "%d", &pid) == 1) {
		if (pid > 1 && pid != getpid())
			(void)kill(pid, SIGKILL);
	}
	if (f != NULL)
		(void)fclose(f);
}

static void
remove_folder(const char *path, void *arg)
{
	int	*r = arg, now = cgroup_remove(path);

	if (now != 0)
		*r = now;
}

int
cgroup_remove(const char *dir)
{
	int	r = 0;

	if (rmdir(dir) == 0 || errno == ENOENT)
		return 0;
	each_folder(dir, "", remove_folder, &r);
	if (r == 0 && rmdir(dir) == -1 && errno != ENOENT)
		r = -errno;
	return r;
}

/* Who tidies up may have been there between our steps: then it is gone again.  Others may
 * go through, but not open it: whoever can has the lock, if he is there before us. */
int
cgroup_make_base(const char *base, int *ret_lock)
{
	struct stat	st;
	int		fd;

	if (mkdir(base, 0711) == -1)
		return -errno;
	fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && stat(base, &st) == 0) {
		*ret_lock = fd;
		return 0;
	}
	(void)close(fd);
	return -EAGAIN;
}

static void
remove_stale(const char *path, void *arg)
{
	bool	*left = arg;
	int	 fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd == -1)
		return;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		cgroup_kill_all(path);
		if (cgroup_remove(path) != 0)
			*left = true;
	}
	(void)close(fd);
}

bool
cgroup_remove_stale(const char *mount)
{
	bool	left = false;

	each_folder(mount, CGROUP_PREFIX, remove_stale, &left);
	return left;
}
