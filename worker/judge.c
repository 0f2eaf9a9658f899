/* The order of what counts; see judge.h. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "common/limits.h"
#include "common/spec.h"
#include "common/xalloc.h"
#include "worker/assertion.h"
#include "worker/judge.h"

static void
conclude(struct judgement *j, enum outcome outcome, enum error_category category)
{
	j->outcome = outcome;
	j->category = category;
}

void
judge_add_duration(struct strbuf *t, uint64_t ms)
{
	bool	seconds = ms >= 1000 && ms % 1000 == 0;

	strbuf_addf(t, "%llu %s", (unsigned long long)(seconds ? ms / 1000 : ms),
	    seconds ? "s" : "ms");
}

bool
judge_exit_is_expected(const struct msg_test_add *spec)
{
	return assertion_on_exit(spec->expect);
}

/* ---- assertions ---- */

struct tally {
	struct judgement	*j;
	size_t			 bytes;			/* listed so far */
	size_t			 failed, hidden, hidden_failed;
};

static void
list(struct judgement *j, const char *name, bool passed, const char *message)
{
	const char	*v[3] = { name, passed ? "pass" : "fail", message };

	j->assertions = xreallocarray(j->assertions, j->n_assertions + 3, sizeof *j->assertions);
	for (int i = 0; i < 3; i++) {
		struct strbuf	t = { NULL, 0, 0 };

		strbuf_add(&t, v[i], strlen(v[i]));
		j->assertions[j->n_assertions++] = t;
	}
}

static void
note(struct tally *t, struct assertion_result *a)
{
	if (!a->passed && t->failed++ == 0)
		strbuf_addf(&t->j->message, "%s", a->message);
	t->bytes += strlen(a->name) + strlen(a->message) + 16;
	if (t->bytes <= JUDGE_SHOWN) {
		list(t->j, a->name, a->passed, a->message);
	} else {
		t->hidden++;
		t->hidden_failed += !a->passed;
	}
	free(a->name);
	free(a->message);
}

static void
sum_up(struct tally *t)
{
	struct strbuf	text = { NULL, 0, 0 };

	if (t->failed > 1)
		strbuf_addf(&t->j->message, " (and %zu more)", t->failed - 1);
	if (t->hidden == 0)
		return;
	strbuf_addf(&text, "%zu more are not listed; %zu of them failed", t->hidden,
	    t->hidden_failed);
	list(t->j, "...", t->hidden_failed == 0, text.p);
	free(text.p);
}

/* An exit code other than 0, where nothing was said about it. */
static void
default_exit(const struct judge_facts *f, const struct assertion_facts *af, struct tally *t)
{
	struct assertion_result	a = { false, NULL, NULL };
	char			*end;

	if (af->signaled || af->code == 0 || f->tap != NULL || assertion_on_exit(f->spec->expect))
		return;
	end = assertion_describe_end(false, af->code);
	a.name = xstrdup("exit_code");
	a.message = xasprintf("%s, expected 0", end);
	free(end);
	note(t, &a);
}

static void
take_texts(const struct judge_facts *f, char *texts[ASSERTION_TARGETS],
    struct assertion_facts *af)
{
	static const unsigned	streams[ASSERTION_TARGETS] = {
		[ASSERTION_OUTPUT] = 0,
		[ASSERTION_STDOUT] = CAPTURE_STDOUT,
		[ASSERTION_STDERR] = CAPTURE_STDERR,
	};
	unsigned		wanted = assertion_targets(f->spec->expect);

	for (int i = 0; i < ASSERTION_TARGETS; i++) {
		texts[i] = NULL;
		if (!(wanted & 1u << i))
			continue;
		texts[i] = capture_text(f->capture, streams[i], &af->text[i].n);
		af->text[i].p = texts[i];
	}
	af->truncated = capture_truncated(f->capture);
}

/* How many failed. */
static size_t
check_all(const struct judge_facts *f, struct assertion_facts *af, struct judgement *j)
{
	struct assertion_result	 a;
	struct tally		 t = { .j = j };
	char			*texts[ASSERTION_TARGETS];
	uint32_t		 n = f->spec->expect.n / SPEC_EXPECT_STRIDE;

	take_texts(f, texts, af);
	default_exit(f, af, &t);
	for (uint32_t i = 0; i < n; i++) {
		assertion_check(f->spec->expect, i, af, &a);
		note(&t, &a);
		if (f->alive != NULL)
			f->alive(f->arg);
	}
	sum_up(&t);
	for (int i = 0; i < ASSERTION_TARGETS; i++)
		free(texts[i]);
	return t.failed;
}

/* ---- the command's own end ---- */

/* What the limit of a file's size has to do with it. */
static void
add_file_size(const struct judge_facts *f, struct judgement *j)
{
	char	text[LIMIT_TEXT];

	if (f->spec->file_size != 0)
		strbuf_addf(&j->message, ": a file grew beyond its limit of file-size, %s",
		    limit_text(LIMIT_FILE_SIZE, f->spec->file_size, text));
}

