/* The search for tests that depend on the order; see order_search.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "ctl/ddmin.h"
#include "ctl/flaky_stats.h"
#include "ctl/order_search.h"

#define EXACT_RUNS	5	/* of VERIFY, when a test has done the same each time */
#define NOISY_RUNS	20
#define NONE_MAX	3	/* runs about a test that were no evidence */

/* When TRIAL looks at its two counts, and the error that it may make then: ORDER_ALPHA in
 * two TRIALs.  The first is 5 of 5 against none of 5, which has 1/252. */
static const struct {
	uint32_t	runs;
	double		alpha;
} looks[] = { { 5, 0.004 }, { 20, 0.0005 }, { 40, 0.0005 } };
#define LOOKS	(sizeof looks / sizeof looks[0])

enum stage { STAGE_TRIAL, STAGE_REDUCE, STAGE_VERIFY, STAGE_CLEAN, STAGE_CLEAN_VERIFY,
	STAGE_OVER };

/* The finding that is looked into. */
struct work {
	enum stage	 stage;
	unsigned	 look;
	bool		 decided;	/* what it is, if it depends: `order` is chosen */
	bool		 brittle;
	bool		 second;	/* this is the second order that is tried */
	bool		 again;		/* it was reduced a second time */
	bool		 clean_known;	/* all that is between makes it pass */
	struct order_list list;		/* what is reduced */
	struct ddmin	 dd;
	bool		 reducing;	/* dd has a try that waits for its answer */
	double		 llr;		/* of that try, and its runs */
	uint32_t	 tries;
	uint32_t	 none;
};

struct order_search {
	uint32_t	 n, runs, runs_max, nalone;
	struct order_records records;
	struct order_finding *findings;
	size_t		 nfindings, at;
	bool		 orders_over, over, cut;
	struct work	 work;
	struct order_probe probe;
};

/* ---- probes ---- */

/* The probe: these, and then the test of the finding. */
static void
set_probe(struct order_search *s, enum order_kind kind, const uint32_t *a, uint32_t na,
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

static void
set_order(struct order_search *s)
{
	const struct order_record	*r = order_records_next(&s->records);

	s->probe.kind = ORDER_KIND_ORDER;
	s->probe.number = s->records.n + 1;
	s->probe.n = s->n;
	memcpy(s->probe.tests, r->order, s->n * sizeof *r->order);
}

/* ---- counting ---- */

static void
count(struct order_count *c, enum order_outcome o)
{
	c->runs += o != ORDER_NONE;
	c->fails += o == ORDER_FAIL;
}

/* How often it did what only those before it make it do: a victim failed, a brittle one
 * passed. */
static uint32_t
did(const struct work *w, const struct order_count *c)
{
	return w->brittle ? c->runs - c->fails : c->fails;
}

static double
chance(const struct work *w, const struct order_count *with, const struct order_count *without)
{
	uint32_t	a = did(w, with), b = did(w, without);

	return stats_fisher(STATS_MORE, a, with->runs - a, b, without->runs - b);
}

static double
rate(const struct work *w, const struct order_count *c)
{
	return (did(w, c) + 0.5) / (c->runs + 1.0);
}

/* ---- the end of a finding ---- */

static void
work_free(struct work *w)
{
	ddmin_free(&w->dd);
	free(w->list.v);
	*w = (struct work){ .stage = STAGE_TRIAL };
}

static void
settle(struct order_search *s, enum order_verdict verdict, enum order_why why)
{
	struct order_finding	*f = &s->findings[s->at];

	f->verdict = verdict;
	f->why = why;
	s->work.stage = STAGE_OVER;
}

/* ---- orders, and each alone ---- */

static void
find(struct order_search *s)
{
	struct order_count	c;

	s->findings = xcalloc(s->n, sizeof *s->findings);
	for (uint32_t t = 0; t < s->n; t++) {
		c = (struct order_count){ 0, 0 };
		for (uint32_t k = 0; k < s->records.n; k++)
			count(&c, (enum order_outcome)s->records.v[k].outcome[t]);
		if (c.fails > 0)
			s->findings[s->nfindings++] = (struct order_finding){ .test = t, .orders = c };
	}
	s->orders_over = true;
}

static void
took_alone(struct order_search *s, enum order_outcome o)
{
	struct order_finding	*f = &s->findings[s->at];

	count(&f->alone, o);
	if (f->orders.fails == f->orders.runs && f->alone.fails > 0)
		f->verdict = ORDER_BROKEN;
	s->nalone++;
}

/* ---- TRIAL ---- */

/* Takes an order in which it did otherwise than alone: the one with the fewest tests
 * before it, and in the second place the one with the most, which is less often by
 * chance.  False: there is none. */
static bool
take_order(struct order_search *s)
{
	struct order_finding	*f = &s->findings[s->at];
	struct work		*w = &s->work;
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
	struct work		*w = &s->work;

	w->decided = true;
	w->brittle = f->alone.fails * 2 > f->alone.runs;
	if (!take_order(s))
		settle(s, f->orders.fails == f->orders.runs && f->alone.fails == f->alone.runs ?
		    ORDER_BROKEN : ORDER_FLAKY, ORDER_WHY_NONE);
}

static void
begin_reduce(struct order_search *s)
{
	struct work	*w = &s->work;

	ddmin_free(&w->dd);
	ddmin_init(&w->dd, w->list.n);
	w->reducing = false;
	w->stage = STAGE_REDUCE;
}

static void
look(struct order_search *s)
{
	struct order_finding	*f = &s->findings[s->at];
	struct work		*w = &s->work;

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
	struct work		*w = &s->work;

	if (f->alone.runs < looks[w->look].runs) {
		set_probe(s, ORDER_KIND_ALONE, NULL, 0, NULL, 0);
	} else if (!w->decided) {
		decide(s);
		return false;
	} else if (f->after.runs < looks[w->look].runs) {
		set_probe(s, ORDER_KIND_TRIAL, w->list.v, w->list.n, NULL, 0);
	} else {
		look(s);
		return false;
	}
	return true;
}

/* ---- REDUCE ---- */

/* The elements of the list that ddmin speaks of. */
static struct order_list
elements(const struct work *w, const uint32_t *v, uint32_t n)
{
	struct order_list	ret = { xcalloc(n + 1, sizeof *ret.v), n };

	for (uint32_t i = 0; i < n; i++)
		ret.v[i] = w->list.v[v[i]];
	return ret;
}

/* A run of a try came: enough to answer it?  Each is taken for one of the two rates that
 * TRIAL has seen. */
static bool
answers(const struct order_finding *f, struct work *w, bool did_it, bool *ret)
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
	struct work	*w = &s->work;
	bool		 yes;

	if (!answers(&s->findings[s->at], w, did_it, &yes))
		return;
	w->reducing = false;
	ddmin_answer(&w->dd, yes);
}

