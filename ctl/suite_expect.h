/*
 * What a test expects, from a suite's `expect` and from the `assertions` of the
 * original framework, into the groups of four that common/spec.h describes.
 */
#ifndef CTL_SUITE_EXPECT_H
#define CTL_SUITE_EXPECT_H

#include "ctl/suite_node.h"

/* Adds to *ret.  0, or -EINVAL with the error. */
int	suite_expect(const struct suite_source *, const struct suite_node *, struct strs *ret);
int	suite_assertions(const struct suite_source *, const struct suite_node *,
	    struct strs *ret);

#endif
