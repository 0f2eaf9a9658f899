/*
 * YAML into nodes, by libyaml's events.  A strict subset: no anchors, aliases,
 * tags, directives, merge keys, keys that are not text, or second document.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "ctl/suite_node.h"

struct yaml_in {
	const struct suite_source *src;
	yaml_parser_t	 parser;
	yaml_event_t	 event;		/* the current one */
	struct suite_pool *pool;	/* where nodes go just now */
};

static size_t
mark_line(yaml_mark_t m)
{
	return m.line + 1;
}

static size_t
mark_column(yaml_mark_t m)
{
	return m.column + 1;
}

/* The column of a tab that indents the given line (from 1), 0: there is none. */
static size_t
tab_indent(const struct suite_source *s, size_t line)
{
	const char	*p = s->text, *end = s->text + s->len, *start;

	for (; line > 1 && p < end; line--) {
		p = memchr(p, '\n', (size_t)(end - p));
		if (p == NULL)
			return 0;
		p++;
	}
	start = p;
	while (p < end && *p == ' ')
		p++;
	return p < end && *p == '\t' ? (size_t)(p - start) + 1 : 0;
}

/* What the reader of bytes refuses has an offset and no mark. */
static int
fail_bytes(const struct yaml_in *in)
{
	const struct suite_source *s = in->src;
	size_t	line = 1, column = 1;

	for (size_t i = 0; i < in->parser.problem_offset && i < s->len; i++) {
		if (s->text[i] == '\n') {
			line++;
			column = 1;
		} else if (((unsigned char)s->text[i] & 0xc0) != 0x80) {
			column++;
		}
	}
	return suite_fail(s, line, column, "not UTF-8 text: %s", in->parser.problem);
}

static int
fail_parser(const struct yaml_in *in)
{
	const yaml_parser_t	*p = &in->parser;
	const struct suite_source *s = in->src;
	const char		*what = p->problem != NULL ? p->problem : "out of memory";
	const char		*hint = "";
	size_t			 line = mark_line(p->problem_mark), tab;

	if (p->error == YAML_READER_ERROR)
		return fail_bytes(in);
	tab = tab_indent(s, line);
	if (tab > 0)
		return suite_fail(s, line, tab, "a tab indents this line: YAML takes only spaces");
	if (strstr(what, "directive") != NULL)
		return suite_fail(s, line, mark_column(p->problem_mark),
		    "directives ('%%...') are not supported: remove the line");
	if (strstr(what, "undefined tag handle") != NULL)
		return suite_fail(s, line, mark_column(p->problem_mark),
		    "tags ('!...') are not supported: write the text in quotes");
	if (strstr(what, "mapping values") != NULL)
		hint = ": put text that holds ': ' in quotes";
	else if (strstr(what, "cannot start any token") != NULL)
		hint = ": put the text in quotes";
	else if (strstr(what, "did not find expected") != NULL)
		hint = ": look at the indentation, quotes and brackets here and above";
	return suite_fail(s, line, mark_column(p->problem_mark), "not valid YAML: %s%s%s%s",
	    p->context != NULL ? p->context : "", p->context != NULL ? ", " : "", what, hint);
}

static int
fail_event(const struct yaml_in *in, const char *what)
{
	return suite_fail(in->src, mark_line(in->event.start_mark),
	    mark_column(in->event.start_mark), "%s", what);
}

static int
refuse_marks(const struct yaml_in *in, const void *anchor, const void *tag)
{
	if (anchor != NULL)
		return fail_event(in, "anchors ('&...') are not supported: "
		    "repeat the value, or put it in quotes");
	if (tag != NULL)
		return fail_event(in, "tags ('!...') are not supported: write the text in quotes");
	return 0;
}

/* Goes on to the next event, and refuses what is outside of the subset. */
static int
next_event(struct yaml_in *in)
{
	const yaml_event_t *e = &in->event;

	yaml_event_delete(&in->event);
	if (!yaml_parser_parse(&in->parser, &in->event))
		return fail_parser(in);
	switch (e->type) {
	case YAML_ALIAS_EVENT:
		return fail_event(in, "aliases ('*...') are not supported: "
		    "repeat the value, or put it in quotes");
	case YAML_SCALAR_EVENT:
		return refuse_marks(in, e->data.scalar.anchor, e->data.scalar.tag);
	case YAML_SEQUENCE_START_EVENT:
		return refuse_marks(in, e->data.sequence_start.anchor, e->data.sequence_start.tag);
	case YAML_MAPPING_START_EVENT:
		return refuse_marks(in, e->data.mapping_start.anchor, e->data.mapping_start.tag);
	case YAML_DOCUMENT_START_EVENT:
		if (e->data.document_start.version_directive != NULL ||
		    e->data.document_start.tag_directives.start !=
		    e->data.document_start.tag_directives.end)
			return fail_event(in,
			    "directives ('%...') are not supported: remove the line");
		return 0;
	default:
		return 0;
	}
}

