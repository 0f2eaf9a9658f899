/* Expectations of unknown tests: see expect.h.  Pure. */
#include <stdlib.h>

#include "supervisor/policy/expect.h"

struct known {
	uint64_t	us;
	uint32_t	suite;
};

static int
compare_us(const void *a, const void *b)
{
	const struct known *x = a, *y = b;

	return x->us != y->us ? (x->us < y->us ? -1 : 1) : 0;
}

static int
compare_suites(const void *a, const void *b)
{
	const struct known *x = a, *y = b;

	if (x->suite != y->suite)
		return x->suite < y->suite ? -1 : 1;
	return compare_us(a, b);
}

/* The upper quartile of n sorted ones; n is at least 1. */
static uint64_t
upper_quartile(const struct known *v, uint32_t n)
{
	uint64_t at = UINT64_C(3) * (n - 1), low = v[at / 4].us, step;

	if (at % 4 == 0)
		return low;
	step = v[at / 4 + 1].us - low;
	return low + step / 4 * (at % 4) + step % 4 * (at % 4) / 4;
}

/* The first of n sorted ones that is of suite `suite` or of a later one. */
static uint32_t
find_suite(const struct known *v, uint32_t n, uint64_t suite)
{
	uint32_t low = 0, mid;

	while (low < n) {
		mid = low + (n - low) / 2;
		if (v[mid].suite < suite)
			low = mid + 1;
		else
			n = mid;
	}
	return low;
}

/* Fills in durations by suite; returns how many have to do with those of all. */
static uint32_t
fill_by_suite(struct known *v, uint32_t nknown, const uint32_t *suite,
    uint64_t *expected_us, uint32_t n)
{
	uint32_t i, from, to, nleft = 0;

	qsort(v, nknown, sizeof(*v), compare_suites);
	for (i = 0; i < n; i++) {
		if (expected_us[i] > 0)
			continue;
		from = find_suite(v, nknown, suite[i]);
		to = find_suite(v, nknown, (uint64_t)suite[i] + 1);
		if (from < to)
			expected_us[i] = upper_quartile(v + from, to - from);
		else
			nleft++;
	}
	return nleft;
}

static void
fill_by_all(struct known *v, uint32_t nknown, uint64_t *expected_us, uint32_t n)
{
	uint64_t us;
	uint32_t i;

	qsort(v, nknown, sizeof(*v), compare_us);
	us = upper_quartile(v, nknown);
	for (i = 0; i < n; i++)
		if (expected_us[i] == 0)
			expected_us[i] = us;
}

int64_t
expect_fill(const uint32_t *suite, uint64_t *expected_us, uint32_t *fail_ppm, uint32_t n)
{
	struct known *v = calloc((size_t)n + 1, sizeof(*v));
	uint32_t i, nknown = 0;

	if (v == NULL)
		return -1;
	for (i = 0; i < n; i++) {
		if (expected_us[i] == 0) {
			fail_ppm[i] = EXPECT_FAIL_NEW_PPM;
			continue;
		}
		v[nknown++] = (struct known){ expected_us[i], suite[i] };
		if (fail_ppm[i] < EXPECT_FAIL_LEAST_PPM)
			fail_ppm[i] = EXPECT_FAIL_LEAST_PPM;
		else if (fail_ppm[i] > 1000000)
			fail_ppm[i] = 1000000;
	}
	if (nknown > 0 && nknown < n &&
	    fill_by_suite(v, nknown, suite, expected_us, n) > 0)
		fill_by_all(v, nknown, expected_us, n);
	free(v);
	return nknown;
}
