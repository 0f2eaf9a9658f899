/* The answers of a batch; see core.h. */
#include <stdlib.h>

#include "common/xalloc.h"
#include "mcp/core.h"

struct batch *
batch_new(void)
{
	struct batch	*b = xcalloc(1, sizeof *b);

	b->answers = mj_need(json_array());
	b->waiting = 1;
	return b;
}

void
batch_add(struct batch *b, json_t *answer)
{
	mj_add(b->answers, answer);
}

void
batch_done(struct mcp_server *s, struct batch *b)
{
	if (--b->waiting > 0)
		return;
	if (json_array_size(b->answers) > 0)
		server_send(s, b->answers);
	else
		json_decref(b->answers);
	free(b);
}
