/* One run between its scheduler, the pool and its events; see run.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "common/clock.h"
#include "common/figures.h"
#include "common/log.h"
#include "common/spec.h"
#include "supervisor/admission.h"
#include "supervisor/record.h"
#include "supervisor/run.h"
#include "supervisor/run_output.h"
#include "supervisor/runs.h"

#define RUN_STEPS	32	/* of the scheduler before others have their turn */
#define START_US	1000	/* of supervisor and worker, about, for an attempt */

/* ---- what the scheduler decided ---- */

static void
start_attempt(struct run *run, const struct sched_act *a)
{
	struct manifest_test	*t = &run->plan.tests[a->test];
	const struct manifest_bounds *b = t->bounds;
	struct pool_job		 job = { .owner = run, .test = a->test, .attempt = a->attempt,
	    .context = &run->plan.context, .spec = t->spec,
	    .kind = { .who = run->who, .isolation = run->plan.isolation },
	    .grace_ms = b->grace_ms,
	    .output_limit = b->output_limit, .follow = run->plan.live || t->follow,
	    .shared = run->plan.shared, .limits = b->limits, .condition = a->condition,
	    .usual_ms = t->plain_ms != 0 ? t->plain_ms :
	    run->plan.sched[a->test].expected_us / 1000 };
	struct sched_in		 lost = { .type = SCHED_IN_DONE, .test = a->test,
	    .attempt = a->attempt, .outcome = OUTCOME_LOST };

	admission_started(run, a->test);
	t->leaving = false;
	t->condition = (uint8_t)a->condition;
	job.timeout_ms = manifest_limit(t, b->timeout_ms);
	job.limit_ms = manifest_limit(t, b->limit_ms);
	t->attempts = a->attempt;
	if (t->ready_us == 0)
		t->ready_us = run->start_us;
	t->delay_ms = (uint32_t)a->delay_ms;
	if (pool_start(run->runs->pool, &job) != 0) {
		t->lost++;
		run_feed(run, &lost);
	}
}

static void
verdict(struct run *run, const struct sched_act *a)
{
	struct manifest_test	*t = &run->plan.tests[a->test];

	t->over = true;
	t->status = (uint8_t)a->status;
	t->flaky = a->flaky;
	t->fails = (uint16_t)a->fails;
	t->passes = (uint16_t)a->passes;
	run->counts[a->status]++;
	run->flaky += a->flaky;
	run->infrastructure += a->lost_for_good;
	record_verdict(run, t, a);
	runs_on_test_over(run->runs, run, a->test);
}

static void
retry(struct run *run, const struct sched_act *a)
{
	struct manifest_test	*t = &run->plan.tests[a->test];

	t->ready_us = now_us() + a->delay_ms * 1000;
	record_retry(run, t, a);
}

#define REASON_MAX_FAIL	"enough tests have failed"
#define REASON_TIMEOUT	"the time limit of the run is up"

enum sched_stop
run_stop_named(struct sv reason)
{
	return sv_is(reason, REASON_MAX_FAIL) ? SCHED_STOP_MAX_FAIL :
	    sv_is(reason, REASON_TIMEOUT) ? SCHED_STOP_TIMEOUT : SCHED_STOP_CANCEL;
}

static const char *
stop_reason(const struct run *run, enum sched_stop stop)
{
	switch (stop) {
	case SCHED_STOP_MAX_FAIL:
		return REASON_MAX_FAIL;
	case SCHED_STOP_TIMEOUT:
		return REASON_TIMEOUT;
	case SCHED_STOP_CANCEL:
	case SCHED_STOP_NONE:
		break;
	}
	return run->reason != NULL ? run->reason : "cancelled";
}

static enum run_status
final_status(const struct run *run, bool cancelled)
{
	uint64_t	bad = run->counts[TEST_FAIL] + run->counts[TEST_TIMEOUT] +
	    run->counts[TEST_ERROR];

	if (cancelled)
		return RUN_CANCELLED;
	if (bad == 0 && run->counts[TEST_CANCELLED] == 0)
		return RUN_PASSED;
	if (bad > 0 && bad == run->infrastructure)
		return RUN_ERROR;
	return RUN_FAILED;
}

static void
finish(struct run *run)
{
	run->over = true;
	run->duration_us = now_us() - run->start_us;
	run->end_ms = wall_ms();
	run->status = final_status(run, run->stop == SCHED_STOP_CANCEL);
	record_finished(run, run->stop != SCHED_STOP_NONE ? stop_reason(run, run->stop) : NULL);
	sched_free(run->sched);
	run->sched = NULL;
	(void)event_del(run->timer);
	runs_on_run_over(run->runs, run);
}

