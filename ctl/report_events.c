/*
 * Events as JSON lines, each as soon as it came: {"v":1,"seq":N,"t":MS,"type":
 * "attempt.finished","run":"...", and the members of that type}.
 */
#include <stdlib.h>
#include <sys/stat.h>

#include "common/event.h"
#include "common/flake.h"
#include "common/outcome.h"
#include "common/xalloc.h"
#include "ctl/json_put.h"
#include "ctl/json_value.h"
#include "ctl/report.h"
#include "ctl/text.h"

#define EVENTS_VERSION	1

struct report_events {
	FILE		*out;		/* borrowed */
	struct text	 line;		/* kept for its memory */
	bool		 live;		/* somebody reads while we write */
	bool		 pending;	/* written since the last flush */
};

static void
put_test(struct text *t, const struct msg_event *ev)
{
	json_put_sv(t, "test", ev->test);
	json_put_count(t, "index", ev->index);
}

static void
put_attempt(struct text *t, const struct msg_event *ev)
{
	put_test(t, ev);
	json_put_count(t, "attempt", ev->attempt);
	json_put_count(t, "worker", ev->worker);
}

static void
put_message(struct text *t, const struct msg_event *ev)
{
	if (ev->message.n > 0)
		json_put_sv(t, "message", ev->message);
}

static void
put_run_started(struct text *t, const struct msg_event *ev)
{
	json_put_sv(t, "name", ev->name);
	json_put_count(t, "total", ev->total);
	json_put_count(t, "jobs", ev->jobs);
	json_put_count(t, "seed", ev->seed);
	json_put_bool(t, "shuffled", ev->shuffled);
	if (ev->parent.n > 0)
		json_put_sv(t, "parentRunId", ev->parent);
	if (ev->source.n > 0)
		json_put_sv(t, "revision", ev->source);
	if (ev->expected_us > 0) {
		json_put_ms(t, "expectedDuration", ev->expected_us);
		json_put_ms(t, "lowerBound", ev->bound_us);
	}
}

static bool
has_subtests(const struct msg_event *ev)
{
	return MSG_HAS(ev, event, sub_total) || MSG_HAS(ev, event, sub_passed) ||
	    MSG_HAS(ev, event, sub_failed) || MSG_HAS(ev, event, sub_skipped) ||
	    MSG_HAS(ev, event, sub_todo);
}

static void
put_failure(struct text *t, const struct msg_event *ev)
{
	if (ev->fingerprint != 0)
		json_put_hash(t, "fingerprint", ev->fingerprint);
	if (ev->failure.n > 0)
		json_put_sv(t, "failure", ev->failure);
}

static void
put_attempt_finished(struct text *t, const struct msg_event *ev)
{
	put_attempt(t, ev);
	json_put_text(t, "outcome", outcome_name(ev->outcome));
	json_put_ms(t, "duration", ev->duration_us);
	json_put_count(t, "startTime", ev->start_ms);
	json_put_count(t, "endTime", ev->end_ms);
	if (MSG_HAS(ev, event, exit_code))
		json_put_count(t, "exitCode", ev->exit_code);
	if (MSG_HAS(ev, event, signal))
		json_put_value(t, "signal", json_value_signal(ev->signal));
	json_put_ms(t, "cpuTime", ev->cpu_us);
	json_put_count(t, "peakMemory", ev->max_rss);
	json_put_sv(t, "output", ev->output);
	json_put_count(t, "outputBytes", ev->output_bytes);
	json_put_bool(t, "outputTruncated", ev->output_truncated);
	json_put_value(t, "assertions", json_value_assertions(ev->assertions));
	if (ev->error_message.n > 0 || ev->error_category != CATEGORY_NONE)
		json_put_value(t, "error", json_value_error(ev->error_message, ev->error_category));
	if (ev->leaked.n > 0)
		json_put_value(t, "leaked", json_value_leaked(ev->leaked));
	if (has_subtests(ev))
		json_put_value(t, "subtests", json_value_subtests(ev->sub_total, ev->sub_passed,
		    ev->sub_failed, ev->sub_skipped, ev->sub_todo, ev->sub_failures));
	json_put_figures(t, ev->figures.v, ev->figures.n);
	put_failure(t, ev);
	if (ev->isolation.n > 0)
		json_put_sv(t, "isolation", ev->isolation);
	put_message(t, ev);
}

static void
put_test_finished(struct text *t, const struct msg_event *ev)
{
	put_test(t, ev);
	json_put_text(t, "status", test_status_name(ev->status));
	json_put_bool(t, "flaky", ev->flaky);
	json_put_count(t, "attempts", ev->attempts);
	json_put_count(t, "retries", ev->retries);
	json_put_ms(t, "duration", ev->duration_us);
	if (ev->source.n > 0)
		json_put_sv(t, "source", ev->source);
	put_message(t, ev);
}

