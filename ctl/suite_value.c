/* Scalars by type; see suite_value.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/spec.h"
#include "common/suggest.h"
#include "ctl/duration.h"
#include "ctl/suite_value.h"

#define QUOTE_SHOWN	60	/* bytes of a value in a message */
#define KEYS_SHOWN	400	/* bytes of the list of known keys */

const char *
suite_quote(const struct suite_node *n, char buf[SUITE_QUOTE])
{
	size_t	len = n->len < QUOTE_SHOWN ? n->len : QUOTE_SHOWN;

	/* Never cut within a character of UTF-8. */
	while (len > 0 && len < n->len && ((unsigned char)n->text[len] & 0xc0) == 0x80)
		len--;
	if (n->kind == SUITE_LIST)
		(void)snprintf(buf, SUITE_QUOTE, "a list");
	else if (n->kind == SUITE_MAP)
		(void)snprintf(buf, SUITE_QUOTE, "a mapping");
	else
		(void)snprintf(buf, SUITE_QUOTE, "'%.*s%s'", (int)len, n->text,
		    len < n->len ? "..." : "");
	return buf;
}

static int
fail_type(const struct suite_source *s, const char *what, const struct suite_node *n,
    const char *wanted)
{
	char	buf[SUITE_QUOTE];

	return suite_fail_at(s, n, "'%s' must be %s, not %s", what, wanted, suite_quote(n, buf));
}

static bool
is_scalar(const struct suite_node *n)
{
	return n->kind == SUITE_TEXT || n->kind == SUITE_PLAIN;
}

int
suite_scalar(const struct suite_source *s, const char *what, const struct suite_node *n,
    const char **ret)
{
	if (!is_scalar(n) || (s->json && n->kind == SUITE_PLAIN && strcmp(n->text, "null") == 0))
		return fail_type(s, what, n, "text");
	if (n->kind == SUITE_PLAIN && n->len == 0)
		return suite_fail_at(s, n, "'%s' has no value: write one, or '' for empty text",
		    what);
	if (strlen(n->text) != n->len)
		return suite_fail_at(s, n, "'%s' holds a NUL byte", what);
	*ret = n->text;
	return 0;
}

int
suite_text(const struct suite_source *s, const char *what, const struct suite_node *n,
    const char **ret)
{
	if (s->json && n->kind == SUITE_PLAIN)
		return fail_type(s, what, n, "text in double quotes");
	return suite_scalar(s, what, n, ret);
}

int
suite_word(const struct suite_source *s, const char *what, const struct suite_node *n,
    const char **ret)
{
	const char	*text;
	int		 r;

	r = suite_text(s, what, n, &text);
	if (r < 0)
		return r;
	if (*text == '\0')
		return suite_fail_at(s, n, "'%s' is empty", what);
	*ret = text;
	return 0;
}

bool
suite_is_bool(const struct suite_node *n, bool *ret)
{
	if (n->kind != SUITE_PLAIN)
		return false;
	*ret = strcmp(n->text, "true") == 0;
	return *ret || strcmp(n->text, "false") == 0;
}

int
suite_bool(const struct suite_source *s, const char *what, const struct suite_node *n, bool *ret)
{
	bool	value;

	if (!suite_is_bool(n, &value))
		return fail_type(s, what, n, n->kind == SUITE_TEXT ?
		    "true or false without quotes" : "true or false");
	*ret = value;
	return 0;
}

static void
list_add(char *list, size_t size, const char *word)
{
	/* The lists are the program's own; one that is cut is still a hint. */
	if (*list != '\0')
		(void)strlcat(list, ", ", size);
	(void)strlcat(list, word, size);
}

