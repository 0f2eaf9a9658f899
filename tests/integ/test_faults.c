/* What happens when something is killed, stopped, leaves, or does not read. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/proctree.h"
#include "common/xalloc.h"
#include "ctl/client.h"
#include "tests/integ/service.h"

static struct service	service;

static int
start(void **state)
{
	(void)state;
	service_start(&service);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	service_stop(&service);
	return 0;
}

static char *
numbers(int n)
{
	char	*list = xcalloc((size_t)n, 8), *p = list;

	for (int i = 0; i < n; i++)
		p += snprintf(p, 8, "%d\n", i);
	return list;
}

/* Every test of the document exactly once, and passed. */
static void
assert_all_passed(const struct ran *r, int n)
{
	json_t	*doc = ran_document(r), *results = json_object_get(doc, "results"), *t;
	char	*seen = xcalloc((size_t)n, 1);
	size_t	 i;

	assert_int_equal(ran_summary(doc, "passed"), n);
	assert_int_equal(json_array_size(results), n);
	json_array_foreach(results, i, t) {
		int	k = atoi(json_string_value(json_object_get(t, "name")));

		assert_true(k >= 0 && k < n);
		assert_int_equal(seen[k]++, 0);
	}
	free(seen);
	json_decref(doc);
}

/* ---- workers ---- */

struct chaos {
	unsigned	left;		/* workers to hit */
	int		sig;
	uint32_t	random;
};

/* Hits one worker at random; true when enough were hit, or the client ended. */
static bool
hit_worker(struct chaos *c)
{
	struct proc_entry	*v;
	size_t			 n, k = 0;
	pid_t			 workers[64];

	assert_int_equal(proctree_list(service.pid, &v, &n), 0);
	for (size_t i = 0; i < n; i++) {
		if (v[i].parent == service.pid && strstr(v[i].argv, "paratest-worker") != NULL &&
		    k < 64)
			workers[k++] = v[i].pid;
	}
	proctree_free(v, n);
	c->random = c->random * 1103515245 + 12345;
	if (k > 0) {
		(void)kill(workers[(c->random >> 8) % k], c->sig);
		c->left--;
	}
	return c->left == 0;
}

static void
chaos_run(int n, struct chaos c, unsigned pause_ms)
{
	char		*list = numbers(n);
	const char	*args[] = { "run", "--json", "-j4", "--each", "sh -c 'sleep 0.01' {}",
	    NULL };
	pid_t		 pid = service_spawn(&service, list, args);
	struct ran	 r;

	print_message("seed %u\n", c.random);
	while (service_alive(pid) && !hit_worker(&c))
		(void)poll(NULL, 0, (int)pause_ms);
	service_wait(&service, pid, &r);
	if (r.code != 0)
		fail_msg("exit %d: %s", r.code, r.err);
	assert_all_passed(&r, n);
	ran_free(&r);
	free(list);
}

static void
test_workers_killed(void **state)
{
	struct chaos	c = { .left = 25, .sig = SIGKILL, .random = (uint32_t)getpid() };

	(void)state;
	chaos_run(2000, c, 100);
}

static void
test_workers_stopped(void **state)
{
	/* Each costs three heartbeats; with others at work all the while. */
	struct chaos	c = { .left = 4, .sig = SIGSTOP, .random = (uint32_t)getpid() };

	(void)state;
	chaos_run(600, c, 300);
}

/* A worker that is gone each time its test runs: the fourth loss is the last. */
static void
test_lost_for_good(void **state)
{
	struct ran	 r;
	json_t		*doc, *t;

	(void)state;
	CTL(&service, &r, NULL, "run", "--json", "--", "sh", "-c", "kill -9 $PPID; sleep 60");
	assert_int_equal(r.code, 8);
	doc = ran_document(&r);
	t = json_array_get(json_object_get(doc, "results"), 0);
	assert_string_equal(json_string_value(json_object_get(t, "status")), "error");
	assert_string_equal(json_string_value(json_object_get(json_object_get(t, "error"),
	    "category")), "infrastructure");
	assert_int_equal(json_integer_value(json_object_get(t, "attempts")), 4);
	json_decref(doc);
	ran_free(&r);
}

/* ---- the supervisor ---- */

/* A file that a test makes when it runs. */
static int
is_there(void *path)
{
	struct stat	st;

	return stat(path, &st) == 0;
}

