/* hold_pipe MS: prints, ends at once, and leaves a child that holds the streams for
 * so long and then prints once more. */
#include <unistd.h>

#include "tests/helpers/number.h"

int
main(int argc, char **argv)
{
	long long	ms = number(argc, argv, 1, 50000);

	if (write(STDOUT_FILENO, "parent\n", 7) != 7)
		return 2;
	if (fork() != 0)
		return 0;
	(void)alarm(60);
	(void)usleep((useconds_t)ms * 1000);
	return write(STDOUT_FILENO, "child\n", 6) != 6;
}
