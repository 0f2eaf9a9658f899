/* The result document and the JSON lines: their exact members, and that they stay
 * JSON whatever a test prints. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <jansson.h>
#include <unistd.h>

#include "tests/unit/events_fixture.h"

#define RUN	"\"run\":\"" FX_RUN "\""

static void
golden_document(void **state)
{
	static const char	expected[] =
	    "{\"success\":false,\"runId\":\"" FX_RUN "\",\"status\":\"failed\",\"message\":\"\","
	    "\"summary\":{\"total\":6,\"passed\":2,\"failed\":1,\"skipped\":1,\"timedOut\":1,"
	    "\"errored\":0,\"cancelled\":1,\"flaky\":1},\"totalTests\":6,\"results\":[\n"
	    "{\"name\":\"greets\",\"status\":\"pass\",\"outcome\":\"pass\",\"flaky\":false,"
	    "\"duration\":12.5,\"startTime\":1700000000000,\"endTime\":1700000000012,"
	    "\"exitCode\":0,\"attempts\":1,\"retries\":0,\"assertions\":[],\"output\":\"hi\\n\","
	    "\"outputBytes\":3,\"outputTruncated\":false,\"worker\":1,\"cpuTime\":8.25,"
	    "\"peakMemory\":1048576,\"sessionCount\":0,\"attemptsDetail\":[{\"outcome\":\"pass\","
	    "\"duration\":12.5,\"startTime\":1700000000000,\"worker\":1,\"exitCode\":0,"
	    "\"delayBefore\":0}]},\n"
	    "{\"name\":\"adds # up\",\"status\":\"fail\",\"outcome\":\"fail\",\"flaky\":false,"
	    "\"duration\":12.5,\"startTime\":1700000000000,\"endTime\":1700000000012,"
	    "\"exitCode\":3,\"attempts\":1,\"retries\":0,"
	    "\"assertions\":[{\"assertion\":{\"type\":\"exit_code\"},\"passed\":false,"
	    "\"message\":\"expected 0, got 3\"},{\"assertion\":{\"type\":\"output_contains\"},"
	    "\"passed\":true,\"message\":\"\"}],"
	    "\"error\":{\"message\":\"1 of 2 failed\",\"category\":\"assertion\"},"
	    "\"output\":\"  two\\u001B[31m red\\u001B[0m\\n\\nthree\\n\",\"outputBytes\":100,"
	    "\"outputTruncated\":true,\"leaked\":[{\"pid\":4711,\"argv\":\"sleep 1000\"}],"
	    "\"worker\":1,\"cpuTime\":8.25,\"peakMemory\":1048576,\"sessionCount\":0,"
	    "\"attemptsDetail\":[{\"outcome\":\"fail\",\"duration\":12.5,"
	    "\"startTime\":1700000000000,\"worker\":1,\"exitCode\":3,\"delayBefore\":0}]},\n"
	    "{\"name\":\"wobbles\",\"status\":\"pass\",\"outcome\":\"pass\",\"flaky\":true,"
	    "\"duration\":25,\"startTime\":1700000000000,\"endTime\":1700000000012,"
	    "\"exitCode\":0,\"attempts\":2,\"retries\":1,\"assertions\":[],\"output\":\"\","
	    "\"outputBytes\":0,\"outputTruncated\":false,\"worker\":1,\"cpuTime\":8.25,"
	    "\"peakMemory\":1048576,\"sessionCount\":0,"
	    "\"attemptsDetail\":[{\"outcome\":\"crash\",\"duration\":12.5,"
	    "\"startTime\":1700000000000,\"worker\":1,\"signal\":\"SIGSEGV\",\"delayBefore\":0},"
	    "{\"outcome\":\"pass\",\"duration\":12.5,\"startTime\":1700000000000,\"worker\":1,"
	    "\"exitCode\":0,\"delayBefore\":0}]},\n"
	    "{\"name\":\"not here\",\"status\":\"skip\",\"outcome\":\"skip\",\"flaky\":false,"
	    "\"duration\":0,\"startTime\":null,\"endTime\":null,\"attempts\":0,\"retries\":0,"
	    "\"message\":\"needs root\",\"assertions\":[],\"output\":\"\",\"outputBytes\":0,"
	    "\"outputTruncated\":false,\"worker\":0,\"cpuTime\":0,\"peakMemory\":0,"
	    "\"sessionCount\":0,\"attemptsDetail\":[]},\n"
	    "{\"name\":\"hangs\",\"status\":\"timeout\",\"outcome\":\"timeout\",\"flaky\":false,"
	    "\"duration\":30000,\"startTime\":1700000000000,\"endTime\":1700000030000,"
	    "\"signal\":\"SIGTERM\",\"attempts\":1,\"retries\":0,\"assertions\":[],"
	    "\"error\":{\"message\":\"timed out after 30.00s\",\"category\":\"timeout\"},"
	    "\"output\":\"\",\"outputBytes\":0,\"outputTruncated\":false,\"worker\":1,"
	    "\"cpuTime\":8.25,\"peakMemory\":1048576,\"sessionCount\":0,"
	    "\"attemptsDetail\":[{\"outcome\":\"timeout\",\"duration\":30000,"
	    "\"startTime\":1700000000000,\"worker\":1,\"signal\":\"SIGTERM\","
	    "\"delayBefore\":0}]},\n"
	    "{\"name\":\"late\",\"status\":\"cancelled\",\"outcome\":\"cancelled\","
	    "\"flaky\":false,\"duration\":0,\"startTime\":null,\"endTime\":null,\"attempts\":0,"
	    "\"retries\":0,\"message\":\"it was not started\",\"assertions\":[],"
	    "\"output\":\"\",\"outputBytes\":0,\"outputTruncated\":false,\"worker\":0,"
	    "\"cpuTime\":0,\"peakMemory\":0,\"sessionCount\":0,\"attemptsDetail\":[]}],"
	    "\"speedup\":3.91,\"duration\":1000,\"sequentialDuration\":3905,\"workersUsed\":4,"
	    "\"config\":{\"jobs\":4,\"seed\":7,\"shuffled\":false},"
	    "\"timestamp\":\"2023-11-14T22:13:20.000Z\"}\n";
	struct fx	fx;

	(void)state;
	fx_open(&fx);
	report_json(&fx.reporter, fx.out);
	fx_demo(&fx);
	assert_int_equal(fx_end(&fx), 0);
	assert_string_equal(fx.written, expected);
	fx_close(&fx);
}

/* The n-th line, from 1. */
static const char *
line_at(const char *text, unsigned n, char *buf, size_t size)
{
	size_t	len;

	while (--n > 0) {
		text = strchr(text, '\n');
		assert_non_null(text);
		text++;
	}
	len = strcspn(text, "\n");
	assert_true(len < size);
	memcpy(buf, text, len);
	buf[len] = '\0';
	return buf;
}

