/*
 * early_look P [WORK LOOK LATE]: a server is started and asked LOOK ms (20) later.  It is
 * ready after WORK ms (6) of CPU time, with the chance P after LATE (60).
 *
 * Flaw: a time is waited for, not the event.  Right: wait until the server says that it
 * is ready, with a deadline far away.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "tests/flaky/flaky.h"

int
main(int argc, char **argv)
{
	double		 p = chance(argc, argv, 1), work = number(argc, argv, 2, 6);
	double		 look = number(argc, argv, 3, 20), late = number(argc, argv, 4, 60);
	volatile int	*ready = mmap(NULL, sizeof *ready, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t		 server;
	int		 is_ready;

	if (ready == MAP_FAILED)
		return 2;
	server = fork();
	if (server == 0) {
		burn_ms(happens(p) ? late : work);
		*ready = 1;
		(void)pause();
		_exit(0);
	}
	sleep_ms(look);
	is_ready = *ready;
	(void)kill(server, SIGKILL);
	(void)waitpid(server, NULL, 0);
	return is_ready ? 0 : failed("connect: the server does not answer");
}
