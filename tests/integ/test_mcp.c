/* paratest-mcp as it is, over pipes, with a supervisor of its own. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/proctree.h"
#include "common/xalloc.h"
#include "mcp/schema.h"
#include "tests/integ/mcp_rig.h"

#define RUN	"console_run_test_parallel"
#define GET	"console_get_test_run"

/* The nine, and what they must be called with. */
static const char *const	tool_names[] = { RUN, "console_retry_failed_tests",
	"console_detect_flaky_tests", "console_set_test_timeout", "console_get_execution_metrics",
	"console_list_test_runs", GET, "console_get_test_output", "console_cancel_test_run" };

/* JSON with single quotes. */
static json_t *
J(const char *text)
{
	char		*s = xstrdup(text);
	json_error_t	 e;
	json_t		*v;

	for (char *p = s; *p != '\0'; p++) {
		if (*p == '\'')
			*p = '"';
	}
	v = json_loads(s, JSON_REJECT_DUPLICATES, &e);
	if (v == NULL)
		fail_msg("%s in %s", e.text, s);
	free(s);
	return v;
}

static const char *
text(json_t *o, const char *key)
{
	const char	*s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "";
}

static json_int_t
count(json_t *answer, const char *key)
{
	return json_integer_value(json_object_get(json_object_get(answer, "summary"), key));
}

static json_t *
result(json_t *answer, const char *name)
{
	json_t	*v;
	size_t	 i;

	json_array_foreach(json_object_get(answer, "results"), i, v) {
		if (strcmp(text(v, "name"), name) == 0)
			return v;
	}
	fail_msg("no result of %s: %s", name, json_dumps(answer, 0));
	return NULL;
}

static void
assert_says(const char *s, const char *what)
{
	if (strstr(s, what) == NULL)
		fail_msg("'%s' is not in: %s", what, s);
}

static void
assert_fails(struct mcp_rig *m, const char *tool, const char *arguments, const char *because)
{
	char	*why = mcp_tool_fails(m, tool, J(arguments));

	assert_says(why, because);
	free(why);
}

/* Calls a tool and holds what comes against the schema that the server lists. */
static json_t *
call(struct mcp_rig *m, json_t *tools, const char *name, json_t *arguments)
{
	json_t	*answer = mcp_tool(m, name, arguments), *v;
	char	 why[500];
	size_t	 i;

	json_array_foreach(json_object_get(tools, "tools"), i, v) {
		if (strcmp(text(v, "name"), name) == 0 &&
		    !schema_check(json_object_get(v, "outputSchema"), answer, why, sizeof why))
			fail_msg("%s: %s", name, why);
	}
	return answer;
}

/* ---- without a supervisor ---- */

static void
it_answers_without_a_supervisor(void **state)
{
	struct service	nowhere;
	struct mcp_rig	m;
	json_t		*r;

	(void)state;
	memset(&nowhere, 0, sizeof nowhere);
	(void)snprintf(nowhere.dir, sizeof nowhere.dir, "/tmp/paratest-integ.XXXXXX");
	assert_non_null(mkdtemp(nowhere.dir));
	(void)snprintf(nowhere.socket, sizeof nowhere.socket, "%s/none", nowhere.dir);
	mcp_start(&m, &nowhere, NULL, NULL, false);
	r = mcp_ask(&m, "tools/list", NULL);
	assert_int_equal(json_array_size(json_object_get(r, "tools")), 9);
	for (size_t i = 0; i < 9; i++)
		assert_string_equal(text(json_array_get(json_object_get(r, "tools"), i), "name"),
		    tool_names[i]);
	json_decref(r);
	m.modern = true;
	r = mcp_ask(&m, "server/discover", NULL);
	assert_non_null(json_object_get(json_object_get(r, "capabilities"), "extensions"));
	json_decref(r);
	r = mcp_ask(&m, "resources/list", NULL);
	assert_int_equal(json_array_size(json_object_get(r, "resources")), 3);
	json_decref(r);
	/* What needs one says how to get one. */
	assert_fails(&m, "console_list_test_runs", "{}", "none is running");
	assert_fails(&m, "console_list_test_runs", "{}", "paratestd --socket");
	mcp_end(&m);
	service_gone(&nowhere);
}

/* With nothing but what a client's SDK passes on, a private one is started. */
static void
in_a_bare_environment_one_is_started(void **state)
{
	struct service	s;
	struct mcp_rig	m[2];
	struct ran	r;
	json_t		*a, *b;
	int		id;

	(void)state;
	memset(&s, 0, sizeof s);
	(void)snprintf(s.dir, sizeof s.dir, "/tmp/paratest-integ.XXXXXX");
	assert_non_null(mkdtemp(s.dir));
	(void)setenv("XDG_RUNTIME_DIR", s.dir, 1);
	(void)setenv("TMPDIR", s.dir, 1);
	/* Two at once find one supervisor between them. */
	mcp_start(&m[0], &s, NULL, NULL, false);
	mcp_start(&m[1], &s, NULL, NULL, true);
	id = mcp_tool_send(&m[1], RUN, J("{'tests': [{'name': 'b', 'argv': ['true']}]}"));
	a = mcp_tool(&m[0], RUN, J("{'tests': [{'name': 'a', 'command': 'echo $HOME'}]}"));
	b = mcp_structured(mcp_wait(&m[1], id));
	assert_string_equal(text(a, "status"), "passed");
	assert_string_equal(text(b, "status"), "passed");
	json_decref(a);
	a = mcp_tool(&m[0], "console_list_test_runs", json_object());
	assert_int_equal(json_array_size(json_object_get(a, "runs")), 2);
	json_decref(a);
	json_decref(b);
	mcp_end(&m[0]);
	mcp_end(&m[1]);
	CTL(&s, &r, NULL, "shutdown");
	assert_int_equal(r.code, 0);
	ran_free(&r);
	service_gone(&s);
	(void)unsetenv("XDG_RUNTIME_DIR");
	(void)unsetenv("TMPDIR");
}

