/*
 * A line: which message it is, which era it belongs to, and who serves it.
 *
 * A request is modern when it says its protocol version itself, or when its method is
 * one that only the modern era has; otherwise it is legacy, and then `initialize` must
 * have come before.  Both may come on one pipe.
 */
#include <stdlib.h>
#include <string.h>

#include "mcp/core.h"

enum era { LEGACY = 1, MODERN = 2, BOTH = 3 };

/* What offers a method: the capability that must be there. */
enum part { ALWAYS, TOOLS, RESOURCES, SUBSCRIBING, PROMPTS, COMPLETION, LOGGING };

static const struct method {
	const char	*name;
	enum era	 era;
	enum part	 part;
	method_fn	*fn;
} methods[] = {
	{ "initialize", LEGACY, ALWAYS, offer_initialize },
	{ "ping", LEGACY, ALWAYS, request_ok },
	{ "server/discover", MODERN, ALWAYS, offer_discover },
	{ "tools/list", BOTH, TOOLS, offer_tools },
	{ "tools/call", BOTH, TOOLS, call_tool },
	{ "resources/list", BOTH, RESOURCES, offer_resources },
	{ "resources/templates/list", BOTH, RESOURCES, offer_templates },
	{ "resources/read", BOTH, RESOURCES, call_read },
	{ "resources/subscribe", LEGACY, SUBSCRIBING, listen_subscribe },
	{ "resources/unsubscribe", LEGACY, SUBSCRIBING, listen_unsubscribe },
	{ "prompts/list", BOTH, PROMPTS, offer_prompts },
	{ "prompts/get", BOTH, PROMPTS, call_prompt },
	{ "completion/complete", BOTH, COMPLETION, call_complete },
	{ "logging/setLevel", LEGACY, LOGGING, client_log_level },
	{ "subscriptions/listen", MODERN, ALWAYS, listen_open },
	{ "tasks/get", MODERN, TOOLS, task_get },
	{ "tasks/update", MODERN, TOOLS, task_update },
	{ "tasks/cancel", MODERN, TOOLS, task_cancel },
};

static bool
offered(const struct mcp_offer *o, enum part part)
{
	switch (part) {
	case TOOLS:
		return o->ntools > 0;
	case RESOURCES:
		return o->read_resource != NULL;
	case SUBSCRIBING:
		return o->subscribe != NULL;
	case PROMPTS:
		return o->nprompts > 0;
	case COMPLETION:
		return o->complete != NULL;
	case LOGGING:
		return o->logs;
	default:
		return true;
	}
}

static const struct method *
find_method(const struct mcp_server *s, const char *name, enum era era)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (strcmp(methods[i].name, name) == 0 && (methods[i].era & era) != 0 &&
		    offered(s->offer, methods[i].part))
			return &methods[i];
	return NULL;
}

/* ---- a request ---- */

/* What was read of a request, until it is one. */
struct call {
	const char	*name;
	json_t		*id, *params;		/* borrowed; params an object or NULL */
	struct batch	*batch;
};

static bool
is_modern(const struct call *c)
{
	const json_t	*meta = json_object_get(c->params, "_meta");

	return json_object_get(meta, META_VERSION) != NULL ||
	    strcmp(c->name, "server/discover") == 0 ||
	    strcmp(c->name, "subscriptions/listen") == 0;
}

