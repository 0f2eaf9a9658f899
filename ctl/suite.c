/*
 * A whole suite: its own keys, what they add to every test, and the checks that
 * need all of it.  Everything is made in a plan of its own first, so that an
 * error leaves the caller's as it was.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/spec.h"
#include "common/suggest.h"
#include "common/xalloc.h"
#include "ctl/retry_preset.h"
#include "ctl/suite.h"
#include "ctl/suite_isolation.h"
#include "ctl/suite_keys.h"
#include "ctl/suite_names.h"
#include "ctl/suite_retry.h"
#include "ctl/suite_test.h"
#include "ctl/suite_value.h"

#define TEST_MAX_BYTES	((size_t)1000 * 1000)	/* what TEST_ADD has room for */
#define JOBS_MAX	100000
#define ALL_KEYS_MAX	64

const char *const suite_top_keys[] = {
	"paratest", "name", "description", "tags", "env", "defaults", "resources", "config",
	"retry_budget", "isolation", "tests", NULL
};
enum suite_top { TOP_PARATEST, TOP_NAME, TOP_DESCRIPTION, TOP_TAGS, TOP_ENV, TOP_DEFAULTS,
	TOP_RESOURCES, TOP_CONFIG, TOP_RETRY_BUDGET, TOP_ISOLATION, TOP_TESTS };
static const char *const suite_planned[] = {
	"vars", "secrets", "scrub", "terminal", "setup", "teardown", "before_each", "after_each",
	"import", NULL
};

struct loader {
	struct suite_source src;
	struct suite_tests tests;
	struct suite_pool pool;
	struct suite_node *top;		/* the map of keys; `tests` is a mere mark */
	bool		 has_tests;	/* the list was there, maybe empty */
	const struct plan *into;	/* not changed before the end */
	struct plan	 plan;		/* what this file adds */
	uint32_t	*sets;		/* what each test says itself */
	size_t		 sets_cap;
	struct suite_names names;
	struct strs	 tags;		/* the suite's own */
	const struct suite_node *env, *defaults, *config, *isolation;
};

/* ---- the tests ---- */

static int
add_name(struct loader *l, const struct plan_test *t, const struct suite_node *at)
{
	const struct plan_test *other;
	const struct suite_node *name = suite_node_get(at, "name");
	size_t		 old;

	if (suite_names_add(&l->names, t->name, l->into->ntests + l->plan.ntests - 1, &old))
		return 0;
	other = old < l->into->ntests ? &l->into->tests[old] :
	    &l->plan.tests[old - l->into->ntests];
	return suite_fail_at(&l->src, name, "a second test '%.100s': the first is at %s", t->name,
	    other->source != NULL ? other->source : "no file");
}

static int
on_test(void *state, struct suite_node *n)
{
	struct loader	*l = state;
	struct plan_test *t = plan_add(&l->plan);
	uint32_t	 set = 0;
	int		 r;

	if (l->plan.ntests > l->sets_cap) {
		l->sets_cap = l->sets_cap > 0 ? l->sets_cap * 2 : 64;
		l->sets = xreallocarray(l->sets, l->sets_cap, sizeof(*l->sets));
	}
	l->has_tests = true;
	t->source = xasprintf("%s:%" PRIu32, l->src.file, n->line);
	r = suite_test_read(&l->tests, n, t, &set);
	l->sets[l->plan.ntests - 1] = set;
	return r < 0 ? r : add_name(l, t, n);
}

static bool
listed(const char *const *words, const char *word)
{
	for (; *words != NULL; words++) {
		if (strcmp(*words, word) == 0)
			return true;
	}
	return false;
}

/* A key that nothing knows is refused at once; which of the others may be here
 * is known when it is seen whether there is a list of tests. */
