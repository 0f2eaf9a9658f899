/*
 * The keys of a test about what it runs, where and with what.  Only suite_test.c
 * calls these, one for each key.
 */
#ifndef CTL_SUITE_RUN_H
#define CTL_SUITE_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "ctl/suite_test.h"

/* What a key is about; two keys may be about the same. */
enum suite_part {
	SUITE_NAME, SUITE_DESCRIPTION, SUITE_TAGS, SUITE_SKIP, SUITE_TIMEOUT, SUITE_GRACE,
	SUITE_RETRY, SUITE_COMMAND, SUITE_STDIN, SUITE_CWD, SUITE_ENV, SUITE_SETUP,
	SUITE_TEARDOWN, SUITE_EXPECT, SUITE_RESOURCES, SUITE_SERIAL, SUITE_WEIGHT,
	SUITE_FORMAT, SUITE_OUTPUT_LIMIT, SUITE_RECORDING, SUITE_LIMITS,
};
#define SUITE_BIT(part)	(UINT32_C(1) << (part))

/* A test while it is read. */
struct suite_reading {
	struct suite_tests	*in;
	const struct suite_source *src;
	struct plan_test	*t;
	uint32_t		 set;		/* bits of the parts that it has */
	bool			 millis;	/* a bare number is milliseconds */
};

/* Each reads one value into the test.  0, or -EINVAL with the error. */
int	suite_run_run(struct suite_reading *, const struct suite_node *);
int	suite_run_command(struct suite_reading *, const struct suite_node *);
int	suite_run_argv(struct suite_reading *, const struct suite_node *);
int	suite_run_setup(struct suite_reading *, const struct suite_node *);
int	suite_run_teardown(struct suite_reading *, const struct suite_node *);
int	suite_run_recording(struct suite_reading *, const struct suite_node *);
int	suite_run_stdin(struct suite_reading *, const struct suite_node *);
int	suite_run_cwd(struct suite_reading *, const struct suite_node *);
int	suite_run_retry(struct suite_reading *, const struct suite_node *);	/* suite_retry.c */
int	suite_run_limits(struct suite_reading *, const struct suite_node *);	/* suite_limits.c */
int	suite_run_env(struct suite_reading *, const struct suite_node *);

#endif
