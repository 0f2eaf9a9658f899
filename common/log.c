/* Log lines; the level and the program's name are the only globals of the tree. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/log.h"
#include "common/outcome.h"

static const char	*log_program = "paratest";
static enum log_level	 log_level = LOG_LEVEL_WARN;
static bool		 log_priorities;

void
log_init(const char *program, enum log_level level, bool priorities)
{
	log_program = program;
	log_level = level;
	log_priorities = priorities;
}

/* One write a line, so that lines of several processes do not mix. */
static void
log_line(enum log_level level, const char *token, const char *fmt, va_list ap)
{
	char	line[2048], prio[8] = "";
	int	n;

	if (log_priorities)
		(void)snprintf(prio, sizeof prio, "<%d>", (int)level);
	n = snprintf(line, sizeof line, "%s%s[%d]: %s: ", prio, log_program, (int)getpid(), token);
	if (n < 0)
		return;
	n += vsnprintf(line + n, sizeof line - (size_t)n - 1, fmt, ap);
	if ((size_t)n > sizeof line - 2)
		n = sizeof line - 2;
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return;	/* nobody to tell */
}

void
log_at(enum log_level level, const char *token, const char *fmt, ...)
{
	va_list	ap;

	if (level > log_level)
		return;
	va_start(ap, fmt);
	log_line(level, token, fmt, ap);
	va_end(ap);
}

void
fatal(const char *token, const char *fmt, ...)
{
	va_list	ap;

	va_start(ap, fmt);
	log_line(LOG_LEVEL_ERROR, token, fmt, ap);
	va_end(ap);
	exit(EXIT_INTERNAL);
}
