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
void	record_cancelling(struct run *, const char *why);
void	record_warning(struct run *, const char *text);
void	record_finished(struct run *, const char *why);

#endif
