/*
 * The rules of retrier.h written as plainly as they can be; the breakers themselves are
 * breaker.c's, which has a reference of its own.  Part of sim_sched_ref.c.
 */
#ifndef SIM_REF_RETRY_H
#define SIM_REF_RETRY_H

/* The breaker for something; made when it is first asked for. */
static struct rbreaker *
breaker_of(struct ref *r, enum breaker_scope scope, uint64_t key)
{
	struct rbreaker *b;

	for (b = r->breakers; b < r->breakers + r->nbreakers; b++)
		if (b->scope == scope && b->key == key)
			return b;
	r->nbreakers++;
	*b = (struct rbreaker){ .scope = scope, .key = key };
	return b;
}

/* All that concern a retry of `t`. */
static uint32_t
breakers_of(struct ref *r, uint32_t t, struct rbreaker **ret)
{
	uint32_t n = 0, i;

	if (r->p->breaker.off)
		return 0;
	ret[n++] = breaker_of(r, BREAKER_RUN, 0);
	for (i = 0; i < r->p->tests[t].ntags; i++)
		ret[n++] = breaker_of(r, BREAKER_TAG, r->p->tests[t].tags[i]);
	if (r->t[t].print != 0)
		ret[n++] = breaker_of(r, BREAKER_FINGERPRINT, r->t[t].print);
	return n;
}

static void
say_refused(struct ref *r, uint32_t t, enum retry_decision why, enum breaker_scope scope,
    uint64_t tag, struct said *said)
{
	said->refused[t][0] = why;
	said->refused[t][1] = scope;
	said->refused[t][2] = tag;
	said->refused[t][3] = r->t[t].print;
	ref_verdict(r, t, r->t[t].status, 0, said);
}

/* The first breaker that does not let `t` start, or NULL. */
static struct rbreaker *
stopper(struct ref *r, uint64_t now, uint32_t t)
{
	struct rbreaker *v[TAGS_MAX + 2];
	uint32_t n = breakers_of(r, t, v), i;

	for (i = 0; i < n; i++)
		if (!breaker_allows(&v[i]->b, t, now))
			return v[i];
	return NULL;
}

static void
say_stopped(struct ref *r, uint32_t t, const struct rbreaker *b, struct said *said)
{
	say_refused(r, t, b->why, b->scope,
	    b->scope == BREAKER_TAG ? b->key : r->p->ntags, said);
}

/* The retry was paid for, and is not to start. */
static void
ref_refund(struct ref *r, uint32_t t)
{
	uint32_t i;

	r->spent[r->p->ntags]--;
	for (i = 0; i < r->p->tests[t].ntags; i++)
		r->spent[r->p->tests[t].tags[i]]--;
}

static void
ref_refuse_granted(struct ref *r, uint32_t t, struct said *said)
{
	ref_refund(r, t);
	say_stopped(r, t, stopper(r, said->now, t), said);
}

static bool
ref_may_start(struct ref *r, uint64_t now, uint32_t t)
{
	struct rbreaker *v[TAGS_MAX + 2];
	uint32_t n = breakers_of(r, t, v), i;

	if (stopper(r, now, t) != NULL)
		return false;
	for (i = 0; i < n; i++)
		breaker_start(&v[i]->b, t);
	return true;
}

/* Retries that wait are refused by a breaker that is open and has not cooled down. */
static void
ref_withdraw(struct ref *r, uint64_t now, struct said *said)
{
	struct rbreaker *v[TAGS_MAX + 2];
	uint32_t n, i, t;

	for (t = 0; t < r->p->ntests; t++) {
		if ((r->t[t].life != DELAYED && r->t[t].life != HELD) || r->t[t].lost_last)
			continue;
		n = breakers_of(r, t, v);
		for (i = 0; i < n && (v[i]->b.state != BREAKER_OPEN ||
		    breaker_allows(&v[i]->b, t, now)); i++)
			;
		if (i == n)
			continue;
		ref_refund(r, t);
		say_stopped(r, t, v[i], said);
	}
}

static void
ref_mass(struct ref *r, uint64_t now)
{
	struct breaker_policy p = breaker_defaults(r->p->breaker, BREAKER_RUN);
	struct rbreaker *run = breaker_of(r, BREAKER_RUN, 0);
	uint32_t t, n = 0, bad = 0;
	bool mass;

	for (t = 0; t < r->p->ntests; t++) {
		n += r->t[t].has_result;
		bad += r->t[t].has_result && r->t[t].is_bad;
	}
	mass = n >= 10 && n >= r->p->ntests / 2 && bad * 1e6 >= (double)p.mass_ppm * n;
	if (mass && !r->mass) {
		breaker_trip(&run->b, &p, now);
		run->why = RETRY_MASS_FAILURE;
	}
	r->mass = mass;
}

