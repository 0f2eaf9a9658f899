/* A real worker and real programs: what becomes of a test that ends by itself. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "tests/integ/worker_rig.h"

static struct rig	g;

static int
start(void **state)
{
	(void)state;
	rig_start(&g, 1000, 60000);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	rig_stop(&g);
	return 0;
}

/* ---- outcomes ---- */

static const struct outcome_case {
	const char	*name, *line;
	const char	*expect[8];	/* groups of four */
	uint64_t	 format;
	enum outcome	 outcome;
	int		 code;		/* exit code, or -signal */
	enum error_category category;
	const char	*message;	/* a part of it */
} outcomes[] = {
	{ "true", "true", { 0 }, FORMAT_EXIT, OUTCOME_PASS, 0, CATEGORY_NONE, "" },
	{ "exit 3", "exit 3", { 0 }, FORMAT_EXIT, OUTCOME_FAIL, 3, CATEGORY_ASSERTION,
	    "exit code 3, expected 0" },
	{ "skip", "exit 77", { 0 }, FORMAT_EXIT, OUTCOME_SKIP, 77, CATEGORY_NONE, "" },
	{ "77 is expected", "exit 77", { "exit_code", "", "77", "" }, FORMAT_EXIT,
	    OUTCOME_PASS, 77, CATEGORY_NONE, "" },
	{ "77 is not expected", "exit 77", { "exit_code", "", "0", "" }, FORMAT_EXIT,
	    OUTCOME_FAIL, 77, CATEGORY_ASSERTION, "exit code 77, expected 0" },
	{ "crash", "exec @segv", { 0 }, FORMAT_EXIT, OUTCOME_CRASH, -11, CATEGORY_CRASH,
	    "killed by SIGSEGV" },
	{ "crash by KILL", "exec @segv 9", { 0 }, FORMAT_EXIT, OUTCOME_CRASH, -9,
	    CATEGORY_CRASH, "killed by SIGKILL" },
	{ "crash by TERM", "exec @segv 15", { 0 }, FORMAT_EXIT, OUTCOME_CRASH, -15,
	    CATEGORY_CRASH, "killed by SIGTERM" },
	{ "a crash as expected", "exec @segv", { "exit_code", "", "signal:SEGV", "" },
	    FORMAT_EXIT, OUTCOME_PASS, -11, CATEGORY_NONE, "" },
	{ "another crash than expected", "exec @segv 6",
	    { "exit_code", "", "signal:SEGV", "" }, FORMAT_EXIT, OUTCOME_CRASH, -6,
	    CATEGORY_CRASH, "killed by SIGABRT" },
	{ "no crash where one is expected", "true", { "exit_code", "", "signal:SEGV", "" },
	    FORMAT_EXIT, OUTCOME_FAIL, 0, CATEGORY_ASSERTION, "expected signal:SEGV" },
	{ "output as expected", "echo hello",
	    { "output_equals", "stdout", "hello\n", "" }, FORMAT_EXIT, OUTCOME_PASS, 0,
	    CATEGORY_NONE, "" },
	{ "output on the other stream", "echo hello >&2",
	    { "output_equals", "stdout", "hello\n", "" }, FORMAT_EXIT, OUTCOME_FAIL, 0,
	    CATEGORY_ASSERTION, "stdout is \"\"" },
	{ "two wrong", "echo a; exit 1",
	    { "output_contains", "", "b", "", "output_matches", "stdout", "/^c$/", "" },
	    FORMAT_EXIT, OUTCOME_FAIL, 1, CATEGORY_ASSERTION, "(and 2 more)" },
	{ "tap", "printf '1..2\\nok 1\\nok 2\\n'", { 0 }, FORMAT_TAP, OUTCOME_PASS, 0,
	    CATEGORY_NONE, "" },
	{ "tap with a failure", "printf '1..2\\nok 1\\nnot ok 2 - sums\\n'; exit 1", { 0 },
	    FORMAT_TAP, OUTCOME_FAIL, 1, CATEGORY_ASSERTION, "2 - sums" },
	{ "tap, but exit 1", "printf '1..1\\nok 1\\n'; exit 1", { 0 }, FORMAT_TAP,
	    OUTCOME_FAIL, 1, CATEGORY_ASSERTION, "exit code 1" },
	{ "tap, exit 1 expected", "printf '1..1\\nok 1\\n'; exit 1",
	    { "exit_code", "", "1", "" }, FORMAT_TAP, OUTCOME_PASS, 1, CATEGORY_NONE, "" },
	{ "tap on stderr is none", "printf '1..1\\nok 1\\n' >&2", { 0 }, FORMAT_TAP,
	    OUTCOME_FAIL, 0, CATEGORY_ASSERTION, "no test point" },
	{ "tap that crashed", "printf '1..1\\nok 1\\n'; exec @segv", { 0 }, FORMAT_TAP,
	    OUTCOME_CRASH, -11, CATEGORY_CRASH, "killed by SIGSEGV" },
};

