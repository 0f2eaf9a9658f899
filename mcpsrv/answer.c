/* What answers have in common; see answer.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "ctl/attempts.h"
#include "ctl/json_value.h"
#include "ctl/text.h"
#include "mcpsrv/answer.h"
#include "mcpsrv/clean.h"

#define LINKS_MAX	3

void
answer_append(json_t *array, json_t *v)
{
	if (json_array_append_new(array, v) != 0)
		abort();	/* as without memory elsewhere */
}

json_t *
answer_line(const struct secrets *secrets, const char *s, size_t n, size_t max)
{
	struct text	t = { 0 };
	json_t		*v;

	clean_line(&t, secrets, s, n, max);
	v = json_value_bytes(t.p, t.n);
	text_free(&t);
	return v;
}

void
answer_text(json_t *o, const char *key, const char *s, size_t max)
{
	json_value_put(o, key, answer_line(NULL, s != NULL ? s : "", s != NULL ? strlen(s) : 0,
	    max));
}

void
answer_ratio(json_t *o, const char *key, double v)
{
	json_value_put(o, key, json_real((double)(int64_t)(v * 1e4 + 0.5) / 1e4));
}

void
answer_time(json_t *o, const char *key, uint64_t ms)
{
	struct text	t = { 0 };

	text_time(&t, ms, true);
	json_value_put(o, key, json_value_bytes(t.p, t.n));
	text_free(&t);
}

size_t
answer_size(const json_t *v)
{
	return json_dumpb(v, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
}

void
answer_output_uri(char *buf, size_t size, const char *run, uint64_t index)
{
	(void)snprintf(buf, size, "paratest://runs/%.40s/tests/%" PRIu64 "/output", run, index);
}

void
answer_resource(json_t *list, const char *uri, const char *name, const char *mime)
{
	json_t	*o = json_object();

	json_value_put(o, "uri", json_value_text(uri));
	answer_text(o, "name", name, 80);
	json_value_put(o, "mimeType", json_value_text(mime));
	answer_append(list, o);
}

json_t *
answer_links(const json_t *answer)
{
	const json_t	*list = json_object_get(answer, "resources");
	json_t		*links = json_array(), *one;

	for (size_t i = 0; i < json_array_size(list) && i < LINKS_MAX; i++) {
		one = json_copy(json_array_get(list, i));
		json_value_put(one, "type", json_value_text("resource_link"));
		answer_append(links, one);
	}
	return links;
}

/* ---- pages ---- */

static const char	detail_letters[] = "sfa";

void
answer_cursor(char buf[ANSWER_CURSOR], enum answer_detail detail, size_t offset)
{
	(void)snprintf(buf, ANSWER_CURSOR, "%c%zu", detail_letters[detail], offset);
}

bool
answer_cursor_parse(const char *s, enum answer_detail *detail, size_t *offset)
{
	const char	*letter = s[0] != '\0' ? strchr(detail_letters, s[0]) : NULL;
	size_t		 n = strlen(s);

	if (letter == NULL || n < 2 || n > 10 || strspn(s + 1, "0123456789") != n - 1)
		return false;
	*detail = (enum answer_detail)(letter - detail_letters);
	*offset = strtoul(s + 1, NULL, 10);
	return true;
}

/* ---- the order of tests ---- */

static int
rank(const struct test_result *t)
{
	static const int	ranks[TEST_STATUS_COUNT] = { [TEST_FAIL] = 0, [TEST_TIMEOUT] = 1,
	    [TEST_ERROR] = 2, [TEST_CANCELLED] = 3, [TEST_SKIP] = 5, [TEST_PASS] = 6 };

	if (!t->done)
		return 7;
	return t->status == TEST_PASS && t->flaky ? 4 : ranks[t->status];
}

static bool
is_wanted(const struct test_result *t, const struct answer_view *v)
{
	if (t->name == NULL || !t->done)
		return false;
	if (v->has_status && t->status != v->status)
		return false;
	if (v->pattern != NULL && strstr(t->name, v->pattern) == NULL)
		return false;
	return v->detail == DETAIL_ALL || (v->detail == DETAIL_FAILURES && rank(t) < 4);
}

/* Behind the failures that are different from each other those that repeat one. */
static void
put_alike_last(const struct results *r, uint64_t *order, size_t n, const uint64_t *alike)
{
	uint64_t	*later = xcalloc(n + 1, sizeof *later);
	size_t		 bad = 0, kept = 0, moved = 0;

	while (bad < n && rank(&r->tests[order[bad]]) < 4)
		bad++;
	for (size_t i = 0; i < bad; i++) {
		if (alike[order[i]] == 0)
			order[kept++] = order[i];
		else
			later[moved++] = order[i];
	}
	memcpy(order + kept, later, moved * sizeof *order);
	free(later);
}

uint64_t *
answer_order(const struct results *r, const struct answer_view *v, size_t *ret_n,
    uint64_t **ret_alike)
{
	uint64_t	*order = xcalloc(r->total + 1, sizeof *order), *alike;
	size_t		 n = 0;

	for (int k = 0; k < 8; k++) {
		for (uint64_t i = 0; r->tests != NULL && i < r->total; i++) {
			if (rank(&r->tests[i]) == k && is_wanted(&r->tests[i], v))
				order[n++] = i;
		}
	}
	alike = answer_alike(r, order, n);
	put_alike_last(r, order, n, alike);
	if (ret_alike != NULL)
		*ret_alike = alike;
	else
		free(alike);
	*ret_n = n;
	return order;
}

/* ---- progress ---- */

void
answer_progress(const struct results *r, uint64_t now_ms, struct text *t)
{
	const struct test_result	*longest = NULL;
	uint64_t			 bad = r->failed + r->timed_out + r->errored;
	uint64_t			 start = UINT64_MAX;
	struct text			 name = { 0 };

	for (uint64_t i = 0; r->tests != NULL && r->running > 0 && i < r->total; i++) {
		const struct test_result	*one = &r->tests[i];

		if (!one->running || one->nattempts == 0 ||
		    attempts_last(one)->start_ms >= start)
			continue;
		start = attempts_last(one)->start_ms;
		longest = one;
	}
	text_addf(t, "%" PRIu64 "/%" PRIu64 " done", r->done, r->total);
	if (bad > 0)
		text_addf(t, ", %" PRIu64 " failed", bad);
	if (longest == NULL)
		return;
	clean_line(&name, NULL, longest->name, strlen(longest->name), 100);
	text_addf(t, ", running: %s (%" PRIu64 " s)", name.p,
	    now_ms > start ? (now_ms - start) / 1000 : 0);
	text_free(&name);
}
