/* What running failed tests again came to, in the original's figures. */
#ifndef CTL_RETRY_STATS_H
#define CTL_RETRY_STATS_H

#include <stdio.h>

#include "ctl/results.h"

/* As RetryManager.getRetryStatistics(): every test was a failed one, so one that
 * passes at its first attempt here succeeded after a retry. */
struct retry_stats {
	uint64_t	tests, success, failed;	/* failed: whatever did not pass */
	uint64_t	attempts;
	uint64_t	duration_us;		/* of all attempts */
};

void	retry_stats_of(const struct results *, struct retry_stats *);
void	retry_stats_print(const struct retry_stats *, FILE *);	/* one line */

/*
 * Writes a result document (text of one JSON object) with `statistics` as one more
 * member.  0, or -EINVAL when it is no object: nothing is written then.
 */
int	retry_stats_json(const struct retry_stats *, const char *document, size_t len, FILE *);

#endif
