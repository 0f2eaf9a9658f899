/* Expectations; see suite_expect.h. */
#define PCRE2_CODE_UNIT_WIDTH	8
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <pcre2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "ctl/suite_expect.h"
#include "ctl/suite_keys.h"
#include "ctl/suite_value.h"

#define EXITS_MAX	256
#define TEXTS_MAX	1024
#define ERRORS_MAX	63	/* the worker takes 64 of a kind, one is its own */
#define PATTERN_MAX	65536	/* bytes, the worker's limit too */

const char *const suite_expect_keys[] = {
	"exit", "stdout", "stderr", "output", "no_errors", NULL
};
enum { EXPECT_EXIT, EXPECT_STDOUT, EXPECT_STDERR, EXPECT_OUTPUT, EXPECT_NO_ERRORS };
static const char *const expect_planned[] = {
	"screen", "title", "cursor", "state", "duration", "usage", "files", NULL
};

const char *const suite_match_keys[] = {
	"equals", "contains", "not_contains", "matches", "not_matches", "starts", "ends",
	"empty", NULL
};
enum match_key { MATCH_EQUALS, MATCH_CONTAINS, MATCH_NOT_CONTAINS, MATCH_MATCHES,
	MATCH_NOT_MATCHES, MATCH_STARTS, MATCH_ENDS, MATCH_EMPTY };
static const char *const match_types[] = {
	"output_equals", "output_contains", "output_not_contains", "output_matches",
	"output_not_matches", "output_starts", "output_ends", "output_empty"
};
const char *const suite_exit_keys[] = { "not", "signal", NULL };
const char *const suite_no_errors_keys[] = { "ignore", "patterns", NULL };

static const char *const match_planned[] = { "lines", "json", "schema", "snapshot", NULL };

static const char *const none_planned[] = { NULL };

static void
add(struct strs *ret, const char *type, const char *target, const char *expected,
    const char *message)
{
	strs_add(ret, type);
	strs_add(ret, target);
	strs_add(ret, expected);
	strs_add(ret, message);
}

/*
 * Compiles what the worker will compile, so that a mistake shows up here: as
 * bytes or as UTF-8, since that depends on what the test prints.
 */
static int
compile(const struct suite_source *s, const char *what, const struct suite_node *n,
    const char *pattern, size_t len, uint32_t options)
{
	static const uint32_t modes[] = {
		PCRE2_NEVER_UTF, PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C
	};
	int		 code;
	size_t		 at;
	unsigned char	 text[128] = "";
	pcre2_code	*re;

	if (len > PATTERN_MAX)
		return suite_fail_at(s, n, "'%s': a pattern has at most %d bytes", what,
		    PATTERN_MAX);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		re = pcre2_compile((PCRE2_SPTR)pattern, len, options | modes[i], &code, &at,
		    NULL);
		pcre2_code_free(re);
		if (re != NULL)
			continue;
		(void)pcre2_get_error_message(code, text, sizeof(text));
		return suite_fail_at(s, n, "'%s': the pattern /%.*s/ is wrong at character %zu: "
		    "%s", what, len > 60 ? 60 : (int)len, pattern, at, (const char *)text);
	}
	return 0;
}

/*
 * Is `text` a PCRE2 pattern as "/.../flags" (i m s x)?  1; 0: literal text;
 * -EINVAL with an error at the node when it looks like one and is wrong.
 */
static int
check_pattern(const struct suite_source *s, const char *what, const struct suite_node *n,
    const char *text)
{
	const char	*end = strrchr(text, '/');
	uint32_t	 options = 0;
	char		 buf[SUITE_QUOTE];

	if (*text != '/')
		return 0;
	if (end == text)
		return suite_fail_at(s, n, "'%s': %s has no '/' at its end: write /pattern/, or "
		    "use 'contains' for plain text", what, suite_quote(n, buf));
	for (const char *p = end + 1; *p != '\0'; p++) {
		switch (*p) {
		case 'i':
			options |= PCRE2_CASELESS;
			break;
		case 'm':
			options |= PCRE2_MULTILINE;
			break;
		case 's':
			options |= PCRE2_DOTALL;
			break;
		case 'x':
			options |= PCRE2_EXTENDED;
			break;
		default:
			return suite_fail_at(s, n, "'%s': %s has an unknown flag '%c': the flags "
			    "are i, m, s, x; use 'contains' for plain text", what,
			    suite_quote(n, buf), *p);
		}
	}
	if (compile(s, what, n, text + 1, (size_t)(end - text - 1), options) < 0)
		return -EINVAL;
	return 1;
}

