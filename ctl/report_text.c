/*
 * A run as a person sees it.  On a terminal: rows at the bottom, redrawn at most
 * ten times a second, and above them what stays; everything of one redraw goes
 * out in one write.  Elsewhere: a line when something is wrong, and now and then
 * one that says how far the run is.  What passes is only counted.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "common/event.h"
#include "common/xalloc.h"
#include "ctl/report.h"
#include "ctl/results.h"
#include "ctl/text_view.h"

#define REDRAW_MS		100
#define PENDING_MAX		(256 * 1024)	/* bytes that may wait for a redraw */
#define FAILURES_WHOLE		100	/* that are shown with their output */
#define FAILURES_SHOWN		1000	/* after these they are only counted */
#define RETRIES_SHOWN		1000
#define HEARTBEAT_TESTS		3
#define REASONS_MAX		20	/* why retries were refused: each is told once */

struct report_text {
	struct report_text_options	 opt;
	struct text_style		 style;
	struct text			 text;		/* to be written above the rows */
	struct text_bar			 bar;
	struct text_running_list	 running;
	struct text_live		*live;
	uint64_t			 failures, retries;	/* shown so far */
	struct strs			 reasons;		/* told already */
	/* Ages are wall clock times of events; this tells them from ticks. */
	msec_t				 start;
	uint64_t			 start_wall;
	msec_t				 drawn_at;	/* 0: not yet */
	msec_t				 heartbeat_at;	/* the last; 0: none */
};

static void
screen_size(const struct report_text *st, unsigned *ret_columns, unsigned *ret_rows)
{
	struct winsize	ws;

	*ret_columns = st->opt.columns > 0 ? st->opt.columns : 80;
	*ret_rows = st->opt.rows > 0 ? st->opt.rows : 24;
	if (st->opt.columns > 0 || ioctl(fileno(st->opt.out), TIOCGWINSZ, &ws) != 0)
		return;
	if (ws.ws_col > 0)
		*ret_columns = ws.ws_col;
	if (ws.ws_row > 0)
		*ret_rows = ws.ws_row;
}

/* Writes what waits, in the place of the rows. */
static void
flush_above(struct report_text *st)
{
	struct text	all = { 0 };
	unsigned	columns, rows;

	if (st->bar.rows == 0) {
		text_write(&st->text, st->opt.out);
		return;
	}
	screen_size(st, &columns, &rows);
	text_bar_erase(&all, &st->bar, columns);
	text_add(&all, st->text.p, st->text.n);
	text_clear(&st->text);
	text_write(&all, st->opt.out);
	text_free(&all);
}

/* After something was added: on a terminal it waits for the next redraw. */
static void
added(struct report_text *st)
{
	if (!st->opt.terminal || st->opt.quiet || st->text.n > PENDING_MAX)
		flush_above(st);
}

static const struct test_result *
test_of(const struct results *r, const struct msg_event *ev)
{
	if (r->tests == NULL || ev->index >= r->total || r->tests[ev->index].name == NULL)
		return NULL;
	return &r->tests[ev->index];
}

static void
on_attempt_started(struct report_text *st, const struct msg_event *ev, const struct results *r)
{
	const struct test_result	*t = test_of(r, ev);

	if (t == NULL || !t->running)
		return;
	text_running_remove(&st->running, ev->index);
	text_running_add(&st->running, &(struct text_running){ .index = ev->index,
	    .start_ms = ev->t_ms, .timeout_ms = ev->timeout_ms });
	if (ev->attempt > 1 && !r->detects && !st->opt.quiet && st->retries++ < RETRIES_SHOWN)
		text_retry(&st->text, &st->style, t, ev->attempt);
}

static void
on_test_finished(struct report_text *st, const struct msg_event *ev, const struct results *r)
{
	const struct test_result	*t = test_of(r, ev);
	size_t				 lines = r->total == 1 ? TEXT_FAILURE_LINES_ALONE :
	    TEXT_FAILURE_LINES;

	text_running_remove(&st->running, ev->index);
	if (t == NULL || t->status == TEST_PASS || t->status == TEST_SKIP ||
	    t->status == TEST_CANCELLED)
		return;
	st->failures++;
	if (st->failures <= FAILURES_SHOWN)
		text_failure(&st->text, &st->style, t,
		    st->failures <= FAILURES_WHOLE ? lines : 0);
	else if (st->failures == FAILURES_SHOWN + 1)
		text_puts(&st->text, "more failures are only counted from here on\n");
}

static void
put_notice(struct report_text *st, const char *word, struct sv message)
{
	text_ink(&st->text, &st->style, INK_YELLOW, word);
	if (message.n > 0) {
		text_puts(&st->text, ": ");
		text_view_line(&st->text, &st->style, message.p, message.n, 0);
	}
	text_puts(&st->text, "\n");
}

/* One reason may be that of hundreds: it is told when it is new. */
static void
on_refused(struct report_text *st, const struct msg_event *ev)
{
	struct sv	why = ev->message.n > 0 ? ev->message :
	    sv_from(retry_decision_name(ev->decision));
	char		*reason;

	for (size_t i = 0; i < st->reasons.n; i++) {
		if (sv_is(why, st->reasons.v[i]))
			return;
	}
	if (st->reasons.n >= REASONS_MAX)
		return;
	reason = xstrndup(why.p, why.n);
	strs_add(&st->reasons, reason);
	free(reason);
	if (!st->opt.quiet)
		put_notice(st, "not retried", why);
}

