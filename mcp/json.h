/*
 * JSON values for messages, over jansson.  Everything here dies without memory, and
 * text of any bytes becomes valid.
 */
#ifndef MCP_JSON_H
#define MCP_JSON_H

#include <jansson.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The value, or death: for what jansson makes. */
json_t	*mj_need(json_t *);

json_t	*mj_text(const char *);				/* U+FFFD for bad bytes */
json_t	*mj_int(int64_t);
json_t	*mj_number(double);				/* 3, not 3.0 */
json_t	*mj_vformat(const char *fmt, va_list) __attribute__((format(printf, 1, 0)));

/* Adds a member, and takes the value over.  mj_put_text adds nothing for NULL. */
void	 mj_put(json_t *object, const char *key, json_t *value);
void	 mj_put_text(json_t *object, const char *key, const char *);
void	 mj_add(json_t *array, json_t *value);

/* A member that is a string without a NUL in it; otherwise NULL. */
const char	*mj_string(const json_t *object, const char *key);

/* {"type": "text", "text": ...} */
json_t	*mj_block(json_t *text);

/* Compact, on one line; free() it.  *ret_n: its bytes. */
char	*mj_dump(const json_t *, size_t *ret_n);

/* Copies text, cut where a character ends so that it fits; control characters, bad
 * bytes and what hides or turns text become blanks: for what is quoted in a sentence. */
void	 mj_quote(char *buf, size_t size, const char *, size_t n);

#endif
