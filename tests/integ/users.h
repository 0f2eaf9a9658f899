/*
 * A service for several users, and those users: made of numbers, none of them has an
 * entry anywhere.  It needs root, who only sets the stage: the supervisor runs as a user
 * of its own with its capabilities, from a copy of the programs that all may read.
 */
#ifndef TESTS_INTEG_USERS_H
#define TESTS_INTEG_USERS_H

#include "tests/integ/service.h"

struct user {
	uid_t	 uid;
	gid_t	 gid;
	size_t	 ngroups;
	gid_t	 groups[4];
};

extern const struct user	the_daemon, alice, bob, carol, root_user;
#define CAROLS_GROUP	4020	/* hers alone */
#define ALICES_GROUP	4010	/* likewise */

struct users {
	char	dir[64];	/* everything is in there */
	char	socket[96];
	pid_t	pid;		/* of the supervisor; 0: not running */
	const char *isolation;	/* its --isolation; borrowed */
	int	over_host;	/* it has the capabilities for namespaces, too */
};

/* Fixtures of cmocka: a service in *state, NULL when we are not root.  The second asks
 * it to leave and asserts that nothing is left but its state. */
int	users_setup(void **state);
int	users_setup_apart(void **state);	/* at level pid, with the capabilities for it */
int	users_teardown(void **state);

/* Ends it by SIGKILL and waits until nothing of it is left; starts the next one. */
void	users_crash(struct users *);
void	users_again(struct users *);

/* Starts paratestd with more options as the daemon's user, its capabilities less those in
 * `without` (as setpriv names them, "-kill"; NULL: all four), for what is said when it
 * cannot: exit code and standard error. */
void	users_refused(struct users *, struct ran *, const char *without,
	    const char *const *options);

/* Runs `program` (a path; the last of a path is argv[0]) as a user, in `cwd` (NULL: /). */
pid_t	users_spawn(struct users *, const struct user *, const char *cwd, const char *program,
	    const char *const *args);
void	users_wait(struct users *, pid_t, struct ran *);

/* paratestctl as a user, from his home. */
void	users_ctl(struct users *, const struct user *, struct ran *, const char *const *args);
#define AS(u, user, r, ...)						\
	users_ctl(u, user, r, (const char *const []){ __VA_ARGS__, NULL })

/* His home, 0700: static until the next call.  A file in it, likewise. */
const char	*users_home(struct users *, const struct user *);
const char	*users_file(struct users *, const struct user *, const char *name,
		    const char *text);

/* The path of a program in the copy; static until the next call. */
const char	*users_program(struct users *, const char *name);

#endif
