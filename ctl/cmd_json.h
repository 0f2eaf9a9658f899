/* JSON answers of the verbs, on standard output. */
#ifndef CTL_CMD_JSON_H
#define CTL_CMD_JSON_H

#include <jansson.h>
#include <stdint.h>

#include "common/sv.h"

/* Prints the document and releases it. */
void	cmd_json_print(json_t *);

/* Adds a member to an object. */
void	cmd_json_count(json_t *, const char *key, uint64_t);
void	cmd_json_text(json_t *, const char *key, struct sv);
void	cmd_json_ms(json_t *, const char *key, uint64_t us);

#endif
