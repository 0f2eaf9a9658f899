/*
 * page P: draws a page without a seed, works on it for 8 ms, and expects that it had
 * text; the share P of all pages has none.
 *
 * Flaw: the input differs from run to run.  Right: a fixed seed, or all pages.
 */
#include "tests/flaky/flaky.h"

int
main(int argc, char **argv)
{
	bool	empty = happens(chance(argc, argv, 1));

	burn_ms(8);
	return empty ? failed("the page is empty, expected text") : 0;
}
