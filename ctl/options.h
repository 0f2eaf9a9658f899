/* The options of run, retry, flaky, plan and list: what is selected, and how it is run. */
#ifndef CTL_OPTIONS_H
#define CTL_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/flake.h"
#include "common/spec.h"
#include "ctl/cmd.h"
#include "ctl/plan.h"
#include "ctl/submit.h"

struct text;

/* Which verb's options. */
enum options_verb { OPTIONS_LIST = 1, OPTIONS_PLAN = 2, OPTIONS_RUN = 4, OPTIONS_RETRY = 8,
	OPTIONS_FLAKY = 16 };

struct options {
	struct strs	filters;
	unsigned	shard, shards;		/* shards 0: not given */
	bool		shard_by_time;
	const char	*each;
	const char	*command;		/* the first word behind --, NULL: none */
	const char	*name, *revision, *junit, *tap, *events;
	int		 tap_version;		/* 13, 14 */
	uint64_t	 jobs, max_fail;	/* 0: not given */
	bool		 auto_width;		/* -j auto */
	bool		 has_timeout, has_run_timeout, has_grace;
	uint64_t	 timeout_ms, run_timeout_ms, grace_ms;
	struct plan_retry retry;		/* what is said of it */
	struct plan_limits limits;		/* likewise */
	struct strs	 budgets;		/* 2 each: tag ("": the run), limit */
	bool		 has_breaker;
	uint64_t	 breaker[BREAKER_SET_COUNT];
	bool		 shuffle, has_seed, detach, live, json, quiet, flaky_fails;
	bool		 plan_order;
	const char	*order_file;		/* NULL: none; then one at a time, in one folder */
	bool		 sequential, plain, no_history;	/* of flake detection */
	const char	*from;			/* a run whose tests are looked at */
	bool		 only_new;		/* tests without a history */
	const char	*repro;			/* a test that is to fail */
	bool		 bisect;		/* the commit at which the command began to fail: */
	const char	*good, *bad;		/* revisions */
	uint64_t	 error_ppm;		/* chance of a wrong one, 0: not given */
	bool		 find_order;		/* likewise: which tests depend on the order */
	uint64_t	 orders;		/* with it; 0: not given */
	const char	*write_order;		/* with it, NULL: nowhere */
	uint64_t	 flake[FLAKE_SET_COUNT];	/* all 0: an ordinary run */
	uint64_t	 seed;
	int		 priority;
	bool		 has_isolation;
	struct isolation_want isolation;	/* with it */
};

/* Reads the verb's words; optind is then at the first suite.  0 or an exit code (the
 * error is printed). */
int	options_parse(const struct cmd_entry *, int argc, char **argv, enum options_verb,
	    struct options *);
void	options_free(struct options *);

/* The options that any of these verbs (of enum options_verb) has. */
void	options_rows(unsigned verbs, struct option_row rows[OPTION_ROWS + 1]);

/*
 * The words about retries; each 0, or -EINVAL with one line in `why`.
 *
 *	rule	  of --retry-on, --retry-never, into `member` of o->retry
 *	budget	  LIMIT or TAG=LIMIT
 *	breaker	  off, or KEY=VALUE[,...]
 */
int	options_retry_rule(struct options *, enum plan_retry_member, const char *text,
	    char *why, size_t size);
int	options_budget(struct options *, const char *text, char *why, size_t size);
int	options_breaker(struct options *, const char *text, char *why, size_t size);

/*
 * The words about flake detection; each 0, or -EINVAL with one line in `why`.
 *
 *	share	a share in millionths, into o->flake
 *	spend	of --budget: attempts, or a time
 *	error	the same, into o->error_ppm
 *	under	the name of a condition, into o->flake
 *	check	when all of them are read: what goes together; settles the rest
 */
int	options_share(struct options *, enum flake_setting, const char *text, char *why,
	    size_t size);
int	options_spend(struct options *, const char *text, char *why, size_t size);
int	options_error(struct options *, const char *text, char *why, size_t size);
int	options_under(struct options *, const char *text, char *why, size_t size);
int	options_flaky_check(struct options *, char *why, size_t size);
/* A list of conditions, by their names with commas between, into o->flake.  Likewise. */
int	options_conditions(struct options *, const char *text, char *why, size_t size);

/* Adds what the options were given to run (suites, a command behind --, or --each and
 * its list; argv from optind), as a shell reads it again. */
void	options_words(const struct options *, int argc, char **argv, struct text *);

/*
 * The plan that suites (argv from optind) and options make: loaded, and then as
 * options_apply().  0 or an exit code (the error is printed).
 */
int	options_plan(const struct cmd_entry *, const struct cmd_globals *, struct options *,
	    int argc, char **argv, struct plan *);

/*
 * Filters the plan, lets the options replace what they name, and takes the shard;
 * that by time asks the supervisor.  0 or an exit code (the error is printed).
 */
int	options_apply(const struct cmd_entry *, const struct cmd_globals *,
	    const struct options *, struct plan *);

