/* paratestctl run: suites, a command, or a list; submitted, followed, reported. */
#include <stdlib.h>

#include "ctl/cmd.h"
#include "ctl/follow.h"

static const char usage[] =
	"usage: paratestctl run [options] SUITE...      suites: YAML or JSON, - for stdin\n"
	"       paratestctl run [options] -- CMD ARG... one command as a test\n"
	"       paratestctl run [options] --each 'CMD {}' < LIST\n"
	"\n"
	"What:\n"
	OPTIONS_SELECT_HELP
	"How:\n"
	OPTIONS_RUN_HELP
	OPTIONS_ORDER_FILE_HELP
	OPTIONS_SHOW_HELP
	"\n"
	OPTIONS_EXIT_HELP;

static int
exec(const struct cmd_globals *g, int argc, char **argv)
{
	struct options	 o;
	struct plan	 plan = { .name = NULL };
	struct follow	 f = { .cmd = &cmd_run, .options = &o, .json = stdout };
	struct client	*c;
	int		 code = options_parse(&cmd_run, argc, argv, OPTIONS_RUN, &o);

	o.json |= g->json;
	if (code == 0)
		code = options_plan(&cmd_run, g, &o, argc, argv, &plan);
	if (code == 0) {
		c = cmd_open(&cmd_run, g, true, &code);
		if (c != NULL)
			code = follow_plan(&f, c, &plan);
		client_close(c);
	}
	plan_free(&plan);
	options_free(&o);
	return code;
}

const struct cmd_entry cmd_run = {
	"run", "runs suites, or one command as a test", usage, exec, NULL, OPTIONS_RUN,
	"SUITE..."
};
