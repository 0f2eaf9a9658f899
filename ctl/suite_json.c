/*
 * JSON into nodes.  jansson reads every value; what it does not keep, the place
 * of each one, is found by walking over the text that it has accepted.  Only the
 * brackets and commas of the suite and of its list of tests are read here.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "ctl/suite_node.h"

struct json_in {
	const struct suite_source *src;
	const char	*p, *end;
	size_t		 line, column;	/* of p, from 1 */
	struct suite_pool *pool;	/* where nodes go just now */
};

static void
step(struct json_in *in)
{
	if (in->p == in->end)
		return;
	if (*in->p == '\n') {
		in->line++;
		in->column = 1;
	} else if (((unsigned char)*in->p & 0xc0) != 0x80) {
		in->column++;
	}
	in->p++;
}

/* The next byte that is not white space, NUL at the end. */
static char
peek(struct json_in *in)
{
	while (in->p < in->end && strchr(" \t\r\n", *in->p) != NULL && *in->p != '\0')
		step(in);
	return in->p < in->end ? *in->p : '\0';
}

static int
fail_json(const struct json_in *in, size_t line, size_t column, const char *what)
{
	size_t		 n = strlen(in->src->file);
	const char	*hint = " (text that starts with { or [ is read as JSON)";

	/* A file without the name may have been meant as YAML. */
	if (n >= 5 && strcmp(in->src->file + n - 5, ".json") == 0)
		hint = "";
	return suite_fail(in->src, line, column, "not valid JSON: %s%s", what, hint);
}

static int
fail_here(const struct json_in *in, const char *what)
{
	return fail_json(in, in->line, in->column, what);
}

static void
skip_string(struct json_in *in)
{
	step(in);
	while (in->p < in->end && *in->p != '"') {
		if (*in->p == '\\')
			step(in);
		step(in);
	}
	step(in);
}

/* Numbers and words: the text as it is written. */
static void
take_plain(struct json_in *in, struct suite_node *n)
{
	const char	*start = in->p;

	while (in->p < in->end && strchr(",:]} \t\r\n", *in->p) == NULL)
		step(in);
	suite_pool_text(in->pool, n, start, (size_t)(in->p - start));
}

static int walk_value(struct json_in *in, json_t *v, unsigned depth, struct suite_node **ret);

static int
walk_list(struct json_in *in, const json_t *v, unsigned depth, struct suite_node *list)
{
	struct suite_node	*child;
	int			 r;

	step(in);
	for (size_t i = 0; i < json_array_size(v); i++) {
		if (peek(in) == ',')
			step(in);
		r = walk_value(in, json_array_get(v, i), depth + 1, &child);
		if (r == 0)
			r = suite_node_add(in->src, list, child);
		if (r < 0)
			return r;
	}
	(void)peek(in);
	step(in);
	return 0;
}

static struct suite_node *
walk_key(struct json_in *in, const char *text, size_t len)
{
	struct suite_node *key;

	if (peek(in) == ',') {
		step(in);
		(void)peek(in);
	}
	key = suite_pool_node(in->pool, SUITE_TEXT, in->line, in->column);
	suite_pool_text(in->pool, key, text, len);
	skip_string(in);
	(void)peek(in);
	step(in);		/* the colon */
	return key;
}

/* jansson keeps the members of an object in the order of the text. */
static int
walk_map(struct json_in *in, json_t *v, unsigned depth, struct suite_node *map)
{
	struct suite_node	*key, *child;
	int			 r;

	step(in);
	for (void *it = json_object_iter(v); it != NULL; it = json_object_iter_next(v, it)) {
		key = walk_key(in, json_object_iter_key(it), strlen(json_object_iter_key(it)));
		r = walk_value(in, json_object_iter_value(it), depth + 1, &child);
		if (r < 0)
			return r;
		child->key = key;
		r = suite_node_add(in->src, map, child);
		if (r < 0)
			return r;
	}
	(void)peek(in);
	step(in);
	return 0;
}