/* A client that gives it no standard error: nothing else may get that number, and with it
 * the log. */
static void
without_standard_error(void **state)
{
	static const char		 hello[] =
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n";
	posix_spawn_file_actions_t	 fa;
	char				*argv[] = { xstrdup("paratest-mcp"), NULL },
	    *env[] = { NULL };
	char				 line[200], *name, where[64] = "";
	int				 in[2], out[2], status;
	pid_t				 pid;

	(void)state;
	assert_int_equal(pipe2(in, O_CLOEXEC) + pipe2(out, O_CLOEXEC), 0);
	(void)posix_spawn_file_actions_init(&fa);
	(void)posix_spawn_file_actions_adddup2(&fa, in[0], 0);
	(void)posix_spawn_file_actions_adddup2(&fa, out[1], 1);
	(void)posix_spawn_file_actions_addclose(&fa, 2);
	assert_int_equal(posix_spawn(&pid, service_program("paratest-mcp"), &fa, NULL, argv,
	    env), 0);
	(void)posix_spawn_file_actions_destroy(&fa);
	(void)close(in[0]);
	(void)close(out[1]);
	assert_int_equal(write(in[1], hello, strlen(hello)), strlen(hello));
	assert_true(read(out[0], line, sizeof line) > 0);
	name = xasprintf("/proc/%d/fd/2", (int)pid);
	assert_true(readlink(name, where, sizeof where - 1) > 0);
	(void)close(in[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_string_equal(where, "/dev/null");
	(void)close(out[0]);
	free(name);
	free(argv[0]);
}

/* ---- the tools ---- */

static void
each_tool_answers_as_its_schema_says(void **state)
{
	struct service	*s = *state;
	struct mcp_rig	 m;
	json_t		*tools, *a, *b;
	char		*run;

	mcp_start(&m, s, NULL, NULL, false);
	tools = mcp_ask(&m, "tools/list", NULL);
	a = call(&m, tools, RUN, J("{'tests': [{'name': 'good', 'argv': ['echo', 'hi'], "
	    "'assertions': [{'type': 'output_contains', 'expected': 'hi'}]},"
	    " {'name': 'bad', 'command': 'echo oops; exit 3'},"
	    " {'name': 'slow', 'command': 'sleep 600', 'timeout': 100},"
	    " {'name': 'off', 'command': 'exit 1', 'skip': true}], 'label': 'first'}"));
	assert_string_equal(text(a, "status"), "failed");
	assert_int_equal(count(a, "total"), 4);
	assert_int_equal(count(a, "passed"), 1);
	assert_int_equal(count(a, "failed"), 1);
	assert_int_equal(count(a, "timedOut"), 1);
	assert_int_equal(count(a, "skipped"), 1);
	assert_int_equal(json_array_size(json_object_get(a, "results")), 2);
	assert_string_equal(text(result(a, "bad"), "output"), "oops\n");
	assert_string_equal(text(result(a, "slow"), "status"), "timeout");
	run = xstrdup(text(a, "runId"));
	/* Results go straight back into a retry; what passed is left out. */
	b = call(&m, tools, "console_retry_failed_tests", json_pack("{s:O, s:i, "
	    "s:i}", "failedTests",
	    json_object_get(a, "results"), "maxRetries", 2, "backoffMs", 1));
	assert_int_equal(json_integer_value(json_object_get(json_object_get(b, "statistics"),
	    "failedAfterRetry")), 2);
	json_decref(b);
	b = call(&m, tools, "console_retry_failed_tests", json_pack("{s:s, s:i, s:b}", "runId", run,
	    "maxRetries", 1, "retryOnTimeout", 0));
	assert_int_equal(json_integer_value(json_object_get(json_object_get(b, "statistics"),
	    "totalTests")), 1);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(b, "statistics"),
	    "notRetried")), 1);
	json_decref(b);
	json_decref(a);
	a = call(&m, tools, "console_list_test_runs", J("{'limit': 2}"));
	assert_string_equal(text(json_array_get(json_object_get(a, "runs"), 0), "kind"), "retry");
	b = call(&m, tools, "console_list_test_runs", json_pack("{s:s}", "cursor",
	    text(a, "nextCursor")));
	assert_string_equal(text(json_array_get(json_object_get(b, "runs"), 0), "label"), "first");
	json_decref(b);
	json_decref(a);
	a = call(&m, tools, GET, json_pack("{s:s, s:s}", "runId", run, "status", "pass"));
	assert_int_equal(json_array_size(json_object_get(a, "results")), 1);
	json_decref(a);
	a = call(&m, tools, "console_get_test_output", json_pack("{s:s, s:s, s:s}", "runId", run,
	    "testName", "bad", "grep", "^o+ps$"));
	assert_string_equal(text(a, "text"), "oops\n");
	json_decref(a);
	a = call(&m, tools, "console_get_execution_metrics", J("{'testName': 'good'}"));
	assert_int_equal(json_array_size(json_object_get(a, "metrics")), 1);
	json_decref(a);
	a = call(&m, tools, "console_set_test_timeout", J("{'timeout': 61000, 'workerTimeout': "
	    "31000}"));
	assert_int_equal(json_integer_value(json_object_get(json_object_get(a, "config"),
	    "timeout")), 61000);
	json_decref(a);
	a = call(&m, tools, "console_cancel_test_run", json_pack("{s:s}", "runId", run));
	assert_false(json_is_true(json_object_get(a, "cancelled")));
	json_decref(a);
	a = call(&m, tools, "console_detect_flaky_tests", J("{'tests': [{'name': 'wobbly', "
	    "'command': 'test $((PARATEST_ATTEMPT % 4)) -ne 0'}, {'name': 'good'}], 'runs': 8}"));
	b = json_array_get(json_object_get(a, "reports"), 0);
	assert_int_equal(json_array_size(json_object_get(a, "reports")), 1);
	assert_string_equal(text(b, "testName"), "wobbly");
	assert_int_equal(json_integer_value(json_object_get(b, "failures")), 2);
	/* Whoever waited for it in pieces is told the same. */
	b = call(&m, tools, GET, json_pack("{s:s}", "runId", text(a, "runId")));
	assert_string_equal(text(b, "message"), text(a, "message"));
	assert_string_equal(text(json_array_get(json_object_get(json_object_get(b, "flaky"),
	    "reports"), 0), "testName"), "wobbly");
	json_decref(b);
	json_decref(a);
	json_decref(tools);
	free(run);
	mcp_end(&m);
}