static void
put_run_finished(struct text *t, const struct msg_event *ev)
{
	json_put_text(t, "status", run_status_name(ev->status));
	json_put_key(t, "summary");
	text_puts(t, "{");
	json_put_count(t, "total", ev->total);
	json_put_count(t, "passed", ev->passed);
	json_put_count(t, "failed", ev->failed);
	json_put_count(t, "skipped", ev->skipped);
	json_put_count(t, "timedOut", ev->timed_out);
	json_put_count(t, "errored", ev->errored);
	json_put_count(t, "cancelled", ev->cancelled);
	json_put_count(t, "flaky", ev->flaky_count);
	text_puts(t, "}");
	json_put_ms(t, "duration", ev->duration_us);
	json_put_ms(t, "sequentialDuration", ev->sequential_us);
	json_put_count(t, "workersUsed", ev->workers_used);
	json_put_count(t, "startTime", ev->start_ms);
	json_put_count(t, "endTime", ev->end_ms);
	put_message(t, ev);
}

static void
put_retry(struct text *t, const struct msg_event *ev)
{
	put_test(t, ev);
	json_put_count(t, "attempt", ev->attempt);
	json_put_text(t, "decision", retry_decision_name(ev->decision));
	if (ev->type == EVENT_RETRY_SCHEDULED)
		json_put_count(t, "delay", ev->delay_ms);
	put_message(t, ev);
}

static void
put_breaker(struct text *t, const struct msg_event *ev)
{
	json_put_sv(t, "name", ev->name);
	json_put_text(t, "state", breaker_state_name(ev->decision));
	put_failure(t, ev);
	put_message(t, ev);
}

static void
put_members(struct text *t, const struct msg_event *ev)
{
	switch (ev->type) {
	case EVENT_RUN_STARTED:
		put_run_started(t, ev);
		break;
	case EVENT_ATTEMPT_STARTED:
		put_attempt(t, ev);
		json_put_count(t, "timeout", ev->timeout_ms);
		json_put_count(t, "delayBefore", ev->delay_ms);
		if (ev->condition != FLAKE_PLAIN)
			json_put_text(t, "condition", flake_condition_name(ev->condition));
		if (ev->expected_us > 0)
			json_put_ms(t, "expectedDuration", ev->expected_us);
		break;
	case EVENT_ATTEMPT_FINISHED:
		put_attempt_finished(t, ev);
		break;
	case EVENT_TEST_FINISHED:
		put_test_finished(t, ev);
		break;
	case EVENT_WARNING:
		if (ev->test.n > 0)
			put_test(t, ev);
		put_message(t, ev);
		break;
	case EVENT_RETRY_SCHEDULED:
	case EVENT_RETRY_REFUSED:
		put_retry(t, ev);
		break;
	case EVENT_BREAKER_CHANGED:
		put_breaker(t, ev);
		break;
	case EVENT_RUN_FINISHED:
		put_run_finished(t, ev);
		break;
	default:
		put_message(t, ev);
		break;
	}
}

/* After an attempt that passed the end of its test comes at once: both lines go
 * out together. */
static bool
is_followed(const struct msg_event *ev)
{
	return ev->type == EVENT_ATTEMPT_FINISHED &&
	    (ev->outcome == OUTCOME_PASS || ev->outcome == OUTCOME_SKIP);
}

static void
events_event(void *state, const struct msg_event *ev, const struct results *results)
{
	struct report_events	*st = state;
	struct text		*t = &st->line;

	(void)results;
	text_clear(t);
	text_puts(t, "{");
	json_put_count(t, "v", EVENTS_VERSION);
	json_put_count(t, "seq", ev->seq);
	json_put_count(t, "t", ev->t_ms);
	json_put_text(t, "type", event_type_name(ev->type));
	json_put_sv(t, "run", ev->run);
	put_members(t, ev);
	text_puts(t, "}\n");
	/* What cannot be written is found by text_finish(). */
	(void)fwrite(t->p, 1, t->n, st->out);
	st->pending = true;
	if (st->live && !is_followed(ev)) {
		(void)fflush(st->out);
		st->pending = false;
	}
}

static void
events_tick(void *state, msec_t now, const struct results *results)
{
	struct report_events	*st = state;

	(void)now;
	(void)results;
	if (st->pending)
		(void)fflush(st->out);
	st->pending = false;
}

static int
events_end(void *state, const struct results *results)
{
	struct report_events	*st = state;
	int			 r = text_finish(st->out);

	(void)results;
	text_free(&st->line);
	free(st);
	return r;
}

void
report_events(struct reporter *ret, FILE *out)
{
	struct report_events	*st = xcalloc(1, sizeof(*st));
	struct stat		 sb;

	st->out = out;
	st->live = fileno(out) >= 0 && fstat(fileno(out), &sb) == 0 && !S_ISREG(sb.st_mode);
	*ret = (struct reporter){ .state = st, .event = events_event, .tick = events_tick,
	    .end = events_end };
}
