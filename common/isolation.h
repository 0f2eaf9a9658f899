/*
 * How far a test is kept apart from the rest of the host: a ladder of levels, and what
 * may be asked for beside the level.  What each does for a test is in docs/isolation.md.
 *
 * A request has one written form, which options, the setting, the wire and the worker's
 * command line share:
 *
 *	auto | LEVEL[,network=none|loopback|host][,read-only]
 */
#ifndef COMMON_ISOLATION_H
#define COMMON_ISOLATION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/sv.h"

#define ISOLATION_TEXT	48	/* bytes of a written request, with its NUL */
#define ISOLATION_WHY	240	/* bytes of an error's text */

/* Each has what stands before it, where that can be had with it. */
#define ISOLATION_LIST(X)						\
	X(AUTO, "auto")		/* the highest that hides nothing */	\
	X(PROCESS, "process")	/* a session, a sub-reaper, a sweep */	\
	X(PID, "pid")		/* a PID namespace a worker, its own /proc */ \
	X(CGROUP, "cgroup")	/* a control group a slot */		\
	X(SANDBOX, "sandbox")	/* its own /tmp, IPC, host name, network */

#define ISOLATION_NETWORK_LIST(X)					\
	X(UNSAID, "")							\
	X(HOST, "host")		/* that of the host */			\
	X(LOOPBACK, "loopback")	/* only itself */			\
	X(NONE, "none")		/* not even that */

enum isolation {
#define X(N, s)	ISOLATION_##N,
	ISOLATION_LIST(X)
#undef X
	ISOLATION_COUNT
};

enum isolation_network {
#define X(N, s)	NETWORK_##N,
	ISOLATION_NETWORK_LIST(X)
#undef X
	NETWORK_COUNT
};

/* What is asked for.  All zero: nothing in particular. */
struct isolation_want {
	enum isolation		 level;
	enum isolation_network	 network;	/* said only with SANDBOX */
	bool			 read_only;	/* likewise: only /tmp can be written to */
};

/* Names for a value; "?" for one that is out of range. */
const char	*isolation_name(uint64_t level);
const char	*isolation_network_name(uint64_t network);

/* The value of a name.  0 or -ENOENT. */
int	isolation_level_of(struct sv name, enum isolation *ret);

/*
 * The written form, read.  A part that only a sandbox has makes one of a request that
 * names no level ("network=none").  0, or -EINVAL with one line in why, which names no
 * option or key: the caller knows where the text stood.
 */
int	isolation_parse(struct sv text, struct isolation_want *ret, char why[ISOLATION_WHY]);

/* The same written, so that it is read as it was.  Returns buf. */
const char *isolation_format(const struct isolation_want *, char buf[ISOLATION_TEXT]);

bool	isolation_equal(const struct isolation_want *, const struct isolation_want *);

/*
 * Makes *into what serves both: the higher level, read-only when one is, the network
 * that either names.  0, or -EINVAL when they name different ones, which nothing serves.
 */
int	isolation_join(struct isolation_want *into, const struct isolation_want *other);

/* A request as one number, 0 for one that asks for nothing, and back. */
uint64_t isolation_pack(const struct isolation_want *);
struct isolation_want isolation_unpack(uint64_t);

#endif