static void
perform(struct run *run, const struct sched_out *out)
{
	for (uint32_t i = 0; i < out->n; i++) {
		const struct sched_act	*a = &out->v[i];

		switch (a->type) {
		case SCHED_ACT_START:
			start_attempt(run, a);
			break;
		case SCHED_ACT_KILL:
			pool_abort(run->runs->pool, run, a->test, a->attempt, a->kill,
			    a->timeout);
			break;
		case SCHED_ACT_VERDICT:
			verdict(run, a);
			break;
		case SCHED_ACT_RETRY:
			retry(run, a);
			break;
		case SCHED_ACT_REFUSED:
			record_refused(run, &run->plan.tests[a->test], a);
			break;
		case SCHED_ACT_BREAKER:
			record_breaker(run, a);
			break;
		case SCHED_ACT_STOPPING:
			run->stop = a->reason;
			record_cancelling(run, stop_reason(run, a->reason));
			break;
		case SCHED_ACT_RUN_DONE:
			finish(run);
			break;
		}
	}
}

/* ---- the one way in ---- */

static void
arm(struct run *run, uint64_t next)
{
	struct timeval	tv;
	msec_t		now = now_ms();
	uint64_t	wait = next > now ? next - now : 0;

	if (next == SCHED_NEVER) {
		(void)event_del(run->timer);
		return;
	}
	tv = clock_timeval(wait);
	(void)event_add(run->timer, &tv);
}

static void
enqueue(struct run *run, const struct sched_in *in)
{
	switch (in->type) {
	case SCHED_IN_TICK:
		run->tick = true;
		return;
	case SCHED_IN_CANCEL:
		run->cancel = true;
		run->cancel_kill |= in->kill;
		return;
	case SCHED_IN_DONE:
		break;
	}
	if (run->nresults == manifest_most(&run->plan))
		fatal("run", "more results than attempts that may run");
	run->results[(run->first + run->nresults++) % manifest_most(&run->plan)] = *in;
}

/* A cancel goes before the results, which would only start more. */
static bool
dequeue(struct run *run, struct sched_in *ret)
{
	*ret = (struct sched_in){ .type = SCHED_IN_TICK };
	if (run->cancel) {
		ret->type = SCHED_IN_CANCEL;
		ret->kill = run->cancel_kill;
		run->cancel = run->cancel_kill = false;
	} else if (run->nresults > 0) {
		*ret = run->results[run->first];
		run->first = (run->first + 1) % manifest_most(&run->plan);
		run->nresults--;
	} else if (run->tick) {
		run->tick = false;
	} else {
		return false;
	}
	return true;
}

void
run_feed(struct run *run, const struct sched_in *in)
{
	struct sched_in		now_in;
	struct sched_out	out;
	msec_t			now = 0;
	unsigned		steps = 0;

	if (run->over)
		return;
	enqueue(run, in);
	if (run->feeding)
		return;		/* the outermost call takes it */
	run->feeding = true;
	out.next = SCHED_NEVER;		/* the rest is set by each step */
	/* Without an input it is stepped again while it had more to say than fitted. */
	while (!run->over && steps++ < RUN_STEPS && (dequeue(run, &now_in) || out.next <= now)) {
		now = now_ms();
		admission_before(run);
		sched_step(run->sched, now, run->limit, &now_in, &out);
		perform(run, &out);
	}
	run->feeding = false;
	if (!run->over)
		arm(run, steps > RUN_STEPS ? 0 : out.next);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct sched_in	 tick = { .type = SCHED_IN_TICK };
	struct run	*run = arg;

	(void)fd;
	(void)what;
	run->runs->dirty = true;	/* a retry is due: it may want more units */
	run_feed(run, &tick);
}

void
run_cancel(struct run *run, bool kill, const char *reason)
{
	struct sched_in	in = { .type = SCHED_IN_CANCEL, .kill = kill };

	if (run->over)
		return;
	if (run->reason == NULL)
		run->reason = strdup(reason);	/* without memory it is not said */
	run_feed(run, &in);
}

/* ---- what the pool reports ---- */

void
run_on_starting(struct run *run, const struct pool_job *job, unsigned slot)
{
	struct manifest_test	*t = &run->plan.tests[job->test];
	uint64_t		 now = now_us();

	if (slot < sizeof run->workers * 8)
		run->workers[slot / 64] |= UINT64_C(1) << slot % 64;
	t->queued_us = now > t->ready_us ? now - t->ready_us : 0;
	record_started(run, t, job->attempt, slot);
}

