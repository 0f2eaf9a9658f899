/*
 * The supervisor as a service, with the test as its manager: it is told when to begin and
 * when to read its settings, passes it a socket, waits for its signs of life, and ends it.
 */
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
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/proctree.h"
#include "common/rmtree.h"
#include "common/xalloc.h"
#include "tests/integ/service.h"

struct mx {
	struct service	 s;
	char		 config[96], notify[96];
	int		 heard;		/* our end of NOTIFY_SOCKET */
	int		 passed;	/* a listening socket, -1: none */
	const char	*watchdog_us;	/* NULL: none is wanted */
};

static void
address(struct sockaddr_un *sa, const char *path)
{
	memset(sa, 0, sizeof *sa);
	sa->sun_family = AF_UNIX;
	(void)snprintf(sa->sun_path, sizeof sa->sun_path, "%s", path);
}

static int
open_manager(void **state)
{
	struct mx		*mx = xcalloc(1, sizeof *mx);
	struct sockaddr_un	 sa;

	*state = mx;
	(void)snprintf(mx->s.dir, sizeof mx->s.dir, "/tmp/paratest-integ.XXXXXX");
	assert_non_null(mkdtemp(mx->s.dir));
	(void)snprintf(mx->s.socket, sizeof mx->s.socket, "%s/sock", mx->s.dir);
	(void)snprintf(mx->config, sizeof mx->config, "%s/paratestd.yaml", mx->s.dir);
	(void)snprintf(mx->notify, sizeof mx->notify, "%s/notify", mx->s.dir);
	mx->passed = -1;
	mx->heard = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	address(&sa, mx->notify);
	assert_int_equal(bind(mx->heard, (struct sockaddr *)&sa, sizeof sa), 0);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	return 0;
}

static int
close_manager(void **state)
{
	struct mx	*mx = *state;

	if (mx->s.pid != 0) {
		(void)proctree_kill(mx->s.pid, SIGKILL);
		service_crash(&mx->s);
	}
	(void)close(mx->heard);
	if (mx->passed != -1)
		(void)close(mx->passed);
	assert_int_equal(rmtree_at(AT_FDCWD, mx->s.dir), 0);
	free(mx);
	return 0;
}

static void
write_config(struct mx *mx, const char *text)
{
	(void)service_file(&mx->s, "paratestd.yaml", text);
}

/* Listens where the supervisor would. */
static void
pass_socket(struct mx *mx)
{
	struct sockaddr_un	sa;

	mx->passed = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	address(&sa, mx->s.socket);
	assert_int_equal(bind(mx->passed, (struct sockaddr *)&sa, sizeof sa), 0);
	assert_int_equal(chmod(mx->s.socket, 0600), 0);
	assert_int_equal(listen(mx->passed, 16), 0);
}

static void __attribute__((noreturn))
become_supervisor(struct mx *mx, const char *program)
{
	char	pid[16], log[96], home[96];
	int	fd, in = mx->passed != -1 ? fcntl(mx->passed, F_DUPFD, 50) : -1;

	(void)snprintf(pid, sizeof pid, "%d", (int)getpid());
	(void)snprintf(log, sizeof log, "%s/log", mx->s.dir);
	(void)snprintf(home, sizeof home, "%s/state", mx->s.dir);
	(void)setenv("TMPDIR", mx->s.dir, 1);
	(void)setenv("XDG_STATE_HOME", home, 1);
	(void)setenv("NOTIFY_SOCKET", mx->notify, 1);
	(void)unsetenv("WATCHDOG_USEC");
	if (mx->watchdog_us != NULL)
		(void)setenv("WATCHDOG_USEC", mx->watchdog_us, 1);
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	(void)dup2(fd, 2);
	(void)close_range(3, 49, 0);
	if (in != -1) {
		(void)dup2(in, 3);
		(void)setenv("LISTEN_FDS", "1", 1);
		(void)setenv("LISTEN_PID", pid, 1);
	}
	(void)execl(program, "paratestd", "--socket", mx->s.socket, "--config", mx->config,
	    "--isolation", "process", (char *)NULL);
	_exit(99);
}

static void
launch(struct mx *mx)
{
	const char	*program = service_program("paratestd");

	mx->s.pid = fork();
	assert_true(mx->s.pid >= 0);
	if (mx->s.pid == 0)
		become_supervisor(mx, program);
}

/* Waits for a datagram that begins with `want`; what comes before it is left out. */
static void
hear(struct mx *mx, const char *want, char *buf, size_t size)
{
	struct pollfd	p = { .fd = mx->heard, .events = POLLIN };
	msec_t		end = now_ms() + SERVICE_DEADLINE_MS;
	ssize_t		n;

	do {
		if (now_ms() > end || poll(&p, 1, SERVICE_DEADLINE_MS) != 1)
			fail_msg("%s did not come", want);
		n = recv(mx->heard, buf, size - 1, 0);
		assert_true(n >= 0);
		buf[n] = '\0';
	} while (strncmp(buf, want, strlen(want)) != 0);
}

