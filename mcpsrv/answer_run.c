/* A run in an answer; see answer.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/outcome.h"
#include "ctl/attempts.h"
#include "ctl/duration.h"
#include "ctl/groups.h"
#include "ctl/json_value.h"
#include "ctl/text.h"
#include "mcpsrv/answer.h"
#include "mcpsrv/clean.h"

#define GROUPS_MAX	5
#define GROUP_NAMES	5
#define GROUPS_SHARE	5	/* no more than a fifth of the room is for them */
#define TAIL_OF_RUN	800	/* bytes kept for what follows the results, and the cursor */

/* Entries of a page: as many as fit. */
struct page {
	const struct results	 *r;
	const struct answer_view *v;
	uint64_t		 *order;
	uint64_t		 *alike;	/* index + 1 of one that failed alike */
	size_t			  n, first, last;	/* of order; last is not in it */
};

json_t *
answer_summary(const struct results *r)
{
	json_t	*o = json_object();

	json_value_put(o, "total", json_value_u64(r->total));
	json_value_put(o, "passed", json_value_u64(r->passed));
	json_value_put(o, "failed", json_value_u64(r->failed));
	json_value_put(o, "skipped", json_value_u64(r->skipped));
	json_value_put(o, "timedOut", json_value_u64(r->timed_out));
	json_value_put(o, "errored", json_value_u64(r->errored));
	json_value_put(o, "cancelled", json_value_u64(r->cancelled));
	json_value_put(o, "flaky", json_value_u64(r->flaky));
	return o;
}

/* ---- the sentence ---- */

static const char *
plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void
say_failed(const struct results *r, struct text *t)
{
	uint64_t	bad = r->failed + r->timed_out + r->errored;

	text_addf(t, "%" PRIu64 " of %" PRIu64 " test%s failed", bad, r->total, plural(r->total));
	if (r->timed_out > 0)
		text_addf(t, ", %" PRIu64 " of them by its time limit", r->timed_out);
	if (r->errored > 0)
		text_addf(t, ", %" PRIu64 " of them since it could not be run", r->errored);
	if (r->cancelled > 0)
		text_addf(t, ", %" PRIu64 " were not run to the end", r->cancelled);
}

static void
say_passed(const struct results *r, struct text *t)
{
	if (r->skipped == 0)
		text_addf(t, r->total == 1 ? "The test passed" : "All %" PRIu64 " tests passed",
		    r->total);
	else
		text_addf(t, "%" PRIu64 " of %" PRIu64 " tests passed, %" PRIu64 " were skipped",
		    r->passed, r->total, r->skipped);
	if (r->flaky > 0)
		text_addf(t, " (%" PRIu64 " of them only on a retry)", r->flaky);
}

static void
say(const struct results *r, struct text *t)
{
	char	took[DURATION_TEXT];

	if (!r->finished) {
		text_puts(t, r->cancelling ? "Being cancelled: " : "Running: ");
		text_addf(t, "%" PRIu64 " of %" PRIu64 " tests are done, %" PRIu64 " failed so "
		    "far; wait for the rest with console_get_test_run {\"runId\": \"%s\", "
		    "\"waitMs\": 60000}.",
		    r->done, r->total, r->failed + r->timed_out + r->errored,
		    r->run != NULL ? r->run : "");
		return;
	}
	if (r->status == RUN_CANCELLED) {
		text_puts(t, "The run was cancelled");
		if (r->message != NULL) {
			text_puts(t, " (");
			clean_line(t, NULL, r->message, strlen(r->message), 300);
			text_puts(t, ")");
		}
		text_addf(t, " after %" PRIu64 " of %" PRIu64 " tests; %" PRIu64 " of them failed",
		    r->total - r->cancelled, r->total, r->failed + r->timed_out + r->errored);
	} else if (r->status == RUN_PASSED) {
		say_passed(r, t);
	} else {
		say_failed(r, t);
	}
	text_addf(t, ", in %s.", duration_text(r->duration_us, took, sizeof took));
}

/* ---- groups of failures ---- */

static json_t *
group_of(const struct results *r, const struct answer_view *v, const struct group *g)
{
	json_t	*o = json_object(), *names = json_array(), *holder;

	json_value_put(o, "failure", answer_line(v->secrets, g->failure != NULL ? g->failure : "",
	    g->failure != NULL ? strlen(g->failure) : 0, 200));
	json_value_put(o, "count", json_value_u64(g->n));
	for (size_t i = 0; i < g->n && i < GROUP_NAMES; i++) {
		holder = json_object();
		answer_text(holder, "name", r->tests[g->tests[i]].name, 200);
		(void)json_array_append(names, json_object_get(holder, "name"));
		json_decref(holder);
	}
	json_value_put(o, "tests", names);
	return o;
}

/* What several tests have in common. */
static void
put_groups(json_t *o, const struct results *r, const struct answer_view *v)
{
	struct groups	 all;
	json_t		*list = json_array(), *one;
	size_t		 used = 0;

	groups_of(r, &all);
	for (size_t i = 0; i < all.n && i < GROUPS_MAX && all.v[i].n > 1; i++) {
		one = group_of(r, v, &all.v[i]);
		used += answer_size(one) + 1;
		if (used > v->budget / GROUPS_SHARE) {
			json_decref(one);
			break;
		}
		answer_append(list, one);
	}
	groups_free(&all);
	if (json_array_size(list) > 0)
		json_value_put(o, "failureGroups", list);
	else
		json_decref(list);
}

/* ---- the page ---- */

