/*
 * Events into results; see results.h.  The events come from a supervisor that is
 * trusted with the run but not with our memory: every index and count is checked.
 */
#include <stdlib.h>
#include <string.h>

#include "common/event.h"
#include "common/xalloc.h"
#include "ctl/attempts.h"
#include "ctl/results.h"

#define RESULTS_TESTS_MAX	10000000	/* more than a plan can have */
#define RESULTS_WARNINGS_MAX	1000
#define RESULTS_BREAKERS_MAX	1000
#define RESULTS_GAPS_MAX	256	/* of more the oldest is given up */

#define SUBTEST_BITS	(MSG_BIT(event, sub_total) | MSG_BIT(event, sub_passed) |	\
	MSG_BIT(event, sub_failed) | MSG_BIT(event, sub_skipped) | MSG_BIT(event, sub_todo))

/* NULL for an empty one. */
static char *
copy(struct sv s)
{
	return s.n > 0 ? xstrndup(s.p, s.n) : NULL;
}

/* Whole groups of `stride` only, since readers take them so. */
static void
copy_list(struct strs *to, struct svs from, uint32_t stride)
{
	size_t	n = from.n - from.n % stride;

	strs_free(to);
	if (n == 0)
		return;
	*to = (struct strs){ .v = xcalloc(n, sizeof(*to->v)), .n = n, .cap = n };
	for (size_t i = 0; i < n; i++)
		to->v[i] = from.v[i].n > 0 ? xstrndup(from.v[i].p, from.v[i].n) : xstrdup("");
}

static void
replace(char **p, struct sv s)
{
	if (s.n == 0)
		return;
	free(*p);
	*p = copy(s);
}

/* A value that this client does not know is no good news. */
static enum test_status
status_of(uint64_t v)
{
	return v < TEST_STATUS_COUNT ? (enum test_status)v : TEST_ERROR;
}

static double
threshold_of(uint64_t ppm)
{
	if (ppm == 0)		/* not said */
		return FLAKE_THRESHOLD;
	return ppm == FLAKE_ANY_PPM ? 0 : (double)ppm / 1e6;
}

static void
on_run_started(struct results *r, const struct msg_event *ev)
{
	if (r->tests != NULL)
		return;
	r->total = ev->total < RESULTS_TESTS_MAX ? ev->total : RESULTS_TESTS_MAX;
	if (r->total > 0)
		r->tests = xcalloc(r->total, sizeof(*r->tests));
	r->jobs = ev->jobs;
	r->seed = ev->seed;
	r->shuffled = ev->shuffled;
	r->detects = nums_at(ev->flake, FLAKE_SET_ON) != 0;
	r->threshold = threshold_of(nums_at(ev->flake, FLAKE_SET_THRESHOLD_PPM));
	r->start_ms = ev->t_ms;
	r->expected_us = ev->expected_us;
	r->bound_us = ev->bound_us;
	replace(&r->name, ev->name);
	replace(&r->parent, ev->parent);
	replace(&r->revision, ev->source);
	replace(&r->asked, ev->isolation);
}

/* The test of an event, NULL when it is about none that the plan has. */
static struct test_result *
test_of(struct results *r, const struct msg_event *ev)
{
	struct test_result	*t;

	if (r->tests == NULL || ev->index >= r->total)
		return NULL;
	t = &r->tests[ev->index];
	if (t->name == NULL && ev->test.p != NULL)
		t->name = xstrndup(ev->test.p, ev->test.n);
	return t->name != NULL ? t : NULL;
}

static void
set_running(struct results *r, struct test_result *t, bool running)
{
	if (t->running == running)
		return;
	t->running = running;
	if (running)
		r->running++;
	else
		r->running--;
}

static void
on_attempt_started(struct results *r, const struct msg_event *ev)
{
	struct test_result	*t = test_of(r, ev);
	struct attempt_result	*a = t != NULL ? attempts_get(t, ev->attempt) : NULL;

	if (a == NULL || a->started)
		return;
	if (ev->expected_us > 0)
		t->expected_us = ev->expected_us;
	a->started = true;
	a->timeout_ms = ev->timeout_ms;
	a->delay_ms = ev->delay_ms;
	a->condition = ev->condition;
	if (!a->finished) {	/* else it came late */
		a->worker = ev->worker;
		a->start_ms = ev->t_ms;
		if (!t->done && a == attempts_last(t))
			set_running(r, t, true);
	}
	/* The one before it is not the newest any more; or this one is over already. */
	attempts_settle(r, t, ev->attempt - 1);
	attempts_settle(r, t, ev->attempt);
}

