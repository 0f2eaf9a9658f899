/* Unit tests of common/peer.c over real socket pairs and in memory. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/event.h>

#include "common/clock.h"
#include "common/fdutil.h"
#include "common/peer.h"

#define DEADLINE_MS	20000

struct end {
	struct peer	*peer;
	unsigned	 frames, gone, drained;
	uint32_t	 last_id;
	int		 gone_r;
	char		 why[80];
	bool		 calling;	/* inside a call into the peer */
	int		 answer;	/* what the handler returns */
	unsigned	 finish_at, pause_at;	/* frame at which to do so; 0: never */
	/* at which something was there while it was another's turn */
	unsigned	 turns;
	bool		 others;	/* it is */
};

struct fx {
	struct event_base	*base;
	struct peer_set		 set;
	struct end		 a;	/* under test, reads C2S */
	int			 far;	/* the other end, raw */
	struct evbuffer		*got;	/* what came there */
};

static int
on_frame(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct end	*e = arg;

	(void)type;
	(void)m;
	e->frames++;
	e->last_id = id;
	if (e->frames == e->finish_at) {
		struct msg_ok	ok = { 0 };

		(void)peer_send(e->peer, MSG_OK, id, &ok);
		peer_finish(e->peer);
	}
	if (e->frames == e->pause_at)
		peer_pause(e->peer, true);
	return e->answer;
}

static void
on_gone(void *arg, int r, const char *why)
{
	struct end	*e = arg;

	assert_false(e->calling);
	e->gone++;
	e->gone_r = r;
	(void)strncpy(e->why, why, sizeof e->why - 1);
}

static void
on_drained(void *arg, size_t pending)
{
	struct end	*e = arg;

	(void)pending;
	e->drained++;
}

static bool
on_ready(void *arg)
{
	struct end	*e = arg;

	e->turns += e->others;
	if (e->others)
		peer_pause(e->peer, true);
	return !e->others;
}

static const struct peer_ops ops = { .frame = on_frame, .gone = on_gone, .drained = on_drained,
	.ready = on_ready };

static int
open_pair(void **state)
{
	struct fx	*fx = calloc(1, sizeof *fx);
	int		 fds[2];

	if (fx == NULL || fd_socketpair(fds) != 0)
		return 1;
	fx->base = event_base_new();
	fx->got = evbuffer_new();
	peer_set_init(&fx->set);
	fx->a.peer = peer_new(fx->base, &fx->set, fds[0], MSG_DIR_C2S, &ops, &fx->a);
	fx->far = fds[1];
	*state = fx;
	return fx->a.peer == NULL;
}

static int
close_pair(void **state)
{
	struct fx	*fx = *state;

	peer_free(fx->a.peer);
	fd_close(&fx->far);
	evbuffer_free(fx->got);
	event_base_free(fx->base);
	free(fx);
	return 0;
}

/* Turns the loop until *counter is `want` or the deadline is over. */
static void
until(struct fx *fx, const unsigned *counter, unsigned want)
{
	msec_t		end = now_ms() + DEADLINE_MS;
	struct timeval	tick = { 0, 5000 };

	while (*counter < want && now_ms() < end) {
		(void)event_base_loopexit(fx->base, &tick);
		(void)event_base_loop(fx->base, EVLOOP_ONCE);
		peer_set_flush(&fx->set);
	}
	assert_int_equal(*counter, want);
}

static void
write_pings(struct fx *fx, uint32_t n)
{
	struct evbuffer	*b = evbuffer_new();
	struct msg_ping	 m = { 0 };

	for (uint32_t i = 1; i <= n; i++)
		assert_int_equal(msg_put_ping(b, i, &m), 0);
	while (evbuffer_get_length(b) > 0)
		assert_true(evbuffer_write(b, fx->far) > 0);
	evbuffer_free(b);
}

static int
count_frame(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct end	*e = arg;

	(void)type;
	(void)m;
	e->frames++;
	e->last_id = id;
	return 0;
}

/* Reads what came at the far end; false when that end was closed. */
static bool
read_far(struct fx *fx, struct end *seen)
{
	struct msg_reader	*rd = msg_reader_new();
	int			 n;

	while ((n = evbuffer_read(fx->got, fx->far, -1)) > 0)
		;
	assert_int_equal(msg_drain(fx->got, MSG_DIR_S2C, rd, count_frame, seen, NULL), 0);
	msg_reader_free(rd);
	return n != 0;
}

/* ---- reading ---- */

