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
strs_free(struct strs *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i]);
	free(s->v);
	*s = (struct strs){ 0 };
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
	*p = (struct plan){ 0 };
}