static void
copy_attempt(struct attempt_result *a, const struct msg_event *ev)
{
	a->finished = true;
	a->worker = ev->worker;
	a->outcome = ev->outcome < OUTCOME_COUNT ? (enum outcome)ev->outcome : OUTCOME_LOST;
	a->start_ms = ev->start_ms;
	a->end_ms = ev->end_ms;
	a->duration_us = ev->duration_us;
	a->cpu_us = ev->cpu_us;
	a->max_rss = ev->max_rss;
	(void)isolation_level_of(ev->isolation, &a->isolation);
	a->has_signal = MSG_HAS(ev, event, signal);
	a->has_exit_code = MSG_HAS(ev, event, exit_code) && !a->has_signal;
	a->exit_code = ev->exit_code;
	a->signal = ev->signal;
	if (ev->output.n > 0) {
		a->output = xmemdup(ev->output.p, ev->output.n);
		a->output_len = ev->output.n;
	}
	a->output_bytes = ev->output_bytes > ev->output.n ? ev->output_bytes : ev->output.n;
	a->output_truncated = ev->output_truncated || a->output_bytes > a->output_len;
	copy_list(&a->assertions, ev->assertions, 3);
	a->error_category = ev->error_category < CATEGORY_COUNT ?
	    (enum error_category)ev->error_category : CATEGORY_NONE;
	a->error_message = copy(ev->error_message);
	copy_list(&a->leaked, ev->leaked, 2);
	a->has_subtests = (ev->has & SUBTEST_BITS) != 0;
	a->sub_total = ev->sub_total;
	a->sub_passed = ev->sub_passed;
	a->sub_failed = ev->sub_failed;
	a->sub_skipped = ev->sub_skipped;
	a->sub_todo = ev->sub_todo;
	copy_list(&a->sub_failures, ev->sub_failures, 2);
	a->message = copy(ev->message);
	a->nfigures = ev->figures.n < FIGURE_COUNT ? ev->figures.n : FIGURE_COUNT;
	for (size_t i = 0; i < a->nfigures; i++)
		a->figures[i] = ev->figures.v[i];
	a->fingerprint = ev->fingerprint;
	a->failure = copy(ev->failure);
}

static void
on_attempt_finished(struct results *r, const struct msg_event *ev)
{
	struct test_result	*t = test_of(r, ev);
	struct attempt_result	*a = t != NULL ? attempts_get(t, ev->attempt) : NULL;

	if (a == NULL || a->finished)
		return;
	copy_attempt(a, ev);
	if (a->isolation != ISOLATION_AUTO)
		r->isolations |= 1u << a->isolation;
	r->evicted += a->outcome == OUTCOME_LOST && a->error_category == CATEGORY_RESOURCE;
	if (a == attempts_last(t))
		set_running(r, t, false);
	attempts_settle(r, t, ev->attempt);
}

static void
count(struct results *r, const struct test_result *t)
{
	r->done++;
	r->flaky += t->flaky;
	switch (t->status) {
	case TEST_PASS:
		r->passed++;
		break;
	case TEST_FAIL:
		r->failed++;
		break;
	case TEST_SKIP:
		r->skipped++;
		break;
	case TEST_TIMEOUT:
		r->timed_out++;
		break;
	case TEST_CANCELLED:
		r->cancelled++;
		break;
	case TEST_ERROR:
	case TEST_STATUS_COUNT:
		r->errored++;
		break;
	}
}

static void
copy_flake(struct flake_result *f, struct nums v)
{
	uint64_t	verdict = nums_at(v, FLAKE_FIG_VERDICT);

	f->verdict = verdict < FLAKE_VERDICT_COUNT ? (enum flake_verdict)verdict : FLAKE_OPEN;
	f->passes = nums_at(v, FLAKE_FIG_PASSES);
	f->fails = nums_at(v, FLAKE_FIG_FAILS);
	f->low_ppm = nums_at(v, FLAKE_FIG_LOW_PPM);
	f->high_ppm = nums_at(v, FLAKE_FIG_HIGH_PPM);
	f->evidence_milli = nums_at(v, FLAKE_FIG_EVIDENCE_MILLI);
	f->recorded = nums_at(v, FLAKE_FIG_STREAK);
}

static void
on_test_finished(struct results *r, const struct msg_event *ev)
{
	struct test_result	*t = test_of(r, ev);

	if (t == NULL || t->done)
		return;
	set_running(r, t, false);
	t->done = true;
	t->status = status_of(ev->status);
	t->flaky = ev->flaky;
	t->duration_us = ev->duration_us;
	t->retries = ev->retries;
	copy_flake(&t->flake, ev->flake);
	attempts_close(t);
	replace(&t->source, ev->source);
	replace(&t->message, ev->message);
	/* Once the supervisor has summed up, its figures stand. */
	if (!r->finished)
		count(r, t);
}

