/*
 * What a worker says reaches the journal with the fields that tell what it is about: run,
 * test, user, worker.  The worker is a script that says what the test wrote for it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/stat.h>

#include "common/clock.h"
#include "tests/unit/control_fixture.h"
#include "tests/unit/journal_fixture.h"

#define DEADLINE_MS	60000

struct fx {
	struct jx	jx;
	struct sx	sx;
	char		program[64];
};

static void
put_file(const char *path, const void *data, size_t len, mode_t mode)
{
	int	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, mode);

	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, data, len), len);
	assert_int_equal(close(fd), 0);
}

/* A worker that is ready, and says this again and again, whether it was given something yet or
 * not, until the supervisor is gone.  Its end of the socket does not block, so cat may find
 * nothing there. */
static void
make_worker(struct fx *fx, enum log_level level, const char *text)
{
	struct msg_ready	 ready = { .version = MSG_VERSION, .host = SV_LIT("h"), .pid = 1,
	    .isolation = SV_LIT("process") };
	struct msg_log		 m = { .level = level, .text = sv_from(text) };
	struct evbuffer		*b = evbuffer_new();
	char			 is_ready[64], says[64], script[256];

	(void)snprintf(is_ready, sizeof is_ready, "%s/ready", fx->jx.dir);
	(void)snprintf(says, sizeof says, "%s/says", fx->jx.dir);
	(void)snprintf(fx->program, sizeof fx->program, "%s/worker", fx->jx.dir);
	(void)snprintf(script, sizeof script, "#!/bin/sh\ncat %s >&3\n"
	    "until cat <&3 >/dev/null 2>&1; do cat %s >&3; sleep 0.01; done\n", is_ready, says);
	assert_int_equal(msg_put(b, MSG_READY, 0, &ready), 0);
	put_file(is_ready, evbuffer_pullup(b, -1), evbuffer_get_length(b), 0600);
	(void)evbuffer_drain(b, evbuffer_get_length(b));
	assert_int_equal(msg_put(b, MSG_LOG, 0, &m), 0);
	put_file(says, evbuffer_pullup(b, -1), evbuffer_get_length(b), 0600);
	put_file(fx->program, script, strlen(script), 0700);
	evbuffer_free(b);
}

static const char *
said(struct fx *fx, const char *part)
{
	msec_t		 end = now_ms() + DEADLINE_MS;
	const char	*record;

	do {
		assert_true(event_base_loop(fx->sx.server.base, EVLOOP_ONCE) >= 0);
		server_turn(&fx->sx.server);
		record = jx_find(&fx->jx, part);
	} while (record == NULL && now_ms() < end);
	assert_non_null(record);
	return record;
}

static void
its_words_are_about_its_test(void **state)
{
	struct fx	*fx = calloc(1, sizeof *fx);
	char		 want[64], *run;
	const char	*record;

	(void)state;
	assert_non_null(fx);
	jx_open(&fx->jx);
	make_worker(fx, LOG_LEVEL_WARN, "its folder is left");
	sx_open_with(&fx->sx, fx->program, NULL);
	run = sx_submit(&fx->sx, sx_greeted(&fx->sx, SX_UID), 1, true);
	assert_non_null(run);
	record = said(fx, "\nPARATEST_TEST=t0\n");
	(void)snprintf(want, sizeof want, "\nPARATEST_RUN=%s\n", run);
	if (strstr(record, want) == NULL || strstr(record, "its folder is left\n") == NULL)
		fail_msg("%s", record);
	assert_non_null(strstr(record, "\nPARATEST_UID=1000\n"));
	assert_non_null(strstr(record, "\nPARATEST_WORKER=1\n"));
	assert_non_null(strstr(record, "\nPRIORITY=4\n"));
	sx_close(&fx->sx);
	jx_close(&fx->jx);
	free(run);
	free(fx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_words_are_about_its_test),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
