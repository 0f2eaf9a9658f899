/* A daemon as in the books: fork, setsid, fork, the null device.  Prints its pid. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static void
serve(int out)
{
	int	null = open("/dev/null", O_RDWR);
	char	text[32];
	int	n = snprintf(text, sizeof text, "%d\n", (int)getpid());

	(void)alarm(60);
	for (int fd = 0; fd < 3; fd++)
		(void)dup2(null, fd);
	(void)!write(out, text, (size_t)n);
	(void)close(out);
	for (;;)
		(void)pause();
}

int
main(void)
{
	char	text[32];
	ssize_t	n;
	int	fds[2];
	pid_t	pid;

	if (pipe(fds) == -1)
		return 1;
	pid = fork();
	if (pid == 0) {
		(void)setsid();
		(void)close(fds[0]);
		if (fork() == 0)
			serve(fds[1]);
		_exit(0);
	}
	(void)close(fds[1]);
	(void)waitpid(pid, NULL, 0);
	n = read(fds[0], text, sizeof text);
	return n > 0 && write(STDOUT_FILENO, text, (size_t)n) == n ? 0 : 1;
}
