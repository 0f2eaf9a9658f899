/*
 * The attempts of a test, of which flake detection makes hundreds.  The newest is kept
 * with all that is known of it, and so are those that failed in a way of their own.  Of
 * the others only the figures are kept, packed; of some that passed the output, too.
 *
 * An attempt that failed is packed when 8 of the test that failed alike are kept; when 64
 * are kept that failed, each that failed like one of them.  What differs in its message
 * from that of the others is lost.
 * Of passes 8 outputs are kept of each condition, 32 KiB in all.
 */
#ifndef CTL_ATTEMPTS_H
#define CTL_ATTEMPTS_H

#include "ctl/results.h"

#define ATTEMPTS_MAX	10000		/* kept of one test */
#define ATTEMPTS_ALIKE	8		/* full ones that failed alike */
#define ATTEMPTS_FAILED	64		/* full ones that failed */
#define ATTEMPTS_OUTPUTS 8		/* of passes under one condition */
#define ATTEMPTS_OUTPUT	(32 << 10)	/* bytes of them all */

/*
 * All attempts of a test, nattempts of them, by number.  The records of packed ones are
 * made anew and last until another test of the same results is asked for, or an event
 * comes; what their pointers point to lasts as long as the results do.  NULL: it has none.
 */
const struct attempt_result *attempts_of(const struct test_result *);

/* The newest one, or NULL.  It needs no unpacking, and lasts until an event comes. */
const struct attempt_result *attempts_last(const struct test_result *);

/* The attempt of that number in full, made when there is none.  NULL: it is packed, so
 * that all of it has come, or there is no place for it. */
struct attempt_result *attempts_get(struct test_result *, uint64_t number);

/* An attempt of a run came to an end, or is not the newest any more: packs it when that is
 * to be. */
void	attempts_settle(struct results *, struct test_result *, uint64_t number);

/* Nothing more comes of a test: gives back what is not needed then. */
void	attempts_close(struct test_result *);

/* All of a test. */
void	attempts_free(struct test_result *);
void	attempts_view_free(struct attempt_view *);

#endif
