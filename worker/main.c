/*
 * paratest-worker: one slot.  Speaks with its supervisor on descriptor 3, runs one
 * attempt at a time, and leaves nothing behind: whoever falls silent, whatever
 * comes that is no sense, it ends the attempt's whole tree, its folder and itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/outcome.h"
#include "common/peer.h"
#include "common/rmtree.h"
#include "common/xalloc.h"
#include "worker/attempt.h"
#include "worker/groups.h"
#include "worker/iocount.h"
#include "worker/launch.h"
#include "worker/room.h"
#include "worker/stage.h"
#include "worker/sweep.h"
#include "worker/tmpdir.h"

#define WORKER_LEASE_MS		10000	/* until CONFIG says another */
#define WORKER_END_MS		10000	/* for killing everything at the end */
#define WORKER_PERIOD_MAX_MS	(UINT64_C(24) * 3600 * 1000)

struct worker {
	struct event_base	*base;
	struct peer_set		 set;
	struct peer		*peer;
	struct event		*signals, *heartbeat, *lease;
	int			 signal_fd;
	char			*scratch;	/* absolute */
	uint64_t		 heartbeat_ms, lease_ms;
	msec_t			 heard, beaten;	/* the last frame in, heartbeat out */

	struct tmpdir		 tmpdir;
	struct iocount		 iocount;
	struct room		 room;
	struct groups		 groups;
	struct attempt_host	 host;
	struct attempt_context	*context;	/* the last one that came */
	struct attempt_context	*used;		/* of the attempt; may be older */
	struct attempt		*attempt;	/* NULL: idle */
	bool			 attempt_over, unfit, retiring;
	enum isolation		 level;		/* that we have reached */
	unsigned		 umask_first, umask_now;
	bool			 ending;
	int			 exit_code;
};

static void
end(struct worker *w, int exit_code)
{
	w->ending = true;
	w->exit_code = exit_code;
}

/* ---- beats ---- */

static void
beat(struct worker *w)
{
	struct msg_heartbeat	m = { .attempt_id = w->attempt != NULL ?
				    attempt_id(w->attempt) : 0 };

	if (w->attempt != NULL)
		attempt_figures(w->attempt, &m.cpu_us, &m.memory);
	w->beaten = now_ms();
	(void)peer_send(w->peer, MSG_HEARTBEAT, 0, &m);
}

static void
on_heartbeat(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	beat(arg);
}

/* The attempt keeps the loop waiting: be heard all the same. */
static void
on_alive(void *arg)
{
	struct worker	*w = arg;

	if (w->heartbeat_ms == 0 || now_ms() < w->beaten + w->heartbeat_ms)
		return;
	beat(w);
	peer_flush(w->peer);
}

/* What has arrived is read before timers are looked at, so that a worker that was
 * stopped for a while does not take its own silence for the supervisor's. */
static void
on_lease(evutil_socket_t fd, short what, void *arg)
{
	struct worker	*w = arg;
	msec_t		 now = now_ms();
	struct timeval	 tv;

	(void)fd;
	(void)what;
	if (now >= w->heard + w->lease_ms) {
		end(w, EXIT_INFRASTRUCTURE);
		return;
	}
	tv = clock_timeval(w->heard + w->lease_ms - now);
	(void)event_add(w->lease, &tv);
}

/* ---- messages ---- */

static int
on_config(struct worker *w, const struct msg_config *m)
{
	struct timeval	beat_tv, lease_tv;

	if (m->version != MSG_VERSION || m->heartbeat_ms == 0 || m->lease_ms == 0 ||
	    m->heartbeat_ms > WORKER_PERIOD_MAX_MS || m->lease_ms > WORKER_PERIOD_MAX_MS)
		return -EBADMSG;
	w->heartbeat_ms = m->heartbeat_ms;
	w->lease_ms = m->lease_ms;
	beat_tv = clock_timeval(w->heartbeat_ms);
	lease_tv = clock_timeval(w->lease_ms);
	(void)event_add(w->heartbeat, &beat_tv);
	(void)event_add(w->lease, &lease_tv);
	return 0;
}

