/* Events of a run in chunks; see evlog.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "supervisor/evlog.h"

struct evlog_chunk {
	char		*data;		/* NULL: only in the journal */
	size_t		 len, cap;	/* bytes of its frames */
	uint64_t	 first;		/* sequence number of its first event */
	uint64_t	 from, to;	/* where its records are in the journal */
	bool		 whole;		/* all of them are there */
};

void
evlog_init(struct evlog *l, struct journal *journal)
{
	memset(l, 0, sizeof *l);
	l->journal = journal;
	l->next_seq = 1;
}

void
evlog_free(struct evlog *l)
{
	for (size_t i = 0; i < l->nchunks; i++)
		free(l->chunks[i].data);
	free(l->chunks);
	l->chunks = NULL;
	l->nchunks = l->cap = l->dropped = 0;
}

/* The oldest chunk in memory leaves it; one that is not in the journal stays. */
static void
drop(struct evlog *l)
{
	struct evlog_chunk	*c = &l->chunks[l->dropped];

	if (!c->whole || c->to > l->journal->written)
		return;
	free(c->data);
	c->data = NULL;
	c->cap = 0;
	l->dropped++;
}

static struct evlog_chunk *
new_chunk(struct evlog *l)
{
	struct evlog_chunk	*v, *c;

	if (l->nchunks - l->dropped >= EVLOG_RESIDENT)
		drop(l);
	if (l->nchunks == l->cap) {
		v = reallocarray(l->chunks, l->cap * 2 + 8, sizeof *v);
		if (v == NULL)
			return NULL;
		l->chunks = v;
		l->cap = l->cap * 2 + 8;
	}
	c = &l->chunks[l->nchunks];
	memset(c, 0, sizeof *c);
	c->first = l->next_seq;
	c->from = c->to = journal_size(l->journal);
	c->whole = true;
	l->nchunks++;
	return c;
}

/* Room for n more bytes in the newest chunk: a small run stays small. */
static struct evlog_chunk *
room(struct evlog *l, size_t n)
{
	struct evlog_chunk	*c = l->nchunks > 0 ? &l->chunks[l->nchunks - 1] : NULL;
	size_t			 cap;
	char			*p;

	if (c == NULL || (c->len > 0 && (c->data == NULL || c->len + n > EVLOG_CHUNK)))
		c = new_chunk(l);
	if (c == NULL || c->len + n <= c->cap)
		return c;
	cap = c->cap * 2 > c->len + n ? c->cap * 2 : c->len + n + 1024;
	p = realloc(c->data, cap);
	if (p == NULL)
		return NULL;
	c->data = p;
	c->cap = cap;
	return c;
}

int
evlog_append(struct evlog *l, struct msg_event *ev)
{
	struct evlog_chunk	*c;
	char			*body = NULL;
	size_t			 len;
	int			 r;

	ev->seq = l->next_seq;
	r = msg_encode(MSG_EVENT, ev, &body, &len);
	if (r != 0)
		return r;
	c = room(l, MSG_HEADER + len);
	if (c == NULL) {
		free(body);
		return -ENOMEM;
	}
	msg_header(c->data + c->len, MSG_EVENT, 0, len);
	memcpy(c->data + c->len + MSG_HEADER, body, len);
	c->len += MSG_HEADER + len;
	l->bytes += MSG_HEADER + len;
	l->next_seq++;
	if (journal_append(l->journal, MSG_EVENT, body, len, NULL) != 0)
		c->whole = false;
	c->to = journal_size(l->journal);
	free(body);
	return 0;
}

int
evlog_recall(struct evlog *l, uint64_t seq, size_t body_len, uint64_t at)
{
	struct evlog_chunk	*c = l->nchunks > 0 ? &l->chunks[l->nchunks - 1] : NULL;
	size_t			 n = MSG_HEADER + body_len;

	if (seq != l->next_seq)
		return -EBADMSG;
	if (c == NULL || c->len + n > EVLOG_CHUNK) {
		c = new_chunk(l);
		if (c == NULL)
			return -ENOMEM;
		c->from = at - MSG_HEADER;
		l->dropped = l->nchunks;
	}
	c->len += n;
	c->to = at + body_len;
	l->bytes += n;
	l->next_seq++;
	return 0;
}

