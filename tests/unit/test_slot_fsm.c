/* Unit tests of supervisor/policy/slot_fsm.c: every cell, then whole lives. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "supervisor/policy/slot_fsm.h"

#define NOW	100000
#define L	SACT_LOST
#define K	SACT_KILL
#define R	SACT_REPLACED
#define S	SACT_SEND_RETIRE

enum { DOWN = SLOT_DOWN, SPAWNING = SLOT_SPAWNING, IDLE = SLOT_IDLE, BUSY = SLOT_BUSY,
       RETIRING = SLOT_RETIRING, KILLED = SLOT_KILLED };

/* Each cell: the state after it and its acts, for a slot in its state since
 * NOW - 10 that was heard just then.  A cell that is not set crashes. */
static void
every_cell(void **state)
{
	static const struct {
		int state;
		unsigned acts;
	} want[SLOT_NSTATES][SLOT_NIN] = {
	/*		SPAWNED	       FAILED	      READY	     HEARD	  GIVEN
	 *		DONE	       BAD	      EXIT	     RETIRE	  TICK */
	[DOWN] =     { { SPAWNING, 0 }, { DOWN, 0 },  { DOWN, 0 },   { DOWN, 0 }, { DOWN, L },
		       { DOWN, 0 },    { DOWN, 0 },   { DOWN, 0 },   { DOWN, 0 }, { DOWN, 0 } },
	[SPAWNING] = { { SPAWNING, 0 }, { DOWN, 0 },  { IDLE, 0 },   { SPAWNING, 0 },
		       { KILLED, K | L },
		       { KILLED, K },  { KILLED, K }, { DOWN, R },   { RETIRING, S },
		       { SPAWNING, 0 } },
	[IDLE] =     { { IDLE, 0 },    { IDLE, 0 },   { KILLED, K }, { IDLE, 0 }, { BUSY, 0 },
		       { KILLED, K },  { KILLED, K }, { DOWN, R },   { RETIRING, S },
		       { IDLE, 0 } },
	[BUSY] =     { { BUSY, 0 },    { BUSY, 0 },   { KILLED, K | L }, { BUSY, 0 },
		       { KILLED, K | L },
		       { IDLE, 0 },    { KILLED, K | L }, { DOWN, L | R }, { BUSY, 0 },
		       { BUSY, 0 } },
	[RETIRING] = { { RETIRING, 0 }, { DOWN, 0 },  { RETIRING, 0 }, { RETIRING, 0 },
		       { KILLED, K | L },
		       { RETIRING, 0 }, { RETIRING, 0 }, { DOWN, 0 }, { RETIRING, 0 },
		       { RETIRING, 0 } },
	[KILLED] =   { { KILLED, 0 },  { KILLED, 0 }, { KILLED, 0 }, { KILLED, 0 },
		       { KILLED, L },
		       { KILLED, 0 },  { KILLED, 0 }, { DOWN, R },   { KILLED, 0 },
		       { KILLED, 0 } },
	};
	struct slot_out out;
	struct slot_fsm f;
	int st, in;

	(void)state;
	for (st = 0; st < SLOT_NSTATES; st++)
		for (in = 0; in < SLOT_NIN; in++) {
			f = (struct slot_fsm){ .state = (enum slot_state)st,
			    .has_attempt = st == BUSY, .heard_at = NOW - 10,
			    .since = NOW - 10, .up_at = NOW - 10 };
			slot_step(&f, NOW, 0, (enum slot_in)in, &out);
			if ((int)f.state != want[st][in].state ||
			    out.acts != want[st][in].acts)
				fail_msg("%s, event %d: %s, acts %u",
				    slot_state_name((enum slot_state)st), in,
				    slot_state_name(f.state), out.acts);
			assert_int_equal(f.has_attempt, f.state == SLOT_BUSY);
			assert_true(out.next == SLOT_NEVER || out.next > NOW);
		}
}

static struct slot_out
step(struct slot_fsm *f, uint64_t now, uint64_t lag, enum slot_in in)
{
	struct slot_out out;

	slot_step(f, now, lag, in, &out);
	return out;
}

/* An idle slot whose worker said READY at `now`. */
static struct slot_fsm
idle_at(uint64_t now)
{
	struct slot_fsm f;

	slot_init(&f);
	assert_true(slot_may_spawn(&f, now));
	(void)step(&f, now, 0, SIN_SPAWNED);
	assert_false(slot_may_spawn(&f, now));
	(void)step(&f, now, 0, SIN_READY);
	assert_int_equal(f.state, SLOT_IDLE);
	return f;
}

