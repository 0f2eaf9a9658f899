/* Kinds of tests and the room for them: see kind.h.  Pure. */
#include <stdlib.h>
#include <string.h>

#include "supervisor/policy/kind.h"
#include "supervisor/policy/memory.h"
#include "supervisor/policy/width.h"

static uint32_t
min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static bool
is_plain(const struct sched_test *t)
{
	return t->weight <= 1 && !t->serial && t->nneeds == 0 && t->cpu_milli == 0 &&
	    memory_need(t->memory) == memory_need(0);
}

static int
compare_tests(const void *a, const void *b)
{
	const struct sched_test *x = *(const struct sched_test *const *)a;
	const struct sched_test *y = *(const struct sched_test *const *)b;

	if (x->weight != y->weight)
		return x->weight < y->weight ? -1 : 1;
	if (x->serial != y->serial)
		return x->serial ? 1 : -1;
	if (width_cost(x->cpu_milli) != width_cost(y->cpu_milli))
		return width_cost(x->cpu_milli) < width_cost(y->cpu_milli) ? -1 : 1;
	if (memory_need(x->memory) != memory_need(y->memory))
		return memory_need(x->memory) < memory_need(y->memory) ? -1 : 1;
	if (x->nneeds != y->nneeds)
		return x->nneeds < y->nneeds ? -1 : 1;
	return x->nneeds == 0 ? 0 : memcmp(x->needs, y->needs,
	    x->nneeds * sizeof(*x->needs));
}

/* Copies the needs of `t` to `to`, those of one resource added up. */
static void
set_needs(struct kind *c, struct sched_need *to, const struct sched_test *t,
    const struct sched_plan *plan)
{
	uint32_t i, j;

	c->needs = to;
	for (i = 0; i < t->nneeds; i++) {
		const struct sched_need *n = &t->needs[i];

		if (n->resource >= plan->nresources) {
			c->impossible = true;
			continue;
		}
		if (n->count == 0)
			continue;
		for (j = 0; j < c->nneeds && to[j].resource != n->resource; j++)
			;
		if (j == c->nneeds)
			to[c->nneeds++] = (struct sched_need){ .resource = n->resource };
		if (n->count > plan->resources[n->resource] - to[j].count)
			c->impossible = true;
		else
			to[j].count += n->count;
	}
}

/*
 * Sorts the tests that are not plain into `special` and numbers the kinds: 0 for
 * plain tests, then one for each set of requirements.  A sort and no hash table:
 * whoever writes the plan cannot make it slow.  Returns how many needs they have
 * at most.
 */
static size_t
number_kinds(struct kinds *k, const struct sched_plan *plan,
    const struct sched_test **special, uint32_t n)
{
	uint32_t i, at = 0;
	size_t nneeds = 0;

	for (i = 0; i < plan->ntests; i++)
		if (!is_plain(&plan->tests[i]))
			special[at++] = &plan->tests[i];
	qsort(special, n, sizeof(const struct sched_test *), compare_tests);
	k->n = 1;
	for (i = 0; i < n; i++) {
		if (i == 0 || compare_tests(&special[i - 1], &special[i]) != 0) {
			k->n++;
			nneeds += special[i]->nneeds;
		}
		k->of[special[i] - plan->tests] = k->n - 1;
	}
	return nneeds;
}

/* Sets what each kind needs. */
static bool
fill_kinds(struct kinds *k, const struct sched_plan *plan,
    const struct sched_test **special, uint32_t n, size_t nneeds)
{
	uint32_t jobs = plan->jobs > 0 ? plan->jobs : 1, i, prev = 0;
	struct sched_need *to;
	struct kind *c;

	k->v = calloc(k->n, sizeof(*k->v));
	k->needs = to = calloc(nneeds + 1, sizeof(*k->needs));
	if (k->v == NULL || k->needs == NULL)
		return false;
	for (i = 0; i < k->n; i++) {
		k->v[i].weight = 1;
		k->v[i].memory = memory_need(0);
	}
	for (i = 0; i < n; i++) {
		if (k->of[special[i] - plan->tests] == prev)
			continue;
		prev = k->of[special[i] - plan->tests];
		c = &k->v[prev];
		c->serial = special[i]->serial;
		c->cpu_milli = width_cost(special[i]->cpu_milli);
		c->memory = memory_need(special[i]->memory);
		if (special[i]->weight > 1) {	/* who states it means it */
			c->weight = min_u32(special[i]->weight, jobs);
			c->cpu_milli = c->weight * WIDTH_CPU;
		}
		set_needs(c, to, special[i], plan);
		to += special[i]->nneeds;
	}
	return true;
}

