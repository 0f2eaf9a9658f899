/* A scanner of one pass; see normal.h. */
#include <stdbool.h>
#include <string.h>

#include "worker/normal.h"

#define HEX_WORD	7	/* digits, as of a shortened commit */
#define RANDOM_END	6	/* characters, as of mkstemp(3) */

struct scan {
	struct strbuf			*out;
	const char			*p, *end;	/* where we are */
	const char			*fresh;		/* a word may begin, whatever is before */
	const struct normal_name	*names;
	size_t				 n_names;
};

/* ---- characters; none depends on the locale ---- */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool
is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool
is_alnum(char c)
{
	return is_digit(c) || is_upper(c) || (c >= 'a' && c <= 'z');
}

static bool
is_word(char c)
{
	return is_alnum(c) || c == '_' || (unsigned char)c >= 0x80;
}

static bool
is_in(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

static bool
is_path(char c)
{
	return is_word(c) || is_in(c, "./-+@~%");
}

/* The character at p + i, NUL behind the end. */
static char
at(const struct scan *s, size_t i)
{
	return i < (size_t)(s->end - s->p) ? s->p[i] : '\0';
}

/* The one before p. */
static char
before(const struct scan *s)
{
	return s->p > s->fresh ? s->p[-1] : '\0';
}

static void
say(struct scan *s, const char *text)
{
	strbuf_add(s->out, text, strlen(text));
}

static bool
said(const struct scan *s, const char *text)
{
	size_t	n = strlen(text);

	return s->out->n >= n && memcmp(s->out->p + s->out->n - n, text, n) == 0;
}

static void
blank(struct scan *s)
{
	if (s->out->n > 0 && !said(s, " "))
		say(s, " ");
}

/* ---- each takes what it knows from p and says so, or leaves all as it is ---- */

/* "\033[1;31m": up to its last byte. */
static bool
take_escape(struct scan *s)
{
	if (at(s, 0) != '\033')
		return false;
	s->p++;
	if (at(s, 0) == '[') {
		s->p++;
		while (s->p < s->end && (unsigned char)*s->p >= 0x20 && (unsigned char)*s->p < 0x40)
			s->p++;
		if (s->p < s->end)
			s->p++;
	}
	s->fresh = s->p;
	return true;
}

/* White space, also as our messages quote it. */
static bool
take_space(struct scan *s)
{
	if (at(s, 0) == '\\' && is_in(at(s, 1), "ntr"))
		s->p += 2;
	else if (at(s, 0) == ' ' || (at(s, 0) >= '\t' && at(s, 0) <= '\r'))
		s->p++;
	else
		return false;
	s->fresh = s->p;
	blank(s);
	return true;
}

/* "half a wo[... 17 bytes ...]rd": where a long value was cut depends on the numbers
 * in it, so that the words on both sides go. */
static bool
take_cut(struct scan *s)
{
	static const char	mark[] = "[... ", last[] = " ...]";
	const char		*close;

	if ((size_t)(s->end - s->p) < sizeof mark - 1 || memcmp(s->p, mark, sizeof mark - 1) != 0)
		return false;
	close = memmem(s->p, (size_t)(s->end - s->p), last, sizeof last - 1);
	if (close == NULL)
		return false;
	while (s->out->n > 0 && !said(s, " "))
		s->out->n--;
	say(s, "[...]");
	s->p = close + sizeof last - 1;
	while (s->p < s->end && !is_in(*s->p, " \t\r\n\"\\"))
		s->p++;
	return true;
}

/* The longest that stands here. */
static bool
take_name(struct scan *s)
{
	const struct normal_name	*best = NULL;

	for (size_t i = 0; i < s->n_names && !is_word(before(s)); i++) {
		struct sv	name = s->names[i].text;

		if (name.n < 2 || (size_t)(s->end - s->p) < name.n ||
		    memcmp(s->p, name.p, name.n) != 0 || is_word(at(s, name.n)))
			continue;
		if (best == NULL || name.n > best->text.n)
			best = &s->names[i];
	}
	if (best == NULL)
		return false;
	say(s, best->instead);
	s->p += best->text.n;
	return true;
}

static bool
take_uuid(struct scan *s)
{
	for (size_t i = 0; i < 36; i++) {
		bool	dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? at(s, i) != '-' : !is_hex(at(s, i)))
			return false;
	}
	if (is_word(at(s, 36)))
		return false;
	s->p += 36;
	say(s, "<uuid>");
	return true;
}

