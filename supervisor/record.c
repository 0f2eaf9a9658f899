/* Events out of what happened; see record.h. */
#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/spec.h"
#include "supervisor/record.h"
#include "supervisor/runs.h"

static struct sv
cut(struct sv s)
{
	return (struct sv){ s.p, s.n < SPEC_TEXT_MAX ? s.n : SPEC_TEXT_MAX };
}

static void
append(struct run *run, struct msg_event *ev, enum event_type type)
{
	int	r;

	ev->type = type;
	ev->t_ms = wall_ms();
	ev->run = sv_from(run->id);
	r = evlog_append(&run->log, ev);
	if (r == -EMSGSIZE) {	/* a test that says too much: keep the figures */
		ev->output = (struct sv){ NULL, 0 };
		ev->assertions = ev->leaked = ev->sub_failures = (struct svs){ NULL, 0 };
		ev->error_message = cut(ev->error_message);
		ev->message = cut(ev->message);
		ev->output_truncated = true;
		r = evlog_append(&run->log, ev);
	}
	if (r != 0)
		log_warn("run", "%s: an event is lost: %s", run->id, strerror(-r));
	runs_on_event(run->runs, type);
}

static void
about(struct msg_event *ev, const struct run *run, const struct manifest_test *t)
{
	memset(ev, 0, sizeof *ev);
	ev->test = t->name;
	ev->index = (uint64_t)(t - run->plan.tests);
	ev->has = MSG_BIT(event, index);
}

void
record_begun(struct run *run)
{
	struct msg_event	ev = { .total = run->plan.ntests, .jobs = run->plan.jobs,
	    .seed = run->plan.seed, .name = sv_from(run->plan.label),
	    .shuffled = run->plan.shuffle };

	append(run, &ev, EVENT_RUN_STARTED);
}

void
record_started(struct run *run, const struct manifest_test *t, uint32_t attempt, unsigned slot)
{
	struct msg_event	ev;

	about(&ev, run, t);
	ev.attempt = attempt;
	ev.worker = slot;
	ev.timeout_ms = t->timeout_ms;
	ev.delay_ms = t->delay_ms;
	append(run, &ev, EVENT_ATTEMPT_STARTED);
}

/* The last RECORD_TAIL bytes of both streams.  How many. */
static size_t
tail_of(const struct run *run, const struct manifest_test *t, uint32_t attempt, char *buf)
{
	const struct manifest_output	*o = t->outputs;
	uint64_t			 total = 0, skip;
	size_t				 n = 0;

	if (o == NULL || o->attempt != attempt)
		return 0;
	for (const struct manifest_extent *e = o->first; e != NULL; e = e->next)
		total += e->len;
	skip = total > RECORD_TAIL ? total - RECORD_TAIL : 0;
	for (const struct manifest_extent *e = o->first; e != NULL; e = e->next) {
		uint64_t	from = skip < e->len ? skip : e->len;

		skip -= from;
		if (from == e->len)
			continue;
		if (spool_read(&run->spool, e->at + from, buf + n, e->len - from) != 0)
			break;
		n += e->len - from;
	}
	return n;
}

/* What the worker said of it. */
static void
copy_done(struct msg_event *ev, const struct msg_attempt_done *d)
{
	ev->start_ms = d->start_ms;
	ev->end_ms = d->start_ms + d->elapsed_us / 1000;
	if (MSG_HAS(d, attempt_done, exit_code)) {
		ev->exit_code = d->exit_code;
		ev->has |= MSG_BIT(event, exit_code);
	}
	ev->signal = d->signal;
	ev->cpu_us = d->cpu_us;
	ev->max_rss = d->max_rss;
	ev->output_bytes = d->stdout_bytes + d->stderr_bytes;
	ev->output_truncated = d->truncated;
	ev->assertions = d->assertions;
	ev->error_message = d->error_message;
	ev->error_category = d->error_category < CATEGORY_COUNT ? d->error_category : 0;
	ev->leaked = d->leaked;
	ev->sub_total = d->sub_total;
	ev->sub_passed = d->sub_passed;
	ev->sub_failed = d->sub_failed;
	ev->sub_skipped = d->sub_skipped;
	ev->sub_todo = d->sub_todo;
	ev->sub_failures = d->sub_failures;
	ev->message = d->skip_reason;
}

void
record_attempt(struct run *run, const struct manifest_test *t, uint32_t attempt, enum outcome outcome,
    const struct pool_over *over)
{
	struct msg_event	ev;
	char			tail[RECORD_TAIL];

	about(&ev, run, t);
	ev.attempt = attempt;
	ev.worker = over->slot;
	ev.outcome = outcome;
	ev.has |= MSG_BIT(event, outcome);
	ev.duration_us = over->elapsed_us;
	ev.isolation = sv_from(over->isolation);
	if (over->end == POOL_DONE) {
		copy_done(&ev, over->done);
		ev.output = (struct sv){ tail, tail_of(run, t, attempt, tail) };
		ev.output_truncated |= ev.output_bytes > ev.output.n;
	} else {
		ev.start_ms = over->start_ms;
		ev.end_ms = over->start_ms + over->elapsed_us / 1000;
		ev.error_category = CATEGORY_INFRASTRUCTURE;
		ev.error_message = over->slot != 0 ? SV_LIT("its worker was lost") :
		    SV_LIT("no worker could be started for it");
	}
	append(run, &ev, EVENT_ATTEMPT_FINISHED);
}

void
record_verdict(struct run *run, const struct manifest_test *t, const struct sched_act *a)
{
	struct msg_event	ev;

	about(&ev, run, t);
	ev.status = a->status;
	ev.has |= MSG_BIT(event, status);
	ev.flaky = a->flaky;
	ev.attempts = t->attempts;
	ev.retries = t->attempts - t->lost > 1 ? t->attempts - t->lost - 1 : 0;
	ev.duration_us = t->duration_us;
	ev.source = t->source;
	if (t->attempts == 0)
		ev.message = a->status == TEST_SKIP ? t->skip : SV_LIT("it was not started");
	if (a->lost_for_good)
		ev.message = SV_LIT("its worker was lost each time it ran");
	append(run, &ev, EVENT_TEST_FINISHED);
}

void
record_cancelling(struct run *run, const char *why)
{
	struct msg_event	ev = { .message = sv_from(why) };

	append(run, &ev, EVENT_RUN_CANCELLING);
}

void
record_warning(struct run *run, const char *text)
{
	struct msg_event	ev = { .message = sv_from(text) };

	append(run, &ev, EVENT_WARNING);
}

void
record_finished(struct run *run, const char *why)
{
	struct msg_event	ev = { .has = MSG_BIT(event, status), .status = run->status,
	    .total = run->plan.ntests, .passed = run->counts[TEST_PASS],
	    .failed = run->counts[TEST_FAIL], .skipped = run->counts[TEST_SKIP],
	    .timed_out = run->counts[TEST_TIMEOUT], .errored = run->counts[TEST_ERROR],
	    .cancelled = run->counts[TEST_CANCELLED], .flaky_count = run->flaky,
	    .duration_us = run->duration_us, .sequential_us = run->sequential_us,
	    .start_ms = run->start_ms, .end_ms = run->end_ms, .message = sv_from(why) };

	for (size_t i = 0; i < sizeof run->workers / sizeof run->workers[0]; i++)
		ev.workers_used += (uint64_t)__builtin_popcountll(run->workers[i]);
	append(run, &ev, EVENT_RUN_FINISHED);
}
