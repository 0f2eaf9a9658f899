/*
 * What is said when a run is over: what failed, in one line each, what was flaky,
 * what was slow, the counts.  Every list has a bound.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "ctl/attempts.h"
#include "ctl/duration.h"
#include "ctl/groups.h"
#include "ctl/text_view.h"

#define SUMMARY_FAILURES	20
#define SUMMARY_FLAKY		10
#define SUMMARY_LEAKS		10
#define SUMMARY_SLOW		5
#define SUMMARY_WARNINGS	10
#define SUMMARY_SLOW_US		1000000	/* worth a word in a small run */
#define SUMMARY_WHY_COLUMNS	100
#define SUMMARY_GROUPS		10	/* of failures that are alike */
#define SUMMARY_GROUP_NAMES	5	/* tests that are named of one, if they */
#define SUMMARY_NAME_COLUMNS	58	/* fit together */
#define SUMMARY_RUN_ID		8	/* of an id, where a person reads it */

static bool
is_bad(const struct test_result *t)
{
	return t->done && t->status != TEST_PASS && t->status != TEST_SKIP &&
	    t->status != TEST_CANCELLED;
}

static void
put_title(struct text *t, const struct text_style *style, const char *title)
{
	text_ink(t, style, INK_BOLD, title);
	text_puts(t, "\n");
}

static void
put_more(struct text *t, const struct text_style *style, uint64_t n)
{
	char	buf[64];

	if (n == 0)
		return;
	(void)snprintf(buf, sizeof(buf), "  %s and %" PRIu64 " more\n",
	    text_mark(style, MARK_DOTS), n);
	text_ink(t, style, INK_DIM, buf);
}

static void
put_failure(struct text *t, const struct text_style *style, const struct test_result *test)
{
	text_puts(t, "  ");
	text_ink(t, style, INK_RED, text_mark(style, MARK_FAIL));
	text_puts(t, " ");
	text_view_name(t, style, test->name, 0);
	text_puts(t, ": ");
	text_view_why(t, style, test, SUMMARY_WHY_COLUMNS);
	text_puts(t, "\n");
}

/* "40 tests failed the same way: FAILURE", and the names of the first few. */
static void
put_group(struct text *t, const struct text_style *style, const struct results *r,
    const struct group *g)
{
	struct text	name = { 0 };
	size_t		shown, cols = 0;
	char		buf[64];

	(void)snprintf(buf, sizeof(buf), "%s %zu tests", text_mark(style, MARK_FAIL), g->n);
	text_puts(t, "  ");
	text_ink(t, style, INK_RED, buf);
	text_puts(t, " failed the same way: ");
	if (g->failure[0] != '\0')
		text_view_line(t, style, g->failure, strlen(g->failure), SUMMARY_WHY_COLUMNS);
	else
		text_view_why(t, style, &r->tests[g->tests[0]], SUMMARY_WHY_COLUMNS);
	text_puts(t, "\n      ");
	for (shown = 0; shown < g->n && shown < SUMMARY_GROUP_NAMES; shown++) {
		text_clear(&name);
		cols += 2 + text_view_name(&name, style, r->tests[g->tests[shown]].name,
		    SUMMARY_NAME_COLUMNS);
		if (shown > 0 && cols > SUMMARY_NAME_COLUMNS)
			break;
		text_puts(t, shown > 0 ? ", " : "");
		text_add(t, name.p, name.n);
	}
	if (g->n > shown)
		text_addf(t, " and %zu more", g->n - shown);
	text_puts(t, "\n");
	text_free(&name);
}

