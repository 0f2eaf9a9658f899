/* What a person sees: the text away from a terminal, and on one, where a small
 * screen checks that the rows at the bottom leave nothing behind. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <locale.h>

#include "common/clock.h"
#include "tests/unit/events_fixture.h"
#include "tests/unit/screen_fixture.h"

static const struct report_text_options	plain = { .heartbeat_ms = 30000 };

static void
open_text(struct fx *fx, struct report_text_options opt)
{
	fx_open(fx);
	opt.out = fx->out;
	report_text(&fx->reporter, &opt);
}

static void
golden(void **state)
{
	static const char	expected[] =
	    "✗ adds # up (failed, 13ms)\n"
	    "  1 of 2 failed\n"
	    "  exit_code: expected 0, got 3\n"
	    "  left running, killed: 4711 sleep 1000\n"
	    "  │ … 74 bytes before this\n"
	    "  │   two red\n"
	    "  │ \n"
	    "  │ three\n"
	    "↻ wobbles: attempt 1: ended by SIGSEGV; trying again\n"
	    "✗ hangs (timed out, 30.00s)\n"
	    "  timed out after 30.00s\n"
	    "\n"
	    "Failed:\n"
	    "  ✗ adds # up: 1 of 2 failed\n"
	    "  ✗ hangs: timed out after 30.00s\n"
	    "Flaky:\n"
	    "  ~ wobbles: passed at attempt 2 (before: ended by SIGSEGV)\n"
	    "Slowest:\n"
	    "   30.00s  hangs\n"
	    "FAILED  6 tests: 2 passed (1 flaky), 1 failed, 1 timed out, 1 skipped, 1 cancelled\n"
	    "  took 1.00s for 3.91s of tests: 3.9x with 4 workers\n"
	    "  all of its output: paratestctl output 5f3a9c1e 'adds # up'\n";
	struct fx	fx;

	(void)state;
	open_text(&fx, plain);
	fx_demo(&fx);
	assert_int_equal(fx_end(&fx), 0);
	assert_string_equal(fx.written, expected);
	fx_close(&fx);
}

static void
ascii_where_the_locale_is_not_utf8(void **state)
{
	struct fx	fx;

	(void)state;
	assert_non_null(setlocale(LC_CTYPE, "C"));
	open_text(&fx, plain);
	fx_demo(&fx);
	fx_end(&fx);
	assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
	assert_non_null(strstr(fx.written, "x adds # up (failed, 13ms)\n"));
	assert_non_null(strstr(fx.written, "  | three\n"));
	for (size_t i = 0; i < fx.written_len; i++)
		assert_true((unsigned char)fx.written[i] < 0x80);
	fx_close(&fx);
}

/* ended: with run.finished.  A run of n passing tests and one that fails. */
static void
small_run(struct fx *fx, uint64_t passing, bool failing, bool ended)
{
	char	name[32];

	fx_feed(fx, EVENT_RUN_STARTED, (struct msg_event){ .total = passing + failing,
	    .seed = 99, .shuffled = passing > 1 });
	for (uint64_t i = 0; i < passing; i++) {
		(void)snprintf(name, sizeof(name), "test %u", (unsigned)i);
		fx_test(fx, i, name, OUTCOME_PASS, (struct msg_event){ .output = SV_LIT("hi") });
	}
	if (failing)
		fx_test(fx, passing, "bad", OUTCOME_FAIL, (struct msg_event){ .exit_code = 9,
		    .output = SV_LIT("why\n") });
	if (ended)
		fx_finished(fx, failing ? RUN_FAILED : RUN_PASSED);
}

