/* Building a plan out of RUN_BEGIN and TEST_ADDs; see manifest.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/faketime.h"
#include "common/spec.h"
#include "supervisor/manifest.h"

#define MANIFEST_RESOURCES_MAX	4096
#define MANIFEST_TAGS_MAX	4096	/* more have no budget and no breaker of their own, */
#define MANIFEST_TEST_TAGS	64	/* nor have more than these of one test */
#define MANIFEST_HOOK_MS		30000	/* of a hook that states no timeout */

static int
refuse(char *why, int r, const char *text, struct sv what)
{
	(void)snprintf(why, MANIFEST_WHY, "%s '%.*s'", text, (int)(what.n > 200 ? 200 : what.n),
	    what.n > 0 ? what.p : "");
	return r;
}

static int
no_memory(char *why)
{
	(void)snprintf(why, MANIFEST_WHY, "the supervisor has no memory for this plan");
	return -ENOMEM;
}

static struct sv
dup_sv(struct arena *a, struct sv s)
{
	return (struct sv){ arena_dup(a, s.p, s.n), s.n };
}

static int
dup_strs(struct arena *a, struct svs in, struct svs *ret)
{
	struct sv	*v = arena_alloc(a, (in.n + 1) * sizeof *v);

	if (v == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < in.n; i++) {
		v[i] = dup_sv(a, in.v[i]);
		if (v[i].p == NULL)
			return -ENOMEM;
	}
	*ret = (struct svs){ v, in.n };
	return 0;
}

/* The number of a lock or of a slot; one that is new has `count` (0: refuse). */
static int
resource(struct manifest *p, struct strmap *names, struct sv name, uint32_t count, uint32_t *ret)
{
	uint32_t	*v, at = strmap_get(names, name);

	if (at != STRMAP_NONE) {
		*ret = at;
		return 0;
	}
	if (count == 0)
		return -ENOENT;
	if (p->nresources == MANIFEST_RESOURCES_MAX)
		return -ENOSPC;
	if ((p->nresources & (p->nresources + 1)) == 0) {	/* 0, 1, 3, 7: grow */
		v = reallocarray(p->resources, p->nresources * 2 + 1, sizeof *v);
		if (v == NULL)
			return -ENOMEM;
		p->resources = v;
	}
	name = dup_sv(&p->arena, name);
	if (name.p == NULL || strmap_put(names, name, p->nresources) != 0)
		return -ENOMEM;
	p->resources[p->nresources] = count;
	*ret = p->nresources++;
	return 0;
}

static int
declare_slots(struct manifest *p, struct svs slots, char *why)
{
	struct sv	name;
	uint32_t	count, at;
	int		r = 0;

	for (uint32_t i = 0; i < slots.n && r == 0; i++) {
		if (spec_slot(slots.v[i], &name, &count) != 0 || count == 0)
			return refuse(why, -EINVAL, "not NAME=COUNT:", slots.v[i]);
		r = resource(p, &p->slot_names, name, count, &at);
	}
	return r == 0 ? 0 : r == -ENOSPC ? refuse(why, r, "too many resources at", name) :
	    no_memory(why);
}

static int
check_budgets(struct svs words, char *why)
{
	struct spec_budget	b;

	if (words.n % 2 != 0 || words.n / 2 > SPEC_BUDGETS_MAX)
		return refuse(why, -EINVAL, "too many retry budgets", SV_LIT(""));
	for (uint32_t i = 0; i < words.n; i += 2) {
		if (spec_budget(words.v[i + 1], &b) != 0)
			return refuse(why, -EINVAL, "not a retry budget like 2%, 20 or 10m:",
			    words.v[i + 1]);
	}
	return 0;
}

/* A setting by its index, cut to 32 bits. */
static uint32_t
number(struct nums v, unsigned i)
{
	uint64_t	x = nums_at(v, i);

	return x < UINT32_MAX ? (uint32_t)x : UINT32_MAX;
}

static struct breaker_policy
breaker_settings(struct nums v)
{
	struct breaker_policy	b = { .off = number(v, BREAKER_SET_OFF) != 0,
	    .window = number(v, BREAKER_SET_WINDOW), .minimum = number(v, BREAKER_SET_MINIMUM),
	    .failure_ppm = number(v, BREAKER_SET_FAILURE_PPM),
	    .consecutive = number(v, BREAKER_SET_CONSECUTIVE),
	    .cool_down_ms = number(v, BREAKER_SET_COOL_DOWN_MS),
	    .mass_ppm = number(v, BREAKER_SET_MASS_PPM) };

	return b;
}

