/*
 * Readers: clients that asked for the output of a test, kept or live.
 */
#ifndef SUPERVISOR_OUTPUT_H
#define SUPERVISOR_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/peer.h"
#include "supervisor/run.h"

struct output_reader;

struct outputs {
	TAILQ_HEAD(, output_reader)	list;
};

void	output_init(struct outputs *);

/*
 * Starts an answer to OUTPUT_READ.  0; -ENOENT no such test, -ESRCH no such attempt,
 * -ESTALE the history has it, -EBUSY this peer reads already, -ENOMEM.
 */
int	output_add(struct outputs *, struct peer *, struct run *, uint32_t id,
	    const struct msg_output_read *);
void	output_drop_peer(struct outputs *, const struct peer *);
void	output_forget_run(struct outputs *, const struct run *);

/* Sends what the sockets take. */
void	output_pump(struct outputs *);

/* After the flush: has one more to send whose socket took all there was? */
bool	output_ready(const struct outputs *);

/* A part of the output of a running test; a test is over. */
void	output_live(struct outputs *, struct run *, uint32_t test, unsigned stream, struct sv);
void	output_test_over(struct outputs *, struct run *, uint32_t test);

#endif
