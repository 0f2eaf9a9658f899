/* The fixture: its tools, and the server; see fixture.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "tests/mcp/fixture.h"

#define STEP_MS	260	/* a little more than what progress is apart */

/* A wave without a sample. */
#define WAV	"UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA="

static struct event_base	*base;

static json_t *
say(const char *text)
{
	return json_pack("[{s:s, s:s}]", "type", "text", "text", text);
}

/* ---- calls that take time: steps, one after the other ---- */

struct job {
	struct mcp_request	*request;
	struct event		*timer;
	void			(*step)(struct job *);
	int			 n;		/* steps taken */
	int			 steps;
	bool			 cancelled;
};

static void
wait_ms(struct job *j, msec_t ms)
{
	struct timeval	tv = clock_timeval(ms);

	(void)evtimer_add(j->timer, &tv);
}

static void
job_end(struct job *j)
{
	event_free(j->timer);
	free(j);
}

static void
on_step(evutil_socket_t fd, short what, void *arg)
{
	struct job	*j = arg;

	(void)fd;
	(void)what;
	if (j->cancelled) {
		mcp_reply_failed(j->request, "cancelled");
		job_end(j);
		return;
	}
	j->step(j);
}

static void
job_cancel(void *arg, const char *reason)
{
	struct job	*j = arg;

	(void)reason;
	j->cancelled = true;
	wait_ms(j, 0);
}

static void
job_start(struct mcp_request *q, void (*step)(struct job *), int steps)
{
	struct job	*j = xcalloc(1, sizeof *j);

	j->request = q;
	j->step = step;
	j->steps = steps;
	j->timer = evtimer_new(base, on_step, j);
	mcp_on_cancel(q, job_cancel, j);
	wait_ms(j, 0);
}

/* ---- plain tools ---- */

static void
simple_text(struct mcp_request *q, void *arg)
{
	(void)arg;
	mcp_reply_content(q, say("This is a simple text response for testing."));
}

static void
image_content(struct mcp_request *q, void *arg)
{
	(void)arg;
	mcp_reply_content(q, fixture_json("[{\"type\":\"image\",\"data\":\"" PNG
	    "\",\"mimeType\":\"image/png\"}]"));
}

static void
audio_content(struct mcp_request *q, void *arg)
{
	(void)arg;
	mcp_reply_content(q, fixture_json("[{\"type\":\"audio\",\"data\":\"" WAV
	    "\",\"mimeType\":\"audio/wav\"}]"));
}

static void
embedded_resource(struct mcp_request *q, void *arg)
{
	(void)arg;
	mcp_reply_content(q, fixture_json("[{\"type\":\"resource\",\"resource\":{"
	    "\"uri\":\"test://embedded-resource\",\"mimeType\":\"text/plain\","
	    "\"text\":\"This is an embedded resource content.\"}}]"));
}

static void
multiple_content_types(struct mcp_request *q, void *arg)
{
	(void)arg;
	mcp_reply_content(q, fixture_json("[{\"type\":\"text\","
	    "\"text\":\"Multiple content types test:\"},"
	    "{\"type\":\"image\",\"data\":\"" PNG "\",\"mimeType\":\"image/png\"},"
	    "{\"type\":\"resource\",\"resource\":{\"uri\":\"test://mixed-content-resource\","
	    "\"mimeType\":\"application/json\","
	    "\"text\":\"{\\\"test\\\":\\\"data\\\",\\\"value\\\":123}\"}}]"));
}

static void
error_handling(struct mcp_request *q, void *arg)
{
	(void)arg;
	mcp_reply_failed(q, "This tool intentionally returns an error for testing");
}

static void
structured(struct mcp_request *q, void *arg)
{
	const json_t	*n = json_object_get(mcp_arguments(q), "n");

	(void)arg;
	mcp_reply_structured(q, json_pack("{s:s, s:I}", "message", "doubled", "n",
	    2 * json_integer_value(n)), NULL, fixture_json("[{\"type\":\"resource_link\","
	    "\"uri\":\"test://static-text\",\"name\":\"static\"}]"));
}

/* ---- progress, log lines, changed lists ---- */

static void
progress_step(struct job *j)
{
	mcp_progress(j->request, 50.0 * j->n, 100, j->n == 0 ? "started" : "at work");
	if (j->n++ < j->steps) {
		wait_ms(j, STEP_MS);
		return;
	}
	mcp_reply_content(j->request, say("Tool with progress executed successfully"));
	job_end(j);
}

