/* Durations as people write them, and as the wire carries them in text. */
#ifndef COMMON_TIMESPAN_H
#define COMMON_TIMESPAN_H

#include <stdint.h>

/*
 * "500ms", "1.5s", "2m", "1h", also several from large to small ("1m30s"), and
 * "0".  0 and milliseconds; -EINVAL when it is none of these (a bare number has
 * no unit), -ERANGE when it does not fit.
 */
int	duration_parse(const char *, uint64_t *ret_ms);

#endif
