/* The options of run and list; see options.h. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/outcome.h"
#include "common/spec.h"
#include "common/xalloc.h"
#include "ctl/duration.h"
#include "ctl/filter.h"
#include "ctl/options.h"
#include "ctl/suite.h"

enum {
	O_SHARD = 1, O_EACH, O_NAME, O_JUNIT, O_TAP, O_TAP_VERSION, O_EVENTS, O_MAX_FAIL,
	O_FAIL_FAST, O_TIMEOUT, O_RUN_TIMEOUT, O_GRACE, O_RETRIES, O_BACKOFF, O_MULTIPLIER,
	O_JITTER, O_SHUFFLE, O_DETACH, O_LIVE, O_QUIET, O_FLAKY
};

/* What only running has begins at "jobs". */
#define LONGS_SELECT							\
	{ "filter", required_argument, NULL, 'E' },			\
	{ "shard", required_argument, NULL, O_SHARD },			\
	{ "each", required_argument, NULL, O_EACH }

static const struct option longs_list[] = { LONGS_SELECT, CMD_LONGS };
static const struct option longs_run[] = {
	LONGS_SELECT,
	{ "jobs", required_argument, NULL, 'j' },
	{ "name", required_argument, NULL, O_NAME },
	{ "junit", required_argument, NULL, O_JUNIT },
	{ "tap", required_argument, NULL, O_TAP },
	{ "tap-version", required_argument, NULL, O_TAP_VERSION },
	{ "events", required_argument, NULL, O_EVENTS },
	{ "max-fail", required_argument, NULL, O_MAX_FAIL },
	{ "fail-fast", no_argument, NULL, O_FAIL_FAST },
	{ "timeout", required_argument, NULL, O_TIMEOUT },
	{ "run-timeout", required_argument, NULL, O_RUN_TIMEOUT },
	{ "grace", required_argument, NULL, O_GRACE },
	{ "retries", required_argument, NULL, O_RETRIES },
	{ "backoff", required_argument, NULL, O_BACKOFF },
	{ "backoff-multiplier", required_argument, NULL, O_MULTIPLIER },
	{ "jitter", required_argument, NULL, O_JITTER },
	{ "shuffle", optional_argument, NULL, O_SHUFFLE },
	{ "detach", no_argument, NULL, O_DETACH },
	{ "live", no_argument, NULL, O_LIVE },
	{ "quiet", no_argument, NULL, O_QUIET },
	{ "flaky-result", required_argument, NULL, O_FLAKY },
	CMD_LONGS
};

struct parsing {
	const struct cmd_entry	*cmd;
	struct options		*o;
};

static int
number(const struct parsing *p, const char *option, const char *text, uint64_t least,
    uint64_t most, uint64_t *ret)
{
	const char	*why;
	long long	 v = strtonum(text, (long long)least, (long long)most, &why);

	if (why != NULL)
		return cmd_usage(p->cmd, "--%s: '%s' is %s; it takes a number from %llu to %llu",
		    option, text, why, (unsigned long long)least, (unsigned long long)most);
	*ret = (uint64_t)v;
	return 0;
}

static int
duration(const struct parsing *p, const char *option, const char *text, bool *has, uint64_t *ret)
{
	if (duration_parse(text, ret) != 0 || *ret > SPEC_TIMEOUT_MAX_MS)
		return cmd_usage(p->cmd, "--%s: '%s' is not a duration; write it like 500ms, 30s, 2m",
		    option, text);
	*has = true;
	return 0;
}

static int
shard(const struct parsing *p, const char *text)
{
	unsigned	m, n;
	char		rest;

	if (sscanf(text, "%u/%u%c", &m, &n, &rest) != 2 || m < 1 || m > n || n > 100000)
		return cmd_usage(p->cmd, "--shard: '%s' is not M/N with M from 1 to N", text);
	p->o->shard = m;
	p->o->shards = n;
	return 0;
}

static int
multiplier(const struct parsing *p, const char *text)
{
	char	*end;
	double	 v = strtod(text, &end);

	if (*text == '\0' || *end != '\0' || !(v >= 1 && v <= 1000))
		return cmd_usage(p->cmd, "--backoff-multiplier: '%s' is not a number from 1 to 1000",
		    text);
	p->o->multiplier_milli = (uint64_t)(v * 1000);
	return 0;
}

