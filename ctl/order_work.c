/* The look into one test that may depend on the order; see order_work.h. */
#include <math.h>
#include <stdlib.h>

#include "common/xalloc.h"
#include "ctl/flaky_stats.h"
#include "ctl/order_work.h"

#define NOISY_RUNS	20	/* of VERIFY, when it has not done the same */
#define NONE_MAX	3	/* runs about a test that were no evidence */

/* When TRIAL looks at its two counts, and the error that it may make then: ORDER_ALPHA in
 * two TRIALs.  The first is 5 of 5 against none of 5, which has 1/252. */
static const struct {
	uint32_t	runs;
	double		alpha;
} looks[] = { { 5, 0.004 }, { 20, 0.0005 }, { 40, 0.0005 } };
#define LOOKS	(sizeof looks / sizeof looks[0])

/* ---- probes ---- */

/* The probe: these, and then the test of the finding. */
void
order_work_probe(struct order_search *s, enum order_kind kind, const uint32_t *a, uint32_t na,
    const uint32_t *b, uint32_t nb)
{
	const struct order_finding	*f = &s->findings[s->at];
	struct order_probe		*p = &s->probe;

	p->kind = kind;
	p->number = f->order;
	p->test = f->test;
	p->n = 0;
	for (uint32_t i = 0; i < na; i++)
		p->tests[p->n++] = a[i];
	for (uint32_t i = 0; i < nb; i++)
		p->tests[p->n++] = b[i];
	p->tests[p->n++] = f->test;
}

/* ---- counting ---- */

void
order_count_add(struct order_count *c, enum order_outcome o)
{
	c->runs += o != ORDER_NONE;
	c->fails += o == ORDER_FAIL;
}

/* How often it did what only those before it make it do: a victim failed, a brittle one
 * passed. */
static uint32_t
did(const struct order_work *w, const struct order_count *c)
{
	return w->brittle ? c->runs - c->fails : c->fails;
}

static double
chance(const struct order_work *w, const struct order_count *with,
    const struct order_count *without)
{
	uint32_t	a = did(w, with), b = did(w, without);

	return stats_fisher(STATS_MORE, a, with->runs - a, b, without->runs - b);
}

static double
rate(const struct order_work *w, const struct order_count *c)
{
	return (did(w, c) + 0.5) / (c->runs + 1.0);
}

/* ---- the end of a finding ---- */

void
order_work_free(struct order_work *w)
{
	ddmin_free(&w->dd);
	free(w->list.v);
	*w = (struct order_work){ .stage = STAGE_TRIAL };
}

static void
settle(struct order_search *s, enum order_verdict verdict, enum order_why why)
{
	struct order_finding	*f = &s->findings[s->at];

	f->verdict = verdict;
	f->why = why;
	s->work.stage = STAGE_OVER;
}

/* ---- TRIAL ---- */

/* Takes an order in which it did otherwise than alone: the one with the fewest tests
 * before it, and in the second place the one with the most, which is less often by
 * chance.  False: there is none. */
static bool
take_order(struct order_search *s)
{
	struct order_finding	*f = &s->findings[s->at];
	struct order_work	*w = &s->work;
	const struct order_record *r;
	uint32_t		 order = order_records_choose(&s->records, f->test,
	    w->brittle ? ORDER_PASS : ORDER_FAIL, w->second);

	if (order == 0 || order == f->order)
		return false;
	f->order = order;
	f->after = (struct order_count){ 0, 0 };
	w->look = 0;
	r = &s->records.v[order - 1];
	w->list.n = r->place[f->test];
	free(w->list.v);
	w->list.v = xmemdup(r->order, w->list.n * sizeof *r->order);
	return true;
}

/* It was run alone: what is it, if it depends on the order? */
static void
decide(struct order_search *s)
{
	struct order_finding	*f = &s->findings[s->at];
	struct order_work	*w = &s->work;

	w->decided = true;
	w->brittle = f->alone.fails * 2 > f->alone.runs;
	if (!take_order(s))
		settle(s, f->orders.fails == f->orders.runs && f->alone.fails == f->alone.runs ?
		    ORDER_BROKEN : ORDER_FLAKY, ORDER_WHY_NONE);
}

static void
begin_reduce(struct order_search *s)
{
	struct order_work	*w = &s->work;

	ddmin_free(&w->dd);
	ddmin_init(&w->dd, w->list.n);
	w->reducing = false;
	w->stage = STAGE_REDUCE;
}

