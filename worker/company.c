/*
 * The keeper: a fork without an execve, so that it has no exit signal.  The wait of the
 * sweep (wait4 without __WALL) then does not see it, nor are we woken when it ends.
 */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fdutil.h"
#include "common/rmtree.h"
#include "common/xalloc.h"
#include "worker/command.h"
#include "worker/company.h"
#include "worker/stress.h"
#include "worker/sweep.h"

#define READY_MS	1000	/* until all are there */
#define REAP_MS		100	/* between looks for who has ended */
#define GRACE_MS	300	/* of copies, between TERM and KILL */
#define SWEEP_MS	8000	/* then something is beyond a KILL */
#define END_MS		10000	/* of the keeper */
#define KILLED_MS	2000
#define FIRST_SLOT	1024	/* no slot has this number or a greater one */
#define COPIES_MAX	8

unsigned
company_copies(unsigned cpus)
{
	return cpus < 1 ? 2 : cpus * 2 > COPIES_MAX ? COPIES_MAX : cpus * 2;
}

static unsigned
cpus(void)
{
	cpu_set_t	all;

	return sched_getaffinity(0, sizeof all, &all) == 0 ? (unsigned)CPU_COUNT(&all) : 1;
}

/* ---- in the keeper ---- */

static void
start_burners(void)
{
	int		self = getpid();
	unsigned	n = cpus() * 2;

	for (unsigned i = 0; i < n; i++) {
		if (fork() == 0)
			stress_burn(self);
	}
}

static void
start_stress(const char *dir)
{
	int	self = getpid();

	if (fork() == 0)
		stress_memory(self);
	if (fork() == 0)
		stress_disk(self, dir);
}

/* The test's, but for what each slot has of its own. */
static char **
copy_env(char *const *env, const char *dir, uint64_t slot)
{
	size_t	  n = 0;
	char	**v;

	while (env[n] != NULL)
		n++;
	v = xcalloc(n + 1, sizeof *v);
	for (size_t i = 0; i < n; i++) {
		if (strncmp(env[i], "TMPDIR=", 7) == 0)
			v[i] = xasprintf("TMPDIR=%s", dir);
		else if (strncmp(env[i], "PARATEST_SLOT=", 14) == 0)
			v[i] = xasprintf("PARATEST_SLOT=%llu", (unsigned long long)slot);
		else
			v[i] = env[i];
	}
	return v;
}

static void
start_copies(const struct company_order *o, const char *dir)
{
	char		*stack = xcalloc(1, EXEC_STACK);
	int		 null = open("/dev/null", O_RDWR | O_CLOEXEC);
	unsigned	 n = company_copies(cpus());
	enum exec_where	 where;
	pid_t		 pid;

	for (unsigned i = 0; i < n && null != -1; i++) {
		char			*tmp = xasprintf("%s/%u", dir, i);
		struct exec_command	 cmd = { .argv = o->argv, .cwd = o->cwd, .in = -1,
					    .out = null, .err = null, .stack = stack };

		if (mkdir(tmp, 0700) == -1 || command_input(o->input, &cmd.in) != 0)
			return;
		cmd.envp = copy_env(o->env, tmp, FIRST_SLOT + o->slot * COPIES_MAX + i);
		(void)exec_start(&cmd, &pid, &where);
		fd_close(&cmd.in);
	}
}

/* Until the worker lets go of us, or is gone. */
static void
stay(struct sweep *s, int life)
{
	struct pollfd	p = { .fd = life, .events = POLLIN };
	bool		ended;
	int		status;

	while (poll(&p, 1, REAP_MS) == 0)
		(void)sweep_reap(s, 0, &ended, &status);
}

static void
end_all(struct sweep *s, bool gently)
{
	msec_t	end = now_ms() + GRACE_MS;
	bool	ended;
	int	status;

	if (gently)
		sweep_signal(s, SIGTERM);
	while (gently && sweep_reap(s, 0, &ended, &status) && now_ms() < end)
		(void)poll(NULL, 0, 1);
	(void)sweep_all(s, SWEEP_MS);
}

static int
only(int fd, int to)
{
	return fd == to ? fd : dup3(fd, to, O_CLOEXEC);
}