/* The original's own shapes: definitions without a command are known by their names. */
static void
a_call_of_the_original_works_unchanged(void **state)
{
	struct service	*s = *state;
	struct mcp_rig	 m;
	json_t		*a;

	mcp_start(&m, s, NULL, NULL, false);
	assert_fails(&m, RUN, "{'tests': [{'name': 'old', 'assertions': [], 'timeout': 30000,"
	    " 'retry': 0}], 'maxWorkers': 4, 'timeout': 30000, 'failFast': false}",
	    "'old' has no command");
	json_decref(mcp_tool(&m, RUN, J("{'tests': [{'name': 'old', 'command': 'echo once; exit "
	    "4'}]}")));
	a = mcp_tool(&m, RUN, J("{'tests': [{'name': 'old', 'description': 'd', 'recording': 'r',"
	    " 'assertions': [{'type': 'exit_code', 'expected': 4, 'operator': 'equals'},"
	    " {'type': 'output_contains', 'expected': 'once'}], 'timeout': 30000, 'retry': 0}],"
	    " 'maxWorkers': 4, 'timeout': 30000, 'failFast': false}"));
	assert_string_equal(text(a, "status"), "passed");
	json_decref(a);
	a = mcp_tool(&m, "console_retry_failed_tests", J("{'failedTests': [{'test': {'name': 'old',"
	    " 'assertions': [], 'timeout': 30000, 'retry': 0}, 'status': 'fail', 'duration': 5,"
	    " 'startTime': 1, 'endTime': 6, 'assertions': [{'assertion': {'type': 'exit_code',"
	    " 'expected': 0}, 'passed': false}], 'error': 'Exit code 4'}], 'maxRetries': 2,"
	    " 'backoffMs': 1, 'backoffMultiplier': 2, 'retryOnTimeout': true,"
	    " 'retryOnErrors': ['exit code']}"));
	assert_int_equal(json_integer_value(json_object_get(json_object_get(a, "statistics"),
	    "totalTests")), 1);
	json_decref(a);
	mcp_end(&m);
}

/* ---- what is foreign ---- */

