/* Fair shares of the pool: see share.h.  Pure. */
#include <stdbool.h>

#include "supervisor/policy/share.h"

static bool
wants(const struct share_claim *c)
{
	return c->limit < c->demand;
}

/*
 * The least served of those that want more, after `last` in the order (served,
 * index); n when there is none.  last == n: from the first.
 */
static uint32_t
least_served(const struct share_claim *c, uint32_t n, uint32_t last)
{
	uint32_t i, best = n;

	for (i = 0; i < n; i++) {
		if (!wants(&c[i]))
			continue;
		if (last < n && (c[i].served_ms < c[last].served_ms ||
		    (c[i].served_ms == c[last].served_ms && i <= last)))
			continue;
		if (best == n || c[i].served_ms < c[best].served_ms)
			best = i;
	}
	return best;
}

void
share_fill(uint32_t capacity, struct share_claim *c, uint32_t n)
{
	uint32_t i, left = capacity, hungry, each, give, last;

	for (i = 0; i < n; i++)
		c[i].limit = 0;
	for (;;) {
		for (i = 0, hungry = 0; i < n; i++)
			hungry += wants(&c[i]);
		if (hungry == 0 || left < hungry)
			break;
		each = left / hungry;
		for (i = 0; i < n; i++) {
			give = c[i].demand - c[i].limit;
			give = give < each ? give : each;
			c[i].limit += give;
			left -= give;
		}
	}
	/* Fewer units than claims that want one. */
	for (last = n; left > 0; left--) {
		i = least_served(c, n, last);
		if (i == n)
			break;
		last = i;
		c[i].limit++;
	}
}
