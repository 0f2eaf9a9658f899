/* A real worker and programs that do not end well: timeouts, cancelling, what is left
 * behind, and the end of the worker itself. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/rmtree.h"
#include "tests/integ/worker_rig.h"

static struct rig	g;

static int
start(void **state)
{
	(void)state;
	rig_start(&g, 1000, 60000);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	rig_stop(&g);
	return 0;
}

/* ---- timeouts ---- */

/* What a test does at its timeout shows only if it was up by then: on a machine that
 * stood still meanwhile it gets four times as long. */
static void
run_until_up(struct msg_test_add *t, struct rig_options *o)
{
	for (o->timeout_ms = 1000;; o->timeout_ms *= 4) {
		rig_run(&g, t, o);
		rig_assert_outcome(&g, OUTCOME_TIMEOUT, CATEGORY_TIMEOUT);
		assert_true(g.r.m.elapsed_us >= o->timeout_ms * 1000);
		if (strstr(g.r.streams[1].p, "up\n") != NULL || o->timeout_ms >= 16000)
			return;
	}
}

static void
timeout_ends_with_term(void **state)
{
	struct msg_test_add	t = rig_test(LIST(rig_helper("hang")));
	struct rig_options	o = { .grace_ms = 30000 };
	char			after[32];

	(void)state;
	run_until_up(&t, &o);
	(void)snprintf(after, sizeof after, "timed out after %d s", (int)o.timeout_ms / 1000);
	rig_assert_contains(g.r.message, after);
	assert_int_equal(g.r.m.signal, SIGTERM);
	assert_string_equal(g.r.streams[1].p, "up\n");
	assert_null(g.r.leaked[0]);
}

static void
timeout_with_grace_then_kill(void **state)
{
	struct msg_test_add	t = rig_test(LIST(rig_helper("ignore_term")));
	struct rig_options	o = { .grace_ms = 300 };

	(void)state;
	run_until_up(&t, &o);
	assert_int_equal(g.r.m.signal, SIGKILL);
	assert_string_equal(g.r.streams[1].p, "up\nterm\n");
	assert_true(g.r.m.elapsed_us >= (o.timeout_ms + o.grace_ms) * 1000);
}

static void
timeout_without_grace(void **state)
{
	struct msg_test_add	t = rig_test(LIST(rig_helper("ignore_term")));
	struct rig_options	o = { .grace_ms = 0 };

	(void)state;
	run_until_up(&t, &o);
	assert_int_equal(g.r.m.signal, SIGKILL);
	assert_string_equal(g.r.streams[1].p, "up\n");
}

/* One that ends well at TERM has timed out all the same, and its last words and
 * those of its children are kept. */
static void
timeout_with_last_words(void **state)
{
	struct msg_test_add	t = rig_test(SH("trap 'echo bye; exit 0' TERM; "
				    "(trap 'sleep 0.05; echo child bye; exit 0' TERM; echo up; "
				    "while :; do sleep 0.01; done) & "
				    "while :; do sleep 0.01; done"));
	struct rig_options	o = { .grace_ms = 30000 };

	(void)state;
	run_until_up(&t, &o);
	assert_int_equal(g.r.m.signal, 0);
	assert_int_equal(g.r.m.exit_code, 0);
	rig_assert_contains(g.r.streams[1].p, "bye\n");
	rig_assert_contains(g.r.streams[1].p, "child bye\n");
	assert_null(g.r.leaked[0]);
}

static void
forkers(void **state)
{
	static const char *const	kinds[] = { "tree", "chain" };
	struct msg_test_add		t;
	struct rig_options		o = { .timeout_ms = 300, .grace_ms = 0 };

	(void)state;
	for (int i = 0; i < 2; i++) {
		t = rig_test(LIST(rig_helper("forker"), kinds[i]));
		rig_run(&g, &t, &o);
		if (i == 0)
			rig_assert_outcome(&g, OUTCOME_TIMEOUT, CATEGORY_TIMEOUT);
		else	/* its leader ended at once: what follows is a leak */
			rig_assert_outcome(&g, OUTCOME_PASS, CATEGORY_NONE);
		assert_true(g.r.m.elapsed_us < 8000000);
		print_message("forker %s: over after %llu ms\n", kinds[i],
		    (unsigned long long)g.r.m.elapsed_us / 1000);
	}
}

/* ---- what is left behind ---- */

static const struct {
	const char	*helper;
	bool		 prints_pid;
} leakers[] = {
	{ "setsid_child", true }, { "daemon", true }, { "orphan_prints", false },
	{ "hold_pipe", false },
};

