/*
 * Who may do what with this supervisor.  A private one is its user's, and root's; the
 * service is for everybody, or for a group, and each sees what is his.  Decided by what
 * the socket says of a connection (struct conn), and by the settings allow-group and
 * admin-group as they are at that moment.
 */
#ifndef SUPERVISOR_ACCESS_H
#define SUPERVISOR_ACCESS_H

#include <stdbool.h>
#include <sys/types.h>

#define ACCESS_WHY	200	/* bytes of a text */

struct conn;

/* May it connect?  0, or -EPERM with one line in why and (constant) in *ret_hint. */
int	access_enter(const struct conn *, char why[ACCESS_WHY], const char **ret_hint);

/* May it change settings, drain, shut down?  Such a one also sees everything. */
bool	access_admin(const struct conn *);

/* Whose runs it sees; 0: everybody's, as the store and runs_find() have it. */
uid_t	access_view(const struct conn *);

/* May it submit runs?  NULL, or one line that says why not. */
const char *access_no_runs(const struct conn *);

#endif
