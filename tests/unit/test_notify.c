/* Unit tests of supervisor/notify.c: the test is the service manager. */
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
#include <sys/un.h>
#include <unistd.h>

#include "common/rmtree.h"
#include "supervisor/notify.h"

struct fx {
	char		dir[40], path[64];
	int		fd;		/* of the manager */
	struct notify	n;
};

static int
bind_to(const char *name)
{
	struct sockaddr_un	sa = { .sun_family = AF_UNIX };
	int			fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(sa.sun_path, name, strlen(name));
	if (name[0] == '@')
		sa.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&sa,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))), 0);
	return fd;
}

static int
open_manager(void **state)
{
	struct fx	*fx = calloc(1, sizeof *fx);

	if (fx == NULL)
		return 1;
	(void)snprintf(fx->dir, sizeof fx->dir, "/tmp/paratest-unit.XXXXXX");
	*state = fx;
	if (mkdtemp(fx->dir) == NULL)
		return 1;
	(void)snprintf(fx->path, sizeof fx->path, "%s/notify", fx->dir);
	fx->fd = bind_to(fx->path);
	fx->n.fd = -1;
	(void)unsetenv("WATCHDOG_USEC");
	(void)unsetenv("WATCHDOG_PID");
	return setenv("NOTIFY_SOCKET", fx->path, 1);
}

static int
close_manager(void **state)
{
	struct fx	*fx = *state;

	notify_close(&fx->n);
	(void)close(fx->fd);
	assert_int_equal(rmtree_at(AT_FDCWD, fx->dir), 0);
	free(fx);
	return 0;
}

/* The next datagram is this one; NULL: there is none. */
static void
expect(struct fx *fx, const char *want)
{
	char	got[1024];
	ssize_t	n = recv(fx->fd, got, sizeof got - 1, 0);

	if (want == NULL) {
		assert_int_equal(n, -1);
		return;
	}
	assert_true(n >= 0);
	got[n] = '\0';
	assert_string_equal(got, want);
}

