/* The settings as a table; see config.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/size.h"
#include "supervisor/config.h"
#include "supervisor/names.h"
#include "supervisor/policy/share.h"

struct setting {
	const char	*key, *text;
	enum config_kind kind;
	size_t		 offset;
	uint64_t	 fallback, least, most;
};

static const struct setting settings[] = {
#define X(member, key, kind, dflt, least, most, text)			\
	{ key, text, CONFIG_##kind, offsetof(struct config, member),	\
	  UINT64_C(dflt), UINT64_C(least), UINT64_C(most) },
	CONFIG_LIST(X)
#undef X
};
#define NSETTINGS	(sizeof settings / sizeof settings[0])

struct unit {
	const char	*name;
	uint64_t	 factor;
};
static const struct unit durations[] = {
	{ "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { NULL, 0 }
};

static uint64_t *
value_of(struct config *c, const struct setting *s)
{
	return (uint64_t *)(void *)((char *)c + s->offset);
}

void
config_init(struct config *c)
{
	memset(c, 0, sizeof *c);
	for (size_t i = 0; i < NSETTINGS; i++)
		*value_of(c, &settings[i]) = settings[i].fallback;
}

/* ---- the weights of users ---- */

bool
config_is_weight(struct sv key)
{
	const size_t	n = sizeof CONFIG_WEIGHT - 1;

	return key.n > n && memcmp(key.p, CONFIG_WEIGHT, n) == 0;
}

uint32_t
config_weight(const struct config *c, uint32_t uid)
{
	for (uint32_t i = 0; i < c->nweights; i++) {
		if (c->weights[i].uid == uid)
			return c->weights[i].weight;
	}
	return 1;
}

static const struct config_weight *
weight_of(const struct config *c, struct sv key)
{
	for (uint32_t i = 0; i < c->nweights; i++) {
		if (sv_is(key, c->weights[i].key))
			return &c->weights[i];
	}
	return NULL;
}

/* The user of weight.USER, by his name or number. */
static int
weight_user(const struct config *c, const char *key, uint32_t *ret)
{
	const struct config_weight	*w = NULL;
	const char			*text = key + sizeof CONFIG_WEIGHT - 1;
	uint64_t			 uid;

	if (c->known != NULL)
		w = weight_of(c->known, sv_from(key));
	if (w != NULL) {
		*ret = w->uid;
		return 0;
	}
	if (names_user(text, c->known == NULL, ret) == 0)
		return 0;
	if (config_parse(CONFIG_COUNT, sv_from(text), &uid) != 0 || uid >= UINT32_MAX)
		return -ENOENT;
	*ret = (uint32_t)uid;
	return 0;
}

/* Where a name was looked for, for who does not find it. */
static const char *
where(const struct config *c)
{
	return c->known == NULL ? "" : " in the files of this host, and no other directory is asked "
	    "while it serves: give the number";
}

static int
set_weight(struct config *c, struct sv key, struct sv value, char *why, size_t size)
{
	struct config_weight	w = { .weight = 1 };
	uint64_t		v;
	uint32_t		i;

	if (key.n >= sizeof w.key) {
		(void)snprintf(why, size, "the name in " CONFIG_WEIGHT "USER is too long");
		return -EINVAL;
	}
	memcpy(w.key, key.p, key.n);
	if (strlen(w.key) != key.n || weight_user(c, w.key, &w.uid) != 0) {
		(void)snprintf(why, size, "%s: there is no such user%s", w.key, where(c));
		return -EINVAL;
	}
	if (config_parse(CONFIG_COUNT, value, &v) != 0 || v < 1 || v > SHARE_WEIGHT_MAX) {
		(void)snprintf(why, size, "%s: it must be from 1 to %d", w.key, SHARE_WEIGHT_MAX);
		return -EINVAL;
	}
	w.weight = (uint32_t)v;
	for (i = 0; i < c->nweights && c->weights[i].uid != w.uid; i++)
		;
	if (i == CONFIG_WEIGHTS) {
		(void)snprintf(why, size, "%s: %d users have a weight of their own, which is all "
		    "there is room for", w.key, CONFIG_WEIGHTS);
		return -EINVAL;
	}
	c->weights[i] = w;
	c->nweights += i == c->nweights;
	return 0;
}

/* ---- groups ---- */

static size_t
group_index(const struct setting *s)
{
	return s->offset == offsetof(struct config, allow_group) ? 0 : 1;
}

