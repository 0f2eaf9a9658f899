/*
 * The only clock reads in the tree.  Times inside are msec_t or microseconds of
 * the monotonic clock; wall time is for records and reports.
 */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdint.h>

typedef uint64_t msec_t;	/* monotonic, milliseconds */

msec_t		now_ms(void);
uint64_t	now_us(void);		/* monotonic, microseconds */
uint64_t	wall_ms(void);		/* since the epoch */

#endif
