/*
 * What the administrator lets agents do: folders, programs, ceilings.  It is read from
 * a file that no call can name or change, and whatever is run is held against it, also
 * what comes back from the record of an earlier run.
 */
#ifndef MCPSRV_POLICY_H
#define MCPSRV_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "ctl/plan.h"

#define POLICY_FILE	"/etc/paratest/mcp.yaml"
#define POLICY_WHY	1024

/* Zeroed allows everything. */
struct policy {
	struct strs	 roots;		/* real paths; empty: everywhere */
	struct strs	 programs;	/* absolute paths; empty: whatever */
	uint64_t	 max_workers, max_tests;	/* 0: no ceiling, as below */
	uint64_t	 max_timeout_ms;	/* of a test or hook */
	uint64_t	 max_run_ms;
	uint64_t	 max_memory;	/* bytes of address space of a process */
	char		*log;		/* where calls are logged, too; NULL: nowhere else */
	char		*error;		/* the file is wrong: nothing may be run; NULL: it is not */
};

/*
 * Reads a file; one that is not there allows everything, unless `needed`.  One that is
 * wrong, or (with `guarded`) that others than root may write, allows nothing, and
 * policy_check() says why.
 */
void	policy_load(struct policy *, const char *file, bool needed, bool guarded);
/* The same for text; pure. */
void	policy_parse(struct policy *, const char *file, const char *text, size_t len);
void	policy_free(struct policy *);	/* its contents */

/* What the supervisor gives to a plan that does not say it. */
struct policy_unasked {
	uint64_t	timeout_ms;	/* of a test, 0: none */
	uint64_t	jobs;		/* at a time, 0: as many as there are CPUs */
};

/*
 * Holds a plan against each of n policies and brings what it does not say under the
 * ceilings: the number of workers, a time limit and a limit of memory of each test; its
 * programs get the path of the list.  0, or -EPERM with a sentence in `why` that names
 * the test, the member and what is allowed.
 */
int	policy_check(const struct policy *, size_t n, struct plan *,
	    const struct policy_unasked *, char why[POLICY_WHY]);

/* Is it a time limit that console_set_test_timeout may set?  As policy_check(). */
int	policy_check_timeout(const struct policy *, const char *what, uint64_t ms,
	    char why[POLICY_WHY]);

#endif
