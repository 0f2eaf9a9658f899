/*
 * The words in which retries are asked for, checked before anything is sent:
 * rules of `on` and `never`, limits of budgets.  What they mean is in
 * common/spec.h.
 */
#ifndef CTL_RETRY_RULE_H
#define CTL_RETRY_RULE_H

#include <stddef.h>

/* 0, or -EINVAL with one line in `why`: the offending text, what to write. */
int	retry_rule_check(const char *rule, char *why, size_t size);
int	retry_budget_check(const char *limit, char *why, size_t size);

#endif
