/*
 * `retry` of a test or of defaults, in our words and in the original's, and the
 * budgets of a suite; see suite_run.h and suite_retry.h.
 */
#include <errno.h>
#include <string.h>

#include "common/outcome.h"
#include "common/spec.h"
#include "ctl/retry_preset.h"
#include "ctl/retry_rule.h"
#include "ctl/suite_keys.h"
#include "ctl/suite_retry.h"
#include "ctl/suite_run.h"
#include "ctl/suite_value.h"

#define MULTIPLIER_MAX	(1000 * 1000)	/* thousandths */
#define WHY		512

/* The original's words are the last five: they are for its own form of a test. */
const char *const suite_retry_original_keys[] = {
	"count", "backoff", "multiplier", "jitter", "max", "on", "never", "where", "preset",
	"maxRetries", "backoffMs", "backoffMultiplier", "retryOnTimeout", "retryOnErrors", NULL
};
const char *const suite_budget_keys[] = { "run", "tags", NULL };
const char *const suite_retry_keys[] = {
	"count", "backoff", "multiplier", "jitter", "max", "on", "never", "where", "preset", NULL
};
enum retry_key { KEY_COUNT, KEY_BACKOFF, KEY_MULTIPLIER, KEY_JITTER, KEY_MAX, KEY_ON, KEY_NEVER,
	KEY_WHERE, KEY_PRESET, KEY_MAX_RETRIES, KEY_BACKOFF_MS, KEY_BACKOFF_MULTIPLIER,
	KEY_ON_TIMEOUT, KEY_ON_ERRORS };

/* One mapping while it is read. */
struct retry_reading {
	const struct suite_reading	*rd;
	struct plan_retry		 retry;
	const struct suite_node		*preset, *on_timeout, *on_errors;
	bool				 timeouts;	/* value of on_timeout */
};

/* Says which member it is about; twice is an error. */
static int
state(struct retry_reading *in, const struct suite_node *v, enum plan_retry_member member)
{
	if (in->retry.has & (unsigned)member)
		return suite_fail_at(in->rd->src, v->key, "'%s' says again what another key of this "
		    "'retry' says: keep one", v->key->text);
	in->retry.has |= (unsigned)member;
	return 0;
}

static int
read_rules(struct retry_reading *in, const struct suite_node *v, struct strs *ret)
{
	const struct suite_source	*src = in->rd->src;
	const struct suite_node		*at = v->kind == SUITE_LIST ? v->first : v;
	char				 why[WHY];
	int				 r;

	r = suite_words(src, v->key->text, v, SPEC_RULES_MAX, ret);
	if (in->rd->in->checked)
		return r;	/* these are defaults, given to one more test */
	for (size_t i = 0; r == 0 && i < ret->n; i++, at = at->next) {
		if (retry_rule_check(ret->v[i], why, sizeof(why)) < 0)
			r = suite_fail_at(src, at, "'%s': %s", v->key->text, why);
	}
	return r;
}

/* The members that are one number or word. */
static int
read_scalar(struct retry_reading *in, enum retry_key key, const struct suite_node *v)
{
	/* In the order of enum retry_jitter, of enum retry_where. */
	static const char *const jitters[] = { "none", "full", "equal", "decorrelated", NULL };
	static const char *const wheres[] = { "now", "end", "alone", NULL };
	const struct suite_source	*src = in->rd->src;
	const char			*what = v->key->text;
	struct plan_retry		*retry = &in->retry;
	bool				 millis = in->rd->millis;
	int				 r;

	switch (key) {
	case KEY_COUNT:
	case KEY_MAX_RETRIES:
		r = state(in, v, PLAN_RETRY_COUNT);
		return r < 0 ? r : suite_count(src, what, v, 0, SPEC_RETRY_MAX, &retry->count);
	case KEY_BACKOFF:
	case KEY_BACKOFF_MS:
		r = state(in, v, PLAN_RETRY_DELAY);
		return r < 0 ? r : suite_duration(src, what, v, millis, &retry->delay_ms);
	case KEY_MULTIPLIER:
	case KEY_BACKOFF_MULTIPLIER:
		r = state(in, v, PLAN_RETRY_MULTIPLIER);
		return r < 0 ? r : suite_milli(src, what, v, MULTIPLIER_MAX,
		    &retry->multiplier_milli);
	case KEY_MAX:
		r = state(in, v, PLAN_RETRY_MAX);
		return r < 0 ? r : suite_duration(src, what, v, millis, &retry->max_delay_ms);
	case KEY_JITTER:
		r = state(in, v, PLAN_RETRY_JITTER);
		return r < 0 ? r : suite_choice(src, what, v, jitters, &retry->jitter);
	default:
		r = state(in, v, PLAN_RETRY_WHERE);
		return r < 0 ? r : suite_choice(src, what, v, wheres, &retry->where);
	}
}