static void
look(struct order_search *s)
{
	struct order_finding	*f = &s->findings[s->at];
	struct order_work	*w = &s->work;

	f->p = chance(w, &f->after, &f->alone);
	if (f->p <= looks[w->look].alpha) {
		f->noisy = did(w, &f->after) != f->after.runs || did(w, &f->alone) != 0;
		begin_reduce(s);
	} else if (++w->look == LOOKS || did(w, &f->after) <= did(w, &f->alone)) {
		if (w->second || (w->second = true, !take_order(s)))
			settle(s, ORDER_FLAKY, ORDER_WHY_NONE);
	}
}

/* True when the probe is set; false: look again, at another stage. */
static bool
next_trial(struct order_search *s)
{
	struct order_finding	*f = &s->findings[s->at];
	struct order_work	*w = &s->work;

	if (f->alone.runs < looks[w->look].runs) {
		order_work_probe(s, ORDER_KIND_ALONE, NULL, 0, NULL, 0);
	} else if (!w->decided) {
		decide(s);
		return false;
	} else if (f->after.runs < looks[w->look].runs) {
		order_work_probe(s, ORDER_KIND_TRIAL, w->list.v, w->list.n, NULL, 0);
	} else {
		look(s);
		return false;
	}
	return true;
}

/* ---- REDUCE ---- */

/* The elements of the list that ddmin speaks of. */
static struct order_list
elements(const struct order_work *w, const uint32_t *v, uint32_t n)
{
	struct order_list	ret = { xcalloc(n + 1, sizeof *ret.v), n };

	for (uint32_t i = 0; i < n; i++)
		ret.v[i] = w->list.v[v[i]];
	return ret;
}

/* A run of a try came: enough to answer it?  Each is taken for one of the two rates that
 * TRIAL has seen. */
static bool
answers(const struct order_finding *f, struct order_work *w, bool did_it, bool *ret)
{
	double	high = rate(w, &f->after), low = rate(w, &f->alone);
	double	bound = log((1 - ORDER_PROBE_ERROR) / ORDER_PROBE_ERROR);

	w->tries++;
	w->llr += did_it ? log(high / low) : log((1 - high) / (1 - low));
	*ret = f->noisy ? w->llr > 0 : did_it;
	return !f->noisy || fabs(w->llr) >= bound || w->tries == ORDER_PROBE_RUNS;
}

static void
took_try(struct order_search *s, bool did_it)
{
	struct order_work	*w = &s->work;
	bool		 yes;

	if (!answers(&s->findings[s->at], w, did_it, &yes))
		return;
	w->reducing = false;
	ddmin_answer(&w->dd, yes);
}

/* True: a try is in `dd`. */
static bool
has_try(struct order_work *w)
{
	if (w->reducing)
		return true;
	if (!ddmin_next(&w->dd))
		return false;
	w->reducing = true;
	w->llr = 0;
	w->tries = 0;
	return true;
}

static bool
next_reduce(struct order_search *s)
{
	struct order_finding	*f = &s->findings[s->at];
	struct order_work	*w = &s->work;
	struct order_list	 l;

	if (!has_try(w)) {
		free(f->needs.v);
		f->needs = elements(w, w->dd.set, w->dd.n);
		f->with = (struct order_count){ 0, 0 };
		w->stage = STAGE_VERIFY;
		return false;
	}
	l = elements(w, w->dd.trial, w->dd.ntrial);
	order_work_probe(s, ORDER_KIND_REDUCE, l.v, l.n, NULL, 0);
	free(l.v);
	return true;
}

/* ---- VERIFY ---- */

/* A victim that passed behind its polluters was cleaned up for. */
static void
begin_clean(struct order_search *s)
{
	struct order_finding	*f = &s->findings[s->at];
	struct order_work	*w = &s->work;

	free(w->list.v);
	w->list = order_records_between(&s->records, f->test, &f->needs);
	if (w->list.n == 0)
		return;
	begin_reduce(s);
	w->stage = STAGE_CLEAN;
}

static void
verified(struct order_search *s)
{
	struct order_finding	*f = &s->findings[s->at];
	struct order_work	*w = &s->work;
	double			 p = chance(w, &f->with, &f->alone);

	if (f->noisy ? p > ORDER_ALPHA : did(w, &f->with) != f->with.runs) {
		if (w->again) {
			settle(s, ORDER_UNSURE, ORDER_WHY_NOT_AGAIN);
			return;
		}
		w->again = f->noisy = true;
		begin_reduce(s);
		return;
	}
	f->p = p;
	f->others = !f->noisy && order_records_without(&s->records, f->test,
	    w->brittle ? ORDER_PASS : ORDER_FAIL, &f->needs);
	settle(s, w->brittle ? ORDER_BRITTLE : ORDER_VICTIM, ORDER_WHY_NONE);
	if (f->verdict == ORDER_VICTIM && !f->noisy)
		begin_clean(s);
}

