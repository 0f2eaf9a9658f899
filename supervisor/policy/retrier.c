/* The retries of one run: see retrier.h.  Pure. */
#include <stdlib.h>

#include "supervisor/policy/retrier.h"
#include "supervisor/policy/retry.h"

#define MILLION	1000000
#define NONE	UINT32_MAX

/* A breaker and what was told of it. */
struct guard {
	struct breaker	b;
	uint64_t	fingerprint;	/* its key; 0: not in use */
	uint64_t	used;		/* when: a number that grows */
	uint32_t	chain;		/* next of its bucket */
	uint32_t	next;		/* in the list of changed ones */
	uint8_t		told;		/* state */
	uint8_t		why;		/* decision, while it refuses */
	bool		changed;	/* it is in that list */
};

/* What is known of a test. */
struct wish {
	uint64_t	fingerprint;	/* of the failure that is tried again */
	uint32_t	tag;		/* of the refusal; ntags: the run */
	uint8_t		decision, scope; /* of the refusal */
	bool		has_result, is_bad; /* of its newest attempt */
};

struct retrier {
	const struct sched_test *tests;	/* borrowed */
	uint32_t	 n, ntags;
	struct wish	*wishes;
	struct budget	*budgets;	/* of each tag, and the run's; NULL: none */
	bool		 off;		/* no breakers */
	struct breaker_policy policy[BREAKER_FINGERPRINT + 1];
	struct guard	*guards;	/* of each tag, of the run, of fingerprints */
	uint32_t	 nprints;	/* of those, in use */
	uint32_t	 buckets[RETRIER_FINGERPRINTS];
	uint64_t	 clock;		/* for guard.used */
	uint32_t	 changed, changed_last;
	uint32_t	 nresults, nbad; /* tests */
	bool		 mass;		/* nearly all of them failed; said once */
	bool		 opened;
};

static bool
is_failure(enum outcome o)
{
	return retry_wanted(o) || o == OUTCOME_EXEC_ERROR;
}

static bool
has_result(enum outcome o)
{
	return o == OUTCOME_PASS || is_failure(o);
}

/* ---- breakers ---- */

static enum breaker_scope
scope_of(const struct retrier *r, uint32_t g)
{
	return g < r->ntags ? BREAKER_TAG : g == r->ntags ? BREAKER_RUN :
	    BREAKER_FINGERPRINT;
}

/* The guard of a fingerprint, or NONE. */
static uint32_t
find_print(const struct retrier *r, uint64_t fingerprint)
{
	uint32_t g;

	if (fingerprint == 0)
		return NONE;
	g = r->buckets[fingerprint % RETRIER_FINGERPRINTS];
	while (g != NONE && r->guards[g].fingerprint != fingerprint)
		g = r->guards[g].chain;
	return g;
}

/* Of the guards of fingerprints the one to be reused: a closed one before others,
 * since it forgets least, and of those the oldest. */
static uint32_t
oldest_print(const struct retrier *r)
{
	uint32_t g, best = r->ntags + 1;
	bool closed, best_closed;

	for (g = best + 1; g < r->ntags + 1 + RETRIER_FINGERPRINTS; g++) {
		closed = r->guards[g].b.state == BREAKER_CLOSED;
		best_closed = r->guards[best].b.state == BREAKER_CLOSED;
		if (closed != best_closed ? closed :
		    r->guards[g].used < r->guards[best].used)
			best = g;
	}
	return best;
}

static void
unchain(struct retrier *r, uint32_t g)
{
	uint32_t *p = &r->buckets[r->guards[g].fingerprint % RETRIER_FINGERPRINTS];

	while (*p != g)
		p = &r->guards[*p].chain;
	*p = r->guards[g].chain;
}

