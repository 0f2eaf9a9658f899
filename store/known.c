/* What results say of flakiness; see known.h. */
#include <math.h>
#include <string.h>

#include "store/known.h"

#define Z	1.959963984540054	/* of 95 %, two-sided */

size_t
known_merge(struct known_result *v, size_t n)
{
	size_t	kept = 0;

	for (size_t i = 0; i < n; i++) {
		struct known_result	*last = kept > 0 ? &v[kept - 1] : NULL;

		if (last != NULL && last->failures > 0 && v[i].failures > 0 &&
		    last->print == v[i].print && v[i].start_ms < last->end_ms + KNOWN_STREAK_MS) {
			last->failures += v[i].failures;
			last->end_ms = v[i].end_ms;
			last->attempt = v[i].attempt;
		} else {
			v[kept++] = v[i];
		}
	}
	return kept;
}

void
known_interval(size_t k, size_t n, double *ret_low, double *ret_high)
{
	double	m = (double)n, p, middle, half;

	*ret_low = 0;
	*ret_high = 1;
	if (n == 0)
		return;
	p = (double)k / m;
	middle = (p + Z * Z / (2 * m)) / (1 + Z * Z / m);
	half = Z / (1 + Z * Z / m) * sqrt(p * (1 - p) / m + Z * Z / (4 * m * m));
	/* At the ends the roundings of the two must not show. */
	*ret_low = k == 0 || middle < half ? 0 : middle - half;
	*ret_high = k == n || middle + half > 1 ? 1 : middle + half;
}

static bool
same_test_of_run(const struct known_result *a, const struct known_result *b)
{
	return a->run == b->run && a->index == b->index;
}

/* The evidence that failures in a row make, the last of them at `to` - 1: beside the pass
 * before them, or the one behind them, whichever says more. */
static double
weigh(const struct known_result *v, size_t from, size_t to, size_t n, known_weight_fn *weight,
    void *arg)
{
	double	before = 0, behind = 0;

	if ((to < n && same_test_of_run(&v[to - 1], &v[to])) ||
	    (from > 0 && same_test_of_run(&v[from - 1], &v[from])))
		return FLAKINESS_SURE;
	if (to < n)
		behind = weight(arg, &v[to - 1], &v[to]);
	if (from > 0 && behind < FLAKINESS_SURE)
		before = weight(arg, &v[from - 1], &v[from]);
	return before > behind ? before : behind;
}

static void
see(struct known *k, const struct known_result *v, size_t at)
{
	if (k->seen == 0)
		k->first = at;
	if (k->seen == 0 || v[k->last].run != v[at].run)
		k->seen++;
	k->last = at;
}

static void
score(const struct known_result *v, size_t n, known_weight_fn *weight, void *arg, struct known *k)
{
	size_t	from = 0;	/* of the failures in a row that end before i */
	double	w;

	for (size_t i = 0; i < n; i++) {
		bool	fails = v[i].failures > 0;

		if (fails && (i == 0 || v[i - 1].failures == 0))
			from = i;
		/* It is made when they end: with a pass, or with all that is known. */
		w = 0;
		if (i + 1 == n && fails)
			w = weigh(v, from, n, n, weight, arg);
		else if (i > 0 && !fails && v[i - 1].failures > 0)
			w = weigh(v, from, i, n, weight, arg);
		flakiness_add(&k->flakiness, w);
		if (w >= FLAKINESS_SURE)
			see(k, v, fails ? i : i - 1);
		k->healed += i > 0 && !fails && v[i - 1].failures > 0 &&
		    same_test_of_run(&v[i - 1], &v[i]);
		k->clean = fails ? 0 : k->clean + 1;
		k->failures += v[i].failures;
		k->results += fails ? v[i].failures : 1;
		k->runs += i == 0 || v[i].run != v[i - 1].run;
	}
}

static double
share(const uint8_t *failed, size_t from, size_t to)
{
	size_t	k = 0;

	for (size_t i = from; i < to; i++)
		k += failed[i];
	return to > from ? (double)k / (double)(to - from) : 0;
}

/* The last change for the worse, and how long that rate lasted. */
static void
place(struct known_work *work, size_t n, struct known *k)
{
	struct change	c[CHANGE_MAX];
	size_t		m = change_find(work->failed, n, work->factors, c);

	for (size_t i = m; i-- > 0; ) {
		size_t	before = i > 0 ? c[i - 1].at : 0, to = i + 1 < m ? c[i + 1].at : n;

		if (share(work->failed, before, c[i].at) >= share(work->failed, c[i].at, to))
			continue;
		k->began_known = true;
		k->began = c[i];
		k->from = c[i].at;
		k->to = to;
		k->before = share(work->failed, before, c[i].at);
		return;
	}
	k->to = m > 0 ? c[0].at : n;	/* it began so, and was mended at the first change */
}

void
known_of(const struct known_result *v, size_t n, known_weight_fn *weight, void *arg,
    struct known_work *work, struct known *ret)
{
	struct change_alarm	alarm;

	memset(ret, 0, sizeof *ret);
	ret->alarm = SIZE_MAX;
	score(v, n, weight, arg, ret);
	change_alarm_init(&alarm, 0);
	for (size_t i = 0; i < n; i++) {
		work->failed[i] = v[i].failures > 0;
		if (change_alarm_add(&alarm, work->failed[i] != 0))
			ret->alarm = i;
	}
	ret->to = n;
	/* Without an alarm there is no rise to be looked for. */
	if (ret->alarm != SIZE_MAX)
		place(work, n, ret);
	for (size_t i = ret->from; i < ret->to; i++) {
		ret->rate_failures += v[i].failures;
		ret->rate_results += v[i].failures > 0 ? v[i].failures : 1;
	}
	known_interval(ret->rate_failures, ret->rate_results, &ret->rate_low, &ret->rate_high);
}
