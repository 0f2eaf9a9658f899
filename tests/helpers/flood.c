/* flood BYTES [FD]: prints so many bytes, in lines, as fast as they are taken. */
#include <string.h>
#include <unistd.h>

#include "tests/helpers/number.h"

int
main(int argc, char **argv)
{
	static char	block[1 << 16];
	long long	left = number(argc, argv, 1, 0);
	int		fd = STDOUT_FILENO;

	(void)alarm(60);
	if (argc > 2 && strcmp(argv[2], "2") == 0)
		fd = STDERR_FILENO;
	memset(block, 'x', sizeof block);
	for (size_t i = 63; i < sizeof block; i += 64)
		block[i] = '\n';
	while (left > 0) {
		size_t	n = left < (long long)sizeof block ? (size_t)left : sizeof block;
		ssize_t	w = write(fd, block, n);

		if (w <= 0)
			return 1;
		left -= w;
	}
	return 0;
}
