/* A line at a time; see tap.h. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/xalloc.h"
#include "worker/tap.h"
#include "worker/strbuf.h"

#define TAP_COUNT_MAX	UINT64_C(1000000000)	/* highest plan that is believed */

enum directive { DIRECTIVE_NONE, DIRECTIVE_SKIP, DIRECTIVE_TODO };

struct tap {
	char			 line[TAP_LINE_MAX];
	size_t			 n_line;

	bool			 have_plan, late_plan;	/* late: after points */
	uint64_t		 plan;
	bool			 bailed;
	uint64_t		 last, highest;	/* numbers of points */
	unsigned char		*seen;		/* a bit a number */
	size_t			 seen_bytes;
	struct tap_failure	 failures[TAP_FAILURES_MAX];
	struct tap_result	 r;
	char			*skip_reason;
	struct strbuf		 problem;	/* the first one */
};

struct tap *
tap_new(void)
{
	return xcalloc(1, sizeof(struct tap));
}

void
tap_free(struct tap *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->r.n_failures; i++)
		free(t->failures[i].name);
	free(t->seen);
	free(t->skip_reason);
	free(t->problem.p);
	free(t);
}

/* ---- pieces of a line ---- */

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct sv
trim(struct sv s)
{
	while (s.n > 0 && is_blank(*s.p)) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

/* Takes `word` off the front, in any case of letters. */
static bool
take_word(struct sv *s, const char *word)
{
	size_t	n = strlen(word);

	if (s->n < n || strncasecmp(s->p, word, n) != 0)
		return false;
	s->p += n;
	s->n -= n;
	return true;
}

/* Takes digits off the front; too large a number reads as UINT64_MAX. */
static bool
take_number(struct sv *s, uint64_t *ret)
{
	uint64_t	v = 0;
	size_t		i = 0;

	for (; i < s->n && s->p[i] >= '0' && s->p[i] <= '9'; i++)
		v = v > TAP_COUNT_MAX ? UINT64_MAX : v * 10 + (uint64_t)(s->p[i] - '0');
	s->p += i;
	s->n -= i;
	if (v > TAP_COUNT_MAX)
		v = UINT64_MAX;
	*ret = v;
	return i > 0;
}

static bool
is_word_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    c == '_';
}

/* Takes a directive's word off the front. */
static enum directive
directive(struct sv *s)
{
	*s = trim(*s);
	if (take_word(s, "skip")) {
		while (s->n > 0 && (is_word_char(*s->p) || *s->p == ':'))	/* "skipped:" */
			*s = (struct sv){ s->p + 1, s->n - 1 };
		return DIRECTIVE_SKIP;
	}
	if (take_word(s, "todo") && (s->n == 0 || !is_word_char(*s->p)))
		return DIRECTIVE_TODO;
	return DIRECTIVE_NONE;
}

/* Splits at the "#" of a directive, if there is one; an escaped one is none. */
static enum directive
split_directive(struct sv *s, struct sv *ret_reason)
{
	for (size_t i = 0; i < s->n; i++) {
		struct sv	rest = { s->p + i + 1, s->n - i - 1 };
		enum directive	d = DIRECTIVE_NONE;

		if (s->p[i] == '\\')
			i++;		/* and what it escapes */
		else if (s->p[i] == '#')
			d = directive(&rest);
		if (d == DIRECTIVE_NONE)
			continue;
		*ret_reason = trim(rest);
		s->n = i;
		return d;
	}
	return DIRECTIVE_NONE;
}

/* A name without its escapes of "#" and "\", fit to be shown; malloc'ed. */
static char *
clean(struct sv s)
{
	struct strbuf	plain = { NULL, 0, 0 }, t = { NULL, 0, 0 };

	strbuf_add(&plain, "", 0);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\' && i + 1 < s.n && (s.p[i + 1] == '#' || s.p[i + 1] == '\\'))
			i++;
		strbuf_add(&plain, s.p + i, 1);
	}
	strbuf_add(&t, "", 0);
	strbuf_add_escaped(&t, (struct sv){ plain.p, plain.n }, STRBUF_SHOWN);
	free(plain.p);
	return t.p;
}

