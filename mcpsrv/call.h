/*
 * One call of a tool, or one read of a resource: its request, its connection to the
 * supervisor, its end.  What a tool needs beyond that it keeps in a struct that begins
 * with a struct call.
 */
#ifndef MCPSRV_CALL_H
#define MCPSRV_CALL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/clock.h"
#include "mcp/mcp.h"
#include "mcpsrv/link.h"
#include "mcpsrv/policy.h"
#include "mcpsrv/secrets.h"

#define CALL_WAIT_MS	30000	/* for an answer of the supervisor that needs no work */
#define CALL_POLICIES	2	/* the administrator's, and --policy */
#define KNOWN_RUNS	32	/* whose secrets are known; of more the oldest is asked again */

/* The program, as its calls see it. */
struct srv {
	struct event_base	*base;
	struct mcp_server	*mcp;
	const char		*socket;	/* --socket, NULL: find or start one */
	char			*cwd;		/* of the project */
	struct policy		 policies[CALL_POLICIES];	/* each holds */
	uint64_t		 max_wait_ms;	/* of a call that waits, 0: no bound */
	size_t			 budget;	/* bytes of an answer */
	struct secrets		 secrets;
	char			 known_runs[KNOWN_RUNS][40];	/* see learn.h */
	size_t			 next_known;
	FILE			*log;		/* of calls, besides standard error; NULL: none */
	struct feed		*feed;		/* runs that somebody subscribed to */
	struct link		*spare;		/* of a call that is over; NULL: none */
	struct event		*spare_timer;	/* ends it: it would keep a supervisor up */
};

struct call {
	struct srv		*srv;
	struct mcp_request	*req;		/* NULL: answered */
	const char		*what;		/* name of the tool, or "resources/read" */
	struct link		*link;		/* NULL: none yet */
	msec_t			 start_ms;
	size_t			 asked;		/* bytes of its arguments */
	bool			 simple;	/* leaves nothing behind on its connection */
	/* Called when the client gives up; by default the call ends. */
	void			(*cancelled)(struct call *, const char *reason);
	const char		*learning;	/* a run, see learn.h */
	void			(*learned)(struct call *);
	/* Frees what the tool has beyond this; may be NULL. */
	void			(*free)(struct call *);
};

/* Frees the spare connection. */
void	 call_no_spare(struct srv *);

/* A call of `size` bytes, zeroed but for what is above; it may be cancelled. */
void	*call_new(size_t size, struct srv *, struct mcp_request *, const char *what);

/* Connects when it is not yet, and asks; see link_ask(). */
void	 call_ask(struct call *, enum msg_type, const void *body, msg_fn *, link_done_fn *,
	    void *arg);

/* Each answers the request (once; a later one is nothing) and ends the call with all
 * that belongs to it. */
void	 call_answer(struct call *, json_t *structured);	/* taken over */
void	 call_failed(struct call *, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));
/* ... by what the supervisor, or its absence, said. */
void	 call_lost(struct call *, const struct client_error *);
/* ... of resources/read and prompts/get, whose answers are not those of tools. */
void	 call_done(struct call *);

/* The text for a caller: what went wrong and what to do. */
void	 call_explain(const struct client_error *, struct text *);

/* Arguments; `otherwise` when they are not given. */
const char	*call_text(const struct call *, const char *key);	/* NULL: not given */
bool		 call_has(const struct call *, const char *key);
uint64_t	 call_number(const struct call *, const char *key, uint64_t otherwise);
double		 call_ratio(const struct call *, const char *key, double otherwise);
bool		 call_flag(const struct call *, const char *key, bool otherwise);

#endif
