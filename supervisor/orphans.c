/* Reaping and orphans; see orphans.h. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/log.h"
#include "common/proctree.h"
#include "supervisor/orphans.h"

#define ORPHANS_AGAIN_US 5000

struct orphans {
	struct event		*again;
	orphans_exit_fn		*exited;
	orphans_known_fn	*known;
	void			*arg;
	bool			 left;	/* some were killed and not yet reaped */
};

/* The direct children that nobody knows; how many there were. */
static unsigned
kill_unknown(struct orphans *o)
{
	struct proc_entry	*v;
	unsigned		 n = 0;
	size_t			 count;

	if (proctree_list(getpid(), &v, &count) != 0)
		return 0;
	for (size_t i = 0; i < count; i++) {
		if (v[i].parent != getpid() || o->known(o->arg, v[i].pid))
			continue;
		log_debug("orphans", "kill %d: %s", (int)v[i].pid, v[i].argv);
		(void)kill(v[i].pid, SIGSTOP);
		(void)proctree_kill(v[i].pid, SIGKILL);
		(void)kill(v[i].pid, SIGKILL);
		n++;
	}
	proctree_free(v, count);
	return n;
}

void
orphans_reap(struct orphans *o)
{
	struct timeval	again = { 0, ORPHANS_AGAIN_US };
	bool		any = o->left;
	int		status;
	pid_t		pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		o->exited(o->arg, pid, status);
		any = true;
	}
	o->left = any && kill_unknown(o) > 0;
	if (o->left && !event_pending(o->again, EV_TIMEOUT, NULL))
		(void)event_add(o->again, &again);
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	orphans_reap(arg);
}

bool
orphans_none(const struct orphans *o)
{
	return !o->left;
}

struct orphans *
orphans_new(struct event_base *base, orphans_exit_fn *exited, orphans_known_fn *known, void *arg)
{
	struct orphans	*o = calloc(1, sizeof *o);

	if (o == NULL)
		return NULL;
	o->exited = exited;
	o->known = known;
	o->arg = arg;
	o->again = evtimer_new(base, on_again, o);
	if (o->again == NULL) {
		free(o);
		return NULL;
	}
	return o;
}

void
orphans_free(struct orphans *o)
{
	if (o == NULL)
		return;
	event_free(o->again);
	free(o);
}
