/* PCRE2 behind limits; see pattern.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "common/clock.h"
#include "common/log.h"
#include "worker/pattern.h"

#define PATTERN_STEPS		3000000u	/* backtracks; some 0.1 s of them */
#define PATTERN_HEAP_KIB	65536
#define PATTERN_LOOK		16	/* items between two looks at the clock */
#define PATTERN_LENGTH_MAX	65536	/* bytes */

struct pattern {
	pcre2_code		*code;
	pcre2_match_data	*data;
	pcre2_match_context	*limits;
	uint64_t		 end_us;
	unsigned		 items;
};

static const struct { char c; uint32_t option; } flags[] = {
	{ 'i', PCRE2_CASELESS },
	{ 'm', PCRE2_MULTILINE },
	{ 's', PCRE2_DOTALL },
	{ 'x', PCRE2_EXTENDED },
};

/* Takes "/…/flags" apart.  False: a flag is unknown. */
static bool
split(struct sv *source, uint32_t *ret_options, char *ret_flag)
{
	const char	*end;

	*ret_options = 0;
	if (source->n < 2 || *source->p != '/')
		return true;
	end = memrchr(source->p + 1, '/', source->n - 1);
	if (end == NULL)
		return true;
	for (const char *f = end + 1; f < source->p + source->n; f++) {
		size_t	i = 0;

		while (i < sizeof flags / sizeof flags[0] && flags[i].c != *f)
			i++;
		*ret_flag = *f;
		if (i == sizeof flags / sizeof flags[0])
			return false;
		*ret_options |= flags[i].option;
	}
	*source = (struct sv){ source->p + 1, (size_t)(end - source->p) - 1 };
	return true;
}

static bool
wants_utf(struct sv source, struct sv subject)
{
	bool	a, b;

	return strbuf_is_utf8(source, &a) && strbuf_is_utf8(subject, &b) && !(a && b);
}

static void
refuse(struct strbuf *why, struct sv source, const char *what)
{
	strbuf_addf(why, "the pattern ");
	strbuf_add_escaped(why, source, STRBUF_SHOWN);
	strbuf_addf(why, " cannot be used: %s", what);
}

void
pattern_gave_up(struct sv source, struct sv subject, struct strbuf *t)
{
	strbuf_addf(t, "gave up on the pattern ");
	strbuf_add_escaped(t, source, STRBUF_SHOWN);
	strbuf_addf(t, ": it takes too long on %zu bytes", subject.n);
}

static int
on_item(pcre2_callout_block *block, void *arg)
{
	struct pattern	*p = arg;

	(void)block;
	return ++p->items % PATTERN_LOOK == 0 && now_us() >= p->end_us ? PCRE2_ERROR_CALLOUT : 0;
}

struct pattern *
pattern_new(struct sv source, struct sv subject, bool lines, struct strbuf *why)
{
	pcre2_compile_context	*cc = pcre2_compile_context_create(NULL);
	struct pattern		*p = calloc(1, sizeof *p);
	struct sv		 body = source;
	uint32_t		 options;
	PCRE2_SIZE		 at;
	PCRE2_UCHAR		 message[160];
	char			 flag[] = "unknown flag ' '";
	int			 error;

	if (p == NULL || cc == NULL)
		fatal("pattern", "out of memory");
	if (!split(&body, &options, &flag[14])) {
		if (flag[14] < 0x20 || flag[14] > 0x7e)
			flag[14] = '?';
		refuse(why, source, flag);
		goto out;
	}
	/* Callouts let the clock be looked at where no backtrack is counted. */
	options |= PCRE2_AUTO_CALLOUT | (lines ? PCRE2_MULTILINE : 0);
	if (wants_utf(body, subject))
		options |= PCRE2_UTF | PCRE2_NO_UTF_CHECK | PCRE2_NEVER_BACKSLASH_C;
	else
		options |= PCRE2_NEVER_UTF;
	(void)pcre2_set_max_pattern_length(cc, PATTERN_LENGTH_MAX);
	p->code = pcre2_compile((PCRE2_SPTR)body.p, body.n, options, &error, &at, cc);
	if (p->code == NULL) {
		(void)pcre2_get_error_message(error, message, sizeof message);
		refuse(why, source, (const char *)message);
		strbuf_addf(why, " at byte %zu", at);
		goto out;
	}
	p->data = pcre2_match_data_create(1, NULL);	/* the whole match is enough */
	p->limits = pcre2_match_context_create(NULL);
	if (p->data == NULL || p->limits == NULL)
		fatal("pattern", "out of memory");
	(void)pcre2_set_match_limit(p->limits, PATTERN_STEPS);
	(void)pcre2_set_depth_limit(p->limits, PATTERN_STEPS);
	(void)pcre2_set_heap_limit(p->limits, PATTERN_HEAP_KIB);
	(void)pcre2_set_callout(p->limits, on_item, p);
	pcre2_compile_context_free(cc);
	return p;
out:
	pcre2_compile_context_free(cc);
	pattern_free(p);
	return NULL;
}

void
pattern_free(struct pattern *p)
{
	if (p == NULL)
		return;
	pcre2_match_context_free(p->limits);
	pcre2_match_data_free(p->data);
	pcre2_code_free(p->code);
	free(p);
}

int
pattern_find(struct pattern *p, struct sv subject, size_t from, uint64_t end_us,
    size_t *ret_start, size_t *ret_end)
{
	const PCRE2_SIZE	*v;
	int			 r;

	p->end_us = end_us;
	r = pcre2_match(p->code, (PCRE2_SPTR)(subject.n > 0 ? subject.p : ""), subject.n, from, 0,
	    p->data, p->limits);
	if (r == PCRE2_ERROR_NOMATCH)
		return 0;
	if (r < 0)
		return -ELOOP;
	v = pcre2_get_ovector_pointer(p->data);
	*ret_start = v[0];
	*ret_end = v[1];
	return 1;
}
