/*
 * Is a test flaky?  The evidence is how often it failed and passed; the answer is
 * valid whenever it is asked, whatever decided to run the test again.  Pure.
 *
 * A test that is not flaky fails at a rate of at most `noise` (or passes at most at
 * that rate).  Against both stands one mixture of failure rates that flaky tests
 * have, so that the ratio of likelihoods is an e-value: by Ville's inequality it ever
 * reaches 1/alpha with a chance of at most alpha (Howard, Ramdas and others, Annals
 * of Statistics 2021).  That a test is stable, or broken, is Wald's sequential test of
 * `noise` against `rate`.  Several tests together are judged by e-BH (Wang and Ramdas,
 * JRSS B 2022), which bounds the share of false discoveries under any dependence.
 */
#ifndef POLICY_FLAKE_H
#define POLICY_FLAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/flake.h"

struct flake_policy {
	bool		on;
	uint32_t	runs;		/* attempts of each test, 0: as many as it needs */
	uint32_t	max_runs;	/* then at most this */
	double		threshold;	/* with runs: share of the minority */
	bool		stop_on_stable;	/* with runs: the first half agree */
	bool		provoke;	/* half of the attempts under changed conditions: */
	uint32_t	conditions;	/* bits of enum flake_condition; 0: FLAKE_USUAL */
	uint32_t	diagnose;	/* attempts more of a flaky test, to know the cause */
	uint32_t	budget;		/* attempts of all tests; 0: no bound */
	uint64_t	budget_ms;	/* of the run, after which nothing starts; 0: none */
	bool		use_record;	/* what is on record of a test counts */
	uint32_t	under;		/* 1 + the condition of every attempt; 0: as above */
	uint32_t	until_fails;	/* so many failures end a test; 0: none do */
	double		alpha, beta;	/* chance of a false flaky; of one that is missed */
	double		noise, rate;	/* p0, p1 */
	double		fdr;
};

/* Failure rates of real flaky tests, and how many have about that rate: of the 811 that
 * A. Alshammari and others found in 22,245 tests run 10,000 times each ("FlakeFlagger",
 * ICSE 2021), without those that are too rare to be found. */
#define FLAKE_REAL	9
extern const struct flake_real {
	double		rate, share;
} flake_real[FLAKE_REAL];

/* What is on record of a test from earlier runs. */
struct flake_record {
	uint32_t	group;		/* tests that are likely to be flaky together */
	uint16_t	fails, passes;	/* of its newest attempts */
};

/* The passes of a record that has no failure, else 0: what flake_decide() wants. */
uint32_t	flake_streak(const struct flake_record *);

/* Are attempts to be crowded at times, where tests run beside each other at all? */
bool		 flake_crowds(const struct flake_policy *);

/*
 * A default for each number that is 0 and has one, and none out of bounds: max_runs 300
 * (to 10000), diagnose 0 (to 1000),
 * threshold 0.1, alpha 0.01, beta 0.05, noise 0.001, rate 0.05, fdr 0.05; `noise` is
 * at most half of `rate`.
 */
struct flake_policy flake_defaults(const struct flake_policy *);

/* ln of the e-value against "not flaky"; -HUGE_VAL unless it did both. */
double		 flake_evidence(const struct flake_policy *, uint32_t fails, uint32_t passes);

/*
 * Is it decided?  FLAKE_OPEN: run it again.  Never OPEN at the bound of runs.
 *
 * `streak`: passes of earlier runs, as flake_streak().  They count for STABLE alone: a
 * failure of earlier code says nothing.  From FLAKE_STREAK of
 * them on, the chance to miss a flaky test is held to 1 - power for those that there are
 * (the rates of real ones at or above `rate`, on average), not for the most difficult.
 */
#define FLAKE_STREAK	30
enum flake_verdict flake_decide(const struct flake_policy *, uint32_t fails, uint32_t passes,
		    uint32_t streak);

/* What can be said when no more runs are to be had: flake_decide(), with SUSPECT or
 * UNSURE instead of OPEN. */
enum flake_verdict flake_conclude(const struct flake_policy *, uint32_t fails,
		    uint32_t passes, uint32_t streak);

/*
 * The failure rate, in 0..1, as a confidence sequence: all rates that the mixture's
 * likelihood is not 1/alpha times more likely than.  It covers the true rate with
 * 1 - alpha at all times at once.  Without an attempt: 0 to 1.
 */
void		 flake_interval(const struct flake_policy *, uint32_t fails, uint32_t passes,
		    double *ret_low, double *ret_high);

/*
 * e-BH over m tests: how many of the first are confirmed.  `evidence`: as
 * flake_evidence(), falling.
 */
uint32_t	 flake_confirm(const double *evidence, uint32_t m, double fdr);

#endif
