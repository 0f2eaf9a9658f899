/*
 * Processes that remove folders: what a run or a worker has left may be a million files,
 * which are not for the supervisor's loop, or another user's, which are none of its own.
 */
#ifndef SUPERVISOR_REMOVERS_H
#define SUPERVISOR_REMOVERS_H

#include <stdbool.h>
#include <sys/types.h>

struct identity;
struct removers;

#define REMOVERS_MAX	4	/* at a time; the others wait */

/* program: of the worker; borrowed.  NULL: no memory. */
struct removers	*removers_new(const char *program);
void		 removers_free(struct removers *);	/* takes NULL; ends no process */

/* Removes the folder `dir` with the rights of `who` (NULL: ours); both are copied.
 * What cannot be removed is logged, and left. */
void		 removers_add(struct removers *, const char *dir, const struct identity *who);

/* A child of ours has ended: was it one of these? */
bool		 removers_exited(struct removers *, pid_t);

/* Is it one of these; are there none, also none that wait? */
bool		 removers_known(const struct removers *, pid_t);
bool		 removers_none(const struct removers *);

#endif
