/* What is offered, as each revision says it. */
#include <string.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "mcp/core.h"
#include "mcp/schema.h"

#define TABLE_TTL_MS	3600000		/* of what never changes */

const char *const revision_names[] = {
	[MCP_2024_11_05] = "2024-11-05",
	[MCP_2025_03_26] = "2025-03-26",
	[MCP_2025_06_18] = "2025-06-18",
	[MCP_2025_11_25] = "2025-11-25",
	[MCP_2026_07_28] = "2026-07-28",
};

/* ---- the tables ---- */

static json_t *
read_table(const char *tool, const char *what, const char *text)
{
	json_error_t	 e;
	json_t		*v = json_loads(text, JSON_REJECT_DUPLICATES, &e);

	if (!json_is_object(v))
		fatal("mcp", "%s of tool %s is no JSON object: %s", what, tool, e.text);
	return v;
}

static void
check_object(const struct mcp_tool *t, const char *what, const char *text)
{
	if (text != NULL)
		json_decref(read_table(t->name, what, text));
}

static void
check_schema(const struct mcp_tool *t, const char *what, const json_t *schema)
{
	char	why[256];

	if (!schema_known(schema, why, sizeof(why)))
		fatal("mcp", "%s of tool %s: %s", what, t->name, why);
}

void
offer_check(struct mcp_server *s)
{
	const struct mcp_offer	*o = s->offer;
	json_t			*out;

	s->schemas = xcalloc(o->ntools + 1, sizeof *s->schemas);
	for (size_t i = 0; i < o->ntools; i++) {
		s->schemas[i] = read_table(o->tools[i].name, "the input schema",
		    o->tools[i].input_schema);
		check_schema(&o->tools[i], "the input schema", s->schemas[i]);
		check_object(&o->tools[i], "the annotations", o->tools[i].annotations);
		check_object(&o->tools[i], "_meta", o->tools[i].meta);
		if (o->tools[i].output_schema == NULL)
			continue;
		out = read_table(o->tools[i].name, "the output schema",
		    o->tools[i].output_schema);
		check_schema(&o->tools[i], "the output schema", out);
		json_decref(out);
	}
}

/* ---- who we are, and what can be asked ---- */

json_t *
offer_identity(const struct mcp_server *s, enum mcp_revision revision)
{
	json_t	*v = mj_need(json_object());

	mj_put(v, "name", mj_text(s->offer->name));
	if (revision >= MCP_2025_06_18)
		mj_put_text(v, "title", s->offer->title);
	mj_put(v, "version", mj_text(s->offer->version));
	return v;
}

static void
put_capability(json_t *to, const char *name, bool subscribe, bool changes)
{
	json_t	*v = mj_need(json_object());

	if (subscribe)
		mj_put(v, "subscribe", json_true());
	if (changes)
		mj_put(v, "listChanged", json_true());
	mj_put(to, name, v);
}

static json_t *
capabilities(const struct mcp_server *s, enum mcp_revision revision)
{
	const struct mcp_offer	*o = s->offer;
	json_t			*v = mj_need(json_object());
	bool			 tasks = false;

	if (o->ntools > 0)
		put_capability(v, "tools", false, o->changing & MCP_LIST_TOOLS);
	if (o->read_resource != NULL)
		put_capability(v, "resources", o->subscribe != NULL,
		    o->changing & MCP_LIST_RESOURCES);
	if (o->nprompts > 0)
		put_capability(v, "prompts", false, o->changing & MCP_LIST_PROMPTS);
	if (o->complete != NULL && revision >= MCP_2025_03_26)
		put_capability(v, "completions", false, false);
	if (o->logs && revision != MCP_2026_07_28)
		put_capability(v, "logging", false, false);
	for (size_t i = 0; i < o->ntools; i++)
		tasks = tasks || o->tools[i].task_after_ms > 0;
	if (tasks && revision == MCP_2026_07_28)
		mj_put(v, "extensions", mj_need(json_pack("{s:{}}", EXTENSION_TASKS)));
	return v;
}

void
offer_initialize(struct mcp_request *q)
{
	struct mcp_server	*s = q->server;
	const char		*version = mj_string(q->params, "protocolVersion");
	json_t			*can = json_object_get(q->params, "capabilities"), *v;
	enum mcp_revision	 r;

	if (version == NULL) {
		mcp_reply_error(q, MCP_INVALID_PARAMS, NULL,
		    "params.protocolVersion must be a string, such as \"%s\"",
		    revision_names[LEGACY_LATEST]);
		return;
	}
	for (r = MCP_2024_11_05; r < LEGACY_LATEST; r++)
		if (strcmp(version, revision_names[r]) == 0)
			break;
	s->revision = r;
	s->initialized = true;
	if (json_is_object(can)) {
		json_decref(s->capabilities);
		s->capabilities = json_incref(can);
	}
	v = mj_need(json_object());
	mj_put(v, "protocolVersion", mj_text(revision_names[r]));
	mj_put(v, "capabilities", capabilities(s, r));
	mj_put(v, "serverInfo", offer_identity(s, r));
	mj_put_text(v, "instructions", s->offer->instructions);
	request_end(q, v, NULL);
}

