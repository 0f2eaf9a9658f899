/*
 * two_readings P: takes the day, works, takes the day again, and expects the same one.
 * A day here has 250 ms, and the work takes the part P of it.
 *
 * Flaw: midnight may lie between two readings of the clock.  Right: read it once.
 */
#include "tests/flaky/flaky.h"

#define DAY_S	0.25

static long long
today(void)
{
	return (long long)(seconds(CLOCK_REALTIME) / DAY_S);
}

int
main(int argc, char **argv)
{
	double		p = chance(argc, argv, 1);
	long long	first = today();

	sleep_ms(p * DAY_S * 1e3);
	return today() == first ? 0 : failed("created on day %lld, found on another day", first);
}
