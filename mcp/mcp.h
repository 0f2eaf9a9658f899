/*
 * The core of an MCP server on stdio: lines, JSON-RPC, protocol revisions, dispatch.
 * It knows nothing of what its tools do.
 *
 * A server says what it offers in constant tables (struct mcp_offer) and is called
 * for each request.  Both eras live on one pipe, told apart message by message:
 * 2026-07-28 (modern), and 2025-11-25 down to 2024-11-05 (legacy).  Handlers are the
 * same for both: what one says that a revision does not know is left out, or becomes
 * text, here.
 *
 * The rules of a handler:
 * - It gets a request and ends it with exactly one mcp_reply_*(), at once or later
 *   from the event loop; the request is gone after that.  It never blocks.
 * - A request may be cancelled (by the client, by the end of input, by tasks/cancel).
 *   mcp_on_cancel() tells the handler, which must still reply, soon; that reply goes
 *   nowhere, so any will do.
 * - JSON that is handed to a reply is taken over; JSON that is got from a request is
 *   borrowed until the reply.  Strings may be any valid UTF-8; none has a NUL in it
 *   among the arguments, as the core refuses those.
 * - Arguments have passed the input schema; defaults of the schema are not filled in.
 *
 * Long calls: say mcp_progress() whenever there is news.  The core sends it where the
 * client asked, always rising, at most four a second, and by itself at least every
 * ten seconds.  A tool with `task_after_ms` becomes a task of the extension
 * io.modelcontextprotocol/tasks when it takes longer than that and the request
 * declares the extension; for the handler nothing changes: progress becomes the
 * task's statusMessage, the reply becomes its result.
 *
 * Everything here dies without memory.
 */
#ifndef MCP_MCP_H
#define MCP_MCP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MCP_LINE_MAX	((size_t)16 << 20)	/* bytes of a message that is read */
#define MCP_ANSWER_MAX	((size_t)4 << 20)	/* ... that is written; clients drop 10 MiB */
#define MCP_IN_FLIGHT	64			/* requests at a time */
#define MCP_LISTENS	32			/* open subscriptions/listen */
#define MCP_SUBSCRIPTIONS 256			/* URIs in all of them */
#define MCP_TASKS	256			/* that are remembered */
#define MCP_TASK_TTL_MS	3600000			/* for so long, after they were made */

/* Codes of JSON-RPC errors. */
enum mcp_code {
	MCP_PARSE_ERROR = -32700,
	MCP_INVALID_REQUEST = -32600,
	MCP_METHOD_NOT_FOUND = -32601,
	MCP_INVALID_PARAMS = -32602,
	MCP_INTERNAL_ERROR = -32603,
	MCP_NO_RESOURCE = -32002,	/* legacy; see mcp_reply_no_resource() */
	MCP_MISSING_CAPABILITY = -32021,
	MCP_UNSUPPORTED_VERSION = -32022,
};

enum mcp_revision {
	MCP_2024_11_05,
	MCP_2025_03_26,
	MCP_2025_06_18,
	MCP_2025_11_25,
	MCP_2026_07_28,
};

struct event_base;
struct mcp_server;
struct mcp_request;

typedef void	 mcp_fn(struct mcp_request *, void *arg);	/* arg: of the offer */
typedef void	 mcp_cancel_fn(void *arg, const char *reason);

/* ---- what is offered ---- */

/* A tool.  Schemas and annotations are the text of JSON objects; see schema.h for
 * what a schema may say. */
struct mcp_tool {
	const char	*name, *title, *description;
	const char	*input_schema;
	const char	*output_schema;		/* NULL: none */
	const char	*annotations;		/* NULL: none */
	const char	*meta;			/* _meta; NULL: none */
	mcp_fn		*call;			/* see mcp_arguments() */
	uint32_t	 task_after_ms;		/* 0: is never a task */
};

/* A resource template; resources/read serves what it stands for. */
struct mcp_template {
	const char	*uri_template, *name, *title, *description, *mime_type;
};

struct mcp_prompt_argument {
	const char	*name, *description;
	bool		 required;
};

struct mcp_prompt {
	const char	*name, *title, *description;
	const struct mcp_prompt_argument *arguments;
	size_t		 narguments;
	mcp_fn		*get;			/* arguments: all strings */
};

/* The lists that may change while the server runs; see mcp_list_changed(). */
enum mcp_list { MCP_LIST_TOOLS = 1, MCP_LIST_RESOURCES = 2, MCP_LIST_PROMPTS = 4 };

/*
 * Everything is borrowed for as long as the server lives.  Tables keep their order.
 * A part whose functions are NULL is not offered, nor is its capability declared.
 */
struct mcp_offer {
	const char		*name, *title, *version, *instructions;
	const struct mcp_tool	*tools;
	size_t			 ntools;
	const struct mcp_template *templates;
	size_t			 ntemplates;
	const struct mcp_prompt	*prompts;
	size_t			 nprompts;
	mcp_fn	*list_resources;	/* mcp_reply_list() */
	mcp_fn	*read_resource;		/* mcp_reply_resource() */
	/* mcp_reply_completion(); mcp_params() has {ref, argument: {name, value},
	 * context?}, where ref names a prompt or a template of the tables and
	 * argument.name one of its arguments. */
	mcp_fn	*complete;
	/* The first subscriber of a URI came, or the last one left.  False: there is
	 * no such resource (asked only when `on`). */
	bool	(*subscribe)(void *arg, const char *uri, bool on);
	unsigned changing;		/* enum mcp_list */
	bool	 logs;			/* mcp_log() is used */
	void	*arg;			/* for all these functions */
};

