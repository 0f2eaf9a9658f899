/*
 * Any bytes as what a client says to a server of the MCP core, cut anywhere: every line
 * that comes back is one JSON message, and nothing is left when the server goes.
 *
 * The first byte is the size of the pieces, 0: all at once.
 */
#include <assert.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mcp/core.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct mcp_request	*held;

static void
on_cancel(void *arg, const char *reason)
{
	(void)arg;
	assert(reason != NULL);
	mcp_reply_content(held, json_array());
	held = NULL;
}

/* Keeps one call, which ends when the next one comes or it is cancelled. */
static void
call_hold(struct mcp_request *q, void *arg)
{
	(void)arg;
	if (held != NULL) {
		mcp_progress(held, 1, 2, "next");
		mcp_reply_failed(held, "next");
	}
	held = q;
	mcp_on_cancel(q, on_cancel, NULL);
}

static void
call_echo(struct mcp_request *q, void *arg)
{
	(void)arg;
	mcp_progress(q, 0.5, 1, "half");
	mcp_log(q, "error", "fuzz", json_string("here"));
	mcp_list_changed(mcp_server_of(q), MCP_LIST_RESOURCES);
	mcp_resource_updated(mcp_server_of(q), "x://1");
	mcp_reply_structured(q, json_deep_copy(mcp_arguments(q)), NULL, NULL);
}

static void
list(struct mcp_request *q, void *arg)
{
	(void)arg;
	mcp_reply_list(q, json_array(), mcp_cursor(q), 0);
}

static void
read_any(struct mcp_request *q, void *arg)
{
	(void)arg;
	if (strlen(mcp_uri(q)) % 2 == 0)
		mcp_reply_no_resource(q);
	else
		mcp_reply_resource(q, json_pack("[{s:s, s:s}]", "uri", mcp_uri(q), "text", ""), 0);
}

static void
prompt(struct mcp_request *q, void *arg)
{
	(void)arg;
	mcp_reply_prompt(q, json_string_value(json_object_get(mcp_arguments(q), "who")),
	    json_array());
}

static void
complete(struct mcp_request *q, void *arg)
{
	(void)arg;
	mcp_reply_completion(q, json_array(), 0);
}

static bool
subscribe(void *arg, const char *uri, bool on)
{
	(void)arg;
	return !on || uri[0] == 'x';
}

static const struct mcp_tool tools[] = {
	{ .name = "echo", .description = "", .call = call_echo, .input_schema =
	    "{\"properties\":{\"n\":{\"type\":\"integer\",\"minimum\":1},\"s\":{"
	    "\"type\":\"string\","
	    "\"maxLength\":8},\"v\":{\"type\":\"array\",\"items\":{\"enum\":[1,\"a\"]}}},"
	    "\"additionalProperties\":{\"type\":\"string\"}}" },
	{ .name = "hold", .description = "", .call = call_hold, .input_schema = "{}",
	    .task_after_ms = 60000 },
};
static const struct mcp_template templates[] = { { .uri_template = "x://{id}", .name = "x" } };
static const struct mcp_prompt_argument arguments[] = { { "who", "", true } };
static const struct mcp_prompt prompts[] = {
	{ .name = "p", .description = "", .arguments = arguments, .narguments = 1, .get = prompt },
};
static const struct mcp_offer offer = {
	.name = "fuzz", .title = "", .version = "", .tools = tools, .ntools = 2,
	.templates = templates, .ntemplates = 1, .prompts = prompts, .nprompts = 1,
	.list_resources = list, .read_resource = read_any, .complete = complete,
	.subscribe = subscribe, .changing = 7, .logs = true,
};

static void
on_line(void *arg, const char *line, size_t n)
{
	dispatch_line(arg, line, n);
}

/* Everything that was answered is a message a line. */
static void
check_output(struct mcp_server *s)
{
	json_t	*m, *e;
	char	*line;
	size_t	 i, n;

	while ((line = evbuffer_readln(s->out, &n, EVBUFFER_EOL_LF)) != NULL) {
		m = json_loadb(line, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
		assert(json_is_object(m) || json_array_size(m) > 0);
		if (json_is_object(m))
			assert(json_object_get(m, "jsonrpc") != NULL);
		json_array_foreach(m, i, e)
			assert(json_object_get(e, "jsonrpc") != NULL);
		json_decref(m);
		free(line);
	}
	assert(evbuffer_get_length(s->out) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct event_base	*base;
	struct mcp_server	*s;
	int			 fds[2];
	size_t			 piece;

	if (size == 0 || pipe(fds) != 0)
		return 0;
	base = mcp_base_new();
	s = mcp_new(base, fds[0], fds[1], &offer);
	lines_free(&s->lines);
	lines_init(&s->lines, 4096);
	/* What is said stays in s->out, to be looked at. */
	s->reading = true;
	piece = data[0] == 0 ? size : data[0];
	for (size_t i = 1; i < size; i += piece)
		lines_feed(&s->lines, (const char *)data + i, size - i < piece ? size - i : piece,
		    on_line, s);
	lines_end(&s->lines, on_line, s);
	check_output(s);
	mcp_stop(s);
	check_output(s);
	held = NULL;
	mcp_free(s);
	event_base_free(base);
	(void)close(fds[0]);
	(void)close(fds[1]);
	return 0;
}
