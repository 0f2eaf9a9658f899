/*
 * The life of one worker slot: a state × event table.  Pure.
 *
 *	          spawn                ready              give
 *	DOWN ─────────────► SPAWNING ─────────► IDLE ◄──────────► BUSY
 *	 ▲ ▲ (due)             │                 │ │     done       │
 *	 │ │                   │ exit, bad,      │ │ retire         │ 3 heartbeats
 *	 │ └── exit ───────────┤ too late        │ ▼                │ missed, bad
 *	 │                     ▼                 │ RETIRING         ▼ frame
 *	 └───── exit ─────── KILLED ◄────────────┴─────────────── KILLED
 *
 * KILLED: the kill was sent and its exit is awaited.  A worker that ends by
 * itself outside RETIRING, or was killed, is replaced after a delay that rises
 * from SLOT_RESTART_MIN_MS, doubling to SLOT_RESTART_MAX_MS, and falls back
 * after SLOT_STABLE_MS of good work.
 */
#ifndef POLICY_SLOT_FSM_H
#define POLICY_SLOT_FSM_H

#include <stdbool.h>
#include <stdint.h>

#define SLOT_HEARTBEAT_MS	1000
#define SLOT_MISSED_MAX		3	/* heartbeats */
#define SLOT_SPAWN_MS		10000	/* to READY */
#define SLOT_RETIRE_MS		10000	/* to exit after RETIRE */
#define SLOT_RESTART_MIN_MS	10
#define SLOT_RESTART_MAX_MS	5000
#define SLOT_STABLE_MS		10000
#define SLOT_NEVER		UINT64_MAX

enum slot_state {
	SLOT_DOWN,	/* no process; may be spawned from `not_before` on */
	SLOT_SPAWNING,	/* started, READY awaited */
	SLOT_IDLE,
	SLOT_BUSY,	/* has an attempt */
	SLOT_RETIRING,	/* told to end */
	SLOT_KILLED,	/* kill sent, exit awaited */
	SLOT_NSTATES
};

enum slot_in {
	SIN_SPAWNED,	/* the process was started */
	SIN_SPAWN_FAILED,
	SIN_READY,
	SIN_HEARD,	/* any good frame */
	SIN_GIVEN,	/* an attempt was handed to it */
	SIN_DONE,	/* its result came */
	SIN_BAD,	/* a bad frame, or its stream ended */
	SIN_EXIT,	/* the process was reaped */
	SIN_RETIRE,	/* wanted: end it */
	SIN_TICK,	/* look at the deadlines */
	SLOT_NIN
};

enum slot_act {
	SACT_NONE,
	SACT_KILL = 1,		/* kill the worker and all under it */
	SACT_LOST = 2,		/* its attempt is lost */
	SACT_SEND_RETIRE = 4,
	SACT_REPLACED = 8,	/* count it: it did not end as told */
};

struct slot_fsm {
	enum slot_state	state;
	bool		has_attempt;
	uint64_t	heard_at;	/* last sign of life */
	uint64_t	since;		/* state entered */
	uint64_t	not_before;	/* DOWN: next spawn */
	uint64_t	restart_ms;	/* delay before the next restart, 0: none yet */
	uint64_t	up_at;		/* READY came */
};

struct slot_out {
	unsigned	acts;	/* enum slot_act, or-ed */
	uint64_t	next;	/* look again by then; SLOT_NEVER */
};

const char	*slot_state_name(enum slot_state);

void		 slot_init(struct slot_fsm *);

/*
 * One event at `now`.  `lag`: by how many ms the supervisor itself was late
 * since the worker was last heard; it is never held against the worker.
 */
void		 slot_step(struct slot_fsm *, uint64_t now, uint64_t lag,
		    enum slot_in, struct slot_out *);

/* May a process be started for this slot now? */
bool		 slot_may_spawn(const struct slot_fsm *, uint64_t now);

#endif
