/* URIs of resources; see uri.h. */
#include <stdlib.h>
#include <string.h>

#include "mcpsrv/uri.h"

#define SCHEME	"paratest://"
#define HEX	"0123456789abcdef"

static const struct {
	const char	*name, *type;
} formats[URI_FORMATS] = {
	[URI_JSON] = { "json", "application/json" },
	[URI_JUNIT] = { "junit", "application/xml" },
	[URI_MARKDOWN] = { "markdown", "text/markdown" },
	[URI_TAP] = { "tap", "text/plain" },
};

const char *
uri_format_name(enum uri_format f)
{
	return formats[f].name;
}

const char *
uri_format_type(enum uri_format f)
{
	return formats[f].type;
}

/* Takes the prefix off. */
static bool
skip(const char **p, const char *prefix)
{
	size_t	n = strlen(prefix);

	if (strncmp(*p, prefix, n) != 0)
		return false;
	*p += n;
	return true;
}

static bool
take_run(const char **p, char run[URI_RUN])
{
	size_t	n = strspn(*p, HEX);

	if (n == 0 || n >= URI_RUN)
		return false;
	memcpy(run, *p, n);
	run[n] = '\0';
	*p += n;
	return true;
}

static bool
take_index(const char **p, uint64_t *ret)
{
	size_t	n = strspn(*p, "0123456789");

	if (n == 0 || n > 9 || (n > 1 && **p == '0'))
		return false;
	*ret = strtoull(*p, NULL, 10);
	*p += n;
	return true;
}

static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* A segment with its percent escapes taken out, up to a slash or the end. */
static bool
take_name(const char **p, char name[URI_NAME])
{
	size_t	n = 0;

	while (**p != '\0' && **p != '/' && n < URI_NAME - 1) {
		char	c = *(*p)++;

		if (c == '%') {
			int	high = digit((*p)[0]), low = high >= 0 ? digit((*p)[1]) : -1;

			if (low < 0 || (high == 0 && low == 0))
				return false;
			c = (char)(high * 16 + low);
			*p += 2;
		}
		name[n++] = c;
	}
	name[n] = '\0';
	return n > 0 && (**p == '\0' || **p == '/');
}

static bool
parse_run(const char *p, struct uri *u)
{
	if (!take_run(&p, u->run))
		return false;
	if (*p == '\0') {
		u->kind = URI_RUN_STATE;
		return true;
	}
	if (skip(&p, "/tests/")) {
		u->kind = URI_OUTPUT;
		return take_index(&p, &u->index) && strcmp(p, "/output") == 0;
	}
	if (!skip(&p, "/report."))
		return false;
	u->kind = URI_REPORT;
	for (unsigned f = 0; f < URI_FORMATS; f++) {
		u->format = (enum uri_format)f;
		if (strcmp(p, formats[f].name) == 0)
			return true;
	}
	return false;
}

bool
uri_parse(const char *s, struct uri *u)
{
	bool	ok = false;

	memset(u, 0, sizeof *u);
	if (!skip(&s, SCHEME))
		return false;
	if (strcmp(s, "runs") == 0 || strcmp(s, "config") == 0 || strcmp(s, "metrics") == 0) {
		u->kind = *s == 'r' ? URI_RUNS : *s == 'c' ? URI_CONFIG : URI_METRICS;
		return true;
	}
	if (skip(&s, "runs/")) {
		ok = parse_run(s, u);
	} else if (skip(&s, "tests/")) {
		u->kind = URI_HISTORY;
		ok = take_name(&s, u->name) && strcmp(s, "/history") == 0;
	}
	if (!ok)
		u->kind = URI_NONE;
	return ok;
}
