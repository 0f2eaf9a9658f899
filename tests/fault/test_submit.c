/*
 * A plan is submitted, watched and cancelled while the nth call fails, for each n
 * until nothing fails any more.  The supervisor must neither end nor hang nor lose
 * anything: it answers the next client, no run stays active, no descriptor and no
 * process is left.  Where it keeps journals, none is left of a run that never was.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "common/clock.h"
#include "common/log.h"
#include "supervisor/commit.h"
#include "tests/fault/fault.h"
#include "tests/unit/server_fixture.h"

#define DEADLINE_MS	20000
#define OUTPUT_BYTES	300000	/* in parts, so that the disk is written to */

static unsigned
open_descriptors(void)
{
	DIR		*dir = opendir("/proc/self/fd");
	unsigned	 n = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	(void)closedir(dir);
	return n;
}

/* As sx_step(), of which nothing but the supervisor's own work may fail.  The store,
 * which is not there, was waited for long enough. */
static void
step(struct sx *sx, struct sx_client *c)
{
	(void)event_base_loop(sx->server.base, EVLOOP_NONBLOCK);
	if (c->conn != NULL && c->conn->gone)
		c->conn = NULL;
	(void)ask_pump(&sx->server.asks, now_ms() + 2 * COMMIT_WAIT_MS);
	server_turn(&sx->server);
}

/* What workers would do: output, and a result for the first test. */
static void
work(struct sx *sx, const char *data)
{
	struct run		*run = TAILQ_FIRST(&sx->server.runs.list);
	struct pool_job		 job = { .owner = run, .test = 0, .attempt = 1 };
	struct msg_attempt_done	 done = { .outcome = OUTCOME_FAIL, .elapsed_us = 1,
	    .output = { "\1\0\0\0\3abc", 8 } };
	struct pool_over	 over = { .end = POOL_DONE, .slot = 1, .host = "",
	    .isolation = "", .done = &done };

	if (run == NULL || run->over)
		return;
	runs_pool_ops.starting(&job, 1);
	for (size_t i = 0; i < OUTPUT_BYTES; i += 50000)
		runs_pool_ops.output(&job, 1, (struct sv){ data, 50000 }, i % 100000 == 0);
	runs_pool_ops.over(&job, &over);
}

/* The frames of the whole scenario, made before anything fails. */
struct frames {
	struct evbuffer	*submit, *watch, *cancel;
};

static void
make_frames(struct frames *f)
{
	const struct sv		argv[] = { SV_LIT("/bin/true") };
	struct sv		slots[] = { SV_LIT("db=2") }, taken[] = { SV_LIT("db=1") };
	struct msg_run_begin	begin = { .jobs = 2, .name = SV_LIT("label"),
	    .slots = { slots, 1 }, .env = { slots, 1 } };
	struct msg_test_add	test = { .name = SV_LIT("t0"), .argv = { argv, 1 },
	    .cwd = SV_LIT("/"), .slots = { taken, 1 }, .retry_count = 1 };
	struct msg_run_commit	commit = { .tests = 3 };
	struct msg_run_watch	watch = { .live = true };
	struct msg_output_read	read = { .test = SV_LIT("t0") };
	struct msg_run_cancel	cancel = { .run = SV_LIT("") };

	*f = (struct frames){ evbuffer_new(), evbuffer_new(), evbuffer_new() };
	sx_frame(f->submit, MSG_RUN_BEGIN, 1, &begin);
	for (int i = 0; i < 3; i++) {
		static const char *const	names[] = { "t0", "t1", "t2" };

		test.name = sv_from(names[i]);
		sx_frame(f->submit, MSG_TEST_ADD, 2, &test);
	}
	sx_frame(f->submit, MSG_RUN_COMMIT, 3, &commit);
	sx_frame(f->watch, MSG_RUN_WATCH, 4, &watch);
	sx_frame(f->watch, MSG_OUTPUT_READ, 5, &read);
	sx_frame(f->cancel, MSG_RUN_CANCEL, 6, &cancel);
	(void)evbuffer_pullup(f->submit, -1);
	(void)evbuffer_pullup(f->watch, -1);
	(void)evbuffer_pullup(f->cancel, -1);
}

static void
feed(struct sx_client *c, struct evbuffer *b)
{
	sx_feed(c, evbuffer_pullup(b, -1), evbuffer_get_length(b));
}

