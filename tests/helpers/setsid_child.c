/* Leaves a child behind in a session of its own, and ends well.  Prints its pid. */
#include <stdio.h>
#include <unistd.h>

int
main(void)
{
	int	fds[2];
	char	c;
	pid_t	pid;

	if (pipe(fds) == -1)
		return 1;
	pid = fork();
	if (pid == -1)
		return 1;
	if (pid == 0) {
		(void)alarm(60);
		(void)setsid();
		(void)close(fds[0]);
		(void)close(fds[1]);	/* our parent may end now */
		for (;;)
			(void)pause();
	}
	(void)close(fds[1]);
	(void)!read(fds[0], &c, 1);
	(void)printf("%d\n", (int)pid);
	return 0;
}
