/* Failures by the part of the clock; see flaky_clock.h. */
#include "ctl/flaky_clock.h"
#include "ctl/flaky_stats.h"

#define PARTS	20	/* of a span */
#define FEW	4	/* failures in a part, of which nothing is concluded */
#define SPANS	3	/* that failures are from, at the least */

/* What clocks are read and rounded to: the second, its half and quarter, the two seconds of
 * some file systems; ten seconds, the minute, the hour.  A day is longer than a run. */
static const uint64_t	periods[] = { 250, 500, 1000, 2000, 10000, 60000, 3600000 };
static const unsigned	lengths[] = { 1, 2, 3, 5 };	/* in parts */

#define PERIODS	(sizeof periods / sizeof periods[0])
#define LENGTHS	(sizeof lengths / sizeof lengths[0])
#define LOOKS	((double)(PERIODS * LENGTHS * PARTS))

struct attempts {
	const uint64_t	*ms;
	const bool	*failed;
	size_t		 n;
	struct flaky_condition all;
};

static unsigned
part_of(uint64_t ms, uint64_t period)
{
	return (unsigned)(ms % period * PARTS / period);
}

/* Do the failures of these parts come from enough spans? */
static bool
comes_again(const struct attempts *a, uint64_t period, unsigned from, unsigned length)
{
	uint64_t	span, last = 0;
	unsigned	spans = 0;

	for (size_t i = 0; i < a->n; i++) {
		if (!a->failed[i] || (part_of(a->ms[i], period) + PARTS - from) % PARTS >= length)
			continue;
		/* From the first part on, so that none is cut in two. */
		span = (a->ms[i] + period - from * period / PARTS) / period;
		spans += spans == 0 || span != last;
		last = span;
	}
	return spans >= SPANS;
}

static void
look_at_period(const struct attempts *a, uint64_t period, struct flaky_arc *best)
{
	struct flaky_condition	part[PARTS] = { { 0, 0 } };

	for (size_t i = 0; i < a->n; i++) {
		part[part_of(a->ms[i], period)].runs++;
		part[part_of(a->ms[i], period)].fails += a->failed[i];
	}
	for (unsigned k = 0; k < LENGTHS * PARTS; k++) {
		unsigned		from = k % PARTS, length = lengths[k / PARTS];
		struct flaky_condition	in = { 0, 0 }, out;
		double			p;

		for (unsigned i = 0; i < length; i++) {
			in.runs += part[(from + i) % PARTS].runs;
			in.fails += part[(from + i) % PARTS].fails;
		}
		out = (struct flaky_condition){ a->all.runs - in.runs, a->all.fails - in.fails };
		if (in.fails < FEW || in.fails * a->all.runs <= a->all.fails * in.runs)
			continue;
		p = LOOKS * stats_fisher(STATS_MORE, in.fails, in.runs - in.fails, out.fails,
		    out.runs - out.fails);
		if (p >= (best->v.seen.runs > 0 ? best->v.p : 1) ||
		    !comes_again(a, period, from, length))
			continue;
		*best = (struct flaky_arc){ .period_ms = period, .from = (double)from / PARTS,
		    .to = (double)(from + length) / PARTS, .v = { in, out, p } };
	}
}

void
flaky_clock(const uint64_t *start_ms, const bool *failed, size_t n, struct flaky_arc *ret)
{
	struct attempts	a = { .ms = start_ms, .failed = failed, .n = n, .all = { .runs = n } };

	*ret = (struct flaky_arc){ .period_ms = 0 };
	for (size_t i = 0; i < n; i++)
		a.all.fails += failed[i];
	for (size_t i = 0; i < PERIODS; i++)
		look_at_period(&a, periods[i], ret);
}
