/*
 * One user's two hundred connections do everything that is not meant: say nothing, speak a
 * byte at a time, flood, promise frames that are too long, make up ids, leave plans open.
 * Another's runs go on and are whole, whoever asks is answered, and the supervisor stays small.
 * Whoever reaches a bound is told so.  How fast all that is, `make bench BENCH=hostile` says.
 * Skipped where we are not root.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/msg.h"
#include "common/xalloc.h"
#include "ctl/client.h"
#include "tests/integ/hostile.h"
#include "tests/integ/users.h"

#define THE(state)							\
	(*(state) != NULL ? *(struct users **)(state) : (skip(), (struct users *)NULL))
#define QUESTIONS	50
#define MEMORY_MAX	(UINT64_C(512) << 20)	/* of the supervisor, resident */

/* ---- the hostile user ---- */

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
		hostile_be(u->socket, bob.uid, bob.gid, run, fds[1]);
	(void)close(fds[1]);
	assert_int_equal(read(fds[0], &c, 1), 1);
	(void)close(fds[0]);
	return pid;
}

/* ---- the others ---- */

static int
on_status(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	(void)id;
	if (type == MSG_STATUS_OK)
		*(uint64_t *)arg = m->status_ok.memory;
	return type == MSG_STATUS_OK;
}

/* Asks so often, on a connection of long ago: each question is answered, and the supervisor
 * is no larger than it may be. */
static void
ask(struct client *c)
{
	struct msg_status	m = { .has = 0 };
	struct client_error	e;
	uint64_t		memory = 0;

	for (int i = 0; i < QUESTIONS; i++) {
		if (client_request(c, MSG_STATUS, &m, on_status, &memory, &e) != 0)
			fail_msg("no answer: %s", e.text);
		if (memory > MEMORY_MAX)
			fail_msg("%llu bytes of memory", (unsigned long long)memory);
		(void)poll(NULL, 0, 1);
	}
}

/* All of a run of hers, whole: each test once, and its output. */
static void
run_many(struct users *u)
{
	struct ran	 r;
	json_t		*doc, *t;
	size_t		 i;

	AS(u, &alice, &r, "run", "--json", users_file(u, &alice, "many.yaml", "defaults: "
	    "{ timeout: 10m }\ntests:\n"
	    "  - { name: a, run: 'echo a' }\n  - { name: b, run: 'echo b' }\n"
	    "  - { name: c, run: 'echo c' }\n  - { name: d, run: 'echo d' }\n"
	    "  - { name: e, run: 'echo e' }\n  - { name: f, run: 'echo f' }\n"
	    "  - { name: g, run: 'echo g' }\n  - { name: h, run: 'echo h' }\n"));
	if (r.code != 0)
		fail_msg("%s %s", r.out, r.err);
	doc = ran_document(&r);
	assert_int_equal(ran_summary(doc, "passed"), 8);
	json_array_foreach(json_object_get(doc, "results"), i, t) {
		assert_int_equal(json_integer_value(json_object_get(t, "attempts")), 1);
		assert_int_equal(strlen(json_string_value(json_object_get(t, "output"))), 2);
		assert_int_equal(json_string_value(json_object_get(t, "output"))[0],
		    json_string_value(json_object_get(t, "name"))[0]);
	}
	json_decref(doc);
	ran_free(&r);
}

static void
others_go_on(void **state)
{
	struct users		*u = THE(state);
	struct client_error	 e;
	struct client		*c;
	struct ran		 r;
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
	pid = start_hostile(u, id);
	ask(c);
	run_many(u);
	ask(c);
	run_many(u);
	ask(c);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	/* Whose id they used has noticed nothing. */
	(void)users_file(u, &alice, "go", "");
	AS(u, &alice, &r, "watch", id);
	assert_int_equal(r.code, 0);
	ran_free(&r);
	client_close(c);
	free(id);
}

/* ---- each bound, reached by one who is told so ---- */

/* Does this as the hostile user in a process of its own; what it comes to, to be freed. */
static char *
as_bob(struct users *u, void (*f)(const char *socket_path, FILE *out))
{
	char	*text = xcalloc(1, 2000);
	int	 fds[2], status;
	size_t	 n;
	FILE	*f_in, *out;
	pid_t	 pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid != -1);
	if (pid == 0) {
		(void)signal(SIGPIPE, SIG_IGN);
		out = fdopen(fds[1], "w");
		if (setgroups(bob.ngroups, bob.groups) == -1 ||
		    setresgid(bob.gid, bob.gid, bob.gid) == -1 ||
		    setresuid(bob.uid, bob.uid, bob.uid) == -1)
			_exit(1);
		f(u->socket, out);
		(void)fflush(out);
		_exit(0);
	}
	(void)close(fds[1]);
	f_in = fdopen(fds[0], "r");
	n = fread(text, 1, 1999, f_in);
	text[n] = '\0';
	(void)fclose(f_in);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	return text;
}

