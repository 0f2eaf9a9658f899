/*
 * The settings: every bound on what a peer can make us hold, and the defaults of
 * a run.  `paratestctl config get` shows them, `config set` changes them until
 * the supervisor ends.
 */
#ifndef SUPERVISOR_CONFIG_H
#define SUPERVISOR_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "common/sv.h"

enum config_kind { CONFIG_COUNT, CONFIG_DURATION, CONFIG_SIZE };

/* X(member, key, kind, default, least, most, text) */
#define CONFIG_LIST(X)							\
	X(timeout_ms, "timeout", DURATION, 300000, 0, 2592000000,	\
	    "of a test that states none; 0: no limit")			\
	X(grace_ms, "grace", DURATION, 10000, 0, 3600000,		\
	    "between TERM and KILL")					\
	X(jobs, "jobs", COUNT, 0, 0, 1024,				\
	    "attempts at a time of a run that states none; 0: as many as CPUs") \
	X(max_jobs, "max-jobs", COUNT, 256, 1, 1024,			\
	    "attempts at a time, whatever a run states")		\
	X(worker_timeout_ms, "worker-timeout", DURATION, 30000, 1000, 3600000, \
	    "a worker this long past its attempt's end is replaced")	\
	X(worker_idle_ms, "worker-idle", DURATION, 30000, 100, 86400000, \
	    "a worker without work ends after this")			\
	X(lease_ms, "lease", DURATION, 10000, 3000, 600000,		\
	    "a worker that hears nothing for this long ends itself")	\
	X(max_connections, "max-connections", COUNT, 64, 4, 4096,	\
	    "clients at a time")		\
	X(max_runs, "max-runs", COUNT, 64, 1, 4096, "runs at a time")	\
	X(keep_runs, "keep-runs", COUNT, 50, 1, 10000,			\
	    "finished runs that stay on show")				\
	X(keep_memory, "keep-memory", SIZE, 134217728, 1048576, 17179869184, \
	    "bytes that finished runs may hold in memory")		\
	X(max_tests, "max-tests", COUNT, 500000, 1, 5000000, "tests of one run") \
	X(max_plan, "max-plan", SIZE, 268435456, 65536, 4294967296,	\
	    "bytes of one plan")					\
	X(max_output, "max-output", SIZE, 1073741824, 1048576, 1099511627776, \
	    "bytes of output kept for one run")				\
	X(lag, "lag", SIZE, 8388608, 65536, 1073741824,			\
	    "bytes of events that a watcher may be behind")		\
	X(lag_ms, "lag-timeout", DURATION, 30000, 100, 3600000,		\
	    "a watcher that reads nothing for this long is dropped")

struct config {
#define X(member, key, kind, dflt, least, most, text)	uint64_t member;
	CONFIG_LIST(X)
#undef X
};

void	config_init(struct config *);

/* How many settings there are, and the i-th: its words, and its value and its
 * default as text.  -ENOENT past the last. */
int	config_row(const struct config *, size_t i, const char **ret_key, const char **ret_text,
	    char *value, char *fallback, size_t size);

/* A value in the settings' syntax: 8, 30s, 64M.  0 or -EINVAL. */
int	config_parse(enum config_kind, struct sv text, uint64_t *ret);

/* 0; -ENOENT for an unknown key, -EINVAL for a value, with one line in why. */
int	config_set(struct config *, struct sv key, struct sv value, char *why, size_t size);

#endif
