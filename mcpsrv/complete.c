/* completion/complete: runs, formats, indices and names of tests. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/history.h"
#include "ctl/json_value.h"
#include "mcpsrv/reading.h"
#include "mcpsrv/tools.h"

#define NAMES_MAX	10000	/* tests that are looked through */
#define VALUES_MAX	100	/* that are sent */

struct values {
	const char	*prefix;
	json_t		*list;
	uint64_t	 total;
};

static void
add(struct values *v, const char *s)
{
	if (strncmp(s, v->prefix, strlen(v->prefix)) != 0)
		return;
	if (v->total++ < VALUES_MAX)
		answer_append(v->list, json_value_text(s));
}

static struct values
begin(const struct reading *rd)
{
	const char	*prefix = json_string_value(json_object_get(json_object_get(
	    mcp_params(rd->call.req), "argument"), "value"));

	return (struct values){ .prefix = prefix != NULL ? prefix : "", .list = json_array() };
}

static void
end(struct reading *rd, const struct values *v)
{
	struct mcp_request	*req = rd->call.req;

	rd->call.req = NULL;
	mcp_reply_completion(req, v->list, v->total);
	call_done(&rd->call);
}

static int
on_run(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	return runlist_answer(&((struct reading *)arg)->runs, type, id, m);
}

/* Where there is nobody to ask, nothing is suggested. */
static void
on_runs(void *arg, int r, const struct client_error *e)
{
	struct reading	*rd = arg;
	struct values	 v = begin(rd);

	(void)r;
	(void)e;
	runlist_arrange(&rd->runs);
	for (size_t i = 0; i < rd->runs.n; i++)
		add(&v, rd->runs.v[i].id);
	end(rd, &v);
}

static int
on_metric(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	return metrics_answer(&((struct reading *)arg)->metrics, type, id, m);
}

static void
on_names(void *arg, int r, const struct client_error *e)
{
	struct reading	*rd = arg;
	struct values	 v = begin(rd);

	(void)r;
	(void)e;
	for (size_t i = 0; i < rd->metrics.n; i++) {
		/* Of several suites one after the other: they are sorted. */
		if (i == 0 || strcmp(rd->metrics.v[i].test, rd->metrics.v[i - 1].test) != 0)
			add(&v, rd->metrics.v[i].test);
	}
	end(rd, &v);
}

static void
on_total(struct reading *rd)
{
	struct values	v = begin(rd);
	char		number[24];

	for (uint64_t i = 0; i < rd->results.total; i++) {
		(void)snprintf(number, sizeof number, "%" PRIu64, i);
		add(&v, number);
	}
	end(rd, &v);
}

static void
complete_index(struct reading *rd)
{
	const char	*run = json_string_value(json_object_get(json_object_get(json_object_get(
	    mcp_params(rd->call.req), "context"), "arguments"), "runId"));
	struct values	 v;

	if (run != NULL) {
		reading_run(rd, run, on_total);
		return;
	}
	v = begin(rd);
	end(rd, &v);
}

static void
complete_format(struct reading *rd)
{
	struct values	v = begin(rd);

	for (unsigned i = 0; i < URI_FORMATS; i++)
		add(&v, uri_format_name((enum uri_format)i));
	end(rd, &v);
}

void
complete(struct mcp_request *req, void *arg)
{
	struct reading		*rd = reading_new(arg, req, "completion/complete");
	struct msg_run_list	 runs = { .limit = 0 };
	struct msg_metrics	 names = { .sort = METRIC_SORT_NAME, .limit = NAMES_MAX };
	const char		*what = json_string_value(json_object_get(json_object_get(
	    mcp_params(req), "argument"), "name"));

	if (strcmp(what, "format") == 0)
		complete_format(rd);
	else if (strcmp(what, "index") == 0)
		complete_index(rd);
	else if (strcmp(what, "runId") == 0)
		call_ask(&rd->call, MSG_RUN_LIST, &runs, on_run, on_runs, rd);
	else	/* name of a template, testName of a prompt */
		call_ask(&rd->call, MSG_METRICS, &names, on_metric, on_names, rd);
}
