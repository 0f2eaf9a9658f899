/* The runs of a search for tests that depend on the order; see flaky_order.h. */
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/outcome.h"
#include "common/xalloc.h"
#include "ctl/attempts.h"
#include "ctl/flaky_order.h"
#include "ctl/order_report.h"
#include "ctl/session.h"

#define TRIES		3	/* of a run that was no evidence */
#define NAME_COLUMNS	60	/* of a test in a label */
#define LABEL_COLUMNS	120	/* of what stands before it */

static const char usage[] =
	"usage: paratestctl flaky --order [options] SUITE...     suites: YAML or JSON\n"
	"       paratestctl flaky --order [options] --each 'CMD {}' < LIST\n"
	"\n"
	"Finds the tests that depend on others: the suite is run as written, in reverse and in\n"
	"random orders, one test at a time with one TMPDIR for all. Of each that passes alone\n"
	"and fails after others (a victim), or fails alone and passes after others (brittle),\n"
	"the fewest tests that make it do so, and an order that shows it again.\n"
	"What:\n"
	OPTIONS_SELECT_HELP
	"How:\n"
	"      --orders N        so many orders (10)\n"
	"      --max-runs N      runs of the suite or of parts of it, in all (1000)\n"
	"      --shuffle=SEED    the seed of the random orders, and of all that is random\n"
	"      --timeout DUR     of a test that states none itself; 0: no limit\n"
	"      --run-timeout DUR of all of it; what is known by then is told\n"
	"      --grace DUR       between TERM and KILL (10s); 0: KILL at once\n"
	"      --name LABEL      for lists and reports; which run it is stands behind it\n"
	"What is shown:\n"
	"      --write-order FILE        the order, for run --order FILE; of a second test\n"
	"                        that depends on others FILE.2, and so on\n"
	"  -q, --quiet           no line for each run\n"
	"      --json            one JSON document on standard output\n"
	"\n"
	"Ctrl-C cancels the run of the moment with grace; what is known by then is told.\n"
	"Exit: 0 none depends on the order, 1 some do, 2 wrong input (nothing ran), 3 no\n"
	"supervisor or internal, 4 no test, 8 infrastructure, 128+N signal N.\n";

const struct cmd_entry flaky_order_cmd = {
	"flaky --order", "the tests that depend on others", usage, NULL, NULL, OPTIONS_FLAKY,
	"SUITE..."
};

struct runner {
	struct client		*client;
	const struct options	*options;
	const struct plan	*plan;
	int			 signal_fd;
	msec_t			 deadline;	/* 0: none */
	uint32_t		 norders;	/* at the most */
	struct plan		 part;		/* of the run; borrows from the plan */
	enum order_outcome	*outcomes;	/* by the place in it */
	bool			*known;		/* of each test: it once passed or failed */
	uint32_t		 failed;	/* tests of the last run */
	const char		*ended;		/* why nothing more is run; NULL: it goes on */
	int			 code;		/* of that */
};

/* What came of a run. */
enum came { CAME_EVIDENCE, CAME_NOTHING, CAME_END };

/* ---- what it is called ---- */

static void
put_name(const struct runner *r, uint32_t test, struct text *t)
{
	const char	*name = r->plan->tests[test].name;

	(void)text_show_name(t, name, strlen(name), 0, NAME_COLUMNS);
}

/* "order 3 of 10, seed 4711" */
static void
describe(const struct runner *r, const struct order_probe *p, struct text *t)
{
	unsigned	before = p->n - 1;
	const char	*s = before == 1 ? "" : "s";

	switch (p->kind) {
	case ORDER_KIND_ORDER:
		text_addf(t, "order %u of %u", p->number, r->norders);
		if (p->number > 2)
			text_addf(t, ", seed %llu", (unsigned long long)p->seed);
		else
			text_puts(t, p->number == 1 ? ", as written" : ", reverse");
		return;
	case ORDER_KIND_ALONE:
		put_name(r, p->test, t);
		text_puts(t, ", alone");
		return;
	case ORDER_KIND_TRIAL:
		put_name(r, p->test, t);
		text_addf(t, ", after the %u test%s of order %u", before, s, p->number);
		return;
	case ORDER_KIND_REDUCE:
		put_name(r, p->test, t);
		text_addf(t, ", after %u of them", before);
		return;
	case ORDER_KIND_VERIFY:
		put_name(r, p->test, t);
		text_addf(t, ", after the %u that it takes", before);
		return;
	case ORDER_KIND_CLEAN:
		put_name(r, p->test, t);
		text_addf(t, ", cleaned up for, after %u test%s", before, s);
		return;
	}
}