static double
share(struct nums v, enum flake_setting i)
{
	return (double)nums_at(v, i) / 1e6;
}

static struct flake_policy
flake_settings(struct nums v)
{
	struct flake_policy	f = { .on = number(v, FLAKE_SET_ON) != 0,
	    .runs = number(v, FLAKE_SET_RUNS), .max_runs = number(v, FLAKE_SET_MAX_RUNS),
	    .threshold = share(v, FLAKE_SET_THRESHOLD_PPM),
	    .stop_on_stable = number(v, FLAKE_SET_STOP_ON_STABLE) != 0,
	    .alpha = share(v, FLAKE_SET_ALPHA_PPM), .rate = share(v, FLAKE_SET_RATE_PPM),
	    .noise = share(v, FLAKE_SET_NOISE_PPM), .fdr = share(v, FLAKE_SET_FDR_PPM) };

	f.provoke = number(v, FLAKE_SET_PROVOKE) != 0;
	f.diagnose = number(v, FLAKE_SET_DIAGNOSE);
	f.budget = number(v, FLAKE_SET_BUDGET);
	f.budget_ms = nums_at(v, FLAKE_SET_BUDGET_MS);
	f.use_record = number(v, FLAKE_SET_RECORD) != 0;
	f.under = number(v, FLAKE_SET_UNDER);
	f.until_fails = number(v, FLAKE_SET_UNTIL_FAILS);
	f.conditions = number(v, FLAKE_SET_CONDITIONS);
	if (f.conditions == 0)
		f.conditions = FLAKE_USUAL | FLAKE_ASIDE;
	if (number(v, FLAKE_SET_POWER_PPM) != 0)
		f.beta = 1 - share(v, FLAKE_SET_POWER_PPM);
	return flake_defaults(&f);
}

/* One test after the other: what speaks of any other order contradicts it. */
static int
share_folder(struct manifest *p, const struct msg_run_begin *m, char *why)
{
	if (m->shuffle || p->flake.on || m->jobs > 1) {
		(void)snprintf(why, MANIFEST_WHY, "a run whose tests share a folder has one order "
		    "and one job: no shuffle, no flake detection, no more jobs");
		return -EINVAL;
	}
	p->shared = p->plan_order = true;
	p->jobs = 1;
	p->wide = 0;
	return 0;
}

/* Those that are asked for by name must be there; the usual ones always are. */
static int
check_conditions(struct nums v, char why[MANIFEST_WHY])
{
	uint64_t	 asked = nums_at(v, FLAKE_SET_CONDITIONS);
	char		*library;

	if (asked >> FLAKE_CONDITION_COUNT != 0 || (asked & 1u << FLAKE_PLAIN) != 0) {
		(void)snprintf(why, MANIFEST_WHY, "a condition is asked for that is not known here");
		return -EINVAL;
	}
	if (asked != 0 && (asked & ~(uint64_t)FLAKE_ASIDE) == 0) {
		(void)snprintf(why, MANIFEST_WHY, "no condition is asked for that shows a flaky test: "
		    "copies and fixed-layout only help to find its cause");
		return -EINVAL;
	}
	if ((asked & 1u << FLAKE_CLOCK) == 0 && nums_at(v, FLAKE_SET_UNDER) != 1 + FLAKE_CLOCK)
		return 0;
	library = faketime_find();
	if (library == NULL)
		return refuse(why, -EINVAL, "libfaketime is not installed here (apt-get install "
		    "libfaketime), which is needed for the condition", SV_LIT("clock"));
	free(library);
	return 0;
}

/* As many attempts as keep the CPUs busy; a number that is stated too is the most. */
static void
follow_cpus(struct manifest *p, const struct msg_run_begin *m, const struct config *c, uint32_t cpus)
{
	uint64_t	most = (uint64_t)cpus * c->auto_jobs;

	if (m->jobs == 0)
		p->jobs = (uint32_t)(most < c->max_jobs ? most : c->max_jobs);
	p->wide = c->auto_jobs > 1 && p->jobs > 1 ? (uint32_t)c->auto_jobs : 0;
	p->cpus = cpus < p->jobs ? cpus : p->jobs;
}

/* Flake detection has no width of its own, as its conditions are about load, too; but room
 * for its crowds.  Tests that are to run one by one never meet. */
