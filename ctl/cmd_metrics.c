/* paratestctl metrics: what tests have cost, and which of them got worse. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "common/outcome.h"
#include "common/suggest.h"
#include "ctl/cmd.h"
#include "ctl/human.h"
#include "ctl/metrics.h"
#include "ctl/screen.h"

#define TOP_SLOWEST	10
#define TOP_OTHERS	5
#define EXPORT_ROWS	1000000	/* when no limit is given */

enum form { FORM_TEXT, FORM_JSON, FORM_CSV, FORM_OPENMETRICS };

struct asked {
	struct msg_metrics	 q;
	const char		*test;		/* NULL: all */
	const char		*textfile;
	enum form		 form;
	bool			 table;		/* --sort or --limit: one table */
};

struct screen {
	struct text_style	style;
	unsigned		columns;
};

static const char *const sort_names[] = {
#define X(N, s)	s,
	METRIC_SORT_LIST(X)
#undef X
	NULL
};

/* 0 or an exit code. */
static int
ask(struct client *c, const struct msg_metrics *q, struct metrics *ms)
{
	struct client_error	e = { .code = 0 };

	if (client_request(c, MSG_METRICS, q, metrics_answer, ms, &e) != 0)
		return cmd_fail(&cmd_metrics, &e);
	return 0;
}

/* A table of the first few in one order, under its title. */
static int
put_section(struct client *c, const struct asked *a, enum metric_sort sort, const char *title,
    struct text *t, const struct screen *s)
{
	struct msg_metrics	q = a->q;
	struct metrics		ms = { 0 };
	size_t			n = 0;
	int			code;

	q.sort = sort;
	q.limit = sort == METRIC_SORT_DURATION ? TOP_SLOWEST : TOP_OTHERS;
	code = ask(c, &q, &ms);
	/* What wasted nothing, or was not measured, has no place in such a list. */
	while (code == 0 && n < ms.n && (sort != METRIC_SORT_WASTED || ms.v[n].wasted_us > 0) &&
	    (sort != METRIC_SORT_MEMORY || ms.v[n].stats[METRIC_MEMORY][STAT_LAST] > 0))
		n++;
	if (n > 0) {
		if (sort == METRIC_SORT_DURATION)
			metrics_put_sum(t, &s->style, &ms);
		text_puts(t, "\n");
		text_ink(t, &s->style, INK_BOLD, title);
		text_puts(t, "\n");
		metrics_put_table(t, &s->style, &ms, sort, n, s->columns);
	} else if (code == 0 && sort == METRIC_SORT_DURATION) {
		text_puts(t, "no test is on record yet\n");
	}
	metrics_free(&ms);
	return code;
}

/* What got worse, when anything did. */
static int
put_worse(struct client *c, const struct asked *a, struct text *t, const struct screen *s)
{
	struct msg_metrics	q = a->q;
	struct metrics		ms = { 0 };
	int			code;

	q.regressed = true;
	q.limit = TOP_OTHERS;
	code = ask(c, &q, &ms);
	if (code == 0 && ms.n > 0) {
		text_puts(t, "\n");
		text_ink(t, &s->style, INK_BOLD, "Got worse");
		text_puts(t, "\n");
		metrics_put_regressions(t, &s->style, &ms, s->columns);
	}
	metrics_free(&ms);
	return code;
}

static int
put_overview(struct client *c, const struct asked *a, struct text *t, const struct screen *s)
{
	int	code = put_section(c, a, METRIC_SORT_DURATION, "Slowest", t, s);

	if (code == 0)
		code = put_section(c, a, METRIC_SORT_MEMORY, "Hungriest", t, s);
	if (code == 0)
		code = put_section(c, a, METRIC_SORT_WASTED, "Most time wasted in retries", t, s);
	if (code == 0)
		code = put_worse(c, a, t, s);
	return code;
}