static bool
take_hex(struct scan *s)
{
	size_t	n = 0, digits = 0;
	bool	prefix = at(s, 0) == '0' && (at(s, 1) == 'x' || at(s, 1) == 'X');

	if (prefix)
		n = 2;
	for (; is_hex(at(s, n)); n++)
		digits += is_digit(at(s, n));
	if (is_word(at(s, n)) || (prefix ? n == 2 : n < HEX_WORD || digits == 0 || digits == n))
		return false;
	s->p += n;
	say(s, "<hex>");
	return true;
}

/* Is it a unit of time that stands at p + i?  Its length, or 0. */
static size_t
unit(const struct scan *s, size_t i)
{
	static const char *const	units[] = {
		"ns", "us", "\302\265s", "ms", "s", "sec", "secs", "second", "seconds",
		"m", "min", "mins", "minute", "minutes", "h", "hr", "hrs", "hour", "hours",
		"milliseconds", "microseconds",
	};
	size_t				n = 0;

	while (is_word(at(s, i + n)) && !is_digit(at(s, i + n)))
		n++;
	for (size_t k = 0; k < sizeof units / sizeof units[0]; k++) {
		if (strlen(units[k]) == n && memcmp(s->p + i, units[k], n) == 0)
			return n;
	}
	return 0;
}

/* Digits, and groups of them that are joined: how many bytes. */
static size_t
number_length(const struct scan *s)
{
	size_t	n = 0;

	for (;;) {
		while (is_digit(at(s, n)))
			n++;
		if (is_in(at(s, n), ".:,/-T") && is_digit(at(s, n + 1)))
			n++;
		else if (is_in(at(s, n), "eE") && is_in(at(s, n + 1), "+-") &&
		    is_digit(at(s, n + 2)))
			n += 2;
		else
			return n;
	}
}

/* in_word: letters stand before it, so that it is no time. */
static bool
take_number(struct scan *s, bool in_word)
{
	bool	time = false;
	size_t	n = 0, u;

	if (!is_digit(at(s, 0)))
		return false;
	if (said(s, "exit code ") || said(s, "signal ")) {
		for (; is_digit(at(s, 0)); s->p++)
			strbuf_add(s->out, s->p, 1);
		return true;
	}
	do {	/* "2m05s" */
		s->p += n;
		s->p += number_length(s);
		n = unit(s, 0);
		time = time || (n > 0 && !in_word);
	} while (!in_word && n > 0 && is_digit(at(s, n)));
	if (in_word || n == 0) {
		u = !in_word && at(s, 0) == ' ' ? unit(s, 1) : 0;
		time = time || u > 0;
		n = u > 0 ? u + 1 : 0;
	}
	s->p += n;
	if (!time && at(s, 0) == 'Z' && !is_word(at(s, 1)))
		s->p++;
	say(s, time ? "<time>" : "<n>");
	return true;
}

/* "Tue Nov", "Nov  4", "24/Nov/2026": they stand beside a number or each other. */
static bool
take_day(struct scan *s)
{
	static const char	names[] = "Mon Tue Wed Thu Fri Sat Sun Jan Feb Mar Apr May Jun "
				    "Jul Aug Sep Oct Nov Dec ";
	char			word[5] = { at(s, 0), at(s, 1), at(s, 2), ' ', '\0' };
	size_t			n = 3;

	if (!is_upper(word[0]) || !is_alnum(word[1]) || !is_alnum(word[2]) ||
	    is_word(at(s, 3)) || strstr(names, word) == NULL)
		return false;
	while (is_in(at(s, n), " ,/-"))
		n++;
	if (!is_digit(at(s, n)) && !is_upper(at(s, n)) && !said(s, "<n> ") && !said(s, "<n>/"))
		return false;
	s->p += 3;
	say(s, "<time>");
	return true;
}

/* Controls of two bytes, and what only moves or turns the text around it. */
static bool
is_unseen(const unsigned char *c, size_t len)
{
	if (len == 2)
		return c[0] == 0xc2 && c[1] < 0xa0;
	if (len != 3 || c[0] != 0xe2)
		return false;
	return (c[1] == 0x80 && ((c[2] >= 0x8b && c[2] <= 0x8f) || (c[2] >= 0xa8 && c[2] <= 0xae))) ||
	    (c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9);
}

