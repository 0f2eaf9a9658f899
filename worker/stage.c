/* The machine that is drawn in stage.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "common/fdutil.h"
#include "worker/stage.h"

#define STAGE_LEFT_MS	200	/* for what is still there to end by itself */
#define STAGE_SWEEP_MS	10000	/* then something is beyond a KILL */
#define STAGE_DRAIN_MS	2000
#define STAGE_ROUND_MS	64	/* between rounds of KILL, at most */
#define STAGE_LAST	64	/* reads of what is left: a pipe holds less */
/* What a command prints at first waits in its pipes so long: most end before, and are read
 * once, at their end. */
#define STAGE_QUIET_MS	5

static void
arm(struct stage *st, uint64_t ms)
{
	struct timeval	tv = clock_timeval(ms);

	(void)event_add(&st->timer, &tv);
}

/* When so many ms are over for certain: that of the clock may be almost over already. */
static msec_t
in_ms(uint64_t ms)
{
	return now_ms() + ms + 1;
}

/* From now on the loop reads them. */
static void
listen_to(struct stage *st)
{
	for (int i = 0; i < 2; i++) {
		if (st->streams[i].fd != -1)
			(void)event_add(&st->streams[i].ev, NULL);
	}
	st->listening = true;
}

static void
enter(struct stage *st, enum stage_state state, uint64_t ms)
{
	/* DRAIN looks itself first: mostly there is nothing to wait for. */
	if (!st->listening && state != STAGE_DRAIN && state != STAGE_OVER)
		listen_to(st);
	st->state = state;
	st->due = in_ms(ms);
	if (ms > 0)
		arm(st, ms);
	else
		(void)event_del(&st->timer);
}

/* ---- streams ---- */

static void
stream_end(struct stage_stream *s)
{
	if (s->fd == -1)
		return;
	(void)event_del(&s->ev);
	fd_close(&s->fd);
}

/* Reads once; the descriptor is known to be readable.  False: it ended. */
static bool
stream_read(struct stage_stream *s)
{
	ssize_t	n = read(s->fd, s->stage->buf, STAGE_BUF);

	if (n == -1 && errno == EINTR)
		return true;
	if (n <= 0) {
		stream_end(s);
		return false;
	}
	s->stage->ops->output(s->stage->arg, s->stage, s->stream, s->stage->buf, (size_t)n);
	return true;
}

/* One look at both streams: takes what is there.  False: nothing was. */
static bool
take_some(struct stage *st)
{
	struct pollfd	p[2];

	if (st->streams[0].fd == -1 && st->streams[1].fd == -1)
		return false;
	for (int i = 0; i < 2; i++)
		p[i] = (struct pollfd){ .fd = st->streams[i].fd, .events = POLLIN };
	if (poll(p, 2, 0) <= 0)
		return false;
	for (int i = 0; i < 2; i++) {
		if (p[i].revents & POLLIN)
			(void)stream_read(&st->streams[i]);
		else if (p[i].revents != 0)
			stream_end(&st->streams[i]);
	}
	return true;
}

/* Takes what is still there, in few calls: most tests have printed nothing more. */
static void
take_rest(struct stage *st)
{
	for (int n = 0; n < STAGE_LAST && take_some(st); n++)
		;
	/* What the loop found readable may be so no more: it is to look again. */
	for (int i = 0; i < 2; i++) {
		if (st->streams[i].fd != -1)
			(void)event_del(&st->streams[i].ev);
	}
	listen_to(st);
}

static bool
stream_readable(const struct stage_stream *s)
{
	struct pollfd	p = { .fd = s->fd, .events = POLLIN };

	return s->fd != -1 && poll(&p, 1, 0) == 1;
}

static void
over(struct stage *st)
{
	enter(st, STAGE_OVER, 0);
	st->ops->over(st->arg, st);
}

/* Is DRAIN at its end? */
static void
drained(struct stage *st)
{
	struct stage_stream	*s = st->streams;

	if (s[0].fd == -1 && s[1].fd == -1)
		over(st);
	else if (st->leaves && !stream_readable(&s[0]) && !stream_readable(&s[1]))
		over(st);
}

static void
on_stream(evutil_socket_t fd, short what, void *arg)
{
	struct stage_stream	*s = arg;

	(void)fd;
	(void)what;
	(void)stream_read(s);
	if (s->stage->state == STAGE_DRAIN)
		drained(s->stage);
}

void
stage_close(struct stage *st)
{
	for (int i = 0; i < 2; i++)
		fd_close(&st->streams[i].held);
	take_rest(st);
	for (int i = 0; i < 2; i++)
		stream_end(&st->streams[i]);
	(void)event_del(&st->timer);
}

/* ---- the end ---- */

static void
enter_drain(struct stage *st)
{
	for (int i = 0; i < 2; i++)
		fd_close(&st->streams[i].held);
	enter(st, STAGE_DRAIN, STAGE_DRAIN_MS);
	take_rest(st);
	drained(st);
}

static void
enter_sweep(struct stage *st)
{
	if (st->state == STAGE_SWEEP)
		return;
	sweep_name(st->sweep, st->ended ? 0 : st->pid);
	st->sweep_end = now_ms() + STAGE_SWEEP_MS;
	st->round = 0;
	sweep_round(st->sweep);
	enter(st, STAGE_SWEEP, 1);
}