static bool
all_digits(const char *text)
{
	return *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

int
suite_count(const struct suite_source *s, const char *what, const struct suite_node *n,
    uint64_t min, uint64_t max, uint64_t *ret)
{
	const char	*why = NULL;
	char		 buf[SUITE_QUOTE];
	long long	 value;

	if (n->kind == SUITE_TEXT && all_digits(n->text))
		return fail_type(s, what, n, "a number without quotes");
	if (n->kind != SUITE_PLAIN || !all_digits(n->text))
		return fail_type(s, what, n, "a whole number");
	value = strtonum(n->text, (long long)min, (long long)max, &why);
	if (why != NULL)
		return suite_fail_at(s, n, "'%s' must be from %" PRIu64 " to %" PRIu64 ", not %s",
		    what, min, max, suite_quote(n, buf));
	*ret = (uint64_t)value;
	return 0;
}

int
suite_milli(const struct suite_source *s, const char *what, const struct suite_node *n,
    uint64_t max, uint64_t *ret)
{
	uint64_t	 value = 0, place = 1000;
	const char	*p = n->text;
	bool		 point = false;

	if (n->kind != SUITE_PLAIN || *p < '0' || *p > '9')
		return fail_type(s, what, n, "a number such as 2 or 1.5");
	for (; *p != '\0'; p++) {
		if (*p == '.' && !point && p[1] != '\0') {
			point = true;
			continue;
		}
		if (*p < '0' || *p > '9' || (point && place == 1))
			return fail_type(s, what, n, "a number such as 2 or 1.5");
		if (point)
			place /= 10;
		value = value * 10 + (uint64_t)(*p - '0');
		if (value * place > max)
			return suite_fail_at(s, n, "'%s' must be at most %" PRIu64, what,
			    max / 1000);
	}
	*ret = value * place;
	return 0;
}

int
suite_duration(const struct suite_source *s, const char *what, const struct suite_node *n,
    bool millis, uint64_t *ret_ms)
{
	char		buf[SUITE_QUOTE];
	uint64_t	ms = 0;
	int		r = -EINVAL;

	if (millis && n->kind == SUITE_PLAIN && (s->json || all_digits(n->text)))
		return suite_count(s, what, n, 0, SPEC_TIMEOUT_MAX_MS, ret_ms);
	if (is_scalar(n) && all_digits(n->text) && strcmp(n->text, "0") != 0)
		return suite_fail_at(s, n, "'%s' is %s without a unit: write %.20ss or %.20sms",
		    what, suite_quote(n, buf), n->text, n->text);
	if (is_scalar(n) && strlen(n->text) == n->len)
		r = duration_parse(n->text, &ms);
	if (r == -EINVAL)
		return fail_type(s, what, n, "a duration such as 500ms, 30s, 2m or 1h");
	if (r < 0 || ms > SPEC_TIMEOUT_MAX_MS)
		return suite_fail_at(s, n, "'%s' must be at most 720h (30 days), not %s", what,
		    suite_quote(n, buf));
	*ret_ms = ms;
	return 0;
}

int
suite_size(const struct suite_source *s, const char *what, const struct suite_node *n,
    uint64_t max, uint64_t *ret)
{
	size_t		 digits = is_scalar(n) ? strspn(n->text, "0123456789") : 0;
	char		 number[24], buf[SUITE_QUOTE];
	const char	*suffixes = "KMG", *suffix, *why = NULL;
	unsigned	 shift = 0;
	long long	 value = 0;

	if (digits == 0 || n->len > digits + 1)
		return fail_type(s, what, n, "a size such as 65536, 64K or 10M");
	if (n->text[digits] != '\0') {
		suffix = strchr(suffixes, n->text[digits]);
		if (suffix == NULL)
			return fail_type(s, what, n, "a size such as 65536, 64K or 10M");
		shift = 10 * (unsigned)(suffix - suffixes + 1);
	}
	(void)snprintf(number, sizeof(number), "%.*s", digits > 20 ? 20 : (int)digits, n->text);
	value = strtonum(number, 1, (long long)(max >> shift), &why);
	if (why != NULL)
		return suite_fail_at(s, n, "'%s' must be from 1 to %" PRIu64 " bytes, not %s",
		    what, max, suite_quote(n, buf));
	*ret = (uint64_t)value << shift;
	return 0;
}

int
suite_choice(const struct suite_source *s, const char *what, const struct suite_node *n,
    const char *const *words, uint64_t *ret)
{
	char		 list[128] = "", hint[64], buf[SUITE_QUOTE];
	const char	*text;
	int		 r;

	r = suite_text(s, what, n, &text);
	if (r < 0)
		return r;
	for (size_t i = 0; words[i] != NULL; i++) {
		if (strcmp(words[i], text) == 0) {
			*ret = i;
			return 0;
		}
		list_add(list, sizeof(list), words[i]);
	}
	return suite_fail_at(s, n, "'%s' must be one of %s, not %s%s", what, list,
	    suite_quote(n, buf), suggest_text(text, words, hint, sizeof(hint)));
}

int
suite_words(const struct suite_source *s, const char *what, const struct suite_node *n,
    size_t max, struct strs *ret)
{
	const char	*text;
	int		 r;

	if (n->kind != SUITE_LIST) {
		if (n->kind == SUITE_MAP)
			return fail_type(s, what, n, "text or a list of texts");
		r = suite_word(s, what, n, &text);
		if (r == 0)
			strs_add(ret, text);
		return r;
	}
	if (n->count > max)
		return suite_fail_at(s, n, "'%s' has more than %zu elements", what, max);
	for (const struct suite_node *c = n->first; c != NULL; c = c->next) {
		r = suite_word(s, what, c, &text);
		if (r < 0)
			return r;
		strs_add(ret, text);
	}
	return 0;
}

int
suite_map(const struct suite_source *s, const char *what, const struct suite_node *n)
{
	if (n->kind != SUITE_MAP)
		return fail_type(s, what, n, "a mapping");
	return 0;
}

int
suite_unsupported(const struct suite_source *s, const struct suite_node *at, const char *what)
{
	return suite_fail_at(s, at, "'%s' is not supported yet", what);
}

int
suite_key(const struct suite_source *s, const struct suite_node *key, const char *const *known,
    const char *const *planned)
{
	char		 hint[64], list[KEYS_SHOWN] = "", buf[SUITE_QUOTE];

	for (int i = 0; known[i] != NULL; i++) {
		/* The first letter decides most; this runs for every key of a file. */
		if (known[i][0] == key->text[0] && strcmp(known[i], key->text) == 0)
			return i;
	}
	for (size_t i = 0; planned[i] != NULL; i++) {
		if (strcmp(planned[i], key->text) == 0)
			return suite_unsupported(s, key, key->text);
	}
	if (suggest_text(key->text, known, hint, sizeof(hint))[0] != '\0')
		return suite_fail_at(s, key, "unknown key %s%s", suite_quote(key, buf), hint);
	for (size_t i = 0; known[i] != NULL; i++)
		list_add(list, sizeof(list), known[i]);
	return suite_fail_at(s, key, "unknown key %s: the keys here are %s",
	    suite_quote(key, buf), list);
}
