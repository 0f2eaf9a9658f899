/* Unit tests of supervisor/listen.c: one supervisor a socket, a scratch folder of its own. */
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
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/rmtree.h"
#include "supervisor/listen.h"

struct fx {
	char	dir[40], path[64];
};

static int
open_dir(void **state)
{
	struct fx	*fx = calloc(1, sizeof *fx);

	if (fx == NULL)
		return 1;
	(void)snprintf(fx->dir, sizeof fx->dir, "/tmp/paratest-unit.XXXXXX");
	*state = fx;
	if (mkdtemp(fx->dir) == NULL)
		return 1;
	(void)snprintf(fx->path, sizeof fx->path, "%s/x", fx->dir);
	return 0;
}

static int
close_dir(void **state)
{
	struct fx	*fx = *state;

	assert_int_equal(rmtree_at(AT_FDCWD, fx->dir), 0);
	free(fx);
	return 0;
}

static int
connect_to(const char *path)
{
	struct sockaddr_un	sa = { .sun_family = AF_UNIX };
	int			fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

	(void)snprintf(sa.sun_path, sizeof sa.sun_path, "%s", path);
	r = connect(fd, (struct sockaddr *)&sa, sizeof sa) == 0 ? 0 : -errno;
	(void)close(fd);
	return r;
}

static void
one_supervisor_has_a_socket(void **state)
{
	struct fx	*fx = *state;
	struct stat	 st;
	int		 fd = listen_on(fx->path);

	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(stat(fx->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(connect_to(fx->path), 0);
	assert_int_equal(listen_on(fx->path), -EADDRINUSE);
	assert_int_equal(connect_to(fx->path), 0);	/* it was left alone */
	(void)close(fd);
}

/* The lock ends with its process; the socket's name stays. */
static void
a_socket_that_a_dead_one_left_is_replaced(void **state)
{
	struct fx	*fx = *state;
	int		 status, fd;
	pid_t		 pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(listen_on(fx->path) < 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(connect_to(fx->path), -ECONNREFUSED);
	fd = listen_on(fx->path);
	assert_true(fd >= 0);
	assert_int_equal(connect_to(fx->path), 0);
	(void)close(fd);
}

static void
a_socket_without_a_place_says_so(void **state)
{
	struct fx	*fx = *state;
	char		 path[200];

	(void)snprintf(path, sizeof path, "%s/none/x", fx->dir);
	assert_int_equal(listen_on(path), -ENOENT);
	memset(path, 'p', sizeof path);
	path[0] = '/';
	path[sizeof path - 1] = '\0';
	assert_int_equal(listen_on(path), -ENAMETOOLONG);
}

static void
a_lock_that_is_a_link_is_not_followed(void **state)
{
	struct fx	*fx = *state;
	char		 lock[80];

	(void)snprintf(lock, sizeof lock, "%s.lock", fx->path);
	assert_int_equal(symlink("victim", lock), 0);
	assert_int_equal(listen_on(fx->path), -ELOOP);
}

/* ---- scratch ---- */

static void
a_scratch_folder_is_ours_alone(void **state)
{
	struct fx	*fx = *state;
	char		*scratch = NULL, want[100];
	struct stat	 st;

	assert_int_equal(listen_scratch(fx->path, &scratch), 0);
	(void)snprintf(want, sizeof want, "%s/s.%d", fx->path, (int)getpid());
	assert_string_equal(scratch, want);
	assert_int_equal(stat(scratch, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(stat(fx->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	free(scratch);
	/* Once more, with something left in it by a process that had our pid. */
	(void)snprintf(want, sizeof want, "%s/s.%d/old", fx->path, (int)getpid());
	assert_int_equal(mkdir(want, 0700), 0);
	assert_int_equal(listen_scratch(fx->path, &scratch), 0);
	assert_int_equal(access(want, F_OK), -1);
	free(scratch);
}

static void
a_folder_that_is_not_safe_is_refused(void **state)
{
	struct fx	*fx = *state;
	char		*scratch = NULL, target[64];
	int		 fd;

	(void)snprintf(target, sizeof target, "%s/target", fx->dir);
	assert_int_equal(mkdir(target, 0700), 0);
	assert_int_equal(symlink(target, fx->path), 0);
	assert_int_equal(listen_scratch(fx->path, &scratch), -EPERM);
	assert_int_equal(rmdir(target), 0);		/* nothing was made in it */
	assert_int_equal(unlink(fx->path), 0);
	fd = open(fx->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	(void)close(fd);
	assert_int_equal(listen_scratch(fx->path, &scratch), -EPERM);
	assert_int_equal(unlink(fx->path), 0);
	assert_int_equal(mkdir(fx->path, 0700), 0);
	for (mode_t bit = 1; bit < 0100; bit <<= 1) {
		assert_int_equal(chmod(fx->path, 0700 | bit), 0);
		assert_int_equal(listen_scratch(fx->path, &scratch), -EPERM);
	}
	if (getuid() == 0) {
		assert_int_equal(chmod(fx->path, 0700), 0);
		assert_int_equal(chown(fx->path, 65534, 65534), 0);
		assert_int_equal(listen_scratch(fx->path, &scratch), -EPERM);
	}
	assert_null(scratch);
	(void)snprintf(target, sizeof target, "%s/none/x", fx->dir);
	assert_int_equal(listen_scratch(target, &scratch), -ENOENT);
}

static void
make(const char *base, const char *name, char *path, size_t size)
{
	assert_true((size_t)snprintf(path, size, "%s/%s", base, name) < size);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void
what_dead_supervisors_left_is_removed(void **state)
{
	struct fx	*fx = *state;
	char		*scratch, dead[100], live[100], other[100], odd[100], name[32];
	pid_t		 pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);	/* that pid is free now */
	assert_int_equal(mkdir(fx->path, 0700), 0);
	(void)snprintf(name, sizeof name, "s.%d", (int)pid);
	make(fx->path, name, dead, sizeof dead);
	make(dead, "1", other, sizeof other);
	(void)snprintf(name, sizeof name, "s.%d", (int)getppid());
	make(fx->path, name, live, sizeof live);
	make(fx->path, "other", other, sizeof other);
	make(fx->path, "s.12x", odd, sizeof odd);
	assert_int_equal(listen_scratch(fx->path, &scratch), 0);
	assert_int_equal(access(dead, F_OK), -1);
	assert_int_equal(access(live, F_OK), 0);
	assert_int_equal(access(other, F_OK), 0);
	assert_int_equal(access(odd, F_OK), 0);
	free(scratch);
}

#define WITH_DIR(f)	cmocka_unit_test_setup_teardown(f, open_dir, close_dir)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_DIR(one_supervisor_has_a_socket),
		WITH_DIR(a_socket_that_a_dead_one_left_is_replaced),
		WITH_DIR(a_socket_without_a_place_says_so),
		WITH_DIR(a_lock_that_is_a_link_is_not_followed),
		WITH_DIR(a_scratch_folder_is_ours_alone),
		WITH_DIR(a_folder_that_is_not_safe_is_refused),
		WITH_DIR(what_dead_supervisors_left_is_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
