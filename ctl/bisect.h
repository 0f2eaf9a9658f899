/*
 * Finding the commit at which a command began to fail now and then: how often it is run
 * at each commit, what that says of the commit, and how sure the answer is.  Pure; git
 * chooses the commits.
 *
 * A failure makes a commit bad, which is always right: good ones never fail.  What can
 * go wrong is that a bad one passes each time and is called good.  Each such call may be
 * wrong with a chance of error / steps, so that all of them together are with at most
 * `error` (Bonferroni): ln(error / steps) / ln(1 - rate) runs.
 *
 * A rate that was measured is not known for sure.  After k failures in n runs it is
 * Beta(k + 1/2, n - k + 1/2) distributed (Jeffreys' prior), and m runs all pass with the
 * mean of (1 - rate)^m, which is B(k + 1/2, n - k + 1/2 + m) / B(k + 1/2, n - k + 1/2).
 * The rate that is counted on is the one which needs as many runs by the formula above
 * as this needs for the same chance; it is well below k / n.
 */
#ifndef CTL_BISECT_H
#define CTL_BISECT_H

#include <stdbool.h>
#include <stdint.h>

#define BISECT_ERROR	0.05
#define BISECT_FAILURES	10	/* after so many the rate is measured well enough: */
#define BISECT_MEASURE	1000	/* or after so many runs */
#define BISECT_UNTESTABLE 125	/* exit code by which a command says so, as git has it */

enum bisect_verdict { BISECT_GOOD, BISECT_BAD, BISECT_SKIP, BISECT_OPEN };

/* What the runs of the command at one commit came to. */
struct bisect_runs {
	uint64_t	passes, fails;
	uint64_t	untestable;	/* exit 125, skipped, could not be started */
};

struct bisect_plan {
	double		rate;		/* bad commits are counted on to fail at */
	double		error;		/* chance that the answer is wrong, at most */
	uint64_t	steps;		/* commits that may be called good, at most */
	uint64_t	repeats;	/* runs without a failure that make one good */
	double		wrong;		/* chance that the answer is wrong, so far */
};

/* Commits that are looked at to find one among so many, and the good revision. */
uint64_t bisect_steps(uint64_t commits);

/* A plan for so many commits of which the bad ones fail at a rate that is known, or that
 * some runs at one of them (with a failure at least) tell of. */
struct bisect_plan bisect_plan(double rate, double error, uint64_t commits);
struct bisect_plan bisect_plan_by(const struct bisect_runs *, double error, uint64_t commits);

/* What is to be said of a commit.  OPEN: too few runs to say anything. */
enum bisect_verdict bisect_decide(const struct bisect_plan *, const struct bisect_runs *);

/* A commit that passed so often is called good. */
void	 bisect_called_good(struct bisect_plan *, uint64_t passes);

#endif
