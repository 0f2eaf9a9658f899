/*
 * A part of what a test printed, read from the supervisor: counted first when the part
 * is counted from the end, so that no more than the part is ever held.
 */
#ifndef MCPSRV_OUTPART_H
#define MCPSRV_OUTPART_H

#include "mcpsrv/call.h"
#include "ctl/text.h"

struct output_pattern;

struct output {
	/* What is wanted. */
	struct msg_output_read	 m;		/* its strings stay the caller's */
	int64_t			 offset;	/* negative: from the end */
	size_t			 max;		/* bytes */
	struct output_pattern	*grep;		/* only lines that match; NULL: all.  Owned */
	void			(*done)(void *arg, int r, const struct client_error *);
	void			*arg;
	/* What came. */
	struct text		 text;		/* bytes, or with grep cleaned lines; no secrets */
	uint64_t		 from, total;	/* offset of the first byte; bytes in all */
	uint64_t		 end;		/* offset behind the last byte; not with grep */
	uint64_t		 next;		/* where the rest begins; 0: there is none */
	bool			 cut;		/* not all that was printed was kept */
	/* Its own. */
	struct call		*call;
	bool			 counting, full;
	size_t			 beside;	/* bytes read on each side of the part */
	struct text		 line;		/* the beginning of one */
	msec_t			 spent_us;	/* on matching */
	const char		*slow;		/* the pattern took too long */
};

/* PCRE2, with bounds on what a match may cost; NULL with a sentence in `why`. */
struct output_pattern	*output_pattern_new(const char *, char *why, size_t size);

/* Asks; calls `done` once. */
void	output_read(struct output *, struct call *);
void	output_free(struct output *);	/* its contents */

#endif
