/* Following one run; see session.h. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "ctl/session.h"

#define SESSION_TICK_MS	100	/* ten redraws a second */
#define BACKOFF_FIRST_MS 20	/* doubled up to 64 times that */

struct following {
	struct session		*s;
	struct client_error	*error;
	unsigned		 watches;	/* that are not answered to the end */
	bool			 behind;	/* it was closed since we read too slowly */
	const char		*run;
	char			 id[64];	/* of the run, once known */
	unsigned		 interrupts;
	msec_t			 lost_at;	/* and nothing came since; 0: not lost */
	unsigned		 tries;		/* to connect, since then */
};

int
session_signals(void)
{
	sigset_t	set;
	int		fd;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) == -1)
		return -errno;
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd != -1 ? fd : -errno;
}

static int
watch(struct following *f, uint64_t since)
{
	struct msg_run_watch	m = { .run = sv_from(f->id[0] != '\0' ? f->id : f->run),
	    .since = since, .no_follow = f->s->no_follow, .live = f->s->live,
	    .own = f->s->lost && f->s->owner };

	f->watches = 1;
	return client_send(f->s->client, MSG_RUN_WATCH, &m, NULL);
}

/* What was left out is in the record, which is asked only for what there is now: what
 * follows comes by itself, and not twice. */
static int
fill(struct following *f, uint64_t since)
{
	struct msg_run_watch	m = { .run = sv_from(f->id[0] != '\0' ? f->id : f->run),
	    .since = since, .no_follow = true };

	f->watches++;
	return client_send(f->s->client, MSG_RUN_WATCH, &m, NULL);
}

static void
on_event(struct following *f, const struct msg_event *ev)
{
	struct session	*s = f->s;

	f->lost_at = 0;
	f->tries = 0;
	if (f->id[0] == '\0' && ev->run.n < sizeof f->id)
		memcpy(f->id, ev->run.p, ev->run.n);
	if (!results_event(&s->results, ev))
		return;		/* seen already */
	for (size_t i = 0; i < s->nreporters; i++)
		s->reporters[i].event(s->reporters[i].state, ev, &s->results);
}

static int
on_frame(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct following	*f = arg;

	(void)id;
	switch (type) {
	case MSG_EVENT:
		on_event(f, &m->event);
		return 0;
	case MSG_LIVE:
		for (size_t i = 0; i < f->s->nreporters; i++) {
			if (f->s->reporters[i].live != NULL)
				f->s->reporters[i].live(f->s->reporters[i].state, &m->live);
		}
		return 0;
	case MSG_LAGGED:
		return fill(f, m->lagged.from);
	case MSG_ERROR:
		/* We were stopped, or whoever reads from us was: that can be made up for. */
		f->behind = m->error.code == MSG_ERR_LAGGED;
		if (f->behind)
			return -EPIPE;
		client_set_error(f->error, &m->error);
		return -EREMOTEIO;
	case MSG_END_OF:
		return --f->watches == 0 ? 1 : 0;
	default:
		return 0;
	}
}

static void
cancel(struct following *f, bool kill)
{
	struct msg_run_cancel	m = { .run = sv_from(f->id), .kill = kill };

	if (f->id[0] != '\0')
		(void)client_send(f->s->client, MSG_RUN_CANCEL, &m, NULL);
}

/* True when the client is to leave at once. */
static bool
take_signals(struct following *f, int fd)
{
	struct signalfd_siginfo	si;

	while (read(fd, &si, sizeof si) == (ssize_t)sizeof si) {
		f->s->signal = (int)si.ssi_signo;
		f->interrupts++;
		if (!f->s->owner || f->interrupts > 2)
			return true;
		cancel(f, f->interrupts > 1);
	}
	return false;
}

static void
tick(struct session *s)
{
	for (size_t i = 0; i < s->nreporters; i++) {
		if (s->reporters[i].tick != NULL)
			s->reporters[i].tick(s->reporters[i].state, now_ms(), &s->results);
	}
}

