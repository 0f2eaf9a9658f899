/*
 * Starts a process with posix_spawn, which is a vfork-like clone: its cost does not
 * grow with our memory, where a plain fork's does.  One that is to have namespaces of its
 * own is started by such a clone of ours: posix_spawn has no place for them.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fdutil.h"
#include "common/identity.h"
#include "common/privilege.h"
#include "supervisor/namespaces.h"
#include "supervisor/spawn.h"

#define SPAWN_FD	3
#define SPAWN_STACK	65536	/* of a child until its program starts */

/* What is to be started. */
struct launch {
	const char		*program;	/* a path */
	char *const		*argv;
	char *const		*envp;
	int			 fd;		/* its end of its socket */
	struct namespaces	*apart;		/* NULL: it has our namespaces */
	int			 program_fd;	/* the program, as it may be out of sight then */
	int			 error;		/* of the child, in what `apart` knows nothing of */
};

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

static int
spawn(const struct launch *l, pid_t *ret_pid)
{
	posix_spawn_file_actions_t	 fa;
	posix_spawnattr_t		 at;
	int				 r = actions_init(&fa, l->fd);

	if (r != 0)
		return r;
	r = attributes_init(&at);
	if (r == 0) {
		r = -posix_spawn(ret_pid, l->program, &fa, &at, l->argv, l->envp);
		(void)posix_spawnattr_destroy(&at);
	}
	(void)posix_spawn_file_actions_destroy(&fa);
	return r;
}

/* ---- with namespaces ---- */

static void __attribute__((noreturn))
child_failed(struct launch *l, int error)
{
	l->error = error;
	_exit(127);
}

/* Only system calls: it shares our memory.  What posix_spawn does, and its namespaces. */
static int
child(void *arg)
{
	struct launch	*l = arg;
	sigset_t	 none;
	int		 null;

	if (namespaces_enter(l->apart) != 0)
		_exit(127);
	if (l->program == NULL)		/* to know was all */
		_exit(0);
	for (int sig = 1; sig < NSIG; sig++)
		(void)signal(sig, SIG_DFL);	/* fails for some, rightly */
	(void)setsid();
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null == -1 || dup2(null, STDIN_FILENO) == -1 ||
	    dup2(STDERR_FILENO, STDOUT_FILENO) == -1 || dup2(l->fd, SPAWN_FD) == -1 ||
	    fcntl(SPAWN_FD, F_SETFD, 0) == -1 ||
	    close_range(SPAWN_FD + 1, ~0u, CLOSE_RANGE_CLOEXEC) == -1)
		child_failed(l, errno);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)execveat(l->program_fd, "", l->argv, l->envp, AT_EMPTY_PATH);
	child_failed(l, errno);
}

/* Clones it.  It runs on our memory, and we wait, until it has its program. */
static int
clone_apart(struct launch *l, pid_t *ret_pid)
{
	char		*stack = malloc(SPAWN_STACK);
	sigset_t	 all, before;
	int		 r = 0;

	if (stack == NULL)
		return -ENOMEM;
	(void)sigfillset(&all);		/* no handler of ours is to run in the child */
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	*ret_pid = clone(child, stack + SPAWN_STACK, namespaces_flags(l->apart) | CLONE_VM |
	    CLONE_VFORK | SIGCHLD, l);
	if (*ret_pid == -1) {
		r = -errno;
		l->apart->step = l->apart->user ? "make a user namespace" : "make namespaces";
		l->apart->error = errno;
	}
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	free(stack);
	if (r == 0 && (l->apart->error != 0 || l->error != 0 || l->program == NULL)) {
		(void)waitpid(*ret_pid, NULL, 0);
		r = -(l->apart->error != 0 ? l->apart->error : l->error);
	}
	return r;
}

static int
spawn_apart(struct launch *l, pid_t *ret_pid)
{
	int	fd = open(l->program, O_PATH | O_CLOEXEC), r;

	if (fd == -1)
		return -errno;
	/* Above those that the child gives other meanings. */
	l->program_fd = fcntl(fd, F_DUPFD_CLOEXEC, SPAWN_FD + 1);
	r = l->program_fd == -1 ? -errno : clone_apart(l, ret_pid);
	(void)close(fd);
	fd_close(&l->program_fd);
	return r;
}

/* ---- what is started ---- */

/* lend: it is to become somebody else, whom our environment is no business of. */
static int
start(struct launch *l, bool lend, pid_t *ret_pid, int *ret_fd)
{
	char *const	bare[] = { (char[]){ "PATH=/usr/bin:/bin" }, NULL };
	int		fds[2], r;

	r = fd_socketpair(fds);
	if (r != 0)
		return r;
	l->envp = lend ? bare : environ;
	l->fd = fds[1];
	r = lend ? privilege_lend() : 0;
	if (r == 0)
		r = l->apart != NULL ? spawn_apart(l, ret_pid) : spawn(l, ret_pid);
	if (lend)
		privilege_keep();
	fd_close(&fds[1]);
	if (r != 0)
		fd_close(&fds[0]);
	else
		*ret_fd = fds[0];
	return r;
}

/* The worker's program with these words, as somebody else or (NULL) as we are. */
static int
start_worker(struct launch *l, const char *const *words, const struct identity *as,
    pid_t *ret_pid, int *ret_fd)
{
	char	 as_word[] = "--as", *argv[16] = { (char[]){ "paratest-worker" } }, *text = NULL;
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
	l->argv = argv;
	r = start(l, as != NULL, ret_pid, ret_fd);
	free(text);
	return r;
}

/* What was wrong, in words. */
static int
explain(const struct namespaces *n, int r, char why[SPAWN_WHY])
{
	if (r != 0 && n->error != 0)
		(void)snprintf(why, SPAWN_WHY, "the process cannot %s: %s", n->step,
		    strerror(n->error));
	else if (r != 0)
		(void)snprintf(why, SPAWN_WHY, "%s", strerror(-r));
	return r;
}

int
spawn_worker(const char *program, const struct spawn_worker *w, pid_t *ret_pid, int *ret_fd,
    char why[SPAWN_WHY])
{
	char			 level[ISOLATION_TEXT];
	const char *const	 words[] = { "--isolation", isolation_format(&w->isolation, level),
	    "--scratch", w->scratch, "--shared", w->shared,
	    w->cgroup != NULL ? "--cgroup" : NULL, w->cgroup, NULL };
	struct namespaces	 apart;
	struct launch		 l = { .program = program };

	if (namespaces_init(&apart, &w->isolation, w->shared))
		l.apart = &apart;
	return explain(&apart, start_worker(&l, words, w->as, ret_pid, ret_fd), why);
}

int
spawn_probe(const struct isolation_want *want, char why[SPAWN_WHY])
{
	struct namespaces	apart;
	struct launch		l = { .apart = &apart };
	pid_t			pid;

	if (!namespaces_init(&apart, want, NULL))
		return 0;
	return explain(&apart, clone_apart(&l, &pid), why);
}

int
spawn_remover(const char *program, const char *dir, const struct identity *as, pid_t *ret_pid)
{
	const char *const	words[] = { "--remove", dir, NULL };
	struct launch		l = { .program = program };
	int			fd = -1, r = start_worker(&l, words, as, ret_pid, &fd);

	if (fd != -1)
		(void)close(fd);
	return r;
}

int
spawn_store(const char *program, const char *dir, pid_t *ret_pid, int *ret_fd)
{
	char *const	argv[] = { (char[]){ "paratest-store" }, (char *)(uintptr_t)dir, NULL };
	struct launch	l = { .program = program, .argv = argv };

	return start(&l, false, ret_pid, ret_fd);
}
