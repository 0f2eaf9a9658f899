/* Sums over the devices of io.stat; see iostat.h. */
#include <string.h>

#include "common/size.h"
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
	p += len;
	p += size_digits((struct sv){ p, (size_t)(end - p) }, &v);
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
