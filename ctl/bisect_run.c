/* The command of a bisect, again and again; see bisect_run.h. */
#include <stdlib.h>
#include <string.h>

#include "common/outcome.h"
#include "common/xalloc.h"
#include "ctl/attempts.h"
#include "ctl/bisect_run.h"
#include "ctl/flaky_attempt.h"
#include "ctl/follow.h"
#include "ctl/suite.h"

#define SUITE	"flaky --bisect"	/* in the history: apart from tests of that name */

/* Runs at a time: copies of one another in the same folder.  What they are asked to
 * do together is split between them, rounded up. */
static uint64_t
at_a_time(const struct bisect_command *b)
{
	return b->options->jobs > 0 ? b->options->jobs : 1;
}

static void
count(const struct attempt_result *a, struct bisect_runs *sum)
{
	if (!a->finished)
		return;
	if (a->outcome == OUTCOME_EXEC_ERROR || a->outcome == OUTCOME_SKIP ||
	    (a->has_exit_code && a->exit_code == BISECT_UNTESTABLE))
		sum->untestable++;
	else if (flaky_is_evidence(a) && a->outcome == OUTCOME_PASS)
		sum->passes++;
	else if (flaky_is_evidence(a))
		sum->fails++;
}

static void
on_over(void *arg, const struct results *r)
{
	for (uint64_t i = 0; r->tests != NULL && i < r->total; i++) {
		for (size_t k = 0; k < r->tests[i].nattempts; k++)
			count(&attempts_of(&r->tests[i])[k], arg);
	}
}

/* The command as often as it is to run beside itself. */
static void
copies(const struct bisect_command *b, struct plan *plan)
{
	struct plan_test	*t;
	char			*name;

	for (uint64_t i = 0; i < at_a_time(b); i++) {
		suite_command(plan, b->argv, b->cwd);
		t = &plan->tests[plan->ntests - 1];
		free(t->suite);
		t->suite = xstrdup(SUITE);
		if (i == 0)
			continue;
		name = xasprintf("%s (copy %llu)", t->name, (unsigned long long)i + 1);
		free(t->name);
		t->name = name;
	}
}

static uint64_t
part(uint64_t n, uint64_t parts)
{
	return (n + parts - 1) / parts;
}

int
bisect_run(const struct bisect_command *b, const char *label, uint64_t most, uint64_t until,
    struct bisect_runs *sum)
{
	struct options	 o = *b->options;	/* its strings are borrowed */
	struct plan	 plan = { .name = NULL };
	struct follow	 f = { .cmd = b->cmd, .options = &o, .silent = true, .over = on_over,
	    .arg = sum };
	uint64_t	 n = at_a_time(b);
	struct client	*c;
	int		 code;

	copies(b, &plan);
	o.name = label;
	o.json = false;
	memset(o.flake, 0, sizeof o.flake);
	o.flake[FLAKE_SET_ON] = 1;
	o.flake[FLAKE_SET_RUNS] = part(most, n);
	o.flake[FLAKE_SET_UNTIL_FAILS] = part(until, n);
	o.flake[FLAKE_SET_UNDER] = b->options->flake[FLAKE_SET_UNDER];
	code = options_apply(b->cmd, b->globals, &o, &plan);
	plan.max_fail = until == 1;
	c = code == 0 ? cmd_open(b->cmd, b->globals, true, &code) : NULL;
	if (c != NULL)
		code = follow_plan(&f, c, &plan);
	client_close(c);
	plan_free(&plan);
	/* What it came to is counted, and is no error. */
	return code == EXIT_TESTS_FAILED || code == EXIT_SETUP_FAILED ? 0 : code;
}