static void
with_progress(struct mcp_request *q, void *arg)
{
	(void)arg;
	job_start(q, progress_step, 2);
}

static void
logging_step(struct job *j)
{
	static const char *const lines[] = {
		"Tool execution started", "Tool processing data", "Tool execution completed",
	};

	mcp_log(j->request, "info", "fixture", json_string(lines[j->n]));
	if (j->n++ < j->steps) {
		wait_ms(j, 50);
		return;
	}
	mcp_reply_content(j->request, say("Tool with logging executed successfully"));
	job_end(j);
}

static void
with_logging(struct mcp_request *q, void *arg)
{
	(void)arg;
	job_start(q, logging_step, 2);
}

static void
trigger_tool_change(struct mcp_request *q, void *arg)
{
	(void)arg;
	mcp_list_changed(mcp_server_of(q), MCP_LIST_TOOLS);
	mcp_reply_content(q, say("changed"));
}

static void
trigger_prompt_change(struct mcp_request *q, void *arg)
{
	(void)arg;
	mcp_list_changed(mcp_server_of(q), MCP_LIST_PROMPTS);
	mcp_reply_content(q, say("changed"));
}

static void
trigger_update(struct mcp_request *q, void *arg)
{
	(void)arg;
	mcp_resource_updated(mcp_server_of(q), "test://watched-resource");
	mcp_reply_content(q, say("updated"));
}

/* ---- requests to the client ---- */

static void
missing_capability(struct mcp_request *q, void *arg)
{
	(void)arg;
	if (json_object_get(mcp_capabilities(q), "sampling") == NULL)
		mcp_reply_error(q, MCP_MISSING_CAPABILITY,
		    fixture_json("{\"requiredCapabilities\":{\"sampling\":{}}}"),
		    "the client does not offer sampling");
	else
		mcp_reply_content(q, say("the client offers sampling"));
}

static void
on_answer(struct mcp_request *q, const json_t *result, const json_t *error, void *arg)
{
	char	*text = json_dumps(result != NULL ? result : error, JSON_COMPACT);

	(void)arg;
	mcp_reply_content(q, say(text != NULL ? text : "no answer"));
	free(text);
}

static void
ask(struct mcp_request *q, const char *method, json_t *params)
{
	if (!mcp_ask(q, method, params, on_answer, NULL))
		mcp_reply_failed(q, "the client does not offer %s", method);
}

static void
sampling(struct mcp_request *q, void *arg)
{
	(void)arg;
	ask(q, "sampling/createMessage", json_pack("{s:[{s:s, s:{s:s, s:O}}], s:i}", "messages",
	    "role", "user", "content", "type", "text", "text",
	    json_object_get(mcp_arguments(q), "prompt"), "maxTokens", 100));
}

static void
elicit(struct mcp_request *q, const char *message, const char *schema)
{
	ask(q, "elicitation/create", json_pack("{s:s, s:{s:s, s:o}}", "message", message,
	    "requestedSchema", "type", "object", "properties", fixture_json(schema)));
}

static void
elicitation(struct mcp_request *q, void *arg)
{
	(void)arg;
	elicit(q, json_string_value(json_object_get(mcp_arguments(q), "message")),
	    "{\"username\":{\"type\":\"string\",\"description\":\"User's response\"},"
	    "\"email\":{\"type\":\"string\",\"description\":\"User's email address\"}}");
}

static void
elicitation_defaults(struct mcp_request *q, void *arg)
{
	(void)arg;
	elicit(q, "Who is it?", "{\"name\":{\"type\":\"string\",\"default\":\"John Doe\"},"
	    "\"age\":{\"type\":\"integer\",\"default\":30},"
	    "\"score\":{\"type\":\"number\",\"default\":95.5},"
	    "\"status\":{\"type\":\"string\",\"enum\":[\"active\",\"inactive\",\"pending\"],"
	    "\"default\":\"active\"},\"verified\":{\"type\":\"boolean\",\"default\":true}}");
}

static void
elicitation_enums(struct mcp_request *q, void *arg)
{
	(void)arg;
	elicit(q, "Which?", "{\"untitledSingle\":{\"type\":\"string\","
	    "\"enum\":[\"option1\",\"option2\",\"option3\"]},"
	    "\"titledSingle\":{\"type\":\"string\",\"oneOf\":["
	    "{\"const\":\"value1\",\"title\":\"First\"},"
	    "{\"const\":\"value2\",\"title\":\"Second\"}]},"
	    "\"legacyEnum\":{\"type\":\"string\",\"enum\":[\"opt1\",\"opt2\",\"opt3\"],"
	    "\"enumNames\":[\"One\",\"Two\",\"Three\"]},"
	    "\"untitledMulti\":{\"type\":\"array\",\"items\":{\"type\":\"string\","
	    "\"enum\":[\"option1\",\"option2\",\"option3\"]}},"
	    "\"titledMulti\":{\"type\":\"array\",\"items\":{\"anyOf\":["
	    "{\"const\":\"value1\",\"title\":\"First\"},"
	    "{\"const\":\"value2\",\"title\":\"Second\"}]}}}");
}

