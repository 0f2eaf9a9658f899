/*
 * Text for people out of bytes that anybody printed: escaped, shortened in the
 * middle, and never with a NUL in it.  Pure; dies without memory.
 */
#ifndef WORKER_STRBUF_H
#define WORKER_STRBUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/sv.h"

#define STRBUF_SHOWN	200	/* bytes of a value that a message shows */

/* A growing string; {0} is empty.  p is owned, and ends with a NUL once set. */
struct strbuf {
	char	*p;
	size_t	 n, cap;
};

void	strbuf_add(struct strbuf *, const void *, size_t);
void	strbuf_addf(struct strbuf *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Appends `s` with control characters, backslashes and what is not UTF-8 as
 * escapes; of more than `max` bytes the middle is left out, and said so. */
void	strbuf_add_escaped(struct strbuf *, struct sv s, size_t max);
/* The same in double quotes, cut at STRBUF_SHOWN bytes. */
void	strbuf_add_quoted(struct strbuf *, struct sv s);

/* The line that starts at byte `from`, without its newline or with it. */
struct sv strbuf_line(struct sv, size_t from, bool with_newline);
/* The number, from 1, of the line that byte `at` is in. */
size_t	strbuf_line_number(struct sv, size_t at);
/* Appends " in line N: " and the line that byte `at` is in. */
void	strbuf_add_where(struct strbuf *, struct sv s, size_t at);

/* A copy with small letters for the capital ones of ASCII; malloc'ed. */
char	*strbuf_folded(struct sv);

/* Bytes of the UTF-8 character that starts at p, 0 when there is none. */
size_t	strbuf_utf8(const char *p, size_t n);
/* Is it UTF-8 throughout?  *ret_ascii: is it ASCII? */
bool	strbuf_is_utf8(struct sv, bool *ret_ascii);

#endif
