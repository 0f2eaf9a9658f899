/*
 * The life of one worker slot: see slot_fsm.h.  Pure.
 *
 * LOST comes with the kill, so that the attempt need not wait for the exit;
 * REPLACED comes with the exit, once a process.
 */
#include <stddef.h>

#include "supervisor/policy/slot_fsm.h"

#define SILENCE_MS	((uint64_t)SLOT_HEARTBEAT_MS * SLOT_MISSED_MAX)

typedef unsigned	slot_fn(struct slot_fsm *, uint64_t now, uint64_t lag);

static void
enter(struct slot_fsm *f, enum slot_state state, uint64_t now)
{
	f->state = state;
	f->since = now;
}

/* How long ago `then` was, without what was the supervisor's own lateness. */
static uint64_t
elapsed(uint64_t now, uint64_t then, uint64_t lag)
{
	uint64_t t = now > then ? now - then : 0;

	return t > lag ? t - lag : 0;
}

static unsigned
drop_attempt(struct slot_fsm *f)
{
	bool had = f->has_attempt;

	f->has_attempt = false;
	return had ? SACT_LOST : SACT_NONE;
}

/* No process is there; the next one comes after a rising delay. */
static void
fall(struct slot_fsm *f, uint64_t now)
{
	if (f->restart_ms == 0)
		f->restart_ms = SLOT_RESTART_MIN_MS;
	else if (f->restart_ms < SLOT_RESTART_MAX_MS / 2)
		f->restart_ms *= 2;
	else
		f->restart_ms = SLOT_RESTART_MAX_MS;
	f->not_before = now + f->restart_ms;
	enter(f, SLOT_DOWN, now);
}

/* ---- cells ---- */

static unsigned
ignore(struct slot_fsm *f, uint64_t now, uint64_t lag)
{
	(void)f;
	(void)now;
	(void)lag;
	return SACT_NONE;
}

static unsigned
heard(struct slot_fsm *f, uint64_t now, uint64_t lag)
{
	(void)lag;
	f->heard_at = now;
	return SACT_NONE;
}

/* As heard, where the deadline counts from the entry of the state: what the
 * supervisor was late until here is taken off now, since `lag` starts anew. */
static unsigned
heard_waiting(struct slot_fsm *f, uint64_t now, uint64_t lag)
{
	f->since = now - elapsed(now, f->since, lag);
	return heard(f, now, lag);
}

static unsigned
kill_it(struct slot_fsm *f, uint64_t now, uint64_t lag)
{
	(void)lag;
	enter(f, SLOT_KILLED, now);
	return SACT_KILL | drop_attempt(f);
}

/* It was given an attempt that it must not have, and may yet read it. */
static unsigned
kill_given(struct slot_fsm *f, uint64_t now, uint64_t lag)
{
	f->has_attempt = true;
	return kill_it(f, now, lag);
}

/* Nobody is there to take the attempt. */
static unsigned
lose_given(struct slot_fsm *f, uint64_t now, uint64_t lag)
{
	(void)f;
	(void)now;
	(void)lag;
	return SACT_LOST;
}

static unsigned
down_spawned(struct slot_fsm *f, uint64_t now, uint64_t lag)
{
	(void)lag;
	f->heard_at = f->up_at = now;
	enter(f, SLOT_SPAWNING, now);
	return SACT_NONE;
}

static unsigned
spawn_failed(struct slot_fsm *f, uint64_t now, uint64_t lag)
{
	(void)lag;
	fall(f, now);
	return SACT_NONE;
}

/* A word before READY is a sign of life, but no good work. */
static unsigned
spawning_heard(struct slot_fsm *f, uint64_t now, uint64_t lag)
{
	f->up_at = now;
	return heard_waiting(f, now, lag);
}

static unsigned
spawning_ready(struct slot_fsm *f, uint64_t now, uint64_t lag)
{
	if (elapsed(now, f->since, lag) > SLOT_SPAWN_MS)
		return kill_it(f, now, lag);
	f->heard_at = f->up_at = now;
	enter(f, SLOT_IDLE, now);
	return SACT_NONE;
}

static unsigned
spawning_tick(struct slot_fsm *f, uint64_t now, uint64_t lag)
{
	return elapsed(now, f->since, lag) < SLOT_SPAWN_MS ? SACT_NONE :
	    kill_it(f, now, lag);
}

static unsigned
idle_given(struct slot_fsm *f, uint64_t now, uint64_t lag)
{
	(void)lag;
	f->has_attempt = true;
	enter(f, SLOT_BUSY, now);
	return SACT_NONE;
}

static unsigned
up_retire(struct slot_fsm *f, uint64_t now, uint64_t lag)
{
	(void)lag;
	enter(f, SLOT_RETIRING, now);
	return SACT_SEND_RETIRE;
}

static unsigned
up_tick(struct slot_fsm *f, uint64_t now, uint64_t lag)
{
	return elapsed(now, f->heard_at, lag) < SILENCE_MS ? SACT_NONE :
	    kill_it(f, now, lag);
}

static unsigned
busy_done(struct slot_fsm *f, uint64_t now, uint64_t lag)
{
	(void)lag;
	f->heard_at = now;
	f->has_attempt = false;
	enter(f, SLOT_IDLE, now);
	return SACT_NONE;
}

/* It ended without having been told to, or since it was killed. */
static unsigned
unwanted_exit(struct slot_fsm *f, uint64_t now, uint64_t lag)
{
	(void)lag;
	if (f->heard_at - f->up_at >= SLOT_STABLE_MS)
		f->restart_ms = 0;
	fall(f, now);
	return SACT_REPLACED | drop_attempt(f);
}