static json_t *
entry(const struct page *p, size_t i, size_t tail)
{
	uint64_t	 index = p->order[i], alike = p->alike[index];
	const char	*same = NULL;

	/* Only one that is on this page, before it. */
	for (size_t k = p->first; alike != 0 && k < i && same == NULL; k++) {
		if (p->order[k] == alike - 1 || p->alike[p->order[k]] == alike)
			same = p->r->tests[p->order[k]].name;
	}
	return answer_test(p->r, index, p->v, tail, same);
}

/* Entries with such tails until one does not fit; the first is there in any case.  True
 * when it fits and nothing was left out that is new: a failure unlike all others. */
static bool
fill(struct page *p, json_t *list, size_t tail, size_t room)
{
	size_t	used = 0, i;
	bool	fits = true;
	json_t	*one;

	(void)json_array_clear(list);
	for (i = p->first; i < p->n && i - p->first < p->v->limit; i++) {
		one = entry(p, i, tail);
		used += answer_size(one) + 1;
		if (used > room && i > p->first) {
			json_decref(one);
			break;
		}
		answer_append(list, one);
		fits = used <= room;
	}
	p->last = i;
	if (!fits)
		return false;
	return i == p->n || i - p->first == p->v->limit ||
	    p->r->tests[p->order[i]].status == TEST_PASS || p->alike[p->order[i]] != 0;
}

/* What is not shown, and how it is read. */
static void
say_rest(json_t *o, const struct page *p, const char *cursor)
{
	const char	*before = json_string_value(json_object_get(o, "message"));

	json_value_put(o, "message", json_sprintf("%s %zu more results: console_get_test_run "
	    "{\"runId\": \"%s\", \"cursor\": \"%s\"}.", before, p->n - p->last,
	    p->r->run != NULL ? p->r->run : "", cursor));
}

static void
put_results(json_t *o, struct page *p)
{
	static const size_t	 tails[] = { ANSWER_TAIL, 1024, 512, 200, 0 };
	json_t			*list = json_array();
	size_t			 head = answer_size(o) + TAIL_OF_RUN;
	size_t			 room = p->v->budget > head ? p->v->budget - head : 0;
	char			 cursor[ANSWER_CURSOR];

	for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
		if (fill(p, list, tails[i], room))
			break;
	}
	json_value_put(o, "results", list);
	if (p->last >= p->n)
		return;
	json_value_put(o, "resultsOmitted", json_value_u64(p->n - p->last));
	answer_cursor(cursor, p->v->detail, p->last);
	json_value_put(o, "nextCursor", json_value_text(cursor));
	say_rest(o, p, cursor);
}

/* The report, and what failing tests on the page printed, when it was cut. */
static void
put_resources(json_t *o, const struct page *p)
{
	const struct results	*r = p->r;
	json_t			*list = json_array();
	char			 uri[128];

	(void)snprintf(uri, sizeof uri, r->finished ? "paratest://runs/%.40s/report.json" :
	    "paratest://runs/%.40s", r->run != NULL ? r->run : "");
	answer_resource(list, uri, r->finished ? "full report" : "state of the run",
	    "application/json");
	for (size_t i = p->first; i < p->last && json_array_size(list) < 3; i++) {
		const struct test_result	*t = &r->tests[p->order[i]];

		if (t->status == TEST_PASS || t->nattempts == 0 || p->alike[p->order[i]] != 0 ||
		    attempts_last(t)->output_bytes <= ANSWER_TAIL)
			continue;
		answer_output_uri(uri, sizeof uri, r->run, p->order[i]);
		answer_resource(list, uri, t->name, "text/plain");
	}
	json_value_put(o, "resources", list);
}

static void
put_head(json_t *o, const struct results *r, const struct answer_view *v)
{
	uint64_t	wall = r->finished ? r->duration_us :
	    v->now_ms > r->start_ms && r->start_ms > 0 ? (v->now_ms - r->start_ms) * 1000 : 0;
	struct text	t = { 0 };

	say(r, &t);
	json_value_put(o, "success", json_true());
	json_value_put(o, "message", json_value_bytes(t.p, t.n));
	text_free(&t);
	json_value_put(o, "runId", json_value_text(r->run));
	json_value_put(o, "status", json_value_text(run_status_name(r->status)));
	json_value_put(o, "summary", answer_summary(r));
	json_value_put(o, "totalTests", json_value_u64(r->total));
	/* Two decimals say all there is to say. */
	json_value_put(o, "speedup", json_real(wall > 0 ?
	    (double)(r->sequential_us * 100 / wall) / 100 : 0));
	json_value_put(o, "duration", json_value_ms(wall));
	json_value_put(o, "sequentialDuration", json_value_ms(r->sequential_us));
	json_value_put(o, "workersUsed", json_value_u64(r->workers_used));
}

json_t *
answer_run(const struct results *r, const struct answer_view *v, json_t *config)
{
	struct page	 p = { .r = r, .v = v, .first = v->offset };
	json_t		*o = json_object();

	put_head(o, r, v);
	if (config != NULL)
		json_value_put(o, "config", config);
	answer_time(o, "timestamp", v->now_ms);
	if (v->offset == 0 && v->detail != DETAIL_SUMMARY)
		put_groups(o, r, v);
	p.order = answer_order(r, v, &p.n, &p.alike);
	if (p.first > p.n)
		p.first = p.n;
	put_results(o, &p);
	put_resources(o, &p);
	free(p.order);
	free(p.alike);
	return o;
}
