/*
 * Starts a process with posix_spawn, which is a vfork-like clone: its cost does not
 * grow with our memory, where a plain fork's does.
 */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/fdutil.h"
#include "common/identity.h"
#include "common/privilege.h"
#include "supervisor/spawn.h"

#define SPAWN_FD	3

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
		r = posix_spawn_file_actions_adddup2(fa, fd, SPAWN_FD);
	if (r == 0)
		r = posix_spawn_file_actions_addclosefrom_np(fa, SPAWN_FD + 1);
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

/* lend: it is to become somebody else, whom our environment is no business of. */
static int
start(const char *program, char *const argv[], bool lend, pid_t *ret_pid, int *ret_fd)
{
	char *const			 bare[] = { (char[]){ "PATH=/usr/bin:/bin" }, NULL };
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
		r = lend ? privilege_lend() : 0;
		if (r == 0)
			r = -posix_spawn(ret_pid, program, &fa, &at, argv, lend ? bare : environ);
		if (lend)
			privilege_keep();
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

/* The worker's program with these words, as somebody else or (NULL) as we are. */
static int
start_worker(const char *program, const char *const *words, const struct identity *as,
    pid_t *ret_pid, int *ret_fd)
{
	char	 as_word[] = "--as", *argv[8] = { (char[]){ "paratest-worker" } }, *text = NULL;
	size_t	 n = 1;
	int	 r;

	if (as != NULL) {
		text = identity_format(as);
		if (text == NULL)
			return -ENOMEM;
		argv[n++] = as_word;
		argv[n++] = text;
	}
	for (; *words != NULL; words++)
		argv[n++] = (char *)(uintptr_t)*words;
	r = start(program, argv, as != NULL, ret_pid, ret_fd);
	free(text);
	return r;
}

int
spawn_worker(const char *program, const char *scratch, const char *shared,
    const struct identity *as, pid_t *ret_pid, int *ret_fd)
{
	const char *const	words[] = { "--scratch", scratch, "--shared", shared, NULL };

	return start_worker(program, words, as, ret_pid, ret_fd);
}

int
spawn_remover(const char *program, const char *dir, const struct identity *as, pid_t *ret_pid)
{
	const char *const	words[] = { "--remove", dir, NULL };
	int			fd = -1, r = start_worker(program, words, as, ret_pid, &fd);

	if (fd != -1)
		(void)close(fd);
	return r;
}

int
spawn_store(const char *program, const char *dir, pid_t *ret_pid, int *ret_fd)
{
	char *const	argv[] = { (char[]){ "paratest-store" }, (char *)(uintptr_t)dir, NULL };

	return start(program, argv, false, ret_pid, ret_fd);
}