/* ---- tasks ---- */

static void
greet(struct mcp_request *q, void *arg)
{
	char	*text = xasprintf("Hello, %s!",
		    json_string_value(json_object_get(mcp_arguments(q), "name")));

	(void)arg;
	mcp_reply_content(q, say(text));
	free(text);
}

static void
compute_step(struct job *j)
{
	mcp_progress(j->request, j->n, j->steps, "computing");
	if (j->n++ < j->steps) {
		wait_ms(j, 1000);
		return;
	}
	mcp_reply_content(j->request, say("computed"));
	job_end(j);
}

static void
slow_compute(struct mcp_request *q, void *arg)
{
	const json_t	*seconds = json_object_get(mcp_arguments(q), "seconds");

	(void)arg;
	job_start(q, compute_step, (int)json_integer_value(seconds));
}

static void
failing_step(struct job *j)
{
	if (j->n++ < j->steps) {
		wait_ms(j, 1000);
		return;
	}
	mcp_reply_failed(j->request, "the job failed");
	job_end(j);
}

/* A tool that must be a task. */
static void
failing_job(struct mcp_request *q, void *arg)
{
	const json_t	*extensions = json_object_get(mcp_capabilities(q), "extensions");

	(void)arg;
	if (json_object_get(extensions, "io.modelcontextprotocol/tasks") == NULL)
		mcp_reply_error(q, MCP_MISSING_CAPABILITY, fixture_json("{\"requiredCapabilities\":"
		    "{\"extensions\":{\"io.modelcontextprotocol/tasks\":{}}}}"),
		    "failing_job is a task always");
	else
		job_start(q, failing_step, 1);
}

static void
protocol_error_step(struct job *j)
{
	if (j->n++ < j->steps) {
		wait_ms(j, 1000);
		return;
	}
	mcp_reply_error(j->request, MCP_INTERNAL_ERROR, NULL, "the job broke");
	job_end(j);
}

static void
protocol_error_job(struct mcp_request *q, void *arg)
{
	(void)arg;
	job_start(q, protocol_error_step, 1);
}

#define NOTHING	"{\"type\":\"object\",\"properties\":{},\"additionalProperties\":false}"
#define ONE(name, type) "{\"type\":\"object\",\"properties\":{\"" name "\":{\"type\":\"" type \
	"\"}},\"required\":[\"" name "\"],\"additionalProperties\":false}"

#define ADDRESS	"{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\"," \
	"\"type\":\"object\",\"$defs\":{\"address\":{\"$anchor\":\"addressDef\"," \
	"\"type\":\"object\",\"properties\":{\"street\":{\"type\":\"string\"}," \
	"\"city\":{\"type\":\"string\"}}}},\"properties\":{" \
	"\"name\":{\"type\":\"string\"},\"address\":{\"$ref\":\"#/$defs/address\"}," \
	"\"contactMethod\":{\"type\":\"string\",\"enum\":[\"phone\",\"email\"]}," \
	"\"phone\":{\"type\":\"string\"},\"email\":{\"type\":\"string\"}}," \
	"\"allOf\":[{\"anyOf\":[{\"required\":[\"phone\"]},{\"required\":[\"email\"]}]}]," \
	"\"if\":{\"properties\":{\"contactMethod\":{\"const\":\"phone\"}}," \
	"\"required\":[\"contactMethod\"]},\"then\":{\"required\":[\"phone\"]}," \
	"\"else\":{\"required\":[\"email\"]},\"additionalProperties\":false}"

