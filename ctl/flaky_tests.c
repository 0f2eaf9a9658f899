/* Tests of a recorded run, and tests without a history; see flaky_tests.h. */
#include <stdlib.h>
#include <string.h>

#include "common/outcome.h"
#include "common/xalloc.h"
#include "ctl/dry_run.h"
#include "ctl/filter.h"
#include "ctl/flaky_tests.h"
#include "ctl/recorded.h"

/* ---- from a run ---- */

/* Did it fail, time out, end in error, or pass only after a failure? */
static bool
went_wrong(const struct test_result *t)
{
	return (t->done && (t->status == TEST_FAIL || t->status == TEST_TIMEOUT ||
	    t->status == TEST_ERROR)) || t->flaky || t->flake.fails > 0;
}

static void
keep_wrong(struct plan *plan, const struct results *r)
{
	bool	*stays = xcalloc(plan->ntests + 1, sizeof *stays);

	/* A plan on record is in the order in which its results are numbered. */
	for (size_t i = 0; r->tests != NULL && i < plan->ntests && i < r->total; i++)
		stays[i] = r->tests[i].name != NULL && strcmp(r->tests[i].name,
		    plan->tests[i].name) == 0 && went_wrong(&r->tests[i]);
	plan_keep(plan, stays);
	free(stays);
}

static int
drop_sound(const struct cmd_entry *cmd, struct client *c, const struct plan_origin *from,
    struct plan *plan)
{
	struct results	r = { .run = NULL };
	int		code = recorded_results(cmd, c, from->run, &r);

	if (code == 0)
		keep_wrong(plan, &r);
	results_free(&r);
	if (code == 0 && plan->ntests == 0) {
		(void)fprintf(stderr, "paratestctl: %s: nothing went wrong in run %.8s: "
		    "-E 'all()' takes all of its tests\n", cmd->name, from->run);
		code = EXIT_NO_TESTS;
	}
	return code;
}

int
flaky_from(const struct cmd_entry *cmd, const struct cmd_globals *g, struct client *c,
    const struct options *o, struct plan *plan, struct plan_origin *from)
{
	int	code = recorded_plan(cmd, c, o->from, false, plan, from);

	if (code == 0 && o->filters.n == 0)
		code = drop_sound(cmd, c, from, plan);
	return code == 0 ? options_apply(cmd, g, o, plan) : code;
}

/* ---- new ones ---- */

struct looking {
	const char	*suite;		/* "": none */
	bool		 found;
};

static int
on_metric(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct looking	*l = arg;

	(void)id;
	/* An absent suite asks for a name in whatever suite. */
	if (type == MSG_METRIC_ROW && m->metric_row.attempts > 0 &&
	    sv_is(m->metric_row.suite, l->suite))
		l->found = true;
	return 0;
}

/* Asks the history about one test. */
static int
look_up(const struct cmd_entry *cmd, struct client *c, const struct plan_test *t, bool *ret_known)
{
	struct msg_metrics	m = { .test = sv_from(t->name), .suite = sv_from(t->suite),
	    .limit = UINT32_MAX };
	struct looking		l = { .suite = t->suite != NULL ? t->suite : "" };
	struct client_error	e = { .code = 0 };

	if (client_request(c, MSG_METRICS, &m, on_metric, &l, &e) != 0)
		return cmd_fail(cmd, &e);
	*ret_known = l.found;
	return 0;
}

/*
 * A dry run knows most of them at once.  But it waits for the history only so long: what
 * it does not know is asked for by name.
 */
static int
find_new(const struct cmd_entry *cmd, struct client *c, const struct options *o,
    const struct plan *plan, bool *is_new)
{
	struct dry_run		f = { .rows = NULL };
	struct submit		sub = { .label = NULL };
	struct client_error	e = { .code = 0 };
	bool			known = false;
	int			code = 0;

	options_submit(o, &sub);
	for (size_t i = 0; i < plan->ntests; i++)
		is_new[i] = true;
	if (dry_run_ask(c, plan, &sub, &f, &e) != 0)
		code = cmd_fail(cmd, &e);
	for (size_t i = 0; code == 0 && i < f.n; i++)
		is_new[f.rows[i].index] = !f.rows[i].known;
	for (size_t i = 0; code == 0 && i < plan->ntests; i++) {
		if (!is_new[i])
			continue;
		code = look_up(cmd, c, &plan->tests[i], &known);
		is_new[i] = !known;
	}
	dry_run_free(&f);
	return code;
}

int
flaky_only_new(const struct cmd_entry *cmd, struct client *c, const struct options *o,
    struct plan *plan)
{
	bool	*is_new = xcalloc(plan->ntests + 1, sizeof *is_new);
	size_t	 all = plan->ntests;
	int	 code = find_new(cmd, c, o, plan, is_new);

	if (code == 0)
		plan_keep(plan, is_new);
	free(is_new);
	if (code == 0 && plan->ntests == 0) {
		(void)fprintf(stderr, "paratestctl: %s: no test is new: %s a history\n", cmd->name,
		    all == 1 ? "it has" : "all of them have");
		code = EXIT_NO_TESTS;
	}
	return code;
}
