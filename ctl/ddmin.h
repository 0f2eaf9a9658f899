/*
 * Delta debugging: the elements of a list that are needed for a test to fail (A. Zeller,
 * R. Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", IEEE TSE 28(2),
 * 2002, the algorithm ddmin).  Turned inside out: it says which elements to try next and
 * is told what came of it, so that it neither runs anything nor waits.
 *
 * The whole list fails and the empty one does not: that is the caller's to know.  What is
 * found is 1-minimal: without any one of its elements the test does not fail.  It need not
 * be the smallest of all, nor the only one.  Of n elements one is found with at most
 * 2 ceil(log2 n) tries; at worst there are n^2 + 3n.  None is tried twice.
 */
#ifndef CTL_DDMIN_H
#define CTL_DDMIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ddmin {
	uint32_t	*set;		/* elements that fail together, rising */
	uint32_t	 n;
	uint32_t	*trial;		/* those that are tried now, rising */
	uint32_t	 ntrial;
	uint32_t	 parts, part;	/* into which the set is cut; which one is tried */
	bool		 rest;		/* all but that one is tried, not it alone */
	uint64_t	*tried;		/* hashes of what did not fail */
	size_t		 ntried, cap;
	uint64_t	 tries;		/* that were asked for */
};

/* Of the elements 0..n-1, n at least 1.  Dies when there is no memory, as the next. */
void	ddmin_init(struct ddmin *, uint32_t n);
void	ddmin_free(struct ddmin *);	/* its contents; takes a zeroed one */

/* The next try: its elements are in `trial`.  False when `set` is what was looked for. */
bool	ddmin_next(struct ddmin *);

/* What came of the try. */
void	ddmin_answer(struct ddmin *, bool fails);

#endif
