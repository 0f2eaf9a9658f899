/*
 * Scalars and simple lists of a suite, typed by the key that they belong to and
 * never by how they look.  Each function returns 0, or -EINVAL with an error at
 * the value's place; `what` is the key as messages show it.
 */
#ifndef CTL_SUITE_VALUE_H
#define CTL_SUITE_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "ctl/suite_node.h"

#define SUITE_QUOTE	96	/* bytes that any suite_quote() fits in */

/* The offending text of a value, shortened, on one line.  Returns buf. */
const char	*suite_quote(const struct suite_node *, char buf[SUITE_QUOTE]);

/* Text without NUL.  In JSON it must be a string.  *ret is borrowed. */
int	suite_text(const struct suite_source *, const char *what, const struct suite_node *,
	    const char **ret);
/* The same, and it is not empty. */
int	suite_word(const struct suite_source *, const char *what, const struct suite_node *,
	    const char **ret);
/* Any scalar but null, as it is written: numbers are text too. */
int	suite_scalar(const struct suite_source *, const char *what, const struct suite_node *,
	    const char **ret);

int	suite_bool(const struct suite_source *, const char *what, const struct suite_node *,
	    bool *ret);
/* Unquoted true or false?  For keys that also take something else. */
bool	suite_is_bool(const struct suite_node *, bool *ret);
/* Digits only, unquoted, within min and max. */
int	suite_count(const struct suite_source *, const char *what, const struct suite_node *,
	    uint64_t min, uint64_t max, uint64_t *ret);
/* A decimal number in thousandths, at most `max` thousandths. */
int	suite_milli(const struct suite_source *, const char *what, const struct suite_node *,
	    uint64_t max, uint64_t *ret);
/* 30s; a bare number is refused, or taken as milliseconds. */
int	suite_duration(const struct suite_source *, const char *what, const struct suite_node *,
	    bool millis, uint64_t *ret_ms);
/* Bytes, or with the suffix K, M or G (powers of 1024). */
int	suite_size(const struct suite_source *, const char *what, const struct suite_node *,
	    uint64_t max, uint64_t *ret);
/* One of the words (ends with NULL): its index. */
int	suite_choice(const struct suite_source *, const char *what, const struct suite_node *,
	    const char *const *words, uint64_t *ret);
/* One word or a list of them, added to *ret. */
int	suite_words(const struct suite_source *, const char *what, const struct suite_node *,
	    size_t max, struct strs *ret);
int	suite_map(const struct suite_source *, const char *what, const struct suite_node *);

/*
 * Finds a key in `known`.  Its index, or -EINVAL with an error that says that it
 * is planned, or what may have been meant.  Both lists end with NULL.
 */
int	suite_key(const struct suite_source *, const struct suite_node *key,
	    const char *const *known, const char *const *planned);

/* "'KEY' is not supported yet" */
int	suite_unsupported(const struct suite_source *, const struct suite_node *at,
	    const char *what);

#endif