static void
say(struct session *s, const char *text)
{
	for (size_t i = 0; i < s->nreporters; i++) {
		if (s->reporters[i].aside != NULL)
			s->reporters[i].aside(s->reporters[i].state);
	}
	(void)fprintf(stderr, "paratestctl: %s\n", text);
}

/* Ctrl-C while there is no supervisor.  One that is there, or can be started, would
 * go on with the run: it is told, once. */
static void
cancel_and_leave(struct following *f)
{
	struct client_error	e = { .code = 0 };
	struct msg_run_cancel	m = { .run = sv_from(f->id[0] != '\0' ? f->id : f->run) };

	if (f->s->owner && m.run.n > 0 && client_reopen(f->s->client, true, &e) == 0)
		(void)client_request(f->s->client, MSG_RUN_CANCEL, &m, NULL, NULL, &e);
}

/* Waits up to `ms` or for a signal.  True when the client is to leave. */
static bool
pause_for(struct following *f, uint64_t ms, int signal_fd)
{
	struct pollfd		p = { .fd = signal_fd, .events = POLLIN };
	struct signalfd_siginfo	si;

	tick(f->s);
	if (poll(&p, 1, (int)ms) <= 0 || read(signal_fd, &si, sizeof si) != (ssize_t)sizeof si)
		return false;
	f->s->signal = (int)si.ssi_signo;
	cancel_and_leave(f);
	return true;
}

/*
 * The connection is lost: connects again and asks for what did not come yet.  0; 1
 * when the client is to leave; the error of the last try when the time is up.
 */
static int
reattach(struct following *f, int signal_fd)
{
	uint64_t	patience = f->s->patience_ms > 0 ? f->s->patience_ms :
	    SESSION_REATTACH_MS, wait;
	int		r = -EPIPE;

	if (f->behind) {
		say(f->s, "events were read too slowly; going on from the record");
	} else {
		if (!f->s->lost)
			say(f->s, "the supervisor was lost; reattaching");
		f->s->lost = true;
	}
	f->behind = false;
	if (f->lost_at == 0)
		f->lost_at = now_ms();
	/* One that lets us in and is lost again at once has no more patience. */
	while (f->error->code == 0 && now_ms() < f->lost_at + patience) {
		wait = (uint64_t)BACKOFF_FIRST_MS << (f->tries < 6 ? f->tries : 6);
		if (f->tries++ > 0 && pause_for(f, wait, signal_fd))
			return 1;
		r = client_reopen(f->s->client, true, f->error);
		if (r != 0)
			continue;
		if (f->interrupts > 0)
			cancel(f, f->interrupts > 1);
		return watch(f, results_next(&f->s->results, f->s->since));
	}
	return r;
}

/* All of the run came: there is nothing more to wait for. */
static bool
is_complete(const struct session *s)
{
	return s->results.finished &&
	    results_next(&s->results, s->since) > s->results.last_seq;
}

int
session_follow(struct session *s, const char *run, int signal_fd, struct client_error *e)
{
	struct following	f = { .s = s, .error = e, .run = run != NULL ? run : "" };
	int			r;

	if (s->since == 0)
		s->since = 1;
	r = watch(&f, s->since);
	while (r == 0) {
		r = client_next(s->client, now_ms() + SESSION_TICK_MS, signal_fd, on_frame, &f, e);
		if (r == 0 && signal_fd != -1 && take_signals(&f, signal_fd))
			break;
		if (r == -EPIPE && (f.behind || !s->no_follow))
			r = is_complete(s) ? 1 : reattach(&f, signal_fd);
		tick(s);
	}
	return r > 0 ? 0 : r;
}

int
session_end(struct session *s)
{
	int	r = 0, r1;

	for (size_t i = 0; i < s->nreporters; i++) {
		r1 = s->reporters[i].end(s->reporters[i].state, &s->results);
		if (r == 0)
			r = r1;
	}
	s->nreporters = 0;
	results_free(&s->results);
	return r;
}
