/* One test of the result document, and its groups of failures; see json_put.h. */
#include <stdlib.h>
#include <string.h>

#include "common/figures.h"
#include "common/xalloc.h"
#include "ctl/attempts.h"
#include "ctl/groups.h"
#include "ctl/json_put.h"
#include "ctl/json_value.h"
#include "ctl/results.h"
#include "ctl/text_view.h"

/* A list as json_value.h takes it; the caller frees .v. */
static struct svs
borrow(const struct strs *s)
{
	struct sv	*v = xcalloc(s->n > 0 ? s->n : 1, sizeof(*v));

	for (size_t i = 0; i < s->n; i++)
		v[i] = sv_from(s->v[i]);
	return (struct svs){ v, (uint32_t)s->n };
}

static void
release(struct svs v)
{
	free((void *)(uintptr_t)v.v);
}

static void
put_ending(struct text *t, const struct attempt_result *a)
{
	if (a->has_exit_code)
		json_put_count(t, "exitCode", a->exit_code);
	if (a->has_signal)
		json_put_value(t, "signal", json_value_signal(a->signal));
}

static void
put_attempts(struct text *t, const struct test_result *test)
{
	json_put_key(t, "attemptsDetail");
	text_puts(t, "[");
	for (size_t i = 0; i < test->nattempts; i++) {
		const struct attempt_result	*a = &attempts_of(test)[i];

		json_put_key(t, NULL);
		text_puts(t, "{");
		json_put_text(t, "outcome", outcome_name(a->outcome));
		json_put_ms(t, "duration", a->duration_us);
		json_put_count(t, "startTime", a->start_ms);
		json_put_count(t, "worker", a->worker);
		put_ending(t, a);
		json_put_count(t, "delayBefore", a->delay_ms);
		if (a->condition != FLAKE_PLAIN)
			json_put_text(t, "condition", flake_condition_name(a->condition));
		json_put_figures(t, a->figures, a->nfigures);
		if (a->fingerprint != 0)
			json_put_hash(t, "fingerprint", a->fingerprint);
		json_put_retry(t, a->decision, sv_from(a->reason), a->retry_delay_ms);
		text_puts(t, "}");
	}
	text_puts(t, "]");
}

static void
put_error(struct text *t, const struct attempt_result *a)
{
	struct text	why = { 0 };

	if (a->error_message == NULL && a->error_category == CATEGORY_NONE)
		return;
	text_why_attempt(&why, a);
	json_put_value(t, "error", json_value_error((struct sv){ why.p, why.n },
	    a->error_category));
	text_free(&why);
}

static void
put_lists(struct text *t, const struct attempt_result *a)
{
	struct svs	v;

	if (a->leaked.n > 0) {
		v = borrow(&a->leaked);
		json_put_value(t, "leaked", json_value_leaked(v));
		release(v);
	}
	if (a->has_subtests) {
		v = borrow(&a->sub_failures);
		json_put_value(t, "subtests", json_value_subtests(a->sub_total, a->sub_passed,
		    a->sub_failed, a->sub_skipped, a->sub_todo, v));
		release(v);
	}
}

/* What the last attempt says for its test. */
static void
put_verdict(struct text *t, const struct attempt_result *a)
{
	const uint64_t	*figures = a->figures;
	struct svs	 v;

	if (a->assertions.n > 0) {
		v = borrow(&a->assertions);
		json_put_value(t, "assertions", json_value_assertions(v));
		release(v);
	} else {
		json_put_key(t, "assertions");
		text_puts(t, "[]");
	}
	put_error(t, a);
	json_put_sv(t, "output", (struct sv){ a->output, a->output_len });
	json_put_count(t, "outputBytes", a->output_bytes);
	json_put_bool(t, "outputTruncated", a->output_truncated);
	put_lists(t, a);
	json_put_count(t, "worker", a->worker);
	if (a->isolation != ISOLATION_AUTO)
		json_put_text(t, "isolation", isolation_name(a->isolation));
	json_put_ms(t, "cpuTime", a->cpu_us);
	json_put_count(t, "peakMemory", a->max_rss);
	if (json_put_source(figures[FIGURE_TREE_SOURCE]) != NULL) {
		json_put_count(t, "treePeakMemory", figures[FIGURE_TREE_PEAK]);
		json_put_text(t, "treePeakSource", json_put_source(figures[FIGURE_TREE_SOURCE]));
	}
	json_put_count(t, "sessionCount", figures[FIGURE_SESSIONS]);
}

/* The outcome of a test that had no attempt, by its status. */
static enum outcome
outcome_without_attempt(enum test_status s)
{
	switch (s) {
	case TEST_PASS:
		return OUTCOME_PASS;
	case TEST_FAIL:
		return OUTCOME_FAIL;
	case TEST_SKIP:
		return OUTCOME_SKIP;
	case TEST_TIMEOUT:
		return OUTCOME_TIMEOUT;
	case TEST_CANCELLED:
		return OUTCOME_CANCELLED;
	case TEST_ERROR:
	case TEST_STATUS_COUNT:
		break;
	}
	return OUTCOME_LOST;
}

static void
put_times(struct text *t, const struct test_result *test, const struct attempt_result *last)
{
	json_put_ms(t, "duration", test->duration_us);
	if (test->nattempts == 0) {
		json_put_null(t, "startTime");
		json_put_null(t, "endTime");
	} else {
		json_put_count(t, "startTime", attempts_of(test)[0].start_ms);
		json_put_count(t, "endTime", last->end_ms);
	}
	if (test->expected_us > 0)
		json_put_ms(t, "expectedDuration", test->expected_us);
}

void
json_put_result(struct text *t, const struct test_result *test)
{
	static const struct attempt_result	 none;
	const struct attempt_result		*a = test->nattempts > 0 ?
	    attempts_last(test) : &none;
	const char	*why = test->message != NULL ? test->message : a->message;

	text_puts(t, "{");
	json_put_text(t, "name", test->name);
	json_put_text(t, "status", test_status_name(test->status));
	json_put_text(t, "outcome", outcome_name(test->nattempts > 0 ? a->outcome :
	    outcome_without_attempt(test->status)));
	json_put_bool(t, "flaky", test->flaky);
	put_times(t, test, a);
	put_ending(t, a);
	json_put_count(t, "attempts", test->nattempts);
	json_put_count(t, "retries", test->retries);
	if (why != NULL)
		json_put_text(t, "message", why);
	put_verdict(t, a);
	put_attempts(t, test);
	text_puts(t, "}");
}

void
json_put_groups(struct text *t, const struct results *r)
{
	struct groups	all;

	groups_of(r, &all);
	if (all.n > 0) {
		json_put_key(t, "failureGroups");
		text_puts(t, "[");
		for (size_t i = 0; i < all.n; i++) {
			const struct group	*g = &all.v[i];

			json_put_key(t, NULL);
			text_puts(t, "{");
			json_put_hash(t, "fingerprint", g->fingerprint);
			json_put_text(t, "failure", g->failure);
			json_put_count(t, "count", g->n);
			json_put_key(t, "tests");
			text_puts(t, "[");
			for (size_t k = 0; k < g->n; k++)
				json_put_text(t, NULL, r->tests[g->tests[k]].name);
			text_puts(t, "]}");
		}
		text_puts(t, "]");
	}
	groups_free(&all);
}
