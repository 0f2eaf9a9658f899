/* family N MS [sessions]: has N children for so long, each perhaps in a session of
 * its own, and waits for all of them.  In between it naps once a millisecond. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/helpers/number.h"

int
main(int argc, char **argv)
{
	long long	n = number(argc, argv, 1, 5), ms = number(argc, argv, 2, 100);
	pid_t		pids[100];

	if (n > 100)
		return 2;
	(void)alarm(60);
	for (long long i = 0; i < n; i++) {
		pids[i] = fork();
		if (pids[i] == -1)
			return 1;
		if (pids[i] == 0) {
			(void)alarm(60);
			if (argc > 3)
				(void)setsid();
			for (;;)
				(void)pause();
		}
	}
	for (long long i = 0; i < ms; i++)
		(void)usleep(1000);
	for (long long i = 0; i < n; i++)
		(void)kill(pids[i], SIGKILL);
	while (wait(NULL) > 0)
		continue;
	return 0;
}
