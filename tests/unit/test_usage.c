/* Unit tests of worker/usage.c, iocount.c and of when worker/sampler.c looks. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker/iocount.h"
#include "worker/sampler.h"
#include "worker/usage.h"

static struct rusage
account(long n)
{
	return (struct rusage){ .ru_utime = { n, 1 }, .ru_stime = { 2 * n, 3 }, .ru_maxrss = 10 * n,
	    .ru_minflt = 100 * n, .ru_majflt = 3 * n, .ru_nvcsw = 5 * n, .ru_nivcsw = 7 * n };
}

static void
accounts_are_added(void **state)
{
	struct usage	u = { 0 };
	struct rusage	a = account(1), b = account(4), c = account(2);

	(void)state;
	usage_reaped(&u, 10, &a);
	usage_reaped(&u, 11, &b);
	usage_reaped(&u, 10, &c);	/* the id again: another process */
	assert_int_equal(u.user_us, 7000003);
	assert_int_equal(u.system_us, 14000009);
	assert_int_equal(u.max_rss, 40 * 1024);
	assert_int_equal(u.minor_faults, 700);
	assert_int_equal(u.major_faults, 21);
	assert_int_equal(u.voluntary, 35);
	assert_int_equal(u.involuntary, 49);
	assert_int_equal(u.processes, 3);
	usage_clear(&u);
	assert_int_equal(u.processes + u.user_us, 0);
}

static void
a_process_counts_once(void **state)
{
	struct usage	u = { 0 };
	struct rusage	a = account(0);

	(void)state;
	usage_saw_session(&u, 100);		/* the leader's */
	for (int look = 0; look < 3; look++) {
		usage_saw(&u, 100, 100);
		usage_saw(&u, 90, 100);		/* ids wrap around */
		usage_saw(&u, 101, 101);
	}
	assert_int_equal(u.processes, 3);
	assert_int_equal(u.sessions, 2);
	usage_reaped(&u, 100, &a);		/* was seen */
	usage_reaped(&u, 102, &a);		/* was not */
	assert_int_equal(u.processes, 4);
	usage_saw(&u, 100, 100);		/* reaped before: a new one */
	usage_saw(&u, 102, 101);
	assert_int_equal(u.processes, 6);
	assert_int_equal(u.sessions, 2);
	usage_clear(&u);
}

static void
sets_are_bounded(void **state)
{
	struct usage	u = { 0 };

	(void)state;
	for (pid_t i = USAGE_IDS_MAX + 10; i > 0; i--)
		usage_saw(&u, i, 1);
	assert_int_equal(u.processes, USAGE_IDS_MAX);
	assert_int_equal(u.pids.n, USAGE_IDS_MAX);
	for (size_t i = 1; i < u.pids.n; i++)
		assert_true(u.pids.v[i - 1] < u.pids.v[i]);
	usage_clear(&u);
}

/* The children's bytes, and not our own. */
static void
children_move_bytes(void **state)
{
	static char	 block[4096];
	struct iocount	 c;
	uint64_t	 in, out;
	FILE		*f = tmpfile();
	pid_t		 pid;

	(void)state;
	assert_non_null(f);
	iocount_open(&c);
	if (c.whole_fd == -1)
		skip();
	assert_int_equal(write(fileno(f), block, sizeof block), sizeof block);
	assert_int_equal(pread(fileno(f), block, sizeof block, 0), sizeof block);
	iocount_take(&c, &in, &out);
	assert_int_equal(in, 0);
	assert_int_equal(out, 0);
	for (int i = 1; i <= 2; i++) {
		pid = fork();
		assert_int_not_equal(pid, -1);
		if (pid == 0) {
			for (int k = 0; k < 10 * i; k++)
				(void)!write(fileno(f), block, sizeof block);
			_exit(pread(fileno(f), block, 1000, 0) != 1000);
		}
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		iocount_take(&c, &in, &out);
		assert_int_equal(out, (uint64_t)i * 10 * sizeof block);
		assert_int_equal(in, 1000);
	}
	iocount_close(&c);
	iocount_take(&c, &in, &out);
	assert_int_equal(in + out, 0);
	(void)fclose(f);
}

/* ---- when to look ---- */

static void
looks_become_rarer(void **state)
{
	uint64_t	gap, before = 0;

	(void)state;
	for (uint64_t age = 10; age < 100000; age += gap) {
		gap = sampler_gap_ms(age * 1000, 0, 0, false);
		assert_true(gap >= before);
		assert_in_range(gap, SAMPLER_FIRST_MS, SAMPLER_MAX_MS);
		before = gap;
	}
	assert_int_equal(before, SAMPLER_MAX_MS);
	assert_int_equal(sampler_gap_ms(10000, 0, 0, true), 10);
	assert_int_equal(sampler_gap_ms(100000000, 0, 0, true), SAMPLER_GROWTH_MS);
}

/* Whatever a look costs, all of them together take 1 % of the time at most. */
static void
looks_are_cheap(void **state)
{
	static const uint64_t	costs[] = { 1, 100, 350, 2000, 50000, 3000000 };

	(void)state;
	for (size_t i = 0; i < sizeof costs / sizeof costs[0]; i++) {
		uint64_t	age_ms = 10, spent = 0;
		unsigned	looks = 0;

		for (; age_ms < 1000000; looks++) {
			spent += costs[i];
			assert_true(looks == 0 || spent * SAMPLER_SHARE <= (age_ms + 1) * 1000);
			age_ms += sampler_gap_ms(age_ms * 1000, spent, costs[i], looks % 2 == 0);
		}
		assert_true(looks > 1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accounts_are_added),
		cmocka_unit_test(a_process_counts_once),
		cmocka_unit_test(sets_are_bounded),
		cmocka_unit_test(children_move_bytes),
		cmocka_unit_test(looks_become_rarer),
		cmocka_unit_test(looks_are_cheap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
