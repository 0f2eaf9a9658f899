/* Levels of isolation and requests for them; see isolation.h. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/isolation.h"
#include "common/suggest.h"

#define NETWORK_WORD	"network="
#define READ_ONLY	"read-only"

#define X(N, s)	s,
static const char *const levels[] = { ISOLATION_LIST(X) NULL };
static const char *const networks[] = { ISOLATION_NETWORK_LIST(X) NULL };
#undef X

const char *
isolation_name(uint64_t v)
{
	return v < ISOLATION_COUNT ? levels[v] : "?";
}

const char *
isolation_network_name(uint64_t v)
{
	return v < NETWORK_COUNT ? networks[v] : "?";
}

int
isolation_level_of(struct sv name, enum isolation *ret)
{
	for (int i = 0; i < ISOLATION_COUNT; i++) {
		if (sv_is(name, levels[i])) {
			*ret = (enum isolation)i;
			return 0;
		}
	}
	return -ENOENT;
}

static int
network_of(struct sv name, enum isolation_network *ret)
{
	for (int i = NETWORK_UNSAID + 1; i < NETWORK_COUNT; i++) {
		if (sv_is(name, networks[i])) {
			*ret = (enum isolation_network)i;
			return 0;
		}
	}
	return -ENOENT;
}

static int
bad_word(struct sv word, char why[ISOLATION_WHY])
{
	char	text[41], near[64];

	(void)snprintf(text, sizeof text, "%.*s", (int)(word.n < 40 ? word.n : 40), word.p);
	(void)snprintf(why, ISOLATION_WHY, "'%s' is no level of isolation%s (auto, process, pid, "
	    "cgroup, sandbox[,network=none|loopback|host][," READ_ONLY "])", text,
	    suggest_text(text, levels, near, sizeof near));
	return -EINVAL;
}

/* What is said beside the level.  False: it is no such word, or the second of its kind. */
static bool
take_extra(struct sv word, struct isolation_want *w)
{
	const size_t	n = sizeof NETWORK_WORD - 1;

	if (sv_is(word, READ_ONLY) && !w->read_only) {
		w->read_only = true;
		return true;
	}
	return word.n > n && memcmp(word.p, NETWORK_WORD, n) == 0 &&
	    w->network == NETWORK_UNSAID &&
	    network_of((struct sv){ word.p + n, word.n - n }, &w->network) == 0;
}

/* Takes the text up to the next comma from *left; false: there is none left. */
static bool
next_word(struct sv *left, struct sv *ret)
{
	const char	*comma;

	if (left->p == NULL)
		return false;
	comma = memchr(left->p, ',', left->n);
	*ret = *left;
	if (comma == NULL) {
		left->p = NULL;
		return true;
	}
	ret->n = (size_t)(comma - left->p);
	left->p += ret->n + 1;
	left->n -= ret->n + 1;
	return true;
}

int
isolation_parse(struct sv text, struct isolation_want *ret, char why[ISOLATION_WHY])
{
	struct isolation_want	w = { ISOLATION_AUTO, NETWORK_UNSAID, false };
	struct sv		left = text.n > 0 ? text : SV_LIT(""), word;
	bool			named = false;

	for (bool first = true; next_word(&left, &word); first = false) {
		if (first && isolation_level_of(word, &w.level) == 0)
			named = true;
		else if (!take_extra(word, &w))
			return bad_word(word, why);
	}
	if (w.network != NETWORK_UNSAID || w.read_only) {
		if (named && w.level != ISOLATION_SANDBOX) {
			(void)snprintf(why, ISOLATION_WHY, "network and " READ_ONLY " are a "
			    "sandbox's, %s has neither: write sandbox" SV_FMT,
			    isolation_name(w.level), (int)(text.n - strlen(levels[w.level])),
			    text.p + strlen(levels[w.level]));
			return -EINVAL;
		}
		w.level = ISOLATION_SANDBOX;
	}
	*ret = w;
	return 0;
}

const char *
isolation_format(const struct isolation_want *w, char buf[ISOLATION_TEXT])
{
	bool	net = w->network != NETWORK_UNSAID;

	(void)snprintf(buf, ISOLATION_TEXT, "%s%s%s%s", isolation_name(w->level),
	    net ? "," NETWORK_WORD : "", isolation_network_name(w->network),
	    w->read_only ? "," READ_ONLY : "");
	return buf;
}

bool
isolation_equal(const struct isolation_want *a, const struct isolation_want *b)
{
	return a->level == b->level && a->network == b->network && a->read_only == b->read_only;
}

int
isolation_join(struct isolation_want *into, const struct isolation_want *other)
{
	if (into->network != NETWORK_UNSAID && other->network != NETWORK_UNSAID &&
	    into->network != other->network)
		return -EINVAL;
	if (other->level > into->level)
		into->level = other->level;
	if (other->network != NETWORK_UNSAID)
		into->network = other->network;
	into->read_only |= other->read_only;
	return 0;
}

uint64_t
isolation_pack(const struct isolation_want *w)
{
	return (uint64_t)w->level | (uint64_t)w->network << 8 | (uint64_t)w->read_only << 16;
}

struct isolation_want
isolation_unpack(uint64_t v)
{
	return (struct isolation_want){ (enum isolation)(v & 0xff),
	    (enum isolation_network)(v >> 8 & 0xff), (v >> 16 & 1) != 0 };
}
