/*
 * One user's two hundred connections do everything that is not meant: say nothing, speak a
 * byte at a time, flood, promise frames that are too long, make up ids, leave plans open.
 * Another's runs go on, and whoever asks is answered.  What it took is printed; what is
 * asserted holds however slow the machine is.  Skipped where we are not root.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "common/clock.h"
#include "common/msg.h"
#include "common/xalloc.h"
#include "ctl/client.h"
#include "tests/integ/users.h"

#define THE(state)	(*(state) != NULL ? *(struct users **)(state) : (skip(), (struct users *)NULL))
#define CLIENTS		200
#define PINGS		50
#define MEMORY_MAX	(UINT64_C(512) << 20)	/* of the supervisor, resident */

/* ---- the hostile user ---- */

enum way { SILENT, SLOW, FLOOD, FLOOD_DEAF, OVERSIZED, FORGED, OPEN_PLAN, CHURN, N_WAYS };

struct hostile {
	enum way	 way;
	int		 fd;
	struct evbuffer	*out;
	size_t		 slow;		/* bytes said so far */
};

static void
greet(struct evbuffer *out)
{
	struct msg_hello	m = { .version = MSG_VERSION, .program = SV_LIT("hostile") };

	(void)msg_put(out, MSG_HELLO, 1, &m);
}

static void
flood(struct evbuffer *out)
{
	struct msg_status	m = { .has = 0 };

	for (int i = 0; i < 1000; i++)
		(void)msg_put(out, MSG_STATUS, 2, &m);
}

/* The id of another's run, those of none, and its first digit. */
static void
forge(struct evbuffer *out, const char *run)
{
	char				 id[33];
	struct msg_run_cancel		 cancel = { .kill = true };
	struct msg_run_watch		 watch = { .own = true };
	struct msg_output_read		 output = { .test = SV_LIT("t") };
	struct msg_plan_read		 plan = { .has = 0 };

	for (int i = 0; i < 16; i++) {
		(void)snprintf(id, sizeof id, "%s", run);
		if (i > 1)
			(void)snprintf(id, sizeof id, "%08x%08x%08x%08x", rand(), rand(), rand(), rand());
		id[i == 1 ? 1 : 32] = '\0';
		cancel.run = watch.run = output.run = plan.run = sv_from(id);
		(void)msg_put(out, MSG_RUN_CANCEL, 3, &cancel);
		(void)msg_put(out, MSG_RUN_WATCH, 4, &watch);
		(void)msg_put(out, MSG_OUTPUT_READ, 5, &output);
		(void)msg_put(out, MSG_PLAN_READ, 6, &plan);
	}
}

static void
open_plan(struct evbuffer *out, int more)
{
	static char		text[100000];
	const struct sv		argv[] = { { text, sizeof text } };
	struct msg_run_begin	begin = { .jobs = 1 };
	struct msg_test_add	add = { .argv = { argv, 1 }, .cwd = SV_LIT("/") };
	char			name[32];

	memset(text, 'x', sizeof text);
	if (!more)
		(void)msg_put(out, MSG_RUN_BEGIN, 7, &begin);
	(void)snprintf(name, sizeof name, "%d", rand());
	add.name = sv_from(name);
	(void)msg_put(out, MSG_TEST_ADD, 8, &add);
}

static void
promise_too_much(struct evbuffer *out)
{
	char	header[MSG_HEADER], junk[4096];

	msg_header(header, MSG_TEST_ADD, 9, 0x7fffffff);
	memset(junk, 0xff, sizeof junk);
	(void)evbuffer_add(out, header, sizeof header);
	(void)evbuffer_add(out, junk, sizeof junk);
}

/* What it says next, when all before was taken. */
static void
speak(struct hostile *h, const char *run, int fresh)
{
	if (fresh && h->way != SILENT)
		greet(h->out);
	switch (h->way) {
	case SILENT:
	case CHURN:
	case N_WAYS:
		break;
	case SLOW:
		flood(h->out);
		break;
	case FLOOD:
	case FLOOD_DEAF:
		flood(h->out);
		break;
	case OVERSIZED:
		promise_too_much(h->out);
		break;
	case FORGED:
		forge(h->out, run);
		break;
	case OPEN_PLAN:
		open_plan(h->out, !fresh);
		break;
	}
}

static void
dial(struct hostile *h, const struct sockaddr_un *sa, const char *run)
{
	h->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (h->fd == -1 || connect(h->fd, (const struct sockaddr *)sa, sizeof *sa) == -1) {
		if (h->fd != -1)
			(void)close(h->fd);
		h->fd = -1;
		return;
	}
	(void)evbuffer_drain(h->out, evbuffer_get_length(h->out));
	speak(h, run, 1);
}

static void
hang_up(struct hostile *h)
{
	(void)close(h->fd);
	h->fd = -1;
}

/* One step of one of them. */
static void
step(struct hostile *h, const struct sockaddr_un *sa, const char *run, short revents)
{
	char	buf[65536];
	ssize_t	n;

	if (h->fd == -1) {
		dial(h, sa, run);
		return;
	}
	if (h->way == CHURN || revents & (POLLHUP | POLLERR)) {
		hang_up(h);
		return;
	}
	if (h->way != FLOOD_DEAF && revents & POLLIN &&
	    (n = read(h->fd, buf, sizeof buf)) <= 0 && (n == 0 || errno != EAGAIN)) {
		hang_up(h);
		return;
	}
	if (h->way == SILENT)
		return;
	if (h->way == SLOW)
		(void)evbuffer_write_atmost(h->out, h->fd, 1);
	else
		(void)evbuffer_write(h->out, h->fd);
	if (evbuffer_get_length(h->out) == 0)
		speak(h, run, 0);
}

