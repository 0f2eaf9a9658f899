/* The verbs of paratestctl: one file each, one table. */
#ifndef CTL_CMD_H
#define CTL_CMD_H

#include <stdbool.h>
#include <stdio.h>

#include "ctl/client.h"

/* What stands before the verb. */
struct cmd_globals {
	const char	*socket;	/* --socket, NULL: not given */
	bool		 json;
};

struct cmd_entry {
	const char	*name;
	const char	*summary;	/* one line of paratestctl --help */
	const char	*usage;		/* all of paratestctl NAME --help */
	/* argv[0] is the verb; returns the exit code */
	int		(*exec)(const struct cmd_globals *, int argc, char **argv);
};

extern const struct cmd_entry cmd_run, cmd_list, cmd_plan, cmd_show, cmd_runs, cmd_watch,
    cmd_output, cmd_cancel, cmd_retry, cmd_flaky, cmd_history, cmd_metrics, cmd_config,
    cmd_status, cmd_top, cmd_workers, cmd_ping, cmd_reload, cmd_drain, cmd_shutdown;

/* The one way to complain: "paratestctl: VERB: text", and what to do on a second
 * line when there is a hint.  Returns the exit code that goes with the error. */
int	cmd_fail(const struct cmd_entry *, const struct client_error *);

/* A usage error: prints it, returns EXIT_USAGE. */
int	cmd_usage(const struct cmd_entry *, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

/* Options that each verb has: --help (prints it and exits), --json.  For use with
 * getopt_long: add CMD_LONGS to the table and pass what it returns here; false when
 * it is the verb's own. */
#define CMD_LONGS							\
	{ "help", no_argument, NULL, 1000 },				\
	{ "json", no_argument, NULL, 1001 },				\
	{ NULL, 0, NULL, 0 }
bool	cmd_common(const struct cmd_entry *, int c, bool *ret_json);

/* Connects, or complains and returns NULL with the exit code. */
struct client	*cmd_open(const struct cmd_entry *, const struct cmd_globals *, bool start,
		    int *ret_code);

#endif