static void
small_runs(void **state)
{
	static const struct {
		uint64_t	 passing;
		bool		 failing, ended;
		const char	*expected;
	} cases[] = {
		{ 1, false, true, "✓ test 0 (13ms)\n" },
		{ 0, true, true, "✗ bad (failed, 13ms)\n  exit code 9\n  │ why\n" },
		{ 2, false, true, "\nPASSED  2 tests: 2 passed\n"
		    "  took 1.00s for 3.91s of tests: 3.9x with 4 workers\n"
		    "  shuffled with seed 99\n" },
		{ 2, false, false, "\nNOT FINISHED  2 of 2 done: 2 passed\n" },
		{ 0, false, true, "\nPASSED  0 tests: nothing done\n  took 1.00s\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fx	fx;

		open_text(&fx, plain);
		small_run(&fx, cases[i].passing, cases[i].failing, cases[i].ended);
		fx_end(&fx);
		assert_string_equal(fx.written, cases[i].expected);
		fx_close(&fx);
	}
}

/* Who looks at a run again is told; for one that is followed it is a line too many. */
static void
how_tests_were_kept_apart(void **state)
{
	static const struct {
		uint64_t	 tests;
		const char	*asked, *second;
		bool		 shown;
		const char	*said;	/* NULL: nothing */
	} cases[] = {
		{ 2, "", "pid", true, "4 workers\n  isolation pid\n" },
		{ 2, "pid", "pid", true, "4 workers\n  isolation pid\n" },
		{ 2, "", "cgroup", true, "  isolation pid, cgroup\n" },
		{ 1, "process", "", true, "(13ms)\n  isolation pid, asked for: process\n" },
		{ 1, "pid", "", false, NULL },
		{ 0, "pid", "", true, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct report_text_options	opt = plain;
		struct fx			fx;

		opt.isolation = cases[i].shown;
		open_text(&fx, opt);
		fx_feed(&fx, EVENT_RUN_STARTED, (struct msg_event){ .total = cases[i].tests,
		    .isolation = sv_from(cases[i].asked) });
		for (uint64_t k = 0; k < cases[i].tests; k++)
			fx_test(&fx, k, "t", OUTCOME_PASS, (struct msg_event){
			    .isolation = sv_from(k == 0 ? "pid" : cases[i].second) });
		fx_finished(&fx, RUN_PASSED);
		fx_end(&fx);
		if (cases[i].said != NULL)
			assert_non_null(strstr(fx.written, cases[i].said));
		else
			assert_null(strstr(fx.written, "isolation"));
		fx_close(&fx);
	}
}

/* What was expected is of all tests: of a run that was cancelled it says nothing. */
static void
how_far_off_the_forecast_was(void **state)
{
	static const struct {
		uint64_t	 expected_us;
		bool		 cancelled;
		const char	*said;
	} cases[] = {
		{ 1250000, false, "  took 1.00s, expected 1.25s (20% less)\n  for 3.91s " },
		{ 800000, false, "  took 1.00s, expected 800ms (25% more)\n  for 3.91s " },
		{ 1000000, false, "  took 1.00s, expected 1.00s\n  for 3.91s " },
		{ 1250000, true, "  took 1.00s for 3.91s " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fx	fx;

		open_text(&fx, plain);
		fx_started(&fx, 2);
		fx.results.expected_us = cases[i].expected_us;
		fx_test(&fx, 0, "a", OUTCOME_PASS, (struct msg_event){ 0 });
		fx_test(&fx, 1, "b", cases[i].cancelled ? OUTCOME_CANCELLED : OUTCOME_PASS,
		    (struct msg_event){ 0 });
		fx_finished(&fx, cases[i].cancelled ? RUN_CANCELLED : RUN_PASSED);
		fx_end(&fx);
		assert_non_null(strstr(fx.written, cases[i].said));
		fx_close(&fx);
	}
}

static void
the_slowest_and_the_leaking(void **state)
{
	static const struct sv	leaked[] = { { "1", 1 }, { "sleep 9", 7 }, { "2", 1 },
	    { "cat", 3 } };
	struct fx		fx;

	(void)state;
	open_text(&fx, plain);
	fx_started(&fx, 8);
	for (uint64_t i = 0; i < 8; i++) {
		char	name[8];

		(void)snprintf(name, sizeof(name), "t%u", (unsigned)i);
		/* 1 to 4 s twice, and two that are quick. */
		fx_test(&fx, i, name, OUTCOME_PASS, (struct msg_event){
		    .duration_us = i < 6 ? (i % 4 + 1) * 1000000 : 1000,
		    .leaked = { leaked, i == 3 ? 4 : 0 } });
	}
	fx_finished(&fx, RUN_PASSED);
	fx_end(&fx);
	assert_string_equal(fx.written,
	    "\n"
	    "Left processes running, which were killed:\n"
	    "  t3: sleep 9 and 1 more\n"
	    "Slowest:\n"
	    "    4.00s  t3\n"
	    "    3.00s  t2\n"
	    "    2.00s  t1\n"
	    "    2.00s  t5\n"
	    "    1.00s  t0\n"
	    "PASSED  8 tests: 8 passed\n"
	    "  took 1.00s for 3.91s of tests: 3.9x with 4 workers\n");
	fx_close(&fx);
}

static void
silent_without_a_run(void **state)
{
	struct fx	fx;

	(void)state;
	open_text(&fx, plain);
	fx.reporter.tick(fx.reporter.state, now_ms(), &fx.results);
	fx_end(&fx);
	assert_int_equal(fx.written_len, 0);
	fx_close(&fx);
}

static void
quiet_keeps_failures_and_summary(void **state)
{
	msec_t		now = now_ms();
	struct fx	fx;

	(void)state;
	open_text(&fx, (struct report_text_options){ .terminal = true, .quiet = true,
	    .columns = 80, .rows = 24, .heartbeat_ms = 1 });
	fx.t_ms = wall_ms();
	fx_started(&fx, 3);
	fx_attempt(&fx, 0, "a", 1);
	fx_attempt_done(&fx, 0, "a", 1, OUTCOME_FAIL, (struct msg_event){ .exit_code = 1 });
	fx_attempt(&fx, 0, "a", 2);
	fx_feed(&fx, EVENT_RUN_CANCELLING, (struct msg_event){ .message = SV_LIT("stop") });
	fx.reporter.tick(fx.reporter.state, now, &fx.results);
	fx.reporter.tick(fx.reporter.state, now + 1000, &fx.results);
	(void)fflush(fx.out);
	assert_int_equal(fx.written_len, 0);
	fx_attempt_done(&fx, 0, "a", 2, OUTCOME_FAIL, (struct msg_event){ .exit_code = 2 });
	fx_test_done(&fx, 0, "a", TEST_FAIL, (struct msg_event){ .attempts = 2 });
	(void)fflush(fx.out);
	assert_string_equal(fx.written,
	    "✗ a (failed, attempt 2 of 2, 13ms)\n  exit code 2\n");
	fx_end(&fx);
	assert_non_null(strstr(fx.written, "\nNOT FINISHED  1 of 3 done: 1 failed\n"));
	fx_close(&fx);
}

static void
heartbeat(void **state)
{
	msec_t		now = now_ms();
	struct fx	fx;
	const char	*names[] = { "a", "b", "c", "d", "e" };

	(void)state;
	open_text(&fx, plain);
	fx.t_ms = wall_ms();
	fx_started(&fx, 9);
	for (uint64_t i = 0; i < 5; i++)
		fx_attempt(&fx, i, names[i], 1);
	fx_test(&fx, 5, "f", OUTCOME_PASS, (struct msg_event){ 0 });
	/* The longest first, whatever the order of the events. */
	fx.t_ms -= 60000;
	fx_attempt(&fx, 6, "old", 1);
	fx.reporter.tick(fx.reporter.state, now, &fx.results);
	fx.reporter.tick(fx.reporter.state, now + 29000, &fx.results);
	(void)fflush(fx.out);
	assert_int_equal(fx.written_len, 0);
	fx.reporter.tick(fx.reporter.state, now + 30900, &fx.results);
	fx.reporter.tick(fx.reporter.state, now + 31000, &fx.results);
	(void)fflush(fx.out);
	assert_string_equal(fx.written, "[30s] 1 of 9 done: 1 passed; running: old (1m30s), "
	    "a (30s), b (30s) and 3 more\n");
	fx_end(&fx);
	fx_close(&fx);
}

static void
live_lines_do_not_mix(void **state)
{
	static const struct {
		const char	*test, *data;
		uint64_t	 stream;
	} chunks[] = {
		{ "a", "one\ntw", 1 }, { "b", "B\n", 1 }, { "a", "err\x1b[31m!\n", 2 },
		{ "a", "o\nthree", 1 }, { "b", "left", 1 },
	};
	struct fx	fx;

	(void)state;
	open_text(&fx, plain);
	fx_started(&fx, 2);
	fx_attempt(&fx, 0, "a", 1);
	fx_attempt(&fx, 1, "b", 1);
	for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++)
		fx.reporter.live(fx.reporter.state, &(struct msg_live){
		    .test = sv_from(chunks[i].test), .stream = chunks[i].stream,
		    .data = sv_from(chunks[i].data) });
	fx_attempt_done(&fx, 0, "a", 1, OUTCOME_PASS, (struct msg_event){ 0 });
	(void)fflush(fx.out);
	assert_string_equal(fx.written,
	    "[a] one\n[b] B\n[a] err!\n[a] two\n[a] three\n");
	fx_end(&fx);
	assert_non_null(strstr(fx.written, "[a] three\n[b] left\n"));
	fx_close(&fx);
}

static void
lists_have_bounds(void **state)
{
	size_t		lines = 0;
	struct fx	fx;

	(void)state;
	open_text(&fx, plain);
	fx_started(&fx, 5000);
	for (uint64_t i = 0; i < 5000; i++) {
		char	name[32];

		(void)snprintf(name, sizeof(name), "t%u", (unsigned)i);
		fx_test(&fx, i, name, OUTCOME_FAIL, (struct msg_event){ .exit_code = 1,
		    .output = SV_LIT("1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16\n"
		    "17\n18\n19\n20\n21\n22\n23\n") });
	}
	fx_finished(&fx, RUN_FAILED);
	fx_end(&fx);
	for (size_t i = 0; i < fx.written_len; i++)
		lines += fx.written[i] == '\n';
	assert_true(lines < 5000);
	assert_non_null(strstr(fx.written, "  │ … 6 bytes before this\n  │ 4\n"));
	assert_non_null(strstr(fx.written, "more failures are only counted from here on\n"));
	assert_non_null(strstr(fx.written, "  … and 4980 more\n"));
	assert_non_null(strstr(fx.written, "FAILED  5000 tests: 5000 failed\n"));
	fx_close(&fx);
}

static void
long_name(uint64_t i, char *name, size_t size)
{
	(void)snprintf(name, size, "suite::größe 日本語 %u and a name that is long enough to be "
	    "cut somewhere in the middle of it::last", (unsigned)i);
}

/* A run with everything in it; ticks in between when it is on a terminal. */
static void
busy_run(struct fx *fx, bool tick, unsigned seed)
{
	msec_t	now = now_ms();
	char	name[200];

	fx_started(fx, 60);
	for (uint64_t i = 0; i < 60; i++) {
		uint64_t	jobs = 1 + (seed + i) % 12;

		for (uint64_t k = i; k < i + jobs && k < 60; k++) {
			long_name(k, name, sizeof(name));
			if (!fx->results.tests[k].running && !fx->results.tests[k].done)
				fx_attempt(fx, k, name, 1);
		}
		if (tick)
			fx->reporter.tick(fx->reporter.state, now += 70, &fx->results);
		if ((i + seed) % 9 == 3)
			fx->reporter.live(fx->reporter.state, &(struct msg_live){
			    .test = SV_LIT("a"), .stream = 1, .data = SV_LIT("said\n") });
		long_name(i, name, sizeof(name));
		if ((i + seed) % 7 == 0) {
			fx_attempt_done(fx, i, name, 1, OUTCOME_FAIL, (struct msg_event){
			    .exit_code = 3, .output = SV_LIT("a\tb\x1b[1m\nc") });
			fx_attempt(fx, i, name, 2);
			fx_attempt_done(fx, i, name, 2, OUTCOME_PASS, (struct msg_event){ 0 });
			fx_test_done(fx, i, name, i % 2 == 0 ? TEST_PASS : TEST_FAIL,
			    (struct msg_event){ .attempts = 2, .flaky = i % 2 == 0 });
		} else {
			fx_attempt_done(fx, i, name, 1, OUTCOME_PASS, (struct msg_event){ 0 });
			fx_test_done(fx, i, name, TEST_PASS, (struct msg_event){ .attempts = 1 });
		}
		if (tick && i % 3 == 0)
			fx->reporter.tick(fx->reporter.state, now += 70, &fx->results);
	}
	fx_finished(fx, RUN_FAILED);
}

/* When all is over a terminal shows what a file has, and nothing else. */
static void
a_terminal_is_left_clean(void **state)
{
	struct screen	*screen = calloc(1, sizeof(*screen));

	(void)state;
	assert_non_null(screen);
	for (unsigned seed = 0; seed < 20; seed++) {
		struct fx	file, term;
		struct text	shown = { 0 };

		open_text(&file, plain);
		busy_run(&file, false, seed);
		fx_end(&file);
		open_text(&term, (struct report_text_options){ .terminal = true,
		    .colour = seed % 2 == 0, .columns = 200, .rows = 6 + seed });
		busy_run(&term, true, seed);
		fx_end(&term);
		memset(screen, 0, sizeof(*screen));
		screen->columns = 200;
		screen_write(screen, term.written, term.written_len);
		screen_text(screen, &shown);
		assert_string_equal(shown.p, file.written);
		assert_true(term.written_len > file.written_len + 1000);
		text_free(&shown);
		fx_close(&file);
		fx_close(&term);
	}
	free(screen);
}

static void
rows_never_wrap(void **state)
{
	static const unsigned	widths[] = { 9, 12, 20, 33, 40, 61, 80, 100, 200 };
	struct screen		*screen = calloc(1, sizeof(*screen));

	(void)state;
	assert_non_null(screen);
	for (size_t w = 0; w < sizeof(widths) / sizeof(widths[0]); w++) {
		msec_t		now = now_ms();
		struct fx	fx;
		char		name[200];

		open_text(&fx, (struct report_text_options){ .terminal = true, .colour = true,
		    .columns = widths[w], .rows = 40 });
		fx.t_ms = wall_ms() - 100000;
		fx_started(&fx, 200);
		for (uint64_t i = 0; i < 100; i++) {
			long_name(i, name, sizeof(name));
			if (i < 90)
				fx_test(&fx, i, name, OUTCOME_PASS, (struct msg_event){ 0 });
			else
				fx_attempt(&fx, i, name, 1);
		}
		fx.reporter.tick(fx.reporter.state, now, &fx.results);
		(void)fflush(fx.out);
		memset(screen, 0, sizeof(*screen));
		screen->columns = widths[w];
		screen_write(screen, fx.written, fx.written_len);
		assert_int_equal(screen->wraps, 0);
		assert_true(screen->row < 9);
		assert_true(screen->row > 1);
		fx_end(&fx);
		fx_close(&fx);
	}
	free(screen);
}

static void
the_rows_of_a_terminal(void **state)
{
	msec_t		now = now_ms();
	struct screen	*screen = calloc(1, sizeof(*screen));
	struct text	shown = { 0 };
	struct fx	fx;
	size_t		len;

	(void)state;
	assert_non_null(screen);
	open_text(&fx, (struct report_text_options){ .terminal = true, .columns = 100,
	    .rows = 12 });
	fx.t_ms = wall_ms() - 20000;
	fx_started(&fx, 10);
	fx_test(&fx, 0, "a", OUTCOME_PASS, (struct msg_event){ 0 });
	fx_test(&fx, 1, "b", OUTCOME_FAIL, (struct msg_event){ .exit_code = 1 });
	fx_test(&fx, 2, "c", OUTCOME_TIMEOUT, (struct msg_event){ 0 });
	fx_test_done(&fx, 3, "d", TEST_SKIP, (struct msg_event){ 0 });
	fx_attempt(&fx, 4, "slow one", 1);
	fx.t_ms += 10000;
	for (uint64_t i = 5; i < 9; i++)
		fx_attempt(&fx, i, "quick one", 1);
	fx.reporter.tick(fx.reporter.state, now + 600, &fx.results);
	(void)fflush(fx.out);
	len = fx.written_len;
	screen->columns = 100;
	screen_write(screen, fx.written, len);
	screen_text(screen, &shown);
	assert_string_equal(shown.p,
	    "✗ b (failed, 13ms)\n"
	    "  exit code 1\n"
	    "✗ c (timed out, 13ms)\n"
	    "  timed out after 13ms\n"
	    "━━━━━━━━━━━━────────────────── 4/10  40%  1 passed  1 failed  1 timed out  1 skipped"
	    "  20s, 30s left\n"
	    "   20s slow one  timeout in 9s\n"
	    "   10s quick one\n"
	    "   10s quick one\n"
	    "       and 2 more");
	fx.reporter.aside(fx.reporter.state);
	(void)fflush(fx.out);
	screen_write(screen, fx.written + len, fx.written_len - len);
	screen_text(screen, &shown);
	assert_string_equal(shown.p,
	    "✗ b (failed, 13ms)\n"
	    "  exit code 1\n"
	    "✗ c (timed out, 13ms)\n"
	    "  timed out after 13ms\n");
	len = fx.written_len;
	/* Not oftener than ten times a second. */
	fx.reporter.tick(fx.reporter.state, now + 660, &fx.results);
	(void)fflush(fx.out);
	assert_int_equal(fx.written_len, len);
	fx.reporter.tick(fx.reporter.state, now + 700, &fx.results);
	(void)fflush(fx.out);
	assert_true(fx.written_len > len);
	fx_end(&fx);
	fx_close(&fx);
	text_free(&shown);
	free(screen);
}

/* No byte that a test prints reaches the terminal as a control character. */
static void
any_bytes_are_safe(void **state)
{
	struct screen	*screen = calloc(1, sizeof(*screen));
	unsigned	 seed = 4711;

	(void)state;
	assert_non_null(screen);
	for (int round = 0; round < 40; round++) {
		struct fx	fx;
		char		bytes[400], text[50];

		open_text(&fx, (struct report_text_options){ .terminal = true,
		    .columns = SCREEN_COLUMNS, .rows = 30 });
		fx_started(&fx, 6);
		for (uint64_t i = 0; i < 6; i++) {
			struct sv	list[3];

			for (size_t k = 0; k < sizeof(bytes); k++)
				bytes[k] = (char)(rand_r(&seed) % (k % 2 == 0 ? 256 : 48));
			for (size_t k = 0; k + 1 < sizeof(text); k++)
				text[k] = bytes[k] != '\0' ? bytes[k] : 'x';
			text[sizeof(text) - 1] = '\0';
			for (size_t k = 0; k < 3; k++)
				list[k] = sv_from(text + k);
			fx_attempt(&fx, i, text, 1);
			fx.reporter.tick(fx.reporter.state, now_ms() + 200 * i, &fx.results);
			fx.reporter.live(fx.reporter.state, &(struct msg_live){
			    .test = sv_from(text), .stream = 1, .data = { bytes, 400 } });
			fx_attempt_done(&fx, i, text, 1, OUTCOME_FAIL, (struct msg_event){
			    .output = { bytes, sizeof(bytes) }, .error_message = sv_from(text),
			    .assertions = { list, 3 }, .leaked = { list, 2 },
			    .sub_failures = { list, 2 }, .has = MSG_BIT(event, sub_failed),
			    .sub_failed = 1 });
			fx_test_done(&fx, i, text, TEST_FAIL, (struct msg_event){ 0 });
			fx_feed(&fx, EVENT_WARNING, (struct msg_event){ .message = list[1] });
		}
		fx_finished(&fx, RUN_FAILED);
		fx_end(&fx);
		memset(screen, 0, sizeof(*screen));
		screen->columns = SCREEN_COLUMNS;
		screen_write(screen, fx.written, fx.written_len);
		fx_close(&fx);
	}
	free(screen);
}

static int
use_utf8(void **state)
{
	(void)state;
	return setlocale(LC_CTYPE, "C.UTF-8") != NULL ? 0 : -1;
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(golden),
		cmocka_unit_test(ascii_where_the_locale_is_not_utf8),
		cmocka_unit_test(small_runs),
		cmocka_unit_test(how_tests_were_kept_apart),
		cmocka_unit_test(how_far_off_the_forecast_was),
		cmocka_unit_test(the_slowest_and_the_leaking),
		cmocka_unit_test(silent_without_a_run),
		cmocka_unit_test(quiet_keeps_failures_and_summary),
		cmocka_unit_test(heartbeat),
		cmocka_unit_test(live_lines_do_not_mix),
		cmocka_unit_test(lists_have_bounds),
		cmocka_unit_test(a_terminal_is_left_clean),
		cmocka_unit_test(rows_never_wrap),
		cmocka_unit_test(the_rows_of_a_terminal),
		cmocka_unit_test(any_bytes_are_safe),
	};

	return cmocka_run_group_tests(tests, use_utf8, NULL);
}
