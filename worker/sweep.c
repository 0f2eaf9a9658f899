/* Rounds of STOP and KILL over what procfs says we have; see sweep.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/proctree.h"
#include "common/xalloc.h"
#include "worker/sweep.h"
#include "worker/strbuf.h"

#define SWEEP_ARGV	200	/* bytes shown of a command line */

typedef void	child_fn(struct sweep *, pid_t, void *arg);

void
sweep_init(struct sweep *s)
{
	memset(s, 0, sizeof *s);
	s->children_fd = s->kill_fd = -1;
}

void
sweep_unname(struct sweep *s)
{
	for (size_t i = 0; i < s->n_leaked; i++)
		free(s->leaked[i].argv);
	s->n_leaked = 0;
}

void
sweep_clear(struct sweep *s)
{
	sweep_unname(s);
	free(s->spared);
	usage_clear(&s->usage);
	if (s->children_fd != -1)
		(void)close(s->children_fd);
	sweep_init(s);
}

static void
call(struct sweep *s, pid_t pid, child_fn *fn, void *arg)
{
	if (pid > 0 && pid != s->beside)
		fn(s, pid, arg);
}

/* Calls fn for each of our direct children, dead ones too. */
static void
each_child(struct sweep *s, child_fn *fn, void *arg)
{
	char	buf[4096];
	off_t	off = 0;
	ssize_t	n;
	pid_t	pid = 0;

	if (s->children_fd == -1)
		s->children_fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
	if (s->children_fd == -1)
		return;
	while ((n = pread(s->children_fd, buf, sizeof buf, off)) > 0) {
		for (ssize_t i = 0; i < n; i++) {
			if (buf[i] >= '0' && buf[i] <= '9') {
				pid = pid * 10 + (buf[i] - '0');
			} else {
				call(s, pid, fn, arg);
				pid = 0;
			}
		}
		off += n;
	}
	call(s, pid, fn, arg);
}

/* ---- who may go on ---- */

static bool
is_spared(const struct sweep *s, pid_t pid)
{
	for (size_t i = 0; i < s->n_spared; i++) {
		if (s->spared[i] == pid)
			return true;
	}
	return false;
}

/* A pid that is reaped may soon be another's. */
static void
unspare(struct sweep *s, pid_t pid)
{
	for (size_t i = 0; i < s->n_spared; i++) {
		if (s->spared[i] == pid)
			s->spared[i--] = s->spared[--s->n_spared];
	}
}

static void
spare_child(struct sweep *s, pid_t pid, void *arg)
{
	(void)arg;
	s->spared = xreallocarray(s->spared, s->n_spared + 1, sizeof *s->spared);
	s->spared[s->n_spared++] = pid;
}

void
sweep_spare(struct sweep *s, bool on)
{
	s->n_spared = 0;
	if (on)
		each_child(s, spare_child, NULL);
}

static void
count_others(struct sweep *s, pid_t pid, void *arg)
{
	size_t	*n = arg;

	*n += !is_spared(s, pid);
}

/* ---- reaping ---- */

bool
sweep_reap(struct sweep *s, pid_t leader, bool *ret_ended, int *ret_status)
{
	struct rusage	 ru;
	size_t		 others = 0;
	int		 status;
	pid_t		 pid;

	/* All of them, since one signal may stand for many.  To fork takes longer than
	 * to be reaped, so that nobody can keep us here. */
	while ((pid = wait4(-1, &status, WNOHANG, &ru)) > 0) {
		usage_reaped(&s->usage, pid, &ru);
		unspare(s, pid);
		if (pid == leader) {
			*ret_ended = true;
			*ret_status = status;
		}
	}
	if (pid == -1 && errno == ECHILD)
		return false;
	if (s->n_spared == 0)
		return true;
	each_child(s, count_others, &others);
	return others > 0;
}

/* ---- trees ---- */

static int
by_pid(const void *pa, const void *pb)
{
	const pid_t	*a = pa, *b = pb;

	return (*a > *b) - (*a < *b);
}

struct pid_set {
	pid_t	*v;
	size_t	 n;
};

/* Adds a process and its descendants. */
static void
add_tree(struct pid_set *set, pid_t root)
{
	pid_t	*pids = NULL;
	size_t	 n = 0;

	if (proctree_pids(root, &pids, &n) != 0)
		n = 0;
	set->v = xreallocarray(set->v, set->n + n + 1, sizeof *set->v);
	set->v[set->n++] = root;
	if (n > 0)
		memcpy(set->v + set->n, pids, n * sizeof *pids);
	set->n += n;
	free(pids);
}