bool
kinds_make(struct kinds *k, const struct sched_plan *plan)
{
	const struct sched_test **special;
	uint32_t i, n = 0;
	size_t nneeds;
	bool ok;

	for (i = 0; i < plan->ntests; i++)
		n += !is_plain(&plan->tests[i]);
	special = calloc((size_t)n + 1, sizeof(*special));
	k->of = calloc((size_t)plan->ntests + 1, sizeof(*k->of));
	if (special == NULL || k->of == NULL) {
		free(special);
		return false;
	}
	nneeds = number_kinds(k, plan, special, n);
	ok = fill_kinds(k, plan, special, n, nneeds);
	free(special);
	return ok;
}

void
kinds_free(struct kinds *k)
{
	free(k->v);
	free(k->of);
	free(k->needs);
}

/* ---- room ---- */

uint32_t
room_units(const struct room *room, uint32_t limit)
{
	return room->wide == 0 || limit > UINT32_MAX / room->wide ? limit : limit * room->wide;
}

/* CPUs that one is expected to keep busy, in thousandths; none takes more than there are. */
static uint64_t
cpu_milli(const struct room *room, const struct kind *c, uint32_t limit)
{
	uint64_t milli = c->cpu_milli > 0 ? c->cpu_milli :
	    (uint64_t)c->weight * room->host.share_milli;

	return milli < (uint64_t)limit * WIDTH_CPU ? milli : (uint64_t)limit * WIDTH_CPU;
}

static uint64_t
busy_milli(const struct room *room)
{
	return room->busy_milli + (uint64_t)room->unknown * room->host.share_milli;
}

uint64_t
room_cpu_milli(const struct room *room)
{
	return busy_milli(room) + room->idle_milli;
}

/* Beside what runs, and with so much more kept for somebody. */
static bool
has_cpu(const struct room *room, const struct kind *c, uint32_t limit, uint64_t kept)
{
	if (room->wide == 0)
		return true;
	if (width_is_idle(c->cpu_milli))
		return width_fits_idle(limit, room->idle_milli + c->cpu_milli);
	return width_fits(limit, busy_milli(room) + kept + cpu_milli(room, c, limit),
	    room->host.pressed && c->cpu_milli > 0 ? room->busy_units + c->weight : 0);
}

bool
room_has_memory(const struct room *room, const struct kind *c)
{
	return c->memory <= room->host.memory || (room->running == 0 && !room->host.beside);
}

bool
room_fits(const struct room *room, const struct kind *c, uint32_t limit)
{
	uint32_t units = room_units(room, limit), i;

	if (!room_has_memory(room, c))
		return false;
	if (room->running == 0)
		return true;
	if (room->serial || c->serial || room->used >= units ||
	    units - room->used < c->weight || !has_cpu(room, c, limit, 0))
		return false;
	for (i = 0; i < c->nneeds; i++)
		if (room->avail[c->needs[i].resource] < c->needs[i].count)
			return false;
	return true;
}

bool
room_leaves(const struct room *room, const struct kind *c, const struct kind *r,
    uint32_t limit)
{
	uint32_t units = room_units(room, limit), i, j;

	if (r->serial || c->serial || units - min_u32(room->used, units) < c->weight ||
	    units - room->used - c->weight < min_u32(r->weight, units) ||
	    room->host.memory < r->memory || room->host.memory - r->memory < c->memory ||
	    !has_cpu(room, c, limit, cpu_milli(room, r, limit)))
		return false;
	for (i = 0; i < c->nneeds; i++)
		for (j = 0; j < r->nneeds; j++)
			if (c->needs[i].resource == r->needs[j].resource &&
			    room->avail[c->needs[i].resource] - c->needs[i].count <
			    r->needs[j].count)
				return false;
	return true;
}

/* Where its CPU use is counted; NULL: among the unknown. */
static uint64_t *
cpu_account(struct room *room, const struct kind *c)
{
	if (c->cpu_milli == 0)
		return NULL;
	return width_is_idle(c->cpu_milli) ? &room->idle_milli : &room->busy_milli;
}

void
room_take(struct room *room, const struct kind *c)
{
	uint64_t *cpu = cpu_account(room, c);
	uint32_t i;

	room->used += c->weight;
	room->running++;
	room->serial = c->serial;	/* it is alone: see room_fits() */
	if (cpu != NULL)
		*cpu += c->cpu_milli;
	else
		room->unknown += c->weight;
	room->busy_units += width_is_idle(c->cpu_milli) ? 0 : c->weight;
	if (room->host.memory != UINT64_MAX)
		room->host.memory -= c->memory < room->host.memory ? c->memory :
		    room->host.memory;
	for (i = 0; i < c->nneeds; i++)
		room->avail[c->needs[i].resource] -= c->needs[i].count;
}

void
room_release(struct room *room, const struct kind *c)
{
	uint64_t *cpu = cpu_account(room, c);
	uint32_t i;

	room->used -= c->weight;
	room->running--;
	if (cpu != NULL)
		*cpu -= c->cpu_milli;
	else
		room->unknown -= c->weight;
	room->busy_units -= width_is_idle(c->cpu_milli) ? 0 : c->weight;
	for (i = 0; i < c->nneeds; i++)
		room->avail[c->needs[i].resource] += c->needs[i].count;
}