/* The guard of a fingerprint, made if there is none; NONE for fingerprint 0. */
static uint32_t
get_print(struct retrier *r, uint64_t fingerprint)
{
	uint32_t g = find_print(r, fingerprint), next, *bucket;
	bool changed;

	if (fingerprint == 0)
		return NONE;
	if (g == NONE) {
		if (r->nprints < RETRIER_FINGERPRINTS) {
			g = r->ntags + 1 + r->nprints++;
		} else {
			g = oldest_print(r);
			unchain(r, g);
		}
		bucket = &r->buckets[fingerprint % RETRIER_FINGERPRINTS];
		changed = r->guards[g].changed;
		next = r->guards[g].next;
		r->guards[g] = (struct guard){ .fingerprint = fingerprint,
		    .chain = *bucket, .changed = changed, .next = next };
		*bucket = g;
	}
	r->guards[g].used = ++r->clock;
	return g;
}

/* A guard may have another state now, which is to be told. */
static void
look(struct retrier *r, uint32_t g, enum breaker_state was)
{
	struct guard *guard = &r->guards[g];

	if (guard->b.state == was)
		return;
	if (guard->b.state == BREAKER_OPEN)
		r->opened = true;
	if (guard->changed)
		return;
	guard->changed = true;
	guard->next = NONE;
	if (r->changed == NONE)
		r->changed = g;
	else
		r->guards[r->changed_last].next = g;
	r->changed_last = g;
}

/* The i-th breaker of a test and a fingerprint: the run's, its tags', the
 * fingerprint's, which may be NONE.  Their number is the tags' and two. */
static uint32_t
guard_at(const struct retrier *r, uint32_t test, uint32_t print, uint32_t i)
{
	if (i == 0)
		return r->ntags;
	return i <= r->tests[test].ntags ? r->tests[test].tags[i - 1] : print;
}

/* The breaker that stops a retry from starting, or from waiting, or NONE. */
static uint32_t
refuser(const struct retrier *r, uint32_t test, uint64_t now, bool starts)
{
	uint32_t print = find_print(r, r->wishes[test].fingerprint), i, g;

	if (r->off)
		return NONE;
	for (i = 0; i < r->tests[test].ntags + 2; i++) {
		g = guard_at(r, test, print, i);
		if (g == NONE || (!starts && r->guards[g].b.state == BREAKER_HALF_OPEN))
			continue;
		if (!breaker_allows(&r->guards[g].b, test, now))
			return g;
	}
	return NONE;
}

/* A retry of `test` healed it, failed, or came to nothing. */
static void
tell_breakers(struct retrier *r, uint64_t now, uint32_t test, enum outcome o)
{
	uint32_t print = get_print(r, r->wishes[test].fingerprint), i, g;
	bool explained = print != NONE && r->guards[print].b.state != BREAKER_CLOSED;
	enum breaker_state was;
	struct guard *guard;

	for (i = 0; i < r->tests[test].ntags + 2; i++) {
		g = guard_at(r, test, print, i);
		if (g == NONE)
			continue;
		guard = &r->guards[g];
		was = guard->b.state;
		if (o != OUTCOME_PASS && !retry_wanted(o))
			breaker_abandon(&guard->b, test);
		else if (o == OUTCOME_PASS || !explained || was != BREAKER_CLOSED)
			breaker_result(&guard->b, &r->policy[scope_of(r, g)], test,
			    o == OUTCOME_PASS, now);
		if (guard->b.state == BREAKER_OPEN && was != BREAKER_OPEN)
			guard->why = r->mass && g == r->ntags ? RETRY_MASS_FAILURE :
			    RETRY_BREAKER;
		look(r, g, was);
	}
}

/* ---- mass failure ---- */

static void
count_result(struct retrier *r, uint32_t test, enum outcome o)
{
	struct wish *w = &r->wishes[test];

	if (!has_result(o))
		return;
	r->nresults += !w->has_result;
	r->nbad -= w->is_bad;
	w->has_result = true;
	w->is_bad = is_failure(o);
	r->nbad += w->is_bad;
}

/* Opens the breaker of the run when nearly all fail: once, and again only after it
 * was otherwise, so that a probe that heals closes it. */
