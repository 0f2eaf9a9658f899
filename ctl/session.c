/* Following one run; see session.h. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "ctl/session.h"

#define SESSION_TICK_MS	100	/* ten redraws a second */

struct following {
	struct session		*s;
	struct client_error	*error;
	uint32_t		 watch_id;
	const char		*run;
	char			 id[64];	/* of the run, once known */
	unsigned		 interrupts;
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
	    .since = since, .no_follow = f->s->no_follow, .live = f->s->live };

	return client_send(f->s->client, MSG_RUN_WATCH, &m, &f->watch_id);
}

static void
on_event(struct following *f, const struct msg_event *ev)
{
	struct session	*s = f->s;

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
	case MSG_LAGGED:	/* the record has what was left out */
		return watch(f, m->lagged.from);
	case MSG_ERROR:
		client_set_error(f->error, &m->error);
		return -EREMOTEIO;
	case MSG_END_OF:
		/* An older watch may end while a newer one fills its gap. */
		return id == f->watch_id ? 1 : 0;
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

int
session_follow(struct session *s, const char *run, int signal_fd, struct client_error *e)
{
	struct following	f = { .s = s, .error = e, .run = run != NULL ? run : "" };
	int			r = watch(&f, s->since != 0 ? s->since : 1);

	while (r == 0) {
		r = client_next(s->client, now_ms() + SESSION_TICK_MS, signal_fd, on_frame, &f, e);
		if (r == 0 && signal_fd != -1 && take_signals(&f, signal_fd))
			break;
		for (size_t i = 0; i < s->nreporters; i++) {
			if (s->reporters[i].tick != NULL)
				s->reporters[i].tick(s->reporters[i].state, now_ms(), &s->results);
		}
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
