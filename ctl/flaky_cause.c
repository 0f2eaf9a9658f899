/* The likelihood of each cause, and what speaks for it; see flaky_cause.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/chance.h"
#include "ctl/flaky_cause.h"
#include "ctl/flaky_stats.h"

#define NAMED		0.67	/* of two that are as likely as each other none is named */
#define FEW		3	/* failures, of which nothing is concluded */
#define HALF		0.5
#define EDGE		0.025	/* on each side of an interval */

/* ---- what is known of causes ---- */

#define DULL_UP		0.005	/* a condition that a cause does not speak of */
#define DULL_DOWN	0.005
#define SUPPORT		4	/* times as likely, when most failures speak of it */
#define STRONG		20	/* of what hardly anything else says */
#define LACKING		16	/* times less likely, when they would have to and do not */
#define MISSED		4	/* when it may have been missed */
#define SHOWN_AT_MOST	100	/* times as likely, by when it fails */
#define SLOW_AT_MOST	5	/* times as likely, when failing attempts take longer */

/*
 * A cause in one of its forms.  `up`, `down`: how likely it is that it fails more often,
 * or less often, under a condition than plainly; 0: it does not speak of it.  The values are
 * from measurements of eight programs with known causes under each condition (400
 * attempts each on two CPUs), rounded: what is paused fails for waits and time limits,
 * what gives way to a load for races of threads.
 */
struct form {
	enum flaky_category category;
	double	weight;		/* how frequent it is, of all */
	double	up[FLAKE_CONDITION_COUNT], down[FLAKE_CONDITION_COUNT];
	double	paused_most;	/* pausing does more than a load; 0: either may */
	bool	seldom;		/* it is brought about by a condition: see SELDOM */
	unsigned marks;		/* that support it */
	bool	marks_only;	/* without one of them it is far less likely */
	bool	stretches, rhythm, beside, slow, lost;	/* it shows by that */
};

#define MARK(m)	(1u << FLAKY_MARK_##m)

