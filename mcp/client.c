/* What the server says to the client by itself: requests of its own, and log lines. */
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "mcp/core.h"

static json_t *
notification(const char *method, json_t *params)
{
	return mj_need(json_pack("{s:s, s:s, s:o}", "jsonrpc", "2.0", "method", method,
	    "params", params));
}

/* ---- requests ---- */

/* Does the client say that it serves the method?  "sampling/createMessage" needs the
 * capability "sampling". */
static bool
serves(const struct mcp_request *q, const char *method)
{
	const char	*slash = strchr(method, '/');
	char		*name = xstrndup(method, slash != NULL ? (size_t)(slash - method) :
			    strlen(method));
	bool		 yes = json_object_get(q->capabilities, name) != NULL;

	free(name);
	return yes;
}

bool
mcp_ask(struct mcp_request *q, const char *method, json_t *params, mcp_answer_fn *fn, void *arg)
{
	struct mcp_server	*s = q->server;
	struct asked		*a;
	json_t			*m;

	if (request_modern(q) || !serves(q, method)) {
		json_decref(params);
		return false;
	}
	a = xcalloc(1, sizeof *a);
	a->id = ++s->last_asked;
	a->request = q;
	a->fn = fn;
	a->arg = arg;
	TAILQ_INSERT_TAIL(&s->asked, a, next);
	m = notification(method, params);
	mj_put(m, "id", mj_int(a->id));
	server_send(s, m);
	return true;
}

void
client_answer(struct mcp_server *s, const json_t *message)
{
	const json_t		*id = json_object_get(message, "id");
	struct mcp_request	*q;
	struct asked		*a;
	mcp_answer_fn		*fn;
	void			*arg;

	TAILQ_FOREACH(a, &s->asked, next)
		if (json_is_integer(id) && json_integer_value(id) == a->id)
			break;
	if (a == NULL)
		return;
	q = a->request;
	fn = a->fn;
	arg = a->arg;
	TAILQ_REMOVE(&s->asked, a, next);
	free(a);
	fn(q, json_object_get(message, "result"), json_object_get(message, "error"), arg);
}

void
client_forget(struct mcp_request *q)
{
	struct asked	*a, *after;

	for (a = TAILQ_FIRST(&q->server->asked); a != NULL; a = after) {
		after = TAILQ_NEXT(a, next);
		if (a->request != q)
			continue;
		TAILQ_REMOVE(&q->server->asked, a, next);
		free(a);
	}
}

/* ---- log lines ---- */

int
client_level(const char *name)
{
	static const char *const names[] = {
		"emergency", "alert", "critical", "error", "warning", "notice", "info", "debug",
	};

	for (size_t i = 0; name != NULL && i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return (int)i;
	return -1;
}

void
client_log_level(struct mcp_request *q)
{
	int	level = client_level(mj_string(q->params, "level"));

	if (level < 0) {
		mcp_reply_error(q, MCP_INVALID_PARAMS, NULL, "params.level must be one of debug, "
		    "info, notice, warning, error, critical, alert, emergency");
		return;
	}
	q->server->log_level = level;
	request_ok(q);
}

void
mcp_log(struct mcp_request *q, const char *level, const char *logger, json_t *data)
{
	const json_t	*meta = json_object_get(q->params, "_meta");
	int		 least = request_modern(q) ?
			    client_level(mj_string(meta, META_LOG_LEVEL)) : q->server->log_level;

	if (q->cancelled || q->task != NULL || client_level(level) > least) {
		json_decref(data);
		return;
	}
	server_send(q->server, notification("notifications/message", mj_need(json_pack(
	    "{s:s, s:s, s:o}", "level", level, "logger", logger, "data", data))));
}
