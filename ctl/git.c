/* Calling git; see git.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fdutil.h"
#include "common/xalloc.h"
#include "ctl/git.h"
#include "ctl/plan.h"

#define OUTPUT_MAX	((size_t)16 << 20)	/* more of it is dropped */

struct call {
	int		 out, err, pid_fd;	/* -1: closed */
	pid_t		 pid;
	struct text	 said, complaint;
};

/* Ours, but for the language. */
static void
environment(struct strs *env)
{
	for (char **v = environ; *v != NULL; v++) {
		if (strncmp(*v, "LC_ALL=", 7) != 0 && strncmp(*v, "LANGUAGE=", 9) != 0)
			strs_add(env, *v);
	}
	strs_add(env, "LC_ALL=C");
}

static int
spawn(char *const *argv, int out, int err, pid_t *ret_pid)
{
	posix_spawn_file_actions_t	 fa;
	posix_spawnattr_t		 at;
	struct strs			 env = { NULL, 0, 0 };
	sigset_t			 none;
	int				 r;

	environment(&env);
	env.v = xreallocarray(env.v, env.n + 1, sizeof *env.v);
	env.v[env.n] = NULL;
	(void)sigemptyset(&none);
	(void)posix_spawn_file_actions_init(&fa);
	(void)posix_spawnattr_init(&at);
	(void)posix_spawn_file_actions_addopen(&fa, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	(void)posix_spawn_file_actions_adddup2(&fa, out, STDOUT_FILENO);
	(void)posix_spawn_file_actions_adddup2(&fa, err, STDERR_FILENO);
	(void)posix_spawnattr_setsigmask(&at, &none);
	(void)posix_spawnattr_setflags(&at, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
	r = -posix_spawnp(ret_pid, "git", &fa, &at, argv, env.v);
	(void)posix_spawn_file_actions_destroy(&fa);
	(void)posix_spawnattr_destroy(&at);
	strs_free(&env);
	return r;
}

/* What there is to read now.  False at the end of the stream. */
static bool
take(int fd, struct text *t)
{
	char	buf[4096];
	ssize_t	n;

	while ((n = read(fd, buf, sizeof buf)) > 0) {
		if (t->n < OUTPUT_MAX)
			text_add(t, buf, (size_t)n);
	}
	return n == -1 && (errno == EAGAIN || errno == EINTR);
}

/* Until it has ended; what it leaves running may keep its streams open. */
static int
attend(struct call *c)
{
	msec_t	deadline = now_ms() + GIT_WAIT_MS, now;

	for (;;) {
		struct pollfd	p[3] = { { .fd = c->pid_fd, .events = POLLIN },
		    { .fd = c->out, .events = POLLIN }, { .fd = c->err, .events = POLLIN } };

		now = now_ms();
		if (now >= deadline)
			return -ETIMEDOUT;
		if (poll(p, 3, (int)(deadline - now)) == -1 && errno != EINTR)
			return -errno;
		if (c->out != -1 && !take(c->out, &c->said))
			fd_close(&c->out);
		if (c->err != -1 && !take(c->err, &c->complaint))
			fd_close(&c->err);
		if (p[0].revents != 0)
			return 0;
	}
}

static int
finish(struct call *c)
{
	int	r = attend(c), status = 0;

	if (r != 0)
		(void)kill(-c->pid, SIGKILL);
	while (waitpid(c->pid, &status, 0) == -1 && errno == EINTR)
		;
	if (r != 0)
		return r;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void
first_line(const struct text *t, int r, char why[GIT_WHY])
{
	static const char *const	marks[] = { "fatal: ", "error: " };
	const char			*p = t->n > 0 ? t->p : "";

	for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
		if (strncmp(p, marks[i], strlen(marks[i])) == 0)
			p += strlen(marks[i]);
	}
	if (r < 0)
		(void)snprintf(why, GIT_WHY, "git: %s", strerror(-r));
	else
		(void)snprintf(why, GIT_WHY, "%.*s", (int)strcspn(p, "\n"), p);
}

static int
start(struct call *c, char *const *argv)
{
	int	out[2] = { -1, -1 }, err[2] = { -1, -1 }, r = 0;

	if (pipe2(out, O_CLOEXEC) == -1 || pipe2(err, O_CLOEXEC) == -1)
		r = -errno;
	if (r == 0 && (fd_nonblock(out[0], 1) != 0 || fd_nonblock(err[0], 1) != 0))
		r = -EIO;
	if (r == 0)
		r = spawn(argv, out[1], err[1], &c->pid);
	fd_close(&out[1]);
	fd_close(&err[1]);
	c->out = out[0];
	c->err = err[0];
	if (r != 0)
		return r;
	c->pid_fd = pidfd_open(c->pid, 0);
	if (c->pid_fd != -1)
		return 0;
	r = -errno;
	(void)kill(c->pid, SIGKILL);
	(void)waitpid(c->pid, NULL, 0);
	return r;
}

int
git_run(const char *dir, struct text *out, char why[GIT_WHY], const char *const *args)
{
	struct call	c = { .out = -1, .err = -1, .pid_fd = -1 };
	struct strs	argv = { NULL, 0, 0 };
	int		r;

	strs_add(&argv, "git");
	strs_add(&argv, "-C");
	strs_add(&argv, dir);
	for (; *args != NULL; args++)
		strs_add(&argv, *args);
	argv.v = xreallocarray(argv.v, argv.n + 1, sizeof *argv.v);
	argv.v[argv.n] = NULL;
	r = start(&c, argv.v);
	if (r == 0)
		r = finish(&c);
	first_line(&c.complaint, r, why);
	if (r == -ENOENT) {
		r = GIT_NO_PROGRAM;
		(void)snprintf(why, GIT_WHY, "there is no git in the PATH: install it");
	}
	while (c.said.n > 0 && c.said.p[c.said.n - 1] == '\n')
		c.said.p[--c.said.n] = '\0';
	if (out != NULL) {
		text_clear(out);
		text_add(out, c.said.p != NULL ? c.said.p : "", c.said.n);
	}
	text_free(&c.said);
	text_free(&c.complaint);
	fd_close(&c.out);
	fd_close(&c.err);
	fd_close(&c.pid_fd);
	strs_free(&argv);
	return r;
}
