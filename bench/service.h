/* A supervisor of the benchmark's own, and clients run against it. */
#ifndef BENCH_SERVICE_H
#define BENCH_SERVICE_H

#include <jansson.h>

#include "bench/proc.h"

#define SERVICE_SHORT_MS	30000	/* for what needs no work */
#define SERVICE_LONG_MS		180000	/* for a run */

struct service {
	char	socket[BENCH_PATH];
	pid_t	pid;		/* 0: not running */
};

/* What to call paratestctl with, and what became of it. */
struct service_call {
	const char	*in;	/* file on standard input, NULL: none */
	unsigned	 timeout_ms;
	bool		 may_fail;	/* exit code 1 is an answer too */
	bool		 may_refuse;	/* likewise 2 */
	struct proc_usage usage;	/* out */
};

/* Starts paratestd in a folder NAME of the temporary one and waits until it is
 * ready.  0 or -errno, printed. */
int	service_start(struct bench *, const char *name, struct service *);

/* The same, with its state in the folder `state`, which may be one that cannot be had. */
int	service_start_at(struct bench *, const char *name, const char *state, struct service *);

/*
 * Asks it to leave and waits for it.  *ret (may be NULL) is the CPU time of it, of its
 * workers and their tests, and of asking.  Takes one that does not run.  0 or -errno,
 * printed; it does not run any more in either case.
 */
int	service_stop(struct bench *, struct service *, struct proc_usage *ret);

/*
 * Runs `paratestctl --socket SOCKET WORD...` and reads the JSON that it prints (*ret is
 * the caller's; ret NULL: what it prints is not looked at).  `service` NULL: without
 * --socket.  0; -EIO for another exit code than 0, or as proc_run(); printed.
 */
int	service_ask(struct bench *, const struct service *, struct service_call *,
	    const char *const *words, json_t **ret);
#define ASK(b, s, call, ret, ...)						\
	service_ask(b, s, call, (const char *const []){ __VA_ARGS__, NULL }, ret)

/* A member of a document that may lie in an object; 0 when it is not there. */
double	service_number(const json_t *, const char *object, const char *key);

/* The largest resident set of any of its workers that are alive, bytes. */
uint64_t	service_worker_peak(const struct service *);

#endif
