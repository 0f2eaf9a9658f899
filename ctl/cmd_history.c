/* paratestctl history: every attempt of a test that is on record. */
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/outcome.h"
#include "common/size.h"
#include "ctl/cmd.h"
#include "ctl/duration.h"
#include "ctl/human.h"
#include "ctl/json_put.h"
#include "ctl/json_value.h"
#include "ctl/screen.h"
#include "ctl/text_view.h"

#define WHY_COLUMNS	15	/* at the least, however narrow the terminal is */
#define ROW_COLUMNS	62	/* of a row before it */

/* The answer while it comes. */
struct view {
	bool		 json;
	struct text	 out;
	struct text_style style;
	unsigned	 columns;	/* of the terminal; 0: none */
	uint64_t	 now_ms;
	char		*suite;		/* of the row before; NULL: none yet */
	uint64_t	 n, outcomes[OUTCOME_COUNT];
	bool		 truncated;
};

static const char *
word_of(uint64_t outcome)
{
	return outcome == OUTCOME_COUNT ? "running" : outcome_name(outcome);
}

/* Why it did not pass, and why it was not run again. */
static void
put_why(struct text *t, const struct msg_attempt_row *r)
{
	struct sv	why = r->error_message.n > 0 ? r->error_message : r->failure;
	const char	*line = why.p;
	char		 buf[40];

	if (r->outcome == OUTCOME_PASS || r->outcome >= OUTCOME_COUNT)
		return;
	if (why.n > 0)
		text_add(t, line, text_line(&why.p, &why.n));
	else if (MSG_HAS(r, attempt_row, signal))
		text_addf(t, "ended by %s", text_signal(r->signal, buf, sizeof buf));
	else if (MSG_HAS(r, attempt_row, exit_code))
		text_addf(t, "exit code %" PRIu64, r->exit_code);
	if (r->decision > RETRY_GRANTED) {
		text_puts(t, t->n > 0 ? "; not retried: " : "not retried: ");
		if (r->reason.n > 0)
			text_add(t, r->reason.p, r->reason.n);
		else
			text_puts(t, retry_decision_name(r->decision));
	}
}

static enum text_ink
ink_of(uint64_t outcome)
{
	if (outcome == OUTCOME_PASS)
		return INK_GREEN;
	return outcome == OUTCOME_SKIP || outcome == OUTCOME_CANCELLED ||
	    outcome == OUTCOME_LOST || outcome >= OUTCOME_COUNT ? INK_DIM : INK_RED;
}

/* Which suite the rows below are of, when that is not the one of the rows above. */
static void
put_suite(struct view *v, struct sv suite)
{
	if (v->suite != NULL && sv_is(suite, v->suite))
		return;
	free(v->suite);
	v->suite = strndup(suite.p != NULL ? suite.p : "", suite.n);
	if (suite.n == 0)
		return;
	text_puts(&v->out, "suite ");
	text_show_name(&v->out, suite.p, suite.n, v->style.flags, 0);
	text_puts(&v->out, "\n");
}

static void
put_line(struct view *v, const struct msg_attempt_row *r)
{
	struct text	*t = &v->out, why = { 0 };
	char		 when[HUMAN_TEXT], memory[SIZE_TEXT], took[DURATION_TEXT],
	    cpu[DURATION_TEXT], word[16];
	uint64_t	 peak = figure_of(r->figures, FIGURE_TREE_PEAK);
	size_t		 room = v->columns > ROW_COLUMNS + WHY_COLUMNS ?
	    v->columns - ROW_COLUMNS : WHY_COLUMNS;

	if (v->n == 0)
		text_addf(t, "%-12s %-8s %3s %-10s %7s %7s %6s  %s\n", "WHEN", "RUN", "TRY",
		    "OUTCOME", "TOOK", "CPU", "MEMORY", "WHY");
	put_suite(v, r->suite);
	(void)snprintf(word, sizeof word, "%-10s", word_of(r->outcome));
	text_addf(t, "%-12s %-8.*s %3" PRIu64 " ", human_when(r->start_ms, v->now_ms, when,
	    sizeof when), (int)(r->run.n < 8 ? r->run.n : 8), r->run.p, r->attempt);
	text_ink(t, &v->style, ink_of(r->outcome), word);
	text_addf(t, " %7s %7s %6s", duration_text(r->duration_us, took, sizeof took),
	    duration_text(r->cpu_us, cpu, sizeof cpu),
	    size_short(peak > 0 ? peak : r->max_rss, memory));
	put_why(&why, r);
	if (why.n > 0) {
		text_puts(t, "  ");
		text_view_line(t, &v->style, why.p, why.n, v->columns > 0 ? room : 0);
	}
	text_puts(t, "\n");
	text_free(&why);
}

static void
put_object(struct text *t, const struct msg_attempt_row *r)
{
	json_put_key(t, NULL);
	text_puts(t, "\n{");
	json_put_sv(t, "runId", r->run);
	if (r->label.n > 0)
		json_put_sv(t, "runName", r->label);
	json_put_sv(t, "testName", r->test);
	json_put_sv(t, "suite", r->suite);
	json_put_count(t, "attempt", r->attempt);
	json_put_text(t, "outcome", word_of(r->outcome));
	json_put_count(t, "startTime", r->start_ms);
	json_put_ms(t, "duration", r->duration_us);
	if (MSG_HAS(r, attempt_row, exit_code))
		json_put_count(t, "exitCode", r->exit_code);
	if (MSG_HAS(r, attempt_row, signal))
		json_put_value(t, "signal", json_value_signal(r->signal));
	json_put_count(t, "worker", r->worker);
	json_put_count(t, "delayBefore", r->delay_ms);
	json_put_ms(t, "cpuTime", r->cpu_us);
	json_put_count(t, "peakMemory", r->max_rss);
	json_put_count(t, "outputBytes", r->output_bytes);
	json_put_figures(t, r->figures.v, r->figures.n);
	if (r->error_message.n > 0 || r->error_category != CATEGORY_NONE)
		json_put_value(t, "error", json_value_error(r->error_message, r->error_category));
	if (r->fingerprint != 0)
		json_put_hash(t, "fingerprint", r->fingerprint);
	if (r->failure.n > 0)
		json_put_sv(t, "failure", r->failure);
	json_put_retry(t, r->decision, r->reason, UINT64_MAX);
	text_puts(t, "}");
}

