/* Differing lines of output; see flaky_lines.h. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "ctl/attempts.h"
#include "ctl/flaky_attempt.h"
#include "ctl/flaky_lines.h"
#include "ctl/text.h"

#define ATTEMPTS	8	/* of each kind that are compared */
#define LAST		200	/* lines of each */
#define LINE		400	/* bytes of a line that are told of */
#define HEX_WORD	7	/* as in a shortened commit */
#define RANDOM_WORD	6	/* letters and digits, as of mkstemp(3) */

/* ---- lines that are alike ---- */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static void
mix(uint64_t *hash, char c)	/* FNV-1a */
{
	*hash = (*hash ^ (unsigned char)c) * UINT64_C(0x100000001b3);
}

/* A word of n letters and digits: one that is a number or made by chance is any such. */
static void
mix_word(uint64_t *hash, const char *p, size_t n)
{
	size_t	digits = 0, hex = 0;
	bool	prefix = n > 2 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X');

	for (size_t i = 0; i < n; i++) {
		digits += is_digit(p[i]);
		hex += is_hex(p[i]);
	}
	if (prefix || (digits > 0 && ((hex == n && n >= HEX_WORD) || (digits < n &&
	    n >= RANDOM_WORD)))) {
		mix(hash, '#');
		return;
	}
	for (size_t i = 0; i < n; i++) {
		if (!is_digit(p[i]))
			mix(hash, p[i]);
		else if (i == 0 || !is_digit(p[i - 1]))
			mix(hash, '#');
	}
}

/* The same for lines that differ only in what differs from one time to the next. */
static uint64_t
line_hash(const char *p, size_t n)
{
	uint64_t	hash = UINT64_C(0xcbf29ce484222325);
	size_t		i = 0, from;

	while (i < n) {
		from = i;
		while (i < n && (is_letter(p[i]) || is_digit(p[i])))
			i++;
		if (i > from)
			mix_word(&hash, p + from, i - from);
		else if (p[i] == ' ' || p[i] == '\t' || p[i] == '\r')
			i++;	/* blanks are of no account */
		else
			mix(&hash, p[i++]);
	}
	return hash;
}

/* ---- who has them ---- */

struct line {
	uint64_t	 hash;
	const char	*p;
	size_t		 n, order;
	unsigned	 output;	/* which of the attempts */
};

struct lines {
	struct line	*v;
	size_t		 n, cap;
};

static void
add_output(struct lines *l, const struct attempt_result *a, unsigned output)
{
	size_t		 from = text_tail(a->output, a->output_len, LAST), left = a->output_len - from, n;
	const char	*p = a->output + from;

	/* Of the first line only the end may be there. */
	if (left > 0 && from == 0 && a->output_truncated)
		(void)text_line(&p, &left);
	while (left > 0) {
		const char	*line = p;

		n = text_line(&p, &left);
		if (l->n == l->cap) {
			l->cap = l->cap > 0 ? l->cap * 2 : 64;
			l->v = xreallocarray(l->v, l->cap, sizeof *l->v);
		}
		l->v[l->n] = (struct line){ .hash = line_hash(line, n), .p = line, .n = n,
		    .order = l->n, .output = output };
		l->n++;
	}
}

static int
by_hash(const void *a, const void *b)
{
	const struct line	*x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static int
by_order(const void *a, const void *b)
{
	const struct line	*x = a, *y = b;

	return x->order < y->order ? -1 : x->order > y->order;
}

static unsigned
bits(unsigned v)
{
	return (unsigned)__builtin_popcount(v);
}

/* Those that are in most of the outputs of `mine` (bits), and in no other, in the order in
 * which they were printed. */
static size_t
tell(const struct lines *l, unsigned mine, struct flaky_line ret[FLAKY_LINES])
{
	struct line	*found = xcalloc(l->n + 1, sizeof *found);
	size_t		 n = 0, told = 0;

	for (size_t i = 0, k; i < l->n; i = k) {
		unsigned	has = 0;

		for (k = i; k < l->n && l->v[k].hash == l->v[i].hash; k++)
			has |= 1u << l->v[k].output;
		if ((has & ~mine) != 0 || bits(has) * 2 <= bits(mine))
			continue;
		found[n] = l->v[i];
		found[n++].output = bits(has);
	}
	qsort(found, n, sizeof *found, by_order);
	for (size_t i = 0; i < n && told < FLAKY_LINES; i++) {
		size_t	len;

		/* The first is where they part; what it came to stands at the end. */
		if (i == 1 && n > FLAKY_LINES)
			i = n - FLAKY_LINES + 1;
		len = found[i].n < LINE ? found[i].n : LINE;

		ret[told++] = (struct flaky_line){ .text = xstrndup(found[i].p, len), .len = len,
		    .at = found[i].output, .of = bits(mine) };
	}
	free(found);
	return told;
}

/* Adds the outputs of up to ATTEMPTS passes under one of the conditions (bits). */
static size_t
add_passes(const struct test_result *t, unsigned conditions, unsigned first, struct lines *l)
{
	size_t	n = 0;

	for (size_t i = 0; i < flaky_attempts(t) && n < ATTEMPTS; i++) {
		const struct attempt_result	*a = &attempts_of(t)[i];

		if (flaky_is_evidence(a) && !flaky_is_failure(a) &&
		    (conditions >> flaky_condition_of(a) & 1) != 0)
			add_output(l, a, first + (unsigned)n++);
	}
	return n;
}

void
flaky_lines_of(const struct test_result *t, uint64_t fingerprint, struct flaky_lines *ret)
{
	struct lines	l = { .v = NULL };
	unsigned	conditions = 0;
	size_t		fails = 0, passes;

	*ret = (struct flaky_lines){ .nfailing = 0 };
	for (size_t i = 0; i < flaky_attempts(t) && fails < ATTEMPTS; i++) {
		const struct attempt_result	*a = &attempts_of(t)[i];

		if (!flaky_is_failure(a) || a->fingerprint != fingerprint)
			continue;
		conditions |= 1u << flaky_condition_of(a);
		add_output(&l, a, (unsigned)fails++);
	}
	passes = fails > 0 ? add_passes(t, conditions, (unsigned)fails, &l) : 0;
	if (passes == 0 && fails > 0)
		passes = add_passes(t, UINT32_MAX, (unsigned)fails, &l);
	if (l.n > 0 && passes > 0) {
		unsigned	mine = (1u << fails) - 1, all = (1u << (fails + passes)) - 1;

		qsort(l.v, l.n, sizeof *l.v, by_hash);
		ret->fails = fails;
		ret->passes = passes;
		ret->nfailing = tell(&l, mine, ret->failing);
		ret->npassing = tell(&l, all & ~mine, ret->passing);
	}
	free(l.v);
}

void
flaky_lines_free(struct flaky_lines *l)
{
	for (size_t i = 0; i < l->nfailing; i++)
		free(l->failing[i].text);
	for (size_t i = 0; i < l->npassing; i++)
		free(l->passing[i].text);
	*l = (struct flaky_lines){ .nfailing = 0 };
}
