/* Requests from their start to their end: parameters, progress, cancelling, bounds, the
 * end of input. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include <event2/buffer.h>

#include "tests/unit/mcp_fixture.h"

#define ERROR(id, code, text) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"error\":{\"code\":" #code \
	",\"message\":\"" text "\"}}"
#define FAILED(text) "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":[{" \
	"\"type\":\"text\",\"text\":\"" text "\"}],\"isError\":true}}"
#define CANCEL(id) "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\"," \
	"\"params\":{\"requestId\":" id "}}"

static const struct { const char *method, *params, *want; } wrong_and_right[] = {
	{ "tools/call", "{}", ERROR("1", -32602, "params.name must be a string") },
	{ "tools/call", "{\"name\":7}",
	    ERROR("1", -32602, "params.name must be a string") },
	{ "tools/call", "{\"name\":\"doubl\"}", ERROR("1", -32602, "Unknown tool: doubl") },
	{ "tools/call", "{\"name\":\"double\\u0000\"}",
	    ERROR("1", -32602, "params.name must be a string") },
	{ "tools/call", "{\"name\":\"double\"}",
	    FAILED("Bad arguments of double: n is missing; it must be an integer.") },
	{ "tools/call", "{\"name\":\"double\",\"arguments\":[1]}",
	    FAILED("arguments of double must be an object") },
	{ "tools/call", "{\"name\":\"double\",\"arguments\":{\"n\":1,\"m\":2}}",
	    FAILED("Bad arguments of double: m is not known; known here are: n.") },
	{ "tools/call", "{\"name\":\"hold\",\"arguments\":{\"n\":\"\\u0000\"}}",
	    FAILED("Bad arguments of hold: n has a NUL character in it; leave that out.") },
	{ "tools/list", "{\"cursor\":\"\"}", ERROR("1", -32602,
	    "params.cursor is none that was handed out; leave it out for the first page") },
	{ "resources/list", "{\"cursor\":3}", ERROR("1", -32602,
	    "params.cursor is none that was handed out; leave it out for the first page") },
	{ "resources/list", "{\"cursor\":\"3\"}", ERROR("1", -32602,
	    "params.cursor is none that was handed out; leave it out for the first page") },
	{ "resources/list", "{\"cursor\":\"2\"}", "{\"jsonrpc\":\"2.0\",\"id\":1,"
	    "\"result\":{"
	    "\"resources\":[{\"uri\":\"x://1\",\"name\":\"one\",\"title\":\"One\"}]}}" },
	{ "resources/list", "{}", "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{"
	    "\"resources\":[{\"uri\":\"x://1\",\"name\":\"one\",\"title\":\"One\"}],"
	    "\"nextCursor\":\"2\"}}" },
	{ "resources/read", "{}", ERROR("1", -32602, "params.uri must be a string") },
	{ "resources/read", "{\"uri\":\"x://2\"}", "{\"jsonrpc\":\"2.0\",\"id\":1,"
	    "\"error\":{\"code\":-32002,\"message\":\"Resource not found\","
	    "\"data\":{\"uri\":\"x://2\"}}}" },
	{ "resources/subscribe", "{\"uri\":\"y://2\"}", "{\"jsonrpc\":\"2.0\",\"id\":1,"
	    "\"error\":{\"code\":-32002,\"message\":\"Resource not found\","
	    "\"data\":{\"uri\":\"y://2\"}}}" },
	{ "prompts/get", "{\"name\":\"x\"}", ERROR("1", -32602, "Unknown prompt: x") },
	{ "prompts/get", "{\"name\":\"greet\"}",
	    ERROR("1", -32602, "argument who of prompt greet is missing") },
	{ "prompts/get", "{\"name\":\"greet\",\"arguments\":{\"who\":1}}",
	    ERROR("1", -32602, "argument who of prompt greet must be text") },
	{ "prompts/get", "{\"name\":\"greet\",\"arguments\":{\"who\":\"a\",\"x\":\"\"}}",
	    ERROR("1", -32602, "argument x of prompt greet is not known") },
	{ "prompts/get", "{\"name\":\"greet\",\"arguments\":[]}",
	    ERROR("1", -32602, "arguments must be an object") },
	{ "prompts/get", "{\"name\":\"greet\",\"arguments\":{\"who\":\"a\"}}",
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"messages\":[{\"role\":\"user\","
	    "\"content\":{\"type\":\"text\",\"text\":\"a\"}}]}}" },
	{ "completion/complete", "{}", ERROR("1", -32602,
	    "params.argument must have a name and a value, both strings") },
	{ "completion/complete", "{\"ref\":{\"type\":\"ref/prompt\",\"name\":\"x\"},"
	    "\"argument\":{\"name\":\"who\",\"value\":\"\"}}",
	    ERROR("1", -32602, "params.ref.name is no prompt") },
	{ "completion/complete", "{\"ref\":{\"type\":\"ref/prompt\",\"name\":\"greet\"},"
	    "\"argument\":{\"name\":\"x\",\"value\":\"\"}}",
	    ERROR("1", -32602, "params.argument.name is no argument of the prompt") },
	{ "completion/complete", "{\"ref\":{\"type\":\"ref/resource\","
	    "\"uri\":\"x://{id}\"},"
	    "\"argument\":{\"name\":\"i\",\"value\":\"\"}}",
	    ERROR("1", -32602, "params.argument.name is no variable of the template") },
	{ "completion/complete", "{\"ref\":{\"type\":\"x\"},"
	    "\"argument\":{\"name\":\"i\",\"value\":\"\"}}", ERROR("1", -32602,
	    "params.ref.type must be \\\"ref/prompt\\\" or \\\"ref/resource\\\"") },
	{ "logging/setLevel", "{\"level\":\"loud\"}", ERROR("1", -32602, "params.level must be "
	    "one of debug, info, notice, warning, error, critical, alert, emergency") },
};

static void
parameters(void **state)
{
	struct rig	r;
	char		*line;
	int		 values;

	(void)state;
	rig_start(&r);
	greet(&r, "2025-11-25", "{}");
	for (size_t i = 0; i < sizeof(wrong_and_right) / sizeof(wrong_and_right[0]); i++) {
		line = xasprintf(REQUEST("1", "%s", "%s"), wrong_and_right[i].method,
		    wrong_and_right[i].params);
		say(&r, line);
		hears(&r, wrong_and_right[i].want);
		free(line);
	}
	assert_int_equal(seen.nheld, 0);
	/* At most a hundred values are sent. */
	say(&r, REQUEST("1", "completion/complete", "{\"ref\":{\"type\":\"ref/resource\","
	    "\"uri\":\"x://{id}\"},\"argument\":{\"name\":\"id\",\"value\":\"\"}}"));
	line = heard(&r);
	assert_non_null(strstr(line, "\"v\"],\"total\":101,\"hasMore\":true}}"));
	values = 0;
	for (const char *v = line; (v = strstr(v, "\"v\"")) != NULL; v++)
		values++;
	assert_int_equal(values, 100);
	free(line);
	/* The modern era has another code for a resource that is not there. */
	say(&r, REQUEST("1", "resources/read", MODERN(",\"uri\":\"x://2\"")));
	hears(&r, "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32602,"
	    "\"message\":\"Resource not found\",\"data\":{\"uri\":\"x://2\"}}}");
	say(&r, REQUEST("1", "resources/read", MODERN(",\"uri\":\"x://1\"")));
	hears(&r, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"contents\":[{\"uri\":\"x://1\","
	    "\"text\":\"1\"}],\"ttlMs\":0,\"cacheScope\":\"private\","
	    "\"resultType\":\"complete\"," SERVER_META "}}");
	rig_stop(&r);
}

