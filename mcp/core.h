/*
 * What the files of the core share: the server, its requests, and the calls between
 * the parts.  Servers include mcp.h only.
 *
 *	server.c	the pipe and its end
 *	dispatch.c	a line: which message it is, of which era, and who serves it
 *	request.c	a request from its start to its end
 *	batch.c		the answers of a batch
 *	reply.c		what handlers answer
 *	calls.c		tools/call, prompts/get, resources/read, completion/complete
 *	offer.c		what is offered: initialize, server/discover, the lists
 *	progress.c	news of a long request, and when they are told
 *	tasks.c		the tasks extension
 *	listen.c	subscriptions
 *	client.c	what the server says to the client by itself: requests, log lines
 */
#ifndef MCP_CORE_H
#define MCP_CORE_H

#include <event2/event.h>
#include <sys/queue.h>

#include "common/clock.h"
#include "mcp/json.h"
#include "mcp/lines.h"
#include "mcp/mcp.h"

#define META_VERSION	"io.modelcontextprotocol/protocolVersion"
#define META_CAPABILITIES "io.modelcontextprotocol/clientCapabilities"
#define META_LOG_LEVEL	"io.modelcontextprotocol/logLevel"
#define META_SERVER	"io.modelcontextprotocol/serverInfo"
#define META_SUBSCRIPTION "io.modelcontextprotocol/subscriptionId"
#define EXTENSION_TASKS	"io.modelcontextprotocol/tasks"

#define MESSAGE_MAX	200	/* bytes of a progress message */

/* The answers to the requests of one batch (2025-03-26), sent as one. */
struct batch {
	json_t		*answers;
	size_t		 waiting;	/* requests without an answer, and one while it is read */
};

/* What is known of how far a request is. */
struct progress {
	double		 done, total;		/* as the handler said last */
	double		 sent;			/* the last number that was sent */
	char		 message[MESSAGE_MAX + 1];
	bool		 any;			/* one was sent */
	bool		 news;			/* something was said since */
	msec_t		 sent_at;
	struct event	*timer;			/* NULL: nobody wants to know */
};

struct task;

struct mcp_request {
	TAILQ_ENTRY(mcp_request) next;
	struct mcp_server	*server;
	enum mcp_revision	 revision;
	json_t			*id;		/* NULL: nobody waits for the answer */
	json_t			*params;	/* an object */
	json_t			*arguments;	/* of params, or an empty object */
	json_t			*token;		/* of progress; borrowed; NULL: none */
	const json_t		*capabilities;	/* borrowed */
	const struct mcp_tool	*tool;		/* of tools/call */
	struct batch		*batch;		/* NULL: none */
	struct task		*task;		/* it has become one */
	struct event		*task_timer;	/* when it becomes one; NULL */
	char			*task_name;
	struct progress		 progress;
	mcp_cancel_fn		*on_cancel;
	void			*cancel_arg;
	bool			 cancelled;
	char			*structured;	/* of the answer, as text; NULL: not written yet */
};

enum task_status { TASK_WORKING, TASK_COMPLETED, TASK_FAILED, TASK_CANCELLED };

struct task {
	TAILQ_ENTRY(task)	 next;		/* the oldest first */
	char			*id;
	enum task_status	 status;
	uint64_t		 created_ms, updated_ms;	/* wall */
	msec_t			 expires;
	char			 message[MESSAGE_MAX + 1];
	json_t			*result, *error;
	struct mcp_request	*request;	/* NULL: it is over */
};

/* An open subscriptions/listen, or what the legacy client has subscribed to. */
struct listen {
	TAILQ_ENTRY(listen)	 next;
	json_t			*id;		/* NULL: the legacy client's */
	unsigned		 lists;		/* enum mcp_list */
	char			**uris;
	size_t			 nuris;
	char			**tasks;
	size_t			 ntasks;
};

/* A request of ours that the client has not answered. */
struct asked {
	TAILQ_ENTRY(asked)	 next;
	json_int_t		 id;
	struct mcp_request	*request;
	mcp_answer_fn		*fn;
	void			*arg;
};

enum ending { SERVING, ENDED, CANCELLING, OVER };