static const struct form forms[] = {
	{ .category = FLAKY_TIMING, .weight = 0.30, .up = { [FLAKE_PAUSED] = 0.9,
	    [FLAKE_ONE_CPU] = 0.3, [FLAKE_LOW_PRIORITY] = 0.5, [FLAKE_LOADED] = 0.6,
	    [FLAKE_STRESSED] = 0.5, [FLAKE_COPIES] = 0.7 }, .down = { [FLAKE_ONE_CPU] = 0.2 },
	    .paused_most = 0.8, .marks = MARK(LATE), .slow = true },
	{ .category = FLAKY_RACE, .weight = 0.15, .up = { [FLAKE_PAUSED] = 0.7,
	    [FLAKE_ONE_CPU] = 0.2, [FLAKE_LOW_PRIORITY] = 0.5, [FLAKE_LOADED] = 0.8,
	    [FLAKE_STRESSED] = 0.3, [FLAKE_COPIES] = 0.4 }, .down = { [FLAKE_ONE_CPU] = 0.5 },
	    .paused_most = 0.3, .marks = MARK(RACE) | MARK(CRASH) },
	/* It needs two CPUs at once, or one for itself. */
	{ .category = FLAKY_RACE, .weight = 0.03, .up = { [FLAKE_ONE_CPU] = 0.95 },
	    .marks = MARK(RACE) },
	{ .category = FLAKY_CONCURRENCY, .weight = 0.08, .seldom = true,
	    .up = { [FLAKE_COPIES] = 0.97 } },
	{ .category = FLAKY_CLASH, .weight = 0.03, .seldom = true, .up = { [FLAKE_COPIES] = 0.97 },
	    .marks = MARK(IN_USE) | MARK(EXISTS), .marks_only = true },
	/* With others than itself. */
	{ .category = FLAKY_CLASH, .weight = 0.06, .up = { [FLAKE_COPIES] = 0.4 },
	    .marks = MARK(IN_USE) | MARK(EXISTS), .marks_only = true },
	{ .category = FLAKY_STARVATION, .weight = 0.04, .seldom = true,
	    .up = { [FLAKE_FEW_FILES] = 0.97 }, .marks = MARK(FILES) },
	{ .category = FLAKY_STARVATION, .weight = 0.04, .seldom = true,
	    .up = { [FLAKE_STRESSED] = 0.95, [FLAKE_LOADED] = 0.2, [FLAKE_PAUSED] = 0.1, [FLAKE_COPIES] = 0.4 },
	    .marks = MARK(MEMORY) | MARK(SPACE) },
	{ .category = FLAKY_TIME, .weight = 0.03, .seldom = true, .up = { [FLAKE_ZONE] = 0.97,
	    [FLAKE_CLOCK] = 0.2 } },
	{ .category = FLAKY_TIME, .weight = 0.04, .up = { [FLAKE_CLOCK] = 0.8, [FLAKE_ZONE] = 0.3 },
	    .down = { [FLAKE_CLOCK] = 0.15 } },
	/* By the time that it is, whatever the clock says. */
	{ .category = FLAKY_TIME, .weight = 0.04, .up = { [FLAKE_CLOCK] = 0.3 },
	    .down = { [FLAKE_CLOCK] = 0.3 }, .stretches = true },
	{ .category = FLAKY_ENVIRONMENT, .weight = 0.03, .seldom = true,
	    .up = { [FLAKE_LOCALE] = 0.97 } },
	{ .category = FLAKY_ENVIRONMENT, .weight = 0.03, .seldom = true,
	    .up = { [FLAKE_TMPDIR] = 0.97 } },
	{ .category = FLAKY_RANDOMNESS, .weight = 0.20 },
	{ .category = FLAKY_RANDOMNESS, .weight = 0.04, .up = { [FLAKE_SEEDS] = 0.6,
	    [FLAKE_FIXED_LAYOUT] = 0.3 }, .down = { [FLAKE_SEEDS] = 0.1,
	    [FLAKE_FIXED_LAYOUT] = 0.6 } },
	{ .category = FLAKY_RANDOMNESS, .weight = 0.04, .down = { [FLAKE_FIXED_LAYOUT] = 0.97 } },
	{ .category = FLAKY_LEAK, .weight = 0.03, .rhythm = true },
	{ .category = FLAKY_LEAK, .weight = 0.02, .stretches = true,
	    .marks = MARK(IN_USE) | MARK(EXISTS) | MARK(SPACE), .marks_only = true },
	{ .category = FLAKY_INFRASTRUCTURE, .weight = 0.05, .beside = true, .stretches = true, .lost = true,
	    .marks = MARK(NETWORK) | MARK(SPACE) },
	/* What none of them explains. */
	{ .category = FLAKY_UNKNOWN, .weight = 0.02, .up = { [FLAKE_PAUSED] = 0.1,
	    [FLAKE_ONE_CPU] = 0.1, [FLAKE_LOW_PRIORITY] = 0.1, [FLAKE_LOADED] = 0.1,
	    [FLAKE_STRESSED] = 0.1, [FLAKE_FEW_FILES] = 0.1, [FLAKE_ZONE] = 0.1,
	    [FLAKE_LOCALE] = 0.1, [FLAKE_SEEDS] = 0.1, [FLAKE_CLOCK] = 0.1,
	    [FLAKE_TMPDIR] = 0.1, [FLAKE_COPIES] = 0.1, [FLAKE_FIXED_LAYOUT] = 0.1 },
	    .down = { [FLAKE_FIXED_LAYOUT] = 0.1 } },
};
#define FORMS	(sizeof forms / sizeof forms[0])

/* ---- likelihoods ---- */

#define POINTS	60	/* failure rates, evenly spread as Jeffreys' prior has them */
#define CLEARLY	6	/* points higher */

/* Before anything is counted plain failures are as rare as if it had passed so often. */
#define USUAL	8
#define SELDOM	20	/* when a condition brings it about */

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
	/* What is hardly higher is no effect: from 1 % to 4 %, from 5 % to 14 % it is. */
	sum = 0;
	for (int i = POINTS - 1, n = 0; i >= 0; i--) {
		if (i + CLEARLY < POINTS) {
			sum += ret->same[i + CLEARLY];
			n++;
		}
		ret->up[i] = n > 0 ? sum / n : ret->same[POINTS - 1];
	}
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
likelihood_of_form(const struct form *f, const struct likelihood *l)
{
	double	v[POINTS], most = -HUGE_VAL, sum = 0, prior = 0;
	double	passes = f->seldom ? SELDOM : USUAL;

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

static uint64_t
fails_of(const struct flaky_evidence *e)
{
	uint64_t	n = 0;

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
		if ((marks >> m & 1) != 0 && (double)e->marks[m] > HALF * (double)fails_of(e))
			most = fmax(most, (strong >> m & 1) != 0 ? STRONG : SUPPORT);
	}
	return most;
}

