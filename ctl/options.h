/* The options of run and list: what is selected, and how it is run. */
#ifndef CTL_OPTIONS_H
#define CTL_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "ctl/cmd.h"
#include "ctl/plan.h"

struct options {
	struct strs	filters;
	unsigned	shard, shards;		/* shards 0: not given */
	const char	*each;
	const char	*command;		/* the first word behind --, NULL: none */
	const char	*name, *junit, *tap, *events;
	int		 tap_version;		/* 13, 14 */
	uint64_t	 jobs, max_fail;	/* 0: not given */
	bool		 has_timeout, has_run_timeout, has_grace, has_retries, has_backoff;
	uint64_t	 timeout_ms, run_timeout_ms, grace_ms, retries, backoff_ms;
	uint64_t	 multiplier_milli;	/* 0: not given */
	int		 jitter;		/* enum retry_jitter, -1: not given */
	bool		 shuffle, has_seed, detach, live, json, quiet, flaky_fails;
	uint64_t	 seed;
};

/* Reads the verb's words; optind is then at the first suite.  `full`: with the
 * options that only running has.  0 or an exit code (the error is printed). */
int	options_parse(const struct cmd_entry *, int argc, char **argv, bool full,
	    struct options *);
void	options_free(struct options *);

/*
 * The plan that suites (argv from optind) and options make: loaded, filtered,
 * overridden.  0 or an exit code (the error is printed).
 */
int	options_plan(const struct cmd_entry *, struct options *, int argc, char **argv,
	    struct plan *);

/* The text of the options, for --help. */
#define OPTIONS_SELECT_HELP						\
	"  -E, --filter EXPR     only the tests that match: name(~text) tag(slow)\n"	\
	"                        suite(s), with and, or, not; again: any of them\n"	\
	"      --shard M/N       the M-th of N parts, by a stable hash of names\n"	\
	"      --each 'CMD {}'   one test a line of standard input, {} replaced\n"

#endif
