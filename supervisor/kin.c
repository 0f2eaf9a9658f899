/* Numbers the kin of a plan; see kin.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/arena.h"
#include "supervisor/kin.h"
#include "supervisor/strmap.h"

struct kin {
	struct strmap	 map;
	struct arena	 arena;		/* of its keys */
};

/* The number of suite and name part, a new one for those that were not there; or
 * STRMAP_NONE: no memory. */
static uint32_t
number(struct kin *k, struct sv suite, struct sv part)
{
	size_t		 n = suite.n + 1 + part.n;
	char		*key = arena_alloc(&k->arena, n);
	uint32_t	 at;

	if (key == NULL)
		return STRMAP_NONE;
	if (suite.n > 0)
		memcpy(key, suite.p, suite.n);
	if (part.n > 0)
		memcpy(key + suite.n + 1, part.p, part.n);
	at = strmap_get(&k->map, (struct sv){ key, n });
	if (at != STRMAP_NONE)
		return at;
	at = k->map.n;
	return strmap_put(&k->map, (struct sv){ key, n }, at) == 0 ? at : STRMAP_NONE;
}

/* What comes before the last separator. */
static struct sv
stem(struct sv name)
{
	size_t	n = name.n;

	while (n > 0 && strchr(":/.", name.p[n - 1]) == NULL)
		n--;
	return (struct sv){ name.p, n };
}

static int
number_all(struct kin *k, const struct manifest *plan, struct flake_record *v, uint32_t *count)
{
	for (uint32_t i = 0; i < plan->ntests; i++) {
		v[i].group = number(k, plan->tests[i].suite, stem(plan->tests[i].name));
		if (v[i].group == STRMAP_NONE)
			return -ENOMEM;
		count[v[i].group]++;
	}
	for (uint32_t i = 0; i < plan->ntests; i++) {
		if (count[v[i].group] >= KIN_LEAST)
			continue;
		v[i].group = number(k, plan->tests[i].suite, (struct sv){ NULL, 0 });
		if (v[i].group == STRMAP_NONE)
			return -ENOMEM;
	}
	return 0;
}

int
kin_number(const struct manifest *plan, struct flake_record *v)
{
	struct kin	 k = { .map = { .key = plan->names.key } };
	uint32_t	*count = calloc((size_t)plan->ntests + 1, sizeof *count);
	int		 r = count != NULL ? number_all(&k, plan, v, count) : -ENOMEM;

	free(count);
	strmap_free(&k.map);
	arena_free(&k.arena);
	return r;
}