/* Who is left alone: the spared, the leader (0: no one), and their trees. */
static struct pid_set
others(const struct sweep *s, pid_t leader)
{
	struct pid_set	set = { NULL, 0 };

	for (size_t i = 0; i < s->n_spared; i++)
		add_tree(&set, s->spared[i]);
	if (leader != 0)
		add_tree(&set, leader);
	if (set.n > 1)
		qsort(set.v, set.n, sizeof *set.v, by_pid);
	return set;
}

static bool
in_set(const struct pid_set *set, pid_t pid)
{
	return set->n > 0 && bsearch(&pid, set->v, set->n, sizeof *set->v, by_pid) != NULL;
}

/* As the init of a PID namespace, all of which is of the attempt, we reach all of it with
 * one call, which nobody forks away from. */
static bool
is_all_ours(const struct sweep *s)
{
	return s->n_spared == 0 && s->beside == 0 && getpid() == 1;
}

void
sweep_signal(struct sweep *s, int sig)
{
	struct pid_set	 keep;
	pid_t		*pids;
	size_t		 n;

	if (is_all_ours(s)) {
		(void)kill(-1, sig);
		return;
	}
	if (proctree_pids_but(getpid(), s->beside, &pids, &n) != 0)
		return;		/* no memory for it now: the next round tries again */
	keep = others(s, 0);
	for (size_t i = 0; i < n; i++) {
		if (!in_set(&keep, pids[i]))
			(void)kill(pids[i], sig);
	}
	free(keep.v);
	free(pids);
}

/* Dead, and only its parent has not looked yet? */
static bool
is_dead(pid_t pid)
{
	char	 path[32], buf[256], *p;
	ssize_t	 n;
	int	 fd;

	(void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return true;
	n = read(fd, buf, sizeof buf - 1);
	(void)close(fd);
	buf[n > 0 ? n : 0] = '\0';
	p = strrchr(buf, ')');		/* the name before it may hold anything */
	return p == NULL || p[1] != ' ' || p[2] == 'Z' || p[2] == 'X';
}

void
sweep_name(struct sweep *s, pid_t leader)
{
	struct proc_entry	*v;
	struct pid_set		 keep;
	size_t			 n;

	/* What is stopped neither forks nor leaves while it is listed. */
	sweep_signal(s, SIGSTOP);
	keep = others(s, leader);
	if (proctree_list_but(getpid(), s->beside, &v, &n) != 0) {
		free(keep.v);
		return;
	}
	for (size_t i = 0; i < n && s->n_leaked < SWEEP_LEAKED_MAX; i++) {
		struct strbuf	t = { NULL, 0, 0 };

		if (in_set(&keep, v[i].pid) || is_dead(v[i].pid))
			continue;
		strbuf_add(&t, "", 0);
		strbuf_add_escaped(&t, sv_from(v[i].argv), SWEEP_ARGV);
		s->leaked[s->n_leaked++] = (struct sweep_leaked){ v[i].pid, t.p };
	}
	proctree_free(v, n);
	free(keep.v);
}

void
sweep_round(struct sweep *s)
{
	if (s->kill_fd != -1 && s->n_spared == 0 && write(s->kill_fd, "1", 1) == 1)
		return;		/* the kernel has done all of it at once */
	if (!is_all_ours(s))
		sweep_signal(s, SIGSTOP);
	sweep_signal(s, SIGKILL);
}

static void
strike_child(struct sweep *s, pid_t pid, void *arg)
{
	(void)arg;
	if (!is_spared(s, pid))
		(void)kill(pid, SIGKILL);
}

void
sweep_strike(struct sweep *s)
{
	each_child(s, strike_child, NULL);
}

bool
sweep_all(struct sweep *s, unsigned deadline_ms)
{
	msec_t	end = now_ms() + deadline_ms;
	bool	ended;
	int	status, wait_ms = 1;

	sweep_spare(s, false);
	while (sweep_reap(s, 0, &ended, &status)) {
		if (now_ms() >= end)
			return true;
		sweep_round(s);
		sweep_strike(s);
		(void)poll(NULL, 0, wait_ms);
		wait_ms = wait_ms < 32 ? wait_ms * 2 : 32;
	}
	return false;
}
