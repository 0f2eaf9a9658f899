/*
 * How many tests at a time, when nobody says so (-j auto): as many as keep the CPUs
 * busy.  Tests that wait for something else than a CPU are run wider.  Pure.
 *
 * A test is expected to keep a CPU busy for the share of its time that its record says.
 * It starts while the shares of all that run, with its own, are within 1.05 of the CPUs
 * that the run may use.  So it is never less than one test a CPU.  Idle tests, of at most
 * WIDTH_IDLE, are counted apart: they start as long as they together leave half of the
 * CPUs alone, whatever else runs, as they take next to nothing from it.
 *
 * Tests without a record have one share together, of what is measured: it starts as a
 * whole CPU and comes down, half of the way with each look at the host, to what each of
 * those that run takes of the time that the CPUs were busy.  While the CPUs are all busy
 * it does not come down.
 *
 * Pressure is the share of time in which something that could run waited for a CPU
 * (PSI "some").  Above the bound, and until it has come down to 0.6 of it, that share rises,
 * and of tests with a record only idle ones are run wider than one a CPU.
 */
#ifndef POLICY_WIDTH_H
#define POLICY_WIDTH_H

#include <stdbool.h>
#include <stdint.h>

#define WIDTH_CPU	1000	/* a CPU, all the time */
#define WIDTH_IDLE	60	/* a test of at most so much is idle */
#define WIDTH_LEAST	20	/* no test takes less than that */
#define WIDTH_SHORT_US	50000	/* of a shorter test the record says nothing: what is around
				 * it takes as much as it does itself */

/* What a test of a record (cpu of it, and its shortest duration) is expected to take, in
 * thousandths of a CPU; 0: that is not known. */
uint32_t	width_share(uint64_t cpu_us, uint64_t shortest_us);

/* What is counted for it: rounded up, so that few different ones are left.  A test of more
 * than half a CPU takes a whole one: when CPUs are short its record shows less than it
 * could use, which is not to make it run wider still.  0 stays 0. */
uint32_t	width_cost(uint32_t share_milli);

static inline bool
width_is_idle(uint32_t cost_milli)
{
	return cost_milli > 0 && cost_milli <= WIDTH_IDLE;
}

/* May one start, when this is what all take with it?  units: of those that are not idle,
 * with it, while CPUs are short; else 0. */
bool	width_fits(uint32_t cpus, uint64_t busy_milli, uint32_t units);
bool	width_fits_idle(uint32_t cpus, uint64_t idle_milli);

struct width {
	uint32_t	share_milli;	/* of a test without a record */
	uint32_t	stall_milli;	/* smoothed */
	bool		pressed;
};

/* What was seen since the last time. */
struct width_seen {
	uint32_t	cpus;
	uint64_t	busy_milli;	/* CPUs that were busy */
	uint64_t	known_milli;	/* of that, what tests with a record take */
	uint32_t	unknown;	/* units of tests without one */
	uint32_t	stall_milli;	/* of the time something waited for a CPU */
	uint32_t	bound_milli;	/* at which that is too much; 0: it does not matter */
};

void	width_init(struct width *);
void	width_look(struct width *, const struct width_seen *);

#endif
