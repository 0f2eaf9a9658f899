/* The words about retries on a command line; see options.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/suggest.h"
#include "common/xalloc.h"
#include "ctl/duration.h"
#include "ctl/options.h"
#include "ctl/retry_rule.h"

#define SHOWN		60	/* bytes of a word in a message */
#define PERCENT_PPM	10000
#define RETRIES_MAX	64	/* window of the breaker, in retries */

int
options_retry_rule(struct options *o, enum plan_retry_member member, const char *text, char *why,
    size_t size)
{
	struct strs	*rules = member == PLAN_RETRY_ON ? &o->retry.on : &o->retry.never;
	int		 r = retry_rule_check(text, why, size);

	if (r == 0 && rules->n == SPEC_RULES_MAX) {
		(void)snprintf(why, size, "it can be given %d times", SPEC_RULES_MAX);
		r = -EINVAL;
	}
	if (r == 0) {
		strs_add(rules, text);
		o->retry.has |= (unsigned)member;
	}
	return r;
}

int
options_budget(struct options *o, const char *text, char *why, size_t size)
{
	const char	*eq = strrchr(text, '=');
	char		*tag;
	int		 r = retry_budget_check(eq != NULL ? eq + 1 : text, why, size);

	if (r == 0 && eq == text) {
		(void)snprintf(why, size, "'%.*s' has no tag before the =", SHOWN, text);
		r = -EINVAL;
	}
	if (r == 0 && o->budgets.n / 2 == SPEC_BUDGETS_MAX) {
		(void)snprintf(why, size, "it can be given %d times", SPEC_BUDGETS_MAX);
		r = -EINVAL;
	}
	if (r < 0)
		return r;
	tag = eq != NULL ? xstrndup(text, (size_t)(eq - text)) : xstrdup("");
	strs_add(&o->budgets, tag);
	strs_add(&o->budgets, eq != NULL ? eq + 1 : text);
	free(tag);
	return 0;
}

/* ---- the breaker ---- */

static int
count(const char *text, uint64_t *ret)
{
	const char	*bad;

	*ret = (uint64_t)strtonum(text, 1, RETRIES_MAX, &bad);
	return bad == NULL ? 0 : -EINVAL;
}

/* 50, 12.5 or 50%, in millionths. */
static int
percent(const char *text, uint64_t *ret)
{
	char	*end;
	double	 v = strtod(text, &end);

	if (end == text || strspn(text, "0123456789.") != (size_t)(end - text))
		return -EINVAL;
	if (*end == '%')
		end++;
	if (*end != '\0' || !(v * PERCENT_PPM >= 1 && v <= 100))
		return -EINVAL;
	*ret = (uint64_t)(v * PERCENT_PPM + 0.5);
	return 0;
}

static int
span(const char *text, uint64_t *ret)
{
	return duration_parse(text, ret) == 0 && *ret > 0 && *ret <= SPEC_TIMEOUT_MAX_MS ? 0 : -EINVAL;
}

static const struct breaker_key {
	enum breaker_setting	setting;
	int			(*read)(const char *, uint64_t *);
	const char		*takes;
} breaker_keys[] = {
	{ BREAKER_SET_WINDOW, count, "a number of retries from 1 to 64" },
	{ BREAKER_SET_MINIMUM, count, "a number of retries from 1 to 64" },
	{ BREAKER_SET_FAILURE_PPM, percent, "a share in percent, such as 50" },
	{ BREAKER_SET_COOL_DOWN_MS, span, "a duration such as 30s" },
	{ BREAKER_SET_CONSECUTIVE, count, "a number of retries from 1 to 64" },
	{ BREAKER_SET_MASS_PPM, percent, "a share in percent, such as 80" },
};

/* In the same order. */
static const char *const breaker_words[] = {
	"window", "minimum", "failure", "cool-down", "consecutive", "mass", NULL
};

/* One KEY=VALUE, which is cut at the =. */
static int
set_breaker(struct options *o, char *text, char *why, size_t size)
{
	char	*value = strchr(text, '='), near[64];
	size_t	 i = 0;

	if (value != NULL)
		*value++ = '\0';
	while (breaker_words[i] != NULL && strcmp(breaker_words[i], text) != 0)
		i++;
	if (breaker_words[i] == NULL) {
		(void)suggest_text(text, breaker_words, near, sizeof near);
		(void)snprintf(why, size, "unknown key '%.*s'%s", SHOWN, text, *near != '\0' ? near :
		    ": write off, or window, minimum, failure, cool-down, consecutive, mass with "
		    "=VALUE");
		return -EINVAL;
	}
	if (value == NULL || breaker_keys[i].read(value,
	    &o->breaker[breaker_keys[i].setting]) != 0) {
		(void)snprintf(why, size, "'%s' takes %s, not '%.*s'", breaker_words[i],
		    breaker_keys[i].takes, SHOWN, value != NULL ? value : "");
		return -EINVAL;
	}
	return 0;
}

int
options_breaker(struct options *o, const char *text, char *why, size_t size)
{
	char	*copy, *rest, *part;
	int	 r = 0;

	o->has_breaker = true;
	o->breaker[BREAKER_SET_OFF] = strcmp(text, "off") == 0;
	if (o->breaker[BREAKER_SET_OFF])
		return 0;
	copy = rest = xstrdup(text);
	while (r == 0 && (part = strsep(&rest, ",")) != NULL)
		r = set_breaker(o, part, why, size);
	free(copy);
	return r;
}
