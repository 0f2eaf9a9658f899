/* Unit tests of supervisor/policy/heap.c. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "supervisor/policy/heap.h"
#include "supervisor/policy/order.h"

#define N	200

/* The node of those in the heap that must come first. */
static uint32_t
first_of(const struct heap_node *v, const int *in)
{
	uint32_t i, best = HEAP_NONE;

	for (i = 0; i < N; i++)
		if (in[i] && (best == HEAP_NONE || v[i].due < v[best].due ||
		    (v[i].due == v[best].due && v[i].rank < v[best].rank)))
			best = i;
	return best;
}

/* Random pushes, raises, removals and pops: the root is always the first. */
static void
the_root_is_the_first(void **state)
{
	static struct heap_node v[N];
	int in[N] = { 0 };
	uint64_t rng = 1;
	uint32_t root = HEAP_NONE, i, k, step;

	(void)state;
	for (i = 0; i < N; i++)
		v[i].rank = i * 1000;
	for (step = 0; step < 50000; step++) {
		i = order_below(&rng, N);
		k = order_below(&rng, 5);
		if (!in[i] && k < 2) {
			v[i].due = order_below(&rng, 10);
			in[i] = 1;
			root = heap_push(v, root, i);
		} else if (in[i] && k == 2 && v[i].due > 0) {
			v[i].due = order_below(&rng, (uint32_t)v[i].due);
			root = heap_raise(v, root, i);
		} else if (in[i] && k == 4) {
			in[i] = 0;
			root = heap_remove(v, root, i);
		} else if (root != HEAP_NONE && k == 3) {
			in[root] = 0;
			root = heap_pop(v, root);
		}
		assert_int_equal(root, first_of(v, in));
	}
}

static void
one_node(void **state)
{
	struct heap_node v[1] = { { .rank = 7 } };
	uint32_t root = heap_push(v, HEAP_NONE, 0);

	(void)state;
	assert_int_equal(root, 0);
	assert_int_equal(heap_raise(v, root, 0), 0);
	assert_int_equal(heap_pop(v, root), HEAP_NONE);
	root = heap_push(v, HEAP_NONE, 0);
	assert_int_equal(heap_remove(v, root, 0), HEAP_NONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_root_is_the_first),
		cmocka_unit_test(one_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
