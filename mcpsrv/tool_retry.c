/* console_retry_failed_tests: what failed, again, with waits in between. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/outcome.h"
#include "common/spec.h"
#include "common/xalloc.h"
#include "mcpsrv/job.h"
#include "mcpsrv/tools.h"

/* ---- which ---- */

/*
 * The definition in an item, a new reference: an item is a definition, or a result
 * that has one, or one that only names it.  NULL: it has no name.
 */
static json_t *
definition_of(json_t *item)
{
	json_t		*test = json_object_get(item, "test"), *o;
	const json_t	*assertions;

	if (json_is_object(test)) {
		o = json_copy(test);
		if (json_object_get(o, "name") == NULL)
			(void)json_object_set(o, "name", json_object_get(item, "name"));
	} else {
		o = json_copy(item);
		/* Of a result they are what came out, not what is wanted. */
		assertions = json_object_get(o, "assertions");
		if (json_array_size(assertions) > 0 &&
		    json_object_get(json_array_get(assertions, 0), "type") == NULL)
			(void)json_object_del(o, "assertions");
	}
	if (json_is_string(json_object_get(o, "name")))
		return o;
	json_decref(o);
	return NULL;
}

static bool
contains(const char *text, const json_t *words)
{
	size_t	 i;
	json_t	*w;

	json_array_foreach(words, i, w) {
		if (text != NULL && strcasestr(text, json_string_value(w)) != NULL)
			return true;
	}
	return false;
}

/* By what the caller knows of its failure. */
static bool
is_to_be_retried(const struct job *j, const json_t *item)
{
	const json_t	*words = json_object_get(mcp_arguments(j->call.req), "retryOnErrors");
	const char	*status = json_string_value(json_object_get(item, "status"));
	const json_t	*error = json_object_get(item, "error");
	const char	*output = json_string_value(json_object_get(item, "output"));
	const char	*message = json_string_value(json_is_object(error) ?
	    json_object_get(error, "message") : error);
	bool		 timed_out = status != NULL && strcmp(status, "timeout") == 0;

	if (status != NULL && (strcmp(status, "pass") == 0 || strcmp(status, "skip") == 0))
		return false;
	if (timed_out)
		return !j->no_timeouts;
	if (json_array_size(words) == 0 || (output == NULL && message == NULL))
		return true;
	return contains(output, words) || contains(message, words);
}

static bool
add_item(struct job *j, json_t *item, size_t i)
{
	char	 place[64], why[DEFINE_WHY];
	json_t	*o;
	bool	 ok;

	(void)snprintf(place, sizeof place, "failedTests[%zu]%s", i,
	    json_is_object(json_object_get(item, "test")) ? ".test" : "");
	if (!is_to_be_retried(j, item)) {
		j->not_retried++;
		return true;
	}
	o = definition_of(item);
	if (o == NULL) {
		call_failed(&j->call, "%s has no name: give name, or test with a name", place);
		return false;
	}
	ok = define_add(&j->plan, o, place, why) == 0;
	json_decref(o);
	if (!ok)
		call_failed(&j->call, "%s", why);
	return ok;
}

/* ---- how ---- */

static void
add_rules(const struct job *j, struct plan_retry *r)
{
	const json_t	*words = json_object_get(mcp_arguments(j->call.req), "retryOnErrors");
	size_t		 i;
	json_t		*w;

	r->has |= PLAN_RETRY_ON | PLAN_RETRY_NEVER;
	if (j->no_timeouts)
		strs_add(&r->never, "timeout");
	else if (json_array_size(words) > 0)
		strs_add(&r->on, "timeout");
	json_array_foreach(words, i, w)
		strs_addf(&r->on, "text:%s", json_string_value(w));
}

/* Every attempt counts, the first too. */
static void
prepare(struct job *j)
{
	const struct call	*c = &j->call;
	struct plan_retry	 r = { .has = PLAN_RETRY_COUNT | PLAN_RETRY_DELAY |
	    PLAN_RETRY_MULTIPLIER | PLAN_RETRY_MAX | PLAN_RETRY_JITTER | PLAN_RETRY_WHERE,
	    .count = call_number(c, "maxRetries", 3) - 1,
	    .delay_ms = call_number(c, "backoffMs", 1000),
	    .multiplier_milli = (uint64_t)(call_ratio(c, "backoffMultiplier", 2) * 1000 + 0.5),
	    .max_delay_ms = call_number(c, "maxBackoffMs", 60000),
	    .jitter = call_flag(c, "jitter", false) ? JITTER_EQUAL : JITTER_NONE,
	    .where = WHERE_NOW };

	if (r.max_delay_ms == 0)	/* on the wire 0 is no bound */
		r.delay_ms = 0;
	add_rules(j, &r);
	for (size_t i = 0; i < j->plan.ntests; i++) {
		struct plan_test	*t = &j->plan.tests[i];

		plan_retry_override(&t->retry, &r);
		free(t->skip);
		t->skip = NULL;
	}
	plan_retry_free(&r);
	/* The caller says how often: no breaker says less. */
	j->submit.has_breaker = true;
	j->submit.breaker[BREAKER_SET_OFF] = 1;
}

static json_t *
answer(struct job *j)
{
	return answer_retry(&j->results, &j->view, j->not_retried);
}

/* All were left out. */
static void
nothing(struct job *j)
{
	j->results.finished = true;
	j->results.status = RUN_PASSED;
	j->view.now_ms = wall_ms();
	call_answer(&j->call, answer(j));
}

static bool
check_words(struct job *j)
{
	const json_t	*words = json_object_get(mcp_arguments(j->call.req), "retryOnErrors");
	size_t		 i;
	json_t		*w;

	json_array_foreach(words, i, w) {
		if (json_string_length(w) > 0 &&
		    json_string_length(w) <= SPEC_RULE_MAX - strlen("text:"))
			continue;
		call_failed(&j->call, "retryOnErrors[%zu] has %zu bytes: 1 to %zu are possible", i,
		    json_string_length(w), SPEC_RULE_MAX - strlen("text:"));
		return false;
	}
	if (json_array_size(words) < SPEC_RULES_MAX)
		return true;
	call_failed(&j->call, "retryOnErrors has %zu texts: at most %d are possible",
	    json_array_size(words), SPEC_RULES_MAX - 1);
	return false;
}

void
tool_retry(struct mcp_request *req, void *arg)
{
	struct job	*j = job_new(arg, req, "console_retry_failed_tests");
	const json_t	*items = json_object_get(mcp_arguments(req), "failedTests");
	const char	*run = call_text(&j->call, "runId");
	size_t		 i;
	json_t		*item;

	j->answer = answer;
	j->prepare = prepare;
	j->no_timeouts = !call_flag(&j->call, "retryOnTimeout", true);
	if (!job_arguments(j) || !check_words(j))
		return;
	if (items == NULL && run == NULL) {
		call_failed(&j->call, "neither failedTests nor runId is given: give runId of a "
		    "run to retry what failed in it (console_list_test_runs lists them), or its "
		    "results");
		return;
	}
	if (items == NULL) {
		job_start_again(j, run);
		return;
	}
	json_array_foreach(items, i, item) {
		if (!add_item(j, item, i))
			return;
	}
	if (run != NULL) {
		j->from = xstrdup(run);
		j->submit.parent = j->origin.run;	/* known when names are looked up there */
	}
	if (j->plan.ntests == 0)
		nothing(j);
	else
		job_start(j);
}