static void
put_text(struct text *t, const struct asked *a, const struct metrics *ms, const struct screen *s)
{
	if (a->q.regressed && ms->n == 0) {
		text_puts(t, "nothing got worse\n");
	} else if (a->q.regressed) {
		metrics_put_regressions(t, &s->style, ms, s->columns);
	} else if (a->test != NULL) {
		for (size_t i = 0; i < ms->n; i++)
			metrics_put_details(t, &s->style, &ms->v[i], wall_ms());
	} else {
		metrics_put_table(t, &s->style, ms, (enum metric_sort)a->q.sort, ms->n, s->columns);
		if (ms->truncated)
			text_puts(t, "there are more, see --limit\n");
	}
}

static void
put_form(struct text *t, const struct asked *a, const struct metrics *ms,
    const struct screen *s, bool success)
{
	switch (a->form) {
	case FORM_TEXT:
		put_text(t, a, ms, s);
		break;
	case FORM_JSON:
		metrics_put_json(t, ms, success, wall_ms());
		break;
	case FORM_CSV:
		metrics_put_csv(t, ms);
		break;
	case FORM_OPENMETRICS:
		metrics_put_openmetrics(t, ms);
		break;
	}
}

/* One question, one answer in one form.  The exit code. */
static int
put_answer(struct client *c, const struct asked *a, struct text *t, const struct screen *s)
{
	struct metrics	ms = { 0 };
	int		code = ask(c, &a->q, &ms);

	if (code != 0) {
		metrics_free(&ms);
		return code;
	}
	if (a->q.regressed && ms.n > 0)
		code = EXIT_TESTS_FAILED;
	else if (a->test != NULL && !a->q.regressed && ms.n == 0)
		code = EXIT_NO_TESTS;
	if (code == EXIT_NO_TESTS && a->form == FORM_TEXT)
		(void)fprintf(stderr, "paratestctl: metrics: test '%s' is not on record\n"
		    "  paratestctl metrics --sort name lists those that are\n", a->test);
	else
		put_form(t, a, &ms, s, code == 0);
	metrics_free(&ms);
	return code;
}

static int
show(const struct cmd_globals *g, const struct asked *a)
{
	struct report_text_options	 opt;
	struct screen			 s = { .columns = human_columns(stdout) };
	struct text			 t = { 0 };
	int				 code = 0, r;
	struct client			*c = cmd_open(&cmd_metrics, g, true, &code);

	if (c == NULL)
		return code;
	screen_options(stdout, &opt);
	text_style_init(&s.style, opt.terminal, opt.colour);
	if (a->form == FORM_TEXT && !a->table && a->test == NULL && !a->q.regressed)
		code = put_overview(c, a, &t, &s);
	else
		code = put_answer(c, a, &t, &s);
	if (a->textfile == NULL) {
		text_write(&t, stdout);
	} else if (t.n > 0) {
		r = metrics_textfile(a->textfile, &t);
		if (r != 0) {
			(void)fprintf(stderr, "paratestctl: metrics: cannot write %s: %s\n",
			    a->textfile, strerror(-r));
			code = EXIT_INTERNAL;
		}
	}
	text_free(&t);
	client_close(c);
	return code;
}

static int
sort_of(const char *name, uint64_t *ret)
{
	char	near[64];

	for (size_t i = 0; sort_names[i] != NULL; i++) {
		if (strcmp(sort_names[i], name) == 0) {
			*ret = i;
			return 0;
		}
	}
	(void)suggest_text(name, sort_names, near, sizeof near);
	return cmd_usage(&cmd_metrics, "--sort takes duration, cpuTime, peakMemory, wasted, name or "
	    "lastRun, not '%s'%s", name, near);
}

enum { C_SORT = OPTION_LONG, C_LIMIT, C_SUITE, C_RUN, C_REGRESSIONS, C_CSV, C_OPENMETRICS,
	C_TEXTFILE };