static void
nothing_foreign_reaches_a_model(void **state)
{
	struct service	*s = *state;
	struct mcp_rig	 m;
	json_t		*a, *run;
	char		*all, *uri;

	mcp_start(&m, s, NULL, NULL, false);
	a = mcp_tool(&m, RUN, J("{'tests': [{'name': 'shows', 'command':"
	    " 'printf \\'\\\\033[31mred\\\\033[0m \\\\342\\\\200\\\\256 bidi \\\\001\\\\n\\';"
	    " echo key is $DEPLOY_TOKEN; exit 1', 'env': {'DEPLOY_TOKEN': 'tr0ub4dor'}}]}"));
	assert_string_equal(text(result(a, "shows"), "output"),
	    "red  bidi \nkey is [DEPLOY_TOKEN is hidden]\n");
	all = json_dumps(a, 0);
	assert_null(strstr(all, "tr0ub4dor"));
	free(all);
	/* Nor in what is read besides. */
	uri = xasprintf("paratest://runs/%s/report.json", text(a, "runId"));
	json_decref(a);
	a = mcp_ask(&m, "resources/read", json_pack("{s:s}", "uri", uri));
	all = json_dumps(a, 0);
	assert_non_null(strstr(all, "key is"));
	assert_null(strstr(all, "tr0ub4dor"));
	assert_null(strstr(all, "u001b"));
	free(all);
	free(uri);
	json_decref(a);
	json_decref(mcp_tool(&m, RUN, J("{'tests': [{'name': 'differs', 'command': 'echo "
	    "$DEPLOY_TOKEN', 'env': {'DEPLOY_TOKEN': 'tr0ub4dor'}, 'assertions': [{'type': "
	    "'output_contains', 'expected': 'x'}]}]}")));
	a = mcp_ask(&m, "resources/read", J("{'uri': 'paratest://tests/differs/history'}"));
	all = json_dumps(a, 0);
	assert_non_null(strstr(all, "DEPLOY_TOKEN is hidden"));
	assert_null(strstr(all, "tr0ub4dor"));
	free(all);
	json_decref(a);
	/* Nor a half of it in a part that ends or begins in it. */
	run = mcp_tool(&m, "console_list_test_runs", J("{'limit': 1}"));
	for (int i = 0; i < 2; i++) {
		a = mcp_tool(&m, "console_get_test_output", json_pack("{s:O, s:s, s:i, s:i}",
		    "runId", json_object_get(json_array_get(json_object_get(run, "runs"), 0),
		    "runId"), "testName", "differs", "offset", i * 4, "maxBytes", 4));
		assert_string_equal(text(a, "text"), "[DEPLOY_TOKEN is hidden]");
		assert_int_equal(json_integer_value(json_object_get(a, "nextOffset")), i * 4 + 4);
		json_decref(a);
	}
	json_decref(run);
	mcp_end(&m);
}

/* Of a run that another server started the definitions on record tell what is secret. */
static void
secrets_of_earlier_servers_are_known(void **state)
{
	static const char *const	what[] = { "", "/report.json", "/tests/0/output" };
	struct service			*s = *state;
	struct mcp_rig			 m;
	json_t				*a;
	char				*run, *all, *uri;

	mcp_start(&m, s, NULL, NULL, false);
	a = mcp_tool(&m, RUN, J("{'tests': [{'name': 'shows', 'command': 'echo key is "
	    "$DEPLOY_TOKEN; exit 1', 'env': {'DEPLOY_TOKEN': 'tr0ub4dor'}}]}"));
	run = xstrdup(text(a, "runId"));
	json_decref(a);
	mcp_end(&m);
	for (size_t i = 0; i < 5; i++) {
		mcp_start(&m, s, NULL, NULL, false);
		if (i == 3) {
			a = mcp_tool(&m, GET, json_pack("{s:s}", "runId", run));
		} else if (i == 4) {
			a = mcp_tool(&m, "console_get_test_output",
			    json_pack("{s:s, s:s}", "runId", run, "testName", "shows"));
		} else {
			uri = xasprintf("paratest://runs/%s%s", run, what[i]);
			a = mcp_ask(&m, "resources/read", json_pack("{s:s}", "uri", uri));
			free(uri);
		}
		all = json_dumps(a, 0);
		assert_says(all, "key is [DEPLOY_TOKEN is hidden]");
		assert_null(strstr(all, "tr0ub4dor"));
		free(all);
		json_decref(a);
		mcp_end(&m);
	}
	free(run);
}

/* A test that prints a lot: the protocol's output stays the protocol's. */
static void
a_flood_stays_out_of_the_protocol(void **state)
{
	struct service	*s = *state;
	struct mcp_rig	 m;
	json_t		*a, *b;

	mcp_start(&m, s, NULL, NULL, false);
	a = mcp_tool(&m, RUN, json_pack("{s:[{s:s, s:[s,s], s:[{s:s, s:i}]}]}", "tests", "name",
	    "flood", "argv", service_program("tests/helpers/flood"), "200000000", "assertions",
	    "type", "exit_code", "expected", 9));
	assert_int_equal(json_integer_value(json_object_get(result(a, "flood"), "outputBytes")),
	    200000000);
	assert_true(strlen(text(result(a, "flood"), "output")) < 4096);
	assert_true(json_is_true(json_object_get(result(a, "flood"), "outputTruncated")));
	b = mcp_tool(&m, "console_get_test_output", json_pack("{s:s, s:s, s:i}", "runId",
	    text(a, "runId"), "testName", "flood", "maxBytes", 100));
	assert_int_equal(strlen(text(b, "text")), 100);
	json_decref(a);
	json_decref(b);
	mcp_end(&m);
}

/* ---- long calls ---- */

static int
is_running(void *arg)
{
	struct mcp_rig	*m = arg;
	json_t		*a = mcp_tool(m, "console_list_test_runs", J("{'status': 'running'}"));
	int		 is = json_array_size(json_object_get(a, "runs")) > 0;

	json_decref(a);
	return is;
}

static int
is_idle(void *arg)
{
	return !is_running(arg);
}