static void
await(struct mx *mx, const char *want)
{
	char	buf[1024];

	hear(mx, want, buf, sizeof buf);
}

static void
start(struct mx *mx)
{
	launch(mx);
	await(mx, "READY=1");
}

static int
has_ended(void *arg)
{
	return waitpid(((struct service *)arg)->pid, NULL, WNOHANG | WNOWAIT) == 0 &&
	    service_alive(((struct service *)arg)->pid) ? 0 : 1;
}

/* Its exit code, 128 + N for signal N. */
static int
end_of(struct mx *mx)
{
	int	status;

	service_until(has_ended, &mx->s, "the supervisor's end");
	assert_int_equal(waitpid(mx->s.pid, &status, 0), mx->s.pid);
	mx->s.pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void
stop(struct mx *mx)
{
	assert_int_equal(kill(mx->s.pid, SIGTERM), 0);
	await(mx, "STOPPING=1");
	assert_int_equal(end_of(mx), 0);
}

/* A setting is what it should be. */
static void
setting_is(struct mx *mx, const char *key, const char *want)
{
	struct ran	r;

	CTL(&mx->s, &r, NULL, "config", "get", key);
	assert_int_equal(r.code, 0);
	if (strstr(r.out, want) == NULL)
		fail_msg("%s is '%s', not %s", key, r.out, want);
	ran_free(&r);
}

/* A detached run of one test that makes `began` and ends when `go` is there. */
static char *
submit(struct mx *mx)
{
	char		*line = xasprintf("touch %s/began; until [ -e %s/go ]; do sleep 0.01; done",
	    mx->s.dir, mx->s.dir), *id;
	struct ran	 r;

	CTL(&mx->s, &r, NULL, "run", "--detach", "--", "sh", "-c", line);
	free(line);
	assert_int_equal(r.code, 0);
	id = xstrdup(r.out);
	id[strcspn(id, "\n")] = '\0';
	ran_free(&r);
	return id;
}

static int
has_begun(void *arg)
{
	char		path[96];
	struct stat	st;

	(void)snprintf(path, sizeof path, "%s/began", ((struct mx *)arg)->s.dir);
	return stat(path, &st) == 0;
}

static void
go(struct mx *mx)
{
	(void)service_file(&mx->s, "go", "");
}

/* What a supervisor that comes later knows of a run. */
static void
status_is(struct mx *mx, const char *id, const char *want)
{
	struct ran	 r;
	json_t		*doc;

	CTL(&mx->s, &r, NULL, "show", id, "--json");
	doc = ran_document(&r);
	assert_string_equal(json_string_value(json_object_get(doc, "status")), want);
	json_decref(doc);
	ran_free(&r);
}

/* ---- what it tells ---- */

static void
it_tells_that_it_is_ready_busy_and_ending(void **state)
{
	struct mx	*mx = *state;
	char		*id, buf[1024];

	start(mx);
	await(mx, "STATUS=0 runs, 0 tests queued, 0 of 0 workers busy");
	id = submit(mx);
	await(mx, "STATUS=1 run, 0 tests queued, 1 of 1 workers busy");
	assert_int_equal(kill(mx->s.pid, SIGTERM), 0);
	hear(mx, "STOPPING=1", buf, sizeof buf);
	/* 30s of stop-drain, and what cancelling takes. */
	assert_string_equal(buf, "STOPPING=1\nEXTEND_TIMEOUT_USEC=65000000");
	await(mx, "STATUS=draining: 1 run");
	go(mx);
	assert_int_equal(end_of(mx), 0);
	free(id);
}

/* Each is sent by the loop; one that stands still sends none. */
static void
it_gives_signs_of_life_while_it_is_alive(void **state)
{
	struct mx	*mx = *state;
	struct pollfd	 p = { .fd = mx->heard, .events = POLLIN };
	char		 buf[64];

	mx->watchdog_us = "20000";
	start(mx);
	for (int i = 0; i < 3; i++)
		await(mx, "WATCHDOG=1");
	assert_int_equal(kill(mx->s.pid, SIGSTOP), 0);
	assert_int_equal(waitpid(mx->s.pid, NULL, WUNTRACED), mx->s.pid);
	while (recv(mx->heard, buf, sizeof buf, MSG_DONTWAIT) > 0)
		;
	assert_int_equal(poll(&p, 1, 100), 0);
	assert_int_equal(kill(mx->s.pid, SIGCONT), 0);
	await(mx, "WATCHDOG=1");
	stop(mx);
}

/* Else a worker, or a test, could say that all is well. */
static void
what_it_starts_knows_no_manager(void **state)
{
	struct mx		*mx = *state;
	struct proc_entry	*v;
	char			*id, path[64], buf[8192];
	size_t			 n, len;
	FILE			*f;

	pass_socket(mx);
	mx->watchdog_us = "60000000";
	start(mx);
	id = submit(mx);
	service_until(has_begun, mx, "the test's begin");
	assert_int_equal(proctree_list(mx->s.pid, &v, &n), 0);
	assert_true(n >= 2);		/* the store, a worker, the test */
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(path, sizeof path, "/proc/%d/environ", (int)v[i].pid);
		f = fopen(path, "re");
		if (f == NULL)
			continue;
		len = fread(buf, 1, sizeof buf - 1, f);
		(void)fclose(f);
		for (size_t k = 0; k < len; k++) {
			if (buf[k] == '\0')
				buf[k] = '\n';
		}
		buf[len] = '\0';
		assert_null(strstr(buf, "NOTIFY_SOCKET="));
		assert_null(strstr(buf, "WATCHDOG_USEC="));
		assert_null(strstr(buf, "LISTEN_FDS="));
	}
	proctree_free(v, n);
	go(mx);
	stop(mx);
	free(id);
}

