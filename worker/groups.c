/* Entering groups, and reading what they count; see groups.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fdutil.h"
#include "common/xalloc.h"
#include "worker/groups.h"
#include "worker/iostat.h"

/* A file of a group; -1: it cannot be had. */
static int
open_file(const char *dir, const char *name, int flags)
{
	char	*path = xasprintf("%s/%s", dir, name);
	int	 fd = open(path, flags | O_CLOEXEC);

	free(path);
	return fd;
}

int
groups_join(const char *words, int *ret_kill)
{
	int	fd, r = 0;

	*ret_kill = -1;
	if (words[0] != '/')
		return 0;
	*ret_kill = open_file(words, "test/cgroup.kill", O_WRONLY);
	fd = open_file(words, "worker/cgroup.procs", O_WRONLY);
	if (fd == -1)
		return -errno;
	if (write(fd, "0", 1) != 1)
		r = -errno;
	(void)close(fd);
	return r;
}

/* ---- what they count ---- */

/* The number behind `key` in one of its files; 0: it is not there. */
static uint64_t
value(int fd, const char *key)
{
	char	buf[2048], *at = buf;
	size_t	len = strlen(key);
	ssize_t	n = fd != -1 ? pread(fd, buf, sizeof buf - 1, 0) : -1;

	if (n <= 0)
		return 0;
	buf[n] = '\0';
	while (at != NULL && (strncmp(at, key, len) != 0 || (len > 0 && at[len] != ' '))) {
		at = strchr(at, '\n');
		at += at != NULL;
	}
	return at != NULL ? strtoull(at + len, NULL, 10) : 0;
}

/* What a counter has grown by; it stands still where it cannot be read. */
static uint64_t
grown(uint64_t *was, uint64_t now)
{
	uint64_t	by = now > *was ? now - *was : 0;

	if (now > *was)
		*was = now;
	return by;
}

/* What devices moved since the last question, which is asked once an attempt.  One that is
 * gone has taken what it had counted with it. */
static bool
moved(struct groups *g, uint64_t *ret_read, uint64_t *ret_written)
{
	char		buf[IOSTAT_TEXT];
	uint64_t	r, w;
	ssize_t		n = g->io != -1 ? pread(g->io, buf, sizeof buf, 0) : -1;

	if (n < 0)
		return false;
	iostat_sum(buf, (size_t)n, &r, &w);
	*ret_read = r > g->device_read ? r - g->device_read : 0;
	*ret_written = w > g->device_written ? w - g->device_written : 0;
	g->device_read = r;
	g->device_written = w;
	return true;
}

/* ---- which there are ---- */