static double
beside_p(const struct flaky_evidence *e)
{
	return stats_fisher(STATS_MORE, e->beside.fails, e->beside.runs - e->beside.fails,
	    e->apart.fails, e->apart.runs - e->apart.fails);
}

/* What is expected to be seen makes a form more likely if it is seen, and less if not. */
static double
shows(double p, double lacking)
{
	return p < FLAKY_BELIEF ? fmin(stats_factor(p), SHOWN_AT_MOST) : 1 / lacking;
}

/* ln of what makes the form more likely beside the conditions. */
static double
support(const struct form *f, const struct flaky_evidence *e, double paused_most)
{
	double	marks = by_marks(e, f->marks), v = log(f->weight) + log(marks);

	if (f->marks_only && !(marks > 1))
		v -= log(LACKING);
	if (f->stretches)
		v += log(shows(e->stretches, MISSED));
	if (f->rhythm)
		v += log(shows(e->rhythm, MISSED));
	if (f->beside)
		v += log(shows(beside_p(e), LACKING));
	if (f->slow && e->slower > 1)
		v += log(fmin(stats_factor(e->slower_p), SLOW_AT_MOST));
	if (f->lost && e->lost > 0)
		v += log(SUPPORT);
	if (f->paused_most > 0)
		v += log(2 * (f->paused_most * paused_most +
		    (1 - f->paused_most) * (1 - paused_most)));
	return v;
}

/* The share of each form; *ret_best is the likeliest of the likeliest category. */
static void
weigh(const struct flaky_evidence *e, struct flaky_cause *ret, const struct form **ret_best)
{
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
	for (size_t i = 0; i < FORMS; i++)
		ret->share[forms[i].category] += v[i] / sum;
	for (unsigned c = 0; c < FLAKY_CATEGORY_COUNT; c++) {
		if (ret->share[c] > ret->share[ret->likely])
			ret->likely = (enum flaky_category)c;
	}
	*ret_best = NULL;
	for (size_t i = 0; i < FORMS; i++) {
		if (forms[i].category == ret->likely &&
		    (*ret_best == NULL || v[i] > v[*ret_best - forms]))
			*ret_best = &forms[i];
	}
}

/* ---- what a person can check ---- */

double
flaky_low(const struct flaky_condition *c)
{
	return chance_low(c->fails, c->runs, EDGE);
}

double
flaky_high(const struct flaky_condition *c)
{
	return 1 - chance_low(c->runs - c->fails, c->runs, EDGE);
}

/* Each condition against plain, all of them together by Holm. */
static void
find_effects(const struct flaky_evidence *e, struct flaky_cause *ret)
{
	const struct flaky_condition	*plain = &e->at[FLAKE_PLAIN];
	double				 p[FLAKE_CONDITION_COUNT];
	unsigned			 tried[FLAKE_CONDITION_COUNT];
	size_t				 n = 0;

	for (unsigned c = 0; c < FLAKE_CONDITION_COUNT; c++)
		ret->effects[c].p = 1;
	for (unsigned c = FLAKE_PLAIN + 1; c < FLAKE_CONDITION_COUNT; c++) {
		const struct flaky_condition	*v = &e->at[c];

		if (v->runs == 0 || plain->runs == 0)
			continue;
		tried[n] = c;
		p[n++] = stats_fisher(STATS_BOTH, v->fails, v->runs - v->fails, plain->fails,
		    plain->runs - plain->fails);
	}
	stats_holm(p, n);
	for (size_t i = 0; i < n; i++) {
		const struct flaky_condition	*v = &e->at[tried[i]];
		struct flaky_effect		*f = &ret->effects[tried[i]];
		bool	higher = v->fails * plain->runs > plain->fails * v->runs;

		*f = (struct flaky_effect){ .p = p[i], .more = p[i] < FLAKY_BELIEF && higher,
		    .less = p[i] < FLAKY_BELIEF && !higher };
	}
}

static void
add_piece(struct flaky_cause *c, struct flaky_piece piece)
{
	if (c->npieces < FLAKY_PIECES)
		c->pieces[c->npieces++] = piece;
}

static void
pool(struct flaky_condition *sum, const struct flaky_condition *c)
{
	sum->runs += c->runs;
	sum->fails += c->fails;
}

