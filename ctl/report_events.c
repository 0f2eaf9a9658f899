/*
 * Events as JSON lines, each as soon as it came: {"v":1,"seq":N,"t":MS,"type":
 * "attempt.finished","run":"...", and the members of that type}.
 */
#include <jansson.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/event.h"
#include "common/log.h"
#include "common/outcome.h"
#include "common/xalloc.h"
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
put_sv(json_t *o, const char *key, struct sv s)
{
	json_value_put(o, key, json_value_bytes(s.p, s.n));
}

static void
put_number(json_t *o, const char *key, uint64_t n)
{
	json_value_put(o, key, json_value_u64(n));
}

static void
put_test(json_t *o, const struct msg_event *ev)
{
	put_sv(o, "test", ev->test);
	put_number(o, "index", ev->index);
}

static void
put_attempt(json_t *o, const struct msg_event *ev)
{
	put_test(o, ev);
	put_number(o, "attempt", ev->attempt);
	put_number(o, "worker", ev->worker);
}

static void
put_message(json_t *o, const struct msg_event *ev)
{
	if (ev->message.n > 0)
		put_sv(o, "message", ev->message);
}

static void
put_run_started(json_t *o, const struct msg_event *ev)
{
	put_sv(o, "name", ev->name);
	put_number(o, "total", ev->total);
	put_number(o, "jobs", ev->jobs);
	put_number(o, "seed", ev->seed);
	json_value_put(o, "shuffled", json_boolean(ev->shuffled));
}

static bool
has_subtests(const struct msg_event *ev)
{
	return MSG_HAS(ev, event, sub_total) || MSG_HAS(ev, event, sub_passed) ||
	    MSG_HAS(ev, event, sub_failed) || MSG_HAS(ev, event, sub_skipped) ||
	    MSG_HAS(ev, event, sub_todo);
}

static void
put_attempt_finished(json_t *o, const struct msg_event *ev)
{
	put_attempt(o, ev);
	json_value_put(o, "outcome", json_value_text(outcome_name(ev->outcome)));
	json_value_put(o, "duration", json_value_ms(ev->duration_us));
	put_number(o, "startTime", ev->start_ms);
	put_number(o, "endTime", ev->end_ms);
	if (MSG_HAS(ev, event, exit_code))
		put_number(o, "exitCode", ev->exit_code);
	if (MSG_HAS(ev, event, signal))
		json_value_put(o, "signal", json_value_signal(ev->signal));
	json_value_put(o, "cpuTime", json_value_ms(ev->cpu_us));
	put_number(o, "peakMemory", ev->max_rss);
	put_sv(o, "output", ev->output);
	put_number(o, "outputBytes", ev->output_bytes);
	json_value_put(o, "outputTruncated", json_boolean(ev->output_truncated));
	json_value_put(o, "assertions", json_value_assertions(ev->assertions));
	if (ev->error_message.n > 0 || ev->error_category != CATEGORY_NONE)
		json_value_put(o, "error", json_value_error(ev->error_message, ev->error_category));
	if (ev->leaked.n > 0)
		json_value_put(o, "leaked", json_value_leaked(ev->leaked));
	if (has_subtests(ev))
		json_value_put(o, "subtests", json_value_subtests(ev->sub_total, ev->sub_passed,
		    ev->sub_failed, ev->sub_skipped, ev->sub_todo, ev->sub_failures));
	if (ev->isolation.n > 0)
		put_sv(o, "isolation", ev->isolation);
	put_message(o, ev);
}

static void
put_test_finished(json_t *o, const struct msg_event *ev)
{
	put_test(o, ev);
	json_value_put(o, "status", json_value_text(test_status_name(ev->status)));
	json_value_put(o, "flaky", json_boolean(ev->flaky));
	put_number(o, "attempts", ev->attempts);
	put_number(o, "retries", ev->retries);
	json_value_put(o, "duration", json_value_ms(ev->duration_us));
	if (ev->source.n > 0)
		put_sv(o, "source", ev->source);
	put_message(o, ev);
}

static void
put_run_finished(json_t *o, const struct msg_event *ev)
{
	json_t	*sum = json_object();

	if (sum == NULL)
		fatal("memory", "out of memory");
	json_value_put(o, "status", json_value_text(run_status_name(ev->status)));
	put_number(sum, "total", ev->total);
	put_number(sum, "passed", ev->passed);
	put_number(sum, "failed", ev->failed);
	put_number(sum, "skipped", ev->skipped);
	put_number(sum, "timedOut", ev->timed_out);
	put_number(sum, "errored", ev->errored);
	put_number(sum, "cancelled", ev->cancelled);
	put_number(sum, "flaky", ev->flaky_count);
	json_value_put(o, "summary", sum);
	json_value_put(o, "duration", json_value_ms(ev->duration_us));
	json_value_put(o, "sequentialDuration", json_value_ms(ev->sequential_us));
	put_number(o, "workersUsed", ev->workers_used);
	put_number(o, "startTime", ev->start_ms);
	put_number(o, "endTime", ev->end_ms);
	put_message(o, ev);
}

static void
put_members(json_t *o, const struct msg_event *ev)
{
	switch (ev->type) {
	case EVENT_RUN_STARTED:
		put_run_started(o, ev);
		break;
	case EVENT_ATTEMPT_STARTED:
		put_attempt(o, ev);
		put_number(o, "timeout", ev->timeout_ms);
		put_number(o, "delayBefore", ev->delay_ms);
		break;
	case EVENT_ATTEMPT_FINISHED:
		put_attempt_finished(o, ev);
		break;
	case EVENT_TEST_FINISHED:
		put_test_finished(o, ev);
		break;
	case EVENT_WARNING:
		if (ev->test.n > 0)
			put_test(o, ev);
		put_message(o, ev);
		break;
	case EVENT_RUN_FINISHED:
		put_run_finished(o, ev);
		break;
	default:
		put_message(o, ev);
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
	json_t			*o = json_object();

	(void)results;
	if (o == NULL)
		fatal("memory", "out of memory");
	put_number(o, "v", EVENTS_VERSION);
	put_number(o, "seq", ev->seq);
	put_number(o, "t", ev->t_ms);
	json_value_put(o, "type", json_value_text(event_type_name(ev->type)));
	put_sv(o, "run", ev->run);
	put_members(o, ev);
	text_clear(&st->line);
	json_value_dump(&st->line, o, false);
	text_puts(&st->line, "\n");
	/* What cannot be written is found by text_finish(). */
	(void)fwrite(st->line.p, 1, st->line.n, st->out);
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
