/*
 * The result document of a run.  Written when the stream is over, result by
 * result, so that its size never is a tree in memory.
 */
#include <stdlib.h>

#include "common/outcome.h"
#include "common/xalloc.h"
#include "ctl/json_put.h"
#include "ctl/report.h"
#include "ctl/results.h"
#include "ctl/text.h"

#define JSON_WRITE	(256 * 1024)	/* bytes gathered before a write */

struct report_json {
	FILE	*out;	/* borrowed */
};

static void
json_event(void *state, const struct msg_event *ev, const struct results *results)
{
	(void)state;
	(void)ev;
	(void)results;
}

static void
put_head(struct text *t, const struct results *r)
{
	json_put_bool(t, "success", r->finished && r->status == RUN_PASSED);
	json_put_text(t, "runId", r->run);
	if (r->parent != NULL)
		json_put_text(t, "parentRunId", r->parent);
	if (r->revision != NULL)
		json_put_text(t, "revision", r->revision);
	json_put_text(t, "status", run_status_name(r->status));
	json_put_text(t, "message", r->message);
	if (r->warnings.n > 0)
		json_put_strs(t, "warnings", &r->warnings);
	json_put_key(t, "summary");
	text_puts(t, "{");
	json_put_count(t, "total", r->total);
	json_put_count(t, "passed", r->passed);
	json_put_count(t, "failed", r->failed);
	json_put_count(t, "skipped", r->skipped);
	json_put_count(t, "timedOut", r->timed_out);
	json_put_count(t, "errored", r->errored);
	json_put_count(t, "cancelled", r->cancelled);
	json_put_count(t, "flaky", r->flaky);
	if (r->evicted > 0)
		json_put_count(t, "evicted", r->evicted);
	text_puts(t, "}");
	json_put_count(t, "totalTests", r->total);
}

static void
put_breakers(struct text *t, const struct results *r)
{
	if (r->nbreakers == 0)
		return;
	json_put_key(t, "breakers");
	text_puts(t, "[");
	for (size_t i = 0; i < r->nbreakers; i++) {
		const struct breaker_result	*b = &r->breakers[i];

		json_put_key(t, NULL);
		text_puts(t, "{");
		json_put_text(t, "name", b->name);
		json_put_text(t, "state", breaker_state_name(b->state));
		if (b->fingerprint != 0)
			json_put_hash(t, "fingerprint", b->fingerprint);
		json_put_text(t, "reason", b->message);
		text_puts(t, "}");
	}
	text_puts(t, "]");
}

static void
put_tail(struct text *t, const struct results *r)
{
	struct text	 at = { 0 };
	double		 speedup = 0;

	json_put_groups(t, r);
	put_breakers(t, r);
	if (r->duration_us > 0)
		speedup = (double)r->sequential_us / (double)r->duration_us;
	if (speedup < 1e9)
		speedup = (double)(uint64_t)(speedup * 100 + 0.5) / 100;
	json_put_ratio(t, "speedup", speedup);
	json_put_ms(t, "duration", r->duration_us);
	if (r->expected_us > 0) {
		json_put_ms(t, "expectedDuration", r->expected_us);
		json_put_ms(t, "lowerBound", r->bound_us);
	}
	json_put_ms(t, "sequentialDuration", r->sequential_us);
	json_put_count(t, "workersUsed", r->workers_used);
	json_put_key(t, "config");
	text_puts(t, "{");
	json_put_count(t, "jobs", r->jobs);
	json_put_count(t, "seed", r->seed);
	json_put_bool(t, "shuffled", r->shuffled);
	text_puts(t, "}");
	text_time(&at, r->start_ms, true);
	json_put_text(t, "timestamp", at.p);
	text_free(&at);
}

static int
json_end(void *state, const struct results *r)
{
	struct report_json	*st = state;
	struct text		 t = { 0 };
	const char		*between = "\n";
	int			 err;

	if (r->run == NULL)
		goto out;	/* there was no run: whoever asked has its error */
	text_puts(&t, "{");
	put_head(&t, r);
	text_puts(&t, ",\"results\":[");
	for (uint64_t i = 0; r->tests != NULL && i < r->total; i++) {
		if (!r->tests[i].done)
			continue;
		text_puts(&t, between);
		json_put_result(&t, &r->tests[i]);
		between = ",\n";
		if (t.n > JSON_WRITE)
			text_write(&t, st->out);
	}
	text_puts(&t, "]");
	put_tail(&t, r);
	text_puts(&t, "}\n");
	text_write(&t, st->out);
out:
	err = text_finish(st->out);
	text_free(&t);
	free(st);
	return err;
}

void
report_json(struct reporter *ret, FILE *out)
{
	struct report_json	*st = xcalloc(1, sizeof(*st));

	st->out = out;
	*ret = (struct reporter){ .state = st, .event = json_event, .end = json_end };
}
