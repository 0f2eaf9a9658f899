/*
 * The list of runs: told of from memory and from the history, each run once, the newest
 * first.
 */
#ifndef CTL_RUNLIST_H
#define CTL_RUNLIST_H

#include <stddef.h>

#include "common/msg.h"

struct runlist {
	struct runlist_row {
		char			*id, *name, *parent, *revision;
		struct msg_run_row	 row;	/* its strings are those */
		size_t			 order;	/* in the answer */
	} *v;
	size_t	n, cap;
};

/* An answer to RUN_LIST, as a msg_fn over a struct runlist. */
int	runlist_answer(void *runs, enum msg_type, uint32_t id, const union msg_body *);
/* When all came. */
void	runlist_arrange(struct runlist *);
void	runlist_free(struct runlist *);

#endif