static void
outcomes_of_commands(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof outcomes / sizeof outcomes[0]; i++) {
		const struct outcome_case	*c = &outcomes[i];
		struct msg_test_add		 t = rig_test(SH(rig_line(c->line)));
		struct sv			 expect[8];

		for (uint32_t k = 0; k < 8 && c->expect[k] != NULL; k++) {
			expect[k] = sv_from(c->expect[k]);
			t.expect = (struct svs){ expect, k + 1 };
		}
		t.format = c->format;
		rig_run(&g, &t, NULL);
		if (g.r.m.outcome != c->outcome || g.r.m.error_category != c->category ||
		    g.r.m.signal != (uint64_t)(c->code < 0 ? -c->code : 0) ||
		    g.r.m.exit_code != (uint64_t)(c->code > 0 ? c->code : 0) ||
		    MSG_HAS(&g.r.m, attempt_done, exit_code) != (c->code >= 0))
			fail_msg("%s: %s, exit code %llu, signal %llu: %s", c->name,
			    outcome_name(g.r.m.outcome), (unsigned long long)g.r.m.exit_code,
			    (unsigned long long)g.r.m.signal, g.r.message);
		rig_assert_contains(g.r.message, c->message);
	}
}

static void
assertions_and_subtests_are_listed(void **state)
{
	struct msg_test_add	t = rig_test(SH("printf '1..3\\nnot ok 1 - a\\n"
				    "ok 2 # SKIP no\\nnot ok 3 # TODO later\\n'"));

	(void)state;
	t.expect = LIST("output_contains", "stdout", "SKIP", "", "no_errors", "", "", "");
	t.format = FORMAT_TAP;
	rig_run(&g, &t, NULL);
	assert_string_equal(g.r.assertions[0], "stdout_contains");
	assert_string_equal(g.r.assertions[1], "pass");
	assert_string_equal(g.r.assertions[3], "no_errors");
	assert_null(g.r.assertions[6]);
	assert_int_equal(g.r.m.sub_total, 3);
	assert_int_equal(g.r.m.sub_failed, 1);
	assert_int_equal(g.r.m.sub_skipped, 1);
	assert_int_equal(g.r.m.sub_todo, 1);
	assert_string_equal(g.r.failures[0], "1");
	assert_string_equal(g.r.failures[1], "a");

	t = rig_test(SH("echo '1..0 # SKIP no database'"));
	t.format = FORMAT_TAP;
	rig_run(&g, &t, NULL);
	assert_int_equal(g.r.m.outcome, OUTCOME_SKIP);
	assert_string_equal(g.r.skip_reason, "no database");
}

