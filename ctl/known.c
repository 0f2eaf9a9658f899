/* paratestctl flaky --known; see known.h. */
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/outcome.h"
#include "ctl/duration.h"
#include "ctl/human.h"
#include "ctl/json_put.h"
#include "ctl/known.h"
#include "ctl/known_row.h"
#include "ctl/screen.h"

enum { C_KNOWN = OPTION_LONG, C_SINCE, C_SUITE, C_LIMIT };

static const struct option_row known_rows[] = {
	{ "known", NULL, C_KNOWN, NULL },
	{ "since", "DUR", C_SINCE, NULL },
	{ "suite", "NAME", C_SUITE, NULL },
	{ "limit", "N", C_LIMIT, NULL },
	{ NULL, NULL, 0, NULL }
};

const struct cmd_entry known_cmd = {
	"flaky --known", "tests that ordinary runs have shown to be flaky",
	"usage: paratestctl flaky --known [options] [TEST]\n"
	"\n"
	"Runs nothing: what the history of ordinary runs shows, the worst first.  SEEN: in how\n"
	"many of its runs a retry healed it, or it was both on one revision (run --revision).\n"
	"FAILS is the share of attempts since it began; LOST what its retries took in 30 days.\n"
	"      --since DUR       from results of the last 720h, 30m ...\n"
	"      --suite NAME      tests of this suite only\n"
	"      --limit N         at most N tests (1000)\n"
	"      --json            {tests: [...]} with every figure\n", known_exec,
	known_rows, 0, "[TEST]"
};

/* The answer while it comes. */
struct view {
	bool		 json;
	struct text	 out;
	struct text_style style;
	unsigned	 columns;	/* of the terminal; 0: none */
	uint64_t	 now_ms, lost_us;
	uint64_t	 n, states[FLAKY_STATE_COUNT];
	bool		 truncated;
};

bool
known_asked(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--known") == 0)
			return true;
	}
	return false;
}

static int
on_row(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct view			*v = arg;
	const struct msg_flaky_row	*r = &m->flaky_row;

	(void)id;
	if (type == MSG_END_OF)
		v->truncated = m->end_of.truncated;
	if (type != MSG_FLAKY_ROW)
		return 0;
	if (v->json) {
		known_row_json(&v->out, r);
	} else {
		if (v->n == 0)
			known_row_head(&v->out);
		known_row_text(&v->out, &v->style, r, v->now_ms, v->columns);
	}
	v->n++;
	v->lost_us += r->lost_us;
	if (r->state < FLAKY_STATE_COUNT)
		v->states[r->state]++;
	return 0;
}

static void
put_end(struct view *v, const struct msg_flaky *m)
{
	struct text	*t = &v->out, at = { 0 };
	char		 lost[DURATION_TEXT];

	if (v->json) {
		text_time(&at, v->now_ms, true);
		text_puts(t, "]");
		json_put_ms(t, "timeLost", v->lost_us);
		json_put_bool(t, "truncated", v->truncated);
		json_put_text(t, "timestamp", at.p);
		text_puts(t, "}\n");
		text_free(&at);
	} else if (v->n == 0) {
		text_puts(t, m->test.n > 0 ? "it is not known to be flaky\n" :
		    "no test is known to be flaky\n");
	} else {
		text_addf(t, "%" PRIu64 " flaky, %" PRIu64 " no more, %" PRIu64 " suspect; %s lost "
		    "to retries in %d days%s\n", v->states[FLAKY_STATE_IS], v->states[FLAKY_STATE_WAS],
		    v->states[FLAKY_STATE_NOT], duration_text(v->lost_us, lost, sizeof lost),
		    FLAKY_LOST_DAYS, v->truncated ? "; there are more, see --limit" : "");
	}
}

static int
show(const struct cmd_globals *g, const struct msg_flaky *m, bool json)
{
	struct report_text_options	 screen;
	struct client_error		 e = { .code = 0 };
	struct view			 v = { .json = json, .now_ms = wall_ms() };
	int				 code = EXIT_PASSED;
	struct client			*c = cmd_open(&known_cmd, g, true, &code);

	if (c == NULL)
		return code;
	screen_options(stdout, &screen);
	text_style_init(&v.style, screen.terminal, screen.colour);
	v.columns = human_columns(stdout);
	if (json)
		text_puts(&v.out, "{\"success\":true,\"tests\":[");
	if (client_request(c, MSG_FLAKY, m, on_row, &v, &e) != 0) {
		code = cmd_fail(&known_cmd, &e);
		text_clear(&v.out);
	} else {
		put_end(&v, m);
	}
	text_write(&v.out, stdout);
	text_free(&v.out);
	client_close(c);
	return code;
}

int
known_exec(const struct cmd_globals *g, int argc, char **argv)
{
	struct msg_flaky	m = { .limit = 0 };
	const char		*why = NULL;
	uint64_t		ago = 0, now = wall_ms();
	bool			json = g->json;
	int			c;

	while ((c = cmd_getopt(&known_cmd, argc, argv)) != -1) {
		if (c == C_SINCE) {
			if (duration_parse(optarg, &ago) != 0)
				return cmd_usage(&known_cmd, "--since '%s' is no duration such as "
				    "24h or 30m", optarg);
			m.since_ms = now > ago ? now - ago : 0;
		} else if (c == C_SUITE) {
			m.suite = sv_from(optarg);
			m.has |= MSG_BIT(flaky, suite);
		} else if (c == C_LIMIT) {
			m.limit = (uint64_t)strtonum(optarg, 1, UINT32_MAX, &why);
			if (why != NULL)
				return cmd_usage(&known_cmd, "--limit '%s' is %s", optarg, why);
		} else if (c != C_KNOWN) {
			(void)cmd_common(&known_cmd, c, &json);
		}
	}
	if (argc - optind > 1)
		return cmd_usage(&known_cmd, "--known takes the name of one test at the most, and "
		    "runs nothing");
	if (optind < argc) {
		m.test = sv_from(argv[optind]);
		m.has |= MSG_BIT(flaky, test);
	}
	return show(g, &m, json);
}
