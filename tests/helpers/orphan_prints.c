/* Ends at once and leaves a child that ignores TERM and prints for ever. */
#include <signal.h>
#include <unistd.h>

int
main(void)
{
	pid_t	pid = fork();

	if (pid != 0)
		return pid == -1;
	(void)alarm(60);
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	(void)setsid();
	while (write(STDOUT_FILENO, "still here\n", 11) == 11)
		(void)usleep(1000);
	return 0;
}
