/* A test's keys; see suite_test.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/outcome.h"
#include "common/spec.h"
#include "common/xalloc.h"
#include "ctl/suite_expect.h"
#include "ctl/suite_keys.h"
#include "ctl/suite_run.h"
#include "ctl/suite_value.h"

#define TAGS_MAX	256

static int
read_name(struct suite_reading *rd, const struct suite_node *n)
{
	const char	*name;
	int		 r;

	r = suite_word(rd->src, "name", n, &name);
	if (r < 0)
		return r;
	if (n->len > SPEC_NAME_MAX)
		return suite_fail_at(rd->src, n, "a name has at most %d bytes, this one %zu",
		    SPEC_NAME_MAX, n->len);
	rd->t->name = xstrndup(name, n->len);
	return 0;
}

static int
read_description(struct suite_reading *rd, const struct suite_node *n)
{
	const char	*text;
	int		 r;

	r = suite_text(rd->src, "description", n, &text);
	if (r == 0)
		rd->t->description = xstrdup(text);
	return r;
}

static int
read_tags(struct suite_reading *rd, const struct suite_node *n)
{
	return suite_words(rd->src, "tags", n, TAGS_MAX, &rd->t->tags);
}

/* Words that other readers of YAML take for true or false: one meant as a reason
 * would surprise as much as one meant as a truth. */
static bool
is_doubtful(const char *text)
{
	static const char *const words[] = { "yes", "no", "on", "off", "y", "n", "true", "false",
	    "null", "~" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasecmp(words[i], text) == 0)
			return true;
	}
	return false;
}

static int
read_skip(struct suite_reading *rd, const struct suite_node *n)
{
	const char	*reason = "skipped by its suite";
	bool		 skip;
	char		 buf[SUITE_QUOTE];
	int		 r;

	if (suite_is_bool(n, &skip)) {
		if (skip)
			rd->t->skip = xstrdup(reason);
		return 0;
	}
	if (n->kind == SUITE_PLAIN && is_doubtful(n->text))
		return suite_fail_at(rd->src, n, "'skip' is %s: write true, false, or a reason in "
		    "quotes", suite_quote(n, buf));
	r = suite_word(rd->src, "skip", n, &reason);
	if (r == 0)
		rd->t->skip = xstrdup(reason);
	return r;
}

static int
read_timeout(struct suite_reading *rd, const struct suite_node *n)
{
	rd->t->has_timeout = true;
	return suite_duration(rd->src, "timeout", n, rd->millis, &rd->t->timeout_ms);
}

static int
read_grace(struct suite_reading *rd, const struct suite_node *n)
{
	rd->t->has_grace = true;
	return suite_duration(rd->src, "grace", n, rd->millis, &rd->t->grace_ms);
}

static int
read_slots(struct suite_reading *rd, const struct suite_node *n)
{
	struct suite_wants *wants = &rd->in->wants;
	struct strs	*slots = &rd->t->slots;
	uint64_t	 count;
	int		 r;

	r = suite_map(rd->src, "slots", n);
	for (const struct suite_node *v = n->first; r == 0 && v != NULL; v = v->next) {
		r = suite_count(rd->src, v->key->text, v, 1, UINT32_MAX, &count);
		if (r < 0 || slots->n > SPEC_RESOURCES_MAX)
			break;
		strs_addf(slots, "%s=%" PRIu64, v->key->text, count);
		if (rd->in->checked)
			continue;
		if (wants->n == wants->cap) {
			wants->cap = wants->cap > 0 ? wants->cap * 2 : 16;
			wants->v = xreallocarray(wants->v, wants->cap, sizeof(*wants->v));
		}
		wants->v[wants->n++] = (struct suite_want){
			.slot = slots->v[slots->n - 1], .line = v->key->line,
			.column = v->key->column,
		};
	}
	return r;
}

const char *const suite_resources_keys[] = { "lock", "slots", NULL };

static int
read_resources(struct suite_reading *rd, const struct suite_node *n)
{
	static const char *const planned[] = { "share", NULL };
	int	key, r;

	r = suite_map(rd->src, "resources", n);
	for (const struct suite_node *v = n->first; r == 0 && v != NULL; v = v->next) {
		key = suite_key(rd->src, v->key, suite_resources_keys, planned);
		if (key < 0)
			return key;
		if (key == 0)
			r = suite_words(rd->src, "lock", v, SPEC_RESOURCES_MAX, &rd->t->locks);
		else
			r = read_slots(rd, v);
	}
	if (r == 0 && rd->t->locks.n + rd->t->slots.n > SPEC_RESOURCES_MAX)
		r = suite_fail_at(rd->src, n, "'resources' has more than %d names",
		    SPEC_RESOURCES_MAX);
	return r;
}

static int
read_serial(struct suite_reading *rd, const struct suite_node *n)
{
	return suite_bool(rd->src, "serial", n, &rd->t->serial);
}

static int
read_weight(struct suite_reading *rd, const struct suite_node *n)
{
	return suite_count(rd->src, "weight", n, 1, SPEC_WEIGHT_MAX, &rd->t->weight);
}

static int
read_format(struct suite_reading *rd, const struct suite_node *n)
{
	/* In the order of enum test_format. */
	static const char *const words[] = { "exit", "tap", NULL };

	return suite_choice(rd->src, "format", n, words, &rd->t->format);
}

static int
read_output_limit(struct suite_reading *rd, const struct suite_node *n)
{
	return suite_size(rd->src, "output_limit", n, SPEC_OUTPUT_MAX, &rd->t->output_limit);
}

static int
read_expect(struct suite_reading *rd, const struct suite_node *n)
{
	return suite_expect(rd->src, n, &rd->t->expect);
}