/* What an attempt that ended tells the budgets and the breakers. */
static void
ref_ended(struct ref *r, uint64_t now, const struct sched_in *in)
{
	struct rtest *t = &r->t[in->test];
	const struct sched_test *plan = &r->p->tests[in->test];
	struct rbreaker *v[TAGS_MAX + 2];
	uint32_t n = breakers_of(r, in->test, v), i;
	bool narrow_open = n > 0 && v[n - 1]->scope == BREAKER_FINGERPRINT &&
	    v[n - 1]->b.state != BREAKER_CLOSED;
	bool result = in->outcome == OUTCOME_PASS || is_fail(in->outcome);

	if (result || in->outcome == OUTCOME_EXEC_ERROR) {
		t->has_result = true;
		t->is_bad = in->outcome != OUTCOME_PASS;
	}
	if (t->failed && in->outcome != OUTCOME_LOST) {
		t->retried_ms += in->elapsed_ms;
		r->spent_ms[r->p->ntags] += in->elapsed_ms;
		for (i = 0; i < plan->ntags; i++)
			r->spent_ms[plan->tags[i]] += in->elapsed_ms;
	}
	for (i = 0; t->failed && i < n; i++) {
		struct breaker_policy p = breaker_defaults(r->p->breaker, v[i]->scope);
		enum breaker_state was = v[i]->b.state;

		if (!result)
			breaker_abandon(&v[i]->b, in->test);
		else if (in->outcome != OUTCOME_PASS && narrow_open &&
		    was == BREAKER_CLOSED && v[i]->scope != BREAKER_FINGERPRINT)
			continue;
		else
			breaker_result(&v[i]->b, &p, in->test,
			    in->outcome == OUTCOME_PASS, now);
		if (v[i]->b.state == BREAKER_OPEN && was != BREAKER_OPEN)
			v[i]->why = v[i]->scope == BREAKER_RUN && r->mass ?
			    RETRY_MASS_FAILURE : RETRY_BREAKER;
	}
	if (!r->p->breaker.off)
		ref_mass(r, now);
}

static bool
is_spent(const struct ref *r, uint32_t i)
{
	return r->p->budgets != NULL && (r->spent[i] >= r->p->budgets[i].retries ||
	    r->spent_ms[i] >= r->p->budgets[i].ms);
}

static void
ref_grant(struct ref *r, uint64_t now, const struct sched_in *in)
{
	struct rtest *t = &r->t[in->test];
	struct sched_retry how = *r->p->tests[in->test].retry;

	if (how.auto_delay && !in->resource_like) {
		how.delay_ms = 0;
		how.jitter = JITTER_NONE;
	} else if (how.auto_delay) {
		how.delay_ms = 250;
		how.max_delay_ms = 10000;
		how.jitter = JITTER_DECORRELATED;
	}
	t->failed = true;
	t->last = *in;
	t->retries++;
	t->delay = retry_delay(&how, r->p->seed, in->test, t->retries, t->delay);
	t->due = now + t->delay;
	t->life = DELAYED;
}

/* True: it was decided about a failure, and told. */
static bool
ref_decide(struct ref *r, uint64_t now, const struct sched_in *in, struct said *said)
{
	const struct sched_test *plan = &r->p->tests[in->test];
	struct rtest *t = &r->t[in->test];
	struct rbreaker *b;
	uint32_t i, most = plan->retry->count;

	t->print = in->fingerprint;
	t->status = outcome_status(in->outcome);
	if (in->says == SAYS_PLEASE && plan->retry->on_request)
		most = 2;
	if (t->retries >= most)
		return false;
	if (in->says == SAYS_NEVER) {
		say_refused(r, in->test, RETRY_RULE, BREAKER_RUN, r->p->ntags, said);
		return true;
	}
	for (i = 0; i < plan->ntags; i++)
		if (is_spent(r, plan->tags[i])) {
			say_refused(r, in->test, RETRY_TAG_BUDGET, BREAKER_TAG,
			    plan->tags[i], said);
			return true;
		}
	b = stopper(r, now, in->test);
	if (is_spent(r, r->p->ntags)) {
		say_refused(r, in->test, RETRY_BUDGET, BREAKER_RUN, r->p->ntags, said);
		return true;
	}
	if (b != NULL) {
		say_stopped(r, in->test, b, said);
		return true;
	}
	r->spent[r->p->ntags]++;
	for (i = 0; i < plan->ntags; i++)
		r->spent[plan->tags[i]]++;
	ref_grant(r, now, in);
	said->again[in->test] = 1 + t->delay + ((uint64_t)plan->retry->where << 56);
	return true;
}

static void
say_breaker(struct said *said, enum breaker_scope scope, uint64_t key,
    enum breaker_state state, enum retry_decision why)
{
	uint64_t word = (uint64_t)scope << 24 | key << 16 | (uint64_t)state << 8 | why;
	uint32_t i;

	for (i = said->nbreakers++; i > 0 && said->breakers[i - 1] > word; i--)
		said->breakers[i] = said->breakers[i - 1];
	said->breakers[i] = word;
}

static void
ref_tell_breakers(struct ref *r, struct said *said)
{
	struct rbreaker *b;

	for (b = r->breakers; b < r->breakers + r->nbreakers; b++)
		if (b->b.state != b->told) {
			b->told = b->b.state;
			say_breaker(said, b->scope, b->key, b->told, b->why);
		}
}

#endif
