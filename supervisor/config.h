/*
 * The settings: every bound on what a peer can make us hold, and the defaults of
 * a run.  `paratestctl config get` shows them, `config set` changes them until the
 * supervisor ends, and with --persist for those after it too.  What is not set so
 * comes from the administrator's file (config_file.h), and else from here.
 */
#ifndef SUPERVISOR_CONFIG_H
#define SUPERVISOR_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/isolation.h"
#include "common/sv.h"

/* GROUP: its number and one, 0 for none; written as a name or a number.  ISOLATION: a
 * request, see isolation_pack(). */
enum config_kind { CONFIG_COUNT, CONFIG_DURATION, CONFIG_SIZE, CONFIG_GROUP, CONFIG_ISOLATION };

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
	X(auto_jobs, "auto-jobs", COUNT, 8, 1, 64,			\
	    "with -j auto at most so many attempts for each CPU; 1: as many as CPUs") \
	X(cpu_pressure, "cpu-pressure", COUNT, 40, 0, 100,		\
	    "percent of the time that something waits for a CPU at which -j auto grows no more; "\
	    "0: it does not matter")					\
	X(memory_reserve, "memory-reserve", SIZE, 134217728, 0, 17592186044416, \
	    "bytes of memory that no attempt is started into; 0: it is not looked at") \
	X(memory_critical, "memory-critical", SIZE, 67108864, 0, 17592186044416, \
	    "below so many bytes of memory an attempt makes room and runs again; 0: never") \
	X(memory_pressure, "memory-pressure", COUNT, 10, 0, 100,	\
	    "percent of the time that something waits for memory at which nothing starts; "\
	    "0: it does not matter")					\
	X(worker_timeout_ms, "worker-timeout", DURATION, 30000, 1000, 3600000, \
	    "a worker this long past its attempt's end is replaced")	\
	X(worker_idle_ms, "worker-idle", DURATION, 30000, 100, 86400000, \
	    "a worker without work ends after this")			\
	X(lease_ms, "lease", DURATION, 10000, 3000, 600000,		\
	    "a worker that hears nothing for this long ends itself")	\
	X(max_connections, "max-connections", COUNT, 64, 4, 4096,	\
	    "clients at a time; who administers it comes in beyond them")	\
	X(max_runs, "max-runs", COUNT, 64, 1, 4096, "runs at a time")	\
	X(user_workers, "user-workers", COUNT, 0, 0, 1024,		\
	    "attempts at a time of one user; 0: no bound")		\
	X(user_tests, "user-tests", COUNT, 1000000, 0, 100000000,	\
	    "tests of one user that wait; 0: no bound")			\
	X(user_runs, "user-runs", COUNT, 16, 0, 4096,			\
	    "runs of one user at a time; 0: no bound")			\
	X(user_connections, "user-connections", COUNT, 16, 0, 4096,	\
	    "clients of one user at a time, and never more than half of max-connections") \
	X(user_memory, "user-memory", SIZE, 536870912, 0, 17179869184,	\
	    "bytes of memory for the plans and runs of one user; 0: no bound") \
	X(user_history, "user-history", SIZE, 1073741824, 0, 1125899906842624, \
	    "bytes of history of one user; his oldest runs make room; 0: no bound") \
	X(reattach_ms, "reattach-timeout", DURATION, 30000, 0, 86400000, \
	    "a run whose client does not come back after a restart is cancelled") \
	X(keep_runs, "keep-runs", COUNT, 50, 1, 10000,			\
	    "finished runs that stay on show")				\
	X(keep_memory, "keep-memory", SIZE, 134217728, 1048576, 17179869184, \
	    "bytes that finished runs may hold in memory")		\
	X(max_tests, "max-tests", COUNT, 500000, 1, 5000000, "tests of one run") \
	X(max_plan, "max-plan", SIZE, 268435456, 65536, 4294967296,	\
	    "bytes of one plan")					\
	X(max_output, "max-output", SIZE, 1073741824, 1048576, 1099511627776, \
	    "bytes of output kept for one run")				\
	X(history_ms, "history-age", DURATION, 7776000000, 0, 315360000000, \
	    "runs older than this are forgotten; 0: never")		\
	X(history_runs, "history-runs", COUNT, 100000, 0, 100000000,	\
	    "the oldest runs beyond so many are forgotten; 0: no bound") \
	X(history_bytes, "history-size", SIZE, 4294967296, 0, 1125899906842624, \
	    "bytes of history; the oldest runs make room; 0: no bound")	\
	X(stop_drain_ms, "stop-drain", DURATION, 30000, 0, 3600000,	\
	    "after SIGTERM runs may still end by themselves; 0: they are cancelled") \
	X(lag, "lag", SIZE, 8388608, 65536, 1073741824,			\
	    "bytes of events that a watcher may be behind")		\
	X(lag_ms, "lag-timeout", DURATION, 30000, 100, 3600000,		\
	    "a watcher that reads nothing for this long is dropped")	\
	X(allow_group, "allow-group", GROUP, 0, 0, 4294967295,		\
	    "the service is for members of this group; empty: for all")	\
	X(admin_group, "admin-group", GROUP, 0, 0, 4294967295,		\
	    "its members see and control everything; empty: only root")	\
	X(isolation, "isolation", ISOLATION, 0, 0, 66308,		\
	    "of a run that asks for none, and the least of all others; auto: what can be had")

#define CONFIG_VALUE		ISOLATION_TEXT	/* bytes of any value's text */

#define CONFIG_WEIGHT		"weight."	/* and a user: how much he counts, of 1 */
#define CONFIG_WEIGHTS		64		/* users with one of their own */

struct config_weight {
	char		key[48];	/* as it was set */
	uint32_t	uid, weight;
};

#define CONFIG_GROUPS		2		/* settings that are one */

struct config {
#define X(member, key, kind, dflt, least, most, text)	uint64_t member;
	CONFIG_LIST(X)
#undef X
	struct config_weight weights[CONFIG_WEIGHTS];
	uint32_t	 nweights;
	char		 groups[CONFIG_GROUPS][32];	/* as they were set; "": a number */
	/* Of names that these settings have the numbers are known, and others are looked up
	 * where nothing waits (names.h).  NULL, before the loop: anywhere. */
	const struct config *known;
};

void	config_init(struct config *);

/* How many settings there are, and the i-th: its words, and its value and its
 * default as text.  -ENOENT past the last. */
int	config_row(const struct config *, size_t i, const char **ret_key, const char **ret_text,
	    char *value, char *fallback, size_t size);

/* Least and most of the i-th setting as text, "" for one that is no number.  -ENOENT past
 * the last. */
int	config_bounds(size_t i, char *least, char *most, size_t size);

/* Is it the key of a user's weight?  The user need not exist. */
bool	config_is_weight(struct sv key);

/* How much a user counts when the pool is shared. */
uint32_t config_weight(const struct config *, uint32_t uid);

/* The value of one setting as text.  0 or -ENOENT. */
int	config_value(const struct config *, struct sv key, char *value, size_t size);

/* A value in the settings' syntax: 8, 30s, 64M; no GROUP.  0 or -EINVAL. */
int	config_parse(enum config_kind, struct sv text, uint64_t *ret);

/* 0; -ENOENT for an unknown key, -EINVAL for a value, with one line in why. */
int	config_set(struct config *, struct sv key, struct sv value, char *why, size_t size);

/* The files were read again: each setting of `now` that is still as in `was`, what they
 * said before, becomes what `next` has; one that was set since stays. */
void	config_renew(struct config *now, const struct config *was, const struct config *next);

#endif