static int
word(const struct parsing *p, const char *option, const char *text, const char *const *words,
    int *ret)
{
	for (int i = 0; words[i] != NULL; i++) {
		if (strcmp(words[i], text) == 0) {
			*ret = i;
			return 0;
		}
	}
	return cmd_usage(p->cmd, "--%s: '%s' is not one of its words", option, text);
}

static int
seed(const struct parsing *p, const char *text)
{
	p->o->shuffle = true;
	if (text == NULL)
		return 0;
	p->o->has_seed = true;
	return number(p, "shuffle", text, 0, LLONG_MAX, &p->o->seed);
}

/* Options that say how and how long. */
static int
take_policy(const struct parsing *p, int c)
{
	static const char *const	jitters[] = { "none", "full", "equal", "decorrelated", NULL };
	static const char *const	results[] = { "pass", "fail", NULL };
	struct options			*o = p->o;
	int				 v = 0, r;

	switch (c) {
	case O_TIMEOUT:
		return duration(p, "timeout", optarg, &o->has_timeout, &o->timeout_ms);
	case O_RUN_TIMEOUT:
		return duration(p, "run-timeout", optarg, &o->has_run_timeout, &o->run_timeout_ms);
	case O_GRACE:
		return duration(p, "grace", optarg, &o->has_grace, &o->grace_ms);
	case O_RETRIES:
		o->has_retries = true;
		return number(p, "retries", optarg, 0, SPEC_RETRY_MAX, &o->retries);
	case O_BACKOFF:
		return duration(p, "backoff", optarg, &o->has_backoff, &o->backoff_ms);
	case O_MULTIPLIER:
		return multiplier(p, optarg);
	case O_JITTER:
		return word(p, "jitter", optarg, jitters, &o->jitter);
	case O_MAX_FAIL:
		return number(p, "max-fail", optarg, 1, UINT32_MAX, &o->max_fail);
	case O_FAIL_FAST:
		o->max_fail = 1;
		return 0;
	case O_FLAKY:
		r = word(p, "flaky-result", optarg, results, &v);
		o->flaky_fails = v == 1;
		return r;
	case 'j':
		if (strcmp(optarg, "auto") == 0)
			return 0;
		return number(p, "jobs", optarg, 1, 1024, &o->jobs);
	default:
		return seed(p, optarg);
	}
}

static int
take(const struct parsing *p, int c)
{
	struct options	*o = p->o;
	uint64_t	 v = 0;
	int		 r;

	switch (c) {
	case 'E':
		strs_add(&o->filters, optarg);
		return 0;
	case O_SHARD:
		return shard(p, optarg);
	case O_EACH:
		o->each = optarg;
		return 0;
	case O_NAME:
		o->name = optarg;
		return 0;
	case O_JUNIT:
		o->junit = optarg;
		return 0;
	case O_TAP:
		o->tap = optarg;
		return 0;
	case O_TAP_VERSION:
		r = number(p, "tap-version", optarg, 13, 14, &v);
		o->tap_version = (int)v;
		return r;
	case O_EVENTS:
		o->events = optarg;
		return 0;
	case O_DETACH:
		o->detach = true;
		return 0;
	case O_LIVE:
		o->live = true;
		return 0;
	case O_QUIET:
	case 'q':
		o->quiet = true;
		return 0;
	default:
		return take_policy(p, c);
	}
}

int
options_parse(const struct cmd_entry *cmd, int argc, char **argv, bool full, struct options *o)
{
	struct parsing	p = { cmd, o };
	int		c, r;

	memset(o, 0, sizeof *o);
	o->jitter = -1;
	o->tap_version = 13;
	/* Before getopt moves the words. */
	for (int i = 1; i + 1 < argc && o->command == NULL; i++) {
		if (strcmp(argv[i], "--") == 0)
			o->command = argv[i + 1];
	}
	while ((c = getopt_long(argc, argv, full ? "E:j:q" : "E:", full ? longs_run : longs_list,
	    NULL)) != -1) {
		if (cmd_common(cmd, c, &o->json))
			continue;
		r = take(&p, c);
		if (r != 0)
			return r;
	}
	return 0;
}

void
options_free(struct options *o)
{
	strs_free(&o->filters);
}

/* ---- the plan ---- */

