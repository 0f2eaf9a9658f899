/* The parts put together, and the loop; see server.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/log.h"
#include "common/rmtree.h"
#include "supervisor/cpus.h"
#include "supervisor/server.h"

#define SERVER_TICK_MS	1000
#define SERVER_LEAVE_MS	5000	/* for the workers to end by themselves */
#define SERVER_CANCEL_MS 15000	/* for tests to end with grace before that */

/* ---- what the runs report ---- */

static void
on_event(void *arg, bool urgent)
{
	struct server	*s = arg;

	s->urgent |= urgent;
}

static void
on_live(void *arg, struct run *run, uint32_t test, uint32_t attempt, unsigned stream,
    struct sv data)
{
	struct server	*s = arg;

	watch_live(&s->watches, run, test, attempt, stream, data);
	output_live(&s->outputs, run, test, stream, data);
}

static void
on_test_over(void *arg, struct run *run, uint32_t test)
{
	struct server	*s = arg;

	output_test_over(&s->outputs, run, test);
}

static void
on_forget(void *arg, struct run *run)
{
	struct server	*s = arg;

	watch_forget_run(&s->watches, run);
	output_forget_run(&s->outputs, run);
	control_forget_run(s->control, run);
}

static const struct runs_ops observers = {
	.event = on_event, .live = on_live, .test_over = on_test_over, .forget = on_forget
};

/* ---- leaving ---- */

void
server_drain(struct server *s)
{
	if (s->state == SERVER_READY)
		s->state = SERVER_DRAINING;
}

void
server_leave(struct server *s, bool kill_now)
{
	if (s->state == SERVER_LEAVING && !kill_now)
		return;
	if (s->state != SERVER_LEAVING) {
		s->state = SERVER_LEAVING;
		s->leaving_at = now_ms();
		control_close(s->control);
		if (s->socket_path != NULL)
			(void)unlink(s->socket_path);
	}
	s->killed |= kill_now;
	runs_cancel_all(&s->runs, kill_now, "the supervisor is leaving");
}

/* True when all is gone. */
static bool
leave_step(struct server *s)
{
	msec_t	waited = now_ms() - s->leaving_at;

	if (s->runs.nactive > 0) {
		if (waited > SERVER_CANCEL_MS && !s->killed) {
			s->killed = true;
			runs_cancel_all(&s->runs, true, "the supervisor is leaving");
		}
		if (waited < SERVER_CANCEL_MS + SERVER_LEAVE_MS)
			return false;
	}
	pool_stop(s->pool, waited > SERVER_CANCEL_MS + SERVER_LEAVE_MS);
	if (!pool_empty(s->pool) && waited < SERVER_CANCEL_MS + 2 * SERVER_LEAVE_MS)
		return false;
	control_finish(s->control);
	return control_count(s->control) == 0 ||
	    waited > SERVER_CANCEL_MS + 3 * SERVER_LEAVE_MS;
}

/* ---- time and signals ---- */

static bool
idle(const struct server *s)
{
	return s->runs.nactive == 0 && control_count(s->control) == 0;
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct server	*s = arg;
	msec_t		 now = now_ms();

	(void)fd;
	(void)what;
	if (now > s->tick_due && (now - s->tick_due) * 1000 > s->lag_us)
		s->lag_us = (now - s->tick_due) * 1000;
	s->tick_due = now + SERVER_TICK_MS;
	if (!idle(s))
		s->idle_since = now;
	else if (s->idle_exit_ms != 0 && now - s->idle_since >= s->idle_exit_ms)
		server_leave(s, false);
}

static void
on_pump(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;	/* being awake is all: the turn does the work */
	(void)what;
	(void)arg;
}

static void
on_sigchld(evutil_socket_t sig, short what, void *arg)
{
	struct server	*s = arg;

	(void)sig;
	(void)what;
	pool_reap(s->pool);
}

static void
on_signal(evutil_socket_t sig, short what, void *arg)
{
	struct server	*s = arg;

	(void)what;
	log_info("server", "signal %d: leaving", (int)sig);
	server_leave(s, s->state == SERVER_LEAVING);
}

/* ---- the loop ---- */

