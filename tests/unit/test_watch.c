/* Unit tests of supervisor/watch.c: clients that read fast, slowly, or not at all. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "supervisor/record.h"
#include "tests/unit/server_fixture.h"

#define LAG_MS	1000
#define LAG	((size_t)128 << 10)

struct fx {
	struct sx		 sx;
	struct sx_client	*owner, *c;
	struct run		*run;
	struct watches		*watches;
	msec_t			 t0;
};

static int
open_run(void **state)
{
	struct fx	*fx = calloc(1, sizeof *fx);
	char		*id;

	if (fx == NULL)
		return 1;
	sx_open(&fx->sx);
	fx->sx.server.config.lag_ms = LAG_MS;
	fx->sx.server.config.lag = LAG;
	fx->watches = &fx->sx.server.watches;
	fx->owner = sx_greeted(&fx->sx, SX_UID);
	fx->c = sx_greeted(&fx->sx, SX_UID);
	id = sx_submit(&fx->sx, fx->owner, 1, true);
	fx->run = TAILQ_FIRST(&fx->sx.server.runs.list);
	fx->t0 = now_ms();
	*state = fx;
	free(id);
	return fx->run == NULL;
}

static int
close_run(void **state)
{
	struct fx	*fx = *state;

	sx_close(&fx->sx);
	free(fx);
	return 0;
}

static void
watch(struct fx *fx, struct sx_client *c, bool live)
{
	struct msg_run_watch	m = { .run = sv_from(fx->run->id), .live = live };

	sx_send(c, MSG_RUN_WATCH, 50, &m);
	fx->t0 = now_ms();	/* no earlier than the watcher's own clock */
}

