/*
 * JSON values of what results are made of, over jansson: any bytes become valid
 * text, times become milliseconds.  Both JSON reporters use these, so that an
 * event and a result say the same thing in the same words.
 *
 * Every function dies without memory and returns a new reference.
 */
#ifndef CTL_JSON_VALUE_H
#define CTL_JSON_VALUE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/sv.h"
#include "ctl/plan.h"

struct text;

json_t	*json_value_bytes(const char *, size_t n);	/* U+FFFD for bad bytes */
json_t	*json_value_text(const char *);			/* NULL reads as "" */

/* JSON integers end at 2^63-1 here; what is above is written as text. */
json_t	*json_value_u64(uint64_t);

/* Microseconds as milliseconds, with up to three decimals. */
json_t	*json_value_ms(uint64_t us);

/* Three strings each: [{assertion: {type}, passed, message}]. */
json_t	*json_value_assertions(struct svs);
/* Two strings each: [{pid, argv}]. */
json_t	*json_value_leaked(struct svs);
/* failures: two strings each. */
json_t	*json_value_subtests(uint64_t total, uint64_t passed, uint64_t failed,
	    uint64_t skipped, uint64_t todo, struct svs failures);
json_t	*json_value_error(struct sv message, uint64_t category);
json_t	*json_value_signal(uint64_t);

/* Adds a member and takes the value over. */
void	 json_value_put(json_t *object, const char *key, json_t *value);

/* Adds it as compact JSON, and lets go of it. */
void	 json_value_dump(struct text *, json_t *);

#endif