#define PROBLEM(t, ...)	do {						\
	if ((t)->problem.n == 0)					\
		strbuf_addf(&(t)->problem, __VA_ARGS__);			\
} while (0)

/* ---- lines ---- */

/* Notes a number; false when it was there before. */
static bool
mark(struct tap *t, uint64_t number)
{
	size_t		byte = (size_t)(number / 8), bytes = t->seen_bytes;
	unsigned char	bit = (unsigned char)(1u << number % 8);

	if (byte >= bytes) {
		bytes = bytes > 0 ? bytes : 64;
		while (byte >= bytes)
			bytes *= 2;
		t->seen = xreallocarray(t->seen, bytes, 1);
		memset(t->seen + t->seen_bytes, 0, bytes - t->seen_bytes);
		t->seen_bytes = bytes;
	}
	if (t->seen[byte] & bit)
		return false;
	t->seen[byte] |= bit;
	return true;
}

static void
note_failure(struct tap *t, uint64_t number, struct sv name)
{
	t->r.failed++;
	if (t->r.n_failures == TAP_FAILURES_MAX)
		return;
	t->failures[t->r.n_failures++] = (struct tap_failure){ number, clean(name) };
}

static void
check_number(struct tap *t, uint64_t number)
{
	if (number == 0 || number > TAP_NUMBER_MAX) {
		PROBLEM(t, "a test point has a number out of range");
		return;
	}
	if (!mark(t, number))
		PROBLEM(t, "test point %llu came twice", (unsigned long long)number);
	if (number > t->highest)
		t->highest = number;
}

/* What follows "ok" or "not ok". */
static void
on_point(struct tap *t, bool ok, struct sv s)
{
	struct sv	 reason, after;
	uint64_t	 number;
	enum directive	 d;

	after = s = trim(s);
	if (take_number(&after, &number) && (after.n == 0 || !is_word_char(*after.p)))
		s = after;
	else
		number = t->last + 1;
	t->last = number == UINT64_MAX ? t->last + 1 : number;
	check_number(t, number);
	if (t->late_plan)
		PROBLEM(t, "the plan is neither at the beginning nor at the end");
	s = trim(s);
	if (s.n > 0 && *s.p == '-')
		s = trim((struct sv){ s.p + 1, s.n - 1 });
	d = split_directive(&s, &reason);
	t->r.total++;
	if (d == DIRECTIVE_TODO) {
		t->r.todo++;
		t->r.todo_passed += ok;
	} else if (!ok) {
		note_failure(t, t->last, trim(s));
	} else if (d == DIRECTIVE_SKIP) {
		t->r.skipped++;
	} else {
		t->r.passed++;
	}
}

/* What follows "1..". */
static void
on_plan(struct tap *t, struct sv s)
{
	struct sv	reason = { NULL, 0 };
	uint64_t	n;

	if (!take_number(&s, &n))
		return;		/* not a plan */
	if (t->have_plan) {
		PROBLEM(t, "there is more than one plan");
		return;
	}
	t->have_plan = true;
	t->late_plan = t->r.total > 0;
	t->plan = n;
	if (n > 0)
		return;
	(void)split_directive(&s, &reason);
	free(t->skip_reason);
	t->skip_reason = clean(reason);
}

static void
on_bail_out(struct tap *t, struct sv s)
{
	char	*reason = clean(trim(s));

	t->bailed = true;
	t->problem.n = 0;	/* it explains whatever else is wrong */
	if (*reason != '\0')
		PROBLEM(t, "bailed out: %s", reason);
	else
		PROBLEM(t, "bailed out");
	free(reason);
}

static void
on_version(struct tap *t, struct sv s)
{
	uint64_t	v;

	s = trim(s);
	if (take_number(&s, &v) && (v < 12 || v > 14))
		PROBLEM(t, "TAP version %llu is not known", (unsigned long long)v);
}

