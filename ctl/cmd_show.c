/* paratestctl show, runs, watch: runs that are there. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/outcome.h"
#include "ctl/cmd.h"
#include "ctl/duration.h"
#include "ctl/cmd_json.h"
#include "ctl/screen.h"
#include "ctl/session.h"

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
	return o;
}

struct listing {
	json_t	*rows;		/* NULL: print lines */
	size_t	 n;
};

static int
on_row(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct listing			*l = arg;
	const struct msg_run_row	*r = &m->run_row;
	char				 took[DURATION_TEXT];

	(void)id;
	if (type != MSG_RUN_ROW)
		return 0;
	if (l->rows != NULL) {
		(void)json_array_append_new(l->rows, row_json(r));
		return 0;
	}
	if (l->n++ == 0)
		(void)printf("%-10s %-10s %8s %8s %8s %9s  %s\n", "RUN", "STATUS", "PASSED", "FAILED",
		    "TOTAL", "TOOK", "NAME");
	(void)printf("%-10.8s %-10s %8llu %8llu %8llu %9s  " SV_FMT "\n", r->run.p,
	    run_status_name(r->status), (unsigned long long)r->passed,
	    (unsigned long long)(r->failed + r->timed_out + r->errored),
	    (unsigned long long)r->total, duration_text(r->duration_us, took, sizeof took),
	    SV_ARG(r->name));
	return 0;
}

static int
exec_runs(const struct cmd_globals *g, int argc, char **argv)
{
	static const struct option	longs[] = { CMD_LONGS };
	struct msg_run_list		m = { .limit = 0 };
	struct client_error		e = { .code = 0 };
	struct listing			l = { NULL, 0 };
	struct client			*client;
	bool				json = g->json;
	int				c, code = 0;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1)
		(void)cmd_common(&cmd_runs, c, &json);
	if (optind < argc)
		return cmd_usage(&cmd_runs, "it takes no arguments");
	client = cmd_open(&cmd_runs, g, true, &code);
	if (client == NULL)
		return code;
	l.rows = json ? json_array() : NULL;
	if (client_request(client, MSG_RUN_LIST, &m, on_row, &l, &e) != 0)
		code = cmd_fail(&cmd_runs, &e);
	else if (json)
		cmd_json_print(json_incref(l.rows));
	else if (l.n == 0)
		(void)puts("no runs yet");
	json_decref(l.rows);
	client_close(client);
	return code;
}

const struct cmd_entry cmd_runs = {
	"runs", "recent runs",
	"usage: paratestctl runs [--json]\n\nThe runs of this user that the supervisor has on show, "
	"newest first.\n", exec_runs
};

/* ---- show and watch ---- */

static int
follow_run(const struct cmd_entry *cmd, const struct cmd_globals *g, int argc, char **argv,
    bool no_follow)
{
	static const struct option	longs[] = { { "live", no_argument, NULL, 1 },
	    { "events", no_argument, NULL, 2 }, { "since", required_argument, NULL, 3 }, CMD_LONGS };
	struct session			s = { .no_follow = no_follow };
	struct report_text_options	text;
	struct client_error		e = { .code = 0 };
	const char			*why = NULL;
	bool				json = g->json, events = false;
	int				c, code = 0, fd, r;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 1)
			s.live = true;
		else if (c == 2)
			events = true;
		else if (c == 3)
			s.since = (uint64_t)strtonum(optarg, 1, LLONG_MAX, &why);
		else
			(void)cmd_common(cmd, c, &json);
	}
	if (why != NULL || (s.since != 0 && !events))
		return cmd_usage(cmd, "--since takes the number of an event, and goes with --events");
	if (argc - optind > 1)
		return cmd_usage(cmd, "it takes one run");
	s.client = cmd_open(cmd, g, true, &code);
	if (s.client == NULL)
		return code;
	screen_options(json || events ? stderr : stdout, &text);
	text.terminal &= !no_follow;
	if (events)
		report_events(&s.reporters[s.nreporters++], stdout);
	else if (!(json && no_follow))
		report_text(&s.reporters[s.nreporters++], &text);
	if (json && !events)
		report_json(&s.reporters[s.nreporters++], stdout);
	fd = session_signals();
	r = session_follow(&s, optind < argc ? argv[optind] : NULL, fd, &e);
	code = no_follow && !s.results.finished ? EXIT_PASSED : results_exit_code(&s.results, false);
	(void)session_end(&s);
	if (r != 0)
		code = cmd_fail(cmd, &e);
	else if (s.signal != 0)
		code = EXIT_SIGNAL + s.signal;
	client_close(s.client);
	if (fd >= 0)
		(void)close(fd);
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
	"What is known of a run now (default: the newest).  RUN: its id or the first digits.\n"
	"      --events          its events as JSON lines, from number N on\n"
	"Exits as the run would; 0 while it runs.\n", exec_show
};

const struct cmd_entry cmd_watch = {
	"watch", "follows a run; leaving it does not end the run",
	"usage: paratestctl watch [--live] [--json | --events [--since N]] [RUN]\n"
	"\n"
	"Everything from the start of the run, then as it happens.  Exits as the run does.\n"
	"      --live            also output of tests, as it comes\n"
	"      --events          events as JSON lines, from number N on: who was cut off goes\n"
	"                        on where it stopped\n",
	exec_watch
};