static const struct option_row metrics_rows[] = {
	{ "sort", "duration|cpuTime|peakMemory|wasted|name|lastRun", C_SORT, NULL },
	{ "limit", "N", C_LIMIT, NULL },
	{ "suite", "NAME", C_SUITE, NULL },
	{ "run", "RUN", C_RUN, NULL },
	{ "regressions", NULL, C_REGRESSIONS, NULL },
	{ "csv", NULL, C_CSV, NULL },
	{ "openmetrics", NULL, C_OPENMETRICS, NULL },
	{ "textfile", "FILE", C_TEXTFILE, NULL },
	{ NULL, NULL, 0, NULL }
};

/* The verb's own options.  0 or an exit code. */
static int
take_option(struct asked *a, int c)
{
	const char	*why = NULL;

	switch (c) {
	case C_SORT:
		a->table = true;
		return sort_of(optarg, &a->q.sort);
	case C_LIMIT:
		a->table = true;
		a->q.limit = (uint64_t)strtonum(optarg, 1, UINT32_MAX, &why);
		return why == NULL ? 0 : cmd_usage(&cmd_metrics, "--limit '%s' is %s", optarg, why);
	case C_SUITE:
		a->q.suite = sv_from(optarg);
		a->q.has |= MSG_BIT(metrics, suite);
		return 0;
	case C_RUN:
		a->q.run = sv_from(optarg);
		return 0;
	case C_REGRESSIONS:
		a->q.regressed = true;
		return 0;
	case C_TEXTFILE:
		a->textfile = optarg;
		break;
	default:
		break;
	}
	if (a->form != FORM_TEXT && a->form != (c == C_CSV ? FORM_CSV : FORM_OPENMETRICS))
		return cmd_usage(&cmd_metrics, "only one of --json, --csv and --openmetrics is possible");
	a->form = c == C_CSV ? FORM_CSV : FORM_OPENMETRICS;
	return 0;
}

static int
exec(const struct cmd_globals *g, int argc, char **argv)
{
	struct asked	a = { .form = FORM_TEXT };
	bool		json = g->json;
	int		c, code = 0;

	while (code == 0 && (c = cmd_getopt(&cmd_metrics, argc, argv)) != -1) {
		if (!cmd_common(&cmd_metrics, c, &json))
			code = take_option(&a, c);
	}
	if (code != 0)
		return code;
	if (argc - optind > 1)
		return cmd_usage(&cmd_metrics, "it takes the name of one test at the most");
	if (json && a.form != FORM_TEXT)
		return cmd_usage(&cmd_metrics, "only one of --json, --csv and --openmetrics is possible");
	if (json)
		a.form = FORM_JSON;
	if (optind < argc) {
		a.test = argv[optind];
		a.q.test = sv_from(a.test);
		a.q.has |= MSG_BIT(metrics, test);
	}
	if ((a.form == FORM_CSV || a.form == FORM_OPENMETRICS) && a.q.limit == 0)
		a.q.limit = EXPORT_ROWS;
	return show(g, &a);
}

const struct cmd_entry cmd_metrics = {
	"metrics", "what tests have cost, and which got worse",
	"usage: paratestctl metrics [options] [TEST]\n"
	"\n"
	"Of all tests: the slowest, the hungriest, those that wasted most.  TREND is the\n"
	"median of the newest 3 attempts against the test's own past; = within 5%.\n"
	"      --sort KEY        one table, by duration, cpuTime, peakMemory, wasted, name,\n"
	"                        lastRun\n"
	"      --limit N         of at most N tests\n"
	"      --suite NAME      tests of this suite only\n"
	"      --run RUN         tests of this run only\n"
	"      --regressions     only what got worse; exit 1 when anything did\n"
	"      --json | --csv | --openmetrics\n"
	"      --textfile FILE   OpenMetrics into FILE, replaced as a whole: for the textfile\n"
	"                        collector of Prometheus' node_exporter\n"
	"Exit: 4 when TEST is not on record.\n", exec, metrics_rows, 0, "[TEST]"
};
