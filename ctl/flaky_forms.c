/* Forms of causes, and their likelihoods; see flaky_forms.h. */
#include <math.h>

#include "ctl/flaky_forms.h"
#include "ctl/flaky_stats.h"

/* ---- what is known of causes ---- */

#define DULL_UP		0.005	/* a condition that a cause does not speak of */
#define DULL_DOWN	0.005
#define SUPPORT		4	/* times as likely, when most failures speak of it */
#define STRONG		30	/* of what hardly anything else says */
#define LACKING		16	/* times less likely, when they would have to and do not */
#define MISSED		4	/* when it may have been missed */
#define TRIES		6	/* attempts that would hardly have missed it */
#define SHOWN_AT_MOST	100	/* times as likely, by when it fails ... */
#define CHOSEN_AT_MOST	1000	/* ... and by what was the best of many to tell it */
#define SLOW_AT_MOST	8	/* times as likely, when failing attempts take longer ... */
#define SLOW_RATIO	1.1	/* ... than it takes to tell of a failure */

#define MARK(m)	(1u << FLAKY_MARK_##m)

/*
 * The values are from measurements of eight programs with known causes under each condition
 * (400 attempts each on two CPUs), rounded: what is paused fails for waits and time limits,
 * what gives way to a load for races of threads.
 */
