/* Times as people read them in a table, and how wide that may be. */
#ifndef CTL_HUMAN_H
#define CTL_HUMAN_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define HUMAN_TEXT	24	/* bytes that a time fits in */

/* Local time as ls has it: "Nov 24 18:04", and "Nov 24  2025" when it is half a year
 * off; "-" for 0.  Milliseconds since the epoch. */
char	*human_when(uint64_t ms, uint64_t now_ms, char *buf, size_t size);

/* Columns of a terminal, 0 when the stream is none: nothing is to be cut. */
unsigned human_columns(FILE *);

#endif
