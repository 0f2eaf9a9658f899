/*
 * Each stream is a lane: a head that only grows and a ring for the tail, and for
 * each of these a log of runs that says where its bytes stood in the order of
 * arrival over both streams.  That order is one line of byte positions; a run is
 * {gap since the last run of this lane, length}, two bytes in the common case.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "worker/capture.h"

enum part { PART_HEAD, PART_CUT, PART_TAIL, PART_OVER };

/* The oldest and the newest run are kept decoded: the one is eaten from its
 * front, the other grows.  buf has those between as pairs of varints. */
struct runs {
	unsigned char	*buf;
	size_t		 start, end, cap;
	uint64_t	 n;
	uint64_t	 front_pos, front_len;
	uint64_t	 last_gap, last_len;	/* set when n > 1 */
	uint64_t	 next_pos;		/* where the newest ends */
};

struct lane {
	char		*head, *ring;
	size_t		 head_n, head_cap, head_max;
	size_t		 ring_start, ring_n, ring_cap, ring_max;
	struct runs	 head_runs, tail_runs;
	uint64_t	 total, dropped;
};

struct capture {
	struct lane	lane[2];
	uint64_t	pos;		/* bytes of both streams so far */
};

/* ---- runs ---- */

static void
put_varint(struct runs *r, uint64_t v)
{
	while (v >= 0x80) {
		r->buf[r->end++] = (unsigned char)(v | 0x80);
		v >>= 7;
	}
	r->buf[r->end++] = (unsigned char)v;
}

static uint64_t
get_varint(const struct runs *r, size_t *off)
{
	uint64_t	v = 0;
	unsigned	shift = 0;

	for (;;) {
		unsigned char	b = r->buf[(*off)++];

		v |= (uint64_t)(b & 0x7f) << shift;
		if (b < 0x80)
			return v;
		shift += 7;
	}
}

static void
runs_push(struct runs *r, uint64_t gap, uint64_t len)
{
	if (r->end + 20 > r->cap && r->start > r->cap / 2) {
		memmove(r->buf, r->buf + r->start, r->end - r->start);
		r->end -= r->start;
		r->start = 0;
	}
	if (r->end + 20 > r->cap) {
		r->cap = r->cap * 2 + 64;
		r->buf = xreallocarray(r->buf, r->cap, 1);
	}
	put_varint(r, gap);
	put_varint(r, len);
}

static void
runs_add(struct runs *r, uint64_t pos, uint64_t len)
{
	if (r->n == 0) {
		r->front_pos = pos;
		r->front_len = len;
		r->n = 1;
	} else if (pos == r->next_pos) {
		*(r->n == 1 ? &r->front_len : &r->last_len) += len;
	} else {
		if (r->n > 1)
			runs_push(r, r->last_gap, r->last_len);
		r->last_gap = pos - r->next_pos;
		r->last_len = len;
		r->n++;
	}
	r->next_pos = pos + len;
}

/* Forgets the first `len` bytes. */
static void
runs_drop(struct runs *r, uint64_t len)
{
	while (len > 0 && r->n > 0) {
		uint64_t	take = len < r->front_len ? len : r->front_len;

		r->front_pos += take;
		r->front_len -= take;
		len -= take;
		if (r->front_len > 0)
			return;
		r->n--;
		if (r->n > 1) {
			r->front_pos += get_varint(r, &r->start);
			r->front_len = get_varint(r, &r->start);
		} else if (r->n == 1) {
			r->front_pos += r->last_gap;
			r->front_len = r->last_len;
		}
	}
}

static void
runs_walk(const struct runs *r, struct runs_at *at)
{
	*at = (struct runs_at){ .pos = r->front_pos, .len = r->n > 0 ? r->front_len : 0,
	    .left = r->n, .off = r->start };
}

