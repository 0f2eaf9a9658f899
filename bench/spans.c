/* Time of the machine for each attempt; see spans.h. */
#include <stdlib.h>

#include "bench/spans.h"
#include "common/xalloc.h"

struct edge {
	uint64_t	at_us;
	size_t		span;
	bool		start;
};

void
spans_add(struct spans *s, const struct span *v)
{
	if (s->n == s->cap) {
		s->cap = s->cap > 0 ? 2 * s->cap : 256;
		s->v = xreallocarray(s->v, s->cap, sizeof *s->v);
	}
	s->v[s->n++] = *v;
}

static int
by_time(const void *a, const void *b)
{
	const struct edge	*x = a, *y = b;

	if (x->at_us != y->at_us)
		return x->at_us < y->at_us ? -1 : 1;
	return (int)x->start - (int)y->start;	/* who ends makes room first */
}

static int
by_end(const void *a, const void *b)
{
	const struct span	*x = a, *y = b;

	return x->end_us < y->end_us ? -1 : x->end_us > y->end_us;
}

/* The integral over time of one divided by how many ran: what an attempt has of it is the
 * difference between its end and its start. */
static void
share(struct spans *s)
{
	struct edge	*edges = xcalloc(2 * s->n + 1, sizeof *edges);
	double		 sum = 0;
	size_t		 running = 0;

	for (size_t i = 0; i < s->n; i++) {
		edges[2 * i] = (struct edge){ s->v[i].start_us, i, true };
		edges[2 * i + 1] = (struct edge){ s->v[i].end_us, i, false };
	}
	qsort(edges, 2 * s->n, sizeof *edges, by_time);
	for (size_t i = 0; i < 2 * s->n; i++) {
		if (i > 0 && running > 0)
			sum += (double)(edges[i].at_us - edges[i - 1].at_us) / 1e3 /
			    (double)running;
		s->v[edges[i].span].machine_ms += edges[i].start ? -sum : sum;
		running += edges[i].start;
		running -= !edges[i].start;
	}
	free(edges);
}

void
spans_score(struct spans *s, struct score *scores)
{
	struct score	*to;

	qsort(s->v, s->n, sizeof *s->v, by_end);
	share(s);
	for (size_t i = 0; i < s->n; i++) {
		to = &scores[s->v[i].test];
		to->spent_ms += s->v[i].machine_ms;
		if (to->fails == 0)
			to->until_ms += s->v[i].machine_ms;
		to->passes += s->v[i].passed;
		to->fails += !s->v[i].passed;
	}
}

void
spans_free(struct spans *s)
{
	free(s->v);
	*s = (struct spans){ .n = 0 };
}
