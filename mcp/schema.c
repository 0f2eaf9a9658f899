/* JSON values checked against a schema; see schema.h. */
#define PCRE2_CODE_UNIT_WIDTH	8

#include <math.h>
#include <pcre2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "mcp/json.h"
#include "mcp/schema.h"

#define PATH_MAX_BYTES	256
#define QUOTE_BYTES	60
#define REFS_MAX	256	/* one in the other */
#define MATCH_STEPS	100000		/* of PCRE2, for one pattern */
#define EXACT		9007199254740992.0	/* 2^53: integers are exact below */

struct check {
	const json_t *root;		/* the schema of the whole */
	int	 refs;			/* $refs that were gone through to get here */
	char	 path[PATH_MAX_BYTES];	/* of the value that is looked at; "": the root */
	size_t	 len;
	char	*why;
	size_t	 size;
};

static bool	 check_value(struct check *, const json_t *schema, json_t *);

/* ---- saying what is wrong ---- */

static bool	wrong(struct check *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Names the place and says what fmt says; gives false. */
static bool
wrong(struct check *c, const char *fmt, ...)
{
	va_list	ap;
	int	n;

	n = snprintf(c->why, c->size, "%s ", c->len > 0 ? c->path : "the value");
	va_start(ap, fmt);
	if (n > 0 && (size_t)n < c->size)
		(void)vsnprintf(c->why + n, c->size - (size_t)n, fmt, ap);
	va_end(ap);
	return false;
}

/* Goes to a member (key) or an element (key NULL); gives the length to go back to. */
static size_t
enter(struct check *c, const char *key, size_t i)
{
	char	name[QUOTE_BYTES];
	size_t	before = c->len;
	int	n;

	if (key != NULL) {
		mj_quote(name, sizeof(name), key, strlen(key));
		n = snprintf(c->path + c->len, sizeof(c->path) - c->len, "%s%s",
		    c->len > 0 ? "." : "", name);
	} else
		n = snprintf(c->path + c->len, sizeof(c->path) - c->len, "[%zu]", i);
	if (n > 0)
		c->len += (size_t)n;
	if (c->len >= sizeof(c->path))
		c->len = sizeof(c->path) - 1;
	return before;
}

static void
leave(struct check *c, size_t len)
{
	c->len = len;
	c->path[len] = '\0';
}

/* What came, in few words. */
static const char *
came(const json_t *v, char buf[QUOTE_BYTES + 16])
{
	char	text[QUOTE_BYTES];

	switch (json_typeof(v)) {
	case JSON_STRING:
		mj_quote(text, sizeof(text), json_string_value(v), json_string_length(v));
		(void)snprintf(buf, QUOTE_BYTES + 16, "\"%s\"", text);
		return buf;
	case JSON_INTEGER:
		(void)snprintf(buf, QUOTE_BYTES + 16, "%" JSON_INTEGER_FORMAT,
		    json_integer_value(v));
		return buf;
	case JSON_REAL:
		(void)snprintf(buf, QUOTE_BYTES + 16, "%.15g", json_real_value(v));
		return buf;
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "a list";
	case JSON_TRUE:
		return "true";
	case JSON_FALSE:
		return "false";
	default:
		return "null";
	}
}

/* The words for a type; NULL for one that is not known. */
static const char *
type_words(const char *type)
{
	static const struct { const char *type, *words; } v[] = {
		{ "string", "text" }, { "integer", "an integer" }, { "number", "a number" },
		{ "boolean", "true or false" }, { "object", "an object" }, { "array", "a list" },
		{ "null", "null" },
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		if (type != NULL && strcmp(v[i].type, type) == 0)
			return v[i].words;
	return NULL;
}

/* The names of an object's members, or the strings of a list, one after the other. */
static void
list_names(char *buf, size_t size, const json_t *v)
{
	const char	*key;
	json_t		*e;
	size_t		 i, len = 0;
	char		 text[QUOTE_BYTES + 16];

	buf[0] = '\0';
	if (json_is_object(v)) {
		json_object_foreach((json_t *)(uintptr_t)v, key, e) {
			int	n = snprintf(buf + len, size - len, "%s%s",
				    len > 0 ? ", " : "", key);

			if (n < 0 || (size_t)n >= size - len)
				return;
			len += (size_t)n;
		}
	} else {
		json_array_foreach(v, i, e) {
			int	n = snprintf(buf + len, size - len, "%s%s", i > 0 ? ", " : "",
				    came(e, text));

			if (n < 0 || (size_t)n >= size - len)
				return;
			len += (size_t)n;
		}
	}
}

/* ---- the keywords ---- */

static bool
is_type(const json_t *v, const char *type)
{
	switch (json_typeof(v)) {
	case JSON_STRING:
		return strcmp(type, "string") == 0;
	case JSON_INTEGER:
		return strcmp(type, "integer") == 0 || strcmp(type, "number") == 0;
	case JSON_REAL:
		return strcmp(type, "number") == 0 || (strcmp(type, "integer") == 0 &&
		    json_real_value(v) == floor(json_real_value(v)) &&
		    fabs(json_real_value(v)) < EXACT);
	case JSON_OBJECT:
		return strcmp(type, "object") == 0;
	case JSON_ARRAY:
		return strcmp(type, "array") == 0;
	case JSON_NULL:
		return strcmp(type, "null") == 0;
	default:
		return strcmp(type, "boolean") == 0;
	}
}

/* What is to stand in the place of a value that fits its schema; NULL: itself. */
static json_t *
as_integer(const json_t *schema, const json_t *v)
{
	const char	*type = mj_string(schema, "type");

	return json_is_real(v) && type != NULL && strcmp(type, "integer") == 0 ?
	    mj_int((json_int_t)json_real_value(v)) : NULL;
}

static bool
check_members(struct check *c, const json_t *schema, json_t *v)
{
	const json_t	*known = json_object_get(schema, "properties");
	const json_t	*others = json_object_get(schema, "additionalProperties"), *sub;
	json_t		*e, *as;
	const char	*key;
	void		*next;
	char		 names[512];
	size_t		 len;

	json_object_foreach_safe(v, next, key, e) {
		sub = json_object_get(known, key);
		sub = sub != NULL ? sub : others;
		if (sub == NULL || json_is_true(sub))
			continue;
		len = enter(c, key, 0);
		if (json_is_false(sub)) {
			list_names(names, sizeof(names), known);
			return wrong(c, "is not known; known here are: %s", names);
		}
		if (!check_value(c, sub, e))
			return false;
		leave(c, len);
		as = as_integer(sub, e);
		if (as != NULL)
			mj_put(v, key, as);
	}
	return true;
}

static bool
check_object(struct check *c, const json_t *schema, json_t *v)
{
	const json_t	*known = json_object_get(schema, "properties"), *e;
	const char	*key, *words;
	size_t		 i;

	json_array_foreach(json_object_get(schema, "required"), i, e) {
		key = json_string_value(e);
		if (json_object_get(v, key) != NULL)
			continue;
		words = type_words(mj_string(json_object_get(known, key), "type"));
		(void)enter(c, key, 0);
		return wrong(c, "is missing%s%s", words != NULL ? "; it must be " : "",
		    words != NULL ? words : "");
	}
	return check_members(c, schema, v);
}

static bool
check_array(struct check *c, const json_t *schema, json_t *v)
{
	const json_t	*items = json_object_get(schema, "items"), *limit;
	json_t		*e, *as;
	size_t		 i, len, n = json_array_size(v);

	limit = json_object_get(schema, "minItems");
	if (limit != NULL && (json_int_t)n < json_integer_value(limit))
		return wrong(c, "has %zu elements; it must have at least %" JSON_INTEGER_FORMAT, n,
		    json_integer_value(limit));
	limit = json_object_get(schema, "maxItems");
	if (limit != NULL && (json_int_t)n > json_integer_value(limit))
		return wrong(c, "has %zu elements; it may have at most %" JSON_INTEGER_FORMAT, n,
		    json_integer_value(limit));
	json_array_foreach(v, i, e) {
		if (!json_is_object(items))
			break;
		len = enter(c, NULL, i);
		if (!check_value(c, items, e))
			return false;
		leave(c, len);
		as = as_integer(items, e);
		if (as != NULL && json_array_set_new(v, i, as) != 0)
			fatal("mcp", "out of memory");
	}
	return true;
}

/* Code points of valid UTF-8. */
static size_t
characters(const json_t *v)
{
	const char	*s = json_string_value(v);
	size_t		 n = 0;

	for (size_t i = 0; i < json_string_length(v); i++)
		n += ((unsigned char)s[i] & 0xc0) != 0x80;
	return n;
}

/* 1 it matches, 0 it does not, -1 the pattern is none or takes too long. */
static int
matches(const json_t *pattern, const json_t *v)
{
	pcre2_code		*re;
	pcre2_match_data	*data = NULL;
	pcre2_match_context	*limits = NULL;
	PCRE2_SIZE		 at;
	int			 code, r = -1;

	re = pcre2_compile((PCRE2_SPTR)json_string_value(pattern), json_string_length(pattern),
	    PCRE2_UTF | PCRE2_DOLLAR_ENDONLY, &code, &at, NULL);
	if (re != NULL)
		data = pcre2_match_data_create_from_pattern(re, NULL);
	if (data != NULL)
		limits = pcre2_match_context_create(NULL);
	if (limits != NULL) {
		(void)pcre2_set_match_limit(limits, MATCH_STEPS);
		r = pcre2_match(re, (PCRE2_SPTR)json_string_value(v), json_string_length(v), 0,
		    0, data, limits);
		r = r >= 0 ? 1 : r == PCRE2_ERROR_NOMATCH ? 0 : -1;
	}
	pcre2_match_context_free(limits);
	pcre2_match_data_free(data);
	pcre2_code_free(re);
	return r;
}

static bool
check_string(struct check *c, const json_t *schema, const json_t *v)
{
	const json_t	*limit, *pattern = json_object_get(schema, "pattern");
	size_t		 n = characters(v);
	char		 text[QUOTE_BYTES + 16];

	limit = json_object_get(schema, "minLength");
	if (limit != NULL && (json_int_t)n < json_integer_value(limit))
		return n == 0 ? wrong(c, "is empty; it must not be") :
		    wrong(c, "is %s; it must have at least %" JSON_INTEGER_FORMAT " characters",
		    came(v, text), json_integer_value(limit));
	limit = json_object_get(schema, "maxLength");
	if (limit != NULL && (json_int_t)n > json_integer_value(limit))
		return wrong(c, "has %zu characters; it may have at most %" JSON_INTEGER_FORMAT, n,
		    json_integer_value(limit));
	if (pattern != NULL && matches(pattern, v) != 1)
		return wrong(c, "is %s; it must match /%s/", came(v, text),
		    json_string_value(pattern));
	return true;
}

static bool
check_number(struct check *c, const json_t *schema, const json_t *v)
{
	const json_t	*limit;
	char		 text[QUOTE_BYTES + 16], bound[QUOTE_BYTES + 16];

	limit = json_object_get(schema, "minimum");
	if (limit != NULL && json_number_value(v) < json_number_value(limit))
		return wrong(c, "is %s; it must be at least %s", came(v, text),
		    came(limit, bound));
	limit = json_object_get(schema, "maximum");
	if (limit != NULL && json_number_value(v) > json_number_value(limit))
		return wrong(c, "is %s; it may be at most %s", came(v, text), came(limit, bound));
	return true;
}

/* One of the schemas of a list fits.  When none does, the last one says why, unless
 * they are all types alone. */
static bool
check_any(struct check *c, const json_t *any, json_t *v)
{
	const json_t	*e;
	char		 words[256] = "", text[QUOTE_BYTES + 16];
	size_t		 i, len = c->len, n = 0;
	const char	*w;
	bool		 types = true;

	json_array_foreach(any, i, e) {
		if (check_value(c, e, v))
			return true;
		leave(c, len);
		w = type_words(mj_string(e, "type"));
		types = types && w != NULL && json_object_size(e) == 1;
		if (w != NULL && n < sizeof(words))
			n += (size_t)snprintf(words + n, sizeof(words) - n, "%s%s",
			    n > 0 ? ", or " : "", w);
	}
	return types ? wrong(c, "is %s; it must be %s", came(v, text), words) : false;
}

/* Does it fit?  Says nothing. */
static bool
fits(const struct check *c, const json_t *schema, json_t *v)
{
	struct check	trial = *c;
	char		why[2];

	trial.why = why;
	trial.size = sizeof(why);
	return check_value(&trial, schema, v);
}

/* allOf, and if with then or else. */
static bool
check_all(struct check *c, const json_t *schema, json_t *v)
{
	const json_t	*s = json_object_get(schema, "if"), *e;
	size_t		 i;

	if (s != NULL) {
		s = json_object_get(schema, fits(c, s, v) ? "then" : "else");
		if (s != NULL && !check_value(c, s, v))
			return false;
	}
	json_array_foreach(json_object_get(schema, "allOf"), i, e) {
		if (!check_value(c, e, v))
			return false;
	}
	return true;
}

/* "#/$defs/name" of the whole schema. */
static bool
check_ref(struct check *c, const char *ref, json_t *v)
{
	const json_t	*s = c->root;
	char		*path = xstrdup(ref + 1), *next = path, *part;
	bool		 ok;

	while (s != NULL && (part = strsep(&next, "/")) != NULL)
		if (*part != '\0')
			s = json_object_get(s, part);
	free(path);
	if (s == NULL || c->refs >= REFS_MAX)
		return wrong(c, "cannot be checked: \"%s\" of the schema leads nowhere", ref);
	c->refs++;
	ok = check_value(c, s, v);
	c->refs--;
	return ok;
}

static bool
check_one_of(struct check *c, const json_t *values, const json_t *v)
{
	const json_t	*e;
	char		 names[512], text[QUOTE_BYTES + 16];
	size_t		 i;

	json_array_foreach(values, i, e) {
		if (json_equal(e, v))
			return true;
	}
	list_names(names, sizeof(names), values);
	return wrong(c, "is %s; it must be one of %s", came(v, text), names);
}

static bool
check_value(struct check *c, const json_t *schema, json_t *v)
{
	const char	*type = mj_string(schema, "type");
	const json_t	*s;
	char		 text[QUOTE_BYTES + 16], wanted[QUOTE_BYTES + 16];

	if (type != NULL && !is_type(v, type))
		return wrong(c, "is %s; it must be %s", came(v, text), type_words(type));
	s = json_object_get(schema, "enum");
	if (s != NULL && !check_one_of(c, s, v))
		return false;
	s = json_object_get(schema, "const");
	if (s != NULL && !json_equal(s, v))
		return wrong(c, "is %s; it must be %s", came(v, text), came(s, wanted));
	s = json_object_get(schema, "$ref");
	if (s != NULL && !check_ref(c, json_string_value(s), v))
		return false;
	s = json_object_get(schema, "anyOf");
	if ((s != NULL && !check_any(c, s, v)) || !check_all(c, schema, v))
		return false;
	if (json_is_object(v))
		return check_object(c, schema, v);
	if (json_is_array(v))
		return check_array(c, schema, v);
	if (json_is_string(v))
		return check_string(c, schema, v);
	return !json_is_number(v) || check_number(c, schema, v);
}

bool
schema_check(const json_t *schema, json_t *value, char *why, size_t size)
{
	struct check	c = { .root = schema, .why = why, .size = size };

	return check_value(&c, schema, value);
}

static bool
no_nul(struct check *c, const json_t *v)
{
	const char	*key;
	json_t		*e;
	size_t		 i, len;
	bool		 clean = true;

	if (json_is_string(v) && strlen(json_string_value(v)) != json_string_length(v))
		return wrong(c, "has a NUL character in it; leave that out");
	if (json_is_object(v)) {
		json_object_foreach((json_t *)(uintptr_t)v, key, e) {
			len = enter(c, key, 0);
			clean = no_nul(c, e);
			if (!clean)
				return false;
			leave(c, len);
		}
	}
	json_array_foreach(v, i, e) {
		len = enter(c, NULL, i);
		if (!no_nul(c, e))
			return false;
		leave(c, len);
	}
	return true;
}

bool
schema_no_nul(const json_t *value, char *why, size_t size)
{
	struct check	c = { .why = why, .size = size };

	return no_nul(&c, value);
}
