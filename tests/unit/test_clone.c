/*
 * Unit tests of worker/clone.c: a command is in its control group from its first moment.
 * Skipped where no group of version 2 can be made.
 */
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
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor/cgroup_int.h"
#include "worker/exec.h"

static char	group[PATH_MAX];
static char	stack[EXEC_STACK] __attribute__((aligned(16)));

static int
make_group(void **state)
{
	struct cgroup_mounts	*m = calloc(1, sizeof *m);

	(void)state;
	group[0] = '\0';
	if (m != NULL && cgroup_find_mounts(m) == 0 && m->v2[0] != '\0' &&
	    snprintf(group, sizeof group, "%.*s/paratest.clone.%d", PATH_MAX - 64, m->v2,
	    (int)getpid()) > 0 && mkdir(group, 0755) == -1)
		group[0] = '\0';
	free(m);
	return 0;
}

static int
remove_group(void **state)
{
	(void)state;
	return group[0] != '\0' ? cgroup_remove(group) : 0;
}

/* Runs it in the group behind `fd`; what it printed.  0 or -errno. */
static int
run(char *const *argv, int fd, char *out, size_t size, enum exec_where *where)
{
	static char *const	env[] = { NULL };
	struct exec_limits	limits = { .group = fd };
	struct exec_command	cmd = { .argv = argv, .envp = env, .cwd = "/", .in = -1,
				    .limits = &limits, .stack = stack };
	int			fds[2], status, r;
	ssize_t			n;
	pid_t			pid;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	cmd.out = cmd.err = fds[1];
	r = exec_start(&cmd, &pid, where);
	(void)close(fds[1]);
	n = read(fds[0], out, size - 1);
	out[n > 0 ? n : 0] = '\0';
	(void)close(fds[0]);
	if (r != 0)
		return r;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	return 0;
}

static void
is_in_its_group(void **state)
{
	char *const	argv[] = { (char[]){ "cat" }, (char[]){ "/proc/self/cgroup" }, NULL };
	char		out[4096], want[128];
	enum exec_where	where;
	int		fd;

	(void)state;
	if (group[0] == '\0')
		skip();
	fd = open(group, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_not_equal(fd, -1);
	assert_int_equal(run(argv, fd, out, sizeof out, &where), 0);
	(void)snprintf(want, sizeof want, "0::/paratest.clone.%d\n", (int)getpid());
	if (strstr(out, want) == NULL)
		fail_msg("%s", out);
	(void)close(fd);
}

/* The error of an execve comes back from there as it does from anywhere. */
static void
says_what_failed(void **state)
{
	char *const	argv[] = { (char[]){ "/nowhere/at/all" }, NULL };
	char		out[64];
	enum exec_where	where = EXEC_CLONE;
	int		fd;

	(void)state;
	if (group[0] == '\0')
		skip();
	fd = open(group, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(run(argv, fd, out, sizeof out, &where), -ENOENT);
	assert_int_equal(where, EXEC_EXEC);
	(void)close(fd);
}

/* No group, no command. */
static void
runs_nowhere_else(void **state)
{
	char *const	argv[] = { (char[]){ "echo" }, (char[]){ "ran" }, NULL };
	char		out[64];
	enum exec_where	where = EXEC_EXEC;
	int		fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	assert_int_not_equal(run(argv, fd, out, sizeof out, &where), 0);
	assert_int_equal(where, EXEC_CLONE);
	assert_string_equal(out, "");
	(void)close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_in_its_group),
		cmocka_unit_test(says_what_failed),
		cmocka_unit_test(runs_nowhere_else),
	};

	return cmocka_run_group_tests(tests, make_group, remove_group);
}
