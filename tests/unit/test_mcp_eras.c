/* Which message is which, of which era, and what every wrong one is told. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/mcp_fixture.h"

#define ERROR(id, code, text) "{\"jsonrpc\":\"2.0\"," id "\"error\":{\"code\":" #code \
	",\"message\":\"" text "\"}}"
#define BOTH_WAYS "send initialize first, or say \\\"io.modelcontextprotocol/protocolVersion\\\" " \
	"in params._meta of each request (2026-07-28)"
#define META_NEEDS "params._meta must have \\\"io.modelcontextprotocol/protocolVersion\\\" " \
	"(a string) and \\\"io.modelcontextprotocol/clientCapabilities\\\" (an object)"

struct exchange {
	const char	*line, *want;	/* want NULL: nothing is answered */
};

static void
exchanges(struct rig *r, const struct exchange *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		say(r, v[i].line);
		if (v[i].want == NULL)
			hears_nothing(r);
		else
			hears(r, v[i].want);
	}
}
#define EXCHANGES(r, v) exchanges((r), (v), sizeof(v) / sizeof((v)[0]))

static void
what_is_no_message(void **state)
{
	static const struct exchange cases[] = {
		{ "{", ERROR("", -32700, "the line is not JSON: one message a line; near byte 1") },
		{ "nonsense", ERROR("", -32700,
		    "the line is not JSON: one message a line; near byte 8") },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"ping\"}", ERROR("", -32700,
		    "a member stands twice in one object, near byte 28") },
		/* Who asked learns of it. */
		{ "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"ping\",\"method\":\"ping\"}",
		    ERROR("\"id\":\"a\",", -32600,
		    "a member stands twice in one object, near byte 50") },
		{ "{\"jsonrpc\":\"2.0\",\"method\":\"tools/call\",\"params\":"
		    "{\"a\":1,\"a\":{\"id\":3}},\"id\":7}", ERROR("\"id\":7,", -32600,
		    "a member stands twice in one object, near byte 58") },
		{ "{\"jsonrpc\":\"2.0\",\"id\":[1],\"method\":\"ping\",\"method\":\"ping\"}",
		    ERROR("", -32700, "a member stands twice in one object, near byte 50") },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\xff\"}", ERROR("", -32700,
		    "the line is not valid UTF-8") },
		{ "{\"jsonrpc\":\"2.0\",\"id\":12345678901234567890,\"method\":\"ping\"}",
		    ERROR("", -32700, "a number is too large, near byte 42") },
		{ "1", ERROR("", -32600, "a message must be an object with "
		    "\\\"jsonrpc\\\":\\\"2.0\\\"") },
		{ "null", ERROR("", -32600,
		    "a message must be an object with \\\"jsonrpc\\\":\\\"2.0\\\"") },
		{ "{\"id\":1,\"method\":\"ping\"}", ERROR("", -32600,
		    "a message must be an object with \\\"jsonrpc\\\":\\\"2.0\\\"") },
		{ "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}", ERROR("", -32600,
		    "a message must be an object with \\\"jsonrpc\\\":\\\"2.0\\\"") },
		{ "[]", ERROR("", -32600, "a batch is empty") },
		{ "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]", ERROR("", -32600,
		    "batches are of revision 2025-03-26 only") },
		{ "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}", ERROR("", -32600,
		    "the id of a request must be a string or an integer") },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1.0,\"method\":\"ping\"}", ERROR("", -32600,
		    "the id of a request must be a string or an integer") },
		{ "{\"jsonrpc\":\"2.0\",\"id\":[1],\"method\":\"ping\"}", ERROR("", -32600,
		    "the id of a request must be a string or an integer") },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":2}", ERROR("\"id\":1,", -32600,
		    "method must be a string") },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":[]}",
		    ERROR("\"id\":1,", -32602, "params must be an object") },
		/* Answers to requests that we never sent, notifications, empty lines. */
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}", NULL },
		{ "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":1,\"message\":\"\"}}", NULL },
		{ "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}", NULL },
		{ "{\"jsonrpc\":\"2.0\",\"method\":\"tools/call\",\"params\":{"
		    "\"name\":\"hold\"}}", NULL },
		{ "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\"}", NULL },
		{ "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
		    "\"params\":{\"requestId\":7}}", NULL },
		{ "", NULL },
	};
	struct rig	r;

	(void)state;
	rig_start(&r);
	EXCHANGES(&r, cases);
	assert_int_equal(seen.nheld, 0);
	rig_stop(&r);
}

