/* All runs and their shares of the pool; see runs.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/spec.h"
#include "supervisor/policy/share.h"
#include "supervisor/quota.h"
#include "supervisor/record.h"
#include "supervisor/run_output.h"
#include "supervisor/runs.h"

void
runs_init(struct runs *rs, struct event_base *base, const struct config *config,
    const char *host, const struct runs_ops *ops, void *arg)
{
	memset(rs, 0, sizeof *rs);
	rs->base = base;
	rs->config = config;
	rs->ops = ops;
	rs->arg = arg;
	TAILQ_INIT(&rs->list);
	LIST_INIT(&rs->users);
	if (admission_init(rs, host) != 0)
		fatal("runs", "out of memory");
}

static void
forget(struct runs *rs, struct run *run)
{
	admission_forget(run);
	rs->ops->forget(rs->arg, run);
	TAILQ_REMOVE(&rs->list, run, entry);
	if (run->over) {
		rs->nover--;
		run->user->nover--;
	} else {
		users_leave(run);
	}
	run_free(run);
}

void
runs_free(struct runs *rs)
{
	struct run	*run;

	while ((run = TAILQ_FIRST(&rs->list)) != NULL)
		forget(rs, run);
	admission_free(rs);
}

/* The oldest run of a user that is over; of those whose record is written, if there is one. */
static struct run *
oldest_over(struct runs *rs, const struct user *u)
{
	struct run	*run, *oldest = NULL, *written = NULL;

	TAILQ_FOREACH(run, &rs->list, entry) {
		if (!run->over || run->user != u)
			continue;
		oldest = run;
		if (run->tracked == NULL)
			written = run;
	}
	if (written == NULL)
		log_about(&(struct log_subject){ .run = oldest->id, .has_uid = true, .uid = u->uid },
		    LOG_LEVEL_WARN, "runs", "run %.8s goes before its record could be written",
		    oldest->id);
	return written != NULL ? written : oldest;
}

/* Who has most on show: nobody pushes out what is another's while he has more himself. */
static const struct user *
most_over(const struct runs *rs)
{
	const struct user	*u, *most = NULL;

	LIST_FOREACH(u, &rs->users, entry) {
		if (most == NULL || u->nover > most->nover)
			most = u;
	}
	return most;
}

/* The oldest finished runs go when there are too many or they hold too much; the
 * newest always stays, for whoever is about to look at it. */
static void
prune(struct runs *rs)
{
	struct run	*run, *oldest;
	uint64_t	 memory = 0;

	TAILQ_FOREACH(run, &rs->list, entry)
		memory += run->over ? run_memory(run) : 0;
	while (rs->nover > 1 &&
	    (rs->nover > rs->config->keep_runs || memory > rs->config->keep_memory)) {
		oldest = oldest_over(rs, most_over(rs));
		memory -= run_memory(oldest);
		forget(rs, oldest);
	}
}

uint64_t
runs_prune_user(struct runs *rs, uid_t uid, uint64_t bytes)
{
	const struct user	*u = users_find(&rs->users, uid);
	struct run		*oldest;
	uint64_t		 given = 0;
	uint32_t		 n = u != NULL ? u->nover : 0;

	for (; n > 0 && given < bytes; n--) {	/* the user may go with the last */
		oldest = oldest_over(rs, u);
		given += run_memory(oldest);
		forget(rs, oldest);
	}
	return given;
}

static void
insert(struct runs *rs, struct run *run)
{
	struct run	*other;

	TAILQ_FOREACH(other, &rs->list, entry) {
		if (other->start_ms <= run->start_ms)
			break;
	}
	if (other != NULL)
		TAILQ_INSERT_BEFORE(other, run, entry);
	else
		TAILQ_INSERT_TAIL(&rs->list, run, entry);
	if (!run->over)
		users_enter(&rs->users, run);
	rs->nactive += !run->over;
	rs->nover += run->over;
	run->user->nover += run->over;
	rs->total++;
	run->user->total++;
	rs->dirty = true;
	admission_enter(rs);
}

int
runs_commit(struct runs *rs, struct draft *d, uint64_t expected_us, uint64_t bound_us,
    struct run **ret)
{
	struct msg_jrn_commit	 rec = { .tests = d->plan.ntests, .start_ms = wall_ms() };
	struct sched_in		 tick = { .type = SCHED_IN_TICK };
	struct run		*run;

