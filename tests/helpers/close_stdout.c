/* close_stdout MS: closes both streams, goes on for a while, ends with 5. */
#include <unistd.h>

#include "tests/helpers/number.h"

int
main(int argc, char **argv)
{
	long long	ms = number(argc, argv, 1, 100);

	(void)alarm(60);
	(void)!write(STDOUT_FILENO, "before\n", 7);
	(void)close(STDOUT_FILENO);
	(void)close(STDERR_FILENO);
	(void)usleep((useconds_t)ms * 1000);
	return 5;
}
