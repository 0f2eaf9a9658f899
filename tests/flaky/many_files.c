/*
 * many_files P FEW MANY: holds FEW files open at a time, with the chance P MANY.
 *
 * Flaw: it takes for granted that the limit is higher.  Right: close what is not needed,
 * or look at the limit and raise it.
 */
#include "tests/flaky/flaky.h"

int
main(int argc, char **argv)
{
	int	n = (int)number(argc, argv, happens(chance(argc, argv, 1)) ? 3 : 2, 20);

	for (int i = 0; i < n; i++) {
		if (open("/dev/null", O_RDONLY) == -1)
			return failed("open: %s", strerror(errno));
	}
	return 0;
}
