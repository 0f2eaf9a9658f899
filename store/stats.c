/* Statistics of the newest attempts of a test; see stats.h. */
#include <string.h>

#include "common/outcome.h"
#include "store/stats.h"

#define SIGMAS		3
#define SIGMA_OF_MAD	1.4826
#define FEW		3	/* with n base values the margin is 1 + FEW / n as wide */
#define HIGH_PERCENT	90

/* Less than this is no regression, whatever it was before. */
static const uint64_t floors[METRIC_KIND_COUNT] = {
	[METRIC_DURATION] = 10000,		/* us */
	[METRIC_CPU] = 10000,
	[METRIC_MEMORY] = 1 << 20,		/* bytes */
	[METRIC_OUTPUT] = 4096,
};

/* Values of measured attempts, newest first. */
struct values {
	uint64_t	v[METRIC_RECENT];
	size_t		n;
};

/* By insertion: there are at most METRIC_RECENT of them. */
void
stats_sort(uint64_t *v, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		uint64_t	x = v[i];
		size_t		j = i;

		for (; j > 0 && v[j - 1] > x; j--)
			v[j] = v[j - 1];
		v[j] = x;
	}
}

uint64_t
stats_quantile(const uint64_t *sorted, size_t n, unsigned percent)
{
	size_t		at;
	uint64_t	part, step;

	if (n == 0)
		return 0;
	at = (n - 1) * percent / 100;
	part = (n - 1) * percent % 100;
	if (part == 0)
		return sorted[at];
	step = sorted[at + 1] - sorted[at];
	return sorted[at] + step / 100 * part + (step % 100 * part + 50) / 100;
}

/* Distances grow from the middle to both ends: they are taken in order, from either
 * side, without another sort. */
uint64_t
stats_mad(const uint64_t *sorted, size_t n, uint64_t median)
{
	uint64_t	mid[2] = { 0, 0 };
	size_t		right = 0, left;

	while (right < n && sorted[right] < median)
		right++;
	left = right;		/* values below the median: sorted[0] to sorted[left - 1] */
	for (size_t i = 0; i <= n / 2 && n > 0; i++) {
		mid[0] = mid[1];
		if (left == 0 || (right < n && sorted[right] - median < median - sorted[left - 1]))
			mid[1] = sorted[right++] - median;
		else
			mid[1] = median - sorted[--left];
	}
	return n % 2 ? mid[1] : mid[0] + (mid[1] - mid[0] + 1) / 2;
}

static bool
is_measured(uint32_t outcome)
{
	return outcome == OUTCOME_PASS || outcome == OUTCOME_FAIL || outcome == OUTCOME_TIMEOUT ||
	    outcome == OUTCOME_CRASH || outcome == OUTCOME_OOM;
}

uint64_t
stats_value(const struct recent_row *row, enum metric_kind kind)
{
	switch (kind) {
	case METRIC_DURATION:
		return row->duration_us;
	case METRIC_CPU:
		return row->cpu_us;
	case METRIC_MEMORY:
		return row->memory_bytes;
	case METRIC_OUTPUT:
		return row->output_bytes;
	case METRIC_KIND_COUNT:
		break;
	}
	return 0;
}

static void
take_passes(const struct recent_row *rows, uint32_t n, enum metric_kind kind, struct values *ret)
{
	ret->n = 0;
	for (uint32_t i = 0; i < n; i++) {
		if (rows[i].outcome == OUTCOME_PASS)
			ret->v[ret->n++] = stats_value(&rows[i], kind);
	}
}

static uint64_t
least_new(const struct values *passes)
{
	uint64_t	least = passes->v[0];

	for (size_t i = 1; i < METRIC_NEW; i++)
		least = passes->v[i] < least ? passes->v[i] : least;
	return least;
}

/* A margin of a quarter and the floor is passed by less than half of the base: so
 * also by its median, and nothing needs to be sorted. */
