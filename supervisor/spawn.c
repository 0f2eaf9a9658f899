/*
 * Starts a worker with posix_spawn, which is a vfork-like clone: its cost does not
 * grow with our memory, where a plain fork's does.
 */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <unistd.h>

#include "common/fdutil.h"
#include "supervisor/spawn.h"

#define WORKER_FD	3

static int
actions_init(posix_spawn_file_actions_t *fa, int fd)
{
	int	r = posix_spawn_file_actions_init(fa);

	if (r != 0)
		return -r;
	r = posix_spawn_file_actions_addopen(fa, STDIN_FILENO, "/dev/null", 0, 0);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(fa, STDERR_FILENO, STDOUT_FILENO);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(fa, fd, WORKER_FD);
	if (r == 0)
		r = posix_spawn_file_actions_addclosefrom_np(fa, WORKER_FD + 1);
	if (r != 0)
		(void)posix_spawn_file_actions_destroy(fa);
	return -r;
}

static int
attributes_init(posix_spawnattr_t *at)
{
	sigset_t	all, none;
	int		r = posix_spawnattr_init(at);

	if (r != 0)
		return -r;
	(void)sigfillset(&all);
	(void)sigemptyset(&none);
	r = posix_spawnattr_setsigdefault(at, &all);
	if (r == 0)
		r = posix_spawnattr_setsigmask(at, &none);
	if (r == 0)
		r = posix_spawnattr_setflags(at, POSIX_SPAWN_SETSIGDEF |
		    POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
	if (r != 0)
		(void)posix_spawnattr_destroy(at);
	return -r;
}

int
spawn_worker(const char *program, const char *scratch, pid_t *ret_pid, int *ret_fd)
{
	char *const			 argv[] = { (char[]){ "paratest-worker" },
	    (char[]){ "--scratch" }, (char *)(uintptr_t)scratch, NULL };
	posix_spawn_file_actions_t	 fa;
	posix_spawnattr_t		 at;
	int				 fds[2], r;

	r = fd_socketpair(fds);
	if (r != 0)
		return r;
	r = actions_init(&fa, fds[1]);
	if (r != 0)
		goto out;
	r = attributes_init(&at);
	if (r == 0) {
		r = -posix_spawn(ret_pid, program, &fa, &at, argv, environ);
		(void)posix_spawnattr_destroy(&at);
	}
	(void)posix_spawn_file_actions_destroy(&fa);
out:
	fd_close(&fds[1]);
	if (r != 0)
		fd_close(&fds[0]);
	else
		*ret_fd = fds[0];
	return r;
}
