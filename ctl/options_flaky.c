/* The words about flake detection; see options.h. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/suggest.h"
#include "common/timespan.h"
#include "ctl/options.h"
#include "ctl/shell.h"
#include "ctl/text.h"

#define MANY	1000000000	/* attempts */
#define LEAST	0.000001	/* that a share can be, but for 0 */

static int
share(const char *text, double least, double most, uint64_t *ret_ppm, char *why, size_t size)
{
	char	*end;
	double	 v = strtod(text, &end);

	if (*text == '\0' || *end != '\0' || !(v >= least && v <= most)) {
		(void)snprintf(why, size, "'%s' is not a share from %g to %g, such as 0.05", text,
		    least, most);
		return -EINVAL;
	}
	/* 0 stands for the default. */
	*ret_ppm = v < LEAST ? FLAKE_ANY_PPM : (uint64_t)(v * 1e6 + 0.5);
	return 0;
}

/* Of a search over orders: what is about one run, or about attempts, is none of it. */
static int
check_order(const struct options *o, char *why, size_t size)
{
	const uint64_t	*set = o->flake;
	bool		 detects = false;

	/* One of them has a default. */
	for (unsigned i = 0; i < FLAKE_SET_COUNT; i++)
		detects |= i != FLAKE_SET_MAX_RUNS && set[i] != 0 &&
		    (i != FLAKE_SET_DIAGNOSE || set[i] != FLAKE_DIAGNOSE);
	if (detects || o->plain || o->no_history) {
		(void)snprintf(why, size, "--order looks for tests that depend on others, with its own "
		    "errors: of the options about a verdict it has --max-runs only");
		return -EINVAL;
	}
	if (o->from != NULL || o->only_new || o->repro != NULL || o->bisect) {
		(void)snprintf(why, size, "--order takes suites, and does not go with --from, --new, "
		    "--repro, --bisect");
		return -EINVAL;
	}
	if (o->jobs > 1) {
		(void)snprintf(why, size, "--order runs one test after the other: leave out --jobs");
		return -EINVAL;
	}
	if (o->junit != NULL || o->tap != NULL || o->events != NULL || o->live) {
		(void)snprintf(why, size, "--order is many runs: it has --json, and not --junit, --tap, "
		    "--events, --live");
		return -EINVAL;
	}
	return 0;
}

int
options_spend(struct options *o, const char *text, char *why, size_t size)
{
	bool		 is_count = *text != '\0' && text[strspn(text, "0123456789")] == '\0';
	const char	*bad = NULL;
	uint64_t	 v = 0;

	if (is_count)
		v = (uint64_t)strtonum(text, 1, MANY, &bad);
	if (bad != NULL || (!is_count && (duration_parse(text, &v) != 0 || v == 0 ||
	    v > SPEC_TIMEOUT_MAX_MS))) {
		(void)snprintf(why, size, "'%s' is neither a number of attempts from 1 to %d nor a "
		    "time such as 5m", text, MANY);
		return -EINVAL;
	}
	o->flake[FLAKE_SET_BUDGET] = is_count ? v : 0;
	o->flake[FLAKE_SET_BUDGET_MS] = is_count ? 0 : v;
	return 0;
}

/* All of them but "plain", which is what they are held against. */
static void
list_conditions(char *buf, size_t size)
{
	*buf = '\0';
	for (unsigned c = FLAKE_PLAIN + 1; c < FLAKE_CONDITION_COUNT; c++) {
		(void)strlcat(buf, c > FLAKE_PLAIN + 1 ? ", " : "", size);
		(void)strlcat(buf, flake_condition_name(c), size);
	}
}