static void
it_serves_while_a_run_goes_on(void **state)
{
	struct service	*s = *state;
	struct mcp_rig	 m;
	json_t		*a;
	char		*run;
	int		 id, quick;

	mcp_start(&m, s, NULL, NULL, false);
	id = mcp_tool_send(&m, RUN, J("{'tests': [{'name': 'long', 'command': 'sleep 600'}]}"));
	json_decref(mcp_ask(&m, "ping", NULL));
	service_until(is_running, &m, "the run is in the list");
	/* Answers overtake. */
	quick = mcp_tool_send(&m, RUN, J("{'tests': [{'name': 'quick', 'argv': ['true']}],"
	    " 'maxWorkers': 2}"));
	json_decref(mcp_wait(&m, quick));
	assert_false(mcp_answered(&m, id));
	a = mcp_tool(&m, "console_list_test_runs", J("{'status': 'running'}"));
	run = xstrdup(text(json_array_get(json_object_get(a, "runs"), 0), "runId"));
	json_decref(a);
	a = mcp_tool(&m, "console_cancel_test_run", json_pack("{s:s, s:s}", "runId", run, "reason",
	    "it is only a test"));
	assert_true(json_is_true(json_object_get(a, "cancelled")));
	assert_string_equal(text(a, "status"), "cancelled");
	json_decref(a);
	a = mcp_structured(mcp_wait(&m, id));
	assert_string_equal(text(a, "status"), "cancelled");
	assert_says(text(a, "message"), "it is only a test");
	json_decref(a);
	free(run);
	mcp_end(&m);
}

static void
a_cancelled_call_ends_its_run(void **state)
{
	struct service	*s = *state;
	struct mcp_rig	 m;
	json_t		*a, *one;
	int		 id;

	mcp_start(&m, s, NULL, NULL, false);
	id = mcp_tool_send(&m, RUN, J("{'tests': [{'name': 'first', 'argv': ['true']},"
	    " {'name': 'endless', 'command': 'sleep 600'}], 'label': 'given up'}"));
	service_until(is_running, &m, "the run is in the list");
	mcp_note(&m, "notifications/cancelled", json_pack("{s:i, s:s}", "requestId", id, "reason",
	    "Request timed out"));
	service_until(is_idle, &m, "the run ends");
	/* What is known of it is kept, and no answer was sent. */
	a = mcp_tool(&m, "console_list_test_runs", J("{'limit': 1}"));
	one = json_array_get(json_object_get(a, "runs"), 0);
	assert_string_equal(text(one, "label"), "given up");
	assert_string_equal(text(one, "status"), "cancelled");
	json_decref(a);
	assert_false(mcp_answered(&m, id));
	mcp_end(&m);
}

static int
one_is_running(void *arg)
{
	json_t	*a = mcp_tool(arg, "console_list_test_runs", J("{'status': 'running'}"));
	int	 is = json_array_size(json_object_get(a, "runs")) == 1;

	json_decref(a);
	return is;
}

/* The end of input ends a call that waits; what was to go on without it does. */
static void
the_end_of_input_is_the_end(void **state)
{
	struct service	*s = *state;
	struct mcp_rig	 m, other;
	json_t		*a;
	char		*run;

	mcp_start(&other, s, NULL, NULL, false);
	mcp_start(&m, s, NULL, NULL, false);
	a = mcp_tool(&m, RUN, J("{'tests': [{'name': 'goes on', 'command': 'sleep 600'}],"
	    " 'waitMs': 0, 'maxWorkers': 2}"));
	assert_string_equal(text(a, "status"), "running");
	assert_int_equal(count(a, "total"), 1);
	run = xstrdup(text(a, "runId"));
	json_decref(a);
	(void)mcp_tool_send(&m, RUN, J("{'tests': [{'name': 'ends', 'command': 'sleep 600'}],"
	    " 'label': 'waited for', 'maxWorkers': 2}"));
	json_decref(mcp_ask(&m, "ping", NULL));
	mcp_end(&m);
	service_until(one_is_running, &other, "the run that was waited for ends");
	a = mcp_tool(&other, "console_list_test_runs", J("{'status': 'running'}"));
	assert_string_equal(text(json_array_get(json_object_get(a, "runs"), 0), "runId"), run);
	json_decref(a);
	json_decref(mcp_tool(&other, "console_cancel_test_run", json_pack("{s:s}", "runId", run)));
	free(run);
	mcp_end(&other);
}

/* waitMs is a bound, console_get_test_run waits for the rest. */
static void
a_run_is_waited_for_in_pieces(void **state)
{
	struct service	*s = *state;
	struct mcp_rig	 m;
	json_t		*a, *b;
	char		*go = xasprintf("%s/go", s->dir), *command;

	mcp_start(&m, s, NULL, NULL, false);
	command = xasprintf("while ! test -e %s; do sleep 0.01; done", go);
	a = mcp_tool(&m, RUN, json_pack("{s:[{s:s, s:s}], "
	    "s:i}", "tests", "name", "waits", "command",
	    command, "waitMs", 50));
	assert_string_equal(text(a, "status"), "running");
	b = mcp_tool(&m, GET, json_pack("{s:s, s:i}", "runId", text(a, "runId"), "waitMs", 20));
	assert_string_equal(text(b, "status"), "running");
	json_decref(b);
	(void)service_file(s, "go", "");
	b = mcp_tool(&m, GET, json_pack("{s:s}", "runId", text(a, "runId")));
	assert_string_equal(text(b, "status"), "passed");
	json_decref(b);
	json_decref(a);
	free(go);
	free(command);
	mcp_end(&m);
	/* A bound of the server's holds where a call says none. */
	mcp_start(&m, s, "--max-wait", "50ms", false);
	a = mcp_tool(&m, RUN, J("{'tests': [{'name': 'x', 'command': 'sleep 600'}]}"));
	assert_string_equal(text(a, "status"), "running");
	json_decref(mcp_tool(&m, "console_cancel_test_run", json_pack("{s:s}", "runId",
	    text(a, "runId"))));
	json_decref(a);
	mcp_end(&m);
}