static void
golden_events(void **state)
{
	char		buf[2048];
	struct fx	fx;

	(void)state;
	fx_open(&fx);
	report_events(&fx.reporter, fx.out);
	fx_demo(&fx);
	fx_feed(&fx, EVENT_WARNING, (struct msg_event){ .message = SV_LIT("odd"),
	    .test = SV_LIT("greets") });
	fx_feed(&fx, EVENT_RUN_CANCELLING, (struct msg_event){ .message = SV_LIT("asked") });
	assert_int_equal(fx_end(&fx), 0);
	assert_string_equal(line_at(fx.written, 1, buf, sizeof(buf)),
	    "{\"v\":1,\"seq\":1,\"t\":1700000000000,\"type\":\"run.started\"," RUN ","
	    "\"name\":\"demo\",\"total\":6,\"jobs\":4,\"seed\":7,\"shuffled\":false}");
	assert_string_equal(line_at(fx.written, 5, buf, sizeof(buf)),
	    "{\"v\":1,\"seq\":5,\"t\":1700000000000,\"type\":\"attempt.started\"," RUN ","
	    "\"test\":\"adds # up\",\"index\":1,\"attempt\":1,\"worker\":1,\"timeout\":30000,"
	    "\"delayBefore\":0}");
	assert_string_equal(line_at(fx.written, 6, buf, sizeof(buf)),
	    "{\"v\":1,\"seq\":6,\"t\":1700000000000,\"type\":\"attempt.finished\"," RUN ","
	    "\"test\":\"adds # up\",\"index\":1,\"attempt\":1,\"worker\":1,\"outcome\":\"fail\","
	    "\"duration\":12.5,\"startTime\":1700000000000,\"endTime\":1700000000012,"
	    "\"exitCode\":3,\"cpuTime\":8.25,\"peakMemory\":1048576,"
	    "\"output\":\"  two\\u001B[31m red\\u001B[0m\\n\\nthree\\n\",\"outputBytes\":100,"
	    "\"outputTruncated\":true,\"assertions\":[{\"assertion\":{\"type\":\"exit_code\"},"
	    "\"passed\":false,\"message\":\"expected 0, got 3\"},"
	    "{\"assertion\":{\"type\":\"output_contains\"},\"passed\":true,\"message\":\"\"}],"
	    "\"error\":{\"message\":\"1 of 2 failed\",\"category\":\"assertion\"},"
	    "\"leaked\":[{\"pid\":4711,\"argv\":\"sleep 1000\"}]}");
	assert_string_equal(line_at(fx.written, 7, buf, sizeof(buf)),
	    "{\"v\":1,\"seq\":7,\"t\":1700000000000,\"type\":\"test.finished\"," RUN ","
	    "\"test\":\"adds # up\",\"index\":1,\"status\":\"fail\",\"flaky\":false,"
	    "\"attempts\":1,\"retries\":0,\"duration\":12.5,\"source\":\"demo.yaml:12\"}");
	assert_string_equal(line_at(fx.written, 18, buf, sizeof(buf)),
	    "{\"v\":1,\"seq\":18,\"t\":1700000000000,\"type\":\"run.finished\"," RUN ","
	    "\"status\":\"failed\",\"summary\":{\"total\":6,\"passed\":2,\"failed\":1,"
	    "\"skipped\":1,\"timedOut\":1,\"errored\":0,\"cancelled\":1,\"flaky\":1},"
	    "\"duration\":1000,\"sequentialDuration\":3905,\"workersUsed\":4,"
	    "\"startTime\":1700000000000,\"endTime\":1700000001000}");
	assert_string_equal(line_at(fx.written, 19, buf, sizeof(buf)),
	    "{\"v\":1,\"seq\":19,\"t\":1700000000000,\"type\":\"warning\"," RUN ","
	    "\"test\":\"greets\",\"index\":0,\"message\":\"odd\"}");
	assert_string_equal(line_at(fx.written, 20, buf, sizeof(buf)),
	    "{\"v\":1,\"seq\":20,\"t\":1700000000000,\"type\":\"run.cancelling\"," RUN ","
	    "\"message\":\"asked\"}");
	fx_close(&fx);
}

