/* Events out of what happened; see record.h. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/figures.h"
#include "common/log.h"
#include "common/spec.h"
#include "supervisor/record.h"
#include "supervisor/runs.h"

static struct sv
cut(struct sv s)
{
	return (struct sv){ s.p, s.n < SPEC_TEXT_MAX ? s.n : SPEC_TEXT_MAX };
}

/* What an administrator may want to know of it: runs, and what was lost under them; with
 * --verbose every attempt. */
static void
tell(const struct run *run, const struct msg_event *ev)
{
	struct log_subject	about = { .run = run->id, .test = ev->test, .has_uid = true,
	    .uid = run->uid, .worker = (unsigned)ev->worker };
	bool			lost = ev->outcome == OUTCOME_LOST;

	switch (ev->type) {
	case EVENT_RUN_STARTED:
		log_about(&about, LOG_LEVEL_INFO, "run", "%.8s of uid %u begins: %llu tests",
		    run->id, (unsigned)run->uid, (unsigned long long)ev->total);
		break;
	case EVENT_RUN_FINISHED:
		log_about(&about, LOG_LEVEL_INFO, "run", "%.8s is over: %s, %llu of %llu passed",
		    run->id, run_status_name(ev->status), (unsigned long long)ev->passed,
		    (unsigned long long)ev->total);
		break;
	case EVENT_ATTEMPT_FINISHED:
		log_about(&about, lost ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG, "run",
		    "%.8s: " SV_FMT ", attempt %llu: %s", run->id, SV_ARG(ev->test),
		    (unsigned long long)ev->attempt, outcome_name(ev->outcome));
		break;
	default:
		break;
	}
}

static void
append(struct run *run, struct msg_event *ev, enum event_type type)
{
	struct log_subject	about = { .run = run->id, .has_uid = true, .uid = run->uid };
	int			r;

	ev->type = type;
	ev->t_ms = wall_ms();
	ev->run = sv_from(run->id);
	tell(run, ev);
	r = evlog_append(&run->log, ev);
	if (r == -EMSGSIZE) {	/* a test that says too much: keep the figures */
		ev->output = (struct sv){ NULL, 0 };
		ev->assertions = ev->leaked = ev->sub_failures = (struct svs){ NULL, 0 };
		ev->error_message = cut(ev->error_message);
		ev->message = cut(ev->message);
		ev->output_truncated = true;
		r = evlog_append(&run->log, ev);
	}
	if (r != 0)
		log_about(&about, LOG_LEVEL_WARN, "run", "%s: an event is lost: %s", run->id,
		    strerror(-r));
	runs_on_event(run->runs, type);
}

static void
about(struct msg_event *ev, const struct run *run, const struct manifest_test *t)
{
	memset(ev, 0, sizeof *ev);
	ev->test = t->name;
	ev->index = (uint64_t)(t - run->plan.tests);
	ev->has = MSG_BIT(event, index);
}

void
record_begun(struct run *run)
{
	const struct flake_policy *flake = &run->plan.flake;
	uint64_t		set[FLAKE_SET_THRESHOLD_PPM + 1] = { [FLAKE_SET_ON] = 1,
	    [FLAKE_SET_RUNS] = flake->runs, [FLAKE_SET_MAX_RUNS] = flake->max_runs,
	    [FLAKE_SET_THRESHOLD_PPM] = (uint64_t)(flake->threshold * 1e6 + 0.5) };
	struct msg_event	ev = { .total = run->plan.ntests, .jobs = run->plan.jobs,
	    .seed = run->plan.seed, .name = sv_from(run->plan.label),
	    .shuffled = run->plan.shuffle, .parent = sv_from(run->plan.parent),
	    .source = sv_from(run->plan.revision),
	    .expected_us = run->expected_us, .bound_us = run->bound_us };
	char			asked[ISOLATION_TEXT];

	if (isolation_pack(&run->plan.asked) != 0)
		ev.isolation = sv_from(isolation_format(&run->plan.asked, asked));
	if (flake->on)
		ev.flake = (struct nums){ set, sizeof set / sizeof set[0] };
	append(run, &ev, EVENT_RUN_STARTED);
}

void
record_started(struct run *run, const struct manifest_test *t, uint32_t attempt, unsigned slot)
{
	struct msg_event	ev;

	about(&ev, run, t);
	ev.attempt = attempt;
	ev.worker = slot;
	ev.timeout_ms = manifest_limit(t, t->bounds->timeout_ms);
	ev.delay_ms = t->delay_ms;
	ev.condition = t->condition;
	ev.expected_us = run->plan.sched[ev.index].expected_us;
	append(run, &ev, EVENT_ATTEMPT_STARTED);
}

