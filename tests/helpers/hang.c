/* Says that it is up, then does nothing for a minute. */
#include <stdio.h>
#include <unistd.h>

int
main(void)
{
	(void)alarm(60);
	(void)puts("up");
	(void)fflush(stdout);
	for (;;)
		(void)pause();
}