static const struct flaky_form forms[] = {
	{ .category = FLAKY_TIMING, .weight = 0.30, .up = { [FLAKE_PAUSED] = 0.9,
	    [FLAKE_ONE_CPU] = 0.3, [FLAKE_LOW_PRIORITY] = 0.5, [FLAKE_LOADED] = 0.6,
	    [FLAKE_STRESSED] = 0.5, [FLAKE_COPIES] = 0.7, [FLAKE_CROWDED] = 0.7 },
	    .down = { [FLAKE_ONE_CPU] = 0.2 },
	    .paused_most = 0.8, .marks = MARK(LATE), .slow = true },
	{ .category = FLAKY_TIMING, .race = true, .weight = 0.15, .up = { [FLAKE_PAUSED] = 0.7,
	    [FLAKE_ONE_CPU] = 0.2, [FLAKE_LOW_PRIORITY] = 0.5, [FLAKE_LOADED] = 0.8,
	    [FLAKE_STRESSED] = 0.3, [FLAKE_COPIES] = 0.4, [FLAKE_CROWDED] = 0.4 },
	    .down = { [FLAKE_ONE_CPU] = 0.5 },
	    .paused_most = 0.3, .marks = MARK(RACE) | MARK(CRASH) | MARK(LATE), .slow = true },
	/* Where the margin is so small that the machine's own load is enough: no more comes of
	 * ours, but it shows by how long it takes. */
	{ .category = FLAKY_TIMING, .weight = 0.06, .up = { [FLAKE_PAUSED] = 0.2 },
	    .marks = MARK(LATE), .slow = true, .slow_only = true },
	{ .category = FLAKY_TIMING, .race = true, .weight = 0.06, .up = { [FLAKE_PAUSED] = 0.1,
	    [FLAKE_LOADED] = 0.2 }, .marks = MARK(RACE) | MARK(CRASH) | MARK(LATE), .slow = true,
	    .slow_only = true },
	/* It needs two CPUs at once, or one for itself. */
	{ .category = FLAKY_TIMING, .race = true, .weight = 0.03, .up = { [FLAKE_ONE_CPU] = 0.95 },
	    .marks = MARK(RACE) },
	/* What its own copies do to it nobody does to it when they are not there. */
	{ .category = FLAKY_CONCURRENCY, .weight = 0.08, .never = true,
	    .up = { [FLAKE_COPIES] = 0.97 } },
	{ .category = FLAKY_CLASH, .weight = 0.03, .never = true, .up = { [FLAKE_COPIES] = 0.97 },
	    .marks = MARK(IN_USE) | MARK(EXISTS), .marks_only = true },
	/* With others than itself, too; an address is given back by whoever ends, a file is not. */
	{ .category = FLAKY_CLASH, .weight = 0.03, .up = { [FLAKE_COPIES] = 0.97 } },
	{ .category = FLAKY_CLASH, .weight = 0.06, .up = { [FLAKE_COPIES] = 0.4 },
	    .marks = MARK(IN_USE), .marks_only = true },
	{ .category = FLAKY_CLASH, .weight = 0.04, .up = { [FLAKE_COPIES] = 0.3,
	    [FLAKE_CROWDED] = 0.4 }, .marks = MARK(IN_USE) | MARK(EXISTS), .along = true },
	{ .category = FLAKY_STARVATION, .weight = 0.04, .seldom = true,
	    .up = { [FLAKE_FEW_FILES] = 0.97 }, .marks = MARK(FILES) },
	{ .category = FLAKY_STARVATION, .weight = 0.04, .seldom = true,
	    .up = { [FLAKE_STRESSED] = 0.95, [FLAKE_LOADED] = 0.2, [FLAKE_PAUSED] = 0.1,
	    [FLAKE_COPIES] = 0.4, [FLAKE_CROWDED] = 0.2 },
	    .marks = MARK(MEMORY) | MARK(SPACE) },
	/* Of what no condition touches: a limit of its own, a quota. */
	{ .category = FLAKY_STARVATION, .weight = 0.04, .marks = MARK(FILES) | MARK(MEMORY) |
	    MARK(SPACE), .marks_only = true },
	{ .category = FLAKY_TIME, .weight = 0.03, .seldom = true, .up = { [FLAKE_ZONE] = 0.97,
	    [FLAKE_CLOCK] = 0.2 } },
	/* At another hour than now. */
	{ .category = FLAKY_TIME, .weight = 0.04, .never = true, .up = { [FLAKE_CLOCK] = 0.9,
	    [FLAKE_ZONE] = 0.3 } },
	/* By the time that it is, whatever the clock says. */
	{ .category = FLAKY_TIME, .weight = 0.04, .up = { [FLAKE_CLOCK] = 0.3 },
	    .down = { [FLAKE_CLOCK] = 0.3 }, .stretches = true },
	{ .category = FLAKY_TIME, .weight = 0.02, .up = { [FLAKE_CLOCK] = 0.3 },
	    .down = { [FLAKE_CLOCK] = 0.3 }, .again = true },
	{ .category = FLAKY_TIME, .weight = 0.05, .up = { [FLAKE_CLOCK] = 0.3,
	    [FLAKE_PAUSED] = 0.2 }, .down = { [FLAKE_CLOCK] = 0.3 }, .clock = true },
	{ .category = FLAKY_ENVIRONMENT, .weight = 0.03, .seldom = true,
	    .up = { [FLAKE_LOCALE] = 0.97 } },
	{ .category = FLAKY_ENVIRONMENT, .weight = 0.03, .seldom = true,
	    .up = { [FLAKE_TMPDIR] = 0.97 } },
	{ .category = FLAKY_RANDOMNESS, .weight = 0.20 },
	{ .category = FLAKY_RANDOMNESS, .weight = 0.04, .up = { [FLAKE_SEEDS] = 0.6,
	    [FLAKE_FIXED_LAYOUT] = 0.3 }, .down = { [FLAKE_SEEDS] = 0.1,
	    [FLAKE_FIXED_LAYOUT] = 0.6 } },
	{ .category = FLAKY_RANDOMNESS, .weight = 0.04, .down = { [FLAKE_FIXED_LAYOUT] = 0.97 } },
	/* Its own copies leave something behind, too. */
	{ .category = FLAKY_LEAK, .weight = 0.03, .up = { [FLAKE_COPIES] = 0.45 }, .rhythm = true },
	{ .category = FLAKY_LEAK, .weight = 0.04, .up = { [FLAKE_COPIES] = 0.45 },
	    .marks = MARK(EXISTS), .marks_only = true },
	/* In a row: so does what depends on the hour, and nothing else tells them apart. */
	{ .category = FLAKY_LEAK, .weight = 0.04, .stretches = true,
	    .marks = MARK(IN_USE) | MARK(EXISTS) | MARK(SPACE) },
	{ .category = FLAKY_ORDER, .weight = 0.06, .after = true, .may_be_again = true },
	{ .category = FLAKY_INFRASTRUCTURE, .weight = 0.05, .beside = true, .stretches = true,
	    .lost = true, .marks = MARK(NETWORK) | MARK(SPACE) },
	{ .category = FLAKY_INFRASTRUCTURE, .weight = 0.04, .again = true, .lost = true,
	    .marks = MARK(NETWORK) | MARK(SPACE) },
	/* What none of them explains. */
	{ .category = FLAKY_UNKNOWN, .weight = 0.02, .up = { [FLAKE_PAUSED] = 0.1,
	    [FLAKE_ONE_CPU] = 0.1, [FLAKE_LOW_PRIORITY] = 0.1, [FLAKE_LOADED] = 0.1,
	    [FLAKE_STRESSED] = 0.1, [FLAKE_FEW_FILES] = 0.1, [FLAKE_ZONE] = 0.1,
	    [FLAKE_LOCALE] = 0.1, [FLAKE_SEEDS] = 0.1, [FLAKE_CLOCK] = 0.1,
	    [FLAKE_TMPDIR] = 0.1, [FLAKE_COPIES] = 0.1, [FLAKE_FIXED_LAYOUT] = 0.1,
	    [FLAKE_CROWDED] = 0.1 },
	    .down = { [FLAKE_FIXED_LAYOUT] = 0.1 } },
};
#define FORMS	(sizeof forms / sizeof forms[0])

