/*
 * The tasks extension: a call that takes long is answered with a handle, and its
 * result is kept for who asks for it.  Modern era only.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "mcp/core.h"

#define POLL_MS	1000

/* Can the client deal with tasks? */
static bool
declared(const struct mcp_request *q)
{
	return json_is_object(json_object_get(json_object_get(q->capabilities, "extensions"),
	    EXTENSION_TASKS));
}

/* ---- a task ---- */

static char *
random_id(void)
{
	unsigned char	bytes[16];
	char		id[33];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		fatal("mcp", "no random bytes");
	for (size_t i = 0; i < sizeof(bytes); i++)
		(void)snprintf(id + 2 * i, 3, "%02x", bytes[i]);
	return xstrdup(id);
}

static void
forget(struct mcp_server *s, struct task *t)
{
	TAILQ_REMOVE(&s->tasks, t, next);
	s->ntasks--;
	free(t->id);
	json_decref(t->result);
	json_decref(t->error);
	free(t);
}

void
tasks_free(struct mcp_server *s)
{
	while (!TAILQ_EMPTY(&s->tasks))
		forget(s, TAILQ_FIRST(&s->tasks));
}

/* Forgets what has had its time; for a new one also the oldest that is over, when there
 * are too many. */
static void
make_room(struct mcp_server *s, bool for_new)
{
	struct task	*t, *after;
	msec_t		 now = now_ms();

	for (t = TAILQ_FIRST(&s->tasks); t != NULL; t = after) {
		after = TAILQ_NEXT(t, next);
		if (t->request == NULL &&
		    (t->expires <= now || (for_new && s->ntasks >= MCP_TASKS)))
			forget(s, t);
	}
}

struct task *
tasks_find(struct mcp_server *s, const char *id)
{
	struct task	*t;

	make_room(s, false);
	TAILQ_FOREACH(t, &s->tasks, next)
		if (strcmp(t->id, id) == 0)
			return t;
	return NULL;
}

static void
put_time(json_t *to, const char *key, uint64_t ms)
{
	time_t		sec = (time_t)(ms / 1000);
	struct tm	tm;
	char		text[64];
	size_t		n;

	(void)gmtime_r(&sec, &tm);
	n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(text + n, sizeof(text) - n, ".%03uZ", (unsigned)(ms % 1000));
	mj_put(to, key, mj_text(text));
}

json_t *
tasks_value(const struct task *t)
{
	static const char *const names[] = {
		[TASK_WORKING] = "working", [TASK_COMPLETED] = "completed",
		[TASK_FAILED] = "failed", [TASK_CANCELLED] = "cancelled",
	};
	json_t	*v = mj_need(json_object());

	mj_put(v, "taskId", mj_text(t->id));
	mj_put(v, "status", mj_text(names[t->status]));
	if (t->message[0] != '\0')
		mj_put(v, "statusMessage", mj_text(t->message));
	put_time(v, "createdAt", t->created_ms);
	put_time(v, "lastUpdatedAt", t->updated_ms);
	mj_put(v, "ttlMs", mj_int(MCP_TASK_TTL_MS));
	mj_put(v, "pollIntervalMs", mj_int(POLL_MS));
	if (t->result != NULL)
		mj_put(v, "result", json_incref(t->result));
	if (t->error != NULL)
		mj_put(v, "error", json_incref(t->error));
	return v;
}

/* ---- a request becomes one ---- */

