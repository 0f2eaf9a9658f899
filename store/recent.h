/*
 * The newest attempts of a test as one packed value: a byte for its version, one for what
 * became worse (stats_regressed()), the length of the statistics (two bytes, big-endian)
 * and these (stats_of() of each kind), then rows of nine numbers each, newest row first,
 * about 25 bytes a row.  Numbers are LEB128.
 *
 * Up to its newest row it is a list of its own, the column tests.newest: metrics of all
 * tests read this alone, and compute nothing.  All of it is in the table `recent`.
 */
#ifndef STORE_RECENT_H
#define STORE_RECENT_H

#include <stddef.h>
#include <stdint.h>

#include "common/history.h"

struct recent_row {
	uint64_t	start_ms;	/* since the epoch */
	uint64_t	duration_us, cpu_us;
	uint64_t	memory_bytes;	/* the peak of the tree; where not known, of its largest process */
	uint64_t	output_bytes;	/* printed */
	uint64_t	max_rss_bytes;	/* of the largest process */
	uint32_t	outcome;	/* enum outcome */
	uint32_t	processes, sessions;
};

/*
 * Puts a row in front of a packed list; of METRIC_RECENT rows the oldest goes.  An
 * `old` of no bytes, or one that recent_read() refuses, is a list without rows: the
 * attempts themselves are on record elsewhere.  *ret is malloc'ed and the caller's to
 * free.  0, -EINVAL for an outcome that is none, -ENOMEM.
 */
int	recent_add(const void *old, size_t n, const struct recent_row *, void **ret, size_t *ret_n);

/*
 * The rows, newest first, at most METRIC_RECENT.  No bytes are no rows.  0, or
 * -EBADMSG for anything that recent_add() does not make: it is read from a file.
 */
int	recent_read(const void *, size_t n, struct recent_row *ret, uint32_t *ret_n);

/* The bytes of a list that recent_add() made, up to the end of its newest row. */
size_t	recent_head(const void *, size_t n);

/* The statistics of each kind, as stats_of() computes them.  1, 0 when there are no rows,
 * or -EBADMSG. */
int	recent_stats(const void *, size_t n, uint64_t ret[METRIC_KIND_COUNT][STAT_COUNT]);

/* The newest row, and what became worse (bits 1 << enum metric_kind), without a look at
 * the other rows.  1, 0 when there is none, or -EBADMSG. */
int	recent_newest(const void *, size_t n, struct recent_row *ret, uint32_t *ret_regressed);

#endif
