/*
 * A worker on a socketpair, driven by frames: what the supervisor would send, and a
 * record of what comes back.  Every wait has a deadline and fails the test.
 */
#ifndef TESTS_INTEG_WORKER_RIG_H
#define TESTS_INTEG_WORKER_RIG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/figures.h"
#include "common/flake.h"
#include "common/msg.h"
#include "common/outcome.h"

#define RIG_DEADLINE_MS	60000

struct evbuffer;

struct rig_bytes {
	char	*p;		/* ends with a NUL that is not counted */
	size_t	 n;
};

/* What came of one attempt. */
struct rig_result {
	struct msg_attempt_done	 m;		/* numbers; texts are below */
	bool			 done;
	char			*message, *skip_reason, *retry_rule, *failure;
	uint64_t		 figures[FIGURE_COUNT];
	struct rig_bytes	 streams[3];	/* both in order, stdout, stderr */
	unsigned		 frames;	/* OUTPUT of the record */
	struct rig_bytes	 live;		/* both streams */
	char			**assertions, **leaked, **failures;	/* end with NULL */
};

struct rig {
	pid_t			 pid;		/* 0: it was reaped */
	int			 fd;
	char			 dir[64], scratch[80];
	struct evbuffer		*in;
	struct msg_reader	*reader;
	uint64_t		 next_id;
	unsigned		 readys, heartbeats;
	uint64_t		 ready_pid;
	unsigned		 max_silence_ms;	/* between two frames of its */
	uint64_t		 last_ms;
	struct rig_result	 r;
	bool			 eof;
};

/* How an attempt is asked for. */
struct rig_options {
	uint64_t	timeout_ms, grace_ms, output_limit;	/* limit 0: 10 MiB */
	bool		follow;
	enum flake_condition condition;
	uint64_t	usual_ms;
	uint64_t	number;		/* of the attempt; 0: the first */
};

/* A list of words, up to 15 of them; static until eight more were asked for. */
struct svs	rig_list(const char *const *);
#define LIST(...)	rig_list((const char *const []){ __VA_ARGS__, NULL })
#define SH(line)	LIST("/bin/sh", "-c", line)
/* "tests/helpers/NAME" where it was built; likewise static. */
const char	*rig_helper(const char *name);
/* A shell line with each "@" as the folder of helpers; likewise static. */
const char	*rig_line(const char *line);

/* Starts a worker: READY has come, CONFIG and a first CONTEXT were sent. */
void	rig_start(struct rig *, uint64_t heartbeat_ms, uint64_t lease_ms);
/* Retires it; it must end well and leave nothing. */
void	rig_stop(struct rig *);
/* Waits for the worker's end: its wait status.  Nothing may be left. */
int	rig_wait_end(struct rig *);

void	rig_send(struct rig *, enum msg_type, const void *body);
void	rig_context(struct rig *, uint64_t id, struct svs env, uint64_t mask);
/* Sends an ATTEMPT; its id. */
uint64_t rig_begin(struct rig *, const struct msg_test_add *, const struct rig_options *);
/* Reads until the attempt is over. */
void	rig_until_done(struct rig *);
/* The same; then nothing may be left in the worker's folder. */
void	rig_finish(struct rig *);
/* Both; options may be NULL. */
void	rig_run(struct rig *, const struct msg_test_add *, const struct rig_options *);
void	rig_abort(struct rig *, uint64_t id, bool kill, bool timeout);
void	rig_follow(struct rig *, uint64_t id, bool on);

/* Reads until live output contains `text`. */
void	rig_until_live(struct rig *, const char *text);
/* Reads until `ok` holds. */
void	rig_until(struct rig *, bool (*ok)(const struct rig *));

/* Is that process there, and not a zombie? */
bool	rig_alive(pid_t);
void	rig_until_dead(pid_t);
unsigned rig_count_fds(pid_t);
/* Entries of a folder. */
unsigned rig_count_entries(const char *dir);

/* A test of one command that starts in "/". */
struct msg_test_add	rig_test(struct svs argv);

/* The pid that a text begins with. */
pid_t	rig_pid(const char *text);

/* How the last attempt ended. */
void	rig_assert_outcome(const struct rig *, enum outcome, enum error_category);
void	rig_assert_contains(const char *text, const char *part);

#endif
