/* paratestctl: global options, then the verb. */
#include <getopt.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/outcome.h"
#include "common/suggest.h"
#include "ctl/cmd.h"

static const struct cmd_entry *const verbs[] = {
	&cmd_run, &cmd_list, &cmd_plan, &cmd_show, &cmd_runs, &cmd_watch, &cmd_output, &cmd_cancel,
	&cmd_retry, &cmd_flaky, &cmd_history, &cmd_metrics, &cmd_config, &cmd_status, &cmd_top,
	&cmd_workers, &cmd_ping, &cmd_reload, &cmd_drain, &cmd_shutdown, NULL
};

static void
help(void)
{
	(void)puts("paratestctl: run tests in parallel, isolated, with every attempt on record\n"
	    "\n"
	    "usage: paratestctl [--socket PATH] VERB ...\n");
	for (size_t i = 0; verbs[i] != NULL; i++)
		(void)printf("  %-10s %s\n", verbs[i]->name, verbs[i]->summary);
	(void)puts("\n"
	    "paratestctl VERB --help tells more.  Without a service running, a private\n"
	    "supervisor is started when it is needed and leaves when it is idle; --socket private\n"
	    "takes that one also where there is a service.");
}

static const struct cmd_entry *
find(const char *name)
{
	const char	*names[sizeof verbs / sizeof verbs[0]];
	char		 near[64];
	size_t		 i;

	for (i = 0; verbs[i] != NULL; i++) {
		if (strcmp(verbs[i]->name, name) == 0)
			return verbs[i];
		names[i] = verbs[i]->name;
	}
	names[i] = NULL;
	(void)suggest_text(name, names, near, sizeof near);
	(void)fprintf(stderr, "paratestctl: there is no verb '%s'%s\n"
	    "  see paratestctl --help\n", name, near);
	return NULL;
}

int
main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	struct cmd_globals	 g = { NULL, false };
	const struct cmd_entry	*cmd;
	char			 name[64];
	int			 c, code;

	(void)setlocale(LC_CTYPE, "");
	/* A closed pipe or socket is an error to report, not a reason to vanish. */
	(void)signal(SIGPIPE, SIG_IGN);
	log_init("paratestctl", LOG_LEVEL_WARN, NULL);
	while ((c = getopt_long(argc, argv, "+h", longs, NULL)) != -1) {
		switch (c) {
		case 's':
			g.socket = optarg;
			break;
		case 'j':
			g.json = true;
			break;
		case 'V':
			(void)puts("paratestctl " PARATEST_VERSION);
			return EXIT_PASSED;
		case 'h':
			help();
			return EXIT_PASSED;
		default:
			(void)fputs("  see paratestctl --help\n", stderr);
			return EXIT_USAGE;
		}
	}
	if (optind == argc) {
		(void)fputs("paratestctl: no verb given\n  see paratestctl --help\n", stderr);
		return EXIT_USAGE;
	}
	argc -= optind;
	argv += optind;
	optind = 0;		/* getopt begins anew, on the verb's own words */
	if (strcmp(argv[0], "help") == 0) {
		help();
		return EXIT_PASSED;
	}
	cmd = find(argv[0]);
	if (cmd == NULL)
		return EXIT_USAGE;
	/* What getopt says of a wrong option begins with this word. */
	(void)snprintf(name, sizeof name, "paratestctl: %s", cmd->name);
	argv[0] = name;
	code = cmd->exec(&g, argc, argv);
	if (fflush(stdout) != 0 && code == EXIT_PASSED) {
		(void)fputs("paratestctl: standard output could not be written\n", stderr);
		code = EXIT_INTERNAL;
	}
	return code;
}
