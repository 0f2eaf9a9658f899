/*
 * RUN_WATCH of a run that is over: its events as they were, from `since` on; see query.h.
 * Events are numbered without a gap, so that a place in the log is how many were sent and
 * how many, being damaged, could not be.
 */
#include <errno.h>
#include <stdlib.h>

#include "store/query_int.h"

#define PIECE_MAX	((size_t)64 << 20)	/* raw bytes of one piece of the log */
#define SENT_BITS	26			/* of `from`; above them: what was skipped */
#define SKIP_MAX	(UINT64_C(1) << (QUERY_RUN_BITS - SENT_BITS - 1))

struct log {
	struct query		*q;
	struct msg_reader	*reader;
	uint64_t		 want;		/* number of the next event */
	uint64_t		 sent, skipped;
};

static uint64_t
place(const struct log *l)
{
	return l->skipped << SENT_BITS | l->sent;
}

/* Events up to `seq` are not there. */
static void
skip_to(struct log *l, uint64_t seq)
{
	if (seq <= l->want)
		return;
	l->skipped += seq - l->want;
	l->want = seq;
	l->q->cut = true;
}

static uint32_t
big_endian(const char *p, int n)
{
	uint32_t	v = 0;

	for (int i = 0; i < n; i++)
		v = v << 8 | (uint8_t)p[i];
	return v;
}

/* Sends event `seq`; a body that is not that is left out.  0 or -errno. */
static int
send_event(struct log *l, uint64_t seq, const char *body, size_t n)
{
	union msg_body	m;
	int		r = msg_decode(l->reader, MSG_EVENT, body, n, &m, NULL);

	if (r == -EBADMSG || (r == 0 && m.event.seq != seq))
		return 0;	/* it becomes a gap */
	if (r != 0)
		return r;
	skip_to(l, seq);
	r = query_send(l->q, MSG_EVENT, &m.event, n);
	l->sent++;
	l->want++;
	return r;
}

/*
 * The frames of a piece; `seq` numbers the first.  1: the page is full, 0: all of them,
 * or -errno.
 */
static int
send_piece(struct log *l, const char *p, size_t n, uint64_t seq)
{
	size_t	len;
	int	r;

	for (; n >= MSG_HEADER; p += MSG_HEADER + len, n -= MSG_HEADER + len, seq++) {
		len = big_endian(p, 4);
		if (len > n - MSG_HEADER || big_endian(p + 4, 2) != MSG_EVENT)
			break;
		if (seq < l->want)
			continue;
		r = send_event(l, seq, p + MSG_HEADER, len);
		if (r != 0)
			return r;
		if (query_full(l->q, place(l)))
			return 1;
	}
	return 0;
}

/* As send_piece(). */
static int
send_row(struct log *l, sqlite3_stmt *st)
{
	uint64_t	 seq = query_u64(st, 0), size = query_u64(st, 2);
	char		*raw;
	int		 r;

	if (seq > l->want && (l->skipped > SKIP_MAX || seq - l->want > SKIP_MAX - l->skipped)) {
		l->q->cut = true;	/* no run has so many: its number is damaged */
		return 0;
	}
	r = query_unpack(l->q, st, 3, size, PIECE_MAX, &raw);
	if (r == 0) {
		r = send_piece(l, raw, (size_t)size, seq);
		free(raw);
	} else if (r == -EBADMSG) {
		r = 0;
	}
	if (r == 0)
		skip_to(l, seq + query_u64(st, 1));
	return r;
}

static int
send_log(struct log *l, int64_t run)
{
	sqlite3_stmt	*st = NULL;
	int		 r = query_prepare(l->q, "SELECT first_seq, events, size_bytes, data"
	    " FROM event_log WHERE run = ?2 AND first_seq >= coalesce((SELECT max(first_seq)"
	    " FROM event_log WHERE run = ?2 AND first_seq <= ?3), 0) ORDER BY first_seq", &st);

	if (r == 0) {
		(void)sqlite3_bind_int64(st, 2, run);
		(void)sqlite3_bind_int64(st, 3, l->want < INT64_MAX ? (int64_t)l->want : INT64_MAX);
	}
	while (r == 0 && (r = query_step(st)) == 1)
		r = send_row(l, st);
	if (r == 0)
		r = query_end(l->q, l->sent, false);
	(void)sqlite3_finalize(st);
	return r == 1 ? 0 : r;
}

int
query_run_watch(struct query *q, const struct msg_run_watch *m)
{
	struct log	l = { .q = q };
	char		run[QUERY_RUN_ID + 1];
	int64_t		id;
	int		r = query_run(q, m->run, &id, run);

	if (r != 1)
		return r;
	l.sent = q->from & ((UINT64_C(1) << SENT_BITS) - 1);
	l.skipped = q->from >> SENT_BITS;
	l.want = (m->since != 0 ? m->since : 1) + l.sent + l.skipped;
	l.reader = msg_reader_new();
	if (l.reader == NULL)
		return -ENOMEM;
	r = send_log(&l, id);
	msg_reader_free(l.reader);
	return r;
}
