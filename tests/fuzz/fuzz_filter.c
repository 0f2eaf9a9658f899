/* Any text as a filter expression: parsed and used on two tests, or explained. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "ctl/filter.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char		*expr = xstrndup((const char *)data, size), why[512] = "";
	struct filter	*f = filter_parse(expr, why, sizeof(why));
	struct plan	 p = { 0 };
	struct plan_test *t;
	size_t		 hits = 0, lines = 0, matched = 0;

	t = plan_add(&p);
	t->name = xstrdup("a test (1)");
	t->suite = xstrdup("suite");
	t->source = xstrdup("suite.yaml:3");
	strs_add(&t->tags, "fast");
	strs_add(&t->argv, "echo");
	strs_add(&t->argv, "hello");
	t = plan_add(&p);
	t->name = xstrdup("b\xff\xc3");
	t->serial = true;
	if (f == NULL) {
		for (const char *s = why; *s != '\0'; s++)
			lines += *s == '\n';
		assert(lines == 2 && why[strlen(why) - 1] == '^');
	} else {
		for (size_t i = 0; i < p.ntests; i++)
			matched += filter_match(f, &p.tests[i]);
		plan_filter(&p, &f, 1, &hits);
		assert(hits == matched && p.ntests == matched);
	}
	filter_free(f);
	plan_free(&p);
	free(expr);
	return 0;
}
