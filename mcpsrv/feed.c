/* Subscriptions to runs; see feed.h. */
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "common/event.h"
#include "common/xalloc.h"
#include "mcpsrv/call.h"
#include "mcpsrv/feed.h"
#include "mcpsrv/uri.h"

#define PAUSE_MS	1000	/* between two notices of a run */

struct feed {
	struct feed	*next;
	struct srv	*srv;
	char		*uri;
	char		 run[URI_RUN];
	struct link	*link;
	struct event	*pause;		/* pending: nothing may be said yet */
	bool		 changed;	/* meanwhile */
	uint64_t	 seen;		/* the newest event */
};

static void
say(struct feed *f)
{
	struct timeval	tv = clock_timeval(PAUSE_MS);

	if (evtimer_pending(f->pause, NULL)) {
		f->changed = true;
		return;
	}
	f->changed = false;
	(void)evtimer_add(f->pause, &tv);
	mcp_resource_updated(f->srv->mcp, f->uri);
}

static void
on_pause(evutil_socket_t fd, short what, void *arg)
{
	struct feed	*f = arg;

	(void)fd;
	(void)what;
	if (f->changed)
		say(f);
}

static int
on_event(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct feed	*f = arg;

	(void)id;
	/* What was left out for a slow reader has changed it, too. */
	if (type == MSG_EVENT && m->event.seq > f->seen) {
		f->seen = m->event.seq;
		say(f);
	}
	return 0;
}

/* It is over, or lost: whoever reads it again is told what is the matter. */
static void
on_over(void *arg, int r, const struct client_error *e)
{
	struct feed	*f = arg;

	(void)r;
	(void)e;
	link_free(f->link);
	f->link = NULL;
	f->changed = false;
	(void)evtimer_del(f->pause);
	mcp_resource_updated(f->srv->mcp, f->uri);
	mcp_list_changed(f->srv->mcp, MCP_LIST_RESOURCES);
}

static void
feed_end(struct feed *f)
{
	link_free(f->link);
	event_free(f->pause);
	free(f->uri);
	free(f);
}

static bool
begin(struct srv *s, const char *uri, const char *run)
{
	struct feed		*f = xcalloc(1, sizeof *f);
	struct msg_run_watch	 m = { .since = 1 };

	*f = (struct feed){ .srv = s, .uri = xstrdup(uri), .next = s->feed };
	(void)snprintf(f->run, sizeof f->run, "%s", run);
	f->pause = evtimer_new(s->base, on_pause, f);
	if (f->pause == NULL)
		abort();	/* as without memory elsewhere */
	f->link = link_new(s->base, s->socket);
	m.run = sv_from(f->run);
	link_ask(f->link, MSG_RUN_WATCH, &m, 0, on_event, on_over, f);
	s->feed = f;
	return true;
}

bool
feed_subscribe(void *arg, const char *text, bool on)
{
	struct srv	*s = arg;
	struct feed	**at = &s->feed, *f;
	struct uri	 uri;
	size_t		 n = 0;

	for (; *at != NULL && strcmp((*at)->uri, text) != 0; at = &(*at)->next)
		n++;
	if (!on && *at != NULL) {
		f = *at;
		*at = f->next;
		feed_end(f);
	}
	if (!on || *at != NULL)
		return true;
	if (!uri_parse(text, &uri))
		return false;
	/* The others are there, and nothing is said of them. */
	if (uri.kind != URI_RUN_STATE || n >= FEEDS_MAX)
		return true;
	return begin(s, text, uri.run);
}

void
feed_free(struct srv *s)
{
	struct feed	*f;

	while ((f = s->feed) != NULL) {
		s->feed = f->next;
		feed_end(f);
	}
}
