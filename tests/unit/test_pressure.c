/* Unit tests of supervisor/pressure.c over folders that look like /proc and /sys. */
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
#include "common/xalloc.h"
#include "supervisor/pressure.h"

#define MIB(n)	((uint64_t)(n) << 20)

static char	root[64];

/* Writes a file of the host, and the folders that it is in. */
static void
put(const char *name, const char *text)
{
	char	*path = xasprintf("%s/%s", root, name);
	FILE	*f;

	for (char *p = path + strlen(root) + 1; (p = strchr(p, '/')) != NULL; p++) {
		*p = '\0';
		(void)mkdir(path, 0700);
		*p = '/';
	}
	f = fopen(path, "we");
	assert_non_null(f);
	(void)fputs(text, f);
	assert_int_equal(fclose(f), 0);
	free(path);
}

static struct pressure_seen
look(void)
{
	struct pressure		p;
	struct pressure_seen	s;

	pressure_init(&p, root);
	memset(&p.cpus, 0, sizeof p.cpus);
	CPU_SET(0, &p.cpus);
	CPU_SET(2, &p.cpus);
	p.tick_us = 10000;
	pressure_look(&p, &s);
	assert_true(s.at_us > 0);
	return s;
}

static void
nothing_is_known(void **state)
{
	struct pressure_seen	s = look();

	(void)state;
	assert_int_equal(s.memory_total, 0);
	assert_int_equal(s.cpus, 0);
	put("proc/meminfo", "MemTotal: 100 kB\n");	/* an old kernel */
	put("proc/pressure/memory", "none of it\n");
	put("proc/stat", "cpu 1 2\n");
	put("proc/loadavg", "what\n");
	put("proc/self/cgroup", "x\n0::\n::::\n");
	s = look();
	assert_int_equal(s.memory_total, 0);
	assert_int_equal(s.memory_stall_us, 0);
	assert_int_equal(s.load_milli, 0);
	assert_int_equal(s.cpus, 0);
}

static void
a_host(void **state)
{
	struct pressure_seen	s;

	(void)state;
	put("proc/meminfo", "MemTotal:        2097152 kB\nMemFree:  1 kB\n"
	    "MemAvailable:    1048576 kB\n");
	put("proc/pressure/memory", "some avg10=1.00 avg60=0.00 avg300=0.00 total=77\n"
	    "full avg10=0.00 avg60=0.00 avg300=0.00 total=5\n");
	put("proc/pressure/cpu", "some avg10=1.00 avg60=0.00 avg300=0.00 total=123456789\n");
	put("proc/stat", "cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 1 2 3 100 5 6 7 8 0 0\n"
	    "cpu1 1 2 3 1000 5 6 7 8 0 0\ncpu2 1 2 3 10 0 6 7 8 0 0\nintr 1 2 3\n");
	put("proc/loadavg", "2.50 1.00 0.50 1/100 1234\n");
	s = look();
	assert_int_equal(s.memory_total, MIB(2048));
	assert_int_equal(s.memory_available, MIB(1024));
	assert_int_equal(s.memory_stall_us, 77);
	assert_int_equal(s.cpu_stall_us, 123456789);
	assert_int_equal(s.cpus, 2);		/* those that we may run on */
	assert_int_equal(s.idle_us, (105 + 10) * 10000);
	assert_int_equal(s.load_milli, 2500);
}

static void
groups_of_version_2(void **state)
{
	struct pressure_seen	s;

	(void)state;
	put("proc/meminfo", "MemTotal: 2097152 kB\nMemAvailable: 1048576 kB\n");
	put("proc/self/cgroup", "0::/a/b\n");
	put("sys/fs/cgroup/a/b/memory.max", "max\n");
	put("sys/fs/cgroup/a/b/memory.current", "1000\n");
	put("sys/fs/cgroup/a/memory.max", "536870912\n");
	put("sys/fs/cgroup/a/memory.current", "419430400\n");
	put("sys/fs/cgroup/a/memory.stat", "anon 5\ninactive_file 104857600\n");
	s = look();
	assert_int_equal(s.memory_total, MIB(512));
	assert_int_equal(s.memory_available, MIB(512 - 400 + 100));
	/* The host has less than the group may take; the group is beyond its limit. */
	put("proc/meminfo", "MemTotal: 2097152 kB\nMemAvailable: 1024 kB\n");
	assert_int_equal(look().memory_available, MIB(1));
	put("sys/fs/cgroup/a/memory.current", "900000000\n");
	assert_int_equal(look().memory_available, 0);
}

static void
groups_of_version_1(void **state)
{
	struct pressure_seen	s;

	(void)state;
	put("proc/meminfo", "MemTotal: 2097152 kB\nMemAvailable: 1048576 kB\n");
	put("proc/self/cgroup", "5:cpu:/x\n4:memory:/m\n0::/a/b\n");
	put("sys/fs/cgroup/memory/m/memory.limit_in_bytes", "268435456\n");
	put("sys/fs/cgroup/memory/m/memory.usage_in_bytes", "67108864\n");
	s = look();
	assert_int_equal(s.memory_total, MIB(256));
	assert_int_equal(s.memory_available, MIB(192));
	put("sys/fs/cgroup/memory/m/memory.limit_in_bytes", "9223372036854771712\n");	/* none */
	assert_int_equal(look().memory_available, MIB(1024));
}

static int
setup(void **state)
{
	(void)state;
	(void)snprintf(root, sizeof root, "/tmp/paratest-unit.XXXXXX");
	return mkdtemp(root) != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	return rmtree_at(AT_FDCWD, root);
}

#define CASE(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		CASE(nothing_is_known), CASE(a_host), CASE(groups_of_version_2),
		CASE(groups_of_version_1),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
