/*
 * Why is a test flaky?  Out of what was seen of it, without its texts: how often it
 * failed under each condition, when, beside what, and how its failures look.  Pure.
 *
 * Each cause says under which conditions a test fails more often or less often than
 * plainly, and under which it does not care.  What was counted has some likelihood under
 * each of these; the share of a cause in their sum, weighted by how frequent causes are, is
 * its certainty.  A cause that speaks of conditions is named only if they also differ from
 * plain by Fisher's exact test, which knows nothing of those weights.
 */
#ifndef CTL_FLAKY_CAUSE_H
#define CTL_FLAKY_CAUSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/flake.h"

/* X(NAME, word, what it is) */
#define FLAKY_CATEGORY_LIST(X)						\
	X(UNKNOWN, "unknown", "unknown")				\
	X(TIMING, "timing", "timing: it takes for granted how long something takes, or who is first") \
	X(CONCURRENCY, "concurrency", "concurrency with itself: copies of it get in each other's way") \
	X(CLASH, "clash", "port or file clash: it uses a fixed name that another one has taken") \
	X(STARVATION, "starvation", "resource starvation: there is not enough of what it needs") \
	X(TIME, "time", "time of day or zone")				\
	X(RANDOMNESS, "randomness", "randomness: of its own, or the order of what is hashed") \
	X(ENVIRONMENT, "environment", "environment: the language, or the folder it runs in") \
	X(ORDER, "order", "order dependence: it goes by which test ran before it") \
	X(LEAK, "leak", "leak of an earlier test, or of itself: what was left behind") \
	X(INFRASTRUCTURE, "infrastructure", "infrastructure: other tests fail at the same moments")

enum flaky_category {
#define X(N, word, text)	FLAKY_##N,
	FLAKY_CATEGORY_LIST(X)
#undef X
	FLAKY_CATEGORY_COUNT
};

/* Words in failures; they support a cause, and never decide against the conditions. */
#define FLAKY_MARK_LIST(X)						\
	X(IN_USE, "an address or a file that is in use")		\
	X(EXISTS, "a file that exists already")				\
	X(FILES, "too many open files")					\
	X(MEMORY, "no memory")						\
	X(SPACE, "no space left")					\
	X(NETWORK, "the network")					\
	X(LATE, "a time limit")						\
	X(RACE, "a race or a deadlock")					\
	X(CRASH, "a signal")

enum flaky_mark {
#define X(N, text)	FLAKY_MARK_##N,
	FLAKY_MARK_LIST(X)
#undef X
	FLAKY_MARK_COUNT
};

struct flaky_condition {
	uint64_t	runs, fails;	/* attempts that are evidence */
};

/* The ends of the interval that its failure rate is in with 95 %, 2.5 % on each side. */
double	flaky_low(const struct flaky_condition *);
double	flaky_high(const struct flaky_condition *);

/* Some attempts against others. */
struct flaky_contrast {
	struct flaky_condition seen, against;
	double		p;		/* that `seen` fails so much more often (or less, where that
					 * is said) by accident, times all that were looked
					 * at (Bonferroni).  With no run in `seen`: not
					 * known */
};

/* A part of a span of the clock, of which each day has a whole number. */
struct flaky_arc {
	uint64_t	period_ms;
	double		from, to;	/* shares of it; `to` may be over 1: it goes on in the next */
	struct flaky_contrast v;	/* attempts that start in it, and the others */
};

/* What other tests were doing. */
struct flaky_near {
	const char	*test;		/* borrowed; it ended last ... */
	const char	*not;		/* ... of it and this one; NULL: of it and the test itself */
	bool		less;		/* then it fails less often: it makes what is needed */
	struct flaky_contrast v;
};

struct flaky_evidence {
	struct flaky_condition at[FLAKE_CONDITION_COUNT];
	uint64_t	marks[FLAKY_MARK_COUNT];	/* failures that speak of it */
	double		stretches;	/* stats_runs() of the plain attempts; 1: not known */
	double		rhythm;		/* stats_rhythm() of all attempts; 1: not known */
	/* Plain attempts at whose time another test failed, and the others. */
	struct flaky_condition beside, apart;
	struct flaky_contrast again;	/* plain attempts at once after a failure; the others */
	uint64_t	spent;		/* failures that are left out of `at`, as a spell */
	struct flaky_arc clock;
	struct flaky_near after;	/* when the one test or the other ran before it */
	struct flaky_near along;	/* while that test ran, too */
	uint64_t	lost;		/* attempts that were lost with their worker */
	double		slower;		/* failing against passing, median durations; 0: not known */
	double		slower_p;	/* flaky_slower_p() */
};

/* One thing that speaks for the cause, or that is out of the question. */
enum flaky_piece_kind {
	FLAKY_MORE,		/* fails more often under a condition */
	FLAKY_LESS,
	FLAKY_GROUP,		/* under all that the cause speaks of, against all others */
	FLAKY_ALIKE,		/* as often under all conditions together as plainly */
	FLAKY_STRETCHES,	/* its failures come in a row */
	FLAKY_RHYTHM,		/* they come every so many attempts */
	FLAKY_BESIDE,		/* they come when others fail */
	FLAKY_AGAIN,		/* after one comes another, at once */
	FLAKY_HOUR,		/* they come at a certain part of the clock */
	FLAKY_AFTER,		/* they come after another test */
	FLAKY_ALONG,		/* they come while another test runs */
	FLAKY_LOST,		/* attempts of it are lost */
	FLAKY_SLOWER,		/* failing attempts take longer (ratio) */
	FLAKY_SAYS,		/* what its failures speak of: `mark` */
	FLAKY_PIECE_KINDS
};

struct flaky_piece {
	enum flaky_piece_kind kind;
	unsigned	conditions;	/* that were counted: bits */
	enum flaky_mark mark;
	struct flaky_condition seen, against;
	double		ratio;
	double		p;		/* of so much by accident; of MORE and LESS by Holm over
					 * all conditions that were tried; 1: no test was made */
};

#define FLAKY_PIECES	24

/* What is known of one condition. */
struct flaky_effect {
	double	p;		/* Fisher, both sides, by Holm; 1: not tried */
	bool	more, less;	/* p is below FLAKY_BELIEF */
};

#define FLAKY_BELIEF	0.05	/* chances below it are believed */
/* Of what was chosen out of many: Bonferroni's bound holds for whatever many, but the tests
 * take attempts for independent, and attempts of one run are not quite that. */
#define FLAKY_CHOSEN	0.001

struct flaky_cause {
	enum flaky_category category;	/* UNKNOWN: no other one is likely enough */
	double		certainty;	/* 0..1, of `likely` */
	enum flaky_category likely;	/* the likeliest one; UNKNOWN: none of them */
	enum flake_condition next;	/* the one to look at it under; PLAIN: as it is */
	double		share[FLAKY_CATEGORY_COUNT];	/* of each category; their sum is 1 */
	double		race;		/* the part of TIMING's that is a race, rather than a wait or
					 * a limit that is too short: hard to tell apart */
	struct flaky_effect effects[FLAKE_CONDITION_COUNT];
	struct flaky_piece pieces[FLAKY_PIECES];	/* what speaks for `likely`: the
					 * strongest first */
	size_t		npieces;
};

void	flaky_cause_of(const struct flaky_evidence *, struct flaky_cause *ret);

/* "timing"; and what it is, in words. */
const char	*flaky_category_name(enum flaky_category);
const char	*flaky_category_text(enum flaky_category);
const char	*flaky_mark_text(enum flaky_mark);

#endif
