/* Unit tests of supervisor/own_group.c: the lines of /proc/self/cgroup. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/rmtree.h"
#include "supervisor/own_group.h"

static char	root[40];

static void
says(const char *text)
{
	char	 path[80];
	FILE	*f;

	(void)snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int
make_root(void **state)
{
	char	path[80];

	(void)state;
	(void)snprintf(root, sizeof root, "/tmp/paratest-unit.XXXXXX");
	if (mkdtemp(root) == NULL)
		return 1;
	(void)snprintf(path, sizeof path, "%s/proc", root);
	if (mkdir(path, 0700) != 0)
		return 1;
	(void)snprintf(path, sizeof path, "%s/proc/self", root);
	return mkdir(path, 0700);
}

static int
remove_root(void **state)
{
	(void)state;
	return rmtree_at(AT_FDCWD, root);
}

static void
each_hierarchy_has_its_line(void **state)
{
	char	path[64];

	(void)state;
	says("9:name=systemd:/\n5:cpuset:/set\n4:cpu,cpuacct:/x\n3:memory:/\n0::/a:b/c d\n");
	assert_int_equal(own_group(root, NULL, path, sizeof path), 0);
	assert_string_equal(path, "/a:b/c d");
	assert_int_equal(own_group(root, "cpu", path, sizeof path), 0);
	assert_string_equal(path, "/x");
	assert_int_equal(own_group(root, "cpuacct", path, sizeof path), 0);
	assert_string_equal(path, "/x");
	assert_int_equal(own_group(root, "memory", path, sizeof path), 0);
	assert_string_equal(path, "");
	assert_int_equal(own_group(root, "pids", path, sizeof path), -ENOENT);
	assert_int_equal(own_group(root, "cp", path, sizeof path), -ENOENT);
}

static void
what_is_no_such_line_is_none(void **state)
{
	char	path[8];

	(void)state;
	says("x\n0::\n::::\n0\n:\n\n4:memory\n");
	assert_int_equal(own_group(root, NULL, path, sizeof path), -ENOENT);
	assert_int_equal(own_group(root, "memory", path, sizeof path), -ENOENT);
	says("0::/1234567\n");
	assert_int_equal(own_group(root, NULL, path, sizeof path), -ENAMETOOLONG);
	says("0::/123456");
	assert_int_equal(own_group(root, NULL, path, sizeof path), 0);
	assert_string_equal(path, "/123456");
	assert_int_equal(own_group("/nowhere", NULL, path, sizeof path), -ENOENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_hierarchy_has_its_line),
		cmocka_unit_test(what_is_no_such_line_is_none),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
