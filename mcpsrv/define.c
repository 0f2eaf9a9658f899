/* Definitions into a plan; see define.h. */
#define PCRE2_CODE_UNIT_WIDTH	8
#include <errno.h>
#include <inttypes.h>
#include <pcre2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/spec.h"
#include "common/xalloc.h"
#include "mcp/schema.h"
#include "mcpsrv/define.h"
#include "mcpsrv/schemas.h"

__attribute__((format(printf, 2, 3)))
static int
fail(char *why, const char *fmt, ...)
{
	va_list	ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, DEFINE_WHY, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static const char *
text_of(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

/* ---- commands ---- */

static void
add_words(struct strs *to, const json_t *list)
{
	size_t	 i;
	json_t	*v;

	json_array_foreach(list, i, v)
		strs_add(to, json_string_value(v));
}

/* command or argv into words; neither leaves them empty. */
static int
read_command(const json_t *o, const char *place, struct strs *argv, char *why)
{
	const char	*line = text_of(o, "command");
	const json_t	*words = json_object_get(o, "argv");

	if (line != NULL && words != NULL)
		return fail(why, "%s has command and argv: keep one of them (argv runs without a "
		    "shell)",
		    place);
	if (line != NULL) {
		strs_add(argv, "/bin/sh");
		strs_add(argv, "-c");
		strs_add(argv, line);
	}
	add_words(argv, words);
	if (argv->n > 0 && argv->v[0][0] == '\0')
		return fail(why, "%s.argv[0] is empty: name a program", place);
	return 0;
}

static int
read_hook(const json_t *test, const char *key, const char *place, struct plan_hook *h, char *why)
{
	const json_t	*o = json_object_get(test, key);
	char		 at[160];
	int		 r;

	if (o == NULL)
		return 0;
	(void)snprintf(at, sizeof at, "%.100s.%s", place, key);
	r = read_command(o, at, &h->argv, why);
	if (r == 0 && h->argv.n == 0)
		r = fail(why, "%s has neither command nor argv: say what to run", at);
	h->timeout_ms = (uint64_t)json_integer_value(json_object_get(o, "timeout"));
	return r;
}

/* ---- assertions ---- */

/* "/pattern/flags" as the worker takes it. */
static char *
pattern_of(const char *text)
{
	const char	*end = strrchr(text, '/');

	if (text[0] == '/' && end > text && end[1 + strspn(end + 1, "imsx")] == '\0')
		return xstrdup(text);
	return xasprintf("/%s/", text);
}

/* A mistake in it shows here, and not when its test has run. */
static int
check_pattern(const char *pattern, const char *place, char *why)
{
	unsigned char	 text[128] = "";
	int		 code;
	size_t		 at, n = (size_t)(strrchr(pattern, '/') - pattern) - 1;
	pcre2_code	*re = pcre2_compile((PCRE2_SPTR)pattern + 1, n, 0, &code, &at, NULL);

	if (re == NULL) {
		(void)pcre2_get_error_message(code, text, sizeof text);
		return fail(why, "%s.expected is no regular expression: %s at character %zu; use "
		    "output_contains for plain text", place, (const char *)text, at);
	}
	pcre2_code_free(re);
	return 0;
}

static int
wrong_expected(const char *place, const char *type, const char *wanted, char *why)
{
	return fail(why, "%s.expected does not fit the type %s: give %s", place, type, wanted);
}

static int
read_assertion(const json_t *a, const char *place, struct strs *expect, char *why)
{
	const char	*type = text_of(a, "type"), *message = text_of(a, "message");
	const json_t	*v = json_object_get(a, "expected");
	char		*expected = NULL;
	int		 r = 0;

	if (strcmp(type, "exit_code") == 0) {
		if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > 255)
			return wrong_expected(place, type, "an integer from 0 to 255", why);
		expected = xasprintf("%" JSON_INTEGER_FORMAT, json_integer_value(v));
	} else if (strcmp(type, "no_errors") == 0) {
		if (v != NULL && !json_is_true(v))
			return wrong_expected(place, type, "true, or leave it out", why);
		expected = xstrdup("");
	} else {
		if (!json_is_string(v))
			return wrong_expected(place, type, "a text", why);
		if (json_string_length(v) == 0 && strcmp(type, "stdout_equals") != 0)
			return wrong_expected(place, type, "a text that is not empty: every output "
			    "contains the empty one", why);
		if (strcmp(type, "output_matches") == 0) {
			expected = pattern_of(json_string_value(v));
			r = check_pattern(expected, place, why);
		} else {
			expected = xstrdup(json_string_value(v));
		}
	}
	strs_add(expect, type);
	strs_add(expect, strcmp(type, "stdout_equals") == 0 ? "stdout" : "");
	strs_add(expect, expected);
	strs_add(expect, message != NULL ? message : "");
	free(expected);
	return r;
}

/* ---- a definition ---- */

static void
set_env(struct strs *env, const char *key, const char *value)
{
	size_t	 n = strlen(key);
	char	*s = xasprintf("%s=%s", key, value);

	for (size_t i = 0; i < env->n; i++) {
		if (strncmp(env->v[i], key, n) == 0 && env->v[i][n] == '=') {
			free(env->v[i]);
			env->v[i] = s;
			return;
		}
	}
	strs_add(env, s);
	free(s);
}

static int
read_env(const json_t *o, const char *place, struct strs *env, char *why)
{
	const char	*key;
	json_t		*v;

	json_object_foreach((json_t *)(uintptr_t)o, key, v) {
		if (*key == '\0' || strchr(key, '=') != NULL)
			return fail(why, "%s.env has the name '%.100s': a name is not empty and "
			    "has no =",
			    place, key);
		set_env(env, key, json_string_value(v));
	}
	return 0;
}

static int
read_lists(const json_t *o, const char *place, struct plan_test *t, char *why)
{
	const json_t	*list = json_object_get(o, "assertions");
	char		 at[160];
	size_t		 i;
	json_t		*v;
	int		 r = 0;

	json_array_foreach(list, i, v) {
		(void)snprintf(at, sizeof at, "%.100s.assertions[%zu]", place, i);
		r = read_assertion(v, at, &t->expect, why);
		if (r != 0)
			return r;
	}
	add_words(&t->tags, json_object_get(o, "tags"));
	add_words(&t->locks, json_object_get(o, "resources"));
	return read_env(json_object_get(o, "env"), place, &t->env, why);
}

static void
read_scalars(const json_t *o, struct plan_test *t)
{
	const json_t	*v;

	if (text_of(o, "description") != NULL)
		t->description = xstrdup(text_of(o, "description"));
	if (text_of(o, "cwd") != NULL)
		t->cwd = xstrdup(text_of(o, "cwd"));
	v = json_object_get(o, "stdin");
	if (v != NULL) {
		t->stdin_len = json_string_length(v);
		t->stdin_data = xcalloc(t->stdin_len + 1, 1);
		memcpy(t->stdin_data, json_string_value(v), t->stdin_len);
	}
	v = json_object_get(o, "timeout");
	if (v != NULL) {
		t->has_timeout = t->own_timeout = true;
		t->timeout_ms = (uint64_t)json_integer_value(v);
	}
	v = json_object_get(o, "retry");
	if (v != NULL) {
		t->retry.has |= PLAN_RETRY_COUNT;
		t->retry.count = (uint64_t)json_integer_value(v);
	}
	if (json_is_true(json_object_get(o, "skip")))
		t->skip = xstrdup("its definition says so");
	t->serial = json_is_true(json_object_get(o, "exclusive"));
}

/* The schema of one definition, read once. */
static const json_t *
definition_schema(void)
{
	static json_t	*schema;

	if (schema == NULL)
		schema = json_loads(schema_run_test_parallel_input, 0, NULL);
	return json_object_get(json_object_get(json_object_get(schema, "properties"), "tests"),
	    "items");
}

int
define_add(struct plan *p, json_t *o, const char *place, char why[DEFINE_WHY])
{
	struct plan_test	*t;
	char			 what[DEFINE_WHY / 2];
	int			 r;

	if (!schema_check(definition_schema(), o, what, sizeof what))
		return fail(why, "%s: %s%s", place, what, strstr(what, "state_equals") != NULL ||
		    strstr(what, "custom") != NULL ? " (state_equals and custom of the original "
		    "check what only its own recorder and JavaScript know: check the output "
		    "instead)" : "");
	t = plan_add(p);
	t->name = xstrdup(text_of(o, "name"));
	read_scalars(o, t);
	r = read_command(o, place, &t->argv, why);
	if (r == 0)
		r = read_hook(o, "setup", place, &t->setup, why);
	if (r == 0)
		r = read_hook(o, "teardown", place, &t->teardown, why);
	return r == 0 ? read_lists(o, place, t, why) : r;
}

/* ---- what is on record ---- */

static void
take_strs(struct strs *to, const struct strs *from)
{
	if (to->n == 0)
		strs_addall(to, from);
}

static void
take_text(char **to, const char *from)
{
	if (*to == NULL && from != NULL)
		*to = xstrdup(from);
}

static void
take_hook(struct plan_hook *to, const struct plan_hook *from)
{
	if (to->argv.n > 0)
		return;
	strs_addall(&to->argv, &from->argv);
	to->timeout_ms = from->timeout_ms;
}

void
define_known(struct plan_test *t, const struct plan_test *known)
{
	struct strs	own = t->env;

	t->env = (struct strs){ NULL, 0, 0 };
	strs_addall(&t->env, &known->env);
	for (size_t i = 0; i < own.n; i++) {
		char	*eq = strchr(own.v[i], '=');

		*eq = '\0';
		set_env(&t->env, own.v[i], eq + 1);
	}
	strs_free(&own);
	take_strs(&t->argv, &known->argv);
	take_text(&t->cwd, known->cwd);
	take_text(&t->suite, known->suite);
	take_text(&t->source, known->source);
	if (t->stdin_data == NULL && known->stdin_data != NULL) {
		t->stdin_data = xmemdup(known->stdin_data, known->stdin_len + 1);
		t->stdin_len = known->stdin_len;
	}
	if (!t->has_timeout) {
		t->has_timeout = t->own_timeout = known->has_timeout;
		t->timeout_ms = known->timeout_ms;
	}
	t->has_grace = known->has_grace;
	t->grace_ms = known->grace_ms;
	take_strs(&t->tags, &known->tags);
	take_hook(&t->setup, &known->setup);
	take_hook(&t->teardown, &known->teardown);
	take_strs(&t->expect, &known->expect);
	take_strs(&t->locks, &known->locks);
	take_strs(&t->slots, &known->slots);
	t->weight = known->weight;
	t->serial |= known->serial;
	t->format = known->format;
	t->output_limit = known->output_limit;
	plan_retry_default(&t->retry, &known->retry);
	plan_limits_default(&t->limits, &known->limits);
}

struct plan_test *
define_unknown(struct plan *p, size_t from)
{
	for (size_t i = from; i < p->ntests; i++) {
		if (p->tests[i].argv.n == 0)
			return &p->tests[i];
	}
	return NULL;
}

/* ---- the end ---- */

char *
define_folder(const char *base, const char *path, const char *place, char why[DEFINE_WHY])
{
	char		*full = path[0] == '/' ? xstrdup(path) : path[0] == '\0' ? xstrdup(base) :
	    xasprintf("%s/%s", base, path);
	struct stat	 st;
	const char	*wrong = stat(full, &st) == -1 ? strerror(errno) :
	    S_ISDIR(st.st_mode) ? NULL : "it is no folder";

	if (wrong == NULL)
		return full;
	(void)fail(why, "%s: the folder %.400s cannot be used: %s; give an absolute one, or one "
	    "relative to %.200s", place, full, wrong, base);
	free(full);
	return NULL;
}

static int
by_name(const void *a, const void *b)
{
	const struct plan_test *const	*x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static int
check_names(const struct plan *p, char *why)
{
	const struct plan_test	**v = xcalloc(p->ntests + 1, sizeof *v);
	int			  r = 0;

	for (size_t i = 0; i < p->ntests; i++)
		v[i] = &p->tests[i];
	qsort(v, p->ntests, sizeof *v, by_name);
	for (size_t i = 1; i < p->ntests && r == 0; i++) {
		if (strcmp(v[i - 1]->name, v[i]->name) == 0)
			r = fail(why, "two tests of the call have the name '%.200s': give each "
			    "its own",
			    v[i]->name);
	}
	free(v);
	return r;
}

/* What the call says for all stands behind what a test says itself. */
static void
add_call_env(struct plan_test *t, const json_t *env)
{
	struct strs	own = t->env;
	const char	*key;
	json_t		*v;

	if (env == NULL)
		return;
	t->env = (struct strs){ NULL, 0, 0 };
	json_object_foreach((json_t *)(uintptr_t)env, key, v)
		set_env(&t->env, key, json_string_value(v));
	for (size_t i = 0; i < own.n; i++) {
		char	*eq = strchr(own.v[i], '=');

		*eq = '\0';
		set_env(&t->env, own.v[i], eq + 1);
	}
	strs_free(&own);
}

int
define_finish(struct plan *p, const struct define_call *call, char why[DEFINE_WHY])
{
	char		 place[300], *cwd;
	struct strs	 none = { NULL, 0, 0 };
	int		 r = check_names(p, why);

	if (r == 0)
		r = read_env(call->env, "the call", &none, why);
	strs_free(&none);
	for (size_t i = 0; i < p->ntests && r == 0; i++) {
		struct plan_test	*t = &p->tests[i];

		add_call_env(t, call->env);
		if (!t->has_timeout && call->has_timeout) {
			t->has_timeout = true;
			t->timeout_ms = call->timeout_ms;
		}
		(void)snprintf(place, sizeof place, "test '%.200s'", t->name);
		cwd = define_folder(call->cwd, t->cwd != NULL ? t->cwd : "", place, why);
		if (cwd == NULL)
			return -EINVAL;
		free(t->cwd);
		t->cwd = cwd;
	}
	return r;
}
