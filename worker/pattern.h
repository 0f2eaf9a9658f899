/*
 * Regular expressions that cannot hang: PCRE2 with limits on steps, depth, memory
 * and, since one step may scan the whole subject, time.  Dies without memory.
 */
#ifndef WORKER_PATTERN_H
#define WORKER_PATTERN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/sv.h"
#include "worker/strbuf.h"

struct pattern;

/*
 * Compiles "/pattern/flags" (flags of i m s x), or a pattern without slashes, for
 * searches in `subject` or parts of it: characters are UTF-8 when both are, else
 * bytes.  lines: "^" and "$" hold at every line, as with the flag m.
 * NULL: what is wrong with it was appended to `why`.
 */
struct pattern	*pattern_new(struct sv source, struct sv subject, bool lines,
		    struct strbuf *why);
void		 pattern_free(struct pattern *);

/*
 * Searches from byte `from`; gives up at end_us of the monotonic clock, in most
 * cases long before.  1 and where, 0 not there, or -ELOOP: it gave up.
 */
int	pattern_find(struct pattern *, struct sv subject, size_t from, uint64_t end_us,
	    size_t *ret_start, size_t *ret_end);

/* Appends that a search for `source` was given up. */
void	pattern_gave_up(struct sv source, struct sv subject, struct strbuf *);

#endif
