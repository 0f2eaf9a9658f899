/* Folders that processes of their own remove; see removers.h. */
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "common/identity.h"
#include "common/log.h"
#include "supervisor/removers.h"
#include "supervisor/spawn.h"

struct remover {
	TAILQ_ENTRY(remover)	 entry;
	char			*dir;
	struct identity		*who;
	pid_t			 pid;		/* 0: it waits */
};

struct removers {
	const char		*program;
	TAILQ_HEAD(, remover)	 list;
	unsigned		 running;
};

static void
drop(struct removers *rs, struct remover *v)
{
	TAILQ_REMOVE(&rs->list, v, entry);
	free(v->dir);
	free(v->who);
	free(v);
}

static void
start(struct removers *rs)
{
	struct remover	*v, *next;
	int		 r;

	for (v = TAILQ_FIRST(&rs->list); v != NULL && rs->running < REMOVERS_MAX; v = next) {
		next = TAILQ_NEXT(v, entry);
		if (v->pid != 0)
			continue;
		r = spawn_remover(rs->program, v->dir, v->who, &v->pid);
		if (r == 0) {
			rs->running++;
			continue;
		}
		log_warn("pool", "%s is left: %s", v->dir, strerror(-r));
		drop(rs, v);
	}
}

void
removers_add(struct removers *rs, const char *dir, const struct identity *who)
{
	struct remover	*v = calloc(1, sizeof *v);

	if (v != NULL) {
		v->dir = strdup(dir);
		v->who = who != NULL ? identity_dup(who) : NULL;
	}
	if (v == NULL || v->dir == NULL || (who != NULL && v->who == NULL)) {
		log_warn("pool", "%s is left: no memory", dir);
		if (v != NULL) {
			free(v->dir);
			free(v->who);
		}
		free(v);
		return;
	}
	TAILQ_INSERT_TAIL(&rs->list, v, entry);
	start(rs);
}

static struct remover *
find(const struct removers *rs, pid_t pid)
{
	struct remover	*v;

	TAILQ_FOREACH(v, &rs->list, entry) {
		if (v->pid == pid)
			return v;
	}
	return NULL;
}

bool
removers_exited(struct removers *rs, pid_t pid)
{
	struct remover	*v = find(rs, pid);

	if (v == NULL)
		return false;
	/* A user may not remove what stands in a folder of ours. */
	if (v->who != NULL)
		(void)rmdir(v->dir);
	rs->running--;
	drop(rs, v);
	start(rs);
	return true;
}

bool
removers_known(const struct removers *rs, pid_t pid)
{
	return find(rs, pid) != NULL;
}

bool
removers_none(const struct removers *rs)
{
	return TAILQ_EMPTY(&rs->list);
}

struct removers *
removers_new(const char *program)
{
	struct removers	*rs = calloc(1, sizeof *rs);

	if (rs == NULL)
		return NULL;
	rs->program = program;
	TAILQ_INIT(&rs->list);
	return rs;
}

void
removers_free(struct removers *rs)
{
	struct remover	*v;

	if (rs == NULL)
		return;
	while ((v = TAILQ_FIRST(&rs->list)) != NULL)
		drop(rs, v);
	free(rs);
}
