/*
 * Reporters: what is made of a run's events.  Each is fed the same stream, live
 * or replayed, and can call nothing back.
 */
#ifndef CTL_REPORT_H
#define CTL_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/clock.h"
#include "common/msg.h"

struct results;

struct reporter {
	void	*state;			/* owned by the reporter */
	/* One event, in order.  `results` holds all up to and with this one. */
	void	(*event)(void *state, const struct msg_event *, const struct results *);
	/* Output of a running test, when the run is live.  May be NULL. */
	void	(*live)(void *state, const struct msg_live *);
	/* The time: redraw, heartbeat line.  May be NULL. */
	void	(*tick)(void *state, msec_t now, const struct results *);
	/* Somebody else is about to write to the terminal.  May be NULL. */
	void	(*aside)(void *state);
	/* The stream is over (complete or not): write what is left and free the
	 * state.  0, or -errno when the file could not be written. */
	int	(*end)(void *state, const struct results *);
};

struct report_text_options {
	FILE	*out;			/* borrowed: progress and summary */
	bool	 terminal;		/* a bar, colours unless !colour */
	bool	 colour;
	unsigned columns;		/* 0: ask the terminal at each redraw */
	unsigned rows;
	bool	 quiet;			/* no progress, only failures and summary */
	bool	 isolation;		/* the summary says how tests were kept apart */
	uint64_t heartbeat_ms;		/* not on a terminal: a line so often */
};

/*
 * Each makes a reporter in *ret.  FILE streams are borrowed and flushed, never
 * closed.  They die without memory; no other error.
 */
void	report_text(struct reporter *ret, const struct report_text_options *);
void	report_events(struct reporter *ret, FILE *);	/* JSON lines */
void	report_json(struct reporter *ret, FILE *);	/* one result document */
void	report_tap(struct reporter *ret, FILE *, int version);	/* 13, 14 */
void	report_junit(struct reporter *ret, FILE *);

#endif