/* Tests that failed alike are one entry, and come first. */
static void
put_failures(struct text *t, const struct text_style *style, const struct results *r)
{
	struct groups	 groups;
	bool		*told = xcalloc(r->total + 1, sizeof(*told));
	uint64_t	 entries = 0, left = 0;

	groups_of(r, &groups);
	for (size_t i = 0; i < groups.n && groups.v[i].n > 1 && entries < SUMMARY_GROUPS; i++) {
		if (entries++ == 0)
			put_title(t, style, "Failed:");
		put_group(t, style, r, &groups.v[i]);
		for (size_t k = 0; k < groups.v[i].n; k++)
			told[groups.v[i].tests[k]] = true;
	}
	for (uint64_t i = 0; i < r->total; i++) {
		if (!is_bad(&r->tests[i]) || told[i])
			continue;
		if (entries >= SUMMARY_FAILURES) {
			left++;
			continue;
		}
		if (entries++ == 0)
			put_title(t, style, "Failed:");
		put_failure(t, style, &r->tests[i]);
	}
	put_more(t, style, left);
	groups_free(&groups);
	free(told);
}

/* Retries that were refused, by decision: how many, and one reason of them. */
static void
put_refused(struct text *t, const struct text_style *style, const struct results *r)
{
	uint64_t	 n[RETRY_DECISION_COUNT] = { 0 };
	const char	*why[RETRY_DECISION_COUNT] = { NULL };

	for (uint64_t i = 0; r->refused > 0 && i < r->total; i++) {
		const struct test_result	*test = &r->tests[i];

		for (size_t k = 0; k < test->nattempts; k++) {
			const struct attempt_result	*a = &attempts_of(test)[k];

			n[a->decision]++;
			if (why[a->decision] == NULL)
				why[a->decision] = a->reason;
		}
	}
	for (size_t d = RETRY_GRANTED + 1; d < RETRY_DECISION_COUNT; d++) {
		if (n[d] == 0)
			continue;
		text_ink(t, style, INK_YELLOW, "Not retried:");
		text_addf(t, " %" PRIu64 " %s: ", n[d], n[d] == 1 ? "test" : "tests");
		if (why[d] == NULL)
			why[d] = retry_decision_name(d);
		text_view_line(t, style, why[d], strlen(why[d]), SUMMARY_WHY_COLUMNS);
		text_puts(t, "\n");
	}
}

static void
put_flaky(struct text *t, const struct text_style *style, const struct results *r)
{
	uint64_t	n = 0;

	for (uint64_t i = 0; i < r->total; i++) {
		const struct test_result	*test = &r->tests[i];

		if (!test->done || !test->flaky || n++ >= SUMMARY_FLAKY)
			continue;
		if (n == 1)
			put_title(t, style, "Flaky:");
		text_puts(t, "  ");
		text_ink(t, style, INK_YELLOW, text_mark(style, MARK_FLAKY));
		text_puts(t, " ");
		text_view_name(t, style, test->name, 0);
		text_addf(t, ": passed at attempt %zu", test->nattempts);
		if (test->nattempts > 1) {
			text_puts(t, " (before: ");
			text_view_attempt_why(t, style, &attempts_of(test)[test->nattempts - 2],
			    SUMMARY_WHY_COLUMNS);
			text_puts(t, ")");
		}
		text_puts(t, "\n");
	}
	put_more(t, style, n > SUMMARY_FLAKY ? n - SUMMARY_FLAKY : 0);
}

/* Processes that a test left running; of one that failed its own block tells. */
static void
put_leaks(struct text *t, const struct text_style *style, const struct results *r)
{
	uint64_t	n = 0;

	for (uint64_t i = 0; i < r->total; i++) {
		const struct test_result	*test = &r->tests[i];
		const struct strs		*leaked;

		if (!test->done || is_bad(test) || test->nattempts == 0)
			continue;
		leaked = &attempts_last(test)->leaked;
		if (leaked->n < 2 || n++ >= SUMMARY_LEAKS)
			continue;
		if (n == 1)
			put_title(t, style, "Left processes running, which were killed:");
		text_puts(t, "  ");
		text_view_name(t, style, test->name, 0);
		text_puts(t, ": ");
		text_view_name(t, style, leaked->v[1], SUMMARY_WHY_COLUMNS);
		if (leaked->n > 2)
			text_addf(t, " and %zu more", leaked->n / 2 - 1);
		text_puts(t, "\n");
	}
	put_more(t, style, n > SUMMARY_LEAKS ? n - SUMMARY_LEAKS : 0);
}

