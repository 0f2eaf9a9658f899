/*
 * A circuit breaker for retries of one kind: of the run, of a tag, of a failure's
 * fingerprint.  Pure: time is a number.
 *
 *	        enough retries failed, or a mass failure
 *	CLOSED ─────────────────────────────────────────► OPEN ◄─────────┐
 *	  ▲                                                │             │
 *	  │                                                │ cool-down   │
 *	  │            the probe healed                    ▼             │
 *	  └──────────────────────────────────────────── HALF_OPEN ───────┘
 *	                                                   the probe failed
 *
 * CLOSED lets every retry pass, OPEN none, HALF_OPEN one at a time: the probe.  OPEN
 * becomes HALF_OPEN when the first retry after the cool-down starts.  Results of
 * retries that started before it opened change it no more.
 *
 * M. Nygard, "Release It!", 2nd edition, 2018, chapter 5.
 */
#ifndef POLICY_BREAKER_H
#define POLICY_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/outcome.h"

enum breaker_scope { BREAKER_RUN, BREAKER_TAG, BREAKER_FINGERPRINT };

#define BREAKER_WINDOW_MAX	64
#define BREAKER_COOL_DOWN_MAX	300000	/* ms; as far as it doubles */

/* All 0: the defaults of breaker_defaults(). */
struct breaker_policy {
	bool		off;
	uint32_t	window;		/* newest retries that are looked at */
	uint32_t	minimum;	/* of them, before it may open */
	uint32_t	failure_ppm;	/* share of failed ones that opens it */
	uint32_t	consecutive;	/* failed ones in a row that open it, and then
					 * the window is not looked at; 0: not used */
	uint64_t	cool_down_ms;	/* doubles each time the probe fails */
	uint32_t	mass_ppm;	/* share of the run's tests that failed; over a
					 * million: never */
};

/* Zeroed: closed. */
struct breaker {
	enum breaker_state	state;
	uint64_t		failed;		/* bits, newest retry lowest */
	uint32_t		n;		/* retries in the window */
	uint32_t		row;		/* failed ones since the last that healed */
	uint64_t		opened_at;	/* ms */
	uint64_t		cool_down_ms;	/* of this opening */
	uint32_t		probe;		/* whose retry it is, when it is out */
	bool			probing;	/* HALF_OPEN: it is */
};

/*
 * The policy of a scope, with a default for each member that is 0 and no member out
 * of bounds:
 *
 *	window		20
 *	minimum		5 of a fingerprint, 10 of a tag, 20 of the run, at most the
 *			window: a wide breaker stops retries of failures that have
 *			nothing to do with each other, and one cause alone, which gives
 *			5 before its own breaker opens, must not open it
 *	failure_ppm	800000
 *	cool_down_ms	30000
 *	mass_ppm	800000
 *
 * The original's form is consecutive = 5, with the same cool-down.
 */
struct breaker_policy	breaker_defaults(struct breaker_policy, enum breaker_scope);

/* May the retry of `id` start at `now`?  Of a probe that is out, too: it may have to
 * start again. */
bool	breaker_allows(const struct breaker *, uint32_t id, uint64_t now);

/* The retry of `id`, which breaker_allows(), starts; it is the probe if OPEN or
 * HALF_OPEN. */
void	breaker_start(struct breaker *, uint32_t id);

/* The retry of `id` ended: it healed its test or failed again. */
void	breaker_result(struct breaker *, const struct breaker_policy *, uint32_t id,
	    bool healed, uint64_t now);

/* If the retry of `id` is the probe: it will come to no result. */
void	breaker_abandon(struct breaker *, uint32_t id);

/* Opens it, whatever its window says. */
void	breaker_trip(struct breaker *, const struct breaker_policy *, uint64_t now);

#endif
