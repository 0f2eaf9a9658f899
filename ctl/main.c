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

#define VERBS_MAX	64

static void
help(void)
{
	(void)puts("paratestctl: run tests in parallel, isolated, with every attempt on record\n"
	    "\n"
	    "usage: paratestctl [--socket PATH] VERB ...\n");
	for (size_t i = 0; cmd_verbs[i] != NULL; i++) {
		/* It is for shells. */
		if (cmd_verbs[i] != &cmd_complete)
			(void)printf("  %-10s %s\n", cmd_verbs[i]->name, cmd_verbs[i]->summary);
	}
	(void)puts("\n"
	    "paratestctl VERB --help tells more.  Without a service running, a private\n"
	    "supervisor is started when it is needed and leaves when it is idle; --socket private\n"
	    "takes that one also where there is a service.");
}

static const struct cmd_entry *
find(const char *name)
{
	const char	*names[VERBS_MAX + 1];
	char		 near[64];
	size_t		 i;

	for (i = 0; cmd_verbs[i] != NULL && i < VERBS_MAX; i++) {
		if (strcmp(cmd_verbs[i]->name, name) == 0)
			return cmd_verbs[i];
		names[i] = cmd_verbs[i]->name;
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
	struct option		 longs[OPTION_ROWS + 1];
	struct cmd_globals	 g = { NULL, false };
	const struct cmd_entry	*cmd;
	char			 name[64], shorts[2 * OPTION_ROWS + 2] = "+";
	int			 c, code;

	(void)setlocale(LC_CTYPE, "");
	/* A closed pipe or socket is an error to report, not a reason to vanish. */
	(void)signal(SIGPIPE, SIG_IGN);
	log_init("paratestctl", LOG_LEVEL_WARN, NULL);
	option_longs(cmd_global_rows, NULL, longs, shorts + 1);
	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		switch (c) {
		case OPTION_LONG:
			g.socket = optarg;
			break;
		case OPTION_LONG + 1:
			g.json = true;
			break;
		case OPTION_LONG + 2:
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