static bool
next_verify(struct order_search *s)
{
	struct order_finding	*f = &s->findings[s->at];

	if (f->noisy && f->alone.runs < NOISY_RUNS) {
		order_work_probe(s, ORDER_KIND_ALONE, NULL, 0, NULL, 0);
		return true;
	}
	if (f->with.runs == (f->noisy ? NOISY_RUNS : ORDER_EXACT_RUNS)) {
		verified(s);
		return false;
	}
	order_work_probe(s, ORDER_KIND_VERIFY, f->needs.v, f->needs.n, NULL, 0);
	return true;
}

/* ---- CLEAN ---- */

static bool
next_clean(struct order_search *s)
{
	struct order_finding	*f = &s->findings[s->at];
	struct order_work	*w = &s->work;
	struct order_list	 l;

	if (!w->clean_known) {
		order_work_probe(s, ORDER_KIND_CLEAN, f->needs.v, f->needs.n, w->list.v, w->list.n);
		return true;
	}
	if (w->stage == STAGE_CLEAN && !has_try(w)) {
		f->cleaners = elements(w, w->dd.set, w->dd.n);
		w->stage = STAGE_CLEAN_VERIFY;
	}
	if (w->stage == STAGE_CLEAN_VERIFY) {
		if (f->cleaned.runs == ORDER_EXACT_RUNS) {
			w->stage = STAGE_OVER;
			return false;
		}
		order_work_probe(s, ORDER_KIND_CLEAN, f->needs.v, f->needs.n, f->cleaners.v, f->cleaners.n);
		return true;
	}
	l = elements(w, w->dd.trial, w->dd.ntrial);
	order_work_probe(s, ORDER_KIND_CLEAN, f->needs.v, f->needs.n, l.v, l.n);
	free(l.v);
	return true;
}

/* One failure is enough: what cleans does so each time. */
static void
took_clean(struct order_search *s, enum order_outcome o)
{
	struct order_finding	*f = &s->findings[s->at];
	struct order_work	*w = &s->work;

	if (w->stage == STAGE_CLEAN_VERIFY) {
		order_count_add(&f->cleaned, o);
		if (o == ORDER_FAIL) {
			f->cleaners.n = 0;
			w->stage = STAGE_OVER;
		}
	} else if (w->clean_known) {
		took_try(s, o == ORDER_PASS);
	} else if (o == ORDER_PASS) {
		w->clean_known = true;
	} else {
		w->stage = STAGE_OVER;
	}
}

/* ---- the stages together ---- */

/* The next probe of the finding that is looked into; false: it is settled. */
bool
order_work_next(struct order_search *s)
{
	struct order_work	*w = &s->work;

	for (;;) {
		switch (w->stage) {
		case STAGE_TRIAL:
			if (next_trial(s))
				return true;
			break;
		case STAGE_REDUCE:
			if (next_reduce(s))
				return true;
			break;
		case STAGE_VERIFY:
			if (next_verify(s))
				return true;
			break;
		case STAGE_CLEAN:
		case STAGE_CLEAN_VERIFY:
			if (next_clean(s))
				return true;
			break;
		case STAGE_OVER:
			return false;
		}
	}
}

/* What came of its probe. */
void
order_work_took(struct order_search *s, enum order_outcome last)
{
	struct order_finding	*f = &s->findings[s->at];
	struct order_work	*w = &s->work;

	if (last == ORDER_NONE) {
		if (++w->none >= NONE_MAX && f->verdict == ORDER_OPEN)
			settle(s, ORDER_UNSURE, ORDER_WHY_NO_RESULT);
		else if (w->none >= NONE_MAX)
			w->stage = STAGE_OVER;
		return;
	}
	if (s->probe.kind == ORDER_KIND_ALONE)
		order_count_add(&f->alone, last);
	else if (w->stage == STAGE_TRIAL)
		order_count_add(&f->after, last);
	else if (w->stage == STAGE_REDUCE)
		took_try(s, last == (w->brittle ? ORDER_PASS : ORDER_FAIL));
	else if (w->stage == STAGE_VERIFY)
		order_count_add(&f->with, last);
	else
		took_clean(s, last);
}
