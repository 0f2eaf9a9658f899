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

#include "common/isolation.h"
#include "common/limits.h"

struct strs {
	char	**v;
	size_t	  n, cap;
};

struct plan_hook {
	struct strs	argv;		/* empty: no hook */
	uint64_t	timeout_ms;	/* 0: the default */
};

/* The members of plan_retry, as bits of `has`. */
enum plan_retry_member {
	PLAN_RETRY_COUNT = 1, PLAN_RETRY_DELAY = 2, PLAN_RETRY_MULTIPLIER = 4,
	PLAN_RETRY_MAX = 8, PLAN_RETRY_JITTER = 16, PLAN_RETRY_ON = 32,
	PLAN_RETRY_NEVER = 64, PLAN_RETRY_WHERE = 128,
	/* No member: said in the words of the original, whose defaults hold then. */
	PLAN_RETRY_ORIGINAL = 256,
};

/* Zeroed says nothing. */
struct plan_retry {
	unsigned	has;		/* what was stated; the rest is 0 or empty */
	uint64_t	count, delay_ms, multiplier_milli, max_delay_ms;
	uint64_t	jitter;		/* enum retry_jitter */
	uint64_t	where;		/* enum retry_where */
	struct strs	on, never;	/* rules, see common/spec.h */
};

/* Zeroed says nothing. */
struct plan_limits {
	unsigned	has;		/* 1 << enum limit: what was stated */
	struct limits	limits;
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
	struct plan_limits limits;
};

struct plan {
	char		 *name;		/* of the first suite, NULL: none */
	struct plan_test *tests;
	size_t		  ntests, cap;
	struct strs	  slots;	/* NAME=COUNT that exist */
	/* What a suite's own config asks for; options win. */
	uint64_t	  jobs, max_fail;
	struct isolation_want isolation;	/* how far its tests are to be kept apart */
	bool		  auto_width;	/* jobs follow the CPUs' use, and are the most if stated */
	struct strs	  budgets;	/* 2 each: tag ("": the run), limit of its retries */
};

/* Memory: these die when there is none. */
void	strs_add(struct strs *, const char *);
void	strs_addf(struct strs *, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));
void	strs_addall(struct strs *, const struct strs *from);
void	strs_free(struct strs *);

/* Takes from `from` each member that was stated there and not in *r: what is said
 * nearer to the test wins, member by member. */
void	plan_retry_default(struct plan_retry *r, const struct plan_retry *from);
/* The other way round: what `over` states replaces what *r has. */
void	plan_retry_override(struct plan_retry *r, const struct plan_retry *over);
/* The same for limits. */
void	plan_limits_default(struct plan_limits *, const struct plan_limits *from);
void	plan_limits_override(struct plan_limits *, const struct plan_limits *over);
void	plan_retry_free(struct plan_retry *);	/* its contents */

/* The limit of retries that the plan has for a tag ("": the run), NULL: none. */
const char	*plan_budget(const struct plan *, const char *tag);
/* Sets it, in place of one that is there. */
void	plan_budget_set(struct plan *, const char *tag, const char *limit);

struct plan_test	*plan_add(struct plan *);	/* a zeroed test, weight 1 */
void			 plan_test_free(struct plan_test *);	/* its contents */
void			 plan_free(struct plan *);	/* its contents */

#endif