/* Steps over `len` bytes of the current run. */
static void
runs_step(const struct runs *r, struct runs_at *at, uint64_t len)
{
	at->pos += len;
	at->len -= len;
	if (at->len > 0 || --at->left == 0)
		return;
	if (at->left == 1) {
		at->pos += r->last_gap;
		at->len = r->last_len;
	} else {
		at->pos += get_varint(r, &at->off);
		at->len = get_varint(r, &at->off);
	}
}

/* ---- lanes ---- */

static size_t
grown(size_t cap, size_t need, size_t max)
{
	if (cap == 0)
		cap = 4096;
	while (cap < need)
		cap *= 2;
	return cap < max ? cap : max;
}

static void
head_add(struct lane *l, const char *p, size_t n, uint64_t pos)
{
	if (l->head_n + n > l->head_cap) {
		l->head_cap = grown(l->head_cap, l->head_n + n, l->head_max);
		l->head = xreallocarray(l->head, l->head_cap, 1);
	}
	memcpy(l->head + l->head_n, p, n);
	l->head_n += n;
	runs_add(&l->head_runs, pos, n);
}

static void
tail_drop(struct lane *l, size_t n)
{
	runs_drop(&l->tail_runs, n);
	l->ring_start = (l->ring_start + n) % l->ring_cap;
	l->ring_n -= n;
	l->dropped += n;
}

/* n is at most ring_max. */
static void
tail_add(struct lane *l, const char *p, size_t n, uint64_t pos)
{
	size_t	at, part;

	/* It grows only while nothing was dropped, so that it never wraps then. */
	if (l->ring_n + n > l->ring_cap && l->ring_cap < l->ring_max) {
		l->ring_cap = grown(l->ring_cap, l->ring_n + n, l->ring_max);
		l->ring = xreallocarray(l->ring, l->ring_cap, 1);
	}
	if (l->ring_n + n > l->ring_max)
		tail_drop(l, l->ring_n + n - l->ring_max);
	at = (l->ring_start + l->ring_n) % l->ring_cap;
	part = n < l->ring_cap - at ? n : l->ring_cap - at;
	memcpy(l->ring + at, p, part);
	if (n > part)
		memcpy(l->ring, p + part, n - part);
	l->ring_n += n;
	runs_add(&l->tail_runs, pos, n);
}

struct capture *
capture_new(uint64_t limit)
{
	struct capture	*c = xcalloc(1, sizeof *c);

	for (int i = 0; i < 2; i++) {
		c->lane[i].head_max = (size_t)(limit / 2);
		c->lane[i].ring_max = (size_t)(limit - limit / 2);
	}
	return c;
}

void
capture_free(struct capture *c)
{
	if (c == NULL)
		return;
	for (int i = 0; i < 2; i++) {
		free(c->lane[i].head);
		free(c->lane[i].ring);
		free(c->lane[i].head_runs.buf);
		free(c->lane[i].tail_runs.buf);
	}
	free(c);
}

void
capture_add(struct capture *c, unsigned stream, const void *data, size_t n)
{
	struct lane	*l = &c->lane[stream - 1];
	const char	*p = data;
	size_t		 part = n < l->head_max - l->head_n ? n : l->head_max - l->head_n;
	uint64_t	 pos = c->pos;

	c->pos += n;
	l->total += n;
	if (part > 0)
		head_add(l, p, part, pos);
	p += part;
	pos += part;
	n -= part;
	if (n > l->ring_max) {	/* only the end of it will stay */
		size_t	over = n - l->ring_max;

		if (l->ring_n > 0)
			tail_drop(l, l->ring_n);
		l->dropped += over;
		p += over;
		pos += over;
		n = l->ring_max;
	}
	if (n > 0)
		tail_add(l, p, n, pos);
}

uint64_t
capture_total(const struct capture *c, unsigned stream)
{
	return c->lane[stream - 1].total;
}

size_t
capture_kept(const struct capture *c)
{
	return c->lane[0].head_n + c->lane[0].ring_n + c->lane[1].head_n + c->lane[1].ring_n;
}

bool
capture_truncated(const struct capture *c)
{
	return c->lane[0].dropped + c->lane[1].dropped > 0;
}

