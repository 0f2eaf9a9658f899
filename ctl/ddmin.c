/* Delta debugging; see ddmin.h. */
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "ctl/ddmin.h"

void
ddmin_init(struct ddmin *d, uint32_t n)
{
	*d = (struct ddmin){ .n = n, .parts = 2 };
	d->set = xcalloc(n, sizeof *d->set);
	d->trial = xcalloc(n, sizeof *d->trial);
	for (uint32_t i = 0; i < n; i++)
		d->set[i] = i;
}

void
ddmin_free(struct ddmin *d)
{
	free(d->set);
	free(d->trial);
	free(d->tried);
	*d = (struct ddmin){ .n = 0 };
}

/* Where part `k` of the set begins: parts differ by one element at most. */
static uint32_t
begin_of(const struct ddmin *d, uint32_t k)
{
	return (uint32_t)((uint64_t)d->n * k / d->parts);
}

static void
fill_trial(struct ddmin *d)
{
	uint32_t	from = begin_of(d, d->part), to = begin_of(d, d->part + 1);

	d->ntrial = 0;
	for (uint32_t i = 0; i < d->n; i++) {
		if ((i >= from && i < to) != d->rest)
			d->trial[d->ntrial++] = d->set[i];
	}
}

/* SplitMix64's finalizer (Steele, Lea, Flood, OOPSLA 2014) over each element. */
static uint64_t
hash(const uint32_t *v, uint32_t n)
{
	uint64_t	h = n;

	for (uint32_t i = 0; i < n; i++) {
		h = (h ^ v[i]) + UINT64_C(0x9e3779b97f4a7c15);
		h = (h ^ (h >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
		h = (h ^ (h >> 27)) * UINT64_C(0x94d049bb133111eb);
		h ^= h >> 31;
	}
	return h;
}

static bool
was_tried(const struct ddmin *d)
{
	uint64_t	h = hash(d->trial, d->ntrial);

	for (size_t i = 0; i < d->ntried; i++) {
		if (d->tried[i] == h)
			return true;
	}
	return false;
}

/* To the next part, then to what is left without each, then to smaller parts.  False:
 * there are none. */
static bool
go_on(struct ddmin *d)
{
	if (++d->part < d->parts)
		return true;
	d->part = 0;
	if (!d->rest && d->parts > 2) {	/* of two, the rest is the other */
		d->rest = true;
		return true;
	}
	d->rest = false;
	if (d->parts >= d->n)
		return false;
	d->parts = d->parts * 2 < d->n ? d->parts * 2 : d->n;
	return true;
}

bool
ddmin_next(struct ddmin *d)
{
	if (d->n < 2)
		return false;
	if (d->part == d->parts)	/* it was over */
		return false;
	for (;;) {
		fill_trial(d);
		if (!was_tried(d))
			break;
		if (!go_on(d)) {
			d->part = d->parts;
			return false;
		}
	}
	d->tries++;
	return true;
}

void
ddmin_answer(struct ddmin *d, bool fails)
{
	if (!fails) {
		if (d->ntried == d->cap) {
			d->cap = d->cap > 0 ? d->cap * 2 : 64;
			d->tried = xreallocarray(d->tried, d->cap, sizeof *d->tried);
		}
		d->tried[d->ntried++] = hash(d->trial, d->ntrial);
		if (!go_on(d))
			d->part = d->parts;
		return;
	}
	memcpy(d->set, d->trial, d->ntrial * sizeof *d->set);
	d->n = d->ntrial;
	d->parts = d->rest && d->parts > 3 ? d->parts - 1 : 2;
	d->part = 0;
	d->rest = false;
}
