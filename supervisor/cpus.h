/* How many attempts run at a time when nobody says. */
#ifndef SUPERVISOR_CPUS_H
#define SUPERVISOR_CPUS_H

#include <stddef.h>
#include <stdint.h>

/* CPUs of our affinity mask, cut by the CPU quota of our cgroup; at least 1. */
uint32_t	cpus_auto(void);

/*
 * The quota that a controller file states, in whole CPUs rounded up, 0: none.
 * v2: the text of cpu.max ("200000 100000", "max 100000").  v1: the texts of
 * cpu.cfs_quota_us ("-1" for none) and cpu.cfs_period_us.
 */
uint32_t	cpus_quota_v2(const char *max);
uint32_t	cpus_quota_v1(const char *quota, const char *period);

#endif
