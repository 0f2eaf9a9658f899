/* Stopping and continuing processes of a test; see pauser.h. */
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/proctree.h"
#include "worker/pauser.h"

#define POWERS	6	/* 1 to 32 ms */
#define EACH	3	/* pauses, after which those between two may be twice as long */
#define LONGS	3
#define LONG_MS	10000	/* at the most */

/* One of so many powers of two, in ms. */
static uint64_t
some_ms(uint32_t powers)
{
	return UINT64_C(1) << arc4random_uniform(powers);
}

static void
arm(struct pauser *p, uint64_t ms)
{
	struct timeval	tv = clock_timeval(ms);

	(void)event_add(&p->timer, &tv);
}

/* One of the leader's descendants, or the leader; 0: there is no such descendant. */
static pid_t
draw(struct pauser *p, bool or_leader)
{
	pid_t	*pids, pid = or_leader ? p->leader : 0;
	size_t	 n, i;

	if (proctree_pids(p->leader, &pids, &n) != 0)
		return pid;
	i = n + or_leader > 0 ? arc4random_uniform((uint32_t)n + or_leader) : 0;
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

/* Stops one, for *ret_ms, which is left as it is when there is none to stop. */
static void
stop(struct pauser *p, uint64_t *ret_ms)
{
	uint64_t	ms = some_ms(POWERS);
	pid_t		pid = 0;

	if (p->usual_ms > ms && p->longs < LONGS && arc4random_uniform(2) == 0)
		pid = draw(p, false);
	if (pid != 0) {
		p->longs++;
		ms = p->usual_ms < LONG_MS ? p->usual_ms : LONG_MS;
	} else {
		pid = draw(p, true);
	}
	if (kill(pid, SIGSTOP) == -1)
		return;
	p->stopped = pid;
	p->pauses++;
	*ret_ms = ms;
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct pauser	*p = arg;
	unsigned	 powers = 1 + p->pauses / EACH;
	uint64_t	 ms = some_ms(powers < POWERS ? powers : POWERS);

	(void)fd;
	(void)what;
	if (p->stopped != 0)
		go_on(p);
	else
		stop(p, &ms);
	arm(p, ms);
}

void
pauser_init(struct pauser *p, struct event_base *base)
{
	*p = (struct pauser){ .leader = 0 };
	(void)event_assign(&p->timer, base, -1, 0, on_timer, p);
}

void
pauser_start(struct pauser *p, pid_t leader, uint64_t usual_ms)
{
	p->leader = leader;
	p->pauses = p->longs = 0;
	p->usual_ms = usual_ms;
	arm(p, 1);
}

void
pauser_stop(struct pauser *p)
{
	(void)event_del(&p->timer);
	go_on(p);
}
