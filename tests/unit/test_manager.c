/* Unit tests of supervisor/manager.c: what is sent, and that only the loop sends it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "tests/unit/server_fixture.h"

#define DEADLINE_MS	30000

struct mx {
	struct sx	 sx;
	struct notify	 notify;
	struct manager	*m;
	int		 fd;	/* the service manager's end */
	char		 got[NOTIFY_TEXT];
};

static int
open_all(void **state)
{
	struct mx	*mx = calloc(1, sizeof *mx);
	int		 fds[2];

	if (mx == NULL || socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds))
		return 1;
	*state = mx;
	sx_open(&mx->sx);
	mx->notify.fd = fds[0];
	mx->fd = fds[1];
	mx->m = manager_new(&mx->sx.server, &mx->notify);
	return mx->m == NULL;
}

/* The same with signs of life wanted: they come between all else that is sent. */
static int
open_watched(void **state)
{
	struct mx	*mx;

	if (open_all(state) != 0)
		return 1;
	mx = *state;
	manager_free(mx->m);
	mx->notify.watchdog_us = 2000;
	mx->m = manager_new(&mx->sx.server, &mx->notify);
	return mx->m == NULL;
}

static int
close_all(void **state)
{
	struct mx	*mx = *state;

	manager_free(mx->m);
	notify_close(&mx->notify);
	(void)close(mx->fd);
	sx_close(&mx->sx);
	free(mx);
	return 0;
}

/* The next datagram, or "". */
static const char *
next(struct mx *mx)
{
	ssize_t	n = recv(mx->fd, mx->got, sizeof mx->got - 1, 0);

	mx->got[n > 0 ? n : 0] = '\0';
	return mx->got;
}

/* Whatever else goes on in the process: a loop that stands still is silent. */
static void
only_the_loop_gives_signs_of_life(void **state)
{
	struct mx	*mx = *state;
	msec_t		 end = now_ms() + 10 * mx->notify.watchdog_us / 1000;

	while (now_ms() < end)
		manager_tick(mx->m);
	while (*next(mx) != '\0')
		assert_string_not_equal(mx->got, "WATCHDOG=1");
	end = now_ms() + DEADLINE_MS;
	do {
		assert_true(now_ms() < end);
		assert_true(event_base_loop(mx->sx.server.base, EVLOOP_ONCE) >= 0);
	} while (strcmp(next(mx), "WATCHDOG=1") != 0);
}

static void
a_status_is_sent_when_it_changes(void **state)
{
	struct mx		*mx = *state;
	struct sx_client	*c = sx_greeted(&mx->sx, SX_UID);
	char			*run;

	manager_ready(mx->m);
	assert_string_equal(next(mx), "READY=1");
	assert_string_equal(next(mx), "STATUS=0 runs, 0 tests queued, 0 of 0 workers busy");
	manager_tick(mx->m);
	assert_string_equal(next(mx), "");
	run = sx_submit(&mx->sx, c, 5, true);	/* two at a time */
	assert_non_null(run);
	while (*next(mx) != '\0')
		;
	manager_tick(mx->m);
	assert_string_equal(next(mx), "STATUS=1 run, 3 tests queued, 0 of 0 workers busy");
	free(run);
}

static void
the_end_is_told_once(void **state)
{
	struct mx	*mx = *state;

	manager_stopping(mx->m, 1500);
	manager_stopping(mx->m, 9000);
	assert_string_equal(next(mx), "STOPPING=1\nEXTEND_TIMEOUT_USEC=1500000");
	assert_string_equal(next(mx), "");
}

static void
with_nobody_to_tell_all_goes_on(void **state)
{
	struct mx	*mx = *state;
	struct manager	*m = manager_new(&mx->sx.server, NULL);
	char		 why[CONFIG_FILE_WHY];

	assert_non_null(m);
	manager_ready(m);
	manager_tick(m);
	mx->sx.server.config_path = NULL;
	assert_int_equal(manager_reload(m, why), 0);
	manager_stopping(m, 1);
	manager_free(m);
	assert_string_equal(next(mx), "");
}

#define T(f)	cmocka_unit_test_setup_teardown(f, open_all, close_all)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(only_the_loop_gives_signs_of_life, open_watched,
		    close_all),
		T(a_status_is_sent_when_it_changes),
		T(the_end_is_told_once),
		T(with_nobody_to_tell_all_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
