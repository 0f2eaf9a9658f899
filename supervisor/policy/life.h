/*
 * The tests of a run and how they go from state to state, which sched.h draws.  The
 * inside of a scheduler: sched.c says what comes of it, recall.c takes up an old run.
 * Pure.
 */
#ifndef POLICY_LIFE_H
#define POLICY_LIFE_H

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/policy/allot.h"
#include "supervisor/policy/heap.h"
#include "supervisor/policy/probe.h"
#include "supervisor/policy/sched.h"

#define NO_TEST	UINT32_MAX

enum life { QUEUED, DELAYED, HELD, RUNNING, DONE,
	OPEN	/* recalled; its result is to be settled */
};
enum { KILL_NONE, KILL_GRACE, KILL_NOW };

struct entry {
	uint64_t	delay_ms;	/* waited by its last retry */
	uint64_t	fingerprint;	/* OPEN: of the result */
	uint32_t	prev, next;	/* RUNNING: list */
	uint32_t	tell_next;	/* list of the untold */
	uint32_t	attempts;	/* started */
	uint32_t	retries;	/* granted */
	uint16_t	fails, passes;	/* evidence, when flaky tests are looked for: at
					 * most FLAKE_RUNS_MAX */
	uint16_t	extra;		/* attempts that are no evidence: for the cause */
	uint16_t	seen;		/* conditions that it has had: bits */
	uint16_t	cpu_milli;	/* that a plain attempt kept busy, at most; 0: not known */
	uint16_t	held_milli;	/* that is counted for the one that runs */
	uint8_t		life;
	uint8_t		status;		/* DONE, or if its retry is refused */
	uint8_t		lost;		/* attempts */
	uint8_t		kill_told;
	uint8_t		outcome, says;	/* OPEN: of the result */
	uint8_t		condition : 4;	/* of its last attempt */
	uint8_t		hot : 4;	/* it has failed under this one; PLAIN: none */
	bool		resource_like : 1;
	bool		failed : 1;	/* an attempt did, and a retry was granted */
	bool		late : 1;	/* that, and it is to run at the end */
	bool		after_loss : 1;	/* its next start replaces a lost one */
	bool		flaky : 1;
	bool		found : 1;	/* counted in nflaky */
	bool		lost_for_good : 1;
	bool		untold : 1;		/* in that list: RETRY, REFUSED, VERDICT */
	bool		refused : 1;	/* REFUSED comes before its VERDICT */
	bool		recalled : 1;	/* its VERDICT was told before the supervisor
					 * was lost */
	bool		again : 1;	/* its next attempt comes at once after a failure */
	uint8_t		probe : 4;	/* decided: what its next attempt is to be under */
	uint8_t		agains;		/* such attempts so far */
};

struct sched {
	const struct sched_test *tests;	/* borrowed */
	uint32_t	 n;
	struct entry	*e;
	struct heap_node *nodes;	/* QUEUED in `queue`, others in the heaps */
	struct queue	*queue;
	struct retrier	*retrier;
	uint32_t	 delayed;	/* heap by due time */
	uint32_t	 evicted;	/* HELD until there is memory: heap by how much */
	uint32_t	 ends, alones;	/* HELD: heaps by rank.  A refused test stays
					 * in its heap until it is at the root */
	uint32_t	 alone;		/* the test that is to have no other beside it */
	uint32_t	 running;	/* list */
	uint32_t	 untold, untold_last; /* list */
	uint32_t	 cursor;	/* stopped: tests before it have no wait */
	uint32_t	 max_fail;
	uint64_t	 seed;
	struct flake_policy flake;
	const struct flake_record *records;	/* borrowed; NULL: none */
	struct allot	*allot;		/* with a budget, else NULL */
	uint64_t	 budget_due;
	uint32_t	 spent;		/* attempts started */
	uint32_t	 nflaky;	/* tests found to be so */
	struct trial	(*trials)[FLAKE_CONDITION_COUNT];	/* of each test, for its cause;
					 * NULL: nobody asks for that */
	uint32_t	 tried[FLAKE_CONDITION_COUNT];	/* attempts under each */
	uint32_t	 found[FLAKE_CONDITION_COUNT];	/* first failures of tests */
	uint32_t	 crowd;		/* attempts for each unit at times; 1: never */
	uint32_t	 least_crowd;	/* tests that are open, without which there is none */
	bool		 crowded;	/* what starts now is in one */
	uint32_t	 held_milli;	/* of CPUs, by all that run */
	uint64_t	 now;
	uint64_t	 deadline;	/* of the run */
	uint32_t	 nqueued, nrunning, ndone, ntold, nfailed;
	uint32_t	 ndelayed;	/* and held */
	uint32_t	 nlate;		/* late ones that are not DONE */
	enum sched_stop	 stop;
	bool		 stop_told, over_told;
	bool		 unlined;	/* recalled: the queue is filled by the first step */
	uint8_t		 kill;		/* what running tests are to get */
	bool		 kill_timeout;	/* it is the run's timeout that kills */
};