/* ---- likelihoods ---- */

#define POINTS	60	/* failure rates, evenly spread as Jeffreys' prior has them */
#define CLEARLY	6	/* points higher */
#define FAR	30	/* what is higher is half of the time no more so than that */

/* Before anything is counted plain failures are as rare as if it had passed so often. */
#define USUAL	8
#define SELDOM	20	/* when a condition brings it about */
#define NEVER	300	/* when nothing else does */

/* Of what was counted under one condition, for each rate of plain failures: when it fails
 * at the same rate, at any higher one, at one that is far lower. */
struct likelihood {
	double	same[POINTS], up[POINTS], down[POINTS];
};

static double
rate_at(int i)
{
	double	s = sin((i + 0.5) / POINTS * M_PI / 2);

	return s * s;
}

/* Of the points from `from` to below `to`, the last one if that is above them all. */
static double
mean_of(const double v[POINTS], int from, int to)
{
	double	sum = 0;

	from = from < POINTS ? from : POINTS - 1;
	to = to < POINTS ? to : POINTS;
	to = to > from ? to : from + 1;
	for (int i = from; i < to; i++)
		sum += v[i];
	return sum / (to - from);
}

/* What is hardly higher is no effect: from 1 % to 4 %, from 5 % to 14 % it is. */
static void
likelihood_of(const struct flaky_condition *c, struct likelihood *ret)
{
	double	most = -HUGE_VAL, sum;

	for (int i = 0; i < POINTS; i++) {
		ret->same[i] = (double)c->fails * log(rate_at(i)) +
		    (double)(c->runs - c->fails) * log1p(-rate_at(i));
		most = fmax(most, ret->same[i]);
	}
	for (int i = 0; i < POINTS; i++)
		ret->same[i] = exp(ret->same[i] - most);
	for (int i = 0; i < POINTS; i++)
		ret->up[i] = (mean_of(ret->same, i + CLEARLY, POINTS) +
		    mean_of(ret->same, i + CLEARLY, i + FAR)) / 2;
	/* A rate of a quarter is at half of the way. */
	sum = ret->same[0];
	for (int i = 0, n = 1; i < POINTS; i++) {
		for (; n <= i / 2; n++)
			sum += ret->same[n];
		ret->down[i] = sum / n;
	}
}

/* ln of the likelihood of all that was counted. */
static double
likelihood_of_form(const struct flaky_form *f, const struct likelihood *l)
{
	double	v[POINTS], most = -HUGE_VAL, sum = 0, prior = 0;
	double	passes = f->never ? NEVER : f->seldom ? SELDOM : USUAL;

	for (int i = 0; i < POINTS; i++)
		prior += exp(passes * log1p(-rate_at(i)));
	for (int i = 0; i < POINTS; i++) {
		v[i] = log(l[FLAKE_PLAIN].same[i]) - log(prior) +
		    passes * log1p(-rate_at(i));
		for (unsigned c = FLAKE_PLAIN + 1; c < FLAKE_CONDITION_COUNT; c++) {
			double	up = f->up[c] > 0 ? f->up[c] : DULL_UP;
			double	down = f->down[c] > 0 ? f->down[c] : DULL_DOWN;

			/* Both may be certain but for what is never certain. */
			if (up + down > 1 - DULL_DOWN)
				up = 1 - DULL_DOWN - down;
			v[i] += log((1 - up - down) * l[c].same[i] + up * l[c].up[i] +
			    down * l[c].down[i]);
		}
		most = fmax(most, v[i]);
	}
	for (int i = 0; i < POINTS; i++)
		sum += exp(v[i] - most);
	return most + log(sum);
}

/* The chance that the rate under the one is higher than under the other. */
static double
is_higher(const struct likelihood *a, const struct likelihood *b)
{
	double	higher = 0, all = 0;

	for (int i = 0; i < POINTS; i++) {
		for (int k = 0; k < POINTS; k++) {
			double	both = a->same[i] * b->same[k];

			all += both;
			higher += k < i ? both : k == i ? both / 2 : 0;
		}
	}
	return higher / all;
}

uint64_t
flaky_fails(const struct flaky_evidence *e)
{
	uint64_t	n = e->spent;

	for (unsigned c = 0; c < FLAKE_CONDITION_COUNT; c++)
		n += e->at[c].fails;
	return n;
}

/* How much more likely is it since most of the failures speak of one of these?  1: they do
 * not. */
static double
by_marks(const struct flaky_evidence *e, unsigned marks)
{
	static const unsigned	strong = MARK(IN_USE) | MARK(EXISTS) | MARK(FILES) | MARK(MEMORY) |
	    MARK(SPACE);
	double			most = 1;

	for (unsigned m = 0; m < FLAKY_MARK_COUNT; m++) {
		if ((marks >> m & 1) != 0 &&
		    (double)e->marks[m] > FORMS_HALF * (double)flaky_fails(e))
			most = fmax(most, (strong >> m & 1) != 0 ? STRONG : SUPPORT);
	}
	return most;
}

