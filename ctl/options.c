/* Words of the command line into options; see options.h. */
#include <assert.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/spec.h"
#include "common/suggest.h"
#include "ctl/duration.h"
#include "ctl/options.h"
#include "ctl/order_search.h"
#include "ctl/retry_preset.h"

enum {
	O_SHARD = OPTION_LONG, O_SHARD_BY, O_EACH, O_NAME, O_JUNIT, O_TAP, O_TAP_VERSION, O_EVENTS,
	O_MAX_FAIL, O_FAIL_FAST, O_TIMEOUT, O_RUN_TIMEOUT, O_GRACE, O_RETRIES, O_RETRY_ON,
	O_RETRY_NEVER, O_RETRY_WHERE, O_RETRY_PRESET, O_BACKOFF, O_BACKOFF_MAX, O_MULTIPLIER,
	O_JITTER, O_BUDGET, O_BREAKER, O_ORDER, O_SHUFFLE, O_DETACH, O_LIVE,
	O_RUNS, O_MAX_RUNS, O_THRESHOLD, O_PARALLEL, O_SEQUENTIAL, O_STOP_ON_STABLE, O_ALPHA, O_POWER,
	O_RATE, O_FDR, O_PLAIN, O_CONDITIONS, O_SPEND, O_DIAGNOSE, O_NO_HISTORY, O_UNDER, O_FROM,
	O_NEW, O_REPRO, O_BISECT, O_GOOD, O_BAD, O_ERROR, O_FIND_ORDER, O_ORDERS, O_WRITE_ORDER,
	O_REVISION, O_PRIORITY, O_ISOLATION, O_LIMIT, O_LIMIT_LAST = O_LIMIT + LIMIT_COUNT - 1,
	O_FLAKY
};

#define RUN	(OPTIONS_RUN | OPTIONS_RETRY)
#define RUNNING	(RUN | OPTIONS_FLAKY)
#define ORDER	(RUN | OPTIONS_PLAN)
#define NEW	(OPTIONS_LIST | OPTIONS_PLAN | OPTIONS_RUN | OPTIONS_FLAKY)
#define ALL	(NEW | OPTIONS_RETRY)
#define DETECT	OPTIONS_FLAKY
#define WHY	512

