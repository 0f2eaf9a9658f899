/* What the verbs share: their table, complaints, the common options, the connection; see
 * cmd.h. */
#include <stdarg.h>
#include <stdlib.h>

#include "common/outcome.h"
#include "ctl/cmd.h"
#include "ctl/flaky_bisect.h"
#include "ctl/flaky_order.h"
#include "ctl/known.h"

enum { C_HELP = OPTION_LONG + 1000, C_JSON };

const struct cmd_entry *const cmd_verbs[] = {
	&cmd_run, &cmd_list, &cmd_plan, &cmd_show, &cmd_runs, &cmd_watch, &cmd_output, &cmd_cancel,
	&cmd_retry, &cmd_flaky, &cmd_history, &cmd_metrics, &cmd_config, &cmd_status, &cmd_top,
	&cmd_workers, &cmd_ping, &cmd_reload, &cmd_drain, &cmd_shutdown, &cmd_complete, NULL
};

const struct cmd_entry *const cmd_forms[] = {
	&flaky_order_cmd, &flaky_bisect_cmd, &known_cmd, NULL
};

const struct option_row cmd_global_rows[] = {
	{ "socket", "PATH|private", OPTION_LONG, NULL },
	{ "json", NULL, OPTION_LONG + 1, NULL },
	{ "version", NULL, OPTION_LONG + 2, NULL },
	{ "help", NULL, 'h', NULL },
	{ NULL, NULL, 0, NULL }
};

const struct option_row cmd_common_rows[] = {
	{ "help", NULL, C_HELP, NULL },
	{ "json", NULL, C_JSON, NULL },
	{ NULL, NULL, 0, NULL }
};

int
cmd_getopt(const struct cmd_entry *cmd, int argc, char **argv)
{
	struct option	longs[OPTION_ROWS + 1];
	char		shorts[2 * OPTION_ROWS + 1];

	option_longs(cmd->rows, cmd_common_rows, longs, shorts);
	return getopt_long(argc, argv, shorts, longs, NULL);
}

int
cmd_fail(const struct cmd_entry *cmd, const struct client_error *e)
{
	(void)fflush(stdout);
	(void)fprintf(stderr, "paratestctl: %s: %s\n", cmd->name, e->text);
	if (e->hint[0] != '\0')
		(void)fprintf(stderr, "  %s\n", e->hint);
	switch (e->code) {
	case MSG_ERR_BAD:
	case MSG_ERR_NOT_FOUND:
	case MSG_ERR_LIMIT:
		return EXIT_USAGE;
	case MSG_ERR_INTERNAL:
	case MSG_ERR_VERSION:
	case MSG_ERR_DENIED:
	case MSG_ERR_DRAINING:
	case MSG_ERR_LAGGED:
		break;
	}
	return EXIT_INTERNAL;
}

int
cmd_usage(const struct cmd_entry *cmd, const char *fmt, ...)
{
	va_list	ap;

	(void)fprintf(stderr, "paratestctl: %s: ", cmd->name);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fprintf(stderr, "\n  see paratestctl %s --help\n", cmd->name);
	return EXIT_USAGE;
}

bool
cmd_common(const struct cmd_entry *cmd, int c, bool *ret_json)
{
	switch (c) {
	case C_HELP:
		(void)fputs(cmd->usage, stdout);
		exit(EXIT_PASSED);
	case C_JSON:
		*ret_json = true;
		return true;
	case '?':
		/* getopt has said what is wrong. */
		(void)fprintf(stderr, "  see paratestctl %s --help\n", cmd->name);
		exit(EXIT_USAGE);
	default:
		return false;
	}
}

struct client *
cmd_open(const struct cmd_entry *cmd, const struct cmd_globals *g, bool start, int *ret_code)
{
	struct client_error	 e = { .code = 0 };
	struct client		*c = client_open(g->socket, start, &e);

	if (c == NULL)
		*ret_code = cmd_fail(cmd, &e);
	return c;
}
