/*
 * A supervisor of its own for one test, and programs run against it, each wait with
 * a deadline.  After service_stop() nothing may be left: this process is a
 * sub-reaper, so that what was left behind would be its child.
 */
#ifndef TESTS_INTEG_SERVICE_H
#define TESTS_INTEG_SERVICE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

#define SERVICE_DEADLINE_MS	60000	/* of anything that is waited for */

struct service {
	char	dir[64];	/* everything of it is in there */
	char	socket[96];
	pid_t	pid;		/* 0: not running */
	const char *isolation;	/* its --isolation, borrowed */
};

/* What a program came to. */
struct ran {
	int	code;		/* exit code, or 128 + signal */
	char	*out, *err;	/* terminated by NUL */
	size_t	out_len, err_len;
	uint64_t elapsed_ms;
};

/* Starts paratestd in a new folder and waits until it is ready.  Pids that a test prints
 * are the host's: its level is `process`, unless the second is called with another. */
void	service_start(struct service *);
void	service_start_at(struct service *, const char *isolation);

/* Fixtures of cmocka: a started one in *state, which the second stops. */
int	service_setup(void **state);
int	service_teardown(void **state);

/* Asks it to leave, waits, and asserts that no process, socket or scratch folder is
 * left. */
void	service_stop(struct service *);

/* Ends it with SIGKILL, as a crash would, and waits until nothing of it is left;
 * the second waits for one that dies by itself. */
void	service_crash(struct service *);
void	service_crashed(struct service *);

/* Starts another one in its folder; with more in its environment (K=V, ends with
 * NULL), and then: did it come so far as to be ready? */
void	service_again(struct service *);
int	service_again_with(struct service *, const char *const *env);

/* The assertions of service_stop() alone, for one that was ended otherwise. */
void	service_gone(struct service *);

/* The path of a built program: "paratestctl", "tests/helpers/hang". */
const char	*service_program(const char *name);

/* Starts `paratestctl --socket ... ARG...` (ends with NULL) with `input` (NULL: none)
 * on its standard input, and its output into files of the folder. */
pid_t	service_spawn(struct service *, const char *input, const char *const *args);
void	service_wait(struct service *, pid_t, struct ran *);

/* Both: the words of one call. */
void	service_ctl(struct service *, struct ran *, const char *input, const char *const *args);
#define CTL(s, r, input, ...)						\
	service_ctl(s, r, input, (const char *const []){ __VA_ARGS__, NULL })
void	ran_free(struct ran *);

/* The JSON document on its standard output, to be released; a count of its summary. */
json_t	*ran_document(const struct ran *);
json_int_t ran_summary(json_t *doc, const char *key);

/* Writes a file into the folder; its path, static until the next call. */
const char	*service_file(struct service *, const char *name, const char *text);

/* Waits until `ok` returns non-zero; fails the test with `what` after the deadline. */
void	service_until(int (*ok)(void *), void *arg, const char *what);

/* Is this process there (a zombie is not)? */
int	service_alive(pid_t);

#endif