static void
label(const struct runner *r, const struct order_probe *p, struct text *t)
{
	const char	*name = r->options->name != NULL ? r->options->name : r->plan->name;

	if (name != NULL) {
		(void)text_show(t, name, strlen(name), 0, LABEL_COLUMNS);
		text_puts(t, ": ");
	}
	describe(r, p, t);
}

static void
tell(const struct runner *r, const struct order_probe *p, enum came came)
{
	struct text	t = { 0 };

	if (r->options->quiet)
		return;
	describe(r, p, &t);
	if (came != CAME_EVIDENCE)
		text_puts(&t, ": no evidence\n");
	else if (p->kind == ORDER_KIND_ORDER)
		text_addf(&t, ": %u of %u failed\n", r->failed, p->n);
	else
		text_addf(&t, ": %s\n", r->outcomes[p->n - 1] == ORDER_FAIL ? "failed" :
		    r->outcomes[p->n - 1] == ORDER_PASS ? "passed" : "no result");
	text_write(&t, stderr);
	text_free(&t);
}

/* ---- a run ---- */

static void
end(struct runner *r, const char *why, int code)
{
	r->ended = why;
	r->code = code;
}

static enum order_outcome
outcome_of(const struct test_result *t)
{
	if (!t->done)
		return ORDER_NONE;
	return t->status == TEST_PASS ? ORDER_PASS :
	    t->status == TEST_FAIL || t->status == TEST_TIMEOUT ? ORDER_FAIL : ORDER_NONE;
}

/* Did a worker or the supervisor die under it?  What was interrupted has left half of what
 * it leaves. */
static bool
was_interrupted(const struct results *res)
{
	for (uint64_t i = 0; i < res->total; i++) {
		for (size_t k = 0; k < res->tests[i].nattempts; k++) {
			if (attempts_of(&res->tests[i])[k].outcome == OUTCOME_LOST)
				return true;
		}
	}
	return res->resumed > 0;
}

static enum came
read_results(struct runner *r, const struct results *res, const struct order_probe *p)
{
	r->failed = 0;
	for (uint32_t i = 0; i < p->n; i++) {
		r->outcomes[i] = i < res->total ? outcome_of(&res->tests[i]) : ORDER_NONE;
		r->failed += r->outcomes[i] == ORDER_FAIL;
	}
	if (was_interrupted(res))
		return CAME_NOTHING;
	for (uint32_t i = 0; i < p->n; i++)
		r->known[p->tests[i]] |= r->outcomes[i] != ORDER_NONE;
	return CAME_EVIDENCE;
}

static bool
is_late(const struct runner *r)
{
	return r->deadline != 0 && now_ms() >= r->deadline;
}

/* Its results, or why there are no more. */
static enum came
follow(struct runner *r, const char *run, const struct order_probe *p)
{
	struct session		s = { .client = r->client, .owner = true };
	struct client_error	e = { .code = 0 };
	enum came		ret = CAME_END;

	if (session_follow(&s, run, r->signal_fd, &e) != 0) {
		(void)cmd_fail(&flaky_order_cmd, &e);
		end(r, "the supervisor was lost", EXIT_INFRASTRUCTURE);
	} else if (s.signal != 0) {
		end(r, "interrupted", EXIT_SIGNAL + s.signal);
	} else if (is_late(r)) {
		end(r, "the time is up", EXIT_PASSED);
	} else if (s.results.cancelling) {
		end(r, "a run was cancelled", EXIT_TESTS_FAILED);
	} else {
		ret = read_results(r, &s.results, p);
	}
	(void)session_end(&s);
	return ret;
}

static enum came
run_once(struct runner *r, const struct order_probe *p)
{
	struct text		words = { 0 };
	struct submit		sub = { .seed = p->seed, .plan_order = true, .shared = true };
	struct client_error	e = { .code = 0 };
	enum came		ret = CAME_END;

	if (is_late(r)) {
		end(r, "the time is up", EXIT_PASSED);
		return CAME_END;
	}
	label(r, p, &words);
	sub.label = words.p;
	sub.has_timeout = r->deadline != 0;
	sub.timeout_ms = sub.has_timeout ? r->deadline - now_ms() + 1 : 0;
	for (uint32_t i = 0; i < p->n; i++)
		r->part.tests[i] = r->plan->tests[p->tests[i]];
	r->part.ntests = p->n;
	if (submit_plan(r->client, &r->part, &sub, &e) != 0)
		end(r, "a run could not be begun", cmd_fail(&flaky_order_cmd, &e));
	else
		ret = follow(r, sub.run, p);
	text_free(&words);
	return ret;
}

