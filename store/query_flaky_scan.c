/* The tests that FLAKY is about; see query_flaky.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/query_flaky.h"

#define PRINTS	32	/* ways to fail that are counted */
#define FEWEST	3	/* failures of a test that may be flaky: FLAKINESS_ON */

/* A test that did only one thing is not looked at. */
#define TESTS(whose)							\
	"SELECT id, failures, flaky, wasted_us FROM tests WHERE " whose	\
	" AND failures > 0 AND passes > 0"				\
	" AND (?2 IS NULL OR name = ?2) AND (?3 IS NULL OR suite = ?3)"

static struct flaky_at
at(const struct known_result *v)
{
	return (struct flaky_at){ v->run, v->start_ms };
}

static void
set_places(struct flaky_item *item, const struct known_result *v)
{
	const struct known	*k = &item->known;

	if (k->seen > 0) {
		item->first_ms = v[k->first].start_ms;
		item->last_ms = v[k->last].start_ms;
	}
	if (k->alarm != SIZE_MAX)
		item->alarm = at(&v[k->alarm]);
	if (!k->began_known)
		return;
	item->places[FLAKY_BEGAN] = at(&v[k->began.at]);
	item->places[FLAKY_BEFORE] = at(&v[k->began.at - 1]);
	item->places[FLAKY_EARLIEST] = at(&v[k->began.low]);
	item->places[FLAKY_LATEST] = at(&v[k->began.high]);
	item->places[FLAKY_SOUND] = at(&v[k->began.low - 1]);
}

/* The most frequent failure, and its newest attempt. */
static void
set_failure(struct flaky_item *item, const struct known_result *v, size_t n)
{
	struct {
		uint64_t	print, count;
		size_t		last;
	} prints[PRINTS];
	size_t	m = 0, best = 0;

	for (size_t i = 0; i < n; i++) {
		size_t	k = 0;

		while (k < m && prints[k].print != v[i].print)
			k++;
		if (v[i].failures == 0 || k == PRINTS)
			continue;
		if (k == m) {
			prints[m].print = v[i].print;
			prints[m++].count = 0;
		}
		prints[k].count += v[i].failures;
		prints[k].last = i;
	}
	for (size_t k = 1; k < m; k++)
		best = prints[k].count >= prints[best].count ? k : best;
	if (m == 0)
		return;
	item->run = v[prints[best].last].run;
	item->index = v[prints[best].last].index;
	item->attempt = v[prints[best].last].attempt;
	item->print = prints[best].print;
	item->alike = prints[best].count;
}

static int
add(struct flaky_scan *s, const struct flaky_item *item)
{
	size_t			 cap = s->cap == 0 ? 64 : s->cap * 2;
	struct flaky_item	*v;

	if (s->n == s->cap) {
		v = reallocarray(s->items, cap, sizeof *v);
		if (v == NULL)
			return -ENOMEM;
		s->items = v;
		s->cap = cap;
	}
	s->items[s->n++] = *item;
	return 0;
}

int
query_flaky_look(struct flaky_scan *s, struct flaky_item *item)
{
	struct evidence	*e = s->evidence;
	int		 r = evidence_of(e, item->id);
	size_t		 n;

	item->open = false;
	if (r != 0 || e->n == 0)
		return r;
	n = known_merge(e->v, e->n);
	known_of(e->v, n, evidence_weight, e, s->work, &item->known);
	if (item->known.flakiness.state == FLAKY_STATE_NOT && item->known.seen == 0)
		return 0;
	item->lost_us = e->lost_us;
	set_places(item, e->v);
	set_failure(item, e->v, n);
	return 1;
}

/* One that failed seldom is no more than a suspect, and that when a retry has healed it,
 * or somebody says which results are of one revision. */
static int
look_at(struct flaky_scan *s, sqlite3_stmt *st)
{
	struct flaky_item	item = { .id = sqlite3_column_int64(st, 0),
	    .lost_us = query_u64(st, 3) };
	bool			healed = query_u64(st, 2) > 0;
	int			n = 0;

	if (query_u64(st, 1) >= FEWEST) {
		n = evidence_count(s->evidence, item.id, FEWEST);
		if (n <= 0)
			return n;
	}
	if (n < FEWEST && !s->revisions && !healed)
		return 0;
	item.open = n < FEWEST && !s->revisions;
	n = item.open ? 1 : query_flaky_look(s, &item);
	return n == 1 ? add(s, &item) : n;
}

int
query_flaky_scan(struct flaky_scan *s)
{
	const struct msg_flaky	*m = s->m;
	sqlite3_stmt		*st = NULL;
	int			 r = query_prepare(s->q, s->q->uid == 0 ? TESTS("?1 = 0") :
	    TESTS("uid = ?1"), &st);

	if (r == 0 && (m->test.n > 0 || MSG_HAS(m, flaky, test)))
		query_bind_sv(st, 2, m->test);
	if (r == 0 && (m->suite.n > 0 || MSG_HAS(m, flaky, suite)))
		query_bind_sv(st, 3, m->suite);
	while (r == 0 && (r = query_step(st)) == 1)
		r = look_at(s, st);
	(void)sqlite3_finalize(st);
	return r;
}

int
query_flaky_open(struct flaky_scan *s)
{
	int	r;

	s->work = malloc(sizeof *s->work);
	s->evidence = calloc(1, sizeof *s->evidence);
	if (s->work == NULL || s->evidence == NULL)
		return -ENOMEM;
	r = query_evidence_open(s);
	return r == 0 ? evidence_open(s->evidence, s) : r;
}

void
query_flaky_free(struct flaky_scan *s)
{
	if (s->evidence != NULL)
		evidence_close(s->evidence);
	free(s->evidence);
	free(s->work);
	free(s->runs);
	free(s->storms);
	free(s->items);
	memset(s, 0, sizeof *s);
}