/* What the options say to a run that is submitted. */
void	options_submit(const struct options *, struct submit *);

/* The text of the options, for --help. */
#define OPTIONS_SELECT_HELP						\
	"  -E, --filter EXPR     only the tests that match: name(~text) tag(slow)\n"	\
	"                        suite(s), with and, or, not; again: any of them\n"	\
	"      --shard M/N       the M-th of N parts, by a stable hash of names\n"	\
	"      --shard-by time   parts of equal expected time instead, by the history\n"	\
	"      --each 'CMD {}'   one test a line of standard input, {} replaced\n"

#define OPTIONS_REVISION_HELP						\
	"      --revision REV    of what is tested, for the history ($PARATEST_REVISION)\n"

#define OPTIONS_ISOLATION_HELP						\
	"      --isolation LEVEL process, pid, cgroup, sandbox[,network=none|loopback|host]\n" \
	"                        [,read-only], or auto; in place of what suites say\n"

#define OPTIONS_ORDER_HELP						\
	OPTIONS_ISOLATION_HELP						\
	"  -j, --jobs N|auto     attempts at a time (as many as CPUs; auto: more while\n" \
	"                        they do not keep the CPUs busy)\n"		\
	"      --order history|plan      as the history advises (default), or as written\n"

#define OPTIONS_ORDER_FILE_HELP						\
	"      --order FILE      the tests that it names, one a line, and no others: in its\n"	\
	"                        order, one at a time, each finding in TMPDIR what those\n"	\
	"                        before left there; nothing is retried (./plan: a file)\n"

/* How it is run. */
#define OPTIONS_RUN_HELP						\
	OPTIONS_ORDER_HELP						\
	"      --timeout DUR     of a test that states none itself; 0: no limit\n"	\
	"      --run-timeout DUR of the whole run\n"				\
	"      --grace DUR       between TERM and KILL (10s); 0: KILL at once\n"	\
	"      --fail-fast       start nothing after the first failure\n"	\
	"      --max-fail N      the same after N of them\n"			\
	"      --shuffle[=SEED]  in random order; the seed is printed\n"	\
	"      --flaky-result pass|fail  of a test that passed on a retry (pass)\n"	\
	"      --detach          print the run's id and leave it running\n"	\
	"      --priority N      from -10 to 10 (0); your runs of a higher one get the\n"	\
	"                        workers first, what others get stays the same\n"	\
	"      --name LABEL      for lists and reports\n"			\
	OPTIONS_REVISION_HELP						\
	"Limits of each test (each replaces what suites say of the same; 0: no limit):\n"	\
	"      --memory SIZE     of all its processes together (512M, 2G)\n"	\
	"      --processes N     at a time\n"					\
	"      --cpus X          of CPUs, 1.5 is one and a half\n"		\
	"      --open-files N    of each process\n"				\
	"      --file-size SIZE  of each file that it writes\n"			\
	"Retries (each replaces what suites say of the same, and nothing else):\n"	\
	"      --retries N       run a failed test again, up to N times\n"	\
	"      --retry-on RULE   only after these; again: any of them.  RULE: timeout,\n"	\
	"                        crash, fail, oom, exit:CODE, signal:NAME, text:SUBSTRING\n"	\
	"                        (any case), match:REGEX, in the error or the output\n"	\
	"      --retry-never RULE        never after these\n"			\
	"      --retry-where now|end|alone       at once; after all other tests; then,\n"	\
	"                        with nothing beside it\n"			\
	"      --retry-preset aggressive|conservative|network\n"		\
	"      --backoff DUR     wait before a retry; it holds no slot\n"	\
	"      --backoff-multiplier X    each wait is X times the last\n"	\
	"      --backoff-max DUR and at most this\n"				\
	"      --jitter none|full|equal|decorrelated\n"			\
	"      --retry-budget LIMIT|TAG=LIMIT    of the run, of the tests with a tag: 2%\n"	\
	"                        of the tests, 20 retries, or 10m spent on them\n"	\
	"      --breaker off|KEY=VALUE,...       stops retries that do not help.  KEY:\n"	\
	"                        window, minimum, consecutive (retries), failure, mass\n"	\
	"                        (percent), cool-down (DUR).  consecutive=5,cool-down=30s\n"

#define OPTIONS_SHOW_HELP						\
	"What is shown:\n"							\
	"      --live            output of the tests as it comes, prefixed\n"	\
	"  -q, --quiet           failures and the summary only\n"		\
	"      --json            one JSON document on standard output\n"	\
	"      --junit FILE      JUnit XML\n"					\
	"      --tap FILE        TAP version 13 (--tap-version 14 on request)\n"	\
	"      --events FILE     JSON lines; - for standard output, in each of these\n"

#define OPTIONS_EXIT_HELP						\
	"Ctrl-C cancels with grace, a second one at once.\n"		\
	"Exit: 0 passed, 1 failed, 2 wrong input (nothing ran), 3 no supervisor or internal,\n" \
	"4 no test, 6 flaky only, 7 a setup failed, 8 infrastructure, 128+N signal N.\n"

#endif