static void
on_breaker(struct report_text *st, const struct msg_event *ev)
{
	struct text	word = { 0 };

	if (st->opt.quiet)
		return;
	text_puts(&word, "breaker");
	if (ev->name.n > 0) {
		text_puts(&word, " ");
		text_show(&word, ev->name.p, ev->name.n, st->style.flags, 0);
	}
	text_addf(&word, " %s", breaker_state_name(ev->decision));
	put_notice(st, word.p, ev->message);
	text_free(&word);
}

static void
text_event(void *state, const struct msg_event *ev, const struct results *r)
{
	struct report_text	*st = state;

	switch (ev->type) {
	case EVENT_ATTEMPT_STARTED:
		on_attempt_started(st, ev, r);
		break;
	case EVENT_ATTEMPT_FINISHED:
		text_running_remove(&st->running, ev->index);
		text_live_end(&st->text, &st->style, st->live, &ev->test);
		break;
	case EVENT_TEST_FINISHED:
		on_test_finished(st, ev, r);
		break;
	case EVENT_RUN_CANCELLING:
		if (!st->opt.quiet)
			put_notice(st, "cancelling", ev->message);
		break;
	case EVENT_RETRY_REFUSED:
		on_refused(st, ev);
		break;
	case EVENT_BREAKER_CHANGED:
		on_breaker(st, ev);
		break;
	case EVENT_RUN_RESUMED:
		if (!st->opt.quiet)
			put_notice(st, "resumed", ev->message);
		break;
	default:
		break;
	}
	if (st->text.n > 0)
		added(st);
}

/* Somebody else writes to the terminal now: what waits goes out, the rows go away
 * until the next redraw. */
static void
text_aside(void *state)
{
	struct report_text	*st = state;

	flush_above(st);
}

static void
text_on_live(void *state, const struct msg_live *m)
{
	struct report_text	*st = state;

	text_live_add(&st->text, &st->style, st->live, m);
	if (st->text.n > 0)
		added(st);
}

static void
redraw(struct report_text *st, uint64_t wall, const struct results *r)
{
	struct text	all = { 0 };
	unsigned	columns, rows;

	screen_size(st, &columns, &rows);
	if (st->text.n > 0) {
		text_bar_erase(&all, &st->bar, columns);
		text_add(&all, st->text.p, st->text.n);
		text_clear(&st->text);
	}
	text_bar_draw(&all, &st->bar, &st->style, r, &st->running, wall, columns, rows);
	text_write(&all, st->opt.out);
	text_free(&all);
}

/* "[1m30s] 120 of 400 done: 118 passed, 2 failed; running: a (29s), b (12s)" */
static void
heartbeat(struct report_text *st, uint64_t wall, const struct results *r)
{
	struct text	*t = &st->text;

	text_puts(t, "[");
	text_age(t, wall > r->start_ms ? wall - r->start_ms : 0);
	text_addf(t, "] %" PRIu64 " of %" PRIu64 " done: ", r->done, r->total);
	text_counts(t, &st->style, r);
	for (size_t i = 0; i < st->running.n && i < HEARTBEAT_TESTS; i++) {
		const struct text_running	*one = &st->running.v[i];

		text_puts(t, i == 0 ? "; running: " : ", ");
		text_view_name(t, &st->style, r->tests[one->index].name, 0);
		text_puts(t, " (");
		text_age(t, wall > one->start_ms ? wall - one->start_ms : 0);
		text_puts(t, ")");
	}
	if (st->running.n > HEARTBEAT_TESTS)
		text_addf(t, " and %zu more", st->running.n - HEARTBEAT_TESTS);
	text_puts(t, "\n");
	text_write(t, st->opt.out);
}

static void
text_tick(void *state, msec_t now, const struct results *r)
{
	struct report_text	*st = state;
	uint64_t		 wall = st->start_wall + (now > st->start ? now - st->start : 0);

	if (st->opt.quiet || r->tests == NULL || r->finished)
		return;
	if (st->opt.terminal) {
		if (st->drawn_at != 0 && now < st->drawn_at + REDRAW_MS)
			return;
		st->drawn_at = now;
		redraw(st, wall, r);
		return;
	}
	if (st->heartbeat_at == 0)
		st->heartbeat_at = now;
	if (st->opt.heartbeat_ms > 0 && now >= st->heartbeat_at + st->opt.heartbeat_ms) {
		st->heartbeat_at = now;
		heartbeat(st, wall, r);
	}
}

static int
text_end(void *state, const struct results *r)
{
	struct report_text	*st = state;
	int			 err;

	text_live_end(&st->text, &st->style, st->live, NULL);
	text_summary(&st->text, &st->style, r);
	flush_above(st);
	err = text_finish(st->opt.out);
	text_live_free(st->live);
	text_free(&st->text);
	free(st->running.v);
	strs_free(&st->reasons);
	free(st);
	return err;
}

void
report_text(struct reporter *ret, const struct report_text_options *opt)
{
	struct report_text	*st = xcalloc(1, sizeof(*st));

	st->opt = *opt;
	st->live = text_live_new();
	st->start = now_ms();
	st->start_wall = wall_ms();
	text_style_init(&st->style, opt->terminal, opt->colour);
	st->style.isolation = opt->isolation;
	*ret = (struct reporter){ .state = st, .event = text_event, .live = text_on_live,
	    .tick = text_tick, .aside = text_aside, .end = text_end };
}
