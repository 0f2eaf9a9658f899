/*
 * What keeps the machine busy beside a test under a changed condition of flake
 * detection: processes of our own, which do nothing else.  Not stress-ng: these are
 * always there, share their bound and their pauses, and end with us for certain.
 *
 * They run at a lower priority than all tests but that one, so that the attempts in
 * other slots stay what they are; the one that is to give way is lower still (exec.h).
 */
#ifndef WORKER_STRESS_H
#define WORKER_STRESS_H

#include <stdbool.h>
#include <stdint.h>

#define STRESS_NICE		5	/* above ours */
#define STRESS_PLACES		4	/* for burners, a CPU of the host */
#define STRESS_PERIOD_MS	128
#define STRESS_MEMORY_MAX	(UINT64_C(128) << 20)	/* bytes */
#define STRESS_FILE_MAX		(UINT64_C(4) << 20)

/*
 * The CPUs are kept busy for 48 to 96 ms of each STRESS_PERIOD_MS, by the clock that
 * all of the host have in common: in what is left the test runs freely, so that even
 * one that only computes has its end in FLAKE_SLOWDOWN times its time.  Whether they
 * are at this time of the monotonic clock; *ret_left_ms: for how long it stays so.
 */
bool	stress_is_on(uint64_t ms, uint64_t *ret_left_ms);

/* Bytes to keep moving: a tenth of what is available, at most STRESS_MEMORY_MAX; of the
 * text of /proc/meminfo.  0: it does not say. */
uint64_t stress_memory_size(const char *meminfo);

/* Takes one of the host's places for burners: a descriptor that holds it, or -1: all of
 * them are taken. */
int	stress_place(void);

/*
 * Each is what a process is from now on; it ends with its parent, whose pid it is given.
 *
 *	burn	computes, once it has a place
 *	memory	writes all over its memory, gives it back, takes it again
 *	disk	writes, syncs and reads a file in that folder, a hundredth of what is free
 *		there or STRESS_FILE_MAX
 */
void	stress_burn(int parent) __attribute__((noreturn));
void	stress_memory(int parent) __attribute__((noreturn));
void	stress_disk(int parent, const char *dir) __attribute__((noreturn));

#endif
