/*
 * A run as JUnit XML in Surefire's dialect, which Jenkins' schema has: one
 * testcase a test, its earlier attempts inside it.  That schema knows no file and
 * line of a testcase, so that they open the text of a failure, where readers look
 * for them; nor properties of one, so that what the tests cost is told of all of
 * them together.  Output is written of attempts that did not pass.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/outcome.h"
#include "common/xalloc.h"
#include "ctl/attempts.h"
#include "ctl/report.h"
#include "ctl/results.h"
#include "ctl/text_view.h"

#define JUNIT_OUTPUT_MAX	(64 * 1024)	/* bytes of an attempt's output */
#define JUNIT_WRITE		(256 * 1024)	/* bytes gathered before a write */

struct report_junit {
	FILE		*out;	/* borrowed */
	struct text	 text;
};

static void
junit_event(void *state, const struct msg_event *ev, const struct results *results)
{
	(void)state;
	(void)ev;
	(void)results;
}

static void
put_attribute(struct text *t, const char *key, const char *value)
{
	text_addf(t, " %s=\"", key);
	if (value != NULL)
		text_xml(t, value, strlen(value), true);
	text_puts(t, "\"");
}

static void
put_seconds(struct text *t, const char *key, uint64_t us)
{
	uint64_t	ms = us / 1000 + (us % 1000 >= 500);

	text_addf(t, " %s=\"%" PRIu64 ".%03" PRIu64 "\"", key, ms / 1000, ms % 1000);
}

static void
put_property(struct text *t, const char *name, uint64_t value)
{
	text_addf(t, "   <property name=\"%s\" value=\"%" PRIu64 "\"/>\n", name, value);
}

static void
put_word(struct text *t, const char *name, const char *value)
{
	text_addf(t, "   <property name=\"%s\"", name);
	put_attribute(t, "value", value);
	text_puts(t, "/>\n");
}

/* Of more than the limit both ends stay.  A character cut in two becomes a
 * picture of its bytes. */
static void
put_output(struct text *t, const struct attempt_result *a, const char *indent)
{
	size_t		half = JUNIT_OUTPUT_MAX / 2, n = a->output_len;
	uint64_t	before = a->output_bytes - n;

	if (n == 0)
		return;
	text_addf(t, "%s<system-out>", indent);
	if (before > 0)
		text_addf(t, "[%" PRIu64 " bytes before this]\n", before);
	if (n <= JUNIT_OUTPUT_MAX) {
		text_xml(t, a->output, n, false);
	} else {
		text_xml(t, a->output, half, false);
		text_addf(t, "\n[%zu bytes left out]\n", n - 2 * half);
		text_xml(t, a->output + n - half, half, false);
	}
	text_puts(t, "</system-out>\n");
}

/* True when the outcome is trouble around the test and not its verdict. */
static bool
is_error(enum outcome o, enum error_category c)
{
	return o == OUTCOME_EXEC_ERROR || o == OUTCOME_LOST || o == OUTCOME_CANCELLED ||
	    c == CATEGORY_SETUP || c == CATEGORY_TEARDOWN || c == CATEGORY_INFRASTRUCTURE;
}

static bool
is_test_error(const struct test_result *t)
{
	if (t->status == TEST_ERROR || t->status == TEST_CANCELLED || t->nattempts == 0)
		return true;
	return is_error(attempts_last(t)->outcome, attempts_last(t)->error_category);
}

static void
put_line(struct text *t, const char *a, const char *between, const char *b)
{
	text_xml(t, a, strlen(a), false);
	text_puts(t, between);
	text_xml(t, b, strlen(b), false);
	text_puts(t, "\n");
}

static void
put_details(struct text *t, const struct test_result *test, const struct attempt_result *a,
    const char *why)
{
	if (test->source != NULL)
		put_line(t, test->source, ": ", why);
	else
		put_line(t, why, "", "");
	for (size_t i = 0; i + 2 < a->assertions.n; i += 3) {
		if (strcmp(a->assertions.v[i + 1], "pass") != 0)
			put_line(t, a->assertions.v[i], ": ", a->assertions.v[i + 2]);
	}
	for (size_t i = 0; i + 1 < a->sub_failures.n; i += 2) {
		text_puts(t, "subtest ");
		put_line(t, a->sub_failures.v[i], " failed: ", a->sub_failures.v[i + 1]);
	}
	for (size_t i = 0; i + 1 < a->leaked.n; i += 2) {
		text_puts(t, "left running: ");
		put_line(t, a->leaked.v[i], " ", a->leaked.v[i + 1]);
	}
	if (a->decision > RETRY_GRANTED)
		put_line(t, "not retried", ": ", a->reason != NULL ? a->reason :
		    retry_decision_name(a->decision));
}