static void
leaks_are_named_and_ended(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof leakers / sizeof leakers[0]; i++) {
		struct msg_test_add	t = rig_test(LIST(rig_helper(leakers[i].helper)));
		pid_t			pid;

		rig_run(&g, &t, NULL);
		rig_assert_outcome(&g, OUTCOME_PASS, CATEGORY_NONE);
		assert_non_null(g.r.leaked[0]);
		assert_null(g.r.leaked[2]);
		pid = rig_pid(g.r.leaked[0]);
		rig_assert_contains(g.r.leaked[1], leakers[i].helper);
		if (leakers[i].prints_pid)
			assert_int_equal(pid, rig_pid(g.r.streams[1].p));
		assert_int_equal(kill(pid, 0), -1);
		assert_int_equal(errno, ESRCH);
		assert_true(g.r.m.elapsed_us < 5000000);
	}
}

/* Who ends by itself within a moment is no leak, and is heard out.  On a busy machine
 * a moment may be too short, but not each time. */
static void
late_children_are_waited_for(void **state)
{
	struct msg_test_add	t = rig_test(LIST(rig_helper("hold_pipe"), "1"));

	(void)state;
	for (int i = 0; i < 10; i++) {
		rig_run(&g, &t, NULL);
		rig_assert_outcome(&g, OUTCOME_PASS, CATEGORY_NONE);
		if (g.r.leaked[0] == NULL)
			break;
	}
	assert_string_equal(g.r.streams[1].p, "parent\nchild\n");
	assert_null(g.r.leaked[0]);
}

static void
streams_that_end_early(void **state)
{
	struct msg_test_add	t = rig_test(LIST(rig_helper("close_stdout"), "200"));

	(void)state;
	rig_run(&g, &t, NULL);
	rig_assert_outcome(&g, OUTCOME_FAIL, CATEGORY_ASSERTION);
	assert_int_equal(g.r.m.exit_code, 5);
	assert_true(g.r.m.elapsed_us >= 200000);
	assert_string_equal(g.r.streams[1].p, "before\n");
}

/* Someone outside the tree has the stream, and prints for ever. */
static void
a_stranger_holds_the_stream(void **state)
{
	struct msg_test_add	t = rig_test(SH(rig_line("echo $$; exec @hang")));
	struct rig_options	o = { .follow = true };
	char			path[64];
	uint64_t		id;
	pid_t			stranger;
	int			fd;

	(void)state;
	id = rig_begin(&g, &t, &o);
	rig_until_live(&g, "up\n");
	(void)snprintf(path, sizeof path, "/proc/%d/fd/1", (int)rig_pid(g.r.live.p));
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_int_not_equal(fd, -1);
	stranger = fork();
	if (stranger == 0) {
		(void)alarm(60);
		while (write(fd, "strange\n", 8) == 8)
			(void)usleep(1000);
		_exit(0);
	}
	(void)close(fd);
	rig_abort(&g, id, true, false);
	rig_finish(&g);
	rig_assert_outcome(&g, OUTCOME_CANCELLED, CATEGORY_NONE);
	assert_true(g.r.m.elapsed_us >= 2000000);
	assert_true(g.r.m.elapsed_us < 15000000);
	(void)kill(stranger, SIGKILL);
	assert_int_equal(waitpid(stranger, NULL, 0), stranger);
}

/* ---- cancelling ---- */

static void
abort_with_grace(void **state)
{
	struct msg_test_add	t = rig_test(LIST(rig_helper("hang")));
	struct rig_options	o = { .grace_ms = 30000, .follow = true };
	uint64_t		id;

	(void)state;
	id = rig_begin(&g, &t, &o);
	rig_until_live(&g, "up\n");
	rig_abort(&g, id + 7, true, false);	/* of another attempt: nothing */
	rig_abort(&g, id, false, false);
	rig_finish(&g);
	rig_assert_outcome(&g, OUTCOME_CANCELLED, CATEGORY_NONE);
	assert_int_equal(g.r.m.signal, SIGTERM);

	id = rig_begin(&g, &t, &o);
	rig_until_live(&g, "up\n");
	rig_abort(&g, id, false, true);
	rig_finish(&g);
	rig_assert_outcome(&g, OUTCOME_TIMEOUT, CATEGORY_TIMEOUT);
	rig_assert_contains(g.r.message, "run");
}

/* What a test prints in its first moments is left in the pipes: not when it is over and what
 * it left has more to say than they hold, which would keep it until its time is up. */
static void
a_child_outlives_a_short_test(void **state)
{
	struct msg_test_add	t = rig_test(SH("head -c 300000 /dev/zero & exit 0"));

	(void)state;
	for (int i = 0; i < 20; i++) {
		rig_run(&g, &t, NULL);
		rig_assert_outcome(&g, OUTCOME_PASS, CATEGORY_NONE);
		if (g.r.m.elapsed_us < 150000)	/* else the host is busy */
			break;
	}
	assert_true(g.r.m.elapsed_us < 150000);
	assert_null(g.r.leaked[0]);
	assert_int_equal(g.r.m.stdout_bytes, 300000);
}

