/* Spawning with deadlines; see proc.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/proc.h"
#include "common/clock.h"

#define READY_FD	3

static int
add_file(posix_spawn_file_actions_t *fa, int fd, const char *path)
{
	int	flags = fd == STDIN_FILENO ? O_RDONLY : O_WRONLY | O_CREAT | O_TRUNC;

	return posix_spawn_file_actions_addopen(fa, fd, path != NULL ? path : "/dev/null", flags,
	    0600);
}

int
proc_start(const struct proc *p, pid_t *ret_pid)
{
	posix_spawn_file_actions_t	 fa;
	posix_spawnattr_t		 at;
	sigset_t			 none;
	char				*argv[64];
	size_t				 n = 0;
	int				 r;

	for (; p->argv[n] != NULL; n++) {
		if (n + 1 == sizeof argv / sizeof argv[0])
			return bench_fail(-E2BIG, "%s: too many arguments", p->argv[0]);
		memcpy(&argv[n], &p->argv[n], sizeof argv[n]);	/* spawn wants no const */
	}
	argv[n] = NULL;
	(void)sigemptyset(&none);
	(void)posix_spawn_file_actions_init(&fa);
	(void)posix_spawnattr_init(&at);
	r = add_file(&fa, STDIN_FILENO, p->in);
	if (r == 0)
		r = add_file(&fa, STDOUT_FILENO, p->out);
	if (r == 0)
		r = add_file(&fa, STDERR_FILENO, p->err);
	if (r == 0 && p->ready_fd != 0)
		r = posix_spawn_file_actions_adddup2(&fa, p->ready_fd, READY_FD);
	if (r == 0 && p->dir != NULL)
		r = posix_spawn_file_actions_addchdir_np(&fa, p->dir);
	if (r == 0)
		r = posix_spawnattr_setsigmask(&at, &none);
	if (r == 0)
		r = posix_spawnattr_setflags(&at, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
	if (r == 0)
		r = posix_spawnp(ret_pid, argv[0], &fa, &at, argv, environ);
	(void)posix_spawn_file_actions_destroy(&fa);
	(void)posix_spawnattr_destroy(&at);
	return r == 0 ? 0 : bench_fail(-r, "cannot start %s: %s", argv[0], strerror(r));
}

/* Until the process has ended, a signal has come, or the time is up. */
static int
await_end(struct bench *b, int pid_fd, msec_t deadline)
{
	struct signalfd_siginfo	si;
	struct pollfd		p[2] = { { .fd = pid_fd, .events = POLLIN },
	    { .fd = b->signal_fd, .events = POLLIN } };
	msec_t			now;

	for (;;) {
		now = now_ms();
		if (now >= deadline)
			return -ETIMEDOUT;
		if (poll(p, 2, (int)(deadline - now)) < 0 && errno != EINTR)
			return -errno;
		if (p[0].revents != 0)
			return 0;
		if (p[1].revents != 0 && read(b->signal_fd, &si, sizeof si) == sizeof si) {
			b->interrupted = (int)si.ssi_signo;
			return -EINTR;
		}
	}
}

int
proc_wait(struct bench *b, pid_t pid, unsigned timeout_ms, struct proc_usage *ret)
{
	struct rusage	ru;
	int		fd = pidfd_open(pid, 0), status, r;

	r = fd == -1 ? -errno : await_end(b, fd, now_ms() + timeout_ms);
	if (r != 0) {
		(void)kill(-pid, SIGKILL);
		(void)kill(pid, SIGKILL);
	}
	if (fd != -1)
		(void)close(fd);
	if (wait4(pid, &status, 0, &ru) != pid)
		return bench_fail(-errno, "wait: %s", strerror(errno));
	ret->cpu_us = (uint64_t)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1000000 +
	    (uint64_t)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec);
	ret->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	if (r == -ETIMEDOUT)
		return bench_fail(r, "a program did not end in %u s", timeout_ms / 1000);
	return r == 0 ? 0 : bench_fail(r, "stopped: %s", strerror(-r));
}

int
proc_run(struct bench *b, const struct proc *p, unsigned timeout_ms, struct proc_usage *ret)
{
	uint64_t	start = now_us();
	pid_t		pid;
	int		r = proc_start(p, &pid);

	if (r == 0)
		r = proc_wait(b, pid, timeout_ms, ret);
	ret->wall_us = now_us() - start;
	return r;
}

bool
proc_installed(const char *name)
{
	const char	*path = getenv("PATH"), *end;
	char		 file[1024];
	int		 n;

	for (; path != NULL && *path != '\0'; path = *end != '\0' ? end + 1 : end) {
		end = strchrnul(path, ':');
		n = snprintf(file, sizeof file, "%.*s/%s", (int)(end - path), path, name);
		if (n > 0 && (size_t)n < sizeof file && access(file, X_OK) == 0)
			return true;
	}
	return false;
}

uint64_t
proc_peak(pid_t pid)
{
	char		 path[64], line[256];
	uint64_t	 kib = 0;
	FILE		*f;

	(void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	while (f != NULL && fgets(line, sizeof line, f) != NULL) {
		if (sscanf(line, "VmHWM: %" SCNu64, &kib) == 1)
			break;
	}
	if (f != NULL)
		(void)fclose(f);
	return kib * 1024;
}

uint64_t
proc_cpu_ns(pid_t pid)
{
	uint64_t	 ns = 0;
	char		 path[48];
	FILE		*f;

	(void)snprintf(path, sizeof path, "/proc/%d/schedstat", (int)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	if (fscanf(f, "%" SCNu64, &ns) != 1)
		ns = 0;
	(void)fclose(f);
	return ns;
}
