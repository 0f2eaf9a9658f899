/* Building a plan out of RUN_BEGIN and TEST_ADDs; see manifest.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/spec.h"
#include "supervisor/manifest.h"

#define MANIFEST_RESOURCES_MAX	4096
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

int
manifest_begin(struct manifest *p, const struct msg_run_begin *m, const struct config *c, uint32_t cpus,
    uint64_t hash_key, char why[MANIFEST_WHY])
{
	memset(p, 0, sizeof *p);
	p->names.key = p->lock_names.key = p->slot_names.key = hash_key;
	p->reader = msg_reader_new();
	if (p->reader == NULL)
		return no_memory(why);
	if (m->name.n > SPEC_NAME_MAX)
		return refuse(why, -EINVAL, "the label is longer than 512 bytes:", m->name);
	if (m->jobs > c->max_jobs) {
		(void)snprintf(why, MANIFEST_WHY, "%llu jobs are more than the %llu of max-jobs",
		    (unsigned long long)m->jobs, (unsigned long long)c->max_jobs);
		return -EINVAL;
	}
	p->jobs = (uint32_t)(m->jobs != 0 ? m->jobs : c->jobs != 0 ? c->jobs : cpus);
	p->max_fail = m->max_fail > UINT32_MAX ? 0 : (uint32_t)m->max_fail;
	p->timeout_ms = m->timeout_ms;
	p->test_timeout_ms = MSG_HAS(m, run_begin, test_timeout_ms) ? m->test_timeout_ms :
	    c->timeout_ms;
	p->grace_ms = MSG_HAS(m, run_begin, grace_ms) ? m->grace_ms : c->grace_ms;
	if (p->timeout_ms > SPEC_TIMEOUT_MAX_MS || p->test_timeout_ms > SPEC_TIMEOUT_MAX_MS ||
	    p->grace_ms > SPEC_TIMEOUT_MAX_MS)
		return refuse(why, -EINVAL, "a duration is longer than 30 days", SV_LIT(""));
	p->seed = m->seed;
	p->shuffle = m->shuffle;
	p->detach = m->detach;
	p->live = m->live;
	p->context.umask = m->umask & 0777;
	p->context.seed = m->seed;
	if (m->name.n > 0 && (p->label = strndup(m->name.p, m->name.n)) == NULL)
		return no_memory(why);
	if (dup_strs(&p->arena, m->env, &p->context.env) != 0)
		return no_memory(why);
	return declare_slots(p, m->slots, why);
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

static void
set_limits(const struct manifest *p, const struct msg_test_add *m, struct manifest_test *t)
{
	uint64_t	setup = m->setup_timeout_ms != 0 ? m->setup_timeout_ms : MANIFEST_HOOK_MS;
	uint64_t	teardown = m->teardown_timeout_ms != 0 ? m->teardown_timeout_ms :
	    MANIFEST_HOOK_MS;

	t->timeout_ms = MSG_HAS(m, test_add, timeout_ms) ? m->timeout_ms : p->test_timeout_ms;
	t->grace_ms = (uint32_t)(MSG_HAS(m, test_add, grace_ms) ? m->grace_ms : p->grace_ms);
	t->output_limit = (uint32_t)(m->output_limit != 0 ? m->output_limit :
	    SPEC_OUTPUT_DEFAULT);
	if (t->timeout_ms == 0)
		return;
	t->limit_ms = t->timeout_ms + t->grace_ms;
	if (m->setup.n > 0)
		t->limit_ms += setup + t->grace_ms;
	if (m->teardown.n > 0)
		t->limit_ms += teardown + t->grace_ms;
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
	st.retry = (struct sched_retry){ (uint32_t)m->retry_count, m->retry_delay_ms,
	    (uint32_t)m->retry_multiplier_milli, m->retry_max_delay_ms,
	    (enum retry_jitter)m->retry_jitter };
	r = needs(p, m, &st, why);
	if (r != 0)
		return r;
	set_limits(p, m, &t);
	if (grow(p) != 0 || msg_encode(MSG_TEST_ADD, m, &spec, &len) != 0)
		return no_memory(why);
	t.spec = (struct sv){ arena_dup(&p->arena, spec, len), len };
	free(spec);
	/* Decoded again for strings that live as long as the plan does. */
	if (t.spec.p == NULL || msg_decode(p->reader, MSG_TEST_ADD, t.spec.p, t.spec.n, &body,
	    NULL) != 0)
		return no_memory(why);
	t.name = body.test_add.name;
	t.source = body.test_add.source;
	t.skip = body.test_add.skip;
	if (strmap_put(&p->names, t.name, p->ntests) != 0)
		return no_memory(why);
	p->tests[p->ntests] = t;
	p->sched[p->ntests++] = st;
	return 0;
}

void
manifest_close(struct manifest *p)
{
	msg_reader_free(p->reader);
	p->reader = NULL;
}

void
manifest_free(struct manifest *p)
{
	msg_reader_free(p->reader);
	strmap_free(&p->names);
	strmap_free(&p->lock_names);
	strmap_free(&p->slot_names);
	arena_free(&p->arena);
	free(p->tests);
	free(p->sched);
	free(p->resources);
	free(p->label);
	memset(p, 0, sizeof *p);
}

uint64_t
manifest_memory(const struct manifest *p)
{
	return p->arena.total + (uint64_t)p->cap * (sizeof *p->tests + sizeof *p->sched) +
	    (uint64_t)p->names.size * 32;
}
