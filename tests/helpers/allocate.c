/* allocate MIB: takes so much memory, touches all of it, gives it back. */
#include <stdlib.h>
#include <unistd.h>

#include "tests/helpers/number.h"

int
main(int argc, char **argv)
{
	size_t		n = (size_t)number(argc, argv, 1, 64) << 20;
	char		*memory = malloc(n);
	volatile char	*p = memory;

	(void)alarm(60);
	if (p == NULL)
		return 1;
	for (size_t i = 0; i < n; i += 4096)
		p[i] = 1;
	free(memory);
	return 0;
}
