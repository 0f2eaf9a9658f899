/*
 * A run's events for tests of reporters: each is built from what matters, fed to
 * results and to one reporter, and what the reporter wrote is read back.
 */
#ifndef TESTS_UNIT_EVENTS_FIXTURE_H
#define TESTS_UNIT_EVENTS_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/event.h"
#include "common/msg.h"
#include "common/outcome.h"
#include "ctl/report.h"
#include "ctl/results.h"

#define FX_RUN	"5f3a9c1e0d7b4826a1c2e3f405162738"
#define FX_START_MS	UINT64_C(1700000000000)	/* 2023-11-14T22:13:20Z */

struct fx {
	struct results	 results;
	struct reporter	 reporter;	/* all NULL: none */
	uint64_t	 seq, t_ms;	/* of the last event */
	FILE		*out;
	char		*written;
	size_t		 written_len;
};

static inline void
fx_open(struct fx *fx)
{
	*fx = (struct fx){ .t_ms = FX_START_MS };
	fx->out = open_memstream(&fx->written, &fx->written_len);
	if (fx->out == NULL)
		abort();
}

/* Ends the reporter; what it wrote is in fx->written from now on. */
static inline int
fx_end(struct fx *fx)
{
	int	r = 0;

	if (fx->reporter.end != NULL)
		r = fx->reporter.end(fx->reporter.state, &fx->results);
	(void)fflush(fx->out);
	return r;
}

static inline void
fx_close(struct fx *fx)
{
	(void)fclose(fx->out);
	free(fx->written);
	results_free(&fx->results);
}

static inline bool
fx_feed(struct fx *fx, enum event_type type, struct msg_event ev)
{
	ev.seq = ++fx->seq;
	if (ev.t_ms == 0)
		ev.t_ms = fx->t_ms;
	ev.type = type;
	if (ev.run.p == NULL)
		ev.run = SV_LIT(FX_RUN);
	if (!results_event(&fx->results, &ev))
		return false;
	if (fx->reporter.event != NULL)
		fx->reporter.event(fx->reporter.state, &ev, &fx->results);
	return true;
}

static inline void
fx_started(struct fx *fx, uint64_t total)
{
	fx_feed(fx, EVENT_RUN_STARTED, (struct msg_event){ .total = total, .jobs = 4,
	    .seed = 7, .name = SV_LIT("demo") });
}

static inline void
fx_attempt(struct fx *fx, uint64_t index, const char *name, uint64_t attempt)
{
	fx_feed(fx, EVENT_ATTEMPT_STARTED, (struct msg_event){ .test = sv_from(name),
	    .index = index, .attempt = attempt, .worker = 1, .timeout_ms = 30000 });
}

/* ev: what differs from a pass with exit code 0 after 12.5 ms. */
static inline void
fx_attempt_done(struct fx *fx, uint64_t index, const char *name, uint64_t attempt,
    enum outcome outcome, struct msg_event ev)
{
	ev.test = sv_from(name);
	ev.index = index;
	ev.attempt = attempt;
	ev.worker = 1;
	ev.outcome = outcome;
	if (ev.duration_us == 0)
		ev.duration_us = 12500;
	ev.start_ms = fx->t_ms;
	ev.end_ms = fx->t_ms + ev.duration_us / 1000;
	ev.cpu_us = 8250;
	ev.max_rss = 1 << 20;
	if (ev.output_bytes < ev.output.n)
		ev.output_bytes = ev.output.n;
	ev.has |= ev.signal != 0 ? MSG_BIT(event, signal) : MSG_BIT(event, exit_code);
	fx_feed(fx, EVENT_ATTEMPT_FINISHED, ev);
}

static inline void
fx_test_done(struct fx *fx, uint64_t index, const char *name, enum test_status status,
    struct msg_event ev)
{
	ev.test = sv_from(name);
	ev.index = index;
	ev.status = status;
	if (ev.duration_us == 0 && ev.attempts > 0)
		ev.duration_us = 12500;
	fx_feed(fx, EVENT_TEST_FINISHED, ev);
}

/* A whole test of one attempt. */
static inline void
fx_test(struct fx *fx, uint64_t index, const char *name, enum outcome outcome,
    struct msg_event ev)
{
	fx_attempt(fx, index, name, 1);
	fx_attempt_done(fx, index, name, 1, outcome, ev);
	fx_test_done(fx, index, name, outcome_status(outcome), (struct msg_event){ .attempts = 1,
	    .duration_us = ev.duration_us });
}

/* With the counts that the results have by now. */
static inline void
fx_finished(struct fx *fx, enum run_status status)
{
	const struct results	*r = &fx->results;

	fx_feed(fx, EVENT_RUN_FINISHED, (struct msg_event){ .status = status, .total = r->total,
	    .passed = r->passed, .failed = r->failed, .skipped = r->skipped,
	    .timed_out = r->timed_out, .errored = r->errored, .cancelled = r->cancelled,
	    .flaky_count = r->flaky, .duration_us = 1000000, .sequential_us = 3905000,
	    .workers_used = 4, .start_ms = FX_START_MS, .end_ms = FX_START_MS + 1000 });
}

/*
 * The run that the golden outputs show: a pass, a failure with everything that can
 * be said of one, a flaky pass, a skip, a timeout, a test that was not started.
 */
static inline void
fx_demo(struct fx *fx)
{
	static const struct sv	assertions[] = { { "exit_code", 9 }, { "fail", 4 },
	    { "expected 0, got 3", 17 }, { "output_contains", 15 }, { "pass", 4 }, { "", 0 } };
	static const struct sv	leaked[] = { { "4711", 4 }, { "sleep 1000", 10 } };

	fx_started(fx, 6);
	fx_test(fx, 0, "greets", OUTCOME_PASS, (struct msg_event){ .output = SV_LIT("hi\n") });
	fx_attempt(fx, 1, "adds # up", 1);
	fx_attempt_done(fx, 1, "adds # up", 1, OUTCOME_FAIL, (struct msg_event){ .exit_code = 3,
	    .output = SV_LIT("  two\x1b[31m red\x1b[0m\n\nthree\n"), .output_bytes = 100,
	    .output_truncated = true, .assertions = { assertions, 6 },
	    .error_category = CATEGORY_ASSERTION, .error_message = SV_LIT("1 of 2 failed"),
	    .leaked = { leaked, 2 } });
	fx_test_done(fx, 1, "adds # up", TEST_FAIL, (struct msg_event){ .attempts = 1,
	    .source = SV_LIT("demo.yaml:12") });
	fx_attempt(fx, 2, "wobbles", 1);
	fx_attempt_done(fx, 2, "wobbles", 1, OUTCOME_CRASH, (struct msg_event){ .signal = 11 });
	fx_attempt(fx, 2, "wobbles", 2);
	fx_attempt_done(fx, 2, "wobbles", 2, OUTCOME_PASS, (struct msg_event){ 0 });
	fx_test_done(fx, 2, "wobbles", TEST_PASS, (struct msg_event){ .flaky = true,
	    .attempts = 2, .retries = 1, .duration_us = 25000 });
	fx_test_done(fx, 3, "not here", TEST_SKIP, (struct msg_event){
	    .message = SV_LIT("needs root") });
	fx_test(fx, 4, "hangs", OUTCOME_TIMEOUT, (struct msg_event){ .signal = 15,
	    .duration_us = 30000000, .error_category = CATEGORY_TIMEOUT });
	fx_test_done(fx, 5, "late", TEST_CANCELLED, (struct msg_event){
	    .message = SV_LIT("it was not started") });
	fx_finished(fx, RUN_FAILED);
}

#endif