/* The attempt that decided: failure or error, and what was printed. */
static void
put_failure(struct text *t, const struct test_result *test)
{
	static const struct attempt_result	 none = { .outcome = OUTCOME_CANCELLED };
	const struct attempt_result		*a = test->nattempts > 0 ?
	    attempts_last(test) : &none;
	const char	*tag = is_test_error(test) ? "error" : "failure";
	const char	*type = a->error_category != CATEGORY_NONE ?
	    error_category_name(a->error_category) : test_status_name(test->status);

	struct text	why = { 0 };

	text_why(&why, test);
	text_addf(t, "   <%s", tag);
	put_attribute(t, "message", why.p);
	put_attribute(t, "type", type);
	text_puts(t, ">");
	put_details(t, test, a, why.p);
	text_addf(t, "</%s>\n", tag);
	text_free(&why);
}

/* An attempt that did not decide: it failed before one that passed (flaky) or
 * before the one that failed for good (rerun). */
static void
put_rerun(struct text *t, const struct test_result *test, const struct attempt_result *a)
{
	const char	*tag = is_error(a->outcome, a->error_category) ?
	    (test->flaky ? "flakyError" : "rerunError") :
	    (test->flaky ? "flakyFailure" : "rerunFailure");
	struct text	why = { 0 };

	text_why_attempt(&why, a);
	text_addf(t, "   <%s", tag);
	put_attribute(t, "message", why.p);
	put_attribute(t, "type", outcome_name(a->outcome));
	text_puts(t, ">\n    <stackTrace>");
	put_details(t, test, a, why.p);
	text_puts(t, "</stackTrace>\n");
	put_output(t, a, "    ");
	text_addf(t, "   </%s>\n", tag);
	text_free(&why);
}

static void
put_skipped(struct text *t, const struct test_result *test)
{
	const char	*why = test->message;

	if (why == NULL && test->nattempts > 0)
		why = attempts_last(test)->message;
	text_puts(t, "   <skipped");
	if (why != NULL)
		put_attribute(t, "message", why);
	text_puts(t, "/>\n");
}

static void
put_test(struct text *t, const char *classname, const struct test_result *test)
{
	bool	bad = test->status != TEST_PASS && test->status != TEST_SKIP;

	text_puts(t, "  <testcase");
	put_attribute(t, "classname", classname);
	put_attribute(t, "name", test->name);
	put_seconds(t, "time", test->duration_us);
	if (test->status == TEST_PASS && !test->flaky) {
		text_puts(t, "/>\n");
		return;
	}
	text_puts(t, ">\n");
	if (test->status == TEST_SKIP)
		put_skipped(t, test);
	if (bad)
		put_failure(t, test);
	/* Of a test that only lost attempts, which are no fault of its, and then passed
	 * nothing is said: a reader would take it for flaky. */
	for (size_t i = 0; (bad || test->flaky) && i < test->nattempts; i++) {
		/* Passes are among them where flaky tests are looked for. */
		const struct attempt_result	*a = &attempts_of(test)[i];

		if (a->outcome != OUTCOME_PASS && (!bad || i + 1 < test->nattempts))
			put_rerun(t, test, a);
	}
	if (bad && test->nattempts > 0)
		put_output(t, attempts_last(test), "   ");
	text_puts(t, "  </testcase>\n");
}

/* A reader that counts what is there must not take a lost run for a good one. */
static void
put_unfinished(struct text *t, const char *classname, const struct test_result *test,
    uint64_t index)
{
	text_puts(t, "  <testcase");
	put_attribute(t, "classname", classname);
	if (test->name != NULL)
		put_attribute(t, "name", test->name);
	else
		text_addf(t, " name=\"test %" PRIu64 "\"", index + 1);
	text_puts(t, " time=\"0.000\">\n   <error message=\"the run did not finish\" "
	    "type=\"infrastructure\"/>\n  </testcase>\n");
}

/* What the attempts cost: CPU time of all in milliseconds, the largest memory of
 * one in bytes. */
