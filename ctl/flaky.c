/* Verdicts, patterns and evidence out of results; see flaky.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/outcome.h"
#include "common/xalloc.h"
#include "ctl/attempts.h"
#include "ctl/chance.h"
#include "ctl/flaky.h"
#include "ctl/flaky_attempt.h"
#include "ctl/flaky_near.h"
#include "ctl/flaky_when.h"
#include "ctl/shell.h"

#define FAR	4	/* times as many plain attempts are too many */

/* ---- attempts ---- */

static void
add_pattern(struct flaky_test *f, const struct attempt_result *a)
{
	size_t	i = 0;

	while (i < f->npatterns && f->patterns[i].fingerprint != a->fingerprint)
		i++;
	if (i == FLAKY_PATTERNS)
		i--;
	if (i == f->npatterns) {
		f->patterns[f->npatterns++] = (struct flaky_pattern){
		    .category = flaky_pattern_name(a), .message = flaky_message(a),
		    .fingerprint = a->fingerprint, .marks = flaky_marks(a) };
	}
	f->patterns[i].count++;
}

static int
by_count(const void *a, const void *b)
{
	const struct flaky_pattern	*x = a, *y = b;

	return x->count < y->count ? 1 : x->count > y->count ? -1 : 0;
}

/* ---- seeing it again ---- */

/* What was seen under one condition promises; .attempts 0: nothing. */
static struct flaky_again
promise(const struct flaky_test *f, enum flake_condition c)
{
	struct flaky_again	a = { .under = c, .fails = f->evidence.at[c].fails,
	    .runs = f->evidence.at[c].runs };

	if (a.fails == 0)
		return a;
	a.low = chance_low(a.fails, a.runs, 1 - FLAKY_SURE);
	a.attempts = chance_runs(a.low, 1 - FLAKY_SURE);
	if (a.attempts > FLAKE_RUNS_MAX)
		a.attempts = FLAKE_RUNS_MAX;
	a.chance = a.low < 1 ? -expm1((double)a.attempts * log1p(-a.low)) : 1;
	return a;
}

/*
 * How to see it fail again: as it is, if it has failed so, since a changed condition
 * leaves doubt whether it is the same failure; but not when that takes far longer than
 * under a condition that certainly matters.
 */
static void
find_again(struct flaky_test *f)
{
	f->again = promise(f, FLAKE_PLAIN);
	for (unsigned c = FLAKE_PLAIN + 1; c < FLAKE_CONDITION_COUNT; c++) {
		struct flaky_again	a = promise(f, (enum flake_condition)c);
		uint64_t		far = f->again.under == FLAKE_PLAIN ? FAR : 1;

		if (f->evidence.at[FLAKE_PLAIN].fails > 0 && !f->cause.effects[c].more)
			continue;
		/* What it does beside copies of itself is something else. */
		if ((FLAKE_ASIDE >> c & 1) != 0 && f->test->flake.fails > 0)
			continue;
		if (a.attempts > 0 && (f->again.attempts == 0 ||
		    a.attempts * far < f->again.attempts))
			f->again = a;
	}
}

/* For the filter, with a backslash before what it would read itself. */
static void
put_filter(struct text *t, const char *name)
{
	text_puts(t, "name(=");
	for (; *name != '\0'; name++)
		text_addf(t, strchr("()\\", *name) != NULL ? "\\%c" : "%c", *name);
	text_puts(t, ")");
}

/* "FILE:LINE" without the line, or a word for what is to be put there. */
static void
put_source(struct text *t, const char *source)
{
	const char	*colon = source != NULL ? strrchr(source, ':') : NULL;
	char		*file;

	if (colon == NULL) {
		text_puts(t, "SUITE...");
		return;
	}
	file = xstrndup(source, (size_t)(colon - source));
	shell_word(t, file);
	free(file);
}

char *
flaky_command(const struct flaky_test *f, const char *suites)
{
	struct text	t = { 0 }, filter = { 0 };

	if (f->again.attempts == 0)
		return NULL;
	put_filter(&filter, f->test->name);
	text_puts(&t, "paratestctl flaky ");
	if (f->again.under != FLAKE_PLAIN)
		text_addf(&t, "--under %s ", flake_condition_name(f->again.under));
	text_addf(&t, "--runs %llu -E ", (unsigned long long)f->again.attempts);
	shell_word(&t, filter.p);
	text_puts(&t, " ");
	if (suites != NULL)
		text_puts(&t, suites);
	else
		put_source(&t, f->test->source);
	text_free(&filter);
	return t.p;
}

/* ---- all of it ---- */

/* What the tests of the run have done. */
struct surroundings {
	const struct results	*results;
	struct flaky_moments	*moments;
	struct flaky_trail	*trail;
};

/* Why it fails, as far as its attempts tell. */
static void
find_cause(struct flaky_test *f, const struct surroundings *s)
{
	struct flaky_evidence	*e = &f->evidence;

	for (size_t i = 0; i < f->npatterns; i++) {
		for (unsigned m = 0; m < FLAKY_MARK_COUNT; m++)
			e->marks[m] += (f->patterns[i].marks >> m & 1) != 0 ? f->patterns[i].count : 0;
	}
	flaky_when(s->moments, f->test, e);
	flaky_near(s->trail, s->results, (uint64_t)(f->test - s->results->tests), e);
	flaky_figures_of(f->test, &f->figures);
	e->slower = flaky_figure_ratio(&f->figures, FLAKY_FIGURE_DURATION);
	e->slower_p = flaky_slower_p(f->test);
	flaky_cause_of(e, &f->cause);
	flaky_lines_of(f->test, f->patterns[0].fingerprint, &f->lines);
}

