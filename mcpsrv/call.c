/* One call; see call.h. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "ctl/text.h"
#include "mcpsrv/answer.h"
#include "mcpsrv/call.h"

#define SPARE_MS	1000	/* that a connection is kept for the next call */
#define WHY_MAX	2000	/* bytes of what went wrong */

static void
on_cancel(void *arg, const char *reason)
{
	struct call	*c = arg;

	if (c->cancelled != NULL)
		c->cancelled(c, reason);
	else
		call_failed(c, "the call was cancelled");
}

void *
call_new(size_t size, struct srv *s, struct mcp_request *req, const char *what)
{
	struct call	*c = xcalloc(1, size);

	c->srv = s;
	c->req = req;
	c->what = what;
	c->start_ms = now_ms();
	c->asked = answer_size(mcp_arguments(req));
	mcp_on_cancel(req, on_cancel, c);
	return c;
}

/* ---- connections ---- */

void
call_no_spare(struct srv *s)
{
	link_free(s->spare);
	s->spare = NULL;
	if (s->spare_timer != NULL)
		event_free(s->spare_timer);
	s->spare_timer = NULL;
}

static void
on_spare_old(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	call_no_spare(arg);
}

/* Of one call after the other only the first has to connect. */
static struct link *
take_link(struct srv *s)
{
	struct link	*l = s->spare;

	if (l != NULL && link_is_free(l)) {
		s->spare = NULL;
		return l;
	}
	return link_new(s->base, s->socket);
}

static void
put_link(struct call *c)
{
	struct srv	*s = c->srv;
	struct timeval	 tv = clock_timeval(SPARE_MS);

	if (!c->simple || c->link == NULL || !link_is_free(c->link)) {
		link_free(c->link);
		return;
	}
	if (s->spare_timer == NULL)
		s->spare_timer = evtimer_new(s->base, on_spare_old, s);
	link_free(s->spare);
	s->spare = c->link;
	if (s->spare_timer != NULL)
		(void)evtimer_add(s->spare_timer, &tv);
}

void
call_ask(struct call *c, enum msg_type type, const void *body, msg_fn *fn, link_done_fn *done,
    void *arg)
{
	if (c->link == NULL)
		c->link = take_link(c->srv);
	link_ask(c->link, type, body, CALL_WAIT_MS, fn, done, arg);
}

/* One line a call: when, who, what, how much, how it ended.  No values: they may be
 * secrets. */
static void
log_call(const struct call *c, const char *outcome)
{
	struct text	t = { 0 };

	text_addf(&t, "%s: %zu bytes of arguments, %s after %llu ms", c->what, c->asked, outcome,
	    (unsigned long long)(now_ms() - c->start_ms));
	log_info("call", "%s", t.p);
	if (c->srv->log != NULL) {
		struct text	at = { 0 };

		text_time(&at, wall_ms(), true);
		(void)fprintf(c->srv->log, "%s uid %u pid %d caller %d %s\n", at.p,
		    (unsigned)getuid(), (int)getpid(), (int)getppid(), t.p);
		(void)fflush(c->srv->log);
		text_free(&at);
	}
	text_free(&t);
}

void
call_done(struct call *c)
{
	if (c->free != NULL)
		c->free(c);
	put_link(c);
	free(c);
}

void
call_answer(struct call *c, json_t *structured)
{
	struct mcp_request	*req = c->req;
	json_t			*links;

	if (req == NULL) {
		json_decref(structured);
	} else {
		links = answer_links(structured);
		c->req = NULL;
		log_call(c, "answered");
		mcp_reply_structured(req, structured, NULL, links);
	}
	call_done(c);
}

void
call_failed(struct call *c, const char *fmt, ...)
{
	char			 text[WHY_MAX];
	struct mcp_request	*req = c->req;
	va_list			 ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (req != NULL) {
		c->req = NULL;
		log_call(c, "failed");
		mcp_reply_failed(req, "%s", text);
	}
	call_done(c);
}

void
call_explain(const struct client_error *e, struct text *t)
{
	text_puts(t, e->text);
	switch (e->code) {
	case MSG_ERR_NOT_FOUND:
		text_puts(t, strstr(e->text, "no run") != NULL ?
		    "; console_list_test_runs lists those that are on record" :
		    "; console_get_test_run {runId, detail: \"all\"} lists its tests");
		break;
	case MSG_ERR_DRAINING:
		text_puts(t, "; call again in a moment");
		break;
	case MSG_ERR_DENIED:
		text_puts(t, "; only who the supervisor belongs to may do this");
		break;
	default:
		if (e->hint[0] != '\0')
			text_addf(t, ". %s", e->hint);
		break;
	}
}

void
call_lost(struct call *c, const struct client_error *e)
{
	struct text	t = { 0 };

	call_explain(e, &t);
	call_failed(c, "%s", t.p);
	text_free(&t);
}

/* ---- arguments ---- */

static const json_t *
argument(const struct call *c, const char *key)
{
	return json_object_get(mcp_arguments(c->req), key);
}

const char *
call_text(const struct call *c, const char *key)
{
	return json_string_value(argument(c, key));
}

bool
call_has(const struct call *c, const char *key)
{
	return argument(c, key) != NULL;
}

uint64_t
call_number(const struct call *c, const char *key, uint64_t otherwise)
{
	const json_t	*v = argument(c, key);

	/* The schema lets 5.0 pass for an integer. */
	return json_is_number(v) ? (uint64_t)json_number_value(v) : otherwise;
}

double
call_ratio(const struct call *c, const char *key, double otherwise)
{
	const json_t	*v = argument(c, key);

	return json_is_number(v) ? json_number_value(v) : otherwise;
}

bool
call_flag(const struct call *c, const char *key, bool otherwise)
{
	const json_t	*v = argument(c, key);

	return v != NULL ? json_is_true(v) : otherwise;
}
