/*
 * What every part of the benchmark shares: where it works, how it says that
 * something did not work, the list of parts.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define BENCH_PATH	256

struct bench {
	char	 dir[64];	/* all temporary files; removed at the end */
	char	*self, *bin;	/* this program, and the folder of all programs; owned */
	unsigned width;		/* CPUs that we may use */
	int	 signal_fd;	/* of INT, TERM and HUP */
	int	 interrupted;	/* the signal that came, 0: none */
	bool	 quick;
	unsigned repeat;	/* 0: as many as the part thinks fit */
	json_t	*runs;		/* owned: for results.json, in the original's shape */
};

/*
 * A part prints its table and puts its figures into `figures`.  0, or -errno with
 * the reason printed: something did not work.  Slow is no error.
 */
typedef int	bench_fn(struct bench *, json_t *figures);
bench_fn	bench_floor, bench_speedup, bench_latency, bench_plan, bench_ping, bench_flood,
	bench_history, bench_isolation, bench_record, bench_limits, bench_mcp, bench_width,
	bench_hostile, bench_flaky, bench_flaky_rates;

/* Prints one line on standard error and returns r. */
int	bench_fail(int r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* "DIR/NAME" in `path`. */
const char	*bench_path(const struct bench *, const char *name, char path[BENCH_PATH]);

/* Writes the names 1 to n, one a line.  0 or -errno, printed. */
int	bench_write_list(const char *path, size_t n);

/* Writes a suite of n tests that each run `argv`, a YAML list.  0 or -errno, printed. */
int	bench_write_suite(const char *path, size_t n, const char *argv);

/* Adds a number, rounded to three decimals. */
void	bench_figure(json_t *, const char *key, double);

/*
 * The programs that are measured beside: `--loop N WIDTH` is the floor, `--flood
 * BYTES` prints, `--work MS MS` computes and then sleeps for so long.  -1 when the arguments
 * are none of these, else the exit code.
 */
int	bench_child(int argc, char **argv);

#endif