/* Unpacks what came inside ATTEMPT_DONE: records {u8 stream, u32 length, bytes}. */
static void
keep_inline(struct run *run, const struct pool_job *job, struct sv records)
{
	const unsigned char	*p = (const unsigned char *)records.p;
	size_t			 left = records.n, len;

	while (left >= 5) {
		len = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
		if (len > left - 5 || p[0] < 1 || p[0] > 2)
			return;	/* a worker's mistake: the rest is not kept */
		run_keep_output(run, job->test, job->attempt, p[0],
		    (struct sv){ (const char *)p + 5, len });
		p += 5 + len;
		left -= 5 + len;
	}
}

/* It was ended to make room, and by nothing else: as if it had not been, but said. */
static void
take_eviction(struct manifest_test *t, struct sched_in *in, struct pool_over *over, char *why,
    size_t size)
{
	uint64_t	peak = figure_of(over->done->figures, FIGURE_TREE_PEAK);

	if (peak > t->held)
		t->held = peak;
	in->outcome = OUTCOME_LOST;
	in->evicted = true;
	in->memory = t->held;
	(void)snprintf(why, size, "ended to make room, as only %u MiB of memory were left; it runs "
	    "again", t->left_mib);
	over->why = why;
}

/* What counts as served of a wide run: its tests hold no slots that others want while they
 * wait. */
static uint64_t
served_us(const struct run *run, const struct pool_over *over)
{
	uint64_t	least = over->elapsed_us / run->plan.wide, cpu = over->end == POOL_DONE ?
	    over->done->cpu_us : over->elapsed_us;

	return cpu > over->elapsed_us ? over->elapsed_us : cpu > least ? cpu : least;
}

/* What it kept busy of a CPU, with what it takes to start it and to clean up after it. */
static uint32_t
cpu_milli(const struct pool_over *over)
{
	uint64_t	milli = (over->done->cpu_us + START_US) * 1000 / (over->elapsed_us + START_US);

	return milli < UINT16_MAX ? (uint32_t)milli : UINT16_MAX;
}

void
run_on_over(struct run *run, const struct pool_job *job, const struct pool_over *ended)
{
	struct pool_over	 copy = *ended, *over = &copy;
	struct manifest_test	*t = &run->plan.tests[job->test];
	struct sched_in		 in = { .type = SCHED_IN_DONE, .test = job->test,
	    .attempt = job->attempt, .outcome = OUTCOME_LOST };
	uint32_t		 weight = run->plan.sched[job->test].weight;
	uint64_t		 served;
	char			 why[128];

	if (over->end == POOL_DONE) {
		in.outcome = over->done->outcome < OUTCOME_COUNT &&
		    over->done->outcome != OUTCOME_LOST ?
		    (enum outcome)over->done->outcome : OUTCOME_EXEC_ERROR;
		in.says = over->done->retry_says < SAYS_COUNT ?
		    (enum retry_says)over->done->retry_says : SAYS_NOTHING;
		in.fingerprint = over->done->fingerprint;
		in.resource_like = over->done->resource_like;
		in.elapsed_ms = over->elapsed_us / 1000;
		in.cpu_milli = cpu_milli(over);
		if (t->leaving && in.outcome == OUTCOME_CANCELLED)
			take_eviction(t, &in, over, why, sizeof why);
		keep_inline(run, job, over->done->output);
	} else if (over->end == POOL_UNSTARTED) {
		in.outcome = OUTCOME_CANCELLED;
		t->attempts--;
	}
	if (in.outcome == OUTCOME_LOST) {
		t->lost++;
		t->ready_us = now_us();
	}
	if (over->end != POOL_UNSTARTED) {
		t->duration_us = over->elapsed_us;
		if (t->condition == FLAKE_PLAIN)
			t->plain_ms = (uint32_t)(over->elapsed_us / 1000 + 1);
		run->sequential_us += over->elapsed_us;
		served = run->plan.wide > 0 ? served_us(run, over) : over->elapsed_us;
		run->served_ms += served / 1000 * weight;
		users_served(run->user, served * weight);
		record_attempt(run, t, job->attempt, in.outcome, over);
	}
	run_feed(run, &in);
}

/* ---- the record ---- */

