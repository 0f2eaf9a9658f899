/*
 * Output of running tests as it comes, a line at a time, so that the lines of
 * tests that run together never mix.
 */
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "ctl/text_view.h"

#define LIVE_LINE_MAX	8192	/* bytes that wait for their newline */

struct live_line {
	char		*test;
	uint64_t	 stream;
	struct text	 text;		/* the begun line */
};

struct text_live {
	struct live_line	*v;	/* only those with a begun line */
	size_t			 n, cap;
};

struct text_live *
text_live_new(void)
{
	return xcalloc(1, sizeof(struct text_live));
}

static void
line_remove(struct text_live *live, size_t i)
{
	free(live->v[i].test);
	text_free(&live->v[i].text);
	live->v[i] = live->v[--live->n];
}

void
text_live_free(struct text_live *live)
{
	if (live == NULL)
		return;
	while (live->n > 0)
		line_remove(live, live->n - 1);
	free(live->v);
	free(live);
}

static struct live_line *
line_find(struct text_live *live, struct sv test, uint64_t stream)
{
	for (size_t i = 0; i < live->n; i++) {
		if (live->v[i].stream == stream && sv_is(test, live->v[i].test))
			return &live->v[i];
	}
	return NULL;
}

static struct live_line *
line_new(struct text_live *live, struct sv test, uint64_t stream)
{
	struct live_line	*line;

	if (live->n == live->cap) {
		live->cap = live->cap > 0 ? live->cap * 2 : 16;
		live->v = xreallocarray(live->v, live->cap, sizeof(*live->v));
	}
	line = &live->v[live->n++];
	*line = (struct live_line){ .test = xstrndup(test.p, test.n), .stream = stream };
	return line;
}

static void
put_line(struct text *t, const struct text_style *style, struct sv test, uint64_t stream,
    const char *p, size_t n)
{
	struct text	prefix = { 0 };

	text_puts(&prefix, "[");
	text_show_name(&prefix, test.p, test.n, style->flags, 60);
	text_puts(&prefix, "] ");
	text_ink(t, style, stream == 2 ? INK_YELLOW : INK_DIM, prefix.p);
	text_free(&prefix);
	text_view_line(t, style, p, n, 0);
	text_puts(t, "\n");
}

void
text_live_add(struct text *t, const struct text_style *style, struct text_live *live,
    const struct msg_live *m)
{
	struct live_line	*begun = line_find(live, m->test, m->stream);
	const char		*p = m->data.p, *line = p;
	size_t			 n = m->data.n;

	while (n > 0) {
		size_t	len = text_line(&p, &n);
		bool	whole = p > line + len;

		if (begun == NULL && whole) {
			put_line(t, style, m->test, m->stream, line, len);
		} else {
			if (begun == NULL)
				begun = line_new(live, m->test, m->stream);
			text_add(&begun->text, line, len);
		}
		if (begun != NULL && (whole || begun->text.n > LIVE_LINE_MAX)) {
			put_line(t, style, m->test, m->stream, begun->text.p, begun->text.n);
			line_remove(live, (size_t)(begun - live->v));
			begun = NULL;
		}
		line = p;
	}
}

void
text_live_end(struct text *t, const struct text_style *style, struct text_live *live,
    const struct sv *test)
{
	for (size_t i = live->n; i-- > 0;) {
		struct live_line	*line = &live->v[i];

		if (test != NULL && !sv_is(*test, line->test))
			continue;
		put_line(t, style, sv_from(line->test), line->stream, line->text.p, line->text.n);
		line_remove(live, i);
	}
}