static void
frames_are_handed_over_in_order(void **state)
{
	struct fx	*fx = *state;

	write_pings(fx, 100);
	until(fx, &fx->a.frames, 100);
	assert_int_equal(fx->a.last_id, 100);
	assert_int_equal(fx->a.gone, 0);
}

static void
the_end_of_the_stream_is_told_once(void **state)
{
	struct fx	*fx = *state;

	write_pings(fx, 3);
	fd_close(&fx->far);
	until(fx, &fx->a.gone, 1);
	assert_int_equal(fx->a.frames, 3);	/* what came before it counts */
	assert_int_equal(fx->a.gone_r, 0);
	for (int i = 0; i < 10; i++)
		(void)event_base_loop(fx->base, EVLOOP_NONBLOCK);
	assert_int_equal(fx->a.gone, 1);
}

static void
bad_bytes_end_it_from_the_loop(void **state)
{
	static const char	 bad[] = "\0\0\0\1\0\2\0\0\0\0\0\1\xc1";
	struct fx		*fx = *state;
	struct msg_ok		 m = { 0 };

	fx->a.calling = true;
	peer_feed(fx->a.peer, bad, sizeof bad - 1);
	assert_int_equal(peer_send(fx->a.peer, MSG_OK, 1, &m), -EPIPE);
	peer_flush(fx->a.peer);
	peer_finish(fx->a.peer);
	fx->a.calling = false;
	assert_int_equal(fx->a.gone, 0);
	until(fx, &fx->a.gone, 1);
	assert_int_equal(fx->a.gone_r, -EBADMSG);
	assert_string_equal(fx->a.why, "a body is not one sound msgpack map");
	assert_int_equal(fx->a.frames, 0);
}

static void
a_refusing_handler_ends_it(void **state)
{
	struct fx	*fx = *state;

	fx->a.answer = -EBADMSG;
	write_pings(fx, 3);
	until(fx, &fx->a.gone, 1);
	assert_int_equal(fx->a.frames, 1);
	assert_int_equal(fx->a.gone_r, -EBADMSG);
}

static void
a_paused_peer_reads_no_frame(void **state)
{
	struct fx	*fx = *state;

	fx->a.pause_at = 2;	/* in the middle of what one read brought */
	write_pings(fx, 5);
	until(fx, &fx->a.frames, 2);
	for (int i = 0; i < 10; i++)
		(void)event_base_loop(fx->base, EVLOOP_NONBLOCK);
	assert_int_equal(fx->a.frames, 2);
	fx->a.calling = true;
	peer_pause(fx->a.peer, false);
	fx->a.calling = false;
	assert_int_equal(fx->a.frames, 2);	/* from the loop only */
	until(fx, &fx->a.frames, 5);
	peer_pause(fx->a.peer, true);
	write_pings(fx, 2);
	for (int i = 0; i < 10; i++)
		(void)event_base_loop(fx->base, EVLOOP_NONBLOCK);
	assert_int_equal(fx->a.frames, 5);
	peer_pause(fx->a.peer, false);
	until(fx, &fx->a.frames, 7);
}

/* Neither what is in the socket nor what was read with an earlier frame. */
static void
one_that_is_not_ready_is_not_read(void **state)
{
	struct fx	*fx = *state;

	fx->a.others = true;
	write_pings(fx, 3);
	until(fx, &fx->a.turns, 1);
	for (int i = 0; i < 10; i++)
		(void)event_base_loop(fx->base, EVLOOP_NONBLOCK);
	assert_int_equal(fx->a.turns, 1);
	assert_int_equal(fx->a.frames, 0);
	fx->a.others = false;
	fx->a.pause_at = 1;
	peer_pause(fx->a.peer, false);
	until(fx, &fx->a.frames, 1);
	fx->a.others = true;
	peer_pause(fx->a.peer, false);
	until(fx, &fx->a.turns, 2);
	assert_int_equal(fx->a.frames, 1);
	fx->a.others = false;
	peer_pause(fx->a.peer, false);
	until(fx, &fx->a.frames, 3);
}

/* The far end sends, is held back, and closes: nothing of it is lost. */
static void
the_end_comes_after_what_a_pause_held_back(void **state)
{
	struct fx	*fx = *state;

	fx->a.pause_at = 1;
	write_pings(fx, 5);
	until(fx, &fx->a.frames, 1);
	fd_close(&fx->far);
	peer_pause(fx->a.peer, false);
	until(fx, &fx->a.gone, 1);
	assert_int_equal(fx->a.frames, 5);
}

/* ---- writing ---- */

