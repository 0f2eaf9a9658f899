/*
 * Suites of tests that fail as often as real ones, for simulations: whole classes are
 * drawn from tests/data/failure-rates.txt.
 */
#ifndef SIM_POPULATION_H
#define SIM_POPULATION_H

#include <stdint.h>

#include "supervisor/policy/flake.h"
#include "supervisor/policy/sched.h"

#define NOISE	0.0001	/* failures of a sound test, as infrastructure makes them */

struct population {
	struct sched_test	*tests;
	struct flake_record	*records;	/* group: the class; nothing on record */
	double			*rate;		/* of failure, without the noise */
	uint32_t		n, flaky;
};

/* Reads the table: once, before anything is drawn.  0, or -1. */
int	population_read(const char *path);

/* n tests; to be freed with population_free(). */
void	population_draw(struct population *, uint32_t n, uint64_t seed);
void	population_free(struct population *);

/* Each has run so often before. */
void	population_record(struct population *, uint32_t runs, uint64_t seed);

/* How often a test fails, with the noise.  An attempt of it: does it fail? */
double	population_rate(const struct population *, uint32_t test);
int	population_fails(const struct population *, uint32_t test, uint64_t *state);

/* A number in [0, 1). */
double	population_random(uint64_t *state);

#endif
