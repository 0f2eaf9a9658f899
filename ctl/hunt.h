/*
 * A bisect as far as it has come: what was looked at, and what is known.  Filled in by
 * cmd_flaky_bisect.c, told by hunt_text.c.
 */
#ifndef CTL_HUNT_H
#define CTL_HUNT_H

#include <stdio.h>

#include "ctl/bisect.h"
#include "ctl/bisect_run.h"
#include "ctl/git.h"
#include "ctl/plan.h"

struct hunt_step {
	char			*commit, *subject;
	enum bisect_verdict	 verdict;
	struct bisect_runs	 runs;
	uint64_t		 duration_us;
};

struct hunt {
	struct bisect_command	 command;
	char			*top;		/* of the work tree */
	char			*good, *bad;	/* commits; good NULL: not known yet */
	uint64_t		 commits;	/* that may be the first bad one */
	struct bisect_plan	 plan;
	bool			 is_measured;
	struct bisect_runs	 measured;
	struct hunt_step	*steps;
	size_t			 n;
	uint64_t		 runs;		/* of the command, in all */
	uint64_t		 start_us;	/* monotonic */
	struct strs		 found;		/* 2 each: commit, subject; one: the first bad
						 * commit, several: one of them is */
	char			 why[GIT_WHY];
};

/* How a step came out; what is about to be done; what was found, for people. */
void	hunt_say_step(const struct hunt_step *, FILE *);
void	hunt_say_plan(const struct hunt *, FILE *);
void	hunt_say_end(const struct hunt *, FILE *);

/* The whole of it as a JSON document on standard output. */
void	hunt_json(const struct hunt *);

#endif
