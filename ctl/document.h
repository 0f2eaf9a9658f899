/*
 * The result document, whose end is held back until what a verb knows beyond the run is
 * in it.  All before its end is on standard output by then: of flake detection it has
 * hundreds of megabytes.
 */
#ifndef CTL_DOCUMENT_H
#define CTL_DOCUMENT_H

#include <stddef.h>
#include <stdio.h>

#include "ctl/text.h"

struct cmd_entry;

struct document {
	char	*text;		/* its end, that is not written yet */
	size_t	 len;		/* 0: there is no document */
	FILE	*file;		/* where it is written to; NULL: not asked for */
};

/* 0, or an exit code (the error is printed).  The struct stays where it is until
 * document_close(). */
int	document_open(struct document *, const struct cmd_entry *);

/* Its end is in `text` from now on, if there was any.  Takes one that is not open. */
void	document_close(struct document *);
void	document_free(struct document *);

/* Writes the end of a document (an object) with a member more, whose value is the JSON in
 * `value`.  0, or -EINVAL when it is the end of no object. */
int	document_extend(const char *end, size_t len, const char *key, const struct text *value,
	    FILE *out);

/* Writes the end as it is. */
void	document_leave(const struct document *);

#endif
