/* One test in an answer; see answer.h. */
#include <stdlib.h>
#include <string.h>

#include "common/outcome.h"
#include "common/xalloc.h"
#include "ctl/attempts.h"
#include "ctl/groups.h"
#include "ctl/json_value.h"
#include "ctl/text_view.h"
#include "mcpsrv/answer.h"
#include "mcpsrv/clean.h"
#include "mcpsrv/secrets.h"

#define NAME_MAX_BYTES	512
#define WHY_MAX		500	/* bytes of an error's message */
#define ASSERTIONS_MAX	8	/* failed ones of a test */
#define SHORT_WHY	120	/* where there is little room */
#define SHORT_ASSERTIONS 2

uint64_t *
answer_alike(const struct results *r, const uint64_t *order, size_t n)
{
	uint64_t	*first = xcalloc(r->total + 1, sizeof *first);
	uint64_t	*group = xcalloc(r->total + 1, sizeof *group);
	uint64_t	*leader;
	struct groups	 all;

	groups_of(r, &all);
	leader = xcalloc(all.n + 1, sizeof *leader);
	for (size_t g = 0; g < all.n; g++) {
		for (size_t k = 0; k < all.v[g].n; k++)
			group[all.v[g].tests[k]] = g + 1;
	}
	for (size_t i = 0; i < n; i++) {
		uint64_t	g = group[order[i]];

		if (g == 0)
			continue;
		first[order[i]] = leader[g - 1];
		if (leader[g - 1] == 0)
			leader[g - 1] = order[i] + 1;
	}
	groups_free(&all);
	free(leader);
	free(group);
	return first;
}

/* Cleaned, without secrets, on one line. */
static json_t *
line(const struct answer_view *v, const char *s, size_t max)
{
	return answer_line(v->secrets, s, strlen(s), max);
}

/* Those that do not hold. */
static json_t *
failed_assertions(const struct attempt_result *a, const struct answer_view *v, bool brief)
{
	json_t	*list = json_array(), *one, *what;
	size_t	 most = brief ? SHORT_ASSERTIONS : ASSERTIONS_MAX;

	for (size_t i = 0; a != NULL && i + 2 < a->assertions.n; i += 3) {
		if (strcmp(a->assertions.v[i + 1], "pass") == 0 ||
		    json_array_size(list) == most)
			continue;
		one = json_object();
		what = json_object();
		json_value_put(what, "type", line(v, a->assertions.v[i], 100));
		json_value_put(one, "assertion", what);
		json_value_put(one, "passed", json_false());
		json_value_put(one, "message", line(v, a->assertions.v[i + 2],
		    brief ? SHORT_WHY : WHY_MAX));
		answer_append(list, one);
	}
	return list;
}

static json_t *
error_of(const struct test_result *t, const struct attempt_result *a, const struct answer_view *v,
    bool brief)
{
	json_t		*o = json_object();
	struct text	 why = { 0 };

	text_why(&why, t);
	json_value_put(o, "message", line(v, why.p, brief ? SHORT_WHY : WHY_MAX));
	text_free(&why);
	if (a == NULL || a->error_category == CATEGORY_NONE)
		return o;
	/* To callers of the original, what is not the test's fault could not be run. */
	json_value_put(o, "category", json_value_text(error_category_name(
	    a->error_category == CATEGORY_INFRASTRUCTURE ? CATEGORY_EXECUTION :
	    a->error_category)));
	return o;
}

static void
put_output(json_t *o, const struct results *r, uint64_t index, const struct attempt_result *a,
    const struct answer_view *v, size_t tail)
{
	struct text	t = { 0 };
	char		uri[128];
	size_t		left_out = clean_tail(&t, v->secrets, a->output, a->output_len,
	    a->output_bytes > a->output_len ? a->output_bytes : a->output_len, v->output_lines,
	    tail);

	if (t.n > 0)
		json_value_put(o, "output", json_value_bytes(t.p, t.n));
	text_free(&t);
	json_value_put(o, "outputBytes", json_value_u64(a->output_bytes));
	if (left_out == 0 && !a->output_truncated)
		return;
	json_value_put(o, "outputTruncated", json_true());
	answer_output_uri(uri, sizeof uri, r->run != NULL ? r->run : "", index);
	json_value_put(o, "outputUri", json_value_text(uri));
}

static void
put_ending(json_t *o, const struct test_result *t, const struct attempt_result *a)
{
	if (a == NULL)
		return;
	json_value_put(o, "startTime", json_value_u64(attempts_of(t)[0].start_ms));
	json_value_put(o, "endTime", json_value_u64(a->end_ms));
	if (a->has_exit_code)
		json_value_put(o, "exitCode", json_value_u64(a->exit_code));
	if (a->has_signal)
		json_value_put(o, "signal", json_value_signal(a->signal));
}

json_t *
answer_test(const struct results *r, uint64_t index, const struct answer_view *v, size_t tail,
    const char *same_as)
{
	const struct test_result	*t = &r->tests[index];
	const struct attempt_result	*a = attempts_last(t);
	bool				 good = t->status == TEST_PASS, brief = tail == 0;
	json_t				*o = json_object(), *test;

	answer_text(o, "name", t->name, NAME_MAX_BYTES);
	if (!brief) {	/* in the original's way; the name says the same */
		test = json_object();
		answer_text(test, "name", t->name, NAME_MAX_BYTES);
		json_value_put(o, "test", test);
	}
	json_value_put(o, "status", json_value_text(test_status_name(t->status)));
	json_value_put(o, "duration", json_value_ms(t->duration_us));
	put_ending(o, t, a);
	json_value_put(o, "attempts", json_value_u64(t->nattempts));
	json_value_put(o, "retries", json_value_u64(t->retries));
	if (t->flaky)
		json_value_put(o, "flaky", json_true());
	json_value_put(o, "assertions", same_as == NULL ? failed_assertions(a, v, brief) :
	    json_array());
	if (same_as != NULL)
		answer_text(o, "sameFailureAs", same_as, NAME_MAX_BYTES);
	else if (!good)
		json_value_put(o, "error", error_of(t, a, v, brief));
	if (!good && a != NULL && same_as == NULL)
		put_output(o, r, index, a, v, tail);
	if (a != NULL && v->detail == DETAIL_ALL) {
		json_value_put(o, "worker", json_value_u64(a->worker));
		json_value_put(o, "cpuTime", json_value_ms(a->cpu_us));
		json_value_put(o, "peakMemory", json_value_u64(a->max_rss));
	}
	return o;
}
