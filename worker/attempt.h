/*
 * One attempt, from the message that asks for it to the message that answers: the
 * order of its stages, its folder, its environment.
 */
#ifndef WORKER_ATTEMPT_H
#define WORKER_ATTEMPT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/msg.h"
#include "worker/env.h"

struct event_base;
struct groups;
struct iocount;
struct peer;
struct tmpdir;
struct attempt;

/* What an attempt finds in its worker; all borrowed. */
struct attempt_host {
	struct event_base	*base;
	struct peer		*peer;
	const char		*scratch;	/* path, for TMPDIR */
	int			 scratch_fd;
	struct tmpdir		*tmpdir;	/* in there */
	const char		*shared;	/* path, of the folders that runs share */
	int			 shared_fd;
	struct iocount		*iocount;
	struct groups		*groups;
	char			*buf;		/* STAGE_BUF bytes */
	char			*stack;		/* EXEC_STACK bytes */
	/* Called now and then while the loop is kept waiting. */
	void			(*alive)(void *arg);
	/* All but the result is over: may this worker take another one? */
	bool			(*may_stay)(void *arg);
	/* ATTEMPT_DONE is queued, or (sent: no) could not be; fit: this worker may take
	 * another one, else it has said that it leaves.  The attempt is to be freed from
	 * the loop. */
	void			(*over)(void *arg, bool fit, bool sent);
	void			*arg;
};

/* What the attempts of one run share; borrowed until the attempt is freed. */
struct attempt_context {
	uint64_t	 id, seed;
	char		*run;
	struct env	*env;
	unsigned	 umask;
};

/* Starts it.  NULL: the message makes no sense. */
struct attempt	*attempt_start(const struct attempt_host *, const struct attempt_context *,
		    const struct msg_attempt *);
/* Takes NULL.  Ends no process. */
void		 attempt_free(struct attempt *);

uint64_t	 attempt_id(const struct attempt *);
/* What its processes have used and hold, as of the last look at them. */
void		 attempt_figures(const struct attempt *, uint64_t *ret_cpu_us,
		    uint64_t *ret_memory);
void		 attempt_abort(struct attempt *, bool kill, bool timeout);
/* Ends what stands beside its test, when all is to end at once.  Takes NULL. */
void		 attempt_dismiss(struct attempt *);
void		 attempt_follow(struct attempt *, bool on);
void		 attempt_reap(struct attempt *);	/* SIGCHLD came */
void		 attempt_drained(struct attempt *);	/* the peer took something */

#endif