static void
make_room(struct manifest *p, const struct config *c)
{
	const struct flake_policy	*f = &p->flake;

	if (p->wide > 0)
		p->jobs = p->cpus;
	p->wide = 0;
	p->cpus = p->jobs;
	if (p->jobs > 1 && p->jobs <= c->max_jobs / FLAKE_CROWD && flake_crowds(f))
		p->crowd = FLAKE_CROWD;
}

uint32_t
manifest_most(const struct manifest *p)
{
	return p->crowd > 0 ? p->jobs * p->crowd : p->jobs;
}

int
manifest_begin(struct manifest *p, const struct msg_run_begin *m, const struct config *c, uint32_t cpus,
    uint64_t hash_key, char why[MANIFEST_WHY])
{
	int	r;

	memset(p, 0, sizeof *p);
	p->names.key = p->lock_names.key = p->slot_names.key = p->tag_names.key = hash_key;
	p->reader = msg_reader_new();
	if (p->reader == NULL)
		return no_memory(why);
	if (m->name.n > SPEC_NAME_MAX)
		return refuse(why, -EINVAL, "the label is longer than 512 bytes:", m->name);
	if (m->parent.n > SPEC_NAME_MAX)
		return refuse(why, -EINVAL, "the parent is longer than 512 bytes:", m->parent);
	if (nums_at(m->flake, FLAKE_SET_UNDER) > FLAKE_CONDITION_COUNT)
		return refuse(why, -EINVAL, "flake detection under an unknown condition", SV_LIT(""));
	if (spec_revision_wrong(m->revision) != NULL)
		return refuse(why, -EINVAL, spec_revision_wrong(m->revision), SV_LIT(""));
	if (m->jobs > c->max_jobs) {
		(void)snprintf(why, MANIFEST_WHY, "%llu jobs are more than the %llu of max-jobs",
		    (unsigned long long)m->jobs, (unsigned long long)c->max_jobs);
		return -EINVAL;
	}
	p->jobs = (uint32_t)(m->jobs != 0 ? m->jobs : c->jobs != 0 ? c->jobs : cpus);
	if (m->auto_width)
		follow_cpus(p, m, c, cpus);
	p->max_fail = m->max_fail > UINT32_MAX ? 0 : (uint32_t)m->max_fail;
	p->timeout_ms = m->timeout_ms;
	p->test_timeout_ms = MSG_HAS(m, run_begin, test_timeout_ms) ? m->test_timeout_ms :
	    c->timeout_ms;
	p->grace_ms = MSG_HAS(m, run_begin, grace_ms) ? m->grace_ms : c->grace_ms;
	if (p->timeout_ms > SPEC_TIMEOUT_MAX_MS || p->test_timeout_ms > SPEC_TIMEOUT_MAX_MS ||
	    p->grace_ms > SPEC_TIMEOUT_MAX_MS)
		return refuse(why, -EINVAL, "a duration is longer than 30 days", SV_LIT(""));
	if (m->priority > 2 * SPEC_PRIORITY_MAX)
		return refuse(why, -EINVAL, "the priority is not from -10 to 10", SV_LIT(""));
	p->priority = spec_priority(m->priority);
	if (m->isolation.n > 0 && isolation_parse(m->isolation, &p->asked, why) != 0)
		return -EINVAL;
	p->seed = m->seed;
	p->shuffle = m->shuffle;
	p->detach = m->detach;
	p->live = m->live;
	p->plan_order = m->plan_order;
	p->breaker = breaker_settings(m->breaker);
	p->flake = flake_settings(m->flake);
	if (p->flake.on)
		make_room(p, c);
	p->context.umask = m->umask & 0777;
	p->context.seed = m->seed;
	if (m->name.n > 0 && (p->label = strndup(m->name.p, m->name.n)) == NULL)
		return no_memory(why);
	if (m->parent.n > 0 && (p->parent = strndup(m->parent.p, m->parent.n)) == NULL)
		return no_memory(why);
	if (m->revision.n > 0 && (p->revision = strndup(m->revision.p, m->revision.n)) == NULL)
		return no_memory(why);
	if (dup_strs(&p->arena, m->env, &p->context.env) != 0 ||
	    dup_strs(&p->arena, m->slots, &p->slot_words) != 0 ||
	    dup_strs(&p->arena, m->budgets, &p->budget_words) != 0)
		return no_memory(why);
	r = check_budgets(m->budgets, why);
	if (r == 0 && m->shared)
		r = share_folder(p, m, why);
	if (r == 0)
		r = check_conditions(m->flake, why);
	return r == 0 ? declare_slots(p, m->slots, why) : r;
}

