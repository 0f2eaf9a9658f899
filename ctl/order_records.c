/* Orders and what came of them; see order_records.h. */
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "ctl/order_records.h"

/* SplitMix64 (Steele, Lea, Flood, OOPSLA 2014). */
static uint64_t
draw(uint64_t *state)
{
	uint64_t	z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

uint64_t
order_seed(uint64_t seed, uint32_t number)
{
	uint64_t	state = seed + number;

	return (draw(&state) & 0x7ffffffe) + 1;
}

void
order_records_init(struct order_records *rs, uint32_t ntests, uint32_t most, uint64_t seed)
{
	uint32_t	different = ntests < 2 ? 1 : ntests == 2 ? 2 : ntests == 3 ? 6 : UINT32_MAX;

	*rs = (struct order_records){ .ntests = ntests, .seed = seed,
	    .most = most < different ? most : different };
	rs->v = xcalloc(rs->most, sizeof *rs->v);
}

void
order_records_free(struct order_records *rs)
{
	for (uint32_t k = 0; k < rs->most; k++) {
		free(rs->v[k].order);
		free(rs->v[k].place);
		free(rs->v[k].outcome);
	}
	free(rs->v);
	*rs = (struct order_records){ .n = 0 };
}

/* Fisher and Yates' shuffle. */
static void
shuffle(uint32_t *v, uint32_t n, uint64_t seed)
{
	uint32_t	k, spare;

	for (uint32_t i = n - 1; i > 0; i--) {
		k = (uint32_t)(draw(&seed) % (i + 1));
		spare = v[i];
		v[i] = v[k];
		v[k] = spare;
	}
}

const struct order_record *
order_records_next(struct order_records *rs)
{
	struct order_record	*r = &rs->v[rs->n];
	uint32_t		 number = rs->n + 1;

	r->order = xcalloc(rs->ntests, sizeof *r->order);
	r->place = xcalloc(rs->ntests, sizeof *r->place);
	r->outcome = xcalloc(rs->ntests, sizeof *r->outcome);
	for (uint32_t i = 0; i < rs->ntests; i++)
		r->order[i] = number == 2 ? rs->ntests - 1 - i : i;
	if (number > 2) {
		r->seed = order_seed(rs->seed, number);
		shuffle(r->order, rs->ntests, r->seed);
	}
	for (uint32_t i = 0; i < rs->ntests; i++)
		r->place[r->order[i]] = i;
	return r;
}

void
order_records_took(struct order_records *rs, const enum order_outcome *o)
{
	struct order_record	*r = &rs->v[rs->n++];

	for (uint32_t i = 0; i < rs->ntests; i++)
		r->outcome[r->order[i]] = (uint8_t)o[i];
}

uint32_t
order_records_choose(const struct order_records *rs, uint32_t test, enum order_outcome want,
    bool most)
{
	uint32_t	best = 0, place, best_place = 0;

	for (uint32_t k = 0; k < rs->n; k++) {
		place = rs->v[k].place[test];
		if (rs->v[k].outcome[test] != want || place == 0 ||
		    (best != 0 && (most ? place <= best_place : place >= best_place)))
			continue;
		best = k + 1;
		best_place = place;
	}
	return best;
}

/* Are all of these before the test, in their order?  The place of the last. */
static bool
all_before(const struct order_record *r, uint32_t test, const struct order_list *l,
    uint32_t *ret_last)
{
	*ret_last = 0;
	for (uint32_t i = 0; i < l->n; i++) {
		uint32_t	at = r->place[l->v[i]];

		if (at >= r->place[test] || (i > 0 && at < *ret_last))
			return false;
		*ret_last = at;
	}
	return true;
}

bool
order_records_without(const struct order_records *rs, uint32_t test, enum order_outcome want,
    const struct order_list *l)
{
	uint32_t	last;

	for (uint32_t k = 0; k < rs->n; k++) {
		if (rs->v[k].outcome[test] == want && !all_before(&rs->v[k], test, l, &last))
			return true;
	}
	return false;
}

struct order_list
order_records_between(const struct order_records *rs, uint32_t test, const struct order_list *l)
{
	struct order_list	ret = { NULL, 0 };
	const uint32_t		*from = NULL;
	uint32_t		last, n;

	for (uint32_t k = 0; k < rs->n; k++) {
		const struct order_record	*r = &rs->v[k];

		if (r->outcome[test] != ORDER_PASS || !all_before(r, test, l, &last))
			continue;
		n = r->place[test] - last - 1;
		if (n > 0 && (from == NULL || n < ret.n)) {
			from = r->order + last + 1;
			ret.n = n;
		}
	}
	if (from != NULL)
		ret.v = xmemdup(from, ret.n * sizeof *ret.v);
	return ret;
}
