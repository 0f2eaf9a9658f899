/* The parts put together, and the loop; see server.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/log.h"
#include "common/rmtree.h"
#include "supervisor/cgroup.h"
#include "supervisor/cpus.h"
#include "supervisor/folders.h"
#include "supervisor/resume.h"
#include "supervisor/server.h"
#include "supervisor/settings.h"

#define SERVER_TICK_MS	1000
#define SERVER_HOLD_US	10000	/* a turn should end before */
#define SERVER_LEAVE_MS	5000	/* for the workers to end by themselves */
#define SERVER_CANCEL_MS 15000	/* for tests to end with grace before that */
#define SERVER_GONE_MS	(SERVER_CANCEL_MS + 4 * SERVER_LEAVE_MS) /* and then all is over */

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

/* ---- what the history reports ---- */

static void
on_answer(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct server	*s = arg;

	ask_answer(&s->asks, type, id, m);
}

static void
on_down(void *arg)
{
	struct server	*s = arg;

	ask_down(&s->asks);
}

static void
on_fault(void *arg, const char *text)
{
	struct server	*s = arg;

	runs_warn(&s->runs, *text != '\0' ? text : "the history is written again");
}

static const struct history_ops history_ops = {
	.answer = on_answer, .down = on_down, .fault = on_fault
};

static const struct runs_ops observers = {
	.event = on_event, .live = on_live, .test_over = on_test_over, .forget = on_forget
};

/* ---- leaving ---- */

void
server_drain(struct server *s)
{
	if (s->phase == SERVER_READY)
		s->phase = SERVER_DRAINING;
}

void
server_stop(struct server *s)
{
	log_info("server", "stopping: %u runs may end by themselves", s->runs.nactive);
	manager_stopping(s->manager, s->config.stop_drain_ms + SERVER_GONE_MS);
	server_drain(s);
	s->stop_at = now_ms() + s->config.stop_drain_ms;
}

/* Of a stop that was asked for: the runs had their time, or are over. */
static bool
stop_due(const struct server *s)
{
	return s->phase == SERVER_DRAINING &&
	    (s->runs.nactive == 0 || (s->stop_at != 0 && now_ms() >= s->stop_at));
}