/* A modern request says its version and what its client can do. */
static bool
modern_is_sound(struct mcp_server *s, const struct call *c)
{
	const json_t	*meta = json_object_get(c->params, "_meta");
	const char	*version = mj_string(meta, META_VERSION);
	json_t		*data;

	if (c->batch != NULL) {
		answer_error(s, c->id, c->batch, MCP_INVALID_REQUEST,
		    "revision %s has no batches", revision_names[MCP_2026_07_28]);
		return false;
	}
	if (version == NULL || !json_is_object(json_object_get(meta, META_CAPABILITIES))) {
		answer_error(s, c->id, NULL, MCP_INVALID_PARAMS,
		    "params._meta must have \"%s\" (a string) and \"%s\" (an object)",
		    META_VERSION, META_CAPABILITIES);
		return false;
	}
	if (strcmp(version, revision_names[MCP_2026_07_28]) == 0)
		return true;
	data = mj_need(json_pack("{s:[s], s:O}", "supported", revision_names[MCP_2026_07_28],
	    "requested", json_object_get(meta, META_VERSION)));
	server_send(s, mj_need(json_pack("{s:s, s:O, s:o}", "jsonrpc", "2.0", "id", c->id,
	    "error", error_value(MCP_UNSUPPORTED_VERSION, mj_text("Unsupported protocol version"),
	    data))));
	return false;
}

/* A legacy request comes after initialize; only a ping may come before. */
static bool
legacy_is_sound(struct mcp_server *s, const struct call *c)
{
	if (strcmp(c->name, "initialize") == 0 && c->batch != NULL) {
		answer_error(s, c->id, c->batch, MCP_INVALID_REQUEST,
		    "initialize must not be part of a batch");
		return false;
	}
	if (s->initialized || strcmp(c->name, "initialize") == 0 || strcmp(c->name, "ping") == 0)
		return true;
	answer_error(s, c->id, c->batch, MCP_INVALID_PARAMS,
	    "send initialize first, or say \"%s\" in params._meta of each request (%s)",
	    META_VERSION, revision_names[MCP_2026_07_28]);
	return false;
}

static void
start(struct mcp_server *s, const struct call *c, enum mcp_revision revision)
{
	const struct method	*m;
	struct mcp_request	*q;

	m = find_method(s, c->name, revision == MCP_2026_07_28 ? MODERN : LEGACY);
	if (m == NULL) {
		answer_error(s, c->id, c->batch, MCP_METHOD_NOT_FOUND, "Method not found: %.80s",
		    c->name);
		return;
	}
	if (request_find(s, c->id) != NULL || listen_find(s, c->id) != NULL) {
		answer_error(s, c->id, c->batch, MCP_INVALID_REQUEST,
		    "a request of this id is being answered");
		return;
	}
	/* A ping is answered always: it asks whether the server lives. */
	if (s->in_flight >= MCP_IN_FLIGHT && m->fn != request_ok) {
		answer_error(s, c->id, c->batch, MCP_INTERNAL_ERROR,
		    "%d requests are being answered; wait for one of them", MCP_IN_FLIGHT);
		return;
	}
	q = request_new(s, revision, json_incref(c->id),
	    c->params != NULL ? json_incref(c->params) : mj_need(json_object()), c->batch);
	if (c->batch != NULL)
		c->batch->waiting++;
	m->fn(q);
}

static void
on_request(struct mcp_server *s, const struct call *c)
{
	if (c->params != NULL && !json_is_object(c->params)) {
		answer_error(s, c->id, c->batch, MCP_INVALID_PARAMS, "params must be an object");
		return;
	}
	if (is_modern(c)) {
		if (modern_is_sound(s, c))
			start(s, c, MCP_2026_07_28);
	} else if (legacy_is_sound(s, c))
		start(s, c, s->revision);
}

/* ---- a message ---- */

static void
on_notification(struct mcp_server *s, const char *name, const json_t *params)
{
	const json_t		*id = json_object_get(params, "requestId");
	const char		*reason = mj_string(params, "reason");
	struct mcp_request	*q;

	if (name == NULL || strcmp(name, "notifications/cancelled") != 0 || id == NULL)
		return;
	q = request_find(s, id);
	if (q != NULL && q->task == NULL)
		request_cancel(q, reason != NULL ? reason : "cancelled by the client");
	else
		listen_cancel(s, id);
}

