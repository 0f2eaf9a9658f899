/* Requests that handlers serve, once their parameters are what they must be. */
#include <stdio.h>
#include <string.h>

#include "mcp/core.h"
#include "mcp/schema.h"

#define WHY	512

/* ---- tools/call ---- */

static const struct mcp_tool *
find_tool(const struct mcp_server *s, const char *name, const json_t **ret_schema)
{
	for (size_t i = 0; i < s->offer->ntools; i++) {
		if (strcmp(s->offer->tools[i].name, name) != 0)
			continue;
		*ret_schema = s->schemas[i];
		return &s->offer->tools[i];
	}
	return NULL;
}

void
call_tool(struct mcp_request *q)
{
	const char	*name = mj_string(q->params, "name");
	const json_t	*schema = NULL;
	char		 why[WHY];

	q->tool = name != NULL ? find_tool(q->server, name, &schema) : NULL;
	if (q->tool == NULL) {
		if (name == NULL)
			mcp_reply_error(q, MCP_INVALID_PARAMS, NULL,
			    "params.name must be a string");
		else
			mcp_reply_error(q, MCP_INVALID_PARAMS, NULL, "Unknown tool: %.80s", name);
		return;
	}
	if (!json_is_object(q->arguments)) {
		mcp_reply_failed(q, "arguments of %s must be an object", q->tool->name);
		return;
	}
	if (!schema_no_nul(q->arguments, why, sizeof(why)) ||
	    !schema_check(schema, q->arguments, why, sizeof(why))) {
		mcp_reply_failed(q, "Bad arguments of %s: %s.", q->tool->name, why);
		return;
	}
	tasks_start(q);
	progress_start(q);
	q->tool->call(q, q->server->offer->arg);
}

/* ---- prompts/get ---- */

static const struct mcp_prompt *
find_prompt(const struct mcp_offer *o, const char *name)
{
	for (size_t i = 0; name != NULL && i < o->nprompts; i++)
		if (strcmp(o->prompts[i].name, name) == 0)
			return &o->prompts[i];
	return NULL;
}

static const struct mcp_prompt_argument *
find_argument(const struct mcp_prompt *p, const char *name)
{
	for (size_t i = 0; i < p->narguments; i++)
		if (strcmp(p->arguments[i].name, name) == 0)
			return &p->arguments[i];
	return NULL;
}

/* Are the arguments of a prompt what it takes?  Otherwise answers. */
static bool
prompt_arguments_fit(struct mcp_request *q, const struct mcp_prompt *p)
{
	const char	*key;
	json_t		*v;

	if (!json_is_object(q->arguments)) {
		mcp_reply_error(q, MCP_INVALID_PARAMS, NULL, "arguments must be an object");
		return false;
	}
	json_object_foreach(q->arguments, key, v) {
		if (find_argument(p, key) != NULL && mj_string(q->arguments, key) != NULL)
			continue;
		mcp_reply_error(q, MCP_INVALID_PARAMS, NULL, "argument %.80s of prompt %s %s", key,
		    p->name, find_argument(p, key) == NULL ? "is not known" : "must be text");
		return false;
	}
	for (size_t i = 0; i < p->narguments; i++) {
		if (!p->arguments[i].required ||
		    json_object_get(q->arguments, p->arguments[i].name) != NULL)
			continue;
		mcp_reply_error(q, MCP_INVALID_PARAMS, NULL, "argument %s of prompt %s is missing",
		    p->arguments[i].name, p->name);
		return false;
	}
	return true;
}

void
call_prompt(struct mcp_request *q)
{
	const char			*name = mj_string(q->params, "name");
	const struct mcp_prompt		*p = find_prompt(q->server->offer, name);

	if (p == NULL) {
		mcp_reply_error(q, MCP_INVALID_PARAMS, NULL, "Unknown prompt: %.80s",
		    name != NULL ? name : "params.name must be a string");
		return;
	}
	if (!prompt_arguments_fit(q, p))
		return;
	progress_start(q);
	p->get(q, q->server->offer->arg);
}

/* ---- resources/read ---- */

void
call_read(struct mcp_request *q)
{
	if (mcp_uri(q) == NULL) {
		mcp_reply_error(q, MCP_INVALID_PARAMS, NULL, "params.uri must be a string");
		return;
	}
	progress_start(q);
	q->server->offer->read_resource(q, q->server->offer->arg);
}

/* ---- completion/complete ---- */

/* Has the template the variable? */
static bool
has_variable(const char *uri_template, const char *name)
{
	size_t	n = strlen(name);

	for (const char *p = strchr(uri_template, '{'); p != NULL; p = strchr(p + 1, '{'))
		if (strncmp(p + 1, name, n) == 0 && p[1 + n] == '}')
			return true;
	return false;
}

/* What `ref` and the name of an argument say that is not there; NULL: all is. */
static const char *
unknown_ref(const struct mcp_offer *o, const json_t *ref, const char *argument)
{
	const char		*type = mj_string(ref, "type"), *uri = mj_string(ref, "uri");
	const struct mcp_prompt	*p = find_prompt(o, mj_string(ref, "name"));

	if (type != NULL && strcmp(type, "ref/prompt") == 0) {
		if (p == NULL)
			return "params.ref.name is no prompt";
		return find_argument(p, argument) != NULL ? NULL :
		    "params.argument.name is no argument of the prompt";
	}
	if (type == NULL || strcmp(type, "ref/resource") != 0)
		return "params.ref.type must be \"ref/prompt\" or \"ref/resource\"";
	for (size_t i = 0; uri != NULL && i < o->ntemplates; i++)
		if (strcmp(o->templates[i].uri_template, uri) == 0)
			return has_variable(uri, argument) ? NULL :
			    "params.argument.name is no variable of the template";
	return "params.ref.uri is no resource template";
}

void
call_complete(struct mcp_request *q)
{
	const json_t	*a = json_object_get(q->params, "argument");
	const char	*name = mj_string(a, "name"), *wrong;

	if (name == NULL || mj_string(a, "value") == NULL)
		wrong = "params.argument must have a name and a value, both strings";
	else
		wrong = unknown_ref(q->server->offer, json_object_get(q->params, "ref"), name);
	if (wrong != NULL)
		mcp_reply_error(q, MCP_INVALID_PARAMS, NULL, "%s", wrong);
	else
		q->server->offer->complete(q, q->server->offer->arg);
}
