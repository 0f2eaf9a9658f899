/* One search for each pattern over the whole text; see noerrors.h. */
#include <stdlib.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "worker/noerrors.h"
#include "worker/pattern.h"

#define NOERRORS_MAX	64	/* patterns of a kind */

#define WORDS	"(?:errors?|exceptions?|fatal|panic(?:ked)?|traceback|segmentation fault)"
#define DENIED	"\\b(?:0|no|zero|without(?: any)?)[ \\t]+" WORDS "\\b"
#define NONE	"(?:0\\b(?!\\.\\d)|(?:none|no)(?=[ \\t]*(?:[,;.)]|$)))"
/* What is denied is skipped over; of the rest any of the words will do. */
static const char	noerrors_words[] = "/(?:" DENIED "|"
	"\\b" WORDS "[ \\t]*[:=][ \\t]*" NONE ")(*SKIP)(*FAIL)|\\b" WORDS "\\b/i";

struct rule {
	struct sv	 source;
	struct pattern	*pattern;
};

struct noerrors {
	struct sv	 text;
	const char	*what;
	uint64_t	 end_us;
	struct strbuf	*message;
	struct rule	 bad[NOERRORS_MAX], fine[NOERRORS_MAX];
	size_t		 n_bad, n_fine;
};

static bool
add(struct noerrors *e, struct rule *list, size_t *n, struct sv source)
{
	if (*n == NOERRORS_MAX) {
		strbuf_addf(e->message, "more than %d patterns of a kind", NOERRORS_MAX);
		return false;
	}
	list[*n] = (struct rule){ source, pattern_new(source, e->text, true, e->message) };
	if (list[*n].pattern == NULL)
		return false;
	++*n;
	return true;
}

static bool
add_rule(struct noerrors *e, struct sv line)
{
	struct sv	source = { line.p + 1, line.n - 1 };

	if (*line.p == '+')
		return add(e, e->bad, &e->n_bad, source);
	if (*line.p == '-')
		return add(e, e->fine, &e->n_fine, source);
	strbuf_add_quoted(e->message, line);
	strbuf_addf(e->message, " is neither +PATTERN nor -PATTERN");
	return false;
}

static bool
add_rules(struct noerrors *e, struct sv rules)
{
	struct sv	line;

	if (!add(e, e->bad, &e->n_bad, SV_LIT(noerrors_words)))
		return false;
	if (sv_is(rules, "true"))
		return true;
	for (size_t at = 0; at < rules.n; at += line.n + 1) {
		line = strbuf_line(rules, at, false);
		if (line.n > 0 && !add_rule(e, line))
			return false;
	}
	return true;
}

/* 1: the line is none of an error; 0; -ELOOP with the message set. */
static int
is_fine(struct noerrors *e, struct sv line)
{
	size_t	start, end;
	int	r = 0;

	for (size_t i = 0; i < e->n_fine && r == 0; i++) {
		r = pattern_find(e->fine[i].pattern, line, 0, e->end_us, &start, &end);
		if (r < 0)
			pattern_gave_up(e->fine[i].source, line, e->message);
	}
	return r;
}

static bool
has_none(struct noerrors *e, const struct rule *bad)
{
	size_t	start, end, from = 0;
	int	r;

	while (from <= e->text.n) {
		struct sv	line;

		r = pattern_find(bad->pattern, e->text, from, e->end_us, &start, &end);
		if (r == 0)
			return true;
		if (r < 0 || now_us() > e->end_us) {
			pattern_gave_up(bad->source, e->text, e->message);
			return false;
		}
		while (start > 0 && e->text.p[start - 1] != '\n')
			start--;
		line = strbuf_line(e->text, start, false);
		r = is_fine(e, line);
		if (r < 0)
			return false;
		if (r == 0) {
			strbuf_addf(e->message, "%s shows an error", e->what);
			strbuf_add_where(e->message, e->text, start);
			return false;
		}
		from = start + line.n + 1;
	}
	return true;
}

bool
noerrors_check(struct sv text, const char *what, struct sv rules, uint64_t end_us,
    struct strbuf *message)
{
	struct noerrors	*e = xcalloc(1, sizeof *e);
	bool		 passed;

	e->text = text;
	e->what = what;
	e->end_us = end_us;
	e->message = message;
	passed = add_rules(e, rules);
	for (size_t i = 0; passed && i < e->n_bad; i++)
		passed = has_none(e, &e->bad[i]);
	for (size_t i = 0; i < e->n_bad; i++)
		pattern_free(e->bad[i].pattern);
	for (size_t i = 0; i < e->n_fine; i++)
		pattern_free(e->fine[i].pattern);
	free(e);
	if (passed)
		strbuf_addf(message, "%s shows no errors", what);
	return passed;
}
