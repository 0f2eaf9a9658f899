/* Attempts that are packed: nothing that a report needs is lost, and they stay small. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <malloc.h>

#include "common/flake.h"
#include "ctl/attempt_pack.h"
#include "ctl/attempts.h"
#include "ctl/flaky.h"
#include "tests/unit/events_fixture.h"

#define FIXED	4096		/* bytes of a test with its first and its last attempt */
#define EACH	32		/* of each attempt more, with what malloc takes */

static const uint64_t	detects[] = { 1 };

static void
begin(struct fx *fx, uint64_t total)
{
	fx_open(fx);
	fx_feed(fx, EVENT_RUN_STARTED, (struct msg_event){ .total = total, .jobs = 4, .seed = 7,
	    .flake = { detects, 1 } });
}

/* Figures as /bin/true has them; n: a number of the attempt. */
static void
measure(uint64_t n, uint64_t figures[FIGURE_COUNT])
{
	uint64_t	state = n * UINT64_C(0x9e3779b97f4a7c15);

	memset(figures, 0, FIGURE_COUNT * sizeof figures[0]);
	figures[FIGURE_USER_US] = 200 + state % 400;
	figures[FIGURE_SYSTEM_US] = 100 + (state >> 10) % 400;
	figures[FIGURE_TREE_PEAK] = UINT64_C(2727936) + 4096 * ((state >> 20) % 16);
	figures[FIGURE_TREE_SOURCE] = SOURCE_RUSAGE;
	figures[FIGURE_MINOR_FAULTS] = 48 + (state >> 24) % 5;
	figures[FIGURE_VOLUNTARY] = 1;
	figures[FIGURE_INVOLUNTARY] = (state >> 30) % 3;
	figures[FIGURE_READ_BYTES] = 3980;
	figures[FIGURE_PROCESSES] = figures[FIGURE_SESSIONS] = 1;
	figures[FIGURE_SPAWN_US] = 100 + (state >> 32) % 200;
	figures[FIGURE_QUEUED_US] = n * 1600000;
}

/* An attempt as the supervisor tells of one. */
static void
attempt(struct fx *fx, uint64_t index, uint64_t number, enum flake_condition condition,
    enum outcome outcome, struct msg_event ev)
{
	uint64_t	figures[FIGURE_COUNT];
	char		name[24];

	(void)snprintf(name, sizeof name, "t%llu", (unsigned long long)index);
	measure(number, figures);
	fx->t_ms += 1600;
	fx_feed(fx, EVENT_ATTEMPT_STARTED, (struct msg_event){ .test = sv_from(name),
	    .index = index, .attempt = number, .worker = 1, .timeout_ms = 30000,
	    .condition = condition });
	ev.figures = (struct nums){ figures, FIGURE_COUNT };
	ev.duration_us = 600 + number % 100;
	fx_attempt_done(fx, index, name, number, outcome, ev);
}

/* ---- the packing ---- */

static void
assert_same(const struct attempt_result *a, const struct attempt_result *b)
{
	assert_memory_equal(a, b, sizeof *a);
}

