/* One test until it fails; see flaky_repro.h. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "common/outcome.h"
#include "common/suggest.h"
#include "common/xalloc.h"
#include "ctl/attempts.h"
#include "ctl/chance.h"
#include "ctl/document.h"
#include "ctl/filter.h"
#include "ctl/flaky_attempt.h"
#include "ctl/flaky_repro.h"
#include "ctl/follow.h"
#include "ctl/json_put.h"
#include "ctl/recorded.h"

#define MAX_RUNS	300	/* unless --max-runs says so */
#define NAMES_SHOWN	5
#define ULL(v)		((unsigned long long)(v))

/* What is known of how it fails, and what comes of it. */
struct quest {
	const struct cmd_entry	*cmd;
	const struct options	*o;
	char			 from[64];	/* the run whose record is known, "": none */
	enum flake_condition	 condition;
	uint64_t		 fails, runs;	/* on that record, under that condition */
	uint64_t		 most;		/* attempts */
	/* in the end: */
	bool			 over;
	char			*name, *why;
	uint64_t		 passes, failures, seed;
	uint64_t		 attempt;	/* that failed, 0: none */
	char			*output;	/* the last of its output */
	size_t			 output_len;
	enum test_status	 status;
};

/* ---- which test ---- */

static void
add_name(struct text *t, const char *name)
{
	text_puts(t, "'");
	(void)text_show_name(t, name, strlen(name), 0, 0);
	text_puts(t, "'");
}

/* The names that have the wanted one as a part; how many. */
static size_t
containing(const struct plan *plan, const char *part, struct text *t)
{
	size_t	n = 0;

	for (size_t i = 0; i < plan->ntests; i++) {
		if (strcasestr(plan->tests[i].name, part) == NULL)
			continue;
		if (n < NAMES_SHOWN) {
			text_puts(t, n > 0 ? ", " : "");
			add_name(t, plan->tests[i].name);
		}
		n++;
	}
	if (n > NAMES_SHOWN)
		text_addf(t, " and %zu more", n - NAMES_SHOWN);
	return n;
}

static int
no_such_test(const struct quest *q, const struct plan *plan)
{
	const char	**names = xcalloc(plan->ntests + 1, sizeof *names), *near;
	struct text	  t = { 0 };
	size_t		  n = containing(plan, q->o->repro, &t);
	int		  code;

	for (size_t i = 0; i < plan->ntests; i++)
		names[i] = plan->tests[i].name;
	near = suggest_word(q->o->repro, names);
	if (n == 0 && near != NULL)
		add_name(&t, near);
	if (n > 1)
		code = cmd_usage(q->cmd, "there is no test '%s'; %zu have it in their names: %s",
		    q->o->repro, n, t.p);
	else
		code = cmd_usage(q->cmd, "there is no test '%s'%s%s%s", q->o->repro,
		    t.n > 0 ? ": did you mean " : "", t.n > 0 ? t.p : "", t.n > 0 ? "?" : "");
	text_free(&t);
	free(names);
	return code;
}

/* Keeps that one test; its index was *ret. */
static int
keep_one(const struct quest *q, struct plan *plan, size_t *ret)
{
	bool	*stays = xcalloc(plan->ntests + 1, sizeof *stays);
	size_t	 i = 0;
	int	 code = 0;

	while (i < plan->ntests && strcmp(plan->tests[i].name, q->o->repro) != 0)
		i++;
	*ret = i;
	stays[i] = true;
	if (i == plan->ntests)
		code = no_such_test(q, plan);
	else
		plan_keep(plan, stays);
	free(stays);
	return code;
}

/* ---- what is known ---- */

static void
count_conditions(const struct test_result *t, uint64_t *fails, uint64_t *runs)
{
	for (size_t i = 0; i < t->nattempts; i++) {
		const struct attempt_result	*a = &attempts_of(t)[i];

		if (a->condition >= FLAKE_CONDITION_COUNT || !flaky_is_evidence(a))
			continue;
		runs[a->condition]++;
		fails[a->condition] += a->outcome != OUTCOME_PASS;
	}
}

/* The condition under which it surely fails the most; plain before those that do not
 * more.  What it does beside its own copies is no evidence of how it fails elsewhere, and
 * it makes no crowd by itself. */