/* As it was set; a name that is too long to be shown is its number. */
static void
print_group(const struct config *c, const struct setting *s, uint64_t v, char *buf, size_t size)
{
	const char	*name = c->groups[group_index(s)];

	if (v == 0)
		buf[0] = '\0';
	else if (name[0] != '\0' && strlen(name) < size)
		(void)snprintf(buf, size, "%s", name);
	else
		(void)snprintf(buf, size, "%" PRIu64, v - 1);
}

/* The number of a group that these settings have by that name. */
static bool
known_group(const struct config *c, const char *name, uint32_t *ret)
{
	const uint64_t	values[CONFIG_GROUPS] = { c->allow_group, c->admin_group };

	for (size_t i = 0; i < CONFIG_GROUPS; i++) {
		if (values[i] != 0 && strcmp(c->groups[i], name) == 0) {
			*ret = (uint32_t)(values[i] - 1);
			return true;
		}
	}
	return false;
}

static int
set_group(struct config *c, const struct setting *s, struct sv text, char *why, size_t size)
{
	char		*shown = c->groups[group_index(s)], name[64];
	uint32_t	 gid = 0;
	uint64_t	 v;
	bool		 named;

	(void)snprintf(name, sizeof name, SV_FMT, SV_ARG(text));
	named = strlen(name) == text.n && text.n > 0 &&
	    ((c->known != NULL && known_group(c->known, name, &gid)) ||
	    names_group(name, c->known == NULL, &gid) == 0);
	if (named)
		v = (uint64_t)gid + 1;
	else if (text.n == 0)
		v = 0;
	else if (config_parse(CONFIG_COUNT, text, &v) == 0 && v < UINT32_MAX)
		v++;
	else {
		(void)snprintf(why, size, "%s: there is no group '%.60s'%s", s->key, name, where(c));
		return -EINVAL;
	}
	memset(shown, 0, sizeof c->groups[0]);
	if (named && text.n < sizeof c->groups[0])
		memcpy(shown, name, text.n);
	*value_of(c, s) = v;
	return 0;
}

static int
parse_isolation(struct sv text, uint64_t *ret)
{
	struct isolation_want	want;
	char			why[ISOLATION_WHY];

	if (isolation_parse(text, &want, why) != 0)
		return -EINVAL;
	*ret = isolation_pack(&want);
	return 0;
}

/* In the largest unit that is exact. */
static void
print(const struct setting *s, uint64_t v, char *buf, size_t size)
{
	const struct unit	*best = durations;
	struct isolation_want	 want;
	char			 text[ISOLATION_TEXT], bytes[SIZE_TEXT];

	if (s->kind == CONFIG_ISOLATION) {
		want = isolation_unpack(v);
		(void)snprintf(buf, size, "%s", isolation_format(&want, text));
	} else if (s->kind == CONFIG_SIZE) {
		(void)snprintf(buf, size, "%s", size_exact(v, bytes));
	} else if (s->kind == CONFIG_DURATION && v != 0) {
		for (const struct unit *u = durations; u->name != NULL; u++) {
			if (v % u->factor == 0)
				best = u;
		}
		(void)snprintf(buf, size, "%" PRIu64 "%s", v / best->factor, best->name);
	} else {
		(void)snprintf(buf, size, "%" PRIu64, v);
	}
}

static void
print_of(const struct config *c, const struct setting *s, char *buf, size_t size)
{
	struct config	 copy = *c;
	uint64_t	 v = *value_of(&copy, s);

	if (s->kind == CONFIG_GROUP)
		print_group(c, s, v, buf, size);
	else
		print(s, v, buf, size);
}

int
config_parse(enum config_kind kind, struct sv text, uint64_t *ret)
{
	uint64_t	v;
	size_t		n;
	struct sv	unit;

	if (kind == CONFIG_ISOLATION)
		return parse_isolation(text, ret);
	if (kind == CONFIG_SIZE)
		return size_parse(text, ret);
	n = size_digits(text, &v);
	if (n == 0)
		return -EINVAL;
	unit = (struct sv){ text.p + n, text.n - n };
	if (unit.n == 0 && (kind != CONFIG_DURATION || v == 0)) {
		*ret = v;
		return 0;
	}
	for (const struct unit *u = durations; kind == CONFIG_DURATION && u->name != NULL; u++) {
		if (sv_is(unit, u->name) && v <= UINT64_MAX / u->factor) {
			*ret = v * u->factor;
			return 0;
		}
	}
	return -EINVAL;
}

