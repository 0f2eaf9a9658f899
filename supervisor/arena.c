/* Memory that is freed all at once; see arena.h. */
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/arena.h"

#define ARENA_BLOCK	((size_t)256 << 10)

struct arena_block {
	struct arena_block	*next;
	max_align_t		 data[];
};

void *
arena_alloc(struct arena *a, size_t n)
{
	struct arena_block	*b;
	size_t			 size;
	void			*p;

	if (n > SIZE_MAX / 2)
		return NULL;
	n = (n + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	if (a->blocks == NULL || a->size - a->used < n) {
		size = n > ARENA_BLOCK ? n : ARENA_BLOCK;
		b = calloc(1, sizeof *b + size);
		if (b == NULL)
			return NULL;
		b->next = a->blocks;
		a->blocks = b;
		a->size = size;
		a->used = 0;
	}
	p = (char *)a->blocks->data + a->used;
	a->used += n;
	a->total += n;
	return p;
}

void *
arena_dup(struct arena *a, const void *data, size_t n)
{
	void	*p = arena_alloc(a, n);

	if (p != NULL && n > 0)
		memcpy(p, data, n);
	return p;
}

struct sv
arena_dup_sv(struct arena *a, struct sv s)
{
	return (struct sv){ arena_dup(a, s.p, s.n), s.n };
}

void
arena_free(struct arena *a)
{
	struct arena_block	*b;

	while ((b = a->blocks) != NULL) {
		a->blocks = b->next;
		free(b);
	}
	memset(a, 0, sizeof *a);
}
