/* Gathers what the rules and the fingerprint look at; see failure.h. */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "common/spec.h"
#include "worker/assertion.h"
#include "worker/failure.h"
#include "worker/retry_rules.h"

enum { SETUP, TEST, TEARDOWN, STAGES };

static bool
has_failed(enum outcome outcome)
{
	switch (outcome) {
	case OUTCOME_FAIL:
	case OUTCOME_TIMEOUT:
	case OUTCOME_CRASH:
	case OUTCOME_OOM:
	case OUTCOME_EXEC_ERROR:
		return true;
	default:
		return false;
	}
}

/* ---- rules ---- */

/* Exit code 75 asks for a retry, where it is not what was expected. */
static bool
asks(const struct failure_facts *f)
{
	return f->ended && f->judgement->outcome == OUTCOME_FAIL &&
	    WIFEXITED(f->wstatus) && WEXITSTATUS(f->wstatus) == SPEC_EXIT_RETRY &&
	    !assertion_takes_code(f->spec->expect, SPEC_EXIT_RETRY);
}

/* The error, and all that was printed. */
static struct strbuf
all_text(const struct failure_facts *f)
{
	struct strbuf	t = { NULL, 0, 0 };
	size_t		n;
	char		*output;

	strbuf_add(&t, f->judgement->message.p, f->judgement->message.n);
	strbuf_add(&t, "\n", 1);
	for (int i = 0; i < STAGES; i++) {
		if (f->captures[i] == NULL)
			continue;
		output = capture_text(f->captures[i], 0, &n);
		strbuf_add(&t, output, n);
		free(output);
	}
	return t;
}

static void
apply_rules(const struct failure_facts *f, struct failure *ret, struct msg_attempt_done *m)
{
	const struct msg_test_add	*spec = f->spec;
	struct retry_facts		 facts = {
		.outcome = f->judgement->outcome, .code = -1, .please = asks(f),
		.alive = f->alive, .arg = f->arg,
	};
	struct strbuf			 text = { NULL, 0, 0 };

	if (spec->retry_on.n == 0 && spec->retry_never.n == 0 && !facts.please)
		return;
	if (f->ended && WIFEXITED(f->wstatus))
		facts.code = WEXITSTATUS(f->wstatus);
	else if (f->ended)
		facts.signal = WTERMSIG(f->wstatus);
	if (retry_rules_want_text(spec->retry_on, spec->retry_never))
		text = all_text(f);
	facts.text = (struct sv){ text.p, text.n };
	m->retry_says = retry_rules_judge(spec->retry_on, spec->retry_never, &facts,
	    &m->retry_rule, &ret->problems);
	free(text.p);
}

/* ---- fingerprint ---- */

/* The file's name, without its folder. */
static struct sv
base_name(struct sv path)
{
	const char	*slash = path.n > 0 ? memrchr(path.p, '/', path.n) : NULL;

	if (slash == NULL)
		return path;
	return (struct sv){ slash + 1, (size_t)(path.p + path.n - slash) - 1 };
}

/* Whose output tells of the failure. */
static const struct capture *
capture_of(const struct failure_facts *f)
{
	if (f->judgement->category == CATEGORY_SETUP)
		return f->captures[SETUP];
	if (f->judgement->category == CATEGORY_TEARDOWN)
		return f->captures[TEARDOWN];
	return f->captures[TEST];
}

static void
take_fingerprint(const struct failure_facts *f, struct failure *ret, struct msg_attempt_done *m)
{
	char				 tails[2][FINGERPRINT_TAIL];
	const struct capture		*c = capture_of(f);
	struct fingerprint_facts	 facts = {
		.outcome = f->judgement->outcome, .category = f->judgement->category,
		.message = { f->judgement->message.p, f->judgement->message.n },
		.test = f->spec->name, .program = base_name(f->spec->argv.v[0]),
		.command = f->spec->argv,
	};

	for (unsigned i = 0; i < 2 && c != NULL; i++) {
		facts.tails[i].p = tails[i];
		facts.tails[i].n = capture_end(c, i + CAPTURE_STDOUT, tails[i], FINGERPRINT_TAIL);
	}
	fingerprint(&facts, &ret->fingerprint);
	m->fingerprint = ret->fingerprint.value;
	m->failure = sv_from(ret->fingerprint.text);
	m->resource_like = ret->fingerprint.resource_like;
}

void
failure_describe(const struct failure_facts *f, struct failure *ret, struct msg_attempt_done *m)
{
	ret->problems = (struct strbuf){ NULL, 0, 0 };
	if (!has_failed(f->judgement->outcome))
		return;
	apply_rules(f, ret, m);
	take_fingerprint(f, ret, m);
}

void
failure_free(struct failure *f)
{
	free(f->problems.p);
}
