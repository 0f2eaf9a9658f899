/* A plan as its RUN_BEGIN describes it, and what all of its tests come to; see manifest.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/faketime.h"
#include "common/spec.h"
#include "supervisor/manifest_int.h"

#define MANIFEST_RESOURCES_MAX	4096

int
manifest_refuse(char why[MANIFEST_WHY], int r, const char *text, struct sv what)
{
	(void)snprintf(why, MANIFEST_WHY, "%s '%.*s'", text, (int)(what.n > 200 ? 200 : what.n),
	    what.n > 0 ? what.p : "");
	return r;
}

int
manifest_no_memory(char why[MANIFEST_WHY])
{
	(void)snprintf(why, MANIFEST_WHY, "the supervisor has no memory for this plan");
	return -ENOMEM;
}

static int
dup_strs(struct arena *a, struct svs in, struct svs *ret)
{
	struct sv	*v = arena_alloc(a, (in.n + 1) * sizeof *v);

	if (v == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < in.n; i++) {
		v[i] = arena_dup_sv(a, in.v[i]);
		if (v[i].p == NULL)
			return -ENOMEM;
	}
	*ret = (struct svs){ v, in.n };
	return 0;
}

int
manifest_resource(struct manifest *p, struct strmap *names, struct sv name, uint32_t count,
    uint32_t *ret)
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
	name = arena_dup_sv(&p->arena, name);
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
			return manifest_refuse(why, -EINVAL, "not NAME=COUNT:", slots.v[i]);
		r = manifest_resource(p, &p->slot_names, name, count, &at);
	}
	return r == 0 ? 0 : r == -ENOSPC ? manifest_refuse(why, r, "too many resources at", name) :
	    manifest_no_memory(why);
}

static int
check_budgets(struct svs words, char *why)
{
	struct spec_budget	b;

	if (words.n % 2 != 0 || words.n / 2 > SPEC_BUDGETS_MAX)
		return manifest_refuse(why, -EINVAL, "too many retry budgets", SV_LIT(""));
	for (uint32_t i = 0; i < words.n; i += 2) {
		if (spec_budget(words.v[i + 1], &b) != 0)
			return manifest_refuse(why, -EINVAL,
			    "not a retry budget like 2%, 20 or 10m:", words.v[i + 1]);
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
		return manifest_refuse(why, -EINVAL, "libfaketime is not installed here (apt-get "
		    "install libfaketime), which is needed for the condition", SV_LIT("clock"));
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

/* What is wrong whatever else is said. */
static int
check_begin(const struct msg_run_begin *m, const struct config *c, char why[MANIFEST_WHY])
{
	if (m->name.n > SPEC_NAME_MAX)
		return manifest_refuse(why, -EINVAL, "the label is longer than 512 bytes:",
		    m->name);
	if (m->parent.n > SPEC_NAME_MAX)
		return manifest_refuse(why, -EINVAL, "the parent is longer than 512 bytes:",
		    m->parent);
	if (nums_at(m->flake, FLAKE_SET_UNDER) > FLAKE_CONDITION_COUNT)
		return manifest_refuse(why, -EINVAL, "flake detection under an unknown condition",
		    SV_LIT(""));
	if (spec_revision_wrong(m->revision) != NULL)
		return manifest_refuse(why, -EINVAL, spec_revision_wrong(m->revision), SV_LIT(""));
	if (m->jobs > c->max_jobs) {
		(void)snprintf(why, MANIFEST_WHY, "%llu jobs are more than the %llu of max-jobs",
		    (unsigned long long)m->jobs, (unsigned long long)c->max_jobs);
		return -EINVAL;
	}
	return 0;
}

static int
keep_texts(struct manifest *p, const struct msg_run_begin *m)
{
	if ((m->name.n > 0 && (p->label = strndup(m->name.p, m->name.n)) == NULL) ||
	    (m->parent.n > 0 && (p->parent = strndup(m->parent.p, m->parent.n)) == NULL) ||
	    (m->revision.n > 0 && (p->revision = strndup(m->revision.p, m->revision.n)) == NULL))
		return -ENOMEM;
	if (dup_strs(&p->arena, m->env, &p->context.env) != 0 ||
	    dup_strs(&p->arena, m->slots, &p->slot_words) != 0)
		return -ENOMEM;
	return dup_strs(&p->arena, m->budgets, &p->budget_words);
}

int
manifest_begin(struct manifest *p, const struct msg_run_begin *m, const struct config *c,
    uint32_t cpus, uint64_t hash_key, char why[MANIFEST_WHY])
{
	int	r;

	memset(p, 0, sizeof *p);
	p->names.key = p->lock_names.key = p->slot_names.key = p->tag_names.key = hash_key;
	p->reader = msg_reader_new();
	if (p->reader == NULL)
		return manifest_no_memory(why);
	r = check_begin(m, c, why);
	if (r != 0)
		return r;
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
		return manifest_refuse(why, -EINVAL, "a duration is longer than 30 days",
		    SV_LIT(""));
	if (m->priority > 2 * SPEC_PRIORITY_MAX)
		return manifest_refuse(why, -EINVAL, "the priority is not from -10 to 10",
		    SV_LIT(""));
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
	if (keep_texts(p, m) != 0)
		return manifest_no_memory(why);
	r = check_budgets(m->budgets, why);
	if (r == 0 && m->shared)
		r = share_folder(p, m, why);
	if (r == 0)
		r = check_conditions(m->flake, why);
	return r == 0 ? declare_slots(p, m->slots, why) : r;
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