static void
put_slow(struct text *t, const struct text_style *style, const struct results *r)
{
	const struct test_result	*slow[SUMMARY_SLOW] = { NULL };
	char				 buf[DURATION_TEXT];
	size_t				 n = 0;

	for (uint64_t i = 0; i < r->total; i++) {
		const struct test_result	*test = &r->tests[i];
		size_t				 at = n;

		if (!test->done || test->nattempts == 0)
			continue;
		if (n == SUMMARY_SLOW && slow[n - 1]->duration_us >= test->duration_us)
			continue;
		if (n < SUMMARY_SLOW)
			n++;
		else
			at = n - 1;
		for (; at > 0 && slow[at - 1]->duration_us < test->duration_us; at--)
			slow[at] = slow[at - 1];
		slow[at] = test;
	}
	if (n == 0 || r->total < 2)
		return;
	if (r->total <= SUMMARY_SLOW && slow[0]->duration_us < SUMMARY_SLOW_US)
		return;
	put_title(t, style, "Slowest:");
	/* Beside a slow one the quick ones are of no interest. */
	for (size_t i = 0; i < n && slow[i]->duration_us >= slow[0]->duration_us / 10; i++) {
		text_addf(t, "  %7s  ", duration_text(slow[i]->duration_us, buf, sizeof(buf)));
		text_view_name(t, style, slow[i]->name, 0);
		text_puts(t, "\n");
	}
}

static void
put_count(struct text *t, const struct text_style *style, enum text_ink ink, uint64_t n,
    const char *word, size_t start)
{
	char	buf[64];

	if (n == 0)
		return;
	(void)snprintf(buf, sizeof(buf), "%" PRIu64 " %s", n, word);
	if (t->n > start)
		text_puts(t, ", ");
	text_ink(t, style, ink, buf);
}

void
text_counts(struct text *t, const struct text_style *style, const struct results *r)
{
	size_t	start = t->n;

	put_count(t, style, INK_GREEN, r->passed, "passed", start);
	if (r->flaky > 0) {
		text_puts(t, " (");
		put_count(t, style, INK_YELLOW, r->flaky, "flaky", t->n);
		text_puts(t, ")");
	}
	put_count(t, style, INK_RED, r->failed, "failed", start);
	put_count(t, style, INK_RED, r->timed_out, "timed out", start);
	put_count(t, style, INK_RED, r->errored, r->errored == 1 ? "error" : "errors", start);
	put_count(t, style, INK_DIM, r->skipped, "skipped", start);
	put_count(t, style, INK_YELLOW, r->cancelled, "cancelled", start);
	if (t->n == start)
		text_puts(t, "nothing done");
}

static void
put_verdict(struct text *t, const struct text_style *style, const struct results *r)
{
	const char	*word = "NOT FINISHED";
	enum text_ink	 ink = INK_BOLD_YELLOW;

	if (r->finished) {
		word = r->status == RUN_PASSED ? "PASSED" : r->status == RUN_FAILED ? "FAILED" :
		    r->status == RUN_CANCELLED ? "CANCELLED" : "ERROR";
		ink = r->status == RUN_PASSED ? INK_BOLD_GREEN :
		    r->status == RUN_CANCELLED ? INK_BOLD_YELLOW : INK_BOLD_RED;
	}
	text_ink(t, style, ink, word);
	if (r->finished)
		text_addf(t, "  %" PRIu64 " %s: ", r->total, r->total == 1 ? "test" : "tests");
	else
		text_addf(t, "  %" PRIu64 " of %" PRIu64 " done: ", r->done, r->total);
	text_counts(t, style, r);
	text_puts(t, "\n");
	if (r->message != NULL) {
		text_puts(t, "  ");
		text_view_line(t, style, r->message, strlen(r->message), 0);
		text_puts(t, "\n");
	}
}