static void
connect_too_often(const char *socket_path, FILE *out)
{
	struct client_error	e = { .code = 0 };
	int			n = 0;

	while (client_open(socket_path, false, &e) != NULL && n < 100)
		n++;
	(void)fprintf(out, "%d: %s", n, e.text);
}

static int
on_error(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	(void)id;
	if (type == MSG_ERROR)
		(void)fprintf(arg, SV_FMT, SV_ARG(m->error.text));
	return type == MSG_ERROR;
}

static void
send_too_much(const char *socket_path, FILE *out)
{
	struct client_error	 e = { .code = 0 };
	struct client		*c = client_open(socket_path, false, &e);
	char			 header[MSG_HEADER];

	msg_header(header, MSG_TEST_ADD, 9, 0x7fffffff);
	if (c != NULL && write(client_fd(c), header, sizeof header) == sizeof header)
		(void)client_next(c, now_ms() + SERVICE_DEADLINE_MS, -1, on_error, out, &e);
}

static void
assert_told(char *told, const char *part)
{
	if (strstr(told, part) == NULL)
		fail_msg("'%s' does not say '%s'", told, part);
	free(told);
}

/* Sets it, lets bob submit two tests of some length, and sets it back. */
static void
assert_plan_refused(struct users *u, const char *key, const char *value, const char *part)
{
	char		*suite = xcalloc(1, 200000), old[64];
	size_t		 n = (size_t)sprintf(suite, "tests:\n");
	struct ran	 r;

	for (int i = 0; i < 2; i++) {
		n += (size_t)sprintf(suite + n, "  - { name: %d, run: 'true ", i);
		memset(suite + n, 'x', 90000);
		n += 90000;
		n += (size_t)sprintf(suite + n, "' }\n");
	}
	AS(u, &root_user, &r, "config", "set", key, value);
	assert_int_equal(r.code, 0);
	assert_int_equal(sscanf(strstr(r.out, "(was "), "(was %60[^)]", old), 1);
	ran_free(&r);
	AS(u, &bob, &r, "run", users_file(u, &bob, "long.yaml", suite));
	assert_int_equal(r.code, 2);
	assert_told(xstrdup(r.err), part);
	ran_free(&r);
	AS(u, &root_user, &r, "config", "set", key, old);
	assert_int_equal(r.code, 0);
	ran_free(&r);
	free(suite);
}

static void
every_bound_is_told(void **state)
{
	struct users	*u = THE(state);
	struct ran	 r;

	assert_told(as_bob(u, connect_too_often), "16: you have 16 clients connected, which is "
	    "what user-connections allows one user");
	assert_told(as_bob(u, send_too_much), "what the client sent cannot be taken: a body is too "
	    "long for its type");
	assert_plan_refused(u, "max-plan", "64K", "the plan passes the bound of 500000 tests or "
	    "65536 bytes");
	assert_plan_refused(u, "max-tests", "1", "the plan passes the bound of 1 tests");
	assert_plan_refused(u, "user-tests", "1", "that user-tests allows one user");
	assert_plan_refused(u, "user-memory", "64K", "that user-memory allows one user");
	AS(u, &bob, &r, "run", "--detach", "--", "sleep", "1000");
	assert_int_equal(r.code, 0);
	ran_free(&r);
	assert_plan_refused(u, "user-runs", "1", "you have 1 active runs, which is what user-runs "
	    "allows one user");
	assert_plan_refused(u, "max-runs", "1", "too many runs are active");
	run_many(u);		/* and nobody else noticed */
}

/* When all places are taken, who administers it can still see to that. */
static void
an_administrator_comes_in(void **state)
{
	struct users		*u = THE(state);
	struct client_error	 e = { .code = 0 };
	struct client		*c[4];
	struct ran		 r;

	AS(u, &root_user, &r, "config", "set", "max-connections", "4");
	assert_int_equal(r.code, 0);
	ran_free(&r);
	assert_told(as_bob(u, connect_too_often), "2: you have 2 clients connected, which is half "
	    "of max-connections");
	for (int i = 0; i < 4; i++) {
		c[i] = client_open(u->socket, false, &e);
		assert_non_null(c[i]);
	}
	AS(u, &alice, &r, "ping");
	assert_int_equal(r.code, 2);
	assert_non_null(strstr(r.err, "too many clients are connected"));
	ran_free(&r);
	AS(u, &root_user, &r, "config", "set", "max-connections", "64");
	assert_int_equal(r.code, 0);
	ran_free(&r);
	AS(u, &alice, &r, "ping");
	assert_int_equal(r.code, 0);
	ran_free(&r);
	for (int i = 0; i < 4; i++)
		client_close(c[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(others_go_on, users_setup, users_teardown),
		cmocka_unit_test_setup_teardown(every_bound_is_told, users_setup, users_teardown),
		cmocka_unit_test_setup_teardown(an_administrator_comes_in, users_setup,
		    users_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
