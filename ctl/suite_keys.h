/*
 * Every mapping of a suite and its keys, for the manual page and the check that it has
 * them all.  A list that the loader gives to suite_key() stands here, with the mapping's
 * name.
 */
#ifndef CTL_SUITE_KEYS_H
#define CTL_SUITE_KEYS_H

struct suite_keys {
	const char		*where;	/* "a test", "expect"; NULL: the last */
	const char *const	*keys;	/* ends with NULL */
};

extern const struct suite_keys suite_keys[];

/* Of suite.c, suite_isolation.c, suite_run.c, suite_test.c, suite_expect.c, suite_retry.c. */
extern const char *const suite_top_keys[], *const suite_config_keys[],
    *const suite_isolation_keys[];
extern const char *const suite_run_keys[], *const suite_hook_keys[];
extern const char *const suite_resources_keys[];
extern const char *const suite_expect_keys[], *const suite_match_keys[],
    *const suite_exit_keys[], *const suite_no_errors_keys[], *const suite_assertion_keys[];
extern const char *const suite_retry_keys[], *const suite_retry_original_keys[],
    *const suite_budget_keys[];

#endif
