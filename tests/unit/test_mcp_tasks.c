/* Tasks and subscriptions. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/mcp_fixture.h"

#define ERROR(id, code, text) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"error\":{\"code\":" #code \
	",\"message\":\"" text "\"}}"
#define OK_MODERN(id) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":{" \
	"\"resultType\":\"complete\"," SERVER_META "}}"

/* ---- tasks ---- */

/* Calls "hold" as a request that knows tasks, waits for the handle, and names it. */
static char *
start_task(struct rig *r)
{
	char	*line, *id;

	say(r, REQUEST("1", "tools/call", MODERN_TASKS(",\"name\":\"hold\"")));
	line = heard(r);
	assert_non_null(strstr(line, "\"id\":1,\"result\":{\"taskId\":\""));
	id = xstrndup(strstr(line, "taskId") + 9, 32);
	assert_int_equal(strspn(id, "0123456789abcdef"), 32);
	assert_non_null(strstr(line, "\"status\":\"working\",\"createdAt\":\"20"));
	assert_non_null(strstr(line, "Z\",\"ttlMs\":3600000,\"pollIntervalMs\":1000,"
	    "\"resultType\":\"task\"," SERVER_META "}}"));
	free(line);
	return id;
}

/* Asks a tasks/ method about one. */
static void
ask_task(struct rig *r, const char *method, const char *id)
{
	char	*line = xasprintf(REQUEST("2", "tasks/%s", MODERN_TASKS(",\"taskId\":\"%s\"")),
		    method, id);

	say(r, line);
	free(line);
}

/* What tasks/get says has this in it. */
static void
task_has(struct rig *r, const char *id, const char *part)
{
	char	*line;

	ask_task(r, "get", id);
	line = heard(r);
	if (strstr(line, part) == NULL)
		fail_msg("%s not in %s", part, line);
	assert_non_null(strstr(line, "\"resultType\":\"complete\""));
	free(line);
}

static void
task_completes(void **state)
{
	struct rig	 r;
	char		*id;

	(void)state;
	rig_start(&r);
	id = start_task(&r);
	task_has(&r, id, "\"status\":\"working\",\"createdAt\"");
	mcp_progress(seen.held[0], 1, 2, "half");
	task_has(&r, id, "\"status\":\"working\",\"statusMessage\":\"half\"");
	/* No more than the call asks for: the request is over for its client. */
	say(&r, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
	    "\"params\":{\"requestId\":1}}");
	assert_string_equal(seen.reason, "");
	mcp_reply_failed(seen.held[0], "it failed");
	hears_nothing(&r);
	/* A tool that failed has completed; cancelling changes nothing then. */
	for (int i = 0; i < 2; i++) {
		task_has(&r, id, "\"status\":\"completed\",\"createdAt\"");
		task_has(&r, id, "\"pollIntervalMs\":1000,\"result\":{\"content\":["
		    "{\"type\":\"text\",\"text\":\"it failed\"}],\"isError\":true,"
		    "\"resultType\":\"complete\"},");
		ask_task(&r, "cancel", id);
		hears(&r, OK_MODERN("2"));
	}
	free(id);
	rig_stop(&r);
}

static void
task_fails(void **state)
{
	struct rig	 r;
	char		*id;

	(void)state;
	rig_start(&r);
	id = start_task(&r);
	mcp_reply_error(seen.held[0], MCP_INTERNAL_ERROR, NULL, "broken");
	task_has(&r, id, "\"status\":\"failed\"");
	task_has(&r, id, "\"error\":{\"code\":-32603,\"message\":\"broken\"}");
	free(id);
	rig_stop(&r);
}

static void
task_cancelled(void **state)
{
	struct rig	 r;
	char		*id;

	(void)state;
	rig_start(&r);
	id = start_task(&r);
	ask_task(&r, "update", id);
	hears(&r, OK_MODERN("2"));
	ask_task(&r, "cancel", id);
	hears(&r, OK_MODERN("2"));
	assert_string_equal(seen.reason, "the task was cancelled by the client");
	task_has(&r, id, "\"status\":\"cancelled\"");
	mcp_reply_content(seen.held[0], json_array());
	task_has(&r, id, "\"status\":\"cancelled\"");
	free(id);
	rig_stop(&r);
}