/* Each deadline: nothing 1 ms before it, the kill at it, and `next` says when;
 * with lag all of it is so much later. */
static void
deadlines(void **state)
{
	static const struct {
		enum slot_state at;
		uint64_t after;
		unsigned acts;
	} cases[] = {
		{ SLOT_SPAWNING, SLOT_SPAWN_MS, K },
		{ SLOT_IDLE, SLOT_HEARTBEAT_MS * SLOT_MISSED_MAX, K },
		{ SLOT_BUSY, SLOT_HEARTBEAT_MS * SLOT_MISSED_MAX, K | L },
		{ SLOT_RETIRING, SLOT_RETIRE_MS, K },
	};
	struct slot_out out;
	struct slot_fsm f;
	uint64_t lag, due;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (lag = 0; lag < 20000; lag += 7000) {
			f = (struct slot_fsm){ .state = cases[i].at, .since = NOW,
			    .heard_at = NOW, .up_at = NOW,
			    .has_attempt = cases[i].at == SLOT_BUSY };
			due = NOW + cases[i].after + lag;
			out = step(&f, due - 1, lag, SIN_TICK);
			assert_int_equal(out.acts, 0);
			assert_int_equal(out.next, due);
			assert_int_equal(f.state, cases[i].at);
			out = step(&f, due, lag, SIN_TICK);
			assert_int_equal(out.acts, cases[i].acts);
			assert_int_equal(f.state, SLOT_KILLED);
			assert_true(out.next == SLOT_NEVER);
		}
	}
}

static void
heartbeats_keep_it(void **state)
{
	struct slot_fsm f = idle_at(0);
	uint64_t t;

	(void)state;
	(void)step(&f, 0, 0, SIN_GIVEN);
	for (t = 2900; t < 60000; t += 2900) {
		assert_int_equal(step(&f, t, 0, SIN_TICK).acts, 0);
		assert_int_equal(step(&f, t, 0, SIN_HEARD).next, t + 3000);
	}
	assert_int_equal(f.state, SLOT_BUSY);
}

/* More lag than time has passed is no reason for a kill, nor is what was lost
 * to lag before the last word. */
static void
lag_is_never_held_against_it(void **state)
{
	struct slot_fsm f = idle_at(0);

	(void)state;
	assert_int_equal(step(&f, 9000, 50000, SIN_TICK).acts, 0);
	(void)step(&f, 9000, 50000, SIN_HEARD);
	assert_int_equal(step(&f, 11999, 0, SIN_TICK).acts, 0);

	(void)step(&f, 12000, 0, SIN_RETIRE);
	assert_int_equal(step(&f, 20000, 7000, SIN_HEARD).acts, 0);
	assert_int_equal(step(&f, 28999, 0, SIN_TICK).acts, 0);
	assert_int_equal(step(&f, 29000, 0, SIN_TICK).acts, K);

	slot_init(&f);
	(void)step(&f, 0, 0, SIN_SPAWNED);
	assert_int_equal(step(&f, 15000, 6000, SIN_READY).acts, 0);
	assert_int_equal(f.state, SLOT_IDLE);
}

static void
ready_too_late(void **state)
{
	struct slot_fsm f;

	(void)state;
	slot_init(&f);
	(void)step(&f, 0, 0, SIN_SPAWNED);
	assert_int_equal(step(&f, SLOT_SPAWN_MS + 1, 0, SIN_READY).acts, K);
	assert_int_equal(f.state, SLOT_KILLED);
}

/* Words before READY do not move its deadline. */
static void
ready_does_not_wait_for_talk(void **state)
{
	struct slot_fsm f;
	uint64_t t;

	(void)state;
	slot_init(&f);
	(void)step(&f, 0, 0, SIN_SPAWNED);
	for (t = 1000; t < SLOT_SPAWN_MS; t += 1000)
		assert_int_equal(step(&f, t, 0, SIN_HEARD).acts, 0);
	assert_int_equal(step(&f, SLOT_SPAWN_MS, 0, SIN_TICK).acts, K);
}

/* The attempt of a killed worker is lost once, whatever comes after. */
static void
lost_once(void **state)
{
	struct slot_fsm f = idle_at(0);

	(void)state;
	(void)step(&f, 1, 0, SIN_GIVEN);
	assert_int_equal(step(&f, 2, 0, SIN_BAD).acts, K | L);
	assert_int_equal(step(&f, 3, 0, SIN_DONE).acts, 0);
	assert_int_equal(step(&f, 3, 0, SIN_BAD).acts, 0);
	assert_int_equal(step(&f, 4, 0, SIN_EXIT).acts, R);
	assert_int_equal(step(&f, 5, 0, SIN_EXIT).acts, 0);
	assert_int_equal(f.state, SLOT_DOWN);
}