static struct suite_node *
scalar_node(const struct yaml_in *in)
{
	const yaml_event_t	*e = &in->event;
	struct suite_node	*n;
	enum suite_kind		 kind = SUITE_TEXT;

	if (e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
		kind = SUITE_PLAIN;
	n = suite_pool_node(in->pool, kind, mark_line(e->start_mark), mark_column(e->start_mark));
	suite_pool_text(in->pool, n, (const char *)e->data.scalar.value, e->data.scalar.length);
	return n;
}

/* The current event as the key of a map. */
static int
read_key(struct yaml_in *in, struct suite_node **ret)
{
	struct suite_node *key;

	if (in->event.type != YAML_SCALAR_EVENT)
		return fail_event(in, "a key must be text");
	key = scalar_node(in);
	if (strlen(key->text) != key->len)
		return fail_event(in, "a key holds a NUL byte");
	if (strcmp(key->text, "<<") == 0)
		return fail_event(in, "merge keys ('<<') are not supported: repeat the values");
	*ret = key;
	return 0;
}

static int read_value(struct yaml_in *in, unsigned depth, struct suite_node **ret);

/* The children of a list or map up to its end event. */
static int
read_children(struct yaml_in *in, unsigned depth, struct suite_node *parent)
{
	struct suite_node	*key = NULL, *child;
	int			 r;

	for (;;) {
		r = next_event(in);
		if (r < 0)
			return r;
		if (in->event.type == YAML_SEQUENCE_END_EVENT ||
		    in->event.type == YAML_MAPPING_END_EVENT)
			return 0;
		if (parent->kind == SUITE_MAP) {
			r = read_key(in, &key);
			if (r == 0)
				r = next_event(in);
			if (r < 0)
				return r;
		}
		r = read_value(in, depth + 1, &child);
		if (r < 0)
			return r;
		child->key = key;
		r = suite_node_add(in->src, parent, child);
		if (r < 0)
			return r;
	}
}

/* The current event and all that belongs to it. */
static int
read_value(struct yaml_in *in, unsigned depth, struct suite_node **ret)
{
	struct suite_node	*n;
	enum suite_kind		 kind = SUITE_LIST;

	if (depth > SUITE_DEPTH_MAX)
		return fail_event(in, "nested too deeply");
	if (in->event.type == YAML_SCALAR_EVENT) {
		*ret = scalar_node(in);
		return 0;
	}
	if (in->event.type == YAML_MAPPING_START_EVENT)
		kind = SUITE_MAP;
	n = suite_pool_node(in->pool, kind, mark_line(in->event.start_mark),
	    mark_column(in->event.start_mark));
	*ret = n;
	return read_children(in, depth, n);
}

/* Hands over the elements of the list that has just begun. */
static int
read_tests(struct yaml_in *in)
{
	struct suite_pool	 tests = { 0 };
	struct suite_node	*n;
	int			 r;

	in->pool = &tests;
	for (;;) {
		r = next_event(in);
		if (r < 0 || in->event.type == YAML_SEQUENCE_END_EVENT)
			break;
		r = read_value(in, 0, &n);
		if (r == 0)
			r = in->src->on_test(in->src->state, n);
		if (r < 0)
			break;
		suite_pool_clear(&tests);
	}
	in->pool = in->src->pool;
	suite_pool_free(&tests);
	return r;
}

static int
read_top_map(struct yaml_in *in)
{
	const struct suite_source *s = in->src;
	struct suite_node	*key, *value;
	int			 r;

	for (;;) {
		r = next_event(in);
		if (r < 0 || in->event.type == YAML_MAPPING_END_EVENT)
			return r;
		r = read_key(in, &key);
		if (r == 0)
			r = next_event(in);
		if (r < 0)
			return r;
		if (strcmp(key->text, "tests") == 0 &&
		    in->event.type == YAML_SEQUENCE_START_EVENT) {
			r = s->on_key(s->state, key, NULL);
			if (r == 0)
				r = read_tests(in);
		} else {
			r = read_value(in, 0, &value);
			if (r == 0)
				r = s->on_key(s->state, key, value);
		}
		if (r < 0)
			return r;
	}
}

static int
read_document(struct yaml_in *in)
{
	int	r;

	r = next_event(in);	/* the stream's start */
	if (r == 0)
		r = next_event(in);
	if (r < 0)
		return r;
	if (in->event.type == YAML_STREAM_END_EVENT)
		return suite_fail(in->src, 0, 0, "the file is empty: write at least one test");
	r = next_event(in);
	if (r < 0)
		return r;
	if (in->event.type == YAML_MAPPING_START_EVENT)
		r = read_top_map(in);
	else if (in->event.type == YAML_SEQUENCE_START_EVENT)
		r = read_tests(in);
	else
		return fail_event(in, "a suite is a mapping with 'tests', or a list of tests");
	if (r == 0)
		r = next_event(in);	/* the document's end */
	if (r == 0)
		r = next_event(in);
	if (r == 0 && in->event.type != YAML_STREAM_END_EVENT)
		return fail_event(in, "a second document: a suite is one document");
	return r;
}

int
suite_yaml_read(const struct suite_source *s)
{
	struct yaml_in	in = { .src = s, .pool = s->pool };
	int		r;

	if (!yaml_parser_initialize(&in.parser))
		return suite_fail(s, 0, 0, "out of memory");
	/* Else a byte order mark could make it UTF-16. */
	yaml_parser_set_encoding(&in.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&in.parser, (const unsigned char *)s->text, s->len);
	r = read_document(&in);
	yaml_event_delete(&in.event);
	yaml_parser_delete(&in.parser);
	return r;
}
