/*
 * Tries to get at another process: attack PID [HOW...].  Prints what it could do, a word
 * each, and ends with 1 when that was anything; HOW leaves some of them out.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static int
by_signal(pid_t pid)
{
	return kill(pid, SIGCONT) == 0;
}

static int
by_ptrace(pid_t pid)
{
	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) == -1)
		return 0;
	(void)ptrace(PTRACE_DETACH, pid, NULL, NULL);
	return 1;
}

static int
by_file(pid_t pid, const char *name, int flags)
{
	char	path[64];
	int	fd;

	(void)snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	fd = open(path, flags);
	if (fd == -1)
		return 0;
	(void)close(fd);
	return 1;
}

static int
by_memory(pid_t pid)
{
	return by_file(pid, "mem", O_RDONLY) || by_file(pid, "mem", O_RDWR) ||
	    by_file(pid, "maps", O_RDONLY);
}

static int
by_environ(pid_t pid)
{
	return by_file(pid, "environ", O_RDONLY);
}

static int
by_descriptors(pid_t pid)
{
	long	pidfd = syscall(SYS_pidfd_open, pid, 0), fd;

	if (by_file(pid, "fd", O_RDONLY | O_DIRECTORY) || by_file(pid, "fd/3", O_RDWR))
		return 1;
	for (int i = 0; pidfd != -1 && i < 16; i++) {
		fd = syscall(SYS_pidfd_getfd, pidfd, i, 0);
		if (fd != -1)
			return 1;
	}
	return 0;
}

static int
by_peek(pid_t pid)
{
	char		buf[16];
	struct iovec	to = { buf, sizeof buf }, from = { (void *)(uintptr_t)buf, sizeof buf };

	/* EFAULT: we were let in, and nothing is there. */
	return process_vm_readv(pid, &to, 1, &from, 1, 0) != -1 || errno == EFAULT;
}

static int
by_root(pid_t pid)
{
	return by_file(pid, "root", O_RDONLY | O_DIRECTORY) ||
	    by_file(pid, "cwd", O_RDONLY | O_DIRECTORY);
}

int
main(int argc, char **argv)
{
	static const struct {
		const char	*name;
		int		(*can)(pid_t);
	} ways[] = {
		{ "signal", by_signal }, { "ptrace", by_ptrace }, { "memory", by_memory },
		{ "environ", by_environ }, { "descriptors", by_descriptors },
		{ "peek", by_peek }, { "root", by_root },
	};
	pid_t	pid = argc > 1 ? (pid_t)atoi(argv[1]) : 0;
	int	any = 0, skip;

	if (pid <= 0 || (kill(pid, 0) == -1 && errno == ESRCH)) {
		(void)puts("no such process");
		return 2;
	}
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		skip = 0;
		for (int k = 2; k < argc; k++)
			skip |= strcmp(argv[k], ways[i].name) == 0;
		if (!skip && ways[i].can(pid)) {
			(void)puts(ways[i].name);
			any = 1;
		}
	}
	return any;
}
