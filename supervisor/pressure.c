/* The kernel's own figures of memory and CPUs; see pressure.h. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "supervisor/own_group.h"
#include "supervisor/pressure.h"

#define TEXT_MAX	32768	/* of a file: /proc/stat has its CPUs at the start */

/* Reads the start of a file; false when there is none. */
static bool
read_file(const struct pressure *p, const char *dir, const char *name, char text[TEXT_MAX])
{
	char	path[1200];
	size_t	len = 0;
	ssize_t	n;
	int	fd;

	if ((size_t)snprintf(path, sizeof path, "%s%s/%s", p->root, dir, name) >= sizeof path)
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return false;
	while (len < TEXT_MAX - 1 && (n = read(fd, text + len, TEXT_MAX - 1 - len)) > 0)
		len += (size_t)n;
	(void)close(fd);
	text[len] = '\0';
	return len > 0;
}

/* The number behind a word that starts a line; false: there is none. */
static bool
number_after(const char *text, const char *word, uint64_t *ret)
{
	const char	*p = text;
	char		*end;

	while (p != NULL && strncmp(p, word, strlen(word)) != 0) {
		p = strchr(p, '\n');
		p += p != NULL;
	}
	if (p == NULL)
		return false;
	p += strlen(word);
	*ret = strtoull(p, &end, 10);
	return end != p;
}

/* ---- memory ---- */

static void
look_at_host(const struct pressure *p, struct pressure_seen *s)
{
	char	text[TEXT_MAX];

	if (!read_file(p, "/proc", "meminfo", text) ||
	    !number_after(text, "MemTotal:", &s->memory_total) ||
	    !number_after(text, "MemAvailable:", &s->memory_available)) {
		s->memory_total = 0;
		return;
	}
	s->memory_total *= 1024;
	s->memory_available *= 1024;
}

/* What a group leaves: up to its limit, and files that it can give back. */
static void
look_at_group(const struct pressure *p, const char *dir, struct pressure_seen *s)
{
	char		text[TEXT_MAX];
	uint64_t	limit, used, files = 0, left;

	if (!read_file(p, dir, p->group_v1 ? "memory.limit_in_bytes" : "memory.max", text) ||
	    !number_after(text, "", &limit) ||	/* "max" */
	    !read_file(p, dir, p->group_v1 ? "memory.usage_in_bytes" : "memory.current", text) ||
	    !number_after(text, "", &used) || limit >= s->memory_total)
		return;
	if (read_file(p, dir, "memory.stat", text))
		(void)number_after(text, p->group_v1 ? "total_inactive_file " : "inactive_file ",
		    &files);
	used = used > files ? used - files : 0;
	left = limit > used ? limit - used : 0;
	s->memory_total = limit;
	if (left < s->memory_available)
		s->memory_available = left;
}

/* And those above it, which limit it too. */
static void
look_at_groups(const struct pressure *p, struct pressure_seen *s)
{
	const char	*mount = p->group_v1 ? "/sys/fs/cgroup/memory" : "/sys/fs/cgroup";
	char		 dir[sizeof p->group + 64], *slash;

	(void)snprintf(dir, sizeof dir, "%s%s", mount, p->group);
	while (strlen(dir) > strlen(mount)) {
		look_at_group(p, dir, s);
		slash = strrchr(dir, '/');
		*slash = '\0';
	}
}

/* That of version 1 limits where both are there. */
static void
find_group(struct pressure *p)
{
	p->group_v1 = own_group(p->root, "memory", p->group, sizeof p->group) == 0;
	if (!p->group_v1 && own_group(p->root, NULL, p->group, sizeof p->group) != 0)
		p->group[0] = '\0';
}

/* ---- CPUs and waits ---- */

/* "cpu3 USER NICE SYSTEM IDLE IOWAIT ...", in ticks. */
static void
look_at_cpus(const struct pressure *p, struct pressure_seen *s)
{
	unsigned long long	v[5];
	char			text[TEXT_MAX];
	unsigned		cpu;

	if (!read_file(p, "/proc", "stat", text))
		return;
	for (const char *l = strchr(text, '\n'); l != NULL; l = strchr(l + 1, '\n')) {
		if (sscanf(l, "\ncpu%u %llu %llu %llu %llu %llu", &cpu, &v[0], &v[1], &v[2], &v[3],
		    &v[4]) != 6)
			break;
		if (cpu >= CPU_SETSIZE || !CPU_ISSET(cpu, &p->cpus))
			continue;
		s->cpus++;
		s->idle_us += (v[3] + v[4]) * p->tick_us;
	}
}

static uint64_t
stall_us(const struct pressure *p, const char *name)
{
	char		text[TEXT_MAX];
	const char	*total;
	uint64_t	us = 0;

	if (!read_file(p, "/proc/pressure", name, text) || strncmp(text, "some ", 5) != 0)
		return 0;
	total = strstr(text, "total=");
	return total != NULL && number_after(total, "total=", &us) ? us : 0;
}

static uint64_t
load_milli(const struct pressure *p)
{
	char	text[TEXT_MAX];
	double	load;

	if (!read_file(p, "/proc", "loadavg", text))
		return 0;
	load = strtod(text, NULL);
	return load > 0 && load < 1e6 ? (uint64_t)(load * 1000) : 0;
}

/* ---- the interface ---- */

void
pressure_init(struct pressure *p, const char *root)
{
	long	hz = sysconf(_SC_CLK_TCK);

	memset(p, 0, sizeof *p);
	p->root = root;
	p->tick_us = hz > 0 ? 1000000 / (uint64_t)hz : 10000;
	if (sched_getaffinity(0, sizeof p->cpus, &p->cpus) != 0)
		memset(&p->cpus, 0xff, sizeof p->cpus);
	find_group(p);
}

void
pressure_look(const struct pressure *p, struct pressure_seen *s)
{
	memset(s, 0, sizeof *s);
	s->at_us = now_us();
	look_at_host(p, s);
	if (s->memory_total != 0)
		look_at_groups(p, s);
	look_at_cpus(p, s);
	s->memory_stall_us = stall_us(p, "memory");
	s->cpu_stall_us = stall_us(p, "cpu");
	s->load_milli = load_milli(p);
}