static void
no_task(void **state)
{
	struct rig	 r;
	char		*line;

	(void)state;
	rig_start(&r);
	ask_task(&r, "get", "nope");
	hears(&r, ERROR("2", -32602,
	    "params.taskId is no task of this server; tasks are kept for 3600 s"));
	say(&r, REQUEST("3", "tasks/get", MODERN(",\"taskId\":\"nope\"")));
	hears(&r, "{\"jsonrpc\":\"2.0\",\"id\":3,\"error\":{\"code\":-32021,"
	    "\"message\":\"the request does not declare the extension "
	    "io.modelcontextprotocol/tasks\",\"data\":{\"requiredCapabilities\":"
	    "{\"extensions\":{\"io.modelcontextprotocol/tasks\":{}}}}}}");
	/* A call that does not know tasks waits, and one that is quick is none. */
	say(&r, REQUEST("4", "tools/call", MODERN(",\"name\":\"hold\"")));
	say(&r, REQUEST("5", "tools/call", MODERN_TASKS(",\"name\":\"double\","
	    "\"arguments\":{\"n\":2}")));
	line = heard(&r);
	assert_non_null(strstr(line, "\"structuredContent\":{\"n\":4},"
	    "\"resultType\":\"complete\""));
	free(line);
	later(&r);
	hears_nothing(&r);
	mcp_reply_content(seen.held[0], json_array());
	hears(&r, "{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":{\"content\":[],"
	    "\"resultType\":\"complete\"," SERVER_META "}}");
	rig_stop(&r);
}

/* The name that a handler gives, but for two tasks only to the first. */
static void
named_tasks(void **state)
{
	struct rig	 r;
	char		*id;

	(void)state;
	rig_start(&r);
	for (int i = 0; i < 2; i++) {
		say(&r, REQUEST("1", "tools/call", MODERN_TASKS(",\"name\":\"hold\"")));
		mcp_task_name(seen.held[i], "5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e");
		id = heard(&r);
		assert_int_equal(strstr(id, "\"taskId\":\"5ca1ab1e") != NULL, i == 0);
		free(id);
	}
	mcp_reply_failed(seen.held[0], "the first");
	task_has(&r, "5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e", "the first");
	rig_stop(&r);
}

/* The oldest that is over makes room; with none, a call waits for its answer. */
static void
many_tasks(void **state)
{
	struct rig	 r;
	char		*ids[MCP_TASKS], *last;

	(void)state;
	rig_start(&r);
	for (int i = 0; i < MCP_TASKS; i++)
		ids[i] = start_task(&r);
	say(&r, REQUEST("9", "tools/call", MODERN_TASKS(",\"name\":\"hold\"")));
	later(&r);
	hears_nothing(&r);
	mcp_reply_content(seen.held[MCP_TASKS], json_array());
	hears(&r, "{\"jsonrpc\":\"2.0\",\"id\":9,\"result\":{\"content\":[],"
	    "\"resultType\":\"complete\"," SERVER_META "}}");
	mcp_reply_content(seen.held[3], json_array());
	mcp_reply_content(seen.held[1], json_array());
	task_has(&r, ids[1], "\"status\":\"completed\"");
	last = start_task(&r);
	ask_task(&r, "get", ids[1]);
	hears(&r, ERROR("2", -32602,
	    "params.taskId is no task of this server; tasks are kept for 3600 s"));
	task_has(&r, ids[3], "\"status\":\"completed\"");
	task_has(&r, last, "\"status\":\"working\"");
	free(last);
	for (int i = 0; i < MCP_TASKS; i++)
		free(ids[i]);
	rig_stop(&r);
}

/* ---- subscriptions ---- */

#define UPDATED(meta) "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/updated\"," \
	"\"params\":{\"uri\":\"x://1\"" meta "}}"
#define META(id) "\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":" id "}"
#define ACK(id, granted) "{\"jsonrpc\":\"2.0\"," \
	"\"method\":\"notifications/subscriptions/acknowledged\"," \
	"\"params\":{\"notifications\":{" granted "}," META(id) "}}"

static void
legacy_subscriptions(void **state)
{
	struct rig	r;

	(void)state;
	rig_start(&r);
	/* Nobody is told before there is a client. */
	mcp_list_changed(r.server, MCP_LIST_RESOURCES);
	mcp_resource_updated(r.server, "x://1");
	hears_nothing(&r);
	greet(&r, "2025-06-18", "{}");
	for (int i = 0; i < 2; i++) {
		say(&r, REQUEST("1", "resources/subscribe", "{\"uri\":\"x://1\"}"));
		hears(&r, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}");
	}
	mcp_resource_updated(r.server, "x://1");
	hears(&r, UPDATED(""));
	mcp_resource_updated(r.server, "x://2");
	mcp_list_changed(r.server, MCP_LIST_RESOURCES);
	hears(&r, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/list_changed\","
	    "\"params\":{}}");
	/* What is not said to change is not told. */
	mcp_list_changed(r.server, MCP_LIST_TOOLS);
	for (int i = 0; i < 2; i++) {
		say(&r, REQUEST("1", "resources/unsubscribe", "{\"uri\":\"x://1\"}"));
		hears(&r, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}");
	}
	mcp_resource_updated(r.server, "x://1");
	hears_nothing(&r);
	assert_string_equal(seen.subscribed, "+x://1-x://1");
	rig_stop(&r);
}

static void
listens(void **state)
{
	struct rig	r;

	(void)state;
	rig_start(&r);
	say(&r, REQUEST("1", "subscriptions/listen", MODERN("")));
	hears(&r, ERROR("1", -32602, "params.notifications must be an object"));
	say(&r, REQUEST("\"a\"", "subscriptions/listen", MODERN(",\"notifications\":{"
	    "\"toolsListChanged\":true,\"resourcesListChanged\":true,"
	    "\"resourceSubscriptions\":[\"x://1\",\"y://1\",7,\"x://2\"],\"taskIds\":[\"no\"]}")));
	hears(&r, ACK("\"a\"", "\"resourcesListChanged\":true,"
	    "\"resourceSubscriptions\":[\"x://1\",\"x://2\"]"));
	say(&r, REQUEST("\"a\"", "subscriptions/listen", MODERN(",\"notifications\":{}")));
	hears(&r, ERROR("\"a\"", -32600, "a request of this id is being answered"));
	say(&r, REQUEST("2", "subscriptions/listen", MODERN(",\"notifications\":{"
	    "\"resourceSubscriptions\":[\"x://1\"]}")));
	hears(&r, ACK("2", "\"resourceSubscriptions\":[\"x://1\"]"));
	mcp_resource_updated(r.server, "x://1");
	hears(&r, UPDATED("," META("\"a\"")));
	hears(&r, UPDATED("," META("2")));
	mcp_list_changed(r.server, MCP_LIST_RESOURCES);
	hears(&r, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/list_changed\","
	    "\"params\":{" META("\"a\"") "}}");
	say(&r, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
	    "\"params\":{\"requestId\":\"a\"}}");
	mcp_list_changed(r.server, MCP_LIST_RESOURCES);
	mcp_resource_updated(r.server, "x://2");
	mcp_resource_updated(r.server, "x://1");
	hears(&r, UPDATED("," META("2")));
	hears_nothing(&r);
	/* x://1 is still wanted by the other. */
	assert_string_equal(seen.subscribed, "+x://1+x://2-x://2");
	rig_stop(&r);
}

static void
task_news(void **state)
{
	struct rig	 r;
	char		*id, *line, *want;

	(void)state;
	rig_start(&r);
	id = start_task(&r);
	line = xasprintf(REQUEST("5", "subscriptions/listen",
	    MODERN_TASKS(",\"notifications\":{\"taskIds\":[\"%s\"]}")), id);
	want = xasprintf(ACK("5", "\"taskIds\":[\"%s\"]"), id);
	say(&r, line);
	hears(&r, want);
	free(line);
	free(want);
	mcp_progress(seen.held[0], 1, 2, "half");
	line = heard(&r);
	assert_non_null(strstr(line, "\"method\":\"notifications/tasks\",\"params\":{\"taskId\":"));
	assert_non_null(strstr(line, "\"status\":\"working\",\"statusMessage\":\"half\""));
	assert_non_null(strstr(line, META("5") "}}"));
	free(line);
	mcp_reply_content(seen.held[0], json_array());
	line = heard(&r);
	assert_non_null(strstr(line, "\"status\":\"completed\""));
	assert_non_null(strstr(line, "\"result\":{\"content\":[],\"resultType\":\"complete\"}"));
	free(line);
	free(id);
	rig_stop(&r);
}

static void
subscription_bounds(void **state)
{
	struct rig	 r;
	char		*line;

	(void)state;
	rig_start(&r);
	greet(&r, "2025-11-25", "{}");
	for (int i = 0; i < MCP_LISTENS; i++) {
		line = xasprintf(REQUEST("%d", "subscriptions/listen",
		    MODERN(",\"notifications\":{}")), i);
		say(&r, line);
		free(line);
		free(heard(&r));
	}
	say(&r, REQUEST("99", "subscriptions/listen", MODERN(",\"notifications\":{}")));
	hears(&r, ERROR("99", -32603, "32 subscriptions are open; cancel one of them"));
	for (int i = 0; i < MCP_SUBSCRIPTIONS; i++) {
		line = xasprintf(REQUEST("99", "resources/subscribe", "{\"uri\":\"x://%d\"}"), i);
		say(&r, line);
		free(line);
		hears(&r, "{\"jsonrpc\":\"2.0\",\"id\":99,\"result\":{}}");
	}
	say(&r, REQUEST("99", "resources/subscribe", "{\"uri\":\"x://more\"}"));
	hears(&r, ERROR("99", -32603, "256 resources are subscribed to; unsubscribe from one"));
	rig_stop(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(task_completes),
		cmocka_unit_test(task_fails),
		cmocka_unit_test(task_cancelled),
		cmocka_unit_test(no_task),
		cmocka_unit_test(named_tasks),
		cmocka_unit_test(many_tasks),
		cmocka_unit_test(legacy_subscriptions),
		cmocka_unit_test(listens),
		cmocka_unit_test(task_news),
		cmocka_unit_test(subscription_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