static void
context_free(struct attempt_context *c)
{
	if (c == NULL)
		return;
	env_free(c->env);
	free(c->run);
	free(c);
}

static int
on_context(struct worker *w, const struct msg_context *m)
{
	struct attempt_context	*c = xcalloc(1, sizeof *c);

	c->id = m->context;
	c->seed = m->seed;
	c->run = xstrndup(m->run.p, m->run.n);
	c->env = env_new(m->env);
	c->umask = MSG_HAS(m, context, umask) ? (unsigned)(m->umask & 0777) : w->umask_first;
	if (w->context != w->used)
		context_free(w->context);
	w->context = c;
	return 0;
}

static void
free_attempt(struct worker *w)
{
	attempt_free(w->attempt);
	w->attempt = NULL;
	w->attempt_over = false;
	if (w->used != w->context)
		context_free(w->used);
	w->used = NULL;
}

static int
on_attempt(struct worker *w, const struct msg_attempt *m)
{
	/* Its DONE may have left, and been answered, in this same turn of the loop. */
	if (w->attempt_over)
		free_attempt(w);
	if (w->attempt != NULL || w->retiring || w->unfit || w->context == NULL ||
	    w->context->id != m->context)
		return -EBADMSG;
	if (w->context->umask != w->umask_now)
		(void)umask((mode_t)w->context->umask);
	w->umask_now = w->context->umask;
	w->used = w->context;
	w->attempt = attempt_start(&w->host, w->used, m);
	return w->attempt != NULL ? 0 : -EBADMSG;
}

/* One that is over meanwhile is no error: messages cross. */
static bool
is_running(const struct worker *w, uint64_t id)
{
	return w->attempt != NULL && !w->attempt_over && attempt_id(w->attempt) == id;
}

static int
on_frame(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct worker	*w = arg;

	(void)id;
	w->heard = now_ms();
	switch (type) {
	case MSG_CONFIG:
		return on_config(w, &m->config);
	case MSG_CONTEXT:
		return on_context(w, &m->context);
	case MSG_ATTEMPT:
		return on_attempt(w, &m->attempt);
	case MSG_ABORT:
		if (is_running(w, m->abort.attempt_id))
			attempt_abort(w->attempt, m->abort.kill, m->abort.timeout);
		return 0;
	case MSG_FOLLOW:
		if (is_running(w, m->follow.attempt_id))
			attempt_follow(w->attempt, m->follow.on);
		return 0;
	case MSG_BEAT:
		return 0;
	case MSG_RETIRE:
		w->retiring = true;
		return 0;
	default:
		return -EBADMSG;
	}
}

static void
on_gone(void *arg, int r, const char *why)
{
	struct worker	*w = arg;

	if (r == -EBADMSG)
		log_warn("worker", "the supervisor sent what is no sense: %s", why);
	end(w, r == 0 && !w->unfit ? EXIT_PASSED : EXIT_INFRASTRUCTURE);
}

static void
on_drained(void *arg, size_t pending)
{
	struct worker	*w = arg;

	(void)pending;
	if (w->attempt != NULL && !w->attempt_over)
		attempt_drained(w->attempt);
}

static bool
on_attempt_clean(void *arg)
{
	struct worker	*w = arg;

	return room_empty(&w->room) && groups_are_clean(&w->groups);
}

static void
on_attempt_over(void *arg, bool fit, bool sent)
{
	struct worker	*w = arg;

	w->attempt_over = true;
	w->unfit = w->unfit || !fit || !sent;
	/* One that has said it leaves is answered by RETIRE: by then its result is read, which
	 * might not be when we are seen to have ended. */
	w->retiring = w->retiring || !sent;
}

