/* bomb N: forks N processes (500 at most) that wait for its end, and says how many it got.
 * 1: not all of them. */
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "tests/helpers/number.h"

int
main(int argc, char **argv)
{
	long long	want = number(argc, argv, 1, 20), got = 0;
	pid_t		pid;

	(void)alarm(60);
	for (long long i = 0; i < want && i < 500; i++) {
		pid = fork();
		if (pid == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			(void)alarm(60);
			for (;;)
				(void)pause();
		}
		got += pid > 0;
	}
	(void)printf("%lld\n", got);
	return got < want;
}
