/* TAP: the exact text, the order of the plan, and that prove takes it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <locale.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/events_fixture.h"

static void
golden(void **state)
{
	static const char	expected[] =
	    "TAP version 13\n"
	    "1..6\n"
	    "ok 1 - greets\n"
	    "not ok 2 - adds \\# up\n"
	    "  ---\n"
	    "  message: \"1 of 2 failed\"\n"
	    "  status: fail\n"
	    "  category: assertion\n"
	    "  outcome: fail\n"
	    "  exit: 3\n"
	    "  duration_ms: 12.500\n"
	    "  attempts: 1\n"
	    "  assertions: |\n"
	    "    exit_code: expected 0, got 3\n"
	    "  leaked: |\n"
	    "    4711: sleep 1000\n"
	    "  output: |\n"
	    "    [74 bytes before this]\n"
	    "      two red\n"
	    "    \n"
	    "    three\n"
	    "  ...\n"
	    "ok 3 - wobbles\n"
	    "# flaky: passed at attempt 2\n"
	    "# attempt 1: ended by SIGSEGV\n"
	    "ok 4 - not here # SKIP needs root\n"
	    "not ok 5 - hangs\n"
	    "  ---\n"
	    "  message: \"timed out after 30.00s\"\n"
	    "  status: timeout\n"
	    "  category: timeout\n"
	    "  outcome: timeout\n"
	    "  signal: SIGTERM\n"
	    "  duration_ms: 30000.000\n"
	    "  attempts: 1\n"
	    "  ...\n"
	    "not ok 6 - late\n"
	    "  ---\n"
	    "  message: \"it was not started\"\n"
	    "  status: cancelled\n"
	    "  duration_ms: 0.000\n"
	    "  attempts: 0\n"
	    "  ...\n";
	struct fx	fx;

	(void)state;
	fx_open(&fx);
	report_tap(&fx.reporter, fx.out, 13);
	fx_demo(&fx);
	assert_int_equal(fx_end(&fx), 0);
	assert_string_equal(fx.written, expected);
	fx_close(&fx);
}

static void
points_wait_for_their_turn(void **state)
{
	struct fx	fx;

	(void)state;
	fx_open(&fx);
	report_tap(&fx.reporter, fx.out, 14);
	fx_started(&fx, 3);
	(void)fflush(fx.out);
	assert_string_equal(fx.written, "TAP version 14\n1..3\n");
	fx_test(&fx, 1, "b", OUTCOME_PASS, (struct msg_event){ 0 });
	(void)fflush(fx.out);
	assert_string_equal(fx.written, "TAP version 14\n1..3\n");
	fx_test(&fx, 0, "a", OUTCOME_PASS, (struct msg_event){ 0 });
	(void)fflush(fx.out);
	assert_string_equal(fx.written, "TAP version 14\n1..3\nok 1 - a\nok 2 - b\n");
	fx_end(&fx);
	assert_string_equal(fx.written, "TAP version 14\n1..3\nok 1 - a\nok 2 - b\n"
	    "not ok 3 - (not started)\n  ---\n  message: \"the run did not finish\"\n  ...\n");
	fx_close(&fx);
}

static void
nothing_to_say(void **state)
{
	struct fx	fx;

	(void)state;
	fx_open(&fx);
	report_tap(&fx.reporter, fx.out, 13);
	fx_started(&fx, 0);
	fx_finished(&fx, RUN_PASSED);
	fx_end(&fx);
	assert_string_equal(fx.written, "TAP version 13\n1..0 # SKIP no tests\n");
	fx_close(&fx);
	fx_open(&fx);
	report_tap(&fx.reporter, fx.out, 13);
	fx_end(&fx);
	assert_non_null(strstr(fx.written, "Bail out!"));
	fx_close(&fx);
}

static void
names_are_no_directives(void **state)
{
	static const struct {
		const char	*name, *shown;
	} cases[] = {
		{ "a # TODO later", "a \\# TODO later" },
		{ "a \\# SKIP x", "a \\\\\\# SKIP x" },
		{ "two\nlines", "two\\\\nlines" },
		{ "es\x1b[31mcape", "es\\\\x1b[31mcape" },
		{ "größe", "größe" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char		expected[128];
		struct fx	fx;

		fx_open(&fx);
		report_tap(&fx.reporter, fx.out, 13);
		fx_started(&fx, 1);
		fx_test(&fx, 0, cases[i].name, OUTCOME_PASS, (struct msg_event){ 0 });
		fx_end(&fx);
		(void)snprintf(expected, sizeof(expected), "TAP version 13\n1..1\nok 1 - %s\n",
		    cases[i].shown);
		assert_string_equal(fx.written, expected);
		fx_close(&fx);
	}
}

/* Runs prove over a file.  Its exit status, or -1 when there is no prove. */
static int
prove(const char *path, char *said, size_t size)
{
	char	cmd[256];
	FILE	*p;
	size_t	n;

	if (system("command -v prove >/dev/null 2>&1") != 0)
		return -1;
	(void)snprintf(cmd, sizeof(cmd), "LC_ALL=C prove -e cat '%s' 2>&1", path);
	p = popen(cmd, "r");
	assert_non_null(p);
	n = fread(said, 1, size - 1, p);
	said[n] = '\0';
	return WEXITSTATUS(pclose(p));
}

