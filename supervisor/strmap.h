/* A hash map from counted strings to numbers.  Keys are borrowed. */
#ifndef SUPERVISOR_STRMAP_H
#define SUPERVISOR_STRMAP_H

#include <stdint.h>

#include "common/sv.h"

#define STRMAP_NONE	UINT32_MAX

struct strmap_cell;

struct strmap {
	struct strmap_cell	*cells;
	uint32_t		 n, size;	/* size: a power of two, or 0 */
	uint64_t		 key;		/* of the hash: set it to random bits */
};

/* The number of a key, or STRMAP_NONE. */
uint32_t	strmap_get(const struct strmap *, struct sv key);
/* Adds a key that is not there.  0 or -ENOMEM. */
int		strmap_put(struct strmap *, struct sv key, uint32_t value);
void		strmap_free(struct strmap *);

#endif
