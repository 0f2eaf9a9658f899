/* A real worker and programs of known use: its figures are within a tenth of it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "common/figures.h"
#include "tests/integ/worker_rig.h"

#define MIB	(UINT64_C(1) << 20)

static struct rig	g;
static uint64_t		figures[FIGURE_COUNT];

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

/* Runs a shell line ("@" is the folder of helpers); its figures. */
static void
run(const char *line)
{
	struct msg_test_add	t = rig_test(SH(rig_line(line)));

	rig_run(&g, &t, NULL);
	rig_assert_outcome(&g, OUTCOME_PASS, CATEGORY_NONE);
	memcpy(figures, g.r.figures, sizeof figures);
}

/* A sanitizer starts slowly and takes memory of its own. */
#ifdef __SANITIZE_ADDRESS__
#define ITS_OWN(least)	((least) / 2)
#else
#define ITS_OWN(least)	0
#endif

/* Between `least` and a tenth more, and so much that the start of a program takes. */
static void
about(const char *what, uint64_t value, uint64_t least, uint64_t start_of_it)
{
	uint64_t	most = least + least / 10 + start_of_it + ITS_OWN(least);

	if (value < least || value > most)
		fail_msg("%s: %llu, not from %llu to %llu", what, (unsigned long long)value,
		    (unsigned long long)least, (unsigned long long)most);
}

/* A sanitizer has memory, messages and helper processes of its own. */
static void
needs_exact_figures(void)
{
#ifdef __SANITIZE_ADDRESS__
	skip();
#endif
}

static void
cpu_time(void **state)
{
	static const char *const	lines[] = {
		"exec @burn_cpu 200",
		"@burn_cpu 100; @burn_cpu 100",	/* reaped by the shell */
		"(@burn_cpu 200 &) | cat",	/* and by the worker */
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		run(lines[i]);
		about(lines[i], figures[FIGURE_USER_US] + figures[FIGURE_SYSTEM_US], 199000, 15000);
		assert_int_equal(figures[FIGURE_USER_US] + figures[FIGURE_SYSTEM_US],
		    g.r.m.cpu_us);
	}
}

static void
memory_of_one_process(void **state)
{
	(void)state;
	needs_exact_figures();
	run("exec @allocate 64");
	about("largest process", g.r.m.max_rss, 64 * MIB, 2 * MIB);
	about("tree", figures[FIGURE_TREE_PEAK], 64 * MIB, 2 * MIB);
}

/* Long enough for a few looks that may take 1 % of it; at a sanitizer's processes, which
 * have far more pages, each takes too long for that. */
static void
memory_of_a_tree(void **state)
{
	(void)state;
	needs_exact_figures();
	run("exec @hold 0 128 4000");
	about("in a child", figures[FIGURE_TREE_PEAK], 128 * MIB, 2 * MIB);
	assert_int_equal(figures[FIGURE_TREE_SOURCE], SOURCE_PROCFS);

	run("exec @hold 64 64 4000");		/* 64 of them are of both */
	about("shared and not", figures[FIGURE_TREE_PEAK], 128 * MIB, 2 * MIB);

	run("@hold 48 0 4000 & @hold 48 0 4000; wait");
	about("side by side", figures[FIGURE_TREE_PEAK], 96 * MIB, 4 * MIB);
	about("the larger of them", g.r.m.max_rss, 48 * MIB, 2 * MIB);

	run("exec @borrow 64 4000");
	about("of one, twice listed", figures[FIGURE_TREE_PEAK], 64 * MIB, 2 * MIB);
	assert_int_equal(figures[FIGURE_PROCESSES], 2);
}

/* A process that ends while the tree is weighed is not counted whole, beside the share
 * of it that another had just before. */
static void
memory_of_those_who_leave(void **state)
{
	(void)state;
	needs_exact_figures();
	run("for i in $(seq 80); do @hold 24 0 15 & @hold 24 0 15; wait; done");
	if (figures[FIGURE_TREE_PEAK] > 52 * MIB)
		fail_msg("%llu bytes of 48 MiB", (unsigned long long)figures[FIGURE_TREE_PEAK]);
}

static void
page_faults(void **state)
{
	(void)state;
	needs_exact_figures();
	run("exec @hold 64 0");
	about("minor", figures[FIGURE_MINOR_FAULTS], 64 * MIB / 4096, 500);
}

static void
context_switches(void **state)
{
	(void)state;
	run("exec @family 0 500");
	about("voluntary", figures[FIGURE_VOLUNTARY], 500, 20);
}