/* Its bound holds also where the supervisor says nothing until it has passed. */
static void
a_silent_supervisor_does_not_prolong_a_wait(void **state)
{
	struct service	*s = *state;
	struct mcp_rig	 m;
	json_t		*a, *b;
	msec_t		 end;
	int		 id;

	mcp_start(&m, s, NULL, NULL, false);
	a = mcp_tool(&m, RUN, J("{'tests': [{'name': 'x', 'command': 'sleep 600'}], 'waitMs': 0}"));
	assert_int_equal(kill(s->pid, SIGSTOP), 0);
	id = mcp_tool_send(&m, GET, json_pack("{s:s, s:i}", "runId", text(a, "runId"),
	    "waitMs", 1));
	for (end = now_ms() + 50; now_ms() < end;)
		json_decref(mcp_ask(&m, "ping", NULL));
	assert_int_equal(kill(s->pid, SIGCONT), 0);
	b = mcp_structured(mcp_wait(&m, id));
	assert_string_equal(text(b, "status"), "running");
	assert_int_equal(count(b, "total"), 1);
	json_decref(b);
	json_decref(mcp_tool(&m, "console_cancel_test_run", json_pack("{s:s}", "runId",
	    text(a, "runId"))));
	json_decref(a);
	mcp_end(&m);
}

static void
progress_rises_and_a_run_can_be_subscribed_to(void **state)
{
	struct service	*s = *state;
	struct mcp_rig	 m;
	json_t		*a, *note, *uris;
	char		*uri;
	double		 last = -1;
	size_t		 i, n = 0, updates = 0;
	int		 listen;

	mcp_start(&m, s, NULL, NULL, true);
	a = mcp_structured(mcp_wait(&m, mcp_send(&m, "tools/call", J("{'name': '" RUN "', "
	    "'arguments': {'tests': [{'name': 'a', 'command': 'sleep 0.4'}, {'name': 'b', "
	    "'command': 'sleep 0.8'}, {'name': 'c', 'command': 'sleep 0.4'}]}, '_meta': "
	    "{'progressToken': 7}}"))));
	json_decref(a);
	json_array_foreach(m.notes, i, note) {
		json_t	*p = json_object_get(note, "params");

		assert_string_equal(text(note, "method"), "notifications/progress");
		assert_int_equal(json_integer_value(json_object_get(p, "progressToken")), 7);
		assert_true(json_number_value(json_object_get(p, "progress")) > last);
		last = json_number_value(json_object_get(p, "progress"));
		n++;
	}
	assert_true(n >= 2);
	(void)json_array_clear(m.notes);
	a = mcp_tool(&m, RUN, J("{'tests': [{'name': 'a', 'command': 'sleep 0.3'}], 'waitMs': 0}"));
	uri = xasprintf("paratest://runs/%s", text(a, "runId"));
	uris = json_pack("[s]", uri);
	listen = mcp_send(&m, "subscriptions/listen", json_pack("{s:{s:o}}", "notifications",
	    "resourceSubscriptions", uris));
	json_decref(mcp_tool(&m, GET, json_pack("{s:s}", "runId", text(a, "runId"))));
	json_decref(a);
	json_decref(mcp_ask(&m, "resources/read", json_pack("{s:s}", "uri", uri)));
	json_array_foreach(m.notes, i, note)
		updates += strcmp(text(note, "method"), "notifications/resources/updated") == 0;
	assert_true(updates >= 1);
	assert_false(mcp_answered(&m, listen));
	free(uri);
	mcp_end(&m);
}

/* Where the client can do tasks, a long call is one, and is called like its run. */
static void
a_long_call_becomes_a_task(void **state)
{
	struct service	*s = *state;
	struct mcp_rig	 m;
	json_t		*a, *r;
	const char	*able = "{'io.modelcontextprotocol/clientCapabilities':"
	    " {'extensions': {'io.modelcontextprotocol/tasks': {}}}}";
	char		*task;

	mcp_start(&m, s, NULL, NULL, true);
	a = mcp_ask(&m, "tools/call", json_pack("{s:s, s:o, s:o}", "name", RUN, "arguments",
	    J("{'tests': [{'name': 'x', 'command': 'sleep 600'}]}"), "_meta", J(able)));
	assert_string_equal(text(a, "resultType"), "task");
	task = xstrdup(text(a, "taskId"));
	json_decref(a);
	a = mcp_tool(&m, "console_list_test_runs", J("{'status': 'running'}"));
	assert_string_equal(text(json_array_get(json_object_get(a, "runs"), 0), "runId"), task);
	json_decref(a);
	json_decref(mcp_ask(&m, "tasks/cancel", json_pack("{s:s, s:o}", "taskId", task, "_meta",
	    J(able))));
	service_until(is_idle, &m, "the run of a cancelled task ends");
	r = mcp_ask(&m, "tasks/get", json_pack("{s:s, s:o}", "taskId", task, "_meta", J(able)));
	assert_string_equal(text(r, "status"), "cancelled");
	json_decref(r);
	free(task);
	mcp_end(&m);
}

