/*
 * The only clock reads in the tree.  Times inside are msec_t or microseconds of
 * the monotonic clock; wall time is for records and reports.
 */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdint.h>
#include <sys/time.h>

typedef uint64_t msec_t;	/* monotonic, milliseconds */

msec_t		now_ms(void);
uint64_t	now_us(void);		/* monotonic, microseconds */
uint64_t	cpu_us(void);		/* CPU time of this thread, microseconds */
uint64_t	wall_ms(void);		/* since the epoch */

/* A span as libevent takes it. */
static inline struct timeval
clock_timeval(uint64_t ms)
{
	return (struct timeval){ (time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000) };
}

#endif
