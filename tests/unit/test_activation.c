/* Unit tests of supervisor/activation.c: what a service manager passes, good and bad. */
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
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/rmtree.h"
#include "supervisor/activation.h"

struct fx {
	char	dir[40], path[64];
};

/* What came of a child that had `fd` as its descriptor 3. */
struct taken {
	int	r;
	bool	got;			/* a descriptor, as one should be */
	bool	cleared;		/* the environment */
	char	why[ACTIVATION_WHY];
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
	(void)snprintf(fx->path, sizeof fx->path, "%s/control.sock", fx->dir);
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
make_socket(struct fx *fx, int type, bool listens)
{
	struct sockaddr_un	sa = { .sun_family = AF_UNIX };
	int			fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	(void)unlink(fx->path);
	(void)snprintf(sa.sun_path, sizeof sa.sun_path, "%s", fx->path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
	assert_int_equal(chmod(fx->path, 0600), 0);
	if (listens)
		assert_int_equal(listen(fd, 5), 0);
	return fd;
}

/* In a child, as the manager starts one: fd (-1: none) is 3; pid NULL: its own. */
static struct taken
take_mode(const char *path, mode_t mode, int fd, const char *fds, const char *pid)
{
	struct taken	t = { .r = 1 };
	char		own[16];
	int		p[2], ret = -1;
	pid_t		child;

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		int	out = fcntl(p[1], F_DUPFD, 50), in = fd != -1 ? fcntl(fd, F_DUPFD, 60) : -1;

		(void)snprintf(own, sizeof own, "%d", (int)getpid());
		(void)setenv("LISTEN_FDS", fds, 1);
		(void)setenv("LISTEN_PID", pid != NULL ? pid : own, 1);
		(void)setenv("LISTEN_FDNAMES", "control", 1);
		(void)close(3);
		if (in != -1)
			(void)dup2(in, 3);
		t.r = activation_take(path, mode, &ret, t.why);
		t.got = ret == 3 && fcntl(3, F_GETFD) == FD_CLOEXEC &&
		    (fcntl(3, F_GETFL) & O_NONBLOCK) != 0;
		t.cleared = getenv("LISTEN_FDS") == NULL && getenv("LISTEN_PID") == NULL &&
		    getenv("LISTEN_FDNAMES") == NULL;
		_exit(write(out, &t, sizeof t) != (ssize_t)sizeof t);
	}
	(void)close(p[1]);
	assert_int_equal(read(p[0], &t, sizeof t), sizeof t);
	(void)close(p[0]);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_true(t.cleared);
	return t;
}

static struct taken
take(const char *path, int fd, const char *fds, const char *pid)
{
	return take_mode(path, 0600, fd, fds, pid);
}

static void
refused(struct taken t, const char *why)
{
	assert_int_equal(t.r, -EINVAL);
	assert_false(t.got);
	if (strstr(t.why, why) == NULL)
		fail_msg("'%s', not '%s'", t.why, why);
}

static void
a_socket_is_taken(void **state)
{
	struct fx	*fx = *state;
	int		 fd = make_socket(fx, SOCK_STREAM, true);
	struct taken	 t = take(fx->path, fd, "1", NULL);

	assert_int_equal(t.r, 0);
	assert_true(t.got);
	(void)close(fd);
}

/* Also what was passed to our parent, and forgotten in the environment. */
static void
nothing_passed_is_no_error(void **state)
{
	static const struct {
		const char	*fds, *pid;
	} cases[] = { { "1", "1" }, { "1", "" }, { "1", "x" }, { "0", NULL }, { "", NULL },
	    { "-1", NULL }, { "1x", NULL }, { "99999999999999999999", NULL } };
	struct fx	*fx = *state;
	int		 fd = make_socket(fx, SOCK_STREAM, true);

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct taken	t = take(fx->path, fd, cases[i].fds, cases[i].pid);

		if (t.r != 0 || t.got)
			fail_msg("case %zu: %d %s", i, t.r, t.why);
	}
	(void)close(fd);
}

static void
what_is_no_listening_stream_socket_is_refused(void **state)
{
	struct fx	*fx = *state;
	int		 fd = make_socket(fx, SOCK_DGRAM, false);

	refused(take(fx->path, fd, "1", NULL), "is no Unix stream socket");
	(void)close(fd);
	fd = make_socket(fx, SOCK_STREAM, false);
	refused(take(fx->path, fd, "1", NULL), "does not listen");
	(void)close(fd);
	refused(take(fx->path, -1, "1", NULL), "is not open");
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	refused(take(fx->path, fd, "1", NULL), "is no Unix stream socket");
	(void)close(fd);
}

static void
one_socket_is_wanted_where_it_is_named(void **state)
{
	struct fx	*fx = *state;
	int		 fd = make_socket(fx, SOCK_STREAM, true);

	refused(take(fx->path, fd, "2", NULL), "2 sockets were passed");
	refused(take("/run/elsewhere", fd, "1", NULL), "is not the one that --socket names");
	assert_int_equal(unlink(fx->path), 0);
	refused(take(fx->path, fd, "1", NULL), "is not there any more");
	(void)close(fd);
}

static void
a_socket_that_others_can_use_or_replace_is_refused(void **state)
{
	struct fx	*fx = *state;
	int		 fd = make_socket(fx, SOCK_STREAM, true);

	assert_int_equal(chmod(fx->path, 0660), 0);
	refused(take(fx->path, fd, "1", NULL), "lets in too many");
	assert_int_equal(take_mode(fx->path, 0660, fd, "1", NULL).r, 0);
	assert_int_equal(chmod(fx->path, 0600), 0);
	assert_int_equal(chmod(fx->dir, 0777), 0);
	refused(take(fx->path, fd, "1", NULL), "in a folder that others may write to");
	assert_int_equal(chmod(fx->dir, 0755), 0);
	assert_int_equal(take(fx->path, fd, "1", NULL).r, 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(fx->path, 4711, 4711), 0);
		refused(take(fx->path, fd, "1", NULL), "is not root's or mine");
	}
	(void)close(fd);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, open_dir, close_dir)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_socket_is_taken),
		T(nothing_passed_is_no_error),
		T(what_is_no_listening_stream_socket_is_refused),
		T(one_socket_is_wanted_where_it_is_named),
		T(a_socket_that_others_can_use_or_replace_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