static void
before_initialize(void **state)
{
	static const struct exchange cases[] = {
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}",
		    "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}",
		    ERROR("\"id\":1,", -32602, BOTH_WAYS) },
		{ REQUEST("1", "tools/list", "{\"_meta\":{}}"),
		    ERROR("\"id\":1,", -32602, BOTH_WAYS) },
		{ REQUEST("1", "initialize", "{}"), ERROR("\"id\":1,", -32602,
		    "params.protocolVersion must be a string, such as \\\"2025-11-25\\\"") },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"server/discover\"}",
		    ERROR("\"id\":1,", -32602, META_NEEDS) },
		{ REQUEST("1", "subscriptions/listen", "{}"),
		    ERROR("\"id\":1,", -32602, META_NEEDS) },
		{ REQUEST("1", "tools/list",
		    "{\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"}}"),
		    ERROR("\"id\":1,", -32602, META_NEEDS) },
		{ REQUEST("1", "tools/list", "{\"_meta\":{"
		    "\"io.modelcontextprotocol/protocolVersion\":7,"
		    "\"io.modelcontextprotocol/clientCapabilities\":{}}}"),
		    ERROR("\"id\":1,", -32602, META_NEEDS) },
		{ REQUEST("\"v\"", "server/discover", "{\"_meta\":{"
		    "\"io.modelcontextprotocol/protocolVersion\":\"1999-01-01\","
		    "\"io.modelcontextprotocol/clientCapabilities\":{}}}"),
		    "{\"jsonrpc\":\"2.0\",\"id\":\"v\",\"error\":{\"code\":-32022,"
		    "\"message\":\"Unsupported protocol version\",\"data\":{"
		    "\"supported\":[\"2026-07-28\"],\"requested\":\"1999-01-01\"}}}" },
		/* A legacy revision does not become modern by being said there. */
		{ REQUEST("1", "ping", "{\"_meta\":{"
		    "\"io.modelcontextprotocol/protocolVersion\":\"2025-11-25\","
		    "\"io.modelcontextprotocol/clientCapabilities\":{}}}"),
		    "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32022,"
		    "\"message\":\"Unsupported protocol version\",\"data\":{"
		    "\"supported\":[\"2026-07-28\"],\"requested\":\"2025-11-25\"}}}" },
	};
	static const char *const removed[] = {
		"initialize", "ping", "logging/setLevel", "resources/subscribe",
		"resources/unsubscribe", "tasks/result", "tasks/list", "no/such",
	};
	struct rig	r;

	(void)state;
	rig_start(&r);
	EXCHANGES(&r, cases);
	for (size_t i = 0; i < sizeof(removed) / sizeof(removed[0]); i++) {
		char	*line = xasprintf(REQUEST("1", "%s", MODERN("")), removed[i]);
		char	*want = xasprintf(ERROR("\"id\":1,", -32601, "Method not found: %s"),
			    removed[i]);

		say(&r, line);
		hears(&r, want);
		free(line);
		free(want);
	}
	rig_stop(&r);
}

static void
versions(void **state)
{
	static const struct { const char *asked, *got; } cases[] = {
		{ "2025-11-25", "2025-11-25" }, { "2025-06-18", "2025-06-18" },
		{ "2025-03-26", "2025-03-26" }, { "2024-11-05", "2024-11-05" },
		{ "2024-10-07", "2025-11-25" }, { "2026-07-28", "2025-11-25" },
		{ "2099-01-01", "2025-11-25" }, { "", "2025-11-25" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rig	 r;
		char		*line, *want;
		bool		 title = strcmp(cases[i].got, "2025-06-18") >= 0;
		bool		 completions = strcmp(cases[i].got, "2024-11-05") > 0;

		rig_start(&r);
		line = xasprintf(REQUEST("1", "initialize", "{\"protocolVersion\":\"%s\"}"),
		    cases[i].asked);
		want = xasprintf("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{"
		    "\"protocolVersion\":\"%s\",\"capabilities\":{\"tools\":{},"
		    "\"resources\":{\"subscribe\":true,\"listChanged\":true},\"prompts\":{}%s,"
		    "\"logging\":{}},\"serverInfo\":{\"name\":\"rig\"%s,\"version\":\"1\"},"
		    "\"instructions\":\"Use it.\"}}", cases[i].got,
		    completions ? ",\"completions\":{}" : "", title ? ",\"title\":\"Rig\"" : "");
		say(&r, line);
		hears(&r, want);
		free(line);
		free(want);
		rig_stop(&r);
	}
}

/* Ids come back as they were: 1 is not "1". */
static void
ids(void **state)
{
	static const char *const cases[] = {
		"1", "\"1\"", "0", "-1", "\"\"", "9007199254740993", "-9223372036854775808",
		"\"a\\u0000b\"", "\"\\u20ac\\n\\\"\"",
	};
	static const char *const back[] = {
		"1", "\"1\"", "0", "-1", "\"\"", "9007199254740993", "-9223372036854775808",
		"\"a\\u0000b\"", "\"\xe2\x82\xac\\n\\\"\"",
	};
	struct rig	r;

	(void)state;
	rig_start(&r);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char	*line = xasprintf(REQUEST("%s", "ping", "{}"), cases[i]);
		char	*want = xasprintf("{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{}}", back[i]);

		say(&r, line);
		hears(&r, want);
		free(line);
		free(want);
	}
	rig_stop(&r);
}

