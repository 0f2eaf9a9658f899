/*
 * Events as JSON lines, each as soon as it came: {"v":1,"seq":N,"t":MS,"type":
 * "attempt.finished","run":"...", and the members of that type}.
 */
#include <stdlib.h>
#include <sys/stat.h>

#include "common/event.h"
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

/* Members are written straight into the line: a tree of JSON values for each event
 * costs three times as much.  What needs escaping is still jansson's to write. */
static void
put_key(struct text *t, const char *key)
{
	text_puts(t, t->p[t->n - 1] != '{' ? ",\"" : "\"");
	text_puts(t, key);
	text_puts(t, "\":");
}

static void
put_value(struct text *t, const char *key, json_t *value)
{
	put_key(t, key);
	json_value_dump(t, value, false);
}

static bool
is_plain(struct sv s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < 0x20 || s.p[i] > 0x7e || s.p[i] == '"' || s.p[i] == '\\')
			return false;
	}
	return true;
}

static void
put_sv(struct text *t, const char *key, struct sv s)
{
	put_key(t, key);
	if (!is_plain(s)) {
		json_value_dump(t, json_value_bytes(s.p, s.n), false);
		return;
	}
	text_add(t, "\"", 1);
	text_add(t, s.p, s.n);
	text_add(t, "\"", 1);
}

static void
put_word(struct text *t, const char *key, const char *word)
{
	put_sv(t, key, sv_from(word));
}

static void
add_decimal(struct text *t, uint64_t n)
{
	char	buf[20], *p = buf + sizeof(buf);

	do {
		*--p = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	text_add(t, p, (size_t)(buf + sizeof(buf) - p));
}

static void
put_number(struct text *t, const char *key, uint64_t n)
{
	put_key(t, key);
	if (n <= INT64_MAX)
		add_decimal(t, n);
	else
		json_value_dump(t, json_value_u64(n), false);
}

static void
put_ms(struct text *t, const char *key, uint64_t us)
{
	char	digits[] = { '.', (char)('0' + us / 100 % 10), (char)('0' + us / 10 % 10),
	    (char)('0' + us % 10) };
	size_t	n = us % 1000 == 0 ? 0 : us % 100 == 0 ? 2 : us % 10 == 0 ? 3 : 4;

	put_key(t, key);
	add_decimal(t, us / 1000);
	text_add(t, digits, n);
}

static void
put_bool(struct text *t, const char *key, bool v)
{
	put_key(t, key);
	text_puts(t, v ? "true" : "false");
}

static void
put_test(struct text *t, const struct msg_event *ev)
{
	put_sv(t, "test", ev->test);
	put_number(t, "index", ev->index);
}

static void
put_attempt(struct text *t, const struct msg_event *ev)
{
	put_test(t, ev);
	put_number(t, "attempt", ev->attempt);
	put_number(t, "worker", ev->worker);
}

static void
put_message(struct text *t, const struct msg_event *ev)
{
	if (ev->message.n > 0)
		put_sv(t, "message", ev->message);
}

static void
put_run_started(struct text *t, const struct msg_event *ev)
{
	put_sv(t, "name", ev->name);
	put_number(t, "total", ev->total);
	put_number(t, "jobs", ev->jobs);
	put_number(t, "seed", ev->seed);
	put_bool(t, "shuffled", ev->shuffled);
}

static bool
has_subtests(const struct msg_event *ev)
{
	return MSG_HAS(ev, event, sub_total) || MSG_HAS(ev, event, sub_passed) ||
	    MSG_HAS(ev, event, sub_failed) || MSG_HAS(ev, event, sub_skipped) ||
	    MSG_HAS(ev, event, sub_todo);
}

static void
put_attempt_finished(struct text *t, const struct msg_event *ev)
{
	put_attempt(t, ev);
	put_word(t, "outcome", outcome_name(ev->outcome));
	put_ms(t, "duration", ev->duration_us);
	put_number(t, "startTime", ev->start_ms);
	put_number(t, "endTime", ev->end_ms);
	if (MSG_HAS(ev, event, exit_code))
		put_number(t, "exitCode", ev->exit_code);
	if (MSG_HAS(ev, event, signal))
		put_value(t, "signal", json_value_signal(ev->signal));
	put_ms(t, "cpuTime", ev->cpu_us);
	put_number(t, "peakMemory", ev->max_rss);
	put_sv(t, "output", ev->output);
	put_number(t, "outputBytes", ev->output_bytes);
	put_bool(t, "outputTruncated", ev->output_truncated);
	put_value(t, "assertions", json_value_assertions(ev->assertions));
	if (ev->error_message.n > 0 || ev->error_category != CATEGORY_NONE)
		put_value(t, "error", json_value_error(ev->error_message, ev->error_category));
	if (ev->leaked.n > 0)
		put_value(t, "leaked", json_value_leaked(ev->leaked));
	if (has_subtests(ev))
		put_value(t, "subtests", json_value_subtests(ev->sub_total, ev->sub_passed,
		    ev->sub_failed, ev->sub_skipped, ev->sub_todo, ev->sub_failures));
	if (ev->isolation.n > 0)
		put_sv(t, "isolation", ev->isolation);
	put_message(t, ev);
}

static void
put_test_finished(struct text *t, const struct msg_event *ev)
{
	put_test(t, ev);
	put_word(t, "status", test_status_name(ev->status));
	put_bool(t, "flaky", ev->flaky);
	put_number(t, "attempts", ev->attempts);
	put_number(t, "retries", ev->retries);
	put_ms(t, "duration", ev->duration_us);
	if (ev->source.n > 0)
		put_sv(t, "source", ev->source);
	put_message(t, ev);
}

static void
put_run_finished(struct text *t, const struct msg_event *ev)
{
	put_word(t, "status", run_status_name(ev->status));
	put_key(t, "summary");
	text_puts(t, "{");
	put_number(t, "total", ev->total);
	put_number(t, "passed", ev->passed);
	put_number(t, "failed", ev->failed);
	put_number(t, "skipped", ev->skipped);
	put_number(t, "timedOut", ev->timed_out);
	put_number(t, "errored", ev->errored);
	put_number(t, "cancelled", ev->cancelled);
	put_number(t, "flaky", ev->flaky_count);
	text_puts(t, "}");
	put_ms(t, "duration", ev->duration_us);
	put_ms(t, "sequentialDuration", ev->sequential_us);
	put_number(t, "workersUsed", ev->workers_used);
	put_number(t, "startTime", ev->start_ms);
	put_number(t, "endTime", ev->end_ms);
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
		put_number(t, "timeout", ev->timeout_ms);
		put_number(t, "delayBefore", ev->delay_ms);
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
	put_number(t, "v", EVENTS_VERSION);
	put_number(t, "seq", ev->seq);
	put_number(t, "t", ev->t_ms);
	put_word(t, "type", event_type_name(ev->type));
	put_sv(t, "run", ev->run);
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
