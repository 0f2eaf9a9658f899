/*
 * Stops and continues one process of a test after the other at random moments, so that
 * what they take for granted about the order of things does not hold.  It is the dearest
 * of the changed conditions of flake detection (common/flake.h) and the one that finds
 * the most.
 *
 * A process of the tree, drawn anew each time, is stopped for 1 to 32 ms; then all run
 * for 1 ms, later on for 1 to 32 ms, and so on; most often shortly, since each power of two
 * is as likely as any other.  What is left to chance is most often how things begin, and a
 * long test is slowed down to half of its speed, not more.  All of them together are never
 * stopped: among themselves nothing would have changed.
 *
 * Who waits for another by time, and not for what it does, waits in proportion to the test.
 * So up to three times, every other time by a coin, a process other than the leader is
 * stopped for as long as the whole test usually takes: longer than any such wait.
 */
#ifndef WORKER_PAUSER_H
#define WORKER_PAUSER_H

#include <stdint.h>
#include <sys/types.h>

#include <event2/event.h>
#include <event2/event_struct.h>

struct pauser {
	struct event	 timer;
	pid_t		 leader;
	pid_t		 stopped;	/* 0: none is */
	unsigned	 pauses;	/* so far */
	unsigned	 longs;		/* of these, as long as the test */
	uint64_t	 usual_ms;
};

void	pauser_init(struct pauser *, struct event_base *);
/* From now on, that leader, which is a child of ours, and its descendants.  The test usually
 * takes so many ms, 0: not known. */
void	pauser_start(struct pauser *, pid_t leader, uint64_t usual_ms);
/* No more: what is stopped goes on.  Before they are signalled to end, and as soon as
 * they have ended; also when it was never started. */
void	pauser_stop(struct pauser *);

#endif
