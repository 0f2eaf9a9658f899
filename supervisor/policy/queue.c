/*
 * Waiting tests and the room that running ones leave: see queue.h.  Pure.
 *
 * What waits is in one line, or in two when the history gives the order: in each a
 * class has a heap of its tests, and the classes have a heap by their heads.  A
 * class whose turn came and that did not fit is set aside, out of the heaps of
 * classes and into a list that every start looks through, until one of its tests
 * starts.
 */
#include <stdlib.h>
#include <string.h>

#include "supervisor/policy/kind.h"
#include "supervisor/policy/memory.h"
#include "supervisor/policy/order.h"
#include "supervisor/policy/queue.h"
#include "supervisor/policy/width.h"

#define NO_CLASS	UINT32_MAX

/* By rank, or when the history gives the order by the chance of a failure a second,
 * and then by length too. */
enum { BY_TURN, BY_LENGTH, LINES };

/* The waiting tests of one kind; its number is that of the kind. */
struct class {
	uint32_t	head[LINES];	/* heap of the waiting tests */
	uint32_t	waiting;	/* tests */
	uint32_t	passed;		/* starts past its head */
	uint32_t	prev, next;	/* set aside: list, else NO_CLASS */
};

/* Everything that waits, in one order. */
struct line {
	struct heap_node *tests;	/* the heap of each class */
	struct heap_node *classes;	/* at the place of the class's head */
	uint32_t	root;		/* heap of those not set aside */
};

struct queue {
	const struct sched_test *tests;	/* borrowed */
	struct line	 lines[LINES];	/* the tests of the first are borrowed */
	uint32_t	 nlines;
	uint64_t	 work;		/* unit-microseconds that wait: see work_of() */
	struct kinds	 kinds;
	struct class	*classes;	/* and one more: the end of the list */
	uint32_t	 end;		/* how many classes */
	struct room	 room;
	uint32_t	*spare;		/* scratch of queue_demand() */
	uint32_t	 nresources;
	uint32_t	 jobs;
	uint32_t	 reserver;	/* class, or NO_CLASS */
	uint32_t	 nstarved;	/* classes passed over too often */
	uint64_t	 lacks;		/* see queue_lacks() */
};

/* Does the plan say how long a test takes, and is that to count? */
static bool
has_history(const struct sched_plan *plan)
{
	uint32_t i;

	if (!plan->by_history || plan->shuffle)
		return false;
	for (i = 0; i < plan->ntests; i++)
		if (plan->tests[i].expected_us > 0)
			return true;
	return false;
}

static bool
make_lines(struct queue *q, const struct sched_plan *plan, struct heap_node *nodes)
{
	struct line *l = q->lines;
	uint32_t k;

	q->end = q->kinds.n;
	q->classes = calloc((size_t)q->end + 1, sizeof(*q->classes));
	if (q->classes == NULL)
		return false;
	q->nlines = has_history(plan) ? LINES : 1;
	l[BY_TURN].tests = nodes;
	if (q->nlines > BY_LENGTH) {
		l[BY_LENGTH].tests = calloc((size_t)plan->ntests, sizeof(*nodes));
		if (l[BY_LENGTH].tests == NULL)
			return false;
	}
	for (k = 0; k < q->nlines; k++) {
		l[k].classes = calloc(q->end, sizeof(*l[k].classes));
		if (l[k].classes == NULL)
			return false;
	}
	return true;
}

