/* One run of a list of them; see answer.h. */
#include "common/outcome.h"
#include "ctl/json_value.h"
#include "ctl/runlist.h"
#include "mcpsrv/answer.h"

json_t *
answer_row(const struct runlist_row *one)
{
	const struct msg_run_row	*r = &one->row;
	json_t				*o = json_object(), *sum = json_object();

	json_value_put(o, "runId", json_value_text(one->id));
	if (one->name[0] != '\0')
		answer_text(o, "label", one->name, 200);
	json_value_put(o, "kind", json_value_text(r->detects ? "flaky" : one->parent[0] != '\0' ?
	    "retry" : "run"));
	json_value_put(o, "status", json_value_text(run_status_name(r->status)));
	answer_time(o, "startedAt", r->start_ms);
	json_value_put(o, "duration", json_value_ms(r->duration_us));
	json_value_put(sum, "total", json_value_u64(r->total));
	json_value_put(sum, "passed", json_value_u64(r->passed));
	json_value_put(sum, "failed", json_value_u64(r->failed));
	json_value_put(sum, "skipped", json_value_u64(r->skipped));
	json_value_put(sum, "timedOut", json_value_u64(r->timed_out));
	json_value_put(sum, "errored", json_value_u64(r->errored));
	json_value_put(sum, "cancelled", json_value_u64(r->cancelled));
	json_value_put(o, "summary", sum);
	return o;
}
