/* Questions under way; see ask.h. */
#include <errno.h>
#include <stdlib.h>

#include <event2/buffer.h>

#include "common/peer.h"
#include "supervisor/ask.h"

/* Bytes queued for a client at which an answer is too much: a page is a quarter of a
 * MB, a message at the most one. */
#define ASK_TOO_MUCH	((size_t)16 << 20)

struct ask {
	TAILQ_ENTRY(ask)	 entry;
	uint32_t		 id;		/* towards the store */
	bool			 waiting;	/* for a page */
	msec_t			 due;		/* give up then */
	/* A client's question: */
	struct peer		*peer;		/* borrowed; NULL: estimates */
	uint32_t		 client_id;
	uint64_t		 uid, from;	/* from: of the page that is next */
	enum msg_type		 type;		/* of the question, or ESTIMATE */
	char			*body;		/* owned */
	size_t			 len;
	/* Estimates: */
	ask_estimates_fn	*fn;
	void			*arg;
};

void
ask_init(struct asks *as, struct history *history)
{
	TAILQ_INIT(&as->list);
	as->history = history;
	as->last_id = 0;
}

static void
drop(struct asks *as, struct ask *a)
{
	TAILQ_REMOVE(&as->list, a, entry);
	free(a->body);
	free(a);
}

void
ask_free(struct asks *as)
{
	while (!TAILQ_EMPTY(&as->list))
		drop(as, TAILQ_FIRST(&as->list));
}

static struct ask *
add(struct asks *as)
{
	struct ask	*a = calloc(1, sizeof *a);

	if (a == NULL)
		return NULL;
	if (++as->last_id == 0)
		as->last_id = 1;
	a->id = as->last_id;
	TAILQ_INSERT_TAIL(&as->list, a, entry);
	return a;
}

static struct ask *
find(struct asks *as, uint32_t id)
{
	struct ask	*a;

	TAILQ_FOREACH(a, &as->list, entry) {
		if (a->id == id)
			return a;
	}
	return NULL;
}

/* No (more) answer comes. */
static void
give_up(struct asks *as, struct ask *a, const char *why)
{
	struct msg_error	error = { .code = MSG_ERR_INTERNAL, .text = sv_from(why),
	    .hint = SV_LIT("ask again") };
	ask_estimates_fn	*fn = a->fn;
	void			*arg = a->arg;

	if (a->peer != NULL)
		(void)peer_send(a->peer, MSG_ERROR, a->client_id, &error);
	drop(as, a);
	if (fn != NULL)
		fn(arg, (struct nums){ NULL, 0 }, (struct nums){ NULL, 0 });
}

/* Sends it on: a question for its next page. */
static int
send_on(struct asks *as, struct ask *a)
{
	struct msg_ask	m = { .uid = a->uid, .type = a->type, .body = { a->body, a->len },
	    .from = a->from };
	int		r;

	if (a->peer == NULL)
		r = history_send_encoded(as->history, a->type, a->id, (struct sv){ a->body, a->len });
	else
		r = history_send(as->history, MSG_ASK, a->id, &m);
	a->waiting = r == 0;
	if (r == 0 && a->peer != NULL)
		a->due = now_ms() + ASK_WAIT_MS;
	return r;
}

/* What was just added.  While the store starts it waits: ask_pump() tries again. */
static int
begin(struct asks *as, struct ask *a, enum msg_type type, const void *msg, uint64_t wait_ms)
{
	int	r;

	a->type = type;
	a->due = now_ms() + wait_ms;
	r = msg_encode(type, msg, &a->body, &a->len);
	if (r == 0)
		r = send_on(as, a);
	if (r == -EPIPE && history_hopeful(as->history))
		return 0;
	if (r != 0)
		drop(as, a);
	return r;
}

int
ask_relay(struct asks *as, struct peer *peer, uint32_t id, uid_t uid, enum msg_type type,
    const void *msg)
{
	struct ask	*a;
	unsigned	 n = 0;

	TAILQ_FOREACH(a, &as->list, entry)
		n += a->peer == peer;
	if (n >= ASK_PER_PEER)
		return -EBUSY;
	a = add(as);
	if (a == NULL)
		return -ENOMEM;
	a->peer = peer;
	a->client_id = id;
	a->uid = uid;
	return begin(as, a, type, msg, ASK_START_MS);
}

int
ask_estimates(struct asks *as, const struct msg_estimate *m, uint64_t wait_ms,
    ask_estimates_fn *fn, void *arg, uint32_t *ret_id)
{
	struct ask	*a = add(as);

	if (a == NULL)
		return -ENOMEM;
	a->fn = fn;
	a->arg = arg;
	*ret_id = a->id;
	return begin(as, a, MSG_ESTIMATE, m, wait_ms);
}

void
ask_forget(struct asks *as, uint32_t id)
{
	struct ask	*a = find(as, id);

	if (a != NULL)
		drop(as, a);
}

void
ask_drop_peer(struct asks *as, const struct peer *peer)
{
	struct ask	*a, *next;

	for (a = TAILQ_FIRST(&as->list); a != NULL; a = next) {
		next = TAILQ_NEXT(a, entry);
		if (a->peer == peer)
			drop(as, a);
	}
}

void
ask_answer(struct asks *as, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct ask		*a = find(as, id);
	const struct msg_desc	*d;
	ask_estimates_fn	*fn;
	void			*arg;

	if (a == NULL)
		return;		/* it was given up, or its client went */
	if (type == MSG_ANSWER && a->peer != NULL) {
		if (peer_pending(a->peer) > ASK_TOO_MUCH) {
			give_up(as, a, "the history answers without end");
			return;
		}
		d = msg_desc((uint32_t)m->answer.type);
		if (d != NULL && d->dir == MSG_DIR_S2C)
			(void)msg_put_encoded(peer_buffer(a->peer), (enum msg_type)m->answer.type,
			    a->client_id, m->answer.body);
	} else if (type == MSG_ANSWER_END && a->peer != NULL) {
		a->from = m->answer_end.next;
		a->waiting = false;
		if (a->from == 0)
			drop(as, a);
	} else if (type == MSG_ESTIMATES && a->fn != NULL) {
		fn = a->fn;
		arg = a->arg;
		drop(as, a);
		fn(arg, m->estimates.values, m->estimates.costs);
	}
}

void
ask_down(struct asks *as)
{
	struct ask	*a, *next;

	for (a = TAILQ_FIRST(&as->list); a != NULL; a = next) {
		next = TAILQ_NEXT(a, entry);
		/* Of the others nothing was answered yet: they wait for the next store. */
		if (a->waiting || a->from != 0)
			give_up(as, a, "the history was lost while it was asked");
	}
}

uint64_t
ask_pump(struct asks *as, msec_t now)
{
	struct ask	*a, *next;
	uint64_t	 soonest = ASK_NEVER;

	for (a = TAILQ_FIRST(&as->list); a != NULL; a = next) {
		next = TAILQ_NEXT(a, entry);
		/* The next page, or what waits for the store. */
		if (!a->waiting && (a->peer == NULL || peer_pending(a->peer) < ASK_FULL))
			(void)send_on(as, a);
		if (now < a->due && a->due - now < soonest)
			soonest = a->due - now;
		else if (now >= a->due && (a->waiting || a->from == 0))
			give_up(as, a, "the history does not answer");
	}
	return soonest;
}
