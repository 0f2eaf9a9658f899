/* alternate N: prints N lines, in turn on each stream, and each only when the line
 * before has been taken out of its pipe. */
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tests/helpers/number.h"

int
main(int argc, char **argv)
{
	long long	n = number(argc, argv, 1, 6);

	(void)alarm(60);
	for (int i = 0; i < n; i++) {
		int	fd = STDOUT_FILENO + i % 2, left = 1, len;
		char	line[32];

		len = snprintf(line, sizeof line, "%d\n", i);
		if (write(fd, line, (size_t)len) != len)
			return 1;
		while (ioctl(fd, FIONREAD, &left) == 0 && left > 0)
			(void)usleep(100);
	}
	return 0;
}