static int
on_key(void *state, struct suite_node *key, struct suite_node *value)
{
	struct loader	*l = state;

	if (!listed(suite_top_keys, key->text) && !listed(suite_planned, key->text) &&
	    !listed(suite_test_keys, key->text) && !listed(suite_test_planned, key->text))
		return suite_key(&l->src, key, suite_top_keys, suite_planned);
	if (value == NULL) {
		l->has_tests = true;
		value = suite_pool_node(&l->pool, SUITE_LIST, key->line, key->column);
	}
	value->key = key;
	return suite_node_add(&l->src, l->top, value);
}

/* ---- the suite's own keys ---- */

const char *const suite_config_keys[] = {
	"timeout", "retry", "parallel", "max_workers", "maxWorkers", "bail", "verbose", NULL
};

static int
read_config(struct loader *l, const struct suite_node *n)
{
	static const char *const planned[] = { NULL };
	uint64_t	jobs = 0;
	bool		parallel = true, flag = false;
	int		key, r;

	r = suite_map(&l->src, "config", n);
	for (const struct suite_node *v = n->first; r == 0 && v != NULL; v = v->next) {
		key = suite_key(&l->src, v->key, suite_config_keys, planned);
		if (key < 0)
			return key;
		if (key == 2)
			r = suite_bool(&l->src, "parallel", v, &parallel);
		else if (key == 3 || key == 4)
			r = suite_count(&l->src, suite_config_keys[key], v, 1, JOBS_MAX, &jobs);
		else if (key == 5)
			r = suite_bool(&l->src, "bail", v, &flag);
		if (r == 0 && key == 5 && flag)
			l->plan.max_fail = 1;
	}
	l->plan.jobs = parallel ? jobs : 1;
	l->config = n;
	return r;
}

static int
read_counts(struct loader *l, const struct suite_node *n)
{
	uint64_t	count;
	int		r;

	r = suite_map(&l->src, "resources", n);
	for (const struct suite_node *v = n->first; r == 0 && v != NULL; v = v->next) {
		if (*v->key->text == '\0')
			return suite_fail_at(&l->src, v->key, "a resource needs a name");
		r = suite_count(&l->src, v->key->text, v, 1, UINT32_MAX, &count);
		if (r == 0)
			strs_addf(&l->plan.slots, "%s=%" PRIu64, v->key->text, count);
	}
	return r;
}

static int
read_version(struct loader *l, const struct suite_node *v)
{
	char	buf[SUITE_QUOTE];

	if (v->kind == SUITE_PLAIN && strcmp(v->text, "1") == 0)
		return 0;
	return suite_fail_at(&l->src, v, "'paratest' is %s: this program reads version 1",
	    suite_quote(v, buf));
}

static int
read_top_key(struct loader *l, enum suite_top key, const struct suite_node *v)
{
	const char	*text;
	int		 r;

	switch (key) {
	case TOP_PARATEST:
		return read_version(l, v);
	case TOP_NAME:
		r = suite_word(&l->src, "name", v, &text);
		if (r == 0 && v->len > SPEC_NAME_MAX)
			r = suite_fail_at(&l->src, v, "a name has at most %d bytes, this one %zu",
			    SPEC_NAME_MAX, v->len);
		if (r == 0)
			l->plan.name = xstrdup(text);
		return r;
	case TOP_DESCRIPTION:
		return suite_text(&l->src, "description", v, &text);
	case TOP_TAGS:
		return suite_words(&l->src, "tags", v, ALL_KEYS_MAX, &l->tags);
	case TOP_ENV:
		l->env = v;
		return suite_map(&l->src, "env", v);
	case TOP_DEFAULTS:
		l->defaults = v;
		return suite_map(&l->src, "defaults", v);
	case TOP_RESOURCES:
		return read_counts(l, v);
	case TOP_CONFIG:
		return read_config(l, v);
	case TOP_RETRY_BUDGET:
		return suite_retry_budget(&l->src, v, &l->plan);
	case TOP_ISOLATION:
		l->isolation = v;
		return suite_isolation(&l->src, v, &l->plan.isolation);
	case TOP_TESTS:
		break;
	}
	if (v->kind != SUITE_LIST)
		return suite_fail_at(&l->src, v, "'tests' must be a list of tests");
	return 0;
}

