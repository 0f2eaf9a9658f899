/* Told to a service manager, and asked by it; see manager.h. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "common/log.h"
#include "supervisor/manager.h"
#include "supervisor/server.h"
#include "supervisor/settings.h"

struct manager {
	struct server	*server;
	struct notify	*notify;	/* NULL: nobody to tell */
	struct event	*alive, *sighup; /* alive NULL: no sign of life is wanted */
	char		 status[128];	/* the line that it has */
	bool		 stopping;
};

static void
on_alive(evutil_socket_t fd, short what, void *arg)
{
	struct manager	*m = arg;

	(void)fd;
	(void)what;
	(void)notify_try(m->notify, "WATCHDOG=1");
}

static void
on_sighup(evutil_socket_t sig, short what, void *arg)
{
	char	why[CONFIG_FILE_WHY];

	(void)sig;
	(void)what;
	(void)manager_reload(arg, why);	/* the answer is in the log */
}

/* A sign of life twice in the time that it is waited for, as sd_watchdog_enabled(3) has
 * it: one that is late by half of it is no death. */
static struct event *
alive_event(struct manager *m, struct event_base *base)
{
	uint64_t	 us = m->notify->watchdog_us / 2;
	struct timeval	 tv = { (time_t)(us / 1000000), (suseconds_t)(us % 1000000) };
	struct event	*ev = event_new(base, -1, EV_PERSIST, on_alive, m);

	if (ev != NULL && event_add(ev, &tv) != 0) {
		event_free(ev);
		ev = NULL;
	}
	return ev;
}

struct manager *
manager_new(struct server *s, struct notify *notify)
{
	struct manager	*m = calloc(1, sizeof *m);

	if (m == NULL)
		return NULL;
	m->server = s;
	m->notify = notify;
	m->sighup = event_new(s->base, SIGHUP, EV_SIGNAL | EV_PERSIST, on_sighup, m);
	if (notify != NULL && notify->watchdog_us != 0)
		m->alive = alive_event(m, s->base);
	if (m->sighup == NULL || event_add(m->sighup, NULL) != 0 ||
	    (notify != NULL && notify->watchdog_us != 0 && m->alive == NULL)) {
		manager_free(m);
		return NULL;
	}
	return m;
}

void
manager_free(struct manager *m)
{
	if (m == NULL)
		return;
	if (m->alive != NULL)
		event_free(m->alive);
	if (m->sighup != NULL)
		event_free(m->sighup);
	free(m);
}

/* What there is to do, as one line. */
static void
status_line(const struct server *s, char *buf, size_t size)
{
	static const char *const	phases[] = { "", "draining: ", "leaving: " };
	struct pool_count		n;

	pool_count(s->pool, 0, &n);
	(void)snprintf(buf, size, "%s%u run%s, %llu tests queued, %u of %u workers busy",
	    phases[s->phase], s->runs.nactive, s->runs.nactive == 1 ? "" : "s",
	    (unsigned long long)runs_queued(&s->runs, 0), (unsigned)n.busy, (unsigned)n.total);
}

void
manager_tick(struct manager *m)
{
	char	line[sizeof m->status], text[sizeof line + sizeof "STATUS="];

	if (m->notify == NULL)
		return;
	notify_retry(m->notify);
	status_line(m->server, line, sizeof line);
	if (strcmp(line, m->status) == 0)
		return;
	(void)snprintf(text, sizeof text, "STATUS=%s", line);
	if (notify_try(m->notify, text) == 0)
		memcpy(m->status, line, sizeof line);
}

void
manager_ready(struct manager *m)
{
	if (m->notify != NULL)
		(void)notify_send(m->notify, "READY=1");
	manager_tick(m);
}

void
manager_stopping(struct manager *m, msec_t most)
{
	if (m->notify == NULL || m->stopping)
		return;
	m->stopping = true;
	/* The unit's time to stop in need not know what the settings say. */
	(void)notify_send(m->notify, "STOPPING=1\nEXTEND_TIMEOUT_USEC=%llu",
	    (unsigned long long)most * 1000);
}

int
manager_reload(struct manager *m, char why[CONFIG_FILE_WHY])
{
	struct server	*s = m->server;
	struct config	 next;
	int		 r = 0;

	if (m->notify != NULL)
		(void)notify_send(m->notify, "RELOADING=1\nMONOTONIC_USEC=%llu",
		    (unsigned long long)now_us());
	config_init(&next);
	next.known = &s->config;
	if (s->config_path != NULL)
		r = config_file_read(s->config_path, &next, why);
	if (r == 0) {
		settings_load(&s->state, &next);
		config_renew(&s->config, &s->written, &next);
		s->written = next;
		history_configure(s->history);
		s->runs.dirty = true;
		log_info("config", "the settings were read again");
	} else {
		log_warn("config", "%s", why);
	}
	if (m->notify != NULL)
		(void)notify_send(m->notify, "READY=1");
	return r;
}
