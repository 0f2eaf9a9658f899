/*
 * A run as TAP: the plan first, then one point a test in the order of the plan,
 * each as soon as all before it are known.  prove takes version 13 only, reads
 * points in order only, and knows a subset of YAML: what is written stays in it.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/outcome.h"
#include "common/xalloc.h"
#include "ctl/attempts.h"
#include "ctl/json_value.h"
#include "ctl/report.h"
#include "ctl/results.h"
#include "ctl/text_view.h"

#define TAP_OUTPUT_LINES	20
#define TAP_LINE_COLUMNS	1000

struct report_tap {
	FILE		*out;		/* borrowed */
	struct text	 text;		/* not written yet */
	int		 version;
	bool		 begun;		/* the plan is written */
	uint64_t	 next;		/* index of the next point */
};

/* A description or a reason: nothing in it may read as a directive. */
static void
put_description(struct text *t, const char *s)
{
	struct text	shown = { 0 };

	text_show(&shown, s, strlen(s), 0, 0);
	for (size_t i = 0; i < shown.n; i++) {
		if (shown.p[i] == '#' || shown.p[i] == '\\')
			text_puts(t, "\\");
		text_add(t, shown.p + i, 1);
	}
	text_free(&shown);
}

/* In double quotes, as JSON and YAML both have them; what neither prints is a
 * picture. */
static void
put_quoted(struct text *t, const char *s)
{
	struct text	 shown = { 0 };
	size_t		 n = strlen(s), len;
	const char	*p = s, *line = s;

	while (n > 0) {
		len = text_line(&p, &n);
		text_show(&shown, line, len, 0, 0);
		if (n > 0)
			text_puts(&shown, "\n");
		line = p;
	}
	json_value_dump(t, json_value_bytes(shown.p, shown.n));
	text_puts(t, "\n");
	text_free(&shown);
}

/* Lines of a literal block.  The first fixes the indentation, so that it must not
 * begin with a blank; an empty line must have the indentation too.  prove knows
 * no other way to write a list of texts that may have a colon in them. */
static void
put_block(struct text *t, const char *p, size_t n, bool *first)
{
	struct text	 shown = { 0 };
	const char	*line = p;

	for (; n > 0; *first = false, line = p) {
		size_t	len = text_line(&p, &n);

		text_clear(&shown);
		text_show(&shown, line, len, TEXT_OUTPUT, TAP_LINE_COLUMNS);
		if (*first && (shown.n == 0 || shown.p[0] == ' '))
			text_puts(t, "    [text]\n");
		text_puts(t, "    ");
		text_add(t, shown.p, shown.n);
		text_puts(t, "\n");
	}
	text_free(&shown);
}

static void
put_output(struct text *t, const struct attempt_result *a)
{
	size_t	at = text_tail(a->output, a->output_len, TAP_OUTPUT_LINES);
	size_t	n = a->output_len - at;
	bool	first = true;

	if (a->output_len == 0)
		return;
	text_puts(t, "  output: |\n");
	if (a->output_bytes > n) {
		text_addf(t, "    [%" PRIu64 " bytes before this]\n", a->output_bytes - n);
		first = false;
	}
	put_block(t, a->output + at, n, &first);
}

/* The first and the last of each `stride` strings; of three, the second says
 * whether it passed, and then there is nothing to say. */
static void
put_list(struct text *t, const char *key, const struct strs *s, size_t stride)
{
	struct text	both = { 0 };
	bool		first = true;

	for (size_t i = 0; i + stride - 1 < s->n; i += stride) {
		if (stride == 3 && strcmp(s->v[i + 1], "pass") == 0)
			continue;
		if (first)
			text_addf(t, "  %s: |\n", key);
		text_clear(&both);
		text_addf(&both, "%s: %s", s->v[i], s->v[i + stride - 1]);
		put_block(t, both.p, both.n, &first);
	}
	text_free(&both);
}

static void
put_diagnostics(struct text *t, const struct test_result *test)
{
	const struct attempt_result	*a = attempts_last(test);
	struct text	why = { 0 };
	char		buf[40];

	text_puts(t, "  ---\n  message: ");
	text_why(&why, test);
	put_quoted(t, why.p);
	text_free(&why);
	text_addf(t, "  status: %s\n", test_status_name(test->status));
	if (a != NULL) {
		if (a->error_category != CATEGORY_NONE)
			text_addf(t, "  category: %s\n", error_category_name(a->error_category));
		text_addf(t, "  outcome: %s\n", outcome_name(a->outcome));
		if (a->has_exit_code)
			text_addf(t, "  exit: %" PRIu64 "\n", a->exit_code);
		if (a->has_signal)
			text_addf(t, "  signal: %s\n", text_signal(a->signal, buf, sizeof(buf)));
	}
	text_addf(t, "  duration_ms: %" PRIu64 ".%03" PRIu64 "\n", test->duration_us / 1000,
	    test->duration_us % 1000);
	text_addf(t, "  attempts: %zu\n", test->nattempts);
	if (a != NULL) {
		put_list(t, "assertions", &a->assertions, 3);
		put_list(t, "subtests", &a->sub_failures, 2);
		put_list(t, "leaked", &a->leaked, 2);
		put_output(t, a);
	}
	text_puts(t, "  ...\n");
}

