/* Log lines; where they go and how many are the only globals of the tree. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/fdutil.h"
#include "common/journald.h"
#include "common/log.h"
#include "common/outcome.h"

#define LOG_LINE	2048	/* bytes of a line */

static const char	*log_program = "paratest";
static enum log_level	 log_level = LOG_LEVEL_WARN;
static int		 log_journal = -1;	/* its socket, -1: lines to standard error */
static bool		 log_priorities;	/* before each, for the journal to read */
static unsigned		 log_lost;		/* lines that it had no room for */

void
log_init(const char *program, enum log_level level, const char *journal)
{
	log_program = program;
	log_level = level;
	fd_close(&log_journal);
	log_priorities = journald_is(STDERR_FILENO, getenv("JOURNAL_STREAM"));
	if (log_priorities && journal != NULL)
		log_journal = journald_open(journal);
}

/* One write a line, so that lines of several processes do not mix. */
static void
to_stderr(enum log_level level, const char *text)
{
	char	line[LOG_LINE + 64], prio[8] = "";
	int	n;

	if (log_priorities)
		(void)snprintf(prio, sizeof prio, "<%d>", (int)level);
	n = snprintf(line, sizeof line, "%s%s[%d]: %s\n", prio, log_program, (int)getpid(), text);
	if ((size_t)n >= sizeof line) {
		n = sizeof line;
		line[n - 1] = '\n';
	}
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return;	/* nobody to tell */
}

static int
to_journal(const struct log_subject *about, enum log_level level, const char *text)
{
	char			prio[12], uid[12], worker[12];
	struct journald_field	f[JOURNALD_FIELDS] = { { "MESSAGE", sv_from(text) },
	    { "PRIORITY", { prio, 1 } }, { "SYSLOG_IDENTIFIER", sv_from(log_program) } };
	size_t			n = 3;

	(void)snprintf(prio, sizeof prio, "%d", (int)level);
	if (about != NULL && about->run != NULL)
		f[n++] = (struct journald_field){ "PARATEST_RUN", sv_from(about->run) };
	if (about != NULL && about->test.n > 0)
		f[n++] = (struct journald_field){ "PARATEST_TEST", about->test };
	if (about != NULL && about->has_uid) {
		(void)snprintf(uid, sizeof uid, "%u", (unsigned)about->uid);
		f[n++] = (struct journald_field){ "PARATEST_UID", sv_from(uid) };
	}
	if (about != NULL && about->worker != 0) {
		(void)snprintf(worker, sizeof worker, "%u", about->worker);
		f[n++] = (struct journald_field){ "PARATEST_WORKER", sv_from(worker) };
	}
	return journald_send(log_journal, f, n);
}

/* A journal that is busy is not waited for: it is told later how much it missed. */
static void
tell_lost(void)
{
	char	text[64];

	(void)snprintf(text, sizeof text, "log: %u lines were lost: the journal was busy", log_lost);
	if (to_journal(NULL, LOG_LEVEL_WARN, text) == 0)
		log_lost = 0;
}

static void
put(const struct log_subject *about, enum log_level level, const char *text)
{
	int	r;

	if (log_journal < 0) {
		to_stderr(level, text);
		return;
	}
	if (log_lost > 0)
		tell_lost();
	r = to_journal(about, level, text);
	if (r == -EAGAIN)
		log_lost++;
	else if (r != 0)
		to_stderr(level, text);
}

static void __attribute__((format(printf, 4, 0)))
log_line(const struct log_subject *about, enum log_level level, const char *token, const char *fmt,
    va_list ap)
{
	char	text[LOG_LINE];
	int	n = snprintf(text, sizeof text, "%s: ", token);

	if (n > 0 && (size_t)n < sizeof text)
		(void)vsnprintf(text + n, sizeof text - (size_t)n, fmt, ap);
	/* A test's name is its user's: it ends no line and moves no cursor. */
	for (char *p = text; *p != '\0'; p++) {
		if ((unsigned char)*p < ' ' || *p == '\x7f')
			*p = '?';
	}
	put(about, level, text);
}

void
log_at(enum log_level level, const char *token, const char *fmt, ...)
{
	va_list	ap;

	if (level > log_level)
		return;
	va_start(ap, fmt);
	log_line(NULL, level, token, fmt, ap);
	va_end(ap);
}

void
log_about(const struct log_subject *about, enum log_level level, const char *token,
    const char *fmt, ...)
{
	va_list	ap;

	if (level > log_level)
		return;
	va_start(ap, fmt);
	log_line(about, level, token, fmt, ap);
	va_end(ap);
}

void
fatal(const char *token, const char *fmt, ...)
{
	va_list	ap;

	va_start(ap, fmt);
	log_line(NULL, LOG_LEVEL_ERROR, token, fmt, ap);
	va_end(ap);
	exit(EXIT_INTERNAL);
}
