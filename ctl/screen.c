/* What a stream can show; see screen.h. */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ctl/screen.h"

#define SCREEN_HEARTBEAT_MS	30000

void
screen_options(FILE *out, struct report_text_options *ret)
{
	const char	*term = getenv("TERM"), *none = getenv("NO_COLOR");

	memset(ret, 0, sizeof *ret);
	ret->out = out;
	ret->terminal = isatty(fileno(out)) && term != NULL && strcmp(term, "dumb") != 0;
	ret->colour = ret->terminal && (none == NULL || none[0] == '\0');
	ret->heartbeat_ms = SCREEN_HEARTBEAT_MS;
}

size_t
screen_columns(FILE *out)
{
	struct winsize	ws;

	return ioctl(fileno(out), TIOCGWINSZ, &ws) == 0 ? ws.ws_col : 0;
}
