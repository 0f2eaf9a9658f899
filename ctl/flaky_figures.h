/*
 * What attempts that failed cost against those that passed, under one and the same
 * condition: medians, and the chance of such a difference by accident.
 */
#ifndef CTL_FLAKY_FIGURES_H
#define CTL_FLAKY_FIGURES_H

#include <stdbool.h>
#include <stddef.h>

#include "common/flake.h"
#include "ctl/results.h"

/* X(NAME, member in JSON, what it is): times in milliseconds, memory in bytes. */
#define FLAKY_FIGURE_LIST(X)						\
	X(DURATION, "duration", "duration")				\
	X(CPU, "cpuTime", "CPU time")					\
	X(MEMORY, "peakMemory", "memory")				\
	X(WAITS, "voluntarySwitches", "waits")				\
	X(TAKEN, "involuntarySwitches", "preemptions")			\
	X(FAULTS, "majorFaults", "page faults with I/O")		\
	X(WRITTEN, "bytesWritten", "bytes written")			\
	X(PROCESSES, "processes", "processes")

enum flaky_figure {
#define X(NAME, member, text)	FLAKY_FIGURE_##NAME,
	FLAKY_FIGURE_LIST(X)
#undef X
	FLAKY_FIGURE_COUNT
};

struct flaky_figures {
	size_t		fails, passes;	/* attempts compared; 0: there were too few */
	enum flake_condition condition;	/* of all of them */
	struct {
		double	failing, passing;	/* medians */
		double	p;		/* stats_ranks(), by Holm over all figures */
	} v[FLAKY_FIGURE_COUNT];
};

/* Compares where there is most of both; three of each are the least. */
void	flaky_figures_of(const struct test_result *, struct flaky_figures *ret);

/* failing / passing; 0: it cannot be said. */
double	flaky_figure_ratio(const struct flaky_figures *, enum flaky_figure);

/*
 * The chance by accident of failing attempts that take so much longer than passing ones under
 * the same condition, all of these together (stats_ranks_within()); not beside copies, where
 * how long it takes is theirs.
 */
double	flaky_slower_p(const struct test_result *);

const char *flaky_figure_member(enum flaky_figure);
const char *flaky_figure_text(enum flaky_figure);

#endif
