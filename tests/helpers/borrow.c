/* borrow MIB MS: touches so much memory, then for so long has a child of vfork(),
 * which has the same memory and none of its own. */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/helpers/number.h"

int
main(int argc, char **argv)
{
	size_t		n = (size_t)number(argc, argv, 1, 64) << 20;
	useconds_t	us = (useconds_t)number(argc, argv, 2, 1000) * 1000;
	char		*memory = malloc(n);
	volatile char	*p = memory;
	pid_t		pid;

	(void)alarm(60);
	if (p == NULL)
		return 1;
	for (size_t i = 0; i < n; i += 4096)
		p[i] = 1;
	pid = vfork();
	if (pid == 0) {
		(void)usleep(us);
		_exit(0);
	}
	(void)waitpid(pid, NULL, 0);
	free(memory);
	return pid == -1;
}
