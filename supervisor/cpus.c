/* CPUs by affinity and cgroup quota; see cpus.h. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/cpus.h"
#include "supervisor/own_group.h"

static uint32_t
whole(long long quota, long long period)
{
	if (quota <= 0 || period <= 0)
		return 0;
	quota = quota / period + (quota % period != 0);
	return quota > 65536 ? 65536 : (uint32_t)quota;
}

uint32_t
cpus_quota_v2(const char *max)
{
	long long	quota, period;

	if (sscanf(max, "%lld %lld", &quota, &period) != 2)
		return 0;	/* "max": no quota */
	return whole(quota, period);
}

uint32_t
cpus_quota_v1(const char *quota, const char *period)
{
	long long	q, p;

	if (sscanf(quota, "%lld", &q) != 1 || sscanf(period, "%lld", &p) != 1)
		return 0;
	return whole(q, p);
}

static int
read_text(const char *dir, const char *group, const char *file, char *buf, size_t size)
{
	char	path[1024];
	FILE	*f;
	size_t	 n;

	if ((size_t)snprintf(path, sizeof path, "%s%s/%s", dir, group, file) >= sizeof path)
		return 0;
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	n = fread(buf, 1, size - 1, f);
	(void)fclose(f);
	buf[n] = '\0';
	return n > 0;
}

/* The smallest quota of a group and of those above it. */
static uint32_t
quota_of(const char *group, int v2)
{
	char		dir[512], a[64], b[64], *slash;
	uint32_t	best = 0, q;

	if ((size_t)snprintf(dir, sizeof dir, "%s", group) >= sizeof dir)
		return 0;
	for (;;) {
		q = 0;
		if (v2) {
			if (read_text("/sys/fs/cgroup", dir, "cpu.max", a, sizeof a) ||
			    read_text("/sys/fs/cgroup/unified", dir, "cpu.max", a, sizeof a))
				q = cpus_quota_v2(a);
		} else if (read_text("/sys/fs/cgroup/cpu", dir, "cpu.cfs_quota_us", a, sizeof a) &&
		    read_text("/sys/fs/cgroup/cpu", dir, "cpu.cfs_period_us", b, sizeof b)) {
			q = cpus_quota_v1(a, b);
		}
		if (q != 0 && (best == 0 || q < best))
			best = q;
		slash = strrchr(dir, '/');
		if (slash == NULL || dir[0] == '\0')
			return best;
		*slash = '\0';
	}
}

/* The least of both versions; 0: none. */
static uint32_t
quota(void)
{
	char		group[512];
	uint32_t	v1 = 0, v2 = 0;

	if (own_group("", "cpu", group, sizeof group) == 0)
		v1 = quota_of(group, 0);
	if (own_group("", NULL, group, sizeof group) == 0)
		v2 = quota_of(group, 1);
	return v1 == 0 || (v2 != 0 && v2 < v1) ? v2 : v1;
}

uint32_t
cpus_auto(void)
{
	cpu_set_t	set;
	uint32_t	n = 1, q = quota();

	if (sched_getaffinity(0, sizeof set, &set) == 0)
		n = (uint32_t)CPU_COUNT(&set);
	if (q != 0 && q < n)
		n = q;
	return n > 0 ? n : 1;
}