static void
watch_mass(struct retrier *r, uint64_t now)
{
	const struct breaker_policy *p = &r->policy[BREAKER_RUN];
	struct guard *run = &r->guards[r->ntags];
	enum breaker_state was = run->b.state;
	bool mass = r->nresults >= RETRIER_MASS_MIN && r->nresults >= r->n / 2 &&
	    (uint64_t)r->nbad * MILLION >= (uint64_t)p->mass_ppm * r->nresults;

	if (mass && !r->mass) {
		breaker_trip(&run->b, p, now);
		run->why = RETRY_MASS_FAILURE;
		look(r, r->ntags, was);
	}
	r->mass = mass;
}

/* ---- budgets ---- */

/* What `test` pays from: its tags' budgets, then the run's. */
static struct budget *
budget_at(const struct retrier *r, uint32_t test, uint32_t i)
{
	const struct sched_test *t = &r->tests[test];

	return &r->budgets[i < t->ntags ? t->tags[i] : r->ntags];
}

static void
pay(struct retrier *r, uint32_t test, void (*how)(struct budget *))
{
	uint32_t i;

	for (i = 0; r->budgets != NULL && i <= r->tests[test].ntags; i++)
		how(budget_at(r, test, i));
}

static void
spend(struct retrier *r, uint32_t test, uint64_t ms)
{
	uint32_t i;

	for (i = 0; r->budgets != NULL && i <= r->tests[test].ntags; i++)
		budget_spend(budget_at(r, test, i), ms);
}

/* ---- the decision ---- */

static enum retry_decision
refuse(struct retrier *r, uint32_t test, enum retry_decision why,
    enum breaker_scope scope, uint32_t tag)
{
	struct wish *w = &r->wishes[test];

	w->decision = (uint8_t)why;
	w->scope = (uint8_t)scope;
	w->tag = tag;
	return why;
}

static enum retry_decision
refuse_by(struct retrier *r, uint32_t test, uint32_t g)
{
	return refuse(r, test, (enum retry_decision)r->guards[g].why, scope_of(r, g),
	    g < r->ntags ? g : r->ntags);
}

/* How many retries it may have. */
static uint32_t
count_of(const struct sched_retry *retry, enum retry_says says)
{
	return says == SAYS_PLEASE && retry->on_request ? RETRY_PLEASE_MAX : retry->count;
}

enum retry_decision
retrier_ask(struct retrier *r, uint64_t now, const struct sched_in *in, uint32_t retries)
{
	const struct sched_test *t = &r->tests[in->test];
	uint32_t i, g;

	r->wishes[in->test].fingerprint = in->fingerprint;
	if (retries >= count_of(sched_retry_of(t), in->says))
		return RETRY_NONE;
	if (in->says == SAYS_NEVER)
		return refuse(r, in->test, RETRY_RULE, BREAKER_RUN, r->ntags);
	for (i = 0; r->budgets != NULL && i <= t->ntags; i++) {
		if (budget_has(budget_at(r, in->test, i)))
			continue;
		if (i < t->ntags)
			return refuse(r, in->test, RETRY_TAG_BUDGET, BREAKER_TAG,
			    t->tags[i]);
		return refuse(r, in->test, RETRY_BUDGET, BREAKER_RUN, r->ntags);
	}
	g = refuser(r, in->test, now, true);
	if (g != NONE)
		return refuse_by(r, in->test, g);
	pay(r, in->test, budget_take);
	return RETRY_GRANTED;
}

bool
retrier_allows(struct retrier *r, uint64_t now, uint32_t test, bool starts)
{
	uint32_t g = refuser(r, test, now, starts);

	if (g == NONE)
		return true;
	pay(r, test, budget_give_back);
	(void)refuse_by(r, test, g);
	return false;
}

void
retrier_started(struct retrier *r, uint32_t test)
{
	uint32_t print = find_print(r, r->wishes[test].fingerprint), i, g;
	enum breaker_state was;

	for (i = 0; !r->off && i < r->tests[test].ntags + 2; i++) {
		g = guard_at(r, test, print, i);
		if (g == NONE)
			continue;
		was = r->guards[g].b.state;
		breaker_start(&r->guards[g].b, test);
		look(r, g, was);
	}
}

