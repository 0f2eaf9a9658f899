/*
 * When attempts may start for what the host has left, and which make room: policy/memory
 * and policy/width applied to all runs of this supervisor.  It looks at the host a few
 * times a second for as long as there are runs, and not at all without them.
 */
#ifndef SUPERVISOR_ADMISSION_H
#define SUPERVISOR_ADMISSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "supervisor/policy/memory.h"
#include "supervisor/policy/width.h"
#include "supervisor/pressure.h"

#define ADMISSION_WHY	160	/* bytes of a text */

struct event;
struct run;
struct runs;

struct admission {
	struct pressure		 host;
	struct pressure_seen	 seen;		/* at_us 0: not yet */
	struct memory		 memory;
	struct width		 width;
	struct event		*timer;
	const struct run	*turn;		/* whose test has waited for memory for so long
						 * that others wait for it; NULL: none */
	bool			 wide;		/* at the last look there was such a run */
};

/* root: of pressure.h, borrowed.  0 or -ENOMEM. */
int	admission_init(struct runs *, const char *root);
void	admission_free(struct runs *);

/* A run comes: what was seen before it is not good enough. */
void	admission_enter(struct runs *);

/* A run is about to take a step: tells its scheduler what there is. */
void	admission_before(struct run *);

/* A test of the run starts. */
void	admission_started(struct run *, uint32_t test);

/* Once a turn: sees to it that the host is looked at while that is needed. */
void	admission_pump(struct runs *);

/* The run is over. */
void	admission_forget(struct run *);

/* Why nothing starts though tests of that user (0: of anybody) wait; false: that is not so. */
bool	admission_why(const struct runs *, uid_t, char why[ADMISSION_WHY]);

/* Attempts at a time of his widest run whose width follows the CPUs, at least as many as
 * there are CPUs; 0: there is no such run. */
uint32_t admission_width(const struct runs *, uid_t);

#endif
