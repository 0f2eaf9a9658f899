/*
 * Subscriptions: open subscriptions/listen requests of the modern era, each with its
 * own filter, and what the legacy client has subscribed to, which is told unasked.
 */
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "mcp/core.h"

static const struct { enum mcp_list list; const char *wish, *method; } lists[] = {
	{ MCP_LIST_TOOLS, "toolsListChanged", "notifications/tools/list_changed" },
	{ MCP_LIST_RESOURCES, "resourcesListChanged", "notifications/resources/list_changed" },
	{ MCP_LIST_PROMPTS, "promptsListChanged", "notifications/prompts/list_changed" },
};
#define NLISTS	(sizeof(lists) / sizeof(lists[0]))

/* Sends a notification; one of a listen request says of which. */
static void
notify(struct mcp_server *s, const struct listen *l, const char *method, json_t *params)
{
	json_t	*m = mj_need(json_object());

	if (l->id != NULL)
		mj_put(params, "_meta", mj_need(json_pack("{s:O}", META_SUBSCRIPTION, l->id)));
	mj_put(m, "jsonrpc", mj_text("2.0"));
	mj_put(m, "method", mj_text(method));
	mj_put(m, "params", params);
	server_send(s, m);
}

/* ---- URIs ---- */

static char **
find_uri(const struct listen *l, const char *uri)
{
	for (size_t i = 0; i < l->nuris; i++)
		if (strcmp(l->uris[i], uri) == 0)
			return &l->uris[i];
	return NULL;
}

static bool
is_wanted(const struct mcp_server *s, const char *uri)
{
	const struct listen	*l;

	TAILQ_FOREACH(l, &s->listens, next)
		if (find_uri(l, uri) != NULL)
			return true;
	return false;
}

/* False: there is no such resource, or there are too many subscriptions. */
static bool
add_uri(struct mcp_server *s, struct listen *l, const char *uri)
{
	const struct mcp_offer	*o = s->offer;

	if (find_uri(l, uri) != NULL)
		return true;
	if (o->subscribe == NULL || s->nuris >= MCP_SUBSCRIPTIONS)
		return false;
	if (!is_wanted(s, uri) && !o->subscribe(o->arg, uri, true))
		return false;
	l->uris = xreallocarray(l->uris, l->nuris + 1, sizeof *l->uris);
	l->uris[l->nuris++] = xstrdup(uri);
	s->nuris++;
	return true;
}

static void
drop_uri(struct mcp_server *s, struct listen *l, char **at)
{
	char	*uri = *at;

	*at = l->uris[--l->nuris];
	s->nuris--;
	if (!is_wanted(s, uri) && s->ending != OVER)
		(void)s->offer->subscribe(s->offer->arg, uri, false);
	free(uri);
}

/* ---- a listen request ---- */

static void
close_listen(struct mcp_server *s, struct listen *l)
{
	while (l->nuris > 0)
		drop_uri(s, l, &l->uris[0]);
	for (size_t i = 0; i < l->ntasks; i++)
		free(l->tasks[i]);
	if (l->id != NULL)
		s->nlistens--;
	TAILQ_REMOVE(&s->listens, l, next);
	json_decref(l->id);
	free(l->uris);
	free(l->tasks);
	free(l);
}

static json_t *
grant_uris(struct mcp_server *s, struct listen *l, const json_t *wanted)
{
	json_t	*granted = mj_need(json_array()), *e;
	size_t	 i;

	json_array_foreach(wanted, i, e) {
		if (json_is_string(e) && strlen(json_string_value(e)) == json_string_length(e) &&
		    add_uri(s, l, json_string_value(e)))
			mj_add(granted, json_incref(e));
	}
	return granted;
}

static json_t *
grant_tasks(struct mcp_server *s, struct listen *l, const json_t *wanted)
{
	json_t	*granted = mj_need(json_array()), *e;
	size_t	 i;

	json_array_foreach(wanted, i, e) {
		if (!json_is_string(e) || l->ntasks >= MCP_TASKS ||
		    tasks_find(s, json_string_value(e)) == NULL)
			continue;
		l->tasks = xreallocarray(l->tasks, l->ntasks + 1, sizeof *l->tasks);
		l->tasks[l->ntasks++] = xstrdup(json_string_value(e));
		mj_add(granted, json_incref(e));
	}
	return granted;
}

/* Takes what can be had of the filter, and gives that part of it. */
static json_t *
grant(struct mcp_server *s, struct listen *l, const json_t *wish)
{
	json_t	*granted = mj_need(json_object()), *list;

	for (size_t i = 0; i < NLISTS; i++) {
		if (!json_is_true(json_object_get(wish, lists[i].wish)) ||
		    !(s->offer->changing & lists[i].list))
			continue;
		l->lists |= lists[i].list;
		mj_put(granted, lists[i].wish, json_true());
	}
	list = grant_uris(s, l, json_object_get(wish, "resourceSubscriptions"));
	mj_put(granted, "resourceSubscriptions", list);
	if (json_array_size(list) == 0)
		(void)json_object_del(granted, "resourceSubscriptions");
	list = grant_tasks(s, l, json_object_get(wish, "taskIds"));
	mj_put(granted, "taskIds", list);
	if (json_array_size(list) == 0)
		(void)json_object_del(granted, "taskIds");
	return granted;
}

