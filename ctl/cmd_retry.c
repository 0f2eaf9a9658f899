/* paratestctl retry: what did not pass in a run, again, from the run's record. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "common/outcome.h"
#include "ctl/cmd.h"
#include "ctl/document.h"
#include "ctl/follow.h"
#include "ctl/recorded.h"
#include "ctl/retry_stats.h"

static const char usage[] =
	"usage: paratestctl retry [options] [RUN]\n"
	"\n"
	"Runs again what failed, timed out, ended in error or never ran in a run (default: the\n"
	"newest), from its record: no suite file is needed.  It is a run of its own that names\n"
	"the other as its parent, with the environment of now.  Options replace what the tests\n"
	"were run with.  Exits 0 with nothing to do when everything had passed.\n"
	"What:\n"
	"  -E, --filter EXPR     of these only the tests that match, as for run\n"
	"How:\n"
	OPTIONS_RUN_HELP
	OPTIONS_SHOW_HELP
	"\n"
	OPTIONS_EXIT_HELP;

static void
on_over(void *arg, const struct results *r)
{
	retry_stats_of(r, arg);
}

static int
again(struct client *c, const struct options *o, const struct plan *plan, const char *parent)
{
	struct retry_stats	stats = { .tests = 0 };
	struct document		doc = { .file = NULL };
	struct follow		f = { .cmd = &cmd_retry, .options = o, .parent = parent,
	    .json = stdout, .over = on_over, .arg = &stats };
	int			code = o->json && !o->detach ? document_open(&doc, &cmd_retry) : 0;

	if (code != 0)
		return code;
	if (doc.file != NULL)
		f.json = doc.file;
	code = follow_plan(&f, c, plan);
	document_close(&doc);
	if (doc.len > 0)	/* nothing, when there was no run to have any figures */
		(void)retry_stats_json(&stats, doc.text, doc.len, stdout);
	document_free(&doc);
	/* Where the other lines for people go: not between those for programs. */
	if (stats.tests > 0 && !o->json)
		retry_stats_print(&stats, follow_has_stdout(o) ? stderr : stdout);
	return code;
}

/* All had passed: a good end, and nothing that a script would have to tell apart. */
static int
nothing(const struct options *o, const struct plan_origin *from)
{
	const struct retry_stats	none = { .tests = 0 };
	char				text[512];
	int				n;

	if (!o->json) {
		(void)fprintf(follow_has_stdout(o) ? stderr : stdout,
		    "nothing to run again: each test of run %.8s passed or was skipped\n",
		    from->run);
		return EXIT_PASSED;
	}
	n = snprintf(text, sizeof text, "{\"success\":true,\"runId\":\"%s\",\"status\":\"passed\","
	    "\"message\":\"nothing to run again\",\"summary\":{\"total\":0,\"passed\":0,"
	    "\"failed\":0,\"skipped\":0,\"timedOut\":0,\"errored\":0,\"cancelled\":0,\"flaky\":0},"
	    "\"totalTests\":0,\"results\":[]}", from->run);
	return retry_stats_json(&none, text, (size_t)n, stdout) == 0 ? EXIT_PASSED : EXIT_INTERNAL;
}

static int
retry(const struct cmd_globals *g, const struct options *o, const char *run)
{
	struct plan_origin	 from;
	struct plan		 plan = { .name = NULL };
	int			 code = 0;
	struct client		*c = cmd_open(&cmd_retry, g, true, &code);

	if (c == NULL)
		return code;
	code = recorded_plan(&cmd_retry, c, run, true, &plan, &from);
	if (code == 0 && plan.ntests == 0)
		code = nothing(o, &from);
	else if (code == 0)
		code = options_apply(&cmd_retry, g, o, &plan);
	if (code == 0 && plan.ntests > 0)
		code = again(c, o, &plan, from.run);
	plan_free(&plan);
	client_close(c);
	return code;
}

static int
exec(const struct cmd_globals *g, int argc, char **argv)
{
	struct options	o;
	int		code = options_parse(&cmd_retry, argc, argv, OPTIONS_RETRY, &o);

	o.json |= g->json;
	if (code == 0 && argc - optind > 1)
		code = cmd_usage(&cmd_retry, "it takes one run");
	if (code == 0)
		code = retry(g, &o, optind < argc ? argv[optind] : NULL);
	options_free(&o);
	return code;
}

const struct cmd_entry cmd_retry = {
	"retry", "runs again what did not pass in a run", usage, exec, NULL, OPTIONS_RETRY,
	"[RUN]"
};
