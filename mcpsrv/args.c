/* Words of paratest-mcp's command line; see args.h. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/outcome.h"
#include "common/timespan.h"
#include "mcpsrv/answer.h"
#include "mcpsrv/args.h"
#include "mcpsrv/call.h"
#include "mcpsrv/policy.h"

enum { O_SOCKET = OPTION_LONG, O_MAX_WAIT, O_MAX_ANSWER, O_POLICY, O_VERSION };

static const char usage[] =
	"usage: paratest-mcp [options]\n"
	"\n"
	"A server of the Model Context Protocol on standard input and output: an agent's client\n"
	"starts it.  It finds the supervisor as paratestctl does, or starts a private one when\n"
	"the first call needs it.  The current folder is the project.\n";

const struct option_row args_rows[] = {
	{ "socket", "PATH", O_SOCKET, "the supervisor's socket" },
	{ "max-wait", "DUR", O_MAX_WAIT, "no call waits longer for a run; what is known by then is "
	    "told" },
	{ "max-answer", "N", O_MAX_ANSWER, "bytes of an answer (8192; 4096 to 32768)" },
	{ "policy", "FILE", O_POLICY, "one more policy beside " POLICY_FILE "; both hold" },
	{ "version", NULL, O_VERSION, NULL },
	{ "help", NULL, 'h', NULL },
	{ NULL, NULL, 0, NULL }
};

static int
usage_error(const char *what, const char *value)
{
	(void)fprintf(stderr, "paratest-mcp: %s: '%s'\n  see paratest-mcp --help\n", what, value);
	return EXIT_USAGE;
}

int
args_read(int argc, char **argv, struct srv *s, const char **policy)
{
	struct option	longs[OPTION_ROWS + 1];
	char		shorts[2 * OPTION_ROWS + 1], *end;
	int		c;

	option_longs(args_rows, NULL, longs, shorts);
	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		switch (c) {
		case O_SOCKET:
			s->socket = optarg;
			break;
		case O_MAX_WAIT:
			if (duration_parse(optarg, &s->max_wait_ms) != 0 || s->max_wait_ms == 0)
				return usage_error("--max-wait takes a duration such as "
				    "50s", optarg);
			break;
		case O_MAX_ANSWER:
			s->budget = strtoul(optarg, &end, 10);
			if (*end != '\0' || s->budget < ANSWER_BUDGET_MIN || s->budget > ANSWER_BUDGET_MAX)
				return usage_error("--max-answer takes 4096 to 32768", optarg);
			break;
		case O_POLICY:
			*policy = optarg;
			break;
		case O_VERSION:
			(void)puts("paratest-mcp " PARATEST_VERSION);
			return EXIT_PASSED;
		case 'h':
			(void)fputs(usage, stdout);
			option_help(args_rows, stdout);
			(void)puts("docs/mcp.md shows how to add it to agents, and what a policy says.");
			return EXIT_PASSED;
		default:
			(void)fputs("  see paratest-mcp --help\n", stderr);
			return EXIT_USAGE;
		}
	}
	return optind < argc ? usage_error("it takes no arguments", argv[optind]) : -1;
}