/* True: a try is in `dd`. */
static bool
has_try(struct work *w)
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
	struct work		*w = &s->work;
	struct order_list	 l;

	if (!has_try(w)) {
		free(f->needs.v);
		f->needs = elements(w, w->dd.set, w->dd.n);
		f->with = (struct order_count){ 0, 0 };
		w->stage = STAGE_VERIFY;
		return false;
	}
	l = elements(w, w->dd.trial, w->dd.ntrial);
	set_probe(s, ORDER_KIND_REDUCE, l.v, l.n, NULL, 0);
	free(l.v);
	return true;
}

/* ---- VERIFY ---- */

/* A victim that passed behind its polluters was cleaned up for. */
static void
begin_clean(struct order_search *s)
{
	struct order_finding	*f = &s->findings[s->at];
	struct work		*w = &s->work;

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
	struct work		*w = &s->work;
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
		set_probe(s, ORDER_KIND_ALONE, NULL, 0, NULL, 0);
		return true;
	}
	if (f->with.runs == (f->noisy ? NOISY_RUNS : EXACT_RUNS)) {
		verified(s);
		return false;
	}
	set_probe(s, ORDER_KIND_VERIFY, f->needs.v, f->needs.n, NULL, 0);
	return true;
}

/* ---- CLEAN ---- */

static bool
next_clean(struct order_search *s)
{
	struct order_finding	*f = &s->findings[s->at];
	struct work		*w = &s->work;
	struct order_list	 l;

	if (!w->clean_known) {
		set_probe(s, ORDER_KIND_CLEAN, f->needs.v, f->needs.n, w->list.v, w->list.n);
		return true;
	}
	if (w->stage == STAGE_CLEAN && !has_try(w)) {
		f->cleaners = elements(w, w->dd.set, w->dd.n);
		w->stage = STAGE_CLEAN_VERIFY;
	}
	if (w->stage == STAGE_CLEAN_VERIFY) {
		if (f->cleaned.runs == EXACT_RUNS) {
			w->stage = STAGE_OVER;
			return false;
		}
		set_probe(s, ORDER_KIND_CLEAN, f->needs.v, f->needs.n, f->cleaners.v, f->cleaners.n);
		return true;
	}
	l = elements(w, w->dd.trial, w->dd.ntrial);
	set_probe(s, ORDER_KIND_CLEAN, f->needs.v, f->needs.n, l.v, l.n);
	free(l.v);
	return true;
}

