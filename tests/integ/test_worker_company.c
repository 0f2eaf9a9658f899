/* A real worker and those who stand beside a test: burners, stressors, copies. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/proctree.h"
#include "common/rmtree.h"
#include "tests/integ/worker_rig.h"
#include "worker/company.h"
#include "worker/stress.h"

#define PIDS_MAX	128

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

/* ---- who is there ---- */

static void
comm_of(pid_t pid, char *buf, size_t size)
{
	char	path[64];
	FILE	*f;

	(void)snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
	f = fopen(path, "re");
	if (f == NULL || fgets(buf, (int)size, f) == NULL)
		buf[0] = '\0';
	if (f != NULL)
		(void)fclose(f);
	buf[strcspn(buf, "\n")] = '\0';
}

/* The worker's descendants with that name, as many as there is room for; how many. */
static size_t
named(const char *name, size_t room, pid_t *ret)
{
	pid_t	*pids;
	size_t	 n, found = 0;
	char	 comm[32];

	assert_int_equal(proctree_pids(g.pid, &pids, &n), 0);
	for (size_t i = 0; i < n; i++) {
		comm_of(pids[i], comm, sizeof comm);
		if (strcmp(comm, name) == 0 && found < room)
			ret[found++] = pids[i];
	}
	free(pids);
	return found;
}

static void
until_named(const char *name, size_t wanted, pid_t *ret)
{
	uint64_t	end = now_ms() + RIG_DEADLINE_MS;

	while (named(name, wanted, ret) < wanted) {
		if (now_ms() > end)
			fail_msg("there are never %zu of %s", wanted, name);
		(void)poll(NULL, 0, 2);
	}
}

