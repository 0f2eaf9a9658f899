/*
 * Is a test known to be flaky?  A score that fades, and two thresholds: a pure function
 * of its results in order.
 *
 * Each result lets the score S fade by half in FLAKINESS_HALF of them; each piece of
 * evidence adds its weight, up to FLAKINESS_TOP:
 *
 *	S = min(5, S 2^(-1/60) + w)
 *	flaky	when S reaches 2.5,	let off when S falls below 0.5
 *
 * Evidence is a failure, or several in a row, beside a pass of the same test while
 * nothing changed: in one run (a retry heals it), or on one revision with one definition
 * (w = 1).  Where no revision is known a repair cannot be told from luck (w = 1/4); between
 * two revisions, or two definitions, it is none.
 *
 * The higher threshold asks for three pieces close together: a test that fails once in a
 * thousand for reasons that are not its own reaches it in 10,000 results with a chance
 * below 1 %.  The lower one is what keeps a flaky one from flapping: to fall from 2.5 to
 * 0.5 takes 140 clean results, from the top 200, so a test that fails 5 % (0.95^140 =
 * 0.08 %) is let off less often than once in 100,000 results, and one that was mended is
 * after 200 at the most.  Figures by simulation, tests/unit/test_flakiness.c; two
 * thresholds against flapping are a Schmitt trigger (O. H. Schmitt, J. Sci. Instrum. 15,
 * 1938).
 */
#ifndef STORE_FLAKINESS_H
#define STORE_FLAKINESS_H

#include "common/history.h"

#define FLAKINESS_HALF		60.0	/* results */
#define FLAKINESS_TOP		5.0
#define FLAKINESS_ON		2.5
#define FLAKINESS_OFF		0.5
#define FLAKINESS_CLEAN_MAX	200	/* results until any test is let off */

#define FLAKINESS_SURE		1.0	/* both outcomes while nothing changed */
#define FLAKINESS_VAGUE		0.25	/* nothing is known to have changed */

/*
 * What the attempts of a run are worth: in one where a circuit breaker was open, or where
 * nearly all failed, they say nothing of their tests, and neither in one whose tests share a
 * folder, to see what they do to each other; one that detects flaky tests runs each again
 * whatever it did, so that nothing is lost to retries in it.
 */
enum run_mark {
	RUN_MARK_BREAKER = 1, RUN_MARK_MASS = 2, RUN_MARK_DETECTS = 4, RUN_MARK_SHARED = 8
};

/* Nearly all failed: so many tests came to a result, half of the run, and so great a share
 * of them failed.  As the supervisor has it when it refuses their retries. */
#define FLAKINESS_MASS_MIN	10
#define FLAKINESS_MASS_SHARE	0.8

/* Zeroed: of a test without results. */
struct flakiness {
	double			score;
	enum flaky_state	state;
};

/* One result more, and the weight of the evidence that it makes; 0: none. */
void	flakiness_add(struct flakiness *, double weight);

#endif
