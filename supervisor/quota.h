/*
 * What one user may have of this supervisor at a time, by the settings user-*: who reaches
 * a bound is told so, and nobody else notices.  Whoever administers the supervisor
 * has no bounds (access.h), so that a private one has none.
 */
#ifndef SUPERVISOR_QUOTA_H
#define SUPERVISOR_QUOTA_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define QUOTA_WHY	320	/* bytes of a text */

struct config;
struct conn;
struct guest;
struct runs;
struct server;
struct user;

/* Has whoever speaks there no bounds? */
bool	quota_unbounded(const struct conn *);

/* The units that his runs may hold together, 0: no bound. */
uint32_t quota_workers(const struct runs *, const struct user *);

/* One user has at most user-connections, and no more than half of max-connections, so that
 * nobody alone keeps the others out. */

/* Has he so many connections that there is no room to say no to one more; or as many as he may
 * have, and took more time than he may already? */
#define QUOTA_ROOM	2
bool	quota_crowd(struct guest *, const struct config *, uint64_t now_us);

/* Bytes that the plans and runs of a user hold. */
uint64_t quota_memory_of(const struct server *, uid_t);

/* Each 0, or -EDQUOT with one line in why: */
int	quota_connect(const struct conn *, char why[QUOTA_WHY]);	/* it is counted already */
int	quota_commit(const struct conn *, char why[QUOTA_WHY]);		/* its draft is whole */

/* The same for memory, looked at after a test came: what is on show of his goes first.  It
 * costs nothing unless the draft has grown by QUOTA_STEP since it was last looked at. */
#define QUOTA_STEP	((uint64_t)1 << 20)
int	quota_memory(struct conn *, char why[QUOTA_WHY]);

#endif
