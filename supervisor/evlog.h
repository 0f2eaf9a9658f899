/*
 * The events of one run, as encoded frames in order, from the first to the newest.
 * All are in the run's journal, the last of them in memory too; a reader has a cursor
 * and takes as much as it can use, so that nobody is waited for.
 */
#ifndef SUPERVISOR_EVLOG_H
#define SUPERVISOR_EVLOG_H

#include <stddef.h>
#include <stdint.h>

#include "common/journal.h"
#include "common/msg.h"

#define EVLOG_CHUNK	((size_t)128 << 10)	/* bytes */
#define EVLOG_RESIDENT	8			/* chunks in memory */

struct evlog_chunk;

struct evlog {
	struct journal		*journal;	/* borrowed */
	struct evlog_chunk	*chunks;
	size_t			 nchunks, cap;
	size_t			 dropped;	/* the first so many are not in memory */
	uint64_t		 next_seq;	/* of the next event */
	uint64_t		 bytes;		/* of all events so far */
};

struct evlog_cursor {
	size_t		chunk;
	size_t		at;		/* byte in the chunk */
	uint64_t	seq;		/* of the event there */
	uint64_t	bytes;		/* before it */
};

void	evlog_init(struct evlog *, struct journal *);
void	evlog_free(struct evlog *);

/* Numbers the event and appends it, here and to the journal.  0, -EMSGSIZE, -ENOMEM:
 * nothing was appended.  What the journal cannot take stays in memory. */
int	evlog_append(struct evlog *, struct msg_event *);

/* Takes in an event that is in the journal already, whose record has its body at
 * `at`; seq is the next one.  0, -EBADMSG for another, -ENOMEM. */
int	evlog_recall(struct evlog *, uint64_t seq, size_t body_len, uint64_t at);

/* A cursor at event `seq` (clamped to 1 and to the next one).  0 or -errno. */
int	evlog_seek(const struct evlog *, uint64_t seq, struct evlog_cursor *ret);

/* A cursor behind the newest event. */
void	evlog_end(const struct evlog *, struct evlog_cursor *ret);

/*
 * Adds whole frames from the cursor on to `out`, up to about `max` bytes, and moves
 * it.  How many bytes were added (0: at the end), or -errno.
 */
int64_t	evlog_read(const struct evlog *, struct evlog_cursor *, struct evbuffer *out,
	    size_t max);

#endif