int
options_conditions(struct options *o, const char *text, char *why, size_t size)
{
	char		all[256];
	uint64_t	bits = 0;
	unsigned	c;

	for (const char *p = text;; p++) {
		size_t	n = strcspn(p, ",");

		for (c = FLAKE_PLAIN + 1; c < FLAKE_CONDITION_COUNT; c++) {
			if (strlen(flake_condition_name(c)) == n &&
			    memcmp(flake_condition_name(c), p, n) == 0)
				break;
		}
		if (c == FLAKE_CONDITION_COUNT) {
			list_conditions(all, sizeof all);
			(void)snprintf(why, size, "'%.*s' is not one of %s", (int)(n > 40 ? 40 : n), p,
			    all);
			return -EINVAL;
		}
		bits |= UINT64_C(1) << c;
		p += n;
		if (*p == '\0')
			break;
	}
	if ((bits & ~(uint64_t)FLAKE_ASIDE) == 0) {
		(void)snprintf(why, size, "copies and fixed-layout only help to find a cause: name "
		    "another one beside them");
		return -EINVAL;
	}
	o->flake[FLAKE_SET_CONDITIONS] = bits;
	return 0;
}

int
options_share(struct options *o, enum flake_setting which, const char *text, char *why, size_t size)
{
	return share(text, which == FLAKE_SET_THRESHOLD_PPM ? 0 : LEAST,
	    which == FLAKE_SET_POWER_PPM ? 0.999999 : 0.5, &o->flake[which], why, size);
}

int
options_error(struct options *o, const char *text, char *why, size_t size)
{
	return share(text, LEAST, 0.5, &o->error_ppm, why, size);
}

int
options_under(struct options *o, const char *text, char *why, size_t size)
{
	const char	*names[FLAKE_CONDITION_COUNT + 1] = { NULL };
	char		 near[64], list[256] = "";

	for (uint64_t c = 0; c < FLAKE_CONDITION_COUNT; c++) {
		names[c] = flake_condition_name(c);
		if (strcmp(names[c], text) == 0) {
			o->flake[FLAKE_SET_UNDER] = 1 + c;
			return 0;
		}
		(void)strlcat(list, c > 0 ? ", " : "", sizeof list);
		(void)strlcat(list, names[c], sizeof list);
	}
	(void)snprintf(why, size, "'%s' is none of the conditions%s (%s)", text,
	    suggest_text(text, names, near, sizeof near), list);
	return -EINVAL;
}

/* ---- what goes together ---- */

/* Of the options that are given the name of the first, NULL: none is. */
struct given {
	bool		 is;
	const char	*name;
};

static const char *
first_given(const struct given *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (v[i].is)
			return v[i].name;
	}
	return NULL;
}

#define FIRST_GIVEN(v)	first_given(v, sizeof(v) / sizeof((v)[0]))

static bool
has_budget(const struct options *o)
{
	return o->flake[FLAKE_SET_BUDGET] != 0 || o->flake[FLAKE_SET_BUDGET_MS] != 0;
}

/* A bisect runs one command in the work tree, and reports for itself. */
static int
check_bisect(const struct options *o, char *why, size_t size)
{
	const struct given	unfit[] = {
		{ o->from != NULL, "from" }, { o->only_new, "new" }, { o->repro != NULL, "repro" },
		{ o->filters.n > 0, "filter" }, { o->shards != 0, "shard" }, { o->each != NULL, "each" },
		{ o->flake[FLAKE_SET_RUNS] != 0, "runs" }, { o->junit != NULL, "junit" },
		{ o->tap != NULL, "tap" }, { o->events != NULL, "events" }, { o->live, "live" },
		{ o->has_run_timeout, "run-timeout" }, { o->name != NULL, "name" },
		{ has_budget(o), "budget" },
	}, needs[] = {
		{ o->good != NULL, "good" }, { o->bad != NULL, "bad" }, { o->error_ppm != 0, "error" },
	};
	const char		*name = FIRST_GIVEN(unfit);

	if (o->bisect && name != NULL) {
		(void)snprintf(why, size, "--bisect does not go with --%s", name);
		return -EINVAL;
	}
	name = FIRST_GIVEN(needs);
	if (!o->bisect && name != NULL) {
		(void)snprintf(why, size, "--%s goes with --bisect", name);
		return -EINVAL;
	}
	return 0;
}

