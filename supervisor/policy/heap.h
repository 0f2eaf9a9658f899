/*
 * Pairing heaps threaded through one array of nodes: a heap is the index of its
 * root, a node is in one heap at most.  Order: due, then rank.  Pure.
 *
 * Fredman, Sedgewick, Sleator, Tarjan, "The Pairing Heap", Algorithmica 1
 * (1986).  Pushing nodes in falling order makes a chain that pops in O(1), which
 * is how the tests of a plan wait for their first start.
 */
#ifndef POLICY_HEAP_H
#define POLICY_HEAP_H

#include <stdbool.h>
#include <stdint.h>

#define HEAP_NONE	UINT32_MAX	/* the empty heap; no node */

struct heap_node {
	uint64_t	due;
	uint32_t	rank;
	uint32_t	child, next, prev; /* the heap's own */
};

/*
 * All return the new root.  push: `i` is in no heap.  pop: takes out the root,
 * which is a node.  raise: `i`, of this heap, was given an earlier place.  remove:
 * takes out `i`, of this heap.
 */
uint32_t	heap_push(struct heap_node *, uint32_t root, uint32_t i);
uint32_t	heap_pop(struct heap_node *, uint32_t root);
uint32_t	heap_raise(struct heap_node *, uint32_t root, uint32_t i);
uint32_t	heap_remove(struct heap_node *, uint32_t root, uint32_t i);

/* The order: has `a` the earlier place? */
static inline bool
heap_before(const struct heap_node *a, const struct heap_node *b)
{
	return a->due != b->due ? a->due < b->due : a->rank < b->rank;
}

#endif
