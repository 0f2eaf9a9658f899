/*
 * Forks in a loop, so that something is always new: forker tree N keeps up to N
 * children alive, forker chain goes on in a child and lets the parent end, each
 * generation living for a moment.  A minute at most.
 */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/helpers/number.h"

static void
chain(time_t end)
{
	while (time(NULL) < end) {
		if (fork() > 0)
			_exit(0);
	}
	_exit(0);
}

static void
tree(time_t end, long long most)
{
	long long	n = 0;

	while (time(NULL) < end) {
		pid_t	pid = n < most ? fork() : 0;

		if (pid == 0 && n < most) {
			(void)alarm(60);
			(void)usleep(20000);
			_exit(0);
		}
		n += pid > 0;
		while (n > 0 && waitpid(-1, NULL, n < most ? WNOHANG : 0) > 0)
			n--;
	}
}

int
main(int argc, char **argv)
{
	time_t		end = time(NULL) + 60;
	long long	most = number(argc, argv, 2, 20);

	if (argc < 2 || most > 200)
		return 2;
	(void)puts("up");
	(void)fflush(stdout);
	if (strcmp(argv[1], "chain") == 0)
		chain(end);
	else
		tree(end, most);
	return 0;
}
