/* hog MIB: takes so much memory (1 GiB at most) a MiB at a time, touches all of it, keeps
 * it.  1: it was given no more. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/helpers/number.h"

#define MIB	((size_t)1 << 20)

int
main(int argc, char **argv)
{
	long long	n = number(argc, argv, 1, 64);
	char		*p;

	(void)alarm(60);
	for (long long i = 0; i < n && i < 1024; i++) {
		p = malloc(MIB);
		if (p == NULL)
			return 1;
		memset(p, 1, MIB);
	}
	return 0;
}
