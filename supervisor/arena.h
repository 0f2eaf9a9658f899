/* Memory that is freed all at once: the tests of one plan. */
#ifndef SUPERVISOR_ARENA_H
#define SUPERVISOR_ARENA_H

#include <stddef.h>

#include "common/sv.h"

struct arena_block;

struct arena {
	struct arena_block	*blocks;
	size_t			 used, size;	/* of the newest block */
	size_t			 total;		/* bytes handed out */
};

/* n zeroed bytes, aligned for any object; NULL: no memory. */
void	*arena_alloc(struct arena *, size_t n);
/* A copy of n bytes. */
void	*arena_dup(struct arena *, const void *, size_t n);
/* A copy of a string; its p is NULL: no memory. */
struct sv arena_dup_sv(struct arena *, struct sv);
void	 arena_free(struct arena *);

#endif
