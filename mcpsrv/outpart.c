/* A part of an output; see outpart.h. */
#define PCRE2_CODE_UNIT_WIDTH	8
#include <errno.h>
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/xalloc.h"
#include "mcpsrv/clean.h"
#include "mcpsrv/outpart.h"

#define LINE_MAX_BYTES	65536	/* of a line that is matched; the rest of it is not seen */
#define MATCH_STEPS	200000	/* of one match */
#define MATCH_HEAP	4096	/* KiB */
#define SPENT_MAX_US	UINT64_C(3000000)	/* on all of them */

struct output_pattern {
	pcre2_code		*code;
	pcre2_match_data	*data;
	pcre2_match_context	*limits;
};

static void
pattern_free(struct output_pattern *p)
{
	if (p == NULL)
		return;
	pcre2_match_context_free(p->limits);
	pcre2_match_data_free(p->data);
	pcre2_code_free(p->code);
	free(p);
}

struct output_pattern *
output_pattern_new(const char *text, char *why, size_t size)
{
	struct output_pattern	*p = xcalloc(1, sizeof *p);
	unsigned char		 words[128] = "";
	int			 code;
	size_t			 at;

	p->code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, PCRE2_UTF |
	    PCRE2_NEVER_BACKSLASH_C, &code, &at, NULL);
	if (p->code == NULL) {
		(void)pcre2_get_error_message(code, words, sizeof words);
		(void)snprintf(why, size, "grep is no regular expression: %s at character %zu; "
		    "put a backslash before a character that is meant as it "
		    "is", (const char *)words, at);
		free(p);
		return NULL;
	}
	p->data = pcre2_match_data_create_from_pattern(p->code, NULL);
	p->limits = pcre2_match_context_create(NULL);
	if (p->data == NULL || p->limits == NULL)
		abort();	/* as without memory elsewhere */
	(void)pcre2_set_match_limit(p->limits, MATCH_STEPS);
	(void)pcre2_set_depth_limit(p->limits, MATCH_STEPS);
	(void)pcre2_set_heap_limit(p->limits, MATCH_HEAP);
	return p;
}

/* The line that is gathered is whole; `end`: the offset behind it. */
static void
match_line(struct output *o, uint64_t end)
{
	struct text	clean = { 0 };
	msec_t		start = now_us();
	int		r;

	clean_text(&clean, o->line.p, o->line.n);
	secrets_hide(&o->call->srv->secrets, &clean);
	r = pcre2_match(o->grep->code, (PCRE2_SPTR)clean.p, clean.n, 0, 0, o->grep->data,
	    o->grep->limits);
	if (r == PCRE2_ERROR_MATCHLIMIT || r == PCRE2_ERROR_HEAPLIMIT ||
	    r == PCRE2_ERROR_DEPTHLIMIT || o->spent_us > SPENT_MAX_US)
		o->slow = "grep takes too long on this output: make the expression simpler, or "
		    "read a part with offset and maxBytes";
	if (r >= 0 && o->text.n > 0 && o->text.n + clean.n + 1 > o->max) {
		o->full = true;
	} else if (r >= 0) {
		text_add(&o->text, clean.p, clean.n < o->max ? clean.n : o->max);
		text_puts(&o->text, "\n");
	}
	if (!o->full)
		o->next = end;
	o->spent_us += now_us() - start;
	text_free(&clean);
	text_clear(&o->line);
}

/* Bytes from offset `at` on. */
static void
take_lines(struct output *o, uint64_t at, const char *p, size_t n)
{
	for (size_t i = 0; i < n && !o->full && o->slow == NULL; i++) {
		if (at + i < o->from)
			continue;
		if (p[i] == '\n')
			match_line(o, at + i + 1);
		else if (o->line.n < LINE_MAX_BYTES)
			text_add(&o->line, p + i, 1);
	}
}

/* Bytes of the part that come before it and are looked at for secrets only. */
static size_t
bytes_before(const struct output *o)
{
	return o->from < o->beside ? (size_t)o->from : o->beside;
}

static void
take_bytes(struct output *o, uint64_t at, const char *p, size_t n)
{
	uint64_t	start = o->from - bytes_before(o), skip = at < start ? start - at : 0;
	size_t		most = bytes_before(o) + o->max + o->beside;

	if (skip >= n || o->text.n >= most)
		return;
	p += skip;
	n -= (size_t)skip;
	if (n > most - o->text.n)
		n = most - o->text.n;
	text_add(&o->text, p, n);
}

/* All of it has been read. */
static void
take_part(struct output *o)
{
	size_t	before = bytes_before(o), n = o->text.n > before ? o->text.n - before : 0;

	if (n > o->max)
		n = o->max;
	secrets_cut(&o->call->srv->secrets, &o->text, before, n);
	o->end = o->next = o->from + n;
}

static int
on_chunk(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct output	*o = arg;
	struct sv	 d;

	(void)id;
	if (type == MSG_END_OF)
		o->cut = m->end_of.truncated;
	if (type != MSG_OUTPUT_CHUNK)
		return 0;
	d = m->output_chunk.data;
	if (!o->counting && o->grep != NULL)
		take_lines(o, o->total, d.p, d.n);
	else if (!o->counting)
		take_bytes(o, o->total, d.p, d.n);
	o->total += d.n;
	return 0;
}

static void
on_read(void *arg, int r, const struct client_error *e)
{
	struct output		*o = arg;
	struct client_error	 slow = { .code = 0 };

	if (r == 0 && o->counting) {
		o->counting = false;
		o->from = (uint64_t)-o->offset < o->total ? o->total - (uint64_t)-o->offset : 0;
		o->total = 0;
		call_ask(o->call, MSG_OUTPUT_READ, &o->m, on_chunk, on_read, o);
		return;
	}
	if (r == 0 && o->grep != NULL && o->line.n > 0 && !o->full)
		match_line(o, o->total);
	if (r == 0 && o->slow != NULL) {
		(void)snprintf(slow.text, sizeof slow.text, "%s", o->slow);
		o->done(o->arg, -ETIME, &slow);
		return;
	}
	if (r == 0 && o->grep == NULL)
		take_part(o);
	if (o->next >= o->total)
		o->next = 0;
	o->done(o->arg, r, e);
}

void
output_read(struct output *o, struct call *c)
{
	size_t	longest = secrets_longest(&c->srv->secrets);

	o->call = c;
	o->beside = longest > 0 ? longest - 1 : 0;
	o->counting = o->offset < 0;
	o->from = o->offset < 0 ? 0 : (uint64_t)o->offset;
	o->next = o->from;
	call_ask(c, MSG_OUTPUT_READ, &o->m, on_chunk, on_read, o);
}

void
output_free(struct output *o)
{
	pattern_free(o->grep);
	text_free(&o->text);
	text_free(&o->line);
}
