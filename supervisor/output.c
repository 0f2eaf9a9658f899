/* Readers of output; see output.h. */
#include <errno.h>
#include <stdlib.h>

#include "supervisor/output.h"
#include "supervisor/run_output.h"
#include "supervisor/runs.h"

#define OUTPUT_FULL	((size_t)256 << 10)	/* bytes queued: enough for now */
#define OUTPUT_CHUNK	65536
#define OUTPUT_LIVE_FULL ((size_t)4 << 20)	/* a follower so far behind misses some */

struct output_reader {
	TAILQ_ENTRY(output_reader) entry;
	struct peer		*peer;		/* borrowed: dropped before it is freed */
	struct run		*run;		/* borrowed likewise */
	uint32_t		 id, test;
	unsigned		 streams;	/* bit 0 stdout, bit 1 stderr */
	bool			 follow;	/* until the test is over */
	bool			 cut;
	struct manifest_extent	*v;		/* of what is kept: a copy, since the run may
						 * forget it */
	size_t			 i, n;		/* the next one, and how many */
	uint32_t		 at;		/* in that extent */
	uint64_t		 sent;
};

void
output_init(struct outputs *os)
{
	TAILQ_INIT(&os->list);
}

static struct output_reader *
reader_of(const struct outputs *os, const struct peer *peer)
{
	struct output_reader	*o;

	TAILQ_FOREACH(o, &os->list, entry) {
		if (o->peer == peer)
			return o;
	}
	return NULL;
}

/* Takes what is kept of an attempt.  0 or -ENOMEM. */
static int
take_extents(struct output_reader *o, const struct manifest_output *kept)
{
	size_t	n = 0;

	if (kept == NULL)
		return 0;
	o->cut = kept->cut;
	for (const struct manifest_extent *e = kept->first; e != NULL; e = e->next)
		n++;
	o->v = calloc(n + 1, sizeof *o->v);
	if (o->v == NULL)
		return -ENOMEM;
	for (const struct manifest_extent *e = kept->first; e != NULL; e = e->next)
		o->v[o->n++] = *e;
	return 0;
}

int
output_add(struct outputs *os, struct peer *peer, struct run *run, uint32_t id,
    const struct msg_output_read *m)
{
	const struct manifest_test	*t;
	struct output_reader		*o;
	uint32_t			 test = strmap_get(&run->plan.names, m->test);

	if (test == STRMAP_NONE)
		return -ENOENT;
	if (reader_of(os, peer) != NULL)
		return -EBUSY;
	t = &run->plan.tests[test];
	if (m->attempt > t->attempts)
		return -ESRCH;
	if (m->attempt > 0 && m->attempt <= t->forgotten && (!m->follow || t->over))
		return -ESTALE;
	o = calloc(1, sizeof *o);
	if (o == NULL)
		return -ENOMEM;
	o->peer = peer;
	o->run = run;
	o->id = id;
	o->test = test;
	o->streams = m->streams & 3 ? (unsigned)(m->streams & 3) : 3;
	o->follow = m->follow && !t->over;
	if (o->follow) {
		run_follow(run, test);
	} else {
		if (take_extents(o, run_output(run, test, m->attempt != 0 ? (uint32_t)m->attempt :
		    t->attempts)) != 0) {
			free(o);
			return -ENOMEM;
		}
	}
	TAILQ_INSERT_TAIL(&os->list, o, entry);
	return 0;
}

static void
drop(struct outputs *os, struct output_reader *o)
{
	TAILQ_REMOVE(&os->list, o, entry);
	free(o->v);
	free(o);
}

static void
finish(struct outputs *os, struct output_reader *o)
{
	struct msg_end_of	end = { .count = o->sent, .truncated = o->cut };

	(void)peer_send(o->peer, MSG_END_OF, o->id, &end);
	drop(os, o);
}

void
output_drop_peer(struct outputs *os, const struct peer *peer)
{
	struct output_reader	*o = reader_of(os, peer);

	if (o != NULL)
		drop(os, o);
}

void
output_forget_run(struct outputs *os, const struct run *run)
{
	struct output_reader	*o, *next;

	for (o = TAILQ_FIRST(&os->list); o != NULL; o = next) {
		next = TAILQ_NEXT(o, entry);
		if (o->run != run)
			continue;
		o->cut |= o->i < o->n;
		finish(os, o);
	}
}

static void
send_chunk(struct output_reader *o, unsigned stream, struct sv data)
{
	struct msg_output_chunk	m = { .stream = stream, .data = data };

	if (!(o->streams >> (stream - 1) & 1))
		return;
	if (peer_send(o->peer, MSG_OUTPUT_CHUNK, o->id, &m) == 0)
		o->sent += data.n;
	else
		o->cut = true;
}

/* One reader of what is kept; false when it is at the end. */
static bool
pump(struct output_reader *o)
{
	char	buf[OUTPUT_CHUNK];

	while (o->i < o->n && peer_pending(o->peer) < OUTPUT_FULL) {
		const struct manifest_extent	*e = &o->v[o->i];
		uint32_t			 n = e->len - o->at;

		if (n > sizeof buf)
			n = sizeof buf;
		if (journal_read(&o->run->journal, e->at + o->at, buf, n) != 0) {
			o->cut = true;
			return false;
		}
		send_chunk(o, e->stream, (struct sv){ buf, n });
		o->at += n;
		if (o->at == e->len) {
			o->i++;
			o->at = 0;
		}
	}
	return o->i < o->n;
}

void
output_pump(struct outputs *os)
{
	struct output_reader	*o, *next;

	for (o = TAILQ_FIRST(&os->list); o != NULL; o = next) {
		next = TAILQ_NEXT(o, entry);
		if (!o->follow && !pump(o))
			finish(os, o);
	}
}

bool
output_ready(const struct outputs *os)
{
	const struct output_reader	*o;

	TAILQ_FOREACH(o, &os->list, entry) {
		if (!o->follow && peer_pending(o->peer) < OUTPUT_FULL)
			return true;
	}
	return false;
}

void
output_live(struct outputs *os, struct run *run, uint32_t test, unsigned stream, struct sv data)
{
	struct output_reader	*o;

	TAILQ_FOREACH(o, &os->list, entry) {
		if (o->run != run || o->test != test || !o->follow)
			continue;
		if (peer_pending(o->peer) < OUTPUT_LIVE_FULL)
			send_chunk(o, stream, data);
		else
			o->cut = true;
	}
}

void
output_test_over(struct outputs *os, struct run *run, uint32_t test)
{
	struct output_reader	*o, *next;

	for (o = TAILQ_FIRST(&os->list); o != NULL; o = next) {
		next = TAILQ_NEXT(o, entry);
		if (o->run == run && o->test == test && o->follow)
			finish(os, o);
	}
}
