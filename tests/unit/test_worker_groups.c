/* Unit tests of worker/groups.c, on files that say what a kernel's would: what counts for
 * an attempt is what came in it, and what it leaves in memory is seen. */
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

#include "common/rmtree.h"
#include "worker/groups.h"

#define MIB	(UINT64_C(1) << 20)

struct fx {
	char		dir[40];
	struct groups	g;
};

static const struct limits	all = { { [LIMIT_MEMORY] = 64 * MIB, [LIMIT_PROCESSES] = 9,
				    [LIMIT_CPU] = 500 } };

static int
open_dir(void **state)
{
	struct fx	*fx = calloc(1, sizeof *fx);
	char		 path[64];

	if (fx == NULL)
		return 1;
	(void)snprintf(fx->dir, sizeof fx->dir, "/tmp/paratest-unit.XXXXXX");
	if (mkdtemp(fx->dir) == NULL)
		return 1;
	(void)snprintf(path, sizeof path, "%s/test", fx->dir);
	*state = fx;
	return mkdir(path, 0700);
}

static int
close_dir(void **state)
{
	struct fx	*fx = *state;
	int		 r;

	groups_close(&fx->g);
	r = rmtree_at(AT_FDCWD, fx->dir);
	free(fx);
	return r;
}

static void
says(const struct fx *fx, const char *name, const char *text)
{
	char	 path[96];
	FILE	*f;

	(void)snprintf(path, sizeof path, "%s/%s", fx->dir, name);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* A worker before this one had tests in there: one was out of memory. */
static void
what_was_before_a_worker_is_not_its_tests(void **state)
{
	struct fx		*fx = *state;
	struct exec_limits	 to = { 0 };
	struct groups_use	 u;

	says(fx, "test/memory.events", "oom 7\noom_kill 7\n");
	says(fx, "test/pids.events", "max 5\n");
	says(fx, "test/memory.peak", "67108864\n");
	says(fx, "test/cpu.stat", "user_usec 900\nsystem_usec 90\nthrottled_usec 5000\n");
	groups_open(&fx->g, fx->dir, -1);
	assert_int_equal(groups_begin(&fx->g, &all, &to), 0);
	groups_end(&fx->g, &all, &u);
	assert_int_equal(u.oom_kills, 0);
	assert_int_equal(u.hits, 0);
	assert_int_equal(u.peak, 0);
	assert_int_equal(u.user_us, 0);
	assert_int_equal(u.system_us, 0);
	assert_int_equal(u.throttled_us, 0);
	/* What comes in an attempt is its own. */
	assert_int_equal(groups_begin(&fx->g, &all, &to), 0);
	says(fx, "test/memory.events", "oom 8\noom_kill 9\n");
	says(fx, "test/pids.events", "max 6\n");
	says(fx, "test/cpu.stat", "user_usec 1000\nsystem_usec 95\nthrottled_usec 7000\n");
	groups_end(&fx->g, &all, &u);
	assert_int_equal(u.oom_kills, 2);
	assert_int_equal(u.hits, 1);
	assert_int_equal(u.user_us, 100);
	assert_int_equal(u.system_us, 5);
	assert_int_equal(u.throttled_us, 2000);
}

/* One without a limit of its own was ended by the kernel, as the host had no memory. */
static void
what_was_before_an_attempt_is_not_its_own(void **state)
{
	static const struct limits	 none;
	struct fx			*fx = *state;
	struct exec_limits		 to = { 0 };
	struct groups_use		 u;

	says(fx, "test/memory.events", "oom_kill 0\n");
	groups_open(&fx->g, fx->dir, -1);
	assert_int_equal(groups_begin(&fx->g, &none, &to), 0);
	says(fx, "test/memory.events", "oom_kill 1\n");
	groups_end(&fx->g, &none, &u);
	assert_int_equal(groups_begin(&fx->g, &all, &to), 0);
	groups_end(&fx->g, &all, &u);
	assert_int_equal(u.oom_kills, 0);
}

static void
nor_is_it_in_version_1(void **state)
{
	struct fx		*fx = *state;
	struct exec_limits	 to = { 0 };
	struct groups_use	 u;
	char			 words[256];

	says(fx, "test/cgroup.procs", "");
	says(fx, "test/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n");
	says(fx, "test/memory.max_usage_in_bytes", "4096\n");
	says(fx, "test/pids.events", "max 3\n");
	says(fx, "test/cpu.stat", "nr_periods 2\nthrottled_time 9000000\n");
	(void)snprintf(words, sizeof words, "memory:%s/test,pids:%s/test,cpu:%s/test", fx->dir,
	    fx->dir, fx->dir);
	groups_open(&fx->g, words, -1);
	assert_int_equal(groups_begin(&fx->g, &all, &to), 0);
	groups_end(&fx->g, &all, &u);
	assert_int_equal(u.oom_kills, 0);
	assert_int_equal(u.hits, 0);
	assert_int_equal(u.throttled_us, 0);
}

/* Devices may come and go meanwhile, with what they have counted. */
static void
what_devices_move_in_an_attempt_is_its_own(void **state)
{
	struct fx		*fx = *state;
	struct exec_limits	 to = { 0 };
	struct groups_use	 u;

	says(fx, "test/io.stat", "8:0 rbytes=7000 wbytes=500 rios=9 wios=9\n");
	groups_open(&fx->g, fx->dir, -1);
	assert_int_equal(groups_begin(&fx->g, &all, &to), 0);
	groups_end(&fx->g, &all, &u);
	assert_true(u.devices);
	assert_int_equal(u.device_read, 0);
	assert_int_equal(u.device_written, 0);
	assert_int_equal(groups_begin(&fx->g, &all, &to), 0);
	says(fx, "test/io.stat", "8:0 rbytes=7100 wbytes=500\n8:16 rbytes=20 wbytes=4096\n");
	groups_end(&fx->g, &all, &u);
	assert_int_equal(u.device_read, 120);
	assert_int_equal(u.device_written, 4096);
	assert_int_equal(groups_begin(&fx->g, &all, &to), 0);
	says(fx, "test/io.stat", "8:0 rbytes=7103 wbytes=500\n");
	groups_end(&fx->g, &all, &u);
	assert_int_equal(u.device_written, 0);
	says(fx, "test/io.stat", "8:0 rbytes=7105 wbytes=502\n");
	groups_end(&fx->g, &all, &u);
	assert_int_equal(u.device_read, 2);
	assert_int_equal(u.device_written, 2);
}

static void
without_their_controller_nothing_is_said_of_devices(void **state)
{
	struct fx		*fx = *state;
	struct exec_limits	 to = { 0 };
	struct groups_use	 u;

	groups_open(&fx->g, fx->dir, -1);
	assert_int_equal(groups_begin(&fx->g, &all, &to), 0);
	groups_end(&fx->g, &all, &u);
	assert_false(u.devices);
	assert_int_equal(u.device_read, 0);
}

/* Pages of files on a disk are given back when they are in the way; those of files in
 * memory are not. */
static void
memory_that_is_left_is_seen(void **state)
{
	struct fx	*fx = *state;

	says(fx, "test/memory.current", "1048576\n");
	says(fx, "test/memory.stat", "anon 0\nfile 0\nshmem 0\n");
	groups_open(&fx->g, fx->dir, -1);
	assert_true(groups_are_clean(&fx->g));
	says(fx, "test/memory.current", "90000000\n");
	says(fx, "test/memory.stat", "anon 0\nfile 90000000\nshmem 4096\n");
	assert_true(groups_are_clean(&fx->g));
	says(fx, "test/memory.current", "120000000\n");
	says(fx, "test/memory.stat", "anon 0\nfile 120000000\nshmem 30000000\n");
	assert_false(groups_are_clean(&fx->g));
}

static void
without_groups_all_is_clean(void **state)
{
	struct fx	*fx = *state;

	groups_open(&fx->g, NULL, -1);
	assert_true(groups_are_clean(&fx->g));
}

#define WITH_DIR(f)	cmocka_unit_test_setup_teardown(f, open_dir, close_dir)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_DIR(what_was_before_a_worker_is_not_its_tests),
		WITH_DIR(what_was_before_an_attempt_is_not_its_own),
		WITH_DIR(nor_is_it_in_version_1),
		WITH_DIR(what_devices_move_in_an_attempt_is_its_own),
		WITH_DIR(without_their_controller_nothing_is_said_of_devices),
		WITH_DIR(memory_that_is_left_is_seen),
		WITH_DIR(without_groups_all_is_clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