static void
put_costs(struct text *t, const struct results *r)
{
	uint64_t	attempts = 0, cpu_us = 0, memory = 0, tree = 0;

	for (uint64_t i = 0; r->tests != NULL && i < r->total; i++) {
		const struct test_result	*test = &r->tests[i];

		for (size_t k = 0; k < test->nattempts; k++) {
			const struct attempt_result	*a = &attempts_of(test)[k];

			attempts++;
			cpu_us += a->cpu_us;
			if (a->max_rss > memory)
				memory = a->max_rss;
			if (a->figures[FIGURE_TREE_PEAK] > tree)
				tree = a->figures[FIGURE_TREE_PEAK];
		}
	}
	put_property(t, "attempts", attempts);
	text_addf(t, "   <property name=\"cpuTime\" value=\"%" PRIu64 ".%03" PRIu64 "\"/>\n",
	    cpu_us / 1000, cpu_us % 1000);
	put_property(t, "peakMemory", memory);
	if (tree > 0)
		put_property(t, "treePeakMemory", tree);
	if (r->refused > 0)
		put_property(t, "retriesRefused", r->refused);
}

static void
put_properties(struct text *t, const struct results *r)
{
	text_puts(t, "  <properties>\n");
	put_word(t, "run", r->run);
	if (r->parent != NULL)
		put_word(t, "parentRun", r->parent);
	if (r->revision != NULL)
		put_word(t, "revision", r->revision);
	put_word(t, "status", r->finished ? run_status_name(r->status) : "lost");
	for (size_t i = 0; i < r->warnings.n; i++)
		put_word(t, "warning", r->warnings.v[i]);
	put_property(t, "jobs", r->jobs);
	put_property(t, "workers", r->workers_used);
	put_property(t, "seed", r->seed);
	put_property(t, "flaky", r->flaky);
	put_costs(t, r);
	text_puts(t, "  </properties>\n");
}

static void
put_head(struct text *t, const struct results *r, const char *name)
{
	uint64_t	tests = 0, failures = 0, errors = 0, skipped = 0;
	struct text	totals = { 0 };
	char		host[256] = "";

	for (uint64_t i = 0; r->tests != NULL && i < r->total; i++) {
		const struct test_result	*test = &r->tests[i];

		tests++;
		if (!test->done)
			errors++;
		else if (test->status == TEST_SKIP)
			skipped++;
		else if (test->status != TEST_PASS && is_test_error(test))
			errors++;
		else if (test->status != TEST_PASS)
			failures++;
	}
	put_attribute(&totals, "name", name);
	text_addf(&totals, " tests=\"%" PRIu64 "\" failures=\"%" PRIu64 "\" errors=\"%" PRIu64
	    "\"", tests, failures, errors);
	put_seconds(&totals, "time", r->duration_us);
	if (gethostname(host, sizeof(host) - 1) != 0)
		host[0] = '\0';
	text_puts(t, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites");
	text_puts(t, totals.p);
	text_puts(t, ">\n <testsuite");
	text_puts(t, totals.p);
	text_addf(t, " skipped=\"%" PRIu64 "\" timestamp=\"", skipped);
	text_time(t, r->start_ms, false);
	text_puts(t, "\"");
	put_attribute(t, "hostname", host);
	text_puts(t, " id=\"0\">\n");
	text_free(&totals);
}

static int
junit_end(void *state, const struct results *r)
{
	struct report_junit	*st = state;
	struct text		*t = &st->text;
	const char		*name = r->name != NULL ? r->name : "paratest";
	int			 err;

	put_head(t, r, name);
	put_properties(t, r);
	for (uint64_t i = 0; r->tests != NULL && i < r->total; i++) {
		if (r->tests[i].done)
			put_test(t, name, &r->tests[i]);
		else
			put_unfinished(t, name, &r->tests[i], i);
		if (t->n > JUNIT_WRITE)
			text_write(t, st->out);
	}
	text_puts(t, " </testsuite>\n</testsuites>\n");
	text_write(t, st->out);
	err = text_finish(st->out);
	text_free(t);
	free(st);
	return err;
}

void
report_junit(struct reporter *ret, FILE *out)
{
	struct report_junit	*st = xcalloc(1, sizeof(*st));

	st->out = out;
	*ret = (struct reporter){ .state = st, .event = junit_event, .end = junit_end };
}