static bool
may_be_worse(const struct values *passes, uint64_t floor)
{
	uint64_t	least = least_new(passes);
	size_t		below = 0;

	for (size_t i = METRIC_NEW; i < passes->n; i++) {
		uint64_t	v = passes->v[i], margin = v / 4 > floor ? v / 4 : floor;

		below += v < least && least - v > margin;
	}
	return 2 * below >= passes->n - METRIC_NEW;
}

static bool
is_worse(const struct values *passes, enum metric_kind kind)
{
	uint64_t	base[METRIC_RECENT], least, median, margin, wide;
	size_t		n;

	if (passes->n < METRIC_NEW + STATS_BASE_MIN || !may_be_worse(passes, floors[kind]))
		return false;
	n = passes->n - METRIC_NEW;
	memcpy(base, passes->v + METRIC_NEW, n * sizeof base[0]);
	stats_sort(base, n);
	least = least_new(passes);
	median = stats_quantile(base, n, 50);
	margin = median / 4 > floors[kind] ? median / 4 : floors[kind];
	wide = least > median ? least - median : 0;
	return wide > margin && least > stats_quantile(base, n, HIGH_PERCENT) &&
	    (double)wide > SIGMAS * (1 + (double)FEW / (double)n) * SIGMA_OF_MAD *
	    (double)stats_mad(base, n, median);
}

uint32_t
stats_regressed(const struct recent_row *rows, uint32_t n)
{
	struct values	passes;
	uint32_t	bits = 0;

	for (enum metric_kind kind = 0; kind < METRIC_KIND_COUNT; kind++) {
		take_passes(rows, n, kind, &passes);
		if (is_worse(&passes, kind))
			bits |= UINT32_C(1) << kind;
	}
	return bits;
}

/* The sum of values of 64 bits may not fit into 64 bits. */
static uint64_t
mean_of(const uint64_t *v, size_t n)
{
	uint64_t	whole = 0, rest = 0;

	for (size_t i = 0; i < n; i++) {
		whole += v[i] / n;
		rest += v[i] % n;
	}
	return whole + (rest + n / 2) / n;
}

static void
base_of(struct values *passes, uint64_t ret[STAT_COUNT])
{
	uint64_t	*base = passes->v + METRIC_NEW;
	size_t		 n;

	if (passes->n < METRIC_NEW + STATS_BASE_MIN)
		return;
	n = passes->n - METRIC_NEW;
	stats_sort(passes->v, METRIC_NEW);
	stats_sort(base, n);
	ret[STAT_NEW] = stats_quantile(passes->v, METRIC_NEW, 50);
	ret[STAT_BASE] = stats_quantile(base, n, 50);
	ret[STAT_MAD] = stats_mad(base, n, ret[STAT_BASE]);
}

void
stats_of(const struct recent_row *rows, uint32_t n, enum metric_kind kind, uint64_t ret[STAT_COUNT])
{
	struct values	all = { .n = 0 }, passes;

	memset(ret, 0, STAT_COUNT * sizeof ret[0]);
	if (n == 0)
		return;
	ret[STAT_LAST] = stats_value(&rows[0], kind);
	for (uint32_t i = 0; i < n; i++) {
		if (is_measured(rows[i].outcome))
			all.v[all.n++] = stats_value(&rows[i], kind);
	}
	if (all.n == 0)
		return;
	take_passes(rows, n, kind, &passes);
	base_of(&passes, ret);
	stats_sort(all.v, all.n);
	ret[STAT_MEAN] = mean_of(all.v, all.n);
	ret[STAT_MIN] = all.v[0];
	ret[STAT_P50] = stats_quantile(all.v, all.n, 50);
	ret[STAT_P90] = stats_quantile(all.v, all.n, 90);
	ret[STAT_P95] = stats_quantile(all.v, all.n, 95);
	ret[STAT_P99] = stats_quantile(all.v, all.n, 99);
	ret[STAT_MAX] = all.v[all.n - 1];
}