/* What does not fit into one message is summed up, not lost. */
static void
many_assertions(void **state)
{
	enum { N = 2000 };
	struct sv		*v = xcalloc(4 * N, sizeof *v);
	struct msg_test_add	 t = rig_test(LIST("/bin/echo", "text"));
	size_t			 n = 0;

	(void)state;
	for (size_t i = 0; i < N; i++) {
		v[4 * i] = SV_LIT("output_contains");
		v[4 * i + 1] = SV_LIT("stdout");
		v[4 * i + 2] = i == N - 1 ? SV_LIT("other") : SV_LIT("text");
		v[4 * i + 3] = SV_LIT("");
	}
	t.expect = (struct svs){ v, 4 * N };
	rig_run(&g, &t, NULL);
	assert_int_equal(g.r.m.outcome, OUTCOME_FAIL);
	rig_assert_contains(g.r.message, "other");
	while (g.r.assertions[n] != NULL)
		n++;
	assert_string_equal(g.r.assertions[n - 3], "...");
	assert_string_equal(g.r.assertions[n - 2], "fail");
	free(v);
}

/* ---- starting ---- */

static void
write_file(const char *path, const char *text, mode_t mode)
{
	int	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	(void)close(fd);
}

static void
exec_error(struct svs argv, const char *cwd, const char *part1, const char *part2)
{
	struct msg_test_add	t = rig_test(argv);

	t.cwd = sv_from(cwd);
	rig_run(&g, &t, NULL);
	assert_int_equal(g.r.m.outcome, OUTCOME_EXEC_ERROR);
	assert_int_equal(g.r.m.error_category, CATEGORY_EXECUTION);
	assert_false(MSG_HAS(&g.r.m, attempt_done, exit_code));
	rig_assert_contains(g.r.message, part1);
	rig_assert_contains(g.r.message, part2);
}

static void
what_cannot_be_started(void **state)
{
	char	plain[128], bad[128];

	(void)state;
	(void)snprintf(plain, sizeof plain, "%s/plain", g.dir);
	(void)snprintf(bad, sizeof bad, "%s/bad", g.dir);
	write_file(plain, "echo hello\n", 0600);
	write_file(bad, "#!/nowhere/interpreter\n", 0700);
	exec_error(LIST("/nowhere/at/all"), "/", "/nowhere/at/all", "No such file");
	exec_error(LIST("no-such-command-anywhere"), "/", "no-such-command-anywhere", "PATH");
	exec_error(LIST("./plain"), g.dir, "./plain", "Permission denied");
	exec_error(LIST("/bin"), "/", "/bin", "Permission denied");
	exec_error(LIST("./bad"), g.dir, "./bad", "interpreter");
	exec_error(LIST("/bin/true"), "/nowhere/at/all", "/nowhere/at/all", "No such file");
	exec_error(LIST("/bin/true"), plain, plain, "Not a directory");
	assert_int_equal(unlink(plain), 0);
	assert_int_equal(unlink(bad), 0);
}

/* The PATH is the test's, relative entries are seen from its folder, and a file
 * without "#!" is a shell script. */
static void
lookup_in_the_path(void **state)
{
	struct msg_test_add	t = rig_test(LIST("tool", "a b"));
	char			path[128];

	(void)state;
	(void)snprintf(path, sizeof path, "%s/tool", g.dir);
	write_file(path, "echo \"tool: $1\"\n", 0700);
	t.cwd = sv_from(g.dir);
	t.env = LIST("PATH=/nowhere:.:/bin");
	rig_run(&g, &t, NULL);
	assert_int_equal(g.r.m.outcome, OUTCOME_PASS);
	assert_string_equal(g.r.streams[1].p, "tool: a b\n");
	assert_int_equal(unlink(path), 0);
}

