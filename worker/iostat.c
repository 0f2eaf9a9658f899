/* Sums over the devices of io.stat; see iostat.h. */
#include <string.h>

#include "worker/iostat.h"

/* The number behind " KEY=" in a line; 0: it is not there, or cannot be one. */
static uint64_t
number(const char *line, const char *end, const char *key)
{
	size_t		 len = strlen(key);
	const char	*p = memmem(line, (size_t)(end - line), key, len);
	uint64_t	 v = 0;

	if (p == NULL)
		return 0;
	for (p += len; p < end && *p >= '0' && *p <= '9'; p++) {
		if (v > UINT64_MAX / 10 || v * 10 > UINT64_MAX - (uint64_t)(*p - '0'))
			return 0;
		v = v * 10 + (uint64_t)(*p - '0');
	}
	return p == end || *p == ' ' ? v : 0;
}

void
iostat_sum(const char *text, size_t n, uint64_t *ret_read, uint64_t *ret_written)
{
	const char	*end;

	*ret_read = *ret_written = 0;
	while ((end = memchr(text, '\n', n)) != NULL) {
		*ret_read += number(text, end, " rbytes=");
		*ret_written += number(text, end, " wbytes=");
		n -= (size_t)(end + 1 - text);
		text = end + 1;
	}
}
