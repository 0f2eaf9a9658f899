/* Any bytes as a suite, YAML or JSON by the first: read or refused, never half. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/suite.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_test(const struct plan_test *t)
{
	assert(t->name != NULL && *t->name != '\0');
	assert(t->argv.n > 0 && *t->argv.v[0] != '\0');
	assert(t->cwd != NULL && *t->cwd == '/');
	assert(t->suite != NULL && t->source != NULL);
	assert(t->expect.n % 4 == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct suite_error e = { "" };
	struct plan	 p = { 0 };
	const char	*file;
	size_t		 first;
	int		 r;

	if (size == 0)
		return 0;
	file = data[0] % 2 == 0 ? "suite.yaml" : "suite.json";
	r = suite_parse(&p, file, "/d", (const char *)data + 1, size - 1, &e);
	assert(r == 0 ? p.ntests > 0 : p.ntests == 0 && p.name == NULL && p.slots.n == 0);
	assert((r == 0) == (e.text[0] == '\0'));
	assert(strpbrk(e.text, "\n\r\t\033") == NULL);
	for (size_t i = 0; i < p.ntests; i++)
		check_test(&p.tests[i]);
	/* The same names again are refused, and change nothing. */
	first = p.ntests;
	if (r == 0)
		assert(suite_parse(&p, file, "/d", (const char *)data + 1, size - 1, &e) < 0);
	assert(p.ntests == first);
	plan_free(&p);
	return 0;
}