/* It was ended as memory was short, and says nothing. */
static bool
made_room(const struct attempt_result *a)
{
	return a->outcome == OUTCOME_LOST && a->error_category == CATEGORY_RESOURCE;
}

static void
look_at(const struct test_result *t, struct surroundings *s, const char *suites,
    struct flaky_test *f)
{
	*f = (struct flaky_test){ .test = t, .runs = t->flake.passes + t->flake.fails };
	for (size_t i = 0; i < flaky_attempts(t); i++) {
		const struct attempt_result	*a = &attempts_of(t)[i];
		struct flaky_condition		*c = &f->evidence.at[flaky_condition_of(a)];

		if (a->finished && !made_room(a)) {
			f->errors += outcome_status(a->outcome) == TEST_ERROR;
			f->evidence.lost += a->outcome == OUTCOME_LOST;
		}
		c->runs += flaky_is_evidence(a);
		c->fails += flaky_is_failure(a);
		if (flaky_is_failure(a))
			add_pattern(f, a);
	}
	qsort(f->patterns, f->npatterns, sizeof f->patterns[0], by_count);
	if (f->runs > 0)
		f->share = (double)(t->flake.fails < t->flake.passes ? t->flake.fails :
		    t->flake.passes) / (double)f->runs;
	if (f->npatterns > 0 && (t->flake.verdict == FLAKE_FLAKY ||
	    t->flake.verdict == FLAKE_SUSPECT)) {
		if (s->trail == NULL)
			s->trail = flaky_trail_of(s->results);
		find_cause(f, s);
	}
	find_again(f);
	f->command = flaky_command(f, suites);
	f->advice = flaky_advice(f);
}

/* Flaky, suspect, broken, unsure, stable; then by how often it does what it does less
 * often; then by how often it fails at least, and at most: what is surely broken first, of
 * what is unsure that which is likely to be bad. */
static int
rank(const struct flaky_test *f)
{
	static const int	ranks[FLAKE_VERDICT_COUNT] = { [FLAKE_FLAKY] = 0,
	    [FLAKE_SUSPECT] = 1, [FLAKE_BROKEN] = 2, [FLAKE_UNSURE] = 3, [FLAKE_OPEN] = 3,
	    [FLAKE_STABLE] = 4 };

	return ranks[f->test->flake.verdict];
}

static int
worst_first(const void *a, const void *b)
{
	const struct flaky_test	*x = a, *y = b;

	if (rank(x) != rank(y))
		return rank(x) - rank(y);
	if (x->share < y->share || x->share > y->share)
		return x->share < y->share ? 1 : -1;
	if (x->test->flake.low_ppm != y->test->flake.low_ppm)
		return x->test->flake.low_ppm < y->test->flake.low_ppm ? 1 : -1;
	if (x->test->flake.high_ppm != y->test->flake.high_ppm)
		return x->test->flake.high_ppm < y->test->flake.high_ppm ? 1 : -1;
	return x->test < y->test ? -1 : x->test > y->test;
}

void
flaky_report_of(const struct results *r, const char *suites, struct flaky_report *ret)
{
	struct surroundings	s = { .results = r, .moments = flaky_moments_of(r) };

	*ret = (struct flaky_report){ .tests = xcalloc(r->total + 1, sizeof *ret->tests),
	    .threshold = r->threshold, .ended = r->message, .code = results_exit_code(r, false),
	    .failed = r->failed + r->timed_out + r->errored > 0 };
	for (uint64_t i = 0; r->tests != NULL && i < r->total; i++) {
		const struct test_result	*t = &r->tests[i];

		if (t->name == NULL || (!t->done && !r->finished)) {
			ret->open += !r->finished;
			ret->attempts += t->nattempts;
			continue;
		}
		look_at(t, &s, suites, &ret->tests[ret->n++]);
		ret->counts[t->flake.verdict == FLAKE_OPEN ? FLAKE_UNSURE : t->flake.verdict]++;
		ret->confirmed += t->flake.confirmed;
		ret->attempts += t->nattempts;
	}
	flaky_moments_free(s.moments);
	flaky_trail_free(s.trail);
	qsort(ret->tests, ret->n, sizeof *ret->tests, worst_first);
}

static void
free_test(struct flaky_test *f)
{
	flaky_lines_free(&f->lines);
	free(f->command);
	free(f->advice);
}

void
flaky_report_free(struct flaky_report *r)
{
	for (size_t i = 0; i < r->n; i++)
		free_test(&r->tests[i]);
	free(r->tests);
	*r = (struct flaky_report){ .n = 0 };
}

bool
flaky_is_told(const struct flaky_test *f)
{
	return f->test->flake.verdict != FLAKE_STABLE || f->evidence.at[FLAKE_COPIES].fails > 0;
}

uint64_t
flaky_report_undecided(const struct flaky_report *r)
{
	return r->counts[FLAKE_UNSURE] + r->counts[FLAKE_SUSPECT];
}

int
flaky_report_code(const struct flaky_report *r)
{
	if (r->counts[FLAKE_FLAKY] > 0)
		return EXIT_TESTS_FAILED;
	/* Without a failed test it is what the run did not come to, or a budget. */
	if (!r->failed && (r->code == EXIT_PASSED || r->code == EXIT_TESTS_FAILED))
		return r->ended != NULL && flaky_report_undecided(r) > 0 ? EXIT_TESTS_FAILED :
		    EXIT_PASSED;
	return r->code;
}
