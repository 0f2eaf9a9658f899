/*
 * Log lines, with a token that says which part speaks.  They go to standard
 * error unless a sink is set; under a service manager each begins with its
 * syslog priority in <>.
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARN = 4, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

/* `level`: the least urgent that is written.  program: borrowed. */
void	log_init(const char *program, enum log_level, bool priorities);

void	log_at(enum log_level, const char *token, const char *fmt, ...)
	    __attribute__((format(printf, 3, 4)));

#define log_warn(...)	log_at(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)	log_at(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)	log_at(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* For start-up and for broken invariants of our own: logs and exits 3. */
void	fatal(const char *token, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3), noreturn));

#endif
