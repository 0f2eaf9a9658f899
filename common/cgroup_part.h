/*
 * The controllers of control groups that hold a test to its limits.  In version 1 each is
 * a hierarchy of its own, which the supervisor names to its workers as "memory:DIR".
 */
#ifndef COMMON_CGROUP_PART_H
#define COMMON_CGROUP_PART_H

#include "common/limits.h"

/* X(NAME, controller, limit): CGROUP_NAME, the kernel's name, the limit LIMIT_limit. */
#define CGROUP_PART_LIST(X)						\
	X(MEMORY, "memory", MEMORY)					\
	X(PIDS, "pids", PROCESSES)					\
	X(CPU, "cpu", CPU)

enum cgroup_part {
#define X(NAME, controller, limit)	CGROUP_##NAME,
	CGROUP_PART_LIST(X)
#undef X
	CGROUP_PARTS
};

struct cgroup_part_row {
	const char	*controller;
	enum limit	 limit;
};

extern const struct cgroup_part_row	cgroup_parts[CGROUP_PARTS];

/* The one with that limit; CGROUP_PARTS: no group has it. */
enum cgroup_part	cgroup_part_of(enum limit);

#endif
