/* Values against schemas: what fits, and what is said about what does not. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "mcp/schema.h"

static json_t *
json_of(const char *text)
{
	json_error_t	 e;
	json_t		*v = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, &e);

	if (v == NULL)
		fail_msg("%s: %s", text, e.text);
	return v;
}

/* The schema of most cases: one member of every kind. */
#define SCHEMA "{\"type\":\"object\",\"properties\":{" \
	"\"n\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":10}," \
	"\"x\":{\"type\":\"number\",\"minimum\":0.5}," \
	"\"b\":{\"type\":\"boolean\"}," \
	"\"s\":{\"type\":\"string\",\"minLength\":2,\"maxLength\":3}," \
	"\"one\":{\"type\":\"string\",\"minLength\":1}," \
	"\"e\":{\"type\":\"string\",\"enum\":[\"up\",\"down\"]}," \
	"\"p\":{\"type\":\"string\",\"pattern\":\"^[a-z]+$\"}," \
	"\"list\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":2,\"items\":{" \
	"\"type\":\"object\"," \
	"\"properties\":{\"name\":{\"type\":\"string\"},\"timeout\":{\"type\":\"integer\"," \
	"\"minimum\":1}}," \
	"\"required\":[\"name\"],\"additionalProperties\":true}}," \
	"\"any\":{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"integer\"}]}," \
	"\"env\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}}," \
	"\"c\":{\"const\":7}," \
	"\"r\":{\"$ref\":\"#/$defs/tree\"}}," \
	"\"$defs\":{\"tree\":{\"type\":\"object\",\"properties\":{\"in\":{" \
	"\"$ref\":\"#/$defs/tree\"}}," \
	"\"additionalProperties\":false},\"loop\":{\"$ref\":\"#/$defs/loop\"}}," \
	"\"additionalProperties\":false}"

/* NULL for `want`: it fits. */
static void
says(const char *schema, const char *value, const char *want)
{
	json_t	*s = json_of(schema), *v = json_of(value);
	char	 why[600] = "";
	bool	 fits;

	if (!schema_known(s, why, sizeof(why)))
		fail_msg("%s: %s", schema, why);
	fits = schema_check(s, v, why, sizeof(why));
	if (want == NULL && !fits)
		fail_msg("%s: %s", value, why);
	if (want != NULL) {
		assert_false(fits);
		assert_string_equal(why, want);
	}
	json_decref(s);
	json_decref(v);
}

