/* The list of runs; see runlist.h. */
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "ctl/runlist.h"

#define ROWS_MAX	100000

static char *
copy(struct sv s)
{
	return s.n > 0 ? xstrndup(s.p, s.n) : xstrdup("");
}

int
runlist_answer(void *runs, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct runlist	*l = runs;
	struct runlist_row	*one;

	(void)id;
	if (type != MSG_RUN_ROW || l->n == ROWS_MAX)
		return 0;
	if (l->n == l->cap) {
		l->cap = l->cap > 0 ? l->cap * 2 : 32;
		l->v = xreallocarray(l->v, l->cap, sizeof *l->v);
	}
	one = &l->v[l->n];
	*one = (struct runlist_row){ .order = l->n++, .id = copy(m->run_row.run),
	    .name = copy(m->run_row.name), .parent = copy(m->run_row.parent),
	    .revision = copy(m->run_row.revision), .row = m->run_row };
	one->row.run = sv_from(one->id);
	one->row.name = sv_from(one->name);
	one->row.parent = sv_from(one->parent);
	one->row.revision = sv_from(one->revision);
	return 0;
}

static void
row_free(struct runlist_row *one)
{
	free(one->id);
	free(one->name);
	free(one->parent);
	free(one->revision);
}

static int
by_id(const void *va, const void *vb)
{
	const struct runlist_row	*a = va, *b = vb;
	int			 r = strcmp(a->id, b->id);

	return r != 0 ? r : a->order < b->order ? -1 : a->order > b->order;
}

static int
newest_first(const void *va, const void *vb)
{
	const struct runlist_row	*a = va, *b = vb;

	if (a->row.start_ms != b->row.start_ms)
		return a->row.start_ms > b->row.start_ms ? -1 : 1;
	return strcmp(a->id, b->id);
}

/* Memory tells first, and knows more. */
void
runlist_arrange(struct runlist *l)
{
	size_t	n = 0;

	if (l->n == 0)
		return;
	qsort(l->v, l->n, sizeof *l->v, by_id);
	for (size_t i = 0; i < l->n; i++) {
		if (n > 0 && strcmp(l->v[n - 1].id, l->v[i].id) == 0)
			row_free(&l->v[i]);
		else
			l->v[n++] = l->v[i];
	}
	l->n = n;
	qsort(l->v, l->n, sizeof *l->v, newest_first);
}

void
runlist_free(struct runlist *l)
{
	for (size_t i = 0; i < l->n; i++)
		row_free(&l->v[i]);
	free(l->v);
	*l = (struct runlist){ .n = 0 };
}