static int
read_top(struct loader *l)
{
	int	key, r = 0;

	for (const struct suite_node *v = l->top->first; r == 0 && v != NULL; v = v->next) {
		if (!listed(suite_top_keys, v->key->text) && listed(suite_test_keys, v->key->text) &&
		    !listed(suite_planned, v->key->text))
			return suite_fail_at(&l->src, v->key, "'%s' belongs to a test, below "
			    "'tests', or into 'defaults'", v->key->text);
		key = suite_key(&l->src, v->key, suite_top_keys, suite_planned);
		r = key < 0 ? key : read_top_key(l, (enum suite_top)key, v);
	}
	return r;
}

/* ---- what needs all of the suite ---- */

static char *
file_stem(const char *file)
{
	const char	*base = strrchr(file, '/'), *dot;

	base = base != NULL ? base + 1 : file;
	dot = strrchr(base, '.');
	return xstrndup(base, dot != NULL && dot != base ? (size_t)(dot - base) : strlen(base));
}

/* Only timeout and retry of a config are defaults. */
static struct suite_node *
config_defaults(struct loader *l)
{
	struct suite_node	*map = suite_pool_node(&l->pool, SUITE_MAP, 1, 1), *copy;

	for (const struct suite_node *v = l->config != NULL ? l->config->first : NULL; v != NULL;
	    v = v->next) {
		if (strcmp(v->key->text, "timeout") != 0 && strcmp(v->key->text, "retry") != 0)
			continue;
		copy = suite_pool_node(&l->pool, v->kind, v->line, v->column);
		*copy = *v;
		copy->next = NULL;
		(void)suite_node_add(&l->src, map, copy);
	}
	return map;
}

static size_t
bytes_of(const struct strs *s)
{
	size_t	n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += strlen(s->v[i]) + 5;
	return n;
}

static int
check_size(const struct loader *l, const struct plan_test *t)
{
	size_t	n = t->stdin_len + strlen(t->name) + strlen(t->cwd) + strlen(t->source);

	n += bytes_of(&t->argv) + bytes_of(&t->env) + bytes_of(&t->tags) +
	    bytes_of(&t->setup.argv) + bytes_of(&t->teardown.argv) + bytes_of(&t->expect) +
	    bytes_of(&t->locks) + bytes_of(&t->slots) + bytes_of(&t->retry.on) +
	    bytes_of(&t->retry.never);
	if (n > TEST_MAX_BYTES)
		return suite_fail(&l->src, 0, 0, "test '%.100s' is larger than %zu bytes: keep "
		    "what it reads and expects in files", t->name, TEST_MAX_BYTES);
	return 0;
}

static int
finish_test(struct loader *l, const struct suite_node *config, struct plan_test *t,
    uint32_t *set, const char *suite)
{
	int	r = 0;

	t->own_timeout = t->has_timeout;
	if (l->defaults != NULL)
		r = suite_test_defaults(&l->tests, l->defaults, t, set);
	if (r == 0)
		r = suite_test_defaults(&l->tests, config, t, set);
	if (r == 0 && l->env != NULL)
		r = suite_test_env(&l->src, l->env, &t->env);
	if (r < 0)
		return r;
	if (t->retry.has & PLAN_RETRY_ORIGINAL)
		retry_preset_original(&t->retry);
	strs_addall(&t->tags, &l->tags);
	if (t->cwd == NULL)
		t->cwd = xstrdup(l->tests.dir);
	t->suite = xstrdup(suite);
	return check_size(l, t);
}