static int
add_pattern(const struct suite_source *s, enum match_key key, const char *target,
    const struct suite_node *n, struct strs *ret)
{
	const char	*text, *type = match_types[key];
	int		 r;

	r = suite_word(s, suite_match_keys[key], n, &text);
	if (r == 0)
		r = check_pattern(s, suite_match_keys[key], n, text);
	if (r < 0)
		return r;
	if (r == 0)
		type = match_types[key == MATCH_MATCHES ? MATCH_CONTAINS : MATCH_NOT_CONTAINS];
	add(ret, type, target, text, "");
	return 0;
}

static int
add_text(const struct suite_source *s, enum match_key key, const char *target,
    const struct suite_node *n, struct strs *ret)
{
	const char	*text;
	int		 r;

	/* Every text contains the empty one: it can only be a mistake. */
	if (key == MATCH_EQUALS)
		r = suite_text(s, suite_match_keys[key], n, &text);
	else
		r = suite_word(s, suite_match_keys[key], n, &text);
	if (r == 0)
		add(ret, match_types[key], target, text, "");
	return r;
}

static int
add_matcher(const struct suite_source *s, enum match_key key, const char *target,
    const struct suite_node *n, struct strs *ret)
{
	bool	empty;
	int	r;

	switch (key) {
	case MATCH_MATCHES:
	case MATCH_NOT_MATCHES:
		return add_pattern(s, key, target, n, ret);
	case MATCH_EMPTY:
		r = suite_bool(s, suite_match_keys[key], n, &empty);
		if (r == 0)
			add(ret, match_types[key], target, empty ? "true" : "false", "");
		return r;
	case MATCH_EQUALS:
	case MATCH_STARTS:
	case MATCH_ENDS:
	case MATCH_CONTAINS:
	case MATCH_NOT_CONTAINS:
		break;
	}
	return add_text(s, key, target, n, ret);
}

static bool
takes_list(enum match_key key)
{
	return key == MATCH_CONTAINS || key == MATCH_NOT_CONTAINS || key == MATCH_MATCHES ||
	    key == MATCH_NOT_MATCHES;
}

/* What is expected of one stream. */
static int
read_stream(const struct suite_source *s, const char *target, const struct suite_node *n,
    struct strs *ret)
{
	int	key, r = 0;

	if (n->kind != SUITE_MAP && n->kind != SUITE_LIST)
		return add_text(s, MATCH_EQUALS, target, n, ret);
	if (n->kind == SUITE_LIST || n->count == 0)
		return suite_fail_at(s, n, "'%s' must be text, or a mapping such as "
		    "{contains: ...}", target);
	for (const struct suite_node *v = n->first; r == 0 && v != NULL; v = v->next) {
		key = suite_key(s, v->key, suite_match_keys, match_planned);
		if (key < 0)
			return key;
		if (v->kind != SUITE_LIST || !takes_list((enum match_key)key)) {
			r = add_matcher(s, (enum match_key)key, target, v, ret);
			continue;
		}
		if (v->count == 0 || v->count > TEXTS_MAX)
			return suite_fail_at(s, v, "'%s' must have 1 to %d elements",
			    suite_match_keys[key], TEXTS_MAX);
		for (const struct suite_node *c = v->first; r == 0 && c != NULL; c = c->next)
			r = add_matcher(s, (enum match_key)key, target, c, ret);
	}
	return r;
}

/* One exit code or a list of them, behind `prefix`. */
static int
exit_codes(const struct suite_source *s, const char *prefix, const struct suite_node *n,
    const char *message, struct strs *ret)
{
	const struct suite_node	*c = n->kind == SUITE_LIST ? n->first : n;
	char			 text[EXITS_MAX * 4 + 2];
	uint64_t		 code;
	size_t			 at;
	int			 r;

	if (n->kind == SUITE_LIST && (n->count == 0 || n->count > EXITS_MAX))
		return suite_fail_at(s, n, "'exit' must have 1 to %d codes", EXITS_MAX);
	at = (size_t)snprintf(text, sizeof(text), "%s", prefix);
	for (;;) {
		r = suite_count(s, "exit", c, 0, 255, &code);
		if (r < 0)
			return r;
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%" PRIu64, code);
		if (n->kind != SUITE_LIST || c->next == NULL)
			break;
		at += (size_t)snprintf(text + at, sizeof(text) - at, ",");
		c = c->next;
	}
	add(ret, "exit_code", "", text, message);
	return 0;
}

/* SEGV, SIGSEGV or 11, written as SEGV. */
static int
exit_signal(const struct suite_source *s, const struct suite_node *n, const char *message,
    struct strs *ret)
{
	const char	*text, *name, *why;
	char		 expected[32];
	int		 r, number;

