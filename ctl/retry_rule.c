/*
 * Rules and limits of retries; see retry_rule.h.  The grammar is in common/spec.c;
 * here is what a person who mistyped is told, and PCRE2.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <errno.h>
#include <pcre2.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/spec.h"
#include "common/suggest.h"
#include "ctl/retry_rule.h"

#define SHOWN		60	/* bytes of a rule in a message */

static const char *const outcomes[] = { "timeout", "crash", "fail", "oom", NULL };
static const char *const kinds[] = { "exit", "signal", "text", "match", NULL };
static const char	 forms[] = "timeout, crash, fail, oom, exit:CODE, signal:NAME, text:SUBSTRING "
    "or match:REGEX";

static int
no_rule(const char *rule, char *why, size_t size)
{
	size_t		 len = strcspn(rule, ":");
	char		 word[SHOWN + 1];
	const char	*outcome, *kind;

	(void)snprintf(word, sizeof(word), "%.*s", (int)(len < SHOWN ? len : SHOWN), rule);
	outcome = suggest_word(word, outcomes);
	kind = outcome == NULL ? suggest_word(word, kinds) : NULL;
	if (outcome != NULL)
		(void)snprintf(why, size, "'%.*s' is no rule: did you mean '%s'?", SHOWN, rule, outcome);
	else if (kind != NULL)
		(void)snprintf(why, size, "'%.*s' is no rule: did you mean '%s:...'?", SHOWN, rule, kind);
	else
		(void)snprintf(why, size, "'%.*s' is no rule: write text:%.*s for a text, or %s",
		    SHOWN, rule, SHOWN, rule, forms);
	return -EINVAL;
}

/* The flags behind /REGEX/, known to be of i m s x, as options. */
static uint32_t
options_of(const char *flags)
{
	uint32_t	options = 0;

	for (; *flags != '\0'; flags++) {
		if (*flags == 'i')
			options |= PCRE2_CASELESS;
		else if (*flags == 's')
			options |= PCRE2_DOTALL;
		else if (*flags == 'x')
			options |= PCRE2_EXTENDED;
	}
	return options;
}

/* As bytes and as UTF-8: which of the two it will be depends on what a test prints. */
static int
check_regex(const char *text, char *why, size_t size)
{
	static const uint32_t	modes[] = { PCRE2_NEVER_UTF, PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C };
	const char		*from = text, *end = *text == '/' ? strrchr(text + 1, '/') : NULL;
	size_t			 len = strlen(text), at;
	uint32_t		 options = PCRE2_MULTILINE;	/* as where it is used */
	unsigned char		 error[128] = "";
	pcre2_code		*re;
	int			 code;

	if (end != NULL) {
		from = text + 1;
		len = (size_t)(end - from);
		options |= options_of(end + 1);
	}
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		re = pcre2_compile((PCRE2_SPTR)from, len, options | modes[i], &code, &at, NULL);
		pcre2_code_free(re);
		if (re != NULL)
			continue;
		(void)pcre2_get_error_message(code, error, sizeof(error));
		(void)snprintf(why, size, "'match:%.*s': the expression is wrong at character %zu: %s",
		    SHOWN, text, at, (const char *)error);
		return -EINVAL;
	}
	return 0;
}

/* Does it begin as one of the rules does? */
static bool
is_known(const char *rule)
{
	size_t	len = strcspn(rule, ":");

	for (size_t i = 0; outcomes[i] != NULL; i++) {
		if (strcmp(outcomes[i], rule) == 0)
			return true;
	}
	for (size_t i = 0; rule[len] == ':' && kinds[i] != NULL; i++) {
		if (strlen(kinds[i]) == len && strncmp(kinds[i], rule, len) == 0)
			return true;
	}
	return false;
}

int
retry_rule_check(const char *rule, char *why, size_t size)
{
	struct spec_rule	r;

	if (!is_known(rule))
		return no_rule(rule, why, size);
	if (spec_rule_parse(sv_from(rule), &r, why, size) != 0)
		return -EINVAL;
	return r.kind == RULE_MATCH ? check_regex(r.text.p, why, size) : 0;
}

int
retry_budget_check(const char *limit, char *why, size_t size)
{
	struct spec_budget	b;

	if (spec_budget(sv_from(limit), &b) == 0)
		return 0;
	(void)snprintf(why, size, "'%.*s' is no limit: write a share of the tests (2%%), a number of "
	    "retries (20) or the time they may take (10m)", SHOWN, limit);
	return -EINVAL;
}