static int
on_row(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct view	*v = arg;

	(void)id;
	if (type == MSG_END_OF)
		v->truncated = m->end_of.truncated;
	if (type != MSG_ATTEMPT_ROW)
		return 0;
	if (v->json)
		put_object(&v->out, &m->attempt_row);
	else
		put_line(v, &m->attempt_row);
	v->n++;
	if (m->attempt_row.outcome < OUTCOME_COUNT)
		v->outcomes[m->attempt_row.outcome]++;
	return 0;
}

/* "12 attempts: 10 pass, 2 fail". */
static void
put_sum(struct view *v)
{
	const char	*between = ": ";

	text_addf(&v->out, "%" PRIu64 " attempt%s", v->n, v->n == 1 ? "" : "s");
	for (size_t o = 0; o < OUTCOME_COUNT; o++) {
		if (v->outcomes[o] == 0)
			continue;
		text_addf(&v->out, "%s%" PRIu64 " %s", between, v->outcomes[o], outcome_name(o));
		between = ", ";
	}
	text_puts(&v->out, v->truncated ? "; there are more, see --limit\n" : "\n");
}

static void
put_end(struct view *v, const char *test)
{
	struct text	at = { 0 };

	text_time(&at, v->now_ms, true);
	text_puts(&v->out, "]");
	json_put_text(&v->out, "testName", test);
	json_put_bool(&v->out, "truncated", v->truncated);
	json_put_text(&v->out, "timestamp", at.p);
	text_puts(&v->out, "}\n");
	text_free(&at);
}

static int
show(const struct cmd_globals *g, const struct msg_history *m, const char *test, bool json)
{
	struct report_text_options	 screen;
	struct client_error		 e = { .code = 0 };
	struct view			 v = { .json = json, .now_ms = wall_ms() };
	int				 code = EXIT_PASSED;
	struct client			*c = cmd_open(&cmd_history, g, true, &code);

	if (c == NULL)
		return code;
	screen_options(stdout, &screen);
	text_style_init(&v.style, screen.terminal, screen.colour);
	v.columns = human_columns(stdout);
	if (json)
		text_puts(&v.out, "{\"success\":true,\"attempts\":[");
	if (client_request(c, MSG_HISTORY, m, on_row, &v, &e) != 0) {
		code = cmd_fail(&cmd_history, &e);
		text_clear(&v.out);
	} else if (v.n == 0) {
		code = EXIT_NO_TESTS;
	}
	if (json && v.out.n > 0)
		put_end(&v, test);
	else if (v.n > 0 && v.out.n > 0)
		put_sum(&v);
	else if (code == EXIT_NO_TESTS)
		(void)fprintf(stderr, "paratestctl: history: no attempt of '%s' is on record\n"
		    "  paratestctl metrics lists the tests that are\n", test);
	text_write(&v.out, stdout);
	text_free(&v.out);
	free(v.suite);
	client_close(c);
	return code;
}

enum { C_SUITE = OPTION_LONG, C_LIMIT, C_SINCE };

static const struct option_row history_rows[] = {
	{ "suite", "NAME", C_SUITE, NULL },
	{ "limit", "N", C_LIMIT, NULL },
	{ "since", "DUR", C_SINCE, NULL },
	{ NULL, NULL, 0, NULL }
};

static int
exec(const struct cmd_globals *g, int argc, char **argv)
{
	struct msg_history	m = { .limit = 0 };
	const char		*why = NULL;
	uint64_t		ago = 0, now = wall_ms();
	bool			json = g->json;
	int			c;

	while ((c = cmd_getopt(&cmd_history, argc, argv)) != -1) {
		if (c == C_SUITE) {
			m.suite = sv_from(optarg);
			m.has |= MSG_BIT(history, suite);
		} else if (c == C_LIMIT) {
			m.limit = (uint64_t)strtonum(optarg, 1, UINT32_MAX, &why);
			if (why != NULL)
				return cmd_usage(&cmd_history, "--limit '%s' is %s", optarg, why);
		} else if (c == C_SINCE) {
			if (duration_parse(optarg, &ago) != 0)
				return cmd_usage(&cmd_history, "--since '%s' is no duration such as "
				    "2h or 30m", optarg);
			m.since_ms = now > ago ? now - ago : 0;
		} else {
			(void)cmd_common(&cmd_history, c, &json);
		}
	}
	if (argc - optind != 1 || argv[optind][0] == '\0')
		return cmd_usage(&cmd_history, "it takes the name of one test");
	m.test = sv_from(argv[optind]);
	return show(g, &m, argv[optind], json);
}

const struct cmd_entry cmd_history = {
	"history", "every attempt of a test on record",
	"usage: paratestctl history [options] TEST\n"
	"\n"
	"Newest first.  TRY counts the attempts of a test in its run.\n"
	"      --suite NAME      of the test of this suite only\n"
	"      --limit N         the newest N (100)\n"
	"      --since DUR       of the last 2h, 30m ...\n"
	"      --json            {attempts: [...]} with every figure\n"
	"Exit: 4 when the test is not on record.\n", exec, history_rows, 0, "TEST"
};