static int
read_member(struct retry_reading *in, const struct suite_node *v)
{
	static const char *const	planned[] = { NULL };
	int				key, r;

	key = suite_key(in->rd->src, v->key, in->rd->millis ? suite_retry_original_keys :
	    suite_retry_keys, planned);
	if (key < 0)
		return key;
	if (key >= KEY_MAX_RETRIES)
		in->retry.has |= PLAN_RETRY_ORIGINAL;
	switch (key) {
	case KEY_ON:
		r = state(in, v, PLAN_RETRY_ON);
		return r < 0 ? r : read_rules(in, v, &in->retry.on);
	case KEY_NEVER:
		r = state(in, v, PLAN_RETRY_NEVER);
		return r < 0 ? r : read_rules(in, v, &in->retry.never);
	case KEY_PRESET:
		in->preset = v;
		return 0;
	case KEY_ON_TIMEOUT:
		in->on_timeout = v;
		return suite_bool(in->rd->src, v->key->text, v, &in->timeouts);
	case KEY_ON_ERRORS:
		in->on_errors = v;
		return 0;
	default:
		return read_scalar(in, (enum retry_key)key, v);
	}
}

/* The original's conditions as rules: a text of an error, and timeouts unless they
 * are excluded. */
static int
read_conditions(struct retry_reading *in)
{
	const struct suite_source	*src = in->rd->src;
	struct strs			 texts = { NULL, 0, 0 };
	bool				 timeouts = in->on_timeout == NULL || in->timeouts;
	int				 r = 0;

	if (in->on_timeout != NULL)
		r = state(in, in->on_timeout, PLAN_RETRY_NEVER);
	if (r == 0 && !timeouts)
		strs_add(&in->retry.never, "timeout");
	if (r < 0 || in->on_errors == NULL)
		return r;
	r = state(in, in->on_errors, PLAN_RETRY_ON);
	if (r == 0)
		r = suite_words(src, "retryOnErrors", in->on_errors, SPEC_RULES_MAX - 1, &texts);
	if (r == 0 && timeouts && texts.n > 0)
		strs_add(&in->retry.on, "timeout");
	for (size_t i = 0; r == 0 && i < texts.n; i++) {
		if (strlen(texts.v[i]) > SPEC_RULE_MAX - strlen("text:"))
			r = suite_fail_at(src, in->on_errors, "'retryOnErrors' has a text of more than "
			    "%zu bytes", SPEC_RULE_MAX - strlen("text:"));
		else
			strs_addf(&in->retry.on, "text:%s", texts.v[i]);
	}
	strs_free(&texts);
	return r;
}

static int
read_mapping(struct retry_reading *in, const struct suite_node *n)
{
	uint64_t	which;
	int		r = 0;

	for (const struct suite_node *v = n->first; r == 0 && v != NULL; v = v->next)
		r = read_member(in, v);
	if (r == 0)
		r = read_conditions(in);
	if (r < 0 || in->preset == NULL)
		return r;
	r = suite_choice(in->rd->src, "preset", in->preset, retry_presets, &which);
	if (r == 0)
		retry_preset(&in->retry, which);
	return r;
}

int
suite_run_retry(struct suite_reading *rd, const struct suite_node *n)
{
	struct retry_reading	in = { .rd = rd };
	int			r;

	if (n->kind == SUITE_MAP) {
		r = read_mapping(&in, n);
	} else {
		in.retry.has = PLAN_RETRY_COUNT;
		r = suite_count(rd->src, "retry", n, 0, SPEC_RETRY_MAX, &in.retry.count);
	}
	if (r == 0)
		plan_retry_default(&rd->t->retry, &in.retry);
	plan_retry_free(&in.retry);
	return r;
}

static int
add_budget(const struct suite_source *src, const char *tag, const struct suite_node *n,
    struct plan *p)
{
	const char	*limit;
	char		 why[WHY];
	int		 r;

	/* A bare number is a limit as good as a text, also in JSON. */
	r = suite_scalar(src, "retry_budget", n, &limit);
	if (r == 0 && retry_budget_check(limit, why, sizeof(why)) < 0)
		r = suite_fail_at(src, n, "'retry_budget': %s", why);
	if (r == 0 && p->budgets.n / 2 == SPEC_BUDGETS_MAX)
		r = suite_fail_at(src, n, "'retry_budget' has more than %d limits",
		    SPEC_BUDGETS_MAX);
	if (r == 0)
		plan_budget_set(p, tag, limit);
	return r;
}

int
suite_retry_budget(const struct suite_source *src, const struct suite_node *n, struct plan *p)
{
	static const char *const planned[] = { NULL };
	int	key, r = 0;

	if (n->kind != SUITE_MAP)
		return add_budget(src, "", n, p);
	for (const struct suite_node *v = n->first; r == 0 && v != NULL; v = v->next) {
		key = suite_key(src, v->key, suite_budget_keys, planned);
		if (key < 0)
			return key;
		if (key == 0) {
			r = add_budget(src, "", v, p);
			continue;
		}
		r = suite_map(src, "tags", v);
		for (const struct suite_node *t = v->first; r == 0 && t != NULL; t = t->next) {
			if (*t->key->text == '\0' || strlen(t->key->text) != t->key->len)
				r = suite_fail_at(src, t->key, "a tag needs a name");
			else
				r = add_budget(src, t->key->text, t, p);
		}
	}
	return r;
}
