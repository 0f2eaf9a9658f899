/* The supervisor's parts.  The single root: there is no other global state. */
#ifndef SUPERVISOR_SERVER_H
#define SUPERVISOR_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/clock.h"
#include "common/peer.h"
#include "supervisor/config.h"
#include "supervisor/control.h"
#include "supervisor/output.h"
#include "supervisor/pool.h"
#include "supervisor/runs.h"
#include "supervisor/watch.h"

/*
 *	READY ── drain ──► DRAINING ── idle ──┐
 *	  └──── shutdown, signal, idle-exit ──┴─► LEAVING ── all gone ──► exit
 */
enum server_state { SERVER_READY, SERVER_DRAINING, SERVER_LEAVING };

struct server {
	struct event_base	*base;
	struct config		 config;
	struct peer_set		 peers;
	struct control		*control;
	struct runs		 runs;
	struct pool		*pool;
	struct watches		 watches;
	struct outputs		 outputs;
	struct event		*tick, *pump, *sigchld, *sigterm, *sigint;
	enum server_state	 state;
	uid_t			 uid;		/* ours: the owner of a private one */
	const char		*socket_path;
	char			*scratch;	/* owned */
	uint64_t		 idle_exit_ms;	/* 0: never */
	msec_t			 idle_since, leaving_at, tick_due;
	uint64_t		 started_us, lag_us;	/* lag: the longest so far */
	bool			 urgent;	/* an event that somebody waits for */
	bool			 killed;	/* leaving: the second signal came */
};

/* Sets up all parts; socket_fd is taken over.  program: of the worker, borrowed.
 * Dies when it cannot. */
void	server_init(struct server *, int socket_fd, const char *socket_path,
	    const char *worker_program, const char *scratch);

/* Runs until it is time to leave and all is gone. */
void	server_loop(struct server *);

/* No new runs, and leave when idle; cancel everything and leave. */
void	server_drain(struct server *);
void	server_leave(struct server *, bool kill);

/* One turn of the loop's own work: shares, watchers, writes, clean-up. */
void	server_turn(struct server *);

void	server_free(struct server *);

#endif
