/* Runs on record; see recorded.h. */
#include "common/outcome.h"
#include "ctl/recorded.h"
#include "ctl/session.h"

int
recorded_plan(const struct cmd_entry *cmd, struct client *c, const char *run, bool open,
    struct plan *plan, struct plan_origin *from)
{
	struct client_error	e = { .code = 0 };

	if (plan_wire_read(c, run, open, plan, from, &e) != 0)
		return cmd_fail(cmd, &e);
	if (from->status == RUN_RUNNING)
		return cmd_usage(cmd, "run %.8s is not over yet: wait (paratestctl watch) or end "
		    "it (paratestctl cancel)", from->run);
	return 0;
}

int
recorded_results(const struct cmd_entry *cmd, struct client *c, const char *run,
    struct results *ret)
{
	struct session		s = { .client = c, .no_follow = true };
	struct client_error	e = { .code = 0 };
	int			r = session_follow(&s, run, -1, &e);

	*ret = s.results;
	return r == 0 ? 0 : cmd_fail(cmd, &e);
}
