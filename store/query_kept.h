/*
 * The question whose findings are kept between two pages of its answer.  They are good for
 * the next page of the same question, from the same user, to the same database, for as long
 * as nothing in that has changed.
 */
#ifndef STORE_QUERY_KEPT_H
#define STORE_QUERY_KEPT_H

#include "store/query_int.h"

struct query_kept {
	const struct db	*db;
	uint64_t	 uid;
	int64_t		 changes;	/* of the database until then */
	char		*text;		/* owned: the question, encoded; NULL: nothing is kept */
	size_t		 len;
};

/* Keeps a question, and takes its text over (malloc'ed).  False: this was its last page, and
 * nothing is kept.  It is to be empty before. */
bool	query_kept_take(struct query_kept *, const struct query *, char *text, size_t len);

/* Is this page behind the first, and of the question that is kept? */
bool	query_kept_is(const struct query_kept *, const struct query *, const char *text,
	    size_t len);

/* Makes it empty. */
void	query_kept_forget(struct query_kept *);

#endif
