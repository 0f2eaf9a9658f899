/* resources/list and resources/read: what there is to read beside the tools. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/outcome.h"
#include "ctl/json_put.h"
#include "ctl/json_value.h"
#include "mcpsrv/reading.h"
#include "mcpsrv/tools.h"

#define LISTED		20	/* runs */
#define TTL_LIST_MS	1000
#define ROWS		500	/* of metrics and of a history */

/* ---- the list ---- */

static int
on_run(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	return runlist_answer(&((struct reading *)arg)->runs, type, id, m);
}

static json_t *
fixed(const char *uri, const char *name, const char *title, const char *description)
{
	json_t	*o = json_object();

	json_value_put(o, "uri", json_value_text(uri));
	json_value_put(o, "name", json_value_text(name));
	json_value_put(o, "title", json_value_text(title));
	json_value_put(o, "description", json_value_text(description));
	json_value_put(o, "mimeType", json_value_text("application/json"));
	return o;
}

/* A run that failed is what somebody looks for. */
static json_t *
listed(const struct runlist_row *one)
{
	json_t	*o = json_object(), *hints = json_object();
	char	 uri[80], name[32], text[160];

	(void)snprintf(uri, sizeof uri, "paratest://runs/%.40s", one->id);
	(void)snprintf(name, sizeof name, "run %.8s", one->id);
	(void)snprintf(text, sizeof text, "%s: %" PRIu64 " tests, %" PRIu64 " passed",
	    run_status_name(one->row.status), one->row.total, one->row.passed);
	json_value_put(o, "uri", json_value_text(uri));
	json_value_put(o, "name", json_value_text(name));
	if (one->name[0] != '\0')
		answer_text(o, "title", one->name, 100);
	json_value_put(o, "description", json_value_text(text));
	json_value_put(o, "mimeType", json_value_text("application/json"));
	json_value_put(hints, "priority", json_real(one->row.status == RUN_FAILED ? 0.9 : 0.4));
	answer_time(hints, "lastModified", one->row.start_ms + one->row.duration_us / 1000);
	json_value_put(o, "annotations", hints);
	return o;
}

static json_t *
fixed_ones(void)
{
	json_t	*list = json_array();

	answer_append(list, fixed("paratest://runs", "runs", "Recent runs",
	    "Runs on record, the newest first."));
	answer_append(list, fixed("paratest://config", "config", "Configuration",
	    "Limits in force: the supervisor's settings and the administrator's policy."));
	answer_append(list, fixed("paratest://metrics", "metrics", "Metrics",
	    "What each test costs: durations, CPU time, memory, how often it passes."));
	return list;
}

static void
on_listed(void *arg, int r, const struct client_error *e)
{
	struct reading		*rd = arg;
	struct mcp_request	*req = rd->call.req;
	json_t			*list = fixed_ones();

	(void)e;
	runlist_arrange(&rd->runs);
	/* Without a supervisor the fixed ones are there all the same. */
	for (size_t i = 0; r == 0 && i < rd->runs.n && i < LISTED; i++)
		answer_append(list, listed(&rd->runs.v[i]));
	rd->call.req = NULL;
	mcp_reply_list(req, list, NULL, TTL_LIST_MS);
	call_done(&rd->call);
}

void
resources_list(struct mcp_request *req, void *arg)
{
	struct reading		*rd;
	struct msg_run_list	 m = { .limit = LISTED };

	if (mcp_cursor(req) != NULL && mcp_cursor(req)[0] != '\0') {
		mcp_reply_bad_cursor(req);	/* there is one page */
		return;
	}
	rd = reading_new(arg, req, "resources/list");
	call_ask(&rd->call, MSG_RUN_LIST, &m, on_run, on_listed, rd);
}

/* ---- the fixed ones ---- */

static void
on_runs(void *arg, int r, const struct client_error *e)
{
	struct reading	*rd = arg;
	json_t		*o, *list;

	if (r != 0) {
		reading_lost(rd, r, e);
		return;
	}
	runlist_arrange(&rd->runs);
	o = json_object();
	list = json_array();
	for (size_t i = 0; i < rd->runs.n && i < 200; i++)
		answer_append(list, answer_row(&rd->runs.v[i]));
	json_value_put(o, "runs", list);
	reading_json(rd, o, 0);
}

static int
on_config_row(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct reading			*rd = arg;
	const struct msg_config_row	*row = &m->config_row;
	json_t				*o;

	(void)id;
	if (type != MSG_CONFIG_ROW)
		return 0;
	o = json_object();
	json_value_put(o, "key", json_value_bytes(row->key.p, row->key.n));
	json_value_put(o, "value", json_value_bytes(row->value.p, row->value.n));
	json_value_put(o, "default", json_value_bytes(row->fallback.p, row->fallback.n));
	json_value_put(o, "description", json_value_bytes(row->text.p, row->text.n));
	answer_append(rd->rows, o);
	return 0;
}

static void
put_ceiling(json_t *o, const char *key, uint64_t v)
{
	if (v != 0)
		json_value_put(o, key, json_value_u64(v));
}

static json_t *
strings(const struct strs *s)
{
	json_t	*list = json_array();

	for (size_t i = 0; i < s->n; i++)
		answer_append(list, json_value_text(s->v[i]));
	return list;
}

