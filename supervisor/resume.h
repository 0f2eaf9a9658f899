/*
 * Runs that a lost supervisor left: read back from their journals.  What had ended
 * stays as it is; what ran is put on record as lost and runs again.
 */
#ifndef SUPERVISOR_RESUME_H
#define SUPERVISOR_RESUME_H

#include "supervisor/draft.h"
#include "supervisor/runs.h"

/* Reads back every journal there is.  One that is no run yet, or no journal at all, is
 * removed or left alone, and that is logged. */
void	resume_all(struct runs *, const struct draft_place *);

#endif
