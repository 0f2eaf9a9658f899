/* paratestctl show, runs, watch: runs that are there. */
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/outcome.h"
#include "ctl/cmd.h"
#include "ctl/duration.h"
#include "ctl/cmd_json.h"
#include "ctl/document.h"
#include "ctl/flaky_tell.h"
#include "ctl/runlist.h"
#include "ctl/screen.h"
#include "ctl/session.h"
#include "ctl/text.h"

#define REVISION_COLUMNS	8	/* the word above them */

/* ---- runs ---- */

static json_t *
row_json(const struct msg_run_row *r)
{
	json_t	*o = json_object();

	cmd_json_text(o, "runId", r->run);
	cmd_json_text(o, "name", r->name);
	cmd_json_text(o, "status", sv_from(run_status_name(r->status)));
	cmd_json_count(o, "total", r->total);
	cmd_json_count(o, "passed", r->passed);
	cmd_json_count(o, "failed", r->failed);
	cmd_json_count(o, "skipped", r->skipped);
	cmd_json_count(o, "timedOut", r->timed_out);
	cmd_json_count(o, "errored", r->errored);
	cmd_json_count(o, "cancelled", r->cancelled);
	cmd_json_count(o, "flaky", r->flaky_count);
	cmd_json_count(o, "running", r->running);
	cmd_json_count(o, "queued", r->queued);
	cmd_json_count(o, "startTime", r->start_ms);
	cmd_json_ms(o, "duration", r->duration_us);
	cmd_json_count(o, "jobs", r->jobs);
	cmd_json_count(o, "uid", r->uid);
	if (r->revision.n > 0)
		cmd_json_text(o, "revision", r->revision);
	return o;
}

static void
print_rows(const struct runlist *l)
{
	struct text	name = { 0 };
	char		took[DURATION_TEXT];
	size_t		wide = 0;	/* of the column of revisions, 0: none has one */

	for (size_t i = 0; i < l->n; i++)
		wide = l->v[i].row.revision.n > wide ? l->v[i].row.revision.n : wide;
	if (wide > 0)
		wide = (wide < REVISION_COLUMNS ? REVISION_COLUMNS : wide) + 2;
	for (size_t i = 0; i < l->n; i++) {
		const struct msg_run_row	*r = &l->v[i].row;

		text_clear(&name);
		text_puts(&name, "");
		text_show(&name, r->name.p, r->name.n, 0, 0);
		if (i == 0)
			(void)printf("%-10s %-10s %8s %8s %8s %9s  %-*s%s\n", "RUN", "STATUS",
			    "PASSED", "FAILED", "TOTAL", "TOOK", (int)wide,
			    wide > 0 ? "REVISION" : "", "NAME");
		(void)printf("%-10.8s %-10s %8llu %8llu %8llu %9s  %-*s%s\n", l->v[i].id,
		    run_status_name(r->status), (unsigned long long)r->passed,
		    (unsigned long long)(r->failed + r->timed_out + r->errored),
		    (unsigned long long)r->total,
		    duration_text(r->duration_us, took, sizeof took), (int)wide,
		    l->v[i].revision, name.p);
	}
	text_free(&name);
	if (l->n == 0)
		(void)puts("no runs yet");
}

static void
print_json(const struct runlist *l)
{
	json_t	*rows = json_array();

	for (size_t i = 0; i < l->n; i++)
		(void)json_array_append_new(rows, row_json(&l->v[i].row));
	cmd_json_print(rows);
}

static int
exec_runs(const struct cmd_globals *g, int argc, char **argv)
{
	struct msg_run_list	m = { .limit = 0 };
	struct client_error	e = { .code = 0 };
	struct runlist		l = { .v = NULL };
	struct client		*client;
	bool			json = g->json;
	int			c, code = 0;

	while ((c = cmd_getopt(&cmd_runs, argc, argv)) != -1)
		(void)cmd_common(&cmd_runs, c, &json);
	if (optind < argc)
		return cmd_usage(&cmd_runs, "it takes no arguments");
	client = cmd_open(&cmd_runs, g, true, &code);
	if (client == NULL)
		return code;
	if (client_request(client, MSG_RUN_LIST, &m, runlist_answer, &l, &e) != 0)
		code = cmd_fail(&cmd_runs, &e);
	runlist_arrange(&l);
	if (code == 0 && json)
		print_json(&l);
	else if (code == 0)
		print_rows(&l);
	runlist_free(&l);
	client_close(client);
	return code;
}

const struct cmd_entry cmd_runs = {
	"runs", "recent runs",
	"usage: paratestctl runs [--json]\n\nThe runs of this user on record, "
	"newest first.\n", exec_runs, NULL, 0, NULL
};

/* ---- show and watch ---- */

struct showing {
	const struct cmd_entry	*cmd;
	bool			 json, events, no_follow;
	struct document		 doc;		/* held back, since flake detection adds to it */
	struct text		 words;		/* of that */
};

