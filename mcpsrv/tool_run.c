/* console_run_test_parallel and console_get_test_run: tests run, and a run told of. */
#include <stdlib.h>
#include <string.h>

#include "common/outcome.h"
#include "ctl/json_value.h"
#include "mcpsrv/job.h"
#include "mcpsrv/tools.h"

/* What holds for the run, in the original's words. */
static json_t *
config_of(const struct job *j)
{
	json_t	*o = json_object(), *notes = json_array();

	json_value_put(o, "maxWorkers", json_value_u64(j->submit.jobs));
	json_value_put(o, "timeout", json_value_u64(j->define.has_timeout ? j->define.timeout_ms :
	    j->timeout_ms));
	json_value_put(o, "workerTimeout", json_value_u64(j->worker_timeout_ms));
	json_value_put(o, "isolateTests", json_true());
	json_value_put(o, "failFast", json_boolean(j->plan.max_fail != 0));
	if (j->submit.shuffle)
		json_value_put(o, "seed", json_value_u64(j->submit.seed));
	if (!call_flag(&j->call, "isolateTests", true))
		answer_append(notes, json_value_text("tests are always isolated"));
	if (call_number(&j->call, "workerTimeout", j->worker_timeout_ms) != j->worker_timeout_ms)
		answer_append(notes, json_value_text("the worker timeout is the daemon's, for "
		    "all runs: console_set_test_timeout changes it"));
	if (json_array_size(notes) > 0)
		json_value_put(o, "notes", notes);
	else
		json_decref(notes);
	return o;
}

static json_t *
answer_of_run(struct job *j)
{
	return answer_run(&j->results, &j->view, config_of(j));
}

void
tool_run(struct mcp_request *req, void *arg)
{
	struct job	*j = job_new(arg, req, "console_run_test_parallel");

	j->answer = answer_of_run;
	if (!job_arguments(j) ||
	    !job_define(j, json_object_get(mcp_arguments(req), "tests"), "tests"))
		return;
	j->plan.max_fail = call_flag(&j->call, "failFast", false);
	j->submit.shuffle = call_flag(&j->call, "shuffle", false);
	j->submit.seed = call_number(&j->call, "seed", 0);
	job_start(j);
}

/* ---- a run that is there ---- */

static json_t *
answer_of_get(struct job *j)
{
	return answer_found(&j->results, &j->view);
}

static enum test_status
status_of(const char *name)
{
	unsigned	i = 0;

	while (i < TEST_STATUS_COUNT && strcmp(test_status_name(i), name) != 0)
		i++;
	return (enum test_status)i;
}

void
tool_get(struct mcp_request *req, void *arg)
{
	struct job	*j = job_new(arg, req, "console_get_test_run");
	const char	*cursor = call_text(&j->call, "cursor");

	j->answer = answer_of_get;
	if (!job_arguments(j))
		return;
	j->view.pattern = call_text(&j->call, "namePattern");
	j->view.has_status = call_has(&j->call, "status");
	if (j->view.has_status)
		j->view.status = status_of(call_text(&j->call, "status"));
	/* Who looks for a test or a status wants to see it whatever it came to. */
	if ((j->view.has_status || j->view.pattern != NULL) && !call_has(&j->call, "detail"))
		j->view.detail = DETAIL_ALL;
	if (cursor != NULL && !answer_cursor_parse(cursor, &j->view.detail, &j->view.offset)) {
		call_failed(&j->call, "cursor '%.40s' is none that this server gave: take "
		    "nextCursor of the answer before, or leave it out for the first page", cursor);
		return;
	}
	job_follow(j, call_text(&j->call, "runId"));
}