static void
no_figure_is_lost(void **state)
{
	static const uint64_t	values[] = { 0, 1, 63, 64, 127, 128, 1 << 20, UINT64_MAX / 2,
	    UINT64_MAX / 2 + 1, UINT64_MAX - 1, UINT64_MAX };
	struct attempt_result	a, b, base;
	unsigned char		buf[ATTEMPT_PACKED_MAX];
	uint64_t		rnd = 4711;
	size_t			n;

	(void)state;
	memset(&base, 0, sizeof base);
	for (unsigned round = 0; round < 2000; round++) {
		uint64_t	*fields[] = { &a.number, &a.worker, &a.start_ms, &a.end_ms,
		    &a.duration_us, &a.cpu_us, &a.max_rss, &a.delay_ms, &a.timeout_ms, &a.exit_code,
		    &a.signal, &a.output_bytes, &a.sub_total, &a.sub_passed, &a.sub_failed,
		    &a.sub_skipped, &a.sub_todo, &a.fingerprint, &a.condition };

		memset(&a, 0, sizeof a);
		for (size_t i = 0; i < sizeof fields / sizeof fields[0] + FIGURE_COUNT; i++) {
			uint64_t	*p = i < FIGURE_COUNT ? &a.figures[i] :
			    fields[i - FIGURE_COUNT];

			rnd = rnd * UINT64_C(6364136223846793005) + 1;
			*p = (rnd >> 60) < 11 ? values[rnd >> 60] : rnd >> (rnd >> 58 & 63);
		}
		a.started = rnd >> 40 & 1;
		a.reworded = rnd >> 39 & 1;
		a.finished = rnd >> 41 & 1;
		a.has_exit_code = rnd >> 42 & 1;
		a.has_signal = rnd >> 43 & 1;
		a.output_truncated = rnd >> 44 & 1;
		a.has_subtests = rnd >> 45 & 1;
		a.outcome = (enum outcome)((rnd >> 46) % OUTCOME_COUNT);
		a.error_category = (enum error_category)((rnd >> 50) % CATEGORY_COUNT);
		a.nfigures = rnd % (FIGURE_COUNT + 1);
		memset(&b, 0, sizeof b);
		n = attempt_pack(&a, round % 2 == 0 ? NULL : &base, buf);
		assert_true(n <= sizeof buf);
		assert_int_equal(attempt_unpack(buf, round % 2 == 0 ? NULL : &base, &b), n);
		assert_same(&a, &b);
		base = a;
	}
}

/* ---- attempts of a test ---- */

static void
all_of_them_come_back(void **state)
{
	static const char	*out[] = { "one\n", "two\n" };
	const struct attempt_result	*a;
	struct fx		 fx;
	uint64_t		 figures[FIGURE_COUNT];

	(void)state;
	begin(&fx, 2);
	for (uint64_t n = 1; n <= 300; n++) {
		for (uint64_t i = 0; i < 2; i++)
			attempt(&fx, i, n, n % 2 == 0 ? FLAKE_ZONE : FLAKE_PLAIN, OUTCOME_PASS,
			    (struct msg_event){ .output = sv_from(out[i]),
			    .output_bytes = 1000 + n });
	}
	for (uint64_t n = 1; n <= 300; n++) {
		for (uint64_t i = 0; i < 2; i++) {	/* in turn: each asks anew */
			assert_int_equal(fx.results.tests[i].nattempts, 300);
			a = &attempts_of(&fx.results.tests[i])[n - 1];
			measure(n, figures);
			assert_int_equal(a->number, n);
			assert_memory_equal(a->figures, figures, sizeof figures);
			assert_int_equal(a->duration_us, 600 + n % 100);
			assert_int_equal(a->condition, n % 2 == 0 ? FLAKE_ZONE : FLAKE_PLAIN);
			assert_int_equal(a->worker, 1);
			assert_int_equal(a->timeout_ms, 30000);
			assert_int_equal(a->end_ms, a->start_ms);
			assert_int_equal(a->output_bytes, 1000 + n);
			assert_true(a->output_truncated && a->has_exit_code && a->finished);
			/* The first outputs of each condition, and the newest. */
			assert_int_equal(a->output_len, n <= 16 || n == 300 ? 4 : 0);
			if (a->output_len > 0)
				assert_memory_equal(a->output, out[i], 4);
		}
	}
	assert_ptr_equal(attempts_last(&fx.results.tests[0]), &fx.results.tests[0].full[0]);
	/* Nobody asks any more what a stable test printed. */
	fx_test_done(&fx, 0, "t0", TEST_PASS, (struct msg_event){ .flake = {
	    (uint64_t[]){ FLAKE_STABLE }, 1 } });
	assert_null(attempts_of(&fx.results.tests[0])[0].output);
	assert_int_equal(attempts_of(&fx.results.tests[0])[0].worker, 1);
	fx_close(&fx);
}