void
server_turn(struct server *s)
{
	struct timeval	tv;
	uint64_t	wait;

	runs_share(&s->runs);
	wait = watch_pump(&s->watches, now_ms(), s->urgent);
	s->urgent = false;
	output_pump(&s->outputs);
	peer_set_flush(&s->peers);
	control_turn(s->control);
	if (output_ready(&s->outputs))
		wait = 0;
	if (wait != WATCH_NEVER) {
		tv = clock_timeval(wait);
		(void)event_add(s->pump, &tv);
	}
}

void
server_loop(struct server *s)
{
	for (;;) {
		if (event_base_loop(s->base, EVLOOP_ONCE) < 0)
			fatal("server", "the event loop failed");
		server_turn(s);
		if (s->state == SERVER_DRAINING && s->runs.nactive == 0)
			server_leave(s, false);
		if (s->state == SERVER_LEAVING && leave_step(s))
			return;
	}
}

static struct event *
add_event(struct event_base *base, evutil_socket_t fd, short what, event_callback_fn fn, void *arg,
    const struct timeval *tv)
{
	struct event	*ev = event_new(base, fd, what, fn, arg);

	if (ev == NULL || event_add(ev, tv) != 0)
		fatal("server", "out of memory");
	return ev;
}

static void
on_libevent_log(int severity, const char *text)
{
	if (severity >= EVENT_LOG_WARN)
		log_warn("libevent", "%s", text);
}

static void
make_base(struct server *s)
{
	struct event_config	*cfg = event_config_new();

	event_set_log_callback(on_libevent_log);
	/* Changes are told to epoll once a turn: most cancel each other out. */
	if (cfg == NULL || event_config_set_flag(cfg, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST |
	    EVENT_BASE_FLAG_NOLOCK) != 0)
		fatal("server", "out of memory");
	s->base = event_base_new_with_config(cfg);
	event_config_free(cfg);
	if (s->base == NULL)
		fatal("server", "no event loop");
}

void
server_init(struct server *s, int socket_fd, const char *socket_path, const char *worker_program,
    const char *scratch)
{
	struct timeval	second = { SERVER_TICK_MS / 1000, 0 };

	memset(s, 0, sizeof *s);
	s->uid = getuid();
	s->socket_path = socket_path;
	s->started_us = now_us();
	s->idle_since = now_ms();
	s->tick_due = s->idle_since + SERVER_TICK_MS;
	s->scratch = strdup(scratch);
	if (s->scratch == NULL)
		fatal("server", "out of memory");
	/* What a killed worker leaves comes to us and not to init. */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) == -1)
		fatal("server", "cannot become a sub-reaper: %s", strerror(errno));
	make_base(s);
	config_init(&s->config);
	peer_set_init(&s->peers);
	watch_init(&s->watches, &s->config);
	output_init(&s->outputs);
	runs_init(&s->runs, s->base, &s->config, s->scratch, &observers, s);
	s->runs.cpus = cpus_auto();
	s->pool = pool_new(s->base, &s->peers, &s->config, worker_program, s->scratch,
	    &runs_pool_ops);
	s->runs.pool = s->pool;
	s->control = control_new(s, socket_fd);
	if (s->pool == NULL || s->control == NULL)
		fatal("server", "out of memory");
	s->tick = add_event(s->base, -1, EV_PERSIST, on_tick, s, &second);
	s->sigchld = add_event(s->base, SIGCHLD, EV_SIGNAL | EV_PERSIST, on_sigchld, s, NULL);
	s->sigterm = add_event(s->base, SIGTERM, EV_SIGNAL | EV_PERSIST, on_signal, s, NULL);
	s->sigint = add_event(s->base, SIGINT, EV_SIGNAL | EV_PERSIST, on_signal, s, NULL);
	s->pump = evtimer_new(s->base, on_pump, s);
	if (s->pump == NULL)
		fatal("server", "out of memory");
}

void
server_free(struct server *s)
{
	runs_free(&s->runs);
	control_free(s->control);
	pool_free(s->pool);
	event_free(s->tick);
	event_free(s->pump);
	event_free(s->sigchld);
	event_free(s->sigterm);
	event_free(s->sigint);
	event_base_free(s->base);
	(void)rmtree_at(AT_FDCWD, s->scratch);
	free(s->scratch);
}