static void
touch(const char *name)
{
	char	path[128];
	int	fd;

	(void)snprintf(path, sizeof path, "%s/%s", g.dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_not_equal(fd, -1);
	(void)close(fd);
}

static void
forget(const char *name)
{
	char	path[128];

	(void)snprintf(path, sizeof path, "%s/%s", g.dir, name);
	(void)unlink(path);
}

static unsigned
cpus(void)
{
	return (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
}

#define WAITS	"echo up; while ! [ -e go ]; do sleep 0.01; done"

/* A test that waits for the file "go" runs under a condition, until it is "up". */
static void
begin(enum flake_condition condition, const char *line)
{
	struct msg_test_add	t = rig_test(SH(line));
	struct rig_options	o = { .condition = condition, .follow = true };

	t.cwd = sv_from(g.dir);
	(void)rig_begin(&g, &t, &o);
	rig_until_live(&g, "up\n");
}

/* It goes on and passes; whoever stood beside it is gone. */
static void
end(const pid_t *pids, size_t n)
{
	touch("go");
	rig_finish(&g);
	forget("go");
	rig_assert_outcome(&g, OUTCOME_PASS, CATEGORY_NONE);
	assert_null(g.r.leaked[0]);
	for (size_t i = 0; i < n; i++)
		assert_false(rig_alive(pids[i]));
}

/* ---- what they do, and that it is not the test's ---- */

/* CPU time of a process, in clock ticks. */
static unsigned long
ticks_of(pid_t pid)
{
	char		 path[64], buf[1024], *p;
	unsigned long	 user, sys;
	FILE		*f;
	size_t		 n;

	(void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	assert_non_null(f);
	n = fread(buf, 1, sizeof buf - 1, f);
	(void)fclose(f);
	buf[n] = '\0';
	p = strrchr(buf, ')');
	assert_non_null(p);
	assert_int_equal(sscanf(p, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
	    &sys), 2);
	return user + sys;
}

static void
until_ticks(pid_t pid, unsigned long ticks)
{
	uint64_t	deadline = now_ms() + RIG_DEADLINE_MS;

	while (ticks_of(pid) < ticks) {
		if (now_ms() > deadline)
			fail_msg("process %d does nothing", (int)pid);
		(void)poll(NULL, 0, 2);
	}
}

static void
until_written(pid_t pid, unsigned long long bytes)
{
	uint64_t		 deadline = now_ms() + RIG_DEADLINE_MS;
	unsigned long long	 n = 0;
	char			 path[64];
	FILE			*f;

	(void)snprintf(path, sizeof path, "/proc/%d/io", (int)pid);
	while (n < bytes) {
		if (now_ms() > deadline)
			fail_msg("process %d writes nothing", (int)pid);
		f = fopen(path, "re");
		assert_non_null(f);
		assert_int_equal(fscanf(f, "rchar: %*u wchar: %llu", &n), 1);
		(void)fclose(f);
		(void)poll(NULL, 0, 2);
	}
}

static void
burners_burn_beside_the_test(void **state)
{
	pid_t	pids[PIDS_MAX];

	(void)state;
	begin(FLAKE_LOADED, "nice; " WAITS);
	until_named("paratest-burner", (size_t)cpus() * 2, pids);
	/* Half a second of each, of which the test has nothing. */
	for (size_t i = 0; i < (size_t)cpus() * 2; i++)
		until_ticks(pids[i], (unsigned long)sysconf(_SC_CLK_TCK) / 2);
	end(pids, (size_t)cpus() * 2);
	assert_true(strncmp(g.r.streams[1].p, "10\n", 3) == 0);
	assert_true(g.r.m.cpu_us < 500000 * (uint64_t)cpus());
	assert_int_equal(g.r.figures[FIGURE_SESSIONS], 1);
}

static void
memory_and_disk_are_busy_beside_the_test(void **state)
{
	pid_t	memory[PIDS_MAX], disk[PIDS_MAX];

	(void)state;
	begin(FLAKE_STRESSED, "nice; " WAITS);
	until_named("paratest-memory", 1, memory);
	until_named("paratest-disk", 1, disk);
	until_ticks(memory[0], (unsigned long)sysconf(_SC_CLK_TCK) / 2);
	until_written(disk[0], 2 << 20);
	end((pid_t[]){ memory[0], disk[0] }, 2);
	assert_true(g.r.figures[FIGURE_TREE_PEAK] < 32 << 20);
	assert_true(g.r.figures[FIGURE_WRITE_BYTES] < 1 << 20);
	assert_int_equal(g.r.figures[FIGURE_SESSIONS], 1);
	/* Nor is it the next one's. */
	begin(FLAKE_PLAIN, "nice; " WAITS);
	end(NULL, 0);
	assert_true(g.r.figures[FIGURE_WRITE_BYTES] < 1 << 20);
	assert_true(g.r.m.cpu_us < 500000);
}

/* Many slots at a time do not add up: each burner waits for a place that this host has. */
static void
burners_are_bounded_on_the_host(void **state)
{
	size_t		n = (size_t)cpus() * STRESS_PLACES, burning = 0;
	unsigned long	some = (unsigned long)sysconf(_SC_CLK_TCK) / 10;
	pid_t		pids[PIDS_MAX];
	int		places[PIDS_MAX];
	uint64_t	deadline = now_ms() + RIG_DEADLINE_MS;
	size_t		taken = 0;

	(void)state;
	while (taken < n && taken < PIDS_MAX && (places[taken] = stress_place()) != -1)
		taken++;
	if (taken < n) {	/* somebody else on this host has some */
		while (taken > 0)
			(void)close(places[--taken]);
		skip();
	}
	assert_int_equal(stress_place(), -1);
	begin(FLAKE_LOADED, WAITS);
	until_named("paratest-burner", (size_t)cpus() * 2, pids);
	(void)close(places[--taken]);
	/* It is for one of them. */
	while (burning == 0) {
		assert_true(now_ms() < deadline);
		for (size_t i = 0; i < (size_t)cpus() * 2; i++)
			burning += ticks_of(pids[i]) >= 2 * some;
		(void)poll(NULL, 0, 2);
	}
	burning = 0;
	for (size_t i = 0; i < (size_t)cpus() * 2; i++)
		burning += ticks_of(pids[i]) >= some;
	assert_int_equal(burning, 1);
	end(pids, (size_t)cpus() * 2);
	while (taken > 0)
		(void)close(places[--taken]);
}

/* ---- copies ---- */

/* Each has what another slot would have given it, and none of them counts. */
static void
copies_are_as_in_other_slots(void **state)
{
	unsigned		n = company_copies(cpus()) + 1;
	char			line[512];
	struct msg_test_add	t;
	struct rig_options	o = { .condition = FLAKE_COPIES };

	(void)state;
	(void)snprintf(line, sizeof line, "cat >\"$TMPDIR/in\"; read word <\"$TMPDIR/in\"; "
	    "echo \"$word $PARATEST_SLOT $TMPDIR\" >>log; "
	    "until [ $(sort -u log | wc -l) -ge %u ]; do sleep 0.01; done; "
	    "[ $PARATEST_SLOT = 3 ] && cat log && rm log", n);
	t = rig_test(SH(line));
	t.cwd = sv_from(g.dir);
	t.stdin_data = SV_LIT("given\n");
	rig_run(&g, &t, &o);
	rig_assert_outcome(&g, OUTCOME_PASS, CATEGORY_NONE);
	for (unsigned i = 0; i < n; i++)
		rig_assert_contains(g.r.streams[1].p, "given ");
	assert_null(g.r.leaked[0]);
	rig_assert_contains(g.r.streams[1].p, "given 3 ");
	rig_assert_contains(g.r.streams[1].p, "given 1048 ");
}

static enum outcome
with_a_fixed_name(enum flake_condition condition)
{
	struct msg_test_add	t = rig_test(SH("echo $$ >fixed; sleep 0.05; "
				    "read pid <fixed && [ $pid = $$ ]"));
	struct rig_options	o = { .condition = condition };

	t.cwd = sv_from(g.dir);
	rig_run(&g, &t, &o);
	return (enum outcome)g.r.m.outcome;
}

/* A test that is alone with its file, and is not. */
static void
copies_show_a_clash(void **state)
{
	uint64_t	deadline = now_ms() + RIG_DEADLINE_MS;

	(void)state;
	assert_int_equal(with_a_fixed_name(FLAKE_PLAIN), OUTCOME_PASS);
	while (with_a_fixed_name(FLAKE_COPIES) != OUTCOME_FAIL)
		assert_true(now_ms() < deadline);
	assert_int_equal(with_a_fixed_name(FLAKE_PLAIN), OUTCOME_PASS);
	forget("fixed");
}

/* What they leave running ends with the attempt too. */
static void
trees_of_copies_end_with_the_attempt(void **state)
{
	pid_t	pids[PIDS_MAX];
	size_t	n = company_copies(cpus());

	(void)state;
	begin(FLAKE_COPIES, "echo up; if [ $PARATEST_SLOT != 3 ]; then trap '' TERM; "
	    "setsid sleep 1000 & wait; fi; while ! [ -e go ]; do sleep 0.01; done");
	until_named("sleep", n, pids);
	end(pids, n);
	assert_int_equal(g.r.figures[FIGURE_SESSIONS], 1);
}

/* ---- ends ---- */

static void
an_abort_ends_them_too(void **state)
{
	pid_t	pids[PIDS_MAX];

	(void)state;
	begin(FLAKE_LOADED, "echo up; exec sleep 60");
	until_named("paratest-burner", 1, pids);
	rig_abort(&g, g.next_id, true, false);
	rig_finish(&g);
	rig_assert_outcome(&g, OUTCOME_CANCELLED, CATEGORY_NONE);
	assert_false(rig_alive(pids[0]));
	assert_null(g.r.leaked[0]);
}

/* Somebody kills the keeper: the attempt is none the worse, and nothing stays. */
static void
a_keeper_that_is_killed(void **state)
{
	pid_t	keeper[PIDS_MAX], disk[PIDS_MAX];

	(void)state;
	begin(FLAKE_STRESSED, WAITS);
	until_named("paratest-disk", 1, disk);
	until_named("paratest-beside", 1, keeper);
	assert_int_equal(kill(keeper[0], SIGKILL), 0);
	rig_until_dead(disk[0]);
	end(keeper, 1);
}

/* The worker is ended while n with that name are there; all of them go with it. */
static void
dies_with_its_worker(enum flake_condition condition, const char *name, size_t n, int sig)
{
	pid_t	pids[PIDS_MAX];
	int	status;

	rig_start(&g, 1000, 60000);
	begin(condition, "echo up; exec sleep 1000");
	until_named(name, n, pids);
	until_named("paratest-beside", 1, &pids[n++]);
	if (strcmp(name, "sleep") != 0)
		until_named("sleep", 1, &pids[n++]);	/* the test */
	assert_int_equal(kill(g.pid, sig), 0);
	for (size_t i = 0; i < n; i++)
		rig_until_dead(pids[i]);
	/* What a killed one leaves is its supervisor's: here, ours; unless the keeper was quicker.
	 * What is dead and still the keeper's is ours when the keeper is dead, too. */
	for (size_t i = 0; i < n && sig == SIGKILL; i++)
		(void)waitpid(pids[i], NULL, 0);
	if (sig == SIGKILL)
		assert_int_equal(rmtree_at(AT_FDCWD, g.scratch), 0);
	status = rig_wait_end(&g);
	assert_int_equal(WIFSIGNALED(status), sig == SIGKILL);
}

static void
nothing_outlives_its_worker(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		int	sig = i == 0 ? SIGKILL : SIGTERM;

		dies_with_its_worker(FLAKE_LOADED, "paratest-burner", (size_t)cpus() * 2, sig);
		/* And the test's own. */
		dies_with_its_worker(FLAKE_COPIES, "sleep", company_copies(cpus()) + 1, sig);
	}
}

/* ---- numbers ---- */

static void
how_many_and_how_much(void **state)
{
	uint64_t	on = 0, left, longest = 0;

	(void)state;
	assert_int_equal(company_copies(1), 2);
	assert_int_equal(company_copies(2), 4);
	assert_int_equal(company_copies(64), 8);
	assert_int_equal(stress_memory_size("MemTotal: 9 kB\nMemAvailable:  1000 kB\n"), 102400);
	assert_int_equal(stress_memory_size("MemTotal: 9 kB\nMemAvailable: 99999999 kB\n"),
	    128 << 20);
	assert_int_equal(stress_memory_size("MemTotal: 9 kB\n"), 0);
	/* Of all time more than a third is left. */
	for (uint64_t ms = 0; ms < 128000; ms++) {
		bool	now = stress_is_on(ms, &left);

		assert_true(left > 0);
		assert_int_equal(stress_is_on(ms + left - 1, &(uint64_t){ 0 }), now);
		assert_int_not_equal(stress_is_on(ms + left, &(uint64_t){ 0 }), now);
		on += now;
		longest = now && left > longest ? left : longest;
	}
	assert_in_range(on, 128000 / 2, 128000 * 5 / 8);
	assert_in_range(longest, 48, 96);
}

#define IN(f)	cmocka_unit_test_setup_teardown(f, start, stop)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN(burners_burn_beside_the_test),
		IN(memory_and_disk_are_busy_beside_the_test),
		IN(burners_are_bounded_on_the_host),
		IN(copies_are_as_in_other_slots),
		IN(copies_show_a_clash),
		IN(trees_of_copies_end_with_the_attempt),
		IN(an_abort_ends_them_too),
		IN(a_keeper_that_is_killed),
		cmocka_unit_test(nothing_outlives_its_worker),
		cmocka_unit_test(how_many_and_how_much),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
