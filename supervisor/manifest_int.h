/*
 * What the files of manifest.h share.  manifest.c has the plan as a whole, and
 * manifest_tests.c what a test adds to it.
 */
#ifndef SUPERVISOR_MANIFEST_INT_H
#define SUPERVISOR_MANIFEST_INT_H

#include "supervisor/manifest.h"

/* Writes why a plan is refused, `text` about `what`; returns r. */
int	manifest_refuse(char why[MANIFEST_WHY], int r, const char *text, struct sv what);

/* Likewise, for want of memory; returns -ENOMEM. */
int	manifest_no_memory(char why[MANIFEST_WHY]);

/* Sets *ret to the number of a lock or of a slot, by the map of its names; one that is new
 * has `count`.  0, -ENOENT (it is new, and the count is 0), -ENOSPC or -ENOMEM. */
int	manifest_resource(struct manifest *, struct strmap *names, struct sv name,
	    uint32_t count, uint32_t *ret);

#endif
