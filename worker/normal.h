/*
 * Text without what differs from one time to the next, so that two failures for one
 * reason read the same.  Pure; dies without memory.
 *
 *	<n>	numbers, also in words and joined by . : , / - as in versions, dates,
 *		times and network addresses
 *	<time>	numbers with a unit of time; names of days and months
 *	<hex>	0x..., and words of 7 and more hexadecimal digits
 *	<uuid>
 *	<tmp>	a folder for temporary files with what is directly in it
 *	<id>	the random end of a file's name, as mkstemp(3) makes it
 *	<name>	the names that are given; of several the longest
 *
 * Of any other absolute path, and one that starts with . or ~, the last part stays.
 * A number that says how a program ended (exit code, signal) stays as it is.  Runs of
 * white space are one blank; escape sequences of terminals go; what is neither
 * printable nor UTF-8 becomes "?".
 */
#ifndef WORKER_NORMAL_H
#define WORKER_NORMAL_H

#include "common/sv.h"
#include "worker/strbuf.h"

/* A word of the text that is replaced wherever it stands alone. */
struct normal_name {
	struct sv	 text;		/* shorter than two bytes: none */
	const char	*instead;	/* "<test>" */
};

/* Appends at most some five times as many bytes as `s` has. */
void	normal_add(struct strbuf *, struct sv s, const struct normal_name *names,
	    size_t n_names);

#endif