static void
abort_escalates(void **state)
{
	struct msg_test_add	t = rig_test(LIST(rig_helper("ignore_term")));
	struct rig_options	o = { .grace_ms = 30000, .follow = true };
	uint64_t		id;

	(void)state;
	id = rig_begin(&g, &t, &o);
	rig_until_live(&g, "up\n");
	rig_abort(&g, id, false, false);
	rig_until_live(&g, "term\n");
	rig_abort(&g, id, true, false);
	rig_finish(&g);
	rig_assert_outcome(&g, OUTCOME_CANCELLED, CATEGORY_NONE);
	assert_int_equal(g.r.m.signal, SIGKILL);
	assert_true(g.r.m.elapsed_us < 20000000);
}

/* ---- the worker's own end ---- */

/* A test with a daemon is running; the pid of both. */
static void
begin_with_daemon(pid_t pids[2])
{
	struct msg_test_add	t = rig_test(SH(rig_line("@daemon; echo $$; exec @ignore_term")));
	struct rig_options	o = { .follow = true, .grace_ms = 30000 };
	const char		*second;

	(void)rig_begin(&g, &t, &o);
	rig_until_live(&g, "up\n");
	pids[0] = rig_pid(g.r.live.p);
	second = strchr(g.r.live.p, '\n');
	pids[1] = rig_pid(second);
	assert_true(rig_alive(pids[0]) && rig_alive(pids[1]));
}

static void
assert_both_dead(const pid_t pids[2])
{
	assert_false(rig_alive(pids[0]));
	assert_false(rig_alive(pids[1]));
}

static void
end_of_file(void **state)
{
	pid_t	pids[2];
	int	status;

	(void)state;
	rig_start(&g, 1000, 60000);
	begin_with_daemon(pids);
	(void)close(g.fd);
	g.fd = -1;
	status = rig_wait_end(&g);
	assert_true(WIFEXITED(status));
	assert_both_dead(pids);
}

static void
lease_runs_out(void **state)
{
	struct msg_beat	beat = { .has = 0 };
	pid_t		pids[2];
	uint64_t	begun, heard;

	(void)state;
	rig_start(&g, 100, 700);
	begun = now_ms();
	while (now_ms() < begun + 1500) {	/* longer than a lease */
		rig_send(&g, MSG_BEAT, &beat);
		(void)poll(NULL, 0, 50);
	}
	begin_with_daemon(pids);
	heard = now_ms();
	assert_true(WIFEXITED(rig_wait_end(&g)));
	assert_true(now_ms() - heard >= 500);
	assert_both_dead(pids);
}

/* A worker that was stopped for longer than its lease finds the beats of that time. */
static void
stopped_and_continued(void **state)
{
	struct msg_beat		beat = { .has = 0 };
	struct msg_test_add	t = rig_test(LIST("/bin/true"));
	uint64_t		begun;

	(void)state;
	rig_start(&g, 100, 1500);
	assert_int_equal(kill(g.pid, SIGSTOP), 0);
	begun = now_ms();
	while (now_ms() < begun + 2000) {
		rig_send(&g, MSG_BEAT, &beat);
		(void)poll(NULL, 0, 50);
	}
	assert_int_equal(kill(g.pid, SIGCONT), 0);
	rig_run(&g, &t, NULL);
	rig_assert_outcome(&g, OUTCOME_PASS, CATEGORY_NONE);
	rig_stop(&g);
}

static void
sigterm(void **state)
{
	pid_t	pids[2];

	(void)state;
	rig_start(&g, 1000, 60000);
	assert_int_equal(kill(g.pid, SIGINT), 0);	/* is the terminal's, not ours */
	assert_int_equal(kill(g.pid, SIGHUP), 0);
	begin_with_daemon(pids);
	assert_int_equal(kill(g.pid, SIGTERM), 0);
	assert_true(WIFEXITED(rig_wait_end(&g)));
	assert_both_dead(pids);
}

/* The leader dies with its worker, however that ends. */
static void
sigkill(void **state)
{
	struct msg_test_add	t = rig_test(SH(rig_line("echo $$; exec @hang")));
	struct rig_options	o = { .follow = true };
	pid_t			leader;
	int			status;

	(void)state;
	rig_start(&g, 1000, 60000);
	(void)rig_begin(&g, &t, &o);
	rig_until_live(&g, "up\n");
	leader = rig_pid(g.r.live.p);
	assert_int_equal(kill(g.pid, SIGKILL), 0);
	rig_until_dead(leader);
	assert_int_equal(waitpid(leader, NULL, 0), leader);
	/* The folder is the supervisor's to remove, or the next worker's. */
	assert_int_equal(rmtree_at(AT_FDCWD, g.scratch), 0);
	status = rig_wait_end(&g);
	assert_true(WIFSIGNALED(status));
}

