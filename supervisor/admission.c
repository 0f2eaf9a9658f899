/* Starts by what the host has left; see admission.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <event2/event.h>

#include "common/clock.h"
#include "common/log.h"
#include "supervisor/admission.h"
#include "supervisor/policy/sched.h"
#include "supervisor/runs.h"

#define GAP_US		1000000	/* what happened in a longer time says nothing of now */
#define LOAD_MILLI	2000	/* a CPU: as much as the bound, where there is no PSI */

/* ---- looking ---- */

/* A part of the time, in thousandths. */
static uint32_t
part(uint64_t was_us, uint64_t is_us, uint64_t span_us)
{
	uint64_t	milli = is_us > was_us && span_us > 0 ? (is_us - was_us) * 1000 / span_us : 0;

	return milli < 1000 ? (uint32_t)milli : 1000;
}

static struct memory_task
task_of(const struct msg_worker_row *row, const struct pool_job *job)
{
	const struct run		*run = job->owner;
	const struct manifest_test	*t = &run->plan.tests[job->test];
	uint64_t			 peak = run->plan.sched[job->test].memory;

	return (struct memory_task){ .expected = memory_need(peak > t->held ? peak : t->held),
	    .used = row->memory, .age_us = row->age_us, .leaving = t->leaving };
}

/* The attempts that run, and which they are.  The caller frees both. */
static uint32_t
list_tasks(const struct runs *rs, struct memory_task **ret, struct pool_job **ret_jobs)
{
	struct pool_count	 count;
	const struct pool_job	*job;
	struct msg_worker_row	 row;
	uint32_t		 n = 0;

	pool_count(rs->pool, 0, &count);
	*ret = calloc((size_t)count.busy + 1, sizeof **ret);
	*ret_jobs = calloc((size_t)count.busy + 1, sizeof **ret_jobs);
	if (*ret == NULL || *ret_jobs == NULL)
		return 0;
	for (unsigned i = 0; n < count.busy && pool_row(rs->pool, 0, &i, &row, &job) == 0;) {
		if (job == NULL)
			continue;
		(*ret)[n] = task_of(&row, job);
		(*ret_jobs)[n++] = *job;
	}
	return n;
}

static void
evict(struct runs *rs, const struct pool_job *job, const struct memory_task *task)
{
	struct run		*run = job->owner;
	struct manifest_test	*t = &run->plan.tests[job->test];
	struct log_subject	 about = { .run = run->id, .test = t->name, .has_uid = true,
	    .uid = run->uid };

	t->leaving = true;
	t->left_mib = (uint32_t)(rs->admission.memory.available >> 20);
	if (task->used > t->held)
		t->held = task->used;
	log_about(&about, LOG_LEVEL_WARN, "memory", "%.8s: " SV_FMT " makes room, %u MiB are "
	    "available", run->id, SV_ARG(t->name), t->left_mib);
	pool_abort(rs->pool, run, job->test, job->attempt, true, false);
}

static void
look_at_memory(struct runs *rs, const struct pressure_seen *was)
{
	const struct config	*c = rs->config;
	struct admission	*a = &rs->admission;
	const struct memory_policy policy = { .reserve = c->memory_reserve,
	    .critical = c->memory_critical, .stall_milli = (uint32_t)c->memory_pressure * 10 };
	const struct memory_seen seen = { .total = a->seen.memory_total,
	    .available = a->seen.memory_available, .stall_milli = part(was->memory_stall_us,
	    a->seen.memory_stall_us, a->seen.at_us - was->at_us) };
	struct memory_task	*tasks;
	struct pool_job		*jobs;
	uint32_t		 n = list_tasks(rs, &tasks, &jobs), victim;

	victim = memory_look(&a->memory, &policy, &seen, tasks, n);
	if (victim != MEMORY_NONE)
		evict(rs, &jobs[victim], &tasks[victim]);
	free(tasks);
	free(jobs);
}

