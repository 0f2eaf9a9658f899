/*
 * One command of an attempt (setup, the test, teardown) from its start until
 * nothing of it is left: its streams, its timeout, its end.  Knows nothing of what
 * its result means.
 */
#ifndef WORKER_STAGE_H
#define WORKER_STAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "common/clock.h"
#include "worker/exec.h"
#include "worker/sweep.h"

/*
 *	           exit, nothing left
 *	RUNNING ------------------------------------------------.
 *	 |  |  exit, others live        nothing left            |
 *	 |  `----------------> LEFT -----------------------.    |
 *	 | timeout, stop        | LEFT_MS                  |    |
 *	 v                      v                          v    v
 *	TERM -- grace -----> SWEEP -- nothing left ------> DRAIN --> OVER
 *	 |                      |  SWEEP_MS: given up        ^  both streams ended,
 *	 |                      `----------------------------|  or DRAIN_MS
 *	 `-- nothing left -----------------------------------'
 *
 * Two facts end a stage: nobody of it lives, and its streams have ended.  A stream
 * can stay open only in the hands of someone outside the tree; the deadline of
 * DRAIN is set once, so that nobody can put it off by printing.
 *
 * A stage that may leave something behind (setup) goes from RUNNING to DRAIN at
 * its leader's exit, and is over as soon as its streams are empty; they are read
 * until stage_close().
 */
enum stage_state {
	STAGE_IDLE, STAGE_RUNNING, STAGE_TERM, STAGE_LEFT, STAGE_SWEEP, STAGE_DRAIN, STAGE_OVER
};

struct stage;

struct stage_ops {
	void	(*output)(void *arg, struct stage *, unsigned stream, const void *, size_t);
	void	(*over)(void *arg, struct stage *);
};

struct stage_stream {
	struct event	 ev;
	struct stage	*stage;
	unsigned	 stream;	/* 1 stdout, 2 stderr */
	int		 fd;		/* -1: it ended */
	int		 held;		/* our copy of its other end, until DRAIN; or -1 */
};

struct stage {
	enum stage_state	 state;
	struct event_base	*base;		/* borrowed, as all below */
	const struct stage_ops	*ops;
	void			*arg;
	struct sweep		*sweep;
	char			*buf;		/* of STAGE_BUF bytes */

	struct event		 timer;		/* of the state */
	msec_t			 due;		/* of RUNNING 0: never */
	struct stage_stream	 streams[2];
	uint64_t		 timeout_ms, grace_ms;
	bool			 leaves;	/* may leave something behind */
	bool			 listening;	/* the loop reads the streams */

	/* Results, final in STAGE_OVER. */
	pid_t			 pid;
	int			 wstatus;	/* when `ended` */
	bool			 ended;		/* the leader was reaped */
	bool			 timed_out;
	bool			 stopped;	/* by stage_stop(), while the leader ran */
	bool			 stuck;		/* something could not be killed */

	unsigned		 round;		/* of SWEEP */
	msec_t			 sweep_end;
};

#define STAGE_BUF	65536

/* Sets up an idle stage; base, sweep and buf are borrowed. */
void	stage_init(struct stage *, struct event_base *, struct sweep *, char *buf,
	    const struct stage_ops *, void *arg);

/*
 * Starts `cmd` (its out and err are filled in).  timeout_ms 0: none.  0, or -errno
 * and *ret_where: it is idle then, and `over` will not be called.
 */
int	stage_start(struct stage *, struct exec_command *cmd, uint64_t timeout_ms,
	    uint64_t grace_ms, bool leaves, enum exec_where *ret_where);

/* A stage without a command: ends what lives, and is over when nothing does. */
void	stage_sweep(struct stage *);

/* Ends it early: TERM and grace, or KILL at once. */
void	stage_stop(struct stage *, bool kill);

/* A child of ours has ended: looks whether that changes anything. */
void	stage_reap(struct stage *);

/* Takes what is still in the streams, without waiting, and closes them. */
void	stage_close(struct stage *);

#endif
