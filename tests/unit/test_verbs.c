/*
 * The verbs that ask the history, as they are used: options in, exit code and
 * standard output out, against a process that answers with what a store would.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "common/figures.h"
#include "common/history.h"
#include "common/outcome.h"
#include "ctl/cmd.h"
#include "ctl/metrics.h"

#define LIMIT	60	/* seconds, for each process */
#define RUN_A	"5f3a9c1e0d7b4826a1c2e3f405162738"
#define RUN_B	"77aa9c1e0d7b4826a1c2e3f405162738"
#define START	UINT64_C(1700000000000)

struct rig {
	char	dir[64], path[96], out[96], err[96];
	pid_t	server;
	char	written[65536], said[4096];
};

static const uint64_t figures[FIGURE_COUNT] = { [FIGURE_USER_US] = 1500,
    [FIGURE_TREE_PEAK] = 3 << 20, [FIGURE_TREE_SOURCE] = SOURCE_PROCFS,
    [FIGURE_PROCESSES] = 4 };

static void
put_attempts(struct evbuffer *out, uint32_t id, const struct msg_history *q)
{
	struct msg_attempt_row	row = { .run = SV_LIT(RUN_A), .test = q->test,
	    .suite = SV_LIT("net"), .attempt = 2, .outcome = OUTCOME_PASS, .start_ms = START,
	    .duration_us = 12500, .cpu_us = 3000, .max_rss = 1 << 20,
	    .figures = { figures, FIGURE_COUNT } };
	struct msg_end_of	end = { .truncated = true };

	if (sv_is(q->test, "unknown")) {
		end.truncated = false;
	} else {
		(void)msg_put_attempt_row(out, id, &row);
		row.attempt = 1;
		row.outcome = OUTCOME_FAIL;
		row.exit_code = 3;
		row.has = MSG_BIT(attempt_row, exit_code);
		row.error_message = SV_LIT("refused\nat the door");
		row.fingerprint = 0xab;
		row.decision = RETRY_BREAKER;
		row.reason = SV_LIT("breaker open");
		(void)msg_put_attempt_row(out, id, &row);
	}
	(void)msg_put_end_of(out, id, &end);
}

static void
put_metrics(struct evbuffer *out, uint32_t id, const struct msg_metrics *q)
{
	static const uint64_t	duration[STAT_COUNT] = { [STAT_LAST] = 2500000,
	    [STAT_MEAN] = 2000000, [STAT_P50] = 2000000, [STAT_P95] = 2400000,
	    [STAT_BASE] = 1000000, [STAT_MAD] = 10000, [STAT_NEW] = 2500000 };
	static const uint64_t	memory[STAT_COUNT] = { [STAT_LAST] = 64 << 20 };
	struct msg_metric_row	row = { .test = SV_LIT("a \"b\"\\,\nc"), .suite = SV_LIT("net"),
	    .attempts = 10, .passes = 7, .failures = 2, .flaky = 1, .last_run = SV_LIT(RUN_A),
	    .last_ms = START, .last_outcome = OUTCOME_CRASH,
	    .duration = { duration, STAT_COUNT }, .memory = { memory, STAT_COUNT },
	    .max_rss = 32 << 20, .sessions = 2, .wasted_us = 1500000, .total_us = 20000000,
	    .regressed = 1 << METRIC_DURATION };
	struct msg_metric_sum	sum = { .tests = 2, .attempts = 12, .runs = 5, .passes = 9,
	    .last_us = 2600000, .last_memory = 80 << 20, .peak_memory = 64 << 20, .sessions = 2,
	    .wasted_us = 1500000, .idle_us = 500000, .total_us = 21000000, .regressed = 1,
	    .flaky = 1 };
	struct msg_end_of	end = { .has = 0 };

	if (!sv_is(q->test, "unknown"))
		(void)msg_put_metric_row(out, id, &row);
	if (!q->regressed && q->test.n == 0) {
		row = (struct msg_metric_row){ .test = SV_LIT("quick"), .attempts = 2,
		    .passes = 2 };
		(void)msg_put_metric_row(out, id, &row);
	}
	(void)msg_put_metric_sum(out, id, &sum);
	(void)msg_put_end_of(out, id, &end);
}