static const struct mcp_tool tools[] = {
	{ .name = "test_simple_text", .description = "Text.", .input_schema = NOTHING,
	    .call = simple_text },
	{ .name = "test_image_content", .description = "An image.", .input_schema = NOTHING,
	    .call = image_content },
	{ .name = "test_audio_content", .description = "Sound.", .input_schema = NOTHING,
	    .call = audio_content },
	{ .name = "test_embedded_resource", .description = "A resource.",
	    .input_schema = NOTHING, .call = embedded_resource },
	{ .name = "test_multiple_content_types", .description = "Three kinds.",
	    .input_schema = NOTHING, .call = multiple_content_types },
	{ .name = "test_error_handling", .description = "Fails.", .input_schema = NOTHING,
	    .call = error_handling },
	{ .name = "test_structured", .title = "Doubles", .description = "A number, doubled.",
	    .input_schema = "{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\","
	    "\"minimum\":0,\"maximum\":1000}},\"required\":[\"n\"],"
	    "\"additionalProperties\":false}",
	    .output_schema = "{\"type\":\"object\",\"properties\":{\"message\":"
	    "{\"type\":\"string\"},\"n\":{\"type\":\"integer\"}},\"required\":[\"n\"]}",
	    .annotations = "{\"readOnlyHint\":true,\"openWorldHint\":false}",
	    .call = structured },
	{ .name = "test_tool_with_progress", .description = "Says how far it is.",
	    .input_schema = NOTHING, .call = with_progress },
	{ .name = "test_tool_with_logging", .description = "Logs.", .input_schema = NOTHING,
	    .call = with_logging },
	{ .name = "test_logging_tool", .description = "Logs.", .input_schema = NOTHING,
	    .call = with_logging },
	{ .name = "test_streaming_elicitation", .description = "Says how far it is.",
	    .input_schema = NOTHING, .call = with_progress },
	{ .name = "test_trigger_tool_change", .description = "The tools are other ones.",
	    .input_schema = NOTHING, .call = trigger_tool_change },
	{ .name = "test_trigger_prompt_change", .description = "The prompts are other ones.",
	    .input_schema = NOTHING, .call = trigger_prompt_change },
	{ .name = "test_trigger_update", .description = "A resource is another.",
	    .input_schema = NOTHING, .call = trigger_update },
	{ .name = "test_missing_capability", .description = "Needs sampling.",
	    .input_schema = NOTHING, .call = missing_capability },
	{ .name = "test_sampling", .description = "Asks the client's model.",
	    .input_schema = ONE("prompt", "string"), .call = sampling },
	{ .name = "test_elicitation", .description = "Asks the user.",
	    .input_schema = ONE("message", "string"), .call = elicitation },
	{ .name = "test_elicitation_sep1034_defaults", .description = "Asks with defaults.",
	    .input_schema = NOTHING, .call = elicitation_defaults },
	{ .name = "test_elicitation_sep1330_enums", .description = "Asks for choices.",
	    .input_schema = NOTHING, .call = elicitation_enums },
	{ .name = "json_schema_2020_12_tool", .description = "Takes an address.",
	    .input_schema = ADDRESS, .call = simple_text },
	{ .name = "greet", .description = "Greets.", .input_schema = ONE("name", "string"),
	    .call = greet },
	{ .name = "slow_compute", .description = "Takes so long.",
	    .input_schema = "{\"type\":\"object\",\"properties\":{\"seconds\":"
	    "{\"type\":\"integer\",\"minimum\":0,\"maximum\":3600},\"label\":"
	    "{\"type\":\"string\"}},\"required\":[\"seconds\"],\"additionalProperties\":false}",
	    .call = slow_compute, .task_after_ms = 100 },
	{ .name = "failing_job", .description = "Fails after a second.",
	    .input_schema = NOTHING, .call = failing_job, .task_after_ms = 100 },
	{ .name = "protocol_error_job", .description = "Breaks after a second.",
	    .input_schema = NOTHING, .call = protocol_error_job, .task_after_ms = 100 },
};

int
main(void)
{
	static const struct mcp_offer offer = {
		.name = "fixture", .title = "Fixture", .version = "1.0.0",
		.instructions = "For tests.",
		.tools = tools, .ntools = sizeof(tools) / sizeof(tools[0]),
		.templates = fixture_templates, .ntemplates = FIXTURE_TEMPLATES,
		.prompts = fixture_prompts, .nprompts = FIXTURE_PROMPTS,
		.list_resources = fixture_list_resources,
		.read_resource = fixture_read_resource,
		.complete = fixture_complete, .subscribe = fixture_subscribe,
		.changing = MCP_LIST_TOOLS | MCP_LIST_RESOURCES | MCP_LIST_PROMPTS, .logs = true,
	};
	struct mcp_server	*s;
	int			 r;

	base = mcp_base_new();
	s = mcp_new(base, STDIN_FILENO, STDOUT_FILENO, &offer);
	r = mcp_run(s);
	mcp_free(s);
	event_base_free(base);
	return r == 0 ? 0 : 1;
}
