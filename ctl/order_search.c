/* The search for tests that depend on the order; see order_search.h. */
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "ctl/order_work.h"

/* ---- orders, and each alone ---- */

static void
set_order(struct order_search *s)
{
	const struct order_record	*r = order_records_next(&s->records);

	s->probe.kind = ORDER_KIND_ORDER;
	s->probe.number = s->records.n + 1;
	s->probe.n = s->n;
	memcpy(s->probe.tests, r->order, s->n * sizeof *r->order);
}

static void
find(struct order_search *s)
{
	struct order_count	c;

	s->findings = xcalloc(s->n, sizeof *s->findings);
	for (uint32_t t = 0; t < s->n; t++) {
		c = (struct order_count){ 0, 0 };
		for (uint32_t k = 0; k < s->records.n; k++)
			order_count_add(&c, (enum order_outcome)s->records.v[k].outcome[t]);
		if (c.fails > 0)
			s->findings[s->nfindings++] = (struct order_finding){ .test = t, .orders = c };
	}
	s->orders_over = true;
}

static void
took_alone(struct order_search *s, enum order_outcome o)
{
	struct order_finding	*f = &s->findings[s->at];

	order_count_add(&f->alone, o);
	if (f->orders.fails == f->orders.runs && f->alone.fails > 0)
		f->verdict = ORDER_BROKEN;
	s->nalone++;
}

/* ---- the interface ---- */

static bool
next_probe(struct order_search *s)
{
	if (!s->orders_over) {
		set_order(s);
		return true;
	}
	if (s->nalone < s->nfindings) {
		s->at = s->nalone;
		order_work_probe(s, ORDER_KIND_ALONE, NULL, 0, NULL, 0);
		return true;
	}
	if (s->nalone == s->nfindings) {	/* the first of the rest */
		s->at = 0;
		s->nalone++;
	}
	for (; s->at < s->nfindings; s->at++) {
		if ((s->findings[s->at].verdict == ORDER_OPEN || s->work.stage != STAGE_TRIAL) &&
		    order_work_next(s))
			return true;
		order_work_free(&s->work);
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
	enum order_outcome	 last;

	if (!s->orders_over) {
		order_records_took(&s->records, o);
		if (s->records.n == s->records.most)
			find(s);
		return;
	}
	last = o[s->probe.n - 1];
	if (s->nalone < s->nfindings) {
		took_alone(s, last);
		return;
	}
	order_work_took(s, last);
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
		if (f->cleaned.runs < ORDER_EXACT_RUNS)
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
	order_work_free(&s->work);
	order_records_free(&s->records);
	free(s->findings);
	free(s->probe.tests);
	free(s);
}
