/*
 * Parts of a plan that are expected to take equally long: the longest test first,
 * each into the part that has the least so far (LPT; R. Graham, "Bounds on
 * Multiprocessing Timing Anomalies", 1969: at most 4/3 of the best).
 */
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "ctl/filter.h"

struct part {
	uint64_t	us, tests;	/* so far */
	unsigned	number;		/* from 1 */
};

struct item {
	uint64_t	us;
	const char	*name;
	size_t		index;
};

/* Ties go to fewer tests, so that unknown ones are spread too, then by number. */
static bool
before(const struct part *a, const struct part *b)
{
	if (a->us != b->us)
		return a->us < b->us;
	return a->tests != b->tests ? a->tests < b->tests : a->number < b->number;
}

/* Moves the top of a heap of n parts to where it belongs now. */
static void
sink(struct part *heap, unsigned n)
{
	struct part	top = heap[0];
	size_t		i = 0, child;

	while ((child = 2 * i + 1) < n) {
		if (child + 1 < n && before(&heap[child + 1], &heap[child]))
			child++;
		if (!before(&heap[child], &top))
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = top;
}

static int
longest_first(const void *a, const void *b)
{
	const struct item	*x = a, *y = b;

	if (x->us != y->us)
		return x->us > y->us ? -1 : 1;
	return strcmp(x->name, y->name);
}

void
plan_shard_by_time(struct plan *p, unsigned m, unsigned n, const uint64_t *expected_us)
{
	struct item	*items = xcalloc(p->ntests + 1, sizeof *items);
	struct part	*heap = xcalloc(n, sizeof *heap);
	bool		*stays = xcalloc(p->ntests + 1, sizeof *stays);

	for (size_t i = 0; i < p->ntests; i++)
		items[i] = (struct item){ expected_us[i], p->tests[i].name, i };
	for (unsigned i = 0; i < n; i++)
		heap[i].number = i + 1;		/* all equal: a heap in any order */
	qsort(items, p->ntests, sizeof *items, longest_first);
	for (size_t i = 0; i < p->ntests; i++) {
		stays[items[i].index] = heap[0].number == m;
		heap[0].us += items[i].us;
		heap[0].tests++;
		sink(heap, n);
	}
	plan_keep(p, stays);
	free(stays);
	free(heap);
	free(items);
}
