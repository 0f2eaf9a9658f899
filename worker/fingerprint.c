/* Error and last lines, normalised and hashed; see fingerprint.h. */
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "worker/fingerprint.h"
#include "worker/normal.h"
#include "worker/strbuf.h"

#define CUT	" ..."
#define WORD	3	/* bytes of a word that is taken for a file's name */
#define BETWEEN	" \t\r\n'\"`;|&<>(){}[]$=,*?!\\"	/* words, also in a shell's line */

/* What a machine, not a test, was short of: in small letters. */
static const char *const resources[] = {
	"eaddrinuse", "address already in use",
	"econnrefused", "connection refused",
	"econnreset", "connection reset by peer",
	"eagain", "resource temporarily unavailable",
	"etxtbsy", "text file busy",
	"enospc", "no space left on device",
	"database is locked",
	"emfile", "enfile", "too many open files",
};

static bool
names_resource(struct sv s)
{
	char	*folded = strbuf_folded(s);
	bool	 found = false;

	for (size_t i = 0; i < sizeof resources / sizeof resources[0] && !found; i++)
		found = memmem(folded, s.n, resources[i], strlen(resources[i])) != NULL;
	free(folded);
	return found;
}

static bool
is_resource_like(const struct fingerprint_facts *f)
{
	return f->outcome == OUTCOME_TIMEOUT || f->outcome == OUTCOME_OOM ||
	    names_resource(f->message) || names_resource(f->tails[0]) ||
	    names_resource(f->tails[1]);
}

/* ---- lines ---- */

/* A carriage return begins a line too: what a terminal shows last counts. */
static bool
is_end(char c)
{
	return c == '\n' || c == '\r';
}

static bool
is_blank(struct sv s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] > ' ')
			return false;
	}
	return true;
}

/* The last lines that are not blank, in order: how many. */
static size_t
last_lines(struct sv s, struct sv lines[FINGERPRINT_LINES])
{
	size_t	n = 0, to = s.n;

	while (n < FINGERPRINT_LINES && to > 0) {
		size_t		from = to;
		struct sv	line;

		while (from > 0 && !is_end(s.p[from - 1]))
			from--;
		line = (struct sv){ s.p + from, to - from };
		if (!is_blank(line))
			lines[FINGERPRINT_LINES - ++n] = line;
		to = from > 0 ? from - 1 : 0;
	}
	memmove(lines, lines + FINGERPRINT_LINES - n, n * sizeof *lines);
	return n;
}

/* ---- names ---- */

/* Test, program, and of each word up to four: itself, what is before a colon in it (a
 * line, a test inside of the file), and the last part of both. */
struct names {
	struct normal_name	v[2 + 4 * FINGERPRINT_WORDS];
	size_t			n;
};

static void
add_name(struct names *names, struct sv s)
{
	const char	*base = memrchr(s.p, '/', s.n);

	names->v[names->n++] = (struct normal_name){ s, "<test>" };
	s.n -= base != NULL ? (size_t)(base + 1 - s.p) : 0;
	s.p = base != NULL ? base + 1 : s.p;
	if (base != NULL && s.n >= WORD)
		names->v[names->n++] = (struct normal_name){ s, "<test>" };
}

/* Not an option, a number, the end of a sentence, or a device that anybody names. */
static bool
names_file(struct sv s)
{
	bool	letter = false, mark = false;

	if (s.n < WORD || s.p[0] == '-' || (s.n > 5 && memcmp(s.p, "/dev/", 5) == 0))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		mark = mark || s.p[i] == '.' || s.p[i] == '/';
		letter = letter || (unsigned char)s.p[i] >= 'A';
	}
	return mark && letter;
}

/* One word: was it one? */
static bool
add_word(struct names *names, struct sv s)
{
	const char	*colon;

	while (s.n > 2 && memcmp(s.p, "./", 2) == 0)
		s = (struct sv){ s.p + 2, s.n - 2 };
	while (s.n > 0 && s.p[s.n - 1] != '\0' && strchr("./:", s.p[s.n - 1]) != NULL)
		s.n--;
	if (!names_file(s))
		return false;
	add_name(names, s);
	colon = memchr(s.p, ':', s.n);
	if (colon != NULL)
		s.n = (size_t)(colon - s.p);
	if (colon != NULL && names_file(s))
		add_name(names, s);
	return true;
}

static void
take_names(const struct fingerprint_facts *f, struct names *ret)
{
	unsigned	words = 0;

	ret->v[0] = (struct normal_name){ f->test, "<test>" };
	ret->v[1] = (struct normal_name){ f->program, "<program>" };
	ret->n = 2;
	for (uint32_t i = 0; i < f->command.n; i++) {
		struct sv	rest = f->command.v[i];

		while (rest.n > 0 && words < FINGERPRINT_WORDS) {
			size_t	n = 0;

			while (n < rest.n && (rest.p[n] == '\0' || strchr(BETWEEN, rest.p[n]) == NULL))
				n++;
			words += add_word(ret, (struct sv){ rest.p, n });
			n += n < rest.n;
			rest = (struct sv){ rest.p + n, rest.n - n };
		}
	}
}

static void
add(struct strbuf *t, struct sv s, size_t max, const struct names *names)
{
	struct strbuf	one = { NULL, 0, 0 };

	if (s.n > max)
		s.n = max;
	normal_add(&one, s, names->v, names->n);
	while (one.n > 0 && one.p[one.n - 1] == ' ')
		one.n--;
	if (one.n > 0) {
		strbuf_add(t, " | ", t->n > 0 ? 3 : 0);
		strbuf_add(t, one.p, one.n);
	}
	free(one.p);
}

/* The first part of a text, whole characters. */
static void
shorten(struct sv s, char text[FINGERPRINT_TEXT + 1])
{
	size_t	n = 0, len, max = FINGERPRINT_TEXT;

	if (s.n > max)
		max -= sizeof CUT - 1;
	while (n < s.n && (len = strbuf_utf8(s.p + n, s.n - n)) > 0 && n + len <= max)
		n += len;
	memcpy(text, s.p, n);
	memcpy(text + n, n < s.n ? CUT : "", n < s.n ? sizeof CUT : 1);
}

void
fingerprint(const struct fingerprint_facts *f, struct fingerprint *ret)
{
	struct strbuf	 t = { NULL, 0, 0 }, whole = { NULL, 0, 0 };
	struct sv	 lines[FINGERPRINT_LINES];
	struct names	 names;

	take_names(f, &names);
	add(&t, f->message, FINGERPRINT_MESSAGE, &names);
	for (int i = 0; i < 2; i++) {
		size_t	n = last_lines(f->tails[i], lines);

		for (size_t k = 0; k < n; k++)
			add(&t, lines[k], FINGERPRINT_LINE, &names);
	}
	strbuf_addf(&whole, "%s\n%s\n", outcome_name(f->outcome), error_category_name(f->category));
	strbuf_add(&whole, t.n > 0 ? t.p : "", t.n);
	ret->value = XXH3_64bits(whole.p, whole.n);
	if (ret->value == 0)
		ret->value = 1;		/* 0 means none */
	if (t.n == 0)
		strbuf_addf(&t, "%s", outcome_name(f->outcome));
	shorten((struct sv){ t.p, t.n }, ret->text);
	ret->resource_like = is_resource_like(f);
	free(whole.p);
	free(t.p);
}