static void __attribute__((noreturn))
keep(const struct company_order *o, int life, int ready)
{
	char		*dir = xasprintf("%s/" COMPANY_DIR, o->scratch), c;
	struct sweep	 s;

	(void)setsid();
	(void)prctl(PR_SET_NAME, "paratest-beside");
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	/* Nothing of the worker's: its supervisor is to see at once that it is gone. */
	life = only(life, STDERR_FILENO + 1);
	ready = only(ready, STDERR_FILENO + 2);
	(void)close_range(STDERR_FILENO + 3, ~0u, 0);
	sweep_init(&s);
	(void)umask(077);
	(void)mkdir(dir, 0700);
	if (o->condition == FLAKE_LOADED || o->condition == FLAKE_CROWDED)
		start_burners();
	else if (o->condition == FLAKE_STRESSED)
		start_stress(dir);
	(void)!write(ready, "", 1);
	(void)close(ready);
	if (read(life, &c, 1) == 1) {
		if (o->condition == FLAKE_COPIES)
			start_copies(o, dir);
		stay(&s, life);
	}
	end_all(&s, o->condition == FLAKE_COPIES);
	(void)rmtree_at(AT_FDCWD, dir);
	_exit(0);
}

/* ---- in the worker ---- */

static void
on_gone(evutil_socket_t fd, short what, void *arg)
{
	struct company	*c = arg;

	(void)fd;
	(void)what;
	(void)event_del(&c->timer);
	c->ended = true;
	if (c->over != NULL)
		c->over(c->arg);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct company	*c = arg;

	(void)fd;
	(void)what;
	(void)kill(c->pid, SIGKILL);
}

void
company_init(struct company *c, struct event_base *base)
{
	*c = (struct company){ .pidfd = -1, .life = -1 };
	(void)event_assign(&c->timer, base, -1, 0, on_timer, c);
}

/* Zeros throughout: a copy of us without an exit signal. */
static pid_t
fork_unseen(void)
{
	return (pid_t)syscall(SYS_clone, 0UL, NULL, NULL, NULL, 0UL);
}

static void
await_ready(int fd)
{
	struct pollfd	p = { .fd = fd, .events = POLLIN };

	(void)poll(&p, 1, READY_MS);
}

void
company_start(struct company *c, const struct company_order *o)
{
	struct event_base	*base = event_get_base(&c->timer);
	int			 life[2] = { -1, -1 }, ready[2] = { -1, -1 };
	pid_t			 self = getpid(), pid = -1;

	if (pipe2(life, O_CLOEXEC) == 0 && pipe2(ready, O_CLOEXEC) == 0)
		pid = fork_unseen();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != self)
			_exit(0);
		keep(o, life[0], ready[1]);
	}
	fd_close(&life[0]);
	fd_close(&ready[1]);
	if (pid > 0) {
		await_ready(ready[0]);
		c->pid = pid;
		c->life = life[1];
		c->pidfd = pidfd_open(pid, 0);
		(void)event_assign(&c->gone, base, c->pidfd, EV_READ, on_gone, c);
		if (c->pidfd == -1 || event_add(&c->gone, NULL) != 0)
			company_kill(c);
	} else {
		fd_close(&life[1]);
	}
	fd_close(&ready[0]);
}

void
company_go(struct company *c)
{
	if (c->life != -1)
		(void)!write(c->life, "", 1);	/* SIGPIPE is blocked */
}

void
company_leave(struct company *c)
{
	struct timeval	tv = clock_timeval(END_MS);

	if (c->life == -1)
		return;
	fd_close(&c->life);
	if (!c->ended)
		(void)event_add(&c->timer, &tv);
}

static void
reap(struct company *c)
{
	(void)waitpid(c->pid, NULL, __WALL | WNOHANG);
	(void)event_del(&c->gone);
	(void)event_del(&c->timer);
	fd_close(&c->pidfd);
	fd_close(&c->life);
	c->pid = 0;
	c->ended = false;
	c->over = NULL;
}

bool
company_over(struct company *c, void (*over)(void *arg), void *arg)
{
	if (c->pid != 0 && !c->ended) {
		c->over = over;
		c->arg = arg;
		return false;
	}
	if (c->pid != 0)
		reap(c);
	return true;
}

void
company_kill(struct company *c)
{
	struct pollfd	p = { .fd = c->pidfd, .events = POLLIN };

	if (c->pid == 0)
		return;
	(void)kill(c->pid, SIGKILL);
	(void)poll(&p, 1, KILLED_MS);	/* not for ever: it may hang in the kernel */
	reap(c);
}