static unsigned
retiring_exit(struct slot_fsm *f, uint64_t now, uint64_t lag)
{
	(void)lag;
	f->not_before = now;
	enter(f, SLOT_DOWN, now);
	return SACT_NONE;
}

static unsigned
retiring_tick(struct slot_fsm *f, uint64_t now, uint64_t lag)
{
	return elapsed(now, f->since, lag) < SLOT_RETIRE_MS ? SACT_NONE :
	    kill_it(f, now, lag);
}

static slot_fn *const table[SLOT_NSTATES][SLOT_NIN] = {
	[SLOT_DOWN] = {
		[SIN_SPAWNED] = down_spawned,
		[SIN_SPAWN_FAILED] = spawn_failed,
		[SIN_READY] = ignore,		/* of a process that is gone */
		[SIN_HEARD] = ignore,
		[SIN_GIVEN] = lose_given,
		[SIN_DONE] = ignore,
		[SIN_BAD] = ignore,
		[SIN_EXIT] = ignore,
		[SIN_RETIRE] = ignore,
		[SIN_TICK] = ignore,
	},
	[SLOT_SPAWNING] = {
		[SIN_SPAWNED] = ignore,
		[SIN_SPAWN_FAILED] = spawn_failed,
		[SIN_READY] = spawning_ready,
		[SIN_HEARD] = spawning_heard,
		[SIN_GIVEN] = kill_given,
		[SIN_DONE] = kill_it,		/* it has no attempt */
		[SIN_BAD] = kill_it,
		[SIN_EXIT] = unwanted_exit,
		[SIN_RETIRE] = up_retire,
		[SIN_TICK] = spawning_tick,
	},
	[SLOT_IDLE] = {
		[SIN_SPAWNED] = ignore,
		[SIN_SPAWN_FAILED] = ignore,
		[SIN_READY] = kill_it,		/* comes once */
		[SIN_HEARD] = heard,
		[SIN_GIVEN] = idle_given,
		[SIN_DONE] = kill_it,		/* it has no attempt */
		[SIN_BAD] = kill_it,
		[SIN_EXIT] = unwanted_exit,
		[SIN_RETIRE] = up_retire,
		[SIN_TICK] = up_tick,
	},
	[SLOT_BUSY] = {
		[SIN_SPAWNED] = ignore,
		[SIN_SPAWN_FAILED] = ignore,
		[SIN_READY] = kill_it,
		[SIN_HEARD] = heard,
		[SIN_GIVEN] = kill_given,	/* one at a time */
		[SIN_DONE] = busy_done,
		[SIN_BAD] = kill_it,
		[SIN_EXIT] = unwanted_exit,
		[SIN_RETIRE] = ignore,		/* only idle ones retire */
		[SIN_TICK] = up_tick,
	},
	[SLOT_RETIRING] = {
		[SIN_SPAWNED] = ignore,
		[SIN_SPAWN_FAILED] = spawn_failed, /* there was no process */
		[SIN_READY] = heard_waiting,	/* was told while it started */
		[SIN_HEARD] = heard_waiting,
		[SIN_GIVEN] = kill_given,
		[SIN_DONE] = heard_waiting,
		[SIN_BAD] = ignore,		/* the end of its stream */
		[SIN_EXIT] = retiring_exit,
		[SIN_RETIRE] = ignore,
		[SIN_TICK] = retiring_tick,
	},
	[SLOT_KILLED] = {
		[SIN_SPAWNED] = ignore,
		[SIN_SPAWN_FAILED] = ignore,
		[SIN_READY] = ignore,
		[SIN_HEARD] = ignore,
		[SIN_GIVEN] = lose_given,
		[SIN_DONE] = ignore,		/* late: its attempt is lost */
		[SIN_BAD] = ignore,
		[SIN_EXIT] = unwanted_exit,
		[SIN_RETIRE] = ignore,
		[SIN_TICK] = ignore,
	},
};

static const char *const names[SLOT_NSTATES] = {
	[SLOT_DOWN] = "down",
	[SLOT_SPAWNING] = "spawning",
	[SLOT_IDLE] = "idle",
	[SLOT_BUSY] = "busy",
	[SLOT_RETIRING] = "retiring",
	[SLOT_KILLED] = "killed",
};

const char *
slot_state_name(enum slot_state s)
{
	return (unsigned)s < SLOT_NSTATES ? names[s] : "?";
}

void
slot_init(struct slot_fsm *f)
{
	*f = (struct slot_fsm){ .state = SLOT_DOWN };
}

bool
slot_may_spawn(const struct slot_fsm *f, uint64_t now)
{
	return f->state == SLOT_DOWN && now >= f->not_before;
}

/* When the state as it is has something to do, if nothing comes before. */
static uint64_t
deadline(const struct slot_fsm *f, uint64_t now, uint64_t lag)
{
	switch (f->state) {
	case SLOT_DOWN:
		return f->not_before > now ? f->not_before : SLOT_NEVER;
	case SLOT_SPAWNING:
		return f->since + SLOT_SPAWN_MS + lag;
	case SLOT_IDLE:
	case SLOT_BUSY:
		return f->heard_at + SILENCE_MS + lag;
	case SLOT_RETIRING:
		return f->since + SLOT_RETIRE_MS + lag;
	case SLOT_KILLED:
	case SLOT_NSTATES:
		break;
	}
	return SLOT_NEVER;
}

void
slot_step(struct slot_fsm *f, uint64_t now, uint64_t lag, enum slot_in in,
    struct slot_out *out)
{
	out->acts = table[f->state][in](f, now, lag);
	/* The lag is counted from the last sign of life, which may be this one. */
	out->next = deadline(f, now, f->heard_at == now ? 0 : lag);
}
