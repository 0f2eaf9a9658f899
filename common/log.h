/*
 * Log lines, with a token that says which part speaks.  They go to standard error.  Where
 * that is systemd's journal, each begins with its priority in <>; or, with its socket, they
 * go there as records with fields:
 *
 *	MESSAGE  PRIORITY  SYSLOG_IDENTIFIER
 *	PARATEST_RUN  PARATEST_TEST  PARATEST_UID  PARATEST_WORKER	of log_about()
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/sv.h"

enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARN = 4, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

/* What a line is about; all borrowed for the call. */
struct log_subject {
	const char	*run;		/* its id; NULL: none */
	struct sv	 test;		/* a name; empty: none */
	unsigned	 worker;	/* a slot; 0: none */
	bool		 has_uid;
	uid_t		 uid;		/* who it belongs to */
};

/* `level`: the least urgent that is written.  program: borrowed.  journal: its socket
 * (JOURNALD_SOCKET), for which a descriptor is held: not before those that are not known are
 * closed.  NULL: lines only. */
void	log_init(const char *program, enum log_level, const char *journal);

void	log_at(enum log_level, const char *token, const char *fmt, ...)
	    __attribute__((format(printf, 3, 4)));
void	log_about(const struct log_subject *, enum log_level, const char *token, const char *fmt,
	    ...) __attribute__((format(printf, 4, 5)));

#define log_warn(...)	log_at(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)	log_at(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)	log_at(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* For start-up and for broken invariants of our own: logs and exits 3. */
void	fatal(const char *token, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3), noreturn));

#endif
