/* Any bytes as an administrator's settings: taken, and then the same when they are written
 * down again, or refused in one line, and then nothing is changed. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "supervisor/config_file.h"

#define FILE_NAME	"/etc/p.yaml"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As `config get` has them.  The length. */
static size_t
write_down(const struct config *c, char *text, size_t size)
{
	const char	*key, *words;
	char		 value[32], fallback[32];
	size_t		 n = 0;

	for (size_t i = 0; config_row(c, i, &key, &words, value, fallback,
	    sizeof value) == 0; i++) {
		n += (size_t)snprintf(text + n, size - n, "'%s': '%s'\n", key, value);
		assert(n < size);
	}
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config	before, c, again;
	char		why[CONFIG_FILE_WHY] = "", text[16384];
	int		r;

	config_init(&before);
	before.known = &before;	/* no directory is asked */
	c = again = before;
	r = config_file_parse(FILE_NAME, (const char *)data, size, &c, why);
	assert((r == 0) == (why[0] == '\0'));
	if (r != 0) {
		assert(memcmp(&c, &before, sizeof c) == 0);
		assert(strncmp(why, FILE_NAME ":", sizeof FILE_NAME) == 0);
		assert(strpbrk(why, "\n\r\t\033") == NULL);
		return 0;
	}
	assert(c.nweights <= CONFIG_WEIGHTS && c.known == &before);
	r = config_file_parse(FILE_NAME, text, write_down(&c, text, sizeof text), &again, why);
	assert(r == 0 && memcmp(&c, &again, sizeof c) == 0);
	return 0;
}
