/* Unit tests of worker/tmpdir.c: which folder is given again. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/rmtree.h"
#include "worker/tmpdir.h"

static char		scratch[64];
static int		scratch_fd;
static struct tmpdir	t;

static int
setup(void **state)
{
	(void)state;
	(void)strcpy(scratch, "/tmp/test-tmpdir-XXXXXX");
	assert_non_null(mkdtemp(scratch));
	scratch_fd = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	tmpdir_init(&t, scratch_fd);
	assert_int_equal(tmpdir_take(&t), 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	tmpdir_free(&t);
	(void)close(scratch_fd);
	return rmtree_at(AT_FDCWD, scratch);
}

/* A file in the folder that was given. */
static void
make_file(void)
{
	int	dir = openat(scratch_fd, t.name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int	fd = openat(dir, "f", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_int_not_equal(fd, -1);
	(void)close(fd);
	(void)close(dir);
}

/* It was made long ago, and what changes it is seen by its time of change. */
static void
let_it_settle(void)
{
	t.made_ms -= 60000;
	assert_true(tmpdir_untouched(&t));
	assert_int_equal(tmpdir_take(&t), 0);
	assert_true(t.settled);
}

static void
an_untouched_one_is_given_again(void **state)
{
	char	name[sizeof t.name];

	(void)state;
	(void)strcpy(name, t.name);
	assert_false(t.settled);
	assert_true(tmpdir_untouched(&t));
	assert_int_equal(tmpdir_take(&t), 0);
	assert_string_equal(t.name, name);
	let_it_settle();
	assert_true(tmpdir_untouched(&t));
	assert_int_equal(tmpdir_take(&t), 0);
	assert_string_equal(t.name, name);
}

/* One that is new is looked into: a file may have come within a tick of its making. */
static void
what_came_at_once_is_seen(void **state)
{
	(void)state;
	make_file();
	assert_int_equal(fstat(t.fd, &t.made), 0);
	assert_false(tmpdir_untouched(&t));
}

/* Until it was changed it is not looked into, and what was there is seen afterwards. */
static void
what_came_later_is_seen(void **state)
{
	char	name[sizeof t.name];

	(void)state;
	(void)strcpy(name, t.name);
	/* As if it had been made a tick before, whatever the ticks of this host. */
	t.made.st_ctim.tv_sec -= 60;
	make_file();
	t.settled = true;
	assert_false(tmpdir_untouched(&t));
	assert_int_equal(tmpdir_take(&t), 0);
	assert_string_not_equal(t.name, name);
	assert_false(t.settled);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup_teardown(an_untouched_one_is_given_again, setup, teardown),
		cmocka_unit_test_setup_teardown(what_came_at_once_is_seen, setup, teardown),
		cmocka_unit_test_setup_teardown(what_came_later_is_seen, setup, teardown),
	};

	return cmocka_run_group_tests_name("tmpdir", tests, NULL, NULL);
}
