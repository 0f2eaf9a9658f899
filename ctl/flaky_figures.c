/* Failing against passing attempts; see flaky_figures.h. */
#include <stdlib.h>

#include "common/xalloc.h"
#include "ctl/attempts.h"
#include "ctl/flaky_attempt.h"
#include "ctl/flaky_figures.h"
#include "ctl/flaky_stats.h"

#define ENOUGH	3	/* attempts of each */

static double
value(const struct attempt_result *a, enum flaky_figure f)
{
	switch (f) {
	case FLAKY_FIGURE_DURATION:
		return (double)a->duration_us / 1000;
	case FLAKY_FIGURE_CPU:
		return (double)a->cpu_us / 1000;
	case FLAKY_FIGURE_MEMORY:	/* of all processes together, when that was measured */
		return (double)(a->figures[FIGURE_TREE_PEAK] > 0 ? a->figures[FIGURE_TREE_PEAK] :
		    a->max_rss);
	case FLAKY_FIGURE_WAITS:
		return (double)a->figures[FIGURE_VOLUNTARY];
	case FLAKY_FIGURE_TAKEN:
		return (double)a->figures[FIGURE_INVOLUNTARY];
	case FLAKY_FIGURE_FAULTS:
		return (double)a->figures[FIGURE_MAJOR_FAULTS];
	case FLAKY_FIGURE_WRITTEN:
		return (double)a->figures[FIGURE_WRITE_BYTES];
	case FLAKY_FIGURE_PROCESSES:
		return (double)a->figures[FIGURE_PROCESSES];
	case FLAKY_FIGURE_COUNT:
		break;
	}
	return 0;
}

/* The condition with the most of what there is less of, failures or passes. */
static void
choose(const struct test_result *t, struct flaky_figures *ret)
{
	size_t	n[FLAKE_CONDITION_COUNT][2] = { { 0 } }, least, most = ENOUGH - 1;

	for (size_t i = 0; i < flaky_attempts(t); i++) {
		const struct attempt_result	*a = &attempts_of(t)[i];

		if (flaky_is_evidence(a))
			n[flaky_condition_of(a)][flaky_is_failure(a)]++;
	}
	for (unsigned c = 0; c < FLAKE_CONDITION_COUNT; c++) {
		least = n[c][0] < n[c][1] ? n[c][0] : n[c][1];
		if (least <= most)
			continue;
		most = least;
		ret->condition = (enum flake_condition)c;
		ret->passes = n[c][0];
		ret->fails = n[c][1];
	}
}

void
flaky_figures_of(const struct test_result *t, struct flaky_figures *ret)
{
	double	*v[2], p[FLAKY_FIGURE_COUNT];

	*ret = (struct flaky_figures){ .fails = 0 };
	choose(t, ret);
	if (ret->fails == 0)
		return;
	v[0] = xcalloc(ret->passes, sizeof *v[0]);
	v[1] = xcalloc(ret->fails, sizeof *v[1]);
	for (unsigned f = 0; f < FLAKY_FIGURE_COUNT; f++) {
		size_t	n[2] = { 0, 0 };

		for (size_t i = 0; i < flaky_attempts(t); i++) {
			const struct attempt_result	*a = &attempts_of(t)[i];
			bool				 failed = flaky_is_failure(a);

			if (flaky_is_evidence(a) && flaky_condition_of(a) == ret->condition)
				v[failed][n[failed]++] = value(a, (enum flaky_figure)f);
		}
		p[f] = stats_ranks(v[1], n[1], v[0], n[0]);
		ret->v[f].passing = stats_median(v[0], n[0]);
		ret->v[f].failing = stats_median(v[1], n[1]);
	}
	stats_holm(p, FLAKY_FIGURE_COUNT);
	for (unsigned f = 0; f < FLAKY_FIGURE_COUNT; f++)
		ret->v[f].p = p[f];
	free(v[0]);
	free(v[1]);
}

double
flaky_figure_ratio(const struct flaky_figures *f, enum flaky_figure which)
{
	return f->v[which].passing > 0 ? f->v[which].failing / f->v[which].passing : 0;
}

double
flaky_slower_p(const struct test_result *t)
{
	double		*v = xcalloc(t->nattempts + 1, sizeof *v), p;
	bool		*failed = xcalloc(t->nattempts + 1, sizeof *failed);
	unsigned	*under = xcalloc(t->nattempts + 1, sizeof *under);
	size_t		 n = 0;

	for (size_t i = 0; i < flaky_attempts(t); i++) {
		const struct attempt_result	*a = &attempts_of(t)[i];

		if (!flaky_is_evidence(a) || flaky_condition_of(a) == FLAKE_COPIES)
			continue;
		v[n] = value(a, FLAKY_FIGURE_DURATION);
		failed[n] = flaky_is_failure(a);
		under[n++] = flaky_condition_of(a);
	}
	p = stats_ranks_within(v, failed, under, n, FLAKE_CONDITION_COUNT);
	free(v);
	free(failed);
	free(under);
	return p;
}

const char *
flaky_figure_member(enum flaky_figure f)
{
	static const char *const	members[FLAKY_FIGURE_COUNT] = {
#define X(NAME, member, text)	[FLAKY_FIGURE_##NAME] = member,
		FLAKY_FIGURE_LIST(X)
#undef X
	};

	return members[f];
}

const char *
flaky_figure_text(enum flaky_figure f)
{
	static const char *const	texts[FLAKY_FIGURE_COUNT] = {
#define X(NAME, member, text)	[FLAKY_FIGURE_##NAME] = text,
		FLAKY_FIGURE_LIST(X)
#undef X
	};

	return texts[f];
}