static void
on_run_finished(struct results *r, const struct msg_event *ev)
{
	if (r->finished)
		return;
	r->finished = true;
	r->status = ev->status < RUN_STATUS_COUNT && ev->status != RUN_RUNNING ?
	    (enum run_status)ev->status : RUN_ERROR;
	r->passed = ev->passed;
	r->failed = ev->failed;
	r->skipped = ev->skipped;
	r->timed_out = ev->timed_out;
	r->errored = ev->errored;
	r->cancelled = ev->cancelled;
	r->flaky = ev->flaky_count;
	r->duration_us = ev->duration_us;
	r->sequential_us = ev->sequential_us;
	r->workers_used = ev->workers_used;
	if (ev->start_ms > 0)
		r->start_ms = ev->start_ms;
	r->end_ms = ev->end_ms > 0 ? ev->end_ms : ev->t_ms;
	replace(&r->message, ev->message);
	for (uint32_t i = 0; i < ev->confirmed.n && r->tests != NULL; i++) {
		if (ev->confirmed.v[i] < r->total)
			r->tests[ev->confirmed.v[i]].flake.confirmed = true;
	}
}

static void
on_warning(struct results *r, const struct msg_event *ev)
{
	char	*text;

	if (r->warnings.n >= RESULTS_WARNINGS_MAX || ev->message.n == 0)
		return;
	text = copy(ev->message);
	strs_add(&r->warnings, text);
	free(text);
}

/* What was decided about a retry of an attempt that failed. */
static void
on_retry(struct results *r, const struct msg_event *ev)
{
	struct test_result	*t = test_of(r, ev);
	struct attempt_result	*a = t != NULL ? attempts_get(t, ev->attempt) : NULL;

	if (ev->type == EVENT_RETRY_REFUSED)
		r->refused++;
	if (a == NULL)
		return;
	a->decision = ev->decision < RETRY_DECISION_COUNT ?
	    (enum retry_decision)ev->decision : RETRY_NONE;
	a->retry_delay_ms = ev->delay_ms;
	replace(&a->reason, ev->message);
}

static void
on_breaker(struct results *r, const struct msg_event *ev)
{
	if (r->nbreakers >= RESULTS_BREAKERS_MAX || ev->decision >= BREAKER_STATE_COUNT)
		return;
	r->breakers = xreallocarray(r->breakers, r->nbreakers + 1, sizeof(*r->breakers));
	r->breakers[r->nbreakers++] = (struct breaker_result){ .name = copy(ev->name),
	    .state = (enum breaker_state)ev->decision, .fingerprint = ev->fingerprint,
	    .message = copy(ev->message) };
}

/* Numbers first..last were left out. */
static void
gap_add(struct results *r, uint64_t first, uint64_t last)
{
	if (r->gaps == NULL)
		r->gaps = xcalloc(RESULTS_GAPS_MAX, sizeof(*r->gaps));
	if (r->ngaps == RESULTS_GAPS_MAX) {
		r->ngaps--;
		memmove(r->gaps, r->gaps + 1, r->ngaps * sizeof(*r->gaps));
	}
	r->gaps[r->ngaps++] = (struct results_gap){ first, last };
}

/* Takes a number out of its gap.  False when it is in none. */
static bool
gap_take(struct results *r, uint64_t seq)
{
	struct results_gap	*g;
	size_t			 i = 0;

	while (i < r->ngaps && (seq < r->gaps[i].first || seq > r->gaps[i].last))
		i++;
	if (i == r->ngaps)
		return false;
	g = &r->gaps[i];
	if (g->first == g->last) {
		r->ngaps--;
		memmove(g, g + 1, (r->ngaps - i) * sizeof(*g));
	} else if (seq == g->first) {
		g->first++;
	} else {
		uint64_t	last = g->last;

		g->last = seq - 1;
		if (seq < last)
			gap_add(r, seq + 1, last);
	}
	return true;
}

/* True when an event of that number was not seen before. */
static bool
is_new(struct results *r, uint64_t seq)
{
	if (seq <= r->last_seq)
		return gap_take(r, seq);
	if (seq > r->last_seq + 1)
		gap_add(r, r->last_seq + 1, seq - 1);
	r->last_seq = seq;
	return true;
}

