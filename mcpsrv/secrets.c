/* Secrets, hidden; see secrets.h. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "ctl/text.h"
#include "mcpsrv/secrets.h"

#define VALUE_MIN	6	/* bytes: a shorter one is everywhere by chance */

bool
secrets_is_name(const char *name, size_t n)
{
	static const char *const	words[] = { "TOKEN", "SECRET", "PASSWORD", "PASSWD",
	    "PASSPHRASE", "PASSCODE", "APIKEY", "API_KEY", "ACCESS_KEY", "PRIVATE_KEY",
	    "SIGNING_KEY", "ENCRYPTION_KEY", "CREDENTIAL", "AUTHORIZATION", "COOKIE" };
	char				*s = xstrndup(name, n);
	bool				 found = false;

	for (size_t i = 0; i < sizeof words / sizeof words[0] && !found; i++)
		found = strcasestr(s, words[i]) != NULL;
	free(s);
	return found;
}

void
secrets_add(struct secrets *s, const char *assignment)
{
	const char	*value = strchr(assignment, '=');
	size_t		 n = value != NULL ? (size_t)(value - assignment) : 0;
	struct secret	*one;

	if (value == NULL || strlen(++value) < VALUE_MIN || !secrets_is_name(assignment, n))
		return;
	for (size_t i = 0; i < s->n; i++) {
		if (strcmp(s->v[i].value, value) == 0)
			return;
	}
	one = &s->v[s->next];
	s->next = (s->next + 1) % SECRETS_MAX;
	if (s->n < SECRETS_MAX)
		s->n++;
	free(one->name);
	free(one->value);
	*one = (struct secret){ xstrndup(assignment, n), xstrdup(value) };
}

static void
hide(struct text *t, const struct secret *one)
{
	size_t		 len = strlen(one->value);
	struct text	 s = { 0 };
	const char	*p = t->p, *end = t->p + t->n, *hit = memmem(p, t->n, one->value, len);

	if (hit == NULL)
		return;
	for (; hit != NULL; hit = memmem(p, (size_t)(end - p), one->value, len)) {
		text_add(&s, p, (size_t)(hit - p));
		text_addf(&s, "[%s is hidden]", one->name);
		p = hit + len;
	}
	text_add(&s, p, (size_t)(end - p));
	text_free(t);
	*t = s;
}

void
secrets_hide(const struct secrets *s, struct text *t)
{
	for (size_t i = 0; s != NULL && t->n > 0 && i < s->n; i++)
		hide(t, &s->v[i]);
}

size_t
secrets_longest(const struct secrets *s)
{
	size_t	longest = 0, n;

	for (size_t i = 0; i < s->n; i++) {
		n = strlen(s->v[i].value);
		if (n > longest)
			longest = n;
	}
	return longest;
}

/* The first value from offset `at` on, the longest of those that begin there; `hits` are
 * where each was found last.  The offset of it, t->n: there is none. */
static size_t
next_value(const struct secrets *s, const struct text *t, size_t at, size_t *hits,
    const struct secret **ret)
{
	size_t	first = t->n;

	for (size_t i = 0; i < s->n; i++) {
		const char	*value = s->v[i].value, *hit;

		if (hits[i] < at || hits[i] == SIZE_MAX) {
			hit = memmem(t->p + at, t->n - at, value, strlen(value));
			hits[i] = hit != NULL ? (size_t)(hit - t->p) : t->n;
		}
		if (hits[i] < first || (hits[i] == first && first < t->n &&
		    strlen(value) > strlen((*ret)->value))) {
			first = hits[i];
			*ret = &s->v[i];
		}
	}
	return first;
}

void
secrets_cut(const struct secrets *s, struct text *t, size_t from, size_t n)
{
	const struct secret	*one = NULL;
	struct text		 out = { 0 };
	size_t			 hits[SECRETS_MAX], at = 0, hit, end = from + n;

	for (size_t i = 0; i < s->n; i++)
		hits[i] = SIZE_MAX;
	text_puts(&out, "");
	while (n > 0 && at < end) {
		hit = next_value(s, t, at, hits, &one);
		if (hit > from && (at > from ? at : from) < end)
			text_add(&out, t->p + (at > from ? at : from), (hit < end ? hit : end) -
			    (at > from ? at : from));
		if (hit == t->n)
			break;
		at = hit + strlen(one->value);
		if (hit < end && at > from)
			text_addf(&out, "[%s is hidden]", one->name);
	}
	text_free(t);
	*t = out;
}

void
secrets_free(struct secrets *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->v[i].name);
		free(s->v[i].value);
	}
	*s = (struct secrets){ .n = 0 };
}