void
retrier_ended(struct retrier *r, uint64_t now, const struct sched_in *in, bool is_retry)
{
	count_result(r, in->test, in->outcome);
	if (is_retry && in->outcome != OUTCOME_LOST)
		spend(r, in->test, in->elapsed_ms);
	if (r->off)
		return;
	if (is_retry)
		tell_breakers(r, now, in->test, in->outcome);
	watch_mass(r, now);
}

bool
retrier_opened(struct retrier *r)
{
	bool opened = r->opened;

	r->opened = false;
	return opened;
}

void
retrier_explain(const struct retrier *r, struct sched_act *act)
{
	const struct wish *w = &r->wishes[act->test];

	act->decision = (enum retry_decision)w->decision;
	act->scope = (enum breaker_scope)w->scope;
	act->tag = w->tag;
	act->fingerprint = w->fingerprint;
}

bool
retrier_next_event(struct retrier *r, struct sched_act *ret)
{
	struct guard *guard;
	uint32_t g;

	while (r->changed != NONE) {
		g = r->changed;
		guard = &r->guards[g];
		r->changed = guard->next;
		guard->changed = false;
		if (guard->told == (uint8_t)guard->b.state)
			continue;
		guard->told = (uint8_t)guard->b.state;
		*ret = (struct sched_act){ .type = SCHED_ACT_BREAKER,
		    .scope = scope_of(r, g), .tag = g < r->ntags ? g : r->ntags,
		    .fingerprint = guard->fingerprint, .state = guard->b.state,
		    .decision = (enum retry_decision)guard->why };
		return true;
	}
	return false;
}

/* ---- life ---- */

static enum outcome
outcome_of(enum test_status status)
{
	switch (status) {
	case TEST_PASS:
		return OUTCOME_PASS;
	case TEST_FAIL:
	case TEST_TIMEOUT:
		return OUTCOME_FAIL;
	case TEST_ERROR:
		return OUTCOME_EXEC_ERROR;
	case TEST_SKIP:
	case TEST_CANCELLED:
	case TEST_STATUS_COUNT:
		break;
	}
	return OUTCOME_SKIP;
}

void
retrier_recall(struct retrier *r, uint32_t test, const struct sched_past *past)
{
	uint32_t i, taken = past->retries + (past->granted ? 1 : 0);

	for (i = 0; i < taken; i++)
		pay(r, test, budget_take);
	spend(r, test, past->retried_ms);
	if (past->granted)
		r->wishes[test].fingerprint = past->last.fingerprint;
	if (past->done && past->attempts > 0)
		count_result(r, test, outcome_of(past->status));
	else if (past->failed)
		count_result(r, test, OUTCOME_FAIL);
}

struct retrier *
retrier_new(const struct sched_plan *plan)
{
	struct retrier *r = calloc(1, sizeof(*r));
	uint32_t i;

	if (r == NULL)
		return NULL;
	r->tests = plan->tests;
	r->n = plan->ntests;
	r->ntags = plan->ntags;
	r->off = plan->breaker.off;
	for (i = 0; i <= BREAKER_FINGERPRINT; i++)
		r->policy[i] = breaker_defaults(plan->breaker, (enum breaker_scope)i);
	for (i = 0; i < RETRIER_FINGERPRINTS; i++)
		r->buckets[i] = NONE;
	r->changed = NONE;
	r->wishes = calloc((size_t)r->n + 1, sizeof(*r->wishes));
	r->guards = calloc((size_t)r->ntags + 1 + RETRIER_FINGERPRINTS,
	    sizeof(*r->guards));
	if (plan->budgets != NULL)
		r->budgets = calloc((size_t)r->ntags + 1, sizeof(*r->budgets));
	if (r->wishes == NULL || r->guards == NULL ||
	    (plan->budgets != NULL && r->budgets == NULL)) {
		retrier_free(r);
		return NULL;
	}
	for (i = 0; r->budgets != NULL && i <= r->ntags; i++)
		r->budgets[i].limit = plan->budgets[i];
	return r;
}

void
retrier_free(struct retrier *r)
{
	if (r == NULL)
		return;
	free(r->wishes);
	free(r->guards);
	free(r->budgets);
	free(r);
}
