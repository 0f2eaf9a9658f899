/*
 * FLAKY: tests that are known to be flaky; see query.h.  A pass over the tests that both
 * passed and failed (query_flaky_scan.c) finds them; then those of this page are sent.
 *
 * The worst first: what is flaky before what was, and that before a mere suspicion; then
 * by the time lost to it, the score, the failure rate.  Suspects that failed once or twice
 * are looked at when their turn comes.
 *
 * What was found is kept for the next page, unless anything has changed in the meantime.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/spec.h"
#include "store/query_flaky.h"
#include "store/query_kept.h"

#define FLAKY_ROWS	1000	/* when no limit is asked for */
#define PPM		1e6
#define PAGE_US		50000	/* a page takes no longer, about */
#define SENT_BITS	25	/* of `from`: rows so far, above them the next item */

/* ---- the order ---- */

static int
rank(const struct flaky_item *item)
{
	return item->known.flakiness.state == FLAKY_STATE_IS ? 0 :
	    item->known.flakiness.state == FLAKY_STATE_WAS ? 1 : 2;
}

static int
worst_first(const void *va, const void *vb)
{
	const struct flaky_item	*a = va, *b = vb;
	int			 r = rank(a) - rank(b);

	if (r != 0)
		return r;
	if (a->lost_us != b->lost_us)
		return a->lost_us > b->lost_us ? -1 : 1;
	if (a->known.flakiness.score != b->known.flakiness.score)
		return a->known.flakiness.score > b->known.flakiness.score ? -1 : 1;
	if (a->known.rate_low != b->known.rate_low)
		return a->known.rate_low > b->known.rate_low ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

/* ---- rows ---- */

/* Statements for the words of a row. */
struct words {
	sqlite3_stmt	*name, *run, *failure;
};

static int
open_words(struct query *q, struct words *w)
{
	int	r;

	*w = (struct words){ NULL, NULL, NULL };
	r = query_prepare(q, "SELECT name, suite FROM tests WHERE id = ?2", &w->name);
	if (r == 0)
		r = query_prepare(q, "SELECT run, revision FROM runs WHERE id = ?2", &w->run);
	if (r == 0)
		r = query_prepare(q, "SELECT iif(failure <> '', failure, error_message)"
		    " FROM attempts WHERE run = ?2 AND idx = ?3 AND attempt = ?4", &w->failure);
	return r;
}

static void
close_words(struct words *w)
{
	(void)sqlite3_finalize(w->name);
	(void)sqlite3_finalize(w->run);
	(void)sqlite3_finalize(w->failure);
}

struct place {
	char		run[QUERY_RUN_ID + 1], revision[SPEC_REVISION_MAX + 1];
};

/* The id and the revision of a run; both empty when there is none. */
static int
find_run(struct words *w, int64_t run, struct place *ret)
{
	int	r;

	ret->run[0] = ret->revision[0] = '\0';
	if (run == 0)
		return 0;
	(void)sqlite3_bind_int64(w->run, 2, run);
	r = query_step(w->run);
	if (r == 1) {
		(void)snprintf(ret->run, sizeof ret->run, SV_FMT, SV_ARG(query_sv(w->run, 0)));
		(void)snprintf(ret->revision, sizeof ret->revision, SV_FMT,
		    SV_ARG(query_sv(w->run, 1)));
	}
	(void)sqlite3_reset(w->run);
	return r < 0 ? r : 0;
}

static uint64_t
rounded(double v)
{
	return v > 0 ? (uint64_t)(v + 0.5) : 0;
}

static struct msg_flaky_row
row_of(const struct flaky_item *item)
{
	const struct known	*k = &item->known;

	return (struct msg_flaky_row){ .state = k->flakiness.state,
	    .score_milli = rounded(k->flakiness.score * 1000), .results = k->results,
	    .failures = k->failures, .runs = k->runs, .seen = k->seen, .healed = k->healed,
	    .clean = k->clean, .first_ms = item->first_ms, .last_ms = item->last_ms,
	    .lost_us = item->lost_us, .rate_results = k->rate_results,
	    .rate_failures = k->rate_failures, .rate_low_ppm = rounded(k->rate_low * PPM),
	    .rate_high_ppm = rounded(k->rate_high * PPM), .fingerprint = item->print,
	    .alike = item->alike };
}

/* When it began, into the row. */
static int
put_places(struct words *w, const struct flaky_item *item, struct place places[FLAKY_PLACE_COUNT],
    struct sv v[2][FLAKY_PLACE_COUNT], uint64_t ms[FLAKY_PLACE_COUNT], struct msg_flaky_row *m)
{
	int	r = 0;

	for (int i = 0; i < FLAKY_PLACE_COUNT && r == 0; i++) {
		r = find_run(w, item->places[i].run, &places[i]);
		v[0][i] = sv_from(places[i].run);
		v[1][i] = sv_from(places[i].revision);
		ms[i] = item->places[i].start_ms;
	}
	m->began_runs = (struct svs){ v[0], FLAKY_PLACE_COUNT };
	m->began_revisions = (struct svs){ v[1], FLAKY_PLACE_COUNT };
	m->began_ms = (struct nums){ ms, FLAKY_PLACE_COUNT };
	m->began_milli = rounded(item->known.began.factor * 1000);
	m->before_ppm = rounded(item->known.before * PPM);
	return r;
}

static int
send_row(struct query *q, struct words *w, const struct flaky_item *item)
{
	struct msg_flaky_row	m = row_of(item);
	struct place		places[FLAKY_PLACE_COUNT], alarm;
	struct sv		v[2][FLAKY_PLACE_COUNT];
	uint64_t		ms[FLAKY_PLACE_COUNT];
	int			r = find_run(w, item->alarm.run, &alarm);

	m.alarm_run = sv_from(alarm.run);
	m.alarm_ms = item->alarm.start_ms;
	if (r == 0 && item->known.began_known)
		r = put_places(w, item, places, v, ms, &m);
	if (r != 0)
		return r;
	(void)sqlite3_bind_int64(w->name, 2, item->id);
	(void)sqlite3_bind_int64(w->failure, 2, item->run);
	(void)sqlite3_bind_int64(w->failure, 3, item->index);
	(void)sqlite3_bind_int64(w->failure, 4, item->attempt);
	r = query_step(w->name);
	if (r == 1) {
		m.test = query_sv(w->name, 0);
		m.suite = query_sv(w->name, 1);
		r = query_step(w->failure);
	}
	if (r == 1)
		m.failure = query_sv(w->failure, 0);
	if (r >= 0)
		r = query_send(q, MSG_FLAKY_ROW, &m, 500 + m.test.n + m.suite.n + m.failure.n);
	(void)sqlite3_reset(w->name);
	(void)sqlite3_reset(w->failure);
	return r;
}

/* Where the page starts and where it has come to. */
struct page {
	size_t		at, sent;
	uint64_t	until_us;
};

static bool
is_full(struct query *q, const struct page *p)
{
	uint64_t	next = (uint64_t)p->at << SENT_BITS | p->sent;

	if (query_full(q, next))
		return true;
	if (now_us() >= p->until_us)
		q->next = next;
	return q->next != 0;
}

/* The rows of this page, and the end of the answer behind the last. */
static int
send_rows(struct query *q, struct flaky_scan *s, size_t limit, struct page *p)
{
	struct words	w;
	int		r = open_words(q, &w);

	while (r == 0 && p->at < s->n && p->sent < limit) {
		struct flaky_item	item = s->items[p->at++];

		r = item.open ? query_flaky_look(s, &item) : 1;
		if (r == 1) {
			r = send_row(q, &w, &item);
			p->sent++;
		}
		if (r == 0 && p->at < s->n && p->sent < limit && is_full(q, p))
			break;
	}
	close_words(&w);
	return r != 0 || q->next != 0 ? r : query_end(q, p->sent, p->at < s->n);
}

/* ---- what is kept between two pages ---- */

static struct {
	struct query_kept	 question;
	struct flaky_scan	 found;		/* owned: its items */
} kept;

void
query_flaky_forget(void)
{
	query_kept_forget(&kept.question);
	query_flaky_free(&kept.found);
	memset(&kept, 0, sizeof kept);
}

static void
keep(struct query *q, struct flaky_scan *s, char *question, size_t len)
{
	query_flaky_forget();
	if (!query_kept_take(&kept.question, q, question, len))
		return;
	kept.found.items = s->items;
	kept.found.n = s->n;
	s->items = NULL;
}

/* Takes it when it was the same question to the same rows. */
static bool
take_kept(struct query *q, struct flaky_scan *s, const char *question, size_t len)
{
	if (!query_kept_is(&kept.question, q, question, len))
		return false;
	s->items = kept.found.items;
	s->n = kept.found.n;
	kept.found.items = NULL;
	return true;
}

int
query_flaky(struct query *q, const struct msg_flaky *m)
{
	uint64_t		 limit = m->limit == 0 ? FLAKY_ROWS : m->limit;
	struct flaky_scan	 s = { .q = q, .m = m, .now_ms = wall_ms() };
	struct page		 p = { .at = (size_t)(q->from >> SENT_BITS),
	    .sent = (size_t)(q->from & ((1 << SENT_BITS) - 1)), .until_us = now_us() + PAGE_US };
	char			*question;
	size_t			 len;
	int			 r = msg_encode(MSG_FLAKY, m, &question, &len);

	if (r != 0)
		return r;
	r = query_flaky_open(&s);
	if (r == 0 && !take_kept(q, &s, question, len)) {
		r = query_flaky_scan(&s);
		if (r == 0 && s.n > 0)
			qsort(s.items, s.n, sizeof s.items[0], worst_first);
	}
	if (r == 0)
		r = send_rows(q, &s, limit < QUERY_ROWS ? (size_t)limit : QUERY_ROWS, &p);
	keep(q, &s, question, len);
	query_flaky_free(&s);
	return r;
}
