/*
 * The figures of an attempt in a few bytes: flake detection makes hundreds of thousands
 * of attempts, most of them like the one before.  Nothing of a figure is lost; texts and
 * lists are not part of it.
 */
#ifndef CTL_ATTEMPT_PACK_H
#define CTL_ATTEMPT_PACK_H

#include <stddef.h>

#include "ctl/results.h"

#define ATTEMPT_PACKED_MAX	384	/* bytes; most take about 20 */

/*
 * Puts what `a` differs in from `base` (NULL: from zero) into `to`, which has room for
 * ATTEMPT_PACKED_MAX bytes.  How many it took.
 */
size_t	attempt_pack(const struct attempt_result *a, const struct attempt_result *base,
	    unsigned char *to);

/* The attempt that was packed against the same base, its texts and lists empty.  How many
 * bytes it took. */
size_t	attempt_unpack(const unsigned char *, const struct attempt_result *base,
	    struct attempt_result *ret);

#endif
