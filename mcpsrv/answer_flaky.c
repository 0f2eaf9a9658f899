/* Which tests are flaky; see answer.h.  The report is that of paratestctl flaky. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/outcome.h"
#include "common/xalloc.h"
#include "ctl/attempts.h"
#include "ctl/flaky.h"
#include "ctl/json_value.h"
#include "mcpsrv/answer.h"

#define SEVERE		0.3	/* flakeRate above it; mild at or below the other */
#define MODERATE	0.1
#define ADVICE_MAX	300
#define ADVICES		5
#define TAIL_OF_FLAKY	700	/* bytes kept for what follows the reports */

/* "4 x Timeout: ..." */
static json_t *
patterns(const struct flaky_test *f, const struct answer_view *v)
{
	json_t	*list = json_array();
	char	*s;

	for (size_t i = 0; i < f->npatterns && i < 5; i++) {
		s = xasprintf("%" PRIu64 " x %s%s%s", f->patterns[i].count, f->patterns[i].category,
		    f->patterns[i].message[0] != '\0' ? ": " : "", f->patterns[i].message);
		answer_append(list, answer_line(v->secrets, s, strlen(s), 200));
		free(s);
	}
	return list;
}

static int
by_value(const void *a, const void *b)
{
	uint64_t	x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* min, median, 95 % (nearest rank) and max of the attempts that ended. */
static json_t *
durations(const struct test_result *t)
{
	uint64_t	*us = xcalloc(t->nattempts + 1, sizeof *us);
	size_t		 n = 0;
	json_t		*o = json_object();

	for (size_t i = 0; i < t->nattempts; i++) {
		if (attempts_of(t)[i].finished)
			us[n++] = attempts_of(t)[i].duration_us;
	}
	qsort(us, n, sizeof *us, by_value);
	if (n > 0) {
		json_value_put(o, "min", json_value_ms(us[0]));
		json_value_put(o, "median", json_value_ms(us[(n - 1) / 2]));
		json_value_put(o, "p95", json_value_ms(us[(n * 95 + 99) / 100 - 1]));
		json_value_put(o, "max", json_value_ms(us[n - 1]));
	}
	free(us);
	return o;
}

static json_t *
report(const struct results *r, const struct flaky_test *f, const struct answer_view *v,
    double threshold)
{
	const struct flake_result	*d = &f->test->flake;
	json_t				*o = json_object(), *list = json_array();
	char				 uri[128];

	answer_text(o, "testName", f->test->name, 512);
	json_value_put(o, "verdict", json_value_text(flake_verdict_name(d->verdict)));
	json_value_put(o, "totalRuns", json_value_u64(f->runs));
	json_value_put(o, "passes", json_value_u64(d->passes));
	json_value_put(o, "failures", json_value_u64(d->fails));
	json_value_put(o, "errors", json_value_u64(f->errors));
	answer_ratio(o, "flakeRate", f->share);
	answer_append(list, json_real((double)d->low_ppm / 1e6));
	answer_append(list, json_real((double)d->high_ppm / 1e6));
	json_value_put(o, "confidenceInterval", list);
	json_value_put(o, "isFlaky", json_boolean(d->verdict == FLAKE_FLAKY));
	json_value_put(o, "threshold", json_real(threshold));
	json_value_put(o, "failurePatterns", patterns(f, v));
	json_value_put(o, "durationMs", durations(f->test));
	list = json_array();
	if (f->advice != NULL)
		answer_append(list, answer_line(v->secrets, f->advice, strlen(f->advice),
		    ADVICE_MAX));
	json_value_put(o, "recommendations", list);
	if (d->fails > 0) {
		answer_output_uri(uri, sizeof uri, r->run, (uint64_t)(f->test - r->tests));
		json_value_put(o, "outputUri", json_value_text(uri));
	}
	return o;
}

static void
put_reports(json_t *o, const struct results *r, const struct flaky_report *rep,
    const struct answer_view *v, double threshold, bool stable_too)
{
	json_t	*list = json_array(), *one;
	size_t	 room = answer_size(o) + TAIL_OF_FLAKY, used = 0, wanted = 0, shown = 0;

	room = v->budget > room ? v->budget - room : 0;
	for (size_t i = 0; i < rep->n; i++) {	/* the worst are first */
		if (rep->tests[i].test->flake.verdict == FLAKE_STABLE && !stable_too)
			continue;
		wanted++;
		if (used > room || shown == v->limit)
			continue;
		one = report(r, &rep->tests[i], v, threshold);
		used += answer_size(one) + 1;
		if (used > room && shown > 0) {
			json_decref(one);
			continue;
		}
		answer_append(list, one);
		shown++;
	}
	json_value_put(o, "reports", list);
	if (wanted > shown)
		json_value_put(o, "reportsOmitted", json_value_u64(wanted - shown));
}

/* Categories of what flaky tests failed with, each once. */
static json_t *
common_patterns(const struct flaky_report *rep)
{
	json_t	*list = json_array(), *one;
	size_t	 k;

	for (size_t i = 0; i < rep->counts[FLAKE_FLAKY]; i++) {
		const struct flaky_test	*f = &rep->tests[i];

		for (size_t p = 0; p < f->npatterns && json_array_size(list) < 5; p++) {
			one = json_value_text(f->patterns[p].category);
			for (k = 0; k < json_array_size(list) &&
			    !json_equal(json_array_get(list, k), one); k++)
				;
			if (k == json_array_size(list))
				answer_append(list, one);
			else
				json_decref(one);
		}
	}
	return list;
}

static json_t *
summary(const struct flaky_report *rep)
{
	uint64_t	 flaky = rep->counts[FLAKE_FLAKY], severe = 0, moderate = 0;
	double		 sum = 0;
	json_t		*o = json_object(), *severity = json_object();

	for (uint64_t i = 0; i < flaky; i++) {	/* they come first */
		double	share = rep->tests[i].share;

		severe += share > SEVERE;
		moderate += share > MODERATE && share <= SEVERE;
		sum += share;
	}
	json_value_put(o, "totalTests", json_value_u64(rep->n));
	json_value_put(o, "flakyTests", json_value_u64(flaky));
	json_value_put(o, "stableTests", json_value_u64(rep->counts[FLAKE_STABLE]));
	json_value_put(o, "brokenTests", json_value_u64(rep->counts[FLAKE_BROKEN]));
	json_value_put(o, "suspectTests", json_value_u64(rep->counts[FLAKE_SUSPECT]));
	json_value_put(o, "unsureTests", json_value_u64(rep->counts[FLAKE_UNSURE]));
	answer_ratio(o, "flakeRate", rep->n > 0 ? (double)flaky / (double)rep->n : 0);
	answer_ratio(o, "averageFlakeRate", flaky > 0 ? sum / (double)flaky : 0);
	json_value_put(severity, "severe", json_value_u64(severe));
	json_value_put(severity, "moderate", json_value_u64(moderate));
	json_value_put(severity, "mild", json_value_u64(flaky - severe - moderate));
	json_value_put(o, "severity", severity);
	if (flaky > 0)
		answer_text(o, "mostFlakyTest", rep->tests[0].test->name, 512);
	json_value_put(o, "commonPatterns", common_patterns(rep));
	return o;
}

static json_t *
message(const struct results *r, const struct flaky_report *rep)
{
	if (!r->finished)
		return json_sprintf("Running: %llu attempts of %llu tests are done; wait with "
		    "console_get_test_run {\"runId\": \"%s\", \"waitMs\": 60000}.",
		    (unsigned long long)rep->attempts, (unsigned long long)(rep->n + rep->open),
		    r->run != NULL ? r->run : "");
	return json_sprintf("%llu of %zu tests are flaky, %llu are stable, %llu fail each time%s "
	    "(%llu attempts)%s.", (unsigned long long)rep->counts[FLAKE_FLAKY], rep->n,
	    (unsigned long long)rep->counts[FLAKE_STABLE],
	    (unsigned long long)rep->counts[FLAKE_BROKEN],
	    rep->counts[FLAKE_SUSPECT] + rep->counts[FLAKE_UNSURE] > 0 ?
	    ", of the others too little is known" : "", (unsigned long long)rep->attempts,
	    r->status == RUN_CANCELLED ? "; the run was cancelled before its end" : "");
}

static json_t *
recommendations(const struct flaky_report *rep, const struct answer_view *v)
{
	json_t	*list = json_array();
	char	*s;

	for (size_t i = 0; i < rep->n && json_array_size(list) < ADVICES; i++) {
		if (rep->tests[i].test->flake.verdict == FLAKE_STABLE ||
		    rep->tests[i].advice == NULL)
			continue;
		s = xasprintf("%s: %s", rep->tests[i].test->name, rep->tests[i].advice);
		answer_append(list, answer_line(v->secrets, s, strlen(s), ADVICE_MAX));
		free(s);
	}
	return list;
}

json_t *
answer_flaky(const struct results *r, const struct answer_view *v, double threshold,
    bool stable_too)
{
	struct flaky_report	 rep;
	json_t			*o = json_object(), *list = json_array();
	char			 uri[128];

	flaky_report_of(r, NULL, &rep);
	json_value_put(o, "success", json_true());
	json_value_put(o, "message", message(r, &rep));
	json_value_put(o, "runId", json_value_text(r->run));
	json_value_put(o, "status", json_value_text(run_status_name(r->status)));
	json_value_put(o, "summary", summary(&rep));
	json_value_put(o, "recommendations", recommendations(&rep, v));
	json_value_put(o, "duration", json_value_ms(r->duration_us));
	answer_time(o, "timestamp", v->now_ms);
	put_reports(o, r, &rep, v, threshold, stable_too);
	(void)snprintf(uri, sizeof uri, "paratest://runs/%.40s/report.json",
	    r->run != NULL ? r->run : "");
	answer_resource(list, uri, "every attempt", "application/json");
	json_value_put(o, "resources", list);
	flaky_report_free(&rep);
	return o;
}

/* Half of the room is for it; the threshold was the other call's. */
json_t *
answer_found(const struct results *r, const struct answer_view *v)
{
	struct answer_view	 part = *v;
	json_t			*o, *flaky, *found, *one;
	size_t			 i;

	if (!r->detects || v->offset > 0)
		return answer_run(r, v, NULL);
	part.budget = v->budget / 2;
	flaky = answer_flaky(r, &part, 0, false);
	found = json_object();
	(void)json_object_set(found, "summary", json_object_get(flaky, "summary"));
	(void)json_object_set(found, "reports", json_object_get(flaky, "reports"));
	if (json_object_get(flaky, "reportsOmitted") != NULL)
		(void)json_object_set(found, "reportsOmitted",
		    json_object_get(flaky, "reportsOmitted"));
	json_array_foreach(json_object_get(found, "reports"), i, one)
		(void)json_object_del(one, "threshold");
	part.budget = v->budget - answer_size(found);
	o = answer_run(r, &part, NULL);
	(void)json_object_set(o, "message", json_object_get(flaky, "message"));
	json_value_put(o, "flaky", found);
	json_decref(flaky);
	return o;
}
