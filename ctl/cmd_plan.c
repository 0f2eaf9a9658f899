/* paratestctl plan: in which order a suite would run and how long it would take. */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/outcome.h"
#include "ctl/cmd.h"
#include "ctl/cmd_json.h"
#include "ctl/duration.h"
#include "ctl/dry_run.h"
#include "ctl/json_value.h"
#include "ctl/options.h"
#include "ctl/text_view.h"

#define NAME_AT		44	/* column of the names, and one that stays free */
#define NAME_LEAST	16	/* columns that a name has in any case */
#define RANK_WIDTH	5

static const char usage[] =
	"usage: paratestctl plan [options] SUITE...\n"
	"       paratestctl plan [options] --each 'CMD {}' < LIST\n"
	"\n"
	"The order in which the tests would start, what each is expected to take, by its past,\n"
	"and how long that comes to.  Nothing is run.\n"
	OPTIONS_SELECT_HELP
	OPTIONS_ORDER_HELP
	"      --json            {tests: [{rank, name, expected, spread, start, ...}], ...}\n";

/* ---- for people ---- */

/* Columns for a name: what the terminal has left; 0, no end, for anything else. */
static size_t
name_width(void)
{
	struct winsize	ws;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) != 0 || ws.ws_col == 0)
		return 0;
	return ws.ws_col > NAME_AT + NAME_LEAST ? (size_t)ws.ws_col - NAME_AT : NAME_LEAST;
}

/* What a test is expected to take; nothing is where no test of the plan is known. */
static void
add_expected(struct text *t, const struct dry_run_row *r, bool blind)
{
	char	expected[DURATION_TEXT], spread[DURATION_TEXT], start[DURATION_TEXT],
	    guess[DURATION_TEXT + 2];

	if (blind) {
		text_addf(t, "%9s %8s %8s %6s", "-", "-", "-", "-");
		return;
	}
	(void)duration_text(r->expected_us, expected, sizeof expected);
	(void)duration_text(r->spread_us, spread, sizeof spread);
	(void)duration_text(r->start_us, start, sizeof start);
	(void)snprintf(guess, sizeof guess, "%s%s", r->known ? "" : "~", expected);
	text_addf(t, "%9s %8s %8s %5.1f%%", guess, spread, start, (double)r->fail_ppm / 10000);
}

static void
add_sum(struct text *t, const struct dry_run *f, size_t tests, bool as_written)
{
	char	makespan[DURATION_TEXT], bound[DURATION_TEXT];

	if (f->known == 0) {
		text_addf(t, "\n%s\nno forecast of how long it takes on %llu slot%s\n",
		    as_written ? "the order is that of the plan, as --order plan asks: the history "
		    "was not asked" : "no test of the plan is on record: they start in the order of "
		    "the plan", (unsigned long long)f->jobs, f->jobs == 1 ? "" : "s");
		return;
	}
	(void)duration_text(f->makespan_us, makespan, sizeof makespan);
	(void)duration_text(f->bound_us, bound, sizeof bound);
	text_addf(t, "\nexpected makespan %s on %llu slot%s; no order can beat %s;\n"
	    "%llu of %zu test%s known%s\n", makespan, (unsigned long long)f->jobs,
	    f->jobs == 1 ? "" : "s", bound, (unsigned long long)f->known, tests,
	    tests == 1 ? "" : "s", f->known < tests ?
	    " (~: no history of its own, a guess from the others)" : "");
}

static void
print(const struct plan *plan, const struct dry_run *f, bool as_written)
{
	struct text		t = { 0 };
	struct text_style	style;
	size_t			width = name_width();

	text_style_init(&style, width > 0, false);
	text_addf(&t, "%*s  %9s %8s %8s %6s  %s\n", RANK_WIDTH, "RANK", "EXPECTED", "SPREAD", "START",
	    "FAILS", "TEST");
	for (size_t i = 0; i < f->n; i++) {
		const char	*name = plan->tests[f->rows[i].index].name;

		text_addf(&t, "%*zu  ", RANK_WIDTH, i + 1);
		add_expected(&t, &f->rows[i], f->known == 0);
		text_puts(&t, "  ");
		(void)text_show_name(&t, name, strlen(name), style.flags, width);
		text_puts(&t, "\n");
	}
	add_sum(&t, f, plan->ntests, as_written);
	text_write(&t, stdout);
	text_free(&t);
}

/* ---- for programs ---- */

/* null where nothing is known: 0 ms would be a claim. */
static json_t *
ms_of(const struct dry_run *f, uint64_t us)
{
	return f->known > 0 ? json_value_ms(us) : json_null();
}

static json_t *
document(const struct plan *plan, const struct dry_run *f)
{
	json_t	*doc = json_object(), *tests = json_array(), *o;

	for (size_t i = 0; i < f->n; i++) {
		const struct dry_run_row	*r = &f->rows[i];

		o = json_object();
		json_value_put(o, "rank", json_value_u64(i + 1));
		json_value_put(o, "name", json_value_text(plan->tests[r->index].name));
		json_value_put(o, "expected", ms_of(f, r->expected_us));
		json_value_put(o, "spread", ms_of(f, r->spread_us));
		json_value_put(o, "start", ms_of(f, r->start_us));
		json_value_put(o, "failureChance", f->known > 0 ?
		    json_real((double)r->fail_ppm / 1e6) : json_null());
		json_value_put(o, "known", json_boolean(r->known));
		(void)json_array_append_new(tests, o);
	}
	json_value_put(doc, "tests", tests);
	json_value_put(doc, "totalTests", json_value_u64(plan->ntests));
	json_value_put(doc, "known", json_value_u64(f->known));
	json_value_put(doc, "jobs", json_value_u64(f->jobs));
	json_value_put(doc, "makespan", ms_of(f, f->makespan_us));
	json_value_put(doc, "lowerBound", ms_of(f, f->bound_us));
	return doc;
}

static int
show(const struct cmd_globals *g, const struct options *o, const struct plan *plan)
{
	struct submit		 sub = { .label = NULL };
	struct dry_run		 f = { .rows = NULL };
	struct client_error	 e = { .code = 0 };
	int			 code = 0;
	struct client		*c = cmd_open(&cmd_plan, g, true, &code);

	if (c == NULL)
		return code;
	options_submit(o, &sub);
	if (dry_run_ask(c, plan, &sub, &f, &e) != 0)
		code = cmd_fail(&cmd_plan, &e);
	else if (o->json || g->json)
		cmd_json_print(document(plan, &f));
	else
		print(plan, &f, sub.plan_order);
	dry_run_free(&f);
	client_close(c);
	return code;
}

static int
exec(const struct cmd_globals *g, int argc, char **argv)
{
	struct options	 o;
	struct plan	 plan = { .name = NULL };
	int		 code = options_parse(&cmd_plan, argc, argv, OPTIONS_PLAN, &o);

	if (code == 0)
		code = options_plan(&cmd_plan, g, &o, argc, argv, &plan);
	if (code == 0)
		code = show(g, &o, &plan);
	plan_free(&plan);
	options_free(&o);
	return code;
}

const struct cmd_entry cmd_plan = {
	"plan", "the order that the history advises, and how long it takes", usage, exec,
	NULL, OPTIONS_PLAN, "SUITE..."
};