/* The members behind the first are those of struct option_row. */
static const struct verb_option {
	unsigned	verbs;		/* enum options_verb, those that have it */
	const char	*name, *takes;
	int		 c;
} verb_options[] = {
	{ ALL, "filter", "EXPR", 'E' },
	{ NEW, "shard", "M/N", O_SHARD },
	{ NEW, "shard-by", "hash|time", O_SHARD_BY },
	{ NEW, "each", "CMD", O_EACH },
	{ ORDER | DETECT, "jobs", "N|auto", 'j' },
	{ OPTIONS_RUN, "order", "history|plan|FILE", O_ORDER },
	{ OPTIONS_RETRY | OPTIONS_PLAN, "order", "history|plan", O_ORDER },
	{ RUNNING, "name", "LABEL", O_NAME },
	{ RUNNING, "revision", "REV", O_REVISION },
	{ RUNNING, "junit", "FILE", O_JUNIT },
	{ RUNNING, "tap", "FILE", O_TAP },
	{ RUNNING, "tap-version", "13|14", O_TAP_VERSION },
	{ RUNNING, "events", "FILE", O_EVENTS },
	{ ORDER | DETECT, "isolation", "auto|process|pid|cgroup|sandbox", O_ISOLATION },
	{ RUN, "priority", "N", O_PRIORITY },
	{ RUN, "max-fail", "N", O_MAX_FAIL },
	{ RUN, "fail-fast", NULL, O_FAIL_FAST },
	{ RUNNING, "timeout", "DUR", O_TIMEOUT },
	{ RUNNING, "run-timeout", "DUR", O_RUN_TIMEOUT },
	{ RUNNING, "grace", "DUR", O_GRACE },
	{ RUNNING, "memory", "SIZE", O_LIMIT + LIMIT_MEMORY },
	{ RUNNING, "processes", "N", O_LIMIT + LIMIT_PROCESSES },
	{ RUNNING, "cpus", "X", O_LIMIT + LIMIT_CPU },
	{ RUNNING, "open-files", "N", O_LIMIT + LIMIT_OPEN_FILES },
	{ RUNNING, "file-size", "SIZE", O_LIMIT + LIMIT_FILE_SIZE },
	{ RUN, "retries", "N", O_RETRIES },
	{ RUN, "retry-on", "RULE", O_RETRY_ON },
	{ RUN, "retry-never", "RULE", O_RETRY_NEVER },
	{ RUN, "retry-where", "now|end|alone", O_RETRY_WHERE },
	{ RUN, "retry-preset", "aggressive|conservative|network", O_RETRY_PRESET },
	{ RUN, "backoff", "DUR", O_BACKOFF },
	{ RUN, "backoff-max", "DUR", O_BACKOFF_MAX },
	{ RUN, "backoff-multiplier", "X", O_MULTIPLIER },
	{ RUN, "jitter", "none|full|equal|decorrelated", O_JITTER },
	{ RUN, "retry-budget", "LIMIT|TAG=LIMIT", O_BUDGET },
	{ RUN, "breaker", "off|KEY=VALUE,...", O_BREAKER },
	{ RUNNING, "shuffle", "[SEED]", O_SHUFFLE },
	{ RUN, "detach", NULL, O_DETACH },
	{ RUNNING, "live", NULL, O_LIVE },
	{ RUNNING, "quiet", NULL, 'q' },
	{ RUN, "flaky-result", "pass|fail", O_FLAKY },
	{ DETECT, "runs", "N", O_RUNS },
	{ DETECT, "max-runs", "N", O_MAX_RUNS },
	{ DETECT, "threshold", "X", O_THRESHOLD },
	{ DETECT, "parallel", NULL, O_PARALLEL },
	{ DETECT, "sequential", NULL, O_SEQUENTIAL },
	{ DETECT, "stop-on-stable", NULL, O_STOP_ON_STABLE },
	{ DETECT, "alpha", "X", O_ALPHA },
	{ DETECT, "power", "X", O_POWER },
	{ DETECT, "rate", "X", O_RATE },
	{ DETECT, "fdr", "X", O_FDR },
	{ DETECT, "plain", NULL, O_PLAIN },
	{ DETECT, "conditions", "LIST", O_CONDITIONS },
	{ DETECT, "budget", "N|DUR", O_SPEND },
	{ DETECT, "diagnose", "N", O_DIAGNOSE },
	{ DETECT, "no-history", NULL, O_NO_HISTORY },
	{ DETECT, "under", "CONDITION", O_UNDER },
	{ DETECT, "from", "RUN", O_FROM },
	{ DETECT, "new", NULL, O_NEW },
	{ DETECT, "repro", "TEST", O_REPRO },
	{ DETECT, "bisect", NULL, O_BISECT },
	{ DETECT, "good", "REV", O_GOOD },
	{ DETECT, "bad", "REV", O_BAD },
	{ DETECT, "error", "X", O_ERROR },
	{ DETECT, "order", NULL, O_FIND_ORDER },
	{ DETECT, "orders", "N", O_ORDERS },
	{ DETECT, "write-order", "FILE", O_WRITE_ORDER },
};

#define NOPTIONS	(sizeof verb_options / sizeof verb_options[0])