/* Killed with -9: workers and all they started are gone, the client says so. */
static void
test_supervisor_killed(void **state)
{
	char		*mark;
	const char	*args[] = { "run", "--", "sh", "-c",
	    "setsid sh -c 'trap \"\" TERM HUP; sleep 300 & sleep 301' & touch $MARK; sleep 302",
	    NULL };
	struct ran	 r;
	pid_t		 pid;

	(void)state;
	service_start(&service);
	mark = xasprintf("%s/mark", service.dir);
	(void)setenv("MARK", mark, 1);
	pid = service_spawn(&service, NULL, args);
	service_until(is_there, mark, "the test runs");
	assert_int_equal(kill(service.pid, SIGKILL), 0);
	service_wait(&service, pid, &r);
	assert_int_equal(r.code, 8);
	assert_non_null(strstr(r.err, "supervisor"));
	ran_free(&r);
	free(mark);
	service_gone(&service);
}

/* ---- clients ---- */

/* Is there no active run? */
static int
idle(void *arg)
{
	struct ran	 r;
	json_t		*doc;
	int		 n;

	(void)arg;
	CTL(&service, &r, NULL, "status", "--json");
	doc = ran_document(&r);
	n = (int)json_integer_value(json_object_get(doc, "activeRuns"));
	json_decref(doc);
	ran_free(&r);
	return n == 0;
}

static char *
spawn_marked(pid_t *ret, const char *option)
{
	char		*mark = xasprintf("%s/mark.%llu", service.dir,
	    (unsigned long long)now_us());
	const char	*args[] = { "run", "--grace", "300ms", option, "--", "sh", "-c",
	    "trap 'echo got TERM' TERM; touch $MARK; while :; do sleep 0.1; done", NULL };

	(void)setenv("MARK", mark, 1);
	*ret = service_spawn(&service, NULL, args);
	service_until(is_there, mark, "the test runs");
	return mark;
}

static void
test_client_killed(void **state)
{
	struct ran	 r;
	pid_t		 pid;

	(void)state;
	free(spawn_marked(&pid, "--quiet"));
	assert_int_equal(kill(pid, SIGKILL), 0);
	service_wait(&service, pid, &r);
	ran_free(&r);
	service_until(idle, NULL, "the run of a dead client ends");
	CTL(&service, &r, NULL, "show", "--json");
	json_t	*doc = ran_document(&r);

	assert_string_equal(json_string_value(json_object_get(doc, "status")), "cancelled");
	json_decref(doc);
	ran_free(&r);
}

static void
test_interrupted(void **state)
{
	struct ran	 r;
	pid_t		 pid;

	(void)state;
	/* once: with grace, the test hears TERM */
	free(spawn_marked(&pid, "--quiet"));
	assert_int_equal(kill(pid, SIGINT), 0);
	service_wait(&service, pid, &r);
	assert_int_equal(r.code, 130);
	ran_free(&r);
	CTL(&service, &r, NULL, "show", "--json");
	assert_non_null(strstr(r.out, "got TERM"));
	ran_free(&r);
	/* twice: at once, whatever the grace */
	char		*mark = xasprintf("%s/twice", service.dir);
	const char	*args[] = { "run", "--grace", "1h", "--", "sh", "-c",
	    "trap '' TERM; touch $MARK; while :; do sleep 0.1; done", NULL };

	(void)setenv("MARK", mark, 1);
	pid = service_spawn(&service, NULL, args);
	service_until(is_there, mark, "the test runs");
	assert_int_equal(kill(pid, SIGINT), 0);
	(void)poll(NULL, 0, 50);	/* two signals, not one that was merged */
	assert_int_equal(kill(pid, SIGINT), 0);
	service_wait(&service, pid, &r);
	assert_int_equal(r.code, 130);
	ran_free(&r);
	free(mark);
}

