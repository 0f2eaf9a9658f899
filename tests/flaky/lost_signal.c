/*
 * lost_signal P: a child signals its parent, which looks whether the signal has come, is
 * busy for 2 ms (with the chance P for so long that the signal comes just then), and
 * pauses until it comes.
 *
 * Flaw: between the look and pause() the signal is lost.  Right: block it, and wait with
 * sigsuspend() or a signalfd.
 */
#include <signal.h>
#include <sys/wait.h>

#include "tests/flaky/flaky.h"

static volatile sig_atomic_t	got, late;

static void
on_signal(int sig)
{
	if (sig == SIGUSR1)
		got = 1;
	else
		late = 1;
}

int
main(int argc, char **argv)
{
	struct sigaction	sa = { .sa_handler = on_signal };
	bool			slow = happens(chance(argc, argv, 1));
	pid_t			parent = getpid(), child;

	(void)sigaction(SIGUSR1, &sa, NULL);
	(void)sigaction(SIGALRM, &sa, NULL);
	child = fork();
	if (child == 0) {
		sleep_ms(5);
		(void)kill(parent, SIGUSR1);
		_exit(0);
	}
	if (!got) {
		burn_ms(slow ? 10 : 2);
		(void)ualarm(200000, 0);
		if (!late)
			(void)pause();
	}
	(void)waitpid(child, NULL, 0);
	return late ? failed("timed out waiting for a signal") : 0;
}
