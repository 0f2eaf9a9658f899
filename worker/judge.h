/*
 * From what happened in an attempt to its outcome.  Pure; dies without memory.
 */
#ifndef WORKER_JUDGE_H
#define WORKER_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/msg.h"
#include "common/outcome.h"
#include "worker/capture.h"
#include "worker/tap.h"
#include "worker/strbuf.h"

#define JUDGE_SKIP_CODE		77	/* as in Automake and Meson */
#define JUDGE_SHOWN		65536	/* bytes of assertions that are listed */

/* What happened.  Borrowed for the call. */
struct judge_facts {
	const struct msg_test_add *spec;
	const char	*no_start;	/* why the command could not be started */
	const char	*no_ground;	/* why it was not even tried: our own fault */
	const char	*setup, *teardown; /* what went wrong with the hook */
	const char	*oom;		/* it had more memory than it may */
	const char	*note;		/* what else its limits did to it */
	bool		 stuck;		/* something could not be killed */
	bool		 timed_out, cancelled;
	bool		 run_timed_out;	/* cancelled since the run's time is up */
	uint64_t	 timeout_ms;
	int		 wstatus;	/* of the command, where none of these holds */
	const struct capture *capture;	/* of the command alone */
	const struct tap_result *tap;	/* FORMAT_TAP */
	/* Called between assertions, which may take long; may be NULL. */
	void		(*alive)(void *arg);
	void		*arg;
};

struct judgement {
	enum outcome		 outcome;
	enum error_category	 category;
	struct strbuf		 message, skip_reason;
	struct strbuf		*assertions;	/* 3 each: name, pass|fail, message */
	size_t			 n_assertions;	/* strings, so 3 for each */
};

/* Does the exit code fall to the expectations, and not to the TAP parser? */
bool	judge_exit_is_expected(const struct msg_test_add *);

void	judge(const struct judge_facts *, struct judgement *ret);
void	judgement_free(struct judgement *);

/* Appends "1500 ms", "30 s". */
void	judge_add_duration(struct strbuf *, uint64_t ms);

#endif
