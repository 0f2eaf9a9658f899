/* Stopping and continuing processes of a test; see pauser.h. */
#include <signal.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/proctree.h"
#include "worker/pauser.h"

#define POWERS	6	/* 1 to 32 ms */
#define EACH	3	/* pauses, after which those between two may be twice as long */

/* After one of so many powers of two, in ms. */
static void
arm(struct pauser *p, uint32_t powers)
{
	struct timeval	tv = clock_timeval(UINT64_C(1) << arc4random_uniform(powers));

	(void)event_add(&p->timer, &tv);
}

/* The leader or one of its descendants. */
static pid_t
draw(struct pauser *p)
{
	pid_t	*pids, pid = p->leader;
	size_t	 n, i;

	if (proctree_pids(p->leader, &pids, &n) != 0)
		return pid;
	i = arc4random_uniform((uint32_t)n + 1);
	if (i < n)
		pid = pids[i];
	free(pids);
	return pid;
}

static void
go_on(struct pauser *p)
{
	if (p->stopped != 0)
		(void)kill(p->stopped, SIGCONT);
	p->stopped = 0;
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct pauser	*p = arg;

	(void)fd;
	(void)what;
	if (p->stopped != 0) {
		go_on(p);
	} else {
		p->stopped = draw(p);
		if (kill(p->stopped, SIGSTOP) == -1)
			p->stopped = 0;
	}
	if (p->stopped != 0)
		p->pauses++;
	arm(p, p->stopped != 0 || p->pauses / EACH >= POWERS ? POWERS : 1 + p->pauses / EACH);
}

void
pauser_init(struct pauser *p, struct event_base *base)
{
	*p = (struct pauser){ .leader = 0 };
	(void)event_assign(&p->timer, base, -1, 0, on_timer, p);
}

void
pauser_start(struct pauser *p, pid_t leader)
{
	p->leader = leader;
	p->pauses = 0;
	arm(p, 1);
}

void
pauser_stop(struct pauser *p)
{
	(void)event_del(&p->timer);
	go_on(p);
}