static void
told_to_end_and_ends(void **state)
{
	struct slot_fsm f = idle_at(0);

	(void)state;
	assert_int_equal(step(&f, 5, 0, SIN_RETIRE).acts, S);
	assert_int_equal(step(&f, 6, 0, SIN_BAD).acts, 0);
	assert_int_equal(step(&f, 7, 0, SIN_EXIT).acts, 0);
	assert_true(slot_may_spawn(&f, 7));
	assert_int_equal(f.restart_ms, 0);
}

/* Spawn, die after `life` ms heard by heartbeats; returns the wait that follows. */
static uint64_t
wait_after(struct slot_fsm *f, uint64_t *now, uint64_t life)
{
	uint64_t end = *now + life;

	assert_true(slot_may_spawn(f, *now));
	(void)step(f, *now, 0, SIN_SPAWNED);
	(void)step(f, *now, 0, SIN_READY);
	for (; *now < end; *now += 1000)
		(void)step(f, *now, 0, SIN_HEARD);
	*now = end;
	(void)step(f, *now, 0, SIN_HEARD);
	assert_int_equal(step(f, *now, 0, SIN_EXIT).acts, R);
	assert_int_equal(step(f, *now, 0, SIN_TICK).next, f->not_before);
	assert_false(slot_may_spawn(f, f->not_before - 1));
	*now = f->not_before;
	return f->restart_ms;
}

static void
restarts_wait_longer_and_recover(void **state)
{
	static const uint64_t want[] = { 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5000,
	    5000, 5000 };
	struct slot_fsm f;
	uint64_t now = 50;
	size_t i;

	(void)state;
	slot_init(&f);
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_int_equal(wait_after(&f, &now, i % 2 ? 0 : SLOT_STABLE_MS - 1), want[i]);
	assert_int_equal(wait_after(&f, &now, SLOT_STABLE_MS), 10);
	assert_int_equal(wait_after(&f, &now, 1), 20);
}

/* To hang, or to take long to be ready, is no good work. */
static void
silence_is_not_stable(void **state)
{
	struct slot_fsm f = idle_at(0);

	(void)state;
	f.restart_ms = 640;
	assert_int_equal(step(&f, 3000, 0, SIN_TICK).acts, K);
	assert_int_equal(step(&f, 60000, 0, SIN_EXIT).acts, R);
	assert_int_equal(f.restart_ms, 1280);

	(void)step(&f, 70000, 0, SIN_SPAWNED);
	(void)step(&f, 79999, 0, SIN_HEARD);
	(void)step(&f, 85000, 5001, SIN_HEARD);
	(void)step(&f, 85000, 0, SIN_EXIT);
	assert_int_equal(f.restart_ms, 2560);
}

static void
failed_spawns_wait_longer(void **state)
{
	struct slot_fsm f;
	uint64_t now = 10, wait;

	(void)state;
	slot_init(&f);
	for (wait = 10; wait < 1000; wait *= 2) {
		assert_true(slot_may_spawn(&f, now));
		assert_int_equal(step(&f, now, 0, SIN_SPAWN_FAILED).next, now + wait);
		assert_false(slot_may_spawn(&f, now + wait - 1));
		now += wait;
	}
}

static void
states_have_names(void **state)
{
	int i, k;

	(void)state;
	for (i = 0; i < SLOT_NSTATES; i++)
		for (k = 0; k < i; k++)
			assert_string_not_equal(slot_state_name((enum slot_state)i),
			    slot_state_name((enum slot_state)k));
	assert_string_equal(slot_state_name(SLOT_BUSY), "busy");
	assert_string_equal(slot_state_name(SLOT_NSTATES), "?");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cell),
		cmocka_unit_test(deadlines),
		cmocka_unit_test(heartbeats_keep_it),
		cmocka_unit_test(lag_is_never_held_against_it),
		cmocka_unit_test(ready_too_late),
		cmocka_unit_test(ready_does_not_wait_for_talk),
		cmocka_unit_test(lost_once),
		cmocka_unit_test(told_to_end_and_ends),
		cmocka_unit_test(restarts_wait_longer_and_recover),
		cmocka_unit_test(silence_is_not_stable),
		cmocka_unit_test(failed_spawns_wait_longer),
		cmocka_unit_test(states_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
