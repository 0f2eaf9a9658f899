/* A socket that was passed to us; see activation.h. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "supervisor/activation.h"

#define ACTIVATION_FD	3	/* the first that is passed */
#define ACTIVATION_MOST	1000	/* as many as LISTEN_FDS may say */

/* How many descriptors were passed to us; the environment is cleared of it. */
static int
passed(void)
{
	const char	*pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS"), *why;
	int		 n = 0;

	if (pid != NULL && fds != NULL &&
	    strtonum(pid, 1, INT32_MAX, &why) == (long long)getpid()) {
		n = (int)strtonum(fds, 1, ACTIVATION_MOST, &why);
		if (why != NULL)
			n = 0;
	}
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_FDNAMES");
	return n;
}

static int
option(int fd, int name)
{
	socklen_t	len = sizeof(int);
	int		v = -1;

	return getsockopt(fd, SOL_SOCKET, name, &v, &len) == 0 ? v : -1;
}

/* NULL, or what is wrong with the socket itself. */
static const char *
wrong_socket(int fd, const char *path)
{
	struct sockaddr_un	sa;
	socklen_t		len = sizeof sa;

	if (option(fd, SO_DOMAIN) != AF_UNIX || option(fd, SO_TYPE) != SOCK_STREAM)
		return "is no Unix stream socket: use ListenStream= with a path";
	if (option(fd, SO_ACCEPTCONN) != 1)
		return "does not listen: use Accept=no";
	memset(&sa, 0, sizeof sa);
	if (getsockname(fd, (struct sockaddr *)&sa, &len) == -1 ||
	    strncmp(sa.sun_path, path, sizeof sa.sun_path) != 0)
		return "is not the one that --socket names";
	return NULL;
}

/* NULL, or what is wrong with where it is. */
static const char *
wrong_place(const char *path, mode_t mode)
{
	char		copy[PATH_MAX];
	struct stat	st, dir;

	(void)snprintf(copy, sizeof copy, "%s", path);
	if (lstat(path, &st) == -1 || !S_ISSOCK(st.st_mode))
		return "is not there any more";
	if (lstat(dirname(copy), &dir) == -1 || !S_ISDIR(dir.st_mode))
		return "is in what is no folder";
	if ((st.st_uid != 0 && st.st_uid != geteuid()) ||
	    (dir.st_uid != 0 && dir.st_uid != geteuid()))
		return "is not root's or mine, or its folder is not";
	if ((dir.st_mode & 022) != 0)
		return "is in a folder that others may write to";
	if ((st.st_mode & 0777 & ~mode) != 0)
		return "lets in too many: see SocketMode=";
	return NULL;
}

int
activation_take(const char *path, mode_t mode, int *ret_fd, char why[ACTIVATION_WHY])
{
	const char	*wrong = NULL;
	int		 n = passed(), flags;

	*ret_fd = -1;
	for (int i = 0; i < n; i++)
		(void)fcntl(ACTIVATION_FD + i, F_SETFD, FD_CLOEXEC);
	if (n == 0)
		return 0;
	if (n > 1) {
		(void)snprintf(why, ACTIVATION_WHY, "%d sockets were passed, and one is wanted: %s",
		    n, "use one ListenStream=");
		return -EINVAL;
	}
	flags = fcntl(ACTIVATION_FD, F_GETFL);
	if (flags == -1 || fcntl(ACTIVATION_FD, F_SETFL, flags | O_NONBLOCK) == -1)
		wrong = "is not open";
	if (wrong == NULL)
		wrong = wrong_socket(ACTIVATION_FD, path);
	if (wrong == NULL)
		wrong = wrong_place(path, mode);
	if (wrong != NULL) {
		(void)snprintf(why, ACTIVATION_WHY, "the socket that was passed (%.200s) %s", path,
		    wrong);
		return -EINVAL;
	}
	*ret_fd = ACTIVATION_FD;
	return 0;
}
