/*
 * JSON written straight into a text, member by member: a tree of JSON values for
 * each result costs ten times as much.  What needs more than an ASCII escape is still
 * jansson's to write, over json_value.h.
 *
 * Each adds ,"key": and the value; no comma after a brace.  NULL for the key adds
 * an element of a list, with no comma after a bracket.  They die without memory.
 */
#ifndef CTL_JSON_PUT_H
#define CTL_JSON_PUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/sv.h"
#include "ctl/plan.h"
#include "ctl/text.h"

struct attempt_result;
struct results;
struct test_result;

void	json_put_key(struct text *, const char *key);
void	json_put_sv(struct text *, const char *key, struct sv);	/* any bytes */
void	json_put_text(struct text *, const char *key, const char *);	/* NULL: "" */
void	json_put_count(struct text *, const char *key, uint64_t);
void	json_put_ms(struct text *, const char *key, uint64_t us);
void	json_put_bool(struct text *, const char *key, bool);
void	json_put_null(struct text *, const char *key);
void	json_put_ratio(struct text *, const char *key, double);	/* finite */
void	json_put_value(struct text *, const char *key, json_t *);	/* lets go of it */
void	json_put_strs(struct text *, const char *key, const struct strs *);
void	json_put_hash(struct text *, const char *key, uint64_t);	/* 16 digits */

/* Adds the members of FIGURE_LIST that came, times in milliseconds. */
void	json_put_figures(struct text *, const uint64_t *figures, size_t n);

/* "procfs" for an enum figure_source, NULL when it was not measured. */
const char	*json_put_source(uint64_t);

/* "retry":{decision, reason, delay}; nothing when there was none to decide.  A delay
 * of UINT64_MAX is not known. */
void	json_put_retry(struct text *, uint64_t decision, struct sv reason, uint64_t delay_ms);

/* One test as the result document has it, with its braces. */
void	json_put_result(struct text *, const struct test_result *);

/* failureGroups of a run that has any; see groups.h. */
void	json_put_groups(struct text *, const struct results *);

#endif