static void
on_message(struct mcp_server *s, json_t *m, struct batch *batch)
{
	struct call	 c = { .id = json_object_get(m, "id"), .batch = batch };
	const char	*version = mj_string(m, "jsonrpc");

	c.params = json_object_get(m, "params");
	c.name = mj_string(m, "method");
	if (version == NULL || strcmp(version, "2.0") != 0)
		answer_error(s, NULL, batch, MCP_INVALID_REQUEST,
		    "a message must be an object with \"jsonrpc\":\"2.0\"");
	else if (json_object_get(m, "method") == NULL)
		client_answer(s, m);
	else if (c.id == NULL)
		on_notification(s, c.name, c.params);
	else if (!json_is_string(c.id) && !json_is_integer(c.id))
		answer_error(s, NULL, batch, MCP_INVALID_REQUEST,
		    "the id of a request must be a string or an integer");
	else if (c.name == NULL)
		answer_error(s, c.id, batch, MCP_INVALID_REQUEST, "method must be a string");
	else
		on_request(s, &c);
}

static void
on_batch(struct mcp_server *s, const json_t *list)
{
	struct batch	*b;
	json_t		*m;
	size_t		 i, n = json_array_size(list);

	if (!s->initialized || s->revision != MCP_2025_03_26 || n == 0 || n > MCP_IN_FLIGHT) {
		answer_error(s, NULL, NULL, MCP_INVALID_REQUEST, n == 0 ? "a batch is empty" :
		    n > MCP_IN_FLIGHT && s->revision == MCP_2025_03_26 ?
		    "a batch has more messages than are answered at a time" :
		    "batches are of revision 2025-03-26 only");
		return;
	}
	b = batch_new();
	json_array_foreach(list, i, m)
		on_message(s, m, b);
	batch_done(s, b);
}

/* One with a member twice, which is read again only to tell who asked: its id, unless just
 * that is what stands twice. */
static void
ambiguous(struct mcp_server *s, const char *line, size_t n, const json_error_t *e)
{
	json_t	*m = json_loadb(line, n, JSON_ALLOW_NUL, NULL), *id = json_object_get(m, "id");

	if ((!json_is_string(id) && !json_is_integer(id)) || strstr(e->text, "'\"id\"'") != NULL)
		id = NULL;
	answer_error(s, id, NULL, id != NULL ? MCP_INVALID_REQUEST : MCP_PARSE_ERROR,
	    "a member stands twice in one object, near byte %d", e->position);
	json_decref(m);
}

static void
unreadable(struct mcp_server *s, const char *line, size_t n, const json_error_t *e)
{
	switch (json_error_code(e)) {
	case json_error_duplicate_key:
		ambiguous(s, line, n, e);
		break;
	case json_error_invalid_utf8:
		answer_error(s, NULL, NULL, MCP_PARSE_ERROR, "the line is not valid UTF-8");
		break;
	case json_error_stack_overflow:
		answer_error(s, NULL, NULL, MCP_PARSE_ERROR, "the message is nested too deep");
		break;
	case json_error_numeric_overflow:
		answer_error(s, NULL, NULL, MCP_PARSE_ERROR, "a number is too large, near byte %d",
		    e->position);
		break;
	default:
		answer_error(s, NULL, NULL, MCP_PARSE_ERROR,
		    "the line is not JSON: one message a line; near byte %d", e->position);
	}
}

void
dispatch_line(struct mcp_server *s, const char *line, size_t n)
{
	json_error_t	 e;
	json_t		*m;

	if (line == NULL) {
		answer_error(s, NULL, NULL, MCP_INVALID_REQUEST,
		    "a line was longer than %zu MiB and is lost", MCP_LINE_MAX >> 20);
		return;
	}
	m = json_loadb(line, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, &e);
	if (m == NULL)
		unreadable(s, line, n, &e);
	else if (json_is_array(m))
		on_batch(s, m);
	else
		on_message(s, m, NULL);
	json_decref(m);
}
