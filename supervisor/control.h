/*
 * The control socket: who may connect, what a connection holds, and the dispatch of
 * what clients ask.  Who somebody is comes from the socket (SO_PEERCRED), never from
 * a message.
 */
#ifndef SUPERVISOR_CONTROL_H
#define SUPERVISOR_CONTROL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "common/clock.h"
#include "common/peer.h"
#include "supervisor/commit.h"
#include "supervisor/guests.h"
#include "supervisor/run.h"

#define CONTROL_HELLO_MS	10000	/* to say who speaks */
#define CONTROL_PLAN_MS		60000	/* between two messages of an open plan */
#define CONTROL_WATCHES		16	/* of one connection */

struct server;

struct conn {
	TAILQ_ENTRY(conn)	 entry;
	struct server		*server;
	struct peer		*peer;
	uid_t			 uid;
	struct identity		*who;		/* owned; NULL: only uid is known */
	pid_t			 pid;
	bool			 greeted;	/* HELLO came */
	bool			 refused;	/* what comes of a plan is passed over */
	bool			 gone;		/* freed at the end of the turn */
	bool			 resting;	/* until the next turn: its user took enough of this */
	msec_t			 heard_at;
	struct guest		*guest;		/* all connections of that user */
	size_t			 pending;	/* its part of theirs, as last counted */
	uint64_t		 plan;		/* likewise */
	uint64_t		 looked_at;	/* bytes of the draft then: see quota.h */
	struct draft		*draft;		/* being built; owned; NULL: none */
	struct commit		*commit;	/* of a draft that is whole; likewise */
	struct run		*last;		/* of RUN_WATCH without a name */
};

struct control;

/* Listens on `fd` (owned).  NULL: no memory. */
struct control	*control_new(struct server *, int fd);
void		 control_free(struct control *);

/* Accepts no more connections. */
void		 control_close(struct control *);

/* Drops every connection after its last message was sent. */
void		 control_finish(struct control *);

/* Once a turn, before anything leaves: plans on their way in are written, those that
 * are whole get on.  True: some have more to do. */
bool		 control_flush(struct control *);

/* Once a turn: frees what is gone. */
void		 control_turn(struct control *);

unsigned	 control_count(const struct control *);

/* What the connections of one user have together; NULL: he has none. */
const struct guest *control_guest(const struct control *, uid_t);

/* The run is about to be freed. */
void		 control_forget_run(struct control *, const struct run *);

/* A connection over `fd`, or in memory with fd -1 (tests).  NULL: no memory. */
struct conn	*control_add(struct control *, int fd, uid_t, pid_t);

/* In control_ops.c: checks direction, greeting and right, then calls on_NAME(). */
int	control_dispatch(struct conn *, enum msg_type, uint32_t id, const union msg_body *);

#endif