/* Workers end, and all that they left. */
static void
end_workers(struct sx *sx)
{
	struct timeval	tick = { 0, 5000 };
	msec_t		end = now_ms() + DEADLINE_MS;

	pool_stop(sx->server.pool, true);
	while (!pool_empty(sx->server.pool) && now_ms() < end) {
		(void)event_base_loopexit(sx->server.base, &tick);
		(void)event_base_loop(sx->server.base, EVLOOP_ONCE);
		pool_reap(sx->server.pool);
	}
	assert_true(pool_empty(sx->server.pool));
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* Each journal is that of a run that somebody was told of.  How many there are. */
static unsigned
journals(struct sx *sx)
{
	int		 fd = openat(sx->server.state.journals, ".", O_RDONLY | O_DIRECTORY);
	DIR		*dir = fdopendir(fd);
	struct dirent	*e;
	struct run	*run;
	unsigned	 n = 0;

	assert_non_null(dir);
	while ((e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		if (runs_find(&sx->server.runs, sv_from(e->d_name), SX_UID, &run) != 0)
			fail_msg("journal %s: there is no such run", e->d_name);
		n++;
	}
	(void)closedir(dir);
	return n;
}

/* Once, with a folder of journals or without; how many calls have failed. */
static uint64_t
scenario(bool kept, enum fault_kind kind, uint64_t nth, bool for_ever)
{
	char			 state[] = "/tmp/paratest-fault.XXXXXX";
	struct sx		*sx = malloc(sizeof *sx);
	char			*data = calloc(1, 50000);
	struct sx_client	*c, *next;
	struct msg_ping		 ping = { 0 };
	const struct sx_frame	*answer;
	struct frames		 frames;
	uint64_t		 failed;

	assert_true(!kept || mkdtemp(state) != NULL);
	sx_open_with(sx, "/bin/false", kept ? state : NULL);
	sx->server.config.max_output = OUTPUT_BYTES - 1;
	c = sx_greeted(sx, SX_UID);
	make_frames(&frames);

	fault_arm(kind, nth, for_ever);
	feed(c, frames.submit);
	step(sx, c);
	feed(c, frames.watch);
	step(sx, c);
	work(sx, data);
	step(sx, c);
	feed(c, frames.watch);
	step(sx, c);
	feed(c, frames.cancel);
	for (int i = 0; i < 3; i++)
		step(sx, c);
	failed = fault_disarm();

	/* Whatever was lost: who is still there can cancel, and others are served. */
	feed(c, frames.cancel);
	sx_turn(sx);
	assert_int_equal(sx->server.runs.nactive, 0);
	next = sx_greeted(sx, SX_UID);
	sx_send(next, MSG_PING, 9, &ping);
	sx_turn(sx);
	answer = sx_next(next);
	assert_non_null(answer);
	assert_int_equal(answer->type, MSG_OK);
	if (kept)
		assert_true(journals(sx) == 1 || failed > 0);

	end_workers(sx);
	sx_close(sx);
	if (kept)
		assert_int_equal(rmtree_at(AT_FDCWD, state), 0);
	evbuffer_free(frames.submit);
	evbuffer_free(frames.watch);
	evbuffer_free(frames.cancel);
	free(data);
	free(sx);
	return failed;
}

static void
every_nth(bool kept, enum fault_kind kind, uint64_t least)
{
	for (int for_ever = 0; for_ever < 2; for_ever++) {
		unsigned	before;
		uint64_t	n = 1;

		assert_int_equal(scenario(kept, kind, UINT32_MAX, false), 0);
		before = open_descriptors();
		while (scenario(kept, kind, n, for_ever) > 0) {
			if (open_descriptors() != before)
				fail_msg("call %llu: a descriptor is left", (unsigned long long)n);
			n++;
		}
		print_message("%llu places%s\n", (unsigned long long)(n - 1),
		    for_ever ? ", and all after" : "");
		assert_true(n > least);		/* it was put to the test */
	}
}

static void
any_allocation_may_fail(void **state)
{
	(void)state;
	every_nth(false, FAULT_MEMORY, 50);
}

static void
any_write_may_fail(void **state)
{
	(void)state;
	every_nth(false, FAULT_WRITE, 2);
}

static void
any_worker_may_not_start(void **state)
{
	(void)state;
	every_nth(false, FAULT_SPAWN, 1);
}

static void
any_allocation_may_fail_with_journals(void **state)
{
	(void)state;
	every_nth(true, FAULT_MEMORY, 50);
}

static void
any_write_may_fail_with_journals(void **state)
{
	(void)state;
	every_nth(true, FAULT_WRITE, 2);
}

static void
any_worker_may_not_start_with_journals(void **state)
{
	(void)state;
	every_nth(true, FAULT_SPAWN, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_allocation_may_fail),
		cmocka_unit_test(any_write_may_fail),
		cmocka_unit_test(any_worker_may_not_start),
		cmocka_unit_test(any_allocation_may_fail_with_journals),
		cmocka_unit_test(any_write_may_fail_with_journals),
		cmocka_unit_test(any_worker_may_not_start_with_journals),
	};

	fault_init();
	log_init("test_submit", LOG_LEVEL_ERROR, false);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