/* Length of the frame that starts here. */
static size_t
frame_len(const char *data)
{
	const unsigned char	*p = (const unsigned char *)data;

	return MSG_HEADER + ((size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3]);
}

/* Reads a chunk's events out of the journal, as frames; NULL when that fails. */
static char *
read_back(const struct evlog *l, const struct evlog_chunk *c)
{
	struct journal_reader	 rd;
	enum msg_type		 type;
	struct sv		 body;
	char			*data = malloc(c->len);
	size_t			 n = 0;

	if (data == NULL)
		return NULL;
	journal_reader_init(&rd, l->journal->fd, c->from, c->to);
	while (n < c->len && journal_next(&rd, &type, &body) == 1) {
		if (type != MSG_EVENT || MSG_HEADER + body.n > c->len - n)
			continue;
		msg_header(data + n, MSG_EVENT, 0, body.n);
		memcpy(data + n + MSG_HEADER, body.p, body.n);
		n += MSG_HEADER + body.n;
	}
	journal_reader_free(&rd);
	if (n == c->len)
		return data;
	free(data);
	return NULL;
}

/* The bytes of a chunk; *ret_own is to be freed when they were read back. */
static const char *
chunk_data(const struct evlog *l, const struct evlog_chunk *c, char **ret_own)
{
	*ret_own = c->data == NULL ? read_back(l, c) : NULL;
	return c->data != NULL ? c->data : *ret_own;
}

int
evlog_seek(const struct evlog *l, uint64_t seq, struct evlog_cursor *ret)
{
	struct evlog_cursor	 cur = { 0, 0, 1, 0 };
	const char		*data;
	char			*own;

	if (seq >= l->next_seq || l->nchunks == 0) {
		evlog_end(l, ret);
		return 0;
	}
	while (cur.chunk + 1 < l->nchunks && l->chunks[cur.chunk + 1].first <= seq)
		cur.bytes += l->chunks[cur.chunk++].len;
	cur.seq = l->chunks[cur.chunk].first;
	data = chunk_data(l, &l->chunks[cur.chunk], &own);
	if (data == NULL)
		return -EIO;
	while (cur.seq < seq) {
		size_t	n = frame_len(data + cur.at);

		cur.at += n;
		cur.bytes += n;
		cur.seq++;
	}
	free(own);
	*ret = cur;
	return 0;
}

void
evlog_end(const struct evlog *l, struct evlog_cursor *ret)
{
	ret->chunk = l->nchunks > 0 ? l->nchunks - 1 : 0;
	ret->at = l->nchunks > 0 ? l->chunks[l->nchunks - 1].len : 0;
	ret->seq = l->next_seq;
	ret->bytes = l->bytes;
}

int64_t
evlog_read(const struct evlog *l, struct evlog_cursor *cur, struct evbuffer *out, size_t max)
{
	const struct evlog_chunk	*c;
	const char			*data;
	char				*own;
	int64_t				 total = 0;
	size_t				 from;

	while (cur->seq < l->next_seq && (size_t)total < max) {
		c = &l->chunks[cur->chunk];
		if (cur->at == c->len) {
			cur->chunk++;
			cur->at = 0;
			continue;
		}
		data = chunk_data(l, c, &own);
		if (data == NULL)
			return -EIO;
		from = cur->at;
		while (cur->at < c->len && (size_t)total + (cur->at - from) < max) {
			cur->at += frame_len(data + cur->at);
			cur->seq++;
		}
		if (evbuffer_add(out, data + from, cur->at - from) != 0) {
			free(own);
			return -ENOMEM;
		}
		total += (int64_t)(cur->at - from);
		cur->bytes += cur->at - from;
		free(own);
	}
	return total;
}
