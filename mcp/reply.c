/* What handlers answer, in the words of the request's revision. */
#include <stdlib.h>
#include <string.h>

#include "mcp/core.h"

#define COMPLETIONS	100	/* values that one answer may have */

void
reply_cache(const struct mcp_request *q, json_t *result, uint64_t ttl_ms, bool for_all)
{
	if (!request_modern(q))
		return;
	mj_put(result, "ttlMs", mj_int((int64_t)ttl_ms));
	mj_put(result, "cacheScope", mj_text(for_all ? "public" : "private"));
}

/* ---- tools ---- */

/* A link as text, for revisions that know none. */
static json_t *
link_as_text(const json_t *block)
{
	const char	*name = mj_string(block, "name"), *uri = mj_string(block, "uri");

	return mj_block(mj_need(json_sprintf("%s: %s", name != NULL ? name : "resource",
	    uri != NULL ? uri : "")));
}

static void
without_links(json_t *content)
{
	json_t		*block, *text;
	const char	*type;
	size_t		 i;

	json_array_foreach(content, i, block) {
		type = mj_string(block, "type");
		if (type == NULL || strcmp(type, "resource_link") != 0)
			continue;
		text = link_as_text(block);
		mj_need(json_array_set_new(content, i, text) == 0 ? content : NULL);
	}
}

static void
end_tool(struct mcp_request *q, json_t *content, json_t *structured)
{
	json_t	*v = mj_need(json_object());

	if (q->revision < MCP_2025_06_18) {
		without_links(content);
		json_decref(structured);
		structured = NULL;
	}
	mj_put(v, "content", content);
	if (structured != NULL)
		mj_put(v, "structuredContent", structured);
	else {
		free(q->structured);
		q->structured = NULL;
	}
	request_end(q, v, NULL);
}

void
mcp_reply_structured(struct mcp_request *q, json_t *structured, const char *text, json_t *more)
{
	json_t	*content = mj_need(json_array());
	size_t	 n;

	if (text == NULL)
		text = q->structured = mj_dump(structured, &n);
	mj_add(content, mj_block(mj_text(text)));
	if (more != NULL && json_array_extend(content, more) != 0)
		mj_need(NULL);
	json_decref(more);
	end_tool(q, content, structured);
}

void
mcp_reply_content(struct mcp_request *q, json_t *content)
{
	end_tool(q, content, NULL);
}

void
mcp_reply_failed(struct mcp_request *q, const char *fmt, ...)
{
	json_t	*v = mj_need(json_object()), *content = mj_need(json_array());
	va_list	 ap;

	va_start(ap, fmt);
	mj_add(content, mj_block(mj_vformat(fmt, ap)));
	va_end(ap);
	mj_put(v, "content", content);
	mj_put(v, "isError", json_true());
	request_end(q, v, NULL);
}

/* ---- resources ---- */

void
mcp_reply_resource(struct mcp_request *q, json_t *contents, uint64_t ttl_ms)
{
	json_t	*v = mj_need(json_object());

	mj_put(v, "contents", contents);
	reply_cache(q, v, ttl_ms, false);
	request_end(q, v, NULL);
}

void
mcp_reply_no_resource(struct mcp_request *q)
{
	json_t	*data = mj_need(json_object());

	mj_put_text(data, "uri", mcp_uri(q));
	/* -32002 is what legacy revisions say. */
	mcp_reply_error(q, request_modern(q) ? MCP_INVALID_PARAMS : MCP_NO_RESOURCE, data,
	    "Resource not found");
}

void
mcp_reply_list(struct mcp_request *q, json_t *items, const char *next, uint64_t ttl_ms)
{
	json_t	*v = mj_need(json_object()), *item;
	size_t	 i;

	if (q->revision < MCP_2025_06_18) {
		json_array_foreach(items, i, item)
			(void)json_object_del(item, "title");
	}
	mj_put(v, "resources", items);
	mj_put_text(v, "nextCursor", next);
	reply_cache(q, v, ttl_ms, false);
	request_end(q, v, NULL);
}

void
mcp_reply_bad_cursor(struct mcp_request *q)
{
	mcp_reply_error(q, MCP_INVALID_PARAMS, NULL,
	    "params.cursor is none that was handed out; leave it out for the first page");
}

/* ---- prompts, completion, errors ---- */

void
mcp_reply_prompt(struct mcp_request *q, const char *description, json_t *messages)
{
	json_t	*v = mj_need(json_object());

	mj_put_text(v, "description", description);
	mj_put(v, "messages", messages);
	request_end(q, v, NULL);
}

void
mcp_reply_completion(struct mcp_request *q, json_t *values, uint64_t total)
{
	json_t	*v = mj_need(json_object()), *c = mj_need(json_object());
	size_t	 n;

	while ((n = json_array_size(values)) > COMPLETIONS)
		(void)json_array_remove(values, n - 1);
	mj_put(c, "values", values);
	mj_put(c, "total", mj_int((int64_t)total));
	mj_put(c, "hasMore", json_boolean(total > n));
	mj_put(v, "completion", c);
	request_end(q, v, NULL);
}

void
mcp_reply_error(struct mcp_request *q, enum mcp_code code, json_t *data, const char *fmt, ...)
{
	json_t	*message;
	va_list	 ap;

	va_start(ap, fmt);
	message = mj_vformat(fmt, ap);
	va_end(ap);
	request_end(q, NULL, error_value(code, message, data));
}
