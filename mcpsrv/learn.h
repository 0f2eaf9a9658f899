/*
 * Secrets of runs that another server started, or this program before it was started
 * again: they are in the definitions on record, and what such a run printed is told
 * only once they are known.
 */
#ifndef MCPSRV_LEARN_H
#define MCPSRV_LEARN_H

#include "mcpsrv/call.h"

/*
 * Reads the definitions of the run (NULL: the last one), which must stay as long as the
 * call, unless they are known; then goes on with `then`, also when that cannot be done:
 * whoever asks for the run next is told why.
 */
void	learn_run(struct call *, const char *run, void (*then)(struct call *));

/* The secrets of the run are known. */
void	learn_known(struct srv *, const char *run);

#endif
