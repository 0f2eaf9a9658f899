/*
 * The result document of a run.  Written when the stream is over, result by
 * result, so that its size never is a tree in memory.
 */
#include <jansson.h>
#include <stdlib.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "ctl/json_value.h"
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

static json_t *
object(void)
{
	json_t	*o = json_object();

	if (o == NULL)
		fatal("memory", "out of memory");
	return o;
}

static json_t *
head(const struct results *r)
{
	json_t	*o = object(), *sum = object();

	json_value_put(o, "success", json_boolean(r->finished && r->status == RUN_PASSED));
	json_value_put(o, "runId", json_value_text(r->run));
	json_value_put(o, "status", json_value_text(run_status_name(r->status)));
	json_value_put(o, "message", json_value_text(r->message));
	json_value_put(sum, "total", json_value_u64(r->total));
	json_value_put(sum, "passed", json_value_u64(r->passed));
	json_value_put(sum, "failed", json_value_u64(r->failed));
	json_value_put(sum, "skipped", json_value_u64(r->skipped));
	json_value_put(sum, "timedOut", json_value_u64(r->timed_out));
	json_value_put(sum, "errored", json_value_u64(r->errored));
	json_value_put(sum, "cancelled", json_value_u64(r->cancelled));
	json_value_put(sum, "flaky", json_value_u64(r->flaky));
	json_value_put(o, "summary", sum);
	json_value_put(o, "totalTests", json_value_u64(r->total));
	return o;
}

static json_t *
tail(const struct results *r)
{
	json_t		*o = object(), *config = object();
	struct text	 t = { 0 };
	double		 speedup = 0;

	if (r->duration_us > 0)
		speedup = (double)r->sequential_us / (double)r->duration_us;
	if (speedup < 1e9)
		speedup = (double)(uint64_t)(speedup * 100 + 0.5) / 100;
	json_value_put(o, "speedup", json_real(speedup));
	json_value_put(o, "duration", json_value_ms(r->duration_us));
	json_value_put(o, "sequentialDuration", json_value_ms(r->sequential_us));
	json_value_put(o, "workersUsed", json_value_u64(r->workers_used));
	json_value_put(config, "jobs", json_value_u64(r->jobs));
	json_value_put(config, "seed", json_value_u64(r->seed));
	json_value_put(config, "shuffled", json_boolean(r->shuffled));
	json_value_put(o, "config", config);
	text_time(&t, r->start_ms, true);
	json_value_put(o, "timestamp", json_value_text(t.p));
	text_free(&t);
	return o;
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
	json_value_dump(&t, head(r), true);
	text_puts(&t, ",\"results\":[");
	for (uint64_t i = 0; r->tests != NULL && i < r->total; i++) {
		if (!r->tests[i].done)
			continue;
		text_puts(&t, between);
		json_value_dump(&t, json_value_result(&r->tests[i]), false);
		between = ",\n";
		if (t.n > JSON_WRITE)
			text_write(&t, st->out);
	}
	text_puts(&t, "],");
	json_value_dump(&t, tail(r), true);
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
