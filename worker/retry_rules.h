/*
 * What a test's own rules say of its failed attempt: common/spec.h has the rules.
 * Pure but for a look at the clock; dies without memory.
 */
#ifndef WORKER_RETRY_RULES_H
#define WORKER_RETRY_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/msg.h"
#include "common/outcome.h"
#include "worker/strbuf.h"

#define RETRY_RULES_US	UINT64_C(1000000)	/* for all patterns together */

/* Borrowed for the call. */
struct retry_facts {
	enum outcome	 outcome;	/* of a failed attempt */
	int		 code;		/* its exit code, -1: none */
	int		 signal;	/* that ended it, 0: none, or we sent it */
	bool		 please;	/* its exit code asks for a retry */
	struct sv	 text;		/* the error, a newline, the output */
	/* Called between patterns, which may take long; may be NULL. */
	void		(*alive)(void *arg);
	void		*arg;
};

/* Does any rule look at the text? */
bool		retry_rules_want_text(struct svs on, struct svs never);

/*
 * What they say, and the rule that says so in *ret_rule (borrowed from the lists; ""
 * where none does).  SAYS_NOTHING too where `on` is empty and no rule of `never`
 * matches.  A pattern that cannot be used, or takes too long, does not match: one
 * line for each such rule is appended to `problems`.
 */
enum retry_says	retry_rules_judge(struct svs on, struct svs never, const struct retry_facts *,
		    struct sv *ret_rule, struct strbuf *problems);

#endif