static int
read_assertions(struct suite_reading *rd, const struct suite_node *n)
{
	return suite_assertions(rd->src, n, &rd->t->expect);
}

#define TEST_KEYS(X)							\
	X(name, SUITE_NAME, read_name)					\
	X(description, SUITE_DESCRIPTION, read_description)		\
	X(tags, SUITE_TAGS, read_tags)					\
	X(skip, SUITE_SKIP, read_skip)					\
	X(run, SUITE_COMMAND, suite_run_run)				\
	X(command, SUITE_COMMAND, suite_run_command)			\
	X(argv, SUITE_COMMAND, suite_run_argv)				\
	X(stdin, SUITE_STDIN, suite_run_stdin)				\
	X(cwd, SUITE_CWD, suite_run_cwd)				\
	X(env, SUITE_ENV, suite_run_env)				\
	X(expect, SUITE_EXPECT, read_expect)				\
	X(assertions, SUITE_EXPECT, read_assertions)			\
	X(timeout, SUITE_TIMEOUT, read_timeout)				\
	X(grace, SUITE_GRACE, read_grace)				\
	X(retry, SUITE_RETRY, suite_run_retry)			\
	X(setup, SUITE_SETUP, suite_run_setup)				\
	X(teardown, SUITE_TEARDOWN, suite_run_teardown)			\
	X(resources, SUITE_RESOURCES, read_resources)			\
	X(serial, SUITE_SERIAL, read_serial)				\
	X(weight, SUITE_WEIGHT, read_weight)				\
	X(format, SUITE_FORMAT, read_format)				\
	X(output_limit, SUITE_OUTPUT_LIMIT, read_output_limit)		\
	X(limits, SUITE_LIMITS, suite_run_limits)			\
	X(recording, SUITE_RECORDING, suite_run_recording)

const char *const suite_test_keys[] = {
#define X(name, part, read)	#name,
	TEST_KEYS(X)
#undef X
	NULL
};

const char *const suite_test_planned[] = {
	"id", "xfail", "sessions", "steps", "data", "fixtures", "terminal", "needs", "artifacts",
	"import", NULL
};

static const struct test_key {
	enum suite_part	part;
	int		(*read)(struct suite_reading *, const struct suite_node *);
} test_keys[] = {
#define X(name, part, read)	{ part, read },
	TEST_KEYS(X)
#undef X
};

/* What every test says for itself, so that a default makes no sense. */
#define PERSONAL	(SUITE_BIT(SUITE_NAME) | SUITE_BIT(SUITE_COMMAND) | \
			 SUITE_BIT(SUITE_RECORDING))
static int
read_key(struct suite_reading *rd, int key, const struct suite_node *v)
{
	uint32_t	bit = SUITE_BIT(test_keys[key].part);
	int		r = test_keys[key].read(rd, v);

	rd->set |= bit;
	return r;
}

static int
test_key(const struct suite_source *src, const struct suite_node *key)
{
	if (strcmp(key->text, "isolation") == 0)
		return suite_fail_at(src, key, "'isolation' is of all tests of a suite: write it "
		    "beside 'tests'");
	return suite_key(src, key, suite_test_keys, suite_test_planned);
}

static int
check_complete(const struct suite_reading *rd, const struct suite_node *n)
{
	const struct suite_node *recording;

	if (rd->t->name == NULL)
		return suite_fail_at(rd->src, n, "this test has no 'name'");
	if (rd->t->argv.n > 0)
		return 0;
	recording = suite_node_get(n, "recording");
	if (recording != NULL)
		return suite_fail_at(rd->src, recording->key, "'recording' without 'command' or "
		    "'argv' is not supported yet");
	return suite_fail_at(rd->src, n, "test '%.60s' has nothing to run: write 'run'",
	    rd->t->name);
}

int
suite_test_read(struct suite_tests *in, const struct suite_node *n, struct plan_test *t,
    uint32_t *ret_set)
{
	struct suite_reading	rd = { .in = in, .src = in->src, .t = t, .millis = in->src->json };
	int			key, r;

	if (n->kind != SUITE_MAP)
		return suite_fail_at(rd.src, n, "a test is a mapping with 'name' and 'run'");
	/* The original's form counts in milliseconds, also when it is YAML. */
	rd.millis = rd.millis || suite_node_get(n, "command") != NULL ||
	    suite_node_get(n, "argv") != NULL || suite_node_get(n, "assertions") != NULL;
	for (const struct suite_node *v = n->first; v != NULL; v = v->next) {
		key = test_key(rd.src, v->key);
		if (key < 0)
			return key;
		r = read_key(&rd, key, v);
		if (r < 0)
			return r;
	}
	*ret_set = rd.set;
	return check_complete(&rd, n);
}

int
suite_test_defaults(struct suite_tests *in, const struct suite_node *n, struct plan_test *t,
    uint32_t *set)
{
	struct suite_reading	rd = { .in = in, .src = in->src, .t = t, .millis = in->src->json };
	enum suite_part		part;
	int			key, r;

	for (const struct suite_node *v = n->first; v != NULL; v = v->next) {
		key = test_key(rd.src, v->key);
		if (key < 0)
			return key;
		part = test_keys[key].part;
		if ((PERSONAL & SUITE_BIT(part)) != 0)
			return suite_fail_at(rd.src, v->key, "'%s' has no default: write it at "
			    "each test", v->key->text);
		if ((*set & SUITE_BIT(part)) != 0 && part != SUITE_ENV &&
		    part != SUITE_RETRY && part != SUITE_LIMITS)
			continue;
		r = read_key(&rd, key, v);
		if (r < 0)
			return r;
	}
	*set |= rd.set;
	return 0;
}