/* ---- trouble ---- */

/* Orphans are ours: of all children only the server is there. */
static int
only_one_left(void *arg)
{
	const struct mcp_rig	*m = arg;
	struct proc_entry	*v;
	size_t			 n;
	int			 only;

	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	assert_int_equal(proctree_list(getpid(), &v, &n), 0);
	only = n == 1 && v[0].pid == m->pid;
	proctree_free(v, n);
	return only;
}

static void
a_supervisor_that_dies_is_a_clear_error(void **state)
{
	struct service	*s = *state;
	struct mcp_rig	 m;
	json_t		*a;
	char		*why;
	int		 id;

	mcp_start(&m, s, NULL, NULL, false);
	id = mcp_tool_send(&m, RUN, J("{'tests': [{'name': 'long', 'command': 'sleep 600'}]}"));
	service_until(is_running, &m, "the run is in the list");
	/* Not service_crash(): the server outlives it. */
	assert_int_equal(kill(s->pid, SIGKILL), 0);
	assert_int_equal(waitpid(s->pid, NULL, 0), s->pid);
	s->pid = 0;
	a = mcp_wait(&m, id);
	assert_true(json_is_true(json_object_get(json_object_get(a, "result"), "isError")));
	why = json_dumps(a, 0);
	assert_says(why, "had finished 0 of 1 tests");
	assert_says(why, GET);
	free(why);
	json_decref(a);
	json_decref(mcp_ask(&m, "ping", NULL));
	assert_fails(&m, "console_list_test_runs", "{}", "none is running");
	service_until(only_one_left, &m, "what the supervisor had started is gone");
	service_again(s);
	/* The next call works, and the run is on record. */
	a = mcp_tool(&m, "console_list_test_runs", J("{'limit': 1}"));
	assert_int_equal(json_array_size(json_object_get(a, "runs")), 1);
	json_decref(mcp_tool(&m, "console_cancel_test_run", json_pack("{s:s}", "runId",
	    text(json_array_get(json_object_get(a, "runs"), 0), "runId"))));
	json_decref(a);
	mcp_end(&m);
}

static void
what_is_wrong_is_named(void **state)
{
	struct service	*s = *state;
	struct mcp_rig	 m;

	mcp_start(&m, s, NULL, NULL, false);
	assert_fails(&m, RUN, "{'tests': 'all'}", "tests is \"all\"");
	assert_fails(&m, RUN, "{'tests': []}", "tests");
	assert_fails(&m, RUN, "{'tests': [{'name': 'x', 'argv': ['true']}], 'maxWorker': 2}",
	    "maxWorker");
	assert_fails(&m, RUN, "{'tests': [{'name': 'x', 'argv': ['true'], 'cwd': "
	    "'none'}]}", "none");
	assert_fails(&m, "console_retry_failed_tests", "{}", "neither failedTests nor runId");
	assert_fails(&m, "console_retry_failed_tests", "{'runId': 'abc123'}", "no run 'abc123'");
	assert_fails(&m, "console_retry_failed_tests", "{'failedTests': [{'status': 'fail'}]}",
	    "failedTests[0] has no name");
	assert_fails(&m, GET, "{'runId': 'abc123'}", "console_list_test_runs");
	assert_fails(&m, GET, "{'runId': 'abc123', 'cursor': 'zzz'}", "nextCursor");
	assert_fails(&m, "console_get_test_output", "{'runId': 'abc123', 'testName': 'x',"
	    " 'grep': '(('}", "no regular expression");
	assert_fails(&m, "console_get_execution_metrics", "{'testName': 'never ran'}",
	    "not on record");
	mcp_end(&m);
}