/* ---- the socket ---- */

static void
a_socket_that_is_passed_is_served_and_left(void **state)
{
	struct mx	*mx = *state;
	struct ran	 r;
	pid_t		 early;

	pass_socket(mx);
	early = service_spawn(&mx->s, NULL, (const char *const []){ "ping", NULL });
	start(mx);			/* it was asked for before it was there */
	service_wait(&mx->s, early, &r);
	assert_int_equal(r.code, 0);
	ran_free(&r);
	stop(mx);
	assert_int_equal(access(mx->s.socket, F_OK), 0);
	start(mx);
	CTL(&mx->s, &r, NULL, "ping");
	assert_int_equal(r.code, 0);
	ran_free(&r);
	stop(mx);
}

static void
without_one_it_makes_its_own(void **state)
{
	struct mx	*mx = *state;

	start(mx);
	assert_int_equal(access(mx->s.socket, F_OK), 0);
	stop(mx);
	assert_int_equal(access(mx->s.socket, F_OK), -1);
}

static void
log_has(struct mx *mx, const char *want)
{
	char	path[96], buf[8192];
	FILE	*f;
	size_t	n;

	(void)snprintf(path, sizeof path, "%s/log", mx->s.dir);
	f = fopen(path, "re");
	assert_non_null(f);
	n = fread(buf, 1, sizeof buf - 1, f);
	(void)fclose(f);
	buf[n] = '\0';
	if (strstr(buf, want) == NULL)
		fail_msg("no '%s' in: %s", want, buf);
}

static void
a_socket_that_others_can_use_is_refused(void **state)
{
	struct mx	*mx = *state;

	pass_socket(mx);
	assert_int_equal(chmod(mx->s.socket, 0666), 0);
	launch(mx);
	assert_int_equal(end_of(mx), 3);
	log_has(mx, "sock) lets in too many: see SocketMode=");
}

/* ---- settings ---- */

static void
settings_are_read_again(void **state)
{
	struct mx	*mx = *state;
	struct ran	 r;

	write_config(mx, "jobs: 3\nmax-runs: 7\n");
	start(mx);
	setting_is(mx, "jobs", "3");
	CTL(&mx->s, &r, NULL, "config", "set", "max-runs", "9");
	assert_int_equal(r.code, 0);
	ran_free(&r);
	write_config(mx, "timeout: 2m\n");
	assert_int_equal(kill(mx->s.pid, SIGHUP), 0);
	await(mx, "RELOADING=1\nMONOTONIC_USEC=");
	await(mx, "READY=1");
	setting_is(mx, "timeout", "2m");
	setting_is(mx, "jobs", "0");		/* not in the file any more */
	setting_is(mx, "max-runs", "9");	/* set by somebody since */
	write_config(mx, "timeout: 3m\n");
	CTL(&mx->s, &r, NULL, "reload");
	assert_int_equal(r.code, 0);
	ran_free(&r);
	setting_is(mx, "timeout", "3m");
	stop(mx);
}

static void
a_bad_file_changes_nothing(void **state)
{
	struct mx	*mx = *state;
	struct ran	 r;

	write_config(mx, "timeout: 2m\n");
	start(mx);
	write_config(mx, "timeout: 3m\njobz: 4\n");
	CTL(&mx->s, &r, NULL, "reload");
	assert_int_equal(r.code, 2);
	assert_non_null(strstr(r.err, "paratestd.yaml:2: there is no setting 'jobz': "
	    "did you mean 'jobs'?"));
	ran_free(&r);
	await(mx, "RELOADING=1");
	await(mx, "READY=1");
	setting_is(mx, "timeout", "2m");
	assert_int_equal(kill(mx->s.pid, SIGHUP), 0);
	await(mx, "RELOADING=1");
	await(mx, "READY=1");
	log_has(mx, "paratestd.yaml:2: there is no setting 'jobz'");
	setting_is(mx, "timeout", "2m");
	stop(mx);
	launch(mx);			/* and no start is made with it */
	assert_int_equal(end_of(mx), 2);
	log_has(mx, "paratestd: ");
}

