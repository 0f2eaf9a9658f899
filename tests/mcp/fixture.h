/*
 * An MCP server of the core alone, with the tools, resources and prompts that the
 * official conformance suite asks for by name.  What they must be is written there.
 */
#ifndef TESTS_MCP_FIXTURE_H
#define TESTS_MCP_FIXTURE_H

#include <jansson.h>
#include <stdbool.h>

#include "mcp/mcp.h"

#define FIXTURE_TEMPLATES	1
#define FIXTURE_PROMPTS		4

/* A red pixel. */
#define PNG	"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIA" \
		"X8jx0gAAAABJRU5ErkJggg=="

extern const struct mcp_template fixture_templates[FIXTURE_TEMPLATES];
extern const struct mcp_prompt	fixture_prompts[FIXTURE_PROMPTS];

json_t	*fixture_json(const char *text);	/* or death */
void	 fixture_list_resources(struct mcp_request *, void *arg);
void	 fixture_read_resource(struct mcp_request *, void *arg);
bool	 fixture_subscribe(void *arg, const char *uri, bool on);
void	 fixture_complete(struct mcp_request *, void *arg);

#endif