static void
a_policy_holds_for_every_call(void **state)
{
	struct service	*s = *state;
	struct mcp_rig	 m;
	const char	*file;
	char		*policy = xasprintf("roots: [%s]\nprograms: [/bin/true, /bin/sh]\n"
	    "max_timeout: 5s\nmax_tests: 2\nmax_workers: 1\nmax_run_time: 200ms\nmax_memory: 100M\n"
	    "log: %s/calls.log\n", s->dir, s->dir);
	char		*folder = xasprintf("{'tests': [{'name': 'x', 'argv': ['true']}], 'cwd': "
	    "'%s'}",
	    s->dir), *log;
	struct stat	 st;
	json_t		*a;

	/* A run from before, with a program that is not allowed. */
	mcp_start(&m, s, NULL, NULL, false);
	json_decref(mcp_tool(&m, RUN, J("{'tests': [{'name': 'earlier', 'argv': ['false']}]}")));
	mcp_end(&m);
	file = service_file(s, "policy.yaml", policy);
	mcp_start(&m, s, "--policy", file, false);
	assert_fails(&m, RUN, "{'tests': [{'name': 'x', 'argv': ['true']}]}", "outside");
	a = mcp_tool(&m, RUN, J(folder));
	assert_string_equal(text(a, "status"), "passed");
	json_decref(a);
	assert_fails(&m, RUN, "{'tests': [{'name': 'earlier'}], 'cwd': '/tmp'}", "policy");
	assert_fails(&m, "console_set_test_timeout", "{'timeout': 6000}", "at most 5000 ms");
	(void)json_object_set_new(a = J(folder), "maxWorkers", json_integer(2));
	log = mcp_tool_fails(&m, RUN, a);
	assert_says(log, "maxWorkers");
	free(log);
	/* The time of the run is up, though the test had more. */
	a = J(folder);
	(void)json_object_set_new(a, "tests", J("[{'name': 'y', 'argv': ['sh', '-c', 'sleep "
	    "600']}]"));
	a = mcp_tool(&m, RUN, a);
	assert_int_equal(count(a, "passed"), 0);
	json_decref(a);
	mcp_end(&m);
	log = xasprintf("%s/calls.log", s->dir);
	assert_int_equal(stat(log, &st), 0);
	assert_true(st.st_size > 0);
	free(log);
	free(folder);
	free(policy);
}

/* ---- resources, prompts, completion ---- */

static const char *
first_text(json_t *r)
{
	return text(json_array_get(json_object_get(r, "contents"), 0), "text");
}

static void
what_can_be_read_besides(void **state)
{
	static const char *const	formats[][2] = { { "json", "\"runId\"" },
	    { "junit", "<testsuite" },
	    { "tap", "not ok 1 - it \\# breaks" }, { "markdown", "| it # breaks | fail |" } };
	struct service			*s = *state;
	struct mcp_rig			 m;
	json_t				*a, *r;
	char				*uri, *run;

	mcp_start(&m, s, NULL, NULL, false);
	a = mcp_tool(&m, RUN, J("{'tests': [{'name': 'it # breaks', 'command': 'echo why; exit "
	    "1'}]}"));
	run = xstrdup(text(a, "runId"));
	json_decref(a);
	for (size_t i = 0; i < 4; i++) {
		uri = xasprintf("paratest://runs/%s/report.%s", run, formats[i][0]);
		r = mcp_ask(&m, "resources/read", json_pack("{s:s}", "uri", uri));
		assert_says(first_text(r), formats[i][1]);
		json_decref(r);
		free(uri);
	}
	uri = xasprintf("paratest://runs/%s/tests/0/output", run);
	r = mcp_ask(&m, "resources/read", json_pack("{s:s}", "uri", uri));
	assert_string_equal(first_text(r), "why\n");
	json_decref(r);
	free(uri);
	r = mcp_ask(&m, "resources/read", J("{'uri': "
	    "'paratest://tests/it%20%23%20breaks/history'}"));
	assert_says(first_text(r), run);
	json_decref(r);
	r = mcp_ask(&m, "resources/read", J("{'uri': 'paratest://config'}"));
	assert_says(first_text(r), "worker-timeout");
	json_decref(r);
	r = mcp_wait(&m, mcp_send(&m, "resources/read", J("{'uri': 'paratest://runs/abcdef'}")));
	assert_int_equal(json_integer_value(json_object_get(json_object_get(r, "error"), "code")),
	    -32002);
	json_decref(r);
	r = mcp_ask(&m, "prompts/get", J("{'name': 'triage_failures'}"));
	assert_says(text(json_object_get(json_array_get(json_object_get(r, "messages"), 0),
	    "content"), "text"), "it # breaks");
	json_decref(r);
	r = mcp_ask(&m, "completion/complete", json_pack("{s:{s:s, s:s}, s:{s:s, s:s}}", "ref",
	    "type", "ref/prompt", "name", "triage_failures", "argument", "name", "runId", "value",
	    ""));
	assert_string_equal(json_string_value(json_array_get(json_object_get(json_object_get(r,
	    "completion"), "values"), 0)), run);
	json_decref(r);
	free(run);
	mcp_end(&m);
}

#define WITH(test)	cmocka_unit_test_setup_teardown(test, service_setup, service_teardown)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(it_answers_without_a_supervisor),
		cmocka_unit_test(without_standard_error),
		cmocka_unit_test(in_a_bare_environment_one_is_started),
		WITH(each_tool_answers_as_its_schema_says),
		WITH(a_call_of_the_original_works_unchanged),
		WITH(nothing_foreign_reaches_a_model),
		WITH(secrets_of_earlier_servers_are_known),
		WITH(a_flood_stays_out_of_the_protocol),
		WITH(it_serves_while_a_run_goes_on),
		WITH(a_cancelled_call_ends_its_run),
		WITH(the_end_of_input_is_the_end),
		WITH(a_run_is_waited_for_in_pieces),
		WITH(a_silent_supervisor_does_not_prolong_a_wait),
		WITH(progress_rises_and_a_run_can_be_subscribed_to),
		WITH(a_long_call_becomes_a_task),
		WITH(a_supervisor_that_dies_is_a_clear_error),
		WITH(what_is_wrong_is_named),
		WITH(a_policy_holds_for_every_call),
		WITH(what_can_be_read_besides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
