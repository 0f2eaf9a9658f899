/*
 * A JSON value against a schema: the first line of the input is the schema, the rest the
 * value.  What is wrong is said in words; what fits, fits again.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "mcp/schema.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char	*text = (const char *)data, *nl = memchr(data, '\n', size);
	json_t		*schema, *value;
	char		 why[512] = "";

	if (nl == NULL)
		return 0;
	schema = json_loadb(text, (size_t)(nl - text), JSON_REJECT_DUPLICATES, NULL);
	value = json_loadb(nl + 1, size - (size_t)(nl + 1 - text), JSON_REJECT_DUPLICATES |
	    JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	if (schema != NULL && value != NULL) {
		if (!schema_known(schema, why, sizeof(why)) ||
		    !schema_no_nul(value, why, sizeof(why)) ||
		    !schema_check(schema, value, why, sizeof(why)))
			assert(why[0] != '\0');
		else
			assert(schema_check(schema, value, why, sizeof(why)));
	}
	json_decref(schema);
	json_decref(value);
	return 0;
}
