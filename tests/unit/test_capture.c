/* Captured output against a model that keeps everything. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "worker/capture.h"

/* ---- the model: every byte with its stream ---- */

struct model {
	char		*p;
	unsigned char	*stream;
	size_t		 n, cap;
};

static void
model_add(struct model *m, unsigned stream, const char *p, size_t n)
{
	if (m->n + n > m->cap) {
		m->cap = (m->n + n) * 2;
		m->p = xreallocarray(m->p, m->cap, 1);
		m->stream = xreallocarray(m->stream, m->cap, 1);
	}
	memcpy(m->p + m->n, p, n);
	memset(m->stream + m->n, (int)stream, n);
	m->n += n;
}

static void
model_free(struct model *m)
{
	free(m->p);
	free(m->stream);
}

static size_t
model_total(const struct model *m, unsigned stream)
{
	size_t	n = 0;

	for (size_t i = 0; i < m->n; i++)
		n += m->stream[i] == stream;
	return n;
}

/*
 * What a walk must give: of each stream the first limit / 2 bytes and the last
 * limit - limit / 2, in order of arrival; where some are left out, a line that says
 * how many before the next that is kept.  As text with a mark for each change of
 * stream, so that order and stream are compared in one go.
 */
struct walk {
	char	*p;
	size_t	 n, cap;
	unsigned last;
};

static void
walk_add(struct walk *w, unsigned stream, const char *p, size_t n)
{
	if (w->n + n + 2 > w->cap) {
		w->cap = (w->n + n + 2) * 2;
		w->p = xreallocarray(w->p, w->cap, 1);
	}
	if (w->last != stream) {
		w->p[w->n++] = '\0';
		w->p[w->n++] = (char)stream;
		w->last = stream;
	}
	memcpy(w->p + w->n, p, n);
	w->n += n;
}

static void
model_walk(const struct model *m, size_t limit, struct walk *w)
{
	size_t	total[3] = { 0, model_total(m, 1), model_total(m, 2) }, at[3] = { 0 };
	char	cut[64];

	for (size_t i = 0; i < m->n; i++) {
		unsigned	s = m->stream[i];
		size_t		head = limit / 2, tail = limit - head;
		size_t		dropped = total[s] > limit ? total[s] - limit : 0, k = at[s]++;

		if (k >= head && k < total[s] - tail && dropped > 0)
			continue;
		if (dropped > 0 && k == total[s] - tail)
			walk_add(w, s, cut, (size_t)snprintf(cut, sizeof cut,
			    "\n[... %zu bytes left out ...]\n", dropped));
		walk_add(w, s, m->p + i, 1);
	}
}

static void
capture_all(const struct capture *c, size_t max, struct walk *w)
{
	struct capture_iter	it;
	struct sv		piece;
	unsigned		stream;

	capture_walk(c, &it);
	while (capture_next(&it, max, &stream, &piece)) {
		assert_in_range(stream, 1, 2);
		assert_true(piece.n > 0 && (piece.n <= max || *piece.p == '\n'));
		walk_add(w, stream, piece.p, piece.n);
	}
}

static void
compare(const struct capture *c, const struct model *m, size_t limit, size_t max)
{
	struct walk	want = { .p = NULL }, got = { .p = NULL };
	size_t		kept = 0;

	for (unsigned s = 1; s <= 2; s++) {
		size_t	n = model_total(m, s);

		assert_int_equal(capture_total(c, s), n);
		kept += n < limit ? n : limit;
	}
	assert_int_equal(capture_kept(c), kept);
	assert_int_equal(capture_truncated(c),
	    model_total(m, 1) > limit || model_total(m, 2) > limit);
	model_walk(m, limit, &want);
	capture_all(c, max, &got);
	assert_int_equal(got.n, want.n);
	if (want.n > 0)
		assert_memory_equal(got.p, want.p, want.n);
	free(want.p);
	free(got.p);
}

/* ---- tests ---- */

