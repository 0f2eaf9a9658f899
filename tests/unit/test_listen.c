/* Unit tests of supervisor/listen.c: one supervisor a socket, a scratch folder of its own. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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

/* It listens no more, and has not ended yet. */
static void
one_that_is_leaving_is_waited_for(void **state)
{
	struct fx	*fx = *state;
	int		 status, fd, ready[2];
	pid_t		 pid;
	char		 c;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		fd = listen_on(fx->path);
		(void)close(fd);
		(void)unlink(fx->path);
		if (fd < 0 || write(ready[1], "r", 1) != 1)
			_exit(1);
		(void)poll(NULL, 0, 50);
		_exit(0);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	fd = listen_on(fx->path);
	assert_true(fd >= 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(connect_to(fx->path), 0);
	(void)close(fd);
	(void)close(ready[0]);
	(void)close(ready[1]);
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

static void
put_file(const char *dir, const char *name)
{
	char	path[200];
	FILE	*f;

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "we");
	assert_non_null(f);
	(void)fclose(f);
}

/* Of a supervisor that is gone, and of one that had our pid. */
static void
what_runs_shared_is_inherited(void **state)
{
	struct fx	*fx = *state;
	char		*scratch, path[200], name[32], sub[100], shared[150];
	pid_t		 pids[2] = { fork(), getpid() };

	assert_true(pids[0] >= 0);
	if (pids[0] == 0)
		_exit(0);
	assert_int_equal(waitpid(pids[0], NULL, 0), pids[0]);
	assert_int_equal(mkdir(fx->path, 0700), 0);
	for (int i = 0; i < 2; i++) {
		(void)snprintf(name, sizeof name, "s.%d", (int)pids[i]);
		make(fx->path, name, sub, sizeof sub);
		(void)snprintf(name, sizeof name, "r.%d", i);
		make(sub, name, shared, sizeof shared);
		put_file(shared, "left");
		put_file(sub, "other");
	}
	assert_int_equal(listen_scratch(fx->path, &scratch), 0);
	for (int i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof path, "%s/r.%d/left", scratch, i);
		assert_int_equal(access(path, F_OK), 0);
	}
	(void)snprintf(path, sizeof path, "%s/other", scratch);
	assert_int_equal(access(path, F_OK), -1);
	free(scratch);
}

#define WITH_DIR(f)	cmocka_unit_test_setup_teardown(f, open_dir, close_dir)

/* A service's socket: in a folder that nobody else can change, open to all. */
static void
a_service_is_open_to_all(void **state)
{
	struct fx	*fx = *state;
	char		 path[96], link[96];
	struct stat	 st;
	int		 fd;

	(void)snprintf(path, sizeof path, "%s/run/sock", fx->dir);
	fd = listen_for_all(path);	/* makes the folder */
	assert_true(fd >= 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0666);
	(void)close(fd);
	(void)snprintf(path, sizeof path, "%s/run", fx->dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 022, 0);
	(void)snprintf(link, sizeof link, "%s/link", fx->dir);
	assert_int_equal(symlink(path, link), 0);
	(void)snprintf(link, sizeof link, "%s/link/other", fx->dir);
	assert_int_equal(listen_for_all(link), -EPERM);
	assert_int_equal(chmod(path, 0775), 0);
	(void)snprintf(path, sizeof path, "%s/run/other", fx->dir);
	assert_int_equal(listen_for_all(path), -EPERM);
	assert_int_equal(access(path, F_OK), -1);
}

static void
a_services_scratch_is_passed_through_only(void **state)
{
	struct fx	*fx = *state;
	char		 path[96], link[96];
	struct stat	 st;

	(void)snprintf(path, sizeof path, "%s/scratch", fx->dir);
	assert_int_equal(listen_scratch_for_all(path), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0711);
	assert_int_equal(listen_scratch_for_all(path), -EBUSY);	/* ours already */
	(void)snprintf(link, sizeof link, "%s/link", fx->dir);
	assert_int_equal(symlink(path, link), 0);
	assert_int_equal(listen_scratch_for_all(link), -EPERM);
	(void)snprintf(path, sizeof path, "%s/loose", fx->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(chmod(path, 0777), 0);
	assert_int_equal(listen_scratch_for_all(path), -EPERM);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_DIR(one_supervisor_has_a_socket),
		WITH_DIR(a_socket_that_a_dead_one_left_is_replaced),
		WITH_DIR(one_that_is_leaving_is_waited_for),
		WITH_DIR(one_that_is_leaving_is_waited_for),
		WITH_DIR(a_socket_without_a_place_says_so),
		WITH_DIR(a_lock_that_is_a_link_is_not_followed),
		WITH_DIR(a_scratch_folder_is_ours_alone),
		WITH_DIR(a_folder_that_is_not_safe_is_refused),
		WITH_DIR(what_dead_supervisors_left_is_removed),
		WITH_DIR(what_runs_shared_is_inherited),
		WITH_DIR(a_service_is_open_to_all),
		WITH_DIR(a_services_scratch_is_passed_through_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