/* 0 or an exit code. */
static int
add_reporters(struct showing *w, struct session *s)
{
	struct report_text_options	text;
	int				code = 0;

	screen_options(w->json || w->events ? stderr : stdout, &text);
	text.terminal &= !w->no_follow;
	text.isolation = w->no_follow;
	if (w->events)
		report_events(&s->reporters[s->nreporters++], stdout);
	else if (!(w->json && w->no_follow))
		report_text(&s->reporters[s->nreporters++], &text);
	if (w->json && !w->events)
		code = document_open(&w->doc, w->cmd);
	if (w->doc.file != NULL)
		report_json(&s->reporters[s->nreporters++], w->doc.file);
	return code;
}

/* What is known of the run, when all of it came; the exit code. */
static int
judge(struct showing *w, const struct results *r)
{
	int	code = results_exit_code(r, false);

	if (r->detects && !w->events)
		code = flaky_tell(r, NULL, w->json, stdout, &w->words);
	return w->no_follow && !r->finished ? EXIT_PASSED : code;
}

static void
put_rest(struct showing *w)
{
	document_close(&w->doc);
	if (w->doc.len > 0 && w->words.n > 0)
		(void)document_extend(w->doc.text, w->doc.len, "flaky", &w->words, stdout);
	else if (w->doc.len > 0)
		document_leave(&w->doc);
	else
		text_write(&w->words, stdout);
	(void)fflush(stdout);
	document_free(&w->doc);
	text_free(&w->words);
}

static int
show(struct showing *w, struct session *s, const char *run)
{
	struct client_error	e = { .code = 0 };
	int			fd = session_signals(), code = add_reporters(w, s), r;

	if (code != 0)
		return code;
	r = session_follow(s, run, fd, &e);
	code = judge(w, &s->results);
	(void)session_end(s);
	put_rest(w);
	if (r != 0)
		code = cmd_fail(w->cmd, &e);
	if (r != 0 && s->lost)
		code = EXIT_INFRASTRUCTURE;
	else if (r == 0 && s->signal != 0)
		code = EXIT_SIGNAL + s->signal;
	if (fd >= 0)
		(void)close(fd);
	return code;
}

enum { C_EVENTS = OPTION_LONG, C_SINCE, C_LIVE };

static const struct option_row show_rows[] = {
	{ "events", NULL, C_EVENTS, NULL },
	{ "since", "N", C_SINCE, NULL },
	{ NULL, NULL, 0, NULL }
};

static const struct option_row watch_rows[] = {
	{ "live", NULL, C_LIVE, NULL },
	{ "events", NULL, C_EVENTS, NULL },
	{ "since", "N", C_SINCE, NULL },
	{ NULL, NULL, 0, NULL }
};

static int
follow_run(const struct cmd_entry *cmd, const struct cmd_globals *g, int argc, char **argv,
    bool no_follow)
{
	struct session	s = { .no_follow = no_follow };
	struct showing	w = { .cmd = cmd, .json = g->json, .no_follow = no_follow };
	const char	*why = NULL;
	int		c, code = 0;

	while ((c = cmd_getopt(cmd, argc, argv)) != -1) {
		if (c == C_LIVE)
			s.live = true;
		else if (c == C_EVENTS)
			w.events = true;
		else if (c == C_SINCE)
			s.since = (uint64_t)strtonum(optarg, 1, LLONG_MAX, &why);
		else
			(void)cmd_common(cmd, c, &w.json);
	}
	if (why != NULL || (s.since != 0 && !w.events))
		return cmd_usage(cmd, "--since takes the number of an event, and goes with --events");
	if (argc - optind > 1)
		return cmd_usage(cmd, "it takes one run");
	s.client = cmd_open(cmd, g, true, &code);
	if (s.client == NULL)
		return code;
	code = show(&w, &s, optind < argc ? argv[optind] : NULL);
	client_close(s.client);
	return code;
}

static int
exec_show(const struct cmd_globals *g, int argc, char **argv)
{
	return follow_run(&cmd_show, g, argc, argv, true);
}

static int
exec_watch(const struct cmd_globals *g, int argc, char **argv)
{
	return follow_run(&cmd_watch, g, argc, argv, false);
}

const struct cmd_entry cmd_show = {
	"show", "one run, also while it runs",
	"usage: paratestctl show [--json | --events [--since N]] [RUN]\n"
	"\n"
	"What is known of a run now (default: the newest), and the isolation of its tests; of one\n"
	"that detects flaky tests also what it found.  RUN: its id, the first digits, or latest.\n"
	"      --events          its events as JSON lines, from number N on\n"
	"Exits as the run would; 0 while it runs.\n", exec_show, show_rows, 0, "[RUN]"
};

const struct cmd_entry cmd_watch = {
	"watch", "follows a run; leaving it does not end the run",
	"usage: paratestctl watch [--live] [--json | --events [--since N]] [RUN]\n"
	"\n"
	"Everything from the start of the run, then as it happens.  Exits as the run does.\n"
	"      --live            also output of tests, as it comes\n"
	"      --events          events as JSON lines, from number N on: who was cut off goes\n"
	"                        on where it stopped\n",
	exec_watch, watch_rows, 0, "[RUN]"
};
