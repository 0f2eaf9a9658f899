/* Resources of one run: its report in four formats, what a test printed. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/outcome.h"
#include "common/xalloc.h"
#include "ctl/attempts.h"
#include "ctl/duration.h"
#include "ctl/json_value.h"
#include "ctl/text_view.h"
#include "mcpsrv/clean.h"
#include "mcpsrv/learn.h"
#include "mcpsrv/reading.h"

#define TTL_OVER_MS	3600000	/* of a run that will not change */
#define OUTPUT_LINES	50	/* of one in Markdown, and bytes */
#define OUTPUT_SHOWN	4096
#define OUTPUT_MAX	((size_t)1 << 20)	/* bytes of an output */
#define REPORT_MAX	((size_t)3 << 20)	/* bytes of a report; more is read in pages */

static uint64_t
ttl_of(const struct reading *rd)
{
	return rd->results.finished ? TTL_OVER_MS : 0;
}

/* ---- Markdown ---- */

/* A cell of a table. */
static void
put_cell(struct text *t, const char *s)
{
	struct text	line = { 0 };

	clean_line(&line, NULL, s, strlen(s), 200);
	for (size_t i = 0; i < line.n; i++) {
		if (strchr("|\\`*_<>[]", line.p[i]) != NULL)
			text_puts(t, "\\");
		text_add(t, line.p + i, 1);
	}
	text_free(&line);
}

static void
put_row(struct text *t, const struct test_result *one)
{
	char		took[DURATION_TEXT];
	struct text	why = { 0 };

	text_puts(t, "| ");
	put_cell(t, one->name);
	text_addf(t, " | %s | %s | %zu | ", test_status_name(one->status),
	    duration_text(one->duration_us, took, sizeof took), one->nattempts);
	if (one->status != TEST_PASS) {
		text_why(&why, one);
		put_cell(t, why.p);
		text_free(&why);
	}
	text_puts(t, " |\n");
}

/* In a fence that the text itself does not have. */
static void
put_output(struct text *t, const struct reading *rd, const struct test_result *one)
{
	const struct attempt_result	*a = attempts_last(one);
	struct text			 out = { 0 };

	if (a == NULL || a->output_len == 0)
		return;
	(void)clean_tail(&out, rd->view.secrets, a->output, a->output_len, a->output_bytes,
	    OUTPUT_LINES, OUTPUT_SHOWN);
	text_puts(t, "\n### ");
	put_cell(t, one->name);
	text_addf(t, "\n\n%s\n%s%s%s\n", strstr(out.p, "```") != NULL ? "~~~~~~" : "```", out.p,
	    out.n > 0 && out.p[out.n - 1] == '\n' ? "" : "\n",
	    strstr(out.p, "```") != NULL ? "~~~~~~" : "```");
	text_free(&out);
}

static void
markdown(struct reading *rd)
{
	const struct results	*r = &rd->results;
	struct answer_view	 all = { .detail = DETAIL_ALL };
	struct text		 t = { 0 };
	char			 took[DURATION_TEXT];
	size_t			 n;
	uint64_t		*order = answer_order(r, &all, &n, NULL);

	text_puts(&t, "# Test run ");
	put_cell(&t, r->name != NULL ? r->name : r->run);
	text_addf(&t, "\n\n%s: %" PRIu64 " tests, %" PRIu64 " passed, %" PRIu64 " failed, %" PRIu64
	    " timed out, %" PRIu64 " could not be run, %" PRIu64 " skipped, %" PRIu64
	    " cancelled, in %s.\n\n| Test | Status | Took | Attempts | Why "
	    "|\n|---|---|---|---|---|\n",
	    run_status_name(r->status), r->total, r->passed, r->failed, r->timed_out, r->errored,
	    r->skipped, r->cancelled, duration_text(r->duration_us, took, sizeof took));
	for (size_t i = 0; i < n && t.n < REPORT_MAX / 2; i++)
		put_row(&t, &r->tests[order[i]]);
	for (size_t i = 0; i < n && t.n < REPORT_MAX / 2; i++) {
		if (r->tests[order[i]].status != TEST_PASS)
			put_output(&t, rd, &r->tests[order[i]]);
	}
	free(order);
	reading_text(rd, "text/markdown", json_value_bytes(t.p, t.n), ttl_of(rd));
	text_free(&t);
}

