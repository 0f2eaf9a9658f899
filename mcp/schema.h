/*
 * JSON values checked against a schema: the part of JSON Schema that means the same
 * in draft-07 and 2020-12.  Known are type (one), enum, const, required, properties,
 * additionalProperties, items (a schema), minimum, maximum, minLength, maxLength,
 * minItems, maxItems, pattern, anyOf, allOf, if, then, else, $defs and $ref into the
 * schema itself ("#/$defs/name"); title, description, default, examples, format,
 * $schema, $anchor and $comment say nothing about validity.
 */
#ifndef MCP_SCHEMA_H
#define MCP_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Are all its keywords known, and well formed?  `why`: the first that is not. */
bool	schema_known(const json_t *schema, char *why, size_t size);

/*
 * Does the value fit?  When not, `why` is a sentence that names the place, what came
 * and what is wanted: "tests[2].timeout is 0; it must be at least 1".  Text that is
 * quoted in it is cut and has no control characters.  A number such as 3.0 becomes an
 * integer, in place, where an integer is wanted.
 */
bool	schema_check(const json_t *schema, json_t *value, char *why, size_t size);

/* Has no string in it a NUL?  Why as above. */
bool	schema_no_nul(const json_t *value, char *why, size_t size);

#endif
