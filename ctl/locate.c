/* Finding the supervisor, or starting a private one; see locate.h. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fdutil.h"
#include "common/xalloc.h"
#include "ctl/locate.h"

#define SERVICE_SOCKET	"/run/paratest/control.sock"
#define LOG_MAX		((off_t)1 << 20)	/* bytes; then it is begun anew */
#define READY_FD	3

/* A folder that only we can use; made when it is not there. */
static int
private_folder(const char *path)
{
	struct stat	st;

	if (mkdir(path, 0700) == -1 && errno != EEXIST)
		return -errno;
	if (lstat(path, &st) == -1)
		return -errno;
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) != 0)
		return -EPERM;
	return 0;
}

static int
locate_private(struct locate *ret, char *why)
{
	const char	*xdg = getenv("XDG_RUNTIME_DIR");
	struct stat	 st;
	char		*run = xasprintf("/run/user/%u", (unsigned)geteuid()), *dir;
	int		 r;

	if (xdg != NULL && xdg[0] == '/')
		dir = xasprintf("%s/paratest", xdg);
	else if (stat(run, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid())
		dir = xasprintf("%s/paratest", run);
	else
		dir = xasprintf("/tmp/paratest-%u", (unsigned)geteuid());
	free(run);
	r = private_folder(dir);
	if (r == -EPERM)
		(void)snprintf(why, LOCATE_WHY, "%s is not a folder of yours that only you can use "
		    "(mode 0700, no link): remove it, or set XDG_RUNTIME_DIR", dir);
	else if (r != 0)
		(void)snprintf(why, LOCATE_WHY, "cannot make %s: %s; set XDG_RUNTIME_DIR to a folder "
		    "of yours", dir, strerror(-r));
	else
		ret->path = xasprintf("%s/control.sock", dir);
	ret->is_private = true;
	free(dir);
	return r;
}

int
locate_socket(const char *option, struct locate *ret, char why[LOCATE_WHY])
{
	const char	*env = getenv("PARATEST_SOCKET");
	const char	*path = option != NULL ? option : env != NULL && env[0] != '\0' ? env : NULL;
	int		 fd;

	memset(ret, 0, sizeof *ret);
	if (path != NULL && strcmp(path, "private") == 0)
		return locate_private(ret, why);
	if (path != NULL) {
		ret->path = xstrdup(path);
		return 0;
	}
	fd = locate_connect(SERVICE_SOCKET);
	if (fd >= 0) {
		(void)close(fd);
		ret->path = xstrdup(SERVICE_SOCKET);
		ret->is_found = true;
		return 0;
	}
	return locate_private(ret, why);
}

int
locate_own(struct locate *ret, char why[LOCATE_WHY])
{
	locate_free(ret);
	memset(ret, 0, sizeof *ret);
	return locate_private(ret, why);
}

void
locate_free(struct locate *l)
{
	free(l->path);
	l->path = NULL;
}

int
locate_connect(const char *path)
{
	struct sockaddr_un	sa = { .sun_family = AF_UNIX };
	int			fd, r;

	if (strlen(path) >= sizeof sa.sun_path)
		return -ENAMETOOLONG;
	memcpy(sa.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -errno;
	if (connect(fd, (struct sockaddr *)&sa, sizeof sa) == -1) {
		r = -errno;
		(void)close(fd);
		return r;
	}
	return fd;
}

/* paratestd stands beside us, or in the PATH. */
static char *
supervisor_program(void)
{
	char	self[PATH_MAX];
	ssize_t	n = readlink("/proc/self/exe", self, sizeof self - 1);
	char	*path;

	if (n > 0) {
		self[n] = '\0';
		path = xasprintf("%s/paratestd", dirname(self));
		if (access(path, X_OK) == 0)
			return path;
		free(path);
	}
	return xstrdup("paratestd");
}

static int
open_log(const char *socket_path)
{
	char	*dup = xstrdup(socket_path), *path = xasprintf("%s/paratestd.log", dirname(dup));
	int	 fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	off_t	 size = fd != -1 ? lseek(fd, 0, SEEK_END) : 0;

	if (size > LOG_MAX && ftruncate(fd, 0) == -1)
		size = 0;	/* it grows a little more */
	free(path);
	free(dup);
	return fd;
}

/* Its own session, so that our terminal's signals do not reach it. */
static int
spawn(const char *program, const char *socket_path, int log_fd, int ready_fd, pid_t *ret_pid)
{
	posix_spawn_file_actions_t	 fa;
	posix_spawnattr_t		 at;
	sigset_t			 none;
	char				*argv[] = { xstrdup("paratestd"), xstrdup("--socket"),
	    xstrdup(socket_path), xstrdup("--idle-exit"), xstrdup("10m"), xstrdup("--ready-fd"),
	    xasprintf("%d", READY_FD), NULL };
	int				 r;

	(void)sigemptyset(&none);
	(void)posix_spawn_file_actions_init(&fa);
	(void)posix_spawnattr_init(&at);
	(void)posix_spawn_file_actions_addopen(&fa, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	(void)posix_spawn_file_actions_addopen(&fa, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	if (log_fd != -1)
		(void)posix_spawn_file_actions_adddup2(&fa, log_fd, STDERR_FILENO);
	else
		(void)posix_spawn_file_actions_adddup2(&fa, STDOUT_FILENO, STDERR_FILENO);
	(void)posix_spawn_file_actions_adddup2(&fa, ready_fd, READY_FD);
	(void)posix_spawn_file_actions_addclosefrom_np(&fa, READY_FD + 1);
	(void)posix_spawnattr_setsigmask(&at, &none);
	(void)posix_spawnattr_setflags(&at, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
	r = -posix_spawnp(ret_pid, program, &fa, &at, argv, environ);
	(void)posix_spawn_file_actions_destroy(&fa);
	(void)posix_spawnattr_destroy(&at);
	for (size_t i = 0; argv[i] != NULL; i++)
		free(argv[i]);
	return r;
}

/* Until its newline comes, or its end of the pipe is closed: then it has ended, most
 * likely since another client's supervisor was first. */
static void
await(int fd, int timeout_ms)
{
	struct pollfd	p = { .fd = fd, .events = POLLIN };
	char		c;

	if (poll(&p, 1, timeout_ms) == 1 && read(fd, &c, 1) < 0)
		return;
}

int
locate_spawn(const struct locate *l, int *ret_ready, pid_t *ret_pid, char why[LOCATE_WHY])
{
	char	*program = supervisor_program();
	int	 fds[2] = { -1, -1 }, log_fd = open_log(l->path), r;

	r = pipe2(fds, O_CLOEXEC) == -1 ? -errno : 0;
	if (r == 0)
		r = spawn(program, l->path, log_fd, fds[1], ret_pid);
	fd_close(&fds[1]);
	fd_close(&log_fd);
	if (r != 0) {
		(void)snprintf(why, LOCATE_WHY, "cannot start %s: %s; install it beside paratestctl",
		    program, strerror(-r));
		fd_close(&fds[0]);
	}
	free(program);
	*ret_ready = fds[0];
	return r;
}

void
locate_silent(const struct locate *l, char why[LOCATE_WHY])
{
	(void)snprintf(why, LOCATE_WHY, "the supervisor did not start; see its log "
	    "%.*sparatestd.log", (int)(strlen(l->path) - strlen("control.sock")), l->path);
}

int
locate_start(const struct locate *l, char why[LOCATE_WHY])
{
	msec_t	deadline = now_ms() + 20000;
	pid_t	pid;
	int	ready, fd, r = locate_spawn(l, &ready, &pid, why);

	if (r != 0)
		return r;
	await(ready, 10000);
	fd_close(&ready);
	/* The one that holds the lock may still be on its way, up or out. */
	while ((fd = locate_connect(l->path)) < 0 && now_ms() < deadline) {
		(void)poll(NULL, 0, 5);
		if (fd != -ENOENT && fd != -ECONNREFUSED)
			break;
	}
	if (fd < 0)
		locate_silent(l, why);
	else
		(void)close(fd);
	return fd < 0 ? fd : 0;
}