/* ---- moves; each test they are given is below n ---- */

/* What an attempt's outcome makes of its test; of what a run fails. */
enum test_status life_status_of(enum outcome);
bool	life_is_bad(enum test_status);

/* A test in no list and no heap is queued; waits for its turn, queued or held; has
 * its verdict, which is to be told; has it because its retry is refused. */
void	life_enqueue(struct sched *, uint32_t t);
void	life_wait(struct sched *, uint32_t t);
void	life_end(struct sched *, uint32_t t, enum test_status);
void	life_refuse(struct sched *, uint32_t t);

/* A retry is granted for a failure: waits.  An attempt of a test that no longer runs
 * ended so: its retry, or its verdict. */
void	life_retry(struct sched *, const struct sched_in *);
void	life_settle(struct sched *, const struct sched_in *);

/* If a breaker opened: the retries that wait and that it stops are refused. */
void	life_withdraw(struct sched *);

/* An input: an attempt ended.  Nothing, if it is not running. */
void	life_result(struct sched *, const struct sched_in *);

/* Nothing starts any more; what waits is cancelled when that is told. */
void	life_stop(struct sched *, enum sched_stop why);

/* Stops the run if too many tests failed. */
void	life_check_failures(struct sched *);

/* What is due at s->now.  Does the run still have a time limit to meet? */
void	life_pass_time(struct sched *);
bool	life_has_deadline(const struct sched *);

/* Queues held tests whose turn has come. */
void	life_open_gate(struct sched *);

/* A test that has taken its room may start, unless it is a retry that a breaker stops;
 * it starts. */
bool	life_may_start(struct sched *, uint32_t t);
void	life_start(struct sched *, uint32_t t);

/* In detect.c, when flaky tests are looked for.  What it needs (false: no memory), and
 * the place of each test.  An attempt of a test that no longer runs ended so: it runs
 * again, or has its verdict.  The place of its next attempt. */
bool	detect_begin(struct sched *, const struct sched_plan *);
void	detect_settle(struct sched *, const struct sched_in *);
void	detect_place(struct sched *, uint32_t t);

/* Is the budget used up?  Then nothing starts; what waits has its verdict. */
bool	detect_is_spent(const struct sched *);
void	detect_check_budget(struct sched *);

/* What is known of a test; is there more to be learnt of it, but for its cause? */
enum flake_verdict detect_decide(const struct sched *, uint32_t t);
bool	detect_is_open(const struct sched *, uint32_t t);

/* In provoke.c.  A run begins; the place of the next attempt of a test; starts the next test,
 * as queue_start(), in a crowd or not; what an attempt has shown beside its outcome; chooses
 * what the next one is run under: entry.condition. */
void	provoke_begin(struct sched *, const struct sched_plan *);
uint64_t provoke_rank(struct sched *, uint32_t t);
bool	provoke_start(struct sched *, uint32_t limit, uint32_t *ret_test);
void	provoke_learn(struct sched *, const struct sched_in *);
void	provoke_choose(struct sched *, uint32_t t);

/* In recall.c.  The first step after sched_recall(): the queue is filled, and what is
 * open is settled. */
void	recall_line_up(struct sched *);

#endif
