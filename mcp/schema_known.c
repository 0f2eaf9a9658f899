/* Is a schema one that schema_check() understands to the last keyword?  See schema.h. */
#define PCRE2_CODE_UNIT_WIDTH	8

#include <pcre2.h>
#include <stdio.h>
#include <string.h>

#include "mcp/json.h"
#include "mcp/schema.h"

enum form { ANYTHING, TYPE, VALUES, NAMES, MEMBERS, SCHEMA_OR_BOOL, SCHEMA, NUMBER, COUNT,
	    PATTERN, SCHEMAS, REF };

static const struct keyword { const char *name; enum form form; } keywords[] = {
	{ "type", TYPE }, { "enum", VALUES }, { "required", NAMES }, { "properties", MEMBERS },
	{ "additionalProperties", SCHEMA_OR_BOOL }, { "items", SCHEMA },
	{ "minimum", NUMBER }, { "maximum", NUMBER }, { "minLength", COUNT },
	{ "maxLength", COUNT }, { "minItems", COUNT }, { "maxItems", COUNT },
	{ "pattern", PATTERN }, { "anyOf", SCHEMAS }, { "allOf", SCHEMAS },
	{ "if", SCHEMA }, { "then", SCHEMA }, { "else", SCHEMA }, { "const", ANYTHING },
	{ "$defs", MEMBERS }, { "$ref", REF }, { "$anchor", ANYTHING },
	{ "title", ANYTHING }, { "description", ANYTHING }, { "default", ANYTHING },
	{ "examples", ANYTHING }, { "format", ANYTHING }, { "$schema", ANYTHING },
	{ "$comment", ANYTHING },
};

static bool
is_type_name(const json_t *v)
{
	static const char *const names[] = {
		"string", "integer", "number", "boolean", "object", "array", "null",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (json_is_string(v) && strcmp(json_string_value(v), names[i]) == 0)
			return true;
	return false;
}

static bool
is_pattern(const json_t *v)
{
	pcre2_code	*re;
	PCRE2_SIZE	 at;
	int		 code;

	if (!json_is_string(v))
		return false;
	re = pcre2_compile((PCRE2_SPTR)json_string_value(v), json_string_length(v), PCRE2_UTF,
	    &code, &at, NULL);
	pcre2_code_free(re);
	return re != NULL;
}

static bool
all_strings(const json_t *v)
{
	const json_t	*e;
	size_t		 i;

	json_array_foreach(v, i, e) {
		if (!json_is_string(e))
			return false;
	}
	return json_is_array(v);
}

/* Schemas in a list or an object. */
static bool
all_known(json_t *v, char *why, size_t size)
{
	const char	*key;
	json_t		*e;
	size_t		 i;

	json_object_foreach(v, key, e) {
		if (!schema_known(e, why, size))
			return false;
	}
	json_array_foreach(v, i, e) {
		if (!schema_known(e, why, size))
			return false;
	}
	return true;
}

/* Is a keyword's value of its form?  Sets `why` only when a schema in it is to blame. */
static bool
well_formed(enum form form, json_t *v, char *why, size_t size)
{
	switch (form) {
	case ANYTHING:
		return true;
	case TYPE:
		return is_type_name(v);
	case VALUES:
		return json_array_size(v) > 0;
	case NAMES:
		return all_strings(v);
	case MEMBERS:
		return json_is_object(v) && all_known(v, why, size);
	case SCHEMA_OR_BOOL:
		return json_is_boolean(v) || (json_is_object(v) && schema_known(v, why, size));
	case SCHEMA:
		return json_is_object(v) && schema_known(v, why, size);
	case NUMBER:
		return json_is_number(v);
	case COUNT:
		return json_is_integer(v) && json_integer_value(v) >= 0;
	case PATTERN:
		return is_pattern(v);
	case REF:
		return json_is_string(v) && json_string_value(v)[0] == '#';
	default:
		return json_array_size(v) > 0 && all_known(v, why, size);
	}
}

bool
schema_known(const json_t *schema, char *why, size_t size)
{
	const struct keyword	*k;
	const char		*key;
	json_t			*v;
	size_t			 i;

	why[0] = '\0';
	if (!json_is_object(schema)) {
		(void)snprintf(why, size, "a schema is not an object");
		return false;
	}
	json_object_foreach((json_t *)(uintptr_t)schema, key, v) {
		for (i = 0, k = NULL; i < sizeof(keywords) / sizeof(keywords[0]); i++)
			if (strcmp(key, keywords[i].name) == 0)
				k = &keywords[i];
		if (k != NULL && well_formed(k->form, v, why, size))
			continue;
		if (why[0] == '\0')
			(void)snprintf(why, size, "%s of a schema is %s", key,
			    k == NULL ? "not known" : "not well formed");
		return false;
	}
	return true;
}
