/* One run between its scheduler, the pool and its events; see run.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "common/clock.h"
#include "common/log.h"
#include "supervisor/record.h"
#include "supervisor/run.h"
#include "supervisor/runs.h"

/* ---- what the scheduler decided ---- */

static void
start_attempt(struct run *run, const struct sched_act *a)
{
	struct manifest_test	*t = &run->plan.tests[a->test];
	struct pool_job		 job = { .owner = run, .test = a->test, .attempt = a->attempt,
	    .context = &run->plan.context, .spec = t->spec, .timeout_ms = t->timeout_ms,
	    .grace_ms = t->grace_ms, .output_limit = t->output_limit,
	    .limit_ms = t->limit_ms, .follow = run->plan.live || t->follow };
	struct sched_in		 lost = { .type = SCHED_IN_DONE, .test = a->test,
	    .attempt = a->attempt, .outcome = OUTCOME_LOST };

	t->attempts = a->attempt;
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
	run->counts[a->status]++;
	run->flaky += a->flaky;
	run->infrastructure += a->lost_for_good;
	record_verdict(run, t, a);
	runs_on_test_over(run->runs, run, a->test);
}

static const char *
stop_reason(const struct run *run, enum sched_stop stop)
{
	switch (stop) {
	case SCHED_STOP_MAX_FAIL:
		return "enough tests have failed";
	case SCHED_STOP_TIMEOUT:
		return "the time limit of the run is up";
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
	if (run->nresults == run->plan.jobs)
		fatal("run", "more results than attempts that may run");
	run->results[(run->first + run->nresults++) % run->plan.jobs] = *in;
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
		run->first = (run->first + 1) % run->plan.jobs;
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

	if (run->over)
		return;
	enqueue(run, in);
	if (run->feeding)
		return;		/* the outermost call takes it */
	run->feeding = true;
	out.next = SCHED_NEVER;		/* the rest is set by each step */
	/* Without an input it is stepped again while it had more to say than fitted. */
	while (!run->over && (dequeue(run, &now_in) || out.next <= now)) {
		now = now_ms();
		sched_step(run->sched, now, run->limit, &now_in, &out);
		perform(run, &out);
	}
	run->feeding = false;
	if (!run->over)
		arm(run, out.next);
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
		run->reason = reason;
	run_feed(run, &in);
}

/* ---- what the pool reports ---- */

void
run_on_starting(struct run *run, const struct pool_job *job, unsigned slot)
{
	struct manifest_test	*t = &run->plan.tests[job->test];

	if (slot < sizeof run->workers * 8)
		run->workers[slot / 64] |= UINT64_C(1) << slot % 64;
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

void
run_on_over(struct run *run, const struct pool_job *job, const struct pool_over *over)
{
	struct manifest_test	*t = &run->plan.tests[job->test];
	struct sched_in		 in = { .type = SCHED_IN_DONE, .test = job->test,
	    .attempt = job->attempt, .outcome = OUTCOME_LOST };
	uint32_t		 weight = run->plan.sched[job->test].weight;

	if (over->end == POOL_DONE) {
		in.outcome = over->done->outcome < OUTCOME_COUNT &&
		    over->done->outcome != OUTCOME_LOST ?
		    (enum outcome)over->done->outcome : OUTCOME_EXEC_ERROR;
		keep_inline(run, job, over->done->output);
	} else if (over->end == POOL_UNSTARTED) {
		in.outcome = OUTCOME_CANCELLED;
		t->attempts--;
	}
	t->lost += in.outcome == OUTCOME_LOST;
	if (over->end != POOL_UNSTARTED) {
		t->duration_us = over->elapsed_us;
		run->sequential_us += over->elapsed_us;
		run->served_ms += over->elapsed_us / 1000 * weight;
		record_attempt(run, t, job->attempt, in.outcome, over);
	}
	run_feed(run, &in);
}

/* ---- output ---- */

void
run_follow(struct run *run, uint32_t test)
{
	if (test == POOL_ALL)
		run->plan.live = true;
	else
		run->plan.tests[test].follow = true;
	pool_follow(run->runs->pool, run, test);
}

static struct manifest_output *
output_of(struct run *run, struct manifest_test *t, uint32_t attempt)
{
	struct manifest_output	*o = t->outputs;

	if (o != NULL && o->attempt == attempt)
		return o;
	o = arena_alloc(&run->plan.arena, sizeof *o);
	if (o == NULL)
		return NULL;
	o->attempt = attempt;
	o->last = &o->first;
	o->next = t->outputs;
	t->outputs = o;
	return o;
}

void
run_keep_output(struct run *run, uint32_t test, uint32_t attempt, unsigned stream, struct sv data)
{
	struct manifest_output	*o = output_of(run, &run->plan.tests[test], attempt);
	struct manifest_extent	*e;
	int			 r = -ENOSPC;

	if (o == NULL)
		return;
	e = arena_alloc(&run->plan.arena, sizeof *e);
	if (e != NULL && run->spool.size + data.n <= run->runs->config->max_output)
		r = spool_append(&run->spool, data.p, data.n, &e->at);
	if (e == NULL || r != 0) {
		o->cut = true;
		if (!run->spool_failed)
			record_warning(run, r == -ENOSPC ?
			    "output is no longer kept: the bound of max-output is reached" :
			    "output could not be kept on disk");
		run->spool_failed = true;
		return;
	}
	e->stream = stream;
	e->len = (uint32_t)data.n;
	*o->last = e;
	o->last = &e->next;
}

const struct manifest_output *
run_output(const struct run *run, uint32_t test, uint32_t attempt)
{
	const struct manifest_output	*o = run->plan.tests[test].outputs;

	while (o != NULL && attempt != 0 && o->attempt != attempt)
		o = o->next;
	return o;
}

/* ---- life ---- */

struct run *
run_new(struct runs *runs, struct manifest *plan, const char *id, uid_t uid)
{
	struct run		*run = calloc(1, sizeof *run);
	struct sched_plan	 sp = { .tests = plan->sched, .ntests = plan->ntests,
	    .resources = plan->resources, .nresources = plan->nresources,
	    .jobs = plan->jobs, .max_fail = plan->max_fail, .timeout_ms = plan->timeout_ms,
	    .shuffle = plan->shuffle, .seed = plan->seed };

	if (run == NULL)
		return NULL;
	run->sched = sched_new(&sp, now_ms());
	run->timer = evtimer_new(runs->base, on_timer, run);
	run->results = calloc(plan->jobs, sizeof *run->results);
	if (run->sched == NULL || run->timer == NULL || run->results == NULL) {
		sched_free(run->sched);
		if (run->timer != NULL)
			event_free(run->timer);
		free(run->results);
		free(run);
		return NULL;
	}
	run->runs = runs;
	run->uid = uid;
	run->plan = *plan;
	memset(plan, 0, sizeof *plan);
	memcpy(run->id, id, RUN_ID);
	run->plan.context.run = sv_from(run->id);
	spool_init(&run->spool, runs->spool_dir);
	evlog_init(&run->log, &run->spool);
	run->start_ms = wall_ms();
	run->start_us = now_us();
	run->status = RUN_RUNNING;
	record_begun(run);
	return run;
}

void
run_free(struct run *run)
{
	if (run == NULL)
		return;
	sched_free(run->sched);
	event_free(run->timer);
	evlog_free(&run->log);
	spool_free(&run->spool);
	manifest_free(&run->plan);
	free(run->results);
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
	    .duration_us = run->over ? run->duration_us : now_us() - run->start_us };
}

uint64_t
run_memory(const struct run *run)
{
	uint64_t	log = run->log.bytes, most = EVLOG_CHUNK * (EVLOG_RESIDENT + 1);

	return sizeof *run + manifest_memory(&run->plan) + (log < most ? log : most);
}