/* ---- progress ---- */

static double
number_in(const char *line, const char *key)
{
	const char	*at = strstr(line, key);

	assert_non_null(at);
	return strtod(at + strlen(key), NULL);
}

static void
progress_rises(void **state)
{
	struct rig	 r;
	double		 last = -1, now;
	char		*line;

	(void)state;
	rig_start(&r);
	greet(&r, "2025-06-18", "{}");
	say(&r, REQUEST("1", "tools/call", "{\"name\":\"hold\",\"_meta\":{"
	    "\"progressToken\":\"t\"}}"));
	mcp_progress(seen.held[0], 3, 10, "three\ndone");
	hears(&r, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{"
	    "\"progressToken\":\"t\",\"progress\":3,\"total\":10,\"message\":\"three done\"}}");
	/* The same again is no news; a number that falls is told as one that rises. */
	mcp_progress(seen.held[0], 3, 10, "three\ndone");
	hears_nothing(&r);
	mcp_progress(seen.held[0], 2, 10, "two");
	hears(&r, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{"
	    "\"progressToken\":\"t\",\"progress\":3.5,\"total\":10,\"message\":\"two\"}}");
	/* What comes faster than it is told is told once, as it is last. */
	for (int i = 4; i <= 9; i++)
		mcp_progress(seen.held[0], i, 10, "");
	hears(&r, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{"
	    "\"progressToken\":\"t\",\"progress\":9,\"total\":10}}");
	/* By itself it goes on, and never stands still. */
	r.server->silence_ms = 1;
	mcp_progress(seen.held[0], 10, 10, "all");
	for (int i = 0; i < 6; i++) {
		line = heard(&r);
		now = number_in(line, "\"progress\":");
		assert_true(now > last && now < 11);
		/* More than all is not "of all". */
		assert_int_equal(now > 10, strstr(line, "\"total\"") == NULL);
		last = now;
		free(line);
	}
	mcp_reply_content(seen.held[0], json_array());
	do {
		line = heard(&r);
		now = strstr(line, "\"result\"") != NULL;
		free(line);
	} while (now == 0);
	hears_nothing(&r);
	rig_stop(&r);
}

static void
progress_tokens(void **state)
{
	static const struct { const char *meta, *token; } cases[] = {
		{ "{\"progressToken\":1}", "1" }, { "{\"progressToken\":\"1\"}", "\"1\"" },
		{ "{\"progressToken\":1.5}", NULL }, { "{\"progressToken\":null}", NULL },
		{ "{}", NULL }, { "[]", NULL },
	};
	struct rig	r;

	(void)state;
	rig_start(&r);
	greet(&r, "2024-11-05", "{}");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char	*line = xasprintf(REQUEST("1", "tools/call",
			    "{\"name\":\"hold\",\"_meta\":%s}"), cases[i].meta);
		char	*want = xasprintf("{\"jsonrpc\":\"2.0\",\"method\":"
			    "\"notifications/progress\",\"params\":{\"progressToken\":%s,"
			    "\"progress\":0.5}}", cases[i].token != NULL ? cases[i].token : "");

		say(&r, line);
		/* No message in the first revision. */
		mcp_progress(seen.held[i], 0.5, 0, "words");
		if (cases[i].token != NULL)
			hears(&r, want);
		hears_nothing(&r);
		mcp_reply_content(seen.held[i], json_array());
		hears(&r, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":[]}}");
		free(line);
		free(want);
	}
	rig_stop(&r);
}

/* ---- cancelling ---- */

static void
cancelled(void **state)
{
	struct rig	r;

	(void)state;
	rig_start(&r);
	greet(&r, "2025-11-25", "{}");
	say(&r, REQUEST("1", "tools/call", "{\"name\":\"hold\",\"_meta\":{\"progressToken\":1}}"));
	say(&r, REQUEST("2", "tools/call", "{\"name\":\"hold\"}"));
	/* Not this one: the type of an id is part of it. */
	say(&r, CANCEL("\"1\""));
	assert_string_equal(seen.reason, "");
	say(&r, CANCEL("1"));
	assert_string_equal(seen.reason, "cancelled by the client");
	seen.reason[0] = '\0';
	say(&r, CANCEL("1"));
	assert_string_equal(seen.reason, "");
	/* Nothing more is said of it, and its id may be used again. */
	mcp_progress(seen.held[0], 1, 2, "late");
	hears_nothing(&r);
	say(&r, REQUEST("1", "tools/call", "{\"name\":\"double\",\"arguments\":{\"n\":0}}"));
	free(heard(&r));
	mcp_reply_content(seen.held[0], json_array());
	hears_nothing(&r);
	/* The other one is not touched; answers come in any order. */
	mcp_reply_content(seen.held[1], json_array());
	hears(&r, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"content\":[]}}");
	rig_stop(&r);
}

/* ---- bounds ---- */

static void
in_flight(void **state)
{
	struct rig	 r;
	char		*line;

	(void)state;
	rig_start(&r);
	greet(&r, "2025-11-25", "{}");
	for (int i = 0; i < MCP_IN_FLIGHT; i++) {
		line = xasprintf(REQUEST("%d", "tools/call", "{\"name\":\"hold\"}"), i);
		say(&r, line);
		free(line);
	}
	assert_int_equal(seen.nheld, MCP_IN_FLIGHT);
	say(&r, REQUEST("0", "ping", "{}"));
	hears(&r, ERROR("0", -32600, "a request of this id is being answered"));
	say(&r, REQUEST("100", "tools/list", "{}"));
	hears(&r, ERROR("100", -32603, "64 requests are being answered; wait for one of them"));
	hears_nothing(&r);
	mcp_reply_content(seen.held[0], json_array());
	hears(&r, "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"content\":[]}}");
	say(&r, REQUEST("100", "prompts/get", "{\"name\":\"x\"}"));
	hears(&r, ERROR("100", -32602, "Unknown prompt: x"));
	rig_stop(&r);
}

static void
long_messages(void **state)
{
	struct rig	 r;
	size_t		 n = MCP_LINE_MAX + 1;
	char		*big = xcalloc(n + 1, 1);

	(void)state;
	memset(big, ' ', n);
	rig_start(&r);
	greet(&r, "2025-11-25", "{}");
	say_bytes(&r, big, n);
	say_bytes(&r, big, 100);
	say_bytes(&r, "\n", 1);
	hears(&r, "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600,"
	    "\"message\":\"a line was longer than 16 MiB and is lost\"}}");
	hears_nothing(&r);
	/* The longest that is read; and an answer that no client would take. */
	memcpy(big, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}", 40);
	say_bytes(&r, big, MCP_LINE_MAX);
	say_bytes(&r, "\n", 1);
	hears(&r, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}");
	say(&r, REQUEST("2", "tools/call", "{\"name\":\"hold\"}"));
	big[MCP_ANSWER_MAX] = '\0';
	mcp_reply_failed(seen.held[0], "%s", big);
	hears(&r, ERROR("2", -32603, "the answer is longer than 4 MiB; ask for a part of it"));
	free(big);
	rig_stop(&r);
}

/* A client that does not read is not read from, and loses nothing. */
static void
full(void **state)
{
	static const char	request[] = REQUEST("7", "tools/list", "{}") "\n";
	struct rig		r;
	size_t			asked = 0, answered = 0, most = 0;
	int			still = 0;

	(void)state;
	rig_start(&r);
	greet(&r, "2025-11-25", "{}");
	assert_int_equal(fcntl(r.in[1], F_SETFL, O_NONBLOCK), 0);
	while (still < 100) {
		/* Shorter than PIPE_BUF: all of it or nothing. */
		if (write(r.in[1], request, sizeof(request) - 1) > 0) {
			asked++;
			still = 0;
		} else
			still++;
		turn(&r);
		if (evbuffer_get_length(r.server->out) > most)
			most = evbuffer_get_length(r.server->out);
	}
	assert_true(most > (size_t)8 << 20 && most < (size_t)9 << 20);
	for (; answered < asked; answered++)
		free(heard(&r));
	hears_nothing(&r);
	rig_stop(&r);
}

/* ---- what the server asks and logs ---- */

static void
on_answer(struct mcp_request *q, const json_t *result, const json_t *error, void *arg)
{
	(void)arg;
	mcp_reply_failed(q, "%s %s", result != NULL ? "yes" : "no",
	    error != NULL ? json_string_value(json_object_get(error, "message")) : "");
}

static void
asking(void **state)
{
	struct rig	r;

	(void)state;
	rig_start(&r);
	greet(&r, "2025-11-25", "{\"sampling\":{}}");
	for (int i = 1; i <= 3; i++)
		say(&r, i == 1 ? REQUEST("1", "tools/call", "{\"name\":\"hold\"}") :
		    i == 2 ? REQUEST("2", "tools/call", "{\"name\":\"hold\"}") :
		    REQUEST("3", "tools/call", "{\"name\":\"hold\"}"));
	assert_false(mcp_ask(seen.held[0], "elicitation/create", json_object(), on_answer, NULL));
	for (int i = 0; i < 3; i++)
		assert_true(mcp_ask(seen.held[i], "sampling/createMessage", json_object(),
		    on_answer, NULL));
	hears(&r, "{\"jsonrpc\":\"2.0\",\"method\":\"sampling/createMessage\",\"params\":{},"
	    "\"id\":1}");
	free(heard(&r));
	free(heard(&r));
	say(&r, "{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"code\":1,\"message\":\"never\"}}");
	hears(&r, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"content\":[{\"type\":\"text\","
	    "\"text\":\"no never\"}],\"isError\":true}}");
	say(&r, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}");
	hears(&r, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":[{\"type\":\"text\","
	    "\"text\":\"yes \"}],\"isError\":true}}");
	/* Twice, and for a request that is over: nothing. */
	mcp_reply_content(seen.held[2], json_array());
	free(heard(&r));
	say(&r, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}");
	say(&r, "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}");
	hears_nothing(&r);
	/* The modern era asks nobody. */
	say(&r, REQUEST("4", "tools/call", "{\"name\":\"hold\",\"_meta\":{"
	    "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
	    "\"io.modelcontextprotocol/clientCapabilities\":{\"sampling\":{}}}}"));
	assert_false(mcp_ask(seen.held[3], "sampling/createMessage", json_object(), on_answer,
	    NULL));
	rig_stop(&r);
}

static void
log_lines(void **state)
{
	struct rig	r;

	(void)state;
	rig_start(&r);
	greet(&r, "2025-11-25", "{}");
	say(&r, REQUEST("1", "tools/call", "{\"name\":\"hold\"}"));
	say(&r, REQUEST("2", "tools/call", MODERN(",\"name\":\"hold\"")));
	say(&r, REQUEST("3", "tools/call", "{\"name\":\"hold\",\"_meta\":{"
	    "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
	    "\"io.modelcontextprotocol/clientCapabilities\":{},"
	    "\"io.modelcontextprotocol/logLevel\":\"warning\"}}"));
	for (int i = 0; i < 3; i++) {
		mcp_log(seen.held[i], "debug", "test", json_string("debug"));
		mcp_log(seen.held[i], "error", "test", json_integer(i));
	}
	hears(&r, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{"
	    "\"level\":\"error\",\"logger\":\"test\",\"data\":0}}");
	hears(&r, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{"
	    "\"level\":\"error\",\"logger\":\"test\",\"data\":2}}");
	hears_nothing(&r);
	say(&r, REQUEST("4", "logging/setLevel", "{\"level\":\"debug\"}"));
	hears(&r, "{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":{}}");
	mcp_log(seen.held[0], "debug", "test", json_true());
	hears(&r, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{"
	    "\"level\":\"debug\",\"logger\":\"test\",\"data\":true}}");
	rig_stop(&r);
}

/* ---- the end ---- */

static void
reply_when_cancelled(void *arg, const char *reason)
{
	(void)reason;
	mcp_reply_content(arg, json_array());
}

static void
end_of_input(void **state)
{
	struct rig	r;

	(void)state;
	rig_start(&r);
	greet(&r, "2025-11-25", "{}");
	say(&r, REQUEST("1", "subscriptions/listen", MODERN(",\"notifications\":{}")));
	free(heard(&r));
	say(&r, REQUEST("2", "tools/call", "{\"name\":\"hold\"}"));
	say(&r, REQUEST("3", "tools/call", "{\"name\":\"hold\"}"));
	mcp_on_cancel(seen.held[0], reply_when_cancelled, seen.held[0]);
	mcp_on_cancel(seen.held[1], reply_when_cancelled, seen.held[1]);
	/* The last line needs no end. */
	say_bytes(&r, REQUEST("4", "ping", "{}"), strlen(REQUEST("4", "ping", "{}")));
	(void)close(r.in[1]);
	r.in[1] = -1;
	assert_int_equal(mcp_run(r.server), 0);
	/* What is asked is answered; subscriptions end; what is at work is cancelled. */
	hears(&r, "{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":{}}");
	hears(&r, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"resultType\":\"complete\","
	    "\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":1,"
	    "\"io.modelcontextprotocol/serverInfo\":{\"name\":\"rig\",\"title\":\"Rig\","
	    "\"version\":\"1\"}}}}");
	take_output(&r);
	assert_int_equal(r.len, 0);
	rig_stop(&r);
}

/* A handler that never answers keeps nobody. */
static void
stopped(void **state)
{
	struct rig	r;

	(void)state;
	rig_start(&r);
	greet(&r, "2025-11-25", "{}");
	say(&r, REQUEST("2", "tools/call", "{\"name\":\"hold\"}"));
	mcp_stop(r.server);
	assert_string_equal(seen.reason, "the client is gone");
	assert_int_equal(mcp_run(r.server), 0);
	rig_stop(&r);
}

static void
nobody_reads(void **state)
{
	struct rig	r;

	(void)state;
	rig_start(&r);
	greet(&r, "2025-11-25", "{}");
	say(&r, REQUEST("2", "tools/call", "{\"name\":\"hold\"}"));
	mcp_on_cancel(seen.held[0], reply_when_cancelled, seen.held[0]);
	(void)close(r.out[0]);
	say(&r, REQUEST("3", "ping", "{}"));
	assert_int_equal(mcp_run(r.server), 0);
	r.out[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	rig_stop(&r);
}

/* With the digits that they have, as whoever measured an answer counted them. */
static void
numbers_are_written_short(void **state)
{
	json_t	*v = json_real(8024.954);
	size_t	 n;
	char	*text = mj_dump(v, &n);

	(void)state;
	assert_string_equal(text, "8024.954");
	free(text);
	json_decref(v);
}

/* What is written once stands in the answer twice, whatever it says itself. */
static void
structured_content_is_whole(void **state)
{
	static const struct {
		const char	*text, *want;
	} cases[] = {
		{ "", "{\"s\":\"\"}" },
		{ "\"structuredContent\":null", "{\"s\":\"\\\"structuredContent\\\":null\"}" },
		{ ",\"structuredContent\":null\\",
		    "{\"s\":\",\\\"structuredContent\\\":null\\\\\"}" },
	};
	struct rig	 r;
	json_t		*got, *result;
	char		*line;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		rig_start(&r);
		greet(&r, "2025-11-25", "{}");
		say(&r, REQUEST("1", "tools/call", "{\"name\":\"hold\"}"));
		hears_nothing(&r);
		mcp_reply_structured(seen.held[0], json_pack("{s:s}", "s", cases[i].text), NULL,
		    NULL);
		line = heard(&r);
		if (strstr(line, cases[i].want) == NULL)
			fail_msg("%s", line);
		got = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
		assert_non_null(got);
		result = json_object_get(got, "result");
		assert_string_equal(json_string_value(json_object_get(json_object_get(result,
		    "structuredContent"), "s")), cases[i].text);
		assert_string_equal(json_string_value(json_object_get(json_array_get(
		    json_object_get(result, "content"), 0), "text")), cases[i].want);
		json_decref(got);
		free(line);
		rig_stop(&r);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parameters),
		cmocka_unit_test(progress_rises),
		cmocka_unit_test(progress_tokens),
		cmocka_unit_test(cancelled),
		cmocka_unit_test(in_flight),
		cmocka_unit_test(long_messages),
		cmocka_unit_test(full),
		cmocka_unit_test(asking),
		cmocka_unit_test(log_lines),
		cmocka_unit_test(end_of_input),
		cmocka_unit_test(stopped),
		cmocka_unit_test(nobody_reads),
		cmocka_unit_test(numbers_are_written_short),
		cmocka_unit_test(structured_content_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
