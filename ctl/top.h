/*
 * What a supervisor does at a moment: its users with their shares, the active runs, the
 * tests that run.  Asked for with a few questions, shown as tables or as JSON.
 */
#ifndef CTL_TOP_H
#define CTL_TOP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "ctl/client.h"
#include "ctl/text.h"

#define TOP_USER	40	/* bytes of the name of a user */

struct top_user {
	uid_t		 uid;
	char		 name[TOP_USER];
	uint64_t	 weight, share, used, running, queued, runs, clients, memory;
};

struct top_run {
	char		 run[33];
	char		*label;		/* owned */
	char		 user[TOP_USER];
	uid_t		 uid;
	int		 priority;
	uint64_t	 total, done, running, queued, age_us;
};

struct top_test {
	char		*name;		/* owned; NULL: somebody else's */
	char		 run[33], user[TOP_USER];
	uint64_t	 slot, attempt, age_us, cpu_us, memory;
};

struct top {
	char		 program[64], state[32];
	uint64_t	 uptime_us, capacity, busy, queued, completed, memory;
	bool		 own;		/* all of it is one's own; else everybody's */
	struct top_user	*users;		/* who has most first */
	struct top_run	*runs;		/* the newest first */
	struct top_test	*tests;		/* the oldest first */
	size_t		 nusers, nruns, ntests;
};

/* Asks.  0 or as client_request(), with the error set; to be freed either way. */
int	top_ask(struct client *, struct top *, struct client_error *);
/* The users alone, by the same rules. */
int	top_ask_users(struct client *, struct top *, struct client_error *);
void	top_free(struct top *);

/* Adds the tables.  columns, rows: what there is room for, 0: all.  ascii: no other
 * characters in foreign names. */
void	top_show(struct text *, const struct top *, unsigned columns, unsigned rows, bool ascii);
/* The table of users alone. */
void	top_show_users(struct text *, const struct top *);

json_t	*top_json(const struct top *);
json_t	*top_json_users(const struct top *);

#endif
