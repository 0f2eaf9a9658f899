/* Unit tests of supervisor/evlog.c: events in order, in memory and in the journal. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "supervisor/evlog.h"

struct fx {
	char			 dir[40];
	int			 dirfd;
	struct journal		 journal;
	struct evlog		 log;
	struct evbuffer		*out;
	struct msg_reader	*reader;
	char			*text;
};

static int
open_log(void **state)
{
	struct fx	*fx = calloc(1, sizeof *fx);

	if (fx == NULL)
		return 1;
	(void)snprintf(fx->dir, sizeof fx->dir, "/tmp/paratest-unit.XXXXXX");
	fx->out = evbuffer_new();
	fx->reader = msg_reader_new();
	fx->text = malloc(300000);
	if (mkdtemp(fx->dir) == NULL || fx->out == NULL || fx->reader == NULL ||
	    fx->text == NULL)
		return 1;
	memset(fx->text, 'e', 300000);
	fx->dirfd = open(fx->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (journal_create(&fx->journal, fx->dirfd, "j") != 0)
		return 1;
	evlog_init(&fx->log, &fx->journal);
	*state = fx;
	return 0;
}

static int
close_log(void **state)
{
	struct fx	*fx = *state;

	evlog_free(&fx->log);
	journal_close(&fx->journal);
	evbuffer_free(fx->out);
	msg_reader_free(fx->reader);
	free(fx->text);
	(void)unlinkat(fx->dirfd, "j", 0);
	(void)close(fx->dirfd);
	assert_int_equal(rmdir(fx->dir), 0);
	free(fx);
	return 0;
}

/* An event whose text is `n` bytes long; its seq is in t_ms too. */
static void
append(struct fx *fx, size_t n)
{
	struct msg_event	ev = { .t_ms = fx->log.next_seq, .type = 6, .run = SV_LIT("r"),
	    .message = { fx->text, n } };

	assert_int_equal(evlog_append(&fx->log, &ev), 0);
	assert_int_equal(journal_flush(&fx->journal), 0);
}

/* The log of a supervisor that reads the journal of another one. */
static void
recall(struct fx *fx)
{
	struct journal_reader	rd;
	enum msg_type		type;
	struct sv		body;

	evlog_free(&fx->log);
	evlog_init(&fx->log, &fx->journal);
	journal_reader_init(&rd, fx->journal.fd, 0, UINT64_MAX);
	while (journal_next(&rd, &type, &body) == 1) {
		if (type == MSG_EVENT)
			assert_int_equal(evlog_recall(&fx->log, fx->log.next_seq, body.n,
			    rd.at - body.n), 0);
	}
	journal_reader_free(&rd);
}

struct expected {
	uint64_t	seq;
};

static int
is_next(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct expected	*e = arg;

	assert_int_equal(type, MSG_EVENT);
	assert_int_equal(id, 0);
	assert_int_equal(m->event.seq, e->seq);
	assert_int_equal(m->event.t_ms, e->seq);
	e->seq++;
	return 0;
}

/* Reads from the cursor on, at most `max` bytes at a time; the number after the last. */
static uint64_t
read_all(struct fx *fx, struct evlog_cursor *cur, uint64_t from, size_t max)
{
	struct expected	e = { from };
	int64_t		n;

	while ((n = evlog_read(&fx->log, cur, fx->out, max)) > 0) {
		assert_int_equal(evbuffer_get_length(fx->out), n);
		assert_int_equal(msg_drain(fx->out, MSG_DIR_S2C, fx->reader, is_next, &e, NULL), 0);
		assert_int_equal(evbuffer_get_length(fx->out), 0);	/* whole frames */
		assert_int_equal(cur->seq, e.seq);
	}
	assert_int_equal(n, 0);
	assert_int_equal(cur->bytes, fx->log.bytes);
	return e.seq;
}

static void
an_empty_log_has_nothing(void **state)
{
	struct fx		*fx = *state;
	struct evlog_cursor	 cur;

	for (uint64_t seq = 0; seq < 3; seq++) {
		assert_int_equal(evlog_seek(&fx->log, seq, &cur), 0);
		assert_int_equal(evlog_read(&fx->log, &cur, fx->out, 1000), 0);
		assert_int_equal(cur.seq, 1);
	}
	append(fx, 10);		/* and that cursor then sees the first event */
	assert_int_equal(read_all(fx, &cur, 1, 1000), 2);
}

static void
old_events_are_read_from_disk(void **state)
{
	struct fx		*fx = *state;
	struct evlog_cursor	 cur;
	uint64_t		 n = 0;

	while (fx->log.bytes < 20 * EVLOG_CHUNK) {
		append(fx, 5000);
		n++;
	}
	assert_true(fx->log.dropped >= 11);
	assert_true(fx->log.nchunks - fx->log.dropped <= EVLOG_RESIDENT);
	assert_true(fx->journal.written > 11 * (EVLOG_CHUNK - 6000));
	for (uint64_t seq = 0; seq <= n + 3; seq++) {
		assert_int_equal(evlog_seek(&fx->log, seq, &cur), 0);
		assert_int_equal(cur.seq, seq == 0 ? 1 : seq <= n ? seq : n + 1);
		if (seq % 50 == 0 || seq > n - 5)
			assert_int_equal(read_all(fx, &cur, cur.seq, 100000), n + 1);
	}
}

