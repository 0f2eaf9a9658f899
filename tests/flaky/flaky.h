/*
 * What the programs of the corpus share.  Their trigger is apart from their flaw: with
 * the chance P of the command line the program walks into it, so that its failure rate
 * is known.  FLAKY_P in the environment takes the place of every P, so that a test can
 * show both ends: 0 passes, 1 fails.  FLAKY_SHARED is the folder that tests share, as
 * they would share /tmp.  Header only: the programs link with nothing but libc.
 */
#ifndef TESTS_FLAKY_FLAKY_H
#define TESTS_FLAKY_FLAKY_H

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

/* Says why on standard error; 1, to be returned from main(). */
__attribute__((format(printf, 1, 2))) static inline int
failed(const char *fmt, ...)
{
	va_list	ap;

	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
	return 1;
}

/* Argument i as a number, `fallback` when it is not there. */
static inline double
number(int argc, char **argv, int i, double fallback)
{
	char	*end;
	double	 v;

	if (i >= argc)
		return fallback;
	v = strtod(argv[i], &end);
	if (end == argv[i] || *end != '\0')
		exit(2);
	return v;
}

/* The chance that is argument i. */
static inline double
chance(int argc, char **argv, int i)
{
	const char	*forced = getenv("FLAKY_P");

	return forced != NULL ? strtod(forced, NULL) : number(argc, argv, i, 0);
}

/* Uniform, 0 <= u < 1. */
static inline double
uniform(void)
{
	uint64_t	v;

	if (getrandom(&v, sizeof v, 0) != sizeof v)
		exit(2);
	return (double)(v >> 11) / 9007199254740992.0;
}

static inline bool
happens(double p)
{
	return uniform() < p;
}

static inline double
seconds(clockid_t clock)
{
	struct timespec	ts;

	(void)clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Work: CPU time of the calling thread. */
static inline void
burn_ms(double ms)
{
	double	end = seconds(CLOCK_THREAD_CPUTIME_ID) + ms / 1e3;

	while (seconds(CLOCK_THREAD_CPUTIME_ID) < end)
		continue;
}

static inline void
sleep_ms(double ms)
{
	struct timespec	ts = { (time_t)(ms / 1e3), (long)(ms * 1e6) % 1000000000 };

	while (nanosleep(&ts, &ts) == -1 && errno == EINTR)
		continue;
}

/* The path of a file in the shared folder, static until the next call. */
static inline const char *
shared(const char *name)
{
	static char	 path[4096];
	const char	*dir = getenv("FLAKY_SHARED");

	if (dir == NULL) {
		(void)failed("set FLAKY_SHARED to a folder of your own");
		exit(2);
	}
	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

#endif