/* ", expected 12.00s (3% more)": how far off the forecast was. */
static void
put_forecast(struct text *t, const struct results *r)
{
	char		buf[DURATION_TEXT];
	bool		more = r->duration_us > r->expected_us;
	uint64_t	off = more ? r->duration_us - r->expected_us :
	    r->expected_us - r->duration_us;
	uint64_t	percent = (uint64_t)((double)off * 100 / (double)r->expected_us + 0.5);

	text_addf(t, ", expected %s", duration_text(r->expected_us, buf, sizeof(buf)));
	if (percent > 0)
		text_addf(t, " (%" PRIu64 "%% %s)", percent, more ? "more" : "less");
}

static void
put_times(struct text *t, const struct results *r)
{
	char		wall[DURATION_TEXT], sum[DURATION_TEXT];
	uint64_t	tenths;
	/* It was made for all of the tests. */
	bool		forecast = r->expected_us > 0 && r->status != RUN_CANCELLED &&
	    r->cancelled == 0;

	if (!r->finished)
		return;
	text_addf(t, "  took %s", duration_text(r->duration_us, wall, sizeof(wall)));
	if (forecast)
		put_forecast(t, r);
	if (r->total > 1 && r->duration_us > 0 && r->sequential_us > 0) {
		/* Rounded down: a speedup is not to be claimed before it is there. */
		tenths = (uint64_t)((double)r->sequential_us * 10 / (double)r->duration_us);
		text_addf(t, "%s for %s of tests: %" PRIu64 ".%" PRIu64 "x with %" PRIu64
		    " worker%s", forecast ? "\n " : "",
		    duration_text(r->sequential_us, sum, sizeof(sum)),
		    tenths / 10, tenths % 10, r->workers_used, r->workers_used == 1 ? "" : "s");
	}
	text_puts(t, "\n");
	if (r->shuffled)
		text_addf(t, "  shuffled with seed %" PRIu64 "\n", r->seed);
	if (r->evicted > 0)
		text_addf(t, "  %" PRIu64 " attempt%s ended to make room, as memory was short, and ran "
		    "again\n", r->evicted, r->evicted == 1 ? " was" : "s were");
	if (r->resumed > 0)
		text_puts(t, "  the supervisor was lost meanwhile; what had ended was not run "
		    "again\n");
	if (r->parent != NULL)
		text_addf(t, "  again what did not pass in run %.*s\n", SUMMARY_RUN_ID, r->parent);
	if (r->revision != NULL)
		text_addf(t, "  of revision %s\n", r->revision);
}

/* "isolation cgroup, asked for: pid": how the tests were kept apart, of all that ran. */
static void
put_isolation(struct text *t, const struct text_style *style, const struct results *r)
{
	const char	*only = NULL;

	if (!style->isolation || r->isolations == 0)
		return;
	for (unsigned i = 0; i < ISOLATION_COUNT; i++) {
		if ((r->isolations >> i & 1) == 0)
			continue;
		text_addf(t, "%s %s", only != NULL ? "," : "  isolation", isolation_name(i));
		only = isolation_name(i);
	}
	if (r->asked != NULL && strcmp(r->asked, only) != 0) {
		text_puts(t, ", asked for: ");
		text_view_line(t, style, r->asked, strlen(r->asked), 0);
	}
	text_puts(t, "\n");
}

/* A word for a shell, quoted when it must be; false when it cannot be shown. */
static bool
put_word(struct text *t, const struct text_style *style, const char *s)
{
	struct text	shown = { 0 };
	bool		same;

	text_show(&shown, s, strlen(s), style->flags, 0);
	same = shown.n == strlen(s) && memcmp(shown.p, s, shown.n) == 0;
	text_free(&shown);
	if (!same)
		return false;
	if (s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	    "_./:@%+=,-")] == '\0') {
		text_puts(t, s);
		return true;
	}
	text_puts(t, "'");
	for (; *s != '\0'; s++) {
		if (*s == '\'')
			text_puts(t, "'\\''");
		else
			text_add(t, s, 1);
	}
	text_puts(t, "'");
	return true;
}

