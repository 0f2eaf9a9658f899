/* Namespaces and what is in them; see namespaces.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/privilege.h"
#include "supervisor/namespaces.h"

#define FLAGS_PID	(CLONE_NEWPID | CLONE_NEWNS)
#define FLAGS_SANDBOX	(CLONE_NEWIPC | CLONE_NEWUTS)
#define CGROUPS		"/sys/fs/cgroup"

bool
namespaces_init(struct namespaces *n, const struct isolation_want *want, const char *keep)
{
	memset(n, 0, sizeof *n);
	n->want = *want;
	n->keep = keep;
	n->user = !privilege_over_host();
	n->uid = geteuid();
	n->gid = getegid();
	/* A group needs none: it is used where it changes nothing that a test finds. */
	return want->level == ISOLATION_CGROUP ? !n->user : want->level >= ISOLATION_PID;
}

static bool
is_sandbox(const struct namespaces *n)
{
	return n->want.level == ISOLATION_SANDBOX;
}

static bool
has_network(const struct namespaces *n)
{
	return n->want.network == NETWORK_LOOPBACK || n->want.network == NETWORK_NONE;
}

int
namespaces_flags(const struct namespaces *n)
{
	return FLAGS_PID | (n->user ? CLONE_NEWUSER : 0) | (is_sandbox(n) ? FLAGS_SANDBOX : 0) |
	    (is_sandbox(n) && has_network(n) ? CLONE_NEWNET : 0);
}

/* ---- the child's side: system calls only ---- */

static int
put(const char *path, const char *text)
{
	int	fd = open(path, O_WRONLY | O_CLOEXEC), r = 0;

	if (fd == -1)
		return -errno;
	if (write(fd, text, strlen(text)) == -1)
		r = -errno;
	(void)close(fd);
	return r;
}

/* The same user and group in there as out here, and nobody else. */
static int
map_user(struct namespaces *n)
{
	char	text[64];
	int	r;

	n->step = "map its user into a user namespace";
	r = put("/proc/self/setgroups", "deny");	/* without, no group may be mapped */
	if (r != 0)
		return r;
	(void)snprintf(text, sizeof text, "%u %u 1", (unsigned)n->gid, (unsigned)n->gid);
	r = put("/proc/self/gid_map", text);
	if (r != 0)
		return r;
	(void)snprintf(text, sizeof text, "%u %u 1", (unsigned)n->uid, (unsigned)n->uid);
	return put("/proc/self/uid_map", text);
}

/* A copy of what is mounted at `path`, to be put back; -1: nothing is. */
static int
take_tree(const char *path)
{
	return open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
}

/* Takes the descriptor. */
static int
put_tree(int fd, const char *path)
{
	int	r = move_mount(fd, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) == -1 ? -errno : 0;

	(void)close(fd);
	return r;
}

/* The folder and all that it is in; what is there already is left. */
static void
make_path(const char *path)
{
	char	copy[PATH_MAX];

	(void)snprintf(copy, sizeof copy, "%s", path);
	for (char *p = copy + 1; (p = strchr(p, '/')) != NULL; p++) {
		*p = '\0';
		(void)mkdir(copy, 0755);
		*p = '/';
	}
	(void)mkdir(copy, 0755);
}

/* Empty folders of its own, where there were shared ones. */
static int
mount_own(struct namespaces *n)
{
	const unsigned long	safe = MS_NOSUID | MS_NODEV;

	n->step = "mount its own /tmp";
	if (mount("tmpfs", "/tmp", "tmpfs", safe, "mode=1777") == -1)
		return -errno;
	n->step = "mount its own /dev/shm";
	if (mount("tmpfs", "/dev/shm", "tmpfs", safe, "mode=1777") == -1 && errno != ENOENT)
		return -errno;
	n->step = "mount its own /dev/mqueue";
	if (mount("mqueue", "/dev/mqueue", "mqueue", safe | MS_NOEXEC, NULL) == -1 &&
	    errno != ENOENT && errno != ENODEV)
		return -errno;
	return 0;
}

static int
furnish(struct namespaces *n)
{
	struct mount_attr	read_only = { .attr_set = MOUNT_ATTR_RDONLY };
	int			keep = -1, groups = -1, r;

	if (n->keep != NULL) {
		n->step = "keep the folder of its tests";
		keep = take_tree(n->keep);
		if (keep == -1)
			return -errno;
	}
	if (n->want.read_only) {
		n->step = "make all that is mounted read-only";
		groups = take_tree(CGROUPS);	/* no file of anybody's, and the worker's to use */
		if (mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &read_only, sizeof read_only) == -1)
			return -errno;
	}
	r = mount_own(n);
	if (r == 0 && keep != -1) {
		n->step = "put back the folder of its tests";
		make_path(n->keep);	/* in a /tmp that is new */
		r = put_tree(keep, n->keep);
	}
	if (r == 0 && groups != -1) {
		n->step = "put back " CGROUPS;
		r = put_tree(groups, CGROUPS);
	}
	return r;
}

static int
bring_loopback_up(struct namespaces *n)
{
	struct ifreq	req = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int		fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r = 0;

	n->step = "bring the loopback of its network up";
	if (fd == -1)
		return -errno;
	if (ioctl(fd, SIOCSIFFLAGS, &req) == -1)
		r = -errno;
	(void)close(fd);
	return r;
}

static int
enter(struct namespaces *n)
{
	int	r;

	n->step = "keep its mounts from the host";	/* those of the host still reach it */
	if (mount("none", "/", NULL, MS_REC | MS_SLAVE, NULL) == -1)
		return -errno;
	r = is_sandbox(n) ? furnish(n) : 0;
	if (r == 0 && is_sandbox(n) && n->want.network == NETWORK_LOOPBACK)
		r = bring_loopback_up(n);
	if (r != 0)
		return r;
	n->step = "mount its own /proc";
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == -1)
		return -errno;
	return 0;
}

int
namespaces_enter(struct namespaces *n)
{
	int	r = n->user ? map_user(n) : 0;

	if (r == 0)
		r = enter(n);
	n->error = -r;
	return r;
}
