/*
 * The events of a run: what is put on record when something happens, before any
 * observer hears of it.
 */
#ifndef SUPERVISOR_RECORD_H
#define SUPERVISOR_RECORD_H

#include "supervisor/run.h"

#define RECORD_TAIL	16384	/* bytes of output in attempt.finished */

void	record_begun(struct run *);
void	record_started(struct run *, const struct manifest_test *, uint32_t attempt, unsigned slot);
void	record_attempt(struct run *, const struct manifest_test *, uint32_t attempt,
	    enum outcome, const struct pool_over *);
void	record_verdict(struct run *, const struct manifest_test *, const struct sched_act *);
void	record_retry(struct run *, const struct manifest_test *, const struct sched_act *);
void	record_refused(struct run *, const struct manifest_test *, const struct sched_act *);
void	record_breaker(struct run *, const struct sched_act *);
void	record_resumed(struct run *);
/* An attempt that ran when the supervisor was lost. */
void	record_interrupted(struct run *, const struct manifest_test *, uint32_t attempt);
void	record_cancelling(struct run *, const char *why);
/* For everybody who sees this run's result. */
void	record_warning(struct run *, const char *text);
void	record_finished(struct run *, const char *why);

#endif