/* The conditions under which the form fails more often as a rule, or less often (`rule`),
 * as far as they were tried: taken together, against plain and all that the form does not
 * speak of.  *ret_n of them. */
static struct flaky_piece
group_of(const struct form *f, const double *rule, enum stats_side side,
    const struct flaky_evidence *e, size_t *ret_n)
{
	struct flaky_piece	g = { .kind = FLAKY_GROUP, .p = 1 };

	*ret_n = 0;
	for (unsigned c = 0; c < FLAKE_CONDITION_COUNT; c++) {
		if (rule[c] < HALF && !(f->up[c] > 0) && !(f->down[c] > 0))
			pool(&g.against, &e->at[c]);
		if (rule[c] < HALF || e->at[c].runs == 0)
			continue;
		pool(&g.seen, &e->at[c]);
		g.conditions |= 1u << c;
		++*ret_n;
	}
	if (*ret_n > 0 && g.against.runs > 0)
		g.p = stats_fisher(side, g.seen.fails, g.seen.runs - g.seen.fails, g.against.fails,
		    g.against.runs - g.against.fails);
	return g;
}

/* Adds that group, unless it is one condition alone that is told of already.  Is it certain
 * that it differs? */
static bool
add_group(const struct form *f, const double *rule, enum stats_side side,
    const struct flaky_evidence *e, struct flaky_cause *ret)
{
	size_t			n;
	struct flaky_piece	g = group_of(f, rule, side, e, &n);

	for (size_t i = 0; n == 1 && i < ret->npieces; i++) {
		if (ret->pieces[i].conditions == g.conditions)
			return g.p < FLAKY_BELIEF;
	}
	if (g.p < FLAKY_BELIEF)
		add_piece(ret, g);
	return g.p < FLAKY_BELIEF;
}

static struct flaky_piece
alike(const struct flaky_evidence *e)
{
	const struct flaky_condition	*plain = &e->at[FLAKE_PLAIN];
	struct flaky_piece		 g = { .kind = FLAKY_ALIKE, .against = *plain };

	for (unsigned c = FLAKE_PLAIN + 1; c < FLAKE_CONDITION_COUNT; c++)
		pool(&g.seen, &e->at[c]);
	g.p = stats_fisher(STATS_BOTH, g.seen.fails, g.seen.runs - g.seen.fails, plain->fails,
	    plain->runs - plain->fails);
	return g;
}

/* Does each form of the category speak of a condition? */
static bool
speaks_of_conditions(enum flaky_category category)
{
	for (size_t i = 0; i < FORMS; i++) {
		bool	speaks = false;

		for (unsigned c = 0; c < FLAKE_CONDITION_COUNT; c++)
			speaks |= forms[i].up[c] >= HALF || forms[i].down[c] >= HALF;
		if (forms[i].category == category && !speaks)
			return false;
	}
	return true;
}

static int
by_certainty(const void *a, const void *b)
{
	const struct flaky_piece	*x = a, *y = b;

	return x->p < y->p ? -1 : x->p > y->p;
}

/* The conditions that differ from plain, and all of the form's together.  Is there one
 * that the form speaks of? */
static bool
add_conditions(const struct form *f, const struct flaky_evidence *e, struct flaky_cause *ret)
{
	bool	found = false;

	for (unsigned c = FLAKE_PLAIN + 1; c < FLAKE_CONDITION_COUNT; c++) {
		const struct flaky_effect	*v = &ret->effects[c];

		if (!v->more && !v->less)
			continue;
		add_piece(ret, (struct flaky_piece){ .kind = v->more ? FLAKY_MORE : FLAKY_LESS,
		    .conditions = 1u << c, .seen = e->at[c],
		    .against = e->at[FLAKE_PLAIN], .p = v->p });
		found |= v->more ? f->up[c] > 0 : f->down[c] > 0;
	}
	qsort(ret->pieces, ret->npieces, sizeof ret->pieces[0], by_certainty);
	found |= add_group(f, f->up, STATS_MORE, e, ret);
	found |= add_group(f, f->down, STATS_LESS, e, ret);
	return found;
}

