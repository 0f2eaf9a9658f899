/* The supervisor's parts.  The single root: there is no other global state. */
#ifndef SUPERVISOR_SERVER_H
#define SUPERVISOR_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/clock.h"
#include "common/peer.h"
#include "supervisor/ask.h"
#include "supervisor/config.h"
#include "supervisor/control.h"
#include "supervisor/history.h"
#include "supervisor/manager.h"
#include "supervisor/output.h"
#include "supervisor/pool.h"
#include "supervisor/runs.h"
#include "supervisor/watch.h"

/*
 *	READY ── drain, SIGTERM ──► DRAINING ── idle, or after SIGTERM too late ──┐
 *	  └──── shutdown, SIGINT, idle-exit ──────────────────────────────────────┴─► LEAVING
 *	LEAVING ── all gone ──► exit
 */
enum server_phase { SERVER_READY, SERVER_DRAINING, SERVER_LEAVING };

/* What it is started with; all borrowed. */
struct server_setup {
	int		 socket_fd;	/* taken over */
	const char	*socket_path;
	bool		 socket_kept;	/* it is there after us: a manager's */
	struct notify	*notify;	/* the manager; NULL: none */
	const struct config *config;	/* of the administrator; NULL: the defaults */
	const char	*config_path;	/* where it is read again; NULL: nowhere */
	const char	*worker, *store;	/* programs */
	const char	*scratch;	/* a folder of its own; a service's: see pool.h */
	const char	*state;		/* the folder of what is kept; NULL: none */
	const char	*host;		/* where the host is looked at, see pressure.h; NULL: it is
					 * this one */
	bool		 service;	/* for several users; see access.h */
	const struct isolation_want *isolation;	/* goes before all files; NULL: unsaid */
};

#define SERVER_PROGRAM	"paratestd " PARATEST_VERSION
struct cgroup;

struct server {
	struct event_base	*base;
	struct config		 config;
	struct config		 written;	/* what the files said when they were read */
	const char		*config_path;	/* the administrator's; NULL: none */
	struct manager		*manager;
	struct peer_set		 peers;
	struct control		*control;
	struct runs		 runs;
	struct pool		*pool;
	struct cgroup		*cgroup;	/* NULL: none can be had */
	struct history		*history;
	struct asks		 asks;
	struct watches		 watches;
	struct outputs		 outputs;
	struct event		*tick, *pump, *sigchld, *sigterm, *sigint;
	enum server_phase	 phase;
	struct levels		 levels;	/* of isolation */
	struct state		 state;		/* the folder of what is kept */
	char			 state_why[STATE_WHY + 32]; /* that there is none, and why */
	uid_t			 uid;		/* ours: the owner of a private one */
	bool			 service;	/* not a private one */
	const char		*socket_path;
	bool			 socket_kept;
	char			*scratch;	/* owned */
	uint64_t		 idle_exit_ms;	/* 0: never */
	msec_t			 idle_since, leaving_at;
	msec_t			 stop_at;	/* draining: leave then; 0: when idle */
	uint64_t		 started_us;
	uint64_t		 lag_us;	/* the longest turn so far */
	bool			 urgent;	/* an event that somebody waits for */
	bool			 killed;	/* leaving: the second signal came */
};

/* Sets up all parts, and goes on with the runs that a lost supervisor left.  Dies when
 * it cannot; without the folder of what is kept it goes on. */
void	server_init(struct server *, const struct server_setup *);

/* Where a draft finds what it needs. */
struct draft_place server_place(struct server *);

/* Runs until it is time to leave and all is gone. */
void	server_loop(struct server *);

/* No new runs, and leave when idle; the same, but no later than the setting stop-drain
 * says; cancel everything and leave. */
void	server_drain(struct server *);
void	server_stop(struct server *);
void	server_leave(struct server *, bool kill);

/* One turn of the loop's own work: shares, watchers, writes, clean-up. */
void	server_turn(struct server *);

void	server_free(struct server *);

#endif