/* ---- the end ---- */

static void
a_stop_lets_what_runs_end(void **state)
{
	struct mx	*mx = *state;
	struct ran	 r;
	char		*id;

	start(mx);
	id = submit(mx);
	service_until(has_begun, mx, "the test's begin");
	assert_int_equal(kill(mx->s.pid, SIGTERM), 0);
	await(mx, "STOPPING=1");
	CTL(&mx->s, &r, NULL, "run", "--", "true");
	assert_true(r.code != 0);
	if (strstr(r.err, "takes no new runs") == NULL)
		fail_msg("%d %s", r.code, r.err);
	ran_free(&r);
	go(mx);
	assert_int_equal(end_of(mx), 0);
	start(mx);
	status_is(mx, id, "passed");
	stop(mx);
	free(id);
}

static void
a_stop_waits_no_longer_than_it_may(void **state)
{
	struct mx	*mx = *state;
	char		*id;

	write_config(mx, "stop-drain: 10ms\n");
	start(mx);
	id = submit(mx);
	service_until(has_begun, mx, "the test's begin");
	stop(mx);
	start(mx);
	status_is(mx, id, "cancelled");
	stop(mx);
	free(id);
}

static void
a_second_term_does_not_wait(void **state)
{
	struct mx	*mx = *state;
	char		*id;

	write_config(mx, "stop-drain: 1h\n");
	start(mx);
	id = submit(mx);
	service_until(has_begun, mx, "the test's begin");
	assert_int_equal(kill(mx->s.pid, SIGTERM), 0);
	await(mx, "STOPPING=1");
	assert_int_equal(kill(mx->s.pid, SIGTERM), 0);
	assert_int_equal(end_of(mx), 0);
	start(mx);
	status_is(mx, id, "cancelled");
	stop(mx);
	free(id);
}

static int
is_over(void *arg)
{
	char	**v = arg;
	struct mx *mx = (struct mx *)(void *)v[0];
	struct ran r;
	int	over;

	CTL(&mx->s, &r, NULL, "show", v[1], "--json");
	over = r.code == 0 && strstr(r.out, "\"passed\"") != NULL;
	ran_free(&r);
	return over;
}

/* What the watchdog does to one that hangs: ABRT, and KILL to all that is left. */
static void
runs_go_on_after_a_watchdog_kill(void **state)
{
	struct mx		*mx = *state;
	struct proc_entry	*v;
	char			*id, *arg[2], mark[96];
	size_t			 n;

	mx->watchdog_us = "20000";
	start(mx);
	id = submit(mx);
	service_until(has_begun, mx, "the test's begin");
	(void)snprintf(mark, sizeof mark, "%s/began", mx->s.dir);
	assert_int_equal(kill(mx->s.pid, SIGSTOP), 0);
	assert_int_equal(waitpid(mx->s.pid, NULL, WUNTRACED), mx->s.pid);
	assert_int_equal(proctree_list(mx->s.pid, &v, &n), 0);
	assert_int_equal(kill(mx->s.pid, SIGABRT), 0);
	assert_int_equal(kill(mx->s.pid, SIGCONT), 0);
	assert_int_equal(end_of(mx), 128 + SIGABRT);
	for (size_t i = 0; i < n; i++)
		(void)kill(v[i].pid, SIGKILL);
	proctree_free(v, n);
	assert_int_equal(unlink(mark), 0);
	start(mx);
	service_until(has_begun, mx, "the test's second begin");
	go(mx);
	arg[0] = (char *)(void *)mx;
	arg[1] = id;
	service_until(is_over, arg, "the run's end");
	stop(mx);
	free(id);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, open_manager, close_manager)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(it_tells_that_it_is_ready_busy_and_ending),
		T(it_gives_signs_of_life_while_it_is_alive),
		T(what_it_starts_knows_no_manager),
		T(a_socket_that_is_passed_is_served_and_left),
		T(without_one_it_makes_its_own),
		T(a_socket_that_others_can_use_is_refused),
		T(settings_are_read_again),
		T(a_bad_file_changes_nothing),
		T(a_stop_lets_what_runs_end),
		T(a_stop_waits_no_longer_than_it_may),
		T(a_second_term_does_not_wait),
		T(runs_go_on_after_a_watchdog_kill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
