/*
 * sample_check P: ten readings without a seed, of which one should be above a limit; all
 * of them are below it with the chance P.
 *
 * Flaw: what is likely is taken for certain.  Right: a fixed seed, or a bound that holds
 * for every sample.
 */
#include <math.h>

#include "tests/flaky/flaky.h"

#define READINGS	10

int
main(int argc, char **argv)
{
	double	limit = pow(chance(argc, argv, 1), 1.0 / READINGS), largest = 0, u;

	for (int i = 0; i < READINGS; i++) {
		u = uniform();
		if (u > largest)
			largest = u;
	}
	burn_ms(8);			/* looks at them */
	return largest >= limit ? 0 : failed("no reading is above %.3f", limit);
}
