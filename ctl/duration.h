/* Durations as people write and read them (timespan.h): 500ms, 30s, 2m, 1h. */
#ifndef CTL_DURATION_H
#define CTL_DURATION_H

#include <stddef.h>
#include <stdint.h>

#include "common/timespan.h"

#define DURATION_TEXT	32	/* bytes that any duration_text() fits in */

/* Microseconds for people: "0.4ms" "12ms" "1.23s" "2m05s" "1h02m".  Returns buf. */
char	*duration_text(uint64_t us, char *buf, size_t size);

#endif