/* Both eras on one pipe, message by message. */
static void
mixed(void **state)
{
	static const struct exchange cases[] = {
		{ REQUEST("1", "tools/call",
		    MODERN(",\"name\":\"double\",\"arguments\":{\"n\":1}")),
		    "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":[{\"type\":\"text\","
		    "\"text\":\"{\\\"n\\\":2}\"},{\"type\":\"resource_link\",\"uri\":\"x://1\","
		    "\"name\":\"one\"}],\"structuredContent\":{\"n\":2},"
		    "\"resultType\":\"complete\"," SERVER_META "}}" },
		{ REQUEST("2", "initialize", "{\"protocolVersion\":\"2025-03-26\"}"),
		    "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"protocolVersion\":\"2025-03-26\","
		    "\"capabilities\":{\"tools\":{},"
		    "\"resources\":{\"subscribe\":true,\"listChanged\":true},\"prompts\":{},"
		    "\"completions\":{},\"logging\":{}},"
		    "\"serverInfo\":{\"name\":\"rig\",\"version\":\"1\"},"
		    "\"instructions\":\"Use it.\"}}" },
		{ REQUEST("3", "tools/call", "{\"name\":\"double\",\"arguments\":{\"n\":1}}"),
		    "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{\"content\":[{\"type\":\"text\","
		    "\"text\":\"{\\\"n\\\":2}\"},{\"type\":\"text\",\"text\":\"one: x://1\"}]}}" },
		{ REQUEST("4", "server/discover", MODERN("")),
		    "{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":{"
		    "\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{\"tools\":{},"
		    "\"resources\":{\"subscribe\":true,\"listChanged\":true},\"prompts\":{},"
		    "\"completions\":{},\"extensions\":{\"io.modelcontextprotocol/tasks\":{}}},"
		    "\"instructions\":\"Use it.\",\"ttlMs\":3600000,\"cacheScope\":\"public\","
		    "\"resultType\":\"complete\"," SERVER_META "}}" },
		{ REQUEST("5", "server/discover", "{}"), ERROR("\"id\":5,", -32602, META_NEEDS) },
		{ REQUEST("6", "tasks/get", "{\"taskId\":\"x\"}"),
		    ERROR("\"id\":6,", -32601, "Method not found: tasks/get") },
	};
	struct rig	r;

	(void)state;
	rig_start(&r);
	EXCHANGES(&r, cases);
	rig_stop(&r);
}

/* Until 2025-06-18 an error has an id always, as JSON-RPC says: null for none. */
static void
batches(void **state)
{
	static const struct exchange cases[] = {
		{ "[" REQUEST("1", "ping", "{}") ",{\"jsonrpc\":\"2.0\",\"method\":\"x\"},"
		    REQUEST("2", "no/such", "{}") ",3," REQUEST("4", "initialize",
		    "{\"protocolVersion\":\"2025-03-26\"}") ","
		    REQUEST("5", "ping", MODERN("")) "]",
		    "[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}},"
		    ERROR("\"id\":2,", -32601, "Method not found: no/such") ","
		    ERROR("\"id\":null,", -32600, "a message must be an object with "
		    "\\\"jsonrpc\\\":\\\"2.0\\\"") ","
		    ERROR("\"id\":4,", -32600, "initialize must not be part of a batch") ","
		    ERROR("\"id\":5,", -32600, "revision 2026-07-28 has no batches") "]" },
		{ "[{\"jsonrpc\":\"2.0\",\"method\":\"x\"}]", NULL },
		{ "[]", ERROR("\"id\":null,", -32600, "a batch is empty") },
	};
	struct rig	r;

	(void)state;
	rig_start(&r);
	greet(&r, "2025-03-26", "{}");
	EXCHANGES(&r, cases);
	/* One answer, when the last of them is there; what is cancelled is not in it. */
	say(&r, "[" REQUEST("1", "tools/call", "{\"name\":\"hold\"}") ","
	    REQUEST("2", "tools/call", "{\"name\":\"hold\"}") "," REQUEST("3", "ping", "{}") "]");
	hears_nothing(&r);
	say(&r, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
	    "\"params\":{\"requestId\":1,\"reason\":\"enough\"}}");
	assert_string_equal(seen.reason, "enough");
	mcp_reply_failed(seen.held[0], "cancelled");
	hears_nothing(&r);
	mcp_reply_content(seen.held[1], json_array());
	hears(&r, "[{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}},"
	    "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"content\":[]}}]");
	/* One that waits when the server goes is forgotten with it. */
	say(&r, "[" REQUEST("1", "tools/call", "{\"name\":\"hold\"}") "]");
	rig_stop(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_message),
		cmocka_unit_test(before_initialize),
		cmocka_unit_test(versions),
		cmocka_unit_test(ids),
		cmocka_unit_test(mixed),
		cmocka_unit_test(batches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