static int
grow(struct manifest *p)
{
	uint32_t		 cap = p->cap != 0 ? p->cap * 2 : 16;
	struct manifest_test	*t;
	struct sched_test	*s;

	if (p->ntests < p->cap)
		return 0;
	t = reallocarray(p->tests, cap, sizeof *t);
	if (t == NULL)
		return -ENOMEM;
	p->tests = t;
	s = reallocarray(p->sched, cap, sizeof *s);
	if (s == NULL)
		return -ENOMEM;
	p->sched = s;
	p->cap = cap;
	return 0;
}

/* What a test takes, as the scheduler wants it. */
static int
needs(struct manifest *p, const struct msg_test_add *m, struct sched_test *st, char *why)
{
	struct sched_need	*v = NULL;
	struct sv		 name;
	uint32_t		 n = m->locks.n + m->slots.n, count = 1;
	int			 r = 0;

	if (n == 0)
		return 0;
	v = arena_alloc(&p->arena, n * sizeof *v);
	if (v == NULL)
		return no_memory(why);
	for (uint32_t i = 0; i < n && r == 0; i++) {
		if (i < m->locks.n) {
			name = m->locks.v[i];
			r = resource(p, &p->lock_names, name, 1, &v[i].resource);
		} else {
			(void)spec_slot(m->slots.v[i - m->locks.n], &name, &count);
			r = resource(p, &p->slot_names, name, 0, &v[i].resource);
		}
		if (r == -ENOENT)
			return refuse(why, -EINVAL, "a test takes a slot that no plan declares:",
			    name);
		if (r == 0 && count > p->resources[v[i].resource])
			return refuse(why, -EINVAL, "a test takes more than there is of", name);
		for (uint32_t k = 0; k < i && r == 0; k++) {
			if (v[k].resource == v[i].resource)
				return refuse(why, -EINVAL, "a test takes twice of", name);
		}
		v[i].count = count;
	}
	if (r == -ENOSPC)
		return refuse(why, r, "too many resources at", name);
	if (r != 0)
		return no_memory(why);
	st->needs = v;
	st->nneeds = n;
	return 0;
}

/* The number of a tag, a new one where there is room; STRMAP_NONE where not. */
static int
tag_number(struct manifest *p, struct sv tag, uint32_t *ret)
{
	struct manifest_tag	*v;
	uint32_t		 at = strmap_get(&p->tag_names, tag);

	*ret = at;
	if (at != STRMAP_NONE || p->ntags == MANIFEST_TAGS_MAX)
		return 0;
	at = p->ntags;
	if ((at & (at + 1)) == 0) {	/* 0, 1, 3, 7: grow */
		v = reallocarray(p->tags, at * 2 + 1, sizeof *v);
		if (v == NULL)
			return -ENOMEM;
		p->tags = v;
	}
	tag = dup_sv(&p->arena, tag);
	if (tag.p == NULL || strmap_put(&p->tag_names, tag, at) != 0)
		return -ENOMEM;
	p->tags[p->ntags++] = (struct manifest_tag){ tag, 0 };
	*ret = at;
	return 0;
}

/* The numbers of its tags, none twice. */
static int
number_tags(struct manifest *p, const struct msg_test_add *m, struct sched_test *st)
{
	uint32_t	n = m->tags.n < MANIFEST_TEST_TAGS ? m->tags.n : MANIFEST_TEST_TAGS;
	uint32_t	*v, at, k;

	if (n == 0)
		return 0;
	v = arena_alloc(&p->arena, n * sizeof *v);
	if (v == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		if (tag_number(p, m->tags.v[i], &at) != 0)
			return -ENOMEM;
		for (k = 0; k < st->ntags && v[k] != at; k++)
			;
		if (at == STRMAP_NONE || k < st->ntags)
			continue;
		p->tags[at].tests++;
		v[st->ntags++] = at;
	}
	st->tags = v;
	return 0;
}

/* A copy in the arena, or the one that the test before has, where that is the same: most
 * tests of a plan are alike in this.  NULL: no memory. */