/* What runs of such runs.  False: there are none. */
static bool
count_wide(const struct runs *rs, struct width_seen *ret)
{
	const struct run	*run;
	uint32_t		 unknown;
	bool			 any = false;

	TAILQ_FOREACH(run, &rs->list, entry) {
		if (run->over || run->plan.wide == 0)
			continue;
		any = true;
		ret->known_milli += sched_cpu_milli(run->sched, &unknown);
		ret->unknown += unknown;
	}
	return any;
}

static uint32_t
stall_of_cpus(const struct runs *rs, const struct pressure_seen *was, uint64_t span_us)
{
	const struct pressure_seen *is = &rs->admission.seen;
	uint64_t		 milli;

	if (is->cpu_stall_us != 0)
		return part(was->cpu_stall_us, is->cpu_stall_us, span_us);
	milli = is->cpus > 0 ? is->load_milli * rs->config->cpu_pressure * 10 / LOAD_MILLI /
	    is->cpus : 0;
	return milli < 1000 ? (uint32_t)milli : 1000;
}

static void
look_at_width(struct runs *rs, const struct pressure_seen *was)
{
	struct admission	*a = &rs->admission;
	struct width_seen	 seen = { .cpus = a->seen.cpus,
	    .bound_milli = (uint32_t)rs->config->cpu_pressure * 10 };
	uint64_t		 span = a->seen.at_us - was->at_us, idle;
	bool			 first = !a->wide;

	a->wide = count_wide(rs, &seen);
	if (!a->wide || first)
		width_init(&a->width);
	if (!a->wide || first || span == 0 || a->seen.cpus == 0)
		return;
	idle = (a->seen.idle_us - was->idle_us) * WIDTH_CPU / span;
	if (a->seen.idle_us < was->idle_us || idle > (uint64_t)seen.cpus * WIDTH_CPU)
		idle = 0;	/* a clock that is not to be believed */
	seen.busy_milli = (uint64_t)seen.cpus * WIDTH_CPU - idle;
	seen.stall_milli = stall_of_cpus(rs, was, span);
	width_look(&a->width, &seen);
}

static void
look(struct runs *rs)
{
	struct admission	*a = &rs->admission;
	struct pressure_seen	 was = a->seen;

	pressure_look(&a->host, &a->seen);
	if (was.at_us == 0 || a->seen.at_us - was.at_us > GAP_US)
		was = a->seen;
	look_at_memory(rs, &was);
	look_at_width(rs, &was);
	if (a->turn != NULL && (a->turn->over || sched_lacks(a->turn->sched) == 0))
		a->turn = NULL;
}

/* ---- time ---- */

/* Those may go on that waited for what may be there now. */
static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct sched_in	 tick = { .type = SCHED_IN_TICK };
	struct runs	*rs = arg;
	struct run	*run, *next;

	(void)fd;
	(void)what;
	look(rs);
	for (run = TAILQ_FIRST(&rs->list); run != NULL; run = next) {
		next = TAILQ_NEXT(run, entry);
		if (run->over || (run->plan.wide == 0 && sched_lacks(run->sched) == 0))
			continue;
		rs->dirty |= rs->nactive > 1;
		run_feed(run, &tick);
	}
}

static bool
is_needed(const struct runs *rs)
{
	const struct run	*run;

	if (rs->nactive == 0)
		return false;
	if (rs->config->memory_reserve != 0)
		return true;
	TAILQ_FOREACH(run, &rs->list, entry) {
		if (!run->over && run->plan.wide > 0)
			return true;
	}
	return false;
}

void
admission_pump(struct runs *rs)
{
	struct timeval	tv;

	if (event_pending(rs->admission.timer, EV_TIMEOUT, NULL) || !is_needed(rs))
		return;
	tv = clock_timeval(memory_next(&rs->admission.memory));
	(void)event_add(rs->admission.timer, &tv);
}

/* ---- runs ---- */

/* Does anything run that is not this run's? */
static bool
others_run(const struct run *run)
{
	struct pool_count	pool;
	struct sched_count	c;

	if (run->runs->nactive < 2)
		return false;
	sched_count(run->sched, &c);
	pool_count(run->runs->pool, 0, &pool);
	return pool.busy > c.running;
}

void
admission_enter(struct runs *rs)
{
	if (is_needed(rs))
		look(rs);
}

