/* burn_cpu MS [child]: uses so much CPU time, itself or in a child whose parent has
 * ended before. */
#include <time.h>
#include <unistd.h>

#include "tests/helpers/number.h"

static long long
cpu_ms(void)
{
	struct timespec	ts;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (long long)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int
main(int argc, char **argv)
{
	long long	ms = number(argc, argv, 1, 100);

	if (argc > 2 && fork() != 0) {
		(void)usleep(20000);	/* the child goes on for longer than this */
		_exit(0);
	}
	(void)alarm(60);
	while (cpu_ms() < ms)
		continue;
	return 0;
}