static void
what_fits(void **state)
{
	static const char *const values[] = {
		"{}", "{\"n\":1}", "{\"n\":10}", "{\"x\":0.5,\"b\":false}", "{\"x\":3}",
		"{\"s\":\"ab\"}", "{\"s\":\"\xc3\xa4\xc3\xb6\xe2\x82\xac\"}", "{\"e\":\"down\"}",
		"{\"p\":\"abc\"}", "{\"list\":[{\"name\":\"\",\"other\":[null]}]}",
		"{\"any\":\"\"}", "{\"any\":-1}", "{\"env\":{\"A\":\"\",\"\":\"x\"}}", "{\"c\":7}",
		"{\"r\":{\"in\":{\"in\":{}}}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		says(SCHEMA, values[i], NULL);
}

static void
what_is_said(void **state)
{
	static const struct { const char *value, *want; } cases[] = {
		{ "[]", "the value is a list; it must be an object" },
		{ "{\"n\":0}", "n is 0; it must be at least 1" },
		{ "{\"n\":11}", "n is 11; it may be at most 10" },
		{ "{\"n\":1.5}", "n is 1.5; it must be an integer" },
		{ "{\"n\":\"1\"}", "n is \"1\"; it must be an integer" },
		{ "{\"n\":null}", "n is null; it must be an integer" },
		{ "{\"n\":true}", "n is true; it must be an integer" },
		{ "{\"x\":0.25}", "x is 0.25; it must be at least 0.5" },
		{ "{\"b\":0}", "b is 0; it must be true or false" },
		{ "{\"s\":\"a\"}", "s is \"a\"; it must have at least 2 characters" },
		{ "{\"one\":\"\"}", "one is empty; it must not be" },
		{ "{\"s\":\"abcd\"}", "s has 4 characters; it may have at most 3" },
		{ "{\"e\":\"left\"}", "e is \"left\"; it must be one of \"up\", \"down\"" },
		{ "{\"p\":\"abc\\n\"}", "p is \"abc \"; it must match /^[a-z]+$/" },
		{ "{\"list\":[]}", "list has 0 elements; it must have at least 1" },
		{ "{\"list\":[{\"name\":\"\"},{\"name\":\"\"},{\"name\":\"\"}]}",
		    "list has 3 elements; it may have at most 2" },
		{ "{\"list\":[{\"name\":\"a\"},{\"name\":\"b\",\"timeout\":0}]}",
		    "list[1].timeout is 0; it must be at least 1" },
		{ "{\"list\":[{\"timeout\":1}]}", "list[0].name is missing; it must be text" },
		{ "{\"list\":\"bad\"}", "list is \"bad\"; it must be a list" },
		{ "{\"any\":1.5}", "any is 1.5; it must be text, or an integer" },
		{ "{\"env\":{\"A\":1}}", "env.A is 1; it must be text" },
		{ "{\"c\":8}", "c is 8; it must be 7" },
		{ "{\"r\":{\"in\":{\"out\":{}}}}", "r.in.out is not known; known here are: in" },
		{ "{\"N\":1}", "N is not known; known here are: "
		    "n, x, b, s, one, e, p, list, any, env, c, r" },
		{ "{\"n\":\"\\u001b[31m\\u202e\\u0085\"}",
		    "n is \" [31m  \"; it must be an integer" },
		{ "{\"n\":\"0123456789012345678901234567890123456789012345678901234567890123\"}",
		    "n is \"01234567890123456789012345678901234567890123456789012345...\"; "
		    "it must be an integer" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		says(SCHEMA, cases[i].value, cases[i].want);
}

static void
composed(void **state)
{
	static const char	schema[] = "{\"type\":\"object\","
		    "\"properties\":{\"how\":{\"enum\":[\"a\",\"b\"]}},"
		    "\"if\":{\"properties\":{\"how\":{\"const\":\"a\"}},\"required\":[\"how\"]},"
		    "\"then\":{\"required\":[\"x\"]},\"else\":{\"required\":[\"y\"]},"
		    "\"allOf\":[{\"anyOf\":[{\"required\":[\"x\"]},{\"required\":[\"z\"]}]}]}";

	(void)state;
	says(schema, "{\"how\":\"a\",\"x\":1}", NULL);
	says(schema, "{\"y\":1,\"z\":1}", NULL);
	says(schema, "{\"how\":\"a\"}", "x is missing");
	says(schema, "{\"how\":\"b\",\"x\":1}", "y is missing");
	says(schema, "{\"how\":\"b\",\"y\":1}", "z is missing");
	says("{\"$ref\":\"#/$defs/loop\",\"$defs\":{\"loop\":{\"$ref\":\"#/$defs/loop\"}}}", "1",
	    "the value cannot be checked: \"#/$defs/loop\" of the schema leads nowhere");
	says("{\"$ref\":\"#/$defs/none\"}", "1",
	    "the value cannot be checked: \"#/$defs/none\" of the schema leads nowhere");
}

/* A handler reads integers, so 3.0 is made one; in a list too. */
static void
whole_numbers(void **state)
{
	json_t	*s = json_of("{\"properties\":{\"n\":{\"type\":\"integer\"},"
		    "\"x\":{\"type\":\"number\"},"
		    "\"v\":{\"type\":\"array\",\"items\":{\"type\":\"integer\"}}}}");
	json_t	*v = json_of("{\"n\":3.0,\"x\":3.0,\"v\":[1,2.0]}");
	char	 why[100], *text;

	(void)state;
	assert_true(schema_check(s, v, why, sizeof(why)));
	text = json_dumps(v, JSON_COMPACT);
	assert_string_equal(text, "{\"n\":3,\"x\":3.0,\"v\":[1,2]}");
	free(text);
	json_decref(v);
	v = json_of("{\"n\":1e300}");
	assert_false(schema_check(s, v, why, sizeof(why)));
	assert_string_equal(why, "n is 1e+300; it must be an integer");
	json_decref(v);
	json_decref(s);
}

static void
no_nul(void **state)
{
	json_t	*v = json_of("{\"a\":[\"x\",{\"b\":\"x\\u0000y\"}]}");
	char	 why[100];

	(void)state;
	assert_false(schema_no_nul(v, why, sizeof(why)));
	assert_string_equal(why, "a[1].b has a NUL character in it; leave that out");
	json_decref(v);
	v = json_of("{\"a\":[\"x\",{\"b\":\"\"}]}");
	assert_true(schema_no_nul(v, why, sizeof(why)));
	json_decref(v);
}

static void
deep_places_are_cut(void **state)
{
	json_t	*schema = json_of("{\"additionalProperties\":{\"$ref\":\"#\"},"
		    "\"properties\":{\"n\":{\"type\":\"integer\"}}}");
	json_t	*v = json_of("{\"n\":\"x\"}"), *outer;
	char	 why[100];

	(void)state;
	for (int i = 0; i < 100; i++) {
		outer = json_object();
		(void)json_object_set_new(outer, "quite_a_long_name", v);
		v = outer;
	}
	assert_false(schema_check(schema, v, why, sizeof(why)));
	assert_int_equal(strlen(why), sizeof(why) - 1);
	assert_memory_equal(why, "quite_a_long_name.quite_a", 25);
	json_decref(v);
	json_decref(schema);
}

static void
unknown_schemas(void **state)
{
	static const struct { const char *schema, *want; } cases[] = {
		{ "[]", "a schema is not an object" },
		{ "{\"oneOf\":[]}", "oneOf of a schema is not known" },
		{ "{\"type\":[\"string\",\"null\"]}", "type of a schema is not well formed" },
		{ "{\"type\":\"text\"}", "type of a schema is not well formed" },
		{ "{\"properties\":{\"a\":{\"uniqueItems\":true}}}",
		    "uniqueItems of a schema is not known" },
		{ "{\"items\":[{}]}", "items of a schema is not well formed" },
		{ "{\"additionalProperties\":{\"minimum\":\"1\"}}",
		    "minimum of a schema is not well formed" },
		{ "{\"maxLength\":-1}", "maxLength of a schema is not well formed" },
		{ "{\"pattern\":\"(\"}", "pattern of a schema is not well formed" },
		{ "{\"required\":[1]}", "required of a schema is not well formed" },
		{ "{\"enum\":[]}", "enum of a schema is not well formed" },
		{ "{\"anyOf\":[{\"enum\":{}}]}", "enum of a schema is not well formed" },
		{ "{\"$ref\":\"http://x\"}", "$ref of a schema is not well formed" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t	*s = json_of(cases[i].schema);
		char	 why[100];

		assert_false(schema_known(s, why, sizeof(why)));
		assert_string_equal(why, cases[i].want);
		json_decref(s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_fits),
		cmocka_unit_test(what_is_said),
		cmocka_unit_test(composed),
		cmocka_unit_test(whole_numbers),
		cmocka_unit_test(no_nul),
		cmocka_unit_test(deep_places_are_cut),
		cmocka_unit_test(unknown_schemas),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