/* ---- the server ---- */

/* An event loop that can also wait for files, which standard input may be. */
struct event_base	*mcp_base_new(void);

/*
 * Serves what is read from in_fd on out_fd, which become non-blocking and stay the
 * caller's to close.  Nothing else may write to out_fd.  Dies when a table is wrong.
 */
struct mcp_server	*mcp_new(struct event_base *, int in_fd, int out_fd,
			    const struct mcp_offer *);
/* Requests that are left are forgotten without a call to their handlers. */
void			 mcp_free(struct mcp_server *);

/*
 * Turns the loop until input has ended and what was asked is answered or cancelled:
 * calls that are at work half a second after the end are cancelled, and after one
 * more second nobody is waited for.  0, or -errno when the output cannot be written.
 */
int	mcp_run(struct mcp_server *);

/* As if input had ended, with no grace: for SIGTERM. */
void	mcp_stop(struct mcp_server *);

/* The resource is another now: told to those who subscribed.  May be called at any
 * time; how often is the caller's to limit. */
void	mcp_resource_updated(struct mcp_server *, const char *uri);
void	mcp_list_changed(struct mcp_server *, enum mcp_list);

/* ---- a request, for its handler ---- */

struct mcp_server	*mcp_server_of(const struct mcp_request *);
enum mcp_revision	 mcp_revision(const struct mcp_request *);

/* The arguments of a tool or a prompt: an object, empty when none came. */
const json_t		*mcp_arguments(const struct mcp_request *);
const json_t		*mcp_params(const struct mcp_request *);	/* an object */
const char		*mcp_uri(const struct mcp_request *);	/* of resources/read */
const char		*mcp_cursor(const struct mcp_request *);	/* NULL: first page */
/* What the client says it can do: an object. */
const json_t		*mcp_capabilities(const struct mcp_request *);

/* Calls fn when the request is cancelled.  One a request; NULL takes it back. */
void	mcp_on_cancel(struct mcp_request *, mcp_cancel_fn *, void *arg);

/* `done` of `total` (0: unknown) steps; message: one line, cut at 200 bytes.  May be
 * called as often as there is news. */
void	mcp_progress(struct mcp_request *, double done, double total, const char *message);

/* The name of the task, if this call becomes one: unguessable.  Default: 128 random
 * bits. */
void	mcp_task_name(struct mcp_request *, const char *);

/* A line for the client's log, where it wants any; level as syslog's, "info".  New
 * servers write to standard error instead. */
void	mcp_log(struct mcp_request *, const char *level, const char *logger, json_t *data);

/*
 * Asks the client (sampling, elicitation), legacy revisions only.  `fn` gets the
 * result, or NULL and the error, and is not called when the request is over before.
 * False: this client cannot be asked.
 */
typedef void	 mcp_answer_fn(struct mcp_request *, const json_t *result, const json_t *error,
		    void *arg);
bool	mcp_ask(struct mcp_request *, const char *method, json_t *params, mcp_answer_fn *fn,
	    void *arg);

/* ---- the end of a request ---- */

/*
 * A tool's result.  `structured`: an object that fits the output schema; a copy of
 * it as text is put before `more` (content blocks: an array, or NULL), unless `text`
 * is given, which is put there instead.
 */
void	mcp_reply_structured(struct mcp_request *, json_t *structured, const char *text,
	    json_t *more);
/* A tool's result of content blocks alone. */
void	mcp_reply_content(struct mcp_request *, json_t *content);
/* A tool that failed: isError and this text, which says what to do next. */
void	mcp_reply_failed(struct mcp_request *, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

/* An answer to resources/read: an array of {uri, mimeType, text|blob}.  ttl_ms: for
 * how long it may be kept by the client, for its own user. */
void	mcp_reply_resource(struct mcp_request *, json_t *contents, uint64_t ttl_ms);
/* ... when there is none of that URI. */
void	mcp_reply_no_resource(struct mcp_request *);
/* A page of resources/list; next: the cursor of the following one, NULL at the end. */
void	mcp_reply_list(struct mcp_request *, json_t *items, const char *next, uint64_t ttl_ms);
/* ... when the cursor is none that was handed out. */
void	mcp_reply_bad_cursor(struct mcp_request *);
/* An array of {role, content}; description: NULL: none. */
void	mcp_reply_prompt(struct mcp_request *, const char *description, json_t *messages);
/* At most the first 100 of an array of strings are sent; total: of all there are. */
void	mcp_reply_completion(struct mcp_request *, json_t *values, uint64_t total);

/* An error of the protocol; data: NULL: none.  Tools use mcp_reply_failed(). */
void	mcp_reply_error(struct mcp_request *, enum mcp_code, json_t *data, const char *fmt, ...)
	    __attribute__((format(printf, 4, 5)));

#endif