static uint32_t
next(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

/* Pieces of all sizes on both streams, with limits from nothing to more than all. */
static void
random_pieces(void **state)
{
	static const size_t	limits[] = { 1, 2, 3, 7, 64, 1000, 5000, 100000 };
	static const size_t	sizes[] = { 1, 2, 10, 100, 3000, 9000 };
	char			piece[9000];
	uint32_t		seed = 1;

	(void)state;
	for (int round = 0; round < 400; round++) {
		size_t		 limit = limits[next(&seed) % 8];
		size_t		 most = sizes[next(&seed) % 6];
		unsigned	 n = next(&seed) % 60;
		struct capture	*c = capture_new(limit);
		struct model	 m = { NULL, NULL, 0, 0 };

		for (unsigned i = 0; i < n; i++) {
			unsigned	stream = next(&seed) % 5 < 3 ? 1 : 2;
			size_t		len = next(&seed) % most + 1;

			for (size_t k = 0; k < len; k++)
				piece[k] = (char)('a' + next(&seed) % 26);
			capture_add(c, stream, piece, len);
			model_add(&m, stream, piece, len);
			if (next(&seed) % 8 == 0)
				compare(c, &m, limit, 1 + next(&seed) % 5000);
		}
		compare(c, &m, limit, SIZE_MAX);
		capture_free(c);
		model_free(&m);
	}
}

/* One stream is quiet while the other floods: its early words keep their place. */
static void
quiet_beside_flood(void **state)
{
	struct capture	*c = capture_new(100);
	struct model	 m = { NULL, NULL, 0, 0 };
	char		 block[1000];

	(void)state;
	memset(block, 'x', sizeof block);
	for (int i = 0; i < 50; i++) {
		capture_add(c, 1, block, sizeof block);
		model_add(&m, 1, block, sizeof block);
		if (i % 10 == 5) {
			capture_add(c, 2, "!", 1);
			model_add(&m, 2, "!", 1);
		}
	}
	compare(c, &m, 100, SIZE_MAX);
	capture_free(c);
	model_free(&m);
}

static void
texts(void **state)
{
	struct capture	*c = capture_new(1000);
	char		*text;
	size_t		 n;

	(void)state;
	text = capture_text(c, 0, &n);
	assert_int_equal(n, 0);
	free(text);
	capture_add(c, 1, "a\n", 2);
	capture_add(c, 2, "b\n", 2);
	capture_add(c, 1, "c\0d\n", 4);
	text = capture_text(c, 0, &n);
	assert_int_equal(n, 8);
	assert_memory_equal(text, "a\nb\nc\0d\n", 8);
	free(text);
	text = capture_text(c, 1, &n);
	assert_int_equal(n, 6);
	assert_memory_equal(text, "a\nc\0d\n", 6);
	free(text);
	text = capture_text(c, 2, &n);
	assert_int_equal(n, 2);
	assert_memory_equal(text, "b\n", 2);
	free(text);
	capture_free(c);
	capture_free(NULL);
}

/* Nothing is kept at all: what was left out is still said, once a stream. */
static void
no_room(void **state)
{
	struct capture	*c = capture_new(0);
	char		*text;
	size_t		 n;

	(void)state;
	capture_add(c, 1, "hello", 5);
	capture_add(c, 1, "hello", 5);
	text = capture_text(c, 0, &n);
	assert_string_equal(text, "\n[... 10 bytes left out ...]\n");
	assert_int_equal(capture_kept(c), 0);
	assert_true(capture_truncated(c));
	free(text);
	capture_free(c);
}

/* The worst order there is: bytes one by one on each stream in turn.  Four million
 * of them must cost a few bytes each, in memory and in time. */
static void
alternating_bytes(void **state)
{
	struct capture		*c = capture_new(1 << 20);
	struct capture_iter	 it;
	struct sv		 piece;
	unsigned		 stream;
	size_t			 pieces = 0, bytes = 0;

	(void)state;
	for (int i = 0; i < 4000000; i++)
		capture_add(c, 1 + (unsigned)i % 2, &"oe"[i % 2], 1);
	assert_int_equal(capture_kept(c), 2 << 20);
	capture_walk(c, &it);
	while (capture_next(&it, 65536, &stream, &piece)) {
		if (piece.n > 1)
			continue;	/* a cut */
		assert_int_equal(*piece.p, stream == 1 ? 'o' : 'e');
		pieces++;
		bytes += piece.n;
	}
	assert_int_equal(pieces, 2 << 20);
	assert_int_equal(bytes, 2 << 20);
	capture_free(c);
}

/* The end of a stream is the end of what was printed on it; it reaches over the two
 * halves that are kept only when nothing between them is left out. */
static void
ends(void **state)
{
	char	all[300], buf[300];

	(void)state;
	for (uint64_t limit = 0; limit < 120; limit += 7) {
		struct capture	*c = capture_new(limit);
		size_t		 n = 0;

		for (size_t step = 1; n + step <= sizeof all; n += step, step = step % 9 + 1) {
			uint64_t	kept = n <= limit ? n : limit - limit / 2;

			for (size_t max = 0; max < 150; max += 10) {
				size_t	want = kept < max ? (size_t)kept : max;

				assert_int_equal(capture_end(c, CAPTURE_STDERR, buf, max), want);
				assert_memory_equal(buf, all + n - want, want);
				assert_int_equal(capture_end(c, CAPTURE_STDOUT, buf, max), 0);
			}
			for (size_t k = 0; k < step; k++)
				all[n + k] = (char)('!' + (n + k) % 90);
			capture_add(c, CAPTURE_STDERR, all + n, step);
		}
		capture_free(c);
	}
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(random_pieces),
		cmocka_unit_test(quiet_beside_flood),
		cmocka_unit_test(texts),
		cmocka_unit_test(no_room),
		cmocka_unit_test(alternating_bytes),
		cmocka_unit_test(ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
