/*
 * Which tests of a plan are likely to be flaky together: those of one suite whose names
 * are the same up to the last ':', '/' or '.', as of one class or folder; where these are
 * too few to say anything, those of the suite.
 */
#ifndef SUPERVISOR_KIN_H
#define SUPERVISOR_KIN_H

#include "supervisor/manifest.h"

#define KIN_LEAST	3	/* tests of one name; fewer count with their suite */

/* Sets the member `group` of each record of the plan's tests.  0 or -ENOMEM. */
int	kin_number(const struct manifest *, struct flake_record *);

#endif