static void
random_text(unsigned *seed, char *to, size_t n)
{
	static const char	hard[] = "\n\n  :#'\"|>-.[]{}\\\t\r\x1b~";

	for (size_t i = 0; i + 1 < n; i++)
		to[i] = rand_r(seed) % 3 == 0 ? (char)(1 + rand_r(seed) % 255) :
		    hard[(size_t)rand_r(seed) % (sizeof(hard) - 1)];
	to[n - 1] = '\0';
}

/* Half of the tests fail; prove must count just these, and find no mistake. */
static void
prove_takes_any_bytes(void **state)
{
	unsigned	seed = 99;
	char		path[] = "/tmp/test_report_tap.XXXXXX", said[65536];
	struct fx	fx;
	int		fd = mkstemp(path), r;
	FILE		*out = fdopen(fd, "w");

	(void)state;
	assert_non_null(out);
	fx_open(&fx);
	report_tap(&fx.reporter, out, 13);
	fx_started(&fx, 200);
	for (uint64_t i = 0; i < 200; i++) {
		char		name[16], text[120], more[30];
		struct sv	list[3];

		random_text(&seed, name, sizeof(name));
		random_text(&seed, text, sizeof(text));
		random_text(&seed, more, sizeof(more));
		list[0] = sv_from("output_contains");
		list[1] = sv_from(more);
		list[2] = sv_from(text);
		fx_test(&fx, i, name, i % 2 == 0 ? OUTCOME_PASS : OUTCOME_FAIL,
		    (struct msg_event){ .output = sv_from(text), .error_message = sv_from(more),
		    .assertions = { list, 3 }, .leaked = { list, 2 } });
	}
	fx_finished(&fx, RUN_FAILED);
	assert_int_equal(fx_end(&fx), 0);
	(void)fclose(out);
	r = prove(path, said, sizeof(said));
	(void)unlink(path);
	fx_close(&fx);
	if (r < 0)
		skip();
	assert_int_equal(r, 1);
	assert_null(strstr(said, "Parse errors"));
	assert_non_null(strstr(said, "Tests: 200 Failed: 100"));
}

static void
prove_takes_a_good_run(void **state)
{
	char		path[] = "/tmp/test_report_tap.XXXXXX", said[4096];
	struct fx	fx;
	int		fd = mkstemp(path), r;
	FILE		*out = fdopen(fd, "w");

	(void)state;
	assert_non_null(out);
	fx_open(&fx);
	report_tap(&fx.reporter, out, 13);
	fx_started(&fx, 2);
	fx_test(&fx, 0, "a", OUTCOME_PASS, (struct msg_event){ 0 });
	fx_test_done(&fx, 1, "b", TEST_SKIP, (struct msg_event){ .message = SV_LIT("no # b") });
	fx_finished(&fx, RUN_PASSED);
	assert_int_equal(fx_end(&fx), 0);
	(void)fclose(out);
	r = prove(path, said, sizeof(said));
	(void)unlink(path);
	fx_close(&fx);
	if (r < 0)
		skip();
	assert_int_equal(r, 0);
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
		cmocka_unit_test(points_wait_for_their_turn),
		cmocka_unit_test(nothing_to_say),
		cmocka_unit_test(names_are_no_directives),
		cmocka_unit_test(prove_takes_any_bytes),
		cmocka_unit_test(prove_takes_a_good_run),
	};

	return cmocka_run_group_tests(tests, use_utf8, NULL);
}
