/* Durations for people; see duration.h. */
#include <inttypes.h>
#include <stdio.h>

#include "ctl/duration.h"

char *
duration_text(uint64_t us, char *buf, size_t size)
{
	uint64_t	tenth_ms = us / 100 + (us % 100 >= 50);
	uint64_t	ms = us / 1000 + (us % 1000 >= 500);
	uint64_t	centi = us / 10000 + (us % 10000 >= 5000);
	uint64_t	s = us / 1000000 + (us % 1000000 >= 500000);

	if (us == 0)
		(void)snprintf(buf, size, "0ms");
	else if (tenth_ms < 10)
		(void)snprintf(buf, size, "0.%" PRIu64 "ms", tenth_ms);
	else if (ms < 1000)
		(void)snprintf(buf, size, "%" PRIu64 "ms", ms);
	else if (centi < 6000)
		(void)snprintf(buf, size, "%" PRIu64 ".%02" PRIu64 "s", centi / 100, centi % 100);
	else if (s < 3600)
		(void)snprintf(buf, size, "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
	else
		(void)snprintf(buf, size, "%" PRIu64 "h%02" PRIu64 "m", s / 3600, s / 60 % 60);
	return buf;
}
