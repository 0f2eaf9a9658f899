/* OUTPUT and ATTEMPT_DONE; see report.h. */
#include <stdlib.h>
#include <string.h>

#include "common/peer.h"
#include "common/xalloc.h"
#include "worker/report.h"

#define RECORD_HEADER	5	/* u8 stream, u32 length */

static int
send_output(struct report *r, unsigned stream, struct sv data, bool live)
{
	struct msg_output	m = { .attempt_id = r->attempt_id, .stream = stream,
				    .data = data, .live = live };

	return peer_send(r->peer, MSG_OUTPUT, 0, &m);
}

/* ---- live ---- */

void
report_live(struct report *r, struct capture *const captures[REPORT_STAGES], bool on)
{
	struct capture_iter	it;
	struct sv		piece;
	unsigned		stream;

	if (on && !r->live) {
		for (int i = 0; i < REPORT_STAGES; i++) {
			if (captures[i] == NULL)
				continue;
			capture_walk(captures[i], &it);
			while (capture_next(&it, REPORT_PIECE, &stream, &piece))
				(void)send_output(r, stream, piece, true);
		}
	}
	r->live = on;
}

void
report_output(struct report *r, unsigned stream, struct sv data)
{
	struct strbuf	t = { NULL, 0, 0 };
	uint64_t	*left_out = &r->left_out[stream - 1];

	if (!r->live)
		return;
	if (peer_pending(r->peer) > REPORT_LIVE) {
		*left_out += data.n;
		return;
	}
	if (*left_out > 0) {
		strbuf_addf(&t, "\n[... %llu bytes left out ...]\n", (unsigned long long)*left_out);
		(void)send_output(r, stream, (struct sv){ t.p, t.n }, true);
		free(t.p);
		*left_out = 0;
	}
	(void)send_output(r, stream, data, true);
}

/* ---- the record ---- */

static void
begin_capture(struct report *r)
{
	while (r->at < REPORT_STAGES && r->captures[r->at] == NULL)
		r->at++;
	if (r->at < REPORT_STAGES)
		capture_walk(r->captures[r->at], &r->iter);
}

/* The next piece over all captures. */
static int
next_piece(struct report *r, unsigned *ret_stream, struct sv *ret)
{
	while (r->at < REPORT_STAGES) {
		if (capture_next(&r->iter, REPORT_PIECE, ret_stream, ret))
			return 1;
		r->at++;
		begin_capture(r);
	}
	return 0;
}

static void
add_record(struct strbuf *t, unsigned stream, struct sv data)
{
	unsigned char	head[RECORD_HEADER] = { (unsigned char)stream,
			    (unsigned char)(data.n >> 24), (unsigned char)(data.n >> 16),
			    (unsigned char)(data.n >> 8), (unsigned char)data.n };

	strbuf_add(t, head, sizeof head);
	strbuf_add(t, data.p, data.n);
}

bool
report_begin(struct report *r, struct capture *const captures[REPORT_STAGES],
    char **ret_inline, size_t *ret_n)
{
	struct strbuf	t = { NULL, 0, 0 };
	struct sv	piece;
	unsigned	stream;
	size_t		kept = 0;

	for (int i = 0; i < REPORT_STAGES; i++) {
		r->captures[i] = captures[i];
		kept += captures[i] != NULL ? capture_kept(captures[i]) : 0;
	}
	r->at = 0;
	begin_capture(r);
	if (kept > REPORT_PIECE)
		return false;
	while (next_piece(r, &stream, &piece)) {
		if (t.n + RECORD_HEADER + piece.n > REPORT_PIECE) {
			free(t.p);
			r->at = 0;
			begin_capture(r);
			return false;
		}
		add_record(&t, stream, piece);
	}
	*ret_inline = t.p;
	*ret_n = t.n;
	return true;
}

int
report_pump(struct report *r)
{
	struct sv	piece;
	unsigned	stream;
	int		e;

	while (peer_pending(r->peer) < REPORT_UNSENT) {
		if (!next_piece(r, &stream, &piece))
			return 1;
		e = send_output(r, stream, piece, false);
		if (e != 0)
			return e;
	}
	return 0;
}

/* ---- the result ---- */

/* Strings with their memory; each text is freed by strings_free(). */
struct strings {
	struct sv	*v;
	uint32_t	 n;
};

static void
strings_add(struct strings *s, struct strbuf t)
{
	s->v = xreallocarray(s->v, s->n + 1, sizeof *s->v);
	s->v[s->n++] = (struct sv){ t.p, t.n };
}

static void
strings_addf(struct strings *s, unsigned long long number, const char *text)
{
	struct strbuf	a = { NULL, 0, 0 }, b = { NULL, 0, 0 };

	strbuf_addf(&a, "%llu", number);
	strbuf_addf(&b, "%s", text);
	strings_add(s, a);
	strings_add(s, b);
}

static struct svs
strings_svs(const struct strings *s)
{
	return (struct svs){ s->v, s->n };
}

static void
strings_free(struct strings *s)
{
	for (uint32_t i = 0; i < s->n; i++) {
		void	*p;

		memcpy(&p, &s->v[i].p, sizeof p);	/* ours, whatever sv says */
		free(p);
	}
	free(s->v);
}

static void
fill_tap(struct msg_attempt_done *m, const struct tap_result *tap, struct strings *failures)
{
	m->sub_total = tap->total;
	m->sub_passed = tap->passed;
	m->sub_failed = tap->failed;
	m->sub_skipped = tap->skipped;
	m->sub_todo = tap->todo;
	for (size_t i = 0; i < tap->n_failures; i++)
		strings_addf(failures, tap->failures[i].number, tap->failures[i].name);
	m->sub_failures = strings_svs(failures);
}

static void
fill_totals(const struct report *r, struct msg_attempt_done *m)
{
	for (int i = 0; i < REPORT_STAGES; i++) {
		const struct capture	*c = r->captures[i];

		if (c == NULL)
			continue;
		m->stdout_bytes += capture_total(c, CAPTURE_STDOUT);
		m->stderr_bytes += capture_total(c, CAPTURE_STDERR);
		m->truncated = m->truncated || capture_truncated(c);
	}
}

int
report_done(struct report *r, struct msg_attempt_done *m, const struct judgement *j,
    const struct sweep *sweep, const struct tap_result *tap)
{
	struct strings	leaked = { NULL, 0 }, failures = { NULL, 0 };
	struct sv	*assertions = xcalloc(j->n_assertions + 1, sizeof *assertions);
	int		 e;

	for (size_t i = 0; i < j->n_assertions; i++)
		assertions[i] = (struct sv){ j->assertions[i].p, j->assertions[i].n };
	for (size_t i = 0; i < sweep->n_leaked; i++)
		strings_addf(&leaked, (unsigned long long)sweep->leaked[i].pid,
		    sweep->leaked[i].argv);
	m->attempt_id = r->attempt_id;
	m->outcome = j->outcome;
	m->error_category = j->category;
	m->error_message = (struct sv){ j->message.p, j->message.n };
	m->skip_reason = (struct sv){ j->skip_reason.p, j->skip_reason.n };
	m->assertions = (struct svs){ assertions, (uint32_t)j->n_assertions };
	m->leaked = strings_svs(&leaked);
	fill_totals(r, m);
	if (tap != NULL)
		fill_tap(m, tap, &failures);
	e = peer_send(r->peer, MSG_ATTEMPT_DONE, 0, m);
	strings_free(&leaked);
	strings_free(&failures);
	free(assertions);
	return e;
}