static int
check_want(const struct loader *l, const struct suite_want *w)
{
	struct sv	name, have;
	uint32_t	count, there;

	if (spec_slot(sv_from(w->slot), &name, &count) < 0)
		return suite_fail(&l->src, w->line, w->column, "a slot needs a name");
	for (size_t i = 0; i < l->plan.slots.n; i++) {
		if (spec_slot(sv_from(l->plan.slots.v[i]), &have, &there) < 0 ||
		    !sv_eq(name, have))
			continue;
		if (count <= there)
			return 0;
		return suite_fail(&l->src, w->line, w->column, "%" PRIu32 " of slot '%.*s' are "
		    "asked for and 'resources' of the suite has %" PRIu32, count,
		    (int)name.n, name.p, there);
	}
	return suite_fail(&l->src, w->line, w->column, "slot '%.*s' is not declared: add "
	    "'resources: {%.*s: COUNT}' to the suite", name.n > 60 ? 60 : (int)name.n, name.p,
	    name.n > 60 ? 60 : (int)name.n, name.p);
}

/* Reads the defaults once for their errors, then gives them to every test. */
static int
finish(struct loader *l)
{
	struct suite_node *config = config_defaults(l);
	struct plan_test trial = { .weight = 1 };
	char		*suite;
	uint32_t	 set = 0;
	int		 r = 0;

	suite = l->plan.name != NULL ? xstrdup(l->plan.name) : file_stem(l->src.file);
	if (l->defaults != NULL)
		r = suite_test_defaults(&l->tests, l->defaults, &trial, &set);
	set = 0;
	if (r == 0)
		r = suite_test_defaults(&l->tests, config, &trial, &set);
	l->tests.checked = true;
	for (size_t i = 0; r == 0 && i < l->tests.wants.n; i++)
		r = check_want(l, &l->tests.wants.v[i]);
	for (size_t i = 0; r == 0 && i < l->plan.ntests; i++)
		r = finish_test(l, config, &l->plan.tests[i], &l->sets[i], suite);
	plan_test_free(&trial);
	free(suite);
	return r;
}

/* A suite, or else one test on its own. */
static int
interpret(struct loader *l)
{
	static const char *const commands[] = { "run", "command", "argv", "assertions",
	    "recording" };
	int	r;

	for (size_t i = 0; !l->has_tests && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (suite_node_get(l->top, "tests") == NULL &&
		    suite_node_get(l->top, commands[i]) != NULL) {
			r = on_test(l, l->top);
			return r < 0 ? r : finish(l);
		}
	}
	r = read_top(l);
	if (r < 0)
		return r;
	if (l->plan.ntests == 0)
		return suite_fail(&l->src, 0, 0, "there are no tests: write them as a list below "
		    "'tests'");
	return finish(l);
}

/* ---- into the caller's plan ---- */

static int
check_slots(const struct loader *l, const struct plan *p)
{
	struct sv	a, b;
	uint32_t	na, nb;

	for (size_t i = 0; i < l->plan.slots.n; i++) {
		for (size_t k = 0; k < p->slots.n; k++) {
			if (spec_slot(sv_from(l->plan.slots.v[i]), &a, &na) == 0 &&
			    spec_slot(sv_from(p->slots.v[k]), &b, &nb) == 0 &&
			    sv_eq(a, b) && na != nb)
				return suite_fail(&l->src, 0, 0, "resource '%.*s' is %" PRIu32
				    " here and %" PRIu32 " in an earlier suite",
				    (int)a.n, a.p, na, nb);
		}
	}
	return 0;
}

static int
check_budgets(const struct loader *l, const struct plan *p)
{
	const struct strs	*b = &l->plan.budgets;
	const char		*other;

	for (size_t i = 0; i < b->n; i += 2) {
		other = plan_budget(p, b->v[i]);
		if (other != NULL && strcmp(other, b->v[i + 1]) != 0)
			return suite_fail(&l->src, 0, 0, "'retry_budget' of %s%.100s is %s here and "
			    "%s in an earlier suite", *b->v[i] != '\0' ? "tag " : "the run", b->v[i],
			    b->v[i + 1], other);
	}
	return 0;
}

