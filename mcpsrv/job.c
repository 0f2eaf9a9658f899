/* A run that a call follows; see job.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "common/event.h"
#include "common/outcome.h"
#include "common/xalloc.h"
#include "ctl/text.h"
#include "mcpsrv/job.h"
#include "mcpsrv/learn.h"

#define OUTPUT_KEPT	((size_t)4 * ANSWER_TAIL)	/* cleaning makes it shorter */
#define TELL_MS		250	/* between two lines of progress */
#define TICK_MS		2000	/* without an event */
#define CANCEL_MS	700	/* for the supervisor to take a cancel */

/* ---- the end ---- */

static void
job_free(struct call *c)
{
	struct job	*j = (struct job *)c;

	plan_free(&j->plan);
	plan_free(&j->known);
	results_free(&j->results);
	free(j->cwd);
	free(j->from);
	event_free(j->wait);
	event_free(j->tick);
}

/* Tells what is known by now. */
static void
tell(struct job *j)
{
	if (j->results.run == NULL && j->submit.run[0] != '\0')
		j->results.run = xstrdup(j->submit.run);
	j->view.now_ms = wall_ms();
	call_answer(&j->call, j->answer(j));
}

/* The supervisor is gone, or says no, while the run goes on. */
static void
lost(struct job *j, const struct client_error *e)
{
	struct text	t = { 0 };

	call_explain(e, &t);
	if (j->submit.run[0] == '\0' || e->code != 0)
		call_failed(&j->call, "%s", t.p);
	else
		call_failed(&j->call, "%s. Run %s had finished %" PRIu64 " of %" PRIu64 " tests "
		    "by then. Call console_get_test_run {\"runId\": \"%s\"}: that starts a "
		    "supervisor where none is, which goes on with the run from its record, or "
		    "ends it.", t.p, j->submit.run,
		    j->results.done, j->results.total, j->submit.run);
	text_free(&t);
}

/* ---- following ---- */

static void
progress(struct job *j, bool now)
{
	struct text	t = { 0 };
	msec_t		at = now_ms();

	if (j->call.req == NULL || (!now && at < j->told_ms + TELL_MS))
		return;
	j->told_ms = at;
	answer_progress(&j->results, wall_ms(), &t);
	mcp_progress(j->call.req, (double)(j->attempts > 0 ? j->finished : j->results.done),
	    (double)(j->attempts > 0 ? j->attempts : j->results.total), t.p);
	text_free(&t);
}

/* Of what a test printed only the end is ever told, and only when it failed: a run of
 * many tests, or of many attempts, takes no memory for the rest. */
static bool
take_event(struct job *j, const struct msg_event *event)
{
	struct msg_event	ev = *event;

	if (ev.outcome == OUTCOME_PASS || j->submit.flake[FLAKE_SET_ON] != 0)
		ev.output.n = 0;
	if (ev.output.n > OUTPUT_KEPT) {
		ev.output.p += ev.output.n - OUTPUT_KEPT;
		ev.output.n = OUTPUT_KEPT;
	}
	return results_event(&j->results, &ev);
}

static int
on_event(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct job	*j = arg;

	(void)id;
	switch (type) {
	case MSG_EVENT:
		if (j->submit.run[0] == '\0')	/* it was asked for by a prefix */
			(void)snprintf(j->submit.run, sizeof j->submit.run, SV_FMT,
			    SV_ARG(m->event.run));
		if (!take_event(j, &m->event))
			return 0;
		j->finished += m->event.type == EVENT_ATTEMPT_FINISHED;
		progress(j, false);
		return 0;
	case MSG_LAGGED:	/* the record has what was left out */
		j->lagged = true;
		return 1;
	default:
		return 0;
	}
}

static void	watch(struct job *);

static void
on_watched(void *arg, int r, const struct client_error *e)
{
	struct job	*j = arg;

	if (r != 0) {
		lost(j, e);
	} else if (j->lagged) {
		j->lagged = false;
		watch(j);
	} else if (j->has_wait && !j->caught_up && !j->no_follow && !j->results.finished) {
		j->caught_up = true;
		watch(j);
	} else {
		tell(j);
	}
}

/* Who waits for so long only first reads what is there, so that it can be told of at any
 * time after that. */
static void
watch(struct job *j)
{
	const char		*run = j->submit.run[0] != '\0' ? j->submit.run : j->from;
	bool			 read = j->no_follow || (j->has_wait && !j->caught_up);
	struct msg_run_watch	 m = { .run = sv_from(run), .no_follow = read,
	    .since = results_next(&j->results, 1) };
	struct timeval		 tv = clock_timeval(TICK_MS);

	/* A question without a limit: the run has its own. */
	if (j->call.link == NULL)
		j->call.link = link_new(j->call.srv->base, j->call.srv->socket);
	link_ask(j->call.link, MSG_RUN_WATCH, &m, read ? CALL_WAIT_MS : 0, on_event, on_watched, j);
	(void)evtimer_add(j->tick, &tv);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct job	*j = arg;
	struct timeval	 tv = clock_timeval(TICK_MS);

	(void)fd;
	(void)what;
	progress(j, false);
	(void)evtimer_add(j->tick, &tv);
}

/* The caller wanted to wait so long. */
static void
on_wait(evutil_socket_t fd, short what, void *arg)
{
	struct job	*j = arg;

	(void)fd;
	(void)what;
	if (j->caught_up)
		tell(j);
	else
		j->no_follow = true;	/* submitted or read any moment, and told of then */
}

static void
begin_wait(struct job *j)
{
	struct timeval	tv = clock_timeval(j->wait_ms);

	if (!j->has_wait)
		return;
	if (j->wait_ms == 0)
		j->no_follow = true;
	else
		(void)evtimer_add(j->wait, &tv);
}