/* The attempts before the last, and why there was none after it. */
static void
put_attempts(struct text *t, const struct test_result *test)
{
	struct text	why = { 0 };

	for (size_t i = 0; i < test->nattempts; i++) {
		const struct attempt_result	*a = &attempts_of(test)[i];

		if (i + 1 < test->nattempts) {
			text_clear(&why);
			text_why_attempt(&why, a);
			text_addf(t, "# attempt %" PRIu64 ": ", a->number);
			put_description(t, why.p);
			text_puts(t, "\n");
		}
		if (a->decision > RETRY_GRANTED) {
			text_puts(t, "# not retried: ");
			put_description(t, a->reason != NULL ? a->reason :
			    retry_decision_name(a->decision));
			text_puts(t, "\n");
		}
	}
	text_free(&why);
}

static void
put_comments(struct text *t, const struct test_result *test)
{
	const struct attempt_result	*a = attempts_last(test);

	if (test->flaky)
		text_addf(t, "# flaky: passed at attempt %zu\n", test->nattempts);
	put_attempts(t, test);
	if (a != NULL && a->has_subtests)
		text_addf(t, "# subtests: %" PRIu64 " of %" PRIu64 " passed, %" PRIu64
		    " failed, %" PRIu64 " skipped, %" PRIu64 " todo\n", a->sub_passed,
		    a->sub_total, a->sub_failed, a->sub_skipped, a->sub_todo);
}

static void
put_point(struct text *t, uint64_t index, const struct test_result *test)
{
	bool	ok = test->status == TEST_PASS || test->status == TEST_SKIP;

	text_addf(t, "%sok %" PRIu64 " - ", ok ? "" : "not ", index + 1);
	put_description(t, test->name);
	if (test->status == TEST_SKIP) {
		const char	*why = test->message;

		if (why == NULL && test->nattempts > 0)
			why = attempts_last(test)->message;
		text_puts(t, " # SKIP");
		if (why != NULL) {
			text_puts(t, " ");
			put_description(t, why);
		}
	}
	text_puts(t, "\n");
	if (!ok)
		put_diagnostics(t, test);
	put_comments(t, test);
}

static void
begin(struct report_tap *st, const struct results *r)
{
	if (st->begun)
		return;
	st->begun = true;
	text_addf(&st->text, "TAP version %d\n1..%" PRIu64 "%s\n", st->version, r->total,
	    r->total == 0 ? " # SKIP no tests" : "");
	if (r->shuffled)
		text_addf(&st->text, "# shuffled, seed %" PRIu64 "\n", r->seed);
}

static void
tap_event(void *state, const struct msg_event *ev, const struct results *r)
{
	struct report_tap	*st = state;

	(void)ev;
	if (r->tests == NULL)
		return;
	begin(st, r);
	while (st->next < r->total && r->tests[st->next].done) {
		put_point(&st->text, st->next, &r->tests[st->next]);
		st->next++;
	}
	text_write(&st->text, st->out);
}

static int
tap_end(void *state, const struct results *r)
{
	struct report_tap	*st = state;
	int			 err;

	if (r->tests == NULL && !r->finished) {
		text_addf(&st->text, "TAP version %d\nBail out! the run did not start\n",
		    st->version);
		st->begun = true;
	}
	begin(st, r);
	for (; r->tests != NULL && st->next < r->total; st->next++) {
		const struct test_result	*t = &r->tests[st->next];

		if (t->done) {
			put_point(&st->text, st->next, t);
			continue;
		}
		/* The plan promised it: a point that is missing would say less. */
		text_addf(&st->text, "not ok %" PRIu64 " - ", st->next + 1);
		put_description(&st->text, t->name != NULL ? t->name : "(not started)");
		text_puts(&st->text, "\n  ---\n  message: \"the run did not finish\"\n  ...\n");
	}
	text_write(&st->text, st->out);
	err = text_finish(st->out);
	text_free(&st->text);
	free(st);
	return err;
}

void
report_tap(struct reporter *ret, FILE *out, int version)
{
	struct report_tap	*st = xcalloc(1, sizeof(*st));

	st->out = out;
	st->version = version;
	*ret = (struct reporter){ .state = st, .event = tap_event, .end = tap_end };
}