static void
become(struct mcp_request *q)
{
	struct mcp_server	*s = q->server;
	struct task		*t = xcalloc(1, sizeof *t);
	json_t			*id = q->id, *v, *m;

	/* A name is one task's only. */
	t->id = q->task_name != NULL && tasks_find(s, q->task_name) == NULL ?
	    xstrdup(q->task_name) : random_id();
	t->created_ms = t->updated_ms = wall_ms();
	t->expires = now_ms() + MCP_TASK_TTL_MS;
	t->request = q;
	(void)snprintf(t->message, sizeof(t->message), "%s", q->progress.message);
	TAILQ_INSERT_TAIL(&s->tasks, t, next);
	s->ntasks++;
	s->in_flight--;
	q->task = t;
	q->token = NULL;
	q->id = NULL;
	v = tasks_value(t);
	mj_put(v, "resultType", mj_text("task"));
	mj_put(v, "_meta", mj_need(json_pack("{s:o}", META_SERVER,
	    offer_identity(s, q->revision))));
	m = mj_need(json_pack("{s:s, s:o, s:o}", "jsonrpc", "2.0", "id", id, "result", v));
	server_send(s, m);
	server_check_end(s);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct mcp_request	*q = arg;

	(void)fd;
	(void)what;
	make_room(q->server, true);
	/* With as many tasks at work the caller waits, as one without the extension. */
	if (q->server->ntasks < MCP_TASKS)
		become(q);
}

void
tasks_start(struct mcp_request *q)
{
	struct timeval	tv = clock_timeval(q->tool->task_after_ms);

	if (q->tool->task_after_ms == 0 || !request_modern(q) || !declared(q))
		return;
	q->task_timer = event_new(q->server->base, -1, 0, on_timer, q);
	if (q->task_timer == NULL)
		fatal("mcp", "out of memory");
	(void)event_add(q->task_timer, &tv);
}

void
mcp_task_name(struct mcp_request *q, const char *name)
{
	free(q->task_name);
	q->task_name = xstrdup(name);
}

void
tasks_news(struct task *t, const char *message)
{
	(void)snprintf(t->message, sizeof(t->message), "%s", message);
	t->updated_ms = wall_ms();
	listen_task(t->request->server, t);
}

void
tasks_end(struct task *t, json_t *result, json_t *error)
{
	struct mcp_server	*s = t->request->server;

	t->updated_ms = wall_ms();
	if (t->status == TASK_CANCELLED) {
		json_decref(result);
		json_decref(error);
		return;
	}
	if (result != NULL)
		mj_put(result, "resultType", mj_text("complete"));
	t->status = result != NULL ? TASK_COMPLETED : TASK_FAILED;
	t->result = result;
	t->error = error;
	t->message[0] = '\0';
	listen_task(s, t);
}

/* ---- the methods ---- */

/* The task that is meant; NULL when it was answered that there is none. */
static struct task *
meant(struct mcp_request *q)
{
	const char	*id = mj_string(q->params, "taskId");
	struct task	*t = id != NULL ? tasks_find(q->server, id) : NULL;

	if (!declared(q)) {
		mcp_reply_error(q, MCP_MISSING_CAPABILITY, mj_need(json_pack("{s:{s:{s:{}}}}",
		    "requiredCapabilities", "extensions", EXTENSION_TASKS)),
		    "the request does not declare the extension %s", EXTENSION_TASKS);
		return NULL;
	}
	if (t == NULL)
		mcp_reply_error(q, MCP_INVALID_PARAMS, NULL,
		    "params.taskId is no task of this server; tasks are kept for %d s",
		    MCP_TASK_TTL_MS / 1000);
	return t;
}

void
task_get(struct mcp_request *q)
{
	struct task	*t = meant(q);

	if (t != NULL)
		request_end(q, tasks_value(t), NULL);
}

/* No task of ours ever asks for input, so there is none that could be meant. */
void
task_update(struct mcp_request *q)
{
	if (meant(q) != NULL)
		request_ok(q);
}

void
task_cancel(struct mcp_request *q)
{
	struct task		*t = meant(q);
	struct mcp_request	*call;

	if (t == NULL)
		return;
	call = t->request;
	if (t->status == TASK_WORKING) {
		t->status = TASK_CANCELLED;
		t->updated_ms = wall_ms();
		listen_task(q->server, t);
		request_cancel(call, "the task was cancelled by the client");
	}
	request_ok(q);
}