static void
put_hint(struct text *t, const struct text_style *style, const struct results *r)
{
	struct text	hint = { 0 };

	for (uint64_t i = 0; i < r->total; i++) {
		if (!is_bad(&r->tests[i]) || r->tests[i].nattempts == 0)
			continue;
		text_addf(&hint, "  all of its output: paratestctl output %.*s ",
		    SUMMARY_RUN_ID, r->run);
		if (!put_word(&hint, style, r->tests[i].name))
			text_puts(&hint, "TEST");
		text_ink(t, style, INK_DIM, hint.p);
		text_puts(t, "\n");
		break;
	}
	text_free(&hint);
}

static void
put_warnings(struct text *t, const struct text_style *style, const struct results *r)
{
	for (size_t i = 0; i < r->warnings.n && i < SUMMARY_WARNINGS; i++) {
		text_ink(t, style, INK_YELLOW, "warning:");
		text_puts(t, " ");
		text_view_line(t, style, r->warnings.v[i], strlen(r->warnings.v[i]), 0);
		text_puts(t, "\n");
	}
	put_more(t, style, r->warnings.n > SUMMARY_WARNINGS ?
	    r->warnings.n - SUMMARY_WARNINGS : 0);
}

/* True when the block of its failure had all of its output. */
static bool
is_all_shown(const struct test_result *test)
{
	const struct attempt_result	*a = attempts_last(test);

	return a == NULL || (a->output_bytes == a->output_len &&
	    text_tail(a->output, a->output_len, TEXT_FAILURE_LINES_ALONE) == 0);
}

/* One command: its name and how long it took are all there is to say. */
static void
single(struct text *t, const struct text_style *style, const struct results *r)
{
	const struct test_result	*test = &r->tests[0];
	char				 buf[DURATION_TEXT];

	if (is_bad(test)) {
		if (!is_all_shown(test))
			put_hint(t, style, r);
		return;
	}
	if (test->status == TEST_CANCELLED) {
		text_ink(t, style, INK_BOLD_YELLOW, "CANCELLED");
	} else {
		text_ink(t, style, test->status == TEST_SKIP ? INK_DIM : INK_GREEN,
		    text_mark(style, test->status == TEST_SKIP ? MARK_SKIP : MARK_PASS));
	}
	text_puts(t, " ");
	text_view_name(t, style, test->name, 0);
	if (test->status == TEST_SKIP) {
		text_puts(t, " (skipped: ");
		text_view_why(t, style, test, SUMMARY_WHY_COLUMNS);
		text_puts(t, ")\n");
	} else {
		text_addf(t, " (%s%s)\n", duration_text(test->duration_us, buf, sizeof(buf)),
		    test->flaky ? ", flaky" : "");
	}
}

void
text_summary(struct text *t, const struct text_style *style, const struct results *r)
{
	if (r->tests == NULL && !r->finished)
		return;
	if (r->finished && r->total == 1 && r->tests != NULL && r->tests[0].done) {
		put_warnings(t, style, r);
		put_leaks(t, style, r);
		single(t, style, r);
		put_isolation(t, style, r);
		return;
	}
	text_puts(t, "\n");
	put_warnings(t, style, r);
	if (r->tests != NULL) {
		put_failures(t, style, r);
		put_refused(t, style, r);
		if (!r->detects)
			put_flaky(t, style, r);
		put_leaks(t, style, r);
		put_slow(t, style, r);
	}
	put_verdict(t, style, r);
	put_times(t, r);
	put_isolation(t, style, r);
	if (r->tests != NULL)
		put_hint(t, style, r);
}
