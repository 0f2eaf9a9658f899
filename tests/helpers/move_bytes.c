/* move_bytes WRITTEN READ: writes so many KiB to a file, reads so many of it. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/helpers/number.h"

int
main(int argc, char **argv)
{
	static char	 block[1024];
	const char	*dir = getenv("TMPDIR");
	long long	 out = number(argc, argv, 1, 1024), in = number(argc, argv, 2, 1024);
	char		 path[4096];
	int		 fd;

	(void)alarm(60);
	(void)snprintf(path, sizeof path, "%s/moved", dir != NULL ? dir : "/tmp");
	fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (fd == -1)
		return 1;
	for (long long i = 0; i < out; i++) {
		if (write(fd, block, sizeof block) != sizeof block)
			return 1;
	}
	for (long long i = 0; i < in; i++) {
		if (pread(fd, block, sizeof block, 0) != sizeof block)
			return 1;
	}
	return unlink(path) == -1;
}
