/* The clock reads; see clock.h. */
#include <time.h>

#include "common/clock.h"

static uint64_t
read_us(clockid_t id)
{
	struct timespec	ts;

	(void)clock_gettime(id, &ts);	/* cannot fail for these clocks */
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

msec_t
now_ms(void)
{
	return read_us(CLOCK_MONOTONIC) / 1000;
}

uint64_t
now_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

uint64_t
cpu_us(void)
{
	return read_us(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t
wall_ms(void)
{
	return read_us(CLOCK_REALTIME) / 1000;
}