struct queue *
queue_new(const struct sched_plan *plan, struct heap_node *nodes)
{
	struct queue *q = calloc(1, sizeof(*q));

	if (q == NULL)
		return NULL;
	q->tests = plan->tests;
	q->jobs = plan->jobs > 0 ? plan->jobs : 1;
	q->nresources = plan->nresources;
	q->room.wide = plan->crowd > 1 ? plan->crowd : plan->wide;
	q->room.host = (struct sched_host){ .memory = UINT64_MAX, .share_milli = WIDTH_CPU };
	q->room.avail = calloc((size_t)plan->nresources + 1, sizeof(*q->room.avail));
	q->spare = calloc((size_t)plan->nresources + 1, sizeof(*q->spare));
	if (q->room.avail == NULL || q->spare == NULL || !kinds_make(&q->kinds, plan) ||
	    !make_lines(q, plan, nodes)) {
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
	free(q->lines[BY_LENGTH].tests);
	free(q->lines[BY_LENGTH].classes);
	free(q->lines[BY_TURN].classes);
	free(q->classes);
	kinds_free(&q->kinds);
	free(q->room.avail);
	free(q->spare);
	free(q);
}

bool
queue_possible(const struct queue *q, uint32_t test)
{
	return !q->kinds.v[q->kinds.of[test]].impossible;
}

/* ---- where tests and classes wait ---- */

/*
 * A place is a node's `due`, ties are broken by its rank.  A serial test never has to
 * go first: it takes as long at any time, since nothing runs beside it.
 */
static uint64_t
place_of(const struct queue *q, uint32_t line, uint32_t test)
{
	const struct sched_test *t = &q->tests[test];

	if (q->nlines == 1)
		return 0;
	if (line == BY_TURN)
		return order_by_rate(t->expected_us, t->fail_ppm);
	return order_by_length(t->serial ? 0 : t->expected_us);
}

/*
 * What a waiting test adds to the work that remains.  Not counted are serial tests,
 * which the slots do not share, and what runs: it is taken for done, so that long
 * tests go first a little earlier than they must.
 */
static uint64_t
work_of(const struct queue *q, uint32_t test)
{
	const struct kind *c = &q->kinds.v[q->kinds.of[test]];

	return c->serial ? 0 : c->weight * order_length(q->tests[test].expected_us);
}

static void
list_remove(struct queue *q, uint32_t c)
{
	struct class *v = q->classes;

	v[v[c].prev].next = v[c].next;
	v[v[c].next].prev = v[c].prev;
	v[c].prev = v[c].next = NO_CLASS;
}

/* In the order of the first line; most are behind all that are there. */
static void
list_insert(struct queue *q, uint32_t c)
{
	const struct heap_node *place = q->lines[BY_TURN].classes;
	struct class *v = q->classes;
	uint32_t at = q->end;

	while (v[at].prev != q->end && heap_before(&place[c], &place[v[at].prev]))
		at = v[at].prev;
	v[c].next = at;
	v[c].prev = v[at].prev;
	v[v[c].prev].next = c;
	v[at].prev = c;
}

/* The class `c`, which did not fit, goes from the heaps to the list. */
static void
set_aside(struct queue *q, uint32_t c)
{
	uint32_t k;

	for (k = 0; k < q->nlines; k++)
		q->lines[k].root = heap_remove(q->lines[k].classes, q->lines[k].root, c);
	list_insert(q, c);
}

/* The class is where its head in line `k` is. */
static void
place_class(struct queue *q, uint32_t c, uint32_t k)
{
	const struct heap_node *head = &q->lines[k].tests[q->classes[c].head[k]];

	q->lines[k].classes[c].due = head->due;
	q->lines[k].classes[c].rank = head->rank;
}

void
queue_push(struct queue *q, uint32_t test)
{
	uint32_t c = q->kinds.of[test], k;
	struct class *class = &q->classes[c];
	struct line *l;

	class->waiting++;
	q->work += q->nlines > 1 ? work_of(q, test) : 0;
	for (k = 0; k < q->nlines; k++) {
		l = &q->lines[k];
		l->tests[test].due = place_of(q, k, test);
		l->tests[test].rank = q->lines[BY_TURN].tests[test].rank;
		class->head[k] = heap_push(l->tests, class->head[k], test);
		if (class->head[k] != test)
			continue;
		place_class(q, c, k);
		if (class->waiting == 1)
			l->root = heap_push(l->classes, l->root, c);
		else if (class->next == NO_CLASS)
			l->root = heap_raise(l->classes, l->root, c);
		else if (k == BY_TURN) {
			list_remove(q, c);
			list_insert(q, c);
		}
	}
}

/* Its class is no longer set aside. */
void
queue_remove(struct queue *q, uint32_t test)
{
	uint32_t c = q->kinds.of[test], k, head;
	struct class *class = &q->classes[c];
	bool aside = class->next != NO_CLASS;
	struct line *l;

	if (aside)
		list_remove(q, c);
	class->waiting--;
	q->work -= q->nlines > 1 ? work_of(q, test) : 0;
	for (k = 0; k < q->nlines; k++) {
		l = &q->lines[k];
		head = class->head[k];
		class->head[k] = heap_remove(l->tests, head, test);
		if (!aside && class->head[k] == head)
			continue;
		if (!aside)
			l->root = heap_remove(l->classes, l->root, c);
		if (class->waiting > 0) {
			place_class(q, c, k);
			l->root = heap_push(l->classes, l->root, c);
		}
	}
}

void
queue_clear(struct queue *q)
{
	uint32_t i, k;

	for (i = 0; i < q->end; i++) {
		q->classes[i].prev = q->classes[i].next = NO_CLASS;
		q->classes[i].waiting = q->classes[i].passed = 0;
		for (k = 0; k < LINES; k++)
			q->classes[i].head[k] = HEAP_NONE;
	}
	q->classes[q->end].prev = q->classes[q->end].next = q->end;
	for (k = 0; k < LINES; k++)
		q->lines[k].root = HEAP_NONE;
	q->work = 0;
	q->reserver = NO_CLASS;
	q->nstarved = 0;
}

/* ---- what fits ---- */

/* Of the classes that were not started: the least that one lacked. */
static void
note_lack(struct queue *q, uint32_t c)
{
	const struct kind *v = &q->kinds.v[c];

	if (!room_has_memory(&q->room, v) && (q->lacks == 0 || v->memory < q->lacks))
		q->lacks = v->memory;
}

static bool
may_start(const struct queue *q, const struct room *room, uint32_t c,
    uint32_t reserver, uint32_t limit)
{
	const struct kind *v = q->kinds.v;

	return room_fits(room, &v[c], limit) && (reserver == NO_CLASS || reserver == c ||
	    room_leaves(room, &v[c], &v[reserver], limit));
}

void
queue_release(struct queue *q, uint32_t test)
{
	room_release(&q->room, &q->kinds.v[q->kinds.of[test]]);
}

/* ---- starts ---- */

/* Does the class go first, as long as its longest test is?  See order_slack(). */
static bool
is_due(const struct queue *q, uint32_t c, uint64_t slack)
{
	return q->nlines > 1 && q->lines[BY_LENGTH].classes[c].due < slack;
}

/*
 * By history serial tests follow each other: when one has ended nothing runs, and the
 * next costs nothing but its time, while later every slot would have to be idle for it
 * once more.
 */
static bool
serial_follows(const struct queue *q)
{
	return q->nlines > 1 && q->room.running == 0 && q->room.serial;
}

/* The order: is the turn of class `a` before that of `b`? */
static bool
before(const struct queue *q, uint32_t a, uint32_t b, uint64_t slack)
{
	bool due = is_due(q, a, slack);
	const struct heap_node *v = q->lines[due ? BY_LENGTH : BY_TURN].classes;

	if (serial_follows(q) && q->kinds.v[a].serial != q->kinds.v[b].serial)
		return q->kinds.v[a].serial;
	if (due != is_due(q, b, slack))
		return due;
	return heap_before(&v[a], &v[b]);
}

/* The first class of serial tests that wait. */
static uint32_t
pick_serial(const struct queue *q, uint64_t slack)
{
	uint32_t best = NO_CLASS, c;

	for (c = 0; c < q->end; c++)
		if (q->kinds.v[c].serial && q->classes[c].waiting > 0 &&
		    (best == NO_CLASS || before(q, c, best, slack)))
			best = c;
	return best;
}

/* Is no class in the list from `c` on before `b`?  By history any may be. */
static bool
none_before(const struct queue *q, uint32_t c, uint32_t b)
{
	const struct heap_node *v = q->lines[BY_TURN].classes;

	return q->nlines == 1 && b != NO_CLASS && !heap_before(&v[c], &v[b]);
}

/* The reserver: of the classes passed over too often the first in the order; it
 * stays so until it starts. */
static void
pick_reserver(struct queue *q, uint64_t slack)
{
	const struct class *v = q->classes;
	uint32_t c;

	if (q->reserver != NO_CLASS || q->nstarved == 0)
		return;
	for (c = v[q->end].next; c != q->end; c = v[c].next)
		if (v[c].passed >= SCHED_BYPASS_MAX &&
		    (q->reserver == NO_CLASS || before(q, c, q->reserver, slack)))
			q->reserver = c;
}

/* The first class that may start; on the way to it others are set aside. */
static uint32_t
pick(struct queue *q, uint32_t limit, uint64_t slack)
{
	const struct class *v = q->classes;
	uint32_t best, c;

	for (;;) {
		best = q->lines[BY_LENGTH].root;
		if (best == HEAP_NONE || !is_due(q, best, slack))
			best = q->lines[BY_TURN].root;
		if (best == HEAP_NONE || may_start(q, &q->room, best, q->reserver, limit))
			break;
		set_aside(q, best);
	}
	for (c = v[q->end].next; c != q->end && !none_before(q, c, best); c = v[c].next) {
		note_lack(q, c);
		if ((best == NO_CLASS || before(q, c, best, slack)) &&
		    may_start(q, &q->room, c, q->reserver, limit))
			best = c;
	}
	return best;
}

/* Counts the start of a test of `c` for those it goes past, all set aside. */
static void
pass_over(struct queue *q, uint32_t c, uint64_t slack)
{
	struct class *v = q->classes;
	uint32_t p;

	for (p = v[q->end].next; p != q->end && !none_before(q, p, c); p = v[p].next)
		if (p != c && before(q, p, c, slack) && ++v[p].passed == SCHED_BYPASS_MAX)
			q->nstarved++;
	if (v[c].passed >= SCHED_BYPASS_MAX)
		q->nstarved--;
	v[c].passed = 0;
	if (q->reserver == c)
		q->reserver = NO_CLASS;
}

/* So many tests may run at a time. */
static uint32_t
slots(const struct queue *q, uint32_t limit)
{
	return room_units(&q->room, limit) < q->jobs ? room_units(&q->room, limit) : q->jobs;
}

/* Nothing may start, whatever it needs. */
static bool
is_full(struct queue *q, uint32_t limit)
{
	const struct room *r = &q->room;

	if (r->host.closed && (r->running > 0 || r->host.beside)) {
		q->lacks = q->lines[BY_TURN].root != HEAP_NONE ||
		    q->classes[q->end].next != q->end ? MEMORY_LEAST : 0;
		return true;
	}
	return limit == 0 || r->used >= slots(q, limit);
}

bool
queue_first(const struct queue *q, uint32_t *ret_test)
{
	uint32_t c = q->lines[BY_TURN].root;

	if (c == HEAP_NONE)
		c = q->classes[q->end].next;
	if (c == q->end)
		return false;
	*ret_test = q->classes[c].head[BY_TURN];
	return true;
}

void
queue_crowd(struct queue *q, uint32_t crowd)
{
	q->room.host.share_milli = WIDTH_CPU / crowd;
}

bool
queue_start(struct queue *q, uint32_t limit, uint32_t *ret_test)
{
	uint64_t slack;
	uint32_t c;

	q->lacks = 0;
	if (limit > q->jobs)
		limit = q->jobs;
	if (is_full(q, limit))
		return false;
	slack = q->nlines > 1 ? order_slack(q->work, slots(q, limit)) : 0;
	pick_reserver(q, slack);
	c = serial_follows(q) ? pick_serial(q, slack) : NO_CLASS;
	if (c == NO_CLASS || !may_start(q, &q->room, c, q->reserver, limit))
		c = pick(q, limit, slack);
	if (c == NO_CLASS)
		return false;
	q->lacks = 0;
	*ret_test = q->classes[c].head[is_due(q, c, slack) ? BY_LENGTH : BY_TURN];
	pass_over(q, c, slack);
	room_take(&q->room, &q->kinds.v[c]);
	queue_remove(q, *ret_test);
	return true;
}

/* CPUs of a wide plan, begun ones as whole ones; else units. */
static uint32_t
units_of(const struct room *room)
{
	return room->wide == 0 ? room->used : (uint32_t)((room_cpu_milli(room) +
	    WIDTH_CPU - 1) / WIDTH_CPU);
}

uint32_t
queue_used(const struct queue *q)
{
	return units_of(&q->room);
}

void
queue_bound(struct queue *q, const struct sched_host *host)
{
	q->room.host = *host;
}

bool
queue_has_memory(const struct queue *q, uint64_t bytes)
{
	const struct kind kind = { .memory = memory_need(bytes) };

	return room_has_memory(&q->room, &kind) && (!q->room.host.closed ||
	    (q->room.running == 0 && !q->room.host.beside));
}

uint64_t
queue_cpu_milli(const struct queue *q, uint32_t *ret_unknown)
{
	*ret_unknown = q->room.unknown;
	return q->room.busy_milli + q->room.idle_milli;
}

uint64_t
queue_lacks(const struct queue *q)
{
	return q->lacks;
}

/* How much of `room` is left when all of class `c` that fits has started in it. */
static void
fill(const struct queue *q, struct room *room, uint32_t c, uint32_t *reserver)
{
	uint32_t left = q->classes[c].waiting;

	for (; left > 0 && may_start(q, room, c, *reserver, q->jobs); left--) {
		room_take(room, &q->kinds.v[c]);
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

	if (room.used >= q->jobs ||
	    (q->lines[BY_TURN].root == HEAP_NONE && v[q->end].next == q->end))
		return units_of(&room);
	room.host.memory = UINT64_MAX;	/* what is short now is not wanted less */
	room.avail = q->spare;
	if (q->nresources > 0)
		memcpy(room.avail, q->room.avail, q->nresources * sizeof(*room.avail));
	for (c = v[q->end].next; c != q->end; c = v[c].next)
		fill(q, &room, c, &reserver);
	for (c = 0; q->lines[BY_TURN].root != HEAP_NONE && c < q->end && room.used < q->jobs; c++)
		if (v[c].next == NO_CLASS && !q->kinds.v[c].serial)
			fill(q, &room, c, &reserver);
	for (c = 0; room.running == 0 && c < q->end; c++)
		fill(q, &room, c, &reserver);
	return units_of(&room);
}