static void __attribute__((noreturn))
be_hostile(const char *socket_path, const char *run, int go)
{
	struct sockaddr_un	sa = { .sun_family = AF_UNIX };
	struct hostile		all[CLIENTS];
	struct pollfd		p[CLIENTS];

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)snprintf(sa.sun_path, sizeof sa.sun_path, "%s", socket_path);
	if (setgroups(bob.ngroups, bob.groups) == -1 || setresgid(bob.gid, bob.gid, bob.gid) == -1 ||
	    setresuid(bob.uid, bob.uid, bob.uid) == -1)
		_exit(1);
	for (int i = 0; i < CLIENTS; i++) {
		all[i] = (struct hostile){ .way = (enum way)(i % N_WAYS), .fd = -1,
		    .out = evbuffer_new() };
		dial(&all[i], &sa, run);
	}
	(void)write(go, "", 1);
	(void)close(STDOUT_FILENO);
	(void)close(STDERR_FILENO);
	for (msec_t end = now_ms() + SERVICE_DEADLINE_MS; now_ms() < end;) {
		for (int i = 0; i < CLIENTS; i++)
			p[i] = (struct pollfd){ .fd = all[i].fd, .events = POLLIN };
		(void)poll(p, CLIENTS, 1);
		for (int i = 0; i < CLIENTS; i++)
			step(&all[i], &sa, run, p[i].revents);
	}
	_exit(0);
}

static pid_t
start_hostile(struct users *u, const char *run)
{
	int	fds[2];
	char	c;
	pid_t	pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid != -1);
	if (pid == 0)
		be_hostile(u->socket, run, fds[1]);
	(void)close(fds[1]);
	assert_int_equal(read(fds[0], &c, 1), 1);
	(void)close(fds[0]);
	return pid;
}

/* ---- the others ---- */

static int
by_size(const void *a, const void *b)
{
	const uint64_t	*x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int
on_status(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	(void)id;
	if (type == MSG_STATUS_OK)
		*(uint64_t *)arg = m->status_ok.memory;
	return type == MSG_STATUS_OK;
}

/* Asks so often, each a connection of long ago; the largest memory that was told. */
static uint64_t
ping(struct client *c, const char *when)
{
	struct msg_status	m = { .has = 0 };
	struct client_error	e;
	uint64_t		took[PINGS], memory = 0, most = 0, start;

	for (int i = 0; i < PINGS; i++) {
		start = now_us();
		if (client_request(c, MSG_STATUS, &m, on_status, &memory, &e) != 0)
			fail_msg("no answer: %s", e.text);
		took[i] = now_us() - start;
		most = memory > most ? memory : most;
		(void)poll(NULL, 0, 1);
	}
	qsort(took, PINGS, sizeof took[0], by_size);
	print_message("%s: an answer takes %.2f ms (median), %.2f ms (the slowest); %.1f MiB\n", when,
	    (double)took[PINGS / 2] / 1000, (double)took[PINGS - 1] / 1000,
	    (double)most / (1 << 20));
	return most;
}

static void
run_many(struct users *u, const char *when)
{
	uint64_t	 start = now_us();
	struct ran	 r;
	json_t		*doc;

	AS(u, &alice, &r, "run", "--json", users_file(u, &alice, "many.yaml", "tests:\n"
	    "  - { name: a, run: 'true' }\n  - { name: b, run: 'true' }\n"
	    "  - { name: c, run: 'true' }\n  - { name: d, run: 'true' }\n"
	    "  - { name: e, run: 'true' }\n  - { name: f, run: 'true' }\n"
	    "  - { name: g, run: 'true' }\n  - { name: h, run: 'true' }\n"));
	if (r.code != 0)
		fail_msg("%s: %s %s", when, r.out, r.err);
	doc = ran_document(&r);
	assert_int_equal(ran_summary(doc, "passed"), 8);
	json_decref(doc);
	ran_free(&r);
	print_message("%s: a run of 8 tests takes %.1f ms\n", when, (double)(now_us() - start) / 1000);
}

static void
others_go_on(void **state)
{
	struct users		*u = THE(state);
	struct client_error	 e;
	struct client		*c;
	struct ran		 r;
	uint64_t		 memory;
	char			*id;
	pid_t			 pid;
	int			 status;

	AS(u, &root_user, &r, "config", "set", "max-plan", "32M");
	assert_int_equal(r.code, 0);
	ran_free(&r);
	AS(u, &alice, &r, "run", "--detach", users_file(u, &alice, "s.yaml", "tests:\n"
	    "  - { name: t, run: 'while [ ! -e go ]; do sleep 0.05; done' }\n"));
	assert_int_equal(r.code, 0);
	id = xstrndup(r.out, strcspn(r.out, "\n"));
	ran_free(&r);
	c = client_open(u->socket, false, &e);
	assert_non_null(c);
	(void)ping(c, "alone");
	run_many(u, "alone");
	pid = start_hostile(u, id);
	memory = ping(c, "beside 200");
	for (int i = 0; i < 2; i++)
		run_many(u, "beside 200");
	memory = memory > ping(c, "beside 200") ? memory : ping(c, "beside 200");
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	if (memory > MEMORY_MAX)
		fail_msg("%llu bytes of memory", (unsigned long long)memory);
	/* Whose id they used has noticed nothing. */
	(void)users_file(u, &alice, "go", "");
	AS(u, &alice, &r, "watch", id);
	assert_int_equal(r.code, 0);
	ran_free(&r);
	client_close(c);
	free(id);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(others_go_on, users_setup, users_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
