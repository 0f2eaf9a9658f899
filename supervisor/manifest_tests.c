/* The tests of a plan, each as its TEST_ADD describes it; see manifest.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/spec.h"
#include "supervisor/manifest_int.h"

#define MANIFEST_TAGS_MAX	4096	/* more have no budget and no breaker of their own, */
#define MANIFEST_TEST_TAGS	64	/* nor have more than these of one test */
#define MANIFEST_HOOK_MS	30000	/* of a hook that states no timeout */

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
		return manifest_no_memory(why);
	for (uint32_t i = 0; i < n && r == 0; i++) {
		if (i < m->locks.n) {
			name = m->locks.v[i];
			r = manifest_resource(p, &p->lock_names, name, 1, &v[i].resource);
		} else {
			(void)spec_slot(m->slots.v[i - m->locks.n], &name, &count);
			r = manifest_resource(p, &p->slot_names, name, 0, &v[i].resource);
		}
		if (r == -ENOENT)
			return manifest_refuse(why, -EINVAL,
			    "a test takes a slot that no plan declares:", name);
		if (r == 0 && count > p->resources[v[i].resource])
			return manifest_refuse(why, -EINVAL, "a test takes more than there is of",
			    name);
		for (uint32_t k = 0; k < i && r == 0; k++) {
			if (v[k].resource == v[i].resource)
				return manifest_refuse(why, -EINVAL, "a test takes twice of", name);
		}
		v[i].count = count;
	}
	if (r == -ENOSPC)
		return manifest_refuse(why, r, "too many resources at", name);
	if (r != 0)
		return manifest_no_memory(why);
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
	tag = arena_dup_sv(&p->arena, tag);
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
	const struct sched_retry	*before = p->ntests > 0 ? p->sched[p->ntests - 1].retry :
	    NULL;
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
	uint64_t		setup = m->setup_timeout_ms != 0 ? m->setup_timeout_ms :
	    MANIFEST_HOOK_MS;
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

/* May there be one more? */
static int
check_room(const struct manifest *p, const struct config *c, char *why)
{
	uint64_t	runs = p->flake.runs > 0 ? p->flake.runs :
	    p->flake.max_runs + p->flake.diagnose;

	if (p->ntests >= c->max_tests || p->arena.total >= c->max_plan) {
		(void)snprintf(why, MANIFEST_WHY, "the plan passes the bound of %llu tests or "
		    "%llu bytes", (unsigned long long)c->max_tests,
		    (unsigned long long)c->max_plan);
		return -ENOSPC;
	}
	if (p->flake.on && ((uint64_t)p->ntests + 1) * runs > MANIFEST_ATTEMPTS_MAX) {
		(void)snprintf(why, MANIFEST_WHY, "flake detection of so many tests may take more "
		    "than %d attempts: select fewer tests, or ask for fewer runs",
		    MANIFEST_ATTEMPTS_MAX);
		return -ENOSPC;
	}
	return 0;
}

/* The specification, decoded again for strings that live as long as the plan does. */
static int
keep_spec(struct manifest *p, const struct msg_test_add *m, struct manifest_test *t)
{
	union msg_body	 body;
	char		*spec = NULL;
	size_t		 len = 0;

	if (msg_encode(MSG_TEST_ADD, m, &spec, &len) != 0)
		return -ENOMEM;
	t->spec = (struct sv){ arena_dup(&p->arena, spec, len), len };
	free(spec);
	if (t->spec.p == NULL ||
	    msg_decode(p->reader, MSG_TEST_ADD, t->spec.p, t->spec.n, &body, NULL) != 0)
		return -ENOMEM;
	t->name = body.test_add.name;
	t->source = body.test_add.source;
	t->suite = body.test_add.suite;
	t->skip = body.test_add.skip;
	return 0;
}

int
manifest_add(struct manifest *p, const struct msg_test_add *m, const struct config *c,
    char why[MANIFEST_WHY])
{
	struct sched_test	 st = { .weight = m->weight != 0 ? (uint32_t)m->weight : 1,
	    .serial = m->serial, .skip = m->skip.n > 0 };
	struct manifest_test	 t;
	int			 r;

	memset(&t, 0, sizeof t);
	r = spec_check(m, why, MANIFEST_WHY);
	if (r != 0)
		return r;
	if (strmap_get(&p->names, m->name) != STRMAP_NONE)
		return manifest_refuse(why, -EINVAL, "two tests have the name", m->name);
	r = check_room(p, c, why);
	if (r == 0)
		r = needs(p, m, &st, why);
	if (r != 0)
		return r;
	/* Nothing runs beside it, so that all it needs is there: one kind of tests, which
	 * has one order.  A retry would find what the attempt before it has left. */
	if (p->shared)
		st = (struct sched_test){ .weight = 1, .skip = st.skip };
	else if (keep_retry(p, m, &st) != 0)
		return manifest_no_memory(why);
	if (keep_bounds(p, m, &t) != 0 || number_tags(p, m, &st) != 0 || grow(p) != 0 ||
	    keep_spec(p, m, &t) != 0 || strmap_put(&p->names, t.name, p->ntests) != 0)
		return manifest_no_memory(why);
	p->tests[p->ntests] = t;
	p->sched[p->ntests++] = st;
	return 0;
}