/* A character of its own: as it is, if it can be shown. */
static void
take_char(struct scan *s)
{
	size_t			 len = strbuf_utf8(s->p, (size_t)(s->end - s->p));
	const unsigned char	*c = (const unsigned char *)s->p;

	if (len == 0 || (len == 1 && (*c < 0x20 || *c == 0x7f)) || is_unseen(c, len))
		say(s, "?");
	else
		strbuf_add(s->out, s->p, len);
	s->p += len > 0 ? len : 1;
}

/* ---- words and paths ---- */

/* The rest of a word, without its numbers. */
static void
take_word(struct scan *s)
{
	while (s->p < s->end && is_alnum(*s->p)) {
		if (is_digit(*s->p)) {
			(void)take_number(s, true);
		} else {
			strbuf_add(s->out, s->p, 1);
			s->p++;
		}
	}
}

/* Where the random end of a temporary name begins, after a separator; or `to`. */
static const char *
random_end(const char *from, const char *to)
{
	const char	*p = to;
	bool		 digit = false, letter = false, lower = false, mixed = false;

	for (; p > from && is_alnum(p[-1]); p--) {
		digit = digit || is_digit(p[-1]);
		letter = letter || !is_digit(p[-1]);
		/* A capital letter in front alone is a word's. */
		mixed = mixed || (lower && is_upper(p[-1]) && p - 1 > from && is_alnum(p[-2]));
		lower = lower || !(is_digit(p[-1]) || is_upper(p[-1]));
	}
	if (to - p < RANDOM_END || p == from || !is_in(p[-1], ".-_"))
		return to;
	return mixed || (digit && letter) ? p : to;
}

static bool	take_token(struct scan *);

/* The last part of a path, up to `to`. */
static void
take_part(struct scan *s, const char *to)
{
	const char	*whole_end = s->end, *cut = random_end(s->p, to);

	s->end = cut;
	while (s->p < s->end) {
		if (!take_token(s))
			take_char(s);
	}
	s->end = whole_end;
	s->p = to;
	if (cut < to)
		say(s, "<id>");
}

/* How many bytes of a path name a folder for temporary files and what is in it. */
static size_t
temporary(struct sv path)
{
	static const char *const	roots[] = { "/tmp/", "/var/tmp/", "/dev/shm/", "/run/user/" };

	for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++) {
		size_t	n = strlen(roots[i]);

		if (path.n <= n || memcmp(path.p, roots[i], n) != 0)
			continue;
		while (n < path.n && path.p[n] != '/')
			n++;
		return n;
	}
	return 0;
}

static bool
take_path(struct scan *s)
{
	const char	*to = s->p, *base;
	size_t		 skip = 0;
	char		 prev = before(s);

	while (is_in(at(s, skip), ".~") && skip < 2)
		skip++;
	if (at(s, skip) != '/' || !is_path(at(s, skip + 1)) || at(s, skip + 1) == '/' ||
	    prev == '/' || prev == '.' || prev == '-' || is_word(prev))
		return false;
	while (to < s->end && is_path(*to))
		to++;
	while (to > s->p && is_in(to[-1], "./-"))	/* a sentence's end, a folder's */
		to--;
	if (to - s->p <= (ptrdiff_t)skip)
		return false;
	base = memrchr(s->p, '/', (size_t)(to - s->p));
	skip = temporary((struct sv){ s->p, (size_t)(to - s->p) });
	if (skip > 0)
		say(s, base < s->p + skip ? "<tmp>" : "<tmp>/");
	if (base < s->p + skip) {
		s->p = to;
	} else {
		s->p = base + 1;
		take_part(s, to);
	}
	if (at(s, 0) == '/')
		s->p++;
	return true;
}

/* What begins where a word may begin. */
static bool
take_token(struct scan *s)
{
	if (is_word(before(s)) && before(s) != '_') {
		if (!is_alnum(at(s, 0)))
			return false;
		take_word(s);
		return true;
	}
	if (take_name(s) || take_uuid(s) || take_hex(s) || take_day(s) || take_number(s, false))
		return true;
	if (!is_alnum(at(s, 0)))
		return false;
	take_word(s);
	return true;
}

void
normal_add(struct strbuf *t, struct sv text, const struct normal_name *names, size_t n_names)
{
	struct scan	s = { .out = t, .p = text.p, .fresh = text.p, .end = text.p + text.n,
			    .names = names, .n_names = n_names };

	if (text.n == 0)
		return;
	while (s.p < s.end) {
		if (!take_escape(&s) && !take_space(&s) && !take_cut(&s) && !take_path(&s) &&
		    !take_token(&s))
			take_char(&s);
	}
}
