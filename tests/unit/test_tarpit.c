/* Unit tests of supervisor/tarpit.c: connections that are held for a moment. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

#include "supervisor/tarpit.h"

/* A descriptor; *ret_other tells by its end of file that it was closed. */
static int
held(int *ret_other)
{
	int	fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
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

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(each_is_held_for_a_moment),
		cmocka_unit_test(there_are_so_many_at_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
