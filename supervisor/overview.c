/* Totals, shares and workers; see overview.h. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "supervisor/access.h"
#include "supervisor/control.h"
#include "supervisor/overview.h"
#include "supervisor/quota.h"
#include "supervisor/server.h"

static uint64_t
resident_bytes(void)
{
	unsigned long	size, resident = 0;
	FILE		*f = fopen("/proc/self/statm", "re");

	if (f == NULL)
		return 0;
	if (fscanf(f, "%lu %lu", &size, &resident) != 2)
		resident = 0;
	(void)fclose(f);
	return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void
count_all(const struct server *s, const struct pool_count *n, struct msg_status_ok *reply)
{
	reply->runs_active = s->runs.nactive;
	reply->runs_total = s->runs.total;
	reply->clients = control_count(s->control);
	reply->tests_completed = n->completed;
}

/* The workers that he had are others' by now: what they did for him is counted with him. */
static void
count_own(struct server *s, uid_t uid, struct msg_status_ok *reply)
{
	const struct user	*u = users_find(&s->runs.users, uid);
	const struct guest	*guest = control_guest(s->control, uid);

	reply->own = s->service;
	reply->clients = guest != NULL ? guest->connections : 0;
	if (u == NULL)
		return;
	reply->runs_active = u->nactive;
	reply->runs_total = u->total;
	reply->tests_completed = u->completed;
}

int
overview_status(struct conn *c, uint32_t id)
{
	static const char *const	states[] = { "ready", "draining", "leaving" };
	struct server			*s = c->server;
	uid_t				 view = access_view(c);
	struct msg_status_ok		 reply = { .pid = (uint64_t)getpid(),
	    .program = SV_LIT(SERVER_PROGRAM), .state = sv_from(states[s->phase]),
	    .uptime_us = now_us() - s->started_us, .capacity = runs_capacity(&s->runs, view),
	    .socket = sv_from(s->socket_path), .memory = resident_bytes(),
	    .loop_lag_us = s->lag_us, .history = sv_from(runs_history_fault(&s->runs)),
	    .state_dir = sv_from(s->state.path) };
	char				 level[ISOLATION_TEXT], why[LEVELS_WHY];
	struct pool_count		 n;
	char				 waiting[ADMISSION_WHY];

	levels_tell(&s->levels, s->config.isolation, level, why);
	reply.isolation = sv_from(level);
	reply.isolation_why = sv_from(why);
	pool_count(s->pool, view, &n);
	if (view == 0)
		count_all(s, &n, &reply);
	else
		count_own(s, view, &reply);
	reply.workers_total = n.total;
	reply.workers_busy = n.busy;
	reply.workers_idle = n.idle;
	reply.workers_replaced = n.replaced;
	reply.average_per_worker_milli = n.total > 0 ? reply.tests_completed * 1000 / n.total : 0;
	reply.tests_queued = runs_queued(&s->runs, view);
	if (admission_why(&s->runs, view, waiting))
		reply.waiting = sv_from(waiting);
	reply.width = admission_width(&s->runs, view);
	return peer_send(c->peer, MSG_STATUS_OK, id, &reply) == -ENOMEM ? -ENOMEM : 0;
}

static void
count_user(const struct server *s, const struct user *u, struct msg_share_row *row)
{
	const struct guest	*guest = control_guest(s->control, u->uid);
	struct sched_count	 c;
	const struct run	*run;

	row->users = 1;
	row->runs = u->nactive;
	row->share = u->share;
	row->clients = guest != NULL ? guest->connections : 0;
	TAILQ_FOREACH(run, &u->active, mate) {
		sched_count(run->sched, &c);
		row->used += c.used;
		row->running += c.running;
		row->queued += c.queued + c.delayed;
	}
}

uint64_t
overview_shares(struct conn *c, uint32_t id)
{
	struct server		*s = c->server;
	struct msg_share_row	 row;
	struct user		*u;
	uid_t			 view = access_view(c);
	uint64_t		 n = 0;

	LIST_FOREACH(u, &s->runs.users, entry) {
		if (u->nactive == 0 || (view != 0 && view != u->uid))
			continue;
		row = (struct msg_share_row){ .has = MSG_BIT(share_row, uid), .uid = u->uid,
		    .weight = config_weight(&s->config, u->uid),
		    .memory = quota_memory_of(s, u->uid) };
		count_user(s, u, &row);
		(void)peer_send(c->peer, MSG_SHARE_ROW, id, &row);
		n++;
	}
	return n;
}

static void
show_job(struct msg_worker_row *row, const struct pool_job *job)
{
	const struct run	*run = job->owner;

	row->test = run->plan.tests[job->test].name;
	row->run = sv_from(run->id);
	row->uid = run->uid;
	row->has |= MSG_BIT(worker_row, uid);
	row->attempt = job->attempt;
}

uint64_t
overview_workers(struct conn *c, uint32_t id)
{
	const struct pool_job	*job;
	struct msg_worker_row	 row;
	const struct run	*run;
	uid_t			 view = access_view(c);
	unsigned		 i = 0;
	uint64_t		 n = 0;

	for (; pool_row(c->server->pool, view, &i, &row, &job) == 0; n++) {
		run = job != NULL ? job->owner : NULL;
		if (run != NULL && (view == 0 || view == run->uid))
			show_job(&row, job);
		else	/* root's, in a private supervisor */
			row.age_us = row.cpu_us = row.memory = 0;
		(void)peer_send(c->peer, MSG_WORKER_ROW, id, &row);
	}
	return n;
}
