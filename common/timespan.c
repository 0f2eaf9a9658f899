/* Durations from text; see timespan.h. */
#include <errno.h>
#include <string.h>

#include "common/timespan.h"

static const struct unit {
	const char	*name;
	uint64_t	 ms;
} units[] = {
	{ "ms", 1 }, { "s", 1000 }, { "m", 60 * 1000 }, { "h", 3600 * 1000 },
};

#define NUNITS	(sizeof(units) / sizeof(units[0]))

static int
digit(char c)
{
	return c >= '0' && c <= '9';
}

static const struct unit *
find_unit(const char *s, size_t n)
{
	for (size_t i = 0; i < NUNITS; i++) {
		if (strlen(units[i].name) == n && memcmp(units[i].name, s, n) == 0)
			return &units[i];
	}
	return NULL;
}

/* Thousandths after the point, of up to three digits: more could silently become
 * 0, which means none. */
static int
fraction(const char **s, uint64_t *ret_milli)
{
	uint64_t	milli = 0, place = 100;

	if (!digit(**s))
		return -EINVAL;
	for (; digit(**s) && place > 0; (*s)++, place /= 10)
		milli += (uint64_t)(**s - '0') * place;
	*ret_milli = milli;
	return 0;
}

/* One number with its unit, which must be smaller than `above` ms. */
static int
parse_part(const char **s, uint64_t *above, uint64_t *total)
{
	const struct unit *u;
	uint64_t	 value = 0, milli = 0, ms;
	size_t		 n = 0;

	if (!digit(**s))
		return -EINVAL;
	for (; digit(**s); (*s)++) {
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(**s - '0'), &value))
			return -ERANGE;
	}
	if (**s == '.') {
		(*s)++;
		if (fraction(s, &milli) < 0)
			return -EINVAL;
	}
	while ((*s)[n] >= 'a' && (*s)[n] <= 'z')
		n++;
	u = find_unit(*s, n);
	if (u == NULL || u->ms >= *above || (milli > 0 && u->ms == 1))
		return -EINVAL;
	*above = u->ms;
	*s += n;
	if (__builtin_mul_overflow(value, u->ms, &ms) ||
	    __builtin_add_overflow(ms, milli * u->ms / 1000, &ms) ||
	    __builtin_add_overflow(*total, ms, total))
		return -ERANGE;
	return 0;
}

int
duration_parse(const char *s, uint64_t *ret_ms)
{
	uint64_t	total = 0, above = UINT64_MAX;
	int		r;

	if (strcmp(s, "0") == 0) {
		*ret_ms = 0;
		return 0;
	}
	do {
		r = parse_part(&s, &above, &total);
		if (r < 0)
			return r;
	} while (*s != '\0');
	*ret_ms = total;
	return 0;
}
