/*
 * News of a long request: told at most four times a second, and by itself every few
 * seconds, so that a client which counts the silence keeps waiting.  The number
 * always rises; with nothing done since, it creeps towards the next whole one.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "mcp/core.h"

#define APART_MS	250

static void
arm(struct mcp_request *q, msec_t ms)
{
	struct timeval	tv = clock_timeval(ms);

	(void)event_add(q->progress.timer, &tv);
}

/* From 3 to 3.5, 3.667, 3.75 ...: the k-th one is 1/(1+k) away from 4. */
static double
next_above(double sent)
{
	double	whole = floor(sent) + 1, left = whole - sent;

	return whole - left / (1 + left);
}

static void
send_progress(struct mcp_request *q)
{
	struct progress	*p = &q->progress;
	json_t		*m = mj_need(json_object()), *params = mj_need(json_object());

	p->sent = p->news && (!p->any || p->done > p->sent) ? p->done :
	    next_above(p->any ? p->sent : 0);
	p->any = true;
	mj_put(params, "progressToken", json_incref(q->token));
	mj_put(params, "progress", mj_number(p->sent));
	if (p->total >= p->sent)
		mj_put(params, "total", mj_number(p->total));
	if (q->revision >= MCP_2025_03_26 && p->message[0] != '\0')
		mj_put(params, "message", mj_text(p->message));
	mj_put(m, "jsonrpc", mj_text("2.0"));
	mj_put(m, "method", mj_text("notifications/progress"));
	mj_put(m, "params", params);
	server_send(q->server, m);
}

static void
tell(struct mcp_request *q)
{
	struct progress	*p = &q->progress;

	p->sent_at = now_ms();
	arm(q, q->server->silence_ms);
	if (q->task != NULL) {
		if (p->news)
			tasks_news(q->task, p->message);
	} else if (q->token != NULL && !server_is_full(q->server))
		send_progress(q);
	p->news = false;
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	tell(arg);
}

void
progress_start(struct mcp_request *q)
{
	if (q->token == NULL && q->task_timer == NULL)
		return;
	q->progress.timer = event_new(q->server->base, -1, 0, on_timer, q);
	if (q->progress.timer == NULL)
		fatal("mcp", "out of memory");
	arm(q, q->server->silence_ms);
}

void
progress_stop(struct mcp_request *q)
{
	if (q->progress.timer != NULL)
		event_free(q->progress.timer);
	q->progress.timer = NULL;
}

void
mcp_progress(struct mcp_request *q, double done, double total, const char *message)
{
	struct progress	*p = &q->progress;
	char		 text[MESSAGE_MAX + 1];
	msec_t		 now;

	if (p->timer == NULL)
		return;
	mj_quote(text, sizeof(text), message, strlen(message));
	if (p->any && done <= p->sent && total == p->total && strcmp(text, p->message) == 0)
		return;
	p->done = isfinite(done) ? done : 0;
	p->total = isfinite(total) ? total : 0;
	(void)snprintf(p->message, sizeof(p->message), "%s", text);
	now = now_ms();
	if (p->sent_at == 0 || now >= p->sent_at + APART_MS) {
		p->news = true;
		tell(q);
	} else if (!p->news) {
		p->news = true;
		arm(q, p->sent_at + APART_MS - now);
	}
}