/* The last RECORD_TAIL bytes of both streams.  How many. */
static size_t
tail_of(const struct run *run, const struct manifest_test *t, uint32_t attempt, char *buf)
{
	const struct manifest_output	*o = t->outputs;
	uint64_t			 total = 0, skip;
	size_t				 n = 0;

	if (o == NULL || o->attempt != attempt)
		return 0;
	for (const struct manifest_extent *e = o->first; e != NULL; e = e->next)
		total += e->len;
	skip = total > RECORD_TAIL ? total - RECORD_TAIL : 0;
	for (const struct manifest_extent *e = o->first; e != NULL; e = e->next) {
		uint64_t	from = skip < e->len ? skip : e->len;

		skip -= from;
		if (from == e->len)
			continue;
		if (journal_read(&run->journal, e->at + from, buf + n, e->len - from) != 0)
			break;
		n += e->len - from;
	}
	return n;
}

/* What the worker said of it. */
static void
copy_done(struct msg_event *ev, const struct msg_attempt_done *d)
{
	ev->start_ms = d->start_ms;
	ev->end_ms = d->start_ms + d->elapsed_us / 1000;
	if (MSG_HAS(d, attempt_done, exit_code)) {
		ev->exit_code = d->exit_code;
		ev->has |= MSG_BIT(event, exit_code);
	}
	ev->signal = d->signal;
	ev->cpu_us = d->cpu_us;
	ev->max_rss = d->max_rss;
	ev->output_bytes = d->stdout_bytes + d->stderr_bytes;
	ev->output_truncated = d->truncated;
	ev->assertions = d->assertions;
	ev->error_message = d->error_message;
	ev->error_category = d->error_category < CATEGORY_COUNT ? d->error_category : 0;
	ev->leaked = d->leaked;
	ev->sub_total = d->sub_total;
	ev->sub_passed = d->sub_passed;
	ev->sub_failed = d->sub_failed;
	ev->sub_skipped = d->sub_skipped;
	ev->sub_todo = d->sub_todo;
	ev->sub_failures = d->sub_failures;
	ev->message = d->skip_reason;
	ev->fingerprint = d->fingerprint;
	ev->failure = cut(d->failure);
}

/* The worker's figures, and ours among them; those that it does not know are not ours to tell. */
static struct nums
figures(const struct manifest_test *t, struct nums measured, uint64_t buf[FIGURE_COUNT])
{
	for (uint32_t i = 0; i < FIGURE_COUNT; i++)
		buf[i] = figure_of(measured, i);
	buf[FIGURE_QUEUED_US] = t->queued_us;
	return (struct nums){ buf, measured.n > FIGURE_QUEUED_US ? FIGURE_COUNT :
	    FIGURE_QUEUED_US + 1 };
}

void
record_attempt(struct run *run, const struct manifest_test *t, uint32_t attempt, enum outcome outcome,
    const struct pool_over *over)
{
	struct msg_event	ev;
	char			tail[RECORD_TAIL];
	uint64_t		buf[FIGURE_COUNT];

	about(&ev, run, t);
	ev.attempt = attempt;
	ev.worker = over->slot;
	ev.outcome = outcome;
	ev.has |= MSG_BIT(event, outcome);
	ev.duration_us = over->elapsed_us;
	ev.isolation = sv_from(over->isolation);
	if (over->end == POOL_DONE) {
		copy_done(&ev, over->done);
		ev.figures = figures(t, over->done->figures, buf);
		ev.output = (struct sv){ tail, tail_of(run, t, attempt, tail) };
		ev.output_truncated |= ev.output_bytes > ev.output.n;
	} else {
		ev.start_ms = over->start_ms;
		ev.end_ms = over->start_ms + over->elapsed_us / 1000;
		ev.error_category = CATEGORY_INFRASTRUCTURE;
		ev.error_message = over->why != NULL ? sv_from(over->why) :
		    over->slot != 0 ? SV_LIT("its worker was lost") :
		    SV_LIT("no worker could be started for it");
	}
	if (over->end == POOL_DONE && outcome == OUTCOME_LOST) {	/* it made room */
		ev.error_category = CATEGORY_RESOURCE;
		ev.error_message = sv_from(over->why);
	}
	append(run, &ev, EVENT_ATTEMPT_FINISHED);
}

