/* The fixture's resources, prompts and completion; see fixture.h. */
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "tests/mcp/fixture.h"

json_t *
fixture_json(const char *text)
{
	json_t	*v = json_loads(text, 0, NULL);

	if (v == NULL)
		fatal("fixture", "not JSON: %s", text);
	return v;
}

/* ---- resources ---- */

void
fixture_list_resources(struct mcp_request *q, void *arg)
{
	(void)arg;
	if (mcp_cursor(q) != NULL)
		mcp_reply_bad_cursor(q);
	else
		mcp_reply_list(q, fixture_json("[{\"uri\":\"test://static-text\",\"name\":\"text\","
		    "\"title\":\"Text\",\"description\":\"Text.\",\"mimeType\":\"text/plain\"},"
		    "{\"uri\":\"test://static-binary\",\"name\":\"binary\","
		    "\"description\":\"An image.\",\"mimeType\":\"image/png\"},"
		    "{\"uri\":\"test://watched-resource\",\"name\":\"watched\","
		    "\"description\":\"Changes.\",\"mimeType\":\"text/plain\"}]"), NULL, 1000);
}

/* test://template/ID/data: gives the ID's length, 0 when it is none. */
static size_t
template_id(const char *uri, const char **ret_id)
{
	static const char	before[] = "test://template/", after[] = "/data";
	size_t			n;

	if (strncmp(uri, before, sizeof(before) - 1) != 0)
		return 0;
	*ret_id = uri + sizeof(before) - 1;
	n = strcspn(*ret_id, "/\"\\");
	return strcmp(*ret_id + n, after) == 0 ? n : 0;
}

void
fixture_read_resource(struct mcp_request *q, void *arg)
{
	const char	*uri = mcp_uri(q), *id = NULL;
	char		*text;
	size_t		 n = template_id(uri, &id);

	(void)arg;
	if (strcmp(uri, "test://static-text") == 0 || strcmp(uri, "test://watched-resource") == 0)
		mcp_reply_resource(q, json_pack("[{s:s, s:s, s:s}]", "uri", uri, "mimeType",
		    "text/plain", "text", "This is the content of the static text resource."),
		    1000);
	else if (strcmp(uri, "test://static-binary") == 0)
		mcp_reply_resource(q, json_pack("[{s:s, s:s, s:s}]", "uri", uri, "mimeType",
		    "image/png", "blob", PNG), 1000);
	else if (n > 0) {
		text = xasprintf("{\"id\":\"%.*s\",\"templateTest\":true,"
		    "\"data\":\"Data for ID: %.*s\"}", (int)n, id, (int)n, id);
		mcp_reply_resource(q, json_pack("[{s:s, s:s, s:s}]", "uri", uri, "mimeType",
		    "application/json", "text", text), 0);
		free(text);
	} else
		mcp_reply_no_resource(q);
}

bool
fixture_subscribe(void *arg, const char *uri, bool on)
{
	(void)arg;
	return !on || strcmp(uri, "test://watched-resource") == 0;
}

const struct mcp_template fixture_templates[] = {
	{ .uri_template = "test://template/{id}/data", .name = "data", .title = "Data",
	    .description = "Data of an id.", .mime_type = "application/json" },
};

/* ---- prompts ---- */

static void
user_says(struct mcp_request *q, json_t *content, const char *then)
{
	json_t	*messages = json_pack("[{s:s, s:o}]", "role", "user", "content", content);

	if (then != NULL)
		(void)json_array_append_new(messages, json_pack("{s:s, s:{s:s, s:s}}", "role",
		    "user", "content", "type", "text", "text", then));
	mcp_reply_prompt(q, "For testing.", messages);
}

static void
simple_prompt(struct mcp_request *q, void *arg)
{
	(void)arg;
	user_says(q, fixture_json("{\"type\":\"text\","
	    "\"text\":\"This is a simple prompt for testing.\"}"), NULL);
}

static void
prompt_with_arguments(struct mcp_request *q, void *arg)
{
	const json_t	*a = mcp_arguments(q);
	char		*text = xasprintf("Prompt with arguments: arg1='%s', arg2='%s'",
			    json_string_value(json_object_get(a, "arg1")),
			    json_string_value(json_object_get(a, "arg2")));

	(void)arg;
	user_says(q, json_pack("{s:s, s:s}", "type", "text", "text", text), NULL);
	free(text);
}

static void
prompt_with_resource(struct mcp_request *q, void *arg)
{
	(void)arg;
	user_says(q, json_pack("{s:s, s:{s:O, s:s, s:s}}", "type", "resource", "resource", "uri",
	    json_object_get(mcp_arguments(q), "resourceUri"), "mimeType", "text/plain", "text",
	    "Embedded resource content for testing."),
	    "Please process the embedded resource above.");
}

static void
prompt_with_image(struct mcp_request *q, void *arg)
{
	(void)arg;
	user_says(q, fixture_json("{\"type\":\"image\",\"data\":\"" PNG
	    "\",\"mimeType\":\"image/png\"}"), "Please analyze the image above.");
}

static const struct mcp_prompt_argument two_arguments[] = {
	{ "arg1", "First test argument.", true }, { "arg2", "Second test argument.", true },
};
static const struct mcp_prompt_argument uri_argument[] = {
	{ "resourceUri", "URI of the resource to embed.", true },
};

const struct mcp_prompt fixture_prompts[] = {
	{ .name = "test_simple_prompt", .description = "Text.", .get = simple_prompt },
	{ .name = "test_prompt_with_arguments", .title = "Two arguments",
	    .description = "Text with arguments.", .arguments = two_arguments, .narguments = 2,
	    .get = prompt_with_arguments },
	{ .name = "test_prompt_with_embedded_resource", .description = "A resource.",
	    .arguments = uri_argument, .narguments = 1, .get = prompt_with_resource },
	{ .name = "test_prompt_with_image", .description = "An image.",
	    .get = prompt_with_image },
};

void
fixture_complete(struct mcp_request *q, void *arg)
{
	(void)arg;
	mcp_reply_completion(q, fixture_json("[\"paris\",\"park\",\"party\"]"), 3);
}

