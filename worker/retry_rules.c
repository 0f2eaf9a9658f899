/* Rules of `never` first, then the test's own wish, then those of `on`. */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/spec.h"
#include "worker/pattern.h"
#include "worker/retry_rules.h"

struct rules {
	const struct retry_facts	*facts;
	char				*folded;	/* the text, NULL: not yet */
	uint64_t			 end_us;
	struct strbuf			*problems;
};

/* ---- what is looked for in the text ---- */

static bool
has_text(struct rules *r, struct sv wanted)
{
	char	*folded = strbuf_folded(wanted);
	bool	 found;

	if (r->folded == NULL)
		r->folded = strbuf_folded(r->facts->text);
	found = memmem(r->folded, r->facts->text.n, folded, wanted.n) != NULL;
	free(folded);
	return found;
}

static void
begin_problem(struct rules *r)
{
	strbuf_addf(r->problems, "%sretry rules: ", r->problems->n > 0 ? "\n" : "");
}

static bool
has_match(struct rules *r, struct sv source)
{
	struct strbuf	 why = { NULL, 0, 0 };
	struct pattern	*p = pattern_new(source, r->facts->text, true, &why);
	size_t		 start, end;
	int		 found = 0;

	if (p != NULL)
		found = pattern_find(p, r->facts->text, 0, r->end_us, &start, &end);
	pattern_free(p);
	if (found < 0)
		pattern_gave_up(source, r->facts->text, &why);
	if (why.n > 0) {
		begin_problem(r);
		strbuf_addf(r->problems, "%s", why.p);
	}
	free(why.p);
	if (r->facts->alive != NULL)
		r->facts->alive(r->facts->arg);
	return found == 1;
}

/* ---- rules ---- */

static bool
matches(struct rules *r, struct sv text)
{
	const struct retry_facts	*f = r->facts;
	struct spec_rule		 rule;
	char				 why[256];

	if (spec_rule_parse(text, &rule, why, sizeof why) != 0) {
		begin_problem(r);
		strbuf_addf(r->problems, "%s", why);
		return false;
	}
	switch (rule.kind) {
	case RULE_OUTCOME:
		return rule.value == (unsigned)f->outcome;
	case RULE_EXIT:
		return (int)rule.value == f->code;
	case RULE_SIGNAL:
		return (int)rule.value == f->signal;
	case RULE_TEXT:
		return has_text(r, rule.text);
	case RULE_MATCH:
		return has_match(r, rule.text);
	}
	return false;
}

/* The first one that matches: whether there is one. */
static bool
any(struct rules *r, struct svs list, struct sv *ret)
{
	for (uint32_t i = 0; i < list.n; i++) {
		if (matches(r, list.v[i])) {
			*ret = list.v[i];
			return true;
		}
	}
	return false;
}

static bool
looks_at_text(struct svs list)
{
	struct spec_rule	rule;
	char			why[256];

	for (uint32_t i = 0; i < list.n; i++) {
		if (spec_rule_parse(list.v[i], &rule, why, sizeof why) == 0 &&
		    (rule.kind == RULE_TEXT || rule.kind == RULE_MATCH))
			return true;
	}
	return false;
}

bool
retry_rules_want_text(struct svs on, struct svs never)
{
	return looks_at_text(on) || looks_at_text(never);
}

enum retry_says
retry_rules_judge(struct svs on, struct svs never, const struct retry_facts *facts,
    struct sv *ret_rule, struct strbuf *problems)
{
	struct rules	r = { .facts = facts, .problems = problems };
	enum retry_says	says = SAYS_NOTHING;

	*ret_rule = SV_LIT("");
	if (on.n > 0 || never.n > 0)
		r.end_us = now_us() + RETRY_RULES_US;
	if (any(&r, never, ret_rule))
		says = SAYS_NEVER;
	else if (facts->please)
		says = SAYS_PLEASE;
	else if (any(&r, on, ret_rule))
		says = SAYS_RETRY;
	else if (on.n > 0)
		says = SAYS_NEVER;
	free(r.folded);
	return says;
}
