/*
 * Waiting tests and the room that running ones leave: see queue.h.  Pure.
 *
 * A class that has waiting tests is in one of two places, by the rank of its
 * head: in a list when it did not fit the last time it was looked at, else in a
 * heap.  A round of starts goes through both in the order of rank, and what does
 * not fit moves from the heap to the end of the list it has gone through.  What
 * does not fit early in a round does not fit later in it, since starts only take.
 */
#include <stdlib.h>
#include <string.h>

#include "supervisor/policy/queue.h"

#define NO_CLASS	UINT32_MAX

struct class {
	const struct sched_need *needs;	/* one entry a resource; in queue.needs */
	uint32_t	nneeds;
	uint32_t	weight;		/* units, at most the run's jobs */
	uint32_t	head;		/* heap of the waiting tests */
	uint32_t	waiting;	/* tests */
	uint32_t	passed;		/* starts past its head */
	uint32_t	prev, next;	/* in the list, else NO_CLASS */
	bool		serial;
	bool		impossible;
};

/* What is free, and who is there. */
struct room {
	uint32_t	*avail;		/* of each resource */
	uint32_t	used;		/* units */
	uint32_t	running;	/* tests */
	bool		serial;		/* what runs is one serial test */
};

struct queue {
	struct heap_node *nodes;	/* borrowed */
	uint32_t	*class_of;
	struct class	*classes;	/* and one more: the end of the list */
	struct heap_node *heads;	/* of each class: the heap of classes */
	uint32_t	 fresh;		/* that heap */
	uint32_t	 end;		/* how many classes */
	struct sched_need *needs;
	struct room	 room;
	uint32_t	*spare;		/* scratch of queue_demand() */
	uint32_t	 nresources;
	uint32_t	 jobs;
	uint32_t	 scan;		/* where in the list the round goes on */
	uint32_t	 reserver;	/* class, or NO_CLASS */
	uint32_t	 nstarved;	/* classes passed over too often */
};

/* ---- classes of a plan ---- */

static bool
is_plain(const struct sched_test *t)
{
	return t->weight <= 1 && !t->serial && t->nneeds == 0;
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
	if (x->nneeds != y->nneeds)
		return x->nneeds < y->nneeds ? -1 : 1;
	return x->nneeds == 0 ? 0 : memcmp(x->needs, y->needs,
	    x->nneeds * sizeof(*x->needs));
}

