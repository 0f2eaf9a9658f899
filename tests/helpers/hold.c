/* hold MIB CHILD_MIB MS: touches so much memory, then has a child that touches so
 * much of its own and shares the rest; both hold it for so long. */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/helpers/number.h"

static void
take(size_t mib)
{
	size_t		 n = mib << 20;
	void		*memory;
	volatile char	*p;

	if (n == 0)
		return;
	memory = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		_exit(1);
	(void)madvise(memory, n, MADV_NOHUGEPAGE);
	p = memory;
	for (size_t i = 0; i < n; i += 4096)
		p[i] = 1;
}

int
main(int argc, char **argv)
{
	long long	child_mib = number(argc, argv, 2, 0), ms = number(argc, argv, 3, 0);
	int		up[2];
	pid_t		pid;
	char		c = 0;

	(void)alarm(60);
	take((size_t)number(argc, argv, 1, 64));
	if (pipe(up) == -1)
		return 1;
	pid = fork();
	if (pid == -1)
		return 1;
	if (pid == 0) {
		take((size_t)child_mib);
		(void)!write(up[1], &c, 1);
	} else {
		(void)!read(up[0], &c, 1);
	}
	(void)usleep((useconds_t)ms * 1000);
	if (pid > 0)
		(void)waitpid(pid, NULL, 0);
	return 0;
}
