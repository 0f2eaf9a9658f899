/*
 * Questions about the history, answered from the database: HISTORY, METRICS, FLAKY,
 * RUN_LIST, RUN_WATCH, OUTPUT_READ, PLAN_READ, each with the messages that the supervisor sends for
 * a run it still holds.
 *
 * An answer is given in pages, and none needs what was before it: `from` is where a page
 * starts (0: at the start), *ret_next where the next one does (0: that was all, and END_OF
 * or ERROR was the last message).  What `from` says is for this module only.  Rows
 * that come between two pages do not shift those of a list by time; METRICS and FLAKY are
 * those of the moment of each page.
 *
 * Nobody but root (uid 0) is shown another user's rows; a run of another user gets the
 * same ERROR as one that does not exist.  What is damaged is left out, and END_OF says
 * `truncated`; so it does when more rows match than the limit lets through.
 */
#ifndef STORE_QUERY_H
#define STORE_QUERY_H

#include <stddef.h>
#include <stdint.h>

#include "common/msg.h"

struct db;

#define QUERY_PAGE	((size_t)256 << 10)	/* bytes of a page, about */
#define QUERY_ROWS	10000			/* rows of an answer that has a limit */

/*
 * Takes one message of an answer; what it points to lives until the return.  0, or
 * -errno, which ends the question; but -EMSGSIZE and -EINVAL (msg_encode(): too large, a
 * NUL in a string) only leave this message out.
 */
typedef int	query_send_fn(void *arg, enum msg_type, const void *msg);

/*
 * One page.  0; -EOPNOTSUPP for a message that is no question of the history (nothing was
 * sent); -EUCLEAN when the database is damaged, or -EIO when it cannot be read for another
 * reason (an ERROR that says so was sent, and the answer is over); -ENOMEM; or what `send`
 * gave.
 */
int	query_answer(struct db *, uint64_t uid, enum msg_type, const union msg_body *,
	    uint64_t from, query_send_fn *, void *arg, uint64_t *ret_next);

/* The same with pages of about `page` bytes; 0: one row a page. */
int	query_answer_paged(struct db *, uint64_t uid, enum msg_type, const union msg_body *,
	    uint64_t from, size_t page, query_send_fn *, void *arg, uint64_t *ret_next);

/* Frees what is kept for the next page, until the answer is over: an unpacked output, the
 * order of metrics, the flaky tests.  For when there is nothing else to do, since whoever
 * asked may be gone, and before the database is closed. */
void	query_forget(void);

/*
 * What is expected of tests of the user m->uid: ESTIMATE_STRIDE numbers for each pair of
 * m->tests, and COST_STRIDE of what they cost (history.h), all 0 for one that is not known.
 * 0, -EBADMSG (no pairs), -EUCLEAN, -EIO, -ENOMEM.
 */
int	query_estimate(struct db *, const struct msg_estimate *, uint64_t *ret_values,
	    uint64_t *ret_costs);

#endif
