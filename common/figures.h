/*
 * What one attempt cost, measured by its worker: a list of numbers that travels as
 * it is from ATTEMPT_DONE to the history and to every report.  Its order is that of
 * the wire: figures are only ever added at the end, and one that is not there
 * reads as 0.
 */
#ifndef COMMON_FIGURES_H
#define COMMON_FIGURES_H

#include <stdint.h>

#include "common/sv.h"

/*
 * X(NAME, column, member, text): the constant FIGURE_NAME, the column of the table
 * `attempts`, the member in JSON, what it is.  Of the whole tree unless it says
 * otherwise; *_us microseconds, *_bytes bytes.
 *
 * CPU times, faults, switches and bytes are the kernel's accounts (wait4, /proc/PID/io)
 * of all that was reaped, by the worker or by its own parent; what nobody waited for
 * (SIGCHLD ignored) is missing.  Hooks count as the test does.  Bytes are those of
 * read and write calls of all kinds, on files, pipes and terminals and from the cache
 * too, not of mapped files and not of calls that only sockets have; starting a
 * program reads some KiB.  Processes are those that the worker reaped or that lived
 * when it looked; sessions are one for the test and each hook, and those it saw.
 *
 * Bytes of devices are those of a control group (its io.stat), and are left out of a list
 * where there is none: what the cache had is not in them, and what was still in the cache
 * at the end counts for whoever is in the group when it leaves.
 */
#define FIGURE_LIST(X)							\
	X(USER_US, user_us, "userTime", "user CPU time")		\
	X(SYSTEM_US, system_us, "systemTime", "system CPU time")	\
	X(TREE_PEAK, tree_peak_bytes, "treePeakMemory",			\
	    "largest memory of all processes together, at least")	\
	X(TREE_SOURCE, tree_source, "treePeakSource", "enum figure_source") \
	X(MINOR_FAULTS, minor_faults, "minorFaults", "page faults without I/O") \
	X(MAJOR_FAULTS, major_faults, "majorFaults", "page faults with I/O") \
	X(VOLUNTARY, voluntary_switches, "voluntarySwitches",		\
	    "context switches that a process waited for")		\
	X(INVOLUNTARY, involuntary_switches, "involuntarySwitches",	\
	    "context switches that took the CPU away")			\
	X(READ_BYTES, read_bytes, "bytesRead", "bytes that read calls got") \
	X(WRITE_BYTES, write_bytes, "bytesWritten", "bytes that write calls took") \
	X(PROCESSES, processes, "processes", "processes seen, at least") \
	X(SESSIONS, sessions, "sessionCount", "sessions opened, at least") \
	X(SPAWN_US, spawn_us, "spawnTime",				\
	    "from the request, or the end of setup, to the program's start") \
	X(QUEUED_US, queued_us, "queuedTime",				\
	    "waited for a slot, since the run or its retry could start")	\
	X(DEVICE_READ_BYTES, device_read_bytes, "deviceBytesRead",	\
	    "bytes read from devices, in a group of its own")		\
	X(DEVICE_WRITE_BYTES, device_write_bytes, "deviceBytesWritten",	\
	    "bytes written to devices, in a group of its own")

enum figure {
#define X(NAME, column, member, text)	FIGURE_##NAME,
	FIGURE_LIST(X)
#undef X
	FIGURE_COUNT
};

/* How TREE_PEAK is known. */
enum figure_source {
	SOURCE_NONE,		/* not measured */
	SOURCE_RUSAGE,		/* over before the first sample: the largest process */
	SOURCE_PROCFS,		/* sampled from /proc: resident sets, pages that
				 * processes share split between them (PSS); or the
				 * largest process, when that is more */
	SOURCE_CGROUP,		/* the kernel's own peak, of a group of its own */
	SOURCE_COUNT
};

static inline uint64_t
figure_of(struct nums figures, enum figure f)
{
	return nums_at(figures, (uint32_t)f);
}

#endif