/* What speaks for the form beside the conditions. */
static void
add_others(const struct form *f, const struct flaky_evidence *e, struct flaky_cause *ret)
{
	if (e->stretches < FLAKY_BELIEF)
		add_piece(ret, (struct flaky_piece){ .kind = FLAKY_STRETCHES, .p = e->stretches });
	/* What fails under one of two conditions in turn has a rhythm, too. */
	if (f->rhythm && e->rhythm < FLAKY_BELIEF)
		add_piece(ret, (struct flaky_piece){ .kind = FLAKY_RHYTHM, .p = e->rhythm });
	if (beside_p(e) < FLAKY_BELIEF)
		add_piece(ret, (struct flaky_piece){ .kind = FLAKY_BESIDE, .seen = e->beside,
		    .against = e->apart, .p = beside_p(e) });
	if (e->lost > 0)
		add_piece(ret, (struct flaky_piece){ .kind = FLAKY_LOST, .p = 1,
		    .seen = { .fails = e->lost, .runs = e->lost } });
	if (e->slower > 0 && e->slower_p < FLAKY_BELIEF)
		add_piece(ret, (struct flaky_piece){ .kind = FLAKY_SLOWER, .ratio = e->slower,
		    .p = e->slower_p });
	for (unsigned m = 0; m < FLAKY_MARK_COUNT; m++) {
		if ((f->marks >> m & 1) != 0 && e->marks[m] > 0)
			add_piece(ret, (struct flaky_piece){ .kind = FLAKY_SAYS,
			    .mark = (enum flaky_mark)m, .p = 1,
			    .seen = { .runs = fails_of(e), .fails = e->marks[m] } });
	}
}

/* The condition to look at it under: of those the form speaks of, by how much it does, the
 * one under which it surely fails often. */
static enum flake_condition
next_of(const struct form *f, const struct flaky_evidence *e)
{
	enum flake_condition	next = FLAKE_PLAIN;
	double			most = flaky_low(&e->at[FLAKE_PLAIN]);

	for (unsigned c = FLAKE_PLAIN + 1; c < FLAKE_CONDITION_COUNT; c++) {
		double	low = flaky_low(&e->at[c]) * f->up[c];

		if (low > most) {
			next = (enum flake_condition)c;
			most = low;
		}
	}
	return next;
}

/* The share of the category that is hard to tell from the likeliest one, and of which the
 * next steps are alike: enough may be certain of the two together to name the likelier. */
static double
kin_share(const struct flaky_cause *c)
{
	static const enum flaky_category	kin[FLAKY_CATEGORY_COUNT] = {
		[FLAKY_TIMING] = FLAKY_RACE, [FLAKY_RACE] = FLAKY_TIMING,
		[FLAKY_CONCURRENCY] = FLAKY_CLASH, [FLAKY_CLASH] = FLAKY_CONCURRENCY,
	};

	return kin[c->likely] != FLAKY_UNKNOWN ? c->share[kin[c->likely]] : 0;
}

void
flaky_cause_of(const struct flaky_evidence *e, struct flaky_cause *ret)
{
	const struct form	*f;
	bool			 found;

	*ret = (struct flaky_cause){ .category = FLAKY_UNKNOWN };
	find_effects(e, ret);
	if (fails_of(e) == 0) {
		ret->share[FLAKY_UNKNOWN] = 1;
		return;
	}
	weigh(e, ret, &f);
	ret->certainty = ret->share[ret->likely];
	ret->next = next_of(f, e);
	found = add_conditions(f, e, ret);
	if (!speaks_of_conditions(ret->likely)) {
		if (!found && ret->npieces == 0)
			add_piece(ret, alike(e));
		found = true;
	}
	add_others(f, e, ret);
	if (found && ret->certainty + kin_share(ret) >= NAMED && fails_of(e) >= FEW)
		ret->category = ret->likely;
}

const char *
flaky_category_name(enum flaky_category c)
{
	static const char *const	names[FLAKY_CATEGORY_COUNT] = {
#define X(N, word, text)	[FLAKY_##N] = word,
		FLAKY_CATEGORY_LIST(X)
#undef X
	};

	return names[c];
}

const char *
flaky_category_text(enum flaky_category c)
{
	static const char *const	texts[FLAKY_CATEGORY_COUNT] = {
#define X(N, word, text)	[FLAKY_##N] = text,
		FLAKY_CATEGORY_LIST(X)
#undef X
	};

	return texts[c];
}

const char *
flaky_mark_text(enum flaky_mark m)
{
	static const char *const	texts[FLAKY_MARK_COUNT] = {
#define X(N, text)	[FLAKY_MARK_##N] = text,
		FLAKY_MARK_LIST(X)
#undef X
	};

	return texts[m];
}
