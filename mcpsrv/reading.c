/* A read; see reading.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "ctl/json_value.h"
#include "mcpsrv/clean.h"
#include "mcpsrv/learn.h"
#include "mcpsrv/reading.h"

#define KEPT_MAX	((size_t)16 << 20)	/* bytes of outputs of one run */

static void
reading_free(struct call *c)
{
	struct reading	*rd = (struct reading *)c;

	if (rd->reporter.end != NULL)
		(void)rd->reporter.end(rd->reporter.state, &rd->results);
	if (rd->file != NULL)
		(void)fclose(rd->file);
	free(rd->text);
	runlist_free(&rd->runs);
	metrics_free(&rd->metrics);
	results_free(&rd->results);
	output_free(&rd->output);
	json_decref(rd->rows);
	free(rd->name);
}

static void
on_cancelled(struct call *c, const char *reason)
{
	struct mcp_request	*req = c->req;

	(void)reason;
	c->req = NULL;
	mcp_reply_error(req, MCP_INTERNAL_ERROR, NULL, "the request was cancelled");
	call_done(c);
}

struct reading *
reading_new(struct srv *s, struct mcp_request *req, const char *what)
{
	struct reading	*rd = call_new(sizeof *rd, s, req, what);

	rd->call.free = reading_free;
	rd->call.cancelled = on_cancelled;
	rd->view = (struct answer_view){ .detail = DETAIL_FAILURES, .limit = 50, .output_lines = 20,
	    .budget = s->budget, .secrets = &s->secrets, .now_ms = wall_ms() };
	return rd;
}

void
reading_text(struct reading *rd, const char *mime, json_t *text, uint64_t ttl_ms)
{
	struct mcp_request	*req = rd->call.req;
	json_t			*list = json_array(), *o = json_object();

	json_value_put(o, "uri", json_value_text(mcp_uri(req)));
	json_value_put(o, "mimeType", json_value_text(mime));
	json_value_put(o, "text", text);
	answer_append(list, o);
	rd->call.req = NULL;
	mcp_reply_resource(req, list, ttl_ms);
	call_done(&rd->call);
}

void
reading_json(struct reading *rd, json_t *v, uint64_t ttl_ms)
{
	struct text	t = { 0 };

	json_value_dump(&t, v);
	reading_text(rd, "application/json", json_value_bytes(t.p, t.n), ttl_ms);
	text_free(&t);
}

void
reading_none(struct reading *rd)
{
	struct mcp_request	*req = rd->call.req;

	rd->call.req = NULL;
	mcp_reply_no_resource(req);
	call_done(&rd->call);
}

void
reading_lost(struct reading *rd, int r, const struct client_error *e)
{
	struct mcp_request	*req = rd->call.req;
	struct text		 t = { 0 };

	if (r == -EREMOTEIO && e->code == MSG_ERR_NOT_FOUND) {
		reading_none(rd);
		return;
	}
	call_explain(e, &t);
	rd->call.req = NULL;
	mcp_reply_error(req, MCP_INTERNAL_ERROR, NULL, "%s", t.p);
	text_free(&t);
	call_done(&rd->call);
}

/* ---- a run ---- */

/* Texts of an event, cleaned, for as long as the event is used. */
struct washed {
	struct text	 texts[5];
	struct text	 words;
	struct sv	*lists[3];
};

static void
wash(const struct secrets *secrets, struct text *t, struct sv *s)
{
	if (s->n == 0)
		return;
	clean_text(t, s->p, s->n);
	secrets_hide(secrets, t);
	*s = (struct sv){ t->p, t->n };
}

static void
wash_list(const struct secrets *secrets, struct sv **ret, struct svs *l)
{
	struct text	t = { 0 };

	if (l->n == 0)
		return;
	*ret = xcalloc((size_t)l->n + 1, sizeof **ret);
	for (uint32_t i = 0; i < l->n; i++) {
		t = (struct text){ 0 };
		clean_text(&t, l->v[i].p, l->v[i].n);
		secrets_hide(secrets, &t);
		(*ret)[i] = (struct sv){ t.p, t.n };
	}
	l->v = *ret;
}

static void
wash_event(const struct secrets *secrets, struct msg_event *ev, struct washed *w)
{
	*w = (struct washed){ .lists = { NULL } };
	wash(secrets, &w->texts[0], &ev->output);
	wash(secrets, &w->texts[1], &ev->error_message);
	wash(secrets, &w->texts[2], &ev->failure);
	wash(secrets, &w->texts[3], &ev->message);
	wash(secrets, &w->texts[4], &ev->test);
	wash_list(secrets, &w->lists[0], &ev->assertions);
	wash_list(secrets, &w->lists[1], &ev->leaked);
	wash_list(secrets, &w->lists[2], &ev->sub_failures);
}

static void
washed_free(struct washed *w, const struct msg_event *ev)
{
	const uint32_t	n[3] = { ev->assertions.n, ev->leaked.n, ev->sub_failures.n };

	for (size_t i = 0; i < 5; i++)
		text_free(&w->texts[i]);
	for (size_t i = 0; i < 3; i++) {
		for (uint32_t k = 0; w->lists[i] != NULL && k < n[i]; k++)
			free((void *)(uintptr_t)w->lists[i][k].p);
		free(w->lists[i]);
	}
}

static int
on_event(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct reading		*rd = arg;
	struct msg_event	 ev = m->event;
	struct washed		 w;

	(void)id;
	if (type != MSG_EVENT)
		return 0;
	if (ev.output.n > KEPT_MAX - rd->kept) {
		ev.output.n = 0;
		ev.output_truncated = true;
	}
	rd->kept += ev.output.n;
	wash_event(&rd->call.srv->secrets, &ev, &w);
	if (results_event(&rd->results, &ev) && rd->reporter.event != NULL)
		rd->reporter.event(rd->reporter.state, &ev, &rd->results);
	washed_free(&w, &ev);
	return 0;
}

static void
on_known(void *arg, int r, const struct client_error *e)
{
	struct reading	*rd = arg;

	rd->missing = r == -EREMOTEIO && e->code == MSG_ERR_NOT_FOUND;
	if (r != 0 && !rd->missing)
		reading_lost(rd, r, e);
	else
		rd->known(rd);
}

static void
watch(struct call *c)
{
	struct reading		*rd = (struct reading *)c;
	struct msg_run_watch	 m = { .run = sv_from(rd->run), .no_follow = true, .since = 1 };

	call_ask(c, MSG_RUN_WATCH, &m, on_event, on_known, rd);
}

void
reading_run(struct reading *rd, const char *run, void (*known)(struct reading *))
{
	rd->run = run;
	rd->known = known;
	learn_run(&rd->call, run, watch);
}
