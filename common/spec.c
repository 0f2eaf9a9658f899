/* What is allowed in a test's specification; see spec.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/limits.h"
#include "common/outcome.h"
#include "common/spec.h"
#include "common/timespan.h"

#define SHOWN	100	/* bytes of a name or rule that a message shows */

const char *const spec_expect_types[] = {
	"exit_code", "output_equals", "output_contains", "output_not_contains",
	"output_matches", "output_not_matches", "output_starts", "output_ends",
	"output_empty", "stdout_equals", "no_errors", NULL
};

/* A number of decimal digits alone, at most `max`: 0 or -EINVAL. */
static int
number(struct sv s, uint64_t max, uint64_t *ret)
{
	uint64_t	v = 0;

	if (s.n == 0)
		return -EINVAL;
	for (size_t i = 0; i < s.n; i++) {
		uint64_t	digit = (uint64_t)(unsigned char)s.p[i] - '0';

		if (digit > 9 || v > (max - digit) / 10)
			return -EINVAL;
		v = v * 10 + digit;
	}
	*ret = v;
	return 0;
}

int
spec_slot(struct sv s, struct sv *ret_name, uint32_t *ret_count)
{
	const char	*eq = s.n > 0 ? memrchr(s.p, '=', s.n) : NULL;
	uint64_t	 count;

	if (eq == NULL || eq == s.p ||
	    number((struct sv){ eq + 1, (size_t)(s.p + s.n - eq) - 1 }, UINT32_MAX, &count) != 0)
		return -EINVAL;
	*ret_name = (struct sv){ s.p, (size_t)(eq - s.p) };
	*ret_count = (uint32_t)count;
	return 0;
}

/* ---- rules of retries ---- */

unsigned
spec_signal(struct sv s)
{
	const char	*name;
	uint64_t	 n;

	if (number(s, 64, &n) == 0)
		return (unsigned)n;
	if (s.n > 3 && strncasecmp(s.p, "SIG", 3) == 0)
		s = (struct sv){ s.p + 3, s.n - 3 };
	for (int i = 1; i < 65; i++) {
		name = sigabbrev_np(i);
		if (name != NULL && strlen(name) == s.n && strncasecmp(name, s.p, s.n) == 0)
			return (unsigned)i;
	}
	return 0;
}

/* What the flags of "/REGEX/FLAGS" may be; what is not of that form has none. */
static const char *
check_flags(struct sv regex)
{
	const char	*end = regex.n > 1 && *regex.p == '/' ?
			    memrchr(regex.p + 1, '/', regex.n - 1) : NULL;

	if (end == NULL)
		return NULL;
	for (const char *f = end + 1; f < regex.p + regex.n; f++) {
		if (*f == '\0' || strchr("imsx", *f) == NULL)
			return "the flags of a pattern are i m s x";
	}
	return NULL;
}

/* The prefix that a rule begins with, taken off; or false. */
static int
takes(struct sv *s, const char *prefix)
{
	size_t	n = strlen(prefix);

	if (s->n < n || memcmp(s->p, prefix, n) != 0)
		return 0;
	*s = (struct sv){ s->p + n, s->n - n };
	return 1;
}

static const char *
parse_rule(struct sv s, struct spec_rule *ret)
{
	static const enum outcome	outcomes[] = {
		OUTCOME_TIMEOUT, OUTCOME_CRASH, OUTCOME_FAIL, OUTCOME_OOM,
	};
	uint64_t			n = 0;

	*ret = (struct spec_rule){ .kind = RULE_OUTCOME };
	if (s.n > SPEC_RULE_MAX)
		return "is longer than 1024 bytes";
	for (size_t i = 0; i < sizeof outcomes / sizeof outcomes[0]; i++) {
		if (sv_is(s, outcome_name(outcomes[i]))) {
			ret->value = outcomes[i];
			return NULL;
		}
	}
	if (takes(&s, "exit:")) {
		ret->kind = RULE_EXIT;
		if (number(s, 255, &n) != 0)
			return "an exit code is a number from 0 to 255";
		ret->value = (unsigned)n;
		return NULL;
	}
	if (takes(&s, "signal:")) {
		ret->kind = RULE_SIGNAL;
		ret->value = spec_signal(s);
		return ret->value != 0 ? NULL : "there is no such signal";
	}
	if (takes(&s, "text:"))
		ret->kind = RULE_TEXT;
	else if (takes(&s, "match:"))
		ret->kind = RULE_MATCH;
	else
		return "is none of timeout, crash, fail, oom, exit:CODE, signal:NAME, "
		    "text:SUBSTRING, match:REGEX";
	ret->text = s;
	if (s.n == 0)
		return "there is nothing to look for";
	return ret->kind == RULE_MATCH ? check_flags(s) : NULL;
}

