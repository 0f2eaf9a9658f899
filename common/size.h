/* Sizes in bytes as people write and read them, of 1024: 64K, 512M, 2G. */
#ifndef COMMON_SIZE_H
#define COMMON_SIZE_H

#include <stddef.h>
#include <stdint.h>

#include "common/sv.h"

#define SIZE_TEXT	32	/* bytes that any of these fits in */

/* "65536" "64K" "512M" "2G" "1T".  0; -EINVAL when it is none of these, or does not fit. */
int	size_parse(struct sv, uint64_t *ret);

/* How many digits a text begins with, and the number that they are; 0: none, or too many. */
size_t	size_digits(struct sv, uint64_t *ret);

/* As size_parse() reads it, in the largest unit that is exact.  These return buf. */
char	*size_exact(uint64_t, char buf[SIZE_TEXT]);

/* In a sentence: "1 byte" "512 MiB" "530.2 MiB". */
char	*size_words(uint64_t, char buf[SIZE_TEXT]);

/* In a table: "0" "512B" "1.5K" "64M" "2.1G". */
char	*size_short(uint64_t, char buf[SIZE_TEXT]);

#endif
