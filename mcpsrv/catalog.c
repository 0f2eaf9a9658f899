/* What paratest-mcp offers: constant tables, so that prompts that hold them stay the
 * same and nothing of a project gets into them. */
#include "mcpsrv/call.h"
#include "mcpsrv/feed.h"
#include "mcpsrv/schemas.h"
#include "mcpsrv/tools.h"

#define TASK_AFTER_MS	1000	/* a call that takes longer becomes a task, where it may */

#define RUNS_COMMANDS	"{\"readOnlyHint\": false, \"destructiveHint\": true, "	\
			"\"idempotentHint\": false}"
#define READS		"{\"readOnlyHint\": true, \"openWorldHint\": false}"

#define SCHEMAS(name)	.input_schema = schema_##name##_input,			\
			.output_schema = schema_##name##_output

static const struct mcp_tool	tools[] = {
	{ .name = "console_run_test_parallel", .title = "Run tests in parallel",
	    .description = "Run tests (commands with assertions) in parallel in isolated worker "
	    "processes and return pass/fail results, the speedup against a sequential run and the "
	    "duration. Failing tests come first, with the end of their output. Large runs are "
	    "paged: read the rest with console_get_test_run.", SCHEMAS(run_test_parallel),
	    .annotations = RUNS_COMMANDS, .meta = "{\"anthropic/alwaysLoad\": true}",
	    .call = tool_run, .task_after_ms = TASK_AFTER_MS },
	{ .name = "console_retry_failed_tests", .title = "Retry failed tests",
	    .description = "Run failed tests again with exponential backoff, given as earlier "
	    "results or as a runId, and return each outcome and retry statistics.",
	    SCHEMAS(retry_failed_tests), .annotations = RUNS_COMMANDS, .call = tool_retry,
	    .task_after_ms = TASK_AFTER_MS },
	{ .name = "console_detect_flaky_tests", .title = "Detect flaky tests",
	    .description = "Run each test many times and report those whose outcome changes, with "
	    "failure patterns and recommendations.", SCHEMAS(detect_flaky_tests),
	    .annotations = RUNS_COMMANDS, .call = tool_flaky, .task_after_ms = TASK_AFTER_MS },
	{ .name = "console_set_test_timeout", .title = "Set test timeouts",
	    .description = "Change the default test timeout and worker timeout (milliseconds) and "
	    "return the configuration. With no arguments it only returns it.",
	    SCHEMAS(set_test_timeout), .annotations = "{\"readOnlyHint\": false, "
	    "\"destructiveHint\": false, \"idempotentHint\": true, \"openWorldHint\": false}",
	    .call = tool_set_timeout },
	{ .name = "console_get_execution_metrics", .title = "Get execution metrics",
	    .description = "Return duration, CPU time and memory of tests that have run, for one "
	    "test or all, with a summary.", SCHEMAS(get_execution_metrics), .annotations = READS,
	    .call = tool_metrics },
	{ .name = "console_list_test_runs", .title = "List test runs",
	    .description = "List recent and running test runs, newest first.",
	    SCHEMAS(list_test_runs), .annotations = READS, .call = tool_list },
	{ .name = "console_get_test_run", .title = "Get a test run",
	    .description = "Read the state and results of a run, a page at a time; can wait for a "
	    "running one.", SCHEMAS(get_test_run), .annotations = READS, .call = tool_get,
	    .task_after_ms = TASK_AFTER_MS },
	{ .name = "console_get_test_output", .title = "Get test output",
	    .description = "Read a part of one test's output, or the lines of it that match a "
	    "pattern.",
	    SCHEMAS(get_test_output), .annotations = READS, .call = tool_output },
	{ .name = "console_cancel_test_run", .title = "Cancel a test run",
	    .description = "End a running test run and every process it started.",
	    SCHEMAS(cancel_test_run), .annotations = "{\"readOnlyHint\": false, "
	    "\"destructiveHint\": true, \"idempotentHint\": true, \"openWorldHint\": false}",
	    .call = tool_cancel },
};

static const struct mcp_template	templates[] = {
	{ "paratest://runs/{runId}", "run", "A test run",
	    "Summary and state of a run; can be subscribed to.", "application/json" },
	{ "paratest://runs/{runId}/report.{format}", "report", "Report of a run",
	    "Everything about a run, as json, junit, markdown or tap.", NULL },
	{ "paratest://runs/{runId}/tests/{index}/output", "output", "Output of a test",
	    "What one test printed, the last 1 MiB of it; index: its place in the run, from 0.",
	    "text/plain" },
	{ "paratest://tests/{name}/history", "history", "History of a test",
	    "Outcomes and durations of a test over all runs; name: percent-encoded.",
	    "application/json" },
};

static const struct mcp_prompt_argument	a_run[] = {
	{ "runId", "The run to look at; without it the newest.", false },
};
static const struct mcp_prompt_argument	a_test[] = {
	{ "testName", "The test that is suspected.", true },
};
static const struct mcp_prompt	prompts[] = {
	{ "triage_failures", "Triage failures", "What broke in a test run: its failed tests with "
	    "the end of their output.", a_run, 1, prompt_triage },
	{ "investigate_flaky", "Investigate a flaky test", "What is known of a test that fails "
	    "now and then, and how to confirm it.", a_test, 1, prompt_flaky },
	{ "speed_up_tests", "Speed up tests", "Where the time of a run goes: its slowest tests "
	    "and how its workers were used.", a_run, 1, prompt_speed_up },
};

static const char	instructions[] =
    "Runs tests (any commands) in parallel, isolated, with every attempt on record. "
    "console_run_test_parallel runs them: give each a name and argv (or command). Failures come "
    "first, with the end of their output; runId leads to the rest: console_get_test_run (pages, "
    "waits), console_get_test_output (any part, or grep). A failing test is a result, not an error "
    "of the tool. After a failure: console_retry_failed_tests {runId}; in doubt: "
    "console_detect_flaky_tests. A name alone runs a test again as it was last defined. For long "
    "runs give waitMs and then poll console_get_test_run; a call that timed out has left its run "
    "on record: console_list_test_runs.";

void
offer_make(struct mcp_offer *o, struct srv *s)
{
	*o = (struct mcp_offer){ .name = "paratest", .title = "paratest",
	    .version = PARATEST_VERSION, .instructions = instructions,
	    .tools = tools, .ntools = sizeof tools / sizeof tools[0],
	    .templates = templates, .ntemplates = sizeof templates / sizeof templates[0],
	    .prompts = prompts, .nprompts = sizeof prompts / sizeof prompts[0],
	    .list_resources = resources_list, .read_resource = resources_read, .complete = complete,
	    .subscribe = feed_subscribe, .changing = MCP_LIST_RESOURCES, .arg = s };
}
