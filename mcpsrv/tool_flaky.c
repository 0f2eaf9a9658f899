/* console_detect_flaky_tests: each test again and again, judged as paratestctl flaky does. */
#include "common/flake.h"
#include "mcpsrv/job.h"
#include "mcpsrv/tools.h"

#define RUNS		10	/* unless said otherwise, as all here */

static json_t *
answer(struct job *j)
{
	return answer_flaky(&j->results, &j->view, j->threshold, j->stable_too);
}

static void
prepare(struct job *j)
{
	uint64_t	runs = call_number(&j->call, "runs", RUNS);

	j->attempts = runs * j->plan.ntests;
}

void
tool_flaky(struct mcp_request *req, void *arg)
{
	struct job	*j = job_new(arg, req, "console_detect_flaky_tests");
	uint64_t	*set = j->submit.flake;

	j->answer = answer;
	j->prepare = prepare;
	if (!job_arguments(j) ||
	    !job_define(j, json_object_get(mcp_arguments(req), "tests"), "tests"))
		return;
	j->threshold = call_ratio(&j->call, "threshold", FLAKE_THRESHOLD);
	j->stable_too = call_flag(&j->call, "includeStable", false);
	set[FLAKE_SET_ON] = 1;
	set[FLAKE_SET_RUNS] = call_number(&j->call, "runs", RUNS);
	/* 0 reads as the default there; one in a million is as good. */
	set[FLAKE_SET_THRESHOLD_PPM] = (uint64_t)(j->threshold * 1e6 + 0.5);
	if (set[FLAKE_SET_THRESHOLD_PPM] == 0)
		set[FLAKE_SET_THRESHOLD_PPM] = 1;
	if (!call_flag(&j->call, "parallel", true)) {
		j->plan.jobs = 1;
		set[FLAKE_SET_STOP_ON_STABLE] = call_flag(&j->call, "stopOnStable", false);
	}
	job_start(j);
}
