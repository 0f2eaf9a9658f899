/*
 * The options of a program or a verb as one table: for getopt_long(), for --help, for
 * completions, and for the check that the manual pages have them all.
 */
#ifndef COMMON_OPTION_H
#define COMMON_OPTION_H

#include <getopt.h>
#include <stddef.h>
#include <stdio.h>

#define OPTION_LONG	256	/* codes from here on have no short form */
#define OPTION_ROWS	80	/* of one table, at the most */
#define OPTION_FORM	96	/* bytes that any option_form() fits in */

struct option_row {
	const char	*name;	/* NULL: the end of the table */
	/*
	 * What it takes, as --help writes it: capitals are a kind (FILE, DUR, N), words with
	 * | between them all that there are; NULL: nothing; in brackets: it may be left out.
	 */
	const char	*takes;
	int		 c;	/* what getopt_long() gives; the short option when < OPTION_LONG */
	const char	*text;	/* of --help, lines with \n between; NULL: it is told elsewhere */
};

/* For getopt_long(): the rows of both tables (either may be NULL).  What is too much for
 * OPTION_ROWS is a fatal error of the program. */
void	option_longs(const struct option_row *, const struct option_row *,
	    struct option longs[OPTION_ROWS + 1], char shorts[2 * OPTION_ROWS + 1]);

/* "-j, --jobs N|auto", "--shuffle[=SEED]". */
void	option_form(const struct option_row *, char buf[OPTION_FORM]);

/* The rows as --help has them. */
void	option_help(const struct option_row *, FILE *);

#endif