static void
surroundings(void **state)
{
	struct msg_test_add	t = rig_test(LIST(rig_helper("surroundings")));
	const char		*o;

	(void)state;
	rig_context(&g, 1, LIST("T_A=run", "T_B=first", "T_B=run", "T_C=run"), 027);
	t.env = LIST("T_C=test", "T_D=test", "T_D=last", "PARATEST_SLOT=99", "TMPDIR=/");
	t.cwd = SV_LIT("/usr");
	rig_run(&g, &t, NULL);
	assert_int_equal(g.r.m.outcome, OUTCOME_PASS);
	o = g.r.streams[1].p;
	rig_assert_contains(o, "descriptors 7\n");
	rig_assert_contains(o, "signals 0 0\n");
	rig_assert_contains(o, "stdin /dev/null\n");
	rig_assert_contains(o, "leader 1\n");
	rig_assert_contains(o, "umask 027\n");
	rig_assert_contains(o, "cwd /usr\n");
	rig_assert_contains(o, "tmpdir 700\n");
	rig_assert_contains(o, "env T_A=run\n");
	rig_assert_contains(o, "env T_B=run\n");
	rig_assert_contains(o, "env T_C=test\n");
	rig_assert_contains(o, "env T_D=last\n");
	rig_assert_contains(o, "env PARATEST_RUN_ID=0123abcd\n");
	rig_assert_contains(o, "env PARATEST_TEST_NAME=a test\n");
	rig_assert_contains(o, "env PARATEST_ATTEMPT=1\n");
	rig_assert_contains(o, "env PARATEST_SLOT=3\n");
	rig_assert_contains(o, "env PARATEST_SEED=42\n");
	assert_null(strstr(o, "=first"));
	assert_null(strstr(o, "SLOT=99"));
}

/* More than a pipe takes, any bytes, and a command that reads none of it. */
static void
standard_input(void **state)
{
	size_t			 n = 300000;
	char			*data = xcalloc(n, 1);
	struct msg_test_add	 t = rig_test(LIST("/bin/cat"));

	(void)state;
	for (size_t i = 0; i < n; i++)
		data[i] = (char)(i * 7 + i / 256);
	t.stdin_data = (struct sv){ data, n };
	rig_run(&g, &t, NULL);
	assert_int_equal(g.r.m.outcome, OUTCOME_PASS);
	assert_int_equal(g.r.streams[1].n, n);
	assert_memory_equal(g.r.streams[1].p, data, n);
	t.argv = LIST("/bin/true");
	rig_run(&g, &t, NULL);
	assert_int_equal(g.r.m.outcome, OUTCOME_PASS);
	free(data);
}

/* ---- output ---- */

static void
binary_output(void **state)
{
	struct msg_test_add	t = rig_test(LIST(rig_helper("binary")));

	(void)state;
	rig_run(&g, &t, NULL);
	assert_int_equal(g.r.m.outcome, OUTCOME_PASS);
	for (int s = 1; s <= 2; s++) {
		assert_int_equal(g.r.streams[s].n, 256);
		for (int i = 0; i < 256; i++)
			assert_int_equal((unsigned char)g.r.streams[s].p[i], i);
	}
	assert_int_equal(g.r.m.stdout_bytes, 256);
	assert_int_equal(g.r.m.stderr_bytes, 256);
	assert_int_equal(g.r.frames, 0);
}

static void
order_over_both_streams(void **state)
{
	struct msg_test_add	t = rig_test(LIST(rig_helper("alternate"), "6"));

	(void)state;
	rig_run(&g, &t, NULL);
	assert_string_equal(g.r.streams[0].p, "0\n1\n2\n3\n4\n5\n");
	assert_string_equal(g.r.streams[1].p, "0\n2\n4\n");
	assert_string_equal(g.r.streams[2].p, "1\n3\n5\n");
}

/* Too much for ATTEMPT_DONE: it comes in frames, whole. */
static void
output_in_frames(void **state)
{
	struct msg_test_add	t = rig_test(SH(rig_line("@flood 3000000; @flood 100000 2")));

	(void)state;
	rig_run(&g, &t, NULL);
	assert_int_equal(g.r.streams[1].n, 3000000);
	assert_int_equal(g.r.streams[2].n, 100000);
	assert_false(g.r.m.truncated);
	assert_true(g.r.frames >= 3100000 / 65536);
}

static void
cut_output(void **state)
{
	struct msg_test_add	 t = rig_test(SH(rig_line("echo first; @flood 100000; echo last")));
	struct rig_options	 o = { .output_limit = 1000 };

	(void)state;
	rig_run(&g, &t, &o);
	assert_true(g.r.m.truncated);
	assert_int_equal(g.r.m.stdout_bytes, 6 + 100000 + 5);
	assert_memory_equal(g.r.streams[1].p, "first\n", 6);
	rig_assert_contains(g.r.streams[1].p, "\n[... 99011 bytes left out ...]\n");
	assert_string_equal(g.r.streams[1].p + g.r.streams[1].n - 5, "last\n");
}

