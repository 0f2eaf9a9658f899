/* Expectations of unknown tests: see expect.h.  Pure. */
#include <stdlib.h>

#include "supervisor/policy/expect.h"

#define DURATION	75	/* percent that do not take longer */
#define PEAK		90

struct known {
	uint64_t	v;
	uint32_t	suite;
};

static int
compare_values(const void *a, const void *b)
{
	const struct known *x = a, *y = b;

	return x->v != y->v ? (x->v < y->v ? -1 : 1) : 0;
}

static int
compare_suites(const void *a, const void *b)
{
	const struct known *x = a, *y = b;

	if (x->suite != y->suite)
		return x->suite < y->suite ? -1 : 1;
	return compare_values(a, b);
}

/* The quantile of n sorted ones; n is at least 1. */
static uint64_t
quantile(const struct known *v, uint32_t n, uint32_t percent)
{
	uint64_t at = (uint64_t)percent * (n - 1), low = v[at / 100].v, step;

	if (at % 100 == 0)
		return low;
	step = v[at / 100 + 1].v - low;
	return low + step / 100 * (at % 100) + step % 100 * (at % 100) / 100;
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

/* Fills in values by suite; returns how many have to do with those of all. */
static uint32_t
fill_by_suite(struct known *v, uint32_t nknown, const uint32_t *suite, uint64_t *values,
    uint32_t n, uint32_t percent)
{
	uint32_t i, from, to, nleft = 0;

	qsort(v, nknown, sizeof(*v), compare_suites);
	for (i = 0; i < n; i++) {
		if (values[i] > 0)
			continue;
		from = find_suite(v, nknown, suite[i]);
		to = find_suite(v, nknown, (uint64_t)suite[i] + 1);
		if (from < to)
			values[i] = quantile(v + from, to - from, percent);
		else
			nleft++;
	}
	return nleft;
}

static void
fill_by_all(struct known *v, uint32_t nknown, uint64_t *values, uint32_t n, uint32_t percent)
{
	uint64_t all;
	uint32_t i;

	qsort(v, nknown, sizeof(*v), compare_values);
	all = quantile(v, nknown, percent);
	for (i = 0; i < n; i++)
		if (values[i] == 0)
			values[i] = all;
}

static void
fill(struct known *v, uint32_t nknown, const uint32_t *suite, uint64_t *values, uint32_t n,
    uint32_t percent)
{
	if (nknown > 0 && nknown < n && fill_by_suite(v, nknown, suite, values, n, percent) > 0)
		fill_by_all(v, nknown, values, n, percent);
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
	fill(v, nknown, suite, expected_us, n, DURATION);
	free(v);
	return nknown;
}

int64_t
expect_peaks(const uint32_t *suite, uint64_t *memory, uint32_t n)
{
	struct known *v = calloc((size_t)n + 1, sizeof(*v));
	uint32_t i, nknown = 0;

	if (v == NULL)
		return -1;
	for (i = 0; i < n; i++)
		if (memory[i] > 0)
			v[nknown++] = (struct known){ memory[i], suite[i] };
	fill(v, nknown, suite, memory, n, PEAK);
	free(v);
	return nknown;
}
