/*
 * Test definitions, as callers write them in JSON, into a plan: first held against the
 * schema of console_run_test_parallel, whichever tool they came with, then against what
 * a schema cannot say.  Pure, but for folders that are looked for.
 */
#ifndef MCPSRV_DEFINE_H
#define MCPSRV_DEFINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "ctl/plan.h"

#define DEFINE_WHY	1024

/* What a call says for all of its tests. */
struct define_call {
	const char	*cwd;		/* absolute: where relative folders start */
	const json_t	*env;		/* object of texts, or NULL */
	bool		 has_timeout;
	uint64_t	 timeout_ms;	/* of tests that state none */
};

/*
 * Adds the definition to the plan; one without a command stays without argv, until
 * define_known().  `place`: "tests[3]".  0, or -EINVAL with a sentence in `why` that
 * says what to do.
 */
int	define_add(struct plan *, json_t *definition, const char *place,
	    char why[DEFINE_WHY]);

/* Takes from a definition that is on record what this one does not say. */
void	define_known(struct plan_test *, const struct plan_test *known);

/* The first test whose command is not known yet, from index `from`; NULL: none. */
struct plan_test *define_unknown(struct plan *, size_t from);

/*
 * When all are known: gives each what the call says, and makes folders absolute.  0,
 * or -EINVAL with a sentence in `why`: a folder that is not there, a name that is
 * there twice.
 */
int	define_finish(struct plan *, const struct define_call *, char why[DEFINE_WHY]);

/* An absolute folder out of what a caller wrote, malloc'ed; NULL with a sentence. */
char	*define_folder(const char *base, const char *path, const char *place,
	    char why[DEFINE_WHY]);

#endif
