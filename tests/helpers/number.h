/* A decimal number of the command line; the helpers link with no library. */
#ifndef TESTS_HELPERS_NUMBER_H
#define TESTS_HELPERS_NUMBER_H

#include <unistd.h>

/* `fallback` when there is no such argument; ends the program when it is none. */
static inline long long
number(int argc, char **argv, int i, long long fallback)
{
	long long	v = 0;

	if (i >= argc)
		return fallback;
	for (const char *p = argv[i]; *p != '\0'; p++) {
		if (*p < '0' || *p > '9' || v > 1LL << 40)
			_exit(2);
		v = v * 10 + (*p - '0');
	}
	return v;
}

#endif