/* ---- signals ---- */

static void
on_signals(evutil_socket_t fd, short what, void *arg)
{
	struct signalfd_siginfo	 si[4];
	struct worker		*w = arg;
	ssize_t			 n = read(fd, si, sizeof si);

	(void)what;
	for (size_t i = 0; n > 0 && i < (size_t)n / sizeof si[0]; i++) {
		if (si[i].ssi_signo == SIGTERM)
			end(w, EXIT_PASSED);
		else if (w->attempt != NULL)
			attempt_reap(w->attempt);
	}
}

/* ---- start ---- */

static void
take_scratch(struct worker *w, const char *dir)
{
	const char	*tmp = getenv("TMPDIR");
	char		*made = NULL;
	int		 r;

	if (dir == NULL) {
		made = xasprintf("%s/paratest-XXXXXX", tmp != NULL && *tmp != '\0' ? tmp : "/tmp");
		dir = mkdtemp(made);
		if (dir == NULL)
			launch_give_up("%s: %s", made, strerror(errno));
	} else {
		r = rmtree_at(AT_FDCWD, dir);
		if (r != 0)
			launch_give_up("cannot empty %s: %s", dir, strerror(-r));
		if (mkdir(dir, 0700) == -1)
			launch_give_up("cannot make %s: %s", dir, strerror(errno));
	}
	w->scratch = realpath(dir, NULL);
	w->host.scratch_fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (w->scratch == NULL || w->host.scratch_fd == -1)
		launch_give_up("%s: %s", dir, strerror(errno));
	w->host.scratch = w->scratch;
	tmpdir_init(&w->tmpdir, w->host.scratch_fd);
	w->host.tmpdir = &w->tmpdir;
	free(made);
}

/* Where what a run shares is kept; our own folder where nobody named one. */
static void
take_shared(struct worker *w, const char *dir)
{
	w->host.shared = dir != NULL ? dir : w->scratch;
	w->host.shared_fd = open(w->host.shared, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (w->host.shared_fd == -1)
		launch_give_up("%s: %s", w->host.shared, strerror(errno));
}

static struct event_base *
make_base(void)
{
	struct event_config	*c = event_config_new();
	struct event_base	*base = NULL;

	if (c != NULL && event_config_set_flag(c, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST |
	    EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV) == 0)
		base = event_base_new_with_config(c);
	if (c != NULL)
		event_config_free(c);
	if (base == NULL)
		fatal("worker", "no event loop");
	return base;
}

static const struct peer_ops peer_ops = {
	.frame = on_frame, .gone = on_gone, .drained = on_drained,
};

static void
start(struct worker *w, const struct launch_options *o, int kill_fd)
{
	struct timeval	tv = clock_timeval(WORKER_LEASE_MS);

	launch_descriptors(kill_fd);
	w->signal_fd = launch_signals();
	w->umask_first = w->umask_now = (unsigned)umask(077);
	take_scratch(w, o->scratch);
	take_shared(w, o->shared);
	groups_open(&w->groups, o->cgroup, kill_fd);
	w->host.groups = &w->groups;
	w->level = room_level(o->isolation, w->groups.v2 && w->groups.test != -1);
	if (w->level == ISOLATION_SANDBOX && room_open(&w->room, w->scratch) != 0)
		launch_give_up("the sandbox cannot be looked at: %s", strerror(errno));
	(void)umask((mode_t)w->umask_first);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) == -1)
		fatal("worker", "no sub-reaper: %s", strerror(errno));
	/* Large captures go back to the system when they are freed. */
	(void)mallopt(M_MMAP_THRESHOLD, 256 << 10);
	w->base = make_base();
	peer_set_init(&w->set);
	w->peer = peer_new(w->base, &w->set, WORKER_FD, MSG_DIR_S2W, &peer_ops, w);
	w->signals = event_new(w->base, w->signal_fd, EV_READ | EV_PERSIST, on_signals, w);
	w->heartbeat = event_new(w->base, -1, EV_PERSIST, on_heartbeat, w);
	w->lease = event_new(w->base, -1, 0, on_lease, w);
	if (w->peer == NULL || w->signals == NULL || w->heartbeat == NULL || w->lease == NULL ||
	    event_add(w->signals, NULL) != 0 || event_add(w->lease, &tv) != 0)
		fatal("worker", "out of memory");
	w->lease_ms = WORKER_LEASE_MS;
	w->heard = now_ms();
	w->host.base = w->base;
	w->host.peer = w->peer;
	iocount_open(&w->iocount);
	w->host.iocount = &w->iocount;
	w->host.buf = xcalloc(1, STAGE_BUF);
	w->host.stack = xcalloc(1, EXEC_STACK);
	w->host.alive = on_alive;
	w->host.may_stay = on_attempt_clean;
	w->host.over = on_attempt_over;
	w->host.arg = w;
}