double
flaky_contrast_p(const struct flaky_contrast *c)
{
	return c->seen.runs > 0 ? c->p : 1;
}

double
flaky_beside_p(const struct flaky_evidence *e)
{
	return stats_fisher(STATS_MORE, e->beside.fails, e->beside.runs - e->beside.fails,
	    e->apart.fails, e->apart.runs - e->apart.fails);
}

/* What is expected to be seen makes a form more likely if it is seen, and less if not.
 * What was chosen out of many takes more. */
static double
shows(double p, double lacking)
{
	return p < FLAKY_BELIEF ? fmin(stats_factor(p), SHOWN_AT_MOST) : 1 / lacking;
}

static double
shows_chosen(const struct flaky_contrast *c)
{
	double	p = flaky_contrast_p(c);

	return p < FLAKY_CHOSEN ? fmin(stats_factor(p), CHOSEN_AT_MOST) : 1.0 / LACKING;
}

bool
flaky_is_slower(const struct flaky_evidence *e)
{
	return e->slower > SLOW_RATIO && e->slower_p < FLAKY_BELIEF;
}

/* ln of what makes the form more likely beside the conditions. */
static double
support(const struct flaky_form *f, const struct flaky_evidence *e, double paused_most)
{
	double	marks = by_marks(e, f->marks), v = log(f->weight) + log(marks);

	if (f->marks_only && !(marks > 1))
		v -= log(LACKING);
	if (f->stretches)
		v += log(shows(e->stretches, MISSED));
	if (f->rhythm)
		v += log(shows(e->rhythm, flaky_fails(e) < TRIES ? MISSED : LACKING));
	if (f->beside)
		v += log(shows(flaky_beside_p(e), LACKING));
	if (f->again)
		v += log(shows(flaky_contrast_p(&e->again),
		    e->again.seen.runs < TRIES ? MISSED : LACKING));
	if (f->may_be_again)
		v += log(shows(flaky_contrast_p(&e->again), 1));
	if (f->clock)
		v += log(shows_chosen(&e->clock.v));
	if (f->after)
		v += log(shows_chosen(&e->after.v));
	if (f->along)
		v += log(shows_chosen(&e->along.v));
	if (f->slow && flaky_is_slower(e))
		v += log(fmin(stats_factor(e->slower_p), SLOW_AT_MOST));
	if (f->slow_only && !flaky_is_slower(e))
		v -= log(flaky_fails(e) < TRIES ? MISSED : LACKING);
	if (f->lost && e->lost > 0)
		v += log(SUPPORT);
	if (f->paused_most > 0)
		v += log(2 * (f->paused_most * paused_most +
		    (1 - f->paused_most) * (1 - paused_most)));
	return v;
}

const struct flaky_form *
flaky_weigh(const struct flaky_evidence *e, struct flaky_cause *ret)
{
	const struct flaky_form	*best = NULL;
	struct likelihood	l[FLAKE_CONDITION_COUNT];
	double			v[FORMS], most = -HUGE_VAL, sum = 0, paused_most;

	for (unsigned c = 0; c < FLAKE_CONDITION_COUNT; c++)
		likelihood_of(&e->at[c], &l[c]);
	paused_most = is_higher(&l[FLAKE_PAUSED], &l[FLAKE_LOADED]);
	for (size_t i = 0; i < FORMS; i++) {
		v[i] = likelihood_of_form(&forms[i], l) + support(&forms[i], e, paused_most);
		most = fmax(most, v[i]);
	}
	for (size_t i = 0; i < FORMS; i++) {
		v[i] = exp(v[i] - most);
		sum += v[i];
	}
	for (size_t i = 0; i < FORMS; i++) {
		ret->share[forms[i].category] += v[i] / sum;
		ret->race += forms[i].race ? v[i] / sum : 0;
	}
	for (unsigned c = 0; c < FLAKY_CATEGORY_COUNT; c++) {
		if (ret->share[c] > ret->share[ret->likely])
			ret->likely = (enum flaky_category)c;
	}
	for (size_t i = 0; i < FORMS; i++) {
		if (forms[i].category == ret->likely &&
		    (best == NULL || v[i] > v[best - forms]))
			best = &forms[i];
	}
	ret->certainty = ret->share[ret->likely];
	return best;
}

bool
flaky_speaks_of_conditions(const struct flaky_form *f)
{
	for (unsigned c = 0; c < FLAKE_CONDITION_COUNT; c++) {
		if (f->up[c] >= FORMS_HALF || f->down[c] >= FORMS_HALF)
			return true;
	}
	return false;
}