static struct nums
flake_figures(const struct manifest *plan, const struct manifest_test *t,
    uint64_t buf[FLAKE_FIG_COUNT])
{
	const struct flake_policy	*p = &plan->flake;
	double				 low, high, evidence = flake_evidence(p, t->fails, t->passes);
	uint32_t			 streak = plan->records != NULL ?
	    flake_streak(&plan->records[t - plan->tests]) : 0;

	flake_interval(p, t->fails, t->passes, &low, &high);
	buf[FLAKE_FIG_VERDICT] = flake_conclude(p, t->fails, t->passes, streak);
	buf[FLAKE_FIG_STREAK] = streak;
	buf[FLAKE_FIG_PASSES] = t->passes;
	buf[FLAKE_FIG_FAILS] = t->fails;
	buf[FLAKE_FIG_LOW_PPM] = (uint64_t)(low * 1e6);
	buf[FLAKE_FIG_HIGH_PPM] = (uint64_t)(high * 1e6 + 0.5);
	buf[FLAKE_FIG_EVIDENCE_MILLI] = evidence > 0 ? (uint64_t)(evidence * 1000) : 0;
	return (struct nums){ buf, FLAKE_FIG_COUNT };
}

void
record_verdict(struct run *run, const struct manifest_test *t, const struct sched_act *a)
{
	uint64_t		flake[FLAKE_FIG_COUNT];
	struct msg_event	ev;

	about(&ev, run, t);
	ev.status = a->status;
	ev.has |= MSG_BIT(event, status);
	ev.flaky = a->flaky;
	ev.attempts = t->attempts;
	ev.retries = t->attempts - t->lost > 1 && !run->plan.flake.on ?
	    t->attempts - t->lost - 1 : 0;
	ev.duration_us = t->duration_us;
	ev.source = t->source;
	if (t->attempts == 0)
		ev.message = a->status == TEST_SKIP ? t->skip : SV_LIT("it was not started");
	if (a->lost_for_good)
		ev.message = SV_LIT("its worker was lost each time it ran");
	if (run->plan.flake.on)
		ev.flake = flake_figures(&run->plan, t, flake);
	append(run, &ev, EVENT_TEST_FINISHED);
}

void
record_interrupted(struct run *run, const struct manifest_test *t, uint32_t attempt)
{
	struct msg_event	ev;

	about(&ev, run, t);
	ev.attempt = attempt;
	ev.outcome = OUTCOME_LOST;
	ev.has |= MSG_BIT(event, outcome);
	ev.start_ms = ev.end_ms = wall_ms();
	ev.error_category = CATEGORY_INFRASTRUCTURE;
	ev.error_message = SV_LIT("the supervisor was lost while it ran");
	append(run, &ev, EVENT_ATTEMPT_FINISHED);
}

void
record_resumed(struct run *run)
{
	struct msg_event	ev = { .message = SV_LIT("the supervisor was lost; another one "
	    "goes on with the run") };

	append(run, &ev, EVENT_RUN_RESUMED);
}

/* ---- retries ---- */

void
record_retry(struct run *run, const struct manifest_test *t, const struct sched_act *a)
{
	static const char *const	texts[] = { [WHERE_NOW] = "it runs again",
	    [WHERE_END] = "it runs again after the other tests",
	    [WHERE_ALONE] = "it runs again alone, after the other tests" };
	struct msg_event		ev;

	about(&ev, run, t);
	ev.attempt = a->attempt;
	ev.decision = RETRY_GRANTED;
	ev.delay_ms = a->delay_ms;
	ev.message = sv_from(texts[a->where < WHERE_COUNT ? a->where : WHERE_NOW]);
	append(run, &ev, EVENT_RETRY_SCHEDULED);
}

static struct sv
tag_name(const struct run *run, uint32_t tag)
{
	return tag < run->plan.ntags ? run->plan.tags[tag].name : SV_LIT("");
}

void
record_refused(struct run *run, const struct manifest_test *t, const struct sched_act *a)
{
	struct msg_event	ev;
	struct sv		tag = tag_name(run, a->tag);
	char			text[400];

	about(&ev, run, t);
	ev.attempt = a->attempt;
	ev.decision = a->decision;
	switch (a->decision) {
	case RETRY_RULE:
		ev.message = SV_LIT("a rule of its `never` matches, or none of its `on`");
		break;
	case RETRY_BUDGET:
		ev.message = SV_LIT("the run's budget of retries is used up");
		break;
	case RETRY_TAG_BUDGET:
		(void)snprintf(text, sizeof text, "the budget of retries of tag '%.*s' is used up",
		    (int)(tag.n > 200 ? 200 : tag.n), tag.p);
		ev.message = sv_from(text);
		break;
	case RETRY_BREAKER:
		ev.message = SV_LIT("the circuit breaker is open: such retries do not help now");
		break;
	case RETRY_MASS_FAILURE:
		ev.message = SV_LIT("nearly all tests of the run fail: it is not this test");
		break;
	case RETRY_NONE:
	case RETRY_GRANTED:
	case RETRY_DECISION_COUNT:
		break;
	}
	append(run, &ev, EVENT_RETRY_REFUSED);
}