void
offer_discover(struct mcp_request *q)
{
	json_t	*v = mj_need(json_object());

	mj_put(v, "supportedVersions", mj_need(json_pack("[s]", revision_names[MCP_2026_07_28])));
	mj_put(v, "capabilities", capabilities(q->server, MCP_2026_07_28));
	mj_put_text(v, "instructions", q->server->offer->instructions);
	reply_cache(q, v, TABLE_TTL_MS, true);
	request_end(q, v, NULL);
}

/* ---- the lists ---- */

/* Answers with a whole list, which has one page.  which: 0 for one that never changes. */
static void
end_list(struct mcp_request *q, const char *name, json_t *list, unsigned which)
{
	json_t	*v;

	if (json_object_get(q->params, "cursor") != NULL) {
		json_decref(list);
		mcp_reply_bad_cursor(q);
		return;
	}
	v = mj_need(json_object());
	mj_put(v, name, list);
	reply_cache(q, v, q->server->offer->changing & which ? 0 : TABLE_TTL_MS, true);
	request_end(q, v, NULL);
}

static void
put_json(json_t *to, const char *key, const char *text)
{
	if (text != NULL)
		mj_put(to, key, mj_need(json_loads(text, 0, NULL)));
}

static json_t *
tool_value(const struct mcp_tool *t, json_t *schema, enum mcp_revision r)
{
	json_t	*v = mj_need(json_object());

	mj_put(v, "name", mj_text(t->name));
	if (r >= MCP_2025_06_18)
		mj_put_text(v, "title", t->title);
	mj_put_text(v, "description", t->description);
	mj_put(v, "inputSchema", json_incref(schema));
	if (r >= MCP_2025_06_18)
		put_json(v, "outputSchema", t->output_schema);
	if (r >= MCP_2025_03_26)
		put_json(v, "annotations", t->annotations);
	if (r >= MCP_2025_06_18)
		put_json(v, "_meta", t->meta);
	return v;
}

void
offer_tools(struct mcp_request *q)
{
	const struct mcp_offer	*o = q->server->offer;
	json_t			*list = mj_need(json_array());

	for (size_t i = 0; i < o->ntools; i++)
		mj_add(list, tool_value(&o->tools[i], q->server->schemas[i], q->revision));
	end_list(q, "tools", list, MCP_LIST_TOOLS);
}

static json_t *
prompt_value(const struct mcp_prompt *p, enum mcp_revision r)
{
	json_t	*v = mj_need(json_object()), *arguments = mj_need(json_array()), *a;

	mj_put(v, "name", mj_text(p->name));
	if (r >= MCP_2025_06_18)
		mj_put_text(v, "title", p->title);
	mj_put_text(v, "description", p->description);
	for (size_t i = 0; i < p->narguments; i++) {
		a = mj_need(json_object());
		mj_put(a, "name", mj_text(p->arguments[i].name));
		mj_put_text(a, "description", p->arguments[i].description);
		mj_put(a, "required", json_boolean(p->arguments[i].required));
		mj_add(arguments, a);
	}
	mj_put(v, "arguments", arguments);
	return v;
}

void
offer_prompts(struct mcp_request *q)
{
	const struct mcp_offer	*o = q->server->offer;
	json_t			*list = mj_need(json_array());

	for (size_t i = 0; i < o->nprompts; i++)
		mj_add(list, prompt_value(&o->prompts[i], q->revision));
	end_list(q, "prompts", list, MCP_LIST_PROMPTS);
}

void
offer_templates(struct mcp_request *q)
{
	const struct mcp_offer	*o = q->server->offer;
	json_t			*list = mj_need(json_array()), *v;

	for (size_t i = 0; i < o->ntemplates; i++) {
		v = mj_need(json_object());
		mj_put(v, "uriTemplate", mj_text(o->templates[i].uri_template));
		mj_put(v, "name", mj_text(o->templates[i].name));
		if (q->revision >= MCP_2025_06_18)
			mj_put_text(v, "title", o->templates[i].title);
		mj_put_text(v, "description", o->templates[i].description);
		mj_put_text(v, "mimeType", o->templates[i].mime_type);
		mj_add(list, v);
	}
	end_list(q, "resourceTemplates", list, 0);
}

void
offer_resources(struct mcp_request *q)
{
	const struct mcp_offer	*o = q->server->offer;

	if (json_object_get(q->params, "cursor") != NULL && mcp_cursor(q) == NULL)
		mcp_reply_bad_cursor(q);
	else if (o->list_resources != NULL)
		o->list_resources(q, o->arg);
	else
		mcp_reply_list(q, mj_need(json_array()), NULL, TABLE_TTL_MS);
}