static void
subtests_and_numbers(void **state)
{
	static const struct sv	failures[] = { { "4", 1 }, { "opens", 5 }, { "4x", 2 }, { "", 0 } };
	struct fx	fx;

	(void)state;
	fx_open(&fx);
	report_json(&fx.reporter, fx.out);
	fx_feed(&fx, EVENT_RUN_STARTED, (struct msg_event){ .total = 1, .seed = UINT64_MAX });
	fx_attempt_done(&fx, 0, "tap", 1, OUTCOME_FAIL, (struct msg_event){
	    .has = MSG_BIT(event, sub_total), .sub_total = 9, .sub_passed = 5, .sub_failed = 2,
	    .sub_skipped = 1, .sub_todo = 1, .sub_failures = { failures, 4 },
	    .duration_us = 1 });
	fx_test_done(&fx, 0, "tap", TEST_FAIL, (struct msg_event){ .attempts = 1 });
	assert_int_equal(fx_end(&fx), 0);
	assert_non_null(strstr(fx.written, "\"subtests\":{\"total\":9,\"passed\":5,\"failed\":2,"
	    "\"skipped\":1,\"todo\":1,\"failures\":[{\"number\":4,\"name\":\"opens\"},"
	    "{\"number\":\"4x\",\"name\":\"\"}]}"));
	assert_non_null(strstr(fx.written, "\"attemptsDetail\":[{\"outcome\":\"fail\","
	    "\"duration\":0.001,"));
	/* A number that JSON readers would round is text. */
	assert_non_null(strstr(fx.written, "\"seed\":\"18446744073709551615\""));
	/* The stream ended before the run did. */
	assert_non_null(strstr(fx.written, "{\"success\":false,"));
	assert_non_null(strstr(fx.written, "\"status\":\"running\""));
	fx_close(&fx);
}

