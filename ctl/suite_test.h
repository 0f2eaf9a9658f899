/*
 * One test of a suite: its keys into a struct plan_test, and the defaults of the
 * suite into what the test leaves open.
 */
#ifndef CTL_SUITE_TEST_H
#define CTL_SUITE_TEST_H

#include <stdbool.h>
#include <stdint.h>

#include "ctl/suite_node.h"

/* A slot that some test wants: checked when all of the suite is known. */
struct suite_want {
	const char	*slot;		/* NAME=COUNT, the test's own text */
	uint32_t	 line, column;
};

struct suite_wants {
	struct suite_want *v;
	size_t		 n, cap;
};

struct suite_tests {
	const struct suite_source *src;
	const char	*dir;		/* relative cwds start here */
	struct suite_wants wants;
	bool		 checked;	/* defaults are given again: want nothing new */
};

/* The keys of a test; ends with NULL. */
extern const char *const suite_test_keys[];
extern const char *const suite_test_planned[];

/*
 * Reads the map into the zeroed test.  *ret_set has a bit for every thing that
 * the test says itself.  0, or -EINVAL with the error; the test is to be freed
 * in either case.
 */
int	suite_test_read(struct suite_tests *, const struct suite_node *, struct plan_test *,
	    uint32_t *ret_set);

/*
 * Gives the test each default that it does not have by itself, as `*set` says;
 * env is taken name by name, retry and limits member by member.  The same defaults may be given
 * to many tests.
 */
int	suite_test_defaults(struct suite_tests *, const struct suite_node *, struct plan_test *,
	    uint32_t *set);

/* NAME=VALUE for each name that *env does not have. */
int	suite_test_env(const struct suite_source *, const struct suite_node *, struct strs *env);

#endif
