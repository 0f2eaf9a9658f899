/* Sizes from text and as text; see size.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/size.h"

static const char	units[] = "KMGT";

#define NUNITS	(sizeof units - 1)

size_t
size_digits(struct sv text, uint64_t *ret)
{
	uint64_t	v = 0;
	size_t		i = 0;

	for (; i < text.n && text.p[i] >= '0' && text.p[i] <= '9'; i++) {
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(text.p[i] - '0'), &v))
			return 0;
	}
	*ret = v;
	return i;
}

int
size_parse(struct sv text, uint64_t *ret)
{
	uint64_t	 v;
	size_t		 n = size_digits(text, &v);
	const char	*unit = NULL;

	if (n == 0 || text.n > n + 1)
		return -EINVAL;
	if (text.n == n + 1) {
		unit = memchr(units, text.p[n], NUNITS);
		if (unit == NULL)
			return -EINVAL;
		for (const char *u = units; u <= unit; u++) {
			if (__builtin_mul_overflow(v, 1024, &v))
				return -EINVAL;
		}
	}
	*ret = v;
	return 0;
}

char *
size_exact(uint64_t n, char buf[SIZE_TEXT])
{
	size_t	u = 0;

	for (; n != 0 && n % 1024 == 0 && u < NUNITS; u++)
		n /= 1024;
	(void)snprintf(buf, SIZE_TEXT, "%" PRIu64 "%.*s", n, u > 0, units + u - (u > 0));
	return buf;
}

/* n, at least 1024, in the first unit in which it is less than `most`: what would be
 * rounded up to 1024 of a unit is 1 of the next. */
static double
scale(uint64_t n, double most, char *ret_unit)
{
	double	v = (double)n / 1024;
	size_t	u = 0;

	for (; v >= most && u + 1 < NUNITS; u++)
		v /= 1024;
	*ret_unit = units[u];
	return v;
}

char *
size_words(uint64_t n, char buf[SIZE_TEXT])
{
	double	v;
	char	unit;

	if (n < 1024) {
		(void)snprintf(buf, SIZE_TEXT, "%" PRIu64 " byte%s", n, n == 1 ? "" : "s");
		return buf;
	}
	v = scale(n, 1023.95, &unit);
	(void)snprintf(buf, SIZE_TEXT, "%.*f %ciB", v == (double)(uint64_t)v ? 0 : 1, v, unit);
	return buf;
}

char *
size_short(uint64_t n, char buf[SIZE_TEXT])
{
	double	v;
	char	unit;

	if (n < 1024) {
		(void)snprintf(buf, SIZE_TEXT, n > 0 ? "%" PRIu64 "B" : "%" PRIu64, n);
		return buf;
	}
	v = scale(n, 1023.5, &unit);
	(void)snprintf(buf, SIZE_TEXT, v < 9.95 ? "%.1f%c" : "%.0f%c", v, unit);
	return buf;
}