static void
times_are_milliseconds(void **state)
{
	static const struct {
		uint64_t	 us;
		const char	*written;
	} cases[] = {
		{ 1, "0.001" }, { 10, "0.01" }, { 100, "0.1" }, { 1000, "1" }, { 1010, "1.01" },
		{ 999999, "999.999" }, { 86400000000, "86400000" },
		{ UINT64_C(123456789012345), "123456789012.345" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char		expected[64];
		struct fx	fx;

		(void)snprintf(expected, sizeof(expected), ",\"duration\":%s,",
		    cases[i].written);
		for (int k = 0; k < 2; k++) {
			fx_open(&fx);
			if (k == 0)
				report_json(&fx.reporter, fx.out);
			else
				report_events(&fx.reporter, fx.out);
			fx_started(&fx, 1);
			fx_test(&fx, 0, "a", OUTCOME_PASS,
			    (struct msg_event){ .duration_us = cases[i].us });
			assert_int_equal(fx_end(&fx), 0);
			assert_non_null(strstr(fx.written, expected));
			fx_close(&fx);
		}
	}
}

/* No run, no document: whoever asked has its error.  A run that was lost has one. */
static void
nothing_heard(void **state)
{
	struct fx	fx;
	json_t		*doc;

	(void)state;
	fx_open(&fx);
	report_json(&fx.reporter, fx.out);
	assert_int_equal(fx_end(&fx), 0);
	assert_string_equal(fx.written, "");
	fx_close(&fx);
	fx_open(&fx);
	report_json(&fx.reporter, fx.out);
	fx_started(&fx, 2);
	assert_int_equal(fx_end(&fx), 0);
	doc = json_loads(fx.written, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(doc);
	assert_true(json_is_false(json_object_get(doc, "success")));
	assert_int_equal(json_array_size(json_object_get(doc, "results")), 0);
	json_decref(doc);
	fx_close(&fx);
}

static void
play_random(struct fx *fx, unsigned *seed, size_t tests, size_t bytes)
{
	char	*output = malloc(bytes);

	assert_non_null(output);
	fx_started(fx, tests);
	for (size_t i = 0; i < tests; i++) {
		char		name[24];
		struct sv	strings[3];

		for (size_t k = 0; k < bytes; k++)
			output[k] = (char)rand_r(seed);
		/* Strings of messages have no NUL. */
		for (size_t k = 0; k < sizeof(name) - 1; k++)
			name[k] = (char)(1 + rand_r(seed) % 255);
		name[sizeof(name) - 1] = '\0';
		for (size_t k = 0; k < 3; k++)
			strings[k] = sv_from(name + k);
		fx_test(fx, i, name, i % 2 == 0 ? OUTCOME_FAIL : OUTCOME_PASS, (struct msg_event){
		    .output = { output, bytes }, .error_message = sv_from(name),
		    .assertions = { strings, 3 }, .leaked = { strings, 2 },
		    .sub_failures = { strings, 2 }, .has = MSG_BIT(event, sub_total),
		    .message = sv_from(name) });
	}
	fx_finished(fx, RUN_FAILED);
	free(output);
}

static void
any_bytes_are_json(void **state)
{
	unsigned	seed = 7;

	(void)state;
	for (int round = 0; round < 60; round++) {
		const size_t	flags = JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL;
		struct fx	fx;
		json_t		*doc;
		unsigned	lines = 0;

		fx_open(&fx);
		if (round % 2 == 0)
			report_json(&fx.reporter, fx.out);
		else
			report_events(&fx.reporter, fx.out);
		play_random(&fx, &seed, 5, 300);
		assert_int_equal(fx_end(&fx), 0);
		if (round % 2 == 0) {
			doc = json_loads(fx.written, flags, NULL);
			assert_non_null(doc);
			assert_int_equal(json_array_size(json_object_get(doc, "results")), 5);
			json_decref(doc);
		}
		for (char *p = fx.written; round % 2 == 1 && *p != '\0';) {
			char	*end = strchr(p, '\n');

			assert_non_null(end);
			doc = json_loadb(p, (size_t)(end - p), flags, NULL);
			assert_non_null(doc);
			assert_int_equal(json_integer_value(json_object_get(doc, "seq")), ++lines);
			json_decref(doc);
			p = end + 1;
		}
		assert_true(round % 2 == 0 || lines == 17);
		fx_close(&fx);
	}
}

/* Who reads a pipe sees an event at once, but for the end of an attempt that
 * passed, which the end of its test follows. */
static void
a_pipe_is_live(void **state)
{
	char		buf[8192];
	struct fx	fx;
	int		fds[2];
	FILE		*out;

	(void)state;
	assert_int_equal(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
	out = fdopen(fds[1], "w");
	assert_non_null(out);
	fx_open(&fx);
	report_events(&fx.reporter, out);
	fx_started(&fx, 2);
	assert_true(read(fds[0], buf, sizeof(buf)) > 0);
	fx_attempt(&fx, 0, "a", 1);
	assert_true(read(fds[0], buf, sizeof(buf)) > 0);
	fx_attempt_done(&fx, 0, "a", 1, OUTCOME_FAIL, (struct msg_event){ 0 });
	assert_true(read(fds[0], buf, sizeof(buf)) > 0);
	fx_attempt_done(&fx, 0, "a", 2, OUTCOME_PASS, (struct msg_event){ 0 });
	fx_test_done(&fx, 0, "a", TEST_PASS, (struct msg_event){ 0 });
	assert_true(read(fds[0], buf, sizeof(buf)) > 0);
	fx_attempt_done(&fx, 1, "b", 1, OUTCOME_PASS, (struct msg_event){ 0 });
	fx.reporter.tick(fx.reporter.state, 1, &fx.results);
	assert_true(read(fds[0], buf, sizeof(buf)) > 0);
	assert_int_equal(fx_end(&fx), 0);
	(void)fclose(out);
	close(fds[0]);
	fx_close(&fx);
}

static void
a_full_disk_is_told(void **state)
{
	static void (*const make[])(struct reporter *, FILE *) = { report_json, report_events,
	    report_junit };
	FILE	*full;

	(void)state;
	for (size_t i = 0; i < sizeof(make) / sizeof(make[0]); i++) {
		struct fx	fx;

		full = fopen("/dev/full", "w");
		if (full == NULL)
			skip();
		fx_open(&fx);
		make[i](&fx.reporter, full);
		fx_demo(&fx);
		assert_true(fx_end(&fx) < 0);
		(void)fclose(full);
		fx_close(&fx);
	}
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(golden_document),
		cmocka_unit_test(golden_events),
		cmocka_unit_test(subtests_and_numbers),
		cmocka_unit_test(times_are_milliseconds),
		cmocka_unit_test(nothing_heard),
		cmocka_unit_test(any_bytes_are_json),
		cmocka_unit_test(a_pipe_is_live),
		cmocka_unit_test(a_full_disk_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
