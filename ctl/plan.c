/* Lists of strings, tests and plans: making and freeing; see plan.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "ctl/plan.h"

#define STRS_FIRST	4	/* most lists are this short */
#define TESTS_FIRST	16

static void
strs_take(struct strs *s, char *text)
{
	if (s->n == s->cap) {
		s->cap = s->cap > 0 ? s->cap * 2 : STRS_FIRST;
		s->v = xreallocarray(s->v, s->cap, sizeof(*s->v));
	}
	s->v[s->n++] = text;
}

void
strs_add(struct strs *s, const char *text)
{
	strs_take(s, xstrdup(text));
}

void
strs_addf(struct strs *s, const char *fmt, ...)
{
	va_list	 ap;
	char	*text = NULL;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		fatal("memory", "out of memory");
	va_end(ap);
	strs_take(s, text);
}

void
strs_addall(struct strs *s, const struct strs *from)
{
	for (size_t i = 0; i < from->n; i++)
		strs_add(s, from->v[i]);
}

void
strs_free(struct strs *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i]);
	free(s->v);
	*s = (struct strs){ 0 };
}

void
plan_retry_default(struct plan_retry *r, const struct plan_retry *from)
{
	unsigned	open = from->has & ~r->has;

	if (open & PLAN_RETRY_COUNT)
		r->count = from->count;
	if (open & PLAN_RETRY_DELAY)
		r->delay_ms = from->delay_ms;
	if (open & PLAN_RETRY_MULTIPLIER)
		r->multiplier_milli = from->multiplier_milli;
	if (open & PLAN_RETRY_MAX)
		r->max_delay_ms = from->max_delay_ms;
	if (open & PLAN_RETRY_JITTER)
		r->jitter = from->jitter;
	if (open & PLAN_RETRY_WHERE)
		r->where = from->where;
	if (open & PLAN_RETRY_ON)
		strs_addall(&r->on, &from->on);
	if (open & PLAN_RETRY_NEVER)
		strs_addall(&r->never, &from->never);
	r->has |= open;
}

void
plan_retry_override(struct plan_retry *r, const struct plan_retry *over)
{
	struct plan_retry	sum = { .has = 0 };

	plan_retry_default(&sum, over);
	plan_retry_default(&sum, r);
	plan_retry_free(r);
	*r = sum;
}

void
plan_limits_override(struct plan_limits *l, const struct plan_limits *over)
{
	for (unsigned i = 0; i < LIMIT_COUNT; i++) {
		if (over->has & 1u << i)
			l->limits.v[i] = over->limits.v[i];
	}
	l->has |= over->has;
}

void
plan_limits_default(struct plan_limits *l, const struct plan_limits *from)
{
	struct plan_limits	sum = *from;

	plan_limits_override(&sum, l);
	*l = sum;
}

void
plan_retry_free(struct plan_retry *r)
{
	strs_free(&r->on);
	strs_free(&r->never);
	*r = (struct plan_retry){ .has = 0 };
}

/* Where the limit for a tag stands, budgets.n when it does not. */
static size_t
find_budget(const struct plan *p, const char *tag)
{
	size_t	i = 0;

	while (i < p->budgets.n && strcmp(p->budgets.v[i], tag) != 0)
		i += 2;
	return i < p->budgets.n ? i + 1 : p->budgets.n;
}

const char *
plan_budget(const struct plan *p, const char *tag)
{
	size_t	i = find_budget(p, tag);

	return i < p->budgets.n ? p->budgets.v[i] : NULL;
}

void
plan_budget_set(struct plan *p, const char *tag, const char *limit)
{
	size_t	 i = find_budget(p, tag);
	char	*copy;

	if (i == p->budgets.n) {
		strs_add(&p->budgets, tag);
		strs_add(&p->budgets, limit);
		return;
	}
	copy = xstrdup(limit);		/* it may be the one that is there */
	free(p->budgets.v[i]);
	p->budgets.v[i] = copy;
}

struct plan_test *
plan_add(struct plan *p)
{
	struct plan_test *t;

	if (p->ntests == p->cap) {
		p->cap = p->cap > 0 ? p->cap * 2 : TESTS_FIRST;
		p->tests = xreallocarray(p->tests, p->cap, sizeof(*p->tests));
	}
	t = &p->tests[p->ntests++];
	*t = (struct plan_test){ .weight = 1 };
	return t;
}

void
plan_test_free(struct plan_test *t)
{
	free(t->name);
	free(t->description);
	free(t->suite);
	free(t->source);
	strs_free(&t->argv);
	free(t->cwd);
	strs_free(&t->env);
	free(t->stdin_data);
	strs_free(&t->tags);
	strs_free(&t->setup.argv);
	strs_free(&t->teardown.argv);
	strs_free(&t->expect);
	strs_free(&t->locks);
	strs_free(&t->slots);
	free(t->skip);
	plan_retry_free(&t->retry);
	*t = (struct plan_test){ 0 };
}

void
plan_free(struct plan *p)
{
	for (size_t i = 0; i < p->ntests; i++)
		plan_test_free(&p->tests[i]);
	free(p->tests);
	free(p->name);
	strs_free(&p->slots);
	strs_free(&p->budgets);
	*p = (struct plan){ 0 };
}
