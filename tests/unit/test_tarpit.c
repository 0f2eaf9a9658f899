/* Unit tests of supervisor/tarpit.c: connections that are held for a moment. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "supervisor/tarpit.h"

/* A descriptor; *ret_other tells by its end of file that it was closed. */
static int
held(int *ret_other)
{
	int	fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
	    fds), 0);
	*ret_other = fds[0];
	return fds[1];
}

static bool
is_closed(int other)
{
	char	c;

	return read(other, &c, 1) == 0;
}

static void
each_is_held_for_a_moment(void **state)
{
	static struct tarpit	t;
	int			a, b;

	(void)state;
	tarpit_hold(&t, held(&a), 5000);
	tarpit_hold(&t, held(&b), 5400);
	tarpit_tidy(&t, 5000 + TARPIT_MS - 1);
	assert_false(is_closed(a));
	tarpit_tidy(&t, 5000 + TARPIT_MS);
	assert_true(is_closed(a));
	assert_false(is_closed(b));
	tarpit_clear(&t);
	assert_true(is_closed(b));
	assert_int_equal(t.n, 0);
	(void)close(a);
	(void)close(b);
}

static void
there_are_so_many_at_most(void **state)
{
	static struct tarpit	t;
	int			first, other, last;

	(void)state;
	tarpit_hold(&t, held(&first), 1);
	for (unsigned i = 1; i < TARPIT_MOST; i++) {
		tarpit_hold(&t, held(&other), 1);
		(void)close(other);
	}
	assert_false(is_closed(first));
	tarpit_hold(&t, held(&last), 1);
	assert_true(is_closed(first));
	assert_false(is_closed(last));
	assert_int_equal(t.n, TARPIT_MOST);
	tarpit_tidy(&t, 1 + TARPIT_MS);
	assert_true(is_closed(last));
	assert_int_equal(t.n, 0);
	(void)close(first);
	(void)close(last);
}

static void
who_has_left_takes_no_place(void **state)
{
	static struct tarpit	t;
	int			other, fd = held(&other);

	(void)state;
	(void)close(other);
	tarpit_hold(&t, fd, 1);
	assert_int_equal(t.n, 0);
	assert_int_equal(close(fd), -1);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(each_is_held_for_a_moment),
		cmocka_unit_test(there_are_so_many_at_most),
		cmocka_unit_test(who_has_left_takes_no_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
