/*
 * wall_limit P [WORK LIMIT LONG]: WORK ms (10) of work must be done within LIMIT ms (25)
 * of wall time; with the chance P it is LONG ms (40).
 *
 * Flaw: the wall clock also counts what others do.  Right: measure CPU time, compare
 * with a measured reference, or leave speed to a benchmark.
 */
#include "tests/flaky/flaky.h"

int
main(int argc, char **argv)
{
	double	p = chance(argc, argv, 1), work = number(argc, argv, 2, 10);
	double	limit = number(argc, argv, 3, 25), late = number(argc, argv, 4, 40);
	double	start = seconds(CLOCK_MONOTONIC), took;

	burn_ms(happens(p) ? late : work);
	took = (seconds(CLOCK_MONOTONIC) - start) * 1e3;
	return took <= limit ? 0 : failed("took %.1f ms, expected at most %.0f ms", took, limit);
}
