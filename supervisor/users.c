/* Users and their active runs; see users.h. */
#include <stdlib.h>

#include "supervisor/run.h"
#include "supervisor/users.h"

struct user *
users_find(struct users *us, uid_t uid)
{
	struct user	*u;

	LIST_FOREACH(u, us, entry) {
		if (u->uid == uid)
			return u;
	}
	return NULL;
}

struct user *
users_take(struct users *us, uid_t uid)
{
	struct user	*u = users_find(us, uid);

	if (u == NULL) {
		u = calloc(1, sizeof *u);
		if (u == NULL)
			return NULL;
		u->uid = uid;
		u->weight = 1;
		TAILQ_INIT(&u->active);
		LIST_INSERT_HEAD(us, u, entry);
	}
	u->refs++;
	return u;
}

void
users_release(struct user *u)
{
	if (u == NULL || --u->refs > 0)
		return;
	LIST_REMOVE(u, entry);
	free(u);
}

void
users_served(struct user *u, uint64_t us)
{
	us /= u->weight;
	u->served += us;
	u->step -= u->step / 8;
	if (us > u->step)
		u->step = us;
}

static void
level_user(struct users *us, struct user *newcomer)
{
	struct user	*u;
	uint64_t	 least = UINT64_MAX;

	LIST_FOREACH(u, us, entry) {
		if (u->nactive > 0 && u->served < least)
			least = u->served;
	}
	if (least != UINT64_MAX && newcomer->served < least)
		newcomer->served = least;
}

static uint64_t
least_served(const struct user *u)
{
	const struct run	*run;
	uint64_t		 least = UINT64_MAX;

	TAILQ_FOREACH(run, &u->active, mate) {
		if (run->served_ms < least)
			least = run->served_ms;
	}
	return least != UINT64_MAX ? least : 0;
}

void
users_enter(struct users *us, struct run *run)
{
	struct user	*u = run->user;
	struct run	*other;

	if (u->nactive == 0)
		level_user(us, u);
	run->served_ms = least_served(u);
	TAILQ_FOREACH(other, &u->active, mate) {
		if (other->plan.priority <= run->plan.priority)
			break;
	}
	if (other != NULL)
		TAILQ_INSERT_BEFORE(other, run, mate);
	else
		TAILQ_INSERT_TAIL(&u->active, run, mate);
	u->nactive++;
}

void
users_leave(struct run *run)
{
	TAILQ_REMOVE(&run->user->active, run, mate);
	run->user->nactive--;
}