static void
next_round(struct stage *st)
{
	uint64_t	ms = UINT64_C(1) << (st->round < 6 ? ++st->round : 6);

	if (now_ms() >= st->sweep_end) {
		st->stuck = true;
		enter_drain(st);
		return;
	}
	sweep_round(st->sweep);
	enter(st, STAGE_SWEEP, ms < STAGE_ROUND_MS ? ms : STAGE_ROUND_MS);
}

static void
enter_running(struct stage *st)
{
	uint64_t	ms = st->timeout_ms;

	st->state = STAGE_RUNNING;
	st->due = ms > 0 ? in_ms(ms) : 0;
	arm(st, ms > 0 && ms < STAGE_QUIET_MS ? ms : STAGE_QUIET_MS);
}

static void
terminate(struct stage *st, bool now)
{
	if (now || st->grace_ms == 0) {
		enter_sweep(st);
		return;
	}
	sweep_signal(st->sweep, SIGTERM);
	enter(st, STAGE_TERM, st->grace_ms);
}

void
stage_sweep(struct stage *st)
{
	st->ended = true;
	enter(st, STAGE_LEFT, STAGE_LEFT_MS);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct stage	*st = arg;
	msec_t		 now = now_ms();

	(void)fd;
	(void)what;
	if (!st->listening)
		listen_to(st);
	if (st->due == 0)	/* it may run for ever */
		return;
	if (now < st->due) {	/* the loop's clock is a coarse one */
		arm(st, st->due - now);
		return;
	}
	switch (st->state) {
	case STAGE_RUNNING:
		st->timed_out = true;
		terminate(st, false);
		break;
	case STAGE_TERM:
	case STAGE_LEFT:
		enter_sweep(st);
		break;
	case STAGE_SWEEP:
		next_round(st);
		break;
	case STAGE_DRAIN:
		stage_close(st);
		over(st);
		break;
	case STAGE_IDLE:
	case STAGE_OVER:
		break;
	}
}

void
stage_stop(struct stage *st, bool kill_now)
{
	switch (st->state) {
	case STAGE_RUNNING:
		st->stopped = true;
		terminate(st, kill_now);
		break;
	case STAGE_TERM:
	case STAGE_LEFT:
		if (kill_now)
			enter_sweep(st);
		break;
	case STAGE_SWEEP:
	case STAGE_DRAIN:
	case STAGE_IDLE:
	case STAGE_OVER:
		break;
	}
}

void
stage_reap(struct stage *st)
{
	bool	left = sweep_reap(st->sweep, st->pid, &st->ended, &st->wstatus);

	switch (st->state) {
	case STAGE_RUNNING:
		if (!st->ended)
			break;
		if (left && !st->leaves)
			enter(st, STAGE_LEFT, STAGE_LEFT_MS);
		else
			enter_drain(st);
		break;
	case STAGE_TERM:
	case STAGE_LEFT:
		if (!left)
			enter_drain(st);
		break;
	case STAGE_SWEEP:
		if (!left)
			enter_drain(st);
		else
			sweep_strike(st->sweep);
		break;
	case STAGE_DRAIN:
	case STAGE_IDLE:
	case STAGE_OVER:
		break;
	}
}

/* ---- the start ---- */

void
stage_init(struct stage *st, struct event_base *base, struct sweep *sweep, char *buf,
    const struct stage_ops *ops, void *arg)
{
	memset(st, 0, sizeof *st);
	st->base = base;
	st->sweep = sweep;
	st->buf = buf;
	st->ops = ops;
	st->arg = arg;
	(void)event_assign(&st->timer, base, -1, 0, on_timer, st);
	for (unsigned i = 0; i < 2; i++) {
		st->streams[i].stage = st;
		st->streams[i].stream = i + 1;
		st->streams[i].fd = st->streams[i].held = -1;
	}
}

/* The reading end stays blocking, which saves a call: it is read only when it is
 * known to be readable, and nobody else reads it.  The writing end is held until the
 * leader has ended, so that the end of each stream does not wake us just before. */
static int
open_stream(struct stage_stream *s)
{
	int	fds[2];

	if (pipe2(fds, O_CLOEXEC) == -1)
		return -errno;
	s->fd = fds[0];
	s->held = fds[1];
	(void)event_assign(&s->ev, s->stage->base, s->fd, EV_READ | EV_PERSIST, on_stream, s);
	return 0;
}

int
stage_start(struct stage *st, struct exec_command *cmd, uint64_t timeout_ms,
    uint64_t grace_ms, bool leaves, enum exec_where *ret_where)
{
	int	r;

	*ret_where = EXEC_CLONE;
	r = open_stream(&st->streams[0]);
	if (r == 0)
		r = open_stream(&st->streams[1]);
	cmd->out = st->streams[0].held;
	cmd->err = st->streams[1].held;
	if (r == 0)
		r = exec_start(cmd, &st->pid, ret_where);
	if (r != 0) {
		stage_close(st);
		return r;
	}
	st->timeout_ms = timeout_ms;
	st->grace_ms = grace_ms;
	st->leaves = leaves;
	enter_running(st);
	return 0;
}