/* ---- submitting ---- */

static void	give_up(struct job *);

static int
on_run_ok(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct job	*j = arg;

	(void)id;
	if (type == MSG_RUN_OK)
		(void)snprintf(j->submit.run, sizeof j->submit.run, SV_FMT, SV_ARG(m->run_ok.run));
	if (type == MSG_RUN_OK)
		j->submit.jobs = m->run_ok.jobs;
	return 0;
}

static void
on_committed(void *arg, int r, const struct client_error *e)
{
	struct job	*j = arg;

	j->committing = false;
	if (r != 0) {
		lost(j, e);
		return;
	}
	j->submitted = true;
	learn_known(j->call.srv, j->submit.run);
	if (j->giving_up) {
		give_up(j);
		return;
	}
	mcp_task_name(j->call.req, j->submit.run);
	mcp_list_changed(j->call.srv->mcp, MCP_LIST_RESOURCES);
	watch(j);
}

void
job_submit(struct job *j)
{
	struct msg_run_commit	commit = { .tests = j->plan.ntests };
	struct client_error	e = { .code = 0 };
	struct client		*c = link_client(j->call.link);

	j->submit.detach = j->has_wait;
	if (submit_open(c, &j->plan, &j->submit, &e) != 0) {
		call_lost(&j->call, &e);
		return;
	}
	j->committing = true;
	call_ask(&j->call, MSG_RUN_COMMIT, &commit, on_run_ok, on_committed, j);
}

/* ---- giving up ---- */

static void
on_given_up(void *arg, int r, const struct client_error *e)
{
	struct job	*j = arg;

	(void)r;
	(void)e;
	call_failed(&j->call, "the call was cancelled");
}

/* Ends the run; what is known of it stays on record. */
static void
give_up(struct job *j)
{
	struct msg_run_cancel	m = { .run = sv_from(j->submit.run), .reason = sv_from(j->reason) };

	link_ask(j->call.link, MSG_RUN_CANCEL, &m, CANCEL_MS, NULL, on_given_up, j);
}

static void
on_cancelled(struct call *c, const char *reason)
{
	struct job	*j = (struct job *)c;
	struct text	 t = { 0 };

	text_puts(&t, "its call was cancelled");
	if (reason != NULL && *reason != '\0')
		text_addf(&t, ": %s", reason);
	(void)snprintf(j->reason, sizeof j->reason, "%s", t.p);
	text_free(&t);
	j->giving_up = true;
	(void)evtimer_del(j->wait);
	(void)evtimer_del(j->tick);
	if (j->submitted)
		give_up(j);
	else if (!j->committing)	/* else when it is known what to cancel */
		call_failed(c, "the call was cancelled");
}

/* ---- beginning ---- */

struct job *
job_new(struct srv *s, struct mcp_request *req, const char *tool)
{
	struct job	*j = call_new(sizeof *j, s, req, tool);

	j->call.free = job_free;
	j->call.cancelled = on_cancelled;
	j->wait = evtimer_new(s->base, on_wait, j);
	j->tick = evtimer_new(s->base, on_tick, j);
	if (j->wait == NULL || j->tick == NULL)
		abort();	/* as without memory elsewhere */
	j->view.secrets = &s->secrets;
	j->view.budget = s->budget;
	return j;
}

static enum answer_detail
detail_of(const char *word)
{
	if (word != NULL && strcmp(word, "summary") == 0)
		return DETAIL_SUMMARY;
	return word != NULL && strcmp(word, "all") == 0 ? DETAIL_ALL : DETAIL_FAILURES;
}

bool
job_arguments(struct job *j)
{
	const struct call	*c = &j->call;
	uint64_t		 most = c->srv->max_wait_ms;
	char			 why[DEFINE_WHY];

	j->view.detail = detail_of(call_text(c, "detail"));
	j->view.limit = call_number(c, "limit", 50);
	j->view.output_lines = call_number(c, "outputLines", 20);
	j->has_wait = call_has(c, "waitMs") || most != 0;
	j->wait_ms = call_number(c, "waitMs", most);
	if (most != 0 && j->wait_ms > most)
		j->wait_ms = most;
	j->define.has_timeout = call_has(c, "timeout");
	j->define.timeout_ms = call_number(c, "timeout", 0);
	j->define.env = json_object_get(mcp_arguments(c->req), "env");
	j->submit.label = call_text(c, "label");
	j->plan.jobs = call_number(c, "maxWorkers", 0);
	j->cwd = define_folder(c->srv->cwd, call_text(c, "cwd") != NULL ? call_text(c, "cwd") : "",
	    "cwd", why);
	if (j->cwd == NULL) {
		call_failed(&j->call, "%s", why);
		return false;
	}
	j->define.cwd = j->cwd;
	return true;
}

bool
job_define(struct job *j, const json_t *tests, const char *place)
{
	char	 at[64], why[DEFINE_WHY];
	size_t	 i;
	json_t	*t;

	json_array_foreach(tests, i, t) {
		(void)snprintf(at, sizeof at, "%s[%zu]", place, i);
		if (define_add(&j->plan, t, at, why) != 0) {
			call_failed(&j->call, "%s", why);
			return false;
		}
	}
	return true;
}

void
job_start(struct job *j)
{
	begin_wait(j);
	job_lookup(j);
}

static void
follow(struct call *c)
{
	watch((struct job *)c);
}

void
job_follow(struct job *j, const char *run)
{
	j->theirs = true;
	j->from = xstrdup(run);
	begin_wait(j);
	learn_run(&j->call, j->from, follow);
}