/* ---- reports ---- */

static void
on_report(struct reading *rd)
{
	struct reporter	rep = rd->reporter;

	if (rd->missing) {
		reading_none(rd);
		return;
	}
	if (rd->uri.format == URI_MARKDOWN) {
		markdown(rd);
		return;
	}
	rd->reporter = (struct reporter){ .end = NULL };
	(void)rep.end(rep.state, &rd->results);
	(void)fflush(rd->file);
	if (rd->text_len > REPORT_MAX) {
		struct mcp_request	*req = rd->call.req;

		rd->call.req = NULL;
		mcp_reply_error(req, MCP_INTERNAL_ERROR, NULL, "the report has %zu bytes, which "
		    "is too long for one answer: read it in pages with console_get_test_run "
		    "{\"runId\": \"%s\", \"detail\": \"all\"}", rd->text_len, rd->uri.run);
		call_done(&rd->call);
		return;
	}
	reading_text(rd, uri_format_type(rd->uri.format), json_value_bytes(rd->text, rd->text_len),
	    ttl_of(rd));
}

void
reading_report(struct reading *rd)
{
	rd->file = open_memstream(&rd->text, &rd->text_len);
	if (rd->file == NULL)
		abort();	/* as without memory elsewhere */
	if (rd->uri.format == URI_JSON)
		report_json(&rd->reporter, rd->file);
	else if (rd->uri.format == URI_JUNIT)
		report_junit(&rd->reporter, rd->file);
	else if (rd->uri.format == URI_TAP)
		report_tap(&rd->reporter, rd->file, 14);
	reading_run(rd, rd->uri.run, on_report);
}

/* ---- an output ---- */

static void
on_output(void *arg, int r, const struct client_error *e)
{
	struct reading	*rd = arg;
	struct output	*o = &rd->output;
	struct text	 t = { 0 };

	if (r != 0) {
		reading_lost(rd, r, e);
		return;
	}
	if (o->from > 0)
		text_addf(&t, "[... %" PRIu64 " bytes before this; console_get_test_output reads "
		    "them]\n",
		    o->from);
	clean_text(&t, o->text.p, o->text.n);
	secrets_hide(rd->view.secrets, &t);
	reading_text(rd, "text/plain", json_value_bytes(t.p, t.n), ttl_of(rd));
	text_free(&t);
}

static int
on_test(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct reading	*rd = arg;

	(void)id;
	if (type != MSG_EVENT)
		return 0;
	(void)results_event(&rd->results, &m->event);
	return 0;
}

static void
on_named(void *arg, int r, const struct client_error *e)
{
	struct reading	*rd = arg;
	const char	*name = r == 0 && rd->uri.index < rd->results.total &&
	    rd->results.tests != NULL ? rd->results.tests[rd->uri.index].name : NULL;

	if (r != 0) {
		reading_lost(rd, r, e);
		return;
	}
	if (name == NULL) {
		reading_none(rd);
		return;
	}
	rd->name = xstrdup(name);
	rd->output.m = (struct msg_output_read){ .run = sv_from(rd->uri.run),
	    .test = sv_from(rd->name), .streams = 3 };
	rd->output.offset = -(int64_t)OUTPUT_MAX;
	rd->output.max = OUTPUT_MAX;
	rd->output.done = on_output;
	rd->output.arg = rd;
	output_read(&rd->output, &rd->call);
}

/* The supervisor knows tests by their names, as they are. */
static void
watch(struct call *c)
{
	struct reading		*rd = (struct reading *)c;
	struct msg_run_watch	 m = { .run = sv_from(rd->uri.run), .no_follow = true, .since = 1 };

	call_ask(c, MSG_RUN_WATCH, &m, on_test, on_named, rd);
}

void
reading_output(struct reading *rd)
{
	learn_run(&rd->call, rd->uri.run, watch);
}
