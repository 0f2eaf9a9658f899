/* The likelihood of each cause, and what speaks for it; see flaky_cause.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/chance.h"
#include "ctl/flaky_cause.h"
#include "ctl/flaky_forms.h"
#include "ctl/flaky_stats.h"

#define NAMED		0.5	/* above: it is more likely than all others together */
#define FEW		3	/* failures, of which nothing is concluded */
#define GROUP_BELIEF	0.03	/* of a group, which is that of one of some forms */
#define EDGE		0.025	/* on each side of an interval */

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
group_of(const struct flaky_form *f, const double *rule, enum stats_side side,
    const struct flaky_evidence *e, size_t *ret_n)
{
	struct flaky_piece	g = { .kind = FLAKY_GROUP, .p = 1 };

	*ret_n = 0;
	for (unsigned c = 0; c < FLAKE_CONDITION_COUNT; c++) {
		if (rule[c] < FORMS_HALF && !(f->up[c] > 0) && !(f->down[c] > 0))
			pool(&g.against, &e->at[c]);
		if (rule[c] < FORMS_HALF || e->at[c].runs == 0)
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
add_group(const struct flaky_form *f, const double *rule, enum stats_side side,
    const struct flaky_evidence *e, struct flaky_cause *ret)
{
	size_t			n;
	struct flaky_piece	g = group_of(f, rule, side, e, &n);

	for (size_t i = 0; n == 1 && i < ret->npieces; i++) {
		if (ret->pieces[i].conditions == g.conditions)
			return g.p < GROUP_BELIEF;
	}
	if (g.p < GROUP_BELIEF)
		add_piece(ret, g);
	return g.p < GROUP_BELIEF;
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

static int
by_certainty(const void *a, const void *b)
{
	const struct flaky_piece	*x = a, *y = b;

	/* What is told of one condition is in the group, too. */
	if ((x->kind == FLAKY_GROUP) != (y->kind == FLAKY_GROUP))
		return x->kind == FLAKY_GROUP ? 1 : -1;
	return x->p < y->p ? -1 : x->p > y->p;
}

/* The conditions that differ from plain, and all of the form's together.  Is there one
 * that the form speaks of? */
static bool
add_conditions(const struct flaky_form *f, const struct flaky_evidence *e, struct flaky_cause *ret)
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
	found |= add_group(f, f->up, STATS_MORE, e, ret);
	found |= add_group(f, f->down, STATS_LESS, e, ret);
	return found;
}

static void
add_contrast(struct flaky_cause *c, enum flaky_piece_kind kind, const struct flaky_contrast *v,
    double belief)
{
	if (flaky_contrast_p(v) < belief)
		add_piece(c, (struct flaky_piece){ .kind = kind, .seen = v->seen,
		    .against = v->against, .p = v->p });
}

/* What speaks for the form beside the conditions. */
static void
add_others(const struct flaky_form *f, const struct flaky_evidence *e, struct flaky_cause *ret)
{
	if (e->stretches < FLAKY_BELIEF)
		add_piece(ret, (struct flaky_piece){ .kind = FLAKY_STRETCHES, .p = e->stretches });
	/* What fails under one of two conditions in turn has a rhythm, too. */
	if (f->rhythm && e->rhythm < FLAKY_BELIEF)
		add_piece(ret, (struct flaky_piece){ .kind = FLAKY_RHYTHM, .p = e->rhythm });
	if (flaky_beside_p(e) < FLAKY_BELIEF)
		add_piece(ret, (struct flaky_piece){ .kind = FLAKY_BESIDE, .seen = e->beside,
		    .against = e->apart, .p = flaky_beside_p(e) });
	add_contrast(ret, FLAKY_AGAIN, &e->again, FLAKY_BELIEF);
	add_contrast(ret, FLAKY_HOUR, &e->clock.v, FLAKY_CHOSEN);
	add_contrast(ret, FLAKY_AFTER, &e->after.v, FLAKY_CHOSEN);
	add_contrast(ret, FLAKY_ALONG, &e->along.v, FLAKY_CHOSEN);
	if (e->lost > 0)
		add_piece(ret, (struct flaky_piece){ .kind = FLAKY_LOST, .p = 1,
		    .seen = { .fails = e->lost, .runs = e->lost } });
	if (flaky_is_slower(e))
		add_piece(ret, (struct flaky_piece){ .kind = FLAKY_SLOWER, .ratio = e->slower,
		    .p = e->slower_p });
	for (unsigned m = 0; m < FLAKY_MARK_COUNT; m++) {
		if ((f->marks >> m & 1) != 0 && e->marks[m] > 0)
			add_piece(ret, (struct flaky_piece){ .kind = FLAKY_SAYS,
			    .mark = (enum flaky_mark)m, .p = 1,
			    .seen = { .runs = flaky_fails(e), .fails = e->marks[m] } });
	}
}

/* The condition to look at it under: of those the form speaks of, by how much it does, the
 * one under which it surely fails often.  Not a crowd: one test makes none. */
static enum flake_condition
next_of(const struct flaky_form *f, const struct flaky_evidence *e)
{
	enum flake_condition	next = FLAKE_PLAIN;
	double			most = flaky_low(&e->at[FLAKE_PLAIN]);

	for (unsigned c = FLAKE_PLAIN + 1; c < FLAKE_CONDITION_COUNT; c++) {
		double	low = flaky_low(&e->at[c]) * f->up[c];

		if (low > most && c != FLAKE_CROWDED) {
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
		[FLAKY_CONCURRENCY] = FLAKY_CLASH, [FLAKY_CLASH] = FLAKY_CONCURRENCY,
		[FLAKY_ORDER] = FLAKY_LEAK, [FLAKY_LEAK] = FLAKY_ORDER,
	};

	return kin[c->likely] != FLAKY_UNKNOWN ? c->share[kin[c->likely]] : 0;
}

/* What comes of a spell is not how often it fails plainly. */
static struct flaky_evidence
without_spells(const struct flaky_evidence *of)
{
	struct flaky_evidence	e = *of;

	if (flaky_contrast_p(&e.again) >= FLAKY_BELIEF || e.at[FLAKE_PLAIN].runs < e.again.seen.runs)
		return e;
	e.at[FLAKE_PLAIN].runs -= e.again.seen.runs;
	e.at[FLAKE_PLAIN].fails -= e.again.seen.fails;
	e.spent = e.again.seen.fails;
	return e;
}

void
flaky_cause_of(const struct flaky_evidence *of, struct flaky_cause *ret)
{
	const struct flaky_evidence	 e = without_spells(of);
	const struct flaky_form		*f;
	bool				 found;

	*ret = (struct flaky_cause){ .category = FLAKY_UNKNOWN };
	find_effects(&e, ret);
	if (flaky_fails(&e) == 0) {
		ret->share[FLAKY_UNKNOWN] = 1;
		return;
	}
	f = flaky_weigh(&e, ret);
	ret->next = next_of(f, &e);
	found = add_conditions(f, &e, ret);
	/* A test, too, that knows nothing of weights. */
	found |= f->slow && flaky_is_slower(&e) && e.slower_p < GROUP_BELIEF;
	add_others(f, &e, ret);
	if (!flaky_speaks_of_conditions(f)) {
		if (ret->npieces == 0)
			add_piece(ret, alike(&e));
		found = true;
	}
	qsort(ret->pieces, ret->npieces, sizeof ret->pieces[0], by_certainty);
	if (found && ret->certainty + kin_share(ret) > NAMED && flaky_fails(&e) >= FEW)
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
