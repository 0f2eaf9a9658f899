/*
 * Lines of output that only failing attempts print, or only passing ones; numbers,
 * addresses and names by chance do not count.
 */
#ifndef CTL_FLAKY_LINES_H
#define CTL_FLAKY_LINES_H

#include <stddef.h>
#include <stdint.h>

#include "ctl/results.h"

#define FLAKY_LINES	3	/* of each kind, at the most */

struct flaky_line {
	char	*text;		/* as one attempt printed it: any bytes, and a NUL */
	size_t	 len, at, of;	/* it is in the output of so many of so many attempts */
};

struct flaky_lines {
	struct flaky_line failing[FLAKY_LINES], passing[FLAKY_LINES];
	size_t	nfailing, npassing;
	size_t	fails, passes;	/* attempts compared */
};

/*
 * Compares the ends of output that the events of a few attempts have: failures with
 * this fingerprint, and passes under the same conditions where there are any.  A line
 * is told of when more than half of the one kind have it and none of the other; of many
 * the first and the last ones.  Nothing when there is none of a kind.
 */
void	flaky_lines_of(const struct test_result *, uint64_t fingerprint, struct flaky_lines *ret);
void	flaky_lines_free(struct flaky_lines *);

#endif
