/*
 * What a command printed on its two streams: of each the first and the last half
 * of a limit are kept, what lies between is left out and counted.  Keeps the
 * order of arrival over both streams.  Pure; dies without memory.
 *
 * Memory is at most the limit a stream, and two bytes or so more for each change
 * from one stream to the other.
 */
#ifndef WORKER_CAPTURE_H
#define WORKER_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/sv.h"

enum { CAPTURE_STDOUT = 1, CAPTURE_STDERR = 2 };	/* as on the wire */

struct capture;

struct capture	*capture_new(uint64_t limit);		/* bytes a stream */
void		 capture_free(struct capture *);
void		 capture_add(struct capture *, unsigned stream, const void *, size_t);

uint64_t	 capture_total(const struct capture *, unsigned stream);	/* printed */
size_t		 capture_kept(const struct capture *);	/* of both streams */
bool		 capture_truncated(const struct capture *);

/* A run of bytes of one stream. */
struct runs_at {
	uint64_t	pos, len;	/* of the current run; len 0: no more */
	uint64_t	left;		/* runs from the current one on */
	size_t		off;		/* of the next one in the log */
};

struct capture_lane_at {
	int		part;		/* head, cut, tail, over */
	size_t		done;		/* bytes given of that part */
	struct runs_at	run;
};

/* A walk in order of arrival; valid until the next capture_add(). */
struct capture_iter {
	const struct capture	*capture;
	struct capture_lane_at	 at[2];
	char			 cut[64];
};

void	capture_walk(const struct capture *, struct capture_iter *);
/* The next piece of at most `max` bytes: 1, or 0 at the end.  Where bytes were
 * left out a line that says so comes in their place.  *ret is borrowed until the
 * next call. */
int	capture_next(struct capture_iter *, size_t max, unsigned *ret_stream, struct sv *ret);

/* Copies the last bytes of a stream, at most `max` and none from before a gap; how
 * many. */
size_t	capture_end(const struct capture *, unsigned stream, char *buf, size_t max);

/* One text of what was kept of a stream, 0 for both; malloc'ed. */
char	*capture_text(const struct capture *, unsigned stream, size_t *ret_n);

#endif