int
config_bounds(size_t i, char *least, char *most, size_t size)
{
	const struct setting	*s = &settings[i];

	if (i >= NSETTINGS)
		return -ENOENT;
	least[0] = most[0] = '\0';
	if (s->kind != CONFIG_GROUP && s->kind != CONFIG_ISOLATION) {
		print(s, s->least, least, size);
		print(s, s->most, most, size);
	}
	return 0;
}

int
config_row(const struct config *c, size_t i, const char **ret_key, const char **ret_text,
    char *value, char *fallback, size_t size)
{
	if (i >= NSETTINGS + c->nweights)
		return -ENOENT;
	if (i >= NSETTINGS) {
		*ret_key = c->weights[i - NSETTINGS].key;
		*ret_text = "how much this user counts when the workers are shared";
		(void)snprintf(value, size, "%" PRIu32, c->weights[i - NSETTINGS].weight);
		(void)snprintf(fallback, size, "1");
		return 0;
	}
	*ret_key = settings[i].key;
	*ret_text = settings[i].text;
	print_of(c, &settings[i], value, size);
	if (settings[i].kind == CONFIG_GROUP)
		fallback[0] = '\0';	/* none */
	else
		print(&settings[i], settings[i].fallback, fallback, size);
	return 0;
}

int
config_value(const struct config *c, struct sv key, char *value, size_t size)
{
	const struct config_weight	*w = weight_of(c, key);

	if (w != NULL) {
		(void)snprintf(value, size, "%" PRIu32, w->weight);
		return 0;
	}
	for (size_t i = 0; i < NSETTINGS; i++) {
		if (sv_is(key, settings[i].key)) {
			print_of(c, &settings[i], value, size);
			return 0;
		}
	}
	return -ENOENT;
}

int
config_set(struct config *c, struct sv key, struct sv value, char *why, size_t size)
{
	static const char *const example[] = { "8", "30s", "64M",
	    [CONFIG_ISOLATION] = "auto, pid or sandbox,network=none" };
	char		 least[CONFIG_VALUE], most[CONFIG_VALUE];
	uint64_t	 v;

	if (config_is_weight(key))
		return set_weight(c, key, value, why, size);
	for (size_t i = 0; i < NSETTINGS; i++) {
		const struct setting	*s = &settings[i];

		if (!sv_is(key, s->key))
			continue;
		if (s->kind == CONFIG_GROUP)
			return set_group(c, s, value, why, size);
		if (config_parse(s->kind, value, &v) != 0) {
			(void)snprintf(why, size, "%s: '%.*s' is no value for it; write one like %s",
			    s->key, (int)(value.n > 60 ? 60 : value.n), value.p, example[s->kind]);
			return -EINVAL;
		}
		if (v < s->least || v > s->most) {
			print(s, s->least, least, sizeof least);
			print(s, s->most, most, sizeof most);
			(void)snprintf(why, size, "%s: it must be from %s to %s", s->key, least, most);
			return -EINVAL;
		}
		*value_of(c, s) = v;
		return 0;
	}
	(void)snprintf(why, size, "there is no setting '%.*s'",
	    (int)(key.n > 60 ? 60 : key.n), key.p);
	return -ENOENT;
}

static void
put_weight(struct config *c, const struct config_weight *w)
{
	if (c->nweights < CONFIG_WEIGHTS)
		c->weights[c->nweights++] = *w;
}

static void
renew_weights(struct config *now, const struct config *was, const struct config *next)
{
	const struct config	 old = *now;
	const struct config_weight *w;

	now->nweights = 0;
	for (uint32_t i = 0; i < old.nweights; i++) {	/* that were set since */
		w = &old.weights[i];
		if (w->weight != config_weight(was, w->uid))
			put_weight(now, w);
	}
	for (uint32_t i = 0; i < next->nweights; i++) {
		w = &next->weights[i];
		if (config_weight(&old, w->uid) == config_weight(was, w->uid))
			put_weight(now, w);
	}
}

void
config_renew(struct config *now, const struct config *was, const struct config *next)
{
	struct config	old = *was, new = *next;

	for (size_t i = 0; i < NSETTINGS; i++) {
		const struct setting	*s = &settings[i];

		if (*value_of(now, s) != *value_of(&old, s))
			continue;
		*value_of(now, s) = *value_of(&new, s);
		if (s->kind == CONFIG_GROUP)
			memcpy(now->groups[group_index(s)], next->groups[group_index(s)],
			    sizeof now->groups[0]);
	}
	renew_weights(now, was, next);
}
