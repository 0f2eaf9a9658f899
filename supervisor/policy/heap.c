/* Pairing heaps: see heap.h.  Pure. */
#include "supervisor/policy/heap.h"

/* Of two roots one becomes the first child of the other. */
static uint32_t
meld(struct heap_node *v, uint32_t a, uint32_t b)
{
	uint32_t t;

	if (a == HEAP_NONE)
		return b;
	if (b == HEAP_NONE)
		return a;
	if (heap_before(&v[b], &v[a])) {
		t = a;
		a = b;
		b = t;
	}
	v[b].prev = a;
	v[b].next = v[a].child;
	if (v[b].next != HEAP_NONE)
		v[v[b].next].prev = b;
	v[a].child = b;
	return a;
}

uint32_t
heap_push(struct heap_node *v, uint32_t root, uint32_t i)
{
	v[i].child = v[i].next = v[i].prev = HEAP_NONE;
	return meld(v, root, i);
}

/* `i`, which is not the root, leaves with those below it. */
static void
cut(struct heap_node *v, uint32_t i)
{
	uint32_t prev = v[i].prev, next = v[i].next;

	if (v[prev].child == i)		/* prev of a first child: its parent */
		v[prev].child = next;
	else
		v[prev].next = next;
	if (next != HEAP_NONE)
		v[next].prev = prev;
	v[i].next = v[i].prev = HEAP_NONE;
}

uint32_t
heap_raise(struct heap_node *v, uint32_t root, uint32_t i)
{
	if (i == root)
		return root;
	cut(v, i);
	return meld(v, root, i);
}

/* The children are melded in pairs, then the pairs from the last to the first;
 * `next` links both lists. */
uint32_t
heap_pop(struct heap_node *v, uint32_t root)
{
	uint32_t list = v[root].child, pairs = HEAP_NONE, a, b;

	while (list != HEAP_NONE) {
		a = list;
		b = v[a].next;
		list = b == HEAP_NONE ? HEAP_NONE : v[b].next;
		a = meld(v, a, b);
		v[a].next = pairs;
		pairs = a;
	}
	root = HEAP_NONE;
	while (pairs != HEAP_NONE) {
		a = pairs;
		pairs = v[a].next;
		v[a].next = v[a].prev = HEAP_NONE;
		root = meld(v, root, a);
	}
	return root;
}

uint32_t
heap_remove(struct heap_node *v, uint32_t root, uint32_t i)
{
	if (i == root)
		return heap_pop(v, root);
	cut(v, i);
	return meld(v, root, heap_pop(v, i));
}