/* About `bytes` of new events. */
static void
happen(struct fx *fx, size_t bytes)
{
	char	text[4001];

	memset(text, 'w', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	for (size_t n = 0; n < bytes; n += sizeof text)
		record_warning(fx->run, text);
}

static void
finish(struct fx *fx)
{
	run_cancel(fx->run, true, "the test is over");
	assert_true(fx->run->over);
}

static const struct sx_frame *
next(struct fx *fx, struct sx_client *c, enum msg_type type)
{
	const struct sx_frame	*f;

	sx_collect(&fx->sx, c);
	f = sx_next(c);
	assert_non_null(f);
	assert_string_equal(msg_desc(f->type)->name, msg_desc(type)->name);
	return f;
}

/* Looks at all events that have come; the sequence number after the last. */
static uint64_t
events_from(struct fx *fx, struct sx_client *c, uint64_t seq)
{
	sx_collect(&fx->sx, c);
	while (c->next < c->n && c->frames[c->next]->type == MSG_EVENT) {
		assert_int_equal(c->frames[c->next]->body.event.seq, seq);
		seq++;
		c->next++;
	}
	return seq;
}

static size_t
pending(const struct sx_client *c)
{
	return peer_pending(c->conn->peer);
}

static void
a_watcher_gets_what_happens(void **state)
{
	struct fx	*fx = *state;
	uint64_t	 seq;

	watch(fx, fx->c, false);
	assert_int_equal(watch_pump(fx->watches, fx->t0, true), WATCH_NEVER);
	seq = events_from(fx, fx->c, 1);
	assert_int_equal(seq, fx->run->log.next_seq);
	happen(fx, 100);
	(void)watch_pump(fx->watches, fx->t0 + 1, true);
	assert_int_equal(events_from(fx, fx->c, seq), seq + 1);
	finish(fx);
	(void)watch_pump(fx->watches, fx->t0 + 2, true);
	seq = events_from(fx, fx->c, seq + 1);
	assert_int_equal(seq, fx->run->log.next_seq);
	assert_int_equal(next(fx, fx->c, MSG_END_OF)->body.end_of.count, seq - 1);
	assert_int_equal(watch_count(fx->watches, fx->c->conn->peer), 0);
}

/* Many small events cost one write: they wait for each other for a moment. */
static void
events_are_sent_together(void **state)
{
	struct fx	*fx = *state;
	uint64_t	 seq, wait;

	watch(fx, fx->c, false);
	(void)watch_pump(fx->watches, fx->t0, true);
	seq = events_from(fx, fx->c, 1);
	happen(fx, 1);
	wait = watch_pump(fx->watches, fx->t0 + 1, false);
	assert_in_range(wait, 1, 10);
	happen(fx, 1);
	assert_int_equal(pending(fx->c), 0);
	assert_int_equal(watch_pump(fx->watches, fx->t0 + 1 + wait, false), WATCH_NEVER);
	assert_int_equal(events_from(fx, fx->c, seq), seq + 2);
	happen(fx, 1);
	(void)watch_pump(fx->watches, fx->t0 + 2 + wait, true);	/* urgent */
	assert_int_equal(events_from(fx, fx->c, seq + 2), seq + 3);
}

static void
what_is_queued_for_a_slow_one_is_bounded(void **state)
{
	struct fx	*fx = *state;

	watch(fx, fx->c, false);
	for (int i = 0; i < 50; i++) {
		happen(fx, 100000);
		(void)watch_pump(fx->watches, fx->t0 + (msec_t)i, true);
	}
	assert_true(pending(fx->c) < (size_t)700 << 10);
}

static void
one_that_reads_nothing_is_told_and_dropped(void **state)
{
	struct fx		*fx = *state;
	const struct msg_lagged	*lagged;
	uint64_t		 seq, last;

	watch(fx, fx->c, false);
	happen(fx, (size_t)2 << 20);
	last = fx->run->log.next_seq - 1;
	(void)watch_pump(fx->watches, fx->t0, true);
	for (msec_t t = 1; t < LAG_MS / 2; t += 50)
		assert_in_range(watch_pump(fx->watches, fx->t0 + t, true), 1, LAG_MS / 2);
	assert_int_equal(watch_count(fx->watches, fx->c->conn->peer), 1);
	(void)watch_pump(fx->watches, fx->t0 + LAG_MS / 2, true);
	happen(fx, 100);	/* so that it is behind again */
	(void)watch_pump(fx->watches, fx->t0 + LAG_MS - 1, true);
	assert_int_equal(watch_count(fx->watches, fx->c->conn->peer), 1);
	(void)watch_pump(fx->watches, fx->t0 + LAG_MS, true);
	assert_int_equal(watch_count(fx->watches, fx->c->conn->peer), 0);
	seq = events_from(fx, fx->c, 1);
	assert_true(seq > 1 && seq < last);
	lagged = &next(fx, fx->c, MSG_LAGGED)->body.lagged;
	assert_true(sv_is(lagged->run, fx->run->id));
	assert_int_equal(lagged->from, seq);	/* no gap that is not told */
	assert_int_equal(lagged->to, last);
	assert_int_equal(next(fx, fx->c, MSG_ERROR)->body.error.code, MSG_ERR_LAGGED);
	sx_turn(&fx->sx);
	assert_null(fx->c->conn);
	assert_int_equal(fx->sx.server.runs.nactive, 1);
}

static void
one_that_wakes_up_goes_on_behind_the_gap(void **state)
{
	struct fx		*fx = *state;
	const struct msg_lagged	*lagged;
	uint64_t		 seq;

	watch(fx, fx->c, false);
	happen(fx, (size_t)2 << 20);
	(void)watch_pump(fx->watches, fx->t0, true);
	(void)watch_pump(fx->watches, fx->t0 + LAG_MS / 2, true);
	seq = events_from(fx, fx->c, 1);	/* it reads now */
	lagged = &next(fx, fx->c, MSG_LAGGED)->body.lagged;
	assert_int_equal(lagged->from, seq);
	happen(fx, 100);
	(void)watch_pump(fx->watches, fx->t0 + 2 * LAG_MS, true);
	assert_int_equal(events_from(fx, fx->c, lagged->to + 1), lagged->to + 2);
	assert_int_equal(watch_count(fx->watches, fx->c->conn->peer), 1);
}

/* Ten kilobytes each third of lag-timeout: far behind, and never cut off. */
static void
one_that_reads_slowly_gets_everything(void **state)
{
	struct fx		*fx = *state;
	struct evbuffer		*in = evbuffer_new();
	struct sx_client	 seen = { .conn = NULL };
	uint64_t		 seq = 1;
	msec_t			 t = fx->t0;
	char			 buf[10000];
	int			 n;

	watch(fx, fx->c, false);
	happen(fx, (size_t)1 << 20);
	finish(fx);
	for (int i = 0; i < 1000 && watch_count(fx->watches, fx->c->conn->peer) > 0; i++) {
		t += LAG_MS / 3;
		(void)watch_pump(fx->watches, t, true);
		n = evbuffer_remove(peer_buffer(fx->c->conn->peer), buf, sizeof buf);
		assert_true(n > 0);
		assert_int_equal(evbuffer_add(in, buf, (size_t)n), 0);
	}
	assert_int_equal(watch_count(fx->watches, fx->c->conn->peer), 0);
	assert_true(t - fx->t0 > 10 * LAG_MS);
	assert_int_equal(evbuffer_add_buffer(in, peer_buffer(fx->c->conn->peer)), 0);
	assert_int_equal(msg_drain(in, MSG_DIR_S2C, fx->sx.reader, sx_keep, &seen, NULL), 0);
	for (size_t i = 0; i < seen.n; i++) {
		if (i + 1 < seen.n) {
			assert_int_equal(seen.frames[i]->type, MSG_EVENT);
			assert_int_equal(seen.frames[i]->body.event.seq, seq++);
		} else {
			assert_int_equal(seen.frames[i]->type, MSG_END_OF);
		}
	}
	assert_int_equal(seq, fx->run->log.next_seq);
	while (seen.n > 0)
		sx_drop(&seen);
	free(seen.frames);
	evbuffer_free(in);
}

static void
a_stuck_watcher_does_not_hold_up_another(void **state)
{
	struct fx	*fx = *state;
	uint64_t	 seq = 1;

	watch(fx, fx->owner, false);	/* reads nothing */
	watch(fx, fx->c, false);
	for (msec_t t = 0; t < 2 * LAG_MS; t += LAG_MS / 4) {
		happen(fx, (size_t)1 << 20);
		for (int i = 0; i < 8; i++) {
			(void)watch_pump(fx->watches, fx->t0 + t, true);
			seq = events_from(fx, fx->c, seq);
		}
		assert_int_equal(seq, fx->run->log.next_seq);
	}
	assert_int_equal(watch_count(fx->watches, fx->owner->conn->peer), 0);
	assert_int_equal(watch_count(fx->watches, fx->c->conn->peer), 1);
}

static void
live_output_goes_to_those_who_asked(void **state)
{
	struct fx		*fx = *state;
	const struct msg_live	*live;

	watch(fx, fx->owner, false);
	watch(fx, fx->c, true);
	(void)watch_pump(fx->watches, fx->t0, true);
	(void)events_from(fx, fx->c, 1);
	(void)events_from(fx, fx->owner, 1);
	watch_live(fx->watches, fx->run, 0, 1, 2, SV_LIT("some\0thing"));
	live = &next(fx, fx->c, MSG_LIVE)->body.live;
	assert_true(sv_is(live->test, "t0"));
	assert_int_equal(live->stream, 2);
	assert_int_equal(live->data.n, 10);
	assert_int_equal(pending(fx->owner), 0);
}

static void
live_output_is_left_out_for_one_that_reads_slowly(void **state)
{
	struct fx	*fx = *state;
	char		*data = calloc(1, 100000);

	watch(fx, fx->c, true);
	for (int i = 0; i < 100; i++)
		watch_live(fx->watches, fx->run, 0, 1, 1, (struct sv){ data, 100000 });
	assert_in_range(pending(fx->c), 500000, 1300000);
	free(data);
}

/* Its memory goes to newer runs: whoever still reads it hears so. */
static void
a_forgotten_run_is_told(void **state)
{
	struct fx	*fx = *state;

	watch(fx, fx->c, false);
	happen(fx, (size_t)2 << 20);
	finish(fx);
	(void)watch_pump(fx->watches, fx->t0, true);
	assert_int_equal(watch_count(fx->watches, fx->c->conn->peer), 1);
	watch_forget_run(fx->watches, fx->run);
	assert_int_equal(watch_count(fx->watches, fx->c->conn->peer), 0);
	(void)events_from(fx, fx->c, 1);
	assert_int_equal(next(fx, fx->c, MSG_ERROR)->id, 50);
}

#define WITH_RUN(f)	cmocka_unit_test_setup_teardown(f, open_run, close_run)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_RUN(a_watcher_gets_what_happens),
		WITH_RUN(events_are_sent_together),
		WITH_RUN(what_is_queued_for_a_slow_one_is_bounded),
		WITH_RUN(one_that_reads_nothing_is_told_and_dropped),
		WITH_RUN(one_that_wakes_up_goes_on_behind_the_gap),
		WITH_RUN(one_that_reads_slowly_gets_everything),
		WITH_RUN(a_stuck_watcher_does_not_hold_up_another),
		WITH_RUN(live_output_goes_to_those_who_asked),
		WITH_RUN(live_output_is_left_out_for_one_that_reads_slowly),
		WITH_RUN(a_forgotten_run_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
