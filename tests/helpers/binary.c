/* Prints every byte value on both streams, NUL and broken UTF-8 included. */
#include <unistd.h>

int
main(void)
{
	unsigned char	all[256];

	(void)alarm(60);
	for (int i = 0; i < 256; i++)
		all[i] = (unsigned char)i;
	return write(STDOUT_FILENO, all, sizeof all) != sizeof all ||
	    write(STDERR_FILENO, all, sizeof all) != sizeof all;
}