void
run_flush(struct run *run)
{
	char	text[200];
	int	r = journal_flush(&run->journal);

	/* Nothing comes after run.finished: who has the result has read to its end. */
	if (r != 0 && !run->write_failed && !run->over) {
		run->write_failed = true;
		(void)snprintf(text, sizeof text, "the record of this run cannot be written (%s): "
		    "it goes on, and is lost if the supervisor ends", strerror(-r));
		record_warning(run, text);
	} else if (r == 0 && run->write_failed) {
		run->write_failed = false;
		if (!run->over)
			record_warning(run, "the record of this run is written again");
		r = journal_flush(&run->journal);
	}
	if (run->journal.ended != 0 && !run->record_ended && !run->over) {
		run->record_ended = true;
		record_warning(run, "the record of this run ends here: the history will not have the rest");
	}
	if (run->tracked == NULL)
		return;
	history_grew(run->runs->history, run->tracked, run->journal.written,
	    run->over && r == 0);
	/* From here on the handle is the history's alone. */
	if (run->over && r == 0)
		run->tracked = NULL;
}

/* ---- life ---- */

struct run *
run_new(struct runs *runs, struct draft *d)
{
	struct run		*run = calloc(1, sizeof *run);
	struct sched_plan	 sp = manifest_plan(&d->plan);

	if (run == NULL)
		return NULL;
	run->sched = sched_new(&sp, now_ms() - d->elapsed_ms);
	run->timer = evtimer_new(runs->base, on_timer, run);
	run->results = calloc(manifest_most(&d->plan), sizeof *run->results);
	run->user = users_take(&runs->users, d->uid);
	if (run->sched == NULL || run->timer == NULL || run->results == NULL ||
	    run->user == NULL) {
		sched_free(run->sched);
		if (run->timer != NULL)
			event_free(run->timer);
		users_release(run->user);
		free(run->results);
		free(run);
		return NULL;
	}
	run->runs = runs;
	run->uid = d->uid;
	run->who = d->who;
	d->who = NULL;
	run->plan = d->plan;
	memset(&d->plan, 0, sizeof d->plan);
	run->journal = d->journal;
	d->journal = (struct journal){ .fd = -1 };
	run->tracked = d->tracked;
	d->tracked = NULL;
	memcpy(run->id, d->id, RUN_ID);
	run->plan.context.run = sv_from(run->id);
	evlog_init(&run->log, &run->journal);
	run->start_ms = wall_ms();
	run->start_us = now_us();
	run->status = RUN_RUNNING;
	return run;
}

void
run_begin(struct run *run)
{
	const char	*fault = runs_history_fault(run->runs);

	record_begun(run);
	if (fault == NULL && run->tracked == NULL && runs_keep_history(run->runs))
		fault = "this run is in no history: its journal could not be made";
	if (fault != NULL)
		record_warning(run, fault);
}

void
run_free(struct run *run)
{
	if (run == NULL)
		return;
	sched_free(run->sched);
	event_free(run->timer);
	evlog_free(&run->log);
	journal_close(&run->journal);
	manifest_free(&run->plan);
	users_release(run->user);
	free(run->results);
	free(run->reason);
	free(run->who);
	free(run);
}

void
run_row(const struct run *run, struct msg_run_row *ret)
{
	struct sched_count	c = { 0 };

	if (run->sched != NULL)
		sched_count(run->sched, &c);
	*ret = (struct msg_run_row){ .run = sv_from(run->id), .name = sv_from(run->plan.label),
	    .status = run->status, .total = run->plan.ntests,
	    .passed = run->counts[TEST_PASS], .failed = run->counts[TEST_FAIL],
	    .skipped = run->counts[TEST_SKIP], .timed_out = run->counts[TEST_TIMEOUT],
	    .errored = run->counts[TEST_ERROR], .cancelled = run->counts[TEST_CANCELLED],
	    .flaky_count = run->flaky, .running = c.running, .queued = c.queued + c.delayed,
	    .start_ms = run->start_ms, .jobs = run->plan.jobs, .uid = run->uid,
	    .revision = sv_from(run->plan.revision),
	    .priority = spec_priority_wire(run->plan.priority),
	    .duration_us = run->over ? run->duration_us : now_us() - run->start_us,
	    .parent = sv_from(run->plan.parent), .detects = run->plan.flake.on };
}

uint64_t
run_memory(const struct run *run)
{
	uint64_t	log = run->log.bytes, most = EVLOG_CHUNK * (EVLOG_RESIDENT + 1);

	return sizeof *run + manifest_memory(&run->plan) + (log < most ? log : most);
}