/* Runs until it is evidence, a few times at the most: then there are no results. */
static enum came
run_probe(struct runner *r, const struct order_probe *p)
{
	enum came	came = CAME_NOTHING;

	for (int i = 0; i < TRIES && came == CAME_NOTHING; i++) {
		came = run_once(r, p);
		if (came != CAME_END)
			tell(r, p, came);
	}
	if (came == CAME_NOTHING)
		memset(r->outcomes, 0, p->n * sizeof *r->outcomes);	/* ORDER_NONE */
	return came;
}

/* ---- the search ---- */

static void
search(struct runner *r, struct order_search *s)
{
	const struct order_probe	*p;

	while (r->ended == NULL && (p = order_search_next(s)) != NULL) {
		if (run_probe(r, p) != CAME_END)
			order_search_took(s, r->outcomes);
	}
	order_search_stop(s);
	if (r->ended == NULL && order_search_is_cut(s))
		r->ended = "the bound of --max-runs was reached";
}

static int
report(const struct runner *r, const struct order_report *rep)
{
	struct text	t = { 0 };
	char		why[512];
	int		code = order_report_code(rep);

	if (r->options->json)
		order_report_json(rep, &t);
	else
		order_report_text(rep, &t);
	text_write(&t, stdout);
	text_free(&t);
	if (order_report_write(rep, why, sizeof why) != 0) {
		(void)fprintf(stderr, "paratestctl: flaky: %s\n", why);
		return EXIT_INTERNAL;
	}
	return r->code != 0 ? r->code : code;
}

/* Will the file be written when all is done? */
static int
check_file(const char *file)
{
	char	*copy = xstrdup(file);
	int	 r = access(file, F_OK) == 0 ? access(file, W_OK) : access(dirname(copy), W_OK);

	free(copy);
	return r == 0 ? 0 : cmd_usage(&flaky_order_cmd, "cannot write %s: %s", file, strerror(errno));
}

int
flaky_order(struct client *c, const struct options *o, const struct plan *plan, const char *suites)
{
	uint32_t		 n = (uint32_t)plan->ntests;
	uint32_t		 runs_max = o->flake[FLAKE_SET_MAX_RUNS] != 0 ?
	    (uint32_t)o->flake[FLAKE_SET_MAX_RUNS] : ORDER_RUNS_MAX;
	uint32_t		 orders = o->orders != 0 ? (uint32_t)o->orders : ORDER_ORDERS;
	struct runner		 r = { .client = c, .options = o, .plan = plan };
	struct order_report	 rep = { .plan = plan, .suites = suites, .file = o->write_order,
	    .runs_max = runs_max };
	struct order_search	*s;
	uint64_t		 seed = o->seed;
	int			 code = o->write_order != NULL ? check_file(o->write_order) : 0;

	if (code != 0)
		return code;
	/* 31 bits: easy to say and to type again. */
	if (!o->has_seed && getrandom(&seed, sizeof seed, 0) > 0)
		seed &= 0x7fffffff;
	r.signal_fd = session_signals();
	r.deadline = o->has_run_timeout ? now_ms() + o->run_timeout_ms : 0;
	r.part = *plan;
	r.part.jobs = 1;
	r.part.max_fail = 0;
	r.part.tests = xcalloc((size_t)n + 1, sizeof *r.part.tests);
	r.outcomes = xcalloc((size_t)n + 1, sizeof *r.outcomes);
	r.known = xcalloc((size_t)n + 1, sizeof *r.known);
	s = order_search_new(n, orders, runs_max, seed);
	r.norders = order_search_planned(s);
	search(&r, s);
	rep.search = s;
	rep.seed = seed;
	rep.ended = r.ended;
	for (uint32_t i = 0; i < n && order_search_orders(s) > 0; i++)
		rep.no_result += !r.known[i];
	code = report(&r, &rep);
	order_search_free(s);
	free(r.part.tests);
	free(r.outcomes);
	free(r.known);
	if (r.signal_fd >= 0)
		(void)close(r.signal_fd);
	return code;
}