static int
walk_value(struct json_in *in, json_t *v, unsigned depth, struct suite_node **ret)
{
	struct suite_node	*n;
	enum suite_kind		 kind = SUITE_PLAIN;

	(void)peek(in);
	if (depth > SUITE_DEPTH_MAX)
		return suite_fail(in->src, in->line, in->column, "nested too deeply");
	if (json_is_object(v))
		kind = SUITE_MAP;
	else if (json_is_array(v))
		kind = SUITE_LIST;
	else if (json_is_string(v))
		kind = SUITE_TEXT;
	n = suite_pool_node(in->pool, kind, in->line, in->column);
	*ret = n;
	if (kind == SUITE_MAP)
		return walk_map(in, v, depth, n);
	if (kind == SUITE_LIST)
		return walk_list(in, v, depth, n);
	if (kind == SUITE_TEXT) {
		suite_pool_text(in->pool, n, json_string_value(v), json_string_length(v));
		skip_string(in);
	} else {
		take_plain(in, n);
	}
	return 0;
}

/* One value of the text from here on, read by jansson, then walked over. */
static int
read_value(struct json_in *in, struct suite_node **ret)
{
	json_error_t	 err;
	json_t		*v;
	const char	*end = in->end;
	size_t		 line, column;
	int		 r;

	(void)peek(in);
	v = json_loadb(in->p, (size_t)(in->end - in->p),
	    JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, &err);
	if (v == NULL) {
		line = in->line + (err.line > 0 ? (size_t)err.line - 1 : 0);
		column = (size_t)(err.column > 0 ? err.column : 1);
		if (line == in->line)
			column += in->column - 1;
		return fail_json(in, line, column, err.text);
	}
	in->end = in->p + err.position;
	r = walk_value(in, v, 0, ret);
	in->end = end;
	json_decref(v);
	return r;
}

/* Hands over the elements of the list that begins here. */
static int
read_tests(struct json_in *in)
{
	struct suite_pool	 tests = { 0 };
	struct suite_node	*n;
	int			 r = 0;

	in->pool = &tests;
	step(in);
	if (peek(in) == ']')
		goto end;
	for (;;) {
		r = read_value(in, &n);
		if (r == 0)
			r = in->src->on_test(in->src->state, n);
		if (r < 0)
			goto out;
		suite_pool_clear(&tests);
		if (peek(in) != ',')
			break;
		step(in);
	}
	if (peek(in) != ']') {
		r = fail_here(in, "',' or ']' expected");
		goto out;
	}
end:
	step(in);
out:
	in->pool = in->src->pool;
	suite_pool_free(&tests);
	return r;
}

static int
read_member(struct json_in *in)
{
	const struct suite_source *s = in->src;
	struct suite_node	*key, *value;
	int			 r;

	if (peek(in) != '"')
		return fail_here(in, "a key in double quotes expected");
	r = read_value(in, &key);
	if (r < 0)
		return r;
	if (peek(in) != ':')
		return fail_here(in, "':' expected");
	step(in);
	if (strcmp(key->text, "tests") == 0 && peek(in) == '[') {
		r = s->on_key(s->state, key, NULL);
		return r < 0 ? r : read_tests(in);
	}
	r = read_value(in, &value);
	return r < 0 ? r : s->on_key(s->state, key, value);
}

static int
read_top_map(struct json_in *in)
{
	int	r;

	step(in);
	if (peek(in) == '}') {
		step(in);
		return 0;
	}
	for (;;) {
		r = read_member(in);
		if (r < 0)
			return r;
		if (peek(in) != ',')
			break;
		step(in);
	}
	if (peek(in) != '}')
		return fail_here(in, "',' or '}' expected");
	step(in);
	return 0;
}

int
suite_json_read(const struct suite_source *s)
{
	struct json_in	in = {
		.src = s, .p = s->text, .end = s->text + s->len,
		.line = 1, .column = 1, .pool = s->pool,
	};
	char		c = peek(&in);
	int		r;

	if (in.p == in.end)
		return suite_fail(s, 0, 0, "the file is empty: write at least one test");
	if (c == '{')
		r = read_top_map(&in);
	else if (c == '[')
		r = read_tests(&in);
	else
		return fail_here(&in, "'{' or '[' expected");
	if (r < 0)
		return r;
	(void)peek(&in);
	if (in.p < in.end)
		return fail_here(&in, "more text after the end of the suite");
	return 0;
}