static void
messages_go_out_with_the_flush(void **state)
{
	struct fx	*fx = *state;
	struct end	 seen = { 0 };
	struct msg_ok	 m = { 0 };

	for (uint32_t i = 1; i <= 3; i++)
		assert_int_equal(peer_send(fx->a.peer, MSG_OK, i, &m), 0);
	assert_true(read_far(fx, &seen));
	assert_int_equal(seen.frames, 0);
	peer_set_flush(&fx->set);
	assert_int_equal(peer_pending(fx->a.peer), 0);
	assert_true(read_far(fx, &seen));
	assert_int_equal(seen.frames, 3);
	assert_int_equal(seen.last_id, 3);
	assert_true(TAILQ_EMPTY(&fx->set.dirty));
}

static void
what_the_socket_does_not_take_waits(void **state)
{
	struct fx		*fx = *state;
	struct end		 seen = { 0 };
	char			*data = calloc(1, 100000);
	struct msg_output_chunk	 m = { .stream = 1, .data = { data, 100000 } };
	msec_t			 end = now_ms() + DEADLINE_MS;
	struct timeval		 tick = { 0, 5000 };
	const unsigned		 n = 50;

	for (uint32_t i = 1; i <= n; i++)
		assert_int_equal(peer_send(fx->a.peer, MSG_OUTPUT_CHUNK, i, &m), 0);
	peer_set_flush(&fx->set);
	assert_true(peer_pending(fx->a.peer) > 0);	/* it did not take 5 MB */
	assert_true(TAILQ_EMPTY(&fx->set.dirty));
	while (seen.frames < n && now_ms() < end) {
		assert_true(read_far(fx, &seen));
		(void)event_base_loopexit(fx->base, &tick);
		(void)event_base_loop(fx->base, EVLOOP_ONCE);
		peer_set_flush(&fx->set);
	}
	assert_int_equal(seen.frames, n);
	assert_int_equal(seen.last_id, n);
	assert_int_equal(peer_pending(fx->a.peer), 0);
	assert_true(fx->a.drained > 1);
	free(data);
}

/* What a handler queues is put on record before the flush: it must not leave with
 * what was queued before, when the socket takes that. */
static void
nothing_leaves_before_the_flush(void **state)
{
	struct fx		*fx = *state;
	struct end		 seen = { 0 };
	char			*data = calloc(1, 100000);
	struct msg_output_chunk	 m = { .stream = 1, .data = { data, 100000 } };
	size_t			 pending;

	for (uint32_t i = 1; i <= 50; i++)
		assert_int_equal(peer_send(fx->a.peer, MSG_OUTPUT_CHUNK, i, &m), 0);
	peer_set_flush(&fx->set);
	assert_true(read_far(fx, &seen));	/* there is room again */
	assert_int_equal(peer_send(fx->a.peer, MSG_OUTPUT_CHUNK, 51, &m), 0);
	pending = peer_pending(fx->a.peer);
	(void)event_base_loop(fx->base, EVLOOP_NONBLOCK);
	assert_int_equal(peer_pending(fx->a.peer), pending);
	peer_set_flush(&fx->set);
	assert_true(peer_pending(fx->a.peer) < pending);
	free(data);
}

static void
a_far_end_that_is_gone_ends_it(void **state)
{
	struct fx	*fx = *state;
	struct msg_ok	 m = { 0 };

	fd_close(&fx->far);
	assert_int_equal(peer_send(fx->a.peer, MSG_OK, 1, &m), 0);
	fx->a.calling = true;
	peer_set_flush(&fx->set);
	fx->a.calling = false;
	until(fx, &fx->a.gone, 1);
}

/* ---- finishing ---- */

static void
the_last_words_are_written_before_the_end(void **state)
{
	struct fx		*fx = *state;
	struct end		 seen = { 0 };
	char			*data = calloc(1, 100000);
	struct msg_output_chunk	 m = { .stream = 1, .data = { data, 100000 } };
	struct timeval		 tick = { 0, 5000 };
	msec_t			 end = now_ms() + DEADLINE_MS;
	const unsigned		 n = 10;

	for (uint32_t i = 1; i <= n; i++)
		assert_int_equal(peer_send(fx->a.peer, MSG_OUTPUT_CHUNK, i, &m), 0);
	fx->a.calling = true;
	peer_finish(fx->a.peer);
	peer_finish(fx->a.peer);
	assert_int_equal(peer_send(fx->a.peer, MSG_OUTPUT_CHUNK, 99, &m), -EPIPE);
	peer_set_flush(&fx->set);
	fx->a.calling = false;
	assert_int_equal(fx->a.gone, 0);	/* they do not fit into the socket */
	while (fx->a.gone == 0 && now_ms() < end) {
		(void)read_far(fx, &seen);
		(void)event_base_loopexit(fx->base, &tick);
		(void)event_base_loop(fx->base, EVLOOP_ONCE);
		peer_set_flush(&fx->set);
	}
	assert_int_equal(fx->a.gone, 1);
	assert_int_equal(fx->a.gone_r, 0);
	(void)read_far(fx, &seen);
	assert_int_equal(seen.frames, n);
	assert_int_equal(seen.last_id, n);
	free(data);
}

