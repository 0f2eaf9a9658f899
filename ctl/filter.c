/*
 * Filter expressions: a parser by recursive descent, one function a level of the
 * grammar in filter.h, and the tree that it makes.
 */
#define PCRE2_CODE_UNIT_WIDTH	8
#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <pcre2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/suggest.h"
#include "common/xalloc.h"
#include "ctl/filter.h"
#include "ctl/suite_names.h"

#define DEPTH_MAX	100	/* brackets and nots within each other */
#define NODES_MAX	10000	/* the tree of 'a or b or ...' is as deep as long */
#define MATCH_STEPS	1000000	/* of one regular expression on one text */
#define SHOWN		60	/* bytes of an expression in a message, each side */

enum op { OP_OR, OP_AND, OP_MINUS, OP_NOT, OP_MATCH };
enum mark { MARK_EXACT, MARK_CONTAINS, MARK_REGEX, MARK_GLOB };

static const char *const predicates[] = {
	"name", "tag", "suite", "command", "source", "serial", "all", "none", NULL
};
enum predicate { PRED_NAME, PRED_TAG, PRED_SUITE, PRED_COMMAND, PRED_SOURCE, PRED_SERIAL,
	PRED_ALL, PRED_NONE };

struct filter {
	enum op		 op;
	struct filter	*left, *right;
	enum predicate	 predicate;
	enum mark	 mark;
	char		*text;		/* not of a regular expression */
	pcre2_code	*re;
	pcre2_match_data *data;
	pcre2_match_context *limits;
};

struct parser {
	const char	*start, *p;
	unsigned	 depth, nodes;
	char		*why;
	size_t		 size;
};

/* ---- messages ---- */

static size_t
characters(const char *s, size_t n)
{
	size_t	count = 0;

	for (size_t i = 0; i < n; i++)
		count += ((unsigned char)s[i] & 0xc0) != 0x80;
	return count;
}

