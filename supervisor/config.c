/* The settings as a table; see config.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "supervisor/config.h"

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
	for (size_t i = 0; i < NSETTINGS; i++)
		*value_of(c, &settings[i]) = settings[i].fallback;
}

/* In the largest unit that is exact. */
static void
print(const struct setting *s, uint64_t v, char *buf, size_t size)
{
	const struct unit	*u = s->kind == CONFIG_DURATION ? durations : sizes, *best = u;

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

	if (i >= NSETTINGS)
		return -ENOENT;
	*ret_key = settings[i].key;
	*ret_text = settings[i].text;
	print(&settings[i], *value_of(&copy, &settings[i]), value, size);
	print(&settings[i], settings[i].fallback, fallback, size);
	return 0;
}

int
config_set(struct config *c, struct sv key, struct sv value, char *why, size_t size)
{
	static const char *const example[] = { "8", "30s", "64M" };
	char		 least[32], most[32];
	uint64_t	 v;

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