void
server_leave(struct server *s, bool kill_now)
{
	if (s->phase == SERVER_LEAVING && !kill_now)
		return;
	if (s->phase != SERVER_LEAVING) {
		s->phase = SERVER_LEAVING;
		s->leaving_at = now_ms();
		manager_stopping(s->manager, SERVER_GONE_MS);
		control_close(s->control);
		if (s->socket_path != NULL && !s->socket_kept)
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
	if (!history_settled(s->history) && waited < SERVER_LEAVE_MS)
		return false;
	history_stop(s->history);
	pool_stop(s->pool, waited > SERVER_CANCEL_MS + SERVER_LEAVE_MS);
	if (!history_gone(s->history) && waited < SERVER_CANCEL_MS + 2 * SERVER_LEAVE_MS)
		return false;
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
	runs_tick(&s->runs, now);
	manager_tick(s->manager);
	cgroup_tidy(s->cgroup);
	if (s->runs.nactive == 0)
		history_idle(s->history);
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
	/* The first TERM is patient, a second one is not, and a third kills. */
	if (sig == SIGTERM && s->phase != SERVER_LEAVING && s->stop_at == 0) {
		server_stop(s);
		return;
	}
	log_info("server", "signal %d: leaving", (int)sig);
	server_leave(s, s->phase == SERVER_LEAVING);
}

/* ---- the loop ---- */

void
server_turn(struct server *s)
{
	struct timeval	tv;
	uint64_t	wait, asks;
	bool		busy;

	runs_share(&s->runs);
	admission_pump(&s->runs);
	asks = ask_pump(&s->asks, now_ms());	/* a plan that waited too long gets on */
	busy = control_flush(s->control);
	/* On record before it happens: nothing of this turn has left so far. */
	runs_flush(&s->runs);
	wait = watch_pump(&s->watches, now_ms(), s->urgent);
	s->urgent = false;
	if (asks < wait)
		wait = asks;
	output_pump(&s->outputs);
	peer_set_flush(&s->peers);
	control_turn(s->control);
	if (busy || output_ready(&s->outputs))
		wait = 0;
	if (wait != WATCH_NEVER) {
		tv = clock_timeval(wait);
		(void)event_add(s->pump, &tv);
	}
}

/* How long others waited for a turn: the CPU time since the last one ended, as the wait
 * for something to do takes none; and by the clock what is done then, as that may wait
 * for a disk. */
static void
measured_turn(struct server *s, uint64_t *cpu)
{
	uint64_t	called = cpu_us() - *cpu, start = now_us(), turn;

	server_turn(s);
	turn = called + (now_us() - start);
	if (turn > s->lag_us)
		s->lag_us = turn;
	if (turn > SERVER_HOLD_US)
		log_debug("server", "a turn held the loop for %llu us, %llu of it called",
		    (unsigned long long)turn, (unsigned long long)called);
	*cpu = cpu_us();
}

void
server_loop(struct server *s)
{
	uint64_t	cpu = cpu_us();

	for (;;) {
		if (event_base_loop(s->base, EVLOOP_ONCE) < 0)
			fatal("server", "the event loop failed");
		measured_turn(s, &cpu);
		if (stop_due(s))
			server_leave(s, false);
		if (s->phase == SERVER_LEAVING && leave_step(s))
			return;
		peer_set_flush(&s->peers);	/* the store and workers are asked to end */
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

struct draft_place
server_place(struct server *s)
{
	return (struct draft_place){ .config = &s->config, .state = &s->state,
	    .history = s->history, .scratch = s->scratch, .cpus = s->runs.cpus,
	    .levels = &s->levels };
}

/* The folder, if it can be had: what is wrong is said with every result. */
static void
open_state(struct server *s, const char *path)
{
	char	why[STATE_WHY];

	state_none(&s->state);
	if (path == NULL)
		return;
	if (state_open(path, &s->state, why) == 0) {
		settings_load(&s->state, &s->config);
		return;
	}
	(void)snprintf(s->state_why, sizeof s->state_why, "no history is kept: %s", why);
	log_warn("history", "%s", s->state_why);
	s->runs.no_history = s->state_why;
}

static void
make_events(struct server *s)
{
	struct timeval	second = { SERVER_TICK_MS / 1000, 0 };

	s->tick = add_event(s->base, -1, EV_PERSIST, on_tick, s, &second);
	s->sigchld = add_event(s->base, SIGCHLD, EV_SIGNAL | EV_PERSIST, on_sigchld, s, NULL);
	s->sigterm = add_event(s->base, SIGTERM, EV_SIGNAL | EV_PERSIST, on_signal, s, NULL);
	s->sigint = add_event(s->base, SIGINT, EV_SIGNAL | EV_PERSIST, on_signal, s, NULL);
	s->pump = evtimer_new(s->base, on_pump, s);
	if (s->pump == NULL)
		fatal("server", "out of memory");
}

void
server_init(struct server *s, const struct server_setup *setup)
{
	struct draft_place	place;

	memset(s, 0, sizeof *s);
	s->uid = getuid();
	s->service = setup->service;
	s->socket_path = setup->socket_path;
	s->socket_kept = setup->socket_kept;
	s->config_path = setup->config_path;
	s->started_us = now_us();
	s->idle_since = now_ms();
	s->scratch = strdup(setup->scratch);
	if (s->scratch == NULL)
		fatal("server", "out of memory");
	/* What a killed worker leaves comes to us and not to init. */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) == -1)
		fatal("server", "cannot become a sub-reaper: %s", strerror(errno));
	make_base(s);
	config_init(&s->config);
	if (setup->config != NULL)
		s->config = *setup->config;
	peer_set_init(&s->peers);
	watch_init(&s->watches, &s->config);
	output_init(&s->outputs);
	runs_init(&s->runs, s->base, &s->config, setup->host != NULL ? setup->host : "",
	    &observers, s);
	open_state(s, setup->state);
	s->config.known = &s->config;	/* from now on no name is waited for */
	s->written = s->config;
	if (setup->isolation != NULL)	/* as if it were set after the start: it stays */
		s->config.isolation = isolation_pack(setup->isolation);
	s->cgroup = cgroup_new(s->service);
	log_info("server", "groups of tests: %s", s->cgroup != NULL ? cgroup_name(s->cgroup) :
	    "none");
	levels_init(&s->levels, s->config.isolation, s->service, cgroup_for_all(s->cgroup));
	s->runs.cpus = cpus_auto();
	s->runs.owner = s->uid;
	s->pool = pool_new(s->base, &s->peers, &s->config, setup->worker, s->scratch,
	    &runs_pool_ops);
	if (s->pool == NULL)
		fatal("server", "out of memory");
	if (s->service)
		pool_act_for_users(s->pool);
	pool_use_groups(s->pool, s->cgroup);
	s->history = history_new(s->base, &s->peers, &s->config, s->pool, &s->state,
	    setup->store, &history_ops, s);
	s->runs.pool = s->pool;
	s->runs.history = s->history;
	s->control = control_new(s, setup->socket_fd);
	s->manager = manager_new(s, setup->notify);
	if (s->history == NULL || s->control == NULL || s->manager == NULL)
		fatal("server", "out of memory");
	ask_init(&s->asks, s->history);
	make_events(s);
	place = server_place(s);
	resume_all(&s->runs, &place);
	if (s->service)
		folders_sweep(&s->runs, s->scratch);
	else
		runs_inherit(&s->runs, s->scratch);
}

void
server_free(struct server *s)
{
	runs_free(&s->runs);
	control_free(s->control);
	manager_free(s->manager);
	ask_free(&s->asks);
	history_free(s->history);
	pool_free(s->pool);
	cgroup_free(s->cgroup);
	state_close(&s->state);
	event_free(s->tick);
	event_free(s->pump);
	event_free(s->sigchld);
	event_free(s->sigterm);
	event_free(s->sigint);
	event_base_free(s->base);
	if (!s->service)	/* there it holds what is its users' */
		(void)rmtree_at(AT_FDCWD, s->scratch);
	free(s->scratch);
}
