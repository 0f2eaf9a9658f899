/* The verbs of paratestctl: one file each, one table. */
#ifndef CTL_CMD_H
#define CTL_CMD_H

#include <stdbool.h>
#include <stdio.h>

#include "common/option.h"
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
	const struct option_row *rows;	/* options of its own, NULL: none */
	unsigned	 shared;	/* those of options.c: of these verbs of enum options_verb */
	const char	*args;		/* what else stands there: SUITE..., [RUN] TEST */
};

extern const struct cmd_entry cmd_run, cmd_list, cmd_plan, cmd_show, cmd_runs, cmd_watch,
    cmd_output, cmd_cancel, cmd_retry, cmd_flaky, cmd_history, cmd_metrics, cmd_config,
    cmd_status, cmd_top, cmd_workers, cmd_ping, cmd_reload, cmd_drain, cmd_shutdown,
    cmd_complete;

/* All of them, in the order of --help; NULL is the last. */
extern const struct cmd_entry *const cmd_verbs[];
/* Those that `flaky` becomes by an option, which is part of the name; likewise. */
extern const struct cmd_entry *const cmd_forms[];
/* What stands before the verb, and what each verb has: --help, --json. */
extern const struct option_row cmd_global_rows[], cmd_common_rows[];

/* The one way to complain: "paratestctl: VERB: text", and what to do on a second
 * line when there is a hint.  Returns the exit code that goes with the error. */
int	cmd_fail(const struct cmd_entry *, const struct client_error *);

/* A usage error: prints it, returns EXIT_USAGE. */
int	cmd_usage(const struct cmd_entry *, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

/* getopt_long() with the verb's own options and the common ones. */
int	cmd_getopt(const struct cmd_entry *, int argc, char **argv);

/* The common options: --help (prints it and exits), --json; also what getopt complained
 * about.  false when it is the verb's own. */
bool	cmd_common(const struct cmd_entry *, int c, bool *ret_json);

/* Connects, or complains and returns NULL with the exit code. */
struct client	*cmd_open(const struct cmd_entry *, const struct cmd_globals *, bool start,
		    int *ret_code);

#endif
