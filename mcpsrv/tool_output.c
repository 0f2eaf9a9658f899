/* console_get_test_output: a part of what a test printed. */
#include <string.h>

#include "ctl/json_value.h"
#include "mcpsrv/answer.h"
#include "mcpsrv/clean.h"
#include "mcpsrv/learn.h"
#include "mcpsrv/outpart.h"
#include "mcpsrv/tools.h"

#define PART	8192	/* bytes, unless said otherwise */

struct reading {
	struct call	call;
	struct output	output;
};

static void
reading_free(struct call *c)
{
	output_free(&((struct reading *)c)->output);
}

static json_t *
message_of(const struct output *o)
{
	if (o->total == 0)
		return json_value_text("The test printed nothing.");
	if (o->grep != NULL)
		return json_sprintf("%s of %llu bytes%s.", o->text.n > 0 ? "Lines that match, out" :
		    "No line matches", (unsigned long long)o->total, o->next != 0 ?
		    "; nextOffset leads to more of them" : "");
	return json_sprintf("Bytes %llu to %llu of %llu%s%s.", (unsigned long long)o->from,
	    (unsigned long long)o->end, (unsigned long long)o->total,
	    o->next != 0 ? "; nextOffset leads to the rest" : "",
	    o->cut ? "; more was printed than was kept" : "");
}

static void
on_done(void *arg, int r, const struct client_error *e)
{
	struct reading	*rd = arg;
	struct output	*o = &rd->output;
	struct text	 t = { 0 };
	json_t		*a;

	if (r != 0) {
		call_lost(&rd->call, e);
		return;
	}
	clean_text(&t, o->text.p, o->text.n);
	secrets_hide(&rd->call.srv->secrets, &t);
	a = json_object();
	json_value_put(a, "message", message_of(o));
	json_value_put(a, "runId", json_value_text(call_text(&rd->call, "runId")));
	answer_text(a, "testName", call_text(&rd->call, "testName"), 512);
	json_value_put(a, "offset", json_value_u64(o->from));
	json_value_put(a, "totalBytes", json_value_u64(o->total));
	if (o->next != 0)
		json_value_put(a, "nextOffset", json_value_u64(o->next));
	json_value_put(a, "text", json_value_bytes(t.p, t.n));
	text_free(&t);
	call_answer(&rd->call, a);
}

static void
read_output(struct call *c)
{
	output_read(&((struct reading *)c)->output, c);
}

static uint64_t
streams_of(const char *word)
{
	if (word != NULL && strcmp(word, "stdout") == 0)
		return 1;
	return word != NULL && strcmp(word, "stderr") == 0 ? 2 : 3;
}

void
tool_output(struct mcp_request *req, void *arg)
{
	struct reading	*rd = call_new(sizeof *rd, arg, req, "console_get_test_output");
	struct output	*o = &rd->output;
	const char	*grep = call_text(&rd->call, "grep");
	const json_t	*offset = json_object_get(mcp_arguments(req), "offset");
	char		 why[300];

	rd->call.free = reading_free;
	rd->call.simple = true;
	o->m = (struct msg_output_read){ .run = sv_from(call_text(&rd->call, "runId")),
	    .test = sv_from(call_text(&rd->call, "testName")),
	    .attempt = call_number(&rd->call, "attempt", 0),
	    .streams = streams_of(call_text(&rd->call, "stream")) };
	/* What is looked for may be anywhere. */
	o->offset = offset != NULL ? json_integer_value(offset) : grep != NULL ? 0 : -PART;
	o->max = call_number(&rd->call, "maxBytes", PART);
	o->done = on_done;
	o->arg = rd;
	if (grep != NULL) {
		o->grep = output_pattern_new(grep, why, sizeof why);
		if (o->grep == NULL) {
			call_failed(&rd->call, "%s", why);
			return;
		}
	}
	learn_run(&rd->call, o->m.run.p, read_output);
}
