/* JSON answers of the verbs; see cmd_json.h. */
#include <stdio.h>

#include "ctl/cmd_json.h"
#include "ctl/json_value.h"

void
cmd_json_print(json_t *doc)
{
	(void)json_dumpf(doc, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
	(void)putchar('\n');
	json_decref(doc);
}

void
cmd_json_count(json_t *o, const char *key, uint64_t v)
{
	json_value_put(o, key, json_value_u64(v));
}

void
cmd_json_text(json_t *o, const char *key, struct sv s)
{
	json_value_put(o, key, json_value_bytes(s.p, s.n));
}

void
cmd_json_ms(json_t *o, const char *key, uint64_t us)
{
	json_value_put(o, key, json_value_ms(us));
}