/* The same run from memory and from the history, and the order of the latter. */
static void
put_runs(struct evbuffer *out, uint32_t id)
{
	struct msg_run_row	row = { .run = SV_LIT(RUN_A), .name = SV_LIT("first"),
	    .status = RUN_RUNNING, .start_ms = START };
	struct msg_end_of	end = { .has = 0 };

	(void)msg_put_run_row(out, id, &row);
	row.run = SV_LIT(RUN_B);
	row.name = SV_LIT("newest");
	row.start_ms = START + 5;
	(void)msg_put_run_row(out, id, &row);
	row.run = SV_LIT(RUN_A);
	row.name = SV_LIT("twice");
	row.start_ms = START;
	row.status = RUN_PASSED;
	(void)msg_put_run_row(out, id, &row);
	(void)msg_put_end_of(out, id, &end);
}

/* Of `jobs` it says what was, of anything else only OK. */
static void
put_setting(struct evbuffer *out, uint32_t id, const struct msg_config_set *q)
{
	struct msg_config_row	row = { .key = q->key, .value = q->value,
	    .previous = SV_LIT("5m"), .persistent = q->persist };
	struct msg_end_of	end = { .has = 0 };
	struct msg_ok		ok = { .has = 0 };

	if (!sv_is(q->key, "timeout")) {
		(void)msg_put_ok(out, id, &ok);
		return;
	}
	(void)msg_put_config_row(out, id, &row);
	(void)msg_put_end_of(out, id, &end);
}

static int
answer(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct evbuffer		*out = arg;
	struct msg_hello_ok	 hello = { .version = MSG_VERSION, .program = SV_LIT("x"),
	    .pid = 1 };

	switch (type) {
	case MSG_HELLO:
		(void)msg_put_hello_ok(out, id, &hello);
		break;
	case MSG_HISTORY:
		put_attempts(out, id, &m->history);
		break;
	case MSG_METRICS:
		put_metrics(out, id, &m->metrics);
		break;
	case MSG_RUN_LIST:
		put_runs(out, id);
		break;
	case MSG_CONFIG_SET:
		put_setting(out, id, &m->config_set);
		break;
	default:
		_exit(3);
	}
	return 0;
}

/* One client, until it leaves. */
static void
serve(int listener)
{
	struct evbuffer		*in = evbuffer_new(), *out = evbuffer_new();
	struct msg_reader	*reader = msg_reader_new();
	const char		*why;
	int			 fd = accept(listener, NULL, NULL);

	(void)alarm(LIMIT);
	while (fd >= 0 && evbuffer_read(in, fd, -1) > 0) {
		if (msg_drain(in, MSG_DIR_C2S, reader, answer, out, &why) != 0)
			_exit(4);
		while (evbuffer_get_length(out) > 0 && evbuffer_write(out, fd) > 0)
			;
	}
	_exit(0);
}

static int
setup(void **state)
{
	struct rig	*rig = calloc(1, sizeof *rig);

	assert_non_null(rig);
	(void)strcpy(rig->dir, "/tmp/paratest-verbs.XXXXXX");
	assert_non_null(mkdtemp(rig->dir));
	(void)snprintf(rig->path, sizeof rig->path, "%s/s", rig->dir);
	(void)snprintf(rig->out, sizeof rig->out, "%s/out", rig->dir);
	(void)snprintf(rig->err, sizeof rig->err, "%s/err", rig->dir);
	*state = rig;
	return 0;
}

static int
teardown(void **state)
{
	struct rig	*rig = *state;
	char		 file[96];

	(void)snprintf(file, sizeof file, "%s/x.prom", rig->dir);
	(void)unlink(file);
	(void)unlink(rig->path);
	(void)unlink(rig->out);
	(void)unlink(rig->err);
	assert_int_equal(rmdir(rig->dir), 0);	/* nothing else was left there */
	free(rig);
	return 0;
}

static void
read_back(const char *path, char *buf, size_t size)
{
	FILE	*f = fopen(path, "re");
	size_t	 n;

	assert_non_null(f);
	n = fread(buf, 1, size - 1, f);
	buf[n] = '\0';
	(void)fclose(f);
}