static void
learn(struct quest *q, const struct test_result *t)
{
	uint64_t	fails[FLAKE_CONDITION_COUNT] = { 0 }, runs[FLAKE_CONDITION_COUNT] = { 0 };
	uint64_t	under = q->o->flake[FLAKE_SET_UNDER];
	double		best = 0, low;

	count_conditions(t, fails, runs);
	for (unsigned c = 0; under == 0 && c < FLAKE_CONDITION_COUNT; c++) {
		low = chance_low(fails[c], runs[c], CHANCE_ERROR);
		if ((FLAKE_ASIDE >> c & 1) != 0 || c == FLAKE_CROWDED || low <= best)
			continue;
		best = low;
		q->condition = (enum flake_condition)c;
	}
	q->fails = fails[q->condition];
	q->runs = runs[q->condition];
}

/* As many attempts as show a failure with 95 %. */
static void
decide_runs(struct quest *q)
{
	const uint64_t	*set = q->o->flake;
	double		 rate = CHANCE_ERROR;

	if (set[FLAKE_SET_RATE_PPM] != 0)
		rate = (double)set[FLAKE_SET_RATE_PPM] / 1e6;
	else if (q->fails > 0)
		rate = chance_low(q->fails, q->runs, CHANCE_ERROR);
	q->most = chance_runs(rate, CHANCE_ERROR);
	if (set[FLAKE_SET_MAX_RUNS] != 0 && q->most > set[FLAKE_SET_MAX_RUNS])
		q->most = set[FLAKE_SET_MAX_RUNS];
	else if (set[FLAKE_SET_MAX_RUNS] == 0 && q->most > MAX_RUNS)
		q->most = MAX_RUNS;
}

/* ---- what is said ---- */

static void
say_plan(const struct quest *q, FILE *out)
{
	struct text	t = { 0 };

	text_puts(&t, "runs ");
	add_name(&t, q->o->repro);
	text_addf(&t, " until it fails, at most %llu times, under the condition %s", ULL(q->most),
	    flake_condition_name(q->condition));
	if (q->fails > 0)
		text_addf(&t, ", under which it failed %llu of %llu times in run %.8s", ULL(q->fails),
		    ULL(q->runs), q->from);
	text_puts(&t, "\n");
	text_write(&t, out);
	text_free(&t);
}

static void
say_end(const struct quest *q, FILE *out)
{
	const char	*condition = flake_condition_name(q->condition);

	if (q->attempt > 0)
		(void)fprintf(out, "reproduced: failed %llu of %llu times, at attempt %llu, condition "
		    "%s, seed %llu\n", ULL(q->failures), ULL(q->failures + q->passes), ULL(q->attempt),
		    condition, ULL(q->seed));
	else if (q->passes > 0)
		(void)fprintf(out, "not reproduced: passed %llu of %llu times, condition %s, seed %llu: "
		    "a failure rate of %.3g%% or more is excluded with 95%%\n", ULL(q->passes),
		    ULL(q->passes), condition, ULL(q->seed),
		    100 * chance_excluded(q->passes, CHANCE_ERROR));
	else
		(void)fprintf(out, "nothing can be said: no attempt of it passed or failed (%s)\n",
		    test_status_name(q->status));
}

static void
put_known(const struct quest *q, struct text *t)
{
	if (q->from[0] == '\0') {
		json_put_null(t, "known");
		return;
	}
	json_put_key(t, "known");
	text_puts(t, "{");
	json_put_text(t, "runId", q->from);
	json_put_count(t, "failures", q->fails);
	json_put_count(t, "runs", q->runs);
	text_puts(t, "}");
}

/* The member `reproduction` of the document. */
static void
put_json(const struct quest *q, struct text *t)
{
	text_puts(t, "{");
	json_put_text(t, "testName", q->name);
	json_put_bool(t, "reproduced", q->attempt > 0);
	json_put_text(t, "condition", flake_condition_name(q->condition));
	json_put_count(t, "seed", q->seed);
	json_put_count(t, "maxRuns", q->most);
	json_put_count(t, "runs", q->passes + q->failures);
	json_put_count(t, "failures", q->failures);
	put_known(q, t);
	if (q->attempt > 0) {
		json_put_count(t, "attempt", q->attempt);
		json_put_text(t, "message", q->why);
		json_put_sv(t, "output", (struct sv){ q->output, q->output_len });
	} else if (q->passes > 0) {
		json_put_ratio(t, "rateExcluded", chance_excluded(q->passes, CHANCE_ERROR));
		json_put_ratio(t, "confidence", 1 - CHANCE_ERROR);
	}
	text_puts(t, "}");
}

/* ---- running ---- */