static void
open_v2(struct groups *g, const char *dir)
{
	char		*test = xasprintf("%s/test", dir);
	uint64_t	 r, w;

	g->v2 = true;
	for (int i = 0; i < CGROUP_PARTS; i++)
		g->dir[i] = xstrdup(test);
	g->test = open(test, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	g->events[CGROUP_MEMORY] = open_file(test, "memory.events", O_RDONLY);
	g->events[CGROUP_PIDS] = open_file(test, "pids.events", O_RDONLY);
	g->peak = open_file(test, "memory.peak", O_RDONLY);
	g->cpu = open_file(test, "cpu.stat", O_RDONLY);
	g->current = open_file(test, "memory.current", O_RDONLY);
	g->stat = open_file(test, "memory.stat", O_RDONLY);
	g->io = open_file(test, "io.stat", O_RDONLY);
	free(test);
	/* Workers before us had tests in there. */
	g->peak_was = value(g->peak, "");
	g->user_us = value(g->cpu, "user_usec");
	g->system_us = value(g->cpu, "system_usec");
	(void)moved(g, &r, &w);
}

void
groups_open(struct groups *g, const char *words, int kill)
{
	char	*copy, *rest, *word;

	memset(g, 0, sizeof *g);
	g->test = g->peak = g->cpu = g->current = g->stat = g->io = -1;
	g->kill = kill;
	for (int i = 0; i < CGROUP_PARTS; i++)
		g->procs[i] = g->events[i] = -1;
	if (words == NULL)
		return;
	if (words[0] == '/') {
		open_v2(g, words);
		return;
	}
	copy = rest = xstrdup(words);
	while ((word = strsep(&rest, ",")) != NULL) {
		for (int i = 0; i < CGROUP_PARTS; i++) {
			size_t	n = strlen(cgroup_parts[i].controller);

			if (strncmp(word, cgroup_parts[i].controller, n) == 0 && word[n] == ':' &&
			    g->dir[i] == NULL)
				g->dir[i] = xstrdup(word + n + 1);
		}
	}
	free(copy);
}

void
groups_close(struct groups *g)
{
	for (int i = 0; i < CGROUP_PARTS; i++) {
		fd_close(&g->procs[i]);
		fd_close(&g->events[i]);
		free(g->dir[i]);
	}
	fd_close(&g->test);
	fd_close(&g->kill);
	fd_close(&g->peak);
	fd_close(&g->cpu);
	fd_close(&g->current);
	fd_close(&g->stat);
	fd_close(&g->io);
}

bool
groups_hold(const struct groups *g, enum limit which)
{
	enum cgroup_part	part = cgroup_part_of(which);

	return part != CGROUP_PARTS && g->dir[part] != NULL && (!g->v2 || g->test != -1);
}

/* ---- what they have counted ---- */

/* The peak of v1 can be begun anew; that of v2 counts for an attempt that made it higher. */
static uint64_t
take_peak(struct groups *g)
{
	uint64_t	now = value(g->peak, "");

	if (!g->v2)
		return now;
	return grown(&g->peak_was, now) > 0 ? now : 0;
}

void
groups_end(struct groups *g, const struct limits *l, struct groups_use *u)
{
	const uint64_t	*v = l->v;

	memset(u, 0, sizeof *u);
	if (g->v2 || v[LIMIT_MEMORY] != 0)
		u->peak = take_peak(g);
	if (v[LIMIT_MEMORY] != 0)
		u->oom_kills = grown(&g->oom_kills, value(g->events[CGROUP_MEMORY], "oom_kill"));
	if (v[LIMIT_PROCESSES] != 0)
		u->hits = grown(&g->hits, value(g->events[CGROUP_PIDS], "max"));
	if (!g->v2 && v[LIMIT_CPU] != 0)
		u->throttled_us = grown(&g->throttled_us,
		    value(g->events[CGROUP_CPU], "throttled_time") / 1000);
	if (!g->v2)
		return;
	u->user_us = grown(&g->user_us, value(g->cpu, "user_usec"));
	u->system_us = grown(&g->system_us, value(g->cpu, "system_usec"));
	u->devices = moved(g, &u->device_read, &u->device_written);
	if (v[LIMIT_CPU] != 0)
		u->throttled_us = grown(&g->throttled_us, value(g->cpu, "throttled_usec"));
}

/* The file with the parts of it costs more than the sum: it is read when that has grown. */
bool
groups_are_clean(struct groups *g)
{
	uint64_t	now = value(g->current, "");

	if (now > g->looked_at + GROUPS_LEFT_MOST) {
		g->looked_at = now;
		return value(g->stat, "shmem") <= GROUPS_LEFT_MOST;
	}
	if (now < g->looked_at)
		g->looked_at = now;
	return true;
}

/* ---- the start ---- */

/* What was before this attempt is not its own, whoever it was: a worker before us in the
 * same groups, or one without limits that the kernel had to end. */
static void
begin_counting(struct groups *g, const struct limits *l)
{
	const uint64_t	*v = l->v;

	if (v[LIMIT_MEMORY] != 0)
		g->oom_kills = value(g->events[CGROUP_MEMORY], "oom_kill");
	if (v[LIMIT_PROCESSES] != 0)
		g->hits = value(g->events[CGROUP_PIDS], "max");
	if (v[LIMIT_CPU] != 0)
		g->throttled_us = g->v2 ? value(g->cpu, "throttled_usec") :
		    value(g->events[CGROUP_CPU], "throttled_time") / 1000;
}

static int
open_v1(struct groups *g, int part)
{
	static const char *const	events[CGROUP_PARTS] = {
		"memory.oom_control", "pids.events", "cpu.stat"
	};

	if (g->procs[part] != -1)
		return 0;
	g->procs[part] = open_file(g->dir[part], "cgroup.procs", O_WRONLY);
	if (g->procs[part] == -1)
		return -errno;
	g->events[part] = open_file(g->dir[part], events[part], O_RDONLY);
	if (part == CGROUP_MEMORY)
		g->peak = open_file(g->dir[part], "memory.max_usage_in_bytes", O_RDWR);
	return 0;
}

int
groups_begin(struct groups *g, const struct limits *l, struct exec_limits *to)
{
	int	r = 0;

	if (g->v2) {
		to->group = g->test;
		begin_counting(g, l);
		return g->test != -1 ? 0 : -EACCES;
	}
	for (int i = 0; i < CGROUP_PARTS && r == 0; i++) {
		if (l->v[cgroup_parts[i].limit] == 0 || g->dir[i] == NULL)
			continue;
		r = open_v1(g, i);
		to->procs[to->nprocs++] = g->procs[i];
	}
	if (r == 0 && l->v[LIMIT_MEMORY] != 0 && g->peak != -1)
		(void)!pwrite(g->peak, "0", 1, 0);
	begin_counting(g, l);
	return r;
}