	if (rs->nactive >= rs->config->max_runs)
		return -ENOSPC;
	prune(rs);
	d->plan.context.context = ++rs->next_context;
	/* A plan that is not wholly on record is a run without one. */
	if (journal_put(&d->journal, MSG_JRN_COMMIT, &rec, NULL) != 0)
		draft_untrack(d);
	run = run_new(rs, d);
	if (run == NULL)
		return -ENOMEM;
	run->start_ms = rec.start_ms;	/* one start, on record and on show */
	run->expected_us = expected_us;
	run->bound_us = bound_us;
	insert(rs, run);
	run_begin(run);
	run_feed(run, &tick);	/* skipped tests, an empty plan */
	*ret = run;
	return 0;
}

void
runs_adopt(struct runs *rs, struct run *run)
{
	struct sched_in	tick = { .type = SCHED_IN_TICK };

	prune(rs);	/* each on show holds a descriptor */
	run->plan.context.context = ++rs->next_context;
	insert(rs, run);
	run_feed(run, &tick);
}

/* It goes on in an empty folder, which is not what was asked for. */
static void
tell_lost(struct run *run)
{
	uint32_t	started = 0;

	for (uint32_t i = 0; i < run->plan.ntests; i++)
		started += run->plan.tests[i].attempts > 0;
	if (started > 0)
		record_warning(run, "what the tests before had left for the next is gone: from here "
		    "on they find an empty folder");
}

static bool
is_wanted(const struct runs *rs, const char *id)
{
	const struct run	*run;

	TAILQ_FOREACH(run, &rs->list, entry) {
		if (run->plan.shared && !run->over && strcmp(run->id, id) == 0)
			return true;
	}
	return false;
}

void
runs_inherit(struct runs *rs, const char *scratch)
{
	const char	*prefix = POOL_SHARED;
	char		 name[RUN_ID + 8];
	struct dirent	*e;
	struct run	*run;
	DIR		*dir = opendir(scratch);

	if (dir == NULL)
		return;
	TAILQ_FOREACH(run, &rs->list, entry) {
		(void)snprintf(name, sizeof name, POOL_SHARED "%s", run->id);
		if (run->plan.shared && !run->over && faccessat(dirfd(dir), name, F_OK,
		    AT_SYMLINK_NOFOLLOW) == -1)
			tell_lost(run);
	}
	while ((e = readdir(dir)) != NULL) {
		if (strncmp(e->d_name, prefix, strlen(prefix)) == 0 &&
		    !is_wanted(rs, e->d_name + strlen(prefix)))
			pool_forget(rs->pool, NULL, NULL, e->d_name + strlen(prefix));
	}
	(void)closedir(dir);
}

void
runs_flush(struct runs *rs)
{
	struct run	*run;

	TAILQ_FOREACH(run, &rs->list, entry) {
		if (run->journal.len > 0 || run->tracked != NULL)
			run_flush(run);
	}
}

void
runs_tick(struct runs *rs, uint64_t now_ms)
{
	struct run	*run, *next;

	for (run = TAILQ_FIRST(&rs->list); run != NULL; run = next) {
		next = TAILQ_NEXT(run, entry);
		if (run->over || run->forsaken_ms == 0 ||
		    now_ms - run->forsaken_ms < rs->config->reattach_ms)
			continue;
		run->forsaken_ms = 0;
		run_cancel(run, false, "its client did not come back");
	}
}

bool
runs_keep_history(const struct runs *rs)
{
	return rs->no_history == NULL && history_kept(rs->history);
}

const char *
runs_history_fault(const struct runs *rs)
{
	return rs->no_history != NULL ? rs->no_history : history_fault(rs->history);
}

void
runs_warn(struct runs *rs, const char *text)
{
	struct run	*run;

	TAILQ_FOREACH(run, &rs->list, entry) {
		if (!run->over)
			record_warning(run, text);
	}
}

