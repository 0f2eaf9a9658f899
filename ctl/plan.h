/*
 * What is asked to run, as the client holds it: suites are read into it, options
 * are merged over it, filters select from it, and it is then submitted.  Values
 * only; every string is owned by the plan.
 */
#ifndef CTL_PLAN_H
#define CTL_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct strs {
	char	**v;
	size_t	  n, cap;
};

struct plan_hook {
	struct strs	argv;		/* empty: no hook */
	uint64_t	timeout_ms;	/* 0: the default */
};

struct plan_retry {
	uint64_t	count, delay_ms, multiplier_milli, max_delay_ms;
	uint64_t	jitter;		/* enum retry_jitter */
};

struct plan_test {
	char		*name;		/* unique in the plan */
	char		*description;	/* NULL: none */
	char		*suite;		/* name of the suite it came from */
	char		*source;	/* FILE:LINE, NULL: none */
	struct strs	 argv;
	char		*cwd;		/* absolute */
	struct strs	 env;		/* K=V */
	char		*stdin_data;	/* NULL: the null device */
	size_t		 stdin_len;
	bool		 has_timeout, has_grace;
	bool		 own_timeout;	/* stated at the test, not by defaults */
	uint64_t	 timeout_ms, grace_ms;
	struct strs	 tags;
	struct plan_hook setup, teardown;
	struct strs	 expect;	/* SPEC_EXPECT_STRIDE each, see spec.h */
	struct strs	 locks;
	struct strs	 slots;		/* NAME=COUNT */
	uint64_t	 weight;
	bool		 serial;
	uint64_t	 format;	/* enum test_format */
	char		*skip;		/* the reason, NULL: runs */
	struct plan_retry retry;
	uint64_t	 output_limit;	/* bytes a stream, 0: default */
};

struct plan {
	char		 *name;		/* of the first suite, NULL: none */
	struct plan_test *tests;
	size_t		  ntests, cap;
	struct strs	  slots;	/* NAME=COUNT that exist */
	/* What a suite's own config asks for; options win. */
	uint64_t	  jobs, max_fail;
};

/* Memory: these die when there is none. */
void	strs_add(struct strs *, const char *);
void	strs_addf(struct strs *, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));
void	strs_free(struct strs *);

struct plan_test	*plan_add(struct plan *);	/* a zeroed test, weight 1 */
void			 plan_test_free(struct plan_test *);	/* its contents */
void			 plan_free(struct plan *);	/* its contents */

#endif