/* ---- walking ---- */

/* Goes on to the next part that has something. */
static void
lane_settle(const struct lane *l, struct capture_lane_at *at)
{
	if (at->part == PART_HEAD && at->run.len == 0) {
		at->part = PART_CUT;
		at->done = 0;
		runs_walk(&l->tail_runs, &at->run);
	}
	if (at->part == PART_CUT && l->dropped == 0)
		at->part = PART_TAIL;
	if (at->part == PART_TAIL && at->run.len == 0)
		at->part = PART_OVER;
}

void
capture_walk(const struct capture *c, struct capture_iter *it)
{
	memset(it, 0, sizeof *it);
	it->capture = c;
	for (int i = 0; i < 2; i++) {
		it->at[i].part = PART_HEAD;
		runs_walk(&c->lane[i].head_runs, &it->at[i].run);
		lane_settle(&c->lane[i], &it->at[i]);
	}
}

static void
take_bytes(const struct lane *l, struct capture_lane_at *at, size_t max, struct sv *ret)
{
	const struct runs	*runs = &l->head_runs;
	size_t			 n = at->run.len < max ? (size_t)at->run.len : max;

	if (at->part == PART_HEAD) {
		ret->p = l->head + at->done;
	} else {
		size_t	from = (l->ring_start + at->done) % l->ring_cap;

		runs = &l->tail_runs;
		if (n > l->ring_cap - from)
			n = l->ring_cap - from;
		ret->p = l->ring + from;
	}
	ret->n = n;
	at->done += n;
	runs_step(runs, &at->run, n);
}

int
capture_next(struct capture_iter *it, size_t max, unsigned *ret_stream, struct sv *ret)
{
	const struct lane	*l;
	int			 i = 0;

	if (it->at[0].part == PART_OVER && it->at[1].part == PART_OVER)
		return 0;
	/* A cut at the very end has no run behind it, and no place but the last. */
	if (it->at[0].part == PART_OVER ||
	    (it->at[1].part != PART_OVER && it->at[1].run.len > 0 &&
	    (it->at[0].run.len == 0 || it->at[1].run.pos < it->at[0].run.pos)))
		i = 1;
	l = &it->capture->lane[i];
	if (it->at[i].part == PART_CUT) {
		int	n = snprintf(it->cut, sizeof it->cut, "\n[... %llu bytes left out ...]\n",
			    (unsigned long long)l->dropped);

		*ret = (struct sv){ it->cut, (size_t)n };
		it->at[i].part = PART_TAIL;
	} else {
		take_bytes(l, &it->at[i], max, ret);
	}
	lane_settle(l, &it->at[i]);
	*ret_stream = (unsigned)i + 1;
	return 1;
}

char *
capture_text(const struct capture *c, unsigned stream, size_t *ret_n)
{
	struct capture_iter	 it;
	struct sv		 piece;
	unsigned		 from;
	size_t			 n = 0, cap = capture_kept(c) + 2 * sizeof it.cut;
	char			*text = xcalloc(cap + 1, 1);

	capture_walk(c, &it);
	while (capture_next(&it, SIZE_MAX, &from, &piece)) {
		if (stream != 0 && from != stream)
			continue;
		memcpy(text + n, piece.p, piece.n);
		n += piece.n;
	}
	*ret_n = n;
	return text;
}

size_t
capture_end(const struct capture *c, unsigned stream, char *buf, size_t max)
{
	const struct lane	*l = &c->lane[stream - 1];
	size_t			 tail = l->ring_n < max ? l->ring_n : max, n = 0;

	if (l->dropped == 0) {
		n = l->head_n < max - tail ? l->head_n : max - tail;
		if (n > 0)
			memcpy(buf, l->head + l->head_n - n, n);
	}
	for (size_t i = l->ring_n - tail; i < l->ring_n; i++)
		buf[n++] = l->ring[(l->ring_start + i) % l->ring_cap];
	return n;
}
