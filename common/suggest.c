/*
 * Nearest word by edit distance: optimal string alignment, as in Damerau (1964)
 * and Wagner & Fischer (1974), three rows of the table at a time.
 */
#include <stdio.h>
#include <string.h>

#include "common/suggest.h"

#define WORD_MAX	64	/* longer words are never a slip of one */

static size_t
min3(size_t a, size_t b, size_t c)
{
	size_t	m = a < b ? a : b;

	return m < c ? m : c;
}

static size_t
distance(const char *a, size_t na, const char *b, size_t nb)
{
	size_t	rows[3][WORD_MAX + 1];
	size_t	*above2 = rows[0], *above = rows[1], *row = rows[2], *spare;

	for (size_t j = 0; j <= nb; j++)
		above[j] = j;
	for (size_t i = 1; i <= na; i++) {
		row[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			row[j] = min3(above[j] + 1, row[j - 1] + 1,
			    above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    above2[j - 2] + 1 < row[j])
				row[j] = above2[j - 2] + 1;
		}
		spare = above2;
		above2 = above;
		above = row;
		row = spare;
	}
	return above[nb];
}

const char *
suggest_word(const char *word, const char *const *known)
{
	size_t		 n = strlen(word), limit, best, d, k;
	const char	*found = NULL;

	if (n > WORD_MAX)
		return NULL;
	limit = n / 3 > 2 ? n / 3 : 2;
	if (n <= 3)
		limit = 1;
	best = limit + 1;
	for (; *known != NULL; known++) {
		k = strlen(*known);
		if (k > WORD_MAX || k > n + limit || n > k + limit)
			continue;
		d = distance(word, n, *known, k);
		/* As many edits as letters make any word of any other. */
		if (d < best && d < n) {
			best = d;
			found = *known;
		}
	}
	return found;
}

const char *
suggest_text(const char *word, const char *const *known, char *buf, size_t size)
{
	const char	*near = suggest_word(word, known);

	if (near == NULL)
		buf[0] = '\0';
	else
		(void)snprintf(buf, size, ": did you mean '%s'?", near);
	return buf;
}
