/* Unit tests of common/rmtree.c: everything under a name goes, nothing beside it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/rmtree.h"

#define NOBODY	65534

struct fx {
	char	dir[40];
	int	fd;	/* of dir */
};

static int
open_dir(void **state)
{
	struct fx	*fx = calloc(1, sizeof *fx);

	if (fx == NULL)
		return 1;
	(void)snprintf(fx->dir, sizeof fx->dir, "/tmp/paratest-unit.XXXXXX");
	if (mkdtemp(fx->dir) == NULL)
		return 1;
	fx->fd = open(fx->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = fx;
	return fx->fd == -1;
}

static int
close_dir(void **state)
{
	struct fx	*fx = *state;

	(void)close(fx->fd);
	assert_int_equal(rmtree_at(AT_FDCWD, fx->dir), 0);
	assert_int_equal(access(fx->dir, F_OK), -1);
	free(fx);
	return 0;
}

static void
make_dir(const struct fx *fx, const char *name)
{
	assert_int_equal(mkdirat(fx->fd, name, 0700), 0);
}

static void
make_file(const struct fx *fx, const char *name)
{
	int	fd = openat(fx->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
}

static bool
there(const struct fx *fx, const char *name)
{
	return faccessat(fx->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void
everything_under_a_name_goes(void **state)
{
	struct fx	*fx = *state;
	char		 name[32];

	make_file(fx, "beside");
	make_dir(fx, "t");
	make_dir(fx, "t/.hidden");
	make_file(fx, "t/.hidden/..x");
	for (int i = 0; i < 500; i++) {
		(void)snprintf(name, sizeof name, "t/f%d", i);
		make_file(fx, name);
	}
	assert_int_equal(mkfifoat(fx->fd, "t/pipe", 0600), 0);
	assert_int_equal(rmtree_at(fx->fd, "t"), 0);
	assert_false(there(fx, "t"));
	assert_true(there(fx, "beside"));
}

static void
a_file_a_link_or_nothing_is_fine(void **state)
{
	struct fx	*fx = *state;

	assert_int_equal(rmtree_at(fx->fd, "nothing"), 0);
	make_file(fx, "file");
	assert_int_equal(rmtree_at(fx->fd, "file"), 0);
	assert_false(there(fx, "file"));
	make_dir(fx, "target");
	make_file(fx, "target/kept");
	assert_int_equal(symlinkat("target", fx->fd, "link"), 0);
	assert_int_equal(rmtree_at(fx->fd, "link"), 0);
	assert_false(there(fx, "link"));
	assert_true(there(fx, "target/kept"));
}

static void
links_are_not_followed(void **state)
{
	struct fx	*fx = *state;

	make_dir(fx, "outside");
	make_file(fx, "outside/kept");
	make_dir(fx, "t");
	make_dir(fx, "t/sub");
	assert_int_equal(symlinkat("../outside", fx->fd, "t/link"), 0);
	assert_int_equal(symlinkat("../../outside", fx->fd, "t/sub/link"), 0);
	assert_int_equal(symlinkat("nowhere", fx->fd, "t/broken"), 0);
	assert_int_equal(symlinkat("..", fx->fd, "t/up"), 0);
	assert_int_equal(rmtree_at(fx->fd, "t"), 0);
	assert_false(there(fx, "t"));
	assert_true(there(fx, "outside/kept"));
}

/* As a user for whom modes count. */
static int
as_nobody(int (*fn)(const struct fx *), const struct fx *fx)
{
	int	status;
	pid_t	pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (getuid() == 0 && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0))
			_exit(99);
		_exit(fn(fx));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int
read_only_tree(const struct fx *fx)
{
	static const char *const	dirs[] = { "open/t", "open/t/a", "open/t/a/b" };

	for (size_t i = 0; i < 3; i++) {
		int	fd;

		if (mkdirat(fx->fd, dirs[i], 0700) != 0)
			return 1;
		if (i != 2)
			continue;
		fd = openat(fx->fd, "open/t/a/b/file", O_CREAT | O_WRONLY, 0400);
		if (fd == -1 || close(fd) != 0)
			return 2;
	}
	/* No one may write, read or enter. */
	if (fchmodat(fx->fd, dirs[2], 0500, 0) != 0 || fchmodat(fx->fd, dirs[1], 0, 0) != 0 ||
	    fchmodat(fx->fd, dirs[0], 0100, 0) != 0)
		return 3;
	return rmtree_at(fx->fd, "open/t") == 0 && faccessat(fx->fd, "open/t", F_OK, 0) == -1 ?
	    0 : 4;
}

static void
folders_that_a_test_left_read_only_go(void **state)
{
	struct fx	*fx = *state;

	make_dir(fx, "open");
	assert_int_equal(fchmodat(fx->fd, "open", 0777, 0), 0);
	assert_int_equal(fchmod(fx->fd, 0755), 0);
	assert_int_equal(as_nobody(read_only_tree, fx), 0);
}

static int
foreign_tree(const struct fx *fx)
{
	return rmtree_at(fx->fd, "t") == -EACCES ? 0 : 1;
}

static void
what_cannot_be_removed_is_said(void **state)
{
	struct fx	*fx = *state;

	if (getuid() != 0)
		skip();		/* it takes another user's folder */
	make_dir(fx, "t");
	make_file(fx, "t/mine");
	assert_int_equal(fchmod(fx->fd, 0755), 0);
	assert_int_equal(fchmodat(fx->fd, "t", 0755, 0), 0);
	assert_int_equal(as_nobody(foreign_tree, fx), 0);
	assert_true(there(fx, "t/mine"));
}

static void
a_tree_of_any_depth_goes(void **state)
{
	struct fx	*fx = *state;
	int		 fd = dup(fx->fd), next;

	for (int i = 0; i < 1500; i++) {
		assert_int_equal(mkdirat(fd, "deep", 0700), 0);
		next = openat(fd, "deep", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		(void)close(fd);
		fd = next;
		next = openat(fd, "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
		assert_true(next >= 0);
		(void)close(next);
	}
	(void)close(fd);
	next = dup(fx->fd);		/* no descriptor may be left open */
	(void)close(next);
	assert_int_equal(rmtree_at(fx->fd, "deep"), 0);
	assert_false(there(fx, "deep"));
	assert_int_equal(dup(fx->fd), next);
	(void)close(next);
}

#define WITH_DIR(f)	cmocka_unit_test_setup_teardown(f, open_dir, close_dir)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_DIR(everything_under_a_name_goes),
		WITH_DIR(a_file_a_link_or_nothing_is_fine),
		WITH_DIR(links_are_not_followed),
		WITH_DIR(folders_that_a_test_left_read_only_go),
		WITH_DIR(what_cannot_be_removed_is_said),
		WITH_DIR(a_tree_of_any_depth_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
