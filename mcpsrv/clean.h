/*
 * Text of tests on its way into a prompt: made harmless.  What a terminal would act
 * on and what a reader would not see is taken out, so that no output can hide words
 * from the people who look at it or pose as something else.
 */
#ifndef MCPSRV_CLEAN_H
#define MCPSRV_CLEAN_H

#include <stddef.h>

#include "ctl/text.h"

struct secrets;

/*
 * Adds it as UTF-8.  Gone are escape sequences (ANSI, OSC and their kin), C0 and C1
 * controls but newline and tab, what a carriage return overwrote, characters that
 * turn the direction of text, that have no width or that spell invisible ASCII (tags).
 * Bytes that are no UTF-8 become U+FFFD.
 */
void	clean_text(struct text *, const char *, size_t n);

/* The same on one line of at most `max` bytes, with secrets (NULL: none) hidden before it
 * is cut: white space becomes one blank. */
void	clean_line(struct text *, const struct secrets *, const char *, size_t n, size_t max);

/*
 * The last `lines` lines and `max` bytes at the most, cleaned, with secrets hidden;
 * begins with "[... N bytes before this]\n" when something was left out, of which
 * `total` bytes were printed in all.  The bytes that were left out, or 0.
 */
size_t	clean_tail(struct text *, const struct secrets *, const char *, size_t n, size_t total,
	    size_t lines, size_t max);

#endif
