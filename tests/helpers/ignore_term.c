/* Does not end at a TERM: says so, and hangs on for a minute at most. */
#include <signal.h>
#include <unistd.h>

static void
on_term(int sig)
{
	(void)sig;
	if (write(STDOUT_FILENO, "term\n", 5) != 5)
		_exit(1);
}

int
main(void)
{
	(void)alarm(60);
	(void)signal(SIGTERM, on_term);
	if (write(STDOUT_FILENO, "up\n", 3) != 3)
		return 1;
	for (;;)
		(void)pause();
}
