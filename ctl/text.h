/*
 * Text that came from tests, made fit for where it is shown: a growing buffer,
 * UTF-8, widths, control characters as visible pictures, XML.
 *
 * A picture is \n \t \r for these three, \x1b for another control character or a
 * byte that is not UTF-8, \u{202e} for a character that does not print or that
 * would change the direction or the lines of what is around it.
 */
#ifndef CTL_TEXT_H
#define CTL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Zeroed is empty.  p is terminated by NUL as soon as anything was added. */
struct text {
	char	*p;
	size_t	 n, cap;	/* bytes */
};

/* These die when there is no memory. */
void	text_add(struct text *, const void *, size_t);
void	text_puts(struct text *, const char *);
void	text_addf(struct text *, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));
void	text_repeat(struct text *, const char *, size_t times);
void	text_clear(struct text *);	/* keeps the memory */
void	text_free(struct text *);	/* the contents */

/* Writes it all, flushes, and clears.  What fails shows in text_finish(). */
void	text_write(struct text *, FILE *);

/* Flushes.  0, or -errno when anything written to the stream was lost. */
int	text_finish(FILE *);

#define TEXT_BAD	UINT32_MAX

/*
 * The first character of n ≥ 1 bytes: how many bytes it takes, and in *ret_c its
 * code point, or TEXT_BAD for bytes that start no character (then the bytes that
 * one U+FFFD stands for).
 */
size_t	text_decode(const char *, size_t n, uint32_t *ret_c);

/* True when all of it is UTF-8. */
bool	text_is_utf8(const char *, size_t n);

/* Adds it as UTF-8, U+FFFD for what is not. */
void	text_utf8(struct text *, const char *, size_t n);

/* Columns that a code point takes on a terminal: 0, 1 or 2. */
unsigned	text_columns(uint32_t c);

enum text_flag {
	TEXT_ASCII = 1,		/* pictures for all that is not ASCII */
	TEXT_OUTPUT = 2,	/* a line a program printed: escape sequences go,
				 * tabs become blanks, of text overwritten after a
				 * carriage return only the last stays */
	TEXT_DOTS = 4,		/* ... and not … where it is cut */
};

/*
 * Adds one line (a newline in it is a picture) that is safe to show, at most
 * `max` columns of it (0: all), ending in … (... with TEXT_ASCII or TEXT_DOTS) when cut.
 * Returns the columns it took.
 */
size_t	text_show(struct text *, const char *, size_t n, unsigned flags, size_t max);

/* The same, but cut in the middle, so that both ends of a name are seen. */
size_t	text_show_name(struct text *, const char *, size_t n, unsigned flags, size_t max);

/* Where the last `lines` lines of it begin.  A newline at its end is no line. */
size_t	text_tail(const char *, size_t n, size_t lines);

/* Takes the first line off: its length, without newline; *p and *n move on. */
size_t	text_line(const char **p, size_t *n);

/*
 * Adds it as XML 1.0 character data, or as the value of an attribute in double
 * quotes.  Newlines and tabs stay; CR LF becomes LF.
 */
void	text_xml(struct text *, const char *, size_t n, bool attribute);

/* "SIGSEGV", "SIGRTMIN+3" or "signal 200", in buf. */
const char	*text_signal(uint64_t, char *buf, size_t size);

/* Milliseconds since the epoch as 2026-11-23T10:00:00Z, or with .123Z. */
void	text_time(struct text *, uint64_t ms, bool fraction);

#endif