int
spec_rule_parse(struct sv rule, struct spec_rule *ret, char *why, size_t size)
{
	const char	*text = parse_rule(rule, ret);
	char		 shown[SHOWN + 1];
	size_t		 n = rule.n < SHOWN ? rule.n : SHOWN;

	if (text == NULL)
		return 0;
	/* Whoever wrote it: it stays on one line. */
	for (size_t i = 0; i < n; i++)
		shown[i] = (unsigned char)rule.p[i] < 0x20 || rule.p[i] == 0x7f ? '?' : rule.p[i];
	shown[n] = '\0';
	(void)snprintf(why, size, "retry rule '%s%s': %s", shown, rule.n > n ? "..." : "", text);
	return -EINVAL;
}

int
spec_rule(struct sv rule, char *why, size_t size)
{
	struct spec_rule	r;

	return spec_rule_parse(rule, &r, why, size);
}

/* The text of what is wrong; one that is not constant is written to `why`. */
static const char *
check_rules(struct svs rules, char *why, size_t size)
{
	if (rules.n > SPEC_RULES_MAX)
		return "more than 64 retry rules of a kind";
	for (uint32_t i = 0; i < rules.n; i++) {
		if (spec_rule(rules.v[i], why, size) != 0)
			return why;
	}
	return NULL;
}

/* ---- budgets ---- */

/* "2", "0.5": millionths, of a per cent that is at most 100. */
static int
per_cent(struct sv s, uint64_t *ret_ppm)
{
	const char	*point = s.n > 0 ? memchr(s.p, '.', s.n) : NULL;
	size_t		 whole_n = point != NULL ? (size_t)(point - s.p) : s.n;
	struct sv	 rest = { NULL, 0 };
	uint64_t	 whole, part = 0;

	if (number((struct sv){ s.p, whole_n }, 100, &whole) != 0)
		return -EINVAL;
	if (point != NULL) {
		rest = (struct sv){ point + 1, s.n - whole_n - 1 };
		if (rest.n > 4 || number(rest, 9999, &part) != 0)
			return -EINVAL;
	}
	for (size_t i = rest.n; i < 4; i++)
		part *= 10;
	*ret_ppm = whole * 10000 + part;
	return *ret_ppm <= 1000000 ? 0 : -EINVAL;
}

int
spec_budget(struct sv s, struct spec_budget *ret)
{
	struct spec_budget	b = { BUDGET_RETRIES, 0 };
	char			text[64];

	if (s.n == 0 || s.n >= sizeof text || memchr(s.p, '\0', s.n) != NULL)
		return -EINVAL;
	if (s.p[s.n - 1] == '%') {
		b.kind = BUDGET_PPM;
		if (per_cent((struct sv){ s.p, s.n - 1 }, &b.value) != 0)
			return -EINVAL;
	} else if (number(s, UINT32_MAX, &b.value) != 0) {
		memcpy(text, s.p, s.n);
		text[s.n] = '\0';
		b.kind = BUDGET_MS;
		if (duration_parse(text, &b.value) != 0 || b.value > SPEC_TIMEOUT_MAX_MS)
			return -EINVAL;
	}
	*ret = b;
	return 0;
}

/* ---- a test ---- */

static const char *
check_expect(struct svs e)
{
	if (e.n % SPEC_EXPECT_STRIDE != 0)
		return "expect is not in groups of four";
	for (uint32_t i = 0; i < e.n; i += SPEC_EXPECT_STRIDE) {
		struct sv	target = e.v[i + 1];
		size_t		k = 0;

		while (spec_expect_types[k] != NULL && !sv_is(e.v[i], spec_expect_types[k]))
			k++;
		if (spec_expect_types[k] == NULL)
			return "expect has an unknown type";
		if (target.n > 0 && !sv_is(target, "stdout") && !sv_is(target, "stderr") &&
		    !sv_is(target, "output"))
			return "expect has an unknown target";
	}
	return NULL;
}

static const char *
check_env(struct svs env)
{
	for (uint32_t i = 0; i < env.n; i++) {
		if (env.v[i].n == 0 || env.v[i].p[0] == '=' ||
		    memchr(env.v[i].p, '=', env.v[i].n) == NULL)
			return "env has an entry that is not NAME=VALUE";
	}
	return NULL;
}