static uint64_t
peak_memory(pid_t pid)
{
	char			 path[64], line[256];
	unsigned long long	 kib = 0;
	FILE			*f;

	(void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof line, f) != NULL)
		(void)sscanf(line, "VmHWM: %llu", &kib);
	(void)fclose(f);
	return kib * 1024;
}

/* A GiB costs bounded memory, and the heart beats on meanwhile. */
static void
flood(void **state)
{
	struct msg_test_add	t = rig_test(LIST(rig_helper("flood"), "1073741824"));
	struct rig_options	o = { .output_limit = 4 << 20 };
	struct rig		h;

	(void)state;
	rig_start(&h, 50, 60000);
	rig_run(&h, &t, &o);
	assert_int_equal(h.r.m.outcome, OUTCOME_PASS);
	assert_int_equal(h.r.m.stdout_bytes, UINT64_C(1) << 30);
	assert_true(h.r.streams[1].n < (4 << 20) + 64);
	assert_true(h.r.streams[1].n > (4 << 20));
	print_message("flood: %llu ms, the worker's peak is %llu KiB, its longest silence %u ms\n",
	    (unsigned long long)h.r.m.elapsed_us / 1000,
	    (unsigned long long)peak_memory(h.pid) / 1024, h.max_silence_ms);
	assert_true(h.heartbeats > 0);
	assert_true(peak_memory(h.pid) < (64 << 20));
	rig_stop(&h);
}

static void
follow(void **state)
{
	struct msg_test_add	t = rig_test(SH("echo one; while ! [ -e go ]; do sleep 0.01; "
				    "done; echo two; while ! [ -e on ]; do sleep 0.01; done; "
				    "echo three"));
	char			path[128];
	uint64_t		id;

	(void)state;
	t.cwd = sv_from(g.dir);
	id = rig_begin(&g, &t, NULL);
	rig_follow(&g, id, true);
	rig_until_live(&g, "one\n");
	(void)snprintf(path, sizeof path, "%s/go", g.dir);
	write_file(path, "", 0600);
	rig_until_live(&g, "two\n");
	rig_follow(&g, id, false);
	rig_follow(&g, id + 100, true);	/* of no attempt that runs */
	(void)unlink(path);
	(void)snprintf(path, sizeof path, "%s/on", g.dir);
	write_file(path, "", 0600);
	rig_finish(&g);
	assert_string_equal(g.r.live.p, "one\ntwo\n");
	assert_string_equal(g.r.streams[1].p, "one\ntwo\nthree\n");
	(void)unlink(path);
}

/* ---- usage and what stays ---- */

static void
usage(void **state)
{
	struct msg_test_add	t = rig_test(LIST(rig_helper("burn_cpu"), "200"));

	(void)state;
	rig_run(&g, &t, NULL);
	assert_true(g.r.m.cpu_us >= 200000);
	assert_true(g.r.m.cpu_us < 2000000);
	/* in a child of the leader */
	t.argv = SH(rig_line("@burn_cpu 200; true"));
	rig_run(&g, &t, NULL);
	assert_true(g.r.m.cpu_us >= 200000);
	/* in an orphan, which is given a moment to end by itself */
	t.argv = LIST(rig_helper("burn_cpu"), "60", "child");
	rig_run(&g, &t, NULL);
	assert_true(g.r.m.cpu_us >= 60000 || g.r.leaked[0] != NULL);
	t.argv = LIST(rig_helper("allocate"), "100");
	rig_run(&g, &t, NULL);
	assert_true(g.r.m.max_rss >= 100 << 20);
	t.argv = LIST("/bin/true");
	rig_run(&g, &t, NULL);
	assert_true(g.r.m.max_rss > 0);
	assert_true(g.r.m.cpu_us < 100000);
}

/* What the worker held for one test is not counted as memory of the next.  (With
 * AddressSanitizer it holds it on.) */
