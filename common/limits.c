/* The limits of a test by name, bounds and text; see limits.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/limits.h"

#define SHOWN	40	/* bytes of a text in a message */

enum unit { UNIT_SIZE, UNIT_COUNT, UNIT_CPUS };

static const struct kind {
	enum unit	unit;
	uint64_t	least, most;
} kinds[] = {
#define X(NAME, member, key, unit, least, most)	{ UNIT_##unit, least, most },
	LIMIT_LIST(X)
#undef X
};

const char *const limit_keys[] = {
#define X(NAME, member, key, unit, least, most)	key,
	LIMIT_LIST(X)
#undef X
	NULL
};

struct limits
limits_of(const struct msg_test_add *t)
{
	return (struct limits){ {
#define X(NAME, member, key, unit, least, most)	[LIMIT_##NAME] = t->member,
	LIMIT_LIST(X)
#undef X
	} };
}

bool
limits_any(const struct limits *l)
{
	uint64_t	all = 0;

	for (int i = 0; i < LIMIT_COUNT; i++)
		all |= l->v[i];
	return all != 0;
}

bool
limit_fits(enum limit which, uint64_t v)
{
	return v == 0 || (v >= kinds[which].least && v <= kinds[which].most);
}

/* At most three digits behind a point, as thousandths; NULL: none. */
static const char *
thousandths(const char *p, uint64_t *ret)
{
	uint64_t	part = 0;
	int		n = 0;

	if (*p++ != '.')
		return NULL;
	for (; n < 3 && *p >= '0' && *p <= '9'; n++)
		part = part * 10 + (uint64_t)(*p++ - '0');
	if (n == 0)
		return NULL;
	for (; n < 3; n++)
		part *= 10;
	*ret += part;
	return p;
}

static int
read_text(enum unit unit, const char *p, uint64_t *ret)
{
	size_t	n;

	if (unit == UNIT_SIZE)
		return size_parse(sv_from(p), ret);
	n = size_digits(sv_from(p), ret);
	if (n == 0)
		return -EINVAL;
	p += n;
	if (unit == UNIT_CPUS) {
		if (__builtin_mul_overflow(*ret, 1000, ret))
			return -EINVAL;
		if (*p != '\0')
			p = thousandths(p, ret);
	}
	return p != NULL && *p == '\0' ? 0 : -EINVAL;
}

int
limit_parse(enum limit which, const char *text, uint64_t *ret, char why[LIMIT_WHY])
{
	static const char *const	wanted[] = {
		[UNIT_SIZE] = "a size such as 65536, 64K, 512M or 2G",
		[UNIT_COUNT] = "a whole number",
		[UNIT_CPUS] = "a number of CPUs such as 2 or 1.5",
	};
	const struct kind		*k = &kinds[which];
	char				 least[LIMIT_TEXT], most[LIMIT_TEXT];

	if (read_text(k->unit, text, ret) != 0) {
		(void)snprintf(why, LIMIT_WHY, "must be %s (0: no limit), not '%.*s'",
		    wanted[k->unit], SHOWN, text);
		return -EINVAL;
	}
	if (limit_fits(which, *ret))
		return 0;
	(void)snprintf(why, LIMIT_WHY, "must be from %s to %s, or 0 for no limit, not '%.*s'",
	    limit_text(which, k->least, least), limit_text(which, k->most, most), SHOWN, text);
	return -EINVAL;
}

const char *
limit_text(enum limit which, uint64_t v, char buf[LIMIT_TEXT])
{
	switch (kinds[which].unit) {
	case UNIT_SIZE:
		(void)size_words(v, buf);
		break;
	case UNIT_CPUS:
		(void)snprintf(buf, LIMIT_TEXT, "%g", (double)v / 1000);
		break;
	case UNIT_COUNT:
		(void)snprintf(buf, LIMIT_TEXT, "%" PRIu64, v);
		break;
	}
	return buf;
}