/* A handler answers and finishes; more frames and garbage lie behind. */
static void
what_comes_after_the_end_is_not_looked_at(void **state)
{
	struct fx	*fx = *state;
	struct end	 seen = { 0 };

	fx->a.finish_at = 1;
	write_pings(fx, 3);
	assert_int_equal(write(fx->far, "garbage garbage", 15), 15);
	until(fx, &fx->a.gone, 1);
	assert_int_equal(fx->a.frames, 1);
	assert_int_equal(fx->a.gone_r, 0);
	(void)read_far(fx, &seen);
	assert_int_equal(seen.frames, 1);	/* the answer */
}

static void
a_peer_that_finishes_silently_is_over_at_once(void **state)
{
	struct fx	*fx = *state;

	peer_finish(fx->a.peer);
	until(fx, &fx->a.gone, 1);
	for (int i = 0; i < 10; i++)
		(void)event_base_loop(fx->base, EVLOOP_NONBLOCK);
	assert_int_equal(fx->a.gone, 1);
}

static void
a_freed_peer_calls_nothing_more(void **state)
{
	struct fx	*fx = *state;
	struct msg_ok	 m = { 0 };

	write_pings(fx, 3);
	assert_int_equal(peer_send(fx->a.peer, MSG_OK, 1, &m), 0);
	peer_finish(fx->a.peer);
	peer_free(fx->a.peer);
	fx->a.peer = NULL;
	peer_set_flush(&fx->set);
	for (int i = 0; i < 10; i++)
		(void)event_base_loop(fx->base, EVLOOP_NONBLOCK);
	assert_int_equal(fx->a.frames + fx->a.gone, 0);
	/* Its descriptor is closed, with three pings unread. */
	assert_int_equal(read(fx->far, &m, 1), -1);
	assert_int_equal(errno, ECONNRESET);
	peer_free(NULL);
}

/* ---- in memory ---- */

static void
a_peer_in_memory_is_fed_and_read(void **state)
{
	struct fx	*fx = *state;
	struct end	 e = { 0 };
	struct msg_ok	 m = { 0 };
	struct evbuffer	*b = evbuffer_new();
	struct msg_ping	 ping = { 0 };

	e.peer = peer_new(fx->base, &fx->set, -1, MSG_DIR_C2S, &ops, &e);
	assert_non_null(e.peer);
	assert_int_equal(msg_put_ping(b, 7, &ping), 0);
	peer_feed(e.peer, evbuffer_pullup(b, -1), evbuffer_get_length(b));
	assert_int_equal(e.last_id, 7);
	assert_int_equal(peer_send(e.peer, MSG_OK, 7, &m), 0);
	peer_set_flush(&fx->set);
	assert_int_equal(evbuffer_get_length(peer_buffer(e.peer)), MSG_HEADER + 1);
	peer_finish(e.peer);
	peer_set_flush(&fx->set);
	until(fx, &e.gone, 1);
	peer_free(e.peer);
	evbuffer_free(b);
}

#define WITH_PAIR(f)	cmocka_unit_test_setup_teardown(f, open_pair, close_pair)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PAIR(frames_are_handed_over_in_order),
		WITH_PAIR(the_end_of_the_stream_is_told_once),
		WITH_PAIR(bad_bytes_end_it_from_the_loop),
		WITH_PAIR(a_refusing_handler_ends_it),
		WITH_PAIR(a_paused_peer_reads_no_frame),
		WITH_PAIR(one_that_is_not_ready_is_not_read),
		WITH_PAIR(the_end_comes_after_what_a_pause_held_back),
		WITH_PAIR(messages_go_out_with_the_flush),
		WITH_PAIR(what_the_socket_does_not_take_waits),
		WITH_PAIR(nothing_leaves_before_the_flush),
		WITH_PAIR(a_far_end_that_is_gone_ends_it),
		WITH_PAIR(the_last_words_are_written_before_the_end),
		WITH_PAIR(what_comes_after_the_end_is_not_looked_at),
		WITH_PAIR(a_peer_that_finishes_silently_is_over_at_once),
		WITH_PAIR(a_freed_peer_calls_nothing_more),
		WITH_PAIR(a_peer_in_memory_is_fed_and_read),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
