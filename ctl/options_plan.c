/* The plan that suites and options make; see options.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/outcome.h"
#include "common/xalloc.h"
#include "ctl/filter.h"
#include "ctl/dry_run.h"
#include "ctl/options.h"
#include "ctl/order_file.h"
#include "ctl/suite.h"

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
select_tests(const struct cmd_entry *cmd, const struct options *o, struct plan *plan)
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
	}
	for (size_t i = 0; i < n; i++)
		filter_free(filters[i]);
	free(filters);
	free(hits);
	return r;
}

/* An option replaces what it names, and nothing else. */
static void
override(const struct options *o, struct plan_test *t)
{
	plan_retry_override(&t->retry, &o->retry);
	plan_limits_override(&t->limits, &o->limits);
	if (o->has_grace) {
		t->has_grace = true;
		t->grace_ms = o->grace_ms;
	}
	if (o->has_timeout && !t->own_timeout) {
		t->has_timeout = true;
		t->timeout_ms = o->timeout_ms;
	}
}

/* The part whose tests are expected to take as long as those of any other. */
static int
shard_by_time(const struct cmd_entry *cmd, const struct cmd_globals *g, const struct options *o,
    struct plan *plan)
{
	struct dry_run		 f = { .rows = NULL };
	struct submit		 sub = { .label = NULL };
	struct client_error	 e = { .code = 0 };
	uint64_t		*expected;
	int			 code = 0;
	struct client		*c = cmd_open(cmd, g, true, &code);

	if (c == NULL)
		return code;
	options_submit(o, &sub);
	/* In whatever order this part will start: the others must come to the same. */
	sub.plan_order = false;
	if (dry_run_ask(c, plan, &sub, &f, &e) != 0) {
		code = cmd_fail(cmd, &e);
	} else {
		if (f.known == 0)
			(void)fprintf(stderr, "paratestctl: %s: no test of the plan is on record: "
			    "--shard-by time makes parts of equal number\n", cmd->name);
		expected = xcalloc(plan->ntests, sizeof *expected);
		for (size_t i = 0; i < f.n; i++)
			expected[f.rows[i].index] = f.rows[i].expected_us;
		plan_shard_by_time(plan, o->shard, o->shards, expected);
		free(expected);
	}
	dry_run_free(&f);
	client_close(c);
	return code;
}

int
options_apply(const struct cmd_entry *cmd, const struct cmd_globals *g, const struct options *o,
    struct plan *plan)
{
	char	why[1024];
	int	r = 0;

	if (o->order_file != NULL && order_file_apply(plan, o->order_file, why, sizeof why) != 0)
		return complain(cmd, why);
	r = select_tests(cmd, o, plan);
	if (r != 0)
		return r;
	if (o->retry.has != 0 || o->limits.has != 0 || o->has_grace || o->has_timeout) {
		for (size_t i = 0; i < plan->ntests; i++)
			override(o, &plan->tests[i]);
	}
	if (o->order_file != NULL)
		plan->jobs = 1;
	else if (o->jobs != 0)
		plan->jobs = o->jobs;
	plan->auto_width = o->auto_width && plan->jobs != 1;
	if (o->max_fail != 0)
		plan->max_fail = o->max_fail;
	if (o->has_isolation)
		plan->isolation = o->isolation;
	for (size_t i = 0; i < o->budgets.n; i += 2)
		plan_budget_set(plan, o->budgets.v[i], o->budgets.v[i + 1]);
	if (o->shard_by_time && plan->ntests > 0)
		r = shard_by_time(cmd, g, o, plan);
	else if (o->shards != 0)
		plan_shard(plan, o->shard, o->shards);
	if (r == 0 && plan->ntests == 0) {
		(void)fprintf(stderr, "paratestctl: %s: no test is selected\n", cmd->name);
		r = EXIT_NO_TESTS;
	}
	return r;
}

int
options_plan(const struct cmd_entry *cmd, const struct cmd_globals *g, struct options *o,
    int argc, char **argv, struct plan *plan)
{
	int	r = load(cmd, o, argc, argv, plan);

	return r == 0 ? options_apply(cmd, g, o, plan) : r;
}

void
options_submit(const struct options *o, struct submit *s)
{
	s->label = o->name;
	s->revision = o->revision;
	s->has_timeout = o->has_run_timeout;
	s->timeout_ms = o->run_timeout_ms;
	s->detach = o->detach;
	s->live = o->live;
	s->shuffle = o->shuffle;
	s->seed = o->seed;
	s->priority = o->priority;
	s->plan_order = o->plan_order;
	s->shared = o->order_file != NULL;
	s->has_breaker = o->has_breaker;
	memcpy(s->breaker, o->breaker, sizeof s->breaker);
	memcpy(s->flake, o->flake, sizeof s->flake);
}