struct parsing {
	const struct cmd_entry	*cmd;
	struct options		*o;
	enum options_verb	 verb;
	int			 preset;	/* index of retry_presets, -1: none */
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
priority(const struct parsing *p, const char *text)
{
	const char	*why;
	long long	 v = strtonum(text, -SPEC_PRIORITY_MAX, SPEC_PRIORITY_MAX, &why);

	if (why != NULL)
		return cmd_usage(p->cmd, "--priority: '%s' is %s; it takes a number from -%d to %d",
		    text, why, SPEC_PRIORITY_MAX, SPEC_PRIORITY_MAX);
	p->o->priority = (int)v;
	return 0;
}

static int
isolation(const struct parsing *p, const char *text)
{
	char	why[ISOLATION_WHY];

	if (isolation_parse(sv_from(text), &p->o->isolation, why) != 0)
		return cmd_usage(p->cmd, "--isolation: %s", why);
	p->o->has_isolation = true;
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
	p->o->retry.multiplier_milli = (uint64_t)(v * 1000 + 0.5);
	return 0;
}

static int
word(const struct parsing *p, const char *option, const char *text, const char *const *words,
    uint64_t *ret)
{
	char	list[128] = "", near[64];

	for (uint64_t i = 0; words[i] != NULL; i++) {
		if (strcmp(words[i], text) == 0) {
			*ret = i;
			return 0;
		}
		(void)strlcat(list, i > 0 ? ", " : "", sizeof list);
		(void)strlcat(list, words[i], sizeof list);
	}
	return cmd_usage(p->cmd, "--%s: '%s' is not one of %s%s", option, text, list,
	    suggest_text(text, words, near, sizeof near));
}

static int
flag(const struct parsing *p, const char *option, const char *text, const char *const *words,
    bool *ret)
{
	uint64_t	v = 0;
	int		r = word(p, option, text, words, &v);

	*ret = v == 1;
	return r;
}

/* Two words, or a file where the verb runs what it is given. */
static int
order(const struct parsing *p, const char *text)
{
	static const char *const	orders[] = { "history", "plan", NULL };

	p->o->order_file = NULL;
	if (p->verb != OPTIONS_RUN || strcmp(text, orders[0]) == 0 || strcmp(text, orders[1]) == 0)
		return flag(p, "order", text, orders, &p->o->plan_order);
	p->o->plan_order = true;
	p->o->order_file = text;
	return 0;
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

static int
revision(const struct parsing *p, const char *from, const char *text)
{
	const char	*why = spec_revision_wrong(sv_from(text));

	if (why == NULL && *text == '\0')
		why = "the revision is empty";
	if (why != NULL)
		return cmd_usage(p->cmd, "%s: %s", from, why);
	p->o->revision = text;
	return 0;
}

/* What options_*() of options.h found wrong with an option's text. */
static int
wrong(const struct parsing *p, const char *option, int r, const char *why)
{
	return r == 0 ? 0 : cmd_usage(p->cmd, "--%s: %s", option, why);
}

/* Options about retries: each states its member. */
static int
take_retry(struct parsing *p, int c)
{
	static const char *const	jitters[] = { "none", "full", "equal", "decorrelated", NULL };
	static const char *const	wheres[] = { "now", "end", "alone", NULL };
	struct options			*o = p->o;
	struct plan_retry		*retry = &o->retry;
	char				 why[WHY] = "";
	uint64_t			 v = 0;
	bool				 has;
	int				 r;

	switch (c) {
	case O_RETRIES:
		retry->has |= PLAN_RETRY_COUNT;
		return number(p, "retries", optarg, 0, SPEC_RETRY_MAX, &retry->count);
	case O_RETRY_ON:
		r = options_retry_rule(o, PLAN_RETRY_ON, optarg, why, sizeof why);
		return wrong(p, "retry-on", r, why);
	case O_RETRY_NEVER:
		r = options_retry_rule(o, PLAN_RETRY_NEVER, optarg, why, sizeof why);
		return wrong(p, "retry-never", r, why);
	case O_RETRY_WHERE:
		retry->has |= PLAN_RETRY_WHERE;
		return word(p, "retry-where", optarg, wheres, &retry->where);
	case O_RETRY_PRESET:
		r = word(p, "retry-preset", optarg, retry_presets, &v);
		p->preset = (int)v;
		return r;
	case O_BACKOFF:
		retry->has |= PLAN_RETRY_DELAY;
		return duration(p, "backoff", optarg, &has, &retry->delay_ms);
	case O_BACKOFF_MAX:
		retry->has |= PLAN_RETRY_MAX;
		return duration(p, "backoff-max", optarg, &has, &retry->max_delay_ms);
	case O_MULTIPLIER:
		retry->has |= PLAN_RETRY_MULTIPLIER;
		return multiplier(p, optarg);
	case O_JITTER:
		retry->has |= PLAN_RETRY_JITTER;
		return word(p, "jitter", optarg, jitters, &retry->jitter);
	case O_BUDGET:
		return wrong(p, "retry-budget", options_budget(o, optarg, why, sizeof why), why);
	default:
		return wrong(p, "breaker", options_breaker(o, optarg, why, sizeof why), why);
	}
}

/* The option of a limit has the name of its key, but for the CPUs. */
static int
limit(const struct parsing *p, enum limit which)
{
	struct plan_limits	*l = &p->o->limits;
	char			 why[LIMIT_WHY];

	if (limit_parse(which, optarg, &l->limits.v[which], why) != 0)
		return cmd_usage(p->cmd, "--%s %s", which == LIMIT_CPU ? "cpus" : limit_keys[which],
		    why);
	l->has |= 1u << which;
	return 0;
}

static int
share(const struct parsing *p, const char *option, enum flake_setting which)
{
	char	why[WHY] = "";

	return wrong(p, option, options_share(p->o, which, optarg, why, sizeof why), why);
}

/* Which tests, one test, a revision: options that make flake detection something else. */
static int
take_quest(struct parsing *p, int c)
{
	struct options	*o = p->o;
	char		 why[WHY] = "";

	switch (c) {
	case O_FROM:
		o->from = optarg;
		return 0;
	case O_NEW:
		o->only_new = true;
		return 0;
	case O_REPRO:
		o->repro = optarg;
		return 0;
	case O_BISECT:
		o->bisect = true;
		return 0;
	case O_GOOD:
		o->good = optarg;
		return 0;
	case O_BAD:
		o->bad = optarg;
		return 0;
	case O_ERROR:
		return wrong(p, "error", options_error(o, optarg, why, sizeof why), why);
	case O_UNDER:
		return wrong(p, "under", options_under(o, optarg, why, sizeof why), why);
	default:
		return take_retry(p, c);
	}
}

/* Options about flake detection. */
static int
take_detection(struct parsing *p, int c)
{
	struct options	*o = p->o;
	char		 why[WHY] = "";

	switch (c) {
	case O_RUNS:
		return number(p, "runs", optarg, 1, FLAKE_RUNS_MAX, &o->flake[FLAKE_SET_RUNS]);
	case O_MAX_RUNS:
		return number(p, "max-runs", optarg, 1, FLAKE_RUNS_MAX, &o->flake[FLAKE_SET_MAX_RUNS]);
	case O_THRESHOLD:
		return share(p, "threshold", FLAKE_SET_THRESHOLD_PPM);
	case O_ALPHA:
		return share(p, "alpha", FLAKE_SET_ALPHA_PPM);
	case O_POWER:
		return share(p, "power", FLAKE_SET_POWER_PPM);
	case O_RATE:
		return share(p, "rate", FLAKE_SET_RATE_PPM);
	case O_FDR:
		return share(p, "fdr", FLAKE_SET_FDR_PPM);
	case O_STOP_ON_STABLE:
		o->flake[FLAKE_SET_STOP_ON_STABLE] = 1;
		return 0;
	case O_PLAIN:
		o->plain = true;
		return 0;
	case O_SPEND:
		return wrong(p, "budget", options_spend(o, optarg, why, sizeof why), why);
	case O_CONDITIONS:
		return wrong(p, "conditions", options_conditions(o, optarg, why, sizeof why), why);
	case O_DIAGNOSE:
		return number(p, "diagnose", optarg, 0, FLAKE_DIAGNOSE_MAX,
		    &o->flake[FLAKE_SET_DIAGNOSE]);
	case O_NO_HISTORY:
		o->no_history = true;
		return 0;
	case O_FIND_ORDER:
		o->find_order = true;
		return 0;
	case O_ORDERS:
		return number(p, "orders", optarg, 2, ORDER_ORDERS_MAX, &o->orders);
	case O_WRITE_ORDER:
		o->write_order = optarg;
		return 0;
	case O_SEQUENTIAL:
	case O_PARALLEL:	/* as it is anyway; the last one counts */
		o->sequential = c == O_SEQUENTIAL;
		return 0;
	default:
		return take_quest(p, c);
	}
}

/* Options that say how and how long. */
static int
take_policy(struct parsing *p, int c)
{
	static const char *const	results[] = { "pass", "fail", NULL };
	struct options			*o = p->o;

	switch (c) {
	case O_TIMEOUT:
		return duration(p, "timeout", optarg, &o->has_timeout, &o->timeout_ms);
	case O_RUN_TIMEOUT:
		return duration(p, "run-timeout", optarg, &o->has_run_timeout, &o->run_timeout_ms);
	case O_GRACE:
		return duration(p, "grace", optarg, &o->has_grace, &o->grace_ms);
	case O_MAX_FAIL:
		return number(p, "max-fail", optarg, 1, UINT32_MAX, &o->max_fail);
	case O_FAIL_FAST:
		o->max_fail = 1;
		return 0;
	case O_FLAKY:
		return flag(p, "flaky-result", optarg, results, &o->flaky_fails);
	case O_ORDER:
		return order(p, optarg);
	case 'j':
		o->auto_width = strcmp(optarg, "auto") == 0;
		o->jobs = 0;
		if (o->auto_width)
			return 0;
		return number(p, "jobs", optarg, 1, 1024, &o->jobs);
	case O_SHUFFLE:
		return seed(p, optarg);
	case O_ISOLATION:
		return isolation(p, optarg);
	case O_PRIORITY:
		return priority(p, optarg);
	default:
		if (c >= O_LIMIT && c <= O_LIMIT_LAST)
			return limit(p, (enum limit)(c - O_LIMIT));
		return take_detection(p, c);
	}
}

static int
take(struct parsing *p, int c)
{
	static const char *const	shardings[] = { "hash", "time", NULL };
	struct options			*o = p->o;
	uint64_t			 v = 0;
	int				 r;

	switch (c) {
	case 'E':
		strs_add(&o->filters, optarg);
		return 0;
	case O_SHARD:
		return shard(p, optarg);
	case O_SHARD_BY:
		return flag(p, "shard-by", optarg, shardings, &o->shard_by_time);
	case O_EACH:
		o->each = optarg;
		return 0;
	case O_NAME:
		o->name = optarg;
		return 0;
	case O_REVISION:
		return revision(p, "--revision", optarg);
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
	case 'q':
		o->quiet = true;
		return 0;
	default:
		return take_policy(p, c);
	}
}

void
options_rows(unsigned verbs, struct option_row rows[OPTION_ROWS + 1])
{
	size_t	n = 0;

	static_assert(NOPTIONS < OPTION_ROWS, "the tables of common/option.h are too small");
	for (size_t i = 0; i < NOPTIONS; i++) {
		const struct verb_option	*v = &verb_options[i];

		if ((v->verbs & verbs) != 0)
			rows[n++] = (struct option_row){ v->name, v->takes, v->c, NULL };
	}
	rows[n] = (struct option_row){ NULL, NULL, 0, NULL };
}

int
options_parse(const struct cmd_entry *cmd, int argc, char **argv, enum options_verb verb,
    struct options *o)
{
	struct parsing	p = { cmd, o, verb, -1 };
	struct option_row rows[OPTION_ROWS + 1];
	struct option	longs[OPTION_ROWS + 1];
	char		shorts[2 * OPTION_ROWS + 1];
	int		c, r;

	memset(o, 0, sizeof *o);
	if (verb == OPTIONS_FLAKY)
		o->flake[FLAKE_SET_DIAGNOSE] = FLAKE_DIAGNOSE;
	o->tap_version = 13;
	options_rows(verb, rows);
	option_longs(rows, cmd_common_rows, longs, shorts);
	/* Before getopt moves the words. */
	for (int i = 1; i + 1 < argc && o->command == NULL; i++) {
		if (strcmp(argv[i], "--") == 0)
			o->command = argv[i + 1];
	}
	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (cmd_common(cmd, c, &o->json))
			continue;
		r = take(&p, c);
		if (r != 0)
			return r;
	}
	/* What is named beside a preset replaces its member, wherever it stands. */
	if (p.preset >= 0)
		retry_preset(&o->retry, (uint64_t)p.preset);
	if ((verb & RUNNING) != 0 && o->revision == NULL && getenv("PARATEST_REVISION") != NULL &&
	    *getenv("PARATEST_REVISION") != '\0') {
		r = revision(&p, "PARATEST_REVISION", getenv("PARATEST_REVISION"));
		if (r != 0)
			return r;
	}
	if (o->shard_by_time && o->shards == 0)
		return cmd_usage(cmd, "--shard-by goes with --shard M/N");
	if (o->order_file != NULL && (o->shuffle || o->jobs > 1 || o->retry.has != 0))
		return cmd_usage(cmd, "--order FILE runs one test after the other and nothing again: "
		    "leave out --shuffle, --jobs and what is about retries");
	if (o->plan_order && o->shuffle)
		return cmd_usage(cmd, "--order plan and --shuffle contradict each other");
	return 0;
}

void
options_free(struct options *o)
{
	strs_free(&o->filters);
	strs_free(&o->budgets);
	plan_retry_free(&o->retry);
}