/* What is told of it is kept: the results go when the run is left. */
static void
on_over(void *arg, const struct results *r)
{
	struct quest			*q = arg;
	const struct test_result	*t = r->tests;

	if (t == NULL || t->name == NULL)
		return;
	q->over = true;
	q->name = xstrdup(t->name);
	q->seed = r->seed;
	q->status = t->status;
	q->passes = t->flake.passes;
	q->failures = t->flake.fails;
	for (size_t i = t->nattempts; q->failures > 0 && q->attempt == 0 && i > 0; i--) {
		const struct attempt_result	*a = &attempts_of(t)[i - 1];

		if (!flaky_is_evidence(a) || a->outcome == OUTCOME_PASS)
			continue;
		q->attempt = a->number;
		q->why = xstrdup(a->error_message != NULL ? a->error_message : "");
		q->output = xstrndup(a->output != NULL ? a->output : "", a->output_len);
		q->output_len = a->output_len;
	}
}

static int
run(struct quest *q, struct client *c, const struct options *o, const struct plan *plan)
{
	struct document	 doc = { .file = NULL };
	struct text	 words = { 0 };
	struct follow	 f = { .cmd = q->cmd, .options = o, .over = on_over, .arg = q,
	    .parent = q->from[0] != '\0' ? q->from : NULL };
	FILE		*people = follow_has_stdout(o) ? stderr : stdout;
	int		 code = o->json ? document_open(&doc, q->cmd) : 0;

	if (code != 0)
		return code;
	f.json = doc.file;
	say_plan(q, people);
	code = follow_plan(&f, c, plan);
	document_close(&doc);
	if (doc.len > 0 && q->over) {
		put_json(q, &words);
		(void)document_extend(doc.text, doc.len, "reproduction", &words, stdout);
	} else if (o->json) {
		document_leave(&doc);
	} else if (q->over) {
		say_end(q, people);
	}
	text_free(&words);
	document_free(&doc);
	if (q->over && (code == EXIT_PASSED || code == EXIT_TESTS_FAILED || code == EXIT_SETUP_FAILED))
		code = q->attempt > 0 ? EXIT_TESTS_FAILED : q->passes > 0 ? EXIT_PASSED :
		    EXIT_NO_TESTS;
	return code;
}

/* The test out of the record of a run, with what is known of it there. */
static int
from_record(struct quest *q, struct client *c, struct plan *plan, struct options *o)
{
	struct plan_origin	 from;
	struct results		 r = { .run = NULL };
	size_t			 at = 0;
	int			 code = recorded_plan(q->cmd, c, o->from, false, plan, &from);

	if (code == 0)
		code = keep_one(q, plan, &at);
	if (code == 0)
		code = recorded_results(q->cmd, c, from.run, &r);
	if (code == 0) {
		(void)snprintf(q->from, sizeof q->from, "%s", from.run);
		if (r.tests != NULL && at < r.total)
			learn(q, &r.tests[at]);
		/* What a test draws from PARATEST_SEED it then draws again. */
		if (!o->has_seed)
			o->seed = r.seed;
		o->has_seed = true;
	}
	results_free(&r);
	return code;
}

static int
ask_and_run(struct quest *q, const struct cmd_globals *g, struct plan *plan, bool recorded)
{
	struct options	 o = *q->o;	/* its strings are borrowed */
	int		 code = 0;
	struct client	*c = cmd_open(q->cmd, g, true, &code);

	if (c == NULL)
		return code;
	if (recorded)
		code = from_record(q, c, plan, &o);
	if (code == 0 && recorded)
		code = options_apply(q->cmd, g, &o, plan);
	if (code == 0) {
		decide_runs(q);
		memset(o.flake, 0, sizeof o.flake);
		o.flake[FLAKE_SET_ON] = 1;
		o.flake[FLAKE_SET_RUNS] = q->most;
		o.flake[FLAKE_SET_UNDER] = 1 + (uint64_t)q->condition;
		o.flake[FLAKE_SET_UNTIL_FAILS] = 1;
		code = run(q, c, &o, plan);
	}
	client_close(c);
	return code;
}

int
flaky_repro(const struct cmd_entry *cmd, const struct cmd_globals *g, struct options *o, int argc,
    char **argv)
{
	struct quest	q = { .cmd = cmd, .o = o, .condition = FLAKE_PLAIN };
	struct plan	plan = { .name = NULL };
	bool		recorded = o->from != NULL || (optind == argc && o->each == NULL);
	size_t		at;
	int		code = 0;

	if (o->flake[FLAKE_SET_UNDER] != 0)
		q.condition = (enum flake_condition)(o->flake[FLAKE_SET_UNDER] - 1);
	if (!recorded)
		code = options_plan(cmd, g, o, argc, argv, &plan);
	if (code == 0 && !recorded)
		code = keep_one(&q, &plan, &at);
	if (code == 0)
		code = ask_and_run(&q, g, &plan, recorded);
	free(q.name);
	free(q.why);
	free(q.output);
	plan_free(&plan);
	return code;
}