void
record_breaker(struct run *run, const struct sched_act *a)
{
	struct msg_event	ev = { .decision = a->state, .fingerprint = a->fingerprint,
	    .has = MSG_BIT(event, decision) };
	struct sv		tag = tag_name(run, a->tag);
	char			name[300], text[400];

	if (a->scope == BREAKER_TAG)
		(void)snprintf(name, sizeof name, "tag %.*s",
		    (int)(tag.n > 200 ? 200 : tag.n), tag.p);
	else if (a->scope == BREAKER_FINGERPRINT)
		(void)snprintf(name, sizeof name, "failure %016llx",
		    (unsigned long long)a->fingerprint);
	else
		(void)snprintf(name, sizeof name, "run");
	ev.name = sv_from(name);
	(void)snprintf(text, sizeof text, "circuit breaker of %s: %s%s", name,
	    breaker_state_name(a->state),
	    a->decision == RETRY_MASS_FAILURE ? ", since nearly all tests of the run fail" : "");
	ev.message = sv_from(text);
	append(run, &ev, EVENT_BREAKER_CHANGED);
}

void
record_cancelling(struct run *run, const char *why)
{
	struct msg_event	ev = { .message = sv_from(why) };

	append(run, &ev, EVENT_RUN_CANCELLING);
}

void
record_warning(struct run *run, const char *text)
{
	struct msg_event	ev = { .message = sv_from(text) };

	append(run, &ev, EVENT_WARNING);
}

struct finding {
	double		evidence;
	uint64_t	test;
};

static int
by_evidence(const void *a, const void *b)
{
	double	x = ((const struct finding *)a)->evidence, y = ((const struct finding *)b)->evidence;

	return x < y ? 1 : x > y ? -1 : 0;
}

static double
evidence_of(const struct flake_policy *p, const struct manifest_test *t)
{
	return flake_conclude(p, t->fails, t->passes, 0) == FLAKE_FLAKY ?
	    flake_evidence(p, t->fails, t->passes) : -HUGE_VAL;
}

#define CONFIRMED_MAX	20000	/* tests; what an event has room for */

/* The tests of which the whole run says that they are flaky, in *ret; what that borrows
 * is the caller's to free.  Of one that is not flaky by itself nothing is held to be
 * known, which leaves an e-value an e-value. */
static uint64_t *
confirm(const struct manifest *p, struct nums *ret)
{
	struct finding	*v = calloc((size_t)p->ntests + 1, sizeof *v);
	double		*evidence = calloc((size_t)p->ntests + 1, sizeof *evidence);
	uint64_t	*tests = calloc((size_t)p->ntests + 1, sizeof *tests);
	uint32_t	 m = 0, n = 0;

	*ret = (struct nums){ tests, 0 };
	for (uint32_t i = 0; i < p->ntests && v != NULL; i++) {
		if (p->tests[i].fails + p->tests[i].passes == 0)
			continue;
		v[m++] = (struct finding){ evidence_of(&p->flake, &p->tests[i]), i };
	}
	if (v != NULL && evidence != NULL && tests != NULL) {
		qsort(v, m, sizeof *v, by_evidence);
		for (uint32_t i = 0; i < m; i++)
			evidence[i] = v[i].evidence;
		n = flake_confirm(evidence, m, p->flake.fdr);
		ret->n = n < CONFIRMED_MAX ? n : CONFIRMED_MAX;
		for (uint32_t i = 0; i < ret->n; i++)
			tests[i] = v[i].test;
	}
	free(v);
	free(evidence);
	return tests;
}

void
record_finished(struct run *run, const char *why)
{
	uint64_t		*confirmed = NULL;
	struct msg_event	ev = { .has = MSG_BIT(event, status), .status = run->status,
	    .total = run->plan.ntests, .passed = run->counts[TEST_PASS],
	    .failed = run->counts[TEST_FAIL], .skipped = run->counts[TEST_SKIP],
	    .timed_out = run->counts[TEST_TIMEOUT], .errored = run->counts[TEST_ERROR],
	    .cancelled = run->counts[TEST_CANCELLED], .flaky_count = run->flaky,
	    .duration_us = run->duration_us, .sequential_us = run->sequential_us,
	    .start_ms = run->start_ms, .end_ms = run->end_ms, .message = sv_from(why) };

	for (size_t i = 0; i < sizeof run->workers / sizeof run->workers[0]; i++)
		ev.workers_used += (uint64_t)__builtin_popcountll(run->workers[i]);
	if (run->plan.flake.on)
		confirmed = confirm(&run->plan, &ev.confirmed);
	append(run, &ev, EVENT_RUN_FINISHED);
	free(confirmed);
}