static const char *
check_command(const struct msg_test_add *t)
{
	if (t->name.n == 0)
		return "the name is empty";
	if (t->name.n > SPEC_NAME_MAX)
		return "the name is longer than 512 bytes";
	if (t->suite.n > SPEC_NAME_MAX)
		return "the suite's name is longer than 512 bytes";
	if (t->skip.n > SPEC_TEXT_MAX || t->source.n > SPEC_TEXT_MAX)
		return "skip or source is longer than 4096 bytes";
	if (t->argv.n == 0 || t->argv.v[0].n == 0)
		return "there is no command";
	if (t->argv.n > SPEC_ARGV_MAX || t->setup.n > SPEC_ARGV_MAX ||
	    t->teardown.n > SPEC_ARGV_MAX)
		return "a command has more than 4096 words";
	if ((t->setup.n > 0 && t->setup.v[0].n == 0) ||
	    (t->teardown.n > 0 && t->teardown.v[0].n == 0))
		return "a hook's command is empty";
	if (t->cwd.n == 0 || t->cwd.p[0] != '/')
		return "cwd is not absolute";
	return check_env(t->env);
}

static const char *
check_numbers(const struct msg_test_add *t)
{
	if (t->timeout_ms > SPEC_TIMEOUT_MAX_MS || t->grace_ms > SPEC_TIMEOUT_MAX_MS ||
	    t->setup_timeout_ms > SPEC_TIMEOUT_MAX_MS ||
	    t->teardown_timeout_ms > SPEC_TIMEOUT_MAX_MS ||
	    t->retry_delay_ms > SPEC_TIMEOUT_MAX_MS ||
	    t->retry_max_delay_ms > SPEC_TIMEOUT_MAX_MS)
		return "a duration is longer than 30 days";
	if (t->weight > SPEC_WEIGHT_MAX)
		return "weight is above 1024";
	if (t->format >= FORMAT_COUNT)
		return "the format is unknown";
	if (t->retry_count > SPEC_RETRY_MAX)
		return "more than 100 retries";
	if (t->retry_jitter >= JITTER_COUNT)
		return "the jitter is unknown";
	if (t->retry_where >= WHERE_COUNT)
		return "the place of the retries is unknown";
	if (t->retry_multiplier_milli > 1000 * 1000)
		return "the backoff multiplier is above 1000";
	if (t->output_limit > SPEC_OUTPUT_MAX)
		return "output_limit is above 64 MiB";
	if (t->locks.n + t->slots.n > SPEC_RESOURCES_MAX)
		return "more than 64 resources";
	return NULL;
}

/* The text of what is wrong; it is written to `why`. */
static const char *
check_limits(const struct msg_test_add *t, char *why, size_t size)
{
	struct limits	l = limits_of(t);
	char		text[LIMIT_TEXT];

	for (int i = 0; i < LIMIT_COUNT; i++) {
		if (limit_fits((enum limit)i, l.v[i]))
			continue;
		(void)snprintf(why, size, "the limit %s cannot be %s", limit_keys[i],
		    limit_text((enum limit)i, l.v[i], text));
		return why;
	}
	return NULL;
}

const char *
spec_revision_wrong(struct sv s)
{
	if (s.n > SPEC_REVISION_MAX)
		return "the revision is longer than 128 bytes";
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < 0x20 || s.p[i] > 0x7e)
			return "the revision has characters that are not printable ASCII";
	}
	return NULL;
}

int
spec_check(const struct msg_test_add *t, char *why, size_t size)
{
	const char	*text = check_command(t);
	char		 rule[SHOWN + 160];
	struct sv	 name;
	uint32_t	 count;

	if (text == NULL)
		text = check_numbers(t);
	if (text == NULL)
		text = check_limits(t, rule, sizeof rule);
	if (text == NULL)
		text = check_expect(t->expect);
	if (text == NULL)
		text = check_rules(t->retry_on, rule, sizeof rule);
	if (text == NULL)
		text = check_rules(t->retry_never, rule, sizeof rule);
	for (uint32_t i = 0; text == NULL && i < t->slots.n; i++) {
		if (spec_slot(t->slots.v[i], &name, &count) != 0 || count == 0)
			text = "slots has an entry that is not NAME=COUNT";
	}
	for (uint32_t i = 0; text == NULL && i < t->locks.n; i++) {
		if (t->locks.v[i].n == 0)
			text = "a lock has no name";
	}
	if (text == NULL)
		return 0;
	(void)snprintf(why, size, "test '%.*s': %s", (int)(t->name.n > SHOWN ? SHOWN : t->name.n),
	    t->name.p != NULL ? t->name.p : "", text);
	return -EINVAL;
}

struct sv
spec_run(struct sv name)
{
	return sv_is(name, "latest") ? SV_LIT("") : name;
}