static const void *
share_copy(struct arena *a, const void *before, const void *data, size_t n)
{
	return before != NULL && memcmp(before, data, n) == 0 ? before : arena_dup(a, data, n);
}

static int
keep_retry(struct manifest *p, const struct msg_test_add *m, struct sched_test *st)
{
	const struct sched_retry	*before = p->ntests > 0 ? p->sched[p->ntests - 1].retry : NULL;
	struct sched_retry		 r;

	memset(&r, 0, sizeof r);	/* the gaps are compared too */
	r.count = (uint32_t)m->retry_count;
	r.on_request = !MSG_HAS(m, test_add, retry_count);
	r.auto_delay = !MSG_HAS(m, test_add, retry_delay_ms);
	r.where = (enum retry_where)m->retry_where;
	r.delay_ms = m->retry_delay_ms;
	r.multiplier_milli = (uint32_t)m->retry_multiplier_milli;
	r.max_delay_ms = m->retry_max_delay_ms;
	r.jitter = (enum retry_jitter)m->retry_jitter;
	st->retry = share_copy(&p->arena, before, &r, sizeof r);
	return st->retry != NULL ? 0 : -ENOMEM;
}

static struct manifest_bounds
bounds_of(const struct manifest *p, const struct msg_test_add *m)
{
	uint64_t		setup = m->setup_timeout_ms != 0 ? m->setup_timeout_ms : MANIFEST_HOOK_MS;
	uint64_t		teardown = m->teardown_timeout_ms != 0 ? m->teardown_timeout_ms :
	    MANIFEST_HOOK_MS;
	struct manifest_bounds	b = { .timeout_ms = p->test_timeout_ms,
	    .output_limit = SPEC_OUTPUT_DEFAULT };

	if (MSG_HAS(m, test_add, timeout_ms))
		b.timeout_ms = m->timeout_ms;
	b.grace_ms = (uint32_t)(MSG_HAS(m, test_add, grace_ms) ? m->grace_ms : p->grace_ms);
	if (m->output_limit != 0)
		b.output_limit = (uint32_t)m->output_limit;
	if (b.timeout_ms == 0)
		return b;
	b.limit_ms = b.timeout_ms + b.grace_ms;
	if (m->setup.n > 0)
		b.limit_ms += setup + b.grace_ms;
	if (m->teardown.n > 0)
		b.limit_ms += teardown + b.grace_ms;
	return b;
}

static int
keep_bounds(struct manifest *p, const struct msg_test_add *m, struct manifest_test *t)
{
	const struct manifest_bounds	*before = p->ntests > 0 ? p->tests[p->ntests - 1].bounds :
	    NULL;
	struct manifest_bounds		 b = bounds_of(p, m);
	struct limits			 l = limits_of(m);

	if (limits_any(&l)) {
		b.limits = share_copy(&p->arena, before != NULL ? before->limits : NULL, &l,
		    sizeof l);
		if (b.limits == NULL)
			return -ENOMEM;
	}
	t->bounds = share_copy(&p->arena, before, &b, sizeof b);
	return t->bounds != NULL ? 0 : -ENOMEM;
}