/* Runs a verb; what it wrote is in the rig.  Words end with NULL. */
static int
run(struct rig *rig, const struct cmd_entry *cmd, char **words)
{
	struct sockaddr_un	sa = { .sun_family = AF_UNIX };
	struct cmd_globals	g = { .socket = rig->path };
	int			fd, code, status, argc = 0, saved[2];
	int			files[2] = { open(rig->out, O_RDWR | O_CREAT | O_TRUNC, 0600),
	    open(rig->err, O_RDWR | O_CREAT | O_TRUNC, 0600) };

	while (words[argc] != NULL)
		argc++;
	(void)snprintf(sa.sun_path, sizeof sa.sun_path, "%s", rig->path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)unlink(rig->path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
	assert_int_equal(listen(fd, 4), 0);
	rig->server = fork();
	assert_true(rig->server >= 0);
	if (rig->server == 0)
		serve(fd);
	close(fd);
	(void)fflush(NULL);
	for (int i = 0; i < 2; i++) {
		saved[i] = dup(i + 1);
		assert_int_equal(dup2(files[i], i + 1), i + 1);
	}
	optind = 0;
	code = cmd->exec(&g, argc, words);
	(void)fflush(NULL);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(dup2(saved[i], i + 1), i + 1);
		close(saved[i]);
		close(files[i]);
	}
	/* A verb that refuses its words asks nobody. */
	if (code == EXIT_USAGE)
		(void)kill(rig->server, SIGKILL);
	assert_int_equal(waitpid(rig->server, &status, 0), rig->server);
	if (code != EXIT_USAGE)
		assert_int_equal(status, 0);
	read_back(rig->out, rig->written, sizeof rig->written);
	read_back(rig->err, rig->said, sizeof rig->said);
	return code;
}

#define WORDS(...)	((char *[]){ (char *)(uintptr_t)"verb", __VA_ARGS__, NULL })
#define W(s)		((char *)(uintptr_t)(s))