static size_t
allocated(void)
{
	struct mallinfo2	m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

static void
they_are_small(void **state)
{
	struct sv	checks[] = { { "x", 1 }, { "pass", 4 }, { "", 0 } };
	uint64_t	tests = 100, each = 400;
	struct fx	fx;
	size_t		before, after;

	(void)state;
	begin(&fx, tests);
	before = allocated();
	for (uint64_t n = 1; n <= each; n++) {
		for (uint64_t i = 0; i < tests; i++)
			attempt(&fx, i, n, FLAKE_PLAIN, OUTCOME_PASS, (struct msg_event){
			    .assertions = { checks, 3 } });
	}
	after = allocated();
	if (after - before > tests * FIXED + tests * each * EACH)
		fail_msg("%zu bytes for %llu attempts", after - before,
		    (unsigned long long)(tests * each));
	/* Looking at them all needs room for one test. */
	for (uint64_t i = 0; i < tests; i++)
		assert_int_equal(attempts_of(&fx.results.tests[i])[each - 1].number, each);
	assert_true(allocated() - after <= each * 2 * sizeof(struct attempt_result));
	fx_close(&fx);
}

static void
failures_are_bounded(void **state)
{
	struct flaky_report		 report;
	const struct attempt_result	*v;
	struct fx			 fx;
	size_t				 full = 0;

	(void)state;
	begin(&fx, 1);
	for (uint64_t n = 1; n <= 400; n++) {
		bool	other = n % 10 == 0;

		if (n % 2 == 1)
			attempt(&fx, 0, n, FLAKE_PLAIN, OUTCOME_PASS, (struct msg_event){ 0 });
		else
			attempt(&fx, 0, n, FLAKE_PAUSED, OUTCOME_FAIL, (struct msg_event){
			    .exit_code = other ? 2 : 1, .fingerprint = other ? 77 : 42,
			    .failure = other ? SV_LIT("second <n>") : SV_LIT("first <n>"),
			    .error_message = other ? SV_LIT("second") : SV_LIT("first"),
			    .error_category = CATEGORY_ASSERTION, .output = SV_LIT("oh\n") });
	}
	fx_test_done(&fx, 0, "t0", TEST_PASS, (struct msg_event){ .attempts = 400, .flake = {
	    (uint64_t[]){ FLAKE_FLAKY, 200, 200 }, 3 } });
	v = attempts_of(&fx.results.tests[0]);
	for (uint64_t n = 1; n <= 400; n++) {
		assert_int_equal(v[n - 1].number, n);
		assert_int_equal(v[n - 1].outcome, n % 2 == 1 ? OUTCOME_PASS : OUTCOME_FAIL);
		if (n % 2 == 1)
			continue;
		assert_string_equal(v[n - 1].error_message, n % 10 == 0 ? "second" : "first");
		assert_int_equal(v[n - 1].exit_code, n % 10 == 0 ? 2 : 1);
		assert_int_equal(v[n - 1].condition, FLAKE_PAUSED);
		full += v[n - 1].output_len > 0;
	}
	assert_int_equal(full, ATTEMPTS_ALIKE * 2 + 1);		/* and the newest */
	flaky_report_of(&fx.results, "x.yaml", &report);
	assert_int_equal(report.attempts, 400);
	assert_int_equal(report.tests[0].npatterns, 2);
	assert_int_equal(report.tests[0].patterns[0].count, 160);
	assert_string_equal(report.tests[0].patterns[0].message, "first <n>");
	assert_int_equal(report.tests[0].patterns[1].count, 40);
	assert_string_equal(report.tests[0].patterns[1].message, "second <n>");
	assert_int_equal(report.tests[0].evidence.at[FLAKE_PAUSED].fails, 200);
	assert_int_equal(report.tests[0].evidence.at[FLAKE_PLAIN].runs, 200);
	flaky_report_free(&report);
	fx_close(&fx);
}

/* Each message is another, and then each failure: what there is room for is kept. */
static void
failures_that_differ_are_bounded(void **state)
{
	const struct attempt_result	*v;
	size_t				 outputs = 0, own = 0;
	char				 text[40];
	struct fx			 fx;

	(void)state;
	begin(&fx, 1);
	for (uint64_t n = 1; n <= 300; n++) {
		(void)snprintf(text, sizeof text, "number %llu", (unsigned long long)n);
		attempt(&fx, 0, n, FLAKE_PLAIN, OUTCOME_FAIL, (struct msg_event){
		    .fingerprint = n <= 150 ? 42 : n, .failure = SV_LIT("number <n>"),
		    .error_message = sv_from(text), .output = SV_LIT("oh\n") });
	}
	v = attempts_of(&fx.results.tests[0]);
	for (uint64_t n = 1; n <= 300; n++) {
		(void)snprintf(text, sizeof text, "number %llu", (unsigned long long)n);
		assert_int_equal(v[n - 1].fingerprint, n <= 150 ? 42 : n);
		outputs += v[n - 1].output_len > 0;
		own += strcmp(v[n - 1].error_message, text) == 0;
		if (v[n - 1].reworded)
			assert_string_equal(v[n - 1].error_message, "number <n>");
	}
	/* Of the first 150 8 are kept, of the others 56 with their texts. */
	assert_int_equal(outputs, ATTEMPTS_FAILED + 1);
	assert_int_equal(own, ATTEMPTS_ALIKE + 150);
	fx_close(&fx);
}

/* ---- what a slow client was not sent comes later ---- */

/* Feeds an event with a number of its own. */
static void
feed(struct fx *fx, uint64_t seq, enum event_type type, uint64_t number, uint64_t condition)
{
	uint64_t	next = fx->seq;

	fx->seq = seq - 1;
	fx_feed(fx, type, (struct msg_event){ .test = SV_LIT("t0"), .index = 0, .attempt = number,
	    .worker = 1, .condition = condition, .duration_us = number,
	    .outcome = number % 3 == 0 ? OUTCOME_FAIL : OUTCOME_PASS,
	    .fingerprint = number % 3 == 0 ? 42 : 0 });
	if (fx->seq < next)
		fx->seq = next;
}

static void
a_hole_is_filled(void **state)
{
	const struct attempt_result	*v;
	struct fx			 fx;

	(void)state;
	begin(&fx, 1);
	/* Attempt n has the numbers 2n and 2n + 1.  From the start of 20 to that of 61 nothing
	 * comes at first. */
	for (uint64_t seq = 2; seq <= 201; seq++) {
		if (seq == 41)
			seq = 123;
		feed(&fx, seq, seq % 2 == 0 ? EVENT_ATTEMPT_STARTED : EVENT_ATTEMPT_FINISHED,
		    seq / 2, seq / 2 % 2);
	}
	assert_int_equal(results_next(&fx.results, 1), 41);
	for (uint64_t seq = 30; seq <= 201; seq++)
		feed(&fx, seq, seq % 2 == 0 ? EVENT_ATTEMPT_STARTED : EVENT_ATTEMPT_FINISHED,
		    seq / 2, seq / 2 % 2);
	assert_int_equal(results_next(&fx.results, 1), 202);
	assert_int_equal(fx.results.tests[0].nattempts, 100);
	assert_int_equal(fx.results.running, 0);
	v = attempts_of(&fx.results.tests[0]);
	for (uint64_t n = 1; n <= 100; n++) {
		assert_int_equal(v[n - 1].number, n);
		assert_true(v[n - 1].started && v[n - 1].finished);
		assert_int_equal(v[n - 1].condition, n % 2);
		assert_int_equal(v[n - 1].duration_us, n);
		assert_int_equal(v[n - 1].outcome, n % 3 == 0 ? OUTCOME_FAIL : OUTCOME_PASS);
	}
	fx_close(&fx);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(no_figure_is_lost),
		cmocka_unit_test(all_of_them_come_back),
		cmocka_unit_test(they_are_small),
		cmocka_unit_test(failures_are_bounded),
		cmocka_unit_test(failures_that_differ_are_bounded),
		cmocka_unit_test(a_hole_is_filled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
