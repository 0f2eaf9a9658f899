/*
 * Bytes into lines, each at most so long.  A line that is longer is told once and
 * dropped as it comes, so that it never takes more memory than a line may.
 */
#ifndef MCP_LINES_H
#define MCP_LINES_H

#include <stdbool.h>
#include <stddef.h>

struct lines {
	char	*buf;
	size_t	 len, size;
	size_t	 max;		/* bytes of a line, without its end */
	bool	 dropping;	/* the line that comes is too long */
};

/* A line without its "\n" or "\r\n", not terminated; NULL: it was longer than max. */
typedef void	 lines_fn(void *arg, const char *line, size_t n);

void	lines_init(struct lines *, size_t max);
void	lines_free(struct lines *);

/* Takes bytes and hands out the lines that are whole.  Empty lines are left out.
 * What is handed out is valid during the call. */
void	lines_feed(struct lines *, const char *, size_t n, lines_fn *, void *arg);

/* The end: what is left is a line. */
void	lines_end(struct lines *, lines_fn *, void *arg);

#endif