/* One failure is enough: what cleans does so each time. */
static void
took_clean(struct order_search *s, enum order_outcome o)
{
	struct order_finding	*f = &s->findings[s->at];
	struct work		*w = &s->work;

	if (w->stage == STAGE_CLEAN_VERIFY) {
		count(&f->cleaned, o);
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

/* ---- the interface ---- */

/* The next probe of the finding that is looked into; false: it is settled. */
static bool
next_of_finding(struct order_search *s)
{
	struct work	*w = &s->work;

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

static bool
next_probe(struct order_search *s)
{
	if (!s->orders_over) {
		set_order(s);
		return true;
	}
	if (s->nalone < s->nfindings) {
		s->at = s->nalone;
		set_probe(s, ORDER_KIND_ALONE, NULL, 0, NULL, 0);
		return true;
	}
	if (s->nalone == s->nfindings) {	/* the first of the rest */
		s->at = 0;
		s->nalone++;
	}
	for (; s->at < s->nfindings; s->at++) {
		if ((s->findings[s->at].verdict == ORDER_OPEN || s->work.stage != STAGE_TRIAL) &&
		    next_of_finding(s))
			return true;
		work_free(&s->work);
	}
	return false;
}

const struct order_probe *
order_search_next(struct order_search *s)
{
	if (s->over)
		return NULL;
	if (s->runs == s->runs_max || !next_probe(s)) {
		order_search_stop(s);
		return NULL;
	}
	s->runs++;
	s->probe.seed = s->probe.kind == ORDER_KIND_ORDER && s->probe.number > 2 ?
	    s->records.v[s->probe.number - 1].seed :
	    order_seed(s->records.seed, UINT32_MAX - s->runs);
	return &s->probe;
}

void
order_search_took(struct order_search *s, const enum order_outcome *o)
{
	struct order_finding	*f;
	struct work		*w = &s->work;
	enum order_outcome	 last;

	if (!s->orders_over) {
		order_records_took(&s->records, o);
		if (s->records.n == s->records.most)
			find(s);
		return;
	}
	f = &s->findings[s->at];
	last = o[s->probe.n - 1];
	if (s->nalone < s->nfindings) {
		took_alone(s, last);
		return;
	}
	if (last == ORDER_NONE) {
		if (++w->none >= NONE_MAX && f->verdict == ORDER_OPEN)
			settle(s, ORDER_UNSURE, ORDER_WHY_NO_RESULT);
		else if (w->none >= NONE_MAX)
			w->stage = STAGE_OVER;
		return;
	}
	if (s->probe.kind == ORDER_KIND_ALONE)
		count(&f->alone, last);
	else if (w->stage == STAGE_TRIAL)
		count(&f->after, last);
	else if (w->stage == STAGE_REDUCE)
		took_try(s, last == (w->brittle ? ORDER_PASS : ORDER_FAIL));
	else if (w->stage == STAGE_VERIFY)
		count(&f->with, last);
	else
		took_clean(s, last);
}

void
order_search_stop(struct order_search *s)
{
	if (s->over)
		return;
	s->over = true;
	s->cut = !s->orders_over;
	if (!s->orders_over)
		find(s);
	for (size_t i = 0; i < s->nfindings; i++) {
		struct order_finding	*f = &s->findings[i];

		if (f->verdict == ORDER_OPEN) {
			f->verdict = ORDER_UNSURE;
			f->why = ORDER_WHY_ENDED;
			s->cut = true;
		}
		/* Cleaners that could not be verified are none. */
		if (f->cleaned.runs < EXACT_RUNS)
			f->cleaners.n = 0;
	}
}

bool
order_search_is_cut(const struct order_search *s)
{
	return s->cut;
}

const struct order_finding *
order_search_findings(const struct order_search *s, size_t *ret_n)
{
	*ret_n = s->nfindings;
	return s->findings;
}

uint32_t
order_search_runs(const struct order_search *s)
{
	return s->runs;
}

uint32_t
order_search_orders(const struct order_search *s)
{
	return s->records.n;
}

uint32_t
order_search_planned(const struct order_search *s)
{
	return s->records.most;
}

uint64_t
order_search_seed(const struct order_search *s, uint32_t number)
{
	return number > 0 && number <= s->records.n ? s->records.v[number - 1].seed : 0;
}

const char *
order_verdict_name(enum order_verdict v)
{
	static const char *const	names[ORDER_VERDICT_COUNT] = { "open", "victim", "brittle",
	    "broken", "flaky", "unsure" };

	return names[v];
}

struct order_search *
order_search_new(uint32_t n, uint32_t orders, uint32_t runs_max, uint64_t seed)
{
	struct order_search	*s = xcalloc(1, sizeof *s);

	s->n = n;
	s->runs_max = runs_max;
	order_records_init(&s->records, n, orders, seed);
	s->probe.tests = xcalloc((size_t)n + 1, sizeof *s->probe.tests);
	return s;
}

void
order_search_free(struct order_search *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->nfindings; i++) {
		free(s->findings[i].needs.v);
		free(s->findings[i].cleaners.v);
	}
	work_free(&s->work);
	order_records_free(&s->records);
	free(s->findings);
	free(s->probe.tests);
	free(s);
}