static void
say_ready(struct worker *w)
{
	char			host[256] = "";
	struct msg_ready	m = { .version = MSG_VERSION,
	    .isolation = sv_from(isolation_name(w->level)) };

	(void)gethostname(host, sizeof host - 1);
	m.host = sv_from(host);
	m.pid = (uint64_t)getpid();
	(void)peer_send(w->peer, MSG_READY, 0, &m);
}

/* ---- the loop and the end ---- */

static void
run(struct worker *w)
{
	while (!w->ending) {
		if (event_base_loop(w->base, EVLOOP_ONCE) == -1)
			fatal("worker", "the event loop failed");
		if (w->attempt_over)
			free_attempt(w);
		if (w->retiring && w->attempt == NULL)
			peer_finish(w->peer);
		peer_set_flush(&w->set);
	}
}

static void
clean_up(struct worker *w)
{
	struct sweep	s;

	attempt_dismiss(w->attempt);
	sweep_init(&s);
	if (sweep_all(&s, WORKER_END_MS))
		log_warn("worker", "something cannot be killed");
	sweep_clear(&s);
	free_attempt(w);
	context_free(w->context);
	peer_free(w->peer);
	event_free(w->signals);
	event_free(w->heartbeat);
	event_free(w->lease);
	event_base_free(w->base);
	(void)close(w->signal_fd);
	iocount_close(&w->iocount);
	room_close(&w->room);
	groups_close(&w->groups);
	tmpdir_free(&w->tmpdir);
	(void)close(w->host.scratch_fd);
	(void)close(w->host.shared_fd);
	(void)rmtree_at(AT_FDCWD, w->scratch);	/* the supervisor does it again */
	free(w->scratch);
	free(w->host.stack);
	free(w->host.buf);
}

/* The folder itself may be in one that is not ours: whoever started us removes it. */
static int
remove_folder(const char *path)
{
	int	r = rmtree_contents(path);

	return r == 0 && (rmdir(path) == 0 || errno == EACCES) ? EXIT_PASSED : EXIT_INTERNAL;
}

int
main(int argc, char **argv)
{
	struct launch_options	o = launch_options(argc, argv);
	struct worker	w;
	int		kill_fd = -1;

	log_init("paratest-worker", LOG_LEVEL_WARN, NULL);
	/* Started by its descriptor it has no name of its own. */
	(void)prctl(PR_SET_NAME, "paratest-worker");
	if (o.cgroup != NULL)
		kill_fd = launch_join(o.cgroup);
	if (o.as != NULL)
		launch_become(o.as);
	/* What a run has shared may be a million files: not for the supervisor's loop. */
	if (o.remove != NULL)
		return remove_folder(o.remove);
	memset(&w, 0, sizeof w);
	start(&w, &o, kill_fd);
	say_ready(&w);
	peer_set_flush(&w.set);
	run(&w);
	clean_up(&w);
	return w.exit_code;
}