/* The highest level serves all, and only one network. */
static int
check_isolation(const struct loader *l, const struct plan *p)
{
	struct isolation_want	both = p->isolation;

	if (l->isolation == NULL || isolation_join(&both, &l->plan.isolation) == 0)
		return 0;
	return suite_fail_at(&l->src, l->isolation, "'isolation' asks for network %s here, and for "
	    "%s in an earlier suite: run them one by one, or give --isolation",
	    isolation_network_name(l->plan.isolation.network),
	    isolation_network_name(p->isolation.network));
}

static uint64_t
smaller(uint64_t a, uint64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

static void
move_slots(struct strs *to, const struct strs *from)
{
	for (size_t i = 0; i < from->n; i++) {
		size_t	k = 0;

		while (k < to->n && strcmp(to->v[k], from->v[i]) != 0)
			k++;
		if (k == to->n)
			strs_add(to, from->v[i]);
	}
}

/* Two suites in one plan: the smaller limit holds for both. */
static void
merge(struct plan *p, struct plan *from)
{
	if (p->name == NULL && from->name != NULL)
		p->name = xstrdup(from->name);
	p->jobs = smaller(p->jobs, from->jobs);
	p->max_fail = smaller(p->max_fail, from->max_fail);
	(void)isolation_join(&p->isolation, &from->isolation);	/* checked */
	move_slots(&p->slots, &from->slots);
	for (size_t i = 0; i < from->budgets.n; i += 2)
		plan_budget_set(p, from->budgets.v[i], from->budgets.v[i + 1]);
	if (p->ntests == 0) {
		free(p->tests);
		p->tests = from->tests;
		p->ntests = from->ntests;
		p->cap = from->cap;
	} else {
		for (size_t i = 0; i < from->ntests; i++)
			*plan_add(p) = from->tests[i];
		free(from->tests);
	}
	from->tests = NULL;
	from->ntests = from->cap = 0;
}

static bool
is_json(const char *file, const char *text, size_t len)
{
	size_t	n = strlen(file), i = 0;

	if (n >= 5 && strcmp(file + n - 5, ".json") == 0)
		return true;
	while (i < len && (text[i] == ' ' || text[i] == '\t' || text[i] == '\r' ||
	    text[i] == '\n'))
		i++;
	return i < len && (text[i] == '{' || text[i] == '[');
}

int
suite_parse(struct plan *p, const char *file, const char *dir, const char *text, size_t len,
    struct suite_error *error)
{
	static const char bom[] = "\xef\xbb\xbf";
	struct loader	 l = { .into = p };
	size_t		 old;
	int		 r;

	if (len >= 3 && memcmp(text, bom, 3) == 0) {
		text += 3;
		len -= 3;
	}
	l.src = (struct suite_source){
		.file = file, .text = text, .len = len, .json = is_json(file, text, len),
		.error = error, .pool = &l.pool, .on_key = on_key, .on_test = on_test, .state = &l,
	};
	l.tests = (struct suite_tests){ .src = &l.src, .dir = dir };
	l.top = suite_pool_node(&l.pool, SUITE_MAP, 1, 1);
	for (size_t i = 0; i < p->ntests; i++)
		(void)suite_names_add(&l.names, p->tests[i].name, i, &old);
	r = l.src.json ? suite_json_read(&l.src) : suite_yaml_read(&l.src);
	if (r == 0)
		r = interpret(&l);
	if (r == 0)
		r = check_slots(&l, p);
	if (r == 0)
		r = check_budgets(&l, p);
	if (r == 0)
		r = check_isolation(&l, p);
	if (r == 0)
		merge(p, &l.plan);
	plan_free(&l.plan);
	strs_free(&l.tags);
	free(l.tests.wants.v);
	free(l.sets);
	suite_names_free(&l.names);
	suite_pool_free(&l.pool);
	return r;
}
