/* Unit tests of ctl/ddmin.c: what it finds is needed, all of it, and with how many tries. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "ctl/ddmin.h"

#define MOST	200

/* Fails when one of the groups is there whole. */
struct world {
	unsigned	groups, size[4];
	uint32_t	member[4][8];
};

static bool
has(const uint32_t *v, uint32_t n, uint32_t x)
{
	for (uint32_t i = 0; i < n; i++) {
		if (v[i] == x)
			return true;
	}
	return false;
}

static bool
fails(const struct world *w, const uint32_t *v, uint32_t n)
{
	for (unsigned g = 0; g < w->groups; g++) {
		unsigned	k = 0;

		while (k < w->size[g] && has(v, n, w->member[g][k]))
			k++;
		if (k == w->size[g])
			return true;
	}
	return false;
}

static void
search(struct ddmin *d, uint32_t n, const struct world *w)
{
	ddmin_init(d, n);
	while (ddmin_next(d)) {
		assert_in_range(d->ntrial, 1, n - 1);
		for (uint32_t i = 1; i < d->ntrial; i++)
			assert_true(d->trial[i - 1] < d->trial[i]);
		ddmin_answer(d, fails(w, d->trial, d->ntrial));
	}
	assert_false(ddmin_next(d));	/* and it stays over */
}

static unsigned
ceil_log2(uint32_t n)
{
	unsigned	l = 0;

	while ((UINT64_C(1) << l) < n)
		l++;
	return l;
}

static void
one_is_found_by_halves(void **state)
{
	(void)state;
	for (uint32_t n = 1; n <= MOST; n++) {
		for (uint32_t x = 0; x < n; x++) {
			struct world	w = { 1, { 1 }, { { x } } };
			struct ddmin	d;

			search(&d, n, &w);
			assert_int_equal(d.n, 1);
			assert_int_equal(d.set[0], x);
			assert_in_range(d.tries, 0, 2 * ceil_log2(n));
			ddmin_free(&d);
		}
	}
}

static void
two_that_are_needed_both(void **state)
{
	uint64_t	most = 0;

	(void)state;
	for (uint32_t n = 2; n <= 40; n++) {
		for (uint32_t x = 0; x < n; x++) {
			for (uint32_t y = x + 1; y < n; y++) {
				struct world	w = { 1, { 2 }, { { x, y } } };
				struct ddmin	d;

				search(&d, n, &w);
				assert_int_equal(d.n, 2);
				assert_int_equal(d.set[0], x);
				assert_int_equal(d.set[1], y);
				if (d.tries > most)
					most = d.tries;
				ddmin_free(&d);
			}
		}
	}
	assert_in_range(most, 2, 60);	/* of 40 elements, and not 1600 */
}

/* The example of the paper's figure: 1, 7 and 8 of 8. */
static void
as_in_the_paper(void **state)
{
	struct world	w = { 1, { 3 }, { { 0, 6, 7 } } };
	struct ddmin	d;

	(void)state;
	search(&d, 8, &w);
	assert_int_equal(d.n, 3);
	assert_int_equal(d.set[0], 0);
	assert_int_equal(d.set[1], 6);
	assert_int_equal(d.set[2], 7);
	ddmin_free(&d);
}

static uint64_t
next(uint64_t *s)
{
	uint64_t	z = (*s += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static void
draw(struct world *w, uint32_t n, uint64_t *s)
{
	w->groups = 1 + (unsigned)(next(s) % 4);
	for (unsigned g = 0; g < w->groups; g++) {
		w->size[g] = 0;
		for (unsigned k = 1 + (unsigned)(next(s) % 8); k > 0; k--) {
			uint32_t	x = (uint32_t)(next(s) % n);

			if (!has(w->member[g], w->size[g], x))
				w->member[g][w->size[g]++] = x;
		}
	}
}

/* Whatever fails: the result does, and without any one element it does not; the bound of
 * the paper holds. */
static void
what_is_found_is_minimal(void **state)
{
	uint64_t	s = 4711;
	uint32_t	less[MOST];

	(void)state;
	for (int round = 0; round < 3000; round++) {
		uint32_t	n = 1 + (uint32_t)(next(&s) % MOST);
		struct world	w;
		struct ddmin	d;

		draw(&w, n, &s);
		search(&d, n, &w);
		assert_true(fails(&w, d.set, d.n));
		for (uint32_t skip = 0; skip < d.n; skip++) {
			memcpy(less, d.set, skip * sizeof *less);
			memcpy(less + skip, d.set + skip + 1, (d.n - skip - 1) * sizeof *less);
			assert_false(fails(&w, less, d.n - 1));
		}
		assert_in_range(d.tries, 0, (uint64_t)n * n + 3 * (uint64_t)n);
		ddmin_free(&d);
	}
}

struct seen {
	uint32_t	v[MOST];
	uint32_t	n;
};

/* Answers that follow no rule: it ends, and asks for nothing twice. */
static void
it_ends_whatever_it_is_told(void **state)
{
	uint64_t	s = 815;

	(void)state;
	for (int round = 0; round < 300; round++) {
		uint32_t	n = 1 + (uint32_t)(next(&s) % 24), rate = (uint32_t)(next(&s) % 5);
		struct seen	*seen = calloc(n * n + 3 * n + 1, sizeof *seen);
		struct ddmin	d;

		assert_non_null(seen);
		ddmin_init(&d, n);
		for (uint64_t tries = 0; ddmin_next(&d); tries++) {
			assert_in_range(tries, 0, (uint64_t)n * n + 3 * (uint64_t)n);
			for (uint64_t k = 0; k < tries; k++)
				assert_false(seen[k].n == d.ntrial && memcmp(seen[k].v, d.trial,
				    d.ntrial * sizeof *d.trial) == 0);
			memcpy(seen[tries].v, d.trial, d.ntrial * sizeof *d.trial);
			seen[tries].n = d.ntrial;
			ddmin_answer(&d, next(&s) % 10 < rate);
		}
		assert_in_range(d.n, 1, n);
		ddmin_free(&d);
		free(seen);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_is_found_by_halves),
		cmocka_unit_test(two_that_are_needed_both),
		cmocka_unit_test(as_in_the_paper),
		cmocka_unit_test(what_is_found_is_minimal),
		cmocka_unit_test(it_ends_whatever_it_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