	r = suite_scalar(s, "signal", n, &text);
	if (r < 0)
		return r;
	number = (int)strtonum(text, 1, 64, &why);
	if (strncmp(text, "SIG", 3) == 0)
		text += 3;
	for (int i = 1; why != NULL && i < NSIG; i++) {
		name = sigabbrev_np(i);
		if (name != NULL && strcmp(name, text) == 0) {
			number = i;
			why = NULL;
		}
	}
	if (why != NULL || sigabbrev_np(number) == NULL)
		return suite_fail_at(s, n, "unknown signal '%.30s': write a name such as SEGV, "
		    "KILL or TERM", text);
	(void)snprintf(expected, sizeof(expected), "signal:%s", sigabbrev_np(number));
	add(ret, "exit_code", "", expected, message);
	return 0;
}

static int
read_exit(const struct suite_source *s, const struct suite_node *n, const char *message,
    struct strs *ret)
{
	int	key;

	if (n->kind != SUITE_MAP)
		return exit_codes(s, "", n, message, ret);
	if (n->count != 1)
		return suite_fail_at(s, n, "'exit' must be a code, a list of codes, {not: CODE} "
		    "or {signal: NAME}");
	key = suite_key(s, n->first->key, suite_exit_keys, none_planned);
	if (key < 0)
		return key;
	if (key == 0)
		return exit_codes(s, "!", n->first, message, ret);
	return exit_signal(s, n->first, message, ret);
}

/* Literal text as a pattern: PCRE2 takes any ASCII sign behind a backslash. */
static void
add_literal(struct strs *lines, char sign, const char *text)
{
	char	*escaped = xcalloc(strlen(text) + 1, 2), *to = escaped;

	for (; *text != '\0'; text++) {
		if (ispunct((unsigned char)*text))
			*to++ = '\\';
		*to++ = *text;
	}
	strs_addf(lines, "%c/%s/", sign, escaped);
	free(escaped);
}

/* Adds the lines of `patterns` or `ignore`, each behind its sign. */
static int
error_patterns(const struct suite_source *s, const char *what, const struct suite_node *n,
    char sign, struct strs *lines)
{
	struct strs	words = { 0 };
	int		r;

	r = suite_words(s, what, n, ERRORS_MAX, &words);
	for (size_t i = 0; r == 0 && i < words.n; i++) {
		r = check_pattern(s, what, n, words.v[i]);
		if (r >= 0 && strchr(words.v[i], '\n') != NULL)
			r = suite_fail_at(s, n, "a pattern of '%s' has more than one line", what);
		if (r < 0)
			break;
		if (r == 0)
			add_literal(lines, sign, words.v[i]);
		else
			strs_addf(lines, "%c%s", sign, words.v[i]);
		r = 0;
	}
	strs_free(&words);
	return r;
}

static char *
join_lines(const struct strs *lines)
{
	size_t	 size = 1, at = 0, n;
	char	*text;

	for (size_t i = 0; i < lines->n; i++)
		size += strlen(lines->v[i]) + 1;
	text = xcalloc(1, size);
	for (size_t i = 0; i < lines->n; i++) {
		n = strlen(lines->v[i]);
		if (i > 0)
			text[at++] = '\n';
		memcpy(text + at, lines->v[i], n);
		at += n;
	}
	return text;
}

static int
read_no_errors(const struct suite_source *s, const struct suite_node *n, const char *message,
    struct strs *ret)
{
	struct strs	 lines = { 0 };
	char		*text;
	bool		 wanted = true;
	int		 key, r = 0;

	if (n->kind != SUITE_MAP)
		r = suite_bool(s, "no_errors", n, &wanted);
	for (const struct suite_node *v = n->first; r == 0 && v != NULL; v = v->next) {
		key = suite_key(s, v->key, suite_no_errors_keys, none_planned);
		r = key < 0 ? key : error_patterns(s, suite_no_errors_keys[key], v,
		    key == 0 ? '-' : '+', &lines);
	}
	if (r == 0 && wanted) {
		text = join_lines(&lines);
		add(ret, "no_errors", "", text, message);
		free(text);
	}
	strs_free(&lines);
	return r;
}

int
suite_expect(const struct suite_source *s, const struct suite_node *n, struct strs *ret)
{
	int	key, r;

	r = suite_map(s, "expect", n);
	for (const struct suite_node *v = n->first; r == 0 && v != NULL; v = v->next) {
		key = suite_key(s, v->key, suite_expect_keys, expect_planned);
		if (key < 0)
			return key;
		if (key == EXPECT_EXIT)
			r = read_exit(s, v, "", ret);
		else if (key == EXPECT_NO_ERRORS)
			r = read_no_errors(s, v, "", ret);
		else
			r = read_stream(s, suite_expect_keys[key], v, ret);
	}
	return r;
}