static void
judge_crash(const struct judge_facts *f, struct judgement *j)
{
	int	 sig = WTERMSIG(f->wstatus);
	char	*end = assertion_describe_end(true, sig);

	conclude(j, OUTCOME_CRASH, CATEGORY_CRASH);
	j->message.n = 0;	/* a failed assertion is the lesser news */
	strbuf_addf(&j->message, "%s", end);
	if (sig == SIGXFSZ)
		add_file_size(f, j);
	if (WCOREDUMP(f->wstatus))
		strbuf_addf(&j->message, " (core dumped)");
	else if (sig == SIGKILL)
		strbuf_addf(&j->message, " (not sent by paratest; perhaps memory was short)");
	free(end);
}

static void
judge_tap(const struct judge_facts *f, struct judgement *j)
{
	if (f->tap->problem != NULL) {
		conclude(j, OUTCOME_FAIL, CATEGORY_ASSERTION);
		strbuf_addf(&j->message, "%s%s", j->message.n > 0 ? "; " : "", f->tap->problem);
	} else if (f->tap->skip_all && j->outcome == OUTCOME_PASS) {
		conclude(j, OUTCOME_SKIP, CATEGORY_NONE);
		strbuf_addf(&j->skip_reason, "%s", f->tap->skip_reason);
	}
}

static void
judge_command(const struct judge_facts *f, struct judgement *j)
{
	struct assertion_facts	af = { .signaled = WIFSIGNALED(f->wstatus) };

	af.code = af.signaled ? WTERMSIG(f->wstatus) : WEXITSTATUS(f->wstatus);
	if (!af.signaled && af.code == JUDGE_SKIP_CODE && f->tap == NULL &&
	    !assertion_on_exit(f->spec->expect)) {
		conclude(j, OUTCOME_SKIP, CATEGORY_NONE);
		strbuf_addf(&j->skip_reason, "exit code %d", JUDGE_SKIP_CODE);
		return;
	}
	conclude(j, OUTCOME_PASS, CATEGORY_NONE);
	if (check_all(f, &af, j) > 0) {
		conclude(j, OUTCOME_FAIL, CATEGORY_ASSERTION);
		/* How a shell says it of what it has run. */
		if (!af.signaled && af.code == 128 + SIGXFSZ)
			add_file_size(f, j);
	}
	if (af.signaled && !assertion_takes_signal(f->spec->expect, af.code))
		judge_crash(f, j);
	else if (f->tap != NULL)
		judge_tap(f, j);
}

static void
judge_timeout(const struct judge_facts *f, struct judgement *j)
{
	conclude(j, OUTCOME_TIMEOUT, CATEGORY_TIMEOUT);
	if (f->run_timed_out) {
		strbuf_addf(&j->message, "the time of the whole run was up");
		return;
	}
	strbuf_addf(&j->message, "timed out after ");
	judge_add_duration(&j->message, f->timeout_ms);
}

void
judge(const struct judge_facts *f, struct judgement *j)
{
	memset(j, 0, sizeof *j);
	if (f->no_ground != NULL) {
		conclude(j, OUTCOME_EXEC_ERROR, CATEGORY_INFRASTRUCTURE);
		strbuf_addf(&j->message, "%s", f->no_ground);
	} else if (f->oom != NULL && !f->run_timed_out && !f->cancelled) {
		conclude(j, OUTCOME_OOM, CATEGORY_RESOURCE);
		strbuf_addf(&j->message, "%s", f->oom);
	} else if (f->timed_out || f->run_timed_out) {
		judge_timeout(f, j);
	} else if (f->cancelled) {
		conclude(j, OUTCOME_CANCELLED, CATEGORY_NONE);
		strbuf_addf(&j->message, "cancelled");
	} else if (f->setup != NULL) {
		conclude(j, OUTCOME_FAIL, CATEGORY_SETUP);
		strbuf_addf(&j->message, "%s", f->setup);
	} else if (f->no_start != NULL) {
		conclude(j, OUTCOME_EXEC_ERROR, CATEGORY_EXECUTION);
		strbuf_addf(&j->message, "%s", f->no_start);
	} else {
		judge_command(f, j);
	}
	if (j->outcome == OUTCOME_PASS && f->teardown != NULL) {
		conclude(j, OUTCOME_FAIL, CATEGORY_TEARDOWN);
		strbuf_addf(&j->message, "%s", f->teardown);
	}
	if (f->stuck) {
		if (j->outcome == OUTCOME_PASS || j->outcome == OUTCOME_SKIP)
			j->outcome = OUTCOME_FAIL;
		j->category = CATEGORY_INFRASTRUCTURE;
		strbuf_addf(&j->message, "%sa process of the test could not be killed",
		    j->message.n > 0 ? "; " : "");
	}
	if (f->note != NULL && (j->outcome == OUTCOME_PASS || j->outcome == OUTCOME_SKIP))
		list(j, "limits", true, f->note);
	else if (f->note != NULL)
		strbuf_addf(&j->message, "%s%s", j->message.n > 0 ? "; " : "", f->note);
}

void
judgement_free(struct judgement *j)
{
	for (size_t i = 0; i < j->n_assertions; i++)
		free(j->assertions[i].p);
	free(j->assertions);
	free(j->message.p);
	free(j->skip_reason.p);
}