static json_t *
policies_json(const struct srv *s)
{
	json_t	*list = json_array(), *o;

	for (size_t i = 0; i < CALL_POLICIES; i++) {
		const struct policy	*p = &s->policies[i];

		o = json_object();
		if (p->roots.n > 0)
			json_value_put(o, "roots", strings(&p->roots));
		if (p->programs.n > 0)
			json_value_put(o, "programs", strings(&p->programs));
		put_ceiling(o, "maxWorkers", p->max_workers);
		put_ceiling(o, "maxTests", p->max_tests);
		put_ceiling(o, "maxTimeout", p->max_timeout_ms);
		put_ceiling(o, "maxRunTime", p->max_run_ms);
		put_ceiling(o, "maxMemory", p->max_memory);
		if (p->error != NULL)
			json_value_put(o, "error", json_value_text(p->error));
		if (json_object_size(o) > 0)
			answer_append(list, o);
		else
			json_decref(o);
	}
	return list;
}

static void
on_config(void *arg, int r, const struct client_error *e)
{
	struct reading	*rd = arg;
	json_t		*o;

	if (r != 0) {
		reading_lost(rd, r, e);
		return;
	}
	o = json_object();
	json_value_put(o, "settings", json_incref(rd->rows));
	json_value_put(o, "policies", policies_json(rd->call.srv));
	json_value_put(o, "projectDirectory", json_value_text(rd->call.srv->cwd));
	reading_json(rd, o, 0);
}

static int
on_metric(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	return metrics_answer(&((struct reading *)arg)->metrics, type, id, m);
}

static void
on_metrics(void *arg, int r, const struct client_error *e)
{
	struct reading	*rd = arg;
	struct text	 t = { 0 };

	if (r != 0) {
		reading_lost(rd, r, e);
		return;
	}
	metrics_put_json(&t, &rd->metrics, true, wall_ms());
	reading_text(rd, "application/json", json_value_bytes(t.p, t.n), 0);
	text_free(&t);
}

/* ---- a run, a test ---- */

static void
on_state(struct reading *rd)
{
	uint64_t	ttl = rd->results.finished ? 3600000 : 0;

	if (rd->missing) {
		reading_none(rd);
		return;
	}
	reading_json(rd, answer_run(&rd->results, &rd->view, NULL), ttl);
}

static int
on_attempt(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct reading			*rd = arg;
	const struct msg_attempt_row	*a = &m->attempt_row;
	json_t				*o;

	(void)id;
	if (type != MSG_ATTEMPT_ROW)
		return 0;
	o = json_object();
	json_value_put(o, "runId", json_value_bytes(a->run.p, a->run.n));
	json_value_put(o, "attempt", json_value_u64(a->attempt));
	json_value_put(o, "outcome", json_value_text(a->outcome == OUTCOME_COUNT ? "running" :
	    outcome_name(a->outcome)));
	answer_time(o, "startedAt", a->start_ms);
	json_value_put(o, "duration", json_value_ms(a->duration_us));
	json_value_put(o, "cpuTime", json_value_ms(a->cpu_us));
	json_value_put(o, "peakMemory", json_value_u64(a->max_rss));
	json_value_put(o, "outputBytes", json_value_u64(a->output_bytes));
	if (MSG_HAS(a, attempt_row, exit_code))
		json_value_put(o, "exitCode", json_value_u64(a->exit_code));
	if (MSG_HAS(a, attempt_row, signal))
		json_value_put(o, "signal", json_value_signal(a->signal));
	if (a->error_message.n > 0)
		json_value_put(o, "error", answer_line(rd->view.secrets, a->error_message.p,
		    a->error_message.n, 300));
	answer_append(rd->rows, o);
	return 0;
}

static void
on_history(void *arg, int r, const struct client_error *e)
{
	struct reading	*rd = arg;
	json_t		*o;

	if (r != 0) {
		reading_lost(rd, r, e);
		return;
	}
	if (json_array_size(rd->rows) == 0) {
		reading_none(rd);
		return;
	}
	o = json_object();
	answer_text(o, "testName", rd->uri.name, 512);
	json_value_put(o, "attempts", json_incref(rd->rows));
	reading_json(rd, o, 0);
}

static void
read_history(struct reading *rd)
{
	struct msg_history	m = { .test = sv_from(rd->uri.name), .limit = ROWS };

	rd->rows = json_array();
	call_ask(&rd->call, MSG_HISTORY, &m, on_attempt, on_history, rd);
}

static void
read_config(struct reading *rd)
{
	struct msg_config_get	m = { .has = 0 };

	rd->rows = json_array();
	call_ask(&rd->call, MSG_CONFIG_GET, &m, on_config_row, on_config, rd);
}

void
resources_read(struct mcp_request *req, void *arg)
{
	struct reading		*rd = reading_new(arg, req, "resources/read");
	struct msg_run_list	 all = { .limit = 200 };
	struct msg_metrics	 metrics = { .limit = ROWS };

	(void)uri_parse(mcp_uri(req), &rd->uri);
	switch (rd->uri.kind) {
	case URI_RUNS:
		call_ask(&rd->call, MSG_RUN_LIST, &all, on_run, on_runs, rd);
		break;
	case URI_CONFIG:
		read_config(rd);
		break;
	case URI_METRICS:
		call_ask(&rd->call, MSG_METRICS, &metrics, on_metric, on_metrics, rd);
		break;
	case URI_RUN_STATE:
		reading_run(rd, rd->uri.run, on_state);
		break;
	case URI_REPORT:
		reading_report(rd);
		break;
	case URI_OUTPUT:
		reading_output(rd);
		break;
	case URI_HISTORY:
		read_history(rd);
		break;
	case URI_NONE:
		reading_none(rd);
		break;
	}
}