static void
retire_while_running(void **state)
{
	struct msg_test_add	t = rig_test(SH("while ! [ -e go ]; do sleep 0.01; done; "
				    "echo end"));
	struct msg_retire	m = { .has = 0 };
	char			path[128];
	int			fd;

	(void)state;
	rig_start(&g, 1000, 60000);
	t.cwd = sv_from(g.dir);
	(void)rig_begin(&g, &t, NULL);
	rig_send(&g, MSG_RETIRE, &m);
	(void)snprintf(path, sizeof path, "%s/go", g.dir);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_not_equal(fd, -1);
	(void)close(fd);
	rig_until_done(&g);
	rig_assert_outcome(&g, OUTCOME_PASS, CATEGORY_NONE);
	assert_string_equal(g.r.streams[1].p, "end\n");
	(void)unlink(path);
	assert_int_equal(rig_wait_end(&g), 0);
}

static void
send_bytes(const char *p, size_t n)
{
	assert_int_equal(send(g.fd, p, n, MSG_NOSIGNAL), n);
}

/* What is no sense ends the worker, and what it was running. */
static void
protocol_errors(void **state)
{
	pid_t	pids[2];

	(void)state;
	for (int i = 0; i < 5; i++) {
		struct msg_attempt	m = { .attempt_id = 99, .context = 1, .number = 1,
					    .slot = 1, .output_limit = 100 };
		struct msg_config	old = { .version = MSG_VERSION + 1, .heartbeat_ms = 1,
					    .lease_ms = 1 };
		int			status;

		rig_start(&g, 1000, 60000);
		begin_with_daemon(pids);
		switch (i) {
		case 0:
			send_bytes("this is no frame at all, whatever it is", 39);
			break;
		case 1:		/* a second one */
			m.spec = SV_LIT("\x80");
			rig_send(&g, MSG_ATTEMPT, &m);
			break;
		case 2:		/* the wrong direction */
			rig_send(&g, MSG_HEARTBEAT, &(struct msg_heartbeat){ .attempt_id = 1 });
			break;
		case 3:
			rig_send(&g, MSG_CONFIG, &old);
			break;
		default:	/* half a frame, then the end */
			send_bytes("\0\0\0\x10", 4);
			assert_int_equal(shutdown(g.fd, SHUT_WR), 0);
			break;
		}
		status = rig_wait_end(&g);
		assert_true(WIFEXITED(status));
		if (i < 4)
			assert_int_not_equal(WEXITSTATUS(status), 0);
		assert_both_dead(pids);
	}
}

static void
attempts_that_make_no_sense(void **state)
{
	struct msg_attempt	m = { .attempt_id = 99, .context = 1, .number = 1, .slot = 1,
				    .output_limit = 100 };

	(void)state;
	for (int i = 0; i < 2; i++) {
		rig_start(&g, 1000, 60000);
		m.context = i == 0 ? 5 : 1;	/* unknown; or a spec that is none */
		m.spec = SV_LIT("\x80");
		rig_send(&g, MSG_ATTEMPT, &m);
		assert_int_not_equal(rig_wait_end(&g), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup_teardown(timeout_ends_with_term, start, stop),
		cmocka_unit_test_setup_teardown(timeout_with_grace_then_kill, start, stop),
		cmocka_unit_test_setup_teardown(timeout_without_grace, start, stop),
		cmocka_unit_test_setup_teardown(timeout_with_last_words, start, stop),
		cmocka_unit_test_setup_teardown(forkers, start, stop),
		cmocka_unit_test_setup_teardown(leaks_are_named_and_ended, start, stop),
		cmocka_unit_test_setup_teardown(late_children_are_waited_for, start, stop),
		cmocka_unit_test_setup_teardown(streams_that_end_early, start, stop),
		cmocka_unit_test_setup_teardown(a_stranger_holds_the_stream, start, stop),
		cmocka_unit_test_setup_teardown(abort_with_grace, start, stop),
		cmocka_unit_test_setup_teardown(a_child_outlives_a_short_test, start, stop),
		cmocka_unit_test_setup_teardown(abort_escalates, start, stop),
		cmocka_unit_test(end_of_file),
		cmocka_unit_test(lease_runs_out),
		cmocka_unit_test(stopped_and_continued),
		cmocka_unit_test(sigterm),
		cmocka_unit_test(sigkill),
		cmocka_unit_test(retire_while_running),
		cmocka_unit_test(protocol_errors),
		cmocka_unit_test(attempts_that_make_no_sense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