/* Copies the needs of `t` to `to`, those of one resource added up. */
static void
class_set_needs(struct class *c, struct sched_need *to, const struct sched_test *t,
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
 * Sorts the tests that are not plain into `special` and numbers the classes:
 * 0 for plain tests, then one for each set of requirements.  A sort and no hash
 * table: whoever writes the plan cannot make it slow.  Returns how many classes,
 * and in *ret_needs how many needs they have at most.
 */
static uint32_t
number_classes(struct queue *q, const struct sched_plan *plan,
    const struct sched_test **special, uint32_t n, size_t *ret_needs)
{
	uint32_t i, k = 0, class = 0;

	*ret_needs = 0;
	for (i = 0; i < plan->ntests; i++)
		if (!is_plain(&plan->tests[i]))
			special[k++] = &plan->tests[i];
	qsort(special, n, sizeof(const struct sched_test *), compare_tests);
	for (i = 0; i < n; i++) {
		if (i == 0 || compare_tests(&special[i - 1], &special[i]) != 0) {
			class++;
			*ret_needs += special[i]->nneeds;
		}
		q->class_of[special[i] - plan->tests] = class;
	}
	return class + 1;
}

static bool
make_classes(struct queue *q, const struct sched_plan *plan)
{
	const struct sched_test **special;
	uint32_t i, n = 0, prev = 0, class;
	size_t nneeds, at = 0;
	bool ok = false;

	for (i = 0; i < plan->ntests; i++)
		n += !is_plain(&plan->tests[i]);
	special = calloc((size_t)n + 1, sizeof(*special));
	if (special == NULL)
		return false;
	q->end = number_classes(q, plan, special, n, &nneeds);
	q->classes = calloc((size_t)q->end + 1, sizeof(*q->classes));
	q->heads = calloc(q->end, sizeof(*q->heads));
	q->needs = calloc(nneeds + 1, sizeof(*q->needs));
	if (q->classes == NULL || q->heads == NULL || q->needs == NULL)
		goto out;
	for (i = 0; i <= q->end; i++)
		q->classes[i] = (struct class){ .weight = 1, .head = HEAP_NONE,
		    .prev = NO_CLASS, .next = NO_CLASS };
	for (i = 0; i < n; i++) {
		class = q->class_of[special[i] - plan->tests];
		if (class == prev)
			continue;
		prev = class;
		q->classes[class].serial = special[i]->serial;
		if (special[i]->weight > 1)
			q->classes[class].weight = special[i]->weight < q->jobs ?
			    special[i]->weight : q->jobs;
		class_set_needs(&q->classes[class], q->needs + at, special[i], plan);
		at += special[i]->nneeds;
	}
	ok = true;
out:
	free(special);
	return ok;
}

struct queue *
queue_new(const struct sched_plan *plan, struct heap_node *nodes)
{
	struct queue *q = calloc(1, sizeof(*q));

	if (q == NULL)
		return NULL;
	q->nodes = nodes;
	q->jobs = plan->jobs > 0 ? plan->jobs : 1;
	q->nresources = plan->nresources;
	q->class_of = calloc((size_t)plan->ntests + 1, sizeof(*q->class_of));
	q->room.avail = calloc((size_t)plan->nresources + 1, sizeof(*q->room.avail));
	q->spare = calloc((size_t)plan->nresources + 1, sizeof(*q->spare));
	if (q->class_of == NULL || q->room.avail == NULL || q->spare == NULL ||
	    !make_classes(q, plan)) {
		queue_free(q);
		return NULL;
	}
	if (plan->nresources > 0)
		memcpy(q->room.avail, plan->resources,
		    plan->nresources * sizeof(*q->room.avail));
	queue_clear(q);
	return q;
}

void
queue_free(struct queue *q)
{
	if (q == NULL)
		return;
	free(q->class_of);
	free(q->classes);
	free(q->heads);
	free(q->needs);
	free(q->room.avail);
	free(q->spare);
	free(q);
}

bool
queue_possible(const struct queue *q, uint32_t test)
{
	return !q->classes[q->class_of[test]].impossible;
}

/* ---- where a class waits ---- */

static void
list_remove(struct queue *q, uint32_t c)
{
	struct class *v = q->classes;

	v[v[c].prev].next = v[c].next;
	v[v[c].next].prev = v[c].prev;
	v[c].prev = v[c].next = NO_CLASS;
}

static void
list_insert(struct queue *q, uint32_t c, uint32_t before)
{
	struct class *v = q->classes;

	v[c].next = before;
	v[c].prev = v[before].prev;
	v[v[c].prev].next = c;
	v[before].prev = c;
}

void
queue_push(struct queue *q, uint32_t test)
{
	uint32_t c = q->class_of[test], at;
	struct class *class = &q->classes[c];

	q->nodes[test].due = 0;
	class->waiting++;
	class->head = heap_push(q->nodes, class->head, test);
	if (class->head != test)
		return;
	q->heads[c].rank = q->nodes[test].rank;
	if (class->waiting == 1) {
		q->fresh = heap_push(q->heads, q->fresh, c);
	} else if (class->next == NO_CLASS) {
		q->fresh = heap_raise(q->heads, q->fresh, c);
	} else {
		list_remove(q, c);
		for (at = q->classes[q->end].next; at != q->end &&
		    q->heads[at].rank < q->heads[c].rank; at = q->classes[at].next)
			;
		list_insert(q, c, at);
	}
}

void
queue_clear(struct queue *q)
{
	uint32_t i;

	for (i = 0; i < q->end; i++) {
		q->classes[i].head = HEAP_NONE;
		q->classes[i].prev = q->classes[i].next = NO_CLASS;
		q->classes[i].waiting = q->classes[i].passed = 0;
	}
	q->classes[q->end].prev = q->classes[q->end].next = q->end;
	q->scan = q->end;
	q->fresh = HEAP_NONE;
	q->reserver = NO_CLASS;
	q->nstarved = 0;
}

/* ---- what fits ---- */

static uint32_t
min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Is there room for `c`?  Asked only while units are free. */
static bool
fits(const struct room *room, const struct class *c, uint32_t limit)
{
	uint32_t i;

	if (room->running == 0)
		return true;
	if (room->serial || c->serial || room->used >= limit ||
	    limit - room->used < c->weight)
		return false;
	for (i = 0; i < c->nneeds; i++)
		if (room->avail[c->needs[i].resource] < c->needs[i].count)
			return false;
	return true;
}

/* Does the start of `c`, which fits, leave what the reserver `r` needs? */
static bool
leaves(const struct room *room, const struct class *c, const struct class *r,
    uint32_t limit)
{
	uint32_t i, j;

	if (r->serial || c->serial || limit - min_u32(room->used, limit) < c->weight ||
	    limit - room->used - c->weight < min_u32(r->weight, limit))
		return false;
	for (i = 0; i < c->nneeds; i++)
		for (j = 0; j < r->nneeds; j++)
			if (c->needs[i].resource == r->needs[j].resource &&
			    room->avail[c->needs[i].resource] - c->needs[i].count <
			    r->needs[j].count)
				return false;
	return true;
}

static bool
may_start(const struct queue *q, const struct room *room, uint32_t c,
    uint32_t reserver, uint32_t limit)
{
	const struct class *v = q->classes;

	return fits(room, &v[c], limit) && (reserver == NO_CLASS || reserver == c ||
	    leaves(room, &v[c], &v[reserver], limit));
}

static void
take(struct room *room, const struct class *c)
{
	uint32_t i;

	room->used += c->weight;
	room->running++;
	room->serial = c->serial;	/* it is alone: see fits() */
	for (i = 0; i < c->nneeds; i++)
		room->avail[c->needs[i].resource] -= c->needs[i].count;
}

void
queue_release(struct queue *q, uint32_t test)
{
	const struct class *c = &q->classes[q->class_of[test]];
	uint32_t i;

	q->room.used -= c->weight;
	q->room.running--;
	for (i = 0; i < c->nneeds; i++)
		q->room.avail[c->needs[i].resource] += c->needs[i].count;
}

/* ---- starts ---- */

/* The reserver: of the classes passed over too often the one whose head has the
 * lowest rank; it stays so until it starts. */
static void
pick_reserver(struct queue *q)
{
	uint32_t c;

	if (q->reserver != NO_CLASS || q->nstarved == 0)
		return;
	for (c = q->classes[q->end].next; c != q->end; c = q->classes[c].next)
		if (q->classes[c].passed >= SCHED_BYPASS_MAX) {
			q->reserver = c;
			return;
		}
}

/* Counts the start of the head of `c` for those it goes past: all in the list
 * before the place where the round is. */
static void
pass_over(struct queue *q, uint32_t c)
{
	uint32_t p;

	for (p = q->classes[q->end].next; p != q->scan; p = q->classes[p].next)
		if (++q->classes[p].passed == SCHED_BYPASS_MAX)
			q->nstarved++;
	if (q->classes[c].passed >= SCHED_BYPASS_MAX)
		q->nstarved--;
	q->classes[c].passed = 0;
	if (q->reserver == c)
		q->reserver = NO_CLASS;
}

/* Takes `c` from where it waits, and its head from it. */
static uint32_t
pull(struct queue *q, uint32_t c, bool is_fresh)
{
	struct class *class = &q->classes[c];
	uint32_t test = class->head;

	if (is_fresh) {
		q->fresh = heap_pop(q->heads, q->fresh);
	} else {
		q->scan = class->next;
		list_remove(q, c);
	}
	class->head = heap_pop(q->nodes, test);
	if (--class->waiting > 0) {
		q->heads[c].rank = q->nodes[class->head].rank;
		q->fresh = heap_push(q->heads, q->fresh, c);
	}
	return test;
}

void
queue_rewind(struct queue *q)
{
	q->scan = q->classes[q->end].next;
}

bool
queue_start(struct queue *q, uint32_t limit, uint32_t *ret_test)
{
	bool is_fresh;
	uint32_t c;

	pick_reserver(q);
	limit = min_u32(limit, q->jobs);
	while (q->room.used < limit && (q->fresh != HEAP_NONE || q->scan != q->end)) {
		is_fresh = q->fresh != HEAP_NONE && (q->scan == q->end ||
		    q->heads[q->fresh].rank < q->heads[q->scan].rank);
		c = is_fresh ? q->fresh : q->scan;
		if (may_start(q, &q->room, c, q->reserver, limit)) {
			pass_over(q, c);
			take(&q->room, &q->classes[c]);
			*ret_test = pull(q, c, is_fresh);
			return true;
		}
		if (is_fresh) {
			q->fresh = heap_pop(q->heads, c);
			list_insert(q, c, q->scan);
		} else {
			q->scan = q->classes[c].next;
		}
	}
	return false;
}

uint32_t
queue_used(const struct queue *q)
{
	return q->room.used;
}

/* How much of `room` is left when all of class `c` that fits has started in it. */
static void
fill(const struct queue *q, struct room *room, uint32_t c, uint32_t *reserver)
{
	uint32_t left = q->classes[c].waiting;

	for (; left > 0 && may_start(q, room, c, *reserver, q->jobs); left--) {
		take(room, &q->classes[c]);
		if (*reserver == c)
			*reserver = NO_CLASS;
	}
}

/*
 * A round of starts with all of the run's units on a copy of the room, class by
 * class instead of by rank, serial ones last: where classes want the same units
 * it may count another one than would start.
 */
uint32_t
queue_demand(const struct queue *q)
{
	const struct class *v = q->classes;
	struct room room = q->room;
	uint32_t reserver = q->reserver, c;

	if (room.used >= q->jobs || (q->fresh == HEAP_NONE && v[q->end].next == q->end))
		return room.used;
	room.avail = q->spare;
	if (q->nresources > 0)
		memcpy(room.avail, q->room.avail, q->nresources * sizeof(*room.avail));
	for (c = v[q->end].next; c != q->end; c = v[c].next)
		fill(q, &room, c, &reserver);
	for (c = 0; q->fresh != HEAP_NONE && c < q->end && room.used < q->jobs; c++)
		if (v[c].next == NO_CLASS && !v[c].serial)
			fill(q, &room, c, &reserver);
	for (c = 0; room.running == 0 && c < q->end; c++)
		fill(q, &room, c, &reserver);
	return room.used;
}