struct mcp_server {
	struct event_base	*base;
	const struct mcp_offer	*offer;
	json_t			**schemas;	/* the input schema of each tool */
	int			 out_fd;
	struct event		*read, *write, *deadline;
	struct lines		 lines;
	struct evbuffer		*out;
	bool			 reading;	/* what is sent goes out after the read */
	int			 broken;	/* -errno of the output */
	msec_t			 silence_ms;	/* the longest without a word of progress */
	enum ending		 ending;
	bool			 initialized;	/* a legacy client has introduced itself */
	enum mcp_revision	 revision;	/* of the legacy client */
	json_t			*capabilities;	/* of the legacy client; an object */
	int			 log_level;	/* of the legacy client */
	json_int_t		 last_asked;
	size_t			 in_flight;	/* requests that are no tasks */
	size_t			 ntasks, nlistens, nuris;
	TAILQ_HEAD(, mcp_request) requests;
	TAILQ_HEAD(, task)	 tasks;
	TAILQ_HEAD(, listen)	 listens;	/* the legacy client's is the first */
	TAILQ_HEAD(, asked)	 asked;
};

typedef void	 method_fn(struct mcp_request *);

/* ---- server.c ---- */
void	server_send(struct mcp_server *, json_t *message);	/* takes it over */
void	server_send_text(struct mcp_server *, char *text, size_t n);	/* the same, dumped */
bool	server_is_full(const struct mcp_server *);		/* the client does not read */
void	server_check_end(struct mcp_server *);	/* a request is gone: was it the last? */

/* ---- dispatch.c ---- */
void	dispatch_line(struct mcp_server *, const char *line, size_t n);	/* NULL: too long */

/* ---- request.c ---- */

/* Takes id and params over; batch: NULL or one that waits for it. */
struct mcp_request	*request_new(struct mcp_server *, enum mcp_revision, json_t *id,
			    json_t *params, struct batch *);
struct mcp_request	*request_find(struct mcp_server *, const json_t *id);

/* The end of a request with an answer: one of both, which are taken over. */
void	request_end(struct mcp_request *, json_t *result, json_t *error);
void	request_ok(struct mcp_request *);	/* with an empty result */
void	request_cancel(struct mcp_request *, const char *reason);
void	request_free(struct mcp_request *);	/* without an answer */
/* Sends an answer to nobody in particular, or adds it to a batch. */
void	answer_error(struct mcp_server *, json_t *id, struct batch *, enum mcp_code,
	    const char *fmt, ...) __attribute__((format(printf, 5, 6)));
json_t	*error_value(enum mcp_code, json_t *message, json_t *data);

static inline bool
request_modern(const struct mcp_request *q)
{
	return q->revision == MCP_2026_07_28;
}

/* ---- batch.c ---- */
struct batch	*batch_new(void);
void		 batch_add(struct batch *, json_t *answer);
void		 batch_done(struct mcp_server *, struct batch *);	/* one waits no more */

/* ---- reply.c ---- */

/* The members that a client may keep an answer by; modern only. */
void	reply_cache(const struct mcp_request *, json_t *result, uint64_t ttl_ms, bool for_all);

/* ---- calls.c, offer.c, tasks.c, listen.c, client.c: methods ---- */
method_fn	 call_tool, call_prompt, call_read, call_complete;
method_fn	 offer_initialize, offer_discover, offer_tools, offer_prompts, offer_templates,
		    offer_resources;
method_fn	 task_get, task_update, task_cancel;
method_fn	 listen_open, listen_subscribe, listen_unsubscribe;
method_fn	 client_log_level;

/* ---- offer.c ---- */
extern const char *const revision_names[];	/* by enum mcp_revision */
#define LEGACY_LATEST	MCP_2025_11_25

void	offer_check(struct mcp_server *);	/* reads the tables; dies of a wrong one */
json_t	*offer_identity(const struct mcp_server *, enum mcp_revision);

/* ---- progress.c ---- */
void	progress_start(struct mcp_request *);
void	progress_stop(struct mcp_request *);

/* ---- tasks.c ---- */
void	tasks_start(struct mcp_request *);	/* it becomes one when it takes long */
void	tasks_end(struct task *, json_t *result, json_t *error);	/* takes them over */
void	tasks_news(struct task *, const char *message);
struct task *tasks_find(struct mcp_server *, const char *id);
json_t	*tasks_value(const struct task *);	/* with its result, when there is one */
void	tasks_free(struct mcp_server *);	/* all; their requests are gone */

/* ---- listen.c ---- */
void	listen_task(struct mcp_server *, const struct task *);	/* has changed */
struct listen *listen_find(struct mcp_server *, const json_t *id);	/* an open one */
void	listen_cancel(struct mcp_server *, const json_t *id);	/* by the client */
void	listen_end(struct mcp_server *);	/* all, with an answer */
void	listen_free(struct mcp_server *);

/* ---- client.c ---- */
void	client_answer(struct mcp_server *, const json_t *message);
void	client_forget(struct mcp_request *);
int	client_level(const char *name);		/* 7 debug ... 0 emergency; -1: none */

#endif
