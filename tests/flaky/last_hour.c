/*
 * last_hour P: says by the clock whether a shop is open.  A day here has 1 s, and the
 * test does not know that the shop is shut in the last part P of it.
 *
 * Flaw: what is expected depends on when the test runs.  Right: give the code a clock
 * of the test's own.
 */
#include "tests/flaky/flaky.h"

#define DAY_S	1.0

int
main(int argc, char **argv)
{
	double	p = chance(argc, argv, 1), now = seconds(CLOCK_REALTIME);
	double	hour = (now - DAY_S * (double)(long long)(now / DAY_S)) / DAY_S;

	return hour < 1 - p ? 0 : failed("the shop is shut, expected it to be open");
}