/* ---- the original's assertions ---- */

static const char *const assertion_types[] = {
	"exit_code", "output_contains", "output_not_contains", "output_matches",
	"stdout_equals", "no_errors", NULL
};
enum assertion_type { ASSERT_EXIT_CODE, ASSERT_CONTAINS, ASSERT_NOT_CONTAINS, ASSERT_MATCHES,
	ASSERT_STDOUT_EQUALS, ASSERT_NO_ERRORS };
static const char *const types_planned[] = { "state_equals", "custom", "snapshot", NULL };
const char *const suite_assertion_keys[] = { "type", "expected", "message", NULL };
static const char *const assertion_planned[] = {
	"actual", "operator", "target", "session", "flags", "negate", NULL
};

/* A JavaScript RegExp's source: no slashes around it, '^' and '$' at every line. */
static int
assert_matches(const struct suite_source *s, const struct suite_node *n, const char *message,
    struct strs *ret)
{
	const char	*text;
	char		*pattern;
	int		 r;

	r = suite_word(s, "expected", n, &text);
	if (r == 0)
		r = compile(s, "expected", n, text, strlen(text), PCRE2_MULTILINE);
	if (r < 0)
		return r;
	pattern = xasprintf("/%s/m", text);
	add(ret, "output_matches", "", pattern, message);
	free(pattern);
	return 0;
}

static int
add_assertion(const struct suite_source *s, enum assertion_type type, const struct suite_node *n,
    const char *message, struct strs *ret)
{
	const char	*text;
	int		 r;

	switch (type) {
	case ASSERT_EXIT_CODE:
		return read_exit(s, n, message, ret);
	case ASSERT_NO_ERRORS:
		return read_no_errors(s, n, message, ret);
	case ASSERT_MATCHES:
		return assert_matches(s, n, message, ret);
	case ASSERT_STDOUT_EQUALS:
		r = suite_text(s, "expected", n, &text);
		if (r == 0)
			add(ret, "stdout_equals", "stdout", text, message);
		return r;
	case ASSERT_CONTAINS:
	case ASSERT_NOT_CONTAINS:
		break;
	}
	r = suite_word(s, "expected", n, &text);
	if (r == 0)
		add(ret, assertion_types[type], "", text, message);
	return r;
}

static int
assertion_type(const struct suite_source *s, const struct suite_node *n)
{
	const char	*text;
	uint64_t	 type;
	int		 r;

	r = suite_word(s, "type", n, &text);
	if (r < 0)
		return r;
	for (size_t i = 0; types_planned[i] != NULL; i++) {
		if (strcmp(text, types_planned[i]) == 0)
			return suite_unsupported(s, n, text);
	}
	r = suite_choice(s, "type", n, assertion_types, &type);
	return r < 0 ? r : (int)type;
}

static int
read_assertion(const struct suite_source *s, const struct suite_node *n, struct strs *ret)
{
	const struct suite_node	*type_at, *expected, *message_at;
	const char		*message = "";
	int			 type, r;

	r = suite_map(s, "assertions", n);
	for (const struct suite_node *v = n->first; r == 0 && v != NULL; v = v->next) {
		if (suite_key(s, v->key, suite_assertion_keys, assertion_planned) < 0)
			return -EINVAL;
	}
	if (r < 0)
		return r;
	type_at = suite_node_get(n, "type");
	expected = suite_node_get(n, "expected");
	message_at = suite_node_get(n, "message");
	if (type_at == NULL)
		return suite_fail_at(s, n, "an assertion needs a 'type'");
	type = assertion_type(s, type_at);
	if (type < 0)
		return type;
	if (message_at != NULL) {
		r = suite_text(s, "message", message_at, &message);
		if (r < 0)
			return r;
	}
	if (expected == NULL && type == ASSERT_NO_ERRORS) {
		add(ret, "no_errors", "", "", message);
		return 0;
	}
	if (expected == NULL)
		return suite_fail_at(s, n, "'%s' needs 'expected'", assertion_types[type]);
	return add_assertion(s, (enum assertion_type)type, expected, message, ret);
}

int
suite_assertions(const struct suite_source *s, const struct suite_node *n, struct strs *ret)
{
	int	r = 0;

	if (n->kind != SUITE_LIST)
		return suite_fail_at(s, n, "'assertions' must be a list");
	for (const struct suite_node *c = n->first; r == 0 && c != NULL; c = c->next)
		r = read_assertion(s, c, ret);
	return r;
}