void
admission_before(struct run *run)
{
	struct runs		*rs = run->runs;
	struct admission	*a = &rs->admission;
	struct sched_host	 host = { .memory = UINT64_MAX, .share_milli = WIDTH_CPU };

	if (is_needed(rs)) {
		if (now_us() - a->seen.at_us > MEMORY_LOOK_MS * 1000)
			look(rs);
		host = (struct sched_host){ .memory = a->memory.left,
		    .closed = a->memory.closed || (a->turn != NULL && a->turn != run),
		    .share_milli = a->width.share_milli, .pressed = a->width.pressed };
		host.beside = (host.closed || host.memory != UINT64_MAX) && others_run(run);
	}
	sched_bound(run->sched, &host);
}

/* Those that wait for memory are gone past once more. */
static void
pass_over(struct runs *rs, const struct run *starts)
{
	struct run	*run;

	TAILQ_FOREACH(run, &rs->list, entry) {
		if (run == starts || run->over || sched_lacks(run->sched) == 0)
			continue;
		if (++run->passed >= SCHED_BYPASS_MAX && rs->admission.turn == NULL)
			rs->admission.turn = run;
	}
}

void
admission_started(struct run *run, uint32_t test)
{
	struct admission		*a = &run->runs->admission;
	const struct manifest_test	*t = &run->plan.tests[test];
	uint64_t			 peak = run->plan.sched[test].memory;

	memory_took(&a->memory, memory_need(peak > t->held ? peak : t->held));
	run->passed = 0;
	if (a->turn == run)
		a->turn = NULL;
	if (run->runs->nactive > 1)
		pass_over(run->runs, run);
}

void
admission_forget(struct run *run)
{
	if (run->runs->admission.turn == run)
		run->runs->admission.turn = NULL;
}

/* ---- on show ---- */

bool
admission_why(const struct runs *rs, uid_t uid, char why[ADMISSION_WHY])
{
	const struct memory	*m = &rs->admission.memory;
	const struct run	*run;
	uint64_t		 lacks, least = m->closed && runs_queued(rs, uid) > 0 ? MEMORY_LEAST : 0;

	TAILQ_FOREACH(run, &rs->list, entry) {
		if (uid != 0 && run->uid != uid)
			continue;
		lacks = run->over ? 0 : sched_lacks(run->sched);
		if (lacks > 0 && (least == 0 || lacks < least))
			least = lacks;
	}
	if (least == 0)
		return false;
	if (m->closed && m->stalled)
		(void)snprintf(why, ADMISSION_WHY, "waiting for memory: something waits for it "
		    "%u %% of the time, and %llu MiB are available",
		    m->stall_milli / 10, (unsigned long long)(m->available >> 20));
	else
		(void)snprintf(why, ADMISSION_WHY, "waiting for memory: %llu MiB available, %llu "
		    "MiB needed", (unsigned long long)(m->available >> 20),
		    (unsigned long long)((m->closed ? m->reserve + m->reserve / 4 :
		    m->available - m->left + least) >> 20));
	return true;
}

uint32_t
admission_width(const struct runs *rs, uid_t uid)
{
	struct sched_count	c;
	const struct run	*run;
	uint32_t		 most = 0;

	TAILQ_FOREACH(run, &rs->list, entry) {
		if (run->over || run->plan.wide == 0 || (uid != 0 && run->uid != uid))
			continue;
		sched_count(run->sched, &c);
		if (most < run->plan.cpus)
			most = run->plan.cpus;
		if (most < c.running)
			most = c.running;
	}
	return most;
}

/* ---- life ---- */

int
admission_init(struct runs *rs, const char *root)
{
	struct admission	*a = &rs->admission;

	pressure_init(&a->host, root);
	memory_init(&a->memory);
	width_init(&a->width);
	a->timer = evtimer_new(rs->base, on_timer, rs);
	return a->timer != NULL ? 0 : -ENOMEM;
}

void
admission_free(struct runs *rs)
{
	if (rs->admission.timer != NULL)
		event_free(rs->admission.timer);
	rs->admission.timer = NULL;
}