int
runs_find(struct runs *rs, struct sv name, uid_t uid, struct run **ret)
{
	struct run	*run, *found = NULL;
	struct sv	 prefix = spec_run(name);

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

uint64_t
runs_queued(const struct runs *rs, uid_t uid)
{
	const struct run	*run;
	struct sched_count	 n;
	uint64_t		 queued = 0;

	TAILQ_FOREACH(run, &rs->list, entry) {
		if (run->over || (uid != 0 && run->uid != uid))
			continue;
		sched_count(run->sched, &n);
		queued += n.queued + n.delayed;
	}
	return queued;
}

/* What a run can hold at the most: of one whose width follows the CPUs, these count. */
static uint32_t
units_of(const struct runs *rs, const struct run *run)
{
	return run->plan.wide > 0 && rs->cpus < run->plan.jobs ? rs->cpus : run->plan.jobs;
}

uint32_t
runs_capacity(const struct runs *rs, uid_t uid)
{
	const struct run	*run;
	uint32_t		 most = rs->config->jobs != 0 ? (uint32_t)rs->config->jobs :
	    rs->cpus;

	/* Somebody who asks for -j 8 on two CPUs has a reason: tests that wait. */
	TAILQ_FOREACH(run, &rs->list, entry) {
		if (!run->over && (uid == 0 || run->uid == uid) && units_of(rs, run) > most)
			most = units_of(rs, run);
	}
	return most < rs->config->max_jobs ? most : (uint32_t)rs->config->max_jobs;
}

/* What each active run wants, those of each user together; returns how many users. */
static uint32_t
make_claims(struct runs *rs, struct share_claim *users, struct share_claim *runs)
{
	struct sched_count	 c;
	struct share_claim	*claim = runs;
	const struct run	*run;
	struct user		*u;
	uint32_t		 n = 0;

	LIST_FOREACH(u, &rs->users, entry) {
		if (u->nactive == 0)
			continue;
		u->weight = config_weight(rs->config, u->uid);
		users[n++] = (struct share_claim){ .weight = u->weight, .served = u->served,
		    .step = u->step, .nruns = u->nactive, .most = quota_workers(rs, u) };
		TAILQ_FOREACH(run, &u->active, mate) {
			sched_count(run->sched, &c);
			/* A run that is alone may grow into all of it without asking. */
			*claim++ = (struct share_claim){ .used = c.used, .weight = 1,
			    .priority = run->plan.priority, .served = run->served_ms,
			    .demand = rs->nactive > 1 && c.demand < units_of(rs, run) ?
			    c.demand : units_of(rs, run) };
		}
	}
	return n;
}

static void
take_limits(struct runs *rs, const struct share_claim *users, const struct share_claim *runs)
{
	struct user	*u;
	struct run	*run;

	LIST_FOREACH(u, &rs->users, entry) {
		u->share = 0;
		if (u->nactive == 0)
			continue;
		u->served = users->served;
		u->share = users++->share;
		TAILQ_FOREACH(run, &u->active, mate) {
			run->limit = runs++->limit;
			if (run->limit > units_of(rs, run))
				run->limit = units_of(rs, run);
		}
	}
}

void
runs_share(struct runs *rs)
{
	struct sched_in		 tick = { .type = SCHED_IN_TICK };
	struct share_claim	*claims;
	struct run		*run, *next;

	if (!rs->dirty || rs->nactive == 0)
		return;
	rs->dirty = false;
	claims = calloc((size_t)rs->nactive * 2, sizeof *claims);	/* and a user for each */
	if (claims == NULL) {
		rs->dirty = true;
		return;
	}
	share_out(runs_capacity(rs, 0), claims, make_claims(rs, claims, claims + rs->nactive),
	    claims + rs->nactive);
	take_limits(rs, claims, claims + rs->nactive);
	free(claims);
	for (run = TAILQ_FIRST(&rs->list); run != NULL; run = next) {
		next = TAILQ_NEXT(run, entry);
		run_feed(run, &tick);	/* one that is over takes nothing */
	}
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
	if (run->plan.shared)
		pool_forget(rs->pool, run, run->who, run->id);
	users_leave(run);
	admission_forget(run);
	rs->nactive--;
	rs->nover++;
	run->user->nover++;
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

	run->user->completed += over->end == POOL_DONE;
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

static void
on_subject(const struct pool_job *job, struct log_subject *about)
{
	const struct run	*run = job->owner;

	about->run = run->id;
	about->test = run->plan.tests[job->test].name;
	about->has_uid = true;
	about->uid = run->uid;
}

const struct pool_ops runs_pool_ops = {
	.starting = on_starting, .over = on_over, .output = on_output, .subject = on_subject
};
