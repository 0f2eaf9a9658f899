/*
 * How a process becomes a worker: the words that it was started with, whom it is to be, its
 * control group, its descriptors and signals.  What cannot be had ends it; in this order:
 * launch_join(), launch_become(), then the rest.
 */
#ifndef WORKER_LAUNCH_H
#define WORKER_LAUNCH_H

#define WORKER_FD	3	/* the stream to the supervisor */

/* The words behind the options; NULL: not given. */
struct launch_options {
	const char	*scratch, *shared, *remove, *as, *isolation, *cgroup;
};

/* Borrowed from argv.  Ends with the usage when they make no sense. */
struct launch_options	launch_options(int argc, char **argv);

/* Enters a control group.  What kills our tests: see groups_join(). */
int	launch_join(const char *cgroup);

/* Becomes the user "UID:GID:GROUP,..."; from then on it logs nothing. */
void	launch_become(const char *as);

/* Our descriptor, no other but the first three, and /dev/null as the first.  keep: -1, or one
 * that stays as well. */
void	launch_descriptors(int keep);

/* Signals as a worker has them.  A descriptor that SIGCHLD and SIGTERM are read from. */
int	launch_signals(void);

/* Tells whoever started us why there is no worker, and ends. */
void	launch_give_up(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
