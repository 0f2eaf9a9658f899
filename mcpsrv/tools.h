/* The tools, resources, prompts and completion; `arg` of each is the struct srv. */
#ifndef MCPSRV_TOOLS_H
#define MCPSRV_TOOLS_H

#include "mcp/mcp.h"

mcp_fn	tool_run, tool_retry, tool_flaky, tool_set_timeout, tool_metrics, tool_list, tool_get,
	tool_output, tool_cancel;

mcp_fn	resources_list, resources_read, prompt_triage, prompt_flaky, prompt_speed_up, complete;

struct srv;

/* Fills in what is offered.  The rest of the tables is constant. */
void	offer_make(struct mcp_offer *, struct srv *);

#endif