/* The part of the expression around `at`, and a caret below it. */
static struct filter *
fail_at(struct parser *ps, const char *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static struct filter *
fail_at(struct parser *ps, const char *at, const char *fmt, ...)
{
	const char	*from = ps->start, *to;
	char		 text[200], line[2 * SHOWN + 8];
	va_list		 ap;
	int		 n;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (at - from > SHOWN) {
		from = at - SHOWN;
		while (from < at && ((unsigned char)*from & 0xc0) == 0x80)
			from++;
	}
	to = at + strnlen(at, SHOWN);
	while (to > at && ((unsigned char)*to & 0xc0) == 0x80)
		to--;
	n = snprintf(line, sizeof(line), "%.*s", (int)(to - from), from);
	for (int i = 0; i < n; i++) {
		if ((unsigned char)line[i] < ' ' || line[i] == '\177')
			line[i] = ' ';
	}
	(void)snprintf(ps->why, ps->size, "filter: %s\n  %s\n  %*s^", text, line,
	    (int)characters(from, (size_t)(at - from)), "");
	return NULL;
}

/* ---- the tree ---- */

static struct filter *
make(struct parser *ps, enum op op, struct filter *left, struct filter *right)
{
	struct filter	*f = xcalloc(1, sizeof(*f));

	ps->nodes++;
	f->op = op;
	f->left = left;
	f->right = right;
	return f;
}

void
filter_free(struct filter *f)
{
	struct filter	*left;

	/* Chains of operators lean to the left. */
	for (; f != NULL; f = left) {
		left = f->left;
		filter_free(f->right);
		free(f->text);
		pcre2_match_context_free(f->limits);
		pcre2_match_data_free(f->data);
		pcre2_code_free(f->re);
		free(f);
	}
}

/* ---- the parser ---- */

static struct filter *parse_or(struct parser *ps);

static void
skip_blanks(struct parser *ps)
{
	while (isspace((unsigned char)*ps->p))
		ps->p++;
}

static bool
word_end(char c)
{
	return c == '\0' || isspace((unsigned char)c) || strchr("()|&", c) != NULL;
}

/* Takes the sign or the word when it is next. */
static bool
take(struct parser *ps, const char *token)
{
	size_t	n = strlen(token);

	skip_blanks(ps);
	if (strncmp(ps->p, token, n) != 0 ||
	    (isalpha((unsigned char)*token) && !word_end(ps->p[n])))
		return false;
	ps->p += n;
	return true;
}

/*
 * The text of a matcher up to the end that its surroundings give it; a backslash
 * takes the meaning of ) and of itself.  Allocated.
 */
static char *
take_text(struct parser *ps, bool bracket)
{
	const char	*p = ps->p;
	char		*text = xcalloc(1, strlen(p) + 1);
	size_t		 n = 0;

	for (; *p != '\0' && (bracket ? *p != ')' : !word_end(*p)); p++) {
		if (*p == '\\' && p[1] != '\0' && (p[1] == '\\' || word_end(p[1])))
			p++;
		text[n++] = *p;
	}
	ps->p = p;
	if (bracket) {
		while (n > 0 && isspace((unsigned char)text[n - 1]))
			n--;
	}
	text[n] = '\0';
	return text;
}

static struct filter *
compile(struct parser *ps, struct filter *f, const char *at, const char *text, size_t len)
{
	PCRE2_UCHAR	 what[128] = "";
	PCRE2_SIZE	 offset;
	int		 code;

	f->re = pcre2_compile((PCRE2_SPTR)text, len, PCRE2_UTF | PCRE2_MATCH_INVALID_UTF |
	    PCRE2_NEVER_BACKSLASH_C, &code, &offset, NULL);
	if (f->re == NULL) {
		(void)pcre2_get_error_message(code, what, sizeof(what));
		return fail_at(ps, at + (offset <= len ? offset : len), "regular expression: %s",
		    (const char *)what);
	}
	f->data = pcre2_match_data_create_from_pattern(f->re, NULL);
	f->limits = pcre2_match_context_create(NULL);
	if (f->data == NULL || f->limits == NULL)
		return fail_at(ps, at, "out of memory");
	(void)pcre2_set_match_limit(f->limits, MATCH_STEPS);
	return f;
}

/* /regex/ with \/ for a slash within; PCRE2 reads \/ as / by itself. */
static struct filter *
parse_regex(struct parser *ps, struct filter *f)
{
	const char	*at = ps->p, *end = at + 1;

	while (*end != '\0' && *end != '/')
		end += *end == '\\' && end[1] != '\0' ? 2 : 1;
	if (*end == '\0')
		return fail_at(ps, at, "this regular expression has no '/' at its end");
	if (compile(ps, f, at + 1, at + 1, (size_t)(end - at - 1)) == NULL)
		return NULL;
	ps->p = end + 1;
	f->mark = MARK_REGEX;
	return f;
}

/* M of the grammar, into f. */
static struct filter *
parse_matcher(struct parser *ps, struct filter *f, bool bracket)
{
	const char	*at;

	skip_blanks(ps);
	if (*ps->p == '/')
		return parse_regex(ps, f);
	f->mark = f->predicate == PRED_TAG || f->predicate == PRED_SUITE ? MARK_EXACT :
	    MARK_CONTAINS;
	switch (*ps->p) {
	case '=':
		f->mark = MARK_EXACT;
		ps->p++;
		break;
	case '~':
		f->mark = MARK_CONTAINS;
		ps->p++;
		break;
	case '#':
		f->mark = MARK_GLOB;
		ps->p++;
		break;
	}
	at = ps->p;
	f->text = take_text(ps, bracket);
	if (*f->text == '\0')
		return fail_at(ps, at, "a text to look for is expected here");
	return f;
}

/* name(...), after the bracket. */
static struct filter *
parse_arguments(struct parser *ps, struct filter *f, const char *bracket)
{
	bool	matches = f->predicate != PRED_SERIAL && f->predicate != PRED_ALL &&
	    f->predicate != PRED_NONE;

	if (matches && parse_matcher(ps, f, true) == NULL)
		return NULL;
	if (take(ps, ")"))
		return f;
	if (*ps->p == '\0')
		return fail_at(ps, bracket, "this bracket is not closed");
	return fail_at(ps, ps->p, matches ? "')' is expected here" :
	    "%s() takes nothing in its brackets", predicates[f->predicate]);
}

/* A predicate, or a text that is looked for in names. */
static struct filter *
parse_predicate(struct parser *ps)
{
	const char	*at = ps->p;
	struct filter	*f;
	char		*word, near[64];
	size_t		 n = strcspn(at, "()|& \t\n\r\v\f"), i = 0;

	f = make(ps, OP_MATCH, NULL, NULL);
	f->predicate = PRED_NAME;
	if (at[n] != '(' || strchr("=~#/", *at) != NULL) {
		if (parse_matcher(ps, f, false) == NULL)
			goto out;
		return f;
	}
	word = xstrndup(at, n);
	while (predicates[i] != NULL && strcmp(predicates[i], word) != 0)
		i++;
	if (predicates[i] == NULL) {
		(void)fail_at(ps, at, "'%.40s' is no predicate%s", word,
		    suggest_text(word, predicates, near, sizeof(near))[0] != '\0' ? near :
		    ": there are name, tag, suite, command, source, serial, all, none");
		free(word);
		goto out;
	}
	free(word);
	ps->p = at + n + 1;
	f->predicate = (enum predicate)i;
	if (parse_arguments(ps, f, at + n) != NULL)
		return f;
out:
	filter_free(f);
	return NULL;
}

static struct filter *
parse_unary(struct parser *ps)
{
	struct filter	*f;
	const char	*at;

	skip_blanks(ps);
	at = ps->p;
	if (ps->depth >= DEPTH_MAX)
		return fail_at(ps, at, "too many brackets within each other");
	if (ps->nodes >= NODES_MAX)
		return fail_at(ps, at, "the expression is too long");
	if (*at == '\0')
		return fail_at(ps, at, "a predicate is expected here");
	ps->depth++;
	if (take(ps, "!") || take(ps, "not")) {
		f = parse_unary(ps);
		if (f != NULL)
			f = make(ps, OP_NOT, f, NULL);
	} else if (take(ps, "(")) {
		f = parse_or(ps);
		if (f != NULL && !take(ps, ")")) {
			filter_free(f);
			f = fail_at(ps, at, "this bracket is not closed");
		}
	} else if (strchr(")|&", *at) != NULL) {
		f = fail_at(ps, at, "a predicate is expected before '%c'", *at);
	} else {
		f = parse_predicate(ps);
	}
	ps->depth--;
	return f;
}

/* The right side of an operator whose left side is known. */
static struct filter *
join(struct parser *ps, enum op op, struct filter *left, struct filter *(*parse)(struct parser *))
{
	struct filter	*right = parse(ps);

	if (right == NULL) {
		filter_free(left);
		return NULL;
	}
	return make(ps, op, left, right);
}

static struct filter *
parse_and(struct parser *ps)
{
	struct filter	*f = parse_unary(ps);

	while (f != NULL) {
		if (take(ps, "and") || take(ps, "&"))
			f = join(ps, OP_AND, f, parse_unary);
		else if (take(ps, "-"))
			f = join(ps, OP_MINUS, f, parse_unary);
		else
			break;
	}
	return f;
}

static struct filter *
parse_or(struct parser *ps)
{
	struct filter	*f = parse_and(ps);

	while (f != NULL && (take(ps, "or") || take(ps, "|") || take(ps, "+")))
		f = join(ps, OP_OR, f, parse_and);
	return f;
}

struct filter *
filter_parse(const char *expr, char *why, size_t size)
{
	struct parser	 ps = { .start = expr, .p = expr, .why = why, .size = size };
	struct filter	*f = parse_or(&ps);

	if (f == NULL)
		return NULL;
	skip_blanks(&ps);
	if (*ps.p == '\0')
		return f;
	filter_free(f);
	if (*ps.p == ')')
		return fail_at(&ps, ps.p, "this bracket was never opened");
	return fail_at(&ps, ps.p, "'and', 'or' or '-' is expected here; a text with blanks is "
	    "written name(~two words)");
}

/* ---- matching ---- */

static bool
text_matches(const struct filter *f, const char *text)
{
	if (text == NULL)
		return false;
	switch (f->mark) {
	case MARK_EXACT:
		return strcmp(text, f->text) == 0;
	case MARK_CONTAINS:
		return strstr(text, f->text) != NULL;
	case MARK_GLOB:
		return fnmatch(f->text, text, 0) == 0;
	case MARK_REGEX:
		break;
	}
	return pcre2_match(f->re, (PCRE2_SPTR)text, strlen(text), 0, 0, f->data,
	    f->limits) >= 0;
}

static bool
any_matches(const struct filter *f, const struct strs *s)
{
	for (size_t i = 0; i < s->n; i++) {
		if (text_matches(f, s->v[i]))
			return true;
	}
	return false;
}

/* The words with a blank between each two. */
static bool
command_matches(const struct filter *f, const struct strs *argv)
{
	size_t	 size = 1;
	char	*text;
	bool	 matches;

	for (size_t i = 0; i < argv->n; i++)
		size += strlen(argv->v[i]) + 1;
	text = xcalloc(1, size);
	for (size_t i = 0, at = 0; i < argv->n; i++) {
		if (i > 0)
			text[at++] = ' ';
		at += strlcpy(text + at, argv->v[i], size - at);
	}
	matches = text_matches(f, text);
	free(text);
	return matches;
}

static bool
predicate_matches(const struct filter *f, const struct plan_test *t)
{
	switch (f->predicate) {
	case PRED_NAME:
		return text_matches(f, t->name);
	case PRED_TAG:
		return any_matches(f, &t->tags);
	case PRED_SUITE:
		return text_matches(f, t->suite);
	case PRED_COMMAND:
		return command_matches(f, &t->argv);
	case PRED_SOURCE:
		return text_matches(f, t->source);
	case PRED_SERIAL:
		return t->serial;
	case PRED_ALL:
		return true;
	case PRED_NONE:
		break;
	}
	return false;
}

bool
filter_match(const struct filter *f, const struct plan_test *t)
{
	switch (f->op) {
	case OP_OR:
		return filter_match(f->left, t) || filter_match(f->right, t);
	case OP_AND:
		return filter_match(f->left, t) && filter_match(f->right, t);
	case OP_MINUS:
		return filter_match(f->left, t) && !filter_match(f->right, t);
	case OP_NOT:
		return !filter_match(f->left, t);
	case OP_MATCH:
		break;
	}
	return predicate_matches(f, t);
}

/* ---- plans ---- */

/* Test i stays (moved down to *kept), or is freed. */
static void
keep(struct plan *p, size_t i, bool stays, size_t *kept)
{
	if (!stays) {
		plan_test_free(&p->tests[i]);
		return;
	}
	if (*kept != i)
		p->tests[*kept] = p->tests[i];
	(*kept)++;
}

void
plan_filter(struct plan *p, struct filter *const *filters, size_t n, size_t *hits)
{
	size_t	kept = 0;
	bool	stays;

	for (size_t k = 0; hits != NULL && k < n; k++)
		hits[k] = 0;
	for (size_t i = 0; i < p->ntests; i++) {
		stays = n == 0;
		for (size_t k = 0; k < n; k++) {
			if (!filter_match(filters[k], &p->tests[i]))
				continue;
			stays = true;
			if (hits != NULL)
				hits[k]++;
		}
		keep(p, i, stays, &kept);
	}
	p->ntests = kept;
}

void
plan_shard(struct plan *p, unsigned m, unsigned n)
{
	size_t	kept = 0;

	for (size_t i = 0; i < p->ntests; i++)
		keep(p, i, suite_names_hash(p->tests[i].name) % n == m - 1, &kept);
	p->ntests = kept;
}

void
plan_keep(struct plan *p, const bool *stays)
{
	size_t	kept = 0;

	for (size_t i = 0; i < p->ntests; i++)
		keep(p, i, stays[i], &kept);
	p->ntests = kept;
}