static void
bytes(void **state)
{
	(void)state;
	run("exec @move_bytes 1024 512");
	about("written", figures[FIGURE_WRITE_BYTES], MIB, 0);
	about("read", figures[FIGURE_READ_BYTES], MIB / 2, 20000);
	run("@move_bytes 1024 0; @move_bytes 1024 2048 & wait");
	about("written by two", figures[FIGURE_WRITE_BYTES], 2 * MIB, 0);
	about("read by two", figures[FIGURE_READ_BYTES], 2 * MIB, 40000);
	/* Nothing of one attempt, and of what the worker moved, is the next one's. */
	run("exec head -c 300000 /dev/zero");
	run("exec true");
	about("written by none", figures[FIGURE_WRITE_BYTES], 0, 0);
	about("read by none", figures[FIGURE_READ_BYTES], 0, 20000);
}

static void
processes_and_sessions(void **state)
{
	(void)state;
	needs_exact_figures();
	run("exec @family 7 1000");
	assert_int_equal(figures[FIGURE_PROCESSES], 8);
	assert_int_equal(figures[FIGURE_SESSIONS], 1);
	run("exec @family 7 1000 sessions");
	assert_int_equal(figures[FIGURE_PROCESSES], 8);
	assert_int_equal(figures[FIGURE_SESSIONS], 8);
	/* Those that become ours are counted even where no look was in time. */
	run("for i in 1 2 3; do (sleep 0.01 &) ; done; wait");
	assert_in_range(figures[FIGURE_PROCESSES], 4, 7);
}

/* A hook's use counts, its time is none of the test's spawn time. */
static void
hooks(void **state)
{
	struct msg_test_add	t = rig_test(LIST("/bin/true"));

	(void)state;
	t.setup = SH(rig_line("sleep 0.3; exec @burn_cpu 100"));
	t.teardown = SH(rig_line("exec @burn_cpu 100"));
	rig_run(&g, &t, NULL);
	rig_assert_outcome(&g, OUTCOME_PASS, CATEGORY_NONE);
	about("CPU time", g.r.figures[FIGURE_USER_US] + g.r.figures[FIGURE_SYSTEM_US], 198000,
	    15000);
	assert_in_range(g.r.figures[FIGURE_SPAWN_US], 1, g.r.m.elapsed_us - 400000);
	assert_int_equal(g.r.figures[FIGURE_SESSIONS], 3);
	assert_int_equal(g.r.figures[FIGURE_QUEUED_US], 0);
}

/* Over before the first look: nobody looked. */
static void
a_tiny_test_is_not_sampled(void **state)
{
	struct msg_test_add	t = rig_test(LIST("/bin/true"));
	unsigned		tiny = 0;

	(void)state;
	for (int i = 0; i < 200 && tiny < 20; i++) {
		rig_run(&g, &t, NULL);
		assert_true(g.r.figures[FIGURE_TREE_PEAK] >= g.r.m.max_rss);
		assert_true(g.r.m.max_rss > 0);
		if (g.r.m.elapsed_us >= 8000)
			continue;	/* the machine is busy */
		assert_int_equal(g.r.figures[FIGURE_TREE_SOURCE], SOURCE_RUSAGE);
		assert_int_equal(g.r.figures[FIGURE_PROCESSES], 1);
		assert_int_equal(g.r.figures[FIGURE_SESSIONS], 1);
		tiny++;
	}
	if (tiny == 0)
		skip();
}

static void
what_never_ran_used_nothing(void **state)
{
	struct msg_test_add	t = rig_test(LIST("/does/not/exist"));

	(void)state;
	needs_exact_figures();
	rig_run(&g, &t, NULL);
	rig_assert_outcome(&g, OUTCOME_EXEC_ERROR, CATEGORY_EXECUTION);
	for (int i = 0; i < FIGURE_COUNT; i++)
		assert_int_equal(g.r.figures[i], 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cpu_time),
		cmocka_unit_test(memory_of_one_process),
		cmocka_unit_test(memory_of_a_tree),
		cmocka_unit_test(memory_of_those_who_leave),
		cmocka_unit_test(page_faults),
		cmocka_unit_test(context_switches),
		cmocka_unit_test(bytes),
		cmocka_unit_test(processes_and_sessions),
		cmocka_unit_test(hooks),
		cmocka_unit_test(a_tiny_test_is_not_sampled),
		cmocka_unit_test(what_never_ran_used_nothing),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
