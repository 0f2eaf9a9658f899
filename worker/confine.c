/* Who enforces which limit, and what came of it; see confine.h. */
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/xalloc.h"
#include "worker/confine.h"
#include "worker/strbuf.h"
#include "worker/usage.h"

#define DATA_TIMES	2	/* a process may map this often what its tree may have */
#define COUNT_STACK	16384	/* of a process that only ends */
#define COUNT_MOST	(UINT64_C(1) << 22)	/* the kernel has no more processes */
#define THROTTLED_US	1000	/* less is not worth a word */

static void
add_rlimit(struct confine *c, int resource, uint64_t most)
{
	c->exec.rlimits[c->exec.nrlimits++] = (struct exec_rlimit){ resource, most };
}

static int
leave(void *arg)
{
	(void)arg;
	_exit(0);
}

/* Could this user have one more process, if he might have `most`? */
static bool
may_have(uint64_t most, rlim_t hard)
{
	struct rlimit	r = { .rlim_cur = (rlim_t)most, .rlim_max = hard };
	char		stack[COUNT_STACK] __attribute__((aligned(16)));
	pid_t		pid;

	if (setrlimit(RLIMIT_NPROC, &r) == -1)
		return true;
	/* Without an exit signal, so that nobody else waits for it. */
	pid = clone(leave, stack + sizeof stack, CLONE_VM | CLONE_VFORK, NULL);
	if (pid == -1)
		return false;
	(void)waitpid(pid, NULL, __WALL);
	return true;
}

/*
 * Threads of all processes of this user, which the kernel counts together.  It tells
 * nobody how many there are, and in a PID namespace most of them are out of sight: it is
 * asked what it would refuse.
 */
static uint64_t
count_own(void)
{
	uint64_t	few = 0, enough = 64, middle;
	struct rlimit	was;

	if (getrlimit(RLIMIT_NPROC, &was) == -1)
		return 0;
	while (enough < COUNT_MOST && enough < was.rlim_max && !may_have(enough, was.rlim_max)) {
		few = enough;
		enough *= 2;
	}
	while (enough - few > 1) {
		middle = few + (enough - few) / 2;
		if (may_have(middle, was.rlim_max))
			enough = middle;
		else
			few = middle;
	}
	(void)setrlimit(RLIMIT_NPROC, &was);
	return enough - 1;
}

static char *
limit_processes(struct confine *c)
{
	if (groups_hold(c->groups, LIMIT_PROCESSES))
		return NULL;
	/* For root the kernel does not look at it. */
	if (geteuid() == 0)
		return xstrdup("processes cannot be limited here: there is no control group, and "
		    "the tests run as root");
	add_rlimit(c, RLIMIT_NPROC, count_own() + c->limits.v[LIMIT_PROCESSES]);
	return NULL;
}

static char *
limit_cpu(struct confine *c, uint64_t slot)
{
	uint64_t	milli = c->limits.v[LIMIT_CPU];

	if (groups_hold(c->groups, LIMIT_CPU))
		return NULL;
	if (milli % 1000 != 0)
		return xstrdup("a part of a CPU cannot be given here: there is no control group");
	c->exec.cpus = (unsigned)(milli / 1000);
	c->exec.first_cpu = (unsigned)slot * c->exec.cpus;
	return NULL;
}

char *
confine_begin(struct confine *c, struct groups *groups, const struct msg_test_add *spec,
    uint64_t slot)
{
	const uint64_t	*v = c->limits.v;
	char		*why = NULL;
	int		 r;

	c->groups = groups;
	c->limits = limits_of(spec);
	c->any = groups->v2 || limits_any(&c->limits);
	if (!c->any)
		return NULL;
	r = groups_begin(groups, &c->limits, &c->exec);
	if (r != 0)
		return xasprintf("its control group cannot be used: %s", strerror(-r));
	if (v[LIMIT_OPEN_FILES] != 0)
		add_rlimit(c, RLIMIT_NOFILE, v[LIMIT_OPEN_FILES]);
	if (v[LIMIT_FILE_SIZE] != 0)
		add_rlimit(c, RLIMIT_FSIZE, v[LIMIT_FILE_SIZE]);
	if (v[LIMIT_MEMORY] != 0 && !groups_hold(groups, LIMIT_MEMORY)) {
		add_rlimit(c, RLIMIT_DATA, v[LIMIT_MEMORY] * DATA_TIMES);
		c->watched = true;
	}
	if (v[LIMIT_PROCESSES] != 0)
		why = limit_processes(c);
	if (why == NULL && v[LIMIT_CPU] != 0)
		why = limit_cpu(c, slot);
	return why;
}

void
confine_clear(struct confine *c)
{
	free(c->oom);
	free(c->note);
	c->oom = c->note = NULL;
}

/* Between two looks of the sampler a process may have come and gone: the kernel knows
 * its largest resident set.  Before its execve a child has ours, which is not its own. */
static uint64_t
largest_known(const struct usage *u, uint64_t tree_peak)
{
	struct rusage	ours;

	if (u->max_rss <= tree_peak || getrusage(RUSAGE_SELF, &ours) == -1 ||
	    u->max_rss <= (uint64_t)ours.ru_maxrss * 1024)
		return tree_peak;
	return u->max_rss;
}

static void
describe_rest(struct confine *c)
{
	const struct groups_use	*u = &c->use;
	struct strbuf		 t = { NULL, 0, 0 };
	char			 limit[LIMIT_TEXT];

	if (u->hits > 0)
		strbuf_addf(&t, "its limit of %s processes was reached %llu time%s",
		    limit_text(LIMIT_PROCESSES, c->limits.v[LIMIT_PROCESSES], limit),
		    (unsigned long long)u->hits, u->hits == 1 ? "" : "s");
	if (u->throttled_us >= THROTTLED_US)
		strbuf_addf(&t, "%sits limit of %s CPUs held it back for %llu ms",
		    t.n > 0 ? "; " : "", limit_text(LIMIT_CPU, c->limits.v[LIMIT_CPU], limit),
		    (unsigned long long)(u->throttled_us / 1000));
	c->note = t.p;
}

static void
describe_oom(struct confine *c, uint64_t used)
{
	struct strbuf	t = { NULL, 0, 0 };
	char		limit[LIMIT_TEXT], had[LIMIT_TEXT];

	strbuf_addf(&t, "out of memory: its limit is %s, it had %s",
	    limit_text(LIMIT_MEMORY, c->limits.v[LIMIT_MEMORY], limit),
	    limit_text(LIMIT_MEMORY, used, had));
	c->oom = t.p;
}

void
confine_end(struct confine *c, const struct usage *u, uint64_t tree_peak)
{
	uint64_t	used, limit = c->limits.v[LIMIT_MEMORY];

	if (!c->any)
		return;
	groups_end(c->groups, &c->limits, &c->use);
	describe_rest(c);
	/* It was at its limit then; what the kernel calls the peak may be another's. */
	if (c->use.oom_kills > 0)
		describe_oom(c, c->use.peak != 0 && c->use.peak < limit ? c->use.peak : limit);
	if (!c->watched)
		return;
	used = largest_known(u, tree_peak);
	if (c->killed || used > limit)
		describe_oom(c, used);
}
