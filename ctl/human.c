/* Times in tables, and how wide those may be; see human.h. */
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "ctl/human.h"

#define HALF_A_YEAR_MS	(UINT64_C(182) * 24 * 3600 * 1000)

char *
human_when(uint64_t ms, uint64_t now_ms, char *buf, size_t size)
{
	uint64_t	off = ms > now_ms ? ms - now_ms : now_ms - ms;
	time_t		sec = (time_t)(ms / 1000);
	struct tm	tm;

	if (ms == 0 || ms > UINT64_C(253402300799999) || localtime_r(&sec, &tm) == NULL ||
	    strftime(buf, size, off < HALF_A_YEAR_MS ? "%b %e %H:%M" : "%b %e  %Y", &tm) == 0)
		(void)snprintf(buf, size, "-");
	return buf;
}

unsigned
human_columns(FILE *f)
{
	struct winsize	ws;

	if (!isatty(fileno(f)) || ioctl(fileno(f), TIOCGWINSZ, &ws) != 0)
		return 0;
	return ws.ws_col > 0 ? ws.ws_col : 80;
}
