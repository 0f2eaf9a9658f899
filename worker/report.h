/*
 * The way of an attempt's output and result to the supervisor: live pieces while
 * it runs, the record after it, then ATTEMPT_DONE.  Never holds more unsent bytes
 * than a bound.
 */
#ifndef WORKER_REPORT_H
#define WORKER_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/msg.h"
#include "worker/capture.h"
#include "worker/judge.h"
#include "worker/sweep.h"

struct peer;

#define REPORT_STAGES	3		/* captures of an attempt, in order */
#define REPORT_PIECE	65536		/* bytes of an OUTPUT, and of inline output */
#define REPORT_UNSENT	(512u << 10)	/* of the record; more waits */
#define REPORT_LIVE	(1u << 20)	/* unsent; then live output is left out */

struct report {
	struct peer		*peer;		/* borrowed */
	uint64_t		 attempt_id;
	bool			 live;
	uint64_t		 left_out[2];	/* live bytes of a stream, not yet said */

	/* The record's way, from report_begin() on. */
	const struct capture	*captures[REPORT_STAGES];	/* borrowed; NULL: none */
	int			 at;
	struct capture_iter	 iter;
};

/* Live output on or off; on: first what is there. */
void	report_live(struct report *, struct capture *const captures[REPORT_STAGES], bool on);
/* A piece that just came. */
void	report_output(struct report *, unsigned stream, struct sv);

/*
 * Begins with the record.  True: it is small, and *ret_inline (malloc'ed, of
 * *ret_n bytes) has all of it.  False: report_pump() is to send it.
 */
bool	report_begin(struct report *, struct capture *const captures[REPORT_STAGES],
	    char **ret_inline, size_t *ret_n);

/* Sends on as far as there is room.  1: the record is sent; 0: call again when the
 * peer has drained; or -errno. */
int	report_pump(struct report *);

/* Sends the result.  The totals, texts and lists are filled in here.  0 or -errno. */
int	report_done(struct report *, struct msg_attempt_done *, const struct judgement *,
	    const struct sweep *, const struct tap_result *);

#endif
