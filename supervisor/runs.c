/* All runs and their shares of the pool; see runs.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/log.h"
#include "supervisor/policy/share.h"
#include "supervisor/runs.h"

void
runs_init(struct runs *rs, struct event_base *base, const struct config *config,
    const char *spool_dir, const struct runs_ops *ops, void *arg)
{
	memset(rs, 0, sizeof *rs);
	rs->base = base;
	rs->config = config;
	rs->spool_dir = spool_dir;
	rs->ops = ops;
	rs->arg = arg;
	TAILQ_INIT(&rs->list);
}

static void
forget(struct runs *rs, struct run *run)
{
	rs->ops->forget(rs->arg, run);
	TAILQ_REMOVE(&rs->list, run, entry);
	if (run->over)
		rs->nover--;
	run_free(run);
}

void
runs_free(struct runs *rs)
{
	struct run	*run;

	while ((run = TAILQ_FIRST(&rs->list)) != NULL)
		forget(rs, run);
}

/* The oldest finished runs go when there are too many or they hold too much; the
 * newest always stays, for whoever is about to look at it. */
static void
prune(struct runs *rs)
{
	struct run	*run, *next, *oldest;
	uint64_t	 memory = 0;

	TAILQ_FOREACH(run, &rs->list, entry)
		memory += run->over ? run_memory(run) : 0;
	while (rs->nover > 1 &&
	    (rs->nover > rs->config->keep_runs || memory > rs->config->keep_memory)) {
		oldest = NULL;
		for (run = TAILQ_FIRST(&rs->list); run != NULL; run = next) {
			next = TAILQ_NEXT(run, entry);
			if (run->over)
				oldest = run;
		}
		memory -= run_memory(oldest);
		forget(rs, oldest);
	}
}

static void
new_id(char id[RUN_ID + 1])
{
	unsigned char	bytes[RUN_ID / 2];

	if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
		fatal("runs", "no random bytes");
	for (size_t i = 0; i < sizeof bytes; i++)
		(void)snprintf(id + 2 * i, 3, "%02x", bytes[i]);
}

int
runs_commit(struct runs *rs, struct manifest *plan, uid_t uid, struct run **ret)
{
	struct sched_in	 tick = { .type = SCHED_IN_TICK };
	struct run	*run, *other;
	uint64_t	 least = UINT64_MAX;
	char		 id[RUN_ID + 1];

	if (rs->nactive >= rs->config->max_runs)
		return -ENOSPC;
	prune(rs);
	new_id(id);
	manifest_close(plan);
	plan->context.context = ++rs->next_context;
	run = run_new(rs, plan, id, uid);
	if (run == NULL)
		return -ENOMEM;
	/* A newcomer starts level with the least served: it gets its share at once,
	 * and takes nothing for the time before it came. */
	TAILQ_FOREACH(other, &rs->list, entry) {
		if (!other->over && other->served_ms < least)
			least = other->served_ms;
	}
	run->served_ms = least != UINT64_MAX ? least : 0;
	TAILQ_INSERT_HEAD(&rs->list, run, entry);
	rs->nactive++;
	rs->total++;
	rs->dirty = true;
	run_feed(run, &tick);	/* skipped tests, an empty plan */
	*ret = run;
	return 0;
}

int
runs_find(struct runs *rs, struct sv prefix, uid_t uid, struct run **ret)
{
	struct run	*run, *found = NULL;

	TAILQ_FOREACH(run, &rs->list, entry) {
		if (uid != 0 && run->uid != uid)
			continue;
		if (prefix.n > RUN_ID || (prefix.n > 0 && memcmp(run->id, prefix.p, prefix.n) != 0))
			continue;
		if (found != NULL)
			return -ENOTUNIQ;
		found = run;
		if (prefix.n == 0)
			break;
	}
	if (found == NULL)
		return -ENOENT;
	*ret = found;
	return 0;
}

uint32_t
runs_capacity(const struct runs *rs)
{
	const struct run	*run;
	uint32_t		 most = rs->config->jobs != 0 ? (uint32_t)rs->config->jobs :
	    rs->cpus;

	/* Somebody who asks for -j 8 on two CPUs has a reason: tests that wait. */
	TAILQ_FOREACH(run, &rs->list, entry) {
		if (!run->over && run->plan.jobs > most)
			most = run->plan.jobs;
	}
	return most < rs->config->max_jobs ? most : (uint32_t)rs->config->max_jobs;
}

