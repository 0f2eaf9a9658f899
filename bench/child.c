/*
 * The programs that the benchmark runs beside paratest: a loop that does nothing but
 * posix_spawn and wait4, one that prints, and one that computes and sleeps.
 */
#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/bench.h"

#define FLOOD_PIECE	65536
#define FLOOD_LINE	64

static long long
number(const char *text, long long most)
{
	const char	*why;
	long long	 v = strtonum(text, 1, most, &why);

	return why != NULL ? 0 : v;
}

/* Runs /bin/true n times, never more than `width` at once. */
static int
loop(long long n, long long width)
{
	char		*argv[] = { (char[]){ "/bin/true" }, NULL };
	struct rusage	 ru;
	long long	 started = 0, ended = 0;
	int		 status, bad = 0;
	pid_t		 pid;

	while (ended < n) {
		for (; started < n && started - ended < width; started++) {
			if (posix_spawn(&pid, argv[0], NULL, NULL, argv, environ) != 0)
				return EXIT_FAILURE;
		}
		if (wait4(-1, &status, 0, &ru) == -1)
			return EXIT_FAILURE;
		ended++;
		bad |= status;
	}
	return bad == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int
flood(long long bytes)
{
	char	buf[FLOOD_PIECE];
	ssize_t	n;

	memset(buf, 'x', sizeof buf);
	for (size_t i = FLOOD_LINE - 1; i < sizeof buf; i += FLOOD_LINE)
		buf[i] = '\n';
	for (; bytes > 0; bytes -= n) {
		n = write(STDOUT_FILENO, buf, bytes < FLOOD_PIECE ? (size_t)bytes : sizeof buf);
		if (n <= 0)
			return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}

/* So much CPU time, then so much sleep, in ms. */
static int
work(long long cpu, long long sleep)
{
	struct timespec	now, rest = { sleep / 1000, sleep % 1000 * 1000000 };

	do {
		if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) != 0)
			return EXIT_FAILURE;
	} while ((long long)now.tv_sec * 1000 + now.tv_nsec / 1000000 < cpu);
	return nanosleep(&rest, NULL) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
bench_child(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "--loop") == 0)
		return loop(number(argv[2], 10000000), number(argv[3], 1024));
	if (argc == 3 && strcmp(argv[1], "--flood") == 0)
		return flood(number(argv[2], LLONG_MAX));
	if (argc == 4 && strcmp(argv[1], "--work") == 0)
		return work(number(argv[2], 60000), number(argv[3], 60000));
	return -1;
}