/* One test until it fails. */
static int
check_repro(const struct options *o, char *why, size_t size)
{
	const struct given	unfit[] = {
		{ o->only_new, "new" }, { o->filters.n > 0, "filter" }, { o->shards != 0, "shard" },
		{ o->flake[FLAKE_SET_RUNS] != 0, "runs" }, { has_budget(o), "budget" },
	};
	const char		*name = FIRST_GIVEN(unfit);

	if (o->repro == NULL || name == NULL)
		return 0;
	(void)snprintf(why, size, "--repro runs one test until it fails and does not go with --%s%s",
	    name, o->flake[FLAKE_SET_RUNS] != 0 || has_budget(o) ? "; --max-runs bounds it" : "");
	return -EINVAL;
}

int
options_flaky_check(struct options *o, char *why, size_t size)
{
	const char	*needs = o->flake[FLAKE_SET_THRESHOLD_PPM] != 0 ? "threshold" :
	    o->flake[FLAKE_SET_STOP_ON_STABLE] != 0 ? "stop-on-stable" : NULL;

	if (o->find_order)
		return check_order(o, why, size);
	if (o->orders != 0 || o->write_order != NULL) {
		(void)snprintf(why, size, "--%s goes with --order",
		    o->orders != 0 ? "orders" : "write-order");
		return -EINVAL;
	}
	if (needs != NULL && o->flake[FLAKE_SET_RUNS] == 0) {
		(void)snprintf(why, size, "--%s goes with --runs N: without it the number of runs "
		    "and the limit follow from --alpha, --power and --rate", needs);
		return -EINVAL;
	}
	if (o->flake[FLAKE_SET_RUNS] != 0 && o->flake[FLAKE_SET_MAX_RUNS] != 0) {
		(void)snprintf(why, size, "--runs and --max-runs contradict each other");
		return -EINVAL;
	}
	if (o->flake[FLAKE_SET_RUNS] != 0 && has_budget(o)) {
		(void)snprintf(why, size, "--runs and --budget contradict each other");
		return -EINVAL;
	}
	if (o->plain && o->flake[FLAKE_SET_UNDER] > 1) {
		(void)snprintf(why, size, "--plain and --under contradict each other");
		return -EINVAL;
	}
	if (o->from != NULL && (o->only_new || o->each != NULL)) {
		(void)snprintf(why, size, "--from takes the tests of a run: it does not go with --%s",
		    o->only_new ? "new" : "each");
		return -EINVAL;
	}
	if (check_repro(o, why, size) != 0 || check_bisect(o, why, size) != 0)
		return -EINVAL;
	if (o->flake[FLAKE_SET_CONDITIONS] != 0 && (o->plain || o->flake[FLAKE_SET_RUNS] != 0 ||
	    o->flake[FLAKE_SET_UNDER] != 0)) {
		(void)snprintf(why, size, "--conditions and --%s contradict each other",
		    o->plain ? "plain" : o->flake[FLAKE_SET_UNDER] != 0 ? "under" : "runs");
		return -EINVAL;
	}
	if (o->sequential && o->jobs > 1) {
		(void)snprintf(why, size, "--sequential and --jobs contradict each other");
		return -EINVAL;
	}
	if (o->sequential)
		o->jobs = 1;
	o->flake[FLAKE_SET_ON] = 1;
	/* A fixed number of runs is the original's: all alike. */
	o->flake[FLAKE_SET_PROVOKE] = !o->plain && o->flake[FLAKE_SET_RUNS] == 0 &&
	    o->flake[FLAKE_SET_UNDER] == 0;
	/* What is on record was not run under that. */
	o->flake[FLAKE_SET_RECORD] = !o->no_history && o->flake[FLAKE_SET_RUNS] == 0 &&
	    o->flake[FLAKE_SET_UNDER] == 0;
	return 0;
}

void
options_words(const struct options *o, int argc, char **argv, struct text *t)
{
	const char	*between = "";

	if (o->each != NULL) {
		text_puts(t, "--each ");
		shell_word(t, o->each);
		text_puts(t, " <LIST");
		between = " ";
	}
	if (o->command != NULL) {
		text_addf(t, "%s--", between);
		between = " ";
	}
	for (int i = optind; i < argc; i++) {
		text_puts(t, between);
		shell_word(t, argv[i]);
		between = " ";
	}
}
