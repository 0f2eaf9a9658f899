/*
 * The key `isolation` of a suite: a level, or a mapping of `level`, `network` and
 * `read-only`; see common/isolation.h.
 */
#ifndef CTL_SUITE_ISOLATION_H
#define CTL_SUITE_ISOLATION_H

#include "common/isolation.h"
#include "ctl/suite_node.h"

/* 0, or -EINVAL with the error. */
int	suite_isolation(const struct suite_source *, const struct suite_node *,
	    struct isolation_want *ret);

#endif
