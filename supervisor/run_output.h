/*
 * What the attempts of a run have printed: each piece is a record of the run's journal, and
 * what is kept in memory is where.
 */
#ifndef SUPERVISOR_RUN_OUTPUT_H
#define SUPERVISOR_RUN_OUTPUT_H

#include <stdint.h>

#include "common/sv.h"

struct manifest_output;
struct run;

#define RUN_OUTPUTS	8	/* of a test, when flaky tests are looked for */

/* Keeps a part of the output of an attempt. */
void	run_keep_output(struct run *, uint32_t test, uint32_t attempt, unsigned stream,
	    struct sv data);

/* A piece that is in the journal already, its bytes at `at`. */
void	run_recall_output(struct run *, uint32_t test, uint32_t attempt, unsigned stream,
	    uint64_t at, uint32_t len);

/* Somebody wants output as it comes, of a test or of all (POOL_ALL): also of the
 * attempts that are still to start. */
void	run_follow(struct run *, uint32_t test);

/* The output kept of an attempt (0: of the last that has any), or NULL.  It lasts until the
 * next piece is kept. */
const struct manifest_output	*run_output(const struct run *, uint32_t test, uint32_t attempt);

#endif
