/* A real worker without control groups: what holds a test to its limits there. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/limits.h"
#include "tests/integ/worker_rig.h"

#define MIB	(UINT64_C(1) << 20)

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

/* A shell line ("@" is the folder of helpers) with one limit. */
static void
run(const char *line, enum limit which, uint64_t value)
{
	struct msg_test_add	t = rig_test(SH(rig_line(line)));

	switch (which) {
#define X(NAME, member, key, unit, least, most)	case LIMIT_##NAME: t.member = value; break;
	LIMIT_LIST(X)
#undef X
	case LIMIT_COUNT:
		break;
	}
	rig_run(&g, &t, NULL);
}

/* A sanitizer reserves more than any limit. */
static void
needs_plain_programs(void)
{
#ifdef __SANITIZE_ADDRESS__
	skip();
#endif
}

static void
memory(void **state)
{
	(void)state;
	needs_plain_programs();
	run("exec @hog 40", LIMIT_MEMORY, 64 * MIB);
	rig_assert_outcome(&g, OUTCOME_PASS, CATEGORY_NONE);

	run("exec @hog 120", LIMIT_MEMORY, 64 * MIB);
	rig_assert_outcome(&g, OUTCOME_OOM, CATEGORY_RESOURCE);
	rig_assert_contains(g.r.message, "out of memory: its limit is 64 MiB, it had ");
	assert_true(g.r.figures[FIGURE_TREE_PEAK] > 64 * MIB || g.r.m.max_rss > 64 * MIB);
}

/* No process has too much; they have it together, and one of them has its own session. */
static void
memory_of_a_tree(void **state)
{
	(void)state;
	needs_plain_programs();
	run("@hold 40 0 30000 & setsid @hold 0 40 30000 & wait", LIMIT_MEMORY, 64 * MIB);
	rig_assert_outcome(&g, OUTCOME_OOM, CATEGORY_RESOURCE);

	/* What two processes share counts once. */
	run("exec @hold 48 8 300", LIMIT_MEMORY, 64 * MIB);
	rig_assert_outcome(&g, OUTCOME_PASS, CATEGORY_NONE);
}

/* Faster than anybody can look, it is stopped at twice its limit. */
static void
memory_of_one_process(void **state)
{
	(void)state;
	needs_plain_programs();
	run("exec @allocate 256", LIMIT_MEMORY, 64 * MIB);
	rig_assert_outcome(&g, OUTCOME_FAIL, CATEGORY_ASSERTION);
	assert_int_equal(g.r.m.exit_code, 1);
}

/* Its end is no end of the attempt: what is to come after it comes. */
static void
memory_and_teardown(void **state)
{
	struct msg_test_add	t = rig_test(SH(rig_line("exec @hog 120")));

	(void)state;
	needs_plain_programs();
	t.memory = 64 * MIB;
	t.teardown = SH("echo torn down");
	rig_run(&g, &t, NULL);
	rig_assert_outcome(&g, OUTCOME_OOM, CATEGORY_RESOURCE);
	rig_assert_contains(g.r.streams[1].p, "torn down");
}

static void
open_files(void **state)
{
	(void)state;
	run("ulimit -n; ulimit -Hn", LIMIT_OPEN_FILES, 64);
	rig_assert_outcome(&g, OUTCOME_PASS, CATEGORY_NONE);
	assert_string_equal(g.r.streams[1].p, "64\n64\n");

	/* It lowers, and never raises. */
	run("ulimit -n", LIMIT_OPEN_FILES, 1048576);
	rig_assert_outcome(&g, OUTCOME_PASS, CATEGORY_NONE);
	assert_true(strtoull(g.r.streams[1].p, NULL, 10) < 1048576);
}

static void
file_size(void **state)
{
	static const char	*const lines[] = {
		"exec head -c 100000 /dev/zero >\"$TMPDIR/f\"",	/* the test itself */
		"head -c 100000 /dev/zero >\"$TMPDIR/f\"; exit $?",	/* one it waits for */
	};

	(void)state;
	for (int i = 0; i < 2; i++) {
		run(lines[i], LIMIT_FILE_SIZE, 65536);
		rig_assert_outcome(&g, i == 0 ? OUTCOME_CRASH : OUTCOME_FAIL,
		    i == 0 ? CATEGORY_CRASH : CATEGORY_ASSERTION);
		rig_assert_contains(g.r.message, "limit of file-size, 64 KiB");
	}
	run("head -c 100000 /dev/zero", LIMIT_FILE_SIZE, 65536);	/* no file */
	rig_assert_outcome(&g, OUTCOME_PASS, CATEGORY_NONE);
}

static void
cpu(void **state)
{
	(void)state;
	run("nproc", LIMIT_CPU, 1000);
	rig_assert_outcome(&g, OUTCOME_PASS, CATEGORY_NONE);
	assert_string_equal(g.r.streams[1].p, "1\n");
}

/* What cannot be had is no reason to run without.  The worker gives itself up then, once
 * it knows that what it said of that is read. */
static void
refused(void **state)
{
	struct msg_retire	m = { .has = 0 };
	int			status;

	(void)state;
	run("echo has run", LIMIT_CPU, 1500);
	rig_assert_outcome(&g, OUTCOME_EXEC_ERROR, CATEGORY_INFRASTRUCTURE);
	rig_assert_contains(g.r.message, "a part of a CPU cannot be given here");
	assert_int_equal(g.r.streams[1].n, 0);
	rig_send(&g, MSG_RETIRE, &m);
	status = rig_wait_end(&g);
	assert_int_not_equal(status, 0);
}

/* The limits of one test are not those of the next. */
static void
gone_afterwards(void **state)
{
	struct msg_test_add	t = rig_test(SH("ulimit -n"));

	(void)state;
	run("true", LIMIT_OPEN_FILES, 64);
	rig_run(&g, &t, NULL);
	assert_string_not_equal(g.r.streams[1].p, "64\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(memory, start, stop),
		cmocka_unit_test_setup_teardown(memory_of_a_tree, start, stop),
		cmocka_unit_test_setup_teardown(memory_of_one_process, start, stop),
		cmocka_unit_test_setup_teardown(memory_and_teardown, start, stop),
		cmocka_unit_test_setup_teardown(open_files, start, stop),
		cmocka_unit_test_setup_teardown(file_size, start, stop),
		cmocka_unit_test_setup_teardown(cpu, start, stop),
		cmocka_unit_test_setup_teardown(gone_afterwards, start, stop),
		cmocka_unit_test_setup(refused, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