bool
results_event(struct results *r, const struct msg_event *ev)
{
	if (r->run != NULL && !sv_is(ev->run, r->run))
		return false;
	if (ev->seq == 0 || !is_new(r, ev->seq))
		return false;
	if (r->run == NULL)
		r->run = xstrndup(ev->run.p != NULL ? ev->run.p : "", ev->run.n);
	switch (ev->type) {
	case EVENT_RUN_STARTED:
		on_run_started(r, ev);
		break;
	case EVENT_ATTEMPT_STARTED:
		on_attempt_started(r, ev);
		break;
	case EVENT_ATTEMPT_FINISHED:
		on_attempt_finished(r, ev);
		break;
	case EVENT_TEST_FINISHED:
		on_test_finished(r, ev);
		break;
	case EVENT_RUN_CANCELLING:
		r->cancelling = true;
		break;
	case EVENT_WARNING:
		on_warning(r, ev);
		break;
	case EVENT_RUN_FINISHED:
		on_run_finished(r, ev);
		break;
	case EVENT_RETRY_SCHEDULED:
	case EVENT_RETRY_REFUSED:
		on_retry(r, ev);
		break;
	case EVENT_BREAKER_CHANGED:
		on_breaker(r, ev);
		break;
	case EVENT_RUN_RESUMED:
		r->resumed++;
		break;
	default:
		/* From a newer supervisor: it has a number, nothing else. */
		break;
	}
	return true;
}

uint64_t
results_next(const struct results *r, uint64_t since)
{
	uint64_t	next = r->last_seq + 1;

	for (size_t i = 0; i < r->ngaps; i++) {
		const struct results_gap	*g = &r->gaps[i];

		if (g->last >= since && g->first < next)
			next = g->first;
	}
	return next > since ? next : since;
}

void
results_free(struct results *r)
{
	for (uint64_t i = 0; r->tests != NULL && i < r->total; i++) {
		struct test_result	*t = &r->tests[i];

		attempts_free(t);
		free(t->name);
		free(t->source);
		free(t->message);
	}
	free(r->tests);
	attempts_view_free(r->view);
	free(r->run);
	for (size_t i = 0; i < r->nbreakers; i++) {
		free(r->breakers[i].name);
		free(r->breakers[i].message);
	}
	free(r->breakers);
	free(r->name);
	free(r->parent);
	free(r->asked);
	free(r->revision);
	free(r->message);
	strs_free(&r->warnings);
	free(r->gaps);
	*r = (struct results){ 0 };
}

/* How many tests did not pass, by what that says of the run. */
struct problems {
	uint64_t	failures, setups, infrastructure, cancelled;
};

static void
add_problem(struct problems *p, const struct test_result *t)
{
	/* An error without an attempt: nothing could be started for it. */
	const struct attempt_result	*a = attempts_last(t);
	enum error_category		 why = a != NULL ? a->error_category :
	    CATEGORY_INFRASTRUCTURE;

	if (t->status == TEST_CANCELLED)
		p->cancelled++;
	else if (why == CATEGORY_SETUP)
		p->setups++;
	else if (why == CATEGORY_INFRASTRUCTURE && t->status == TEST_ERROR)
		p->infrastructure++;
	else
		p->failures++;
}

int
results_exit_code(const struct results *r, bool flaky_fails)
{
	uint64_t	bad = r->failed + r->timed_out + r->errored;
	struct problems	p = { 0 };

	if (!r->finished)
		return EXIT_INFRASTRUCTURE;
	for (uint64_t i = 0; r->tests != NULL && i < r->total; i++) {
		const struct test_result	*t = &r->tests[i];

		if (t->done && t->status != TEST_PASS && t->status != TEST_SKIP)
			add_problem(&p, t);
	}
	/* What is counted but was not seen may be a failure. */
	if (p.failures > 0 || bad > p.setups + p.infrastructure)
		return EXIT_TESTS_FAILED;
	if (p.setups > 0 && p.infrastructure > 0)
		return EXIT_TESTS_FAILED;
	if (r->status == RUN_CANCELLED)
		return EXIT_TESTS_FAILED;
	if (p.setups > 0)
		return EXIT_SETUP_FAILED;
	if (p.infrastructure > 0 || r->status == RUN_ERROR)
		return EXIT_INFRASTRUCTURE;
	if (p.cancelled > 0 || r->cancelled > 0 || r->status == RUN_FAILED)
		return EXIT_TESTS_FAILED;
	if (r->total == 0 && r->passed + r->skipped == 0)
		return EXIT_NO_TESTS;
	return flaky_fails && r->flaky > 0 ? EXIT_FLAKY : EXIT_PASSED;
}
