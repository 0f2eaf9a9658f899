/* What the verbs share: complaints, the common options, the connection; see cmd.h. */
#include <stdarg.h>
#include <stdlib.h>

#include "common/outcome.h"
#include "ctl/cmd.h"

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
	case 1000:
		(void)fputs(cmd->usage, stdout);
		exit(EXIT_PASSED);
	case 1001:
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
