/* Grouping by sorting; see groups.h. */
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "ctl/attempts.h"
#include "ctl/groups.h"
#include "ctl/results.h"

struct keyed {
	uint64_t	 index, fingerprint;
	const char	*failure;	/* NULL: none was said */
};

/* What the newest failed attempt says that has a fingerprint.  False: there is none. */
static bool
last_failure(const struct test_result *t, struct keyed *ret)
{
	if (!t->done || t->status == TEST_PASS || t->status == TEST_SKIP)
		return false;
	for (size_t i = t->nattempts; i-- > 0;) {
		const struct attempt_result	*a = &attempts_of(t)[i];

		if (a->finished && a->fingerprint != 0 && a->outcome != OUTCOME_PASS) {
			ret->fingerprint = a->fingerprint;
			ret->failure = a->failure;
			return true;
		}
	}
	return false;
}

static int
by_fingerprint(const void *va, const void *vb)
{
	const struct keyed	*a = va, *b = vb;

	if (a->fingerprint != b->fingerprint)
		return a->fingerprint < b->fingerprint ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

static int
by_size(const void *va, const void *vb)
{
	const struct group	*a = va, *b = vb;

	if (a->n != b->n)
		return a->n > b->n ? -1 : 1;
	return a->tests[0] < b->tests[0] ? -1 : a->tests[0] > b->tests[0];
}

void
groups_of(const struct results *r, struct groups *ret)
{
	struct keyed	*all = NULL;
	size_t		 n = 0, cap = 0;

	*ret = (struct groups){ 0 };
	for (uint64_t i = 0; r->tests != NULL && i < r->total; i++) {
		struct keyed	one = { .index = i };

		if (!last_failure(&r->tests[i], &one))
			continue;
		if (n == cap) {
			cap = cap > 0 ? cap * 2 : 64;
			all = xreallocarray(all, cap, sizeof(*all));
		}
		all[n++] = one;
	}
	if (n == 0)
		return;
	qsort(all, n, sizeof(*all), by_fingerprint);
	ret->indices = xcalloc(n, sizeof(*ret->indices));
	ret->v = xcalloc(n, sizeof(*ret->v));
	for (size_t i = 0; i < n; i++) {
		ret->indices[i] = all[i].index;
		if (i == 0 || all[i].fingerprint != all[i - 1].fingerprint)
			ret->v[ret->n++] = (struct group){ .fingerprint = all[i].fingerprint,
			    .failure = all[i].failure != NULL ? all[i].failure : "",
			    .tests = &ret->indices[i] };
		ret->v[ret->n - 1].n++;
	}
	qsort(ret->v, ret->n, sizeof(*ret->v), by_size);
	free(all);
}

void
groups_free(struct groups *g)
{
	free(g->v);
	free(g->indices);
	*g = (struct groups){ 0 };
}
