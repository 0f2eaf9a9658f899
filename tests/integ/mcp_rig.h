/*
 * A raw client of paratest-mcp over pipes: it writes lines and reads lines, and fails
 * the test when one of them is not a message.
 */
#ifndef TESTS_INTEG_MCP_RIG_H
#define TESTS_INTEG_MCP_RIG_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "tests/integ/service.h"

struct mcp_rig {
	pid_t	 pid;
	int	 in, out;	/* of the program, from here */
	char	*buf;		/* read and not yet taken */
	size_t	 n, cap;
	int	 next;		/* id of a request */
	bool	 modern;	/* 2026-07-28: each request says so */
	json_t	*notes;		/* notifications that came */
	json_t	*answers;	/* that were not asked for yet */
};

/*
 * Starts it with the socket of the service (NULL: none, then with XDG_RUNTIME_DIR of
 * this process) and one option more (NULL: none) in the environment that SDK clients
 * give: nothing but HOME, PATH and their like.  Greets, unless `modern`.
 */
void	 mcp_start(struct mcp_rig *, const struct service *, const char *option,
	    const char *value, bool modern);

/* Sends a request and waits for its answer: the result, to be released; it fails the
 * test when that is an error.  `params` is taken over. */
json_t	*mcp_ask(struct mcp_rig *, const char *method, json_t *params);

/* Only sends; its id. */
int	 mcp_send(struct mcp_rig *, const char *method, json_t *params);
json_t	*mcp_wait(struct mcp_rig *, int id);	/* the whole answer */
bool	 mcp_answered(struct mcp_rig *, int id);	/* without waiting */
void	 mcp_note(struct mcp_rig *, const char *method, json_t *params);

/* A tool's structured result; or the text of its failure, which the other fails on. */
json_t	*mcp_tool(struct mcp_rig *, const char *name, json_t *arguments);
char	*mcp_tool_fails(struct mcp_rig *, const char *name, json_t *arguments);
int	 mcp_tool_send(struct mcp_rig *, const char *name, json_t *arguments);
/* Of an answer. */
json_t	*mcp_structured(json_t *answer);

/* Ends its input and waits until it is gone with exit code 0. */
void	 mcp_end(struct mcp_rig *);

#endif