static json_t *
document(const struct rig *rig)
{
	json_t	*doc = json_loads(rig->written, JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(doc);
	return doc;
}

static void
history_is_a_table(void **state)
{
	struct rig	*rig = *state;

	assert_int_equal(setenv("TZ", "UTC", 1), 0);
	assert_int_equal(run(rig, &cmd_history, WORDS(W("slow"))), EXIT_PASSED);
	assert_string_equal(rig->written,
	    "WHEN         RUN      TRY OUTCOME       TOOK     CPU MEMORY  WHY\n"
	    "suite net\n"
	    "Nov 14  2023 5f3a9c1e   2 pass          13ms     3ms   3.0M\n"
	    "Nov 14  2023 5f3a9c1e   1 fail          13ms     3ms   3.0M  refused; not retried: "
	    "breaker open\n"
	    "2 attempts: 1 pass, 1 fail; there are more, see --limit\n");
	assert_int_equal(run(rig, &cmd_history, WORDS(W("unknown"))), EXIT_NO_TESTS);
	assert_string_equal(rig->written, "");
	assert_non_null(strstr(rig->said, "no attempt of 'unknown' is on record"));
}

static void
history_is_a_document(void **state)
{
	struct rig	*rig = *state;
	json_t		*doc, *list, *one;

	assert_int_equal(run(rig, &cmd_history, WORDS(W("slow"), W("--json"), W("--limit"),
	    W("2"), W("--since"), W("2h"))), EXIT_PASSED);
	doc = document(rig);
	list = json_object_get(doc, "attempts");
	assert_int_equal(json_array_size(list), 2);
	one = json_array_get(list, 1);
	assert_string_equal(json_string_value(json_object_get(one, "outcome")), "fail");
	assert_int_equal(json_integer_value(json_object_get(one, "exitCode")), 3);
	assert_int_equal(json_integer_value(json_object_get(one, "treePeakMemory")), 3 << 20);
	assert_string_equal(json_string_value(json_object_get(one, "treePeakSource")), "procfs");
	assert_true(json_real_value(json_object_get(one, "userTime")) == 1.5);
	assert_string_equal(json_string_value(json_object_get(one, "fingerprint")),
	    "00000000000000ab");
	one = json_object_get(one, "retry");
	assert_string_equal(json_string_value(json_object_get(one, "decision")), "breaker");
	assert_null(json_object_get(one, "delay"));
	assert_true(json_is_true(json_object_get(doc, "truncated")));
	json_decref(doc);
}

static void
wrong_words(void **state)
{
	struct rig	*rig = *state;

	assert_int_equal(run(rig, &cmd_history, WORDS(W("a"), W("b"))), EXIT_USAGE);
	assert_int_equal(run(rig, &cmd_history, WORDS(W("a"), W("--limit"), W("0"))), EXIT_USAGE);
	assert_int_equal(run(rig, &cmd_history, WORDS(W("a"), W("--since"), W("5"))), EXIT_USAGE);
	assert_int_equal(run(rig, &cmd_metrics, WORDS(W("--sort"), W("durations"))), EXIT_USAGE);
	assert_non_null(strstr(rig->said, "duration"));
	assert_int_equal(run(rig, &cmd_metrics, WORDS(W("--csv"), W("--json"))), EXIT_USAGE);
	assert_int_equal(run(rig, &cmd_metrics, WORDS(W("--csv"), W("--openmetrics"))), EXIT_USAGE);
	assert_int_equal(run(rig, &cmd_metrics, WORDS(W("--openmetrics"), W("--csv"))), EXIT_USAGE);
	assert_int_equal(run(rig, &cmd_config, WORDS(W("get"), W("--persist"))), EXIT_USAGE);
	assert_int_equal(run(rig, &cmd_config, WORDS(W("set"), W("jobs"))), EXIT_USAGE);
}

/* The members of the original, with their meaning here. */
static void
metrics_are_a_document(void **state)
{
	struct rig	*rig = *state;
	json_t		*doc, *one, *sum;

	assert_int_equal(run(rig, &cmd_metrics, WORDS(W("--json"))), EXIT_PASSED);
	doc = document(rig);
	assert_true(json_is_true(json_object_get(doc, "success")));
	assert_int_equal(json_array_size(json_object_get(doc, "metrics")), 2);
	one = json_array_get(json_object_get(doc, "metrics"), 0);
	assert_string_equal(json_string_value(json_object_get(one, "testName")), "a \"b\"\\,\nc");
	assert_int_equal(json_integer_value(json_object_get(one, "duration")), 2500);
	assert_int_equal(json_integer_value(json_object_get(one, "memoryUsed")), 32 << 20);
	assert_int_equal(json_integer_value(json_object_get(one, "cpuTime")), 0);
	assert_int_equal(json_integer_value(json_object_get(one, "peakMemory")), 64 << 20);
	assert_int_equal(json_integer_value(json_object_get(one, "sessionCount")), 2);
	assert_int_equal(json_integer_value(json_object_get(one, "p95Duration")), 2400);
	assert_true(json_real_value(json_object_get(one, "passRate")) == 0.7);
	assert_string_equal(json_string_value(json_object_get(one, "lastStatus")), "fail");
	assert_string_equal(json_string_value(json_array_get(json_object_get(one, "regressions"),
	    0)), "duration");
	one = json_object_get(json_object_get(json_object_get(one, "statistics"), "duration"),
	    "trend");
	assert_true(json_real_value(json_object_get(one, "change")) == 1.5);
	assert_int_equal(json_integer_value(json_object_get(one, "mad")), 10);
	sum = json_object_get(doc, "summary");
	assert_int_equal(json_integer_value(json_object_get(sum, "totalTests")), 2);
	assert_int_equal(json_integer_value(json_object_get(sum, "totalDuration")), 2600);
	assert_int_equal(json_integer_value(json_object_get(sum, "averageDuration")), 1300);
	assert_int_equal(json_integer_value(json_object_get(sum, "averageMemory")), 40 << 20);
	assert_int_equal(json_integer_value(json_object_get(sum, "peakMemory")), 64 << 20);
	assert_int_equal(json_integer_value(json_object_get(sum, "totalSessions")), 2);
	json_decref(doc);
}

static void
regressions_fail(void **state)
{
	struct rig	*rig = *state;
	json_t		*doc;

	assert_int_equal(run(rig, &cmd_metrics, WORDS(W("--regressions"))), EXIT_TESTS_FAILED);
	assert_string_equal(rig->written,
	    "WORSE        BEFORE  SPREAD     NOW  TREND  TEST\n"
	    "duration      1.00s    10ms   2.50s  +150%  a \"b\"\\,\\nc\n");
	assert_int_equal(run(rig, &cmd_metrics, WORDS(W("--regressions"), W("unknown"))),
	    EXIT_PASSED);
	assert_string_equal(rig->written, "nothing got worse\n");
	assert_int_equal(run(rig, &cmd_metrics, WORDS(W("--regressions"), W("--json"))),
	    EXIT_TESTS_FAILED);
	doc = document(rig);
	assert_true(json_is_false(json_object_get(doc, "success")));
	json_decref(doc);
}

static void
metrics_for_people(void **state)
{
	struct rig	*rig = *state;

	assert_int_equal(run(rig, &cmd_metrics, WORDS(W("--sort"), W("name"))), EXIT_PASSED);
	assert_string_equal(rig->written,
	    "   LAST  MEDIAN     P95     CPU MEMORY  PASS TRIES  TREND  TEST\n"
	    "  2.50s   2.00s   2.40s     0ms    64M   70%    10  +150%  a \"b\"\\,\\nc (net)\n"
	    "    0ms     0ms     0ms     0ms      0  100%     2      -  quick\n");
	assert_int_equal(run(rig, &cmd_metrics, WORDS(NULL)), EXIT_PASSED);
	assert_non_null(strstr(rig->written, "2 tests, 12 attempts in 5 runs: 75% passed, 1 flaky, "
	    "1 got worse\n"));
	assert_non_null(strstr(rig->written, "\nSlowest\n"));
	assert_non_null(strstr(rig->written, "\nHungriest\n"));
	assert_non_null(strstr(rig->written, " WASTED  TEST\n"));
	assert_non_null(strstr(rig->written, "\nWORSE "));
	assert_int_equal(run(rig, &cmd_metrics, WORDS(W("a"))), EXIT_PASSED);
	assert_non_null(strstr(rig->written, "10 attempts: 70% passed, 2 failed, 1 passed after"));
	assert_int_equal(run(rig, &cmd_metrics, WORDS(W("unknown"))), EXIT_NO_TESTS);
	assert_non_null(strstr(rig->said, "not on record"));
}

/* 80 columns have room for what tells one test from another. */
static void
a_narrow_table_leaves_room_for_names(void **state)
{
	struct metric		m = { .test = W("test_queue.CPriorityQueueTest"), .suite = W("") };
	struct metrics		ms = { .v = &m, .n = 1 };
	struct text_style	style;
	struct text		t = { 0 };

	(void)state;
	text_style_init(&style, false, false);
	metrics_put_table(&t, &style, &ms, METRIC_SORT_DURATION, 1, 80);
	assert_string_equal(t.p,
	    "   LAST  MEDIAN MEMORY  PASS TRIES  TREND  TEST\n"
	    "    0ms     0ms      0    0%     0      -  test_queue.CPriorityQueueTest\n");
	text_free(&t);
}

static void
metrics_as_csv(void **state)
{
	struct rig	*rig = *state;
	const char	*p;

	assert_int_equal(run(rig, &cmd_metrics, WORDS(W("--csv"))), EXIT_PASSED);
	p = strchr(rig->written, '\n');
	assert_non_null(p);
	assert_memory_equal(p + 1, "net,\"a \"\"b\"\"\\,\nc\",10,7,2,1," RUN_A
	    ",1700000000000,crash,33554432,2,0,20000000,1500000,2500000,", 100);
	assert_non_null(strstr(p, "\n,quick,2,2,"));
	/* As many fields in a row as in the head. */
	p = strstr(p, "\n,quick,");
	for (const char *head = rig->written; *head != '\n'; head++) {
		if (*head != ',')
			continue;
		p = strchr(p, ',');
		assert_non_null(p);
		p++;
	}
	assert_null(strchr(p, ','));
}

static void
metrics_as_openmetrics(void **state)
{
	struct rig	*rig = *state;
	size_t		 n;

	assert_int_equal(run(rig, &cmd_metrics, WORDS(W("--openmetrics"))), EXIT_PASSED);
	n = strlen(rig->written);
	assert_true(n > 6);
	assert_string_equal(rig->written + n - 6, "# EOF\n");
	assert_non_null(strstr(rig->written, "# TYPE paratest_test_duration_seconds summary\n"
	    "# UNIT paratest_test_duration_seconds seconds\n"
	    "paratest_test_duration_seconds{suite=\"net\",test=\"a \\\"b\\\"\\\\,\\nc\","
	    "quantile=\"0.5\"} 2.000000\n"));
	assert_non_null(strstr(rig->written, "paratest_idle_seconds 0.500000\n"));
	assert_non_null(strstr(rig->written, "\",result=\"other\"} 1\n"));
}

/* One that Prometheus' own tool finds nothing wrong with. */
static void
promtool_accepts_it(void **state)
{
	struct rig	*rig = *state;
	char		 command[256];

	if (system("command -v promtool >/dev/null 2>&1") != 0)
		skip();
	assert_int_equal(run(rig, &cmd_metrics, WORDS(W("--openmetrics"))), EXIT_PASSED);
	(void)snprintf(command, sizeof command, "promtool check metrics < %s > %s 2>&1", rig->out,
	    rig->err);
	if (system(command) != 0) {
		read_back(rig->err, rig->said, sizeof rig->said);
		fail_msg("%s", rig->said);
	}
}

static void
a_textfile_is_replaced_whole(void **state)
{
	struct rig	*rig = *state;
	char		 file[96], text[16384], missing[128];
	struct stat	 before, after;
	FILE		*f;

	(void)snprintf(file, sizeof file, "%s/x.prom", rig->dir);
	f = fopen(file, "we");
	assert_non_null(f);
	(void)fputs("old\n", f);
	(void)fclose(f);
	assert_int_equal(stat(file, &before), 0);
	assert_int_equal(run(rig, &cmd_metrics, WORDS(W("--textfile"), file)), EXIT_PASSED);
	assert_string_equal(rig->written, "");
	read_back(file, text, sizeof text);
	assert_non_null(strstr(text, "# EOF\n"));
	assert_null(strstr(text, "old"));
	assert_int_equal(stat(file, &after), 0);
	assert_true(before.st_ino != after.st_ino);
	assert_int_equal(after.st_mode & 0600, 0600);
	(void)snprintf(missing, sizeof missing, "%s/no/x.prom", rig->dir);
	assert_int_equal(run(rig, &cmd_metrics, WORDS(W("--textfile"), missing)), EXIT_INTERNAL);
	assert_non_null(strstr(rig->said, "cannot write"));
}

static void
a_setting_says_what_was(void **state)
{
	struct rig	*rig = *state;
	json_t		*doc;

	assert_int_equal(run(rig, &cmd_config, WORDS(W("set"), W("timeout"), W("30s"))),
	    EXIT_PASSED);
	assert_string_equal(rig->written, "timeout: 30s (was 5m)\n");
	assert_int_equal(run(rig, &cmd_config, WORDS(W("set"), W("timeout"), W("30s"),
	    W("--persist"))), EXIT_PASSED);
	assert_string_equal(rig->written, "timeout: 30s (was 5m), kept for later supervisors\n");
	assert_int_equal(run(rig, &cmd_config, WORDS(W("set"), W("timeout"), W("1m"),
	    W("--json"))), EXIT_PASSED);
	doc = document(rig);
	assert_string_equal(json_string_value(json_object_get(doc, "previous")), "5m");
	assert_true(json_is_false(json_object_get(doc, "persistent")));
	json_decref(doc);
	/* From a supervisor that says no more than OK. */
	assert_int_equal(run(rig, &cmd_config, WORDS(W("set"), W("jobs"), W("3"))), EXIT_PASSED);
	assert_string_equal(rig->written, "");
}

static void
each_run_once(void **state)
{
	struct rig	*rig = *state;
	const char	*newest, *first;
	json_t		*doc;

	assert_int_equal(run(rig, &cmd_runs, WORDS(NULL)), EXIT_PASSED);
	newest = strstr(rig->written, "newest");
	first = strstr(rig->written, "first");
	assert_true(newest != NULL && first != NULL && newest < first);
	assert_null(strstr(rig->written, "twice"));
	assert_int_equal(run(rig, &cmd_runs, WORDS(W("--json"))), EXIT_PASSED);
	doc = document(rig);
	assert_int_equal(json_array_size(doc), 2);
	assert_string_equal(json_string_value(json_object_get(json_array_get(doc, 1), "status")),
	    "running");
	json_decref(doc);
}

#define VERB(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		VERB(history_is_a_table),
		VERB(history_is_a_document),
		VERB(wrong_words),
		VERB(metrics_are_a_document),
		VERB(regressions_fail),
		VERB(metrics_for_people),
		cmocka_unit_test(a_narrow_table_leaves_room_for_names),
		VERB(metrics_as_csv),
		VERB(metrics_as_openmetrics),
		VERB(promtool_accepts_it),
		VERB(a_textfile_is_replaced_whole),
		VERB(a_setting_says_what_was),
		VERB(each_run_once),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
