/* "did you mean": the nearest of the words that are known. */
#ifndef COMMON_SUGGEST_H
#define COMMON_SUGGEST_H

#include <stddef.h>

/*
 * The word of `known` (ends with NULL) nearest to `word` by edit distance (a
 * swap of neighbours counts as one); NULL when none is near enough: 2 edits or
 * a third of the length, 1 for words of up to three letters.
 */
const char	*suggest_word(const char *word, const char *const *known);

/* ": did you mean 'X'?" in buf, or "" when nothing is near.  Returns buf. */
const char	*suggest_text(const char *word, const char *const *known, char *buf,
		    size_t size);

#endif