void
listen_open(struct mcp_request *q)
{
	struct mcp_server	*s = q->server;
	const json_t		*wish = json_object_get(q->params, "notifications");
	struct listen		*l;
	json_t			*params;

	if (!json_is_object(wish)) {
		mcp_reply_error(q, MCP_INVALID_PARAMS, NULL,
		    "params.notifications must be an object");
		return;
	}
	if (s->nlistens >= MCP_LISTENS) {
		mcp_reply_error(q, MCP_INTERNAL_ERROR, NULL,
		    "%d subscriptions are open; cancel one of them", MCP_LISTENS);
		return;
	}
	l = xcalloc(1, sizeof *l);
	l->id = json_incref(q->id);
	TAILQ_INSERT_TAIL(&s->listens, l, next);
	s->nlistens++;
	params = mj_need(json_object());
	mj_put(params, "notifications", grant(s, l, wish));
	notify(s, l, "notifications/subscriptions/acknowledged", params);
	/* It stays open, but is nobody's work. */
	request_free(q);
}

struct listen *
listen_find(struct mcp_server *s, const json_t *id)
{
	struct listen	*l;

	TAILQ_FOREACH(l, &s->listens, next)
		if (l->id != NULL && json_equal(l->id, id))
			break;
	return l;
}

void
listen_cancel(struct mcp_server *s, const json_t *id)
{
	struct listen	*l = listen_find(s, id);

	if (l != NULL)
		close_listen(s, l);
}

void
listen_end(struct mcp_server *s)
{
	struct listen	*l;
	json_t		*result;

	while ((l = TAILQ_NEXT(TAILQ_FIRST(&s->listens), next)) != NULL) {
		result = mj_need(json_pack("{s:s, s:{s:O, s:o}}", "resultType", "complete",
		    "_meta", META_SUBSCRIPTION, l->id, META_SERVER,
		    offer_identity(s, MCP_2026_07_28)));
		server_send(s, mj_need(json_pack("{s:s, s:O, s:o}", "jsonrpc", "2.0", "id", l->id,
		    "result", result)));
		close_listen(s, l);
	}
}

void
listen_free(struct mcp_server *s)
{
	while (!TAILQ_EMPTY(&s->listens))
		close_listen(s, TAILQ_FIRST(&s->listens));
}

/* ---- the legacy client's ---- */

void
listen_subscribe(struct mcp_request *q)
{
	const char	*uri = mcp_uri(q);

	if (uri == NULL)
		mcp_reply_error(q, MCP_INVALID_PARAMS, NULL, "params.uri must be a string");
	else if (q->server->nuris >= MCP_SUBSCRIPTIONS)
		mcp_reply_error(q, MCP_INTERNAL_ERROR, NULL,
		    "%d resources are subscribed to; unsubscribe from one", MCP_SUBSCRIPTIONS);
	else if (add_uri(q->server, TAILQ_FIRST(&q->server->listens), uri))
		request_ok(q);
	else
		mcp_reply_no_resource(q);
}

void
listen_unsubscribe(struct mcp_request *q)
{
	struct listen	*l = TAILQ_FIRST(&q->server->listens);
	const char	*uri = mcp_uri(q);
	char		**at = uri != NULL ? find_uri(l, uri) : NULL;

	if (at != NULL)
		drop_uri(q->server, l, at);
	request_ok(q);
}

/* ---- what is told ---- */

void
mcp_resource_updated(struct mcp_server *s, const char *uri)
{
	const struct listen	*l;
	json_t			*params;

	TAILQ_FOREACH(l, &s->listens, next) {
		if (find_uri(l, uri) == NULL)
			continue;
		params = mj_need(json_object());
		mj_put(params, "uri", mj_text(uri));
		notify(s, l, "notifications/resources/updated", params);
	}
}

void
mcp_list_changed(struct mcp_server *s, enum mcp_list which)
{
	const struct listen	*l;

	for (size_t i = 0; i < NLISTS; i++) {
		if (lists[i].list != which || !(s->offer->changing & which))
			continue;
		TAILQ_FOREACH(l, &s->listens, next) {
			if (l->id != NULL ? l->lists & which : s->initialized)
				notify(s, l, lists[i].method, mj_need(json_object()));
		}
	}
}

void
listen_task(struct mcp_server *s, const struct task *t)
{
	const struct listen	*l;

	TAILQ_FOREACH(l, &s->listens, next) {
		for (size_t i = 0; i < l->ntasks; i++) {
			if (strcmp(l->tasks[i], t->id) != 0)
				continue;
			notify(s, l, "notifications/tasks", tasks_value(t));
			break;
		}
	}
}