/* Units that no run holds. */
static uint32_t
free_units(const struct runs *rs)
{
	struct sched_count	 c;
	const struct run	*run;
	uint32_t		 capacity = runs_capacity(rs), used = 0;

	TAILQ_FOREACH(run, &rs->list, entry) {
		if (run->over)
			continue;
		sched_count(run->sched, &c);
		used += c.used;
	}
	return used < capacity ? capacity - used : 0;
}

/* Its share, as far as those who hold more than theirs have given back. */
static void
set_limit(struct runs *rs, struct run *run, uint32_t share)
{
	struct sched_in		tick = { .type = SCHED_IN_TICK };
	struct sched_count	c;
	uint32_t		most;

	sched_count(run->sched, &c);
	most = c.used + free_units(rs);
	run->limit = share < most ? share : most;
	run_feed(run, &tick);
}

void
runs_share(struct runs *rs)
{
	struct sched_count	 c;
	struct share_claim	*claims;
	struct run		*run, *next;
	uint32_t		 n = 0;

	if (!rs->dirty || rs->nactive == 0)
		return;
	rs->dirty = false;
	claims = calloc(rs->nactive, sizeof *claims);
	if (claims == NULL) {
		rs->dirty = true;
		return;
	}
	TAILQ_FOREACH(run, &rs->list, entry) {
		if (run->over)
			continue;
		sched_count(run->sched, &c);
		/* A run that is alone may grow into all of it without asking. */
		claims[n].demand = rs->nactive > 1 && c.demand < run->plan.jobs ? c.demand :
		    run->plan.jobs;
		claims[n++].served_ms = run->served_ms;
	}
	share_fill(runs_capacity(rs), claims, n);
	n = 0;
	for (run = TAILQ_FIRST(&rs->list); run != NULL; run = next) {
		next = TAILQ_NEXT(run, entry);
		if (run->over)
			continue;
		set_limit(rs, run, claims[n++].limit);
	}
	free(claims);
}

void
runs_cancel_all(struct runs *rs, bool kill, const char *reason)
{
	struct run	*run, *next;

	for (run = TAILQ_FIRST(&rs->list); run != NULL; run = next) {
		next = TAILQ_NEXT(run, entry);
		run_cancel(run, kill, reason);
	}
}

void
runs_client_gone(struct runs *rs, const struct peer *client)
{
	struct run	*run, *next;

	for (run = TAILQ_FIRST(&rs->list); run != NULL; run = next) {
		next = TAILQ_NEXT(run, entry);
		if (run->client != client)
			continue;
		run->client = NULL;
		run_cancel(run, false, "its client went away");
	}
}

/* ---- from a run ---- */

void
runs_on_event(struct runs *rs, enum event_type type)
{
	rs->ops->event(rs->arg, type == EVENT_RUN_FINISHED);
}

void
runs_on_test_over(struct runs *rs, struct run *run, uint32_t test)
{
	rs->ops->test_over(rs->arg, run, test);
}

void
runs_on_run_over(struct runs *rs, struct run *run)
{
	(void)run;
	rs->nactive--;
	rs->nover++;
	rs->dirty = true;
}

/* ---- from the pool ---- */

static void
on_starting(const struct pool_job *job, unsigned slot)
{
	run_on_starting(job->owner, job, slot);
}

static void
on_over(const struct pool_job *job, const struct pool_over *over)
{
	struct run	*run = job->owner;

	/* With one run its share is the pool, and stays so. */
	if (run->runs->nactive > 1)
		run->runs->dirty = true;
	run_on_over(run, job, over);
}

static void
on_output(const struct pool_job *job, unsigned stream, struct sv data, bool live)
{
	struct run	*run = job->owner;

	if (live)
		run->runs->ops->live(run->runs->arg, run, job->test, job->attempt, stream, data);
	else
		run_keep_output(run, job->test, job->attempt, stream, data);
}

const struct pool_ops runs_pool_ops = {
	.starting = on_starting, .over = on_over, .output = on_output
};