static void
the_manager_is_told(void **state)
{
	struct fx	*fx = *state;

	assert_int_equal(notify_open(&fx->n), 0);
	assert_int_equal(fcntl(fx->n.fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(notify_send(&fx->n, "READY=1\nSTATUS=%d runs", 3), 0);
	expect(fx, "READY=1\nSTATUS=3 runs");
	assert_int_equal(notify_try(&fx->n, "WATCHDOG=1"), 0);
	expect(fx, "WATCHDOG=1");
	expect(fx, NULL);
}

/* What we start would else speak for us. */
static void
nothing_of_it_stays_in_the_environment(void **state)
{
	struct fx	*fx = *state;

	assert_int_equal(setenv("WATCHDOG_USEC", "2000000", 1), 0);
	assert_int_equal(setenv("WATCHDOG_PID", "1", 1), 0);
	assert_int_equal(notify_open(&fx->n), 0);
	assert_null(getenv("NOTIFY_SOCKET"));
	assert_null(getenv("WATCHDOG_USEC"));
	assert_null(getenv("WATCHDOG_PID"));
}

static void
a_name_may_be_abstract(void **state)
{
	struct fx	*fx = *state;
	char		 name[48];

	(void)snprintf(name, sizeof name, "@paratest-unit-%d", (int)getpid());
	(void)close(fx->fd);
	fx->fd = bind_to(name);
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
	assert_int_equal(notify_open(&fx->n), 0);
	assert_int_equal(notify_send(&fx->n, "READY=1"), 0);
	expect(fx, "READY=1");
}

static void
the_watchdog_is_for_the_process_that_it_names(void **state)
{
	static const struct {
		const char	*usec, *pid;	/* pid "": ours */
		uint64_t	 us;
	} cases[] = {
		{ "2000000", NULL, 2000000 }, { "2000000", "", 2000000 }, { "2000000", "1", 0 },
		{ "0", NULL, 0 }, { "soon", NULL, 0 }, { "-1", NULL, 0 }, { NULL, NULL, 0 },
	};
	struct fx	*fx = *state;
	char		 own[16];

	(void)snprintf(own, sizeof own, "%d", (int)getpid());
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(setenv("NOTIFY_SOCKET", fx->path, 1), 0);
		if (cases[i].usec != NULL)
			assert_int_equal(setenv("WATCHDOG_USEC", cases[i].usec, 1), 0);
		if (cases[i].pid != NULL)
			assert_int_equal(setenv("WATCHDOG_PID",
			    cases[i].pid[0] == '\0' ? own : cases[i].pid, 1), 0);
		assert_int_equal(notify_open(&fx->n), 0);
		if (fx->n.watchdog_us != cases[i].us)
			fail_msg("case %zu: %llu", i, (unsigned long long)fx->n.watchdog_us);
		notify_close(&fx->n);
	}
}

static void
without_a_manager_nobody_is_told(void **state)
{
	struct fx	*fx = *state;

	assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
	assert_int_equal(setenv("WATCHDOG_USEC", "2000000", 1), 0);
	assert_int_equal(notify_open(&fx->n), 0);
	assert_int_equal(fx->n.fd, -1);
	assert_int_equal(fx->n.watchdog_us, 0);
	assert_int_equal(notify_send(&fx->n, "READY=1"), 0);
	assert_int_equal(notify_try(&fx->n, "WATCHDOG=1"), 0);
	notify_retry(&fx->n);
	expect(fx, NULL);
}

static void
a_socket_that_cannot_be_is_refused(void **state)
{
	char		 far[160];
	const char	*names[] = { "notify", "/nonexistent/notify", "@", "vsock:2:1", far };
	const int	 errors[] = { -EAFNOSUPPORT, -ENOENT, -EAFNOSUPPORT, -EAFNOSUPPORT,
	    -ENAMETOOLONG };
	struct fx	*fx = *state;

	memset(far, 'x', sizeof far - 1);
	far[0] = '/';
	far[sizeof far - 1] = '\0';
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		assert_int_equal(setenv("NOTIFY_SOCKET", names[i], 1), 0);
		assert_int_equal(notify_open(&fx->n), errors[i]);
		assert_int_equal(fx->n.fd, -1);
	}
}

/* A manager that reads nothing: no call waits, and what it must know comes later. */
static void
what_finds_no_room_is_sent_later(void **state)
{
	struct fx	*fx = *state;
	char		 got[64];
	int		 sent = 0;

	assert_int_equal(notify_open(&fx->n), 0);
	while (notify_send(&fx->n, "STATUS=%d", sent) == 0)
		assert_true(++sent < 100000);
	assert_int_equal(notify_send(&fx->n, "STOPPING=1"), -EAGAIN);
	assert_int_equal(notify_try(&fx->n, "WATCHDOG=1"), -EAGAIN);	/* and is not kept */
	notify_retry(&fx->n);		/* still no room */
	for (int i = 0; i < sent; i++) {
		(void)snprintf(got, sizeof got, "STATUS=%d", i);
		expect(fx, got);
	}
	expect(fx, NULL);
	notify_retry(&fx->n);
	(void)snprintf(got, sizeof got, "STATUS=%d\nSTOPPING=1", sent);
	expect(fx, got);
	notify_retry(&fx->n);
	expect(fx, NULL);
}

static void
what_is_owed_is_bounded(void **state)
{
	struct fx	*fx = *state;
	int		 r;

	assert_int_equal(notify_open(&fx->n), 0);
	for (int i = 0; i < 100000; i++) {
		r = notify_send(&fx->n, "STATUS=%060d", i);
		if (r == -ENOBUFS)
			break;
	}
	assert_int_equal(r, -ENOBUFS);
	assert_true(strlen(fx->n.owed) < NOTIFY_TEXT);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, open_manager, close_manager)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_manager_is_told),
		T(nothing_of_it_stays_in_the_environment),
		T(a_name_may_be_abstract),
		T(the_watchdog_is_for_the_process_that_it_names),
		T(without_a_manager_nobody_is_told),
		T(a_socket_that_cannot_be_is_refused),
		T(what_finds_no_room_is_sent_later),
		T(what_is_owed_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
