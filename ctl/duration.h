/* Durations as people write and read them: 500ms, 30s, 2m, 1h. */
#ifndef CTL_DURATION_H
#define CTL_DURATION_H

#include <stddef.h>
#include <stdint.h>

#define DURATION_TEXT	32	/* bytes that any duration_text() fits in */

/*
 * "500ms", "1.5s", "2m", "1h", also several from large to small ("1m30s"), and
 * "0".  0 and milliseconds; -EINVAL when it is none of these (a bare number has
 * no unit), -ERANGE when it does not fit.
 */
int	duration_parse(const char *, uint64_t *ret_ms);

/* Microseconds for people: "0.4ms" "12ms" "1.23s" "2m05s" "1h02m".  Returns buf. */
char	*duration_text(uint64_t us, char *buf, size_t size);

#endif
