/* Watchers and their cursors; see watch.h. */
#include <errno.h>
#include <stdlib.h>

#include <event2/buffer.h>

#include "supervisor/watch.h"

#define WATCH_FULL	((size_t)256 << 10)	/* bytes queued: enough for now */
#define WATCH_LIVE_FULL	((size_t)1 << 20)	/* above this live output is left out */
#define WATCH_HOLD_MS	10	/* events are sent together for so long */
#define WATCH_HOLD	16384	/* unless there are so many bytes of them */

struct watcher {
	TAILQ_ENTRY(watcher)	 entry;
	struct peer		*peer;		/* borrowed: dropped before it is freed */
	struct run		*run;		/* borrowed likewise */
	struct evlog_cursor	 cur;
	uint32_t		 id;
	bool			 live, no_follow;
	uint64_t		 until;		/* no_follow: the first event not sent */
	uint64_t		 sent;
	msec_t			 flushed_at;
	msec_t			 moved_at;	/* the socket last took something */
	size_t			 pending;	/* then */
};

void
watch_init(struct watches *ws, const struct config *config)
{
	TAILQ_INIT(&ws->list);
	ws->config = config;
}

int
watch_add(struct watches *ws, struct peer *peer, struct run *run, uint32_t id,
    const struct msg_run_watch *m)
{
	struct watcher	*w = calloc(1, sizeof *w);
	int		 r;

	if (w == NULL)
		return -ENOMEM;
	r = evlog_seek(&run->log, m->since != 0 ? m->since : 1, &w->cur);
	if (r != 0) {
		free(w);
		return r;
	}
	w->peer = peer;
	w->run = run;
	w->id = id;
	w->live = m->live;
	w->no_follow = m->no_follow;
	w->until = run->log.next_seq;
	w->moved_at = now_ms();
	TAILQ_INSERT_TAIL(&ws->list, w, entry);
	return 0;
}

static void
drop(struct watches *ws, struct watcher *w)
{
	TAILQ_REMOVE(&ws->list, w, entry);
	free(w);
}

unsigned
watch_count(const struct watches *ws, const struct peer *peer)
{
	const struct watcher	*w;
	unsigned		 n = 0;

	TAILQ_FOREACH(w, &ws->list, entry)
		n += w->peer == peer;
	return n;
}

void
watch_drop_peer(struct watches *ws, const struct peer *peer)
{
	struct watcher	*w, *next;

	for (w = TAILQ_FIRST(&ws->list); w != NULL; w = next) {
		next = TAILQ_NEXT(w, entry);
		if (w->peer == peer)
			drop(ws, w);
	}
}

void
watch_forget_run(struct watches *ws, const struct run *run)
{
	struct msg_error	 gone = { .code = MSG_ERR_LAGGED,
	    .text = SV_LIT("the run was forgotten before this client had read all of it") };
	struct watcher		*w, *next;

	for (w = TAILQ_FIRST(&ws->list); w != NULL; w = next) {
		next = TAILQ_NEXT(w, entry);
		if (w->run != run)
			continue;
		(void)peer_send(w->peer, MSG_ERROR, w->id, &gone);
		drop(ws, w);
	}
}

/* The socket is full.  What is to be done about it? */
static uint64_t
stuck(struct watches *ws, struct watcher *w, msec_t now, size_t pending)
{
	uint64_t		limit = ws->config->lag_ms;
	struct msg_lagged	lagged = { .run = sv_from(w->run->id), .from = w->cur.seq,
	    .to = w->run->log.next_seq - 1 };
	struct msg_error	error = { .code = MSG_ERR_LAGGED,
	    .text = SV_LIT("this client reads too slowly and was dropped"),
	    .hint = SV_LIT("watch the run again") };

	if (pending < w->pending || pending == 0)
		w->moved_at = now;
	w->pending = pending;
	if (now - w->moved_at >= limit) {
		/* It may be stopped, not dead: its run goes on, to be watched again. */
		if (w->run->client == w->peer)
			w->run->client = NULL;
		(void)peer_send(w->peer, MSG_ERROR, w->id, &error);
		peer_finish(w->peer);
		drop(ws, w);
		return WATCH_NEVER;
	}
	if (now - w->moved_at >= limit / 2 && w->run->log.bytes - w->cur.bytes > ws->config->lag) {
		(void)peer_send(w->peer, MSG_LAGGED, 0, &lagged);
		w->pending = peer_pending(w->peer);
		evlog_end(&w->run->log, &w->cur);
	}
	return limit / 4;
}

static bool
at_end(const struct watcher *w)
{
	uint64_t	end = w->no_follow ? w->until : w->run->log.next_seq;

	return w->cur.seq >= end && (w->no_follow || w->run->over);
}

/* One watcher.  When it wants to be called again. */
static uint64_t
pump(struct watches *ws, struct watcher *w, msec_t now, bool urgent)
{
	size_t			pending = peer_pending(w->peer);
	uint64_t		behind = w->run->log.bytes - w->cur.bytes;
	struct msg_end_of	end = { .count = 0 };
	uint64_t		seq = w->cur.seq;

	if (!at_end(w) && behind == 0)
		return WATCH_NEVER;
	if (pending >= WATCH_FULL)
		return stuck(ws, w, now, pending);
	w->moved_at = now;
	w->pending = pending;
	if (!urgent && !w->run->over && !w->no_follow && behind < WATCH_HOLD &&
	    now - w->flushed_at < WATCH_HOLD_MS)
		return WATCH_HOLD_MS - (now - w->flushed_at);
	w->flushed_at = now;
	if (!at_end(w) && evlog_read(&w->run->log, &w->cur, peer_buffer(w->peer), WATCH_FULL) < 0) {
		peer_finish(w->peer);
		drop(ws, w);
		return WATCH_NEVER;
	}
	w->sent += w->cur.seq - seq;
	if (at_end(w)) {
		end.count = w->sent;
		(void)peer_send(w->peer, MSG_END_OF, w->id, &end);
		drop(ws, w);
		return WATCH_NEVER;
	}
	/* More is there: when the socket has taken this, or soon. */
	return w->run->log.bytes > w->cur.bytes ? 1 : WATCH_NEVER;
}

uint64_t
watch_pump(struct watches *ws, msec_t now, bool urgent)
{
	struct watcher	*w, *next;
	uint64_t	 soonest = WATCH_NEVER, t;

	for (w = TAILQ_FIRST(&ws->list); w != NULL; w = next) {
		next = TAILQ_NEXT(w, entry);
		t = pump(ws, w, now, urgent);
		if (t < soonest)
			soonest = t;
	}
	return soonest;
}

void
watch_live(struct watches *ws, struct run *run, uint32_t test, uint32_t attempt,
    unsigned stream, struct sv data)
{
	struct msg_live	 m = { .run = sv_from(run->id), .test = run->plan.tests[test].name,
	    .attempt = attempt, .stream = stream, .data = data };
	struct watcher	*w;

	TAILQ_FOREACH(w, &ws->list, entry) {
		if (w->run == run && w->live && peer_pending(w->peer) < WATCH_LIVE_FULL)
			(void)peer_send(w->peer, MSG_LIVE, 0, &m);
	}
}
