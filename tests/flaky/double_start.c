/*
 * double_start P: two processes each start a service unless its pid file is there.  The
 * second comes 4 ms after the first; with the chance P both come together.
 *
 * Flaw: the look and the creation are two steps.  Right: open with O_CREAT | O_EXCL.
 */
#include <sys/wait.h>

#include "tests/flaky/flaky.h"

/* Exit code 1: it started the service. */
static int
start_unless_there(const char *path, double gap_ms)
{
	if (access(path, F_OK) == 0)
		return 0;
	sleep_ms(gap_ms);		/* reads its configuration */
	return open(path, O_WRONLY | O_CREAT, 0600) == -1 ? 2 : 1;
}

int
main(int argc, char **argv)
{
	const char	*dir = getenv("TMPDIR");
	bool		 together = happens(chance(argc, argv, 1));
	int		 starts = 0, status, go[2];
	char		 path[4096], c;
	pid_t		 pid[2];

	(void)snprintf(path, sizeof path, "%s/service.%d", dir != NULL ? dir : "/tmp",
	    (int)getpid());
	if (pipe(go) == -1)
		return 2;
	for (int i = 0; i < 2; i++) {
		pid[i] = fork();
		if (pid[i] == 0) {
			(void)close(go[1]);
			(void)!read(go[0], &c, 1);	/* until it is closed */
			if (i == 1 && !together)
				sleep_ms(4);
			_exit(start_unless_there(path, together ? 2 : 1));
		}
	}
	(void)close(go[0]);
	(void)close(go[1]);
	for (int i = 0; i < 2; i++) {
		(void)waitpid(pid[i], &status, 0);
		starts += WEXITSTATUS(status);
	}
	(void)unlink(path);
	return starts == 1 ? 0 : failed("the service was started %d times", starts);
}
