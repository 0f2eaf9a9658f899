/* The bounds of one user; see quota.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "supervisor/access.h"
#include "supervisor/control.h"
#include "supervisor/quota.h"
#include "supervisor/server.h"

bool
quota_unbounded(const struct conn *c)
{
	return access_admin(c);
}

uint32_t
quota_workers(const struct runs *rs, const struct user *u)
{
	if (u->unbounded || u->uid == 0 || u->uid == rs->owner)
		return 0;
	return (uint32_t)rs->config->user_workers;
}

static uint64_t
connections(const struct config *config)
{
	uint64_t	half = config->max_connections / 2;

	return config->user_connections == 0 || config->user_connections > half ? half :
	    config->user_connections;
}

bool
quota_crowd(struct guest *g, const struct config *config, uint64_t now)
{
	uint64_t	most = connections(config);

	return !g->unbounded && (g->connections > most + QUOTA_ROOM ||
	    (g->connections >= most && guest_owes(g, now)));
}

int
quota_connect(const struct conn *c, char why[QUOTA_WHY])
{
	const struct config	*config = &c->server->config;
	uint64_t		 most = connections(config);

	if (quota_unbounded(c) || c->guest->connections <= most)
		return 0;
	(void)snprintf(why, QUOTA_WHY, "you have %" PRIu64 " clients connected, which is %s one user",
	    most, most == config->user_connections ? "what user-connections allows" :
	    "half of max-connections, and no more is allowed");
	return -EDQUOT;
}

/* Tests of his active runs that wait. */
static uint64_t
queued_of(const struct user *u)
{
	struct sched_count	 c;
	const struct run	*run;
	uint64_t		 n = 0;

	TAILQ_FOREACH(run, &u->active, mate) {
		sched_count(run->sched, &c);
		n += c.queued + c.delayed;
	}
	return n;
}

uint64_t
quota_memory_of(const struct server *s, uid_t uid)
{
	const struct run	*run;
	const struct guest	*guest = control_guest(s->control, uid);
	uint64_t		 sum = guest != NULL ? guest->plans : 0;

	TAILQ_FOREACH(run, &s->runs.list, entry)
		sum += run->uid == uid ? run_memory(run) : 0;
	return sum;
}

static int
check_memory(const struct conn *c, char why[QUOTA_WHY])
{
	struct server	*s = c->server;
	uint64_t	 most = s->config.user_memory, held;

	if (most == 0)
		return 0;
	held = quota_memory_of(s, c->uid);
	if (held > most)
		held -= runs_prune_user(&s->runs, c->uid, held - most);
	if (held <= most)
		return 0;
	(void)snprintf(why, QUOTA_WHY, "this plan and your active runs take more memory than the "
	    "%" PRIu64 " MiB that user-memory allows one user: wait for a run to end, or "
	    "run fewer tests at once", most >> 20);
	return -EDQUOT;
}

int
quota_memory(struct conn *c, char why[QUOTA_WHY])
{
	uint64_t	now;

	if (quota_unbounded(c))
		return 0;
	now = manifest_memory(&c->draft->plan);
	if (now < c->looked_at + QUOTA_STEP)
		return 0;
	c->looked_at = now;
	return check_memory(c, why);
}

int
quota_commit(const struct conn *c, char why[QUOTA_WHY])
{
	const struct config	*config = &c->server->config;
	const struct user	*u = users_find(&c->server->runs.users, c->uid);
	uint64_t		 tests = c->draft->plan.ntests, queued;

	if (quota_unbounded(c))
		return 0;
	if (config->user_runs != 0 && u != NULL && u->nactive >= config->user_runs) {
		(void)snprintf(why, QUOTA_WHY, "you have %u active runs, which is what user-runs "
		    "allows one user: wait for one to end, or cancel it", u->nactive);
		return -EDQUOT;
	}
	queued = u != NULL ? queued_of(u) : 0;
	if (config->user_tests != 0 && queued + tests > config->user_tests) {
		(void)snprintf(why, QUOTA_WHY, "%" PRIu64 " tests on top of the %" PRIu64
		    " of yours that wait already are more than the %" PRIu64
		    " that user-tests allows one user", tests, queued, config->user_tests);
		return -EDQUOT;
	}
	return check_memory(c, why);
}