static void
an_event_larger_than_a_chunk_is_kept(void **state)
{
	struct fx		*fx = *state;
	struct evlog_cursor	 cur;
	struct msg_event	 ev = { .run = SV_LIT("r"), .message = { fx->text, 300000 } };

	for (int i = 0; i < 12; i++) {
		append(fx, 5);
		append(fx, 200000);
	}
	assert_int_equal(evlog_append(&fx->log, &ev), -EMSGSIZE);
	append(fx, 5);		/* and takes no number */
	assert_int_equal(evlog_seek(&fx->log, 1, &cur), 0);
	assert_int_equal(read_all(fx, &cur, 1, 1), 26);
}

static void
a_cursor_at_the_end_goes_on_with_what_comes(void **state)
{
	struct fx		*fx = *state;
	struct evlog_cursor	 cur;
	uint64_t		 seq = 1;

	evlog_end(&fx->log, &cur);
	for (int i = 0; i < 300; i++) {
		append(fx, 10000);
		assert_int_equal(read_all(fx, &cur, seq, 1 << 20), seq + 1);
		seq++;
		if (i % 7 == 0)
			evlog_end(&fx->log, &cur);
	}
	assert_true(fx->log.dropped > 0);
}

/* Any sizes, three readers of any pace: each sees every event once, in order. */
static void
readers_of_any_pace_see_everything(void **state)
{
	struct fx	*fx = *state;
	uint64_t	 seed = UINT64_C(20240817);

	print_message("seed %llu\n", (unsigned long long)seed);
	for (int round = 0; round < 5; round++) {
		struct evlog_cursor	cur[3];
		struct expected		e[3];

		for (int r = 0; r < 3; r++) {
			e[r].seq = seed % fx->log.next_seq + 1;
			assert_int_equal(evlog_seek(&fx->log, e[r].seq, &cur[r]), 0);
		}
		for (int i = 0; i < 400; i++) {
			seed = seed * UINT64_C(6364136223846793005) + 1;
			append(fx, seed >> 40 & 3 ? seed >> 33 & 0xfff : seed >> 33 & 0x1ffff);
			for (int r = 0; r < 3; r++) {
				if ((seed >> (50 + r) & 3) != 0)
					continue;
				assert_true(evlog_read(&fx->log, &cur[r], fx->out,
				    seed >> 20 & 0xffff) >= 0);
				assert_int_equal(msg_drain(fx->out, MSG_DIR_S2C, fx->reader,
				    is_next, &e[r], NULL), 0);
			}
		}
		for (int r = 0; r < 3; r++)
			assert_int_equal(read_all(fx, &cur[r], e[r].seq, 1 << 18),
			    fx->log.next_seq);
	}
	assert_true(fx->log.dropped > 10);
}

/* Between other records, as in a run: read back they are the same, and it goes on. */
static void
a_log_is_the_same_when_it_is_read_back(void **state)
{
	struct fx		*fx = *state;
	struct msg_jrn_output	 other = { .attempt = 1, .stream = 1, .data = { fx->text, 90000 } };
	struct evlog_cursor	 cur;
	uint64_t		 bytes;

	for (int i = 0; i < 60; i++) {
		append(fx, 7000);
		if (i % 3 == 0)
			assert_int_equal(journal_put(&fx->journal, MSG_JRN_OUTPUT, &other,
			    NULL), 0);
	}
	bytes = fx->log.bytes;
	recall(fx);
	assert_int_equal(fx->log.next_seq, 61);
	assert_int_equal(fx->log.bytes, bytes);
	assert_int_equal(evlog_recall(&fx->log, 60, 10, 0), -EBADMSG);
	append(fx, 100);
	for (uint64_t seq = 1; seq <= 61; seq += 7) {
		assert_int_equal(evlog_seek(&fx->log, seq, &cur), 0);
		assert_int_equal(read_all(fx, &cur, seq, 1 << 18), 62);
	}
}

/* Without a journal the events stay in memory. */
static void
a_log_without_a_journal_loses_nothing(void **state)
{
	struct fx		*fx = *state;
	struct evlog_cursor	 cur;
	struct msg_event	 ev = { .run = SV_LIT("r"), .message = { fx->text, 5000 } };

	journal_close(&fx->journal);
	for (uint64_t i = 1; i <= 400; i++) {
		ev.t_ms = i;
		assert_int_equal(evlog_append(&fx->log, &ev), 0);
	}
	assert_int_equal(fx->log.dropped, 0);
	assert_int_equal(evlog_seek(&fx->log, 1, &cur), 0);
	assert_int_equal(read_all(fx, &cur, 1, 1 << 18), 401);
}

#define WITH_LOG(f)	cmocka_unit_test_setup_teardown(f, open_log, close_log)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_LOG(an_empty_log_has_nothing),
		WITH_LOG(old_events_are_read_from_disk),
		WITH_LOG(an_event_larger_than_a_chunk_is_kept),
		WITH_LOG(a_cursor_at_the_end_goes_on_with_what_comes),
		WITH_LOG(readers_of_any_pace_see_everything),
		WITH_LOG(a_log_is_the_same_when_it_is_read_back),
		WITH_LOG(a_log_without_a_journal_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
