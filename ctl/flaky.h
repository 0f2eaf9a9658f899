/*
 * What a run that detects flaky tests came to: for each test its verdict, how it fails,
 * under which conditions, why, and what to do next.  Out of the results, for the table
 * (flaky_text.c) and the JSON document (flaky_json.c).
 */
#ifndef CTL_FLAKY_H
#define CTL_FLAKY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/flake.h"
#include "ctl/flaky_cause.h"
#include "ctl/flaky_figures.h"
#include "ctl/flaky_lines.h"
#include "ctl/results.h"
#include "ctl/text.h"

struct text_style;

#define FLAKY_SURE	0.95	/* of what is said about seeing it fail again */
#define FLAKY_PATTERNS	8	/* ways to fail that are told apart; the rest is the last */

/* Failed attempts that are alike. */
struct flaky_pattern {
	const char	*category;	/* one of the original framework's names */
	const char	*message;	/* borrowed; "" when nothing was said */
	uint64_t	 fingerprint;
	uint64_t	 count;
	unsigned	 marks;		/* bits of enum flaky_mark */
};

/*
 * How to see it fail again.  The failure rate that is counted on is the lower end of an
 * interval, since the rate of a few attempts that happened to fail is too high.
 */
struct flaky_again {
	enum flake_condition under;	/* one condition, of which alone is spoken */
	uint64_t	fails, runs;	/* seen under it */
	double		low;		/* it fails at this rate at least, with FLAKY_SURE */
	uint64_t	attempts;	/* that it takes; 0: it never failed */
	double		chance;		/* that one of them fails, at that rate: FLAKY_SURE,
					 * less when they were too many */
};

struct flaky_test {
	const struct test_result	*test;	/* borrowed */
	uint64_t	runs;		/* passes and failures */
	uint64_t	errors;		/* attempts that could not run, or were lost */
	double		share;		/* of the minority: the original's flakeRate */
	struct flaky_pattern patterns[FLAKY_PATTERNS];	/* the most frequent first */
	size_t		npatterns;
	/* Of what has failed: */
	struct flaky_evidence evidence;	/* its counts are those of all attempts */
	struct flaky_cause cause;	/* of what is flaky or suspect; else UNKNOWN */
	struct flaky_figures figures;
	struct flaky_lines lines;
	struct flaky_again again;
	char		*command;	/* that shows it fail again; NULL: it never failed */
	char		*advice;	/* what is known, and what to do next */
};

struct flaky_report {
	struct flaky_test *tests;	/* the worst first */
	size_t		n;
	uint64_t	counts[FLAKE_VERDICT_COUNT];
	uint64_t	confirmed, attempts;
	uint64_t	open;		/* tests that are left out */
	double		 threshold;	/* with --runs: flaky above this share */
	const char	*ended;		/* why the run was ended early; NULL: it was not */
	int		 code;		/* that of the run; see below */
	bool		 failed;	/* a test of it has */
};

/*
 * Borrows from the results.  `suites`: the words that name what was run, for commands that
 * can be typed; NULL when they are not known: then it is the file that a test is written
 * in.  Of a run that is not over, tests that are not are left out.
 */
void	flaky_report_of(const struct results *, const char *suites, struct flaky_report *ret);
void	flaky_report_free(struct flaky_report *);

/*
 * The exit code: 1 with a flaky test; then that of the run, in which a broken one and one
 * that could not run have failed (7: for their setups alone), and what is flaky has
 * passed; 1 for a run that was ended before all was decided, since that is no pass; what
 * a budget did not suffice for was not asked for.
 */
int	flaky_report_code(const struct flaky_report *);

/* Tests of which no verdict is known, beyond that they did both. */
uint64_t flaky_report_undecided(const struct flaky_report *);

/* Is there anything to say of it?  Of one that is stable there is not, unless it does not
 * bear copies of itself. */
bool	flaky_is_told(const struct flaky_test *);

/* The table, for people, as wide as `columns` (0: lines are not broken). */
void	flaky_text(const struct flaky_report *, const struct text_style *, size_t columns,
	    struct text *);

/* The value of the member `flaky` of the result document. */
void	flaky_json(const struct flaky_report *, struct text *);

/* Words about it, for both (flaky_advice.c).  One piece of evidence; a condition as in
 * "fails when paused"; what is known and what to do next, malloc'ed. */
void	flaky_piece_text(const struct flaky_test *, const struct flaky_piece *, struct text *);
const char *flaky_condition_text(enum flake_condition);
const char *flaky_look_at(const struct flaky_test *);
char	*flaky_advice(const struct flaky_test *);

/* The command of .again, malloc'ed; NULL: it never failed.  `suites` as above. */
char	*flaky_command(const struct flaky_test *, const char *suites);

#endif
