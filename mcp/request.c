/* A request from its start to its end; every answer leaves here. */
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "mcp/core.h"

static const json_t *
declared(const struct mcp_request *q)
{
	const json_t	*meta = json_object_get(q->params, "_meta");

	return request_modern(q) ? json_object_get(meta, META_CAPABILITIES) :
	    q->server->capabilities;
}

struct mcp_request *
request_new(struct mcp_server *s, enum mcp_revision revision, json_t *id, json_t *params,
    struct batch *batch)
{
	struct mcp_request	*q = xcalloc(1, sizeof *q);
	json_t			*token;

	q->server = s;
	q->revision = revision;
	q->id = id;
	q->params = params;
	q->batch = batch;
	q->capabilities = declared(q);
	q->arguments = json_incref(json_object_get(params, "arguments"));
	if (q->arguments == NULL)
		q->arguments = mj_need(json_object());
	token = json_object_get(json_object_get(params, "_meta"), "progressToken");
	if (json_is_string(token) || json_is_integer(token))
		q->token = token;
	TAILQ_INSERT_TAIL(&s->requests, q, next);
	s->in_flight++;
	return q;
}

struct mcp_request *
request_find(struct mcp_server *s, const json_t *id)
{
	struct mcp_request	*q;

	TAILQ_FOREACH(q, &s->requests, next)
		if (q->id != NULL && !q->cancelled && json_equal(q->id, id))
			return q;
	return NULL;
}

void
request_free(struct mcp_request *q)
{
	struct mcp_server	*s = q->server;

	client_forget(q);
	progress_stop(q);
	if (q->task_timer != NULL)
		event_free(q->task_timer);
	if (q->task == NULL)
		s->in_flight--;
	else
		q->task->request = NULL;
	TAILQ_REMOVE(&s->requests, q, next);
	json_decref(q->id);
	json_decref(q->params);
	json_decref(q->arguments);
	free(q->task_name);
	free(q->structured);
	free(q);
}

/* ---- answers ---- */

static json_t *
message_new(json_t *id)
{
	json_t	*m = mj_need(json_object());

	mj_put(m, "jsonrpc", mj_text("2.0"));
	if (id != NULL)
		mj_put(m, "id", json_incref(id));
	return m;
}

json_t *
error_value(enum mcp_code code, json_t *message, json_t *data)
{
	json_t	*e = mj_need(json_object());

	mj_put(e, "code", mj_int(code));
	mj_put(e, "message", message);
	if (data != NULL)
		mj_put(e, "data", data);
	return e;
}

/* The message with the value of its structuredContent as it was written before: most of an
 * answer is that, and it is in there as text, too.  No string can have the mark in it, since
 * quotes in strings are escaped. */
static char *
dump_around(json_t *message, const char *structured, size_t *ret_n)
{
	static const char	 mark[] = "\"structuredContent\":null";
	size_t			 head, n = strlen(structured), k = sizeof "null" - 1;
	char			*text, *at;

	mj_put(json_object_get(message, "result"), "structuredContent", json_null());
	text = mj_dump(message, ret_n);
	at = strstr(text, mark);
	if (at == NULL)
		fatal("mcp", "an answer has lost its content");
	head = (size_t)(at - text) + sizeof mark - 1 - k;
	text = xreallocarray(text, *ret_n + n + 1, 1);
	memmove(text + head + n, text + head + k, *ret_n - head - k + 1);
	memcpy(text + head, structured, n);
	*ret_n += n - k;
	return text;
}

/* Sends an answer, or puts it to those of its batch; one that no client would take
 * becomes an error. */
static void
send_answer(struct mcp_server *s, json_t *id, struct batch *batch, json_t *message,
    const char *structured)
{
	size_t	 n;
	char	*text = structured != NULL ? dump_around(message, structured, &n) :
		    mj_dump(message, &n);

	if (n > MCP_ANSWER_MAX) {
		free(text);
		json_decref(message);
		message = message_new(id);
		mj_put(message, "error", error_value(MCP_INTERNAL_ERROR,
		    mj_text("the answer is longer than 4 MiB; ask for a part of it"), NULL));
		text = mj_dump(message, &n);
	}
	if (batch != NULL) {
		batch_add(batch, message);
		free(text);
		return;
	}
	json_decref(message);
	server_send_text(s, text, n);
}

void
answer_error(struct mcp_server *s, json_t *id, struct batch *batch, enum mcp_code code,
    const char *fmt, ...)
{
	json_t	*m = message_new(id);
	va_list	 ap;

	/* JSON-RPC says null; since 2025-11-25 the schemas of MCP say nothing. */
	if (id == NULL && s->initialized && s->revision < MCP_2025_11_25)
		mj_put(m, "id", json_null());
	va_start(ap, fmt);
	mj_put(m, "error", error_value(code, mj_vformat(fmt, ap), NULL));
	va_end(ap);
	send_answer(s, id, batch, m, NULL);
}

/* What every modern result says. */
static void
add_modern(const struct mcp_request *q, json_t *result)
{
	json_t	*meta = json_object_get(result, "_meta");

	if (json_object_get(result, "resultType") == NULL)
		mj_put(result, "resultType", mj_text("complete"));
	if (meta == NULL) {
		meta = mj_need(json_object());
		mj_put(result, "_meta", meta);
	}
	mj_put(meta, META_SERVER, offer_identity(q->server, q->revision));
}

void
request_end(struct mcp_request *q, json_t *result, json_t *error)
{
	struct mcp_server	*s = q->server;
	struct batch		*batch = q->batch;
	json_t			*m;

	if (q->task != NULL) {
		tasks_end(q->task, result, error);
	} else if (q->cancelled || q->id == NULL) {
		json_decref(result);
		json_decref(error);
	} else {
		m = message_new(q->id);
		if (result != NULL && request_modern(q))
			add_modern(q, result);
		mj_put(m, result != NULL ? "result" : "error", result != NULL ? result : error);
		send_answer(s, q->id, batch, m, batch == NULL ? q->structured : NULL);
	}
	request_free(q);
	if (batch != NULL)
		batch_done(s, batch);
	server_check_end(s);
}

void
request_ok(struct mcp_request *q)
{
	request_end(q, mj_need(json_object()), NULL);
}

/* ---- cancelling ---- */

void
request_cancel(struct mcp_request *q, const char *reason)
{
	mcp_cancel_fn	*fn = q->on_cancel;

	q->cancelled = true;
	q->on_cancel = NULL;
	progress_stop(q);
	if (q->task_timer != NULL)
		(void)event_del(q->task_timer);
	if (fn != NULL)
		fn(q->cancel_arg, reason);
}

void
mcp_on_cancel(struct mcp_request *q, mcp_cancel_fn *fn, void *arg)
{
	q->on_cancel = fn;
	q->cancel_arg = arg;
}

/* ---- for handlers ---- */

struct mcp_server *
mcp_server_of(const struct mcp_request *q)
{
	return q->server;
}

enum mcp_revision
mcp_revision(const struct mcp_request *q)
{
	return q->revision;
}

const json_t *
mcp_arguments(const struct mcp_request *q)
{
	return q->arguments;
}

const json_t *
mcp_params(const struct mcp_request *q)
{
	return q->params;
}

const char *
mcp_uri(const struct mcp_request *q)
{
	return mj_string(q->params, "uri");
}

const char *
mcp_cursor(const struct mcp_request *q)
{
	return mj_string(q->params, "cursor");
}

const json_t *
mcp_capabilities(const struct mcp_request *q)
{
	return q->capabilities;
}