int
manifest_add(struct manifest *p, const struct msg_test_add *m, const struct config *c, char why[MANIFEST_WHY])
{
	struct sched_test	 st = { .weight = m->weight != 0 ? (uint32_t)m->weight : 1,
	    .serial = m->serial, .skip = m->skip.n > 0 };
	struct manifest_test	 t;
	union msg_body		 body;
	char			*spec = NULL;
	size_t			 len = 0;
	int			 r;

	memset(&t, 0, sizeof t);
	r = spec_check(m, why, MANIFEST_WHY);
	if (r != 0)
		return r;
	if (strmap_get(&p->names, m->name) != STRMAP_NONE)
		return refuse(why, -EINVAL, "two tests have the name", m->name);
	if (p->ntests >= c->max_tests || p->arena.total >= c->max_plan) {
		(void)snprintf(why, MANIFEST_WHY, "the plan passes the bound of %llu tests or %llu bytes",
		    (unsigned long long)c->max_tests, (unsigned long long)c->max_plan);
		return -ENOSPC;
	}
	if (p->flake.on && ((uint64_t)p->ntests + 1) * (p->flake.runs > 0 ? p->flake.runs :
	    p->flake.max_runs + p->flake.diagnose) > MANIFEST_ATTEMPTS_MAX) {
		(void)snprintf(why, MANIFEST_WHY, "flake detection of so many tests may take more than "
		    "%d attempts: select fewer tests, or ask for fewer runs", MANIFEST_ATTEMPTS_MAX);
		return -ENOSPC;
	}
	r = needs(p, m, &st, why);
	if (r != 0)
		return r;
	/* Nothing runs beside it, so that all it needs is there: one kind of tests, which
	 * has one order.  A retry would find what the attempt before it has left. */
	if (p->shared)
		st = (struct sched_test){ .weight = 1, .skip = st.skip };
	else if (keep_retry(p, m, &st) != 0)
		return no_memory(why);
	if (keep_bounds(p, m, &t) != 0 || number_tags(p, m, &st) != 0 || grow(p) != 0 ||
	    msg_encode(MSG_TEST_ADD, m, &spec, &len) != 0)
		return no_memory(why);
	t.spec = (struct sv){ arena_dup(&p->arena, spec, len), len };
	free(spec);
	/* Decoded again for strings that live as long as the plan does. */
	if (t.spec.p == NULL || msg_decode(p->reader, MSG_TEST_ADD, t.spec.p, t.spec.n, &body,
	    NULL) != 0)
		return no_memory(why);
	t.name = body.test_add.name;
	t.source = body.test_add.source;
	t.suite = body.test_add.suite;
	t.skip = body.test_add.skip;
	if (strmap_put(&p->names, t.name, p->ntests) != 0)
		return no_memory(why);
	p->tests[p->ntests] = t;
	p->sched[p->ntests++] = st;
	return 0;
}

static struct budget_limit
limit_of(struct sv words, uint32_t tests)
{
	struct budget_limit	limit = BUDGET_UNLIMITED;
	struct spec_budget	b = { .kind = BUDGET_NONE };

	(void)spec_budget(words, &b);		/* it was checked */
	switch (b.kind) {
	case BUDGET_PPM:
		limit.retries = budget_share(b.value, tests);
		break;
	case BUDGET_RETRIES:
		limit.retries = b.value;
		break;
	case BUDGET_MS:
		limit.ms = b.value;
		break;
	case BUDGET_NONE:
		break;
	}
	return limit;
}

int
manifest_close(struct manifest *p)
{
	uint32_t	at;

	msg_reader_free(p->reader);
	p->reader = NULL;
	if (p->budget_words.n == 0)
		return 0;
	p->budgets = calloc((size_t)p->ntags + 1, sizeof *p->budgets);
	if (p->budgets == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i <= p->ntags; i++)
		p->budgets[i] = BUDGET_UNLIMITED;
	for (uint32_t i = 0; i < p->budget_words.n; i += 2) {
		struct sv	tag = p->budget_words.v[i], words = p->budget_words.v[i + 1];

		at = tag.n == 0 ? p->ntags : strmap_get(&p->tag_names, tag);
		if (at != STRMAP_NONE)
			p->budgets[at] = limit_of(words, tag.n == 0 ? p->ntests : p->tags[at].tests);
	}
	return 0;
}

struct sched_plan
manifest_plan(const struct manifest *p)
{
	return (struct sched_plan){ .tests = p->sched, .ntests = p->ntests,
	    .resources = p->resources, .nresources = p->nresources, .ntags = p->ntags,
	    .budgets = p->budgets, .breaker = p->breaker, .flake = p->flake, .records = p->records,
	    .by_history = !p->plan_order && !p->flake.on, .jobs = manifest_most(p),
	    .wide = p->wide, .crowd = p->crowd, .cpus = p->cpus,
	    .max_fail = p->max_fail, .timeout_ms = p->timeout_ms, .shuffle = p->shuffle, .seed = p->seed };
}

void
manifest_free(struct manifest *p)
{
	msg_reader_free(p->reader);
	strmap_free(&p->names);
	strmap_free(&p->lock_names);
	strmap_free(&p->slot_names);
	strmap_free(&p->tag_names);
	arena_free(&p->arena);
	free(p->tests);
	free(p->sched);
	free(p->records);
	free(p->resources);
	free(p->tags);
	free(p->budgets);
	free(p->label);
	free(p->parent);
	free(p->revision);
	memset(p, 0, sizeof *p);
}

uint64_t
manifest_memory(const struct manifest *p)
{
	return p->arena.total + (uint64_t)p->cap * (sizeof *p->tests + sizeof *p->sched) +
	    (uint64_t)p->names.size * 32;
}