static void
on_line(struct tap *t)
{
	struct sv	s = { t->line, t->n_line };

	if (s.n > 0 && s.p[s.n - 1] == '\r')
		s.n--;
	if (t->bailed || s.n == 0 || is_blank(*s.p))
		return;		/* nothing counts after it; subtests, YAML */
	if (s.n >= 2 && memcmp(s.p, "ok", 2) == 0 && (s.n == 2 || !is_word_char(s.p[2])))
		on_point(t, true, (struct sv){ s.p + 2, s.n - 2 });
	else if (s.n >= 6 && memcmp(s.p, "not ok", 6) == 0 && (s.n == 6 || !is_word_char(s.p[6])))
		on_point(t, false, (struct sv){ s.p + 6, s.n - 6 });
	else if (s.n > 3 && memcmp(s.p, "1..", 3) == 0)
		on_plan(t, (struct sv){ s.p + 3, s.n - 3 });
	else if (take_word(&s, "bail out!"))
		on_bail_out(t, s);
	else if (take_word(&s, "TAP version "))
		on_version(t, s);
	/* Comments, pragmas and what is no TAP mean nothing for the result. */
}

void
tap_feed(struct tap *t, const void *data, size_t n)
{
	const char	*p = data, *end = p + n, *nl;
	size_t		 len, room;

	while (p < end) {
		nl = memchr(p, '\n', (size_t)(end - p));
		len = (size_t)((nl != NULL ? nl : end) - p);
		room = TAP_LINE_MAX - t->n_line;
		memcpy(t->line + t->n_line, p, len < room ? len : room);
		t->n_line += len < room ? len : room;
		if (nl == NULL)
			return;
		on_line(t);
		t->n_line = 0;
		p = nl + 1;
	}
}

/* ---- the sum ---- */

static void
list_failures(struct tap *t)
{
	size_t	shown = t->r.n_failures < 3 ? t->r.n_failures : 3;

	strbuf_addf(&t->problem, "%llu of %llu test points failed:",
	    (unsigned long long)t->r.failed, (unsigned long long)t->r.total);
	for (size_t i = 0; i < shown; i++) {
		strbuf_addf(&t->problem, "%s %llu%s%s", i > 0 ? "," : "",
		    (unsigned long long)t->failures[i].number,
		    *t->failures[i].name != '\0' ? " - " : "", t->failures[i].name);
	}
	if (t->r.failed > shown)
		strbuf_addf(&t->problem, " and %llu more",
		    (unsigned long long)(t->r.failed - shown));
}

static void
check_plan(struct tap *t)
{
	if (t->have_plan && t->plan == UINT64_MAX)
		PROBLEM(t, "the plan is too large to be one");
	else if (t->have_plan && t->plan != t->r.total)
		PROBLEM(t, "planned %llu test points, but %llu came",
		    (unsigned long long)t->plan, (unsigned long long)t->r.total);
	else if (t->have_plan && t->highest > t->plan)
		PROBLEM(t, "test point %llu is not in the plan 1..%llu",
		    (unsigned long long)t->highest, (unsigned long long)t->plan);
	else if (!t->have_plan && t->r.total > 0)
		PROBLEM(t, "there is no plan");
	else if (!t->have_plan)
		PROBLEM(t, "there is no test point in the output");
}

void
tap_finish(struct tap *t, int exit_code, struct tap_result *ret)
{
	if (t->n_line > 0)
		on_line(t);	/* its newline did not come */
	t->n_line = 0;
	if (!t->bailed && t->r.failed > 0) {
		t->problem.n = 0;
		list_failures(t);
	}
	check_plan(t);
	if (exit_code != 0)
		PROBLEM(t, "exit code %d, though no test point failed", exit_code);
	t->r.skip_all = t->problem.n == 0 && t->have_plan && t->plan == 0;
	t->r.skip_reason = t->skip_reason != NULL ? t->skip_reason : "";
	t->r.failures = t->failures;
	t->r.problem = t->problem.n > 0 ? t->problem.p : NULL;
	*ret = t->r;
}