static void
test_detach_and_watch(void **state)
{
	char		 id[64], *mark = xasprintf("%s/go", service.dir);
	const char	*args[] = { "watch", NULL };
	struct ran	 r;
	json_t		*doc;
	pid_t		 pid;

	(void)state;
	(void)setenv("MARK", mark, 1);
	CTL(&service, &r, "1\n2\n3\n", "run", "--detach", "-j2", "--each",
	    "sh -c 'while ! test -e $MARK; do sleep 0.02; done; exit 0' {}");
	assert_int_equal(r.code, 0);
	assert_int_equal(sscanf(r.out, "%32[0-9a-f]", id), 1);
	ran_free(&r);
	/* A watcher that leaves does not end it. */
	pid = service_spawn(&service, NULL, args);
	(void)poll(NULL, 0, 100);
	assert_int_equal(kill(pid, SIGINT), 0);
	service_wait(&service, pid, &r);
	assert_int_equal(r.code, 130);
	ran_free(&r);
	assert_false(idle(NULL));
	CTL(&service, &r, NULL, "show", "--json", id);
	doc = ran_document(&r);
	assert_string_equal(json_string_value(json_object_get(doc, "status")), "running");
	json_decref(doc);
	ran_free(&r);
	/* The next one sees all of it, from the start to the end. */
	id[8] = '\0';
	const char	*again[] = { "watch", "--events", id, NULL };

	pid = service_spawn(&service, NULL, again);
	(void)fclose(fopen(mark, "we"));
	service_wait(&service, pid, &r);
	assert_int_equal(r.code, 0);
	assert_non_null(strstr(r.out, "\"run.started\""));
	assert_non_null(strstr(r.out, "\"run.finished\""));
	uint64_t	seq = 0;

	for (char *line = strtok(r.out, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		doc = json_loads(line, 0, NULL);
		assert_non_null(doc);
		assert_int_equal(json_integer_value(json_object_get(doc, "seq")), ++seq);
		json_decref(doc);
	}
	/* start and end of the run, and three events for each of its tests */
	assert_int_equal(seq, 2 + 3 * 3);
	ran_free(&r);
	/* Who was cut off goes on where it stopped. */
	CTL(&service, &r, NULL, "watch", "--events", "--since", "7", id);
	doc = json_loads(strtok(r.out, "\n"), 0, NULL);
	assert_int_equal(json_integer_value(json_object_get(doc, "seq")), 7);
	json_decref(doc);
	ran_free(&r);
	free(mark);
}

static void
test_cancel(void **state)
{
	char		 id[64];
	struct ran	 r;

	(void)state;
	CTL(&service, &r, "1\n2\n3\n4\n5\n", "run", "--detach", "-j2", "--grace", "0", "--each",
	    "sleep 10{}");
	assert_int_equal(sscanf(r.out, "%32[0-9a-f]", id), 1);
	ran_free(&r);
	CTL(&service, &r, NULL, "cancel", id);
	assert_int_equal(r.code, 0);
	ran_free(&r);
	CTL(&service, &r, NULL, "watch", "--json", id);
	assert_int_equal(r.code, 1);
	json_t	*doc = ran_document(&r);

	assert_int_equal(ran_summary(doc, "cancelled"), 5);
	json_decref(doc);
	ran_free(&r);
	CTL(&service, &r, NULL, "cancel", "feedfeed");
	assert_int_equal(r.code, 2);
	assert_non_null(strstr(r.err, "no run 'feedfeed'"));
	ran_free(&r);
}

static int
first_frame(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	(void)arg;
	(void)type;
	(void)id;
	(void)m;
	return 1;
}

/* A client that never reads: others go on, and it is dropped in the end. */
static void
test_stuck_client(void **state)
{
	struct client_error	 e;
	struct client		*c;
	struct msg_run_watch	 watch = { .no_follow = false };
	char			*list = numbers(1500);
	struct ran		 r;

	(void)state;
	CTL(&service, &r, NULL, "config", "set", "lag", "64K");
	assert_int_equal(r.code, 0);
	ran_free(&r);
	CTL(&service, &r, NULL, "config", "set", "lag-timeout", "1s");
	ran_free(&r);
	/* Much more than the sockets between them hold. */
	CTL(&service, &r, list, "run", "--detach", "-j4", "--each", "printf %02000d {}");
	assert_int_equal(r.code, 0);
	ran_free(&r);
	c = client_open(service.socket, false, &e);
	assert_non_null(c);
	assert_int_equal(client_send(c, MSG_RUN_WATCH, &watch, NULL), 0);
	/* Reads the beginning of the answer, and then nothing more. */
	assert_int_equal(client_next(c, now_ms() + SERVICE_DEADLINE_MS, -1, first_frame, NULL, &e),
	    1);
	service_until(idle, NULL, "the run goes on beside a stuck client");
	CTL(&service, &r, NULL, "show", "--json");
	assert_all_passed(&r, 1500);
	ran_free(&r);
	client_close(c);
	free(list);
}

/* ---- two clients find one supervisor ---- */

static void
test_private_start(void **state)
{
	char		 dir[] = "/tmp/paratest-integ.XXXXXX";
	struct ran	 r[4];
	pid_t		 pid[4];
	char		*sup[4];
	const char	*args[] = { "run", "--json", "--", "sh", "-c",
	    "cut -d' ' -f4 /proc/$PPID/stat", NULL };

	(void)state;
	/* The harness's own folder, without its supervisor and its --socket. */
	assert_non_null(mkdtemp(dir));
	memset(&service, 0, sizeof service);
	(void)snprintf(service.dir, sizeof service.dir, "%s", dir);
	(void)setenv("XDG_RUNTIME_DIR", dir, 1);
	(void)setenv("TMPDIR", dir, 1);
	for (int i = 0; i < 4; i++)
		pid[i] = service_spawn(&service, NULL, args);
	for (int i = 0; i < 4; i++) {
		service_wait(&service, pid[i], &r[i]);
		if (r[i].code != 0)
			fail_msg("exit %d: %s%s", r[i].code, r[i].out, r[i].err);
		json_t	*doc = ran_document(&r[i]);

		sup[i] = xstrdup(json_string_value(json_object_get(json_array_get(
		    json_object_get(doc, "results"), 0), "output")));
		json_decref(doc);
		assert_string_equal(sup[i], sup[0]);
		ran_free(&r[i]);
	}
	CTL(&service, &r[0], NULL, "shutdown");
	assert_int_equal(r[0].code, 0);
	ran_free(&r[0]);
	for (int i = 0; i < 4; i++)
		free(sup[i]);
	service_gone(&service);
	(void)unsetenv("XDG_RUNTIME_DIR");
	(void)unsetenv("TMPDIR");
}

/* ---- wrong calls ---- */

static void
test_wrong_calls(void **state)
{
	static const struct {
		const char	*args[6];
		int		 code;
		const char	*say;
	} cases[] = {
		{ { "run" }, 2, "no suite" },
		{ { "run", "/no/such.yaml" }, 2, "/no/such.yaml" },
		{ { "run", "/no/such.yaml", "--", "true" }, 2, "do not go together" },
		{ { "run", "--" }, 2, "no suite and no command" },
		{ { "run", "--jobs", "many", "--", "true" }, 2, "--jobs" },
		{ { "run", "--timeout", "soon", "--", "true" }, 2, "--timeout" },
		{ { "run", "--no-such-option" }, 2, "--help" },
		{ { "run", "--shard", "3/2", "--", "true" }, 2, "--shard" },
		{ { "run", "-E", "name(", "--", "true" }, 2, "name(" },
		{ { "run", "-E", "name(nothing)", "--", "true" }, 4, "no test" },
		{ { "runn" }, 2, "did you mean 'run'" },
		{ { "show", "feedfeed" }, 2, "no run 'feedfeed'" },
		{ { "output", "feedfeed", "x" }, 2, "no run" },
		{ { "config", "set", "jobs", "many" }, 2, "jobs" },
		{ { "config", "get", "jbos" }, 2, "no setting 'jbos'" },
		{ { "--socket", "/no/such.sock", "status" }, 3, "/no/such.sock" },
	};
	struct ran	r;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		service_ctl(&service, &r, NULL, cases[i].args);
		if (r.code != cases[i].code || strstr(r.err, cases[i].say) == NULL || r.out_len > 0)
			fail_msg("case %zu: exit %d, out <%s>, err <%s>", i, r.code, r.out, r.err);
		ran_free(&r);
	}
	CTL(&service, &r, NULL, "runs");
	assert_string_equal(r.out, "no runs yet\n");
	ran_free(&r);
}

int
main(void)
{
#define TEST(f)	cmocka_unit_test_setup_teardown(f, start, stop)
	const struct CMUnitTest	tests[] = {
		TEST(test_workers_killed), TEST(test_workers_stopped), TEST(test_lost_for_good),
		cmocka_unit_test(test_supervisor_killed), TEST(test_client_killed),
		TEST(test_interrupted), TEST(test_detach_and_watch), TEST(test_cancel),
		TEST(test_stuck_client), cmocka_unit_test(test_private_start),
		TEST(test_wrong_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