static int
complain(const struct cmd_entry *cmd, const char *text)
{
	(void)fprintf(stderr, "paratestctl: %s: %s\n", cmd->name, text);
	return EXIT_USAGE;
}

static char *
read_stdin(size_t *ret_len)
{
	char	*text = NULL;
	size_t	 n = 0, cap = 0, got;

	do {
		if (cap - n < 65536)
			text = xreallocarray(text, cap = cap * 2 + 65536, 1);
		got = fread(text + n, 1, cap - n, stdin);
		n += got;
	} while (got > 0);
	*ret_len = n;
	return text;
}

static int
load(const struct cmd_entry *cmd, struct options *o, int argc, char **argv, struct plan *plan)
{
	struct suite_error	 e;
	char			*cwd = getcwd(NULL, 0), *text;
	size_t			 len;
	int			 r = 0;

	if (cwd == NULL)
		return complain(cmd, "the current folder is gone");
	if (o->each != NULL && optind < argc) {
		r = cmd_usage(cmd, "--each reads its list from standard input and takes no suites");
	} else if (o->each != NULL) {
		text = read_stdin(&len);
		if (suite_each(plan, o->each, cwd, text, len, &e) != 0)
			r = complain(cmd, e.text);
		free(text);
	} else if (optind == argc) {
		r = cmd_usage(cmd, "no suite and no command given");
	} else if (o->command != NULL && argv[optind] != o->command) {
		r = cmd_usage(cmd, "suites and a command do not go together");
	} else if (o->command != NULL) {
		suite_command(plan, argv + optind, cwd);
	} else {
		for (int i = optind; i < argc && r == 0; i++) {
			if (suite_load(plan, argv[i], &e) != 0)
				r = complain(cmd, e.text);
		}
	}
	free(cwd);
	return r;
}

static int
select_tests(const struct cmd_entry *cmd, struct options *o, struct plan *plan)
{
	struct filter	**filters = xcalloc(o->filters.n + 1, sizeof *filters);
	size_t		 *hits = xcalloc(o->filters.n + 1, sizeof *hits), n = 0;
	char		  why[2048];
	int		  r = 0;

	for (; n < o->filters.n && r == 0; n++) {
		filters[n] = filter_parse(o->filters.v[n], why, sizeof why);
		if (filters[n] == NULL)
			r = complain(cmd, why);
	}
	if (r == 0) {
		plan_filter(plan, filters, n, hits);
		for (size_t i = 0; i < n; i++) {
			if (hits[i] == 0)
				(void)fprintf(stderr, "paratestctl: %s: no test matches -E '%s'\n",
				    cmd->name, o->filters.v[i]);
		}
		if (o->shards != 0)
			plan_shard(plan, o->shard, o->shards);
	}
	for (size_t i = 0; i < n; i++)
		filter_free(filters[i]);
	free(filters);
	free(hits);
	if (r == 0 && plan->ntests == 0) {
		(void)fprintf(stderr, "paratestctl: %s: no test is selected\n", cmd->name);
		r = EXIT_NO_TESTS;
	}
	return r;
}

/* An option replaces what it names, and nothing else. */
static void
override(const struct options *o, struct plan_test *t)
{
	if (o->has_retries)
		t->retry.count = o->retries;
	if (o->has_backoff)
		t->retry.delay_ms = o->backoff_ms;
	if (o->multiplier_milli != 0)
		t->retry.multiplier_milli = o->multiplier_milli;
	if (o->jitter != -1)
		t->retry.jitter = (uint64_t)o->jitter;
	if (o->has_grace) {
		t->has_grace = true;
		t->grace_ms = o->grace_ms;
	}
	if (o->has_timeout && !t->own_timeout) {
		t->has_timeout = true;
		t->timeout_ms = o->timeout_ms;
	}
}

int
options_plan(const struct cmd_entry *cmd, struct options *o, int argc, char **argv,
    struct plan *plan)
{
	int	r = load(cmd, o, argc, argv, plan);

	if (r == 0)
		r = select_tests(cmd, o, plan);
	if (r != 0)
		return r;
	for (size_t i = 0; i < plan->ntests; i++)
		override(o, &plan->tests[i]);
	if (o->jobs != 0)
		plan->jobs = o->jobs;
	if (o->max_fail != 0)
		plan->max_fail = o->max_fail;
	return 0;
}
