/* Looks at /proc/PID/stat and smaps_rollup; see sampler.h. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/proctree.h"
#include "common/xalloc.h"
#include "worker/sampler.h"

#define PSS_NS_PAGE	100	/* of an unknown machine */
#define GREW_BYTES	(1u << 20)

struct process {
	pid_t		pid, parent, session;
	char		state;
	uint64_t	size, rss;	/* bytes */
	uint64_t	ticks;		/* of the CPU, with those of its children it has reaped */
	bool		borrows;	/* has the memory of its parent */
};

/* ---- one process ---- */

/* Reads a small file of /proc/PID as a string.  False: it is gone, or not for us. */
static bool
read_file(pid_t pid, const char *name, char *buf, size_t size)
{
	char	path[64];
	ssize_t	n;
	int	fd;

	(void)snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return false;
	n = read(fd, buf, size - 1);
	(void)close(fd);
	buf[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static bool
read_stat(pid_t pid, uint64_t page, struct process *ret)
{
	unsigned long long	 size, pages, user, system;
	long long		 user_reaped, system_reaped;
	char			 buf[1024], *p;
	int			 parent, session;

	if (!read_file(pid, "stat", buf, sizeof buf))
		return false;
	p = strrchr(buf, ')');	/* the name before it may hold anything */
	/* Fields 3, 4, 6, 14 to 17, 23 and 24 of proc(5). */
	if (p == NULL || sscanf(p, ") %c %d %*d %d %*d %*d %*u %*u %*u %*u %*u %llu %llu %lld %lld "
	    "%*d %*d %*d %*d %*u %llu %llu", &ret->state, &parent, &session, &user, &system,
	    &user_reaped, &system_reaped, &size, &pages) != 9)
		return false;
	ret->ticks = user + system + (uint64_t)user_reaped + (uint64_t)system_reaped;
	ret->pid = pid;
	ret->parent = (pid_t)parent;
	ret->session = (pid_t)session;
	ret->size = size;
	ret->rss = pages * page;
	ret->borrows = false;
	return true;
}

/* Bytes; the resident set where it may not be read. */
static uint64_t
pss_of(const struct process *p)
{
	char			 buf[512], *at;
	unsigned long long	 kib;

	if (!read_file(p->pid, "smaps_rollup", buf, sizeof buf))
		return p->rss;
	at = strstr(buf, "\nPss:");
	return at != NULL && sscanf(at, "\nPss: %llu kB", &kib) == 1 ? kib * 1024 : p->rss;
}

/* It has ended, or runs another program by now. */
static bool
has_left(const struct process *p, uint64_t page)
{
	struct process	now;

	return !read_stat(p->pid, page, &now) || now.rss < p->rss / 2;
}

/* ---- the tree ---- */

/* A child of vfork() has its parent's memory until it runs another program, while
 * the parent waits for that (D): it must not count twice. */
static void
find_borrowers(struct process *v, size_t n)
{
	for (size_t k = 0; k < n; k++) {
		for (size_t i = k + 1; v[k].state == 'D' && i < n; i++) {
			if (v[i].parent == v[k].pid && v[i].size == v[k].size &&
			    v[i].rss == v[k].rss)
				v[i].borrows = true;
		}
	}
}

/* Who lives, with the sum of their resident sets. */
static size_t
list(struct sampler *s, struct process **ret, uint64_t *ret_rss)
{
	uint64_t	 page = (uint64_t)sysconf(_SC_PAGESIZE);
	struct process	*v;
	pid_t		*pids;
	size_t		 n_pids, n = 0;
	bool		 waits = false;

	*ret = NULL;
	*ret_rss = 0;
	s->ticks = 0;
	if (proctree_pids_but(getpid(), s->beside, &pids, &n_pids) != 0)
		return 0;
	v = xcalloc(n_pids + 1, sizeof *v);
	for (size_t i = 0; i < n_pids; i++) {
		if (!read_stat(pids[i], page, &v[n]))
			continue;
		usage_saw(s->usage, v[n].pid, v[n].session);
		s->ticks += v[n].ticks;
		waits = waits || v[n].state == 'D';
		n += v[n].rss > 0;	/* the dead have none */
	}
	if (waits)
		find_borrowers(v, n);
	for (size_t i = 0; i < n; i++)
		*ret_rss += v[i].borrows ? 0 : v[i].rss;
	free(pids);
	*ret = v;
	return n;
}

/* Of all of them.  0 when one left meanwhile: what it shared went over to the others, and
 * may have been counted twice. */
static uint64_t
sum_pss(const struct process *v, size_t n)
{
	uint64_t	page = (uint64_t)sysconf(_SC_PAGESIZE), sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += v[i].borrows ? 0 : pss_of(&v[i]);
	for (size_t i = 0; i < n; i++) {
		if (has_left(&v[i], page))
			return 0;
	}
	return sum;
}

/* The proportional sets, if they are worth their price now: which was so much. */
static uint64_t
weigh(struct sampler *s, const struct process *v, size_t n, uint64_t rss, uint64_t age_us)
{
	uint64_t	pages = rss / (uint64_t)sysconf(_SC_PAGESIZE) + 1, before, cost, sum;

	if ((s->spent_us + pages * s->pss_ns_page / 1000) * SAMPLER_SHARE > age_us)
		return 0;
	before = cpu_us();
	sum = sum_pss(v, n);
	cost = cpu_us() - before;
	s->pss_ns_page = cost * 1000 / pages + 1;
	if (sum > s->peak)
		s->peak = sum;
	return cost;
}

/* Whether it has more than it may.  What was counted twice is no reason to say so. */
static bool
is_over(struct sampler *s, const struct process *v, size_t n, uint64_t rss)
{
	uint64_t	sum;

	if (s->limit == 0 || rss <= s->limit)
		return false;
	sum = n == 1 ? rss : sum_pss(v, n);
	if (sum > s->peak)
		s->peak = sum;
	return sum > s->limit;
}

/* ---- time ---- */

uint64_t
sampler_gap_ms(uint64_t age_us, uint64_t spent_us, uint64_t cost_us, bool grew)
{
	uint64_t	gap = age_us / 2000, may = (spent_us + cost_us) * SAMPLER_SHARE;

	if (gap < SAMPLER_FIRST_MS)
		gap = SAMPLER_FIRST_MS;
	if (gap > SAMPLER_MAX_MS)
		gap = SAMPLER_MAX_MS;
	if (grew && gap > SAMPLER_GROWTH_MS)
		gap = SAMPLER_GROWTH_MS;
	/* As long as another look like this one would be too much. */
	if (may > age_us + gap * 1000)
		gap = (may - age_us) / 1000;
	return gap;
}

/* One look; whether memory has grown, whether it is more than the limit, and what the
 * next look will cost at least. */
static bool
look(struct sampler *s, uint64_t age_us, uint64_t *ret_cost, bool *ret_over)
{
	uint64_t	 before = cpu_us(), rss, weighed = 0;
	struct process	*v;
	size_t		 n = list(s, &v, &rss);
	bool		 grew = rss > s->last + s->last / 8 + GREW_BYTES;

	if (rss > s->peak && n == 1)
		s->peak = rss;
	else if (rss > s->peak)
		weighed = weigh(s, v, n, rss, age_us);
	*ret_over = is_over(s, v, n, rss);
	s->last = rss;
	free(v);
	*ret_cost = cpu_us() - before;
	s->spent_us += *ret_cost;
	*ret_cost -= weighed;
	return grew;
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct sampler	*s = arg;
	uint64_t	 age = now_us() - s->start_us, cost, gap;
	struct timeval	 tv;
	bool		 grew, over;

	(void)fd;
	(void)what;
	grew = look(s, age, &cost, &over);
	gap = sampler_gap_ms(age, s->spent_us, cost, grew);
	if (s->limit != 0 && s->last > s->limit / 8)
		gap = SAMPLER_LIMIT_MS + cost * SAMPLER_LIMIT_SHARE / 1000;
	tv = clock_timeval(gap);
	(void)event_add(&s->timer, &tv);
	if (over)
		s->over(s->arg);
}

void
sampler_init(struct sampler *s, struct event_base *base, struct usage *usage)
{
	memset(s, 0, sizeof *s);
	s->usage = usage;
	s->pss_ns_page = PSS_NS_PAGE;
	(void)event_assign(&s->timer, base, -1, 0, on_timer, s);
}

void
sampler_start(struct sampler *s)
{
	struct timeval	tv = { 0, SAMPLER_FIRST_MS * 1000 };

	s->start_us = now_us();
	(void)event_add(&s->timer, &tv);
}

uint64_t
sampler_cpu_us(const struct sampler *s)
{
	return s->usage->user_us + s->usage->system_us +
	    s->ticks * 1000000 / (uint64_t)sysconf(_SC_CLK_TCK);
}

void
sampler_stop(struct sampler *s)
{
	(void)event_del(&s->timer);
}
