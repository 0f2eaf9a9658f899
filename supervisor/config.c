/* The settings as a table; see config.h. */
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "supervisor/config.h"
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
static const struct unit sizes[] = {
	{ "", 1 }, { "K", 1 << 10 }, { "M", 1 << 20 }, { "G", 1 << 30 }, { NULL, 0 }
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
weight_user(const char *text, uint32_t *ret)
{
	struct passwd	*pw = getpwnam(text);
	uint64_t	 uid;

	if (pw != NULL) {
		*ret = (uint32_t)pw->pw_uid;
		return 0;
	}
	if (config_parse(CONFIG_COUNT, sv_from(text), &uid) != 0 || uid >= UINT32_MAX)
		return -ENOENT;
	*ret = (uint32_t)uid;
	return 0;
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
	if (strlen(w.key) != key.n || weight_user(w.key + sizeof CONFIG_WEIGHT - 1, &w.uid) != 0) {
		(void)snprintf(why, size, "%s: there is no such user", w.key);
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

/* A name that is too long to be shown is its number. */
static void
print_group(uint64_t v, char *buf, size_t size)
{
	const struct group	*g = v != 0 ? getgrgid((gid_t)(v - 1)) : NULL;

	if (v == 0)
		buf[0] = '\0';
	else if (g != NULL && strlen(g->gr_name) < size)
		(void)snprintf(buf, size, "%s", g->gr_name);
	else
		(void)snprintf(buf, size, "%" PRIu64, v - 1);
}

static int
parse_group(struct sv text, uint64_t *ret)
{
	const struct group	*g;
	char			 name[64];
	uint64_t		 gid;

	*ret = 0;
	if (text.n == 0)
		return 0;
	if (text.n >= sizeof name)
		return -EINVAL;
	(void)snprintf(name, sizeof name, SV_FMT, SV_ARG(text));
	g = getgrnam(name);
	if (g != NULL) {
		*ret = (uint64_t)g->gr_gid + 1;
		return 0;
	}
	if (config_parse(CONFIG_COUNT, text, &gid) != 0 || gid >= UINT32_MAX)
		return -EINVAL;
	*ret = gid + 1;
	return 0;
}

/* In the largest unit that is exact. */
static void
print(const struct setting *s, uint64_t v, char *buf, size_t size)
{
	const struct unit	*u = s->kind == CONFIG_DURATION ? durations : sizes, *best = u;

	if (s->kind == CONFIG_GROUP) {
		print_group(v, buf, size);
		return;
	}
	for (; s->kind != CONFIG_COUNT && u->name != NULL; u++) {
		if (v != 0 && v % u->factor == 0)
			best = u;
	}
	if (s->kind == CONFIG_COUNT || v == 0)
		(void)snprintf(buf, size, "%" PRIu64, v);
	else
		(void)snprintf(buf, size, "%" PRIu64 "%s", v / best->factor, best->name);
}

int
config_parse(enum config_kind kind, struct sv text, uint64_t *ret)
{
	const struct unit	*u = kind == CONFIG_DURATION ? durations : sizes;
	uint64_t		 v = 0;
	size_t			 i = 0;
	struct sv		 unit;

	if (kind == CONFIG_GROUP)
		return parse_group(text, ret);
	for (; i < text.n && text.p[i] >= '0' && text.p[i] <= '9'; i++) {
		if (v > UINT64_MAX / 20)
			return -EINVAL;
		v = v * 10 + (uint64_t)(text.p[i] - '0');
	}
	if (i == 0)
		return -EINVAL;
	unit = (struct sv){ text.p + i, text.n - i };
	if (unit.n == 0 && (kind != CONFIG_DURATION || v == 0)) {
		*ret = v;
		return 0;
	}
	for (; kind != CONFIG_COUNT && u->name != NULL; u++) {
		if (sv_is(unit, u->name) && v <= UINT64_MAX / u->factor) {
			*ret = v * u->factor;
			return 0;
		}
	}
	return -EINVAL;
}

int
config_row(const struct config *c, size_t i, const char **ret_key, const char **ret_text,
    char *value, char *fallback, size_t size)
{
	struct config	copy = *c;

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
	print(&settings[i], *value_of(&copy, &settings[i]), value, size);
	print(&settings[i], settings[i].fallback, fallback, size);
	return 0;
}

int
config_value(const struct config *c, struct sv key, char *value, size_t size)
{
	const struct config_weight	*w = weight_of(c, key);
	struct config			 copy = *c;

	if (w != NULL) {
		(void)snprintf(value, size, "%" PRIu32, w->weight);
		return 0;
	}
	for (size_t i = 0; i < NSETTINGS; i++) {
		if (sv_is(key, settings[i].key)) {
			print(&settings[i], *value_of(&copy, &settings[i]), value, size);
			return 0;
		}
	}
	return -ENOENT;
}

int
config_set(struct config *c, struct sv key, struct sv value, char *why, size_t size)
{
	static const char *const example[] = { "8", "30s", "64M",
	    "users, the name of a group that exists" };
	char		 least[32], most[32];
	uint64_t	 v;

	if (config_is_weight(key))
		return set_weight(c, key, value, why, size);
	for (size_t i = 0; i < NSETTINGS; i++) {
		const struct setting	*s = &settings[i];

		if (!sv_is(key, s->key))
			continue;
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
		if (*value_of(now, &settings[i]) == *value_of(&old, &settings[i]))
			*value_of(now, &settings[i]) = *value_of(&new, &settings[i]);
	}
	renew_weights(now, was, next);
}
