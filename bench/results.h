/* bench/results.json: every run that was ever measured, and the last one. */
#ifndef BENCH_RESULTS_H
#define BENCH_RESULTS_H

#include <jansson.h>

/*
 * Appends `runs` (of the part `speedup`: {timestamp, testCount, workers,
 * sequentialDuration, parallelDuration, speedup, timeSaved}, times in ms) to the
 * file's runs, and `figures` (of all parts) to its measurements.  The file is made
 * when it is not there and replaced whole.  0 or -errno, printed.
 */
int	results_append(const char *path, json_t *runs, json_t *figures);

/* Now, as in 2026-01-31T12:00:00.000Z. */
json_t	*results_timestamp(void);

#endif