static void
peaks_are_not_handed_on(void **state)
{
	struct msg_test_add	small = rig_test(LIST("/bin/true"));
	struct msg_test_add	large = rig_test(LIST(rig_helper("flood"), "30000000"));
	uint64_t		before;

	(void)state;
#ifdef __SANITIZE_ADDRESS__
	skip();
#endif
	rig_run(&g, &small, NULL);
	before = g.r.m.max_rss;
	rig_run(&g, &large, NULL);
	rig_run(&g, &small, NULL);
	assert_true(g.r.m.max_rss < before + (4 << 20));
}

/* Whatever a test leaves in its folder goes: files, folders nobody may write. */
static void
the_folder_is_removed(void **state)
{
	struct msg_test_add	t = rig_test(SH("cd \"$TMPDIR\" && mkdir -p a/b/c && "
				    "touch a/b/f && "
				    "ln -s / a/root && ln -s ../.. a/b/up && mkfifo a/pipe && "
				    "i=0; while [ $i -lt 500 ]; do : >a/f$i; i=$((i+1)); done; "
				    "chmod 0 a/b; test -d \"$TMPDIR\""));

	(void)state;
	rig_run(&g, &t, NULL);		/* which asserts that nothing is there */
	assert_int_equal(g.r.m.outcome, OUTCOME_PASS);
	assert_null(g.r.leaked[0]);
	/* what the next one finds is as new, whatever the one before did to it */
	t.argv = SH("chmod 755 \"$TMPDIR\"");
	rig_run(&g, &t, NULL);
	t.argv = SH("test -z \"$(ls -A \"$TMPDIR\")\" && stat -c %a \"$TMPDIR\"");
	rig_run(&g, &t, NULL);
	assert_int_equal(g.r.m.outcome, OUTCOME_PASS);
	assert_string_equal(g.r.streams[1].p, "700\n");
	/* one that removes it itself */
	t.argv = SH("rmdir \"$TMPDIR\"");
	rig_run(&g, &t, NULL);
	assert_int_equal(g.r.m.outcome, OUTCOME_PASS);
}

static void
no_descriptor_is_lost(void **state)
{
	struct msg_test_add	t = rig_test(SH("echo x; echo y >&2"));
	struct msg_test_add	bad = rig_test(LIST("/nowhere"));
	unsigned		before;

	(void)state;
	t.setup = LIST("/bin/true");
	t.teardown = LIST("/bin/true");
	t.stdin_data = SV_LIT("input");
	rig_run(&g, &t, NULL);
	rig_run(&g, &bad, NULL);
	before = rig_count_fds(g.pid);
	for (int i = 0; i < 50; i++)
		rig_run(&g, i % 2 == 0 ? &t : &bad, NULL);
	assert_int_equal(rig_count_fds(g.pid), before);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup_teardown(outcomes_of_commands, start, stop),
		cmocka_unit_test_setup_teardown(assertions_and_subtests_are_listed, start, stop),
		cmocka_unit_test_setup_teardown(many_assertions, start, stop),
		cmocka_unit_test_setup_teardown(what_cannot_be_started, start, stop),
		cmocka_unit_test_setup_teardown(lookup_in_the_path, start, stop),
		cmocka_unit_test_setup_teardown(surroundings, start, stop),
		cmocka_unit_test_setup_teardown(standard_input, start, stop),
		cmocka_unit_test_setup_teardown(binary_output, start, stop),
		cmocka_unit_test_setup_teardown(order_over_both_streams, start, stop),
		cmocka_unit_test_setup_teardown(output_in_frames, start, stop),
		cmocka_unit_test_setup_teardown(cut_output, start, stop),
		cmocka_unit_test(flood),
		cmocka_unit_test_setup_teardown(follow, start, stop),
		cmocka_unit_test_setup_teardown(usage, start, stop),
		cmocka_unit_test_setup_teardown(peaks_are_not_handed_on, start, stop),
		cmocka_unit_test_setup_teardown(the_folder_is_removed, start, stop),
		cmocka_unit_test_setup_teardown(no_descriptor_is_lost, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
